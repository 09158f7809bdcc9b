"""Damaged copies of files, drawn by a seed."""

import re

_TOKENS = (b"", b"-1", b"0", b"1e999", b"NaN", b"null", b"\xff\xfe", b"<", b"{", b"\n")


def mutate(content, random):
    """A copy of a file with up to four damages, of texts half of them in its values.

    Args:
        content: Bytes.
        random: `numpy.random.Generator`.
    """
    for _ in range(random.integers(0, 5)):
        damage = _DAMAGES[random.integers(len(_DAMAGES))]
        if content.isascii() and random.random() < 0.5:
            damage = _change_value
        content = damage(content, random)
    return content


def _place(content, random):
    return int(random.integers(0, len(content) + 1))


def _flip(content, random):
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        if changed:
            changed[random.integers(len(changed))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _cut(content, random):
    return content[: _place(content, random)]


def _drop(content, random):
    start, end = sorted((_place(content, random), _place(content, random)))
    return content[:start] + content[end:]


def _repeat(content, random):
    start, end = sorted((_place(content, random), _place(content, random)))
    return content[:end] + content[start:end] * int(random.integers(1, 4))


def _insert(content, random):
    place = _place(content, random)
    return content[:place] + random.bytes(int(random.integers(1, 33))) + content[place:]


def _change_value(content, random):
    """Another value in the place of a number or a word."""
    found = [*re.finditer(rb"-?\d+\.?\d*|[A-Za-z_]+", content[:20_000])]
    if not found:
        return content
    match = found[random.integers(len(found))]
    token = _TOKENS[random.integers(len(_TOKENS))]
    if random.random() < 0.3:
        token = b"9" * int(random.integers(1, 400))
    return content[: match.start()] + token + content[match.end() :]


_DAMAGES = (_flip, _cut, _drop, _repeat, _insert, _change_value)
