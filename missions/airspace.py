"""Does the flight meet a zone? Heights of both in one datum, with an honest band, and what the rules say of it.

All is compared above sea level, along each leg, not only at its ends. What turns a published limit into such a height
is not always known: an AGL limit needs the terrain, a flight level the QNH, an ellipsoid height the undulation. Where
it is not given the limit becomes a band, and a flight that touches the band is said to *possibly* meet the zone.

Zones produce warnings which a named person accepts with a reason; nobody is stopped by a map. Which rule a crew may
lean on depends on the class of the mission; the texts are data with their source, no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, points, prepare

from missions.fence import FencePolygon
from missions.findings import Finding, warning
from missions.follow import sampling_step_m
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import MissionItem
from missions.path import Leg, leg_length_m, legs_of
from missions.zones import Limit, Zone

Floats = NDArray[np.float64]

STANDARD_HPA = 1013.25
# A millibar near the ground; QNH over Germany between deep lows and strong highs; geoid above the ellipsoid there.
_METRES_PER_HPA, _QNH_BAND, _UNDULATION_BAND = 8.3, (960.0, 1050.0), (33.0, 52.0)
# Without terrain the ground beside home is guessed from home.
_GROUND_DOUBT_M = 60.0
_STEP_M = 10.0

RULES = {
    "einsatz": "authorities with security tasks may be exempt in an operation: LuftVO § 21k; EGRED 2: record why",
    "uebung": "an exercise is privileged only as far as the task needs it: LuftVO § 21k (1); ask the authority",
    "demo": "a demonstration is not privileged: LuftVO § 21h, Regulation (EU) 2019/947 article 15",
}


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What turns published limits into heights above sea level; None is not known. `mission_class`: a key of RULES."""

    begin_s: float | None = None
    end_s: float | None = None
    qnh_hpa: float | None = None
    undulation_m: float | None = None
    mission_class: str = "einsatz"


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    lat: Floats
    lon: Floats
    amsl: Floats
    ground_low: Floats
    ground_high: Floats


def zones_met(
    items: Sequence[MissionItem], home: GeoPoint, zones: Sequence[Zone], knowledge: Knowledge,
    terrain: Ground | None = None,
) -> tuple[tuple[Zone, Finding], ...]:  # fmt: skip
    """Each zone that the flight meets or possibly meets, with a warning at the first place where it does.

    Raises ValueError for a mission class that has no rules.
    """
    if knowledge.mission_class not in RULES:
        raise ValueError(f"mission class {knowledge.mission_class!r}; allowed are {', '.join(RULES)}")
    legs = legs_of(items, home)
    flown = [(leg, _samples(leg, home, terrain)) for leg in legs]
    found = []
    for zone in _in_force(zones, knowledge):
        met = next(_meetings(zone, flown, knowledge), None)
        if met is not None:
            found.append((zone, met))
    return tuple(found)


def _in_force(zones: Sequence[Zone], knowledge: Knowledge) -> Iterator[Zone]:
    for zone in zones:
        if zone.restriction == "NO_RESTRICTION":
            continue
        if knowledge.begin_s is None or zone.holds(knowledge.begin_s, knowledge.end_s or knowledge.begin_s):
            yield zone


def _samples(leg: Leg, home: GeoPoint, terrain: Ground | None) -> _Samples:
    step = _STEP_M if terrain is None else sampling_step_m(terrain)
    count = int(min(5_000, max(2, np.ceil(leg_length_m(leg) / step) + 1)))
    part = np.linspace(0.0, 1.0, count)
    lat = leg.start.lat_deg + part * (leg.end.lat_deg - leg.start.lat_deg)
    lon = leg.start.lon_deg + part * (leg.end.lon_deg - leg.start.lon_deg)
    known = np.full(count, np.nan) if terrain is None else np.asarray(terrain.height_at(lat, lon), np.float64)
    guess = np.where(np.isfinite(known), known, home.alt_m)
    doubt = np.where(np.isfinite(known), 0.0, _GROUND_DOUBT_M)
    ends = [_amsl(stop.alt_m, stop.datum, home, float(guess[k])) for stop, k in ((leg.start, 0), (leg.end, -1))]
    amsl = ends[0] + part * (ends[1] - ends[0])
    if leg.end.datum is Datum.GROUND and leg.start.datum is Datum.GROUND:
        amsl = guess + leg.start.alt_m + part * (leg.end.alt_m - leg.start.alt_m)
    return _Samples(lat, lon, amsl, guess - doubt, guess + doubt)


def _amsl(alt_m: float, datum: Datum, home: GeoPoint, ground_m: float) -> float:
    return alt_m + {Datum.HOME: home.alt_m, Datum.GROUND: ground_m}.get(datum, 0.0)


def limit_band(limit: Limit, ground_low: Floats, ground_high: Floats, knowledge: Knowledge) -> tuple[Floats, Floats]:
    """(N,) lowest and highest height above sea level that a limit can mean over a ground from low to high."""
    zero = np.zeros_like(ground_low)
    if limit.reference == "AGL":
        return ground_low + limit.value_m, ground_high + limit.value_m
    if limit.reference == "WGS84":
        low, high = _UNDULATION_BAND if knowledge.undulation_m is None else (knowledge.undulation_m,) * 2
        return zero + limit.value_m - high, zero + limit.value_m - low
    if limit.reference == "FL":
        qnhs = _QNH_BAND if knowledge.qnh_hpa is None else (knowledge.qnh_hpa,) * 2
        low, high = (limit.value_m + _METRES_PER_HPA * (qnh - STANDARD_HPA) for qnh in qnhs)
        return zero + low, zero + high
    return zero + limit.value_m, zero + limit.value_m


def _meetings(
    zone: Zone, flown: Sequence[tuple[Leg, _Samples]], knowledge: Knowledge
) -> Iterator[Finding]:  # fmt: skip
    prepare(zone.area)
    west, south, east, north = zone.area.bounds
    for leg, at in flown:
        if at.lon.max() < west or at.lon.min() > east or at.lat.max() < south or at.lat.min() > north:
            continue
        inside = np.asarray(zone.area.intersects(points(at.lon, at.lat)))
        if not inside.any():
            line = LineString([(at.lon[0], at.lat[0]), (at.lon[-1], at.lat[-1])])
            if not zone.area.intersects(line):
                continue
            inside = np.ones(len(at.lon), np.bool_)  # it cuts a corner between two samples
        lower_low, lower_high = limit_band(zone.lower, at.ground_low, at.ground_high, knowledge)
        # A zone that begins at the ground holds for what stands or lands there too.
        from_ground = zone.lower.reference == "AGL" and zone.lower.value_m <= 0.0
        lower_low = np.where(from_ground, -np.inf, lower_low)
        upper_low, upper_high = np.full(len(at.lon), np.inf), np.full(len(at.lon), np.inf)
        if zone.upper is not None:
            upper_low, upper_high = limit_band(zone.upper, at.ground_low, at.ground_high, knowledge)
        possible = inside & (at.amsl >= lower_low) & (at.amsl <= upper_high)
        if not possible.any():
            continue
        certain = possible & (from_ground | (at.amsl >= lower_high)) & (at.amsl <= upper_low)
        first = int(np.argmax(certain if certain.any() else possible))
        yield _finding(zone, leg, at, first, knowledge, sure=bool(certain.any()))


def _finding(zone: Zone, leg: Leg, at: _Samples, first: int, knowledge: Knowledge, *, sure: bool) -> Finding:
    limits = f"{_words(zone.lower)} to {'unlimited' if zone.upper is None else _words(zone.upper)}"
    meets = "meets" if sure else "possibly meets (its limit is only known to a band)"
    asks = f"; {zone.asks}" if zone.asks else ""
    return warning(
        "zone" if sure else "zone_possible",
        f"{at.amsl[first]:.0f} m above sea level {meets} {zone.name or zone.identifier} "
        f"({zone.restriction}, {limits}{', ' + ' '.join(zone.reasons) if zone.reasons else ''}){asks}",
        f"Fly around it, or accept it with reason and name ({RULES[knowledge.mission_class]})",
        seq=leg.end.seq, lat_deg=float(at.lat[first]), lon_deg=float(at.lon[first]),
    )  # fmt: skip


def _words(limit: Limit) -> str:
    if limit.reference == "FL":
        return f"FL {limit.value_m / 30.48:.0f}"
    return f"{limit.value_m:.0f} m {limit.reference}"


def fences_of(zones: Sequence[Zone], most_corners: int = 20) -> tuple[FencePolygon, ...]:
    """Exclusion areas that hold each zone, with few corners: a hard fence is a crew's choice, never made for them."""
    found = []
    for zone in zones:
        outline, tidy = zone.area.convex_hull, 0.0
        while len(outline.exterior.coords) - 1 > most_corners:
            tidy = 2.0 * tidy or 1e-5
            outline = zone.area.convex_hull.buffer(tidy).simplify(tidy)
        corners = tuple((float(lat), float(lon)) for lon, lat in outline.exterior.coords[:-1])
        found.append(FencePolygon(corners, False))
    return tuple(found)
