"""Results of two runs of a command, compared; and files that a kill left half written.

Compared is everything but what the clock tells, of checkpoints the newest: arrays bit
for bit, JSON key by key, pictures and texts byte by byte; of an exported model what it
answers.
"""

import io
import json
import os
import re
import zipfile

import h5py
import numpy as np
from PIL import Image

from ssl_voc.export.parity import WAYS, ask_artifact
from ssl_voc.runs.atomic_files import TEMPORARY_PREFIX

# Entries of JSON files that are of the clock, of the source, that tell how often a run
# was started, or that are places in a process' memory.
_CLOCK = {
    "data_wait_share",
    "exported",
    "finished",
    "git_commit",
    "images_per_second",
    "milliseconds",
    "seconds",
    "shared_object_id",
    "started",
    "starts",
}
# Written as events come, and read so.
_EVENTS = "tensorboard"


def differences(out, whole, photos):
    """What tells the results in `out` from those of a run that nobody stopped.

    Args:
        out: Folder of a command that was killed and started again.
        whole: That of the same command, uninterrupted.
        photos: List of encoded photos, which exported models are asked.

    Returns:
        List of texts; empty where the results are the same.
    """
    if not (whole / "manifest.json").exists():  # versions of an exported model
        return _differing_versions(out, whole, photos)
    found, expected = (
        {str(path.relative_to(folder)): path for path in _lasting_files(folder)}
        for folder in (out, whole)
    )
    texts = [f"{name} is missing" for name in sorted(expected.keys() - found)]
    texts += [f"{name} is left over" for name in sorted(found.keys() - expected)]
    for name in sorted(found.keys() & expected):
        if not _same_files(found[name], expected[name]):
            texts.append(f"{name} differs")
    return texts


def half_written(folder):
    """Files of a folder that have their names, but not all of their content."""
    broken = []
    for path in _files(folder):
        try:
            _content(path)
        except Exception as error:
            broken.append(f"{path.relative_to(folder)} is half written: {error!r}")
    return broken


def leftovers(*folders):
    """Temporary files and folders that finished commands left."""
    return [
        f"{path} is left over"
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.name.startswith(TEMPORARY_PREFIX) or path.suffix == ".part"
    ]


def _files(folder):
    """Files under their final names."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        passing = any(part.startswith(TEMPORARY_PREFIX) for part in parts)
        if path.is_file() and not passing and _EVENTS not in parts:
            yield path


def _lasting_files(folder):
    """The same but for checkpoints before the newest, which are of the clock."""
    newest = {}
    for path in _files(folder):
        kind = path.with_name(re.sub(r"_\d+\.npz$", "", path.name))
        newest[kind] = path  # in the order of their numbers
    return newest.values()


def _content(path):
    """What a file holds, in a form to be compared.

    Raises:
        Exception: of any kind, when the file is not whole.
    """
    content = path.read_bytes()
    match path.suffix:
        case ".json":
            return _without_clock(json.loads(content))
        case ".jsonl":
            lines = content.decode().split("\n")
            if lines.pop():
                raise ValueError("the last line has no end")
            return [_without_clock(json.loads(line)) for line in lines]
        case ".keras":
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
                return _without_clock(config), _arrays_of_h5(
                    archive.read("model.weights.h5")
                )
        case ".npz":
            with np.load(io.BytesIO(content)) as arrays:
                return dict(arrays)
        case ".png" | ".jpg":
            with Image.open(path) as image:
                return np.asarray(image)
        case ".html" if not content.rstrip().endswith(b"</html>"):
            raise ValueError("the page has no end")
    return content


def _arrays_of_h5(content):
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(collect)
    return arrays


def _without_clock(value):
    if isinstance(value, dict):
        kept = value.keys() - _CLOCK
        return {key: _without_clock(value[key]) for key in kept}
    if isinstance(value, list):
        return [_without_clock(item) for item in value]
    return value


def _same_files(path, other):
    try:
        return _same(_content(path), _content(other))
    except Exception:
        return False  # one that is half written is told of by `half_written`


def _same(content, other):
    """Whether nested contents are equal, NaN equal to itself."""
    if isinstance(content, dict):
        return content.keys() == other.keys() and all(
            _same(content[key], other[key]) for key in content
        )
    if isinstance(content, tuple):
        return all(map(_same, content, other))
    if isinstance(content, np.ndarray):
        same_kind = (content.shape, content.dtype) == (other.shape, other.dtype)
        return same_kind and content.tobytes() == other.tobytes()
    return content == other


def _differing_versions(out, whole, photos):
    """Of two folders of versions of a model: a version that is killed has no number."""
    numbers = [name for name in os.listdir(out) if name.isdigit()]
    if not numbers:
        return ["no version was exported"]
    texts = []
    expected = ask_artifact(whole / "1", photos)
    for number in sorted(numbers, key=int):
        names, others = (
            {str(path.relative_to(folder)) for path in _files(folder)}
            for folder in (out / number, whole / "1")
        )
        if names != others:
            texts.append(f"version {number} lacks {sorted(others - names)}")
            continue
        found = ask_artifact(out / number, photos)
        for way in WAYS:
            answers, wanted = (
                {key: value for key, value in asked[way].items() if key not in _CLOCK}
                for asked in (found, expected)
            )
            if not _same(answers, wanted):
                texts.append(f"version {number} answers otherwise")
    return texts
