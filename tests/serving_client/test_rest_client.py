"""REST client against an HTTP server that runs a SavedModel."""

import base64
import itertools
import json
import threading
import time
import types

import numpy as np
import pytest

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.rest_client import ServingClient
from tests.interpreters import run_python
from tests.serving_client.fixed_boxes import BOXES, encoded_photo
from tests.serving_client.serving_stub import whole_answer

PHOTO = encoded_photo()
DROP = b""
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"


@pytest.fixture
def waits(monkeypatch):
    """Pauses between tries, which nobody waits for."""
    waits = []
    clock = types.SimpleNamespace(sleep=waits.append)
    monkeypatch.setattr("ssl_voc.serving_client.errors.time", clock)
    return waits


@pytest.fixture
def client(server):
    url = f"{server.url}/v1/models/pets"
    with ServingClient(url, timeout=20, retries=2) as client:
        yield client


def test_boxes_come_back_in_pixels_of_each_image(client):
    good, bad, other = client.predict(
        [PHOTO, b"no image", encoded_photo(40, 30, "PNG")]
    )
    for found, (width, height) in ((good, (20, 10)), (other, (40, 30))):
        expected = BOXES * [width, height, width, height]
        np.testing.assert_allclose(found.boxes, expected, rtol=1e-6)
        assert found.image_size == (height, width)
        assert found.class_names == ("dog", "cat", "owl")
        assert found.classes.tolist() == [1, 0, 2]
        np.testing.assert_allclose(found.scores, [0.9, 0.4, 0.2], rtol=1e-6)
        assert found.error == "" and found.ranking is None
    assert bad.error == "not an image that can be decoded"
    assert len(bad) == 0 and bad.boxes.shape == (0, 4)


def test_request_is_as_the_rest_api_documents_it(client, server):
    images = [PHOTO, bytes(range(256)), b""]
    client.predict(images)
    [(method, path, body)] = server.requests
    assert (method, path) == ("POST", "/v1/models/pets:predict")
    encoded = [base64.b64encode(image).decode() for image in images]
    rows = [{"image_bytes": {"b64": text}} for text in encoded]
    assert json.loads(body) == {"instances": rows}


@pytest.mark.parametrize("part", ["versions/4", "labels/new"])
def test_version_and_label_are_asked_for(server, part):
    with ServingClient(f"{server.url}/v1/models/pets/{part}") as client:
        with pytest.raises(ServingError, match="404 Not Found.*not found"):
            client.predict([PHOTO])
    assert [r[1] for r in server.requests] == [f"/v1/models/pets/{part}:predict"]


def test_status_and_metadata_are_read(client, server):
    [version] = client.status()["model_version_status"]
    assert (version["version"], version["state"]) == ("2", "AVAILABLE")
    assert client.metadata()["model_spec"]["name"] == "pets"
    assert client.input_names() == ("image_bytes",)
    found = {"inputs": None}
    for key in ("serving_default", "signature_def", "signature_def", "metadata"):
        found = {key: found}
    server.faults.append(whole_answer("200 OK", json.dumps(found).encode()))
    assert client.input_names() == ()


@pytest.mark.parametrize("fault", [429, 500, 503, DROP, SHORT])
def test_passing_trouble_is_met_by_another_try(client, server, waits, fault):
    server.faults += [fault, fault]
    assert len(client.predict([PHOTO])[0]) == 3
    assert len(server.requests) == 3
    # Growing pauses, to which jitter adds up to half a second.
    assert waits[0] == 0 and 1.0 <= waits[1] <= 1.5


@pytest.mark.parametrize("status", [503, 400, 404, 413, 501])
def test_trouble_is_met_by_tries_and_refusal_by_none(client, server, waits, status):
    tries, told = (3, r" \(tried 3 times\)") if status == 503 else (1, "")
    server.faults += [status] * tries
    with pytest.raises(ServingError, match=f" {status} .*: fault {status}{told}$") as e:
        client.predict([PHOTO])
    assert server.url in str(e.value) and e.value.status == status
    assert len(server.requests) == len(waits) + 1 == tries


def test_server_may_ask_for_a_longer_pause(client, server, waits):
    for seconds in (7, 9999):
        head = f"503 No\r\nConnection: close\r\nRetry-After: {seconds}"
        server.faults.append(whole_answer(head, b""))
    client.predict([PHOTO])
    assert waits == [7.0, 60.0]


def hang():
    time.sleep(0.6)
    yield b""


def drip():
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    for _ in range(40):
        time.sleep(0.05)
        yield b" "


@pytest.mark.parametrize(
    ("answer", "timeout", "retries", "told"),
    # The second drips for two seconds, each byte within the timeout.
    [(hang, 0.1, 1, "0.1 s.*tried 2 times"), (drip, 0.3, 0, "0.3 s")],
)
def test_slow_server_is_given_up_in_time(server, waits, answer, timeout, retries, told):
    server.faults += [answer() for _ in range(retries + 1)]
    with ServingClient(server.url, "pets", timeout=timeout, retries=retries) as client:
        began = time.monotonic()
        with pytest.raises(ServingError, match=f"no answer within {told}"):
            client.predict([PHOTO])
        assert time.monotonic() - began < 1.5


def test_answer_without_end_is_cut_off(server):
    endless = itertools.repeat(b" " * 65536)
    server.faults.append(itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], endless))
    with ServingClient(server.url, "pets", max_response_bytes=2**20) as client:
        with pytest.raises(ServingError, match="more than 1 MiB"):
            client.predict([PHOTO])
        # The half-read answer is not taken for the next one's.
        assert len(client.predict([PHOTO])[0]) == 3


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        ("200 OK", b"<html>\na page</html>", "invalid JSON: <html> a page</html>$"),
        ("200 OK", b'{"predictions": []}', "0 predictions for 1 images"),
        ("200 OK", b'{"outputs": {}}', "no rows of `predictions`"),
        ("200 OK", b'{"predictions": [0.5]}', "no rows of `predictions`"),
        ("200 OK", b'{"predictions": [{"logits": [0.5]}]}', "logits, not boxes"),
        ("200 OK", b"[" * 200_000, r"invalid JSON: \[\["),
        ("400 No", b"[" * 200_000, r"400 No: \[\["),
        ("400 No", b'{"error": "\\ud800"}', r"400 No: \?$"),
        ("503 No\r\nRetry-After: \xb2", b"", "503 No$"),
        ("307 No\r\nLocation: https://there/v1/models/a", b"", "at https://there/v1/"),
        ("200 OK\r\nContent-Encoding: gzip", b"no gzip", "cannot be reached: .*header"),
    ],
)
def test_answer_that_cannot_be_read_is_an_error(client, server, head, body, reason):
    server.faults.append(whole_answer(head, body))
    client.retries = 0
    with pytest.raises(ServingError, match=reason):
        client.predict([PHOTO])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"timeout": float("inf")}, "`timeout`"),
        ({"timeout": 0}, "`timeout`"),
        ({"retries": -1}, "`retries`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"url": "grpc://localhost:1"}, "GrpcServingClient"),
    ],
)
def test_argument_that_does_not_fit_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        ServingClient(**{"url": "http://localhost:1", "model": "pets", **arguments})


def test_connection_is_kept_and_renewed_where_it_was_closed(client, server):
    before = server.num_connections
    client.predict([PHOTO])
    client.predict([PHOTO])
    assert server.num_connections == before + 1
    # The server goes after its answer: no trouble that would use up a try.
    client.retries = 0
    server.faults.append(whole_answer("200 OK", b"{}"))
    assert client.metadata() == {}
    time.sleep(0.1)  # until the news has come
    assert len(client.predict([PHOTO])[0]) == 3
    assert server.num_connections == before + 2
    client.close()
    assert len(client.predict([PHOTO])[0]) == 3


@pytest.mark.parametrize(
    ("host", "tries", "reason"),
    [("127.0.0.1:9", 3, ".*refused.*tried 3 times"), ("no.invalid", 1, "")],
)
def test_host_that_is_not_there_is_told(waits, host, tries, reason):
    with ServingClient(f"http://{host}/v1/models/a", retries=2) as client:
        with pytest.raises(ServingError, match=f"{host}.* cannot be reached: {reason}"):
            client.predict([PHOTO])
    assert len(waits) == tries - 1


def test_no_more_images_are_taken_than_one_request_holds(server):
    taken = []

    def images():
        for number in range(5):
            taken.append(number)
            yield PHOTO

    with ServingClient(server.url, "pets", batch_size=2) as client:
        found = client.predict_each(images())
        # The third is looked at to know that the second chunk begins.
        assert len(next(found)) == 3 and len(taken) == 3
        assert len(list(found)) == 4
    assert [body.count(b"b64") for _, _, body in server.requests] == [2, 2, 1]


def test_threads_share_a_client_and_get_their_own_answers(client):
    photos = {20 + 2 * n: encoded_photo(20 + 2 * n, 10 + n) for n in range(12)}
    answers = {}

    def ask(width):
        answers[width] = client.predict([photos[width]])[0].image_size

    threads = [threading.Thread(target=ask, args=[width]) for width in photos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {width: (width // 2, width) for width in photos}


def test_client_needs_numpy_and_urllib3_alone():
    script = (
        "import sys; bare = set(sys.modules)\n"  # what the environment always loads
        "import ssl_voc.serving_client\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - bare}\n"
        "print(*sorted(new - set(sys.stdlib_module_names)))"
    )
    loaded = run_python("tensorflow", "-c", script).split()
    assert set(loaded) == {"numpy", "ssl_voc", "urllib3"}
