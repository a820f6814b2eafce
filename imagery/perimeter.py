"""The edge of a fire: how long, how large, how fast it moves and where to, each with its error.

What has burned is every cell of the thermal map that was ever seen hotter than the edge (100 °C apparent). Its outline
now, and its outline as the pass before saw it, tell the spread: both edges were really seen, at known times, so nothing
is interpolated. The head is where the edge has gone farthest; its way from the nearest old edge over the time between
is the rate of spread, and the direction is that way's. The error of both comes from how far one pass may lie beside
another (`ThermalMap.apart_m`: a crooked mount moves opposite passes to opposite sides) and from the cells; it is the
same for all points of an edge, so no number of points makes it smaller. An edge that has not been seen again since has
no rate: None, not zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.detectability import PASS_GAP_S
from imagery.map_grid import TILE
from imagery.thermal_map import ThermalMap
from missions.geometry.geo import GridProjection

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]
Flags = NDArray[np.bool_]

LEAST_AREA_M2 = 0.5
# Islands and fingers nearer than this are one fire.
_CLOSE_M = 1.0
# Of the farthest: what moved at least this share of it is the head.
_HEAD_SHARE = 0.8
# An edge that moved less than so many sigmas has not moved for sure: it has a rate with its error, and no direction.
_SURE = 2.0
_MOST_CELLS = 120_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Between two passes. Metres a minute; ``direction_deg`` from north (None: not sure that it moves at all)."""

    since_s: float
    rate_m_min: float
    rate_sigma_m_min: float
    direction_deg: float | None
    direction_sigma_deg: float | None
    growth_m2_min: float
    growth_sigma_m2_min: float


@dataclass(frozen=True, slots=True, eq=False)
class FireArea:
    """One burned area. ``rings``: (N, 2) latitude, longitude of its outline and holes, the outer first, closed.

    ``time_s``: UTC when its edge was seen; ``peak_c`` the hottest that was seen in it, apparent.
    """

    rings: tuple[Floats, ...]
    time_s: float
    area_m2: float
    area_sigma_m2: float
    length_m: float
    peak_c: float
    spread: Spread | None


def fire_areas(made: ThermalMap) -> list[FireArea]:
    """The burned areas of a map with temperatures, the largest first; of one of grey levels none can be told."""
    if not made.radiometric or not made.tiles:
        return []
    burning = {key: tile for key, tile in made.tiles.items() if np.isfinite(tile.hot_s).any()}
    if not burning:
        return []
    i0, i1 = min(key[0] for key in burning) - 1, max(key[0] for key in burning) + 1
    j0, j1 = min(key[1] for key in burning) - 1, max(key[1] for key in burning) + 1
    shape = ((j1 - j0 + 1) * TILE, (i1 - i0 + 1) * TILE)
    if shape[0] * shape[1] > _MOST_CELLS:
        raise ValueError(
            f"what burns lies {shape[1]} × {shape[0]} cells apart; at most {_MOST_CELLS:,} can be outlined"
        )
    hot = np.full(shape, np.nan, np.float32)
    last, before, peak = hot.copy(), hot.copy(), np.zeros(shape, np.uint16)
    for (i, j), tile in made.tiles.items():
        if not (i0 <= i <= i1 and j0 <= j <= j1):
            continue
        at = slice((j1 - j) * TILE, (j1 - j + 1) * TILE), slice((i - i0) * TILE, (i - i0 + 1) * TILE)
        hot[at], last[at], before[at], peak[at] = tile.hot_s, tile.last_s, tile.before_s, tile.hottest
    corner = i0 * made.grid.side_m, (j1 + 1) * made.grid.side_m
    return _Outliner(made, hot, last, before, peak, corner).areas()


class _Outliner:
    def __init__(
        self, made: ThermalMap, hot: Raster, last: Raster, before: Raster, peak: NDArray[np.uint16],
        corner: tuple[float, float],
    ) -> None:  # fmt: skip
        self._made, self._hot, self._last, self._before, self._peak = made, hot, last, before, peak
        self._corner, self._cell = corner, made.grid.cell_m
        self._projection = GridProjection(made.grid.crs)

    def areas(self) -> list[FireArea]:
        """Every group of burned cells that is large enough."""
        burned = np.asarray(np.isfinite(self._hot), np.uint8)
        reach = max(1, round(_CLOSE_M / self._cell / 2.0))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(burned, kernel), connectivity=8)
        found = []
        for label in range(1, len(stats)):
            x, y, w, h = (int(value) for value in stats[label, :4])
            pad = 8
            box = slice(max(0, y - pad), y + h + pad), slice(max(0, x - pad), x + w + pad)
            mine = (labels[box] == label) & (burned[box] > 0)
            if float(mine.sum()) * self._cell**2 >= LEAST_AREA_M2:
                found.append(self._area(mine, box))
        return sorted(found, key=lambda area: -area.area_m2)

    def _area(self, mine: Flags, box: tuple[slice, slice]) -> FireArea:
        made, cell = self._made, self._cell
        edge = self._rim(mine)
        now_s = float(np.nanmedian(self._last[box][edge]))
        rings = self._rings(mine)
        length = sum(_length(ring) for ring in rings) * cell
        area = float(mine.sum()) * cell**2
        doubt = _edge_sigma(made)
        geo = tuple(self._geo(ring, box) for ring in rings)
        peak_c = float(self._peak[box][mine].max()) / 32.0 - 273.15
        spread = self._spread(mine, edge, box, now_s, length)
        # An edge that is drawn off to one side is as long on the other: only what is drawn too wide all around counts.
        sigma = length * math.hypot(cell / math.sqrt(12.0), 0.25 * doubt)
        return FireArea(geo, made.epoch_s + now_s, area, sigma, length, peak_c, spread)

    @staticmethod
    def _rim(mine: Flags) -> Flags:
        kernel = np.ones((3, 3), np.uint8)
        return np.asarray(cv2.dilate(mine.astype(np.uint8), kernel) > cv2.erode(mine.astype(np.uint8), kernel))

    @staticmethod
    def _rings(mine: Flags) -> list[Floats]:
        """Rings (N, 2) of column and row in cells, half a cell outside of their middles, smoothed by as much."""
        wide = np.pad(mine.astype(np.uint8), 1)
        fine = cv2.GaussianBlur(np.repeat(np.repeat(wide, 4, axis=0), 4, axis=1).astype(np.float32), (0, 0), 3.0)
        contours, hierarchy = cv2.findContours(np.asarray(fine > 0.5, np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        if hierarchy is None:
            return []
        outer = np.asarray(hierarchy).reshape(-1, 4)[:, 3] < 0
        order = [*np.flatnonzero(outer), *np.flatnonzero(~outer)]
        rings = []
        for index in order:
            points = contours[index].reshape(-1, 2).astype(np.float64)
            if len(points) >= 8:
                ring = shapely.LinearRing((points - 1.5) / 4.0 - 1.0).simplify(0.3)
                rings.append(np.asarray(ring.coords, np.float64))
        return rings

    def _geo(self, ring: Floats, box: tuple[slice, slice]) -> Floats:
        x = self._corner[0] + (ring[:, 0] + box[1].start + 0.5) * self._cell
        y = self._corner[1] - (ring[:, 1] + box[0].start + 0.5) * self._cell
        return np.column_stack(self._projection.geo_from_xy(x, y))

    def _spread(
        self, mine: Flags, edge: Flags, box: tuple[slice, slice], now_s: float, length_m: float
    ) -> Spread | None:
        seen_before = self._before[box][edge]
        if np.isfinite(seen_before).mean() < 0.5:
            return None
        then_s = float(np.nanmedian(seen_before))
        minutes = (now_s - then_s) / 60.0
        if minutes * 60.0 < PASS_GAP_S:
            return None
        old = mine & (self._hot[box] <= np.float32(then_s + PASS_GAP_S / 2.0))
        if not old.any():
            return None
        # To the nearest old cell: how far, and which way.
        away, nearest = cv2.distanceTransformWithLabels(
            np.asarray(~old, np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE, labelType=cv2.DIST_LABEL_PIXEL
        )
        moved = np.asarray(away, np.float32) * np.float32(self._cell)
        moved[~mine] = 0.0
        farthest = float(moved.max())
        head = mine & (moved >= _HEAD_SHARE * farthest) if farthest > 0.0 else np.zeros_like(mine)
        way = float(moved[head].mean()) / (0.5 * (1.0 + _HEAD_SHARE)) if head.any() else 0.0
        sigma = math.sqrt(2.0) * _edge_sigma(self._made)
        direction, direction_sigma = None, None
        if way > _SURE * sigma:
            east, south = _ways(np.asarray(nearest, np.int64), old, head)
            direction = math.degrees(math.atan2(east, -south)) + self._convergence_deg(box)
            direction_sigma = math.degrees(math.atan2(sigma, way))
        grown = float((mine & ~old).sum()) * self._cell**2
        return Spread(
            since_s=self._made.epoch_s + then_s,
            rate_m_min=way / minutes,
            rate_sigma_m_min=sigma / minutes,
            direction_deg=None if direction is None else direction % 360.0,
            direction_sigma_deg=direction_sigma,
            growth_m2_min=grown / minutes,
            growth_sigma_m2_min=length_m * math.hypot(self._cell, 0.25 * sigma) / minutes,
        )

    def _convergence_deg(self, box: tuple[slice, slice]) -> float:
        """What grid north differs from true north by there: azimuth of true = azimuth in the grid + this."""
        x = self._corner[0] + box[1].start * self._cell
        y = self._corner[1] - box[0].start * self._cell
        lat, lon = self._projection.geo_from_xy([x, x], [y, y + 100.0])
        east = (lon[1] - lon[0]) * math.cos(math.radians(float(lat[0])))
        return math.degrees(math.atan2(float(east), float(lat[1] - lat[0])))


def _ways(nearest: NDArray[np.int64], old: Flags, head: Flags) -> tuple[float, float]:
    """Mean way (columns, rows) from the nearest old cells to those of the head."""
    rows, columns = np.nonzero(old)
    number = nearest[rows, columns]
    row_of, column_of = np.zeros(int(nearest.max()) + 1), np.zeros(int(nearest.max()) + 1)
    row_of[number], column_of[number] = rows, columns
    at_rows, at_columns = np.nonzero(head)
    from_ = nearest[at_rows, at_columns]
    return float((at_columns - column_of[from_]).mean()), float((at_rows - row_of[from_]).mean())


def _edge_sigma(made: ThermalMap) -> float:
    return math.hypot(made.apart_m, made.grid.cell_m / math.sqrt(12.0))


def _length(ring: Floats) -> float:
    return float(np.linalg.norm(np.diff(ring, axis=0), axis=1).sum())
