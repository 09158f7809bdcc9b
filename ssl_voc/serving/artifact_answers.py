"""Predictions of an exported model by tensorflow alone: run as a file, not imported.

    python -P artifact_answers.py VERSION_FOLDER FOLDER

Keras, keras_cv and ssl_voc are made unimportable first, so that an artifact which needs
them fails. The questions are asked twice: all at once, through `tf.saved_model.load`,
and one by one through the C++ loader and a graph Session, which is what TF Serving
does; the latter are timed.
"""

import sys
import time

ABSENT = ("keras", "keras_cv", "keras_core", "tf_keras", "ssl_voc", "pipelines")
NUM_WARM_UP = 3


def main(version, folder):
    """Reads encoded photos, writes what the artifact answers.

    Args:
        version: Folder of the SavedModel.
        folder: Folder of `photos.npz`: `lengths`, int64 `(n,)`, and `content`, uint8,
            the bytes of all photos behind each other. `batch.npz` and `single.npz` are
            written there, the outputs by name; the latter with `seconds`, float64
            `(n,)`, of each request.
    """
    import numpy as np

    with np.load(f"{folder}/photos.npz") as file:
        lengths, content = file["lengths"], file["content"].tobytes()
    ends = np.cumsum(lengths)
    photos = [
        content[end - length : end] for end, length in zip(ends, lengths, strict=True)
    ]
    for way, ask in (("batch", ask_at_once), ("single", ask_one_by_one)):
        found = ask(version, photos)
        for name, value in found.items():
            if value.dtype == object:  # strings; npz without pickles has fixed widths
                found[name] = np.char.decode(value.astype("S"))
        np.savez(f"{folder}/{way}.npz", **found)


def ask_at_once(version, photos, batch_size=16):
    """Dictionary of NumPy arrays, by `tf.saved_model.load`."""
    import numpy as np
    import tensorflow as tf

    signature = tf.saved_model.load(version).signatures["serving_default"]
    parts = [
        signature(image_bytes=tf.constant(photos[start : start + batch_size]))
        for start in range(0, len(photos), batch_size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def ask_one_by_one(version, photos):
    """Dictionary of NumPy arrays, with `"seconds"` `(n,)`, by a graph Session."""
    import numpy as np
    import tensorflow as tf

    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], version)
        signature = loaded.signature_def["serving_default"]
        place = signature.inputs["image_bytes"].name
        fetches = {name: item.name for name, item in signature.outputs.items()}
        rows, seconds = [], []
        for photo in photos[:NUM_WARM_UP]:
            session.run(fetches, {place: [photo]})
        for photo in photos:
            start = time.perf_counter()
            rows.append(session.run(fetches, {place: [photo]}))
            seconds.append(time.perf_counter() - start)
    found = {name: np.concatenate([row[name] for row in rows]) for name in fetches}
    return {**found, "seconds": np.array(seconds)}


if __name__ == "__main__":
    for absent in ABSENT:
        sys.modules[absent] = None
    main(*sys.argv[1:])
