"""Over which ground: a grid of heights, and where a ray meets it first.

A grid is either a **surface** model (roofs and trees are in it: what a camera sees) or a **ground** model. Heights are
bilinear between cell centres. A ray is followed in the tangent plane; the first crossing wins, because what lies
behind it is hidden. No answer is better than a plausible one: outside the grid, above the horizon or starting below
the ground the answer is a :class:`Miss` with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from missions.geometry.geo import Datum, GridProjection, LocalFrame

Floats = NDArray[np.float64]


class Ground(Protocol):
    """Anything that has a height at a place."""

    @property
    def datum(self) -> Datum: ...

    @property
    def sigma_m(self) -> float: ...

    @property
    def step_m(self) -> float: ...

    def height_at(self, lat_deg: ArrayLike, lon_deg: ArrayLike) -> Floats: ...

    def range_m(self) -> tuple[float, float]: ...


@cache
def _projection(crs: str) -> GridProjection:
    return GridProjection(crs)


@dataclass(frozen=True, slots=True, eq=False)
class TerrainGrid:
    """Heights on a regular grid. ``heights_m``: (rows, cols) float32, row 0 in the north, NaN = nodata.

    ``x0_m``/``y0_m``: centre of the top-left cell in ``crs``; ``cell_x_m``/``cell_y_m`` > 0: spacing (y falls with the
    row). For a geographic CRS these four are degrees. ``sigma_m``: one standard deviation of the heights.
    """

    heights_m: NDArray[np.float32]
    crs: str
    x0_m: float
    y0_m: float
    cell_x_m: float
    cell_y_m: float
    datum: Datum = Datum.SEA_LEVEL
    sigma_m: float = 1.0
    kind: str = "surface"

    def __post_init__(self) -> None:
        if self.heights_m.ndim != 2 or min(self.heights_m.shape) < 2:
            raise ValueError(f"terrain heights have shape {self.heights_m.shape}; at least 2×2 is needed")
        if not (self.cell_x_m > 0 and self.cell_y_m > 0):
            raise ValueError(f"terrain cell is {self.cell_x_m} × {self.cell_y_m}; both must be above 0")

    @property
    def step_m(self) -> float:
        """A length in metres that no feature of the grid is smaller than: the finer cell side."""
        if not _projection(self.crs).geographic:
            return min(self.cell_x_m, self.cell_y_m)
        cos_lat = max(0.01, float(np.cos(np.radians(self.y0_m))))
        return 111_000.0 * min(self.cell_x_m * cos_lat, self.cell_y_m)

    def range_m(self) -> tuple[float, float]:
        """Lowest and highest height of the grid, metres."""
        return float(np.nanmin(self.heights_m)), float(np.nanmax(self.heights_m))

    def height_at(self, lat_deg: ArrayLike, lon_deg: ArrayLike) -> Floats:
        """Degrees (...) → bilinear heights (...) in metres; NaN outside the grid and beside nodata."""
        x, y = _projection(self.crs).xy_from_geo(lat_deg, lon_deg)
        column = (x - self.x0_m) / self.cell_x_m
        row = (self.y0_m - y) / self.cell_y_m
        return self._bilinear(row, column)

    def covers(self, lat_deg: float, lon_deg: float) -> bool:
        """Whether the grid has a height at this place."""
        return bool(np.isfinite(self.height_at(lat_deg, lon_deg)))

    def corners(self) -> tuple[tuple[float, float], ...]:
        """(lat, lon) degrees of the four outer cell centres: north-west, north-east, south-east, south-west."""
        rows, cols = self.heights_m.shape
        x1, y1 = self.x0_m + (cols - 1) * self.cell_x_m, self.y0_m - (rows - 1) * self.cell_y_m
        lat, lon = _projection(self.crs).geo_from_xy([self.x0_m, x1, x1, self.x0_m], [self.y0_m, self.y0_m, y1, y1])
        return tuple((float(a), float(b)) for a, b in zip(lat, lon, strict=True))

    def _bilinear(self, row: Floats, column: Floats) -> Floats:
        rows, cols = self.heights_m.shape
        inside = (row >= 0) & (row <= rows - 1) & (column >= 0) & (column <= cols - 1)
        safe_row, safe_column = np.where(inside, row, 0.0), np.where(inside, column, 0.0)
        r0 = np.minimum(safe_row.astype(np.intp), rows - 2)
        c0 = np.minimum(safe_column.astype(np.intp), cols - 2)
        fr, fc = safe_row - r0, safe_column - c0
        h = self.heights_m
        top = h[r0, c0] * (1.0 - fc) + h[r0, c0 + 1] * fc
        bottom = h[r0 + 1, c0] * (1.0 - fc) + h[r0 + 1, c0 + 1] * fc
        return np.where(inside, top * (1.0 - fr) + bottom * fr, np.nan)


@dataclass(frozen=True, slots=True)
class FlatGround:
    """The ground as one height everywhere: what is left when no terrain file is given; ``sigma_m`` says how rough."""

    alt_m: float
    datum: Datum = Datum.SEA_LEVEL
    sigma_m: float = 5.0

    @property
    def step_m(self) -> float:
        """There is nothing to miss on a plane."""
        return 100.0

    def range_m(self) -> tuple[float, float]:
        """The one height, twice."""
        return self.alt_m, self.alt_m

    def height_at(self, lat_deg: ArrayLike, lon_deg: ArrayLike) -> Floats:
        """Degrees (...) → the one height (...)."""
        return np.full(np.broadcast(np.asarray(lat_deg), np.asarray(lon_deg)).shape, self.alt_m)


class MissReason(Enum):
    """Why a ray has no place on the ground."""

    ABOVE_HORIZON = "above horizon"
    OUTSIDE_TERRAIN = "outside terrain"
    TOO_FAR = "too far"
    BELOW_GROUND = "below ground"


@dataclass(frozen=True, slots=True)
class Miss:
    """No crossing, with the reason."""

    reason: MissReason


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """Where a ray meets the ground first: ``enu`` (3,) metres, unit ``normal_enu`` (3,) upwards, slant range."""

    enu: Floats
    normal_enu: Floats
    range_m: float


_MAX_SAMPLES = 40_000


def first_crossing(
    ground: Ground, frame: LocalFrame, origin_enu: ArrayLike, direction_enu: ArrayLike, max_range_m: float = 3_000.0
) -> Crossing | Miss:
    """Follow a ray (``origin_enu`` (3,) m, ``direction_enu`` (3,), any length) to its first crossing.

    Sampled at half a cell along the ground track, then refined to 0.1 mm: a feature narrower than half a cell,
    which a bilinear grid does not hold, could be passed. ``frame`` and ``ground`` must share the height datum.
    """
    origin = np.asarray(origin_enu, np.float64)
    direction = np.asarray(direction_enu, np.float64)
    direction = direction / np.linalg.norm(direction)
    start, end, step = _interval(ground, frame, origin, direction, max_range_m)
    if end <= start:
        if direction[2] < 0 and origin[2] < ground.range_m()[0] - frame.origin.alt_m:
            return Miss(MissReason.BELOW_GROUND)
        return Miss(MissReason.ABOVE_HORIZON if direction[2] >= 0 else MissReason.TOO_FAR)
    count = min(_MAX_SAMPLES, max(2, int(np.ceil((end - start) / step)) + 1))
    ranges = np.linspace(start, end, count)
    above = _clearance(ground, frame, origin, direction, ranges)
    below = np.flatnonzero(above <= 0.0)
    unknown = np.flatnonzero(np.isnan(above))
    if not below.size:
        if unknown.size:
            return Miss(MissReason.OUTSIDE_TERRAIN)
        return Miss(MissReason.ABOVE_HORIZON if direction[2] >= 0 else MissReason.TOO_FAR)
    first = int(below[0])
    if unknown.size and unknown[0] < first:
        # Over a hole in the data something could stand in the way: what lies behind it is not a first crossing.
        return Miss(MissReason.OUTSIDE_TERRAIN)
    if first == 0:
        return Miss(MissReason.BELOW_GROUND)
    before, after = ((float(ranges[i]), float(above[i])) for i in (first - 1, first))
    distance = _refine(ground, frame, origin, direction, before, after)
    hit = origin + distance * direction
    return Crossing(hit, _normal(ground, frame, hit), distance)


def _interval(
    ground: Ground, frame: LocalFrame, origin: Floats, direction: Floats, max_range_m: float
) -> tuple[float, float, float]:
    """Start, end and step in range: only the part of the ray below the highest ground is followed."""
    low, high = ground.range_m()
    top = high - frame.origin.alt_m + 1.0
    start, end = 0.0, max_range_m
    if direction[2] < -1e-9:
        start = max(0.0, (top - origin[2]) / direction[2])
        # Curvature lowers far ground by up to 70 cm at 3 km; 2 m more than the lowest height covers it.
        end = min(max_range_m, (low - frame.origin.alt_m - 2.0 - origin[2]) / direction[2])
    elif origin[2] > top:
        return 0.0, 0.0, 1.0
    horizontal = float(np.hypot(direction[0], direction[1]))
    # Along a steep ray half a cell of ground track is a long way; the height check needs no finer step.
    step = 0.5 * ground.step_m / max(horizontal, 0.05)
    return start, end, step


def _clearance(ground: Ground, frame: LocalFrame, origin: Floats, direction: Floats, ranges: Floats) -> Floats:
    """Height of the ray above the ground at each range (N,) → (N,) metres, NaN where there is no ground height."""
    points = origin + ranges[:, None] * direction
    lat, lon, alt = frame.geo_from_enu(points)
    clearance: Floats = alt - ground.height_at(lat, lon)
    return clearance


def _refine(
    ground: Ground,
    frame: LocalFrame,
    origin: Floats,
    direction: Floats,
    above: tuple[float, float],
    below: tuple[float, float],
) -> float:
    """Range of the crossing between two (range, clearance) pairs, to 0.1 mm, by the Illinois form of regula falsi."""
    (a, ca), (b, cb) = above, below
    side = 0
    while b - a > 1e-4:
        middle = a + (b - a) * ca / (ca - cb)
        clearance = float(_clearance(ground, frame, origin, direction, np.array([middle]))[0])
        if abs(clearance) < 5e-5:
            return middle
        if clearance > 0:
            a, ca = middle, clearance
            cb = cb / 2 if side > 0 else cb
            side = 1
        else:
            b, cb = middle, clearance
            ca = ca / 2 if side < 0 else ca
            side = -1
    return 0.5 * (a + b)


def _normal(ground: Ground, frame: LocalFrame, hit: Floats) -> Floats:
    """Upward unit normal from the heights a cell around; straight up where a neighbour has no height."""
    reach = min(2.0, max(0.25, ground.step_m))
    around = hit + reach * np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]])
    lat, lon, _ = frame.geo_from_enu(around)
    heights = ground.height_at(lat, lon)
    if not np.isfinite(heights).all():
        return np.array([0.0, 0.0, 1.0])
    normal = np.array([heights[1] - heights[0], heights[3] - heights[2], 2.0 * reach])
    unit: Floats = normal / np.linalg.norm(normal)
    return unit
