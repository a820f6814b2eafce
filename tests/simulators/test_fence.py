"""A place is inside the fence or it is not, against answers worked out by hand."""

from __future__ import annotations

import math

import pytest

from simulators.autopilot.fence import keeps
from simulators.autopilot.transfers import Item

LAT, LON = 51.45, 6.74
NORTH_M = 6_371_000.0 * math.pi / 180.0
EAST_M = NORTH_M * math.cos(math.radians(LAT))


def at(east_m: float, north_m: float) -> tuple[float, float]:
    return LAT + north_m / NORTH_M, LON + east_m / EAST_M


def item(command: int, p1: float, east_m: float, north_m: float) -> Item:
    lat, lon = at(east_m, north_m)
    return Item(0, command, (p1, 0.0, 0.0, 0.0), round(lat * 1e7), round(lon * 1e7), 0.0)


def polygon(command: int, *corners: tuple[float, float]) -> list[Item]:
    return [item(command, float(len(corners)), *corner) for corner in corners]


SQUARE = polygon(5001, (-50, -50), (50, -50), (50, 50), (-50, 50))
HOLE = polygon(5002, (-10, -10), (10, -10), (10, 10), (-10, 10))
# Open to the east: a point between the arms is outside although the hull holds it.
U_SHAPE = polygon(5001, (-50, -50), (50, -50), (50, -20), (-20, -20), (-20, 20), (50, 20), (50, 50), (-50, 50))


@pytest.mark.parametrize(
    ("fence", "place", "allowed"),
    [
        ([], (9000.0, 0.0), True),
        (SQUARE, (49.0, 49.0), True),
        (SQUARE, (51.0, 0.0), False),
        (SQUARE + HOLE, (0.0, 0.0), False),
        (SQUARE + HOLE, (0.0, 11.0), True),
        (U_SHAPE, (30.0, 0.0), False),
        (U_SHAPE, (30.0, 35.0), True),
        ([item(5003, 30.0, 0, 0)], (20.0, 20.0), True),
        ([item(5003, 30.0, 0, 0)], (22.0, 22.0), False),
        ([item(5004, 30.0, 0, 0)], (0.0, 29.0), False),
        ([item(5004, 30.0, 0, 0)], (0.0, 31.0), True),
        ([*SQUARE, item(5003, 30.0, 60, 0)], (40.0, 0.0), True),
        ([*SQUARE, item(5003, 30.0, 60, 0)], (0.0, 0.0), False),
        ([item(5000, 0.0, 0, 0)], (500.0, 0.0), True),
    ],
)
def test_every_inclusion_has_to_hold_it_and_no_exclusion_may(
    fence: list[Item], place: tuple[float, float], allowed: bool
) -> None:
    assert keeps(fence, *at(*place)) is allowed
