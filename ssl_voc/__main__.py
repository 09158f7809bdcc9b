"""List of commands: `python -m ssl_voc COMMAND`, and the console script `ssl-voc`."""

import contextlib
import importlib
import sys
from collections.abc import Sequence

import ssl_voc
from ssl_voc.cli.command import flush_output, open_missing_streams
from ssl_voc.cli.errors import EXIT_BAD_INPUT, EXIT_DONE, did_you_mean

COMMANDS = (
    "inspect",
    "pretrain",
    "finetune",
    "evaluate",
    "compare",
    "explain",
    "study",
    "export",
    "predict",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command, or lists them all.

    Args:
        argv: Name of a command and its arguments; `None` reads those of the process.

    Returns:
        Exit status of the command; 2 for one that does not exist.
    """
    open_missing_streams()
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        return importlib.import_module(f"ssl_voc.{name}").main(arguments)
    if name == "--version":
        print(f"ssl-voc {ssl_voc.__version__}")
        return EXIT_DONE
    if name in ("--help", "-h", "help"):
        with contextlib.suppress(OSError):
            print(_format_commands())
        flush_output()
        return EXIT_DONE
    hint = did_you_mean(name, COMMANDS) or f" Expected: {', '.join(COMMANDS)}."
    print(f"error: {name}: no such command.{hint}", file=sys.stderr)
    return EXIT_BAD_INPUT


def _format_commands() -> str:
    width = max(map(len, COMMANDS))
    lines = ["usage: ssl-voc COMMAND [OPTIONS], or python -m ssl_voc COMMAND", ""]
    lines += [ssl_voc.__doc__.splitlines()[0], "", "commands:"]
    for name in COMMANDS:
        package = importlib.import_module(f"ssl_voc.{name}")
        lines.append(f"  {name:<{width}}  {package.__doc__.splitlines()[0]}")
    return "\n".join([*lines, "", "ssl-voc COMMAND --help lists its options."])


if __name__ == "__main__":
    sys.exit(main())
