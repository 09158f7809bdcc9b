"""Options of a command: the type, range and help text of each field of its config."""

import dataclasses
import functools
import math
import operator
import os
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

_METADATA_KEY = "ssl_voc_option"
_NOUNS = {int: "an integer", float: "a number", str: "text", Path: "a path"}
# What is read as each, of flags' texts and YAML's values.
_TAKEN = {
    int: int | str,
    float: int | float | str,
    bool: bool,
    str: str,
    Path: Path | str,
}
_BOUNDS = {
    "at least": operator.ge,
    "above": operator.gt,
    "at most": operator.le,
    "below": operator.lt,
}


def option(
    default: Any = dataclasses.MISSING,
    help: str = "",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    positional: bool = False,
) -> Any:
    """Declares a field of a config dataclass and the flag that sets it.

        @dataclasses.dataclass(frozen=True, kw_only=True)
        class PretrainConfig:
            image_size: int = option(96, "Side of a view in pixels.", minimum=32)

    Args:
        default: Value without flag. Left out, the flag is required.
        help: One sentence for `--help`.
        minimum: Smallest value allowed.
        maximum: Largest value allowed.
        above: Bound that the value must exceed.
        below: Bound that the value must stay under.
        positional: Whether the value is given by position instead of by flag, as
            the run folder of `evaluate RUN`.

    Returns:
        A `dataclasses.field` carrying all this as metadata.
    """
    bounds = dict(zip(_BOUNDS, (minimum, above, maximum, below), strict=True))
    bounds = {word: bound for word, bound in bounds.items() if bound is not None}
    metadata = {_METADATA_KEY: (help, bounds, positional)}
    return dataclasses.field(default=default, metadata=metadata)


def extended_by(name: str, settings: Mapping[str, type]) -> Callable[[type], type]:
    """Class decorator of a config whose further fields depend on one of its fields.

        @extended_by("objective", {"simclr": SimCLRSettings, "vicreg": VICRegSettings})
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class PretrainConfig:
            objective: str = option("simclr", "What is learned.")

    `PretrainConfig(objective="vicreg", variance_weight=25.0)` is an instance of both
    classes with the fields of both side by side: flags, config files and `config.yaml`
    stay flat. Several settings classes may share a name, and may state a default of
    their own for a field of the config: `epochs: int = 100`. A `__post_init__` of
    theirs calls that of `super()`. `dataclasses.replace` changes any field but `name`,
    which is a `ValueError`.

    Args:
        name: Field that chooses. Its values are the keys of `settings`.
        settings: Value of the field to the frozen dataclass of options it brings.
    """

    def extend(config_class: type) -> type:
        extensions = {
            choice: _extension(config_class, own, name, choice)
            for choice, own in settings.items()
        }
        default = config_class.__dataclass_fields__[name].default

        def new(cls: type, **values: Any) -> Any:
            choice = values.get(name, default)
            if cls is config_class and choice not in settings:
                choices = ", ".join(settings)
                raise ValueError(f"--{name}: expected one of {choices}, got {choice!r}")
            return object.__new__(extensions[choice] if cls is config_class else cls)

        config_class.extensions = name, extensions
        config_class.__new__ = new
        return config_class

    return extend


def _extension(config_class: type, own: type, name: str, choice: str) -> type:
    """Class of a config whose field `name` is `choice`, with the fields of `own`."""

    def check(self):
        value = getattr(self, name)
        if value != choice:
            raise ValueError(
                f"--{name}: expected {choice!r}, whose settings these are, got "
                f"{value!r}. Make a new {config_class.__name__}."
            )
        if hasattr(super(extension, self), "__post_init__"):
            super(extension, self).__post_init__()

    def reduce(self):
        # By the config class: pickle finds no other of this name.
        fields = dataclasses.fields(self)
        values = {field.name: getattr(self, field.name) for field in fields}
        return functools.partial(config_class, **values), ()

    extension = dataclasses.make_dataclass(
        config_class.__name__,
        [],
        bases=(own, config_class),
        namespace={"__post_init__": check, "__reduce__": reduce},
        frozen=True,
        kw_only=True,
    )
    extension.__module__ = config_class.__module__
    extension.__qualname__ = config_class.__qualname__
    return extension


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One field of a config, read from its annotation and its metadata.

    Attributes:
        name: Name of the field and of the key in a config file.
        kind: `int`, `float`, `bool`, `str` or `Path`; of one item for a tuple.
        choices: Values of a `Literal`, else empty.
        optional: Whether `None` is a value.
        count: Number of items: 1 for a plain value, n for `tuple[X, X]`, -1 for
            `tuple[X, ...]`, whose flag may be repeated.
        default: `dataclasses.MISSING` for a required field.
        help: One sentence.
        bounds: Bounds of a number by their words, as `{"at least": 32}`.
        positional: Whether it is given by position.
    """

    name: str
    kind: type
    choices: tuple[str, ...]
    optional: bool
    count: int
    default: Any
    help: str
    bounds: Mapping[str, float]
    positional: bool

    @property
    def flag(self) -> str:
        """The flag as it is typed, or the upper-case name of a positional one."""
        if self.positional:
            return self.name.upper()
        return "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING

    @property
    def range(self) -> str:
        """The bounds in words, empty without."""
        return " and ".join(f"{word} {bound}" for word, bound in self.bounds.items())

    @property
    def expected(self) -> str:
        """What a value must be, as words for an error message."""
        if self.choices:
            words = "one of " + ", ".join(self.choices)
        elif self.kind is bool:
            words = "true or false"
        else:
            words = _NOUNS[self.kind]
            if self.bounds:
                words += f" {'of ' * self.range.startswith('at')}{self.range}"
        if self.count > 1:
            words = f"{self.count} values, each {words}"
        return words + (" or none" if self.optional else "")

    def convert(self, value: Any) -> Any:
        """Turns a flag's text or a config file's value into the field's value.

        Args:
            value: Text, a YAML scalar, or a sequence of those for a tuple.

        Returns:
            The value in the field's type.

        Raises:
            ValueError: Naming what was expected and what came.
        """
        if self.optional and (value is None or value == "none"):
            return None
        if self.count == 1:
            return self._convert_item(value)
        items = value if isinstance(value, list | tuple) else [value]
        if self.count > 1 and len(items) != self.count or not items and self.required:
            raise self._unexpected(value)
        return tuple(self._convert_item(item) for item in items)

    def _convert_item(self, item: Any) -> Any:
        # YAML's `true` is no integer, although int() takes it; 1e-3, without a dot, is
        # text to it.
        known = isinstance(item, _TAKEN[self.kind]) and item != ""
        if not known or isinstance(item, bool) != (self.kind is bool):
            raise self._unexpected(item)
        try:
            converted = self.kind(item)
        except (ValueError, OverflowError):
            raise self._unexpected(item) from None
        if self.kind is Path:
            return Path(os.path.expanduser(converted))
        inside = [_BOUNDS[word](converted, b) for word, b in self.bounds.items()]
        inside += [self.kind is not float or math.isfinite(converted)]
        if not all(inside) or converted not in (self.choices or [converted]):
            raise self._unexpected(item)
        return converted

    def _unexpected(self, value: Any) -> ValueError:
        return ValueError(f"expected {self.expected}, got {value!r}")


def options_of(config_class: type) -> dict[str, Option]:
    """Reads the options of a config dataclass by name, in the order of its fields.

    Raises:
        TypeError: For an annotation that no flag can carry.
    """
    annotations = typing.get_type_hints(config_class)
    return {
        field.name: _read_field(config_class, field, annotations[field.name])
        for field in dataclasses.fields(config_class)
    }


def _read_field(
    config_class: type, field: dataclasses.Field, annotation: Any
) -> Option:
    # A subclass that gives but another default keeps the help and the bounds.
    declared = (
        vars(base).get("__dataclass_fields__", {}).get(field.name, field).metadata
        for base in config_class.__mro__
    )
    help, bounds, positional = next(
        (metadata[_METADATA_KEY] for metadata in declared if metadata),
        ("", {}, False),
    )
    members = [a for a in typing.get_args(annotation) if a is not type(None)]
    # A union of two real types has no reading as a flag and is refused below.
    optional = len(members) == 1 and type(None) in typing.get_args(annotation)
    item, count = members[0] if optional else annotation, 1
    if typing.get_origin(item) is tuple:
        items = typing.get_args(item)
        item, count = items[0], -1 if items[-1] is Ellipsis else len(items)
    choosing, extensions = getattr(config_class, "extensions", (None, {}))
    choices = typing.get_args(item) if typing.get_origin(item) is Literal else ()
    choices = tuple(extensions) if field.name == choosing else choices
    kind = str if choices else item
    if kind not in _TAKEN:
        raise TypeError(
            f"Field `{field.name}` must be int, float, bool, str, Path, a Literal of "
            f"texts, a tuple of one of those, or `X | None`. Received: {annotation}"
        )
    return Option(
        *(field.name, kind, choices, optional, count, field.default),
        *(help, bounds, positional),
    )
