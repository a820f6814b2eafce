"""What stands in the way: from one place, which cells of the ground can be seen past the others.

Around the camera's own foot point the ground is cut into directions; outwards along each, the steepest slope so far is
the horizon, and what lies under it is hidden. One running maximum over a polar raster answers for all cells of a frame
(the idea of viewsheds by sweeping, Franklin & Ray 1994). Where no height is known nothing is claimed to be seen behind
it. It is as fine as the raster of heights; a wall stands within one cell of where it is.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.ground_raster import GroundRaster

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]
Flags = NDArray[np.bool_]

_MOST_DIRECTIONS, _MOST_STEPS = 1_440, 700
# A cell counts as seen when the line to a point this high above it is free: no raster is finer.
_TOLERANCE_M = 0.1
# What is nearer to a cell than so many cells of the raster before it is the cell itself.
_ITSELF = 1.0
# Strictly: the place is taken to lie this much farther, so that a shadow's edge is drawn too wide, not too narrow.
_FARTHER = 0.6
# Nothing hides anything on ground that is this even.
_EVEN_M = 0.3
_NEAREST_M = 1.0


class Horizon:
    """The horizon of one camera, over the box of ground (east and north, from and to) that it looks at."""

    def __init__(self, raster: GroundRaster, camera_enu: Floats, box: tuple[float, float, float, float]) -> None:
        self._camera = camera_enu
        self._slopes: Raster | None = None
        if raster.flat:
            return
        cell = raster.cell_m
        east, north = float(camera_enu[0]), float(camera_enu[1])
        west, right = min(box[0], east), max(box[1], east)
        south, top = min(box[2], north), max(box[3], north)
        column, row = math.floor(west / cell) - 1, math.floor(south / cell) - 1
        columns, rows = math.ceil(right / cell) + 2 - column, math.ceil(top / cell) + 2 - row
        heights = raster.heights(column, row, columns, rows)
        unknown = np.isnan(heights)
        if not unknown.any() and float(np.ptp(heights)) < _EVEN_M:
            return
        reach = max(math.hypot(e - east, n - north) for e in (box[0], box[1]) for n in (box[2], box[3])) + cell
        self._cell = cell
        self._step = max(0.5 * cell, reach / _MOST_STEPS)
        steps = math.ceil(reach / self._step) + 1
        directions = min(_MOST_DIRECTIONS, max(64, math.ceil(2.0 * math.pi * reach / cell)))
        turns = np.arange(directions, dtype=np.float32) * np.float32(2.0 * math.pi / directions)
        out = (np.arange(steps, dtype=np.float32) + 1.0) * np.float32(self._step)
        # Steps are rows and directions columns: the running maximum then goes over whole rows at once.
        x = np.cos(turns) * (out / np.float32(cell))[:, None] + np.float32(east / cell - column)
        y = np.sin(turns) * (out / np.float32(cell))[:, None] + np.float32(north / cell - row)
        heights[unknown] = np.float32(1e4)  # what is not known could stand in the way
        around = cv2.remap(heights, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-1e4)
        slopes = (np.asarray(around, np.float32) - np.float32(camera_enu[2])) / out[:, None]
        self._slopes = np.maximum.accumulate(slopes, axis=0, out=slopes)
        self._per_rad = directions / (2.0 * math.pi)

    @property
    def open(self) -> bool:
        """Whether nothing can hide anything here."""
        return self._slopes is None

    def sees(self, east: Raster, north: Raster, up: Raster, *, strict: bool = False) -> Flags:
        """(...) whether the line from the camera to each place (same 2-D shapes, metres) is free; NaN: not.

        ``strict``: rather hidden than seen where the raster cannot tell.
        """
        if self._slopes is None:
            return np.asarray(np.isfinite(up))
        e, n = east - np.float32(self._camera[0]), north - np.float32(self._camera[1])
        return self.sees_beside(e, n, up, strict=strict)

    def sees_beside(self, east: Raster, north: Raster, up: Raster, *, strict: bool = False) -> Flags:
        """As ``sees``, of places by how far east and north of the camera they are."""
        if self._slopes is None:
            return np.asarray(np.isfinite(up))
        polar = cv2.cartToPolar(east, north)
        away, direction = (np.asarray(part, np.float32) for part in polar)
        np.maximum(away, np.float32(_NEAREST_M), out=away)
        direction *= np.float32(self._per_rad)
        np.minimum(direction, np.float32(self._slopes.shape[1] - 1.01), out=direction)
        # The nearest step, so half a step to either side; step 0 is one step away.
        step = away * np.float32(1.0 / self._step)
        step -= np.float32(1.5 + _ITSELF * self._cell / self._step)
        before = cv2.remap(
            self._slopes, direction, step, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=-1e9
        )
        slope = up - np.float32(self._camera[2] - _TOLERANCE_M)
        slope /= away
        if strict:
            slope += slope * np.float32(_FARTHER * self._cell) / away
        return np.asarray(slope >= np.asarray(before))
