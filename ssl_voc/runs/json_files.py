"""Files of strict JSON, and logs of one JSON object a line."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.atomic_files import write_text


def to_json(value: Any, indent: int | None = None) -> str:
    """Writes `value` as JSON that any reader accepts.

    Numbers that are nan or infinite become null, since JSON has no word for them.

    Args:
        value: Mappings, sequences, texts, paths, numbers, NumPy scalars and arrays.
        indent: Spaces per level; `None` writes one line.
    """
    return json.dumps(_plain(value), indent=indent, allow_nan=False, ensure_ascii=False)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as `to_json` spells it, replacing `path` at once."""
    write_text(path, to_json(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Reads a file of JSON.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is damaged.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def read_json_dict(path: Path) -> dict[str, Any]:
    """Reads a JSON object; empty if the file is missing, damaged or no object."""
    try:
        value = read_json(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Reads a file of one JSON object a line; empty if there is no file.

    A last line that a kill cut short is left out.

    Raises:
        BadInput: If another line is damaged.
    """
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    complete, _, _ = text.rpartition("\n")
    rows = []
    # Not by `splitlines`: texts may hold what else Unicode calls a line break.
    for number, line in enumerate(complete.split("\n"), start=1):
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError:
            row = line
        if isinstance(row, dict):
            rows.append(row)
        elif row is not None:
            raise BadInput(
                f"{path}, line {number}: expected a JSON object, found {line[:60]!r}. "
                "Bring the file back, or begin anew with --overwrite."
            )
    return rows


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays.
        return _plain(value.tolist())
    raise TypeError(
        "JSON holds mappings, sequences, texts and numbers. "
        f"Received: {type(value).__name__}"
    )
