"""`python -m ssl_voc.predict --server`: asked by REST and gRPC, and what goes wrong."""

import json
import os
import subprocess
import sys

import pytest

from ssl_voc.predict import main, predict
from tests.conftest import REPOSITORY
from tests.predict.place import read_json, read_lines, settings
from tests.serving_client.fixed_boxes import BOXES
from tests.serving_client.test_grpc_client import service  # noqa: F401, a fixture


def test_saved_model_and_server_give_the_same(saved_model, server, photos, tmp_path):
    sources = {
        "parent": {"model": str(saved_model)},
        "version": {"model": str(saved_model / "2")},
        "url": {"server": f"{server.url}/v1/models/pets"},
        "host": {"server": server.url, "model": "pets"},
    }
    found = {}
    for name, source in sources.items():
        out = tmp_path / name
        predict(settings(photos, tmp_path, out=out, **source))
        found[name] = (out / "predictions.json").read_text()
    assert len(set(found.values())) == 1
    rows = json.loads(found["url"])
    # The third object scores 0.2, below a detector's threshold.
    assert [row["category_name"] for row in rows] == ["dog", "cat"] * 4
    x1, y1, x2, y2 = BOXES[0] * [96, 64, 96, 64]
    assert rows[0]["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.011)


def test_names_that_are_no_utf_8_come_into_every_file(server, photos, tmp_path, capsys):
    try:
        (photos / "p0.png").rename(photos / os.fsdecode(b"\xe4.png"))
        (photos / os.fsdecode(b"\xe9.png")).write_text("no image")
    except OSError:
        pytest.skip("this file system takes no such names")
    url = f"{server.url}/v1/models/pets"
    assert predict(settings(photos, tmp_path, server=url))["num_images"] == 4
    rows = read_lines(tmp_path / "out/images.jsonl")
    assert rows[-1]["path"] == f"{photos}/\\udce4.png"
    assert (tmp_path / "out" / rows[-1]["picture"]).is_file()
    assert "/\\udce9.png\tnot an image" in (tmp_path / "out/skipped.txt").read_text()
    assert "\\udce9.png: not an image" in capsys.readouterr().out


def test_refused_batch_is_sent_one_by_one(server, photos, tmp_path):
    url = f"{server.url}/v1/models/pets"

    class Faults(list):
        """The batch of four is too much, and the first of them alone, too."""

        def __bool__(self):
            return len(server.requests) in (2, 3)

        def pop(self, index):
            return 413

    server.faults = Faults()
    try:
        summary = predict(settings(photos, tmp_path, server=url))
    finally:
        server.faults = []
    assert [body.count(b"b64") for _, _, body in server.requests] == [0, 4, 1, 1, 1, 1]
    assert summary["num_images"] == 3
    skipped = (tmp_path / "out/skipped.txt").read_text()
    assert skipped.startswith(f"{photos / 'p0.png'}\t")
    assert "answers 413" in skipped and skipped.count("\n") == 1


def test_lost_server_ends_the_run_with_what_there_is(
    server, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("ssl_voc.serving_client.errors.FIRST_WAIT", 0.0)
    url = f"{server.url}/v1/models/pets"
    arguments = [str(photos), "--server", url, "--out", str(tmp_path / "out")]
    arguments += ["--batch-size", "1", "--retries", "1"]

    class Going(list):
        """Metadata and two photos are answered, then the server is gone."""

        def __bool__(self):
            return len(server.requests) > 3

        def pop(self, index):
            return "drop"

    server.faults = Going()
    try:
        assert main(arguments) == 3
    finally:
        server.faults = []
    error = capsys.readouterr().err
    assert error.startswith("stopped: ") and error.count("\n") == 1
    assert "cannot be reached" in error and "2 of 4 photos were predicted" in error
    rows = read_json(tmp_path / "out/predictions.json")
    assert {row["image_id"] for row in rows} == {"p0", "p1"}
    assert len(read_lines(tmp_path / "out/images.jsonl")) == 2


def test_gateway_that_lets_only_predictions_through_is_enough(server, photos, tmp_path):
    server.faults.append(403)  # what is asked first are the metadata
    config = settings(photos, tmp_path, server=f"{server.url}/v1/models/pets")
    assert predict(config)["num_images"] == 4


def test_server_is_asked_by_grpc(service, saved_model, photos, tmp_path):  # noqa: F811
    url = f"grpc://127.0.0.1:{service.port}/pets"
    predict(settings(photos, tmp_path, server=url))
    predict(settings(photos, tmp_path, model=str(saved_model), out=tmp_path / "same"))
    found = [tmp_path / name / "predictions.json" for name in ("out", "same")]
    assert found[0].read_text() == found[1].read_text()


def test_prediction_by_a_server_loads_no_framework(server, photos, tmp_path):
    script = (
        "import sys\n"
        "from ssl_voc.predict import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(*{'keras', 'tensorflow'} & set(sys.modules), file=sys.stderr)\n"
    )
    arguments = [str(photos), "--server", f"{server.url}/v1/models/pets"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--out", str(tmp_path / "out")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == ""
    assert "predicting: 4 photos" in done.stdout
