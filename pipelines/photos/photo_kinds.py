"""Kinds of photos and videos, told by the first bytes of a file, whatever its name."""

import re

# Bytes that are enough to tell: brands of HEIC and AVIF come last.
HEAD_BYTES = 64
# Brands of the container that HEIC, AVIF and videos share (ISO/IEC 14496-12).
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"msf1"),
}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "}
# What to say of a video.
VIDEO_ADVICE = (
    "a video: take frames first, ffmpeg -i clip.mp4 -vf fps=1 frames/%05d.jpg"
)
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF....WEBP",
    # Two letters are little: the size of the header behind them is one of a few.
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00",
    "camera raw": rb"II\*\x00.{4}CR|II(?:RO|RS|U\x00)|MMOR|FUJIFILMCCD-RAW|\x00MRM",
    "TIFF": rb"II[*+]\x00|MM\x00[*+]",
    "PPM": rb"P[1-6]\s+[#\d]",
    "JPEG 2000": rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "JPEG XL": rb"\x00\x00\x00\x0cJXL \r\n\x87\n|\xff\x0a",
    # AVI, Matroska and WebM, MPEG, QuickTime of before there were brands.
    "video": rb"RIFF....AVI |\x1aE\xdf\xa3|\x00\x00\x01\xba|.{4}(?:moov|mdat)",
}
_SIGNATURES = {
    kind: re.compile(pattern, re.DOTALL) for kind, pattern in _SIGNATURES.items()
}


def photo_kind(head: bytes) -> str | None:
    """The kind of photo that a file holds, or that it holds a video.

    Args:
        head: The first `HEAD_BYTES` bytes of the file, or more.

    Returns:
        `"JPEG"`, `"PNG"`, `"GIF"`, `"WebP"`, `"BMP"`, `"TIFF"`, `"PPM"`, `"AVIF"`,
        `"HEIC"`, `"JPEG 2000"`, `"JPEG XL"`, `"camera raw"` or `"video"`; None for
        anything else.
    """
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    for kind, pattern in _SIGNATURES.items():
        if pattern.match(head):
            return kind
    return None


def _kind_of_brands(head):
    """The kind by the brand of a container, or by those that it is compatible with."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    main = head[8:12]
    brands = {head[start : start + 4] for start in range(16, end - 3, 4)} | {main}
    if main == b"crx ":
        return "camera raw"
    if brands & _AVIF_BRANDS and main not in _HEIC_BRANDS - {b"mif1", b"mif2", b"msf1"}:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        return "HEIC"
    return None if main in _AUDIO_BRANDS else "video"
