"""JPEG of a thermal camera: a palette picture, whatever else the maker put beside it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imagery.frame import Frame
from imagery.readers.decode import decode, frame_of_pixels
from imagery.readers.errors import ReadError, require_size

SIGNATURE = b"\xff\xd8\xff"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_APP1, _APP3, _SCAN, _END = 0xE1, 0xE3, 0xDA, b"\xff\xd9"


def read(data: bytes, name: str) -> tuple[Frame, str]:
    """A JPEG as an 8-bit picture: its colours are a palette, never temperatures. Raises ReadError for a broken one."""
    size: tuple[int, int] | None = None
    maker = ""
    for marker, body in _segments(data, name):
        if marker in _FRAME_HEADERS and len(body) >= 5:
            height, width = struct.unpack_from(">HH", body, 1)
            size = width, height
        elif marker == _APP1 and body.startswith(b"FLIR\0"):
            maker = "FLIR"
        elif marker == _APP3 and not maker:
            maker = "DJI"
    if size is None:
        raise ReadError(f"{name}: broken JPEG: no picture header")
    require_size(name, *size)
    if _END not in data:  # the decoder would fill the missing rows with grey
        raise ReadError(f"{name}: broken JPEG: truncated after {len(data)} bytes")
    frame, note = frame_of_pixels(decode(data, name, "JPEG"), name, "JPEG", None, 0.0)
    if maker:
        note = f"palette picture of a radiometric {maker} JPEG, whose counts are not decoded: no temperatures"
    return frame, note


def _segments(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of every segment up to the scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ReadError(f"{name}: broken JPEG: no marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or at + 2 + length > len(data):
            raise ReadError(f"{name}: broken JPEG: it ends inside a segment ({len(data)} bytes)")
        yield marker, data[at + 4 : at + 2 + length]
        if marker == _SCAN:
            return
        at += 2 + length
