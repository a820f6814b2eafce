"""Does the aircraft come home, and does the radio reach it? From every place of the flight, not only from its end.

A failsafe can send the aircraft home from anywhere: ArduCopter then climbs to RTL_ALT above home, or stays where it is
if that is higher, and flies straight home. What stands in that straight line was never part of the plan. The radio
looks along the same straight line, from the antenna at home: a roof, a hill or a wood between takes the link away.

The legs are looked at from places at most 50 m apart. The line of sight is geometric; the radio wants some more room
around it (its first Fresnel zone, some 5 m at 2.4 GHz in the middle of a kilometre), so what is only just seen is weak.
The cone near home, in which ArduCopter climbs less (RTL_CONE_SLOPE), is left out: it is the safe side only where
nothing tall stands near home, and the crew stands there.
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
from missions.path import Leg, leg_length_m

Floats = NDArray[np.float64]

APART_M = 50.0
BESIDE_ANTENNA_M = 10.0
MOST_PLACES = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where the aircraft is: (N,) item numbers, (N, 3) east, north, height above sea level, (N,) degrees."""

    seq: NDArray[np.int64]
    enu: Floats
    lat_deg: Floats
    lon_deg: Floats


def check_link(legs: Sequence[Leg], home: GeoPoint, link_m: float | None) -> Iterator[Finding]:
    """Whether the radio's stated range is enough; nothing is said where nobody stated one."""
    if link_m is None or not legs:
        return
    origin = legs[0].start
    far = max(legs, key=lambda leg: leg_length_m(Leg(origin, leg.end)))
    away = leg_length_m(Leg(origin, far.end))
    if away > link_m:
        yield warning(
            "link_range", f"{away:,.0f} m from home, the radio reaches {link_m:,.0f} m",
            "Take off nearer to it, or accept that the link may drop there",
            seq=far.end.seq, lat_deg=far.end.lat_deg, lon_deg=far.end.lon_deg,
        )  # fmt: skip


def check_reach(
    legs: Sequence[Leg], home: GeoPoint, home_alt_m: float, terrain: Ground,
    rtl_m: float, clearance_m: float, antenna_m: float,
) -> Iterator[Finding]:  # fmt: skip
    """The way home and the line of sight from every place of the flight. `home_alt_m`: the terrain's height at home."""
    frame = LocalFrame(GeoPoint(home.lat_deg, home.lon_deg, 0.0, Datum.SEA_LEVEL))
    places = _places_of(legs, frame, terrain, home_alt_m)
    if not len(places.seq):
        return
    plane = PlaneGround.over(terrain, frame, np.vstack([places.enu[:, :2], [[0.0, 0.0]]]), margin_m=20.0)
    step = sampling_step_m(terrain)
    yield from _way_home(places, plane, home_alt_m, rtl_m, clearance_m, step)
    yield from _line_of_sight(places, plane, home_alt_m + antenna_m, step)


def _places_of(legs: Sequence[Leg], frame: LocalFrame, terrain: Ground, home_alt_m: float) -> _Places:
    flown = [leg for leg in legs if not leg.why and leg_length_m(leg) > 1.0]
    total = sum(map(leg_length_m, flown))
    apart = max(APART_M, total / MOST_PLACES)
    seqs, lats, lons, heights, grounded = [], [], [], [], []
    for leg in flown:
        part = np.linspace(0.0, 1.0, math.ceil(leg_length_m(leg) / apart) + 1)[1:]
        seqs.append(np.full(len(part), leg.end.seq))
        lats.append(leg.start.lat_deg + part * (leg.end.lat_deg - leg.start.lat_deg))
        lons.append(leg.start.lon_deg + part * (leg.end.lon_deg - leg.start.lon_deg))
        begin = leg.start.alt_m if leg.start.datum is leg.end.datum else leg.end.alt_m
        base = home_alt_m if leg.end.datum is Datum.HOME else 0.0
        heights.append(base + begin + part * (leg.end.alt_m - begin))
        grounded.append(np.full(len(part), leg.end.datum is Datum.GROUND))
    if not seqs:
        nothing = np.zeros(0)
        return _Places(np.zeros(0, np.int64), np.zeros((0, 3)), nothing, nothing)
    lat, lon, up, over_ground = map(np.concatenate, (lats, lons, heights, grounded))
    if over_ground.any():
        up = up + np.where(over_ground, terrain.height_at(lat, lon), 0.0)
    enu = np.column_stack([frame.enu_from_geo(lat, lon, 0.0)[:, :2], up])
    known = np.isfinite(up)
    return _Places(np.concatenate(seqs)[known], enu[known], lat[known], lon[known])


def _way_home(
    places: _Places, plane: PlaneGround, home_alt_m: float, rtl_m: float, clearance_m: float, step_m: float
) -> Iterator[Finding]:
    level = np.maximum(places.enu[:, 2], home_alt_m + rtl_m)
    start = np.column_stack([places.enu[:, :2], level])
    end = np.column_stack([np.zeros((len(level), 2)), level])
    # The last metres over home are the landing.
    away = np.maximum(np.linalg.norm(start[:, :2], axis=1), 1e-6)
    end = end + (start - end) * np.minimum(1.0, BESIDE_ANTENNA_M / away)[:, None]
    above, share = closest_pass(plane, start, end, clearance_m, step_m)
    if not np.isfinite(above).any():
        return
    worst = int(np.argmin(above))
    lowest, count = float(above[worst]), int(np.isfinite(above).sum())
    needed = float((level - home_alt_m + clearance_m - above)[np.isfinite(above)].max())
    metres = float(np.linalg.norm((start - end)[worst, :2]) * share[worst])
    word = "under" if lowest < 0 else "above"
    yield warning(
        "rtl_path",
        f"a return from here, straight home at {level[worst] - home_alt_m:.0f} m above home, passes "
        f"{abs(lowest):.1f} m {word} the surface {metres:.0f} m on ({count} of {len(level)} places of the flight "
        f"have less than {clearance_m:g} m)",
        f"Set RTL_ALT to {math.ceil(needed)} m or more, or give a rally point",
        seq=int(places.seq[worst]), lat_deg=float(places.lat_deg[worst]), lon_deg=float(places.lon_deg[worst]),
    )  # fmt: skip


def _line_of_sight(places: _Places, plane: PlaneGround, antenna_alt_m: float, step_m: float) -> Iterator[Finding]:
    away = np.linalg.norm(places.enu[:, :2], axis=1)
    far = np.flatnonzero(away > 2.0 * BESIDE_ANTENNA_M)
    antenna = np.array([0.0, 0.0, antenna_alt_m])
    begin = antenna + (places.enu[far] - antenna) * (BESIDE_ANTENNA_M / away[far])[:, None]
    above, share = closest_pass(plane, begin, places.enu[far], 0.0, step_m)
    if not np.isfinite(above).any():
        return
    hidden = np.isfinite(above)
    worst = int(np.argmin(above))
    at = int(far[worst])
    metres = BESIDE_ANTENNA_M + float(share[worst]) * (away[at] - BESIDE_ANTENNA_M)
    higher = -float(above[worst]) * away[at] / metres
    yield warning(
        "line_of_sight",
        f"{int(hidden.sum())} of {len(away)} places of the flight are out of sight of the antenna; here the surface "
        f"{metres:.0f} m from home stands {-float(above[worst]):.1f} m into the line of sight",
        f"Fly {math.ceil(higher)} m higher there, raise the antenna, or accept that the link may drop",
        seq=int(places.seq[at]), lat_deg=float(places.lat_deg[at]), lon_deg=float(places.lon_deg[at]),
    )  # fmt: skip
