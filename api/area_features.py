"""What is told of areas, as GeoJSON features: seen, hidden, gaps, the fire's edge, and what to look at again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.geojson import hotspot_feature, iso, ring_of
from imagery.coverage import Coverage
from imagery.hotspots import Hotspot, properties
from imagery.perimeter import FireArea
from imagery.relook import relooks
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import LocalFrame

Floats = NDArray[np.float64]


def multi_polygon(frame: LocalFrame, polygons: Sequence[Sequence[Floats]]) -> dict[str, Any] | None:
    """Polygons of rings (N, 2) east, north → geometry; None where there are none."""
    rings = [[ring_of(frame, ring[:-1]) for ring in polygon] for polygon in polygons]
    return {"type": "MultiPolygon", "coordinates": rings} if rings else None


def coverage_facts(coverage: Coverage) -> dict[str, Any]:
    """Numbers beside the outline of what was seen."""
    gsd, detection = coverage.gsd_m(), coverage.mean_detection()
    return {
        "gsd_m": None if gsd is None else round(gsd, 3),
        "target_m": coverage.target_m,
        "detection_probability": None if detection is None else round(detection, 3),
    }


def not_seen_features(coverage: Coverage, frame: LocalFrame, area_en: Floats | None = None) -> list[dict[str, Any]]:
    """Two features: what was hidden, and what was in no picture (inside ``area_en``, else inside what was seen)."""
    found = []
    for kind, polygons in (("hidden", coverage.hidden_polygons()), ("gap", coverage.gaps(area_en))):
        facts: dict[str, Any] = {"kind": kind, "area_m2": round(sum(_area(polygon) for polygon in polygons))}
        if kind == "gap":
            facts["within"] = "hull of what was seen" if area_en is None else "area"
            facts["seen_share"] = None if area_en is None else round(coverage.seen_share(area_en), 4)
        found.append({"type": "Feature", "id": kind, "geometry": multi_polygon(frame, polygons), "properties": facts})
    return found


def _area(polygon: Sequence[Floats]) -> float:
    areas = [abs(_signed(ring)) for ring in polygon]
    return areas[0] - sum(areas[1:])


def _signed(ring: Floats) -> float:
    e, n = ring[:, 0], ring[:, 1]
    return float(np.sum(e[:-1] * n[1:] - e[1:] * n[:-1])) / 2.0


def fire_features(areas: Iterable[FireArea], mode: str) -> list[dict[str, Any]]:
    """The burned areas with edge, growth and spread; the largest is number 1."""
    found = []
    for number, area in enumerate(areas, start=1):
        spread = area.spread
        facts: dict[str, Any] = {
            "kind": "fire_area", "number": number, "mode": mode, "time": iso(area.time_s),
            "area_m2": round(area.area_m2, 1), "area_sigma_m2": round(area.area_sigma_m2, 1),
            "length_m": round(area.length_m, 1), "peak_c": round(area.peak_c, 1), "spread": None,
        }  # fmt: skip
        if spread is not None:
            facts["spread"] = {
                "since": iso(spread.since_s),
                "rate_m_min": round(spread.rate_m_min, 3),
                "rate_sigma_m_min": round(spread.rate_sigma_m_min, 3),
                "direction_deg": None if spread.direction_deg is None else round(spread.direction_deg, 1),
                "direction_sigma_deg": (
                    None if spread.direction_sigma_deg is None else round(spread.direction_sigma_deg, 1)
                ),
                "growth_m2_min": round(spread.growth_m2_min, 2),
                "growth_sigma_m2_min": round(spread.growth_sigma_m2_min, 2),
            }
        rings = [[[round(float(lon), 7), round(float(lat), 7)] for lat, lon in ring] for ring in area.rings]
        geometry = {"type": "Polygon", "coordinates": [_wound(ring, outer=at == 0) for at, ring in enumerate(rings)]}
        found.append({"type": "Feature", "id": f"fire-area-{number}", "geometry": geometry, "properties": facts})
    return found


def _wound(ring: list[list[float]], *, outer: bool) -> list[list[float]]:
    """RFC 7946: the outer ring counter-clockwise, holes the other way."""
    points = np.array(ring)
    return ring if (_signed(points - points[0]) > 0.0) is outer else ring[::-1]


def relook_features(
    hotspots: Sequence[Hotspot], profiles: Mapping[str, CameraProfile], frame: LocalFrame, mode: str
) -> list[dict[str, Any]]:
    """The hotspots that are worth another look, the least trusted first, with the height that would settle each."""
    by_key = {hotspot.key: hotspot for hotspot in hotspots}
    found = []
    for entry in relooks(hotspots, dict(profiles)):
        one = hotspot_feature(properties(by_key[entry.key], frame), frame, mode)
        one["properties"] |= {
            "relook_height_m": entry.height_m, "relook_reasons": list(entry.reasons), "relook_settles": entry.settles,
        }  # fmt: skip
        found.append(one)
    return found
