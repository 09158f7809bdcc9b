"""What every test stands on: the environment and the photographs."""

import math
import os
import pathlib
import tempfile

import pytest

from tests.interpreters import REPOSITORY

# Read when a backend is imported, hence before any test module.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tiny models lose time on many threads, and two backends share one device.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "4")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "4")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
# Nothing is downloaded, and no file that was is found: `--weights auto` is random.
os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = "http://127.0.0.1:9"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"
_KERAS_HOME = tempfile.TemporaryDirectory()
os.environ["KERAS_HOME"] = _KERAS_HOME.name


# Rooms whose files take longest: begun last they would leave the other workers idle.
LONG = (
    *("finetune", "pretrain", "models", "export", "serving"),
    *("training", "layers", "evaluate"),
)


def pytest_collection_modifyitems(items):
    """Brings the files of the long rooms to the front."""
    items.sort(
        key=lambda item: (
            LONG.index(room) if (room := _room(item)) in LONG else len(LONG)
        )
    )


def _room(item):
    return item.path.relative_to(REPOSITORY / "tests").parts[0]


@pytest.fixture(scope="session", autouse=True)
def cache_of_session(tmp_path_factory):
    """Keeps the tests away from the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_VOC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data_folder():
    """Folder of real photographs, or a skip where there is none."""
    chosen = os.environ.get("SSL_VOC_DATA")
    folder = pathlib.Path(chosen) if chosen else REPOSITORY / "../shared/data"
    if not folder.is_dir():
        pytest.skip(f"no real photographs: {folder} is missing (set SSL_VOC_DATA)")
    return folder.resolve()


@pytest.fixture(scope="session")
def curves_of_the_last_epoch():
    """Lets runs draw their curves at the end alone: that takes longer than an epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssl_voc.training.run._SECONDS_BETWEEN_CURVES", math.inf)
        yield


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    """Folder of an exported model whose boxes are known, as version 2."""
    from tests.serving_client.fixed_boxes import save_model

    folder = tmp_path_factory.mktemp("saved_model")
    save_model(folder / "2")
    return folder


@pytest.fixture(scope="session")
def serving_stub(saved_model):
    """HTTP server that answers TensorFlow Serving's REST API by `saved_model`."""
    from tests.serving_client.serving_stub import ServingStub

    with ServingStub(saved_model) as stub:
        yield stub


@pytest.fixture
def server(serving_stub):
    """The REST server without recorded requests and faults."""
    serving_stub.requests.clear()
    serving_stub.faults.clear()
    return serving_stub


@pytest.fixture(scope="session")
def grpc_stub(saved_model):
    """gRPC server that answers by `saved_model`."""
    pytest.importorskip(
        "tensorflow_serving.apis", reason="tensorflow-serving-api is not installed"
    )
    from tests.serving_client.grpc_stub import started_grpc_stub

    with started_grpc_stub(saved_model) as stub:
        yield stub


@pytest.fixture
def grpc_server(grpc_stub):
    """The gRPC server without recorded requests and faults."""
    grpc_stub.requests.clear()
    grpc_stub.faults.clear()
    return grpc_stub
