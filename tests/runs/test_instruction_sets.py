"""Instruction sets by the names that people know."""

import pathlib

import numpy
import pytest

from ssl_voc.runs.instruction_sets import instruction_sets


@pytest.mark.parametrize(
    ("baseline", "found", "names"),
    [
        (["X86_V2"], ["X86_V3"], ("AVX2",)),
        (["X86_V2"], ["X86_V3", "X86_V4", "AVX512_ICL"], "AVX2 AVX-512 AVX512_ICL"),
        (["X86_V2", "X86_V3"], [], ("AVX2",)),  # a NumPy built for this CPU
        (["NEON", "ASIMD"], ["ASIMDHP"], ("NEON", "ASIMD", "ASIMDHP")),
    ],
)
def test_levels_of_x86_have_the_names_of_their_instructions(
    monkeypatch, baseline, found, names
):
    config = {"SIMD Extensions": {"baseline": baseline, "found": found}}
    monkeypatch.setattr(numpy, "show_config", lambda mode: config)
    expected = tuple(names.split()) if isinstance(names, str) else names
    assert instruction_sets() == expected


def test_they_are_those_of_this_cpu():
    """By the list of the kernel, where there is one."""
    path = pathlib.Path("/proc/cpuinfo")
    text = path.read_text() if path.is_file() else ""
    if "flags" not in text:
        pytest.skip("no x86-64 CPU under Linux")
    flags = text.partition("flags")[2].splitlines()[0].split()
    assert ("AVX2" in instruction_sets()) == ("avx2" in flags)
    assert ("AVX-512" in instruction_sets()) == ("avx512vl" in flags)
