"""How good was it? The hotspots that the system shows, held against the truth that only the score ever sees.

A fire counts when it was wholly in view, unoccluded, at 3 px or more across. It is **found** when a confirmed hotspot
lies within MATCH_M of it (or inside it); further hotspots at the same fire are duplicates, hotspots at no fire are
false. The ellipse is judged from both sides: does it hold the truth, and how large is it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulators.geodesy import Plane
from simulators.world import Truths

MATCH_M = 12.0
_CHI2_95 = 5.991


@dataclass(frozen=True, slots=True)
class Found:
    """One confirmed hotspot as the system shows it (agreed properties), and when it was first confirmed (UTC s)."""

    properties: Mapping[str, Any]
    confirmed_s: float


def score(
    truths: Truths, found: Sequence[Found], plane: Plane, *, area_m2: float, frames: int, dropped: int
) -> dict[str, Any]:
    """The agreed figures of one rehearsal, JSON-ready; None where there is nothing to divide by."""
    wanted = {fire.number: fire for fire in truths.fires if fire.number in truths.first_in_view_s}
    pairs, duplicates, false = _match(truths, found, plane)
    hits = {number: pair for number, pair in pairs.items() if number in wanted}
    errors = [pair[1] for pair in pairs.values()]
    inside = [_inside(truths, number, found[pair[0]], plane) for number, pair in pairs.items()]
    latencies = [1000.0 * (found[pair[0]].confirmed_s - truths.first_in_view_s[n]) for n, pair in hits.items()]
    majors = [float(found[pair[0]].properties["ellipse95"]["semi_major_m"]) for pair in pairs.values()]
    return {
        "fires": len(wanted),
        "found": len(hits),
        "found_within_5s": sum(latency <= 5000.0 for latency in latencies),
        "recall": _ratio(len(hits), len(wanted)),
        "precision": _ratio(len(found) - false, len(found)),
        "false": false,
        "false_per_km2": _ratio(false, area_m2 / 1e6),
        "error_m": _statistics(errors, mean=True),
        "ellipse95_coverage": _ratio(sum(inside), len(inside)),
        "ellipse95_inside": sum(inside),
        "ellipse95_of": len(inside),
        "semi_major_m": _statistics(majors, mean=False),
        "duplicates": duplicates,
        "latency_ms": {"p50": _percentile(latencies, 50), "p99": _percentile(latencies, 99)},
        "frames": frames,
        "dropped": dropped,
        "area_ha": round(area_m2 / 1e4, 3),
    }


def _offset(found: Found, fire_en: tuple[float, float], plane: Plane) -> tuple[float, float]:
    """East, north metres from the fire to the hotspot."""
    east, north, _ = plane.enu(found.properties["lat_deg"], found.properties["lon_deg"], plane.alt_m)
    return float(east) - fire_en[0], float(north) - fire_en[1]


def _match(truths: Truths, found: Sequence[Found], plane: Plane) -> tuple[dict[int, tuple[int, float]], int, int]:
    """{fire: (index of its nearest hotspot, error m)}, duplicates, false ones."""
    near: dict[int, list[tuple[float, int]]] = {}
    false = 0
    for index, hotspot in enumerate(found):
        distances = [(math.hypot(*_offset(hotspot, (fire.east_m, fire.north_m), plane)), fire) for fire in truths.fires]
        distance, fire = min(distances, key=lambda pair: pair[0], default=(math.inf, None))
        if fire is None or distance > max(MATCH_M, fire.radius_m):
            false += 1
        else:
            near.setdefault(fire.number, []).append((distance, index))
    pairs = {number: (min(hits)[1], min(hits)[0]) for number, hits in near.items()}
    return pairs, sum(len(hits) - 1 for hits in near.values()), false


def _inside(truths: Truths, number: int, found: Found, plane: Plane) -> bool:
    """Whether the fire's centre lies in the hotspot's 95 % ellipse."""
    fire = next(fire for fire in truths.fires if fire.number == number)
    east, north = _offset(found, (fire.east_m, fire.north_m), plane)
    ellipse = found.properties["ellipse95"]
    azimuth = math.radians(ellipse["azimuth_deg"])
    along = east * math.sin(azimuth) + north * math.cos(azimuth)
    across = east * math.cos(azimuth) - north * math.sin(azimuth)
    major, minor = max(ellipse["semi_major_m"], 1e-6), max(ellipse["semi_minor_m"], 1e-6)
    return bool((along / major) ** 2 + (across / minor) ** 2 <= 1.0)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _percentile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 3) if values else None


def _statistics(values: Sequence[float], *, mean: bool) -> dict[str, float | None]:
    result = {"p50": _percentile(values, 50), "p95": _percentile(values, 95)}
    if mean:
        result = {"mean": round(float(np.mean(values)), 3) if values else None, **result}
    return result
