"""One mission over several batteries, or over several drones at once, without a strip that nobody sees.

**Batteries**: each part is the longest that its battery flies with the way there, the way home, and the reserve.
**Drones**: as many parts as there are drones, all in the same direction along the way and all of them equally long in
time: the drones fly at once, and where one part ends the next drone has long left. Parts overlap by some metres.

The cost of a part is that of the very items that will be flown, with the wind; the longest part is found by bisection
over places at most 25 m apart on the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from missions.duration import flight_time
from missions.energy import Supply, budget
from missions.geometry.geo import GeoPoint
from missions.geometry.terrain import Ground
from missions.items import Command, MissionItem
from missions.part import Cut, PartError, back_along, part_of, work_legs
from missions.path import leg_length_m

Items = tuple[MissionItem, ...]

OVERLAP_M = 20.0
MOST_PARTS = 40
_APART_M = 25.0
_ROUNDS = 12


class SplitError(ValueError):
    """A mission that cannot be split: why, and what would help."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One part: which drone flies it, on which of its batteries (both from 1), and its items (item 0 home)."""

    drone: int
    battery: int
    items: Items


def split(
    items: Sequence[MissionItem],
    home: GeoPoint,
    *,
    drones: int = 1,
    supply: Supply | None = None,
    terrain: Ground | None = None,
    overlap_m: float = OVERLAP_M,
) -> tuple[Piece, ...]:
    """Over `drones`, and each of their parts over batteries where `supply` says what one holds.

    Raises SplitError where a battery does not reach, PartError for items that cannot be cut.
    """
    if not 1 <= drones <= 20:
        raise SplitError(f"{drones} drones: allowed are 1 to 20")
    if not 0.0 <= overlap_m <= 500.0:
        raise SplitError(f"overlap {overlap_m:g} m: allowed are 0 to 500 m")
    work = _Work(tuple(items), home, terrain, max(overlap_m, _late_m(items)))
    if drones > len(work.cuts) - 1:
        raise SplitError(f"{drones} drones for a mission of {len(work.cuts) - 1} pieces: there is nothing to share")
    bounds = _shared(work, drones)
    pieces: list[Piece] = []
    for number, (first, last) in enumerate(pairwise(bounds), start=1):
        stops = [first, last] if supply is None else _over_batteries(work, first, last, supply)
        for battery, (a, b) in enumerate(pairwise(stops), start=1):
            pieces.append(Piece(number, battery, work.part(a, b)))
    return tuple(pieces)


def _late_m(items: Sequence[MissionItem]) -> float:
    """Metres after which a picture distance that begins anew has surely taken one: two intervals."""
    return 2.0 * max((item.p1 for item in items if item.command == Command.TRIGGER_DISTANCE), default=0.0)


class _Work:
    """The places where a mission may be cut, in order; the first and the last stand for its start and finish."""

    def __init__(self, items: Items, home: GeoPoint, terrain: Ground | None, overlap_m: float) -> None:
        self.items, self.home, self.terrain, self.overlap_m = items, home, terrain, overlap_m
        legs = work_legs(items, home)
        if not legs:
            raise PartError("there is no leg that can be cut: the mission flies to one place or none")
        self.cuts: list[Cut | None] = [None]
        for leg in legs:
            count = max(1, math.ceil(leg_length_m(leg) / _APART_M))
            if leg.start.datum is not leg.end.datum:
                count = 1
            self.cuts += [Cut(leg.end.seq, step / count) for step in range(1, count + 1)]
        self.cuts[-1] = None

    def part(self, first: int, last: int) -> Items:
        """From one place to another; the beginning is drawn back by the overlap."""
        begin, end = self.cuts[first], self.cuts[last]
        if begin is not None:
            begin = back_along(self.items, self.home, begin, self.overlap_m)
        return part_of(self.items, self.home, begin, end, terrain=self.terrain)

    def longest(self, first: int, last: int, fits: Callable[[Items], bool]) -> int:
        """The farthest place that a part from `first` reaches and still fits; `first` where none does."""
        if fits(self.part(first, last)):
            return last
        good, bad = first, last
        while bad - good > 1:
            middle = (good + bad) // 2
            if fits(self.part(first, middle)):
                good = middle
            else:
                bad = middle
        return good


def _over_batteries(work: _Work, first: int, last: int, supply: Supply) -> list[int]:
    def fits(part: Items) -> bool:
        return budget(part, work.home, supply, work.terrain).energy_wh <= supply.model.usable_wh

    stops = [first]
    while stops[-1] < last:
        reached = work.longest(stops[-1], last, fits)
        if reached == stops[-1]:
            needed = budget(work.part(reached, reached + 1), work.home, supply, work.terrain).energy_wh
            raise SplitError(
                f"the way to the next piece and home alone takes {needed:.0f} Wh, a battery has "
                f"{supply.model.usable_wh:.0f} Wh above its reserve: take off nearer to it, or take larger batteries"
            )
        stops.append(reached)
        if len(stops) > MOST_PARTS + 1:
            raise SplitError(f"more than {MOST_PARTS} batteries: split the area")
    return stops


def _shared(work: _Work, drones: int) -> list[int]:
    """Places that give each drone a part, so that the longest takes as little time as possible."""
    last = len(work.cuts) - 1
    if drones == 1:
        return [0, last]
    low, high = 0.0, flight_time(work.items, work.home, work.terrain).time_s
    best: list[int] = []
    for _ in range(_ROUNDS):
        limit = 0.5 * (low + high)
        stops = _greedy(work, drones, limit)
        if stops is None:
            low = limit
        else:
            best, high = stops, limit
    if not best:
        raise SplitError(f"the mission is too short to be shared by {drones} drones")
    return best


def _greedy(work: _Work, drones: int, limit_s: float) -> list[int] | None:
    """Parts of at most `limit_s` each; None where that takes more drones or leaves one without work."""

    def fits(part: Items) -> bool:
        return flight_time(part, work.home, work.terrain).time_s <= limit_s

    stops, last = [0], len(work.cuts) - 1
    for number in range(drones):
        rest = drones - number - 1
        reached = work.longest(stops[-1], last - rest, fits)
        if reached == stops[-1]:
            return None
        stops.append(reached)
    return stops if stops[-1] == last else None
