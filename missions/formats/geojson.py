"""A plan as GeoJSON for maps: the path as a line, every item with a place as a point, fence and rally points.

RFC 7946: longitude first, rings closed, outer ring anticlockwise. Only out: a map drawing is no mission.
"""

from __future__ import annotations

import json
import math
from typing import Any

from shapely import Polygon
from shapely.geometry.polygon import orient

from missions.fence import Fence, parse_fence
from missions.formats.plan import Plan
from missions.geometry.geo import Datum, GeoPoint
from missions.items import DATUM_OF_FRAME, STORED_FRAME, MissionItem, has_place, name_of
from missions.path import legs_of


def write(plan: Plan) -> str:
    """Plan → FeatureCollection text."""
    features = [*_path(plan), *_points(plan.items, "mission"), *_fence(parse_fence(plan.fence))]
    features += _points(plan.rally, "rally")
    document = {"type": "FeatureCollection", "name": plan.name, "features": features}
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def _path(plan: Plan) -> list[dict[str, Any]]:
    nowhere = GeoPoint(0.0, 0.0, 0.0, Datum.SEA_LEVEL)
    legs = [leg for leg in legs_of(plan.items, plan.home or nowhere) if leg.why != "jump"]
    stops = (
        [leg.end for leg in legs] if plan.home is None else [leg.start for leg in legs[:1]] + [leg.end for leg in legs]
    )
    line = [[stop.lon_deg, stop.lat_deg] for stop in stops if stop.lat_deg or stop.lon_deg]
    return [_feature("LineString", line, {"part": "mission", "kind": "path"})] if len(line) > 1 else []


def _points(items: tuple[MissionItem, ...], part: str) -> list[dict[str, Any]]:
    features = []
    for seq, item in enumerate(items):
        values = (item.lat_deg, item.lon_deg, item.alt_m)
        if not has_place(item.command) or not all(map(math.isfinite, values)) or not (item.lat_deg or item.lon_deg):
            continue
        datum = DATUM_OF_FRAME.get(STORED_FRAME.get(item.frame, -1))
        properties = {
            "part": part,
            "seq": seq,
            "kind": "home" if part == "mission" and seq == 0 else name_of(item.command),
            "alt_m": item.alt_m,
            "datum": datum.value if datum else None,
        }
        features.append(_feature("Point", [item.lon_deg, item.lat_deg], properties))
    return features


def _fence(fence: Fence) -> list[dict[str, Any]]:
    features = []
    for polygon in fence.polygons:
        ring = orient(Polygon([(lon, lat) for lat, lon in polygon.corners])).exterior.coords
        properties = {"part": "fence", "inclusion": polygon.inclusion}
        features.append(_feature("Polygon", [[list(corner) for corner in ring]], properties))
    for circle in fence.circles:
        properties = {"part": "fence", "inclusion": circle.inclusion, "radius_m": circle.radius_m}
        features.append(_feature("Point", [circle.lon_deg, circle.lat_deg], properties))
    return features
