import json

import numpy as np
import pytest

from pipelines.photos.photo_tables import photo_table, read_photo_table
from pipelines.pools.preparation import prepare, prepare_labeled
from pipelines.readers.sources import read
from pipelines.reports.data_report import report_data

pytest.importorskip("tensorflow")


@pytest.fixture
def trees(tmp_path, write_voc, voc_xml, draw, encode):
    """Training and evaluation photos; `e1` is a recompressed copy of `t2`."""
    box = voc_xml(("cat", (1, 1, 20, 20)))
    training = write_voc(tmp_path / "training", {f"t{i}": box for i in range(4)})
    evaluation = write_voc(tmp_path / "evaluation", {f"e{i}": box for i in range(3)})
    for number in (0, 2):
        path = evaluation / "JPEGImages" / f"e{number}.jpg"
        path.write_bytes(encode(draw(100 + number), "JPEG"))
    copy = encode(draw(2), "JPEG", quality=40)  # `write_voc` drew t2 with seed 2
    (evaluation / "JPEGImages" / "e1.jpg").write_bytes(copy)
    return training, evaluation


@pytest.fixture
def pools(trees):
    return [prepare_labeled(tree, 32) for tree in trees]


def test_copy_between_training_and_evaluation_is_found_and_told(pools, trees):
    report = report_data(*pools)
    (leakage,) = report.leakages
    (leaked,) = leakage.photos
    assert leaked.index == 1 and leaked.distance <= 6
    assert leaked.name == str(trees[1] / "JPEGImages" / "e1.jpg")
    assert leaked.seen_as == str(trees[0] / "JPEGImages" / "t2.jpg")
    again = json.loads(json.dumps(report.as_dict()))
    assert again["training"]["num_photos"] == 4
    assert again["training"]["classes"]["cat"]["objects"] == 4
    assert again["evaluation"]["num_photos"] == 3
    assert report.num_leaked == again["num_leaked"] == 1
    assert again["leakages"][0]["photos"][0]["index"] == 1
    assert report.text().startswith("training: training: 4 photos")
    assert "1 of 3 evaluation photos" in report.text()
    assert "e1.jpg is " in report.text()


def test_copy_among_recorded_photos_is_found(pools, trees, tmp_path):
    seen = prepare(trees[0], 48)
    path = tmp_path / "photos.tsv"
    path.write_text(photo_table(seen.photos, seen.hashes))
    report = report_data(evaluation=pools[1], seen=[read_photo_table(path)])
    assert report.training is None
    (leaked,) = report.leakages[0].photos
    assert leaked.seen_as == "training/t2" and leaked.index == 1
    both = report_data(*pools, seen=[read_photo_table(path)])
    assert len(both.leakages) == 2 and both.num_leaked == 1


def test_flat_photos_do_not_leak(trees, encode):
    for tree, name in zip(trees, ("t0", "e0"), strict=True):
        flat = encode(np.full((30, 40, 3), 128, "uint8"), "JPEG")
        (tree / "JPEGImages" / f"{name}.jpg").write_bytes(flat)
    report = report_data(*(prepare_labeled(tree, 32) for tree in trees))
    assert report.num_leaked == 1
    assert report.leakages[0].num_not_compared == 2


def test_photos_that_were_not_decoded_are_not_checked_and_it_says_so(trees):
    report = report_data(*map(read, trees))
    assert report.leakages == () and "leakage: not checked" in report.text()


def test_table_that_cannot_be_compared_is_refused(pools, trees, tmp_path):
    path = tmp_path / "ids.tsv"
    path.write_text(photo_table(pools[0].photos, pools[0].hashes))
    with pytest.raises(ValueError, match="ids.tsv.*pool of evaluation photos.*Photos"):
        report_data(evaluation=read(trees[1]), seen=[read_photo_table(path)])


@pytest.mark.slow
def test_real_training_list_does_not_leak_but_its_originals_do(data_folder, tmp_path):
    tree = data_folder / "voc2007_5cls_160"
    evaluation = prepare_labeled(tree, 64, split="val", main_object_only=True)
    assert report_data(prepare(tree, 64), evaluation).num_leaked <= 1
    originals = prepare(data_folder / "voc2007_originals", 112)
    path = tmp_path / "photos.tsv"
    path.write_text(photo_table(originals.photos, originals.hashes))
    report = report_data(evaluation=evaluation, seen=[read_photo_table(path)])
    ids = {evaluation.photos[p.index].image_id for p in report.leakages[0].photos}
    expected = {photo.image_id for photo in originals.photos}
    assert ids == expected & {photo.image_id for photo in evaluation.photos}
