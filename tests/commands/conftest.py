"""What tests of `predict` work on: an artifact, a server that runs it, and photos."""

import pytest
from PIL import Image

from tests.commands import oracle
from tests.fixed_boxes import save_model
from tests.serving_stub import ServingStub


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    save_model(folder / "2")
    return folder


@pytest.fixture(scope="module")
def stub(saved_model):
    with ServingStub({"pets": saved_model}) as server:
        yield server


@pytest.fixture
def server(stub):
    stub.requests.clear()
    stub.faults.clear()
    return stub


@pytest.fixture
def photos(tmp_path):
    """Four photos whose object `oracle` knows."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(oracle.draw_photo(number)).save(folder / f"p{number}.png")
    return folder
