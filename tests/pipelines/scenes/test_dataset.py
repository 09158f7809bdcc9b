import concurrent.futures
import os
import subprocess
import sys

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


@pytest.fixture
def drawn(monkeypatch):
    """Folders that `scenes_folder` drew; it draws two tiny scenes, squares of 32."""
    folders, draw_scenes = [], dataset.draw_scenes

    def draw_few(folder, progress=None):
        folders.append(folder)
        return draw_scenes(folder, 1, 1, 32)

    monkeypatch.setattr(dataset, "draw_scenes", draw_few)
    return folders


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_tree_holds_a_photo_and_an_annotation_for_each_listed_scene(tree):
    lists = [tree / "ImageSets/Main" / f"{name}.txt" for name in ("train", "val")]
    train, val = (path.read_text().split() for path in lists)
    assert (len(train), len(val)) == (NUM_TRAIN, NUM_VAL)
    expected = {"ImageSets/Main/train.txt", "ImageSets/Main/val.txt"}
    for image_id in train + val:
        expected |= {f"JPEGImages/{image_id}.jpg", f"Annotations/{image_id}.xml"}
    found = files_of(tree)
    assert set(found) == expected
    photos = {found[name] for name in found if name.endswith(".jpg")}
    assert len(photos) == NUM_TRAIN + NUM_VAL  # no two are alike


def test_reading_gives_what_was_drawn_as_half_open_boxes(tree):
    photos = pipelines.read(tree, "val")
    assert not photos.problems
    for index, photo in enumerate(photos):
        with Image.open(tree / "JPEGImages" / f"{photo.image_id}.jpg") as image:
            assert (image.format, image.size) == ("JPEG", (96, 72))
        assert (photo.width, photo.height) == (96, 72)
        xml = (tree / "Annotations" / f"{photo.image_id}.xml").read_text()
        assert f"<filename>{photo.image_id}.jpg</filename>" in xml
        scene = drawing.draw_scene(
            dataset._main_class(3, 1, index),
            (96, 72),
            np.random.default_rng([3, 1, index]),
        )
        for read, object in zip(photo.objects, scene.objects, strict=True):
            for flag in ("name", "truncated", "difficult"):
                assert getattr(read, flag) == getattr(object, flag)
            x_min, y_min, x_max, y_max = map(int, read.box)
            assert (x_min + 1, y_min + 1, x_max, y_max) == object.box


def test_every_class_is_the_main_one_equally_often_in_both_splits():
    for split_index, count in ((0, 30), (1, 10)):
        names = [dataset._main_class(0, split_index, index) for index in range(count)]
        assert {names.count(name) for name in drawing.CLASSES} == {count // 10}
    firsts = [dataset._main_class(0, 0, 10 * block) for block in range(20)]
    assert len(set(firsts)) > 1  # the order itself tells nothing


def test_scene_depends_on_its_seed_and_number_alone(tree, tmp_path):
    photos = files_of(tree)
    fewer = files_of(dataset.draw_scenes(tmp_path / "fewer", 5, 3, (96, 72), seed=3))
    other = files_of(dataset.draw_scenes(tmp_path / "other", 5, 3, (96, 72), seed=4))
    for name, content in fewer.items():
        if not name.startswith("ImageSets"):
            assert content == photos[name]
            assert content != other[name]


def test_interrupted_drawing_leaves_nothing(tmp_path):
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.draw_scenes(tmp_path / "scenes", 4, 4, progress=stop)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_drawing_left_is_deleted_and_drawn_anew(tmp_path, drawn):
    script = (
        "import os, sys\n"
        "from pipelines.scenes import dataset\n"
        "kill = lambda done, total: os.kill(os.getpid(), 9) if done == 3 else None\n"
        "dataset.scenes_folder(sys.argv[1], progress=kill)\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.abspath(pipelines.__file__)))
    killed = subprocess.run([sys.executable, "-c", script, tmp_path], cwd=root)
    assert killed.returncode == -9
    assert [path.name[0] for path in tmp_path.iterdir() if path.is_dir()] == ["."]
    folder = dataset.scenes_folder(tmp_path)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [folder]


def test_scenes_are_drawn_once_by_all_and_anew_when_the_drawing_changes(
    tmp_path, drawn, monkeypatch
):
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        folders = {*executor.map(lambda _: dataset.scenes_folder(), range(4))}
    assert folders == {dataset.scenes_folder()} == {*drawn} and len(drawn) == 1
    assert drawn[0].parent == pipelines.cache_folder()
    with Image.open(drawn[0] / "JPEGImages/val_000000.jpg") as photo:
        assert photo.size == (32, 32)
    changed = tmp_path / "drawing.py"
    changed.write_text("# another way to draw")
    monkeypatch.setattr(drawing, "__file__", str(changed))
    assert dataset.scenes_folder() not in folders and len(drawn) == 2


def test_full_folder_and_numbers_out_of_range_are_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match=str(tmp_path)):
        dataset.draw_scenes(tmp_path, 1, 1)
    with pytest.raises(ValueError, match="`num_val`.*0"):
        dataset.draw_scenes(tmp_path / "scenes", 1, 0)
    with pytest.raises(ValueError, match="32 pixels"):
        dataset.draw_scenes(tmp_path / "scenes", 1, 1, image_size=(64, 16))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
