"""Distillation without labels: features of a larger teacher for a small backbone."""

import dataclasses
import hashlib

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.view_pairs import ViewPairsObjective

# Of the teacher's inference.
_MAX_BATCH = 256
EMBEDDINGS_FILE = "teacher_embeddings.npy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillSettings:
    """Settings of `--objective distill`."""

    teacher: str = option(
        help="Run folder, .keras file, or dinov2_* or dinov3_* of KerasHub."
    )
    teacher_size: int | None = option(
        None, "Side in pixels at which it sees views; by default its own.", minimum=32
    )
    teacher_cache: bool = option(
        False, "Embed the photos once, not the views; no spatial loss then."
    )
    queue_size: int = option(
        4096, "Embeddings that views are compared with.", minimum=2
    )
    teacher_temperature: float = option(
        0.07, "Temperature of the teacher's similarities.", above=0
    )
    student_temperature: float = option(
        0.2, "Temperature of the student's similarities.", above=0
    )
    spatial_weight: float | None = option(
        None, "Weight of the maps' distance; by default 1.", minimum=0
    )
    hidden_dimensions: int = option(512, "Width of the head's hidden layer.", minimum=1)

    def __post_init__(self):
        super().__post_init__()
        if self.teacher_cache and self.spatial_weight is not None:
            raise ValueError(
                "--spatial-weight and --teacher-cache exclude each other: what is kept "
                "of the photos is their embeddings, no maps"
            )


class DistillObjective(ViewPairsObjective):
    """Similarities and maps of a teacher, on two views of every photo.

    Reference:
        - [Fang et al., 2021](https://arxiv.org/abs/2101.04731), SEED
    """

    settings = DistillSettings
    cost_in_views = 2.9
    summarized = {
        **ViewPairsObjective.summarized,
        "global_loss": "global_loss",
        "spatial_loss": "spatial_loss",
    }
    advice = (
        "Try another --learning-rate, --optimizer lars, or a --teacher that has "
        "learned from photos like these"
    )

    def __init__(self, config):
        from ssl_voc import devices
        from ssl_voc.models.distillation_teachers import load_teacher

        # Before the photos, which may take hours to decode.
        self.teacher = load_teacher(
            config.teacher, config.image_size, config.teacher_size
        )
        self.teacher.jit_compile = devices.should_jit_compile(config.jit_compile)
        self.first = None
        super().__init__(config)

    def record(self, run):
        """Embeds photos for a run that begins; with `--teacher-cache`, all of them.

        Those of all are kept in the run folder, where a run that goes on reads them.
        """
        import numpy as np

        from ssl_voc.callbacks import last_epoch
        from ssl_voc.runs.atomic_files import replacing

        config = self.config
        if config.queue_size < 2 * config.batch_size:
            raise ValueError(
                f"--queue-size: expected at least the {2 * config.batch_size} views of "
                f"a batch, got {config.queue_size}"
            )
        has_begun = last_epoch(run.path / "checkpoints") > 0
        path, count = run.path / EMBEDDINGS_FILE, len(self.pool)
        is_asked = not (config.teacher_cache and has_begun and path.is_file())
        if is_asked:
            self._refuse_another_teacher(run, has_begun)
        run.update_manifest(teacher_parameters=self.teacher.count_params())
        if config.teacher_cache:
            if is_asked:
                with replacing(path) as temporary, temporary.open("wb") as file:
                    np.save(file, self._embed(np.arange(count))[0])
            self.targets = np.load(path)
        if has_begun:
            return  # The checkpoint has means and queue.
        random = np.random.default_rng(config.seed)
        indices = random.permutation(count)[: config.queue_size]
        if config.teacher_cache:
            self.first = self.targets[indices], None
        else:
            self.first = self._embed(indices)

    def build_model(self, backbone):
        from ssl_voc import layers, models

        config = self.config
        dimensions = self.teacher.output_shape[0][-1]
        model = models.DistillationModel(
            backbone,
            self.build_augmenter(),
            None if config.teacher_cache else self.teacher,
            dimensions,
            config.queue_size,
            1.0 if config.spatial_weight is None else config.spatial_weight,
            layers.ProjectionHead(config.hidden_dimensions, dimensions),
        )
        if self.first is not None:
            model.fill(*self.first)
        return model

    def compile_arguments(self):
        from ssl_voc import losses

        config = self.config
        return {
            "loss": losses.SimilarityDistillationLoss(
                config.teacher_temperature, config.student_temperature
            )
        }

    def panels(self):
        import math

        from ssl_voc.visualization.curves import Panel

        chance = math.log(self.config.queue_size)
        return [
            Panel(("global_loss",), "cross-entropy with the teacher", chance=chance),
            Panel(("spatial_loss",), "1 - cosine of the maps", chance=1.0),
            Panel(("knn_top1",), "top-1 accuracy"),
        ]

    def describe(self, summary):
        loss = (
            f"{summary['loss']:.3f}; cross-entropy with the teacher "
            f"{summary['global_loss']:.3f} ({summary['loss_over_chance']:.2f} of "
            "chance)"
        )
        if "spatial_loss" in summary:
            loss += f"; 1 - cosine of the maps {summary['spatial_loss']:.3f}"
        return [("loss", loss)]

    def _refuse_another_teacher(self, run, has_begun):
        """Finds that a run goes on with the teacher that it began with, or notes it."""
        digest = hashlib.sha256()
        for weight in self.teacher.get_weights():
            digest.update(weight.tobytes())
        found = digest.hexdigest()
        if has_begun and run.manifest.get("teacher_sha256") != found:
            raise ValueError(
                f"--teacher: {self.config.teacher} has other weights than when "
                f"{run.path} began. Bring those back, or begin anew with --overwrite."
            )
        run.update_manifest(teacher_sha256=found)

    def _embed(self, indices):
        """The teacher's embeddings of whole photos, and the mean cell of its maps."""
        import numpy as np

        from ssl_voc.models.batch_inference import predict_batches
        from ssl_voc.runs.progress_bar import progress_bar

        progress = progress_bar("asking the teacher")
        embeddings, cells = [], []
        batch_size = min(self.config.batch_size, _MAX_BATCH)
        for start in range(0, len(indices), batch_size):
            images = self.pool.gather(indices[start : start + batch_size])
            found, maps = predict_batches(self.teacher, images, batch_size)
            embeddings.append(found.astype("float32"))
            cells.append(maps.astype("float32").mean(axis=(1, 2)))
            progress(start + len(images), len(indices))
        return np.concatenate(embeddings), np.concatenate(cells).mean(axis=0)
