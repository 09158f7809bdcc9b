import numpy as np
import pytest
from faster_coco_eval.core import mask as run_lengths

from pipelines.photos.box_checks import BadBox
from pipelines.readers.coco_boxes import box_of

HEIGHT, WIDTH = 30, 40
BOX = (5, 3, 17, 11)
POLYGON = [5, 3, 17, 3, 17, 11, 5, 11]


def pixels():
    drawn = np.zeros((HEIGHT, WIDTH), "uint8", order="F")
    drawn[3:11, 5:17] = 1
    return drawn


def uncompressed():
    columns = pixels().ravel(order="F")
    changes = np.flatnonzero(np.diff(columns)) + 1
    ends = [0, *changes.tolist(), len(columns)]
    return np.diff(ends).tolist()


def compressed():
    return run_lengths.encode(pixels())["counts"]


OUTLINES = {
    "polygon": [POLYGON],
    "polygon of texts": [[str(value) for value in POLYGON]],
    "polygon in no list": POLYGON,
    "two polygons": [[5, 3, 9, 3, 9, 7], [17, 11, 12, 11, 12, 8]],
    "counts": {"size": [HEIGHT, WIDTH], "counts": uncompressed()},
    "counts beyond the mask": {
        "size": [HEIGHT, WIDTH],
        "counts": [*uncompressed()[:-1], 9_999],
    },
    "text": {"size": [HEIGHT, WIDTH], "counts": compressed().decode()},
    "sizes as text": {"size": ["30", 40.0], "counts": compressed().decode()},
}


@pytest.mark.parametrize("outline", OUTLINES)
@pytest.mark.parametrize("more", [{}, {"bbox": None}, {"bbox": []}, {"bbox": [0] * 4}])
def test_outline_gives_its_box_where_there_is_no_bbox(outline, more):
    assert box_of({"segmentation": OUTLINES[outline], **more}) == BOX


def test_bbox_wins_over_an_outline():
    entry = {"bbox": [1, 2, 3, 4], "segmentation": [POLYGON]}
    assert box_of(entry) == (1, 2, 4, 6)


SIZE = {"size": [HEIGHT, WIDTH]}
NO_BOXES = [
    ("keypoints only", {"keypoints": [3, 4, 2], "num_keypoints": 1}),
    ("keypoints only", {"keypoints": [3, 4, 2], "bbox": []}),
    ("not a number", {}),
    ("not a number", {"bbox": "1 2 3 4", "segmentation": []}),
    ("no outline", {"segmentation": "5 3 17 11"}),
    ("no outline", {"segmentation": [[5, 3, 17]]}),
    ("no outline", {"segmentation": [["x", 3]]}),
    ("no outline", {"segmentation": {"counts": [1, 2]}}),
    ("no outline", {"segmentation": {"size": [0, 0], "counts": "b]4"}}),
    ("no outline", {"segmentation": {**SIZE, "counts": "\u00e9"}}),
    ("no outline", {"segmentation": {**SIZE, "counts": None}}),
    ("no outline", {"segmentation": {**SIZE, "counts": ["x"]}}),
    ("no outline", {"segmentation": {**SIZE, "counts": [3, -1]}}),
    ("empty", {"segmentation": {**SIZE, "counts": [HEIGHT * WIDTH]}}),
]


@pytest.mark.parametrize(("kind", "entry"), NO_BOXES)
def test_what_gives_no_box_is_refused_with_its_kind(kind, entry):
    with pytest.raises(BadBox) as raised:
        box_of(entry)
    assert raised.value.kind == f"box dropped: {kind}"
    assert "DETAILED" not in str(raised.value) and str(raised.value)
