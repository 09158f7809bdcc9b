import os
import subprocess
import sys

import defusedxml.ElementTree
import numpy as np
import pytest
from PIL import Image

import pipelines
from pipelines.scenes import dataset, drawing

NUM_TRAIN, NUM_VAL = 20, 10


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "scenes"
    return dataset.draw_scenes(folder, NUM_TRAIN, NUM_VAL, image_size=(96, 72), seed=3)


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def listed(folder, split):
    return (folder / "ImageSets/Main" / f"{split}.txt").read_text().split()


def annotations(folder, split):
    return {
        image_id: defusedxml.ElementTree.parse(
            folder / "Annotations" / f"{image_id}.xml"
        )
        for image_id in listed(folder, split)
    }


def test_the_tree_holds_a_photo_and_an_annotation_for_each_listed_scene(tree):
    train, val = listed(tree, "train"), listed(tree, "val")
    assert (len(train), len(val)) == (NUM_TRAIN, NUM_VAL)
    assert set(train).isdisjoint(val)
    expected = {"ImageSets/Main/train.txt", "ImageSets/Main/val.txt"}
    for image_id in train + val:
        expected |= {f"JPEGImages/{image_id}.jpg", f"Annotations/{image_id}.xml"}
    assert set(files_of(tree)) == expected


def test_photos_have_the_annotated_size(tree):
    for image_id, annotation in annotations(tree, "train").items():
        with Image.open(tree / "JPEGImages" / f"{image_id}.jpg") as photo:
            assert photo.format == "JPEG"
            assert photo.size == (96, 72)
        assert annotation.findtext("size/width") == "96"
        assert annotation.findtext("size/height") == "72"
        assert annotation.findtext("filename") == f"{image_id}.jpg"


def test_annotations_state_what_was_drawn(tree):
    for index, annotation in enumerate(annotations(tree, "val").values()):
        scene = drawing.draw_scene(
            dataset._main_class(3, 1, index),
            (96, 72),
            np.random.default_rng([3, 1, index]),
        )
        written = [
            (
                element.findtext("name"),
                tuple(
                    int(element.findtext(f"bndbox/{name}"))
                    for name in ("xmin", "ymin", "xmax", "ymax")
                ),
                element.findtext("truncated") == "1",
                element.findtext("difficult") == "1",
            )
            for element in annotation.iter("object")
        ]
        assert written == [
            (drawn.name, drawn.box, drawn.truncated, drawn.difficult)
            for drawn in scene.objects
        ]


def test_reading_gives_the_visible_part_as_a_half_open_box(tree):
    photos = pipelines.read(tree, "val")
    assert not photos.problems
    for index, photo in enumerate(photos):
        scene = drawing.draw_scene(
            dataset._main_class(3, 1, index),
            (96, 72),
            np.random.default_rng([3, 1, index]),
        )
        for read, drawn in zip(photo.objects, scene.objects, strict=True):
            x_min, y_min, x_max, y_max = map(int, read.box)
            inside = drawn.visible[y_min:y_max, x_min:x_max]
            assert inside.sum() == drawn.visible.sum()
            # Every side of the box touches the object.
            sides = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
            assert all(side.any() for side in sides)


def test_every_class_is_the_main_one_equally_often_in_both_splits():
    for split_index, count in ((0, 30), (1, 10)):
        names = [dataset._main_class(0, split_index, index) for index in range(count)]
        assert {names.count(name) for name in drawing.CLASSES} == {count // 10}
    firsts = [dataset._main_class(0, 0, 10 * block) for block in range(20)]
    assert len(set(firsts)) > 1  # the order itself tells nothing


def test_every_class_occurs_in_train_and_in_val(tree):
    for split in ("train", "val"):
        names = {
            element.text
            for annotation in annotations(tree, split).values()
            for element in annotation.iter("name")
        }
        assert names == set(drawing.CLASSES)


def test_one_seed_gives_the_same_bytes_and_another_does_not(tree, tmp_path):
    again = dataset.draw_scenes(
        tmp_path / "again", NUM_TRAIN, NUM_VAL, (96, 72), seed=3
    )
    assert files_of(again) == files_of(tree)
    other = dataset.draw_scenes(
        tmp_path / "other", NUM_TRAIN, NUM_VAL, (96, 72), seed=4
    )
    photos, other_photos = files_of(tree), files_of(other)
    for image_id in listed(tree, "train"):
        name = f"JPEGImages/{image_id}.jpg"
        assert photos[name] != other_photos[name]


def test_a_scene_does_not_depend_on_how_many_are_drawn(tree, tmp_path):
    fewer = files_of(dataset.draw_scenes(tmp_path / "fewer", 5, 3, (96, 72), seed=3))
    photos = files_of(tree)
    for name, content in fewer.items():
        if not name.startswith("ImageSets"):
            assert content == photos[name]


def test_no_two_photos_are_alike(tree):
    photos = [path.read_bytes() for path in (tree / "JPEGImages").iterdir()]
    assert len(set(photos)) == NUM_TRAIN + NUM_VAL


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.draw_scenes(tmp_path / "scenes", 4, 4, progress=stop)
    assert not list(tmp_path.iterdir())


def test_a_killed_drawing_is_not_mistaken_for_a_finished_one(tmp_path):
    script = (
        "import os, sys\n"
        "from pipelines.scenes import dataset\n"
        "kill = lambda done, total: os.kill(os.getpid(), 9) if done == 3 else None\n"
        "dataset.scenes_folder(sys.argv[1], progress=kill)\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.abspath(pipelines.__file__)))
    killed = subprocess.run([sys.executable, "-c", script, tmp_path], cwd=root)
    assert killed.returncode == -9
    left = list(tmp_path.iterdir())
    assert [path.suffix for path in left] == [".part"]
    assert left[0].name.startswith(".")


def test_the_cached_scenes_are_drawn_once(tmp_path, monkeypatch):
    drawn = []

    def draw_few(folder, progress=None):
        drawn.append(folder)
        return draw_scenes(folder, 1, 1, 32)

    draw_scenes = dataset.draw_scenes
    monkeypatch.setattr(dataset, "draw_scenes", draw_few)
    first = dataset.scenes_folder(tmp_path)
    assert dataset.scenes_folder(tmp_path) == first
    assert drawn == [first]
    assert first.parent == tmp_path


def test_scenes_are_drawn_anew_when_the_drawing_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(
        dataset, "draw_scenes", lambda folder, progress: folder.mkdir(parents=True)
    )
    before = dataset.scenes_folder(tmp_path)
    changed = tmp_path / "drawing.py"
    changed.write_text("# another way to draw")
    monkeypatch.setattr(drawing, "__file__", str(changed))
    assert dataset.scenes_folder(tmp_path) != before


def test_scenes_go_to_the_cache_folder_unless_told_otherwise(monkeypatch):
    draw_scenes = dataset.draw_scenes
    monkeypatch.setattr(
        dataset, "draw_scenes", lambda folder, progress: draw_scenes(folder, 1, 1, 32)
    )
    assert dataset.scenes_folder().parent == pipelines.cache_folder()


def test_losing_the_race_to_another_process_is_no_error(tmp_path, monkeypatch):
    draw_scenes = dataset.draw_scenes

    def beaten(folder, progress=None):
        draw_scenes(folder, 1, 1, 32)
        draw_scenes(folder, 1, 1, 32)

    monkeypatch.setattr(dataset, "draw_scenes", beaten)
    assert (dataset.scenes_folder(tmp_path) / "ImageSets/Main/val.txt").is_file()


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="exists already"):
        dataset.draw_scenes(tmp_path, 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_numbers_out_of_range_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`num_val` must be at least 1. Received: 0"):
        dataset.draw_scenes(tmp_path / "scenes", 1, 0)
    with pytest.raises(ValueError, match="at least 32 pixels"):
        dataset.draw_scenes(tmp_path / "scenes", 1, 1, image_size=(64, 16))
    assert not list(tmp_path.iterdir())


def test_one_number_as_image_size_makes_squares(tmp_path):
    folder = dataset.draw_scenes(tmp_path / "scenes", 1, 1, image_size=40)
    with Image.open(folder / "JPEGImages/val_000000.jpg") as photo:
        assert photo.size == (40, 40)
