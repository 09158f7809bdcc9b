"""Photos of the k-NN probe and of the effective rank."""

import dataclasses

import numpy as np
import pytest

import pipelines
from ssl_voc.pretrain import probes
from tests import tiny


@dataclasses.dataclass(frozen=True)
class Config:
    """What the probe reads of a `PretrainConfig`."""

    seed: int = 0
    image_size: int = 20
    epochs: int = 36
    batch_size: int = 8


def prepare(**labels_by_source):
    """A pool of one source a keyword, given its labels; `None` has no labels."""
    sources = []
    for seed, (name, labels) in enumerate(labels_by_source.items()):
        arrays = {"images": tiny.draw_photos(len(labels), size=20, seed=seed)}
        if None not in labels:
            arrays["labels"] = np.array(labels)
        photos = pipelines.read(arrays)
        photos = [dataclasses.replace(photo, source=name) for photo in photos]
        sources.append(pipelines.Photos(photos, name))
    every = [photo for source in sources for photo in source]
    return pipelines.prepare(pipelines.Photos(every, "all"), 20, cache="memory")


def chosen(pool, seed=0):
    indices, labels = probes.choose_knn_photos(pool, np.random.default_rng(seed))
    names = [pool.labels[index] for index in indices]
    return indices, labels, names


def test_labels_are_numbered_by_name_and_every_photo_keeps_its_own():
    pool = prepare(pets=["dog", "cat", "dog", "bird", "cat", "dog"])
    indices, labels, names = chosen(pool)
    assert sorted(indices) == list(range(6))
    order = ["bird", "cat", "dog"]
    assert [order[label] for label in labels] == names


def test_photos_are_shuffled_by_the_seed():
    pool = prepare(pets=["dog", "cat"] * 20)
    first, again, other = (list(chosen(pool, seed)[0]) for seed in (0, 0, 1))
    assert first == again != other
    assert first != sorted(first)


def test_sources_of_one_class_and_photos_without_label_are_left_out():
    pool = prepare(pets=["dog", "cat", "dog"], people=["person"] * 4, sample=[None] * 5)
    indices, _, names = chosen(pool)
    assert sorted(indices) == [0, 1, 2]
    assert set(names) == {"dog", "cat"}


def test_large_photos_are_fewer(monkeypatch):
    pool = prepare(pets=["dog", "cat"] * 20)
    monkeypatch.setattr(probes, "_MAX_KNN_BYTES", 10 * 3 * pool.image_size**2)
    assert len(chosen(pool)[0]) == 10


def test_without_labels_no_photo_is_chosen():
    indices, labels, _ = chosen(prepare(sample=[None] * 3))
    assert len(indices) == len(labels) == 0


@pytest.fixture
def build_probe():
    """Returns `build_probe(pool, epochs)`."""
    backbone = tiny.build_backbone(20)
    return lambda pool, epochs=36, **more: probes.build_probe(
        backbone, pool, Config(epochs=epochs), False, **more
    )


@pytest.mark.parametrize("epochs", [1, 3, 9, 10, 17, 36, 100])
def test_neighbors_are_probed_at_most_nine_times_and_after_the_last_epoch(
    build_probe, epochs
):
    probe = build_probe(prepare(pets=["dog", "cat"] * 4), epochs)
    assert probe.num_queries == 4
    assert max(probe.knn_epochs) == epochs
    assert min(epochs, 5) <= len(probe.knn_epochs) <= 9
    if epochs == 36:
        assert sorted(probe.knn_epochs) == [4, 8, 12, 16, 20, 24, 28, 32, 36]


def test_probe_compares_images_with_their_own_labels(build_probe):
    pool = prepare(pets=["dog", "cat"] * 4)
    probe = build_probe(pool)
    for image, label in zip(probe.knn_images, probe.knn_labels, strict=True):
        matches = [i for i in range(8) if np.array_equal(pool.gather([i])[0], image)]
        assert [pool.labels[i] for i in matches] == [["cat", "dog"][label]]


@pytest.mark.parametrize(
    ("labels", "more"),
    [([None] * 8, {}), (["dog", "cat"] * 4, {"use_knn_probe": False})],
)
def test_without_labels_or_a_knn_probe_rank_alone_is_measured(
    build_probe, labels, more
):
    probe = build_probe(prepare(pets=labels), **more)
    assert probe.num_queries == 0
    assert 1 <= probe.measure_rank() <= 8


def test_rank_is_measured_on_512_photos_at_most(build_probe, monkeypatch):
    monkeypatch.setattr(probes, "NUM_RANK_PHOTOS", 5)
    probe = build_probe(prepare(sample=[None] * 9))
    assert len(np.unique(probe.rank_images.reshape(5, -1), axis=0)) == 5


@pytest.mark.parametrize(("num_photos", "chosen"), [(5, 5), (40, 8), (320, 10)])
def test_cells_are_those_of_one_photo_in_32_and_of_eight_at_least(num_photos, chosen):
    pool = prepare(sample=[None] * num_photos)
    probe = probes.build_cell_probe(tiny.build_backbone(20), pool, Config(), False)
    assert probe.crops.shape == (2 * chosen, 20, 20, 3)
    assert len(np.unique(probe.crops.reshape(2 * chosen, -1), axis=0)) == 2 * chosen


@pytest.mark.parametrize("most", [3, 4])
def test_no_more_photos_than_the_limit_are_chosen(monkeypatch, most):
    monkeypatch.setattr(probes, "MAX_KNN_PHOTOS", most)
    assert len(chosen(prepare(pets=["dog", "cat"] * 4))[0]) == most
