"""Config files in YAML: reading `--config FILE`, writing `config.yaml`."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from ssl_voc.cli.errors import BadInput


def read_config_file(path: Path, flag: str = "--config") -> dict[str, Any]:
    """Reads a flat YAML mapping.

    Args:
        path: The file.
        flag: The argument that named it, for messages.

    Returns:
        Key to value as YAML reads it. Empty for an empty file.

    Raises:
        BadInput: If the file cannot be read or is not such a mapping.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{flag}: cannot read {path}: {error}") from error
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"{flag}: {path} is not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise BadInput(
            f"{flag}: {path} must hold lines of `name: value`, such as "
            f"`image_size: 96`, got {type(values).__name__}"
        )
    # YAML keeps the last of two values in silence.
    keys = [key.value for key, _ in yaml.compose(text).value]
    repeated = [key for key in values if keys.count(key) > 1]
    if repeated:
        raise BadInput(f"{flag}: {path}: the key {repeated[0]!r} appears twice")
    return values


def config_to_dict(config: Any) -> dict[str, Any]:
    """Turns a config dataclass into plain values that YAML and JSON can hold."""
    # JSON makes lists of tuples and, by `str`, texts of paths.
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def config_to_yaml(values: dict[str, Any]) -> str:
    """Writes plain values as YAML that `read_config_file` reads back."""
    import yaml

    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def describe_config(config: Any) -> str:
    """Lists the values of a config that differ from the defaults, a line each."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    values = {
        name: value
        for name, value in config_to_dict(config).items()
        if getattr(config, name) != defaults[name]
    }
    width = max(map(len, values), default=0)
    return "\n".join(
        f"{name:<{width}}  {format_value(values[name])}" for name in values
    )


def format_value(value: Any) -> str:
    """Writes a value as a flag takes it; true, false and none by these words."""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
