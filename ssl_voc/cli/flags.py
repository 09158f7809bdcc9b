"""Typed flags: a frozen dataclass of options becomes a command line.

    @dataclass(frozen=True, kw_only=True)
    class PretrainConfig:
        data: tuple[str, ...] = option(help="Photos to learn from.")
        image_size: int = option(96, "Side of a view in pixels.", minimum=32)

    config = parse(PretrainConfig, ["--data", "photos"], "pretrain", "Pretrains.")

A value comes from its flag, else from the file of `--config`, else from its default.
"""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.options import Option, option, options_of

__all__ = ["option", "parse"]


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
    options = options_of(config_class)
    given, config_file = _read_command_line(options, argv, command, description)
    values = {}
    if config_file is not None:
        values.update(_read_values(config_file, options))
    for item in options:
        if item.name in given:
            values[item.name] = _convert(item, given[item.name], item.flag)
    missing = [o for o in options if o.required and o.name not in values]
    if missing:
        raise BadInput(
            f"{missing[0].flag}: required. Expected {missing[0].expected}. "
            f"See python -m ssl_voc.{command} --help"
        )
    return _build(config_class, values)


def _build(config_class: type, values: dict[str, Any]) -> Any:
    try:
        return config_class(**values)
    except ValueError as error:
        # Raised by the config's own __post_init__, where values must fit each other.
        raise BadInput(str(error)) from error


def _convert(item: Option, value: Any, place: str) -> Any:
    try:
        return item.convert(value)
    except ValueError as error:
        raise BadInput(f"{place}: {error}") from None


def _read_values(path: Path, options: Iterable[Option]) -> dict[str, Any]:
    by_name = {item.name: item for item in options}
    values = {}
    for key, value in read_config_file(path).items():
        if key not in by_name:
            close = difflib.get_close_matches(key.replace("-", "_"), by_name, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise BadInput(f"{path}: unknown key {key!r}.{hint}")
        values[key] = _convert(by_name[key], value, f"{path}: {key}")
    return values


def _read_command_line(
    options: Sequence[Option],
    argv: Sequence[str] | None,
    command: str,
    description: str,
) -> tuple[dict[str, Any], Path | None]:
    """Returns the raw texts by field, of the flags that were given, and `--config`."""
    import sys

    import click

    argv = list(sys.argv[1:] if argv is None else map(str, argv))
    parameters = [_click_parameter(item) for item in options]
    parameters.append(
        click.Option(
            ["--config", "config_file"],
            metavar="FILE",
            help="YAML file of `name: value` lines; flags win over it.",
        )
    )
    parser = click.Command(command, params=parameters, help=description)
    try:
        context = parser.make_context(
            f"python -m ssl_voc.{command}",
            argv,
            max_content_width=100,
        )
    except click.exceptions.Exit as end:
        raise SystemExit(end.exit_code) from None
    except click.ClickException as error:
        raise BadInput(error.format_message()) from None
    source = click.core.ParameterSource.COMMANDLINE
    texts = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is source
    }
    config_file = texts.pop("config_file", None)
    return texts, None if config_file is None else Path(config_file)


def _click_parameter(item: Option):
    import click

    if item.positional:
        # A missing one is reported with all others, after the config file was read.
        return click.Argument(
            [item.name],
            type=click.UNPROCESSED,
            nargs=item.count,
            required=False,
            metavar=item.name.upper() + "..." * (item.count < 0),
        )
    arguments = {"help": _help_text(item), "type": click.UNPROCESSED}
    if item.kind is bool:
        return click.Option(
            [f"{item.flag}/--no-{item.flag[2:]}", item.name],
            default=None,
            help=arguments["help"],
        )
    return click.Option(
        [item.flag, item.name],
        multiple=item.count < 0,
        nargs=max(1, item.count),
        default=None,
        metavar=_metavar(item),
        **arguments,
    )


def _metavar(item: Option) -> str:
    if item.choices:
        return "|".join(item.choices)
    names = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}
    return " ".join([names[item.kind]] * max(1, item.count))


def _help_text(item: Option) -> str:
    notes = []
    if str(item.bounds):
        notes.append(str(item.bounds))
    if item.count < 0:
        notes.append("may be repeated")
    if item.required:
        notes.append("required")
    else:
        notes.append(f"default: {_readable_default(item)}")
    return f"{item.help}  [{'; '.join(notes)}]"


def _readable_default(item: Option) -> str:
    default = item.default
    if item.kind is bool:
        return item.flag if default else f"--no-{item.flag[2:]}"
    if isinstance(default, tuple):
        return " ".join(map(str, default)) or "none"
    return "none" if default is None else str(default)
