"""Addresses of served models: host, port, name and version, parsed from a URL."""

import dataclasses
import re
import urllib.parse

# Port of each scheme, where an address has none.
SCHEMES = {"http": 80, "https": 443, "grpc": 8500, "grpcs": 443}
# TensorFlow Serving's own port of REST, the default of an address without scheme.
REST_PORT = 8501
_MODEL_PATH = re.compile(
    r"(?P<prefix>.*?)/v1/models/(?P<model>[^/:]+)"
    r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?::predict|/metadata)?/?"
)
# Of gRPC, which knows no paths, the same in short: /NAME or /NAME/VERSION.
_SHORT_PATH = re.compile(r"/(?P<model>[^/:]+)(?:/(?P<version>\d+))?/?")
_EXAMPLE = "http://localhost:8501/v1/models/NAME"


@dataclasses.dataclass(frozen=True)
class ServerAddress:
    """A model on a server.

    Attributes:
        scheme: A key of `SCHEMES`.
        host: Name or address of the host.
        port: Number of the port.
        model: Name of the model.
        version: Its number, or None for the newest.
        label: Label of a version, such as `stable`, or None.
        prefix: Path before `/v1`, as a gateway may want it; without a slash at the
            end.
    """

    scheme: str
    host: str
    port: int
    model: str
    version: int | None = None
    label: str | None = None
    prefix: str = ""

    @property
    def is_grpc(self) -> bool:
        """Whether it is spoken to by gRPC."""
        return self.scheme.startswith("grpc")

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is used."""
        return self.scheme in ("https", "grpcs")

    @property
    def server(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def path(self) -> str:
        """Path of the model, as the REST API has it."""
        path = f"{self.prefix}/v1/models/{urllib.parse.quote(self.model, safe='')}"
        if self.version is not None:
            path += f"/versions/{self.version}"
        elif self.label is not None:
            path += f"/labels/{urllib.parse.quote(self.label, safe='')}"
        return path

    def __str__(self) -> str:
        return self.server + self.path


def read_address(url: str, model: str | None = None) -> ServerAddress:
    """Parses an address as people write it.

    Args:
        url: `http://host:8501/v1/models/NAME`, with `/versions/N` or `/labels/L` if
            wanted and with or without `:predict`; `grpc://host:8500/NAME`; or a host
            alone, with or without scheme and port. `https` and `grpcs` use TLS.
            A port left out is 8500 of gRPC, 8501 of a host without scheme, else that
            of the scheme.
        model: Name of the model, where `url` has none.

    Raises:
        ValueError: For anything else, with an example of an address.
    """
    text, default_port = url.strip(), None
    if "://" not in text:
        text, default_port = f"http://{text}", REST_PORT
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _unexpected(url, str(error)) from None
    if parts.scheme not in SCHEMES:
        raise _unexpected(url, f"its scheme is not one of {', '.join(SCHEMES)}")
    if not parts.hostname:
        raise _unexpected(url, "it names no host")
    try:
        host = parts.hostname.encode("idna").decode()  # as the network has it
    except UnicodeError:
        raise _unexpected(url, f"{parts.hostname} cannot be a host's name") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise _unexpected(url, "it holds more than host, port and path")
    found = {}
    if parts.path.strip("/"):
        match = _MODEL_PATH.fullmatch(parts.path)
        if match is None and parts.scheme.startswith("grpc"):
            match = _SHORT_PATH.fullmatch(parts.path)
        if match is None:
            raise _unexpected(url, f"{parts.path} is not the path of a model")
        found = match.groupdict()
    named = found.get("model") and urllib.parse.unquote(found["model"])
    if named and model and named != model:
        raise ValueError(f"{url} is of model {named!r}, but {model!r} was named, too")
    if not (named or model):
        raise ValueError(
            f"{url} names no model, and servers do not list theirs. Name it, as in "
            f"{_EXAMPLE}, or apart"
        )
    version, label = found.get("version"), found.get("label")
    return ServerAddress(
        scheme=parts.scheme,
        host=host,
        port=port or default_port or SCHEMES[parts.scheme],
        model=named or model,
        version=None if version is None else int(version),
        label=None if label is None else urllib.parse.unquote(label),
        prefix=(found.get("prefix") or "").rstrip("/"),
    )


def _unexpected(url: str, reason: str) -> ValueError:
    return ValueError(
        f"{url!r} is not the address of a model server: {reason}. Expected: {_EXAMPLE}"
    )
