"""Cells, groups and protocol lines of the printed tables."""

import textwrap

import numpy as np


def format_cell(value, width=0):
    """A number with three decimals, right-aligned; a dash for None and nan."""
    known = value is not None and not np.isnan(value)
    return f"{f'{value:.3f}' if known else '-':>{width}}"


def group_lines(groups, counted, labels):
    """Lines of a table with a row for each member of some groups.

    Args:
        groups: Dictionary from the title of a group, such as `"class"`, to its rows: a
            dictionary from names to dictionaries of numbers.
        counted: Head and key of what a row counts, such as `"photos", "num_images"`.
        labels: Heads of the columns by their keys; a row may lack some.
    """
    head, key = counted
    names = [f"  {name}" for rows in groups.values() for name in rows]
    width = max(map(len, names))  # titles stand alone
    heads = [f"{label:>5}" for label in labels.values()]
    lines = [f"{'':{width}}  {head}  " + "  ".join(heads)]
    for title, rows in groups.items():
        lines.append(title)
        for name, row in rows.items():
            cells = [f"  {name}".ljust(width), f"{row[key]:{len(head)}}"]
            cells += [
                format_cell(row[column], len(text))
                if column in row
                else " " * len(text)
                for column, text in zip(labels, heads, strict=True)
            ]
            lines.append("  ".join(cells).rstrip())
    return lines


def protocol_lines(protocol, titles, width=14):
    """What each measure means, wrapped, with its name at the left.

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
