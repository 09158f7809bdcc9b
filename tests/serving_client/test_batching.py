"""Images in requests of bounded size."""

import pytest

from ssl_voc.serving_client.batching import in_chunks


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


def test_path_instead_of_bytes_is_refused():
    with pytest.raises(TypeError, match="as bytes.*Received: str"):
        list(in_chunks(["photo.jpg"], 2, 10))
