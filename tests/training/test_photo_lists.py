"""A run that goes on finds the photos that it began with."""

import numpy as np
import pytest

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.pretrain import PretrainConfig
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.training.photo_lists import list_photos
from tests import tiny


@pytest.fixture
def pool():
    arrays = {"images": tiny.draw_photos(6)}
    return pipelines.prepare(pipelines.read(arrays), 8)


@pytest.fixture
def resuming(pool, tmp_path):
    """A run folder that lists the pool and is taken up again."""
    run = RunFolder(tmp_path, None, resuming=True, manifest={})
    list_photos(run, "photos.tsv", pool.photos, pool.hashes)
    return run


def test_the_same_photos_are_listed_as_before(pool, resuming):
    before = (resuming.path / "photos.tsv").read_bytes()
    list_photos(resuming, "photos.tsv", pool.photos, pool.hashes)
    assert (resuming.path / "photos.tsv").read_bytes() == before


def test_the_same_photos_of_a_source_by_another_name_are_listed_anew(pool, resuming):
    photos = pool.photos.renamed("moved")
    list_photos(resuming, "photos.tsv", photos, pool.hashes)
    path = resuming.path / "photos.tsv"
    # Not before the boxes have proved to be the same, too.
    assert "\tmoved\t" not in path.read_text()
    resuming.record_settings(PretrainConfig(objective="simclr"))
    assert "\tmoved\t" in path.read_text()


@pytest.mark.parametrize(
    ("rows", "hash_change", "complaint"),
    [
        ([0, 1, 2, 3], 0, "photos.tsv lists: 2 gone. Bring"),
        ([0, 1, 2, 3, 4, 5, 5], 0, "lists: 1 new. Bring"),
        ([1, 2, 3, 3], 0, "lists: 3 gone, 1 new. Bring"),
        ([0, 1, 2, 3, 4, 5], 1, "lists: 6 changed. Bring"),
        ([0, 1, 2, 3, 4], 0, "lists: 1 gone. Bring"),
        ([1, 0, 2, 3, 4, 5], 0, "lists: they come in another order. Bring"),
    ],
)
def test_other_photos_are_refused_with_their_numbers(
    pool, resuming, rows, hash_change, complaint
):
    before = (resuming.path / "photos.tsv").read_bytes()
    photos, hashes = pool.photos.renamed("moved"), pool.hashes[rows]
    photos = [photos[row] for row in rows]
    with pytest.raises(BadInput, match=complaint):
        list_photos(resuming, "photos.tsv", photos, hashes + np.uint64(hash_change))
    assert (resuming.path / "photos.tsv").read_bytes() == before
