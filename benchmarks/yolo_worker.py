"""Ultralytics' YOLO11n from random weights, as `first_evening` asks for it.

Runs in an environment of its own, which needs torch, torchvision and ultralytics:
`python -m benchmarks.yolo_worker TASK.json`.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from ultralytics import YOLO

GRAY = 128


def main(path):
    """Trains, predicts the photos and gray pictures of their sizes, writes both."""
    task = json.loads(pathlib.Path(path).read_text())
    torch.set_num_threads(task["threads"])
    out = pathlib.Path(task["out"])
    model = YOLO("yolo11n.yaml")  # by its structure: random weights
    model.train(
        data=task["data"],
        imgsz=task["image_size"],
        batch=task["batch_size"],
        time=task["hours"],
        seed=task["seed"],
        device="cpu",
        workers=0,
        plots=False,
        pretrained=False,
        project=str(out),
        name="train",
        exist_ok=True,
    )
    best = YOLO(out / "train" / "weights" / "best.pt")
    found = {"steps": steps_of(model), "photos": [], "gray": []}
    for image in task["images"]:
        pixels = np.asarray(Image.open(image).convert("RGB"))[..., ::-1]  # BGR
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


def steps_of(model):
    """Number of steps that were trained."""
    trainer = model.trainer
    return (trainer.epoch + 1) * len(trainer.train_loader)


if __name__ == "__main__":
    main(sys.argv[1])
