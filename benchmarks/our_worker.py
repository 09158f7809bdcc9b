"""Pretraining with ssl_voc, some steps at a time, as the benchmark asks for them."""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when tensorflow is imported

import keras  # noqa: E402

import pipelines  # noqa: E402
import ssl_voc  # noqa: E402
from benchmarks.step_clock import StepClock  # noqa: E402
from benchmarks.worker import peak_memory_gib, serve  # noqa: E402
from ssl_voc import devices  # noqa: E402
from ssl_voc.optimizers import schedule
from ssl_voc.training.batch_timer import TimedDataset, TimedIterator  # noqa: E402


class ReadyViews(keras.layers.Layer):
    """Takes the place of the augmenter where batches hold views already."""

    def call(self, views):
        return {"views": keras.ops.split(views, 2, axis=0)}


class OurWorker:
    """EfficientNetB1 in `ContrastiveModel.fit`, compiled as `pretrain` compiles it.

    Args:
        data: Folder of photos.
        image_size: Side of the views in pixels.
        batch_size: Number of pairs in a step.
        augmentation: Keyword arguments of `benchmarks.pretraining.Augmentation`.
    """

    def __init__(self, data, image_size, batch_size, augmentation):
        keras.utils.set_random_seed(0)
        self.data = data
        self.image_size = image_size
        self.batch_size = batch_size
        self.backbone = ssl_voc.backbone("EfficientNetB1", image_size=image_size)
        self.head = ssl_voc.layers.ProjectionHead(512, 128, num_layers=2)
        augmenter = ssl_voc.layers.SimCLRAugmenter(
            image_size,
            area_range=(augmentation["smallest_area"], 1.0),
            color_strength=augmentation["color_strength"],
            grayscale_rate=augmentation["grayscale_rate"],
            blur_rate=augmentation["blur_rate"],
            blur_sigma_range=augmentation["blur_sigma_range"],
            seed=0,
        )
        self.model = self._compile(augmenter)
        self.model_without_augmentation = None
        self.pools = {}

    def describe(self):
        """Names what is measured."""
        return (
            f"ssl_voc {ssl_voc.__version__}, Keras {keras.__version__}, "
            f"{keras.backend.backend()} {_backend_version()}"
        )

    def prepare(self):
        """Decodes all photos once, as a run does when it starts."""
        start = time.perf_counter()
        num_photos = len(self._pool("memory"))
        return {"seconds": time.perf_counter() - start, "num_photos": num_photos}

    def warm_up(self, streams):
        """Traces every step that will be timed, and prepares its photos."""
        for stream in streams:
            self.train(stream, num_steps=2)

    def train(self, stream, num_steps):
        """Trains after one step more, which fills the pipeline.

        Args:
            stream: `"kept"`, photos that were decoded once; `"decoded"`, photos that
                are decoded for every batch; `"ready_views"`, one batch of views again
                and again, without augmentation.
            num_steps: Number of steps to time.

        Returns:
            Dictionary of `"seconds"`, of the seconds `"waited"` for data in them, and
            of `"cpu_seconds"`, over all threads.
        """
        batches, timer = self._batches(stream)
        model, clock = self.model, StepClock(1, timer)
        if stream == "ready_views":
            if self.model_without_augmentation is None:
                self.model_without_augmentation = self._compile(ReadyViews())
            model = self.model_without_augmentation
        model.fit(batches, steps_per_epoch=1 + num_steps, verbose=0, callbacks=[clock])
        return {
            "seconds": clock.seconds,
            "waited": clock.waited,
            "cpu_seconds": clock.cpu_seconds,
        }

    def peak_memory(self):
        """Largest resident memory so far, in GiB."""
        return peak_memory_gib()

    def _compile(self, augmenter):
        model = ssl_voc.ContrastiveModel(self.backbone, augmenter, self.head)
        model.compile(
            schedule.build_optimizer("sgd", 0.1, 1e-4, self.batch_size, 10_000, 0.0),
            loss=ssl_voc.losses.NTXentLoss(0.1),
            metrics=[
                ssl_voc.metrics.ContrastiveAccuracy(),
                ssl_voc.metrics.Alignment(),
                ssl_voc.metrics.Uniformity(),
            ],
            jit_compile=devices.should_jit_compile("auto"),
        )
        return model

    def _pool(self, cache):
        if cache not in self.pools:
            # Kept at 7/6 of the views' side, as `pretrain` does.
            size = round(self.image_size * 7 / 6)
            self.pools[cache] = pipelines.prepare(self.data, size, cache=cache)
        return self.pools[cache]

    def _batches(self, stream):
        """What `fit` takes, and the timer of the wait for it."""
        tensorflow = keras.backend.backend() == "tensorflow"
        if stream == "ready_views":
            photos = self._pool("memory").gather(range(self.batch_size))
            views = self.model.augmenter(photos)["views"]
            views = keras.ops.convert_to_numpy(keras.ops.concatenate(views))
            if tensorflow:
                import tensorflow as tf

                timer = TimedDataset(tf.data.Dataset.from_tensors(views).repeat())
                return timer.dataset, timer
            timer = TimedIterator(iter(lambda: (views,), None))
            return iter(timer), timer
        pool = self._pool({"kept": "memory", "decoded": "none"}[stream])
        if tensorflow:
            timer = TimedDataset(pool.dataset(self.batch_size, seed=0))
            return timer.dataset, timer
        batches = pool.batches(self.batch_size, seed=0)
        timer = TimedIterator((images,) for images in batches)
        return iter(timer), timer


def _backend_version():
    return sys.modules[keras.backend.backend()].__version__


if __name__ == "__main__":
    serve(OurWorker, sys.argv[1])
