"""Addresses of served models."""

import pytest

from ssl_voc.serving_client.address import read_address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host:8501/v1/models/cats", "http://host:8501/v1/models/cats"),
        ("http://host:8501", "http://host:8501/v1/models/cats"),
        ("http://host:8501/", "http://host:8501/v1/models/cats"),
        # A host alone is taken for TensorFlow Serving's port of REST.
        ("host", "http://host:8501/v1/models/cats"),
        ("host:99/v1/models/cats", "http://host:99/v1/models/cats"),
        # With a scheme it is the scheme's port, as everywhere.
        ("http://host/v1/models/cats", "http://host:80/v1/models/cats"),
        ("https://host", "https://host:443/v1/models/cats"),
        ("http://a:1/v1/models/cats:predict", "http://a:1/v1/models/cats"),
        ("http://a:1/v1/models/cats/versions/7:predict", "{a}/versions/7"),
        ("http://a:1/v1/models/cats/labels/stable/", "{a}/labels/stable"),
        ("https://b/team/a/v1/models/cats", "https://b:443/team/a/v1/models/cats"),
        ("http://b\u00fccher.org", "http://xn--bcher-kva.org:80/v1/models/cats"),
        ("http://[::1]:8501", "http://[::1]:8501/v1/models/cats"),
        ("grpc://host", "grpc://host:8500/v1/models/cats"),
        ("grpc://host:1/cats", "grpc://host:1/v1/models/cats"),
        ("grpc://host:1/cats/3", "grpc://host:1/v1/models/cats/versions/3"),
    ],
)
def test_address_is_understood(url, expected):
    expected = expected.replace("{a}", "http://a:1/v1/models/cats")
    # A model that the address names may be named apart, too.
    for model in ("cats", None) if "/cats" in url else ("cats",):
        assert str(read_address(url, model)) == expected


def test_name_of_a_model_survives_its_own_address():
    address = read_address("http://host:1", "big cats")
    assert str(address) == "http://host:1/v1/models/big%20cats"
    assert read_address(str(address)) == address and address.model == "big cats"


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
