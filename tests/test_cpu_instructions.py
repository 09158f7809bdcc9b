"""The arithmetic of the benchmark of oneDNN, and what it says of the machine."""

import os

from benchmarks.cpu_instructions import format_row, summarize
from benchmarks.machine import describe_machine


def turns(off, on):
    """Seconds of a step; by CPU time twice as many, four with oneDNN."""
    return {
        "off": {"seconds": off, "cpu_seconds": 2 * off},
        "on": {"seconds": on, "cpu_seconds": 4 * on},
    }


def test_gain_is_the_median_of_the_rounds_own_ratios():
    # Ratios 2, 1.5 and 3; of the medians, 4 / 2, it would be 2 as well.
    row = summarize([turns(4.0, 2.0), turns(3.0, 2.0), turns(9.0, 3.0)])
    assert row["gain_seconds"] == {"median": 2.0, "low": 1.5, "high": 3.0}
    assert row["gain_cpu_seconds"] == {"median": 1.0, "low": 0.75, "high": 1.5}


def test_line_has_speeds_of_the_median_round():
    row = summarize([turns(4.0, 2.0), turns(3.0, 2.0), turns(9.0, 3.0)])
    workload = ("pretrain", "EfficientNetB1", 96, 32)
    line = format_row({"workload": workload, "kind": "this CPU", **row})
    # 32 images in 4 s, and in 2 s.
    assert "96 px: 8.0 a second without oneDNN, 16.0 with it; 2.00 (1.50" in line


def test_machine_is_told_with_cores_and_instruction_sets(monkeypatch):
    monkeypatch.setattr("benchmarks.machine.instruction_sets", lambda: ("AVX2",))
    assert describe_machine().endswith(f", {os.cpu_count()} cores, AVX2")
    monkeypatch.setattr("benchmarks.machine.instruction_sets", lambda: ())
    assert describe_machine().endswith("instruction sets unknown")
