"""Which hotspot stands for which target: one to one, as many as possible, as near as possible.

Nearest-first would let one hotspot of a dense field of embers take its neighbour's place and leave a chain of misses
behind it; the assignment of least total distance (Kuhn and Munkres; here by shortest augmenting paths, Jonker and
Volgenant 1987) does not. What is left over within reach of a target is a **duplicate**, what is within reach of none is
**false**. Several hotspots along one wide fire are its parts, as long as they are PARTS_M apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.ops

from simulators.burning import Fire
from simulators.radiance import Floats
from simulators.truths import Target

MATCH_M, EMBER_MATCH_M = 12.0, 6.0
PARTS_M = 6.0
_FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True)
class Matching:
    """``pairs``: {target: index of its hotspot}; ``offsets``: {target: (east, north) metres from it to the hotspot}.

    ``duplicates`` and ``false``: indices of hotspots; ``at``: {index of every hotspot near a target: that target}.
    """

    pairs: Mapping[int, int]
    offsets: Mapping[int, tuple[float, float]]
    duplicates: tuple[int, ...]
    false: tuple[int, ...]
    at: Mapping[int, int]


def match(targets: Mapping[int, Target], places_en: Floats, boot_s: Sequence[float]) -> Matching:
    """Hotspots at ``places_en`` (N, 2), seen last at ``boot_s`` (N), to targets by their number."""
    numbers = list(targets)
    offsets = np.zeros((len(numbers), len(places_en), 2))
    for row, number in enumerate(numbers):
        for column, at_s in enumerate(boot_s):
            offsets[row, column] = _offset(targets[number], places_en[column], at_s)
    distances = np.hypot(offsets[..., 0], offsets[..., 1])
    gates = np.array([_gate(targets[number]) for number in numbers])
    near = distances <= gates[:, None] if numbers else np.zeros((0, len(places_en)), np.bool_)
    chosen = dict(assign(np.where(near, distances, np.inf)))
    pairs = {numbers[row]: column for row, column in chosen.items()}
    at = {column: number for number, column in pairs.items()}
    duplicates, false = [], []
    for column in range(len(places_en)):
        if column in at:
            continue
        if not near[:, column].any():
            false.append(column)
            continue
        row = int(np.argmin(np.where(near[:, column], distances[:, column], np.inf)))
        fellows = [other for other, number in at.items() if number == numbers[row]]
        apart = all(math.dist(places_en[column], places_en[other]) > PARTS_M for other in fellows)
        at[column] = numbers[row]
        if not (targets[numbers[row]].wide and apart):
            duplicates.append(column)
    found = {numbers[row]: (float(offsets[row, c, 0]), float(offsets[row, c, 1])) for row, c in chosen.items()}
    return Matching(pairs, found, tuple(duplicates), tuple(false), at)


def _gate(target: Target) -> float:
    if target.kind == "ember":
        return EMBER_MATCH_M
    return MATCH_M if target.wide else max(MATCH_M, target.radius_m)


def _offset(target: Target, place: Floats, boot_s: float) -> tuple[float, float]:
    """East, north from the target to a place; from the nearest part of a wide one."""
    if target.wide and isinstance(target.body, Fire):
        point, area = shapely.Point(*place), shapely.Polygon(target.body.ring(boot_s)[:, :2])
        nearest = shapely.ops.nearest_points(area, point)[0]
        return float(place[0] - nearest.x), float(place[1] - nearest.y)
    east, north = target.place(boot_s)
    return float(place[0]) - east, float(place[1]) - north


def assign(cost: Floats) -> list[tuple[int, int]]:
    """(row, column) pairs of an (N, M) table, inf where forbidden: most pairs first, then the least total."""
    if cost.shape[0] > cost.shape[1]:
        return [(row, column) for column, row in assign(cost.T)]
    allowed = np.isfinite(cost)
    filled = np.where(allowed, cost, _FORBIDDEN)
    rows, columns = filled.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, np.intp)  # row of each column, from 1; column 0 is where a row starts from
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least, came, done = np.full(columns + 1, np.inf), np.zeros(columns + 1, np.intp), np.zeros(columns + 1, bool)
        while owner[column]:
            done[column] = True
            reduced = filled[owner[column] - 1] - row_price[owner[column]] - column_price[1:]
            better = ~done[1:] & (reduced < least[1:])
            least[1:][better], came[1:][better] = reduced[better], column
            following = int(np.argmin(np.where(done[1:], np.inf, least[1:]))) + 1
            step = least[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done] -= step
            column = following
        while column:
            owner[column] = owner[came[column]]
            column = int(came[column])
    pairs = [(int(owner[column]) - 1, column - 1) for column in range(1, columns + 1) if owner[column]]
    return sorted((row, column) for row, column in pairs if allowed[row, column])
