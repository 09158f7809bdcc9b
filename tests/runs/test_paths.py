"""Paths with links followed, and folders named after the data."""

from pathlib import Path

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.paths import default_folder, real_path, refuse_missing


def test_a_link_to_itself_leads_to_itself(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("link")
    assert real_path(link) == tmp_path.resolve() / "link"


def test_folder_is_named_after_what_the_path_leads_to(tmp_path, monkeypatch):
    (tmp_path / "pets.json").touch()
    (tmp_path / "link").symlink_to("pets.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder("inspect", "~/link") == Path("runs/inspect-pets")
    assert default_folder("study", ".") == Path("runs") / f"study-{tmp_path.name}"
    assert default_folder("inspect", "~no_such_user/a") == Path("runs/inspect-a")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/pets/data.yaml", "pets-data"),
        ("/VOC2007/JPEGImages", "VOC2007-JPEGImages"),
        ("/pets/train/_annotations.coco.json", "pets-train-_annotations.coco"),
        ("/pets/annotations/cats_train.json", "cats_train"),
        ("/data/images", "data-images"),
        ("/", ""),
    ],
)
def test_common_names_stand_behind_those_above_them(source, name):
    assert default_folder("inspect", source) == Path("runs") / f"inspect-{name}"


def test_path_that_may_not_be_looked_at_is_not_called_missing(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as closed:
        closed.setattr("os.stat", refuse)
        with pytest.raises(PermissionError):
            refuse_missing("--data", tmp_path)
    refuse_missing("--data", tmp_path)
    with pytest.raises(BadInput, match="--data: .*photos does not exist"):
        refuse_missing("--data", tmp_path / "photos")
