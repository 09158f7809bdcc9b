"""Latency and throughput of an exported detector, beside keras-cv's RetinaNet.

    python -m benchmarks.serving [--data FOLDER] [--out docs/results/serving/speed.json]

Ours is what `export` writes: photos are decoded with their orientation, a bad one hurts
no neighbour, boxes come in pixels of the photo. keras-cv's is its own `RetinaNet` on
the same `keras.applications` backbone at the same size, exported as one would write it:
`tf.io.decode_jpeg` in `tf.map_fn`, the same letterbox, `decode_predictions`; nothing
else. `ours_wide` is our detector with pyramid and heads as wide and deep as keras-cv's
(256 channels, 3 convolutions): the speed that is owed to code, not to size.

Weights are random, with a bias of scores that lets suppression work on many boxes. The
artifacts are loaded by the C++ loader into graph Sessions of one process, as TF Serving
does, and take turns, after a warm-up each.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time

import keras
import keras_cv
import numpy as np
import tensorflow as tf

import pipelines
import ssl_voc
from benchmarks.keras_cv_detector import AS_WIDE, LEVELS, build_retinanet
from benchmarks.machine import describe_machine
from ssl_voc import serving
from ssl_voc.serving.warm_up import draw_picture
from ssl_voc.tasks import TASKS

NUM_PHOTOS = 32
OURS = {"ours": {}, "ours_wide": AS_WIDE}
# Logit of the scores without evidence: a probability of 0.057, many boxes above the
# threshold of 0.05.
SCORE_BIAS = -2.8


def main(argv=None):
    """Exports, measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="photos to send; by default drawn pictures")
    parser.add_argument("--backbone", default="EfficientNetB1", choices=sorted(LEVELS))
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--num-classes", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--requests", type=int, default=50, help="of one photo, a turn")
    parser.add_argument("--batches", type=int, default=6, help="of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="file for all figures, json")
    options = parser.parse_args(argv)

    photos = read_photos(options.data)
    with tempfile.TemporaryDirectory() as folder:
        artifacts = export_all(options, pathlib.Path(folder))
        sizes = {name: describe(path) for name, path in artifacts.items()}
        seconds = measure(options, artifacts, photos)
    rows = {name: sizes[name] | summarize(options, seconds[name]) for name in artifacts}
    for name, row in rows.items():
        print(format_row(name, row), flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        machine = {
            "name": describe_machine(),
            "tensorflow": tf.__version__,
            "load_average": os.getloadavg(),
            "devices": [item.name for item in tf.config.list_physical_devices()],
        }
        facts = {**vars(options), "out": str(options.out), "machine": machine}
        text = json.dumps({**facts, "models": rows, "seconds": seconds}, indent=2)
        options.out.write_text(text + "\n", encoding="utf-8")
    return rows


def read_photos(data):
    """JPEG files as bytes: the first of a source, or drawn ones of a usual size."""
    if data is None:
        pictures = [draw_picture(375, 500 - 5 * n) for n in range(NUM_PHOTOS)]
        return [tf.io.encode_jpeg(picture).numpy() for picture in pictures]
    photos = [photo.load() for photo in pipelines.read(data)]
    # What the peer's export can read.
    photos = [data for data in photos if data.startswith(b"\xff\xd8\xff")]
    return photos[:NUM_PHOTOS]


def export_all(options, folder):
    """Writes the artifacts; returns their folders by name."""
    artifacts = {}
    for name, size in OURS.items():
        artifacts[name] = folder / name
        serving.write_saved_model(
            build_ours(options, **size),
            artifacts[name],
            rank=TASKS["detect"].rank,
            class_names=[f"class {n}" for n in range(options.num_classes)],
            letterbox=pipelines.letterbox,
            boxes_from_letterbox=pipelines.boxes_from_letterbox,
        )
        keras.backend.clear_session()
    artifacts["keras_cv"] = folder / "keras_cv"
    export_peer(build_peer(options), artifacts["keras_cv"])
    return artifacts


def build_ours(options, **size):
    """A `Detector` as `finetune` builds it, of random weights."""
    keras.utils.set_random_seed(0)
    model = ssl_voc.Detector(
        ssl_voc.backbone(options.backbone, image_size=options.image_size),
        options.num_classes,
        score_threshold=0.05,
        **size,
    )
    model.build()
    raise_scores(model.head)
    return model


def build_peer(options):
    """keras-cv's `RetinaNet` on the same backbone, of random weights."""
    keras.utils.set_random_seed(0)
    model = build_retinanet(
        options.backbone,
        options.image_size,
        options.num_classes,
        # Our detector's thresholds; its own would keep nothing of random scores.
        prediction_decoder=keras_cv.layers.NonMaxSuppression(
            "xyxy",
            from_logits=True,
            iou_threshold=0.6,
            confidence_threshold=0.05,
            max_detections=100,
        ),
    )
    raise_scores(model.classification_head)
    return model


def raise_scores(head):
    """Sets the biases that say how often a box is an object."""
    for weight in head.weights:
        values = keras.ops.convert_to_numpy(weight)
        if weight.path.endswith("bias") and np.all(values < -1):
            weight.assign(np.full(values.shape, SCORE_BIAS, values.dtype))


def export_peer(model, path):
    """Writes the peer as one would: decode, letterbox, model, suppression."""
    size = model.backbone.input_shape[1]

    def read_one(data):
        pixels = tf.io.decode_jpeg(data, channels=3)
        return pipelines.letterbox(pixels, size), tf.shape(pixels)[:2]

    def serve(image_bytes):
        squares, sizes = tf.map_fn(
            read_one,
            image_bytes,
            fn_output_signature=(
                tf.TensorSpec((size, size, 3), tf.uint8),
                tf.TensorSpec((2,), tf.int32),
            ),
            parallel_iterations=4,
        )
        images = tf.cast(squares, tf.float32)
        predicted = model({"images": images}, training=False)
        found = model.decode_predictions(predicted, images)
        boxes = pipelines.boxes_from_letterbox(
            tf.cast(found["boxes"], tf.float32), sizes, size
        )
        return {
            "boxes": boxes,
            "scores": found["confidence"],
            "classes": found["classes"],
            "num_detections": found["num_detections"],
        }

    module = tf.Module()
    module.served_variables = [weight.value for weight in model.variables]
    spec = tf.TensorSpec((None,), tf.string, name="image_bytes")
    traced = tf.function(serve, autograph=False).get_concrete_function(spec)
    tf.saved_model.save(module, str(path), signatures={"serving_default": traced})


def describe(path):
    """Sizes of an artifact."""
    operations = serving.operations_of(path)
    return {
        "megabytes": serving.folder_bytes(path) / 1e6,
        "graph_megabytes": (path / "saved_model.pb").stat().st_size / 1e6,
        "num_operations": sum(operations.values()),
    }


def measure(options, artifacts, photos):
    """Seconds of each request: by artifact, lists of `"single"` and of `"batch"`."""
    asks = {name: load(path) for name, path in artifacts.items()}
    found = {name: {"single": [], "batch": [], "detections": 0} for name in asks}
    batch = [photos[n % len(photos)] for n in range(options.batch_size)]
    for name, ask in asks.items():
        for request in ([photos[0]], batch, [photos[0]], batch):
            answer = ask(request)
        found[name]["detections"] = int(np.sum(answer["num_detections"]))
    for number in range(options.rounds):
        for name in [*asks] if number % 2 else [*asks][::-1]:
            for request in range(options.requests):
                one = [photos[request % len(photos)]]
                found[name]["single"].append(timed(asks[name], one))
            for _ in range(options.batches):
                found[name]["batch"].append(timed(asks[name], batch))
    return found


def load(path):
    """A function from photos to answers, by the C++ loader and a graph Session."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
    signature = loaded.signature_def["serving_default"]
    place = signature.inputs["image_bytes"].name
    fetches = {name: item.name for name, item in signature.outputs.items()}
    return lambda photos: session.run(fetches, {place: photos})


def timed(ask, photos):
    """Seconds of one request."""
    start = time.perf_counter()
    ask(photos)
    return time.perf_counter() - start


def summarize(options, seconds):
    """Percentiles of one photo in milliseconds, and photos per second in batches."""
    p50, p99 = np.percentile(seconds["single"], (50, 99))
    return {
        "p50_ms": 1e3 * p50,
        "p99_ms": 1e3 * p99,
        "photos_per_second": options.batch_size / float(np.median(seconds["batch"])),
        "detections_of_a_batch": seconds["detections"],
    }


def format_row(name, row):
    """One line of the table."""
    return (
        f"{name:10} one photo p50 {row['p50_ms']:6.1f} ms, p99 {row['p99_ms']:6.1f} ms;"
        f" batches {row['photos_per_second']:6.1f} photos/s; {row['megabytes']:.1f} MB,"
        f" graph {row['graph_megabytes']:.1f} MB of {row['num_operations']:,} "
        f"operations; {row['detections_of_a_batch']} detections in a batch"
    )


if __name__ == "__main__":
    main()
