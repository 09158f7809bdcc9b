"""Ultralytics' YOLO11n from random weights, as `first_evening` asks for it.

Runs in an environment of its own, which needs torch, torchvision and ultralytics:
`python -m benchmarks.yolo_worker TASK.json`. Where torchvision's compiled operations do
not load, as beside a torch of CPUs alone, its suppression is replaced.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageOps

from benchmarks.torchvision_operators import declare_missing_operators

GRAY = 128
_DECLARED = declare_missing_operators()  # None where torchvision has them


def main(path):
    """Trains, predicts the photos and gray pictures of their sizes, writes both."""
    if _DECLARED is not None:
        replace_suppression()
    from ultralytics import YOLO
    from ultralytics.utils import torch_utils

    task = json.loads(pathlib.Path(path).read_text())
    # Its trainer sets them anew, by default to one less than there are cores.
    torch_utils.NUM_THREADS = task["threads"]
    out = pathlib.Path(task["out"])
    model = YOLO("yolo11n.yaml")  # by its structure: random weights
    model.train(
        data=task["data"],
        imgsz=task["image_size"],
        batch=task["batch_size"],
        time=task["hours"],
        seed=task["seed"],
        patience=task["patience"],
        device="cpu",
        workers=0,  # all cores compute
        plots=False,
        pretrained=False,
        project=str(out),
        name="train",
        exist_ok=True,
    )
    best = YOLO(out / "train" / "weights" / "best.pt")
    trainer = model.trainer
    found = {
        # An optimizer step takes 64 photos.
        "batches": (trainer.epoch + 1) * len(trainer.train_loader),
        "epochs": trainer.epoch + 1,
        "best_epoch": trainer.stopper.best_epoch,
        "threads": torch.get_num_threads(),
        "photos": [],
        "gray": [],
    }
    for image in task["images"]:
        upright = ImageOps.exif_transpose(Image.open(image)).convert("RGB")
        pixels = np.asarray(upright)[..., ::-1]  # BGR
        for name, picture in (("photos", pixels), ("gray", np.full_like(pixels, GRAY))):
            found[name].append(detect(best, np.ascontiguousarray(picture), task))
    (out / "predictions.json").write_text(json.dumps(found))


def detect(model, picture, task):
    """Rows `[class, score, x1, y1, x2, y2]`, in pixels of the photo."""
    (result,) = model.predict(
        picture,
        imgsz=task["image_size"],
        conf=0.001,
        max_det=task["max_detections"],
        verbose=False,
    )
    found = result.boxes
    return [
        [int(label), float(score), *map(float, box)]
        for label, score, box in zip(found.cls, found.conf, found.xyxy, strict=True)
    ]


def replace_suppression():
    """Gives torchvision a suppression of its tensors."""
    import torchvision
    from ultralytics.utils.nms import TorchNMS

    torchvision.ops.nms = TorchNMS.nms


if __name__ == "__main__":
    main(sys.argv[1])
