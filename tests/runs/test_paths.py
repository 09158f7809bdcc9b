"""Paths with links followed, and folders named after the data."""

from pathlib import Path

from ssl_voc.runs.paths import default_folder, real_path


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
