"""Requests and answers of TensorFlow Serving's REST API, as rows."""

import base64
import json

import pytest

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.rest_rows import encode_rows, in_chunks, read_rows


@pytest.mark.parametrize(
    ("sizes", "most", "most_bytes", "expected"),
    [
        ([1, 1, 1, 1, 1], 2, 100, [[1, 1], [1, 1], [1]]),
        ([5, 5, 5], 9, 10, [[5, 5], [5]]),
        ([3, 50, 3], 9, 10, [[3], [50], [3]]),
        ([], 2, 10, []),
    ],
)
def test_chunks_keep_order_and_bounds(sizes, most, most_bytes, expected):
    chunks = in_chunks((bytes(size) for size in sizes), most, most_bytes)
    assert [[len(image) for image in chunk] for chunk in chunks] == expected


def test_body_is_valid_json_of_any_bytes():
    images = [bytes(range(256)), b""]
    rows = json.loads(encode_rows(images))["instances"]
    decoded = [base64.b64decode(row["image_bytes"]["b64"]) for row in rows]
    assert decoded == images


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"outputs": {}}, "no rows of `predictions`"),
        ({"predictions": [0.5]}, "no rows of `predictions`"),
        ({"predictions": []}, "0 predictions to 1 images"),
        ({"predictions": [{"logits": [0.5]}]}, "the model answers logits, not boxes"),
    ],
)
def test_answer_of_another_shape_is_an_error(answer, reason):
    with pytest.raises(ServingError, match=reason):
        read_rows(answer, 1)
