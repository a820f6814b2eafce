"""Over which ground: a grid of heights, or one height everywhere.

A grid is either a **surface** model (roofs and trees are in it: what a camera sees) or a **ground** model. Heights are
bilinear between cell centres. Where a ray meets it first is the subject of `crossing`; for that the grid keeps a
pyramid of the highest heights of its cells, in which a hole in the data is as high as the sky.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from missions.geometry.geo import Datum, GridProjection

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
    _pyramid: list[_Pyramid] = field(default_factory=list, init=False, repr=False)

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
        return self.bilinear(*self.row_column(lat_deg, lon_deg))

    def row_column(self, lat_deg: ArrayLike, lon_deg: ArrayLike) -> tuple[Floats, Floats]:
        """Degrees (...) → row and column (...), whole numbers at cell centres, also outside the grid."""
        x, y = _projection(self.crs).xy_from_geo(lat_deg, lon_deg)
        return (self.y0_m - y) / self.cell_y_m, (x - self.x0_m) / self.cell_x_m

    def covers(self, lat_deg: float, lon_deg: float) -> bool:
        """Whether the grid has a height at this place."""
        return bool(np.isfinite(self.height_at(lat_deg, lon_deg)))

    def corners(self) -> tuple[tuple[float, float], ...]:
        """(lat, lon) degrees of the four outer cell centres: north-west, north-east, south-east, south-west."""
        rows, cols = self.heights_m.shape
        x1, y1 = self.x0_m + (cols - 1) * self.cell_x_m, self.y0_m - (rows - 1) * self.cell_y_m
        lat, lon = _projection(self.crs).geo_from_xy([self.x0_m, x1, x1, self.x0_m], [self.y0_m, self.y0_m, y1, y1])
        return tuple((float(a), float(b)) for a, b in zip(lat, lon, strict=True))

    def bilinear(self, row: Floats, column: Floats) -> Floats:
        """Rows and columns (...) → heights (...) in metres; NaN outside the grid and beside nodata."""
        rows, cols = self.heights_m.shape
        inside = (row >= 0) & (row <= rows - 1) & (column >= 0) & (column <= cols - 1)
        safe_row, safe_column = np.where(inside, row, 0.0), np.where(inside, column, 0.0)
        r0 = np.minimum(safe_row.astype(np.intp), rows - 2)
        c0 = np.minimum(safe_column.astype(np.intp), cols - 2)
        fr, fc = safe_row - r0, safe_column - c0
        h00, h01, h10, h11 = self.patch(r0, c0)
        top = h00 * (1.0 - fc) + h01 * fc
        bottom = h10 * (1.0 - fc) + h11 * fc
        return np.where(inside, top * (1.0 - fr) + bottom * fr, np.nan)

    def patch(self, row: ArrayLike, column: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
        """Heights (...) at the corners of the cells between rows r, r + 1 and columns c, c + 1; NaN outside."""
        rows, cols = self.heights_m.shape
        r, c = np.asarray(row).astype(np.int64), np.asarray(column).astype(np.int64)
        outside = (r < 0) | (r > rows - 2) | (c < 0) | (c > cols - 2)
        first = np.where(outside, 0, r * cols + c)
        flat = self.heights_m.reshape(-1)
        corners = [flat[first + step].astype(np.float64) for step in (0, 1, cols, cols + 1)]
        corners[0] = np.where(outside, np.nan, corners[0])
        return corners[0], corners[1], corners[2], corners[3]

    def highest_between(self, a: Floats, b: Floats) -> Floats:
        """(M,) a height that nothing under the pieces a → b reaches over; a, b (M, 2 or more): column, row.

        ∞ over nodata and outside of the grid.
        """
        if not self._pyramid:
            self._pyramid.append(_Pyramid.over(self.heights_m))
        low, high = np.minimum(a, b), np.maximum(a, b)
        return self._pyramid[0].highest(low[:, 1], low[:, 0], high[:, 1], high[:, 0])


@dataclass(frozen=True, slots=True, eq=False)
class _Pyramid:
    """Highest corner of each cell, of 2×2 cells, of 4×4 … and a rim of one unknown cell around; all in one row.

    ``first``, ``wide``: where each level begins and how many columns it has.
    """

    values: NDArray[np.float32]
    first: NDArray[np.int64]
    wide: NDArray[np.int64]
    cells: tuple[int, int]

    @classmethod
    def over(cls, heights_m: NDArray[np.float32]) -> _Pyramid:
        h = np.where(np.isnan(heights_m), np.float32(np.inf), heights_m)
        level = np.maximum(np.maximum(h[:-1, :-1], h[:-1, 1:]), np.maximum(h[1:, :-1], h[1:, 1:]))
        cells = level.shape[0], level.shape[1]
        level = np.pad(level, 1, constant_values=np.inf)
        levels = [level]
        while max(level.shape) > 1:
            level = np.pad(level, [(0, side % 2) for side in level.shape], constant_values=-np.inf)
            pairs = np.maximum(level[::2], level[1::2])
            level = np.maximum(pairs[:, ::2], pairs[:, 1::2])
            levels.append(level)
        sizes = np.array([one.size for one in levels])
        first = np.cumsum(sizes) - sizes
        wide = np.array([one.shape[1] for one in levels])
        return cls(np.concatenate([one.ravel() for one in levels]), first, wide, cells)

    def highest(self, top: Floats, left: Floats, bottom: Floats, right: Floats) -> Floats:
        """(M,) over boxes of rows top..bottom and columns left..right."""
        rows, cols = self.cells
        r0, r1 = (np.clip(np.floor(edge), -1, rows).astype(np.int64) + 1 for edge in (top, bottom))
        c0, c1 = (np.clip(np.floor(edge), -1, cols).astype(np.int64) + 1 for edge in (left, right))
        span = np.maximum(np.maximum(r1 - r0, c1 - c0), 1)
        level = np.minimum(np.ceil(np.log2(span)).astype(np.int64), len(self.first) - 1)
        first, wide = self.first[level], self.wide[level]
        r0, r1, c0, c1 = r0 >> level, r1 >> level, c0 >> level, c1 >> level
        corners = [self.values[first + r * wide + c] for r in (r0, r1) for c in (c0, c1)]
        found = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        return np.asarray(found, np.float64)


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
