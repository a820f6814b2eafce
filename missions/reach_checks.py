"""Does the aircraft come home, and does the radio reach it? From every place of the flight, not only from its end.

A failsafe can send the aircraft home from anywhere. ArduCopter (mode_rtl.cpp, AP_Rally.cpp) flies to the nearest rally
point if one lies within RALLY_LIMIT_KM and nearer than home, else home. It climbs first: to the greatest of RTL_ALT,
the rally point's height and the height it has, but near its target only up to the cone, RTL_CONE_SLOPE times the
distance. What stands in that straight line was never part of the plan. The legs are looked at from places at most 50 m
apart; what lies farther than is allowed at all has its own finding and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.findings import Finding, warning
from missions.follow import sampling_step_m
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.plane_terrain import PlaneGround, closest_pass
from missions.geometry.terrain import Ground
from missions.items import DATUM_OF_FRAME, STORED_FRAME, Command, MissionItem
from missions.limits import Limits
from missions.link_checks import line_of_sight
from missions.path import Leg, leg_length_m

Floats = NDArray[np.float64]

APART_M = 50.0
LANDING_M = 10.0
MOST_PLACES = 20_000
_LEAST_CLIMB_M = 0.3
_LEAST_SLOPE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where the aircraft is: (N,) item numbers, (N, 3) east, north, height above sea level, (N,) degrees."""

    seq: NDArray[np.int64]
    enu: Floats
    lat_deg: Floats
    lon_deg: Floats

    def __getitem__(self, chosen: NDArray[np.bool_]) -> _Places:
        return _Places(self.seq[chosen], self.enu[chosen], self.lat_deg[chosen], self.lon_deg[chosen])

    def at(self, number: int) -> dict[str, float]:
        """Where a finding about one of them is."""
        return {
            "seq": int(self.seq[number]),
            "lat_deg": float(self.lat_deg[number]),
            "lon_deg": float(self.lon_deg[number]),
        }


def check_reach(
    legs: Sequence[Leg], home: GeoPoint, home_alt_m: float, terrain: Ground, limits: Limits,
    rally: Sequence[MissionItem] = (),
) -> Iterator[Finding]:  # fmt: skip
    """The way home and the line of sight from every place of the flight. `home_alt_m`: the terrain's height at home."""
    frame = LocalFrame(GeoPoint(home.lat_deg, home.lon_deg, 0.0, Datum.SEA_LEVEL))
    everywhere = _places_of(legs, frame, terrain, home_alt_m)
    everywhere = everywhere[np.linalg.norm(everywhere.enu[:, :2], axis=1) <= 1.1 * limits.farthest_m]
    known = np.isfinite(everywhere.enu[:, 2])
    yield from _unknown(everywhere, np.flatnonzero(~known), "its height above the ground has no meaning there")
    places = everywhere[known]
    if not len(places.seq):
        return
    targets = _targets(rally, frame, terrain, home_alt_m)
    around = np.vstack([places.enu[:, :2], targets[:, :2]])
    plane = PlaneGround.over(terrain, frame, around, margin_m=20.0)
    step = sampling_step_m(terrain)
    yield from _way_home(places, targets, plane, home_alt_m, limits, step)
    where = list(zip(places.seq.tolist(), places.lat_deg.tolist(), places.lon_deg.tolist(), strict=True))
    seen = line_of_sight(places.enu, where, plane, home_alt_m + limits.antenna_m, limits.link_mhz, step)
    yield from seen.findings
    yield from _unknown(places, seen.unknown, "the line of sight from there to the antenna was not checked")


def _unknown(places: _Places, which: NDArray[np.intp], what: str) -> Iterator[Finding]:
    if which.size:
        yield warning(
            "reach_unknown",
            f"the terrain has gaps: for {which.size} of {len(places.seq)} places of the flight {what}",
            "Give a terrain file that covers the flight and the ways home",
            **places.at(int(which[0])),
        )


def _places_of(legs: Sequence[Leg], frame: LocalFrame, terrain: Ground, home_alt_m: float) -> _Places:
    """At most 50 m apart; the height is NaN where it stands on ground that has none."""
    flown = [leg for leg in legs if not leg.why and leg_length_m(leg) > 1.0]
    total = sum(map(leg_length_m, flown))
    apart = max(APART_M, total / MOST_PLACES)
    if not flown:
        nothing = np.zeros(0)
        return _Places(np.zeros(0, np.int64), np.zeros((0, 3)), nothing, nothing)
    counts = np.array([math.ceil(leg_length_m(leg) / apart) for leg in flown])
    first = np.repeat(np.cumsum(counts) - counts, counts)
    part = (np.arange(int(counts.sum())) - first + 1) / np.repeat(counts, counts)
    rows = np.array([_row(leg, home_alt_m) for leg in flown])[np.repeat(np.arange(len(flown)), counts)]
    seq, lat0, lat1, lon0, lon1, up0, up1, grounded = rows.T
    lat, lon = lat0 + part * (lat1 - lat0), lon0 + part * (lon1 - lon0)
    up = up0 + part * (up1 - up0)
    if grounded.any():
        up = up + np.where(grounded > 0.0, terrain.height_at(lat, lon), 0.0)
    enu = np.column_stack([frame.enu_from_geo(lat, lon, 0.0)[:, :2], up])
    return _Places(seq.astype(np.int64), enu, lat, lon)


def _row(leg: Leg, home_alt_m: float) -> tuple[float, ...]:
    """Item, places and heights of both ends (above sea level, or above the ground where the last is 1)."""
    begin = leg.start.alt_m if leg.start.datum is leg.end.datum else leg.end.alt_m
    base = home_alt_m if leg.end.datum is Datum.HOME else 0.0
    places = (leg.start.lat_deg, leg.end.lat_deg, leg.start.lon_deg, leg.end.lon_deg)
    return (leg.end.seq, *places, base + begin, base + leg.end.alt_m, float(leg.end.datum is Datum.GROUND))


def _targets(rally: Sequence[MissionItem], frame: LocalFrame, terrain: Ground, home_alt_m: float) -> Floats:
    """(1 + M, 3) home first, then the rally points: east, north, height above home; what is no place is left out."""
    rows = [(0.0, 0.0, 0.0)]
    for item in rally:
        sound = abs(item.lat_deg) <= 90.0 and abs(item.lon_deg) <= 180.0 and math.isfinite(item.alt_m)
        if item.command != Command.RALLY_POINT or not sound:
            continue
        east, north, _ = frame.enu_from_geo(item.lat_deg, item.lon_deg, 0.0)
        datum = DATUM_OF_FRAME.get(STORED_FRAME.get(item.frame, -1))
        base = 0.0 if datum is Datum.HOME else -home_alt_m
        if datum is Datum.GROUND:
            base += float(terrain.height_at(item.lat_deg, item.lon_deg))
        height = item.alt_m + base
        rows.append((float(east), float(north), height if math.isfinite(height) else 0.0))
    return np.array(rows, np.float64)


def chosen_target(east_north: Floats, targets: Floats, limit_m: float) -> NDArray[np.intp]:
    """(N,) which of the targets (home first) a return from each place flies to: the nearest rally point, if it lies
    within `limit_m` (0: no limit) and nearer than home."""
    apart = np.linalg.norm(east_north[:, None, :] - targets[None, :, :2], axis=2)
    if len(targets) == 1:
        return np.zeros(len(east_north), np.intp)
    nearest = 1 + np.argmin(apart[:, 1:], axis=1)
    away = np.take_along_axis(apart, nearest[:, None], axis=1)[:, 0]
    fits = (away < apart[:, 0]) & ((limit_m <= 0.0) | (away <= limit_m))
    return np.where(fits, nearest, 0)


def return_height(height_m: Floats, target_m: Floats, away_m: Floats, rtl_m: float, cone_slope: float) -> Floats:
    """(N,) the height above home at which ArduCopter flies to its target: the place's own `height_m`, the target's
    `target_m`, `away_m` from it, RTL_ALT and RTL_CONE_SLOPE (below 0.5 it does not count)."""
    least = np.maximum(height_m, _LEAST_CLIMB_M)
    wanted = np.maximum(np.maximum(target_m, rtl_m), least)
    if cone_slope < _LEAST_SLOPE:
        return wanted
    return np.minimum(wanted, np.maximum(away_m * cone_slope, least))


def _way_home(
    places: _Places, targets: Floats, plane: PlaneGround, home_alt_m: float, limits: Limits, step_m: float
) -> Iterator[Finding]:
    choice = chosen_target(places.enu[:, :2], targets, limits.rally_limit_m)
    target = targets[choice]
    away = np.maximum(np.linalg.norm(places.enu[:, :2] - target[:, :2], axis=1), 1e-6)
    own = places.enu[:, 2] - home_alt_m
    level = home_alt_m + return_height(own, target[:, 2], away, limits.rtl_m, limits.rtl_cone_slope)
    start = np.column_stack([places.enu[:, :2], level])
    end = np.column_stack([target[:, :2], level])
    # The last metres over the target are the landing.
    end = end + (start - end) * np.minimum(1.0, LANDING_M / away)[:, None]
    near = closest_pass(plane, start, end, limits.clearance_m, step_m)
    yield from _unknown(places, np.flatnonzero(near.unknown), "the straight way home was not checked")
    low = np.isfinite(near.above_m)
    if not low.any():
        return
    worst = int(np.argmin(near.above_m))
    lowest = float(near.above_m[worst])
    metres = float(np.linalg.norm((start - end)[worst, :2]) * near.share[worst])
    goal = "home" if choice[worst] == 0 else f"to rally point {choice[worst]}"
    yield warning(
        "rtl_path",
        f"a return from here, straight {goal} at {level[worst] - home_alt_m:.0f} m above home, passes "
        f"{abs(lowest):.1f} m {'under' if lowest < 0 else 'above'} the surface {metres:.0f} m on ({int(low.sum())} of "
        f"{len(level)} places of the flight have less than {limits.clearance_m:g} m)",
        _remedy(level - home_alt_m + limits.clearance_m - near.above_m, low, away, limits),
        **places.at(worst),
    )


def _remedy(needed: Floats, low: NDArray[np.bool_], away: Floats, limits: Limits) -> str:
    """Which RTL_ALT clears all of it, and whether the cone lets it: near its target a return does not climb so far."""
    height = float(needed[low].max())
    word = f"Set RTL_ALT to {math.ceil(height)} m or more"
    cone = limits.rtl_cone_slope
    if cone >= _LEAST_SLOPE and bool((away[low] * cone < needed[low]).any()):
        word += ", and RTL_CONE_SLOPE to 0, which near home keeps it from climbing so far"
    return f"{word}, or give a rally point"
