"""`python -m ssl_voc.predict --server`: by REST and gRPC, and servers in trouble."""

import json

import pytest

from ssl_voc.predict import main
from ssl_voc.predict.predictors import open_predictor
from ssl_voc.runs.json_files import read_json, read_jsonl
from tests.interpreters import run_python
from tests.predict.results import run
from tests.serving_client.fixed_boxes import BOXES

DROP = b""


@pytest.fixture
def url(server):
    return f"{server.url}/v1/models/pets"


@pytest.mark.parametrize(
    "source",
    [
        {"model": "{folder}/2"},
        {"server": "{rest}/v1/models/pets"},
        {"server": "{rest}", "model": "pets"},
        {"server": "{grpc}/pets"},
    ],
)
def test_saved_model_and_servers_give_the_same(
    source, saved_model, server, photos, tmp_path, request
):
    places = {"folder": saved_model, "rest": server.url}
    if "{grpc}" in source.get("server", ""):
        port = request.getfixturevalue("grpc_server").port
        places["grpc"] = f"grpc://127.0.0.1:{port}"
    source = {name: text.format(**places) for name, text in source.items()}
    run(photos, tmp_path / "out", draw=False, **source)
    run(photos, tmp_path / "model", draw=False, model=str(saved_model))
    found = (tmp_path / "out/predictions.json").read_text()
    assert found == (tmp_path / "model/predictions.json").read_text()
    rows = json.loads(found)
    # The third object scores 0.2, below a detector's threshold.
    assert [row["category_name"] for row in rows] == ["dog", "cat"] * 4
    x1, y1, x2, y2 = BOXES[0] * [96, 64, 96, 64]
    assert rows[0]["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.011)


def test_refused_batch_is_sent_one_by_one(server, url, photos, tmp_path):
    # The metadata are answered; the batch of four is too much, and its first photo.
    server.faults += [None, 413, 413]
    summary = run(photos, tmp_path / "out", server=url)
    assert [body.count(b"b64") for _, _, body in server.requests] == [0, 4, 1, 1, 1, 1]
    assert summary["num_images"] == 3
    [line] = (tmp_path / "out/skipped.txt").read_text().splitlines()
    path, reason = line.split("\t")
    assert path == str(photos / "p0.png") and " 413 " in reason


def test_lost_server_ends_the_run_with_what_there_is(
    server, url, photos, tmp_path, capsys
):
    # The metadata and two photos are answered, then the server is gone.
    server.faults += [None, None, None, DROP, DROP]
    out = tmp_path / "out"
    arguments = [str(photos), "--server", url, "--out", str(out)]
    assert main([*arguments, "--batch-size", "1", "--retries", "1"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("stopped: ") and error.count("\n") == 1
    assert "cannot be reached" in error and "2 of 4 photos" in error
    rows = read_json(out / "predictions.json")
    assert {row["image_id"] for row in rows} == {"p0", "p1"}
    assert len(read_jsonl(out / "images.jsonl")) == 2


def test_gateway_that_lets_only_predictions_through_is_enough(server, url):
    server.faults.append(403)  # what is asked first are the metadata
    open_predictor(server=url).close()
    assert len(server.requests) == 1


def test_prediction_by_a_server_loads_no_framework(url, photos, tmp_path):
    script = (
        "import sys\n"
        "from ssl_voc.predict import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    arguments = [photos, "--server", url, "--out", tmp_path / "out"]
    assert "predicting: 4 photos" in run_python("tensorflow", "-c", script, *arguments)
