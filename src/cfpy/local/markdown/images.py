"""Describes images without a model: their format and size."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from cfpy.local.markdown.failure import ConversionError

_NAMES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP", "image/svg+xml": "SVG"}
# JPEG's markers of a frame, which has the size: all of C0 to CF except tables and extensions.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def describe(data: bytes, mime: str) -> str:
    """A sentence about an image in place of a model's description.

    Raises:
        ConversionError: The image is damaged.
    """
    kind = _NAMES[mime]
    try:
        size = _SIZES[mime](data)
    except (struct.error, IndexError, ValueError):
        raise ConversionError(f"the image is not a valid {kind}") from None
    pixels = f", {size[0]} x {size[1]} pixels" if size else ""
    return (
        f"Image in {kind} format{pixels}, {len(data)} bytes. This is a stand-in of cfpy dev, which "
        "has no model that describes images.\n"
    )


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise ValueError
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        # 0xFF may be repeated before a marker.
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, at + 2)[0]
    raise ValueError


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return _uint24(data, 24) + 1, _uint24(data, 27) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _svg(data: bytes) -> tuple[int, int] | None:
    tag = re.search(rb"<svg\b[^>]*>", data)
    if tag is None:
        raise ValueError
    sides = [re.search(rb"\b%s\s*=\s*[\"'](\d+)" % side, tag[0]) for side in (b"width", b"height")]
    width, height = (int(side[1]) if side else 0 for side in sides)
    return (width, height) if width and height else None


_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/svg+xml": _svg,
}
