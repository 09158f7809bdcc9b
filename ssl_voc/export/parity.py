"""Parity of a SavedModel, run without Keras, with the Keras model it came from."""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from ssl_voc import serving
from ssl_voc.cli.errors import BadInput
from ssl_voc.export.comparison import compare_answers
from ssl_voc.export.parity_photos import answers_of_model
from ssl_voc.serving.image_decoding import UNSUPPORTED

PROGRAM = pathlib.Path(serving.__file__).with_name("artifact_answers.py")
# Ways to ask, see `artifact_answers`: `tf.saved_model.load`, a graph Session.
WAYS = ("batch", "single")


def check_parity(version, model, held, finished):
    """Compares a SavedModel with its model on held photos.

    Args:
        version: Folder of the SavedModel.
        model: The loaded model.
        held: `ParityPhotos`.
        finished: The `FinishedRun` that both come from.

    Returns:
        `Parity` that holds.

    Raises:
        BadInput: when the artifact cannot be loaded, refuses photos of a format that it
            should read, or differs.
    """
    answers = ask_artifact(version, held.encoded)
    served = answers["single"]["errors"] == ""
    _refuse_errors(held, answers)
    kept = held.select(served)
    if not len(kept.photos):
        raise BadInput(
            f"--data: of {len(held.photos)} photos of {held.source} not one is of a "
            "format that is served. Name other photos by --data."
        )
    return compare_answers(
        finished,
        kept,
        answers_of_model(model, kept),
        [{name: v[served] for name, v in answers[way].items()} for way in WAYS],
        answers["single"]["seconds"][served],
        num_not_served=int(np.sum(~served)),
    )


def ask_artifact(version, encoded):
    """Answers of an artifact, from a process that has tensorflow alone.

    Args:
        version: Folder of the SavedModel.
        encoded: List of bytes, the photos.

    Returns:
        Dictionary of a dictionary of arrays for each of `WAYS`; the last has the
        `"seconds"` `(num_photos,)` that each photo took.

    Raises:
        BadInput: when the process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        lengths = np.array([len(photo) for photo in encoded], "int64")
        content = np.frombuffer(b"".join(encoded), "uint8")
        np.savez(f"{folder}/photos.npz", lengths=lengths, content=content)
        done = subprocess.run(
            [sys.executable, "-I", PROGRAM, version, folder],
            capture_output=True,
            text=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it said nothing"]
            raise BadInput(
                "RUN: the artifact cannot be used with tensorflow alone (exit status "
                f"{done.returncode}): {lines[-1]}"
            )
        answers = {}
        for way in WAYS:
            with np.load(f"{folder}/{way}.npz") as file:
                answers[way] = dict(file)
    return answers


def _refuse_errors(held, answers):
    """Stops where a photo of a supported format was refused, by either way."""
    for way in WAYS:
        for photo, error in zip(held.photos, answers[way]["errors"], strict=True):
            if error and error not in UNSUPPORTED:
                raise BadInput(
                    f"RUN: the artifact refuses {photo.path_name}, which the evaluator "
                    f"reads: {error}. Name other photos by --data, or raise "
                    "--max-megapixels if it is too large."
                )
