import numpy as np
from keras import ops

from ssl_voc.layers.box_motions import boxes_in_crops, flip_boxes, keep_visible

PADDED = [-1.0, -1.0, -1.0, -1.0]


def test_mirrored_boxes_keep_their_size_and_others_their_place():
    boxes = np.array([[[2, 1, 5, 9], PADDED]] * 2, "float32")
    flips = np.array([True, False])
    moved = flip_boxes(boxes, np.array([[0, -1]] * 2), flips, width=20)
    expected = [[[15, 1, 18, 9], PADDED], [[2, 1, 5, 9], PADDED]]
    np.testing.assert_array_equal(ops.convert_to_numpy(moved), expected)


def test_boxes_are_counted_from_the_corner_of_their_own_crop():
    boxes = np.array([[[50, 20, 100, 40]], [[50, 20, 100, 40]]], "float32")
    # Of 200 x 100 pixels: x 50 to 150, y 10 to 60; and twice as wide as the image.
    crops = np.array([[0.25, 0.1, 0.75, 0.6], [-0.5, 0, 1.5, 1]], "float32")
    moved = ops.convert_to_numpy(boxes_in_crops(boxes, crops, (100, 200), (50, 40)))
    # Width 100 becomes 40, height 50 stays 50.
    np.testing.assert_allclose(moved[0, 0], [0, 10, 20, 30], atol=1e-4)
    # Width 400 becomes 40: (50 + 100) / 10. Height 100 becomes 50.
    np.testing.assert_allclose(moved[1, 0], [15, 10, 20, 20], atol=1e-4)


def test_objects_are_clipped_and_hidden_ones_become_padding():
    boxes = [[[-5, 0, 5, 10], [-9, 0, 1, 10], [2, 2, 8, 8], [30, 0, 40, 5], PADDED]]
    classes = np.array([[0, 1, 2, 3, -1]])
    for share, kept in (
        (0.5, [0, 2]),
        (0.51, [2]),
        (0.05, [0, 1, 2]),
        (0.0, [0, 1, 2]),
    ):
        moved, left = keep_visible(
            np.array(boxes, "float32"), classes, (10, 10), min_visible_share=share
        )
        moved, left = ops.convert_to_numpy(moved)[0], ops.convert_to_numpy(left)[0]
        assert [index for index in left if index >= 0] == kept
        hidden = np.isin(np.arange(5), kept, invert=True)
        np.testing.assert_array_equal(moved[hidden], -1.0)
        np.testing.assert_array_equal(left[hidden], -1)
        np.testing.assert_array_equal(moved[2], [2, 2, 8, 8])
        if 0 in kept:
            np.testing.assert_array_equal(moved[0], [0, 0, 5, 10])


def test_difficult_objects_stay_as_long_as_anything_of_them_is_inside():
    boxes = [[[-9, 0, 1, 10], [-9, 0, 1, 10], [-9, 0, 0, 10], [30, 0, 40, 5]]]
    difficult = np.array([[True, False, True, True]])
    moved, left = keep_visible(
        np.array(boxes, "float32"), np.array([[0, 1, 2, 3]]), (10, 10), 0.5, difficult
    )
    assert ops.convert_to_numpy(left).tolist() == [[0, -1, -1, -1]]
    np.testing.assert_array_equal(ops.convert_to_numpy(moved)[0, 0], [0, 0, 1, 10])
