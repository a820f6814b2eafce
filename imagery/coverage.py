"""What has been looked at: beside every list of findings stands the ground that was seen, since when, by what.

A raster of the local plane: a cell counts as seen when it lay in the footprint of a frame in which detection ran.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CELL_M = 2.0
HALF_WIDTH_M = 2_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """``seen``: (rows, cols) uint8, 1 = seen, row 0 in the north, cells of CELL_M around the frame's origin.

    ``frames``: frames in which detection ran and the ground was known; times in UTC seconds, None before the first.
    """

    seen: NDArray[np.uint8]
    frames: int = 0
    first_s: float | None = None
    last_s: float | None = None

    @classmethod
    def empty(cls) -> Coverage:
        """Nothing seen yet."""
        side = int(2 * HALF_WIDTH_M / CELL_M)
        return cls(np.zeros((side, side), np.uint8))

    @property
    def area_m2(self) -> float:
        """Ground seen at least once, square metres."""
        return float(int(self.seen.sum()) * CELL_M**2)

    def plus(self, footprint_en: Floats, time_s: float) -> Coverage:
        """With one more footprint (N, 2) east-north metres. The raster is shared, not copied: use the newest value."""
        pixels = np.column_stack(
            [(footprint_en[:, 0] + HALF_WIDTH_M) / CELL_M, (HALF_WIDTH_M - footprint_en[:, 1]) / CELL_M]
        )
        cv2.fillPoly(self.seen, [np.round(pixels).astype(np.int32)], 1)
        first = time_s if self.first_s is None else min(self.first_s, time_s)
        last = time_s if self.last_s is None else max(self.last_s, time_s)
        return replace(self, frames=self.frames + 1, first_s=first, last_s=last)

    def polygons(self, simplify_m: float = 2.0) -> list[list[Floats]]:
        """The seen ground as polygons: lists of rings (N, 2) east-north metres, the outer ring first."""
        contours, hierarchy = cv2.findContours(self.seen, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        if hierarchy is None:
            return []
        rings = [self._ring(np.asarray(contour, np.int32), simplify_m) for contour in contours]
        parents = np.asarray(hierarchy).reshape(-1, 4)[:, 3]
        polygons = []
        for outer in np.flatnonzero(parents < 0):
            if rings[outer] is None:
                continue
            holes = [rings[inner] for inner in np.flatnonzero(parents == outer) if rings[inner] is not None]
            polygons.append([ring for ring in (rings[outer], *holes) if ring is not None])
        return polygons

    def _ring(self, contour: NDArray[np.int32], simplify_m: float) -> Floats | None:
        points = contour.reshape(-1, 2).astype(np.float64) * CELL_M
        en = np.column_stack([points[:, 0] - HALF_WIDTH_M, HALF_WIDTH_M - points[:, 1]])
        if len(en) < 3:
            return None
        ring = shapely.LinearRing(en).simplify(simplify_m)
        return np.asarray(ring.coords, np.float64) if len(ring.coords) >= 4 else None
