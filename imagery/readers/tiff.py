"""TIFF: float degrees Celsius, 16-bit counts, or 8-bit pictures."""

from __future__ import annotations

import struct

from imagery.frame import Frame
from imagery.readers.decode import decode, frame_of_pixels
from imagery.readers.errors import ReadError, require_size

SIGNATURES = (b"II*\0", b"MM\0*")
_WIDTH, _HEIGHT, _BITS, _SAMPLES = 256, 257, 258, 277
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_ASKED = frozenset({_WIDTH, _HEIGHT, _BITS, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT})
_MOST_BITS, _MOST_SAMPLES, _MOST_ENTRIES = 64, 8, 1_000
_SHORT, _LONG = 3, 4


def read(data: bytes, name: str, kelvin_per_count: float | None, kelvin_offset: float) -> tuple[Frame, str]:
    """The first image of a TIFF and what its numbers are. Raises ReadError for a broken or unsupported one."""
    _require_sane(_directory(data, name), name)
    image = decode(data, name, "TIFF")
    return frame_of_pixels(image, name, "TIFF", kelvin_per_count, kelvin_offset)


def _require_sane(found: dict[int, int], name: str) -> None:
    """Raise ReadError for what no camera writes, before a decoder allocates what a header claims."""
    if _WIDTH not in found or _HEIGHT not in found:
        raise ReadError(f"{name}: broken TIFF: no width and height in its first directory")
    bits, samples = found.get(_BITS, 1), found.get(_SAMPLES, 1)
    if not (0 < bits <= _MOST_BITS and 0 < samples <= _MOST_SAMPLES):
        raise ReadError(
            f"{name}: broken TIFF: {samples} samples of {bits} bits; allowed are {_MOST_SAMPLES} of {_MOST_BITS}"
        )
    a_pixel = max(1, bits // 8) * samples
    require_size(name, found[_WIDTH], found[_HEIGHT], a_pixel)
    if _TILE_WIDTH in found or _TILE_HEIGHT in found:
        require_size(f"{name}: a tile", found.get(_TILE_WIDTH, 0), found.get(_TILE_HEIGHT, 0), a_pixel)


def _directory(data: bytes, name: str) -> dict[int, int]:
    """The numbers asked for in the first directory. Raises ReadError for one that says a thing twice."""
    order = "<" if data[:2] == b"II" else ">"
    found: dict[int, int] = {}
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, at)
        if entries > _MOST_ENTRIES:
            raise ReadError(f"{name}: broken TIFF: {entries} entries in its directory; allowed are {_MOST_ENTRIES}")
        for entry in range(entries):
            tag, kind, count, value = struct.unpack_from(order + "HHI4s", data, at + 2 + 12 * entry)
            if tag not in _ASKED or kind not in (_SHORT, _LONG):
                continue
            if tag in found:  # which of the two a decoder believes is its own secret
                raise ReadError(f"{name}: broken TIFF: tag {tag} stands twice in its directory")
            form = order + ("H" if kind == _SHORT else "I")
            if count * (2 if kind == _SHORT else 4) > 4:  # several values, elsewhere in the file
                (at_value,) = struct.unpack_from(order + "I", value)
                value = data[at_value : at_value + 4]
            found[tag] = int(struct.unpack_from(form, value)[0])
    except struct.error as error:
        raise ReadError(f"{name}: broken TIFF: it ends inside its first directory ({len(data)} bytes)") from error
    return found
