"""Examples of docs/predict.md, saved_models/README.md and the files beside it."""

import json
import re
import subprocess

import pytest
import urllib3
import yaml

from tests.interpreters import REPOSITORY
from tests.serving_client.fixed_boxes import encoded_photo

FOLDER = REPOSITORY / "saved_models"
PAGE = (FOLDER / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(encoded_photo(16, 12))
    (folder / "b.jpg").write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)


def test_body_of_the_request_is_answered_as_shown(server):
    [body] = re.findall(r"cells:predict -d '(\{.*\})'", PAGE)
    url = f"{server.url}/v1/models/pets:predict"
    response = urllib3.request("POST", url, body=body)
    assert response.status == 200
    answer = response.json()
    [row], [shown] = answer["predictions"], json.loads(blocks("json")[0])["predictions"]
    assert list(sorted(row)) == list(sorted(shown))
    assert row["image_size"] == shown["image_size"] == [12, 16]
    assert row["errors"] == shown["errors"] == ""
    # The page shows what this model answers, but for names and one place.
    assert row["boxes"][:2] == [pytest.approx(box) for box in shown["boxes"][:2]]
    assert row["scores"][:2] == pytest.approx(shown["scores"][:2])
    for key in shown:
        assert f"| `{key}` |" in PAGE


def test_script_of_the_client_runs(server, photos, capsys):
    script = blocks("python")[0].replace("http://localhost:8501", server.url)
    script = script.replace("/cells", "/pets")
    exec(compile(script, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "photos/a.jpg dog 0.9 [1, 2, 8, 7]" in printed
    assert "photos/b.jpg cannot be read: not an image" in printed


def test_script_by_grpc_runs(grpc_server, photos):
    host = f"127.0.0.1:{grpc_server.port}"
    script = blocks("python")[1].replace("localhost:8500", host)
    names = {}
    exec(compile(script.replace('"cells"', '"pets"'), "README.md", "exec"), names)
    assert names["boxes"].shape == (2, 4, 4)
    assert names["names"][0].tolist() == [b"dog", b"cat", b"owl", b""]


def test_server_is_configured_for_the_same_model_everywhere():
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    serving = compose["services"]["serving"]
    for flag in serving["command"]:
        name, _, value = flag.partition("=")
        if value.startswith("/models/"):
            assert (FOLDER / value.removeprefix("/models/")).is_file(), flag
            assert flag in PAGE
    assert serving["volumes"] == [".:/models:ro"]
    assert '"/models/cells"' in (FOLDER / "models.config").read_text()


def test_list_of_models_is_a_config_of_the_server():
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    from google.protobuf import text_format

    text = (FOLDER / "models.config").read_text()
    message = text_format.Parse(text, config.ModelServerConfig())
    [model] = message.model_config_list.config
    assert (model.name, model.model_platform) == ("cells", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1


def test_batching_has_the_fields_of_the_server_and_room_for_a_request():
    from ssl_voc.predict import PredictConfig
    from ssl_voc.serving.warm_up import BATCH_SIZES

    text = (FOLDER / "batching_parameters.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    fields = dict(re.fullmatch(r"(\w+) \{ value: (\d+) \}", x).groups() for x in lines)
    limits = {"batch_timeout_micros", "num_batch_threads", "max_enqueued_batches"}
    assert {*fields} == {"max_batch_size"} | limits
    most = int(fields["max_batch_size"])
    assert most >= max(PredictConfig.batch_size, *BATCH_SIZES)
    # Who lowers it reads how far.
    assert f"At least {max(BATCH_SIZES)}: " in text
    assert f"`max_batch_size` is at least {max(BATCH_SIZES)}," in PAGE


def test_photos_of_a_voc_split_are_given_whatever_their_suffix(tmp_path):
    page = (REPOSITORY / "docs/predict.md").read_text()
    [recipe] = re.findall(r"`(\$\(sed .*\))`", page)
    main = tmp_path / "VOC/ImageSets/Main"
    main.mkdir(parents=True)
    (main / "test.txt").write_text("a\nb\n")
    photos = ["VOC/JPEGImages/a.jpg", "VOC/JPEGImages/b.png"]
    (tmp_path / "VOC/JPEGImages").mkdir()
    for photo in [*photos, "VOC/JPEGImages/c.jpg"]:
        (tmp_path / photo).touch()
    command = ["sh", "-c", f"printf '%s\\n' {recipe}"]
    given = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert given.stdout.split() == photos
