"""Command line parser: flags, then the file of `--config`, then the defaults."""

import argparse
import collections
import itertools
import os
import shutil
import sys
import textwrap
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ssl_voc.cli.config_file import format_value, read_config_file
from ssl_voc.cli.errors import BadInput, did_you_mean
from ssl_voc.cli.options import Option, options_of

# Columns of `--help` where no terminal is narrower.
_WIDTH = 88


def parse(
    config_class: type,
    argv: Sequence[str] | None,
    command: str,
    description: str,
) -> Any:
    """Parses a command line into a config.

    Args:
        config_class: Dataclass whose fields are options (`ssl_voc.cli.options`).
        argv: Arguments after the command's name. `None` reads `sys.argv`.
        command: Name of the command as in `python -m ssl_voc.COMMAND`.
        description: First lines of `--help`.

    Returns:
        A `config_class` with every value set.

    Raises:
        BadInput: For a flag, key or value that does not fit, in one line.
        SystemExit: With status 0, after `--help`.
    """
    choosing, extensions = getattr(config_class, "extensions", (None, {}))
    options = options_of(config_class)
    extended = {choice: options_of(each) for choice, each in extensions.items()}
    known = dict(collections.ChainMap(options, *extended.values()))
    texts = _split(known, sys.argv[1:] if argv is None else argv)
    if texts.pop("help", False):
        shown = extended
        if choosing in texts:
            item = options[choosing]
            choice = _convert(item, item.flag, texts[choosing])
            shown = {choice: extended[choice]}
        print(_format_help(config_class, shown, command, description))
        raise SystemExit(0)
    given = _read_recorded(texts, known)
    given |= _read_values(texts.pop("config", None), known)
    # One says how long, the other said how long.
    for name, other in (("epochs", "time"), ("time", "epochs")):
        if texts.get(name, "none") != "none":
            given.pop(other, None)
    given |= {name: (known[name].flag, text) for name, text in texts.items()}
    if choosing:
        choice, flag = options[choosing].default, options[choosing].flag
        if choosing in given:
            choice = _convert(options[choosing], *given[choosing])
        _refuse_foreign(given, texts, extended, flag, choice)
        config_class, options = extensions[choice], extended[choice]
    values = {name: _convert(options[name], *each) for name, each in given.items()}
    for item in options.values():
        if item.required and item.name not in values:
            raise BadInput(
                f"{item.flag}: required. Expected {item.expected}. "
                f"See python -m ssl_voc.{command} --help"
            )
    try:
        return config_class(**values)
    except ValueError as error:
        # Raised by the config's own __post_init__, where values must fit each other.
        raise BadInput(str(error)) from error


def _split(known: Mapping[str, Option], argv: Iterable[str]) -> dict[str, Any]:
    """Returns the texts by name, of the flags and positional values that were given."""
    parser = _command_parser({"options": known.values()})
    argv = list(map(str, argv))
    named, others = parser.parse_known_args(argv)
    texts, actions = vars(named), parser._option_string_actions
    end = others.index("--") if "--" in others else len(others)
    for text in others[:end]:
        if text.startswith("-") and text != "-":
            hint = did_you_mean(text.partition("=")[0], actions)
            raise BadInput(f"{text}: no such option.{hint}")
        if _assigned(text, known) and not os.path.exists(text):
            raise _unexpected(text, known)
    _refuse_values_of_switches(actions, argv)
    others = others[:end] + others[end + 1 :]
    for item in known.values():
        if item.positional and others and item.count < 0:
            texts[item.name] = others[:] + texts.get(item.name, [])
            others.clear()
        elif item.positional and others and item.name not in texts:
            texts[item.name] = others.pop(0)
    if others:
        raise _unexpected(others[0], known)
    return texts


def _unexpected(text: str, known: Mapping[str, Option]) -> BadInput:
    """The error for an argument that belongs to no flag, with what was meant."""
    hint = "Most flags take one value; to repeat one, write --data A --data B."
    if item := _assigned(text, known):
        hint = f"Did you mean {item.flag}?"
    return BadInput(f"unexpected argument {text!r}. {hint}")


def _assigned(text: str, known: Mapping[str, Option]) -> Option | None:
    """The option that `NAME=VALUE` names, without the dashes of its flag."""
    name, is_assigned, _ = text.partition("=")
    return known.get(name.replace("-", "_")) if is_assigned else None


def _refuse_values_of_switches(
    actions: Mapping[str, argparse.Action], argv: Iterable[str]
) -> None:
    """Refuses `--draw False`, whose word would be taken for a photo."""
    for flag, text in itertools.pairwise(itertools.takewhile("--".__ne__, argv)):
        action = actions.get(flag)
        is_word = text.lower() in ("true", "false") and not os.path.exists(text)
        if is_word and isinstance(action, argparse.BooleanOptionalAction):
            forms = " or ".join(action.option_strings)
            raise BadInput(f"{flag}: takes no value, got {text!r}. Write {forms}.")


def _read_recorded(
    texts: dict[str, Any], known: Mapping[str, Option]
) -> dict[str, tuple[str, Any]]:
    """Returns (place, value) by key of the run that `--resume` names; takes it off."""
    if "resume" not in texts:
        return {}
    run = Path(os.path.expanduser(texts.pop("resume")))
    for name in ("config", "out", "overwrite"):
        if texts.get(name):
            raise BadInput(f"--resume and --{name} exclude each other")
    file = run / "config.yaml"
    if not file.is_file():
        names = [path.parent.name for path in run.parent.glob("*/config.yaml")]
        hint = did_you_mean(run.name, names, lambda name: run.parent / name)
        what = "holds no run of this program" if run.exists() else "does not exist"
        raise BadInput(f"--resume: {run} {what}.{hint}")
    values = read_config_file(file, "--resume")
    values |= {"out": str(run), "overwrite": False}
    # What an older version recorded, and this one has no setting for, changes nothing.
    return {
        key: (f"{file}: {key}", value) for key, value in values.items() if key in known
    }


def _read_values(
    file: str | None, known: Mapping[str, Option]
) -> dict[str, tuple[str, Any]]:
    """Returns (place, value) by key of a config file."""
    values = {}
    if file is not None:
        values = read_config_file(Path(os.path.expanduser(file)))
    for key in values:
        if key not in known:
            hint = did_you_mean(key.replace("-", "_"), known)
            raise BadInput(f"{file}: unknown key {key!r}.{hint}")
    return {key: (f"{file}: {key}", value) for key, value in values.items()}


def _refuse_foreign(
    given: dict[str, tuple[str, Any]],
    texts: Mapping[str, Any],
    extended: Mapping[str, Mapping[str, Option]],
    flag: str,
    choice: str,
) -> None:
    """Refuses settings of another choice, but drops defaults that a file recorded."""
    for name in given.keys() - extended[choice].keys():
        owners = {other: own[name] for other, own in extended.items() if name in own}
        place, value = given.pop(name)
        if name in texts or all(
            _convert(item, place, value) != item.default for item in owners.values()
        ):
            raise BadInput(
                f"{place}: a setting of {flag} {' and '.join(owners)}; {flag} {choice} "
                f"does not use it, got {value}"
            )


def _convert(item: Option, place: str, value: Any) -> Any:
    try:
        return item.convert(value)
    except ValueError as error:
        raise BadInput(f"{place}: {error}") from None


class _Parser(argparse.ArgumentParser):
    """Splits a command line into texts, and lays out `--help`."""

    def __init__(self, groups: Mapping[str, Iterable[Option]], **settings: Any):
        super().__init__(
            add_help=False,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=32, width=_width()
            ),
            **settings,
        )
        self.groups = [*map(self.add_argument_group, groups)]
        for group, options in zip(self.groups, groups.values(), strict=True):
            self._add_options(group, options)

    def _add_options(self, group: Any, options: Iterable[Option]) -> None:
        for item in options:
            if item.kind is bool:
                arguments = {"action": argparse.BooleanOptionalAction}
            else:
                arguments = {
                    "action": "append" if item.count < 0 else "store",
                    "nargs": item.count if item.count > 1 else None,
                    "metavar": _metavar(item),
                }
            # The name of a positional value, as a flag, is understood, too.
            flag = "--" + item.name.replace("_", "-")
            shown = argparse.SUPPRESS if item.positional else _help_text(item)
            group.add_argument(flag, help=shown, **arguments)

    def error(self, message: str) -> NoReturn:
        raise BadInput(message.removeprefix("argument "))


def _command_parser(groups: Mapping[str, Iterable[Option]], **settings: Any) -> _Parser:
    parser = _Parser(groups, **settings)
    names = {option.name for options in groups.values() for option in options}
    common = parser.groups[0]
    common.add_argument(
        "--config",
        metavar="FILE",
        help="YAML file of `name: value` lines; flags win over it.",
    )
    if "epochs" in names:
        common.add_argument(
            "--resume",
            metavar="RUN",
            help="Go on with the run of this folder, by its own settings.",
        )
    common.add_argument("-h", "--help", action="store_true", help="Show this text.")
    return parser


def _format_help(
    config_class: type,
    extended: Mapping[str, Mapping[str, Option]],
    command: str,
    description: str,
) -> str:
    """Lays out `--help`, with the settings of the choices in `extended`."""
    options = options_of(config_class)
    own = {
        choice: {n: each for n, each in all_of_it.items() if each != options.get(n)}
        for choice, all_of_it in extended.items()
    }
    if len(own) == 1:
        # A default of the one choice stands there alone, not beside that of the others.
        (of_it,) = own.values()
        options = {name: o for name, o in options.items() if name not in of_it}
    operands = [
        o.flag + "..." * (o.count < 0) for o in options.values() if o.positional
    ]
    parts = [
        _command_parser(
            _groups(config_class, options),
            usage=" ".join([f"python -m ssl_voc.{command}", "[OPTIONS]", *operands]),
            description=_fit(description),
        )
    ]
    for choice, of_it in own.items():
        title = f"options of {options[config_class.extensions[0]].flag} {choice}"
        parts.append(_Parser({title: of_it.values()}, usage=argparse.SUPPRESS))
    return "\n".join(part.format_help().strip("\n") + "\n" for part in parts)


def _groups(
    config_class: type, options: Mapping[str, Option]
) -> dict[str, list[Option]]:
    """The options by the titles that `--help` gives them, in its order."""
    if named := getattr(config_class, "help_groups", None):
        return {title: [options[n] for n in names] for title, names in named.items()}
    # What a command has of its own stands above what it shares with others.
    shared = set().union(*map(typing.get_type_hints, config_class.__mro__[1:]))
    return {"options": sorted(options.values(), key=lambda item: item.name in shared)}


def _width() -> int:
    columns = shutil.get_terminal_size((_WIDTH + 2, 0)).columns
    return min(_WIDTH, max(22, columns) - 2)


def _fit(description: str) -> str:
    """Breaks lines anew for a terminal that is too narrow for them."""
    width = _width()
    if width == _WIDTH:
        return description
    paragraphs = description.split("\n\n")
    return "\n\n".join(textwrap.fill(each, width) for each in paragraphs)


def _metavar(item: Option) -> str | tuple[str, ...]:
    names = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}
    name = "|".join(item.choices) or names[item.kind]
    return (name,) * item.count if item.count > 1 else name


def _help_text(item: Option) -> str:
    default = "required"
    if not item.required:
        default = f"default: {format_value(item.default)}"
    notes = [item.range, "may be repeated" * (item.count < 0), default]
    text = f"{item.help} [{'; '.join(filter(None, notes))}]"
    return text.replace("%", "%%")
