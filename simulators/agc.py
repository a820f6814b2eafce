"""What a thermal camera shows to people: 16-bit counts as an 8-bit white-hot picture, stretched by its gain control.

The gain follows the scene: the darkest and the brightest half percent are cut off, the rest fills the scale, and both
ends move with a time constant, as in real cameras. So a grey value means no temperature, a fire that comes into view
darkens everything around it, and two frames of the same place are not alike. That is why a picture like this never
shows °C.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.sensor import KELVIN_PER_COUNT, Counts

Grey = NDArray[np.uint8]

_CUT_PERCENT = 0.5
_FOLLOWS_S = 0.4
# A scene without contrast is not stretched beyond this: its noise would fill the picture.
_LEAST_SPAN_COUNTS = 4.0 / KELVIN_PER_COUNT
_SPARSE = 4


class WhiteHot:
    """The gain control of one camera. ``picture`` is called in order of time."""

    def __init__(self) -> None:
        self._ends: tuple[float, float] | None = None
        self._at_s = 0.0

    def picture(self, counts: Counts, at_s: float) -> Grey:
        """(h, w) uint16 counts → (h, w) uint8, hot is white."""
        seen = np.percentile(counts[::_SPARSE, ::_SPARSE], (_CUT_PERCENT, 100.0 - _CUT_PERCENT))
        wanted = float(seen[0]), float(seen[1])
        if self._ends is None:
            self._ends = wanted
        keep = math.exp(-max(0.0, at_s - self._at_s) / _FOLLOWS_S)
        self._at_s = at_s
        low, high = (new + keep * (old - new) for old, new in zip(self._ends, wanted, strict=True))
        self._ends = low, high
        span = max(high - low, _LEAST_SPAN_COUNTS)
        floor = max(0, round((low + high - span) / 2))
        above = np.maximum(counts, np.uint16(floor)) - np.uint16(floor)
        return np.asarray(cv2.convertScaleAbs(above, alpha=255.0 / span), np.uint8)


def zoomed(picture: Grey, factor: float) -> Grey:
    """The middle of a picture, enlarged to its whole size by repeating pixels: digital zoom adds nothing."""
    if factor <= 1.0:
        return picture
    height, width = picture.shape
    rows, columns = (
        np.clip(((np.arange(side) + 0.5 - side / 2) / factor + side / 2).astype(np.intp), 0, side - 1)
        for side in (height, width)
    )
    return np.ascontiguousarray(picture[rows[:, None], columns[None, :]])
