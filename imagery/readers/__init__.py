"""Files of cameras → ``Frame``: bytes in, a picture and what is known of its numbers out.

The kind is told by the first bytes, never by the ending of a name. Only a file whose numbers **are** temperatures
gives temperatures: a TIFF of floats (°C, as DJI's tools and FLIR's export them), or 16-bit counts whose scale somebody
names. A palette picture of a thermal camera (PNG or JPEG) is a picture: what its colours meant is lost, so it is
8-bit grey and never a °C, also where the maker hid the counts in a part of the file that this reader does not decode.
The note that goes with every reading says which of these it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagery.frame import Frame, FrameKind
from imagery.readers import jpeg, png, tiff
from imagery.readers.errors import ReadError

__all__ = ["ReadError", "Reading", "read"]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A frame without place and time, and in words what its numbers are."""

    frame: Frame
    note: str


def read(
    data: bytes, name: str, *, kelvin_per_count: float | None = None, kelvin_offset: float = 0.0, band: str = "thermal"
) -> Reading:
    """A picture file's bytes → its frame. ``name`` goes into errors and ``Frame.name``.

    ``kelvin_per_count``/``kelvin_offset``: the scale of 16-bit counts, where the operator knows it; ``band``
    "visible" makes any picture a daylight one.

    Raises:
        ReadError: empty, truncated, too large or of a kind that is not supported; says which.
    """
    if data[:4] in tiff.SIGNATURES:
        frame, note = tiff.read(data, name, kelvin_per_count, kelvin_offset)
    elif data.startswith(png.SIGNATURE):
        frame, note = png.read(data, name, kelvin_per_count, kelvin_offset)
    elif data.startswith(jpeg.SIGNATURE):
        frame, note = jpeg.read(data, name)
    else:
        what = "the file is empty" if not data else f"it begins with {data[:4].hex(' ')}"
        raise ReadError(f"{name}: no picture that is supported ({what}); allowed are TIFF, PNG and JPEG")
    if band == "visible":
        return Reading(replace(frame, kind=FrameKind.VISIBLE), "daylight picture")
    return Reading(frame, note)
