"""Terrain under a local plane, asked a hundred thousand times: heights by east and north without a projection a point.

From the tangent plane to the rows and columns of a grid leads a chain of exact transformations that costs a microsecond
a point. Over the few kilometres of a flight that chain is as good as a polynomial of low degree, which is fitted to it
once and tried at other places; where the third degree errs by more than a hundredth of a cell, the exact chain is used.

`closest_pass` asks how close straight lines come to the surface. It asks the grid's pyramid of highest heights first
and looks closer only where that leaves a doubt, so a thousand lines of a kilometre cost milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from missions.geometry.geo import LocalFrame
from missions.geometry.terrain import Ground, TerrainGrid

Floats = NDArray[np.float64]

_DEGREES = (1, 2, 3)
_MOST_ERROR_CELLS = 0.01
_FEW = 64
_FIRST_PIECES = 8
_FINE_ENOUGH_OVER_GAPS = 1.0 / 60.0


class PlaneGround:
    """Heights of `ground` by east, north metres in `frame`, fast within the box `low`..`high` (each (2,))."""

    def __init__(self, ground: Ground, frame: LocalFrame, low: Floats, high: Floats) -> None:
        self._ground, self._frame = ground, frame
        self._middle = 0.5 * (np.asarray(low) + np.asarray(high))
        self._half = np.maximum(0.5 * (np.asarray(high) - np.asarray(low)), 1.0)
        self._weights: tuple[list[Floats], list[Floats]] | None = None
        if isinstance(ground, TerrainGrid):
            self._weights = self._fitted()
        self._highest = ground.range_m()[1]

    @classmethod
    def over(cls, ground: Ground, frame: LocalFrame, places: Floats, margin_m: float = 0.0) -> PlaneGround:
        """Fast around `places` (N, 2)."""
        return cls(ground, frame, places.min(axis=0) - margin_m, places.max(axis=0) + margin_m)

    def heights(self, east_north: Floats) -> Floats:
        """(N, 2) metres → (N,) heights in the ground's datum; NaN where it has none."""
        if isinstance(self._ground, TerrainGrid) and self._weights is not None and len(east_north) > _FEW:
            rows_columns = self._rows_columns(east_north)
            return self._ground.bilinear(rows_columns[:, 0], rows_columns[:, 1])
        lat, lon = self._geo(east_north)
        return self._ground.height_at(lat, lon)

    def heights_across(self, a: Floats, b: Floats, count: int) -> Iterator[Floats]:
        """(N,) heights at `count` places evenly from a to b (each (N, 2) metres, a few metres apart)."""
        fast = isinstance(self._ground, TerrainGrid) and self._weights is not None and len(a) > _FEW
        first, last = (self._rows_columns(a), self._rows_columns(b)) if fast else (a, b)
        for share in np.linspace(0.0, 1.0, count):
            places = first + share * (last - first)
            if fast:
                assert isinstance(self._ground, TerrainGrid)
                yield self._ground.bilinear(places[:, 0], places[:, 1])
            else:
                yield self.heights(places)

    def highest_between(self, a: Floats, b: Floats) -> Floats:
        """(N,) a height that nothing in the boxes a..b (each (N, 2) metres) reaches over; ∞ where it is not known."""
        if isinstance(self._ground, TerrainGrid) and self._weights is not None:
            first, last = self._rows_columns(a), self._rows_columns(b)
            slack = 2.0 * _MOST_ERROR_CELLS
            low, high = np.minimum(first, last) - slack, np.maximum(first, last) + slack
            return self._ground.highest_between(low[:, ::-1], high[:, ::-1])
        return np.full(len(a), self._highest)

    def _geo(self, east_north: Floats) -> tuple[Floats, Floats]:
        lat, lon, _ = self._frame.geo_from_enu(np.column_stack([east_north, np.zeros(len(east_north))]))
        return lat, lon

    def _rows_columns(self, east_north: Floats) -> Floats:
        assert self._weights is not None
        x, y = ((east_north - self._middle) / self._half).T
        return np.column_stack([_polynomial(weights, x, y) for weights in self._weights])

    def _fitted(self) -> tuple[list[Floats], list[Floats]] | None:
        """For the row and for the column: by power of x the weights by power of y."""
        known, tried = (self._lattice(count) for count in (7, 12))
        wanted, truth = self._exact(known), self._exact(tried)
        x, y = ((known - self._middle) / self._half).T
        for degree in _DEGREES:
            powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
            terms = np.column_stack([x**i * y**j for i, j in powers])
            solved = np.linalg.lstsq(terms, wanted, rcond=None)[0]
            rows, columns = ([solved[[p[0] == i for p in powers], axis] for i in range(degree + 1)] for axis in (0, 1))
            self._weights = rows, columns
            if np.abs(self._rows_columns(tried) - truth).max() <= _MOST_ERROR_CELLS:
                return self._weights
        return None

    def _lattice(self, count: int) -> Floats:
        side = np.linspace(-1.0, 1.0, count)
        return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2) * self._half + self._middle

    def _exact(self, east_north: Floats) -> Floats:
        assert isinstance(self._ground, TerrainGrid)
        return np.column_stack(self._ground.row_column(*self._geo(east_north)))


def _polynomial(weights: list[Floats], x: Floats, y: Floats) -> Floats:
    """Horner's scheme in both."""
    total = np.zeros(len(x))
    for of_x in reversed(weights):
        inner = np.full(len(x), of_x[-1])
        for weight in of_x[-2::-1]:
            inner = inner * y + weight
        total = total * x + inner
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """Of each line (N,): ``above_m``, the smallest height over the surface where it is less than was asked for, else ∞;
    ``share`` of the way where; ``unknown``: the surface has no height somewhere under it where it would count."""

    above_m: Floats
    share: Floats
    unknown: NDArray[np.bool_]


class Sag(Protocol):
    """How far a line hangs below the straight one: ``metres(line, share)`` (M,), concave along each line, with its
    greatest value at ``peak(line)``, a share of the way."""

    def metres(self, line: NDArray[np.intp], share: Floats) -> Floats: ...

    def peak(self, line: NDArray[np.intp]) -> Floats: ...


def closest_pass(
    plane: PlaneGround, a: Floats, b: Floats, enough_m: float, step_m: float, sag: Sag | None = None
) -> Pass:
    """Straight lines a → b ((N, 3) east, north, height in the ground's datum) over the surface.

    `sag`: they hang below that. Ground without a height counts as none, and is said in `unknown`.
    """
    found, where, unknown = np.full(len(a), np.inf), np.zeros(len(a)), np.zeros(len(a), np.bool_)
    line = np.repeat(np.arange(len(a)), _FIRST_PIECES)
    start = np.tile(np.arange(_FIRST_PIECES) / _FIRST_PIECES, len(a))
    width = 1.0 / _FIRST_PIECES
    longest = float(np.linalg.norm((b - a)[:, :2], axis=1).max(initial=0.0))
    ends: list[tuple[NDArray[np.intp], Floats]] = []
    for _ in range(max(0, math.ceil(math.log2(max(longest * width / step_m, 1.0)))) + 1):
        first, last = (a[line] + (b - a)[line] * (start + extra)[:, None] for extra in (0.0, width))
        highest = plane.highest_between(first[:, :2], last[:, :2])
        lowest = np.minimum(first[:, 2], last[:, 2])
        if sag is not None:
            lowest = lowest - sag.metres(line, np.clip(sag.peak(line), start, start + width))
        doubt = lowest - highest < enough_m
        gap = np.flatnonzero(np.isinf(highest))
        if gap.size:
            nothing = gap[np.isnan(plane.heights(0.5 * (first + last)[gap, :2]))]
            unknown[line[nothing]] = True
            if width < _FINE_ENOUGH_OVER_GAPS:
                # A line that is unknown anyway is not followed into its gaps step by step.
                over = gap[unknown[line[gap]]]
                doubt[over] = False
                ends += [(line[over], start[over]), (line[over], start[over] + width)]
        line, start = np.repeat(line[doubt], 2), np.repeat(start[doubt], 2)
        width /= 2.0
        start[1::2] += width
    ends += [(line, start), (line, start + width)]
    for which, share in ends:
        places = a[which] + (b - a)[which] * share[:, None]
        above = places[:, 2] - plane.heights(places[:, :2])
        if sag is not None:
            above -= sag.metres(which, share)
        unknown[which[np.isnan(above)]] = True
        worth = np.flatnonzero(above < enough_m)
        worst = worth[np.argsort(-above[worth])]  # the lowest of a line is written last
        better = worst[above[worst] < found[which[worst]]]
        found[which[better]], where[which[better]] = above[better], share[better]
    return Pass(found, where, unknown)
