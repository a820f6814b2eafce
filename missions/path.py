"""The path an item list flies, as far as a list can tell: straight legs with heights.

ArduCopter's readings that no file says aloud are written here once: latitude and longitude both 0 mean "where I
am", altitude 0 of a waypoint means "keep my height", a LAND with a place flies there at the height it had, and
RTL flies home at its own height or higher (only the height it certainly has is used).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import DATUM_OF_FRAME, KINDS, STORED_FRAME, Command, MissionItem

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stop:
    """A place on the path: item `seq`, degrees, and its height in `datum` (HOME, SEA_LEVEL or GROUND)."""

    seq: int
    lat_deg: float
    lon_deg: float
    alt_m: float
    datum: Datum


@dataclass(frozen=True, slots=True)
class Leg:
    """Straight from `start` to `end`; `why` is "" or says that it is a return or a jump."""

    start: Stop
    end: Stop
    why: str = ""


def legs_of(items: Sequence[MissionItem], home: GeoPoint) -> tuple[Leg, ...]:
    """Legs in flight order, beginning with the climb over home. Items with NaN in their place are skipped."""
    here = Stop(0, home.lat_deg, home.lon_deg, 0.0, Datum.HOME)
    legs: list[Leg] = []
    reached: dict[int, Stop] = {}
    for seq, item in enumerate(items):
        if seq == 0:
            continue
        nxt = _next_stop(seq, item, here, home)
        if item.command == Command.JUMP and reached:
            target = _first_reached(reached, item.p1)
            if target is not None:
                legs.append(Leg(here, Stop(seq, target.lat_deg, target.lon_deg, target.alt_m, target.datum), "jump"))
            continue
        if nxt is None:
            continue
        why = "return" if item.command == Command.RETURN_TO_LAUNCH else ""
        legs.append(Leg(here, nxt, why))
        here = reached[seq] = nxt
    return tuple(legs)


def _first_reached(reached: dict[int, Stop], target: float) -> Stop | None:
    later = [seq for seq in sorted(reached) if seq >= target]
    return reached[later[0]] if later else None


def _next_stop(seq: int, item: MissionItem, here: Stop, home: GeoPoint) -> Stop | None:
    kind = KINDS.get(item.command)
    if kind is None or not kind.flies:
        return None
    if item.command == Command.RETURN_TO_LAUNCH:
        return Stop(seq, home.lat_deg, home.lon_deg, here.alt_m, here.datum)
    if not kind.place or not all(map(math.isfinite, (item.lat_deg, item.lon_deg, item.alt_m))):
        return None
    lat, lon = (item.lat_deg, item.lon_deg) if item.lat_deg or item.lon_deg else (here.lat_deg, here.lon_deg)
    datum = DATUM_OF_FRAME.get(STORED_FRAME.get(item.frame, -1))
    if item.command == Command.TAKEOFF:
        return Stop(seq, here.lat_deg, here.lon_deg, item.alt_m, datum or Datum.HOME)
    if item.command in (Command.LAND, Command.PAYLOAD_PLACE) or item.alt_m == 0.0 or datum is None:
        return Stop(seq, lat, lon, here.alt_m, here.datum)
    return Stop(seq, lat, lon, item.alt_m, datum)


@dataclass(frozen=True, slots=True, eq=False)
class Clearance:
    """Along one leg: (N,) degrees, height of the aircraft above the ground in metres (NaN: ground unknown)."""

    lat_deg: Floats
    lon_deg: Floats
    above_m: Floats


def clearance_along(leg: Leg, terrain: Ground, home_alt_m: float, step_m: float) -> Clearance:
    """Sample a leg. `home_alt_m` above sea level is what HOME heights stand on; terrain is above sea level.

    Between two stops above GROUND the vehicle follows its own terrain data, so the height is interpolated above
    ground; where only one end is, each end is turned into a height above sea level first.
    """
    count = _count(leg, step_m)
    part = np.linspace(0.0, 1.0, count)
    lat = leg.start.lat_deg + part * (leg.end.lat_deg - leg.start.lat_deg)
    lon = leg.start.lon_deg + part * (leg.end.lon_deg - leg.start.lon_deg)
    ground = terrain.height_at(lat, lon)
    if leg.end.datum is Datum.GROUND:
        first = leg.start.alt_m
        if leg.start.datum is not Datum.GROUND:
            first = _sea_level(leg.start, float(ground[0]), home_alt_m) - float(ground[0])
        return Clearance(lat, lon, np.where(np.isnan(ground), np.nan, first + part * (leg.end.alt_m - first)))
    begin = _sea_level(leg.start, float(ground[0]), home_alt_m)
    end = _sea_level(leg.end, float(ground[-1]), home_alt_m)
    return Clearance(lat, lon, begin + part * (end - begin) - ground)


def leg_length_m(leg: Leg) -> float:
    """Horizontal length; equirectangular, within 0.5 % for the legs of a drone."""
    north = math.radians(leg.end.lat_deg - leg.start.lat_deg)
    east = math.radians(leg.end.lon_deg - leg.start.lon_deg) * math.cos(math.radians(leg.start.lat_deg))
    return 6_371_009.0 * math.hypot(north, east)


def _count(leg: Leg, step_m: float) -> int:
    return min(5_000, max(2, math.ceil(leg_length_m(leg) / step_m) + 1))


def _sea_level(stop: Stop, ground_m: float, home_alt_m: float) -> float:
    if stop.datum is Datum.GROUND:
        return ground_m + stop.alt_m
    return stop.alt_m + (home_alt_m if stop.datum is Datum.HOME else 0.0)
