"""Runs under `tf.distribute.MirroredStrategy` on two logical CPUs and saves figures.

A script, since logical devices must be set before TensorFlow starts. Read by
`test_distributed.py`; its argument is the folder to write to.
"""

import contextlib
import functools
import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from ssl_voc import (
    callbacks,
    devices,
    distributed,
    layers,
    losses,
    metrics,
    models,
    optimizers,
)
from ssl_voc.finetune import command as finetune
from ssl_voc.losses import nt_xent_loss
from ssl_voc.models.batch_norm_statistics import recalibrate_batch_norm
from ssl_voc.pretrain import command
from tests import tiny
from tests.replicated_losses import REPLICATED_LOSSES


class HalfBright(keras.layers.Layer):
    """Views without chance, so that every device layout sees the same."""

    def call(self, images):
        images = keras.ops.cast(images, "float32")
        return {"views": [images, keras.ops.flip(images, axis=2) * 0.7 + 20]}


@functools.cache
def two_devices():
    """The strategy of two replicas; a second one would mix up its collectives."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def split_over_devices(pair, rows):
    """Both sides of pairs, their first rows on one device and the rest on another."""
    return [
        two_devices().experimental_distribute_values_from_function(
            lambda context, side=side: tf.constant(
                np.split(side, [rows])[context.replica_id_in_sync_group]
            )
        )
        for side in pair
    ]


def losses_and_gradients(loss_function, pair):
    """Loss and gradient of the matrix that makes projections, on 1 and 2 devices."""

    def step(matrix, a, b):
        with tf.GradientTape() as tape:
            loss = loss_function(a @ matrix, b @ matrix)
        return loss, tape.gradient(loss, matrix)

    start = np.random.default_rng(1).normal(size=(6, 5)).astype("float32")
    single_loss, single_gradient = step(tf.Variable(start), *map(tf.constant, pair))
    strategy = two_devices()
    with strategy.scope():
        matrix = tf.Variable(start)
    halves = split_over_devices(pair, 4)

    def replica_step(a, b):
        replica_loss, gradient = step(matrix, a, b)
        # What an optimizer does with the replicas' gradients.
        context = tf.distribute.get_replica_context()
        return replica_loss, context.all_reduce("sum", gradient)

    run = tf.function(lambda: strategy.run(replica_step, args=halves))
    replica_losses, gradients = run()
    found = {
        "single_loss": single_loss,
        "single_gradient": single_gradient,
        "replica_losses": strategy.experimental_local_results(replica_losses),
        "mirrored_gradient": strategy.experimental_local_results(gradients)[0],
    }
    return {f"{loss_function.name}_{name}": value for name, value in found.items()}


def fit(scope, photos, normalized=False):
    """Weights and logs after an epoch of a model without chance."""
    keras.utils.set_random_seed(0)
    with scope:
        inputs = keras.Input((20, 20, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        x = keras.layers.Conv2D(8, 3, 2, activation="relu")(x)
        if normalized:
            x = layers.FusedBatchNormalization()(x)
        model = models.ContrastiveModel(
            keras.Model(inputs, x),
            HalfBright(),
            layers.ProjectionHead(dimensions=6, num_layers=1),
        )
        model.compile(
            keras.optimizers.SGD(0.5),
            losses.NTXentLoss(0.2),
            metrics=[metrics.ContrastiveAccuracy(), metrics.Alignment()],
        )
        history = model.fit(photos, batch_size=8, epochs=1, shuffle=False, verbose=0)
    weights = np.concatenate([w.ravel() for w in model.get_weights()])
    return weights, {name: values[0] for name, values in history.history.items()}


def fit_averages(scope, photos):
    """Averages of the weights after three steps of a model without batch norm."""
    keras.utils.set_random_seed(0)
    with scope:
        inputs = keras.Input((20, 20, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        x = keras.layers.Conv2D(4, 3, 2, activation="relu")(x)
        outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))
        model = keras.Model(inputs, outputs)
        optimizer = optimizers.DiscriminativeAdamW(0.05, average_decay=0.5)
        model.compile(optimizer, "mse", jit_compile=False)
    answers = np.arange(len(photos)) % 2
    model.fit(photos, answers, batch_size=8, epochs=3, shuffle=False, verbose=0)
    averages = [average.ravel() for _, average in optimizer.averages()]
    return np.concatenate(averages)


def lend_weights(photos):
    """Weights that replicas lend, and statistics of their averages by one device."""
    with two_devices().scope():
        model = keras.Sequential(
            [tiny.build_backbone(20, 4), keras.layers.Flatten(), keras.layers.Dense(1)]
        )
        optimizer = optimizers.DiscriminativeAdamW(0.05, average_decay=0.5)
        model.compile(optimizer, "mse", jit_compile=False)
    model.fit(photos, np.arange(len(photos)) % 2, batch_size=8, verbose=0)
    trained = model.get_weights()
    evaluated = callbacks.EvaluatedWeights([photos], averaged=True)
    evaluated.set_model(model)
    evaluated.lend()
    lent = model.get_weights()
    evaluated.put_back()
    kept = all(map(np.array_equal, model.get_weights(), trained))
    alone = keras.Sequential(
        [tiny.build_backbone(20, 4), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    alone.set_weights(lent)
    recalibrate_batch_norm(alone, [photos])
    flat = [
        np.concatenate([value.ravel() for value in values])
        for values in (lent, alone.get_weights(), trained)
    ]
    return kept, *flat


def uneven_shares(pair):
    """Loss of each of nine pairs, five on one device and four on the other."""
    halves = split_over_devices(pair, 5)
    with two_devices().scope():
        crop = layers.RandomResizedCrop(8, seed=0)

    def replica_step(a, b):
        per_pair = nt_xent_loss.nt_xent_per_pair(a, b, 0.2)
        total = distributed.count_in_global_batch(a)
        return per_pair, total, crop.draw_boxes(tf.shape(a)[0], 20, 20)

    run = tf.function(lambda: two_devices().run(replica_step, args=halves))
    per_pair, totals, boxes = map(two_devices().experimental_local_results, run())
    return {
        "uneven_projections": pair,
        "uneven_losses": np.concatenate(per_pair),
        "uneven_totals": totals,
        "uneven_boxes": np.concatenate(boxes),
    }


def draws():
    """Crop boxes that either replica draws, and the number of replicas seen."""
    strategy = two_devices()
    with strategy.scope():
        crop = layers.RandomResizedCrop(8, seed=0)

    @tf.function
    def draw():
        return strategy.run(lambda: (crop.draw_boxes(4, 20, 20), replicas()))

    def replicas():
        return tf.constant(distributed.count_replicas())

    boxes, counts = draw()
    results = strategy.experimental_local_results
    return np.stack(results(boxes)), [int(count) for count in results(counts)]


def probe_detections():
    """What a probe of detections on both devices logs, of batches of 4 and of 1."""
    photos = tiny.detection_batch(5)
    with two_devices().scope():
        model = tiny.build_detector()
        model.compile("sgd", jit_compile=False)
    parts = [
        keras.tree.map_structure(lambda values, rows=rows: values[rows], photos)
        for rows in (slice(0, 4), slice(4, 5))
    ]
    probe, logs = callbacks.DetectionProbe(parts), {}
    probe.set_model(model)
    probe.on_epoch_end(0, logs)
    return logs


def record_candidates():
    """Set that the loss adds to: how many views a view is compared with, itself too."""
    found, contrastive_logits = set(), nt_xent_loss.contrastive_logits

    def recorded(*arguments):
        logits, positives = contrastive_logits(*arguments)
        count = tf.numpy_function(
            lambda size: found.add(int(size)) or size, [tf.shape(logits)[1]], tf.int32
        )
        with tf.control_dependencies([count]):
            return tf.identity(logits), positives

    nt_xent_loss.contrastive_logits = recorded
    return found


def run_command(folder):
    """Exit status and summary of the command, cut short and resumed."""
    candidates = record_candidates()
    photos, labels = tiny.draw_photos(20), [str(i % 2) for i in range(20)]
    np.savez(folder / "photos.npz", images=photos, labels=labels)
    backbone = tiny.save_backbone(folder / "tiny.keras")
    devices.replica_scope = lambda *_: two_devices().scope()
    status = []
    for epochs in (1, 2):
        status.append(
            command.main(
                f"--data {folder / 'photos.npz'} --backbone {backbone} --image-size 32 "
                f"--batch-size 8 --epochs {epochs} --out {folder / 'run'}".split()
            )
        )
    summary = json.loads((folder / "run" / "summary.json").read_text())
    return {"status": status, "summary": summary, "candidates": sorted(candidates)}


def finetune_detector(folder):
    """Exit status and summary of a fine-tuning that is cut short and resumed."""
    tiny.write_voc(folder / "voc", num_train=24, num_val=4)
    tiny.build_deep_backbone(64).save(folder / "deep.keras")
    status = [
        finetune.main(
            f"--task detect --data {folder / 'voc'} --weights none --image-size 64 "
            f"--backbone {folder / 'deep.keras'} --batch-size 8 --val-share 0.3 "
            f"--epochs {epochs} --out {folder / 'detector'}".split()
        )
        for epochs in (1, 2)
    ]
    summary = json.loads((folder / "detector" / "summary.json").read_text())
    return {"status": status, "summary": summary}


def main(folder):
    """Writes `arrays.npz` and `figures.json` into `folder`."""
    random = np.random.default_rng(0)
    a = random.normal(size=(8, 6)).astype("float32")
    pair = (a, (a + random.normal(size=a.shape)).astype("float32"))
    nine = random.normal(size=(2, 9, 6)).astype("float32")
    photos = tiny.draw_photos(16, size=20)
    single_weights, single_logs = fit(contextlib.nullcontext(), photos)
    mirrored_weights, mirrored_logs = fit(two_devices().scope(), photos)
    normalized = [
        fit(scope, photos, normalized=True)[0]
        for scope in (contextlib.nullcontext(), two_devices().scope())
    ]
    boxes, counts = draws()
    kept, lent, recalibrated, trained = lend_weights(photos)
    of_losses = {}
    for loss in REPLICATED_LOSSES:
        of_losses |= losses_and_gradients(loss, pair)
    np.savez(
        folder / "arrays.npz",
        **of_losses,
        **uneven_shares(nine),
        projections=pair,
        single_weights=single_weights,
        mirrored_weights=mirrored_weights,
        normalized=normalized,
        boxes=boxes,
        single_averages=fit_averages(contextlib.nullcontext(), photos),
        mirrored_averages=fit_averages(two_devices().scope(), photos),
        lent=lent,
        recalibrated=recalibrated,
        trained=trained,
    )
    figures = {
        "single": single_logs,
        "mirrored": mirrored_logs,
        "replicas": counts,
        "put_back": kept,
        "command": run_command(folder),
        "finetune": finetune_detector(folder),
        "detections": probe_detections(),
    }
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    main(pathlib.Path(sys.argv[1]))
