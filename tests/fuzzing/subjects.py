"""Small good files of every format that is read, and what reads them."""

import io
import json
import zipfile

import numpy as np
import urllib3
import yaml
from PIL import Image

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.rest_client import ServingClient
from tests import tiny

SIZE = 24


def encoded(kind, seed=0):
    """A small photo as bytes of a format of Pillow's."""
    buffer = io.BytesIO()
    pixels = tiny.draw_photos(1, SIZE, seed)[0]
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def _read(path):
    """What every command does with labelled data: read, decode, check, report."""
    photos = pipelines.read(
        str(path), "all" if "all" in pipelines.splits(path) else None
    )
    if any(photo.objects for photo in photos):
        pool = pipelines.prepare_labeled(photos, 32, cache="none", workers=1)
    else:
        pool = pipelines.prepare(photos, 32, cache="none", workers=1)
    pipelines.report_data(pool).text()


def voc(folder, content):
    """An annotation of a VOC tree."""
    tree = folder / "voc"
    if not tree.exists():
        tiny.write_voc(tree, 1, size=SIZE)
    (tree / "Annotations" / "000.xml").write_bytes(content)
    _read(tree)


def voc_list(folder, content):
    """A list of a VOC tree."""
    tree = folder / "voc_list"
    if not tree.exists():
        tiny.write_voc(tree, 1, 1, size=SIZE)
    (tree / "ImageSets" / "Main" / "train.txt").write_bytes(content)
    pipelines.read(str(tree), "train")


def coco(folder, content):
    """A COCO json."""
    (folder / "0.png").write_bytes(encoded("PNG"))
    (folder / "train.json").write_bytes(content)
    _read(folder / "train.json")


def yolo_labels(folder, content):
    """A label file of a YOLO data set."""
    _write_yolo(folder / "yolo", labels=content)
    _read(folder / "yolo")


def yolo_yaml(folder, content):
    """The `data.yaml` of a YOLO data set."""
    _write_yolo(folder / "yolo_yaml", data=content)
    _read(folder / "yolo_yaml" / "data.yaml")


def photo(folder, content):
    """A photo of any format."""
    pipelines.decode(content)


def arrays(folder, content):
    """An archive of NumPy arrays."""
    (folder / "photos.npz").write_bytes(content)
    _read(folder / "photos.npz")


def archive(folder, content):
    """A zip of photos beside a COCO json."""
    (folder / "zip").mkdir(exist_ok=True)
    (folder / "zip" / "photos.zip").write_bytes(content)
    (folder / "zip" / "train.json").write_text(_COCO)
    _read(folder / "zip" / "train.json")


def answer(folder, content):
    """The body of a server's answer."""
    with ServingClient("http://localhost:1/v1/models/m", retries=0) as client:
        client._pool = _Answering(content)
        try:
            client.predict([b"photo"])
        except ServingError as error:
            raise BadInput(str(error)) from error


def table(folder, content):
    """The list of photos of a run."""
    (folder / "photos.tsv").write_bytes(content)
    pipelines.read_photo_table(folder / "photos.tsv")


class _Answering:
    """A pool of connections to a server that says one thing."""

    def __init__(self, body):
        self._body = io.BytesIO(body)

    def urlopen(self, *_, **__):
        return urllib3.HTTPResponse(self._body, status=200, preload_content=False)

    def clear(self):
        pass


_OBJECT = ("cat", (2, 3, 12, 14), False)
_COCO = json.dumps(
    {
        "images": [{"id": 7, "file_name": "0.png", "width": SIZE, "height": SIZE}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 3,
                "bbox": [2, 3, 10, 11],
                "segmentation": [[2, 3, 12, 3, 12, 14]],
                "iscrowd": 0,
            }
        ],
    }
)
_ANSWER = json.dumps(
    {
        "predictions": [
            {
                "boxes": [[2.0, 3.0, 12.0, 14.5], [-1.0, -1.0, -1.0, -1.0]],
                "scores": [0.75, -1.0],
                "classes": [1, -1],
                "class_names": ["cat", ""],
                "num_detections": 1,
                "image_size": [SIZE, SIZE],
                "errors": "",
            }
        ]
    }
)
_YOLO = yaml.safe_dump({"train": "images", "names": {0: "cat"}})


def _write_yolo(folder, labels=b"0 0.5 0.5 0.4 0.4\n", data=None):
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "images" / "0.png").write_bytes(encoded("PNG"))
    (folder / "labels" / "0.txt").write_bytes(labels)
    (folder / "data.yaml").write_bytes(data or _YOLO.encode())


def _zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return buffer.getvalue()


def _npz():
    buffer = io.BytesIO()
    np.savez(buffer, images=tiny.draw_photos(3, SIZE))
    return buffer.getvalue()


def _table():
    photos = pipelines.Photos([pipelines.Photo("0", "photos", None)], "photos")
    return pipelines.photo_table(photos, np.array([2**63 + 1], "uint64")).encode()


# What reads, and good files for it.
SUBJECTS = {
    voc: lambda: [tiny.annotation(_OBJECT, width=SIZE, height=SIZE).encode()],
    voc_list: lambda: [b"000\n001 1\n", "000\n".encode("utf-16")],
    coco: lambda: [_COCO.encode()],
    yolo_labels: lambda: [b"0 0.5 0.5 0.4 0.4\n0 0.1 0.1 0.5 0.1 0.5 0.5\n"],
    yolo_yaml: lambda: [_YOLO.encode()],
    photo: lambda: [
        encoded(kind) for kind in ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
    ],
    arrays: lambda: [_npz()],
    archive: lambda: [_zipped({"0.png": encoded("PNG")})],
    table: lambda: [_table()],
    answer: lambda: [_ANSWER.encode()],
}
