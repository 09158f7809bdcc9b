"""`DistillationModel`: its losses by the loops, its queue, saving, XLA."""

import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.layers import ProjectionHead, SimCLRAugmenter
from ssl_voc.losses import SimilarityDistillationLoss
from ssl_voc.models import DistillationModel, load_teacher
from tests import reference, tiny
from tests.dtype_policies import dtype_policy
from tests.models.fixed_views import Mirror

TEMPERATURES = (0.1, 0.3)
SPATIAL_WEIGHT = 0.5


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
    """A backbone of 24 px that ends in a 5 x 5 map of 12 channels."""
    return tiny.save_teacher(tmp_path_factory.mktemp("teacher") / "teacher.keras")


@pytest.fixture
def build(teacher_file):
    """Returns `build(...)`: a compiled model of 20 px, its queue filled."""

    def build(augmenter=None, taught=True, backbone=None, queue_size=10, **compiled):
        compiled.setdefault("run_eagerly", True)  # quick for a few steps
        teacher = load_teacher(teacher_file, 20)
        keras.utils.set_random_seed(0)
        model = DistillationModel(
            backbone or tiny.build_backbone(20),
            augmenter or SimCLRAugmenter(20, seed=0),
            teacher if taught else None,
            12,
            queue_size,
            SPATIAL_WEIGHT,
            ProjectionHead(16, 12),
        )
        model.build((None, 24, 24, 3))
        photos = tiny.draw_photos(8, size=24)
        embeddings, maps = map(ops.convert_to_numpy, teacher(photos))
        model.fill(embeddings, maps.mean(axis=(0, 1, 2)) if taught else None)
        model.compile(
            keras.optimizers.SGD(0.2, momentum=0.9),
            SimilarityDistillationLoss(*TEMPERATURES),
            **compiled,
        )
        return model

    return build


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def softmax(values):
    exponentials = np.exp(values - values.max())
    return exponentials / exponentials.sum()


def test_losses_are_those_of_the_loops(build):
    images = tiny.draw_photos(3, size=20)
    model = build(Mirror())
    logs = model.evaluate(images, batch_size=3, return_dict=True, verbose=0)
    outputs = model(images, training=False)
    cell_mean = ops.convert_to_numpy(model.cell_mean)
    # Of both views of the batch at hand first, in evaluation, too.
    views = ops.concatenate(outputs["views"], axis=0)
    newest = ops.convert_to_numpy(model.teacher(views)[0])
    newest = newest - ops.convert_to_numpy(model.embedding_mean)
    queue = np.concatenate([newest, ops.convert_to_numpy(model.queue)])[:10]
    losses, distances = [], []
    for side in range(2):
        view = ops.convert_to_numpy(outputs["views"][side])
        embeddings, maps = map(ops.convert_to_numpy, model.teacher(view))
        # Of the file's size, not of the views'.
        assert maps.shape == (3, 5, 5, 12)
        embeddings = embeddings - ops.convert_to_numpy(model.embedding_mean)
        projections = ops.convert_to_numpy(outputs["projections"][side])
        features = ops.image.resize(outputs["features"][side], (5, 5))
        kernel, bias = map(ops.convert_to_numpy, model.cell_head.weights)
        cells = ops.convert_to_numpy(features) @ kernel + bias
        for i in range(3):
            teacher = [reference.cosine(embeddings[i], row) for row in queue]
            student = [reference.cosine(projections[i], row) for row in queue]
            targets = softmax(np.array(teacher) / TEMPERATURES[0])
            found = softmax(np.array(student) / TEMPERATURES[1])
            losses.append(-(targets * np.log(found)).sum())
            for row in range(5):
                for column in range(5):
                    cell = maps[i, row, column] - cell_mean
                    cosine = reference.cosine(cell, cells[i, row, column])
                    distances.append(1.0 - cosine)
    expected = {"global_loss": np.mean(losses), "spatial_loss": np.mean(distances)}
    expected["loss"] = np.mean(losses) + SPATIAL_WEIGHT * np.mean(distances)
    expected["loss_over_chance"] = np.mean(losses) / np.log(10)
    assert logs == pytest.approx(expected, rel=1e-3)


def test_queue_holds_the_newest_embeddings_first_and_evaluation_leaves_it(build):
    model = build(Mirror())
    mean = ops.convert_to_numpy(model.embedding_mean)
    photos = tiny.draw_photos(6, size=20).astype("float32")

    def embeddings_of(images):
        both = np.concatenate([images, images[:, :, ::-1]])
        return unit(ops.convert_to_numpy(model.teacher(both)[0]) - mean)

    first, second = embeddings_of(photos[:3]), embeddings_of(photos[3:])
    before = ops.convert_to_numpy(model.queue)
    np.testing.assert_allclose(np.linalg.norm(before, axis=1), 1.0, rtol=1e-5)
    # Of eight photos.
    np.testing.assert_allclose(before[:2], before[8:], rtol=1e-5)
    model.evaluate(photos, batch_size=3, verbose=0)
    np.testing.assert_array_equal(model.queue, before)
    model.fit(photos, batch_size=3, shuffle=False, verbose=0)
    expected = np.concatenate([second, first, before])[:10]
    np.testing.assert_allclose(model.queue, expected, rtol=1e-3, atol=1e-5)


def test_a_batch_larger_than_the_queue_fills_it(build):
    model = build(Mirror(), queue_size=4)
    logs = model.fit(tiny.draw_photos(6, size=20), batch_size=6, verbose=0).history
    assert model.queue.shape == (4, 12) and np.isfinite(logs["loss"]).all()


def test_fit_teaches_the_student_and_leaves_the_teacher_as_it_is(build):
    model = build(run_eagerly=False)
    teacher = [weight.copy() for weight in model.teacher.get_weights()]
    # Two stages, the head's two layers, the last one with a bias, and the cells' layer.
    assert len(model.trainable_variables) == 2 * 3 + 3 + 2 + 2
    photos = tiny.draw_photos(12, size=24)
    logs = model.fit(photos, batch_size=12, epochs=25, verbose=0).history
    assert np.mean(logs["loss_over_chance"][-5:]) < 0.9 * logs["loss_over_chance"][0]
    assert np.mean(logs["spatial_loss"][-5:]) < 0.9 * logs["spatial_loss"][0]
    for old, new in zip(teacher, model.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_embeddings_that_are_given_take_the_place_of_a_teacher(build, teacher_file):
    images = tiny.draw_photos(4, size=20)
    embeddings = ops.convert_to_numpy(load_teacher(teacher_file, 20)(images)[0])
    model = build(Mirror(), taught=False)
    given = model.evaluate(images, embeddings, return_dict=True, verbose=0)
    assert set(given) == {"loss", "global_loss", "loss_over_chance"}
    assert given["loss"] == pytest.approx(given["global_loss"])
    taught = build(Mirror())
    # Both views have the target of the image: the mirror image's is another.
    whole = taught.evaluate(images, return_dict=True, verbose=0)["global_loss"]
    assert given["loss"] == pytest.approx(whole, rel=0.2)
    assert given["loss"] != pytest.approx(whole, rel=1e-6)
    model.fit(images, embeddings, batch_size=4, verbose=0)
    mean = ops.convert_to_numpy(model.embedding_mean)
    found = ops.convert_to_numpy(model.queue)[:4]
    wanted = unit(embeddings - mean)
    # Shuffled, and each photo once.
    order = [np.abs(found - row).sum(axis=1).argmin() for row in wanted]
    assert sorted(order) == [0, 1, 2, 3]
    np.testing.assert_allclose(found[order], wanted, rtol=1e-3, atol=1e-5)


def test_saved_model_goes_on_with_teacher_and_queue(build, tmp_path):
    model = build()
    images = tiny.draw_photos(6, size=24)
    model.fit(images, batch_size=6, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for name in ("queue", "embedding_mean", "cell_mean"):
        np.testing.assert_array_equal(getattr(model, name), getattr(again, name))
    mirror = tiny.draw_photos(2, size=20)
    for own, other in zip(model.teacher(mirror), again.teacher(mirror), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)
    assert len(again.trainable_variables) == len(model.trainable_variables)
    again.run_eagerly = True  # Keras does not save it
    assert np.isfinite(again.fit(images, batch_size=6, verbose=0).history["loss"][0])


@pytest.mark.slow
def test_step_compiles_under_xla_in_half_precision(build, tmp_path):
    with dtype_policy("mixed_float16"):
        path = tiny.save_backbone(tmp_path / "tiny.keras", 20)
        model = build(
            backbone=ssl_voc.backbone(path, 20), run_eagerly=False, jit_compile=True
        )
        photos = tiny.draw_photos(12, size=24)
        logs = model.fit(photos, batch_size=12, epochs=3, verbose=0).history
    assert np.isfinite(list(logs.values())).all()
    assert model.queue.dtype == "float32"
