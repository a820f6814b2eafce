"""A temperature for a picture that has none: the camera says how hot its hottest pixel is, and where that lies.

MAVLink's CAMERA_THERMAL_RANGE is all that some gimbal cameras tell besides an 8-bit video. It is a number for one
pixel. The temperature belongs to the detection that holds this pixel, and to no other: the second fire in the picture
may be 50 or 500 °C, and no stretch of grey levels says which. Picture and number come at different instants and from
different clocks, so the place is allowed to be off by a little; where two detections could be meant, it is nobody's.
"""

from __future__ import annotations

import numpy as np

from imagery.detect import KELVIN
from imagery.detections import Detections

COLDEST_C, HOTTEST_C = -60.0, 2_000.0


def hottest_of(
    found: Detections, u: float, v: float, hottest_c: float, *, margin_px: float
) -> tuple[int, float] | None:
    """The detection that holds the hottest pixel (u, v), and its temperature in kelvin; None where that is not clear.

    A picture with temperatures of its own needs none from elsewhere.
    """
    if found.radiometric or not len(found) or not COLDEST_C <= hottest_c <= HOTTEST_C:
        return None
    left, top, width, height = found.bbox.T.astype(float)
    beside = np.maximum(np.maximum(left - u, u - (left + width - 1.0)), 0.0)
    above = np.maximum(np.maximum(top - v, v - (top + height - 1.0)), 0.0)
    near = np.flatnonzero(np.hypot(beside, above) <= margin_px)
    inside = near[(beside[near] == 0.0) & (above[near] == 0.0)]
    meant = inside if len(inside) == 1 else near
    return (int(meant[0]), hottest_c + KELVIN) if len(meant) == 1 else None
