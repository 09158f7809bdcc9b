"""What the figures of a benchmark were measured on."""

import os
import platform

from ssl_voc.runs.instruction_sets import instruction_sets


def describe_machine():
    """Platform, number of cores and the CPU's instruction sets, on one line."""
    sets = ", ".join(instruction_sets()) or "instruction sets unknown"
    return f"{platform.platform()}, {os.cpu_count()} cores, {sets}"
