"""Photos of a pretraining: damaged, missing and listed ones."""

import io

import numpy as np
import pytest
from PIL import Image

import pipelines
from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.pretrain import pretrain
from ssl_voc.pretrain.data import prepare_photos, read_photos, record_photos
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny


@pytest.fixture
def config(place, tmp_path):
    """Returns `config(data)`, of a short run in `run`."""
    return lambda data, **changes: place.config(
        tmp_path / "run", data=(str(data),), batch_size=9, epochs=1, **changes
    )


def test_folder_without_a_readable_image_is_an_error(config, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "note.jpg").write_text("no photo")
    with pytest.raises(BadInput, match="None of the 1 photos"):
        pretrain(config(tmp_path / "bad"))


def test_hostile_photos_are_listed_and_poison_no_batch(config, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    good = tiny.draw_photos(12)
    for index, pixels in enumerate(good):
        Image.fromarray(pixels).save(folder / f"good_{index}.jpg")
    whole = (folder / "good_0.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no photo")
    (folder / "caf\udce9.jpg").write_bytes(b"")  # Latin-1, as Python reads it
    (folder / "png_named.jpg").write_bytes(_encoded(good[1], "PNG"))
    Image.fromarray(good[2]).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(good[3]).convert("L").save(folder / "gray.jpg")
    sixteen = good[4][..., 0].astype("uint16") * 257
    Image.fromarray(sixteen).save(folder / "sixteen_bit.png")
    Image.fromarray(good[5][:1, :1]).save(folder / "pixel.png")
    Image.new("RGB", (20000, 20), (90, 40, 200)).save(folder / "strip.jpg")
    (folder / "raw.nef").write_bytes(b"II*\x00" + bytes(60))

    summary = pretrain(config(folder))
    listed = {
        line.split("\t")[0].rsplit("/", 1)[-1]
        for line in (tmp_path / "run" / "skipped.txt").read_text().splitlines()
    }
    assert listed == {"truncated.jpg", "empty.jpg", "text.jpg", "caf?.jpg"}
    assert summary["num_skipped"] == 4 and summary["num_images"] == 18
    problems = (tmp_path / "run" / "problems.txt").read_text().splitlines()
    assert [line for line in problems if line.startswith(f"{folder / 'raw.nef'}\t")]
    assert summary["num_problems"] == len(problems)
    assert np.isfinite(summary["loss"])
    # Without labels there is no k-NN probe.
    assert not any(name.startswith("knn") for name in summary)
    assert summary["effective_rank_images"] == 18


def _encoded(pixels, kind):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def test_what_a_list_names_and_nobody_finds_is_told(config, tmp_path, capsys):
    tree = tiny.write_voc(tmp_path / "VOC", 12, 3)
    for name in ("003", "007"):
        (tree / "JPEGImages" / f"{name}.png").unlink()
    broken = tree / "Annotations" / "001.xml"
    broken.write_text("<annotation>")
    settings = config(tree).resolved()
    pool = prepare_photos(read_photos(settings), settings)
    run = RunFolder(tmp_path, None, resuming=False, manifest={})
    record_photos(run, pool, pool.skipped)
    assert (run.manifest["num_photos"], run.manifest["num_problems"]) == (10, 3)
    lines = (tmp_path / "problems.txt").read_text().splitlines()
    assert sum("'003', which is not in JPEGImages" in line for line in lines) == 1
    assert [line for line in lines if line.startswith(f"{broken}\t")]
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "problems of" in x]
    assert "photo missing (2), annotation unreadable (1)" in line


def test_data_without_problems_are_passed_in_silence(tmp_path, capsys):
    pool = pipelines.prepare(pipelines.read({"images": tiny.draw_photos(4)}), 8)
    run = RunFolder(tmp_path, None, resuming=False, manifest={})
    record_photos(run, pool, [])
    assert (tmp_path / "problems.txt").read_text() == ""
    assert capsys.readouterr().out == ""


def test_the_page_of_the_data_is_made_once(tmp_path):
    pool = pipelines.prepare(pipelines.read({"images": tiny.draw_photos(4)}), 8)
    page = tmp_path / "data_report.html"
    for resuming, remains in ((True, False), (True, True), (False, False)):
        run = RunFolder(tmp_path, None, resuming=resuming, manifest={})
        record_photos(run, pool, [])
        assert (page.read_text() == "kept") == remains
        page.write_text("kept")


@pytest.mark.slow
def test_a_photo_that_goes_missing_stops_the_run_and_says_so(
    config, tmp_path, monkeypatch
):
    tree = tiny.write_voc(tmp_path / "VOC", 12)
    fit = PretrainingRun.fit

    def fit_without_photos(pretraining):
        for path in (tree / "JPEGImages").iterdir():
            path.unlink()
        fit(pretraining)

    monkeypatch.setattr(PretrainingRun, "fit", fit_without_photos)
    expected = "png can no longer be read: No such file.*0 of 1 epochs are saved"
    with pytest.raises(StoppedEarly, match=expected):
        pretrain(config(tree, cache="none"))
