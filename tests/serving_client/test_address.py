"""Addresses of served models."""

import pytest

from ssl_voc.serving_client.address import read_address


@pytest.mark.parametrize(
    ("url", "model", "expected"),
    [
        (
            "http://host:8501/v1/models/cats",
            None,
            "http://host:8501/v1/models/cats",
        ),
        ("http://host:8501", "cats", "http://host:8501/v1/models/cats"),
        ("http://host:8501/", "cats", "http://host:8501/v1/models/cats"),
        # A host alone is taken for TensorFlow Serving's port of REST.
        ("host", "cats", "http://host:8501/v1/models/cats"),
        ("host:99/v1/models/cats", None, "http://host:99/v1/models/cats"),
        # With a scheme it is the scheme's port, as everywhere.
        ("http://host/v1/models/cats", None, "http://host:80/v1/models/cats"),
        ("https://host", "cats", "https://host:443/v1/models/cats"),
        ("http://host:1/v1/models/cats:predict", None, "http://host:1/v1/models/cats"),
        (
            "http://host:1/v1/models/cats/versions/7:predict",
            "cats",
            "http://host:1/v1/models/cats/versions/7",
        ),
        (
            "http://host:1/v1/models/cats/labels/stable/",
            None,
            "http://host:1/v1/models/cats/labels/stable",
        ),
        (
            "https://gateway/team/a/v1/models/cats",
            None,
            "https://gateway:443/team/a/v1/models/cats",
        ),
        ("http://b\u00fccher.org", "a", "http://xn--bcher-kva.org:80/v1/models/a"),
        ("http://[::1]:8501", "cats", "http://[::1]:8501/v1/models/cats"),
        ("http://host:1", "big cats", "http://host:1/v1/models/big%20cats"),
        ("grpc://host", "cats", "grpc://host:8500/v1/models/cats"),
        ("grpc://host:1/cats", None, "grpc://host:1/v1/models/cats"),
        ("grpc://host:1/cats/3", None, "grpc://host:1/v1/models/cats/versions/3"),
    ],
)
def test_address_is_understood(url, model, expected):
    assert str(read_address(url, model)) == expected


def test_name_of_a_model_survives_its_own_address():
    address = read_address("http://host:1", "big cats")
    assert read_address(str(address)) == address
    assert address.model == "big cats"


@pytest.mark.parametrize(
    ("url", "model", "reason"),
    [
        ("http://host:8501", None, "names no model"),
        ("ftp://host/v1/models/a", None, "http, https, grpc"),
        ("http://host/models/a", None, "/models/a is not the path"),
        ("http://host:port", "a", "is not the address of a model server"),
        ("http:///v1/models/a", None, "it names no host"),
        ("http://host..org/v1/models/a", None, "host..org cannot be a host's name"),
        ("http://host/v1/models/a", "b", "is of model 'a', but 'b' was named, too"),
        ("http://host/v1/models/a?x=1", None, "more than host, port and path"),
        ("http://me:secret@host/v1/models/a", None, "more than host, port and path"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(url, model, reason):
    with pytest.raises(ValueError) as caught:
        read_address(url, model)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
