"""PNG: 16-bit counts, or 8-bit pictures."""

from __future__ import annotations

import struct

from imagery.frame import Frame
from imagery.readers.decode import decode, frame_of_pixels
from imagery.readers.errors import ReadError, require_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 29
_LAST_CHUNK = b"IEND"
# By colour type: grey, colour, palette (decoded to colour), grey and alpha, colour and alpha.
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


def read(data: bytes, name: str, kelvin_per_count: float | None, kelvin_offset: float) -> tuple[Frame, str]:
    """A PNG and what its numbers are. Raises ReadError for a broken one."""
    require_whole(data, name)
    return frame_of_pixels(decode(data, name, "PNG"), name, "PNG", kelvin_per_count, kelvin_offset)


def require_whole(data: bytes, name: str) -> None:
    """Raise ReadError for one that is cut short, or claims a size that no camera has."""
    if len(data) < _HEADER_END or data[12:16] != b"IHDR":
        raise ReadError(f"{name}: broken PNG: it ends inside its header ({len(data)} bytes)")
    width, height = struct.unpack_from(">II", data, 16)
    bits, colour = data[24], data[25]
    require_size(name, width, height, max(1, bits // 8) * _CHANNELS.get(colour, 4))
    if _LAST_CHUNK not in data[-16:]:  # the decoder would fill the missing rows with black
        raise ReadError(f"{name}: broken PNG: truncated after {len(data)} bytes")
