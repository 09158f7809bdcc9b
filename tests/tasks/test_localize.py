"""What the task `localize` hands its model to learn from."""

import numpy as np

import pipelines
from pipelines import Object, Photos
from ssl_voc.tasks import TASKS
from tests import tiny
from tests.photos_in_memory import build_photo


def test_all_objects_of_a_photo_are_handed_on():
    pixels = np.zeros((32, 32, 3), "uint8")
    objects = (
        Object("cat", (0, 0, 9, 9)),
        Object("dog", (4, 4, 30, 30)),
        Object("cat", (0, 0, 32, 32), difficult=True),
    )
    photos = Photos([build_photo("a", pixels, *objects)], "set")
    pool = pipelines.prepare_labeled(photos, 32, cache="none", main_object_only=True)
    inputs = TASKS["localize"].model_inputs(pool.gather([0]))
    assert inputs.keys() == {"images", "bounding_boxes", "difficult"}
    assert inputs["bounding_boxes"]["classes"].tolist() == [[0, 1, 0]]
    assert inputs["difficult"].tolist() == [[False, False, True]]
    targets = tiny.build_localizer(num_classes=2)(inputs)["targets"]
    assert np.array(targets["boxes"]).tolist() == [[[4, 4, 30, 30]]]
