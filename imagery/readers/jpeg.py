"""JPEG of a camera: a picture, beside which a thermal camera may have hidden what it measured.

FLIR writes its counts and their calibration into APP1 pieces: those are temperatures (`fff`). DJI writes its counts
into APP3, but the table that makes temperatures of them is its own secret: the counts are used as a picture, which has
none of the palette's folds, compression and overlays, and no °C. What colours a palette has is never a temperature.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind
from imagery.radiometry import Settings
from imagery.readers import fff
from imagery.readers.decode import decode, frame_of, frame_of_pixels, stretched
from imagery.readers.errors import MAX_SCANS, ReadError, require_size

SIGNATURE = b"\xff\xd8\xff"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_APP1, _APP3, _SCAN, _END = 0xE1, 0xE3, 0xDA, b"\xff\xd9"
_SCAN_MARK = b"\xff\xda"
_FLIR, _FLIR_HEADER = b"FLIR\0", 8
# Sensors by the length of their counts, two bytes each: (width, height).
_DJI_SENSORS = {2 * w * h: (w, h) for w, h in ((640, 512), (320, 256), (336, 256), (160, 120), (1280, 1024))}


@dataclass(slots=True)
class _Parts:
    size: tuple[int, int] | None = None
    header: int = 2
    """Bytes before the pixels, fill bytes left out."""
    flir: dict[int, bytes] = field(default_factory=dict)
    flir_count: int = 0
    dji: list[bytes] = field(default_factory=list)


def read(data: bytes, name: str, settings: Settings | None = None) -> tuple[Frame, str]:
    """The temperatures in a JPEG, else its picture. Raises ReadError for a broken one."""
    parts = _parts(data, name)
    if parts.size is None:
        raise ReadError(f"{name}: broken JPEG: no picture header")
    require_size(name, *parts.size)
    if _END not in data:  # the decoder would fill the missing rows with grey
        raise ReadError(f"{name}: broken JPEG: truncated after {len(data)} bytes")
    if (scans := data.count(_SCAN_MARK, parts.header)) > MAX_SCANS:
        raise ReadError(f"{name}: broken JPEG: {scans} scans; allowed are {MAX_SCANS}")
    if parts.flir:
        inside = _joined(parts, name)
        if fff.holds_counts(inside, name):
            return fff.read(inside, name, settings)
    counts = _dji_counts(parts)
    if counts is not None:
        note = "counts of a DJI radiometric JPEG, whose scale is the maker's own: no temperatures"
        return frame_of(stretched(counts), FrameKind.AGC8, name), note
    frame, note = frame_of_pixels(decode(data, name, "JPEG"), name, "JPEG", None, 0.0)
    if parts.dji:
        note = "palette picture of a DJI radiometric JPEG, whose counts are not decoded: no temperatures"
    return frame, note


def _parts(data: bytes, name: str) -> _Parts:
    parts = _Parts()
    for marker, body in segments(data, name):
        parts.header += 4 + len(body)
        if marker in _FRAME_HEADERS and len(body) >= 5:
            height, width = struct.unpack_from(">HH", body, 1)
            parts.size = width, height
        elif marker == _APP1 and body.startswith(_FLIR) and len(body) > _FLIR_HEADER:
            parts.flir.setdefault(body[6], body[_FLIR_HEADER:])
            parts.flir_count = body[7] + 1
        elif marker == _APP3:
            parts.dji.append(body)
    return parts


def _joined(parts: _Parts, name: str) -> bytes:
    """The FLIR pieces by their numbers, in whatever order they came."""
    lost = [number for number in range(parts.flir_count) if number not in parts.flir]
    if lost:
        raise ReadError(f"{name}: broken FLIR data: piece {lost[0] + 1} of {parts.flir_count} is missing")
    return b"".join(parts.flir[number] for number in range(parts.flir_count))


def _dji_counts(parts: _Parts) -> NDArray[np.uint16] | None:
    data = b"".join(parts.dji)
    if len(data) not in _DJI_SENSORS:
        return None
    width, height = _DJI_SENSORS[len(data)]
    return np.frombuffer(data, "<u2").reshape(height, width).astype(np.uint16)


def segments(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of every segment up to the scan. Raises ReadError where they break off."""
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
