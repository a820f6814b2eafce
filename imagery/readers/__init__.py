"""Files of cameras → ``Frame``: bytes in, a picture and what is known of its numbers out.

The kind is told by the first bytes, never by the ending of a name. Temperatures come from a file whose numbers **are**
temperatures (a TIFF of floats in °C, as DJI's tools and FLIR's export them), from FLIR's own data, alone (FFF) or
inside a JPEG, by the calibration in them (`imagery.radiometry`), or from 16-bit counts whose scale is named by the
file or by somebody. A palette picture of a thermal camera (PNG or JPEG) is a picture: what its colours meant is lost,
so it is 8-bit grey and never a °C. The note that goes with every reading says which of these it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagery.frame import Frame, FrameKind
from imagery.radiometry import Settings
from imagery.readers import fff, jpeg, png, tiff
from imagery.readers.errors import ReadError

__all__ = ["ReadError", "Reading", "read"]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A frame without place and time, and in words what its numbers are."""

    frame: Frame
    note: str


def read(
    data: bytes,
    name: str,
    *,
    kelvin_per_count: float | None = None,
    kelvin_offset: float = 0.0,
    band: str = "thermal",
    settings: Settings | None = None,
) -> Reading:
    """A picture file's bytes → its frame. ``name`` goes into errors and ``Frame.name``.

    ``kelvin_per_count``/``kelvin_offset``: the scale of 16-bit counts, where the operator knows it; ``settings``:
    emissivity, distance and air instead of those in a radiometric file; ``band`` "visible" makes any picture a
    daylight one.

    Raises:
        ReadError: empty, truncated, too large or of a kind that is not supported; says which.
    """
    if data[:4] in tiff.SIGNATURES:
        frame, note = tiff.read(data, name, kelvin_per_count, kelvin_offset)
    elif data.startswith(png.SIGNATURE):
        frame, note = png.read(data, name, kelvin_per_count, kelvin_offset)
    elif data.startswith(jpeg.SIGNATURE):
        frame, note = jpeg.read(data, name, settings)
    elif data[:4] in fff.SIGNATURES:
        frame, note = fff.read(data, name, settings)
    else:
        what = "the file is empty" if not data else f"it begins with {data[:4].hex(' ')}"
        raise ReadError(f"{name}: no picture that is supported ({what}); allowed are TIFF, PNG, JPEG and FFF")
    if band == "visible":
        return Reading(replace(frame, kind=FrameKind.VISIBLE), "daylight picture")
    return Reading(frame, note)
