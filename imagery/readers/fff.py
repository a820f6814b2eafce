"""FLIR's own file (FFF), alone or in pieces inside a JPEG: counts, calibration and what the operator had set.

A header names a directory of records; of these only two are read: the raw thermal picture (type 1: a PNG, or the
counts themselves) and the camera's data (type 32). Offsets and byte orders as documented for exiftool's FLIR tags.
Every number that comes from the file is checked before it is used: a file is somebody's bytes.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind
from imagery.radiometry import (
    Air,
    Measurement,
    Planck,
    RadiometryError,
    Settings,
    kelvin_from_counts,
    kelvin_table,
)
from imagery.readers import png
from imagery.readers.decode import decode, frame_of
from imagery.readers.errors import ReadError, require_size

SIGNATURES = (b"FFF\0", b"AFF\0")
_RAW, _CAMERA = 1, 32
_MOST_RECORDS, _RECORD = 256, 32
_HEADER, _RAW_HEADER, _CAMERA_LENGTH = 64, 32, 0x390
_FULL_SCALE = 65_535


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What a file holds. ``saturated_k``: from here on a pixel means "at least"."""

    counts: NDArray[np.uint16]
    planck: Planck
    air: Air
    measurement: Measurement
    saturated_k: float | None
    model: str
    time_s: float | None


def read(data: bytes, name: str, settings: Settings | None = None) -> tuple[Frame, str]:
    """Temperatures of an FFF file, or of the pieces of one. Raises ReadError for what cannot be read."""
    raw = parse(data, name)
    try:
        measurement = raw.measurement.but(settings or Settings())
        kelvin = kelvin_from_counts(raw.counts, kelvin_table(raw.planck, measurement, raw.air))
    except RadiometryError as error:
        raise ReadError(f"{name}: {error}") from error
    if not np.isfinite(kelvin).any():
        raise ReadError(f"{name}: not one count is a temperature by the calibration in the file")
    frame = frame_of(kelvin, FrameKind.KELVIN, name)
    frame = replace(frame, saturated_kelvin=raw.saturated_k)
    return frame, f"radiometric {f'FLIR {raw.model}'.strip()}: {_words(measurement)}"


def _words(m: Measurement) -> str:
    return (
        f"apparent temperatures at emissivity {m.emissivity:.3g}, {m.distance_m:g} m, "
        f"reflected {m.reflected_k - 273.15:.1f} °C, air {m.air_k - 273.15:.1f} °C, humidity {100 * m.humidity:.0f} %"
    )


def holds_counts(data: bytes, name: str) -> bool:
    """Whether there is a raw thermal picture in it at all: a daylight camera of the same maker writes none."""
    return _RAW in _records(data, name)


def parse(data: bytes, name: str) -> Raw:
    """The counts and the calibration. Raises ReadError."""
    records = _records(data, name)
    if _RAW not in records:
        raise ReadError(f"{name}: no raw thermal picture in the FLIR data")
    if _CAMERA not in records:
        raise ReadError(f"{name}: no camera data (calibration) in the FLIR data")
    counts = _counts(records[_RAW], name)
    try:
        return _with_camera(counts, records[_CAMERA], name)
    except RadiometryError as error:
        raise ReadError(f"{name}: {error}") from error


def time_of(data: bytes, name: str) -> float | None:
    """UTC of the picture by the camera's own clock; None where it says none. Raises ReadError."""
    record = _records(data, name).get(_CAMERA, b"")
    return _time_s(record, _order_of(record, name)) if len(record) >= _CAMERA_LENGTH else None


def _records(data: bytes, name: str) -> dict[int, bytes]:
    if data[:4] not in SIGNATURES or len(data) < _HEADER:
        raise ReadError(f"{name}: broken FLIR data: no FFF header ({len(data)} bytes)")
    # The version, 100 to 199, tells the byte order.
    order = ">" if 100 <= struct.unpack_from(">I", data, 0x14)[0] < 200 else "<"
    at, count = struct.unpack_from(order + "II", data, 0x18)
    if count > _MOST_RECORDS or at + count * _RECORD > len(data):
        raise ReadError(f"{name}: broken FLIR data: its directory ends outside of the file")
    records: dict[int, bytes] = {}
    for entry in range(count):
        (kind,) = struct.unpack_from(order + "H", data, at + entry * _RECORD)
        offset, length = struct.unpack_from(order + "II", data, at + entry * _RECORD + 12)
        if kind not in (_RAW, _CAMERA) or kind in records:
            continue
        if offset + length > len(data):
            raise ReadError(f"{name}: broken FLIR data: truncated, record {kind} ends outside of the file")
        records[kind] = data[offset : offset + length]
    return records


def _order_of(record: bytes, name: str) -> str:
    if len(record) < _RAW_HEADER:
        raise ReadError(f"{name}: broken FLIR data: a record of {len(record)} bytes")
    return "<" if struct.unpack_from("<H", record)[0] < 0x100 else ">"


def _counts(record: bytes, name: str) -> NDArray[np.uint16]:
    order = _order_of(record, name)
    width, height = struct.unpack_from(order + "HH", record, 2)
    require_size(name, width, height)
    body = record[_RAW_HEADER:]
    if body.startswith(png.SIGNATURE):
        png.require_whole(body, name)
        image = decode(body, name, "PNG inside the FLIR data")
        if image.dtype != np.uint16 or image.shape != (height, width):
            found = f"{image.dtype} {image.shape}"
            raise ReadError(f"{name}: broken FLIR data: {found} where {width}×{height} counts are announced")
        # The camera writes the counts little-endian into a format that is big-endian.
        return np.asarray(image.byteswap(), np.uint16)
    if len(body) < 2 * width * height:
        raise ReadError(f"{name}: broken FLIR data: {len(body)} bytes for {width}×{height} px")
    return np.frombuffer(body, order + "u2", width * height).reshape(height, width).astype(np.uint16)


def _with_camera(counts: NDArray[np.uint16], record: bytes, name: str) -> Raw:
    order = _order_of(record, name)
    if len(record) < _CAMERA_LENGTH:
        raise ReadError(f"{name}: broken FLIR data: the camera data end after {len(record)} bytes")

    def floats(offset: int, count: int) -> tuple[float, ...]:
        return struct.unpack_from(f"{order}{count}f", record, offset)

    emissivity, distance_m, reflected_k, air_k, window_k, window, _, humidity = floats(32, 8)
    r1, b_k, f = floats(88, 3)
    (o,) = struct.unpack_from(order + "i", record, 776)
    (r2,) = floats(780, 1)
    planck = Planck(r1, r2, b_k, f, float(o))
    measurement = Measurement(emissivity, distance_m, reflected_k, air_k, humidity, window_k, window)
    (highest,) = struct.unpack_from(order + "H", record, 786)
    return Raw(
        counts, planck, Air(*floats(112, 5)), measurement,
        saturated_k=_saturated_k(planck, measurement, highest, floats(168, 1)[0]),
        model=_text(record[212:244]).removeprefix("FLIR "), time_s=_time_s(record, order),
    )  # fmt: skip


def _saturated_k(planck: Planck, measurement: Measurement, highest: int, camera_k: float) -> float | None:
    """Where the range ends: by the highest count that the camera gives, and by the temperature it names for that."""
    ends = [camera_k] if 250.0 < camera_k < 3500.0 else []
    if 0 < highest < _FULL_SCALE:
        with suppress(RadiometryError):  # air that the file asserts and nobody set right: read() says so
            ends.append(float(kelvin_table(planck, measurement)[highest]))
    return min((k for k in ends if np.isfinite(k)), default=None)


def _text(raw: bytes) -> str:
    text = raw.split(b"\0")[0].decode("ascii", "ignore").strip()
    return text if text.isprintable() and text != "*" else ""


def _time_s(record: bytes, order: str) -> float | None:
    """UTC of the picture: seconds, milliseconds; the zone beside them only says how the camera would print it."""
    seconds, parts = struct.unpack_from(order + "II", record, 900)
    return seconds + (parts & 0xFFFF) / 1000.0 if seconds else None
