"""The grid of a map: square tiles of square cells in a projection of metres, and where each cell is for a camera.

Cells are those of the projection itself (EPSG:25832 in Duisburg): an export is a copy, nothing is resampled twice.
Tile (i, j) holds the cells from x = i · side eastwards and from y = (j + 1) · side southwards; row 0 is its north.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.ground_raster import EARTH_RADIUS_M, heights_over
from missions.geometry.geo import GeoPoint, GridProjection, LocalFrame
from missions.geometry.terrain import Ground

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

TILE = 256
CELL_M = 0.25
_REMEMBERED = 1_000


def crs_at(point: GeoPoint) -> str:
    """The projection of a place: ETRS89/UTM in Europe (EPSG:25832 where 6° ≤ longitude < 12°), else WGS 84/UTM."""
    zone = min(60, max(1, math.floor((point.lon_deg + 180.0) / 6.0) + 1))
    if 34.0 <= point.lat_deg <= 72.0 and 28 <= zone <= 38:
        return f"EPSG:258{zone}"
    return f"EPSG:{(326 if point.lat_deg >= 0.0 else 327)}{zone:02}"


@dataclass(frozen=True, slots=True, eq=False)
class TilePlace:
    """Where a tile's cells are. ``east``, ``north``: (3,) metres as offset, per column, per row; ``up`` (TILE, TILE).

    Over one tile the projection is straight to half a millimetre; ``up`` holds the surface, NaN where none is known.
    """

    east: Floats
    north: Floats
    up: Raster
    low_m: float
    high_m: float


class MapGrid:
    """Tiles over one ground, in the projection of its place."""

    def __init__(self, ground: Ground, frame: LocalFrame, cell_m: float = CELL_M) -> None:
        self.ground, self.frame, self.cell_m = ground, frame, cell_m
        self.crs = crs_at(frame.origin)
        self._places: dict[tuple[int, int], TilePlace] = {}
        self._projection = GridProjection(self.crs)
        x, y = self._projection.xy_from_geo(frame.origin.lat_deg, frame.origin.lon_deg)
        # The frame's plane in the projection: turned by the convergence, scaled by 4e-4 at most; good to find tiles by.
        lat, lon, _ = frame.geo_from_enu(np.array([[100.0, 0.0, 0.0], [0.0, 100.0, 0.0]]))
        ax, ay = self._projection.xy_from_geo(lat, lon)
        self._origin = np.array([float(x), float(y)])
        self._xy_from_en = (np.stack([ax, ay]) - self._origin[:, None]) / 100.0

    @property
    def side_m(self) -> float:
        """Side of a tile."""
        return TILE * self.cell_m

    def xy_of(self, en: Floats) -> Floats:
        """(N, 2) east, north → (N, 2) x, y; within a metre: to choose cells, not to place them."""
        return np.asarray(en @ self._xy_from_en.T + self._origin, np.float64)

    def tiles_of(self, ring_en: Floats) -> list[tuple[int, int]]:
        """The tiles that the box of a ring (N, 2) touches, in order."""
        xy = self.xy_of(ring_en)
        margin = 2.0 * self.cell_m
        i0, j0 = np.floor((xy.min(axis=0) - margin) / self.side_m).astype(int)
        i1, j1 = np.floor((xy.max(axis=0) + margin) / self.side_m).astype(int)
        return [(int(i), int(j)) for j in range(j0, j1 + 1) for i in range(i0, i1 + 1)]

    def window_of(self, tile: tuple[int, int], ring_en: Floats) -> tuple[slice, slice] | None:
        """Rows and columns of a tile that the box of a ring touches; None where it does not."""
        xy = self.xy_of(ring_en)
        x0, y1 = tile[0] * self.side_m, (tile[1] + 1) * self.side_m
        c0, c1 = (math.floor((float(v) - x0) / self.cell_m) for v in (xy[:, 0].min(), xy[:, 0].max()))
        r0, r1 = (math.floor((y1 - float(v)) / self.cell_m) for v in (xy[:, 1].max(), xy[:, 1].min()))
        rows, columns = slice(max(0, r0 - 2), min(TILE, r1 + 3)), slice(max(0, c0 - 2), min(TILE, c1 + 3))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def place(self, tile: tuple[int, int]) -> TilePlace:
        """Where a tile's cells are, with the heights of its surface; the last ones are remembered."""
        place = self._places.get(tile)
        if place is None:
            while len(self._places) >= _REMEMBERED:
                del self._places[next(iter(self._places))]
            place = self._places[tile] = self._placed(tile)
        return place

    def _placed(self, tile: tuple[int, int]) -> TilePlace:
        half, span = self.cell_m / 2.0, (TILE - 1) * self.cell_m
        x0, y0 = tile[0] * self.side_m + half, (tile[1] + 1) * self.side_m - half
        heights = heights_over(self.ground, self._projection.geo_from_xy, (x0, x0 + span, y0, y0 - span), TILE, TILE)
        known = heights[np.isfinite(heights)]
        middle = float(np.median(known)) if known.size else self.frame.origin.alt_m
        lat, lon = self._projection.geo_from_xy([x0, x0 + span, x0], [y0, y0, y0 - span])
        corner, right, down = self.frame.enu_from_geo(lat, lon, middle)
        # The fourth corner, half of it off: the plane through the middle of the tile.
        per = [(axis - corner) / (TILE - 1) for axis in (right, down)]
        east, north = (np.array([corner[k], per[0][k], per[1][k]]) for k in (0, 1))
        steps = np.arange(TILE)
        e = east[0] + east[1] * steps[None] + east[2] * steps[:, None]
        n = north[0] + north[1] * steps[None] + north[2] * steps[:, None]
        fall = (e * e + n * n) / (2.0 * EARTH_RADIUS_M)
        up = np.asarray(heights - self.frame.origin.alt_m - fall, np.float32)
        low, high = (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)
        return TilePlace(east, north, up, low, high)
