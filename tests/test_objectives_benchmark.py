"""The arithmetic of the benchmark of objectives, and that it has a row for each."""

from benchmarks.objectives import REFERENCE, ROWS, format_row, summarize
from ssl_voc.pretrain.objectives.registry import OBJECTIVES


def turn(seconds, cpu_seconds, peak):
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_memory_gib": peak}


ROUNDS = [
    {REFERENCE: turn(1.0, 2.0, 1.5), "byol": turn(2.0, 3.0, 1.0)},
    {REFERENCE: turn(2.0, 2.0, 1.5), "byol": turn(3.0, 3.0, 2.0)},
    {REFERENCE: turn(1.0, 2.0, 1.5), "byol": turn(3.0, 5.0, 2.0)},
]


def test_ratios_are_of_the_same_round():
    row = summarize(ROUNDS, "byol")
    assert row["ratio_seconds"] == {"median": 2.0, "low": 1.5, "high": 3.0}
    assert row["ratio_cpu_seconds"] == {"median": 1.5, "low": 1.5, "high": 2.5}
    assert row["peak_memory_gib"] == 2.0


def test_line_tells_ratios_by_both_clocks_and_the_memory():
    line = format_row("byol", summarize(ROUNDS, "byol"))
    assert "2.00 (1.50 to 3.00) by the clock, 1.50 (1.50 to 2.50) by CPU time" in line
    assert line.endswith("2.00 GiB")


def test_every_objective_without_labels_has_a_row():
    without = {name for name, each in OBJECTIVES.items() if not each.uses_labels}
    assert without == {arguments[1] for arguments in ROWS.values()}
