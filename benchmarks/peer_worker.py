"""Pretraining with lightly and timm on torch, as the benchmark asks for it.

Runs in an environment of its own, which needs torch, torchvision, lightly and timm.
"""

import sys
import time

import torch

from benchmarks.torchvision_operators import declare_missing_operators
from benchmarks.worker import peak_memory_gib, serve

_DECLARED = declare_missing_operators()

import lightly  # noqa: E402
import timm  # noqa: E402
from lightly.data import LightlyDataset  # noqa: E402
from lightly.loss import NTXentLoss  # noqa: E402
from lightly.models.modules import SimCLRProjectionHead  # noqa: E402
from lightly.transforms import SimCLRTransform  # noqa: E402

LOADER_WORKERS = (0, 1, 2)
MEMORY_FORMATS = ("contiguous_format", "channels_last")


class PeerWorker:
    """timm's EfficientNet-B1 under lightly's SimCLR transform, head and loss.

    Args:
        data: Folder of photos.
        image_size: Side of the views in pixels.
        batch_size: Number of pairs in a step.
        augmentation: Keyword arguments of `benchmarks.pretraining.Augmentation`.
    """

    def __init__(self, data, image_size, batch_size, augmentation):
        torch.manual_seed(0)
        self.batch_size = batch_size
        transform = SimCLRTransform(
            input_size=image_size,
            min_scale=augmentation["smallest_area"],
            cj_strength=augmentation["color_strength"],
            random_gray_scale=augmentation["grayscale_rate"],
            gaussian_blur=augmentation["blur_rate"],
            sigmas=tuple(augmentation["blur_sigma_range"]),
        )
        self.dataset = LightlyDataset(data, transform=transform)
        self.backbone = timm.create_model("efficientnet_b1", num_classes=0)
        self.head = SimCLRProjectionHead(self.backbone.num_features, 512, 128)
        self.loss = NTXentLoss(temperature=0.1)
        self.optimizer = torch.optim.SGD(
            [*self.backbone.parameters(), *self.head.parameters()],
            lr=0.1 * batch_size / 256,
            momentum=0.9,
            weight_decay=1e-4,
        )
        self.memory_format = torch.contiguous_format
        self.batches = None

    def describe(self):
        """Names what is measured."""
        return (
            f"lightly {lightly.__version__}, timm {timm.__version__}, "
            f"torch {torch.__version__} ({torch.get_num_threads()} threads)"
        )

    def warm_up(self):
        """Chooses the memory format and number of loader processes that are fastest.

        Returns:
            Dictionary of the choice and of what each candidate took, in seconds a step.
        """
        views = next(self._load(num_workers=0))
        formats = {}
        for name in MEMORY_FORMATS:
            self._use(name)
            self._step(views)
            formats[name] = self._time(lambda: self._step(views), 2)
        memory_format = min(formats, key=formats.get)
        self._use(memory_format)

        loaders = {}
        for num_workers in LOADER_WORKERS:
            self.batches = self._load(num_workers)
            self._step(next(self.batches))
            loaders[num_workers] = self._time(lambda: self._step(next(self.batches)), 4)
        num_workers = min(loaders, key=loaders.get)
        self.batches = self._load(num_workers)
        return {
            "memory_format": memory_format,
            "num_workers": num_workers,
            "seconds_by_memory_format": formats,
            "seconds_by_num_workers": loaders,
        }

    def train(self, num_steps):
        """Trains after one step more, which fills the pipeline.

        Returns:
            Dictionary of `"seconds"` and of the seconds `"waited"` for data in them.
        """
        self._step(next(self.batches))
        waited, start = 0.0, time.perf_counter()
        for _ in range(num_steps):
            asked = time.perf_counter()
            views = next(self.batches)
            waited += time.perf_counter() - asked
            self._step(views)
        return {"seconds": time.perf_counter() - start, "waited": waited}

    def peak_memory(self):
        """Largest resident memory so far, in GiB, loader processes not counted."""
        return peak_memory_gib()

    def _use(self, memory_format):
        self.memory_format = getattr(torch, memory_format)
        self.backbone.to(memory_format=self.memory_format)

    def _load(self, num_workers):
        """Endless iterator over the two views of shuffled batches."""
        loader = torch.utils.data.DataLoader(
            self.dataset,
            batch_size=self.batch_size,
            sampler=torch.utils.data.RandomSampler(
                self.dataset, replacement=True, num_samples=10**9
            ),
            drop_last=True,
            num_workers=num_workers,
        )
        for views, _, _ in loader:
            yield torch.cat(views)

    def _step(self, views):
        views = views.contiguous(memory_format=self.memory_format)
        self.optimizer.zero_grad()
        projections_a, projections_b = self.head(self.backbone(views)).chunk(2)
        loss = self.loss(projections_a, projections_b)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @staticmethod
    def _time(function, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            function()
        return (time.perf_counter() - start) / repeats


if __name__ == "__main__":
    serve(PeerWorker, sys.argv[1])
