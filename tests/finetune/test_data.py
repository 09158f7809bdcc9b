"""Which photos a fine-tuning learns from, chooses by and holds out."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.finetune import FinetuneConfig
from ssl_voc.finetune.data import prepare_finetuning_data
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny


def prepare(out, tree, **changes):
    """`FinetuningData` of a run, in a folder of its own."""
    settings = {"data": (str(tree),), "out": out, "image_size": 32, **changes}
    config = FinetuneConfig(**settings).resolved()
    main_object_only = config.task == "localize"
    with RunFolder.open(out, config, "finetune") as run:
        return prepare_finetuning_data(config, run, main_object_only)


def ids(out, part):
    path = out / f"{part}_photos.tsv"
    return set(pipelines.read_photo_table(path).image_ids) if path.exists() else set()


def labelled_ids(out):
    """The photos whose labels were used, to learn or to choose."""
    training, validation = ids(out, "training"), ids(out, "validation")
    assert not training & validation
    return training | validation


def add_duplicate(tree, image_id, duplicate_id, list_name=None):
    """Saves a photo again, as a smaller JPEG of another brightness."""
    with Image.open(tree / "JPEGImages" / f"{image_id}.png") as image:
        pixels = np.clip(np.asarray(image) * 0.97, 0, 255).astype("uint8")
    path = tree / "JPEGImages" / f"{duplicate_id}.jpg"
    Image.fromarray(pixels).save(path, quality=90)
    text = (tree / "Annotations" / f"{image_id}.xml").read_text()
    (tree / "Annotations" / f"{duplicate_id}.xml").write_text(text)
    if list_name:
        with open(tree / "ImageSets" / "Main" / f"{list_name}.txt", "a") as file:
            file.write(f"{duplicate_id}\n")


def read_ids(tree, split):
    return {photo.image_id for photo in pipelines.read(tree, split)}


@pytest.mark.parametrize("name", ["label_fraction", "labels_per_class"])
def test_fewer_labels_are_part_of_more(tree, tmp_path, name):
    counts = {"label_fraction": (0.1, 0.5, 0.9), "labels_per_class": (2, 10, 18)}[name]
    found = []
    for number, count in enumerate(counts):
        out = tmp_path / str(number)
        prepare(out, tree, val_share=0.15, **{name: count})
        found.append(labelled_ids(out))
    assert found[0] < found[1] < found[2] < read_ids(tree, "train")
    expected = (6, 30, 54)
    assert tuple(map(len, found)) == expected
    # Photos that choose are labelled photos, too; below 50 none does.
    chosen = [len(ids(tmp_path / str(number), "validation")) for number in range(3)]
    assert chosen[:2] == [0, 0] and chosen[2] >= 6


def test_every_class_is_learned_from_one_label_each(tree, tmp_path):
    data = prepare(tmp_path / "run", tree, labels_per_class=1)
    batch = data.training.gather(np.arange(len(data.training)))
    assert sorted(batch["bounding_boxes"]["classes"][:, 0]) == [0, 1, 2]
    assert data.training.class_names == ("blue", "green", "red")


def test_a_localizer_of_one_class_labels_no_photos(tree, tmp_path):
    settings = {
        "class_names": ("red",),
        "unlabeled": (str(tree),),
        "label_fraction": 0.5,
    }
    with pytest.raises(BadInput, match="--unlabeled: .*one class"):
        prepare(tmp_path / "run", tree, **settings)
    data = prepare(tmp_path / "other", tree, task="detect", **settings)
    assert data.unlabeled is not None


def test_photos_of_other_splits_are_no_photos_without_boxes(tree, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    shown = [*sorted(read_ids(tree, "val"))[:3], *sorted(read_ids(tree, "train"))[:40]]
    for name in shown:
        shutil.copy(tree / "JPEGImages" / f"{name}.png", photos)
    settings = {"task": "detect", "labels_per_class": 2, "unlabeled": (str(photos),)}
    prepare(tmp_path / "run", tree, **settings)
    kept = ids(tmp_path / "run", "unlabeled")
    assert kept and kept < {*shown[3:]}, "photos of val are left to be evaluated"
    assert "or of those to be evaluated" in capsys.readouterr().out


def test_named_split_chooses_all_others_are_learned_from_and_reported(tree, tmp_path):
    data = prepare(tmp_path / "run", tree, val_split="val")
    assert ids(tmp_path / "run", "training") == read_ids(tree, "train")
    assert ids(tmp_path / "run", "validation") == read_ids(tree, "val")
    assert data.report.num_leaked == 0
    report = json.loads((tmp_path / "run" / "data_report.json").read_text())
    assert report == json.loads(json.dumps(data.report.as_dict()))
    text = (tmp_path / "run" / "data_report.txt").read_text()
    assert all(name in text for name in tiny.COLORS)


def test_classes_are_indexed_as_they_are_named(tree, tmp_path):
    names = ("red", "blue", "green")
    data = prepare(tmp_path / "run", tree, class_names=names, val_share=0.15)
    assert data.training.class_names == data.validation.class_names == names
    batch = data.training.gather([0])
    photo = data.training.photos[0]
    label = int(batch["bounding_boxes"]["classes"][0, 0])
    assert names[label] == photo.objects[0].name


def test_photos_without_a_wanted_class_are_left_out_and_no_share_chooses_by_none(
    tree, tmp_path
):
    data = prepare(tmp_path / "run", tree, class_names=("red", "blue"), val_share=0.0)
    assert len(data.training) == 40 and len(data.training.left_out) == 20
    assert data.validation is None


def test_a_class_that_training_lacks_is_reported(tmp_path, capsys):
    tree = tiny.write_voc(tmp_path / "voc", 30, 6)
    listed = tree / "ImageSets" / "Main" / "train.txt"
    annotations = tree / "Annotations"
    kept = [
        name
        for name in listed.read_text().split()
        if "red" not in (annotations / f"{name}.xml").read_text()
    ]
    listed.write_text("\n".join(kept))
    data = prepare(tmp_path / "run", tree, val_split="val")
    assert data.validation.class_names == ("blue", "green")
    assert (len(data.validation), len(data.validation.left_out)) == (4, 2)
    assert "'red' is not among the classes" in capsys.readouterr().out


def test_near_duplicate_of_a_training_photo_in_the_named_split_is_leakage(
    tmp_path, capsys
):
    tree = tiny.write_voc(tmp_path / "voc", 30, 6)
    add_duplicate(tree, "004", "again", "val")
    with pytest.raises(BadInput, match="^--val-split: 1 of the 7 .*--allow-leakage"):
        prepare(tmp_path / "run", tree, val_split="val")
    report = capsys.readouterr().out
    assert "again" in report and "004" in report
    data = prepare(tmp_path / "allowed", tree, val_split="val", allow_leakage=True)
    assert data.report.num_leaked == 1 and len(data.validation) == 7


def record_pretraining(folder, tree, **manifest):
    """Lists photos as seen, as a pretraining does; returns the list's text."""
    folder.mkdir()
    if manifest:
        text = json.dumps({"program": "ssl_voc", **manifest})
        (folder / "manifest.json").write_text(text)
    pool = pipelines.prepare(pipelines.read(tree, "val")[:5], 32, cache="memory")
    table = pipelines.photo_table(pool.photos, pool.hashes)
    (folder / "photos.tsv").write_text(table)
    return table


def test_photos_that_the_backbone_saw_are_leakage_too(tree, tmp_path):
    table = record_pretraining(tmp_path / "pretraining", tree)
    weights = {"weights": str(tmp_path / "pretraining")}
    with pytest.raises(BadInput, match="5 of the 12 photos of 'val'"):
        prepare(tmp_path / "named", tree, val_split="val", **weights)
    prepare(tmp_path / "allowed", tree, val_split="val", allow_leakage=True, **weights)
    # What chooses the epoch is never reported, so by default it may have been seen.
    data = prepare(tmp_path / "own", tree, **weights)
    assert data.report.num_leaked == 0
    assert not (tmp_path / "named").exists()
    for name in ("allowed", "own"):
        assert (tmp_path / name / "pretraining_photos.tsv").read_text() == table


def test_photos_that_the_backbone_saw_without_labels_are_told_of(tree, tmp_path):
    record_pretraining(tmp_path / "pretraining", tree, uses_labels=False)
    weights = {"weights": str(tmp_path / "pretraining")}
    data = prepare(tmp_path / "run", tree, val_split="val", **weights)
    assert data.report.num_leaked == 0
    assert data.report.num_seen_without_labels == 5
    assert "5 of 12" in (tmp_path / "run" / "data_report.txt").read_text()
    assert (tmp_path / "run" / "pretraining_unlabeled_photos.tsv").exists()
    assert not (tmp_path / "run" / "pretraining_photos.tsv").exists()


@pytest.mark.parametrize("flag", ["weights", "backbone"])
def test_the_file_of_a_run_tells_what_it_saw_as_its_folder_does(tree, tmp_path, flag):
    pretraining = tmp_path / "pretraining"
    table = record_pretraining(pretraining, tree)
    file = tiny.save_backbone(pretraining / "backbone.keras")
    # A list beside a file that no run wrote may be anything.
    data = prepare(tmp_path / "other", tree, val_split="val", **{flag: str(file)})
    assert data.report.num_leaked == 0
    (pretraining / "manifest.json").write_text('{"program": "ssl_voc"}')
    settings = {"val_split": "val", flag: str(file)}
    with pytest.raises(BadInput, match="5 of the 12 photos of 'val'"):
        prepare(tmp_path / "run", tree, **settings)
    prepare(tmp_path / "run", tree, **settings, allow_leakage=True)
    assert (tmp_path / "run" / "pretraining_photos.tsv").read_text() == table


def test_near_duplicates_never_choose_the_epoch_they_were_learned_in(tmp_path, capsys):
    tree = tiny.write_voc(tmp_path / "voc", 60, 3)
    for number in range(20):
        add_duplicate(tree, f"{number:03d}", f"again_{number:03d}", "train")
    data = prepare(tmp_path / "run", tree, val_share=0.15)
    found = ids(tmp_path / "run", "training"), ids(tmp_path / "run", "validation")
    for number in range(20):
        name = f"{number:03d}"
        sides = [{name, f"again_{name}"} & side for side in found]
        assert not all(sides), sides
    assert "near-duplicates of training photos" in capsys.readouterr().out
    assert len(data.validation) < 12  # 15 % of 80
    assert not pipelines.find_near_duplicates(
        data.validation.hashes, data.training.hashes
    )


def test_a_tree_without_lists_holds_a_fifth_out_and_no_near_duplicates(tmp_path):
    tree = tiny.write_voc(tmp_path / "voc", 60)
    for number in range(20):
        add_duplicate(tree, f"{number:03d}", f"again_{number:03d}")
    out = tmp_path / "run"
    data = prepare(out, tree, val_share=0.15)
    held_out = ids(out, "held_out")
    assert not held_out & labelled_ids(out)
    assert 4 <= len(held_out) < 16  # a fifth of 80, less the near-duplicates
    table = pipelines.read_photo_table(out / "held_out_photos.tsv")
    for pool in (data.training, data.validation):
        assert not pipelines.find_near_duplicates(table.hashes, pool.hashes)
    # Few labels of the rest are the same rest.
    fewer = tmp_path / "fewer"
    prepare(fewer, tree, labels_per_class=2)
    assert held_out <= ids(fewer, "held_out")
    assert not ids(fewer, "held_out") & labelled_ids(fewer)


def test_split_seed_holds_the_same_photos_out_whatever_the_seed(tmp_path):
    tree = tiny.write_voc(tmp_path / "tree", num_train=80)
    rest = {}
    for seed in (0, 1):
        _, held_out = pipelines.read_training(str(tree), seed=seed)
        rest[seed] = {photo.image_id for photo in held_out}
    assert rest[0] != rest[1]
    labelled = []
    for number, changes in enumerate([{"seed": 0}, {"seed": 1, "split_seed": 0}]):
        out = tmp_path / str(number)
        prepare(out, tree, label_fraction=0.5, val_share=0, **changes)
        assert ids(out, "held_out") <= rest[0]
        labelled.append(labelled_ids(out))
        assert not labelled[-1] & rest[0]
    # Which labels are learned from follows the seed.
    assert labelled[0] != labelled[1]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"data": ("no_such_tree",)}, "no_such_tree"),
        ({"train_split": "trainval"}, "'trainval'.*train"),
        ({"val_split": "test"}, "'test'"),
        ({"class_names": ("red", "cat")}, "'cat'; .*'blue', 'green', 'red'"),
        ({"data": ("JPEGImages",)}, "annotation that can be used"),
    ],
)
def test_photos_that_cannot_be_learned_from_are_named(tree, tmp_path, changes, named):
    if "data" in changes:
        changes = {"data": (str(tree / changes["data"][0]),)}
    with pytest.raises((ValueError, OSError, BadInput), match=named):
        prepare(tmp_path / "run", tree, **changes)


def test_few_labels_are_all_learned_from_unless_patience_waits_for_a_score(
    tree, tmp_path, capsys, monkeypatch
):
    assert prepare(tmp_path / "few", tree).validation is None
    said = "all 60 photos are learned from, and the last epoch is kept (fewer than 300"
    printed = capsys.readouterr().out
    assert said in printed and "held out: the split val, for evaluate" in printed
    assert len(prepare(tmp_path / "waits", tree, patience=3).validation) == 9
    monkeypatch.setattr("ssl_voc.finetune.data.FEWEST_TO_CHOOSE", 60)
    assert len(prepare(tmp_path / "many", tree).validation) == 9
    capsys.readouterr()
    assert prepare(tmp_path / "none", tree, val_share=0.0).validation is None
    assert "validation: none" not in capsys.readouterr().out
    fewer = {"val_share": 0.2, "label_fraction": 0.5}
    assert prepare(tmp_path / "fewer", tree, **fewer).validation is None
    said = "all 30 photos are learned from, and the last epoch is kept (fewer than 50)"
    assert said in capsys.readouterr().out


def test_patience_without_validation_photos_is_refused(tmp_path):
    tree = tiny.write_voc(tmp_path / "voc", 20, 4)
    with pytest.raises(BadInput, match="--patience: .*of 20 labelled photos"):
        prepare(tmp_path / "run", tree, patience=3)


def test_validation_photos_that_show_no_object_choose_no_epoch(tmp_path, capsys):
    pixels, boxes, classes = tiny.draw_objects(60)
    names = [*tiny.COLORS]
    photos = [
        (photo, [(names[label], box, False)] if number < 4 else [])
        for number, (photo, box, label) in enumerate(
            zip(pixels, boxes, classes, strict=True)
        )
    ]
    tree = tiny.write_voc_tree(tmp_path / "voc", photos, num_train=50)
    with pytest.raises(ValueError, match="no usable box in its 10"):
        prepare(tmp_path / "named", tree, task="detect", val_split="val")
    data = prepare(tmp_path / "shared", tree, task="detect", val_share=0.04)
    assert data.validation is None
    assert "validation: none; its 2 photos" in capsys.readouterr().out
