"""Pixels out of bytes by OpenCV, and frames out of pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind
from imagery.readers.errors import ReadError

KELVIN = 273.15
# Colder than any sky or hotter than any flame: such floats are not degrees Celsius.
MIN_CELSIUS, MAX_CELSIUS = -150.0, 3000.0


def decode(data: bytes, name: str, what: str) -> NDArray[Any]:
    """(h, w) or (h, w, 3) as stored. Raises ReadError for bytes that do not decode."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ReadError(f"{name}: broken {what}: {error.err}") from error
    if image is None:
        raise ReadError(f"{name}: broken {what}: the pixels cannot be decoded (truncated, or of an unsupported form)")
    return np.asarray(image)


def frame_of(image: NDArray[Any], kind: FrameKind, name: str, scale: float = 1.0, offset: float = 0.0) -> Frame:
    """A frame on no clock and of no vehicle yet."""
    return Frame(0, "", 0, 0.0, "unknown", image, kind, kelvin_per_count=scale, kelvin_offset=offset, name=name)


def frame_of_pixels(
    image: NDArray[Any], name: str, what: str, kelvin_per_count: float | None, kelvin_offset: float
) -> tuple[Frame, str]:
    """What the type of the pixels says about their meaning. Raises ReadError where it says nothing usable."""
    if image.dtype.kind == "f" and image.ndim == 2:
        return _from_celsius(image.astype(np.float32), name)
    if image.dtype == np.uint16 and image.ndim == 2:
        if kelvin_per_count is not None:
            note = f"16-bit counts of {kelvin_per_count} K"
            return frame_of(image, FrameKind.COUNTS, name, kelvin_per_count, kelvin_offset), note
        return frame_of(stretched(image), FrameKind.AGC8, name), "16-bit counts of unknown scale: no temperatures"
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2] in (3, 4)):
        colour = image if image.ndim == 2 else np.ascontiguousarray(image[..., :3])
        return frame_of(colour, FrameKind.AGC8, name), "8-bit picture: no temperatures"
    raise ReadError(
        f"{name}: {what} with pixels of type {image.dtype}, shape {image.shape}; allowed are one channel of "
        "float32 °C, one channel of uint16, and 8-bit grey or colour"
    )


def _from_celsius(celsius: NDArray[np.float32], name: str) -> tuple[Frame, str]:
    known = celsius[np.isfinite(celsius)]
    if not known.size:
        raise ReadError(f"{name}: no pixel has a value")
    low, high = float(known.min()), float(known.max())
    if low < MIN_CELSIUS or high > MAX_CELSIUS:
        raise ReadError(
            f"{name}: values from {low:.6g} to {high:.6g} are no degrees Celsius; "
            f"allowed are {MIN_CELSIUS:.0f} to {MAX_CELSIUS:.0f}"
        )
    kelvin = np.where(np.isfinite(celsius), celsius, np.float32(np.nan)) + np.float32(KELVIN)
    return frame_of(kelvin, FrameKind.KELVIN, name), "temperatures in °C"


def stretched(counts: NDArray[Any]) -> NDArray[np.uint8]:
    """(h, w) numbers → uint8 from the minimum (0) to the maximum (255); NaN becomes 0, a flat picture 0."""
    values = counts.astype(np.float32)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    grey = np.nan_to_num((values - low) * (255.0 / max(high - low, 1e-6)), nan=0.0)
    return np.asarray(np.round(grey), np.uint8)
