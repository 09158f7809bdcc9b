"""Start of a command's run: accelerators, run folder, list of settings."""

import contextlib
import functools
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssl_voc.cli.config_file import describe_config
from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.native_log_filter import filter_native_logs
from ssl_voc.runs.environment import current_backend
from ssl_voc.runs.instruction_sets import instruction_sets
from ssl_voc.runs.onednn import VARIABLE, choose_onednn
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.runs.start_rules import begun_manifest


def load_framework(device: str = "auto") -> None:
    """Loads Keras and its backend, whose first look for accelerators is noisy.

    Args:
        device: `"auto"`, for all accelerators, `"cpu"`, `"gpu"`, or the numbers of
            GPUs, such as `"0,1"`, among those that `CUDA_VISIBLE_DEVICES` names where
            a scheduler has set it. A backend that is loaded already has chosen.

    Raises:
        BadInput: when a GPU is asked for and there is none.
    """
    visible = _visible_gpus()
    if device == "cpu":
        os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    elif device not in ("auto", "gpu"):
        os.environ["CUDA_VISIBLE_DEVICES"] = _choose_gpus(device, visible)
    with filter_native_logs():
        from ssl_voc import devices

        number = devices.accelerators()
    wanted = 0 if device in ("auto", "cpu") else len(device.split(","))
    if number < wanted:
        raise BadInput(
            f"--device {device}: the backend sees {number} accelerators. "
            "Leave the flag out to train on what there is."
        )


@contextlib.contextmanager
def kept_environment() -> Iterator[None]:
    """Puts the variables back that hide accelerators, when what it surrounds is done.

    For commands that need none themselves: processes that are started later may.
    """
    names = "CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS"
    before = {name: os.environ[name] for name in names if name in os.environ}
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ |= before


@functools.cache
def _visible_gpus():
    """`CUDA_VISIBLE_DEVICES` as it was before this process chose for the first time."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def _choose_gpus(numbers, visible):
    """The GPUs of some numbers, as CUDA names them.

    Args:
        numbers: Such as `"0,1"`.
        visible: Names of the GPUs that are to be seen, such as `"2,3"` or
            `"GPU-8932f937,MIG-5c89"`; `None` for all of the machine.
    """
    if visible is None:
        return numbers
    # CUDA ends the list at its first entry that is none, such as -1.
    names = list(
        itertools.takewhile(
            lambda name: name and not name.startswith("-"),
            map(str.strip, visible.split(",")),
        )
    )
    chosen = [int(number) for number in numbers.split(",")]
    if max(chosen) >= len(names):
        raise BadInput(
            f"--device {numbers}: CUDA_VISIBLE_DEVICES={visible} shows {len(names)} "
            "GPUs, which count from 0. Leave the flag out to train on what there is."
        )
    return ",".join(names[number] for number in chosen)


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
    sets, image_size = instruction_sets(), getattr(config, "image_size", None)
    begun = begun_manifest(Path(config.out), config.overwrite)
    # Evaluations and the like have no such setting, and TensorFlow's own choice.
    has_chosen = image_size is not None and choose_onednn(image_size, sets, begun)
    load_framework(getattr(config, "device", "auto"))
    with RunFolder.open(config.out, config, command, config.overwrite) as folder:
        print(describe_config(config))
        print(
            f"{'resuming' if folder.resuming else 'writing'} {folder.path}", flush=True
        )
        if current_backend() == "tensorflow":
            value = os.environ.get(VARIABLE)
            folder.update_manifest(onednn=value)
            if has_chosen:
                state = "off" if value == "0" else "on"
                print(f"CPU: {', '.join(sets)}; oneDNN {state} ({VARIABLE})")
        yield folder
