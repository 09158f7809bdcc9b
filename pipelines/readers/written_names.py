"""Names of photos as tools write them: paths of other machines, urls, %20."""

import urllib.parse

from pipelines.photos.names import same_name


def spellings(name: str) -> list[tuple[str, ...]]:
    r"""The paths that a written name may stand for, the most literal first.

    Label Studio writes `../../data/upload/4/1.jpg` and `/data/local-files/?d=a/1.jpg`,
    others `C:\photos\1.jpg`, `https://host/a/1.jpg` and `a/1%20b.jpg`.

    Returns:
        Tuples of folders and the file's name, none of them empty. What leads outside
        (a root, a drive, `..` with what is before it) is cut off.
    """
    path, _, query = name.partition("?")
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    texts = [name, path, *urllib.parse.parse_qs(query).get("d", ())]
    texts += [urllib.parse.unquote(text) for text in texts]
    return [parts for parts in dict.fromkeys(map(_parts, texts)) if parts]


def is_relative(name: str) -> bool:
    """Whether a name's folders are of the data set, not of the machine of a tool."""
    parts = name.replace("\\", "/").split("/")
    return bool(parts[0]) and not parts[0].endswith(":") and ".." not in parts


def _parts(text):
    parts = same_name(text).replace("\\", "/").split("/")
    if ".." in parts:
        parts = parts[len(parts) - parts[::-1].index("..") :]
    if parts[:1] and parts[0].endswith(":"):
        parts = parts[1:]
    return tuple(part for part in parts if part not in ("", "."))
