"""`PredictionSheet`: which photos it shows, when, and what it leaves as it is."""

import functools
import random
from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops
from PIL import Image

import pipelines
from ssl_voc.callbacks import EvaluatedWeights
from ssl_voc.finetune import predictions
from ssl_voc.finetune.predictions import DIFFICULT, LABELLED, PredictionSheet
from ssl_voc.layers import DetectionAugmenter
from ssl_voc.predict.config import DETECTOR_THRESHOLD
from ssl_voc.tasks import TASKS
from tests import tiny

SIZE = 64


def prepare(source, task="detect"):
    main_object_only = TASKS[task].main_object_only
    return pipelines.prepare_labeled(source, SIZE, main_object_only=main_object_only)


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    """Pools of 16 photos to learn from and of 14 to choose the epoch, of one object."""
    tree = tiny.write_voc(tmp_path_factory.mktemp("voc") / "voc", 16, 14, size=SIZE)
    return [prepare(pipelines.read(tree, split)) for split in ("train", "val")]


@pytest.fixture
def drawn(monkeypatch):
    """Arguments of each contact sheet, which is not drawn."""
    sheets = []
    monkeypatch.setattr(
        predictions, "draw_contact_sheet", lambda *arguments: sheets.append(arguments)
    )
    return sheets


def sheet_of(training, validation=None, task="detect", path="predictions.png"):
    data = SimpleNamespace(training=training, validation=validation)
    return PredictionSheet(path, TASKS[task], data, batch_size=5)


def answering(boxes, classes, scores):
    """A detector that finds the same in each photo."""
    found = {"boxes": boxes, "classes": classes, "confidence": scores}
    found = {name: np.array(values)[None] for name, values in found.items()}

    def predict(images):
        return {k: np.repeat(v, len(images), axis=0) for k, v in found.items()}

    return SimpleNamespace(
        predict_on_batch=predict,
        bounding_box_format="xyxy",
        image_shape=(SIZE, SIZE),
    )


NOTHING = answering(np.full((1, 4), -1.0), [-1], [-1.0])


@pytest.mark.parametrize(("held_back", "said"), [(True, "held back"), (False, "learn")])
def test_photos_are_of_those_that_choose_and_the_title_says_which(
    pools, drawn, held_back, said
):
    training, validation = pools
    sheet = sheet_of(training, validation if held_back else None)
    for epoch in (3, 7):
        sheet.draw(NOTHING, epoch, 30)
    shown = validation if held_back else training
    rows = pipelines.choose_varied(shown.photos, 12)
    for (_, [(_, tiles)], _, title, _), epoch in zip(drawn, (3, 7), strict=True):
        assert f"epoch {epoch} of 30" in title and said in title
        ids = [tile.caption.splitlines()[-1] for tile in tiles]
        assert ids == [shown.photos[int(row)].image_id for row in rows]
        (outline,) = tiles[0].outlines
        assert outline.style == LABELLED
        scale = tiles[0].pixels.shape[0] / SIZE
        np.testing.assert_allclose(
            outline.box, scale * shown.targets["boxes"][rows[0], 0]
        )


def test_boxes_are_drawn_from_the_threshold_of_predict_on(pools, drawn):
    scores = [DETECTOR_THRESHOLD + 0.01, DETECTOR_THRESHOLD - 0.01, -1.0]
    model = answering([[0, 0, 9, 9], [0, 0, 8, 8], [-1] * 4], [0, 0, -1], scores)
    sheet_of(pools[0]).draw(model, 1, 2)
    ((_, [(_, tiles)], _, _, legend),) = drawn
    for tile in tiles:
        (found,) = [item for item in tile.outlines if item.style == legend[-1]]
        assert found.ending == " 0.31"
        assert tile.caption.startswith("1 labelled, 1 predicted")
    assert f"{DETECTOR_THRESHOLD:g}" in legend[-1].label
    assert DIFFICULT not in legend


@pytest.mark.parametrize(
    ("score", "told"), [(0.124, "0.12"), (-1.0, "0.00"), (0.4, None)]
)
def test_where_no_score_is_high_enough_the_highest_is_told(pools, drawn, score, told):
    model = answering([[0, 0, 9, 9], [0, 0, 8, 8]], [0, 0], [score, -1.0])
    sheet_of(pools[0]).draw(model, 1, 2)
    title = drawn[0][3]
    assert title.endswith(told) if told else "highest" not in title
    assert " yet" not in title, "the last sheet has it, too"


def test_a_drawing_that_fails_puts_the_weights_that_train_back(pools):
    network, seen = tiny.build_backbone(SIZE, channels=4), []
    evaluated = EvaluatedWeights([tiny.draw_photos(4, size=SIZE)], False, network)
    trained = network.get_weights()

    def fail(images):
        seen.extend(network.get_weights())
        raise KeyboardInterrupt

    model = SimpleNamespace(predict_on_batch=fail)
    with pytest.raises(KeyboardInterrupt):
        sheet_of(pools[0]).draw(model, 1, 2, evaluated)
    assert not all(map(np.array_equal, seen, trained)), "others were lent"
    assert all(map(np.array_equal, network.get_weights(), trained))


def test_where_boxes_agree_the_labelled_one_is_not_named_again(pools, drawn):
    pool = pools[0]
    row = pipelines.choose_varied(pool.photos, 12)[0]
    box, label = pool.targets["boxes"][row, 0], pool.targets["classes"][row, 0]
    for classes in ([label], [(label + 1) % 3]):
        sheet_of(pool).draw(answering([box], classes, [0.9]), 1, 2)
    texts = [
        [item.text for item in sheet[1][0][1][0].outlines] for sheet in drawn
    ]  # of the first tile
    name, other = (pool.class_names[int(n)] for n in (label, (label + 1) % 3))
    assert texts == [["", name], [name, other]]


def test_in_a_crowd_mistakes_alone_are_named(pools, drawn):
    boxes = [[4 * n, 60, 4 * n + 3, 63] for n in range(12)]
    row = pipelines.choose_varied(pools[0].photos, 12)[0]
    label = int(pools[0].targets["classes"][row, 0])
    boxes.append(pools[0].targets["boxes"][row, 0])
    model = answering(boxes, [0] * 12 + [label], [0.5] * 13)
    sheet_of(pools[0]).draw(model, 1, 2)
    outlines = drawn[0][1][0][1][0].outlines[1:]
    assert sorted(bool(item.text) for item in outlines) == [False] + [True] * 12


def test_a_localizer_shows_its_one_box_however_unsure(tmp_path):
    tree = tiny.write_voc(tmp_path / "voc", 5, size=SIZE)
    pool = prepare(tree, "localize")
    model = tiny.build_localizer(functools.partial(tiny.build_plain_backbone, SIZE))
    path = tmp_path / "predictions.png"
    sheet_of(pool, task="localize", path=path).draw(model, 1, 1)
    picture = np.asarray(Image.open(path)).astype(int)
    # Four tiles of 320 px beside each other, and the blue of what is predicted.
    assert picture.shape[1] > 4 * 320 and picture.shape[0] > 2 * 320
    blue = (picture == predictions.COLORS[1]).all(axis=-1)
    assert blue[100:].sum() > 100


def test_it_is_drawn_every_tenth_part_and_takes_a_hundredth_of_the_time(
    pools, monkeypatch, drawn
):
    clock = iter((100.0, 101.0))  # around the drawing
    now = {"time": 0.0}
    timer = SimpleNamespace(monotonic=lambda: now["time"])
    monkeypatch.setattr(predictions, "time", timer)
    sheet = sheet_of(pools[0])
    assert [epoch for epoch in range(1, 30) if sheet.is_due(epoch, 93)][0] == 10
    timer.monotonic = lambda: next(clock)
    sheet.draw(NOTHING, 10, 93)
    timer.monotonic = lambda: now["time"]
    now["time"] = 101.0 + 99.0
    assert not sheet.is_due(50, 93)
    now["time"] = 101.0 + 101.0
    assert not sheet.is_due(19, 93) and sheet.is_due(20, 93)


def test_a_drawing_leaves_weights_and_random_states_as_they_are(pools, tmp_path):
    model = tiny.build_detector(SIZE, augmenter=DetectionAugmenter(SIZE, seed=0))
    tiny.compile_detector(model).optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    assert any("seed_generator_state" in variable.path for variable in variables)

    def states():
        values = [ops.convert_to_numpy(variable).copy() for variable in variables]
        return [*values, random.getstate()[1], np.random.get_state()[1].copy()]

    before = states()
    sheet_of(*pools, path=tmp_path / "predictions.png").draw(model, 1, 2)
    assert (tmp_path / "predictions.png").exists()
    for one, other in zip(before, states(), strict=True):
        np.testing.assert_array_equal(one, other)
