import pytest

from pipelines.photos.object_sizes import object_size


@pytest.mark.parametrize(
    ("side", "size"), [(31.9, "small"), (32, "medium"), (95.9, "medium"), (96, "large")]
)
def test_sizes_are_cocos_at_640_by_480(side, size):
    for scale in (1, 0.25):  # a reduced copy has objects of the same size
        assert object_size((scale * side) ** 2, scale**2 * 640 * 480) == size
