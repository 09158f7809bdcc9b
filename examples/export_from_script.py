"""Exports a run from a script of your own, and asks the artifact about a photo.

    python -m examples.export_from_script runs/cats photo.jpg

RUN is a finished `python -m ssl_voc.finetune`. `export` compares the artifact with its
model before it is kept. Here both are asked once more: the model as `evaluate` does,
the artifact by its bytes alone, as TF Serving does.
"""

import argparse
import pathlib

import numpy as np
import tensorflow as tf

import pipelines
import ssl_voc
from ssl_voc.export import ExportConfig, export
from ssl_voc.runs.finished_run import read_finished_run


def main(argv=None):
    """Exports, loads the artifact, asks it and the model, and compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("photo", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--data", nargs="+", default=[], help="photos to compare on")
    parser.add_argument("--split")
    options = parser.parse_args(argv)

    exported = export(
        ExportConfig(
            run=options.run,
            out=options.out,
            data=tuple(options.data),
            split=options.split,
        )
    )
    artifact = tf.saved_model.load(str(exported.path))
    encoded = options.photo.read_bytes()
    found = artifact.signatures["serving_default"](image_bytes=tf.constant([encoded]))
    error = found["errors"].numpy()[0].decode()
    if error:
        raise SystemExit(f"{options.photo}: {error}")
    box, score = found["boxes"].numpy()[0, 0], found["scores"].numpy()[0, 0]
    name = found["class_names"].numpy()[0, 0].decode() or "nothing"

    run = read_finished_run(options.run)
    model = ssl_voc.load_model(run.path / "model.keras")
    pixels = pipelines.decode(encoded)
    side = run.manifest["image_size"]
    square = pipelines.letterbox(pixels, side)
    expected = model.predict(square[None], verbose=0)
    corners = pipelines.boxes_from_letterbox(
        expected["boxes"][:, :1], np.array([pixels.shape[:2]]), side
    )[0, 0]

    words = " ".join(f"{corner:.0f}" for corner in box)
    print(f"{options.photo.name}: {name} ({score:.2f}) at {words}")
    if expected["classes"][0, 0] >= 0:
        print(f"model and artifact differ by {np.abs(box - corners).max():.1e} px")


if __name__ == "__main__":
    main()
