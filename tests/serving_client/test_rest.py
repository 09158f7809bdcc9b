"""The client of TensorFlow Serving's REST API, against a server that runs a model."""

import base64
import io
import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.rest import ServingClient
from tests.conftest import REPOSITORY
from tests.serving_client.fixed_boxes import BOXES, save_model
from tests.serving_client.serving_stub import whole_answer


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """What the fixture `server` runs here: a third version."""
    folder = tmp_path_factory.mktemp("served")
    save_model(folder / "3")
    return folder


@pytest.fixture
def waits():
    return []


@pytest.fixture
def client(server, waits):
    url = f"{server.url}/v1/models/pets"
    with ServingClient(url, timeout=20, retries=2, sleep=waits.append) as client:
        yield client


def photo(width=20, height=10, format="JPEG"):
    file = io.BytesIO()
    pixels = np.full((height, width, 3), 120, "uint8")
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


def test_boxes_come_back_in_pixels_of_each_image(client):
    found = client.predict([photo(20, 10), photo(40, 30, "PNG")])
    assert [item.image_size for item in found] == [(10, 20), (30, 40)]
    for item, (width, height) in zip(found, [(20, 10), (40, 30)], strict=True):
        expected = BOXES * [width, height, width, height]
        np.testing.assert_allclose(item.boxes, expected, rtol=1e-6)
        assert item.class_names == ("dog", "cat", "owl")
        assert item.classes.tolist() == [1, 0, 2]
        np.testing.assert_allclose(item.scores, [0.9, 0.4, 0.2], rtol=1e-6)
        assert item.error == "" and item.ranking is None


def test_undecodable_image_tells_so_and_leaves_its_neighbors_alone(client):
    bad, good = client.predict([b"no image", photo()])
    assert bad.error == "not an image that can be decoded"
    assert len(bad) == 0 and bad.boxes.shape == (0, 4)
    assert good.error == "" and len(good) == 3


def test_request_is_as_the_rest_api_documents_it(client, server):
    images = [photo(), b"\x00\xff"]
    client.predict(images)
    [(method, path, body)] = server.requests
    assert (method, path) == ("POST", "/v1/models/pets:predict")
    assert json.loads(body) == {
        "instances": [
            {"image_bytes": {"b64": base64.b64encode(image).decode()}}
            for image in images
        ]
    }


def test_version_and_label_are_asked_for(server):
    for part, status in (("versions/3", 200), ("versions/4", 404), ("labels/new", 404)):
        with ServingClient(f"{server.url}/v1/models/pets/{part}", retries=0) as client:
            if status == 200:
                assert len(client.predict([photo()])[0]) == 3
            else:
                with pytest.raises(ServingError, match="answers 404 Not Found"):
                    client.predict([photo()])
    assert [path for _, path, _ in server.requests] == [
        "/v1/models/pets/versions/3:predict",
        "/v1/models/pets/versions/4:predict",
        "/v1/models/pets/labels/new:predict",
    ]


def test_status_and_metadata_are_read(client, server):
    [version] = client.status()["model_version_status"]
    assert (version["version"], version["state"]) == ("3", "AVAILABLE")
    assert client.metadata()["model_spec"]["name"] == "pets"
    assert client.input_names() == ("image_bytes",)
    found = {"inputs": None}
    for key in ("serving_default", "signature_def", "signature_def", "metadata"):
        found = {key: found}
    server.faults.append(whole_answer("200 OK", json.dumps(found).encode()))
    assert client.input_names() == ()


@pytest.mark.parametrize("fault", [429, 500, 503, "drop", "short"])
def test_passing_trouble_is_met_by_another_try(client, server, waits, fault):
    server.faults += [fault, fault]
    assert len(client.predict([photo()])[0]) == 3
    assert len(server.requests) == 3
    # Growing pauses, of which jitter takes up to half.
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


def test_trouble_that_stays_is_an_error_in_one_line(client, server):
    server.faults += [503] * 3
    with pytest.raises(ServingError) as caught:
        client.predict([photo()])
    assert str(caught.value) == (
        f"{server.url} answers 503 Service Unavailable: fault 503 (tried 3 times)"
    )
    assert caught.value.status == 503
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 413])
def test_refused_request_is_not_repeated(client, server, waits, status):
    server.faults.append(status)
    with pytest.raises(ServingError, match=f"answers {status} .*: fault {status}$"):
        client.predict([photo()])
    assert len(server.requests) == 1 and not waits


def test_server_may_ask_for_a_longer_pause(client, server, waits):
    server.faults += [(503, [("Retry-After", "7")]), (429, [("Retry-After", "9999")])]
    client.predict([photo()])
    assert waits == [7.0, 60.0]


def test_redirection_names_the_other_address(client, server):
    server.faults.append((307, [("Location", "https://elsewhere/v1/models/pets")]))
    with pytest.raises(ServingError, match="it lies at https://elsewhere/v1/models"):
        client.predict([photo()])


def test_silent_server_is_given_up_in_time(server):
    server.hang_seconds = 0.6
    server.faults += ["hang", "hang"]
    with ServingClient(
        server.url, "pets", timeout=0.1, retries=1, sleep=lambda seconds: None
    ) as client:
        with pytest.raises(ServingError, match="no answer within 0.1 s.*tried 2 times"):
            client.predict([photo()])


def test_answer_that_drips_is_given_up_in_time(server):
    server.faults.append("slow")  # for two seconds, within one reading
    with ServingClient(server.url, "pets", timeout=0.3, retries=0) as client:
        began = time.monotonic()
        with pytest.raises(ServingError, match="no answer within 0.3 s"):
            client.predict([photo()])
        assert time.monotonic() - began < 1.5


def test_answer_without_end_is_cut_off(server):
    server.faults.append("endless")
    client = ServingClient(server.url, "pets", max_response_bytes=2**20, retries=0)
    with pytest.raises(ServingError, match="answers more than 1 MiB"):
        client.predict([photo()])
    # The half-read answer is not taken for the next one's.
    assert len(client.predict([photo()])[0]) == 3
    client.close()


def test_answer_of_a_gateway_is_quoted(client, server):
    server.faults.append("garbage")
    with pytest.raises(ServingError, match="no JSON: <html>a gateway's page</html>"):
        client.predict([photo()])


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        ("200 OK", b"[" * 200_000, "answers what is no JSON: \\[\\["),
        ("400 No", b"[" * 200_000, "answers 400 No: \\[\\["),
        ("400 No", b'{"error": "\\ud800"}', "answers 400 No: \\?$"),
        ("503 No\r\nRetry-After: \xb2", b"", "answers 503 No$"),
    ],
)
def test_answer_that_no_reader_takes_is_an_error(client, server, head, body, reason):
    server.faults.append(whole_answer(head, body))
    client.retries = 0
    with pytest.raises(ServingError, match=reason):
        client.predict([photo()])


def test_timeout_that_no_clock_has_is_refused():
    with pytest.raises(ValueError, match="`timeout` above 0, at most"):
        ServingClient("http://localhost:1", "pets", timeout=float("inf"))


def test_connection_is_kept_and_renewed_where_the_server_closed_it(client, server):
    before = server.num_connections
    client.predict([photo()])
    client.predict([photo()])
    assert server.num_connections == before + 1
    # As after a long silence; no trouble that would use up a try.
    client.retries = 0
    client._of_thread.connection.sock.shutdown(2)
    assert len(client.predict([photo()])[0]) == 3
    assert server.num_connections == before + 2


def test_nobody_listening_is_told_after_all_tries(waits):
    client = ServingClient(
        "http://127.0.0.1:9/v1/models/a", retries=2, sleep=waits.append
    )
    with pytest.raises(
        ServingError, match=r"127.0.0.1:9 cannot be reached: .*refused.*tried 3 times"
    ):
        client.predict([photo()])
    assert len(waits) == 2


def test_images_go_out_in_requests_of_bounded_count_and_bytes(server):
    images = [photo() for _ in range(5)]
    client = ServingClient(server.url, "pets", batch_size=2)
    assert len(client.predict(images)) == 5
    counts = [body.count(b"b64") for _, _, body in server.requests]
    assert counts == [2, 2, 1]
    client.close()


def test_no_more_images_are_taken_than_one_request_holds(server):
    taken = []

    def images():
        for number in range(6):
            taken.append(number)
            yield photo()

    with ServingClient(server.url, "pets", batch_size=2) as client:
        first = next(client.predict_each(images()))
        # The third is looked at to know that the second chunk begins.
        assert len(first) == 3 and len(taken) == 3


def test_path_instead_of_bytes_is_refused(client):
    with pytest.raises(TypeError, match="as bytes.*Received: str"):
        client.predict(["photo.jpg"])


def test_threads_share_a_client_and_get_their_own_answers(client):
    sizes = [(20 + 2 * n, 10 + n) for n in range(12)]
    answers = {}

    def ask(width, height):
        answers[width] = client.predict([photo(width, height)])[0].image_size

    threads = [threading.Thread(target=ask, args=size) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {width: (height, width) for width, height in sizes}


def test_client_needs_the_standard_library_and_numpy_alone():
    script = (
        "import sys\n"
        "import ssl_voc.serving_client\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "own = loaded - set(sys.stdlib_module_names) - {'numpy', 'ssl_voc'}\n"
        # What the environment loads at every start is none of ours.
        "import subprocess\n"
        "bare = subprocess.run([sys.executable, '-c',\n"
        "    'import sys; print(*sys.modules)'], capture_output=True, text=True)\n"
        "bare = {name.partition('.')[0] for name in bare.stdout.split()}\n"
        "print(*sorted(own - bare))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
