"""Row format of TensorFlow Serving's REST API."""

import base64
import json

import pytest

from ssl_voc.serving_client.rest_rows import encode_rows, read_rows


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
        ({"predictions": [{"logits": [0.5]}]}, "logits, not boxes"),
    ],
)
def test_answer_of_another_shape_is_an_error(answer, reason):
    with pytest.raises(ValueError, match=reason):
        read_rows(answer)
