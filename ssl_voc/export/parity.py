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
        BadInput: when the artifact cannot be loaded, answers not one photo, or differs.
    """
    number = len(held.photos)
    print(f"asking the artifact about {number} photos, without Keras", flush=True)
    answers = ask_artifact(version, held.encoded)
    errors = [
        " ".join(dict.fromkeys(filter(None, both)))
        for both in zip(*(answers[way]["errors"] for way in WAYS), strict=True)
    ]
    served = np.array([not error for error in errors])
    left_out = [
        f"{photo.path_name}: {error}"
        for photo, error in zip(held.photos, errors, strict=True)
        if error
    ]
    kept = held.select(served)
    if not len(kept.photos):
        raise BadInput(
            f"The artifact answers none of the {len(held.photos)} photos of "
            f"{held.source}. The first: {left_out[0]}. Other photos to compare on may "
            "be named by --data."
        )
    print("asking the model of RUN about the same photos", flush=True)
    return compare_answers(
        finished,
        kept,
        answers_of_model(model, kept),
        [{name: v[served] for name, v in answers[way].items()} for way in WAYS],
        answers["single"]["seconds"][served],
        left_out=tuple(left_out),
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
            # Not -I: TensorFlow may lie where PYTHONPATH or the user's site says.
            [sys.executable, "-P", PROGRAM, version, folder],
            capture_output=True,
            text=True,
            # A GPU that this process holds has no room for a second one.
            env={
                "TF_CPP_MIN_LOG_LEVEL": "3",
                **os.environ,
                "CUDA_VISIBLE_DEVICES": "",
            },
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
