"""Where rays meet the ground first: exactly, for many rays at once.

The ground is bilinear between the cells of a grid, in the grid's own projection. A straight ray of the tangent plane is
not quite straight there: the earth falls away below it (8 cm in a kilometre), the projection bends it by less. So each
ray is carried into the grid as a cubic through four exactly projected points, cut into pieces of 100 m at most, and a
piece that passes above the highest cell below it (a pyramid of maxima knows) is done. What is left is halved twice, and
again, down to pieces of one cell, where the first root of a quadratic is the answer. Nothing is sampled, so no roof is
too thin to be met; the answer is exact but for the sag of a chord within a cell (0.2 mm of 90 m).

The first crossing wins, because what lies behind it is hidden. No answer is better than a plausible one: where a ray
passes a hole in the data below the highest ground, before it meets anything, something could stand in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from missions.geometry.geo import LocalFrame
from missions.geometry.terrain import FlatGround, Floats, Ground, TerrainGrid

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CONVERGED_M = 1e-6
_EARTH_RADIUS_M = 6.371e6
_PIECE_M, _PIECE_CELLS = 100.0, 32.0
_SPLIT = 4
# The chord of a piece lies this much above the ray at most, which sags with the earth.
_SAG_M = 1e-3
_AT_ONCE = 8_192
# A cubic through four points of a ray, at these shares of it, and the inverse that finds its coefficients.
_NODES = np.array([0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0])
_CUBIC: Floats = np.linalg.inv(np.vander(_NODES, 4, increasing=True))


class MissReason(Enum):
    """Why a ray has no place on the ground."""

    ABOVE_HORIZON = "above horizon"
    OUTSIDE_TERRAIN = "outside terrain"
    TOO_FAR = "too far"
    BELOW_GROUND = "below ground"


_REASONS = tuple(MissReason)
_HIT = -1
_ABOVE, _OUTSIDE, _FAR, _BELOW = (_REASONS.index(reason) for reason in MissReason)


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


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """For N rays: ``enu`` and unit ``normal_enu`` (N, 3), ``range_m`` (N,), NaN where ``hit`` is false."""

    enu: Floats
    normal_enu: Floats
    range_m: Floats
    _why: NDArray[np.int8]

    @property
    def hit(self) -> Flags:
        """(N,) whether each ray meets the ground."""
        return np.asarray(self._why == _HIT)

    def __len__(self) -> int:
        return len(self.range_m)

    def one(self, i: int) -> Crossing | Miss:
        """The answer for one ray."""
        if self._why[i] != _HIT:
            return Miss(_REASONS[int(self._why[i])])
        return Crossing(self.enu[i], self.normal_enu[i], float(self.range_m[i]))


def first_crossing(
    ground: Ground, frame: LocalFrame, origin_enu: ArrayLike, direction_enu: ArrayLike, max_range_m: float = 3_000.0
) -> Crossing | Miss:
    """One ray: ``origin_enu`` (3,) m, ``direction_enu`` (3,) of any length. See ``first_crossings``."""
    directions = np.asarray(direction_enu, np.float64).reshape(1, 3)
    return first_crossings(ground, frame, origin_enu, directions, max_range_m).one(0)


def first_crossings(
    ground: Ground, frame: LocalFrame, origins_enu: ArrayLike, directions_enu: ArrayLike, max_range_m: float = 3_000.0
) -> Crossings:
    """N rays, ``origins_enu`` (N, 3) or (3,) m, ``directions_enu`` (N, 3) of any length, to their first crossings.

    ``frame`` and ``ground`` must share the height datum.
    """
    directions = np.asarray(directions_enu, np.float64).reshape(-1, 3)
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    origins = np.broadcast_to(np.asarray(origins_enu, np.float64), directions.shape)
    ranges = np.full(len(directions), np.nan)
    why = np.full(len(directions), _ABOVE, np.int8)
    for first in range(0, len(directions), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        rays = _Rays(frame, origins[part], directions[part])
        if isinstance(ground, TerrainGrid):
            ranges[part], why[part] = _on_grid(ground, rays, max_range_m)
        elif isinstance(ground, FlatGround):
            ranges[part], why[part] = _on_plane(ground, rays, max_range_m)
        else:
            raise TypeError(f"ground is a {type(ground).__name__}; allowed are TerrainGrid and FlatGround")
    enu = origins + ranges[:, None] * directions
    return Crossings(enu, _normals(ground, frame, enu, why == _HIT), ranges, why)


@dataclass(frozen=True, slots=True, eq=False)
class _Rays:
    """N rays of a local frame; ``origins`` and unit ``directions`` (N, 3)."""

    frame: LocalFrame
    origins: Floats
    directions: Floats

    def sag_m(self, max_range_m: float) -> Floats:
        """(N,) how far the earth may fall below the tangent plane anywhere along each ray."""
        reach = np.hypot(self.origins[:, 0], self.origins[:, 1]) + max_range_m
        return np.asarray(reach * reach / (2.0 * _EARTH_RADIUS_M))

    def geo_at(self, ranges: Floats) -> tuple[Floats, Floats, Floats]:
        """Ranges (N, K) → latitude, longitude, height (N, K)."""
        return self.frame.geo_from_enu(self.origins[:, None] + ranges[..., None] * self.directions[:, None])


def _on_plane(ground: FlatGround, rays: _Rays, max_range_m: float) -> tuple[Floats, NDArray[np.int8]]:
    """Ranges and reasons over one height everywhere: Newton's method on the exact height of the ray."""
    up, slope = rays.origins[:, 2], rays.directions[:, 2]
    height = ground.alt_m - rays.frame.origin.alt_m
    along = (rays.origins[:, :2] * rays.directions[:, :2]).sum(axis=1)
    level = 1.0 - slope * slope
    with np.errstate(divide="ignore", invalid="ignore"):
        ranges = (height - up) / slope
        for _ in range(5):
            safe = np.where(np.isfinite(ranges), np.clip(ranges, 0.0, 2.0 * max_range_m), 0.0)
            off = rays.geo_at(safe[:, None])[2][:, 0] - ground.alt_m
            ranges = safe - off / (slope + (along + safe * level) / _EARTH_RADIUS_M)
            if not np.abs(ranges - safe).max(initial=0.0) > _CONVERGED_M:  # the next step would be its square
                break
    why = np.full(len(ranges), _HIT, np.int8)
    why[~((ranges > 0.0) & (ranges <= max_range_m))] = _FAR
    why[slope >= 0.0] = _ABOVE
    why[(slope < 0.0) & (rays.geo_at(np.zeros((len(ranges), 1)))[2][:, 0] <= ground.alt_m)] = _BELOW
    return np.where(why == _HIT, ranges, np.nan), why


def _on_grid(grid: TerrainGrid, rays: _Rays, max_range_m: float) -> tuple[Floats, NDArray[np.int8]]:
    """Ranges and reasons over a grid of heights."""
    start, end, why = _interval(grid, rays, max_range_m)
    paths = _Paths.of(grid, rays, start, end)
    work = np.flatnonzero(end > start)
    at, kind = _first_events(grid, paths, work, start, end)
    ranges = start + np.where(kind == _MET, at, 0.0) * (end - start)
    why[kind == _UNKNOWN] = _OUTSIDE
    why[kind == _MET] = _HIT
    why[(kind == _MET) & (ranges <= 0.0)] = _BELOW
    return np.where(why == _HIT, ranges, np.nan), why


def _interval(grid: TerrainGrid, rays: _Rays, max_range_m: float) -> tuple[Floats, Floats, NDArray[np.int8]]:
    """Only the part of a ray between the highest and the lowest ground is followed; and what a miss would mean."""
    low, high = (height - rays.frame.origin.alt_m for height in grid.range_m())
    up, slope = rays.origins[:, 2], rays.directions[:, 2]
    down = slope < -1e-9
    with np.errstate(divide="ignore"):
        start = np.where(down, np.maximum(0.0, (high + 1.0 - up) / slope), 0.0)
        end = np.where(down, np.minimum(max_range_m, (low - rays.sag_m(max_range_m) - 1.0 - up) / slope), max_range_m)
    end[~down & (up > high + 1.0)] = 0.0
    why = np.full(len(up), _FAR, np.int8)
    why[slope >= 0.0] = _ABOVE
    why[(slope < 0.0) & (end <= start) & (up < low)] = _BELOW
    return start, end, why


@dataclass(frozen=True, slots=True, eq=False)
class _Paths:
    """N rays in the grid: (N, 4, 3) coefficients of column, row and height by the share of the ray; their lengths."""

    coefficients: Floats
    length_m: Floats

    @classmethod
    def of(cls, grid: TerrainGrid, rays: _Rays, start: Floats, end: Floats) -> _Paths:
        lengths = np.maximum(end - start, 0.0)
        lat, lon, alt = rays.geo_at(start[:, None] + _NODES * lengths[:, None])
        row, column = grid.row_column(lat, lon)
        return cls(np.einsum("kj,njc->nkc", _CUBIC, np.stack([column, row, alt], axis=-1)), lengths)

    def at(self, ray: Indices, share: Floats) -> Floats:
        """(M, 3) column, row, height of a share 0..1 of each ray."""
        c, s = self.coefficients[ray], share[:, None]
        return np.asarray(c[:, 0] + s * (c[:, 1] + s * (c[:, 2] + s * c[:, 3])), np.float64)


_NOTHING, _MET, _UNKNOWN = 0, 1, 2


def _first_events(
    grid: TerrainGrid, paths: _Paths, rays: Indices, start: Floats, end: Floats
) -> tuple[Floats, NDArray[np.int8]]:
    """(N,) share of each ray at its first event, and whether it met ground or a place where none is known."""
    at, kind = np.full(len(start), np.inf), np.zeros(len(start), np.int8)
    whole = np.abs(paths.at(rays, np.ones(len(rays))) - paths.at(rays, np.zeros(len(rays))))[:, :2].max(axis=1)
    pieces = np.ceil(np.maximum(whole / _PIECE_CELLS, paths.length_m[rays] / _PIECE_M)).astype(np.int64) + 1
    ray = np.repeat(rays, pieces)
    step = np.repeat(1.0 / pieces, pieces)
    nth = np.arange(len(ray)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    near, far = nth * step, (nth + 1) * step
    begin, finish = paths.at(ray, near), paths.at(ray, far)
    maybe = grid.highest_between(begin, finish) >= np.minimum(begin[:, 2], finish[:, 2]) - _SAG_M
    ray, near, far = ray[maybe], near[maybe], far[maybe]
    # The first piece of every ray that may hold an event, then the second of those that are still without one …
    counts = np.bincount(ray, minlength=len(start))
    nth = np.arange(len(ray)) - np.repeat(np.cumsum(counts) - counts, counts)
    for wave in range(int(counts.max(initial=0))):
        mine = (nth == wave) & (kind[ray] == _NOTHING)
        _refine(grid, paths, ray[mine], near[mine], far[mine], at, kind)
    return at, kind


def _refine(
    grid: TerrainGrid, paths: _Paths, ray: Indices, near: Floats, far: Floats, at: Floats, kind: NDArray[np.int8]
) -> None:
    """Split pieces until they are passed over or settled."""
    while ray.size:
        a, b = paths.at(ray, near), paths.at(ray, far)
        # What lies behind an event that is already known is of no interest.
        maybe = (grid.highest_between(a, b) >= np.minimum(a[:, 2], b[:, 2]) - _SAG_M) & (near <= at[ray])
        ray, near, far, a, b = ray[maybe], near[maybe], far[maybe], a[maybe], b[maybe]
        small = np.abs(b - a)[:, :2].max(axis=1, initial=0.0) <= 1.0
        _settle(grid, ray[small], near[small], far[small], a[small], b[small], at, kind)
        ray, near, far = ray[~small], near[~small], far[~small]
        part = (far - near) / _SPLIT
        near = (near[:, None] + part[:, None] * np.arange(_SPLIT)).ravel()
        far = near + np.repeat(part, _SPLIT)
        ray = np.repeat(ray, _SPLIT)


def _settle(
    grid: TerrainGrid,
    ray: Indices,
    near: Floats,
    far: Floats,
    a: Floats,
    b: Floats,
    at: Floats,
    kind: NDArray[np.int8],
) -> None:
    """Pieces of at most one cell across: their first root goes into ``at`` and ``kind``, if nothing was before it."""
    if not ray.size:
        return
    cuts = np.sort(np.column_stack([_to_line(a[:, axis], b[:, axis]) for axis in (0, 1)]), axis=1)
    edges = np.column_stack([np.zeros(len(ray)), cuts, np.ones(len(ray))])
    for part in range(3):
        low, high = edges[:, part], edges[:, part + 1]
        share, event = _root(grid, a, b, low, high)
        found = near + share * (far - near)
        better = (event != _NOTHING) & (found < at[ray])
        order = np.flatnonzero(better)
        order = order[np.argsort(-found[order], kind="stable")]  # the nearest of a ray is written last
        at[ray[order]], kind[ray[order]] = found[order], event[order]


def _to_line(a: Floats, b: Floats) -> Floats:
    """Share at which a coordinate passes a whole number between a and b; 1 where it passes none."""
    line = np.maximum(np.floor(a), np.floor(b))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (line - a) / (b - a)
    return np.where((share > 0.0) & (share < 1.0), share, 1.0)


def _root(grid: TerrainGrid, a: Floats, b: Floats, low: Floats, high: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """First share in [low, high] at which the chord a → b is on or below its one bilinear patch."""
    middle = a[:, :2] + 0.5 * (low + high)[:, None] * (b - a)[:, :2]
    column, row = np.floor(middle[:, 0]), np.floor(middle[:, 1])
    h00, h01, h10, h11 = grid.patch(row, column)
    x, y = a[:, 0] - column, a[:, 1] - row
    dx, dy, dz = (b[:, axis] - a[:, axis] for axis in range(3))
    east, south, twist = h01 - h00, h10 - h00, h11 - h10 - h01 + h00
    square = -twist * dx * dy
    linear = dz - (east * dx + south * dy + twist * (x * dy + y * dx))
    constant = a[:, 2] - (h00 + east * x + south * y + twist * x * y)
    root = _smallest_root(square, linear, constant, low, high)
    begins_below = constant + low * (linear + low * square) <= 0.0
    share = np.where(begins_below, low, root)
    event = np.where(np.isfinite(share), _MET, _NOTHING)
    unknown = np.isnan(constant)
    event = np.where(high > low, np.where(unknown, _UNKNOWN, event), _NOTHING).astype(np.int8)
    return np.where(unknown, low, share), event


def _smallest_root(a: Floats, b: Floats, c: Floats, low: Floats, high: Floats) -> Floats:
    """Smallest root of a s² + b s + c in [low, high], ∞ where there is none; without cancellation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        q = -0.5 * (b + np.copysign(np.sqrt(b * b - 4.0 * a * c), b))
        both = np.stack([q / a, c / q])
    inside = (both >= low - 1e-12) & (both <= high + 1e-12)
    return np.asarray(np.where(inside, both, np.inf).min(axis=0), np.float64)


def _normals(ground: Ground, frame: LocalFrame, enu: Floats, hit: Flags) -> Floats:
    """(N, 3) upward unit normals from the heights a cell around; straight up where a neighbour has no height."""
    normals = np.tile([0.0, 0.0, 1.0], (len(enu), 1))
    if not isinstance(ground, TerrainGrid) or not hit.any():
        return normals
    # How columns and rows turn with east and north changes by nothing over the rays of one batch.
    middle = np.median(enu[hit], axis=0)
    lat, lon, _ = frame.geo_from_enu(middle + np.array([[0.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]))
    row, column = ground.row_column(lat, lon)
    turn = np.array([[column[1] - column[0], column[2] - column[0]], [row[1] - row[0], row[2] - row[0]]])
    lat, lon, _ = frame.geo_from_enu(enu[hit])
    row, column = ground.row_column(lat, lon)
    reach = min(2.0, max(0.25, ground.step_m)) / ground.step_m
    across = ground.bilinear(row, column + reach) - ground.bilinear(row, column - reach)
    down = ground.bilinear(row + reach, column) - ground.bilinear(row - reach, column)
    slopes = np.column_stack([across, down]) / (2.0 * reach) @ turn
    slopes = np.where(np.isfinite(slopes).all(axis=1, keepdims=True), slopes, 0.0)
    upward = np.column_stack([-slopes, np.ones(len(slopes))])
    normals[hit] = upward / np.linalg.norm(upward, axis=1, keepdims=True)
    return normals
