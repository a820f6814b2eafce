"""Is a frame fit to be looked at? Flat-field events, frozen pictures and dead pixels, judged over frames.

A microbolometer closes its shutter every minute or so (FFC/NUC): the picture freezes, then comes back with another
level. Two identical frames are a freeze, for noise never repeats; a jump of the whole level is the end of a flat-field
event. From such a frame nothing is detected and no hotspot is aged. A hot spot of one to three pixels that stays at the
same pixel **while the ground flows by** is a dead pixel, not a fire; over a drone that hovers an ember stays too, so
frames of a still picture say nothing about it. A pixel that heals is forgiven. But no lens makes a spot of one pixel
with nothing beside it: what is that sharp, and was there in the frame before, is a dead pixel at once, hovering or not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.detect import Detections

# A level that moves by more than this between neighbouring frames is the shutter's work, kelvin.
LEVEL_STEP_K = 0.6
# The ground moves when half of the picture changes by more than this, beyond the level: kelvin, or grey levels.
_FLOW_K, _FLOW_GREY = 0.03, 1.0
_DEAD_AFTER = 12
_DEAD_AREA_PX = 3
_SMALL = (80, 64)
_LENS_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Verdict:
    """``usable``: detect in it. ``reason``: why not, in a word for the screen ("frozen", "flat-field")."""

    usable: bool
    reason: str = ""


class FrameGuard:
    """Judges the frames of one camera in order."""

    def __init__(self) -> None:
        self._previous: NDArray[np.uint16] | NDArray[np.float32] | NDArray[np.uint8] | None = None
        self._small: NDArray[np.float32] | None = None
        self._stays: Counter[tuple[int, int]] = Counter()
        self._flows = False
        self._sharp: frozenset[tuple[int, int]] = frozenset()
        self.frozen_in_a_row = 0
        self.dead: frozenset[tuple[int, int]] = frozenset()

    def judge(self, image: NDArray[np.uint16] | NDArray[np.float32] | NDArray[np.uint8], per_kelvin: float) -> Verdict:
        """One frame (h, w[, 3]); ``per_kelvin``: image units in a kelvin, 0 when the picture has no temperatures."""
        same = self._previous is not None and np.array_equal(self._previous, image)
        self._previous = image
        if same:
            self.frozen_in_a_row += 1
            return Verdict(False, "frozen")
        thawed = self.frozen_in_a_row > 0
        self.frozen_in_a_row = 0
        grey = image if image.ndim == 2 else image[..., 1]
        small = np.asarray(cv2.resize(grey, _SMALL, interpolation=cv2.INTER_AREA), np.float32)
        before, self._small = self._small, small
        self._flows = False
        if before is None or before.shape != small.shape:
            return Verdict(True)
        # The median of the differences is blind to a fire that enters and to ground that moves by.
        change = small - before
        step = float(np.median(change))
        moved = float(np.median(np.abs(change - step)))
        self._flows = moved > (_FLOW_K * per_kelvin if per_kelvin > 0.0 else _FLOW_GREY)
        if per_kelvin <= 0.0:
            return Verdict(True)
        step_k = abs(step) / per_kelvin
        if step_k > LEVEL_STEP_K and thawed:
            return Verdict(False, "flat-field")
        return Verdict(True)

    def without_dead_pixels(self, found: Detections) -> Detections:
        """Drop what sits on dead pixels; learn new ones from small spots that never move."""
        small = [i for i in found if found.area_px[i] <= _DEAD_AREA_PX]
        here = {i: (round(float(found.u[i])), round(float(found.v[i]))) for i in small}
        if self._flows:
            stays = set(here.values())
            self._stays = Counter({pixel: count for pixel, count in self._stays.items() if pixel in stays})
            self._stays.update(stays)
            self.dead = frozenset(pixel for pixel, count in self._stays.items() if count >= _DEAD_AFTER)
        single = (at for i, at in here.items() if found.area_px[i] == 1)
        before, self._sharp = self._sharp, frozenset(at for at in single if self._is_sharp(at))
        dead = self.dead | (self._sharp & before)
        if not dead:
            return found
        keep = [i for i in found if here.get(i) not in dead]
        return found.take(np.array(keep, np.int64))

    def _is_sharp(self, at: tuple[int, int]) -> bool:
        """Whether nothing of a pixel's contrast is in its four neighbours; the best lens leaves 15 % there."""
        image = self._previous
        u, v = at
        if image is None or image.ndim != 2 or not (0 < u < image.shape[1] - 1 and 0 < v < image.shape[0] - 1):
            return False
        around = image[max(0, v - 2) : v + 3, max(0, u - 2) : u + 3].astype(np.float64)
        ground = float(np.median(around))
        beside = max(float(image[v, u - 1]), float(image[v, u + 1]), float(image[v - 1, u]), float(image[v + 1, u]))
        return beside - ground < _LENS_SHARE * (float(image[v, u]) - ground)
