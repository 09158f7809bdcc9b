"""`pretrain --objective multicrop`: local views, pictures, resuming."""

import keras
import pytest
from PIL import Image

from ssl_voc.cli.errors import BadInput
from ssl_voc.pretrain import PretrainConfig, pretrain
from tests.pretrain.stopped import assert_same_training, rows_of, stop_after


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    """A run of three epochs with two local views."""
    out = tmp_path_factory.mktemp("multicrop") / "run"
    changes = {"objective": "multicrop", "local_views": 2}
    return out, pretrain(place.config(out, **changes, epochs=3)), changes


@pytest.mark.slow
def test_run_learns_from_both_kinds_of_pairs(finished):
    run, summary, _ = finished
    rows = rows_of(run)
    assert summary["loss"] < rows[0]["loss"]
    assert summary["local_loss"] < rows[0]["local_loss"]
    backbone = keras.models.load_model(run / "backbone.keras")
    assert backbone.input_shape == (None, 32, 32, 3)


@pytest.mark.slow
def test_pictures_show_the_local_views_beside_the_global_ones(finished):
    run, _, _ = finished
    with Image.open(run / "views.png") as sheet:
        # A photo and its four views to a row of twelve.
        assert sheet.width > 5 * 128 and sheet.height > 12 * 128


@pytest.mark.slow
def test_stopped_it_goes_on_as_if_never_stopped(place, finished, tmp_path):
    whole, _, changes = finished
    config = place.config(tmp_path / "run", **changes, epochs=3)
    stop_after(1, config)
    pretrain(config)
    assert_same_training(config.out, whole)


def test_areas_of_local_views_must_ascend():
    with pytest.raises(ValueError, match="--local-area"):
        PretrainConfig(objective="multicrop", local_area=(0.3, 0.1))


@pytest.mark.parametrize(
    ("settings", "flag"),
    [({}, "image-size"), ({"image_size_start": 32}, "image-size-start")],
)
def test_local_views_that_leave_no_map_are_refused(place, tmp_path, settings, flag):
    size = 40 if settings else 32
    x = inputs = keras.Input((size, size, 3))
    for _ in range(4):  # 31 px are 15, 7, 3 and 1 cells, 30 px none at last
        x = keras.layers.Conv2D(4, 3, 2)(x)
    keras.Model(inputs, x).save(tmp_path / "deep.keras")
    settings = {
        "backbone": str(tmp_path / "deep.keras"),
        "image_size": size,
        **settings,
    }
    config = place.config(tmp_path / "run", objective="multicrop", **settings)
    with pytest.raises(BadInput, match=f"^--{flag}: expected at least 62 .* got 32$"):
        pretrain(config)
