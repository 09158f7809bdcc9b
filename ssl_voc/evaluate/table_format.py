"""Cells and protocol lines of the printed tables."""

import textwrap

import numpy as np


def protocol_lines(protocol, titles, width=14):
    """What each figure means, wrapped, with its name at the left.

    Args:
        protocol: Dictionary of texts.
        titles: Dictionary of names for its keys; a key without one is its own.
        width: Of the column of names.
    """
    return [
        line
        for key, text in protocol.items()
        for line in textwrap.wrap(
            text,
            88,
            initial_indent=f"{titles.get(key, key):{width}}",
            subsequent_indent=" " * width,
        )
    ]


def format_cell(value, width):
    """A figure with three decimals, right-aligned; a dash for nan."""
    return f"{'-' if np.isnan(value) else f'{value:.3f}':>{width}}"
