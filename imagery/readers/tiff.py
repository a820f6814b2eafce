"""TIFF: float degrees Celsius, 16-bit counts, or 8-bit pictures."""

from __future__ import annotations

import struct

from imagery.frame import Frame
from imagery.readers.decode import decode, frame_of_pixels
from imagery.readers.errors import ReadError, require_size

SIGNATURES = (b"II*\0", b"MM\0*")
_WIDTH, _HEIGHT = 256, 257
_SHORT, _LONG = 3, 4


def read(data: bytes, name: str, kelvin_per_count: float | None, kelvin_offset: float) -> tuple[Frame, str]:
    """The first image of a TIFF and what its numbers are. Raises ReadError for a broken or unsupported one."""
    width, height = _size(data, name)
    require_size(name, width, height)
    image = decode(data, name, "TIFF")
    return frame_of_pixels(image, name, "TIFF", kelvin_per_count, kelvin_offset)


def _size(data: bytes, name: str) -> tuple[int, int]:
    """Width and height from the first directory, before a decoder allocates what a header claims."""
    order = "<" if data[:2] == b"II" else ">"
    found = {}
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, at)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHI4s", data, at + 2 + 12 * entry)
            if tag in (_WIDTH, _HEIGHT) and kind in (_SHORT, _LONG):
                form = order + ("H" if kind == _SHORT else "I")
                found[tag] = int(struct.unpack_from(form, value)[0])
    except struct.error as error:
        raise ReadError(f"{name}: broken TIFF: it ends inside its first directory ({len(data)} bytes)") from error
    if len(found) < 2:
        raise ReadError(f"{name}: broken TIFF: no width and height in its first directory")
    return found[_WIDTH], found[_HEIGHT]
