"""Benchmark of a thousand requests: its questions and its judgement."""

import collections
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from benchmarks.serving_requests import (
    BROKEN,
    ODD,
    Question,
    draw_questions,
    judge,
    main,
    make_kinds,
)
from ssl_voc.serving_client.prediction import Prediction
from tests import tiny
from tests.serving_client.fixed_boxes import save_model


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, pixels in enumerate(tiny.draw_photos(3, size=48)):
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    return folder


def prediction(**changes):
    boxes = np.array([[1, 2, 30, 40]], "float32")
    scores = np.array([0.75], "float32")
    classes = np.array([1], "int32")
    found = Prediction(boxes, scores, classes, ("cat",), (48, 64))
    return dataclasses.replace(found, **changes)


REFERENCES = {
    "a": {
        "boxes": [[1, 2, 30, 40]],
        "scores": [0.75],
        "class_names": ["cat"],
        "image_size": [48, 64],
    }
}


def test_one_file_in_ten_is_bad_and_all_kinds_take_turns(photos):
    kinds = make_kinds(sorted(photos.iterdir()), 0.01)
    questions = draw_questions(kinds, 600, 0.1, seed=3)
    counts = collections.Counter(question.kind for question in questions)
    assert counts.pop("good") == 540
    assert counts == dict.fromkeys([*BROKEN, *ODD], 10)
    assert questions == draw_questions(kinds, 600, 0.1, seed=3)
    assert questions != draw_questions(kinds, 600, 0.1, seed=4)


@pytest.mark.parametrize(
    ("kind", "answer", "verdict"),
    [
        ("good", prediction(), "answered"),
        ("good", prediction(boxes=np.array([[1, 2, 30, 40.02]])), "wrong"),
        ("good", prediction(scores=np.array([0.7502])), "wrong"),
        ("good", prediction(class_names=("dog",)), "wrong"),
        ("good", prediction(image_size=(64, 48)), "wrong"),
        ("good", prediction(error="damaged"), "wrong"),
        ("good", "the server is gone", "wrong"),
        ("text", prediction(error="not an image"), "refused"),
        ("text", prediction(), "wrong"),
        ("text", "answers 500", "wrong"),
        ("cmyk", prediction(), "answered"),
        ("cmyk", prediction(error="four channels"), "refused"),
        ("cmyk", prediction(class_names=("dog",)), "wrong"),
    ],
)
def test_answers_are_judged(kind, answer, verdict):
    assert judge(Question(kind, b"", "a"), answer, REFERENCES)[0] == verdict


@pytest.mark.slow
def test_whole_run_finds_every_answer_right_and_reads_memory(tmp_path, photos, capfd):
    save_model(tmp_path / "model/1")
    out = tmp_path / "figures.json"
    flags = ["--model", str(tmp_path / "model"), "--photos", str(photos)]
    flags += ["--requests", "16", "--bad-share", "0.4", "--huge-megapixels", "0.01"]
    assert main([*flags, "--batch-size", "2", "--out", str(out)]) == 0
    result = json.loads(out.read_text())
    assert result["num_requests"] == 16 and result["num_wrong"] == 0
    assert result["counts"]["good"] == {"answered": 19}
    assert {kind: [*result["counts"][kind]] for kind in BROKEN} == {
        kind: ["refused"] for kind in BROKEN
    }
    assert [row["request"] for row in result["memory"]] == [0, 4, 8, 12, 16]
    # A server that has tensorflow loaded, and a client of which nobody knows.
    assert all(row["server_mib"] > 100 for row in result["memory"])
    assert all(row["client_mib"] > 20 for row in result["memory"])
    assert "16 requests" in capfd.readouterr().out
