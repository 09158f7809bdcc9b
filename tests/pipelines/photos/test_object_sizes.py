import pytest

from pipelines.photos.object_sizes import object_size


@pytest.mark.parametrize(
    ("side", "size"), [(31.9, "small"), (32, "medium"), (95.9, "medium"), (96, "large")]
)
def test_sizes_are_cocos_at_640_by_480(side, size):
    assert object_size(side**2, 640 * 480) == size


def test_a_reduced_copy_has_objects_of_the_same_size():
    for share in (0.001, 0.01, 0.1):
        sizes = {object_size(share * area, area) for area in (160 * 120, 500 * 375)}
        assert len(sizes) == 1
