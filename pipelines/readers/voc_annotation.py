"""Annotation files of VOC trees."""

import os
import pathlib
import re
import xml.etree.ElementTree

import defusedxml.ElementTree

from pipelines.photos.box_checks import (
    BadBox,
    possible_box,
    shares_problem,
    usable_object,
)
from pipelines.photos.content import PhotoFile
from pipelines.photos.names import class_name
from pipelines.photos.photo import Object, Problem
from pipelines.photos.texts import decode_text
from pipelines.readers.rotated_boxes import BOX_ROTATED, box_around_rotated
from pipelines.readers.written_values import flag_of, side_of

_UNREADABLE = (
    xml.etree.ElementTree.ParseError,
    ValueError,  # entities such as the billion laughs; an oversized file
    LookupError,  # an unknown encoding
    OSError,
)
_DECLARATION = re.compile(r"""\ufeff?\s*<\?xml[^>]*\?>""")
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)""")
# The text of an annotation begins with its root element, maybe behind a declaration.
_HEAD_BYTES = 4096


def read_voc_annotation(path, problems):
    """Reads what can be used of an annotation file.

    Boxes become 0-based and half-open: VOC counts pixels from 1 and includes the last,
    so 1 is taken from `xmin` and `ymin` only. Of a rotated box the one around it is
    read. Boxes of `<part>`s are not objects. The stated size judges no box: it may be
    wrong, see `usable_photo`.

    Args:
        path: Path of the xml file.
        problems: List to which a `Problem` is appended for all that is unusable.

    Returns:
        `(objects, width, height, annotated)`: tuple of the usable `Object`s, the size
        of the photo in pixels as it is stated, or None, and whether the objects are
        those of the photo: not of an unreadable file, nor of one that states objects
        of which none is usable.
    """
    path_name = str(path)
    try:
        root = _load(path)
    except _UNREADABLE as error:
        reason = f"unreadable annotation: {error}"
        problems.append(Problem(path_name, reason, "annotation unreadable"))
        return (), None, None, False
    file_name = root.findtext("filename") or ""
    if ".." in pathlib.PureWindowsPath(file_name).parts:
        # The photo is found by the annotation's own name, so this is only told.
        reason = f"file name {file_name!r} leaves the tree"
        problems.append(Problem(path_name, reason, "file name leaves the tree"))
    objects = []
    # Some tools write <Object>, or put them in <objects>. Deeper ones are others: those
    # that a tool deleted, say.
    parents = [root, *(child for child in root if child.tag.lower() == "objects")]
    elements = [e for parent in parents for e in parent if e.tag.lower() == "object"]
    for number, element in enumerate(elements, start=1):
        arguments = problems, path_name, f"object {number}", _read_object, element
        objects.append(usable_object(*arguments, remark_kind=BOX_ROTATED))
    objects = tuple(filter(None, objects))
    in_shares = shares_problem(path_name, [item.box for item in objects])
    if in_shares:
        problems.append(in_shares)
        objects = ()
    width = side_of(root.findtext("size/width"))
    height = side_of(root.findtext("size/height"))
    return objects, width, height, bool(objects) or not elements


def stated_file_name(path) -> str:
    """The photo's file name as an annotation states it; empty if it does not."""
    try:
        return (_load(path).findtext("filename") or "").strip()
    except _UNREADABLE:
        return ""


def looks_like_annotation(path) -> bool:
    """Whether a file begins like an annotation; maps and settings are xml, too."""
    if not os.path.isfile(path):
        return False  # a pipe would block
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b"<annotation" in head.replace(b"\0", b"")  # of UTF-16, too


def _load(path):
    data = PhotoFile(pathlib.Path(path)).load()
    try:
        root = defusedxml.ElementTree.fromstring(data)
    except _UNREADABLE:
        root = _load_text(data)
        if root is None:
            raise
    if root.tag != "annotation":
        raise ValueError(f"starts with <{root.tag}>, not <annotation>")
    return root


def _load_text(data):
    """The root of a file that the parser does not read by itself, or None.

    It knows no encodings of several bytes, such as GBK; some files are not in the
    encoding that they declare; and a path may hold a letter that is none in theirs.
    Names of classes are not guessed.
    """
    declared = _ENCODING.match(data.lstrip())
    encodings = [declared[1].decode()] if declared else []
    for encoding in (*encodings, "utf-8", None):
        try:
            text = data.decode(encoding) if encoding else decode_text(data)
            text = _DECLARATION.sub("", text, count=1)
            root = defusedxml.ElementTree.fromstring(text)
        except _UNREADABLE:
            continue
        names = [element.text or "" for element in root.iter("name")]
        if encoding or all(map(str.isascii, names)):
            return root
    return None


def _read_object(element):
    name = class_name(element.findtext("name") or "")
    if not name:
        raise BadBox("it has no name", "no name")
    box_element = element.find("bndbox")
    if box_element is None:
        raise BadBox("it has no bndbox", "no box")
    x_min, y_min, x_max, y_max = (
        _number(box_element, tag) for tag in ("xmin", "ymin", "xmax", "ymax")
    )
    box = possible_box((x_min - 1, y_min - 1, x_max, y_max))
    box, remark = box_around_rotated(box, _attributes(element).get("rotation"))
    flags = (element.findtext(tag) for tag in ("difficult", "truncated"))
    return Object(name, box, *(bool(flag_of(text)) for text in flags)), remark


def _attributes(element):
    """What CVAT writes beside a box, by name."""
    attributes = element.iterfind("attributes/attribute")
    return {each.findtext("name"): each.findtext("value") for each in attributes}


def _number(box_element, tag):
    text = box_element.findtext(tag)
    if text is None:
        raise BadBox(f"its bndbox has no {tag}", "coordinate missing")
    try:
        return float(text)
    except ValueError:
        raise BadBox(f"{tag} is {text!r}, not a number", "not a number") from None
