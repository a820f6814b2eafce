"""How long a mission takes: distance, climb and time, without wind. No word about the battery.

The time is not distance / speed: a multicopter accelerates out of every corner. The few constants are ArduCopter's
as read off one simulated flight (8 m/s, 120 m and 25 m legs, 90° corners, SITL 4.7) and reproduce its legs to
half a second; wind, another frame or other WPNAV parameters change them. A battery needs a power model of the
very aircraft, so none is offered here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import Command, MissionItem
from missions.path import Leg, Stop, leg_length_m, legs_of

BASIS = "no wind; ArduCopter's usual acceleration, corner and climb limits"
DEFAULT_SPEED_M_S = 10.0
ACCELERATION_M_S2 = 1.5  # effective: 2.5 with the jerk limit of the S-curves
CORNER_M2_S2 = 3.73  # lateral acceleration × allowed cut: 3 m/s in a right angle
CLIMB_M_S, DESCENT_M_S = 2.5, 1.5
FINAL_DESCENT_M_S, FINAL_DESCENT_BELOW_M = 0.5, 10.0
RETURN_LOITER_S = 5.0
SPOOL_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Duration:
    """Metres over ground, metres climbed in all, seconds from take-off to touch-down; each jump flown once."""

    distance_m: float
    climb_m: float
    time_s: float
    basis: str = BASIS

    def text(self) -> str:
        """One line for people."""
        minutes, seconds = divmod(round(self.time_s), 60)
        return (
            f"{self.distance_m:,.0f} m, {self.climb_m:.0f} m of climb, about {minutes}:{seconds:02d} min ({self.basis})"
        )


@dataclass(frozen=True, slots=True)
class TimedLeg:
    """One leg with its ground speed, height at its end above home, rise, and seconds; ``extra_s``: at its end."""

    leg: Leg
    speed_m_s: float
    height_m: float
    rise_m: float
    time_s: float
    extra_s: float


def flight_time(items: Sequence[MissionItem], home: GeoPoint, terrain: Ground | None = None) -> Duration:
    """Estimate for items (item 0 home). Heights above GROUND need `terrain`, else they count as above home.

    Loiter turns and waiting for a heading are not in it.
    """
    legs = timed_legs(items, home, terrain)
    climb_m = sum(max(0.0, leg.rise_m) for leg in legs)
    return Duration(
        sum(leg_length_m(leg.leg) for leg in legs), climb_m, sum(leg.time_s + leg.extra_s for leg in legs)
    )  # fmt: skip


def timed_legs(items: Sequence[MissionItem], home: GeoPoint, terrain: Ground | None = None) -> tuple[TimedLeg, ...]:
    """Every leg in flight order, each jump flown once, with what it takes."""
    legs = [leg for leg in legs_of(items, home) if leg.why != "jump"]
    heights = [_height(leg.end, home, terrain) for leg in legs]
    before = [0.0, *heights[:-1]]
    corners = [0.0, *(_corner_m_s(a, b) for a, b in pairwise(legs)), 0.0]
    speeds, speed, timed = _speeds(items), DEFAULT_SPEED_M_S, []
    for number, leg in enumerate(legs):
        speed = speeds.get(leg.end.seq, speed)
        rise = heights[number] - before[number]
        level = leg_time_s(leg_length_m(leg), speed, corners[number], corners[number + 1])
        time_s = max(level, rise / CLIMB_M_S if rise > 0.0 else -rise / DESCENT_M_S)
        extra_s = _extra_s(items[leg.end.seq], heights[number])
        timed.append(TimedLeg(leg, speed, heights[number], rise, time_s, extra_s))
    return tuple(timed)


def leg_time_s(length_m: float, speed_m_s: float, begin_m_s: float, end_m_s: float) -> float:
    """Seconds for a straight leg between two corner speeds, never faster than `speed_m_s`."""
    begin, end = min(begin_m_s, speed_m_s), min(end_m_s, speed_m_s)
    # v² = v0² + 2as to the middle, where both ramps meet, unless the cruise speed is reached before
    peak = math.sqrt(max(0.5 * (begin**2 + end**2) + ACCELERATION_M_S2 * length_m, 0.0))
    top = min(speed_m_s, max(peak, begin, end))
    if top <= 0.0:
        return 0.0
    ramps_m = (2.0 * top**2 - begin**2 - end**2) / (2.0 * ACCELERATION_M_S2)
    return (2.0 * top - begin - end) / ACCELERATION_M_S2 + max(0.0, length_m - ramps_m) / top


def _height(stop: Stop, home: GeoPoint, terrain: Ground | None) -> float:
    if stop.datum is Datum.SEA_LEVEL:
        return stop.alt_m - home.alt_m
    if stop.datum is Datum.GROUND and terrain is not None:
        places = np.array([stop.lat_deg, home.lat_deg]), np.array([stop.lon_deg, home.lon_deg])
        there, here = terrain.height_at(*places)
        return stop.alt_m + (float(there - here) if np.isfinite(there - here) else 0.0)
    return stop.alt_m


def _speeds(items: Sequence[MissionItem]) -> dict[int, float]:
    """Item number → ground speed that holds on the way to it."""
    current, found = DEFAULT_SPEED_M_S, {}
    for seq, item in enumerate(items):
        if item.command == Command.CHANGE_SPEED and item.p2 > 0.0:
            current = item.p2
        found[seq] = current
    return found


def _corner_m_s(first: Leg, second: Leg) -> float:
    """Speed through the corner between two legs: the circle that cuts it by the allowed distance."""
    if first.why or second.why or min(leg_length_m(first), leg_length_m(second)) < 0.1:
        return 0.0
    a, b = _direction(first), _direction(second)
    turn = math.acos(max(-1.0, min(1.0, a[0] * b[0] + a[1] * b[1])))
    half = math.cos(0.5 * turn)
    return math.inf if half > 1.0 - 1e-9 else math.sqrt(CORNER_M2_S2 * max(half, 0.0) / (1.0 - half))


def _direction(leg: Leg) -> tuple[float, float]:
    length = leg_length_m(leg)
    north = 6_371_009.0 * math.radians(leg.end.lat_deg - leg.start.lat_deg) / length
    east = math.radians(leg.end.lon_deg - leg.start.lon_deg) * math.cos(math.radians(leg.start.lat_deg))
    return 6_371_009.0 * east / length, north


def _extra_s(item: MissionItem, height_m: float) -> float:
    if item.command == Command.TAKEOFF:
        return SPOOL_UP_S
    if item.command in (Command.RETURN_TO_LAUNCH, Command.LAND):
        slow = min(max(height_m, 0.0), FINAL_DESCENT_BELOW_M)
        wait = RETURN_LOITER_S if item.command == Command.RETURN_TO_LAUNCH else 0.0
        return wait + max(0.0, height_m - slow) / DESCENT_M_S + slow / FINAL_DESCENT_M_S
    return max(0.0, item.p1) if item.command in (Command.WAYPOINT, Command.LOITER_TIME) and item.p1 > 0.0 else 0.0
