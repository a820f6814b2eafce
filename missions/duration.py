"""How long a mission takes: distance, climb and time in the wind there is. No word about the battery.

The time is not distance / speed: a multicopter gathers speed out of every corner, stands still where it waits, climbs
in at a soft start, and comes home at WPNAV_SPEED, whatever speed the mission was told. The few constants are
ArduCopter's, read off two simulated flights (8 m/s, 120 m and 25 m legs; 6 m/s, 150 m and 30 m legs with a wait, in
8 m/s of wind; SITL 4.7), and hold to some seconds a flight; another frame or other WPNAV parameters change them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import KINDS, Command, MissionItem
from missions.path import Leg, Stop, leg_length_m, legs_of
from missions.wind import STILL, Air

BASIS = "ArduCopter's usual acceleration, corner and climb limits"
DEFAULT_SPEED_M_S = 10.0
ACCELERATION_M_S2 = 1.5  # effective: 2.5 with the jerk limit of the S-curves
CORNER_M2_S2 = 3.73  # lateral acceleration × allowed cut: 3 m/s in a right angle
CLIMB_M_S, DESCENT_M_S = 2.5, 1.5
FINAL_DESCENT_M_S, FINAL_DESCENT_BELOW_M = 0.5, 10.0
CLIMB_RAMPS_M_S2 = 0.93  # soft start and end of a take-off: 2.7 s in all at 2.5 m/s
RETURN_LOITER_S = 5.0
RETURN_STOPS_S = 3.0  # a return stops first, turns, and settles over home
SPOOL_UP_S = 3.1
FROM_REST_S = 1.0  # the jerk limit at the start of a leg from rest
TOUCH_DOWN_S = 1.2  # the descent begins and slows softly


@dataclass(frozen=True, slots=True)
class Duration:
    """Metres over ground, metres climbed in all, seconds from take-off to touch-down; each jump flown once."""

    distance_m: float
    climb_m: float
    time_s: float
    basis: str = f"no wind; {BASIS}"

    def text(self) -> str:
        """One line for people."""
        minutes, seconds = divmod(round(self.time_s), 60)
        return (
            f"{self.distance_m:,.0f} m, {self.climb_m:.0f} m of climb, about {minutes}:{seconds:02d} min ({self.basis})"
        )


@dataclass(frozen=True, slots=True)
class TimedLeg:
    """One leg with the ground speed that the wind leaves, height at its end above home, rise, and seconds;
    ``extra_s``: at its end; ``told_m_s``: the speed it should have."""

    leg: Leg
    speed_m_s: float
    height_m: float
    rise_m: float
    time_s: float
    extra_s: float
    told_m_s: float


def flight_time(
    items: Sequence[MissionItem], home: GeoPoint, terrain: Ground | None = None, *, air: Air = STILL,
    cruise_m_s: float = DEFAULT_SPEED_M_S,
) -> Duration:  # fmt: skip
    """Estimate for items (item 0 home). Heights above GROUND need `terrain`, else they count as above home.

    `cruise_m_s`: WPNAV_SPEED, flown where the mission tells no speed and on the way home. Loiter turns and waiting for
    a heading are not in it.
    """
    legs = timed_legs(items, home, terrain, air=air, cruise_m_s=cruise_m_s)
    climb_m = sum(max(0.0, leg.rise_m) for leg in legs)
    wind = air.conditions
    blows = f"{wind.wind_m_s:g} m/s of wind from {wind.wind_from_deg:g}°" if wind.wind_m_s > 0.0 else "no wind"
    return Duration(
        sum(leg_length_m(leg.leg) for leg in legs), climb_m, sum(leg.time_s + leg.extra_s for leg in legs),
        f"{blows}; {BASIS}",
    )  # fmt: skip


def timed_legs(
    items: Sequence[MissionItem], home: GeoPoint, terrain: Ground | None = None, *, air: Air = STILL,
    cruise_m_s: float = DEFAULT_SPEED_M_S,
) -> tuple[TimedLeg, ...]:  # fmt: skip
    """Every leg in flight order, each jump flown once, with what it takes."""
    legs = [leg for leg in legs_of(items, home) if leg.why != "jump"]
    heights = [_height(leg.end, home, terrain) for leg in legs]
    before = [0.0, *heights[:-1]]
    waits = [_waits_s(items, leg.end.seq) for leg in legs]
    corners = [0.0]
    for (a, b), wait in zip(pairwise(legs), waits, strict=False):
        corners.append(0.0 if wait > 0.0 else _corner_m_s(a, b))
    corners.append(0.0)
    speeds, speed, timed = _speeds(items, cruise_m_s), cruise_m_s, []
    for number, leg in enumerate(legs):
        speed = cruise_m_s if leg.why == "return" else speeds.get(leg.end.seq, speed)
        rise = heights[number] - before[number]
        made = air.speed_on(leg, speed)
        level = leg_time_s(leg_length_m(leg), made, corners[number], corners[number + 1])
        if corners[number] == 0.0 and leg_length_m(leg) > 0.5:
            level += FROM_REST_S
        item = items[leg.end.seq]
        if item.command == Command.TAKEOFF:
            level = leg_time_s(rise, CLIMB_M_S, 0.0, 0.0, CLIMB_RAMPS_M_S2) if rise > 0.0 else 0.0
        time_s = max(level, rise / CLIMB_M_S if rise > 0.0 else -rise / DESCENT_M_S)
        extra_s = _extra_s(item, heights[number]) + waits[number]
        timed.append(TimedLeg(leg, made, heights[number], rise, time_s, extra_s, speed))
    return tuple(timed)


def _waits_s(items: Sequence[MissionItem], seq: int) -> float:
    """Seconds that it hovers at an item: its own, and those of delays that come right after it."""
    item = items[seq]
    own = item.p1 if item.command in (Command.WAYPOINT, Command.LOITER_TIME) else 0.0
    total = max(0.0, own) if math.isfinite(own) else 0.0
    for later in items[seq + 1 :]:
        kind = KINDS.get(later.command)
        if later.command == Command.DELAY:
            total += max(0.0, later.p1) if math.isfinite(later.p1) else 0.0
        elif kind is not None and kind.flies:
            break
    return total


def leg_time_s(
    length_m: float, speed_m_s: float, begin_m_s: float, end_m_s: float, acceleration_m_s2: float = ACCELERATION_M_S2
) -> float:
    """Seconds for a straight leg between two corner speeds, never faster than `speed_m_s`."""
    begin, end = min(begin_m_s, speed_m_s), min(end_m_s, speed_m_s)
    # v² = v0² + 2as to the middle, where both ramps meet, unless the cruise speed is reached before
    peak = math.sqrt(max(0.5 * (begin**2 + end**2) + acceleration_m_s2 * length_m, 0.0))
    top = min(speed_m_s, max(peak, begin, end))
    if top <= 0.0:
        return 0.0
    ramps_m = (2.0 * top**2 - begin**2 - end**2) / (2.0 * acceleration_m_s2)
    return (2.0 * top - begin - end) / acceleration_m_s2 + max(0.0, length_m - ramps_m) / top


def _height(stop: Stop, home: GeoPoint, terrain: Ground | None) -> float:
    if stop.datum is Datum.SEA_LEVEL:
        return stop.alt_m - home.alt_m
    if stop.datum is Datum.GROUND and terrain is not None:
        places = np.array([stop.lat_deg, home.lat_deg]), np.array([stop.lon_deg, home.lon_deg])
        there, here = terrain.height_at(*places)
        return stop.alt_m + (float(there - here) if np.isfinite(there - here) else 0.0)
    return stop.alt_m


def _speeds(items: Sequence[MissionItem], cruise_m_s: float) -> dict[int, float]:
    """Item number → ground speed that holds on the way to it."""
    current, found = cruise_m_s, {}
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
    """Besides the way and the waiting: the motors' start, the end of a return, the landing."""
    if item.command == Command.TAKEOFF:
        return SPOOL_UP_S
    if item.command == Command.RETURN_TO_LAUNCH:
        return RETURN_STOPS_S + landing_s(height_m)
    return landing_s(height_m, wait_s=0.0) if item.command == Command.LAND else 0.0


def landing_s(height_m: float, wait_s: float = RETURN_LOITER_S) -> float:
    """Seconds from over the place at this height to the ground, with the wait before the descent."""
    height = max(0.0, height_m)
    slow = min(height, FINAL_DESCENT_BELOW_M)
    return wait_s + (height - slow) / DESCENT_M_S + slow / FINAL_DESCENT_M_S + TOUCH_DOWN_S


def return_s(length_m: float, height_m: float, speed_m_s: float) -> float:
    """Seconds from so far away and so high, straight home and down."""
    return FROM_REST_S + leg_time_s(length_m, speed_m_s, 0.0, 0.0) + RETURN_STOPS_S + landing_s(height_m)
