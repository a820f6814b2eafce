"""A picture with its time, its camera and what its numbers mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class FrameKind(Enum):
    """What the numbers of an image are."""

    KELVIN = "kelvin"
    """float32 apparent temperatures, kelvin."""
    COUNTS = "counts"
    """uint16; kelvin = offset + counts · scale."""
    AGC8 = "agc8"
    """uint8 white-hot video whose gain the camera sets itself: never a temperature."""
    VISIBLE = "visible"
    """uint8 colour or grey of a daylight camera."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame. ``image``: (h, w) or (h, w, 3).

    ``stamp_s`` is on the ``clock`` named ("vehicle-boot", "utc", "arrival", "unknown"); ``time_s`` is UTC of exposure
    once somebody who knows the clocks has converted it, else None.
    """

    vehicle: int
    camera: str
    seq: int
    stamp_s: float
    clock: str
    image: NDArray[Any]
    kind: FrameKind
    time_s: float | None = None
    time_sigma_s: float = 0.0
    kelvin_per_count: float = 1.0
    kelvin_offset: float = 0.0
    saturated_count: int | None = None
    saturated_kelvin: float | None = None
    name: str = ""

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.image.shape[1])

    @property
    def radiometric(self) -> bool:
        """Whether the numbers are temperatures."""
        return self.kind in (FrameKind.KELVIN, FrameKind.COUNTS)


def utc_of_name(stem: str) -> float | None:
    """UTC seconds of a name ``yyyymmddHHMMSS`` + hundredths (16 digits, perhaps a Z), or None for any other name."""
    stem = stem.removesuffix("Z")
    if len(stem) != 16 or not (stem.isascii() and stem.isdecimal()):
        return None
    try:
        whole = datetime.strptime(stem[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole.timestamp() + int(stem[14:]) / 100.0


def kelvin_of(frame: Frame) -> NDArray[np.float32] | None:
    """(h, w) float32 apparent temperatures in kelvin, or None for a picture that carries none."""
    if frame.kind is FrameKind.KELVIN:
        return np.asarray(frame.image, np.float32)
    if frame.kind is FrameKind.COUNTS:
        return frame.image.astype(np.float32) * np.float32(frame.kelvin_per_count) + np.float32(frame.kelvin_offset)
    return None


def saturation_kelvin(frame: Frame) -> float | None:
    """The temperature at which this camera clips: a pixel there means "at least"."""
    if frame.kind is FrameKind.KELVIN:
        return frame.saturated_kelvin
    if frame.saturated_count is None or frame.kind is not FrameKind.COUNTS:
        return None
    return frame.kelvin_offset + frame.saturated_count * frame.kelvin_per_count
