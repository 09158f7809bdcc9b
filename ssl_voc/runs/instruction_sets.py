"""Instruction sets of the CPU that decide how fast kernels are."""

# Of NumPy's names, which group them by the levels of x86-64.
_NAMES = {"X86_V3": "AVX2", "X86_V4": "AVX-512"}
_LEVELS_OF_ALL = ("X86_V2",)


def instruction_sets() -> tuple[str, ...]:
    """Names such as `("AVX2", "AVX-512", "AVX512_ICL")`, the oldest first.

    NumPy, which has kernels for them, looks on every platform; another architecture's
    are those that it names.
    """
    import numpy

    found = numpy.show_config(mode="dicts")["SIMD Extensions"]
    names = [*found.get("baseline", ()), *found.get("found", ())]
    return tuple(_NAMES.get(name, name) for name in names if name not in _LEVELS_OF_ALL)
