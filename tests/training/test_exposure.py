"""What weights have seen, handed on along a chain of pretrainings."""

import json

import pytest

from ssl_voc.pretrain import PretrainConfig
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.training.exposure import inherit_exposure
from ssl_voc.training.input_checks import origins_of

HEADER = "image_id\tsource\tperceptual_hash\n"


def write_pretraining(path, photo, uses_labels, origins=()):
    """A pretraining that saw one photo and began with some weights.

    Returns the ids of the photos that it lists as seen before.
    """
    path.mkdir()
    manifest = {"program": "ssl_voc", "uses_labels": uses_labels}
    (path / "manifest.json").write_text(json.dumps(manifest))
    row = f"{photo}\tset\t{int(photo, 16):016x}\n"
    (path / "photos.tsv").write_text(HEADER + row)
    return seen_before(path, origins, resuming=False)


def seen_before(path, origins, resuming):
    run = RunFolder(path, None, resuming, manifest={})
    tables = inherit_exposure(run, origins)
    assert all(len(each.hashes) == len({*each.hashes}) for each in tables.values())
    return {name: {*table.image_ids} for name, table in tables.items()}


def test_whole_chain_is_listed_with_labels_and_without(tmp_path):
    a, b, c, d = (tmp_path / name for name in "abcd")
    assert write_pretraining(a, "a1", True) == {}
    found = write_pretraining(b, "b1", False, [a])
    assert found == {"pretraining_photos.tsv": {"a1"}}
    (b / "backbone.keras").write_bytes(b"")
    both = {
        "pretraining_photos.tsv": {"a1"},
        "pretraining_unlabeled_photos.tsv": {"b1"},
    }
    # A file of a run, and what two origins have in common, once.
    assert write_pretraining(c, "c1", False, [b / "backbone.keras", a]) == both
    both["pretraining_unlabeled_photos.tsv"] = {"b1", "c1"}
    assert write_pretraining(d, "d1", True, [c]) == both


def test_run_that_goes_on_keeps_its_lists_though_the_weights_are_gone(tmp_path):
    origin, run = tmp_path / "a", tmp_path / "b"
    write_pretraining(origin, "a1", True)
    first = write_pretraining(run, "b1", False, [origin])
    (origin / "photos.tsv").unlink()
    assert seen_before(run, [origin], resuming=True) == first
    assert seen_before(run, [tmp_path / "nothing"], resuming=True) == first


def test_damaged_list_of_the_weights_is_named(tmp_path):
    write_pretraining(tmp_path / "a", "a1", True)
    (tmp_path / "a" / "photos.tsv").write_text("nonsense\n")
    with pytest.raises(ValueError, match="a/photos.tsv is not a list of photos"):
        write_pretraining(tmp_path / "b", "b1", False, [tmp_path / "a"])


def test_weights_are_an_origin_and_names_are_none(tmp_path):
    config = PretrainConfig(data=("photos",), weights=str(tmp_path), backbone="B0")
    assert origins_of(config) == [tmp_path]
    named = PretrainConfig(data=("photos",)).resolved()
    assert not any(path.exists() for path in origins_of(named))
