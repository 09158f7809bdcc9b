"""Arguments out of range and unusable images, which layers refuse by name."""

import keras
import pytest

from ssl_voc.layers import (
    DetectionAugmenter,
    LocalizationAugmenter,
    LocalizationHead,
    MultiCropAugmenter,
    OverlappingViewsAugmenter,
    ProjectionHead,
    RandomBoxCrop,
    RandomColorJitter,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomMosaic,
    RandomResizedCrop,
    RandomSolarize,
    SimCLRAugmenter,
    SingleViewAugmenter,
)
from ssl_voc.layers.detection_head import DetectionHead
from ssl_voc.layers.path_aggregation import PathAggregation

# The first argument is at fault.
REFUSED = [
    (DetectionAugmenter, {"flip_rate": 2, "image_size": 8}),
    (DetectionAugmenter, {"color_rate": -1, "image_size": 8}),
    (DetectionAugmenter, {"grayscale_rate": 9, "image_size": 8}),
    (DetectionAugmenter, {"mosaic_rate": -1, "image_size": 8}),
    (DetectionAugmenter, {"color_strength": -1, "image_size": 8}),
    (DetectionAugmenter, {"min_visible_share": 0.9, "image_size": 8}),
    (LocalizationHead, {"num_classes": 0}),
    (LocalizationHead, {"channels": 0, "num_classes": 3}),
    (LocalizationHead, {"dropout": 1.0, "num_classes": 3}),
    (LocalizationHead, {"num_layers": -1, "num_classes": 3}),
    (LocalizationHead, {"first_reach": (2, 0), "num_classes": 3}),
    (MultiCropAugmenter, {"num_local": 0, "image_size": 8}),
    (MultiCropAugmenter, {"local_area_range": (0.3, 0.1), "image_size": 8}),
    (OverlappingViewsAugmenter, {"min_iou": 1.5, "image_size": 8}),
    (ProjectionHead, {"hidden_dimensions": 0}),
    (ProjectionHead, {"dimensions": 0}),
    (ProjectionHead, {"num_layers": 0}),
    (DetectionHead, {"num_classes": 0}),
    (DetectionHead, {"num_bins": 1, "num_classes": 2}),
    (DetectionHead, {"num_layers": -1, "num_classes": 2}),
    (PathAggregation, {"channels": 0}),
    (RandomBoxCrop, {"image_size": 0}),
    (RandomBoxCrop, {"area_range": (0, 1), "image_size": 8}),
    (RandomBoxCrop, {"aspect_range": (2, 1), "image_size": 8}),
    (RandomBoxCrop, {"min_main_share": 1.5, "image_size": 8}),
    (RandomBoxCrop, {"min_visible_share": 0.8, "image_size": 8}),
    (RandomBoxCrop, {"main_object": "any", "image_size": 8}),
    (RandomColorJitter, {"brightness": -0.1}),
    (RandomColorJitter, {"contrast": -0.1}),
    (RandomColorJitter, {"saturation": -0.1}),
    (RandomColorJitter, {"hue": 0.6}),
    (RandomColorJitter, {"rate": 1.1}),
    (RandomGaussianBlur, {"sigma_range": (0.0, 1.0)}),
    (RandomGaussianBlur, {"sigma_range": (2.0, 1.0)}),
    (RandomGaussianBlur, {"sigma_range": (-1.0, 1.0)}),
    (RandomGaussianBlur, {"rate": -0.1}),
    (RandomGrayscale, {"rate": -0.1}),
    (RandomHorizontalFlip, {"rate": -0.1}),
    (RandomMosaic, {"rate": 1.5}),
    (RandomMosaic, {"center_range": (0.6, 0.4)}),
    (RandomMosaic, {"center_range": (0.0, 0.5)}),
    (RandomMosaic, {"center_range": (0.5, 1.0)}),
    (RandomResizedCrop, {"size": 0}),
    (RandomResizedCrop, {"area_range": (0.0, 1.0), "size": 8}),
    (RandomResizedCrop, {"area_range": (0.5, 1.5), "size": 8}),
    (RandomResizedCrop, {"area_range": (0.9, 0.5), "size": 8}),
    (RandomResizedCrop, {"area_range": (), "size": 8}),
    (RandomResizedCrop, {"aspect_range": (-1, 1), "size": 8}),
    (RandomResizedCrop, {"aspect_range": (1, 2, 3), "size": 8}),
    (RandomSolarize, {"rate": -0.1}),
    (RandomSolarize, {"threshold": -1.0}),
    (RandomSolarize, {"threshold": 256.0}),
    (SimCLRAugmenter, {"flip_rate": 1.5, "image_size": 8}),
    (SimCLRAugmenter, {"color_rate": -0.1, "image_size": 8}),
    (SimCLRAugmenter, {"grayscale_rate": -0.1, "image_size": 8}),
    (SimCLRAugmenter, {"blur_rate": -0.1, "image_size": 8}),
    (SimCLRAugmenter, {"solarize_rate": -0.1, "image_size": 8}),
    (SimCLRAugmenter, {"color_strength": -1.0, "image_size": 8}),
    (SimCLRAugmenter, {"area_range": (0.0, 1.0), "image_size": 8}),
    (
        SimCLRAugmenter,
        {"blur_sigma_range": (0.0, 1.0), "blur_rate": 0.5, "image_size": 8},
    ),
]


@pytest.mark.parametrize(("layer_class", "arguments"), REFUSED)
def test_the_argument_at_fault_and_its_value_are_named(layer_class, arguments):
    name, value = next(iter(arguments.items()))
    name = {"blur_sigma_range": "sigma_range"}.get(name, name)  # the blur's own
    with pytest.raises(ValueError, match=f"`{name}`.*Received: ") as error:
        layer_class(**arguments)
    assert str(value) in str(error.value).partition("Received: ")[2]


@pytest.mark.parametrize(
    "shape", [(24, 24, 3), (2, 24, 24, 1), (2, None, 24, 3), (2, 24, 24, None)]
)
@pytest.mark.parametrize(
    "layer_class", [SimCLRAugmenter, SingleViewAugmenter, LocalizationAugmenter]
)
def test_images_but_a_batch_in_color_of_known_sides_are_refused(layer_class, shape):
    inputs = keras.KerasTensor(shape)
    if layer_class is LocalizationAugmenter:
        boxes, classes = keras.KerasTensor((2, 1, 4)), keras.KerasTensor((2, 1))
        labels = {"boxes": boxes, "classes": classes}
        inputs = {"images": inputs, "bounding_boxes": labels}
    with pytest.raises(ValueError, match="channels=3, resize") as error:
        layer_class(8).call(inputs)
    assert f"images.shape={shape}" in str(error.value)
