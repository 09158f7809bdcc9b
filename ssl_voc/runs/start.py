"""Start of a command's run: accelerators, run folder, list of settings."""

import contextlib
from collections.abc import Iterator
from typing import Any

from ssl_voc.cli.config_file import describe_config
from ssl_voc.cli.native_log_filter import filter_native_logs
from ssl_voc.runs.run_folder import RunFolder


def load_framework() -> None:
    """Loads Keras and its backend, whose first look for accelerators is noisy."""
    with filter_native_logs():
        from ssl_voc import devices

        devices.accelerators()


@contextlib.contextmanager
def open_run(config: Any, command: str) -> Iterator[RunFolder]:
    """Loads Keras, opens the run folder of a command and prints the settings.

    Args:
        config: The command's config, with `out` filled in.
        command: Name of the command.

    Yields:
        The `RunFolder`, locked inside the block.

    Raises:
        BadInput: If the run may not start in the folder, see `RunFolder.open`.
    """
    load_framework()
    with RunFolder.open(config.out, config, command, config.overwrite) as folder:
        print(describe_config(config))
        print(
            f"{'resuming' if folder.resuming else 'writing'} {folder.path}", flush=True
        )
        yield folder
