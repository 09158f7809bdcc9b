"""Configs as YAML: reading `--config FILE` and writing `config.yaml`."""

import dataclasses
from pathlib import Path
from typing import Any

from ssl_voc.cli.errors import BadInput


def read_config_file(path: Path) -> dict[str, Any]:
    """Reads a flat YAML mapping.

    Returns:
        Key to value as YAML reads it. Empty for an empty file.

    Raises:
        BadInput: If the file cannot be read or is not such a mapping.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--config: cannot read {path}: {error}") from error
    try:
        values = yaml.load(text, Loader=_unique_key_loader())
    except yaml.YAMLError as error:
        raise BadInput(f"--config: {path} is not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise BadInput(
            f"--config: {path} must hold lines of `name: value`, such as "
            f"`image_size: 96`, got {type(values).__name__}"
        )
    return values


def config_to_dict(config: Any) -> dict[str, Any]:
    """Turns a config dataclass into plain values that YAML and JSON can hold."""
    return {
        field.name: _plain(getattr(config, field.name))
        for field in dataclasses.fields(config)
    }


def config_to_yaml(values: dict[str, Any]) -> str:
    """Writes plain values as YAML that `read_config_file` reads back."""
    import yaml

    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def describe_config(config: Any) -> str:
    """Lists every value of a config as resolved, one aligned line each."""
    values = config_to_dict(config)
    width = max((len(name) for name in values), default=0)
    return "\n".join(
        f"{name:<{width}}  {_readable(value)}" for name, value in values.items()
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _readable(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def _unique_key_loader():
    import yaml

    class UniqueKeyLoader(yaml.SafeLoader):
        """Refuses a key given twice, of which YAML would keep the last in silence."""

        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(
                        problem=f"the key {key!r} appears twice",
                        problem_mark=node.start_mark,
                    )
            return super().construct_mapping(node, deep)

    return UniqueKeyLoader
