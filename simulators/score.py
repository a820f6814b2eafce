"""How good was it? What the system shows, held against the truth that only the score ever sees.

A target (`truths`) counts when it was wholly in view, unoccluded, at 3 px or more across; it is **found** when a
confirmed hotspot stands for it (`matching`). By size and contrast every target counts that was wholly in view at all,
so that it can be seen where finding ends. Precision of a size or a contrast is by what the system measured, for a false
alarm has no truth. Of an error the whole distribution is told; the ellipse is judged from three sides: does it hold
the truth, how large is it, and is the error as large as it says (NEES: 2 in the mean over many flights; hotspots of one
flight share its bias, so one flight alone proves little). Wide fires have an outline instead of a place: they count
as found, but stand in no error; the perimeter judges them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from simulators.areas import Rings, perimeter, shares
from simulators.geodesy import Plane
from simulators.matching import MATCH_M, Matching, match
from simulators.radiance import Floats
from simulators.truths import Target, Truths, targets_of

__all__ = ["MATCH_M", "Found", "Shown", "score"]

_CHI2_95 = 5.991
SIZES_M = (0.3, 1.0, 3.0)
CONTRASTS_K = (10.0, 50.0, 150.0)
ERRORS_M = (1.0, 2.0, 3.0, 5.0, 10.0)
_MOVED_M = 6.0


@dataclass(frozen=True, slots=True)
class Found:
    """One confirmed hotspot as the system shows it (agreed properties), and when it was first confirmed (UTC s).

    ``first_place``: latitude and longitude where it was shown first; None where that is not known.
    """

    properties: Mapping[str, Any]
    confirmed_s: float
    first_place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the system showed at the end, and what it took back.

    ``taken_back``: hotspots that had a number and are gone. ``coverage``: polygons, each a list of rings (N, 2) east
    north; ``planned`` the same of what the mission should see, ``area`` the corners of what it should search.
    ``heard_s``: {call sign: UTC s when the ground station first knew of it}.
    """

    found: Sequence[Found]
    area_m2: float
    frames: int
    dropped: int
    taken_back: Sequence[Found] = ()
    coverage: Sequence[Rings] = ()
    planned: Sequence[Rings] = ()
    area: Sequence[tuple[float, float]] = ()
    heard_s: Mapping[str, float] = field(default_factory=dict)


def score(
    truths: Truths, shown: Shown, plane: Plane, *, task: str = "fire", find_within_min: float = 20.0
) -> dict[str, Any]:
    """The agreed figures of one rehearsal, JSON-ready; None where there is nothing to divide by."""
    targets = targets_of(truths.fires, truths.things, task)
    found = shown.found
    places = _places(found, plane)
    seen_s = [truths.boot_s(hotspot.properties.get("last_seen_s", truths.last_s)) for hotspot in found]
    matching = match(targets, places, seen_s)
    wanted = [number for number in targets if number in truths.first_in_view_s]
    hits = [number for number in wanted if number in matching.pairs]
    exact = [number for number in matching.pairs if not targets[number].wide]
    errors = [math.hypot(*matching.offsets[number]) for number in exact]
    squares = [_CHI2_95 * _square(found[matching.pairs[n]].properties["ellipse95"], matching.offsets[n]) for n in exact]
    ellipses = [found[matching.pairs[number]].properties["ellipse95"] for number in exact]
    majors, minors = ([float(e[key]) for e in ellipses] for key in ("semi_major_m", "semi_minor_m"))
    latencies = [1000.0 * (found[matching.pairs[n]].confirmed_s - truths.first_in_view_s[n]) for n in hits]
    false = len(matching.false)
    return {
        "task": task,
        "fires": len(wanted),
        "shown": len(found),
        "found": len(hits),
        "found_within_5s": sum(latency <= 5000.0 for latency in latencies),
        "recall": _ratio(len(hits), len(wanted)),
        "precision": _ratio(len(found) - false, len(found)),
        **_groups(truths, targets, shown, matching),
        "false": false,
        "false_at": _false_at(truths, matching, places, seen_s),
        "false_per_km2": _ratio(false, shown.area_m2 / 1e6),
        "false_per_flight_hour": _ratio(false, truths.flight_s / 3600.0),
        "error_m": _statistics(errors, mean=True),
        "error_histogram_m": _histogram(errors),
        "ellipse95_coverage": _ratio(sum(square <= _CHI2_95 for square in squares), len(squares)),
        "ellipse95_inside": sum(square <= _CHI2_95 for square in squares),
        "ellipse95_of": len(squares),
        "semi_major_m": _statistics(majors, mean=False),
        "semi_minor_m": _statistics(minors, mean=False),
        "nees": {"mean": _mean(squares), "p50": _percentile(squares, 50)},
        "duplicates": len(matching.duplicates),
        "lost_identities": len(shown.taken_back) + _wandered(found, targets, matching, places, plane),
        "latency_ms": {"p50": _percentile(latencies, 50), "p99": _percentile(latencies, 99)},
        **_minutes(truths, wanted, [found[matching.pairs[number]].confirmed_s for number in hits]),
        "person": _person(truths, targets, found, matching, find_within_min),
        "perimeter": perimeter(truths.fires, truths.boot_s(truths.last_s), places, [_area(hot) for hot in found]),
        "coverage": shares(truths, shown.coverage, shown.planned, shown.area),
        "traffic": _traffic(truths, shown.heard_s),
        "separation_m": None if math.isinf(truths.separation_m) else round(truths.separation_m, 1),
        "frames": shown.frames,
        "dropped": shown.dropped,
        "area_ha": round(shown.area_m2 / 1e4, 3),
        "flight_min": round(truths.flight_s / 60.0, 2),
        "landed_in_mode": [flown.mode for flown in truths.flights],
    }


def _places(found: Sequence[Found], plane: Plane) -> Floats:
    """(N, 2) east, north of what is shown."""
    if not found:
        return np.zeros((0, 2))
    lat, lon = (np.array([hotspot.properties[key] for hotspot in found]) for key in ("lat_deg", "lon_deg"))
    return np.asarray(plane.enu(lat, lon, np.full(len(found), plane.alt_m))[:, :2])


def _square(ellipse: Mapping[str, float], offset: tuple[float, float]) -> float:
    """Squared distance of the truth from the middle of an ellipse, 1 on its rim."""
    east, north = offset
    azimuth = math.radians(ellipse["azimuth_deg"])
    along = east * math.sin(azimuth) + north * math.cos(azimuth)
    across = east * math.cos(azimuth) - north * math.sin(azimuth)
    major, minor = max(ellipse["semi_major_m"], 1e-6), max(ellipse["semi_minor_m"], 1e-6)
    return (along / major) ** 2 + (across / minor) ** 2


def _area(hotspot: Found) -> float:
    return float(hotspot.properties.get("area_m2") or 0.0)


def _diameter(area_m2: float) -> float:
    return math.sqrt(4.0 * area_m2 / math.pi)


# --- by kind, size and contrast ---------------------------------------------------------------------------------------


def _groups(
    truths: Truths, targets: Mapping[int, Target], shown: Shown, matching: Matching
) -> dict[str, dict[str, dict[str, Any]]]:
    looked_at = [number for number in targets if number in truths.first_look_s]
    hotspots = range(len(shown.found))

    def told(index: int, key: str) -> Any:
        return shown.found[index].properties.get(key)

    def table(of_target: Callable[[int], str], of_hotspot: Callable[[int], str | None]) -> dict[str, dict[str, Any]]:
        return _table([(of_target(n), n in matching.pairs) for n in looked_at],
                      [(of_hotspot(i), i in matching.false) for i in hotspots])  # fmt: skip

    def measured_contrast(index: int) -> str | None:
        contrast = told(index, "contrast_k")
        return None if contrast is None else _bin(float(contrast), CONTRASTS_K)

    return {
        "by_kind": table(lambda n: targets[n].kind, lambda i: told(i, "kind")),
        "by_size_m": table(
            lambda n: _bin(2.0 * targets[n].radius_m, SIZES_M),
            lambda i: _bin(_diameter(_area(shown.found[i])), SIZES_M),
        ),
        "by_contrast_k": table(lambda n: _bin(truths.contrast_k.get(n, 0.0), CONTRASTS_K), measured_contrast),
    }


def _table(targets: list[tuple[str, bool]], hotspots: list[tuple[str | None, bool]]) -> dict[str, dict[str, Any]]:
    """{group: how many targets and which share was found, how many hotspots and which share is real}."""
    groups = sorted({group for group, _ in targets} | {group for group, _ in hotspots if group is not None})
    result = {}
    for group in groups:
        looked_at, found = [t for t in targets if t[0] == group], [t for t in targets if t == (group, True)]
        shown, false = [h for h in hotspots if h[0] == group], [h for h in hotspots if h == (group, True)]
        result[group] = {
            "targets": len(looked_at),
            "found": len(found),
            "recall": _ratio(len(found), len(looked_at)),
            "hotspots": len(shown),
            "false": len(false),
            "precision": _ratio(len(shown) - len(false), len(shown)),
        }
    return result


def _bin(value: float, edges: Sequence[float]) -> str:
    value = round(value, 6)
    if value < edges[0]:
        return f"<{edges[0]:g}"
    if value >= edges[-1]:
        return f">={edges[-1]:g}"
    index = next(i for i, edge in enumerate(edges) if value < edge)
    return f"{edges[index - 1]:g}-{edges[index]:g}"


# --- what else there is to know ---------------------------------------------------------------------------------------


def _false_at(truths: Truths, matching: Matching, places: Floats, seen_s: Sequence[float]) -> dict[str, int]:
    """What really was where something false is shown: {kind of thing: how many}."""
    counts: dict[str, int] = {}
    for index in matching.false:
        near = [(MATCH_M, "ground")]
        for thing in truths.things:
            near.append((math.dist(thing.at(seen_s[index])[:2], places[index]), thing.kind))
        near += [(math.dist(mirror, places[index]), "glint") for mirror in truths.mirrors_en]
        near += [(math.dist(fire.at(seen_s[index]).middle, places[index]), fire.kind) for fire in truths.fires]
        kind = min(near)[1]
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items()))


def _wandered(
    found: Sequence[Found], targets: Mapping[int, Target], matching: Matching, places: Floats, plane: Plane
) -> int:
    """Numbers that stand for another target now than when they were first shown."""
    first = [hot.first_place for hot in found]
    moved = 0
    for index, place in enumerate(first):
        if place is None or index not in matching.at:
            continue
        east, north, _ = (float(value) for value in plane.enu(*place, plane.alt_m))
        moved += not targets[matching.at[index]].wide and math.dist((east, north), places[index]) > _MOVED_M
    return moved


def _minutes(truths: Truths, wanted: Sequence[int], confirmed_s: Sequence[float]) -> dict[str, float | None]:
    """From take-off to the first whole look at a target and to the first confirmed one."""
    looks = [truths.first_in_view_s[number] for number in wanted]
    return {
        "first_look_min": _since_take_off(truths, min(looks, default=None)),
        "first_confirmed_min": _since_take_off(truths, min(confirmed_s, default=None)),
    }


def _since_take_off(truths: Truths, utc_s: float | None) -> float | None:
    take_off_s = truths.take_off_s
    return None if utc_s is None or take_off_s is None else round((utc_s - take_off_s) / 60.0, 3)


def _person(
    truths: Truths, targets: Mapping[int, Target], found: Sequence[Found], matching: Matching, limit_min: float
) -> dict[str, Any] | None:
    """Of the missing ones: how many were found, after how many minutes, and whether all of them in time."""
    missing = [number for number, target in targets.items() if target.missing]
    if not missing:
        return None
    hits = [_since_take_off(truths, found[matching.pairs[n]].confirmed_s) for n in missing if n in matching.pairs]
    minutes = sorted(value for value in hits if value is not None)
    return {
        "missing": len(missing),
        "found": len(minutes),
        "minutes": minutes,
        "within_min": limit_min,
        "in_time": len(minutes) == len(missing) and minutes[-1] <= limit_min,
    }


def _traffic(truths: Truths, heard_s: Mapping[str, float]) -> list[dict[str, Any]]:
    """Of each aircraft: whether the ground station heard it, how near it came, and how long before that it knew."""
    told = []
    for met in truths.met:
        heard = heard_s.get(met.aircraft.callsign)
        known = heard is not None and math.isfinite(met.nearest_m)
        told.append({
            "callsign": met.aircraft.callsign,
            "heard": heard is not None,
            "nearest_m": round(met.nearest_m, 1) if math.isfinite(met.nearest_m) else None,
            "warning_s": round(met.nearest_s - heard, 1) if known and heard is not None else None,
        })  # fmt: skip
    return told


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _percentile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 3) if values else None


def _statistics(values: Sequence[float], *, mean: bool) -> dict[str, float | None]:
    result = {"p50": _percentile(values, 50), "p95": _percentile(values, 95)}
    return {"mean": _mean(values), **result, "max": _percentile(values, 100)} if mean else result


def _histogram(errors: Sequence[float]) -> dict[str, int]:
    """How many errors lie in which span of metres."""
    between = [f"{low:g}-{high:g}" for low, high in pairwise(ERRORS_M)]
    counts = dict.fromkeys([f"<{ERRORS_M[0]:g}", *between, f">={ERRORS_M[-1]:g}"], 0)
    for error in errors:
        counts[_bin(error, ERRORS_M)] += 1
    return counts
