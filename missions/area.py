"""The area to fly over: a polygon from GeoJSON, checked before anybody plans on it.

The classic accident is a pair of numbers the wrong way round: GeoJSON says longitude first, people say latitude
first, and both are valid places. What looks swapped is refused, never turned round in silence.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import LinearRing, Polygon
from shapely.geometry import shape
from shapely.geometry.polygon import orient
from shapely.validation import explain_validity

from missions.geometry.geo import Datum, GeoPoint, LocalFrame

SMALLEST_M2 = 25.0
LARGEST_M2 = 100e6
# Germany with its neighbours' rims: a point that lies here only after swapping was written the wrong way round.
_HOME_LAT, _HOME_LON = (47.0, 55.2), (5.5, 15.5)


class AreaError(ValueError):
    """An area that cannot be flown: names the file, the place and what is allowed."""


def parse_area(text: str, name: str = "area") -> Polygon:
    """GeoJSON text → one valid polygon, coordinates (lon_deg, lat_deg), outer ring anticlockwise, holes kept.

    A Polygon, a MultiPolygon of one, a Feature, or a FeatureCollection with exactly one polygon is taken; lines
    and points beside it are ignored.

    Raises:
        AreaError: no JSON, no polygon or several, lat/lon swapped, at 0/0, self-crossing, too small or too large.
    """
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise AreaError(f"{name}: no JSON ({problem})") from problem
    rings = [ring for geometry in _geometries(document, name) for ring in _polygons(geometry, name)]
    if len(rings) != 1:
        raise AreaError(f"{name}: {len(rings)} polygons found; exactly one is needed (plan each area on its own)")
    return check_area(_shaped(rings[0], name), name)


def parse_line(text: str, name: str = "route") -> NDArray[np.float64]:
    """GeoJSON text → one line, (M, 2) longitude, latitude in degrees; areas and points beside it are ignored.

    Raises AreaError: no JSON, no line or several, lat/lon swapped, at 0/0.
    """
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise AreaError(f"{name}: no JSON ({problem})") from problem
    lines = [g.get("coordinates") for g in _geometries(document, name) if g.get("type") == "LineString"]
    if len(lines) != 1 or not isinstance(lines[0], list) or len(lines[0]) < 2:
        raise AreaError(f"{name}: {len(lines)} lines found; exactly one LineString of at least 2 points is needed")
    for position in lines[0]:
        _require_position(position, name)
    places = np.array([position[:2] for position in lines[0]], np.float64)
    _check_places(places, name)
    return places


def _geometries(document: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(document, dict) or "type" not in document:
        raise AreaError(f"{name}: no GeoJSON object; a Polygon, Feature or FeatureCollection is needed")
    kind = document["type"]
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise AreaError(f"{name}: FeatureCollection without a list of features")
        return [geometry for feature in features for geometry in _geometries(feature, name)]
    if kind == "Feature":
        geometry = document.get("geometry")
        return [geometry] if isinstance(geometry, dict) else []
    return [document]


def _polygons(geometry: dict[str, Any], name: str) -> list[Any]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        return []
    if not isinstance(coordinates, list) or not coordinates:
        raise AreaError(f"{name}: {kind} without coordinates")
    return [coordinates] if kind == "Polygon" else list(coordinates)


def _shaped(rings: Any, name: str) -> Polygon:
    try:
        for ring in rings:
            for position in ring:
                _require_position(position, name)
        polygon = shape({"type": "Polygon", "coordinates": rings})
    except (TypeError, ValueError, IndexError) as problem:
        if isinstance(problem, AreaError):
            raise
        raise AreaError(f"{name}: polygon coordinates are malformed ({problem})") from problem
    assert isinstance(polygon, Polygon)
    return polygon


def _require_position(position: Any, name: str) -> None:
    numbers = position[:2] if isinstance(position, list) else None
    if not numbers or len(numbers) < 2 or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise AreaError(f"{name}: {position!r} is no position; [longitude, latitude] in degrees is needed")


def check_area(polygon: Polygon, name: str = "area") -> Polygon:
    """The polygon (lon_deg, lat_deg), with its outer ring anticlockwise, or AreaError with the reason."""
    if polygon.is_empty:
        raise AreaError(f"{name}: the polygon is empty")
    _check_places(np.asarray(polygon.exterior.coords)[:, :2], name)
    if not polygon.is_valid:
        raise AreaError(f"{name}: the outline is no simple polygon ({explain_validity(polygon)}, as lon lat)")
    size_m2 = area_m2(polygon)
    if size_m2 < SMALLEST_M2:
        raise AreaError(f"{name}: the area is {size_m2:.1f} m²; at least {SMALLEST_M2:g} m² are needed")
    if size_m2 > LARGEST_M2:
        raise AreaError(f"{name}: the area is {size_m2 / 1e6:.0f} km²; at most {LARGEST_M2 / 1e6:g} km² are planned")
    return orient(polygon.simplify(0.0))


def _check_places(places: NDArray[np.float64], name: str) -> None:
    lons, lats = places.T
    for lon, lat in zip(lons, lats, strict=True):
        if abs(lat) > 90.0 or abs(lon) > 180.0:
            hint = " (longitude and latitude swapped?)" if abs(lat) <= 180.0 and abs(lon) <= 90.0 else ""
            raise AreaError(f"{name}: longitude {lon}, latitude {lat} is no place on earth{hint}")
        if abs(lat) < 1e-3 and abs(lon) < 1e-3:
            raise AreaError(f"{name}: a corner lies at 0, 0 in the Gulf of Guinea; its position was never set")
    if _looks_swapped(lats, lons):
        raise AreaError(
            f"{name}: latitude {lats[0]:.5f}, longitude {lons[0]:.5f} lies far away, swapped it lies in Germany: "
            "GeoJSON wants [longitude, latitude]"
        )
    if np.ptp(lons) > 180.0:
        raise AreaError(f"{name}: the area crosses the 180th meridian; split it there")


def _looks_swapped(lats: Any, lons: Any) -> bool:
    swapped_inside = (lons >= _HOME_LAT[0]) & (lons <= _HOME_LAT[1]) & (lats >= _HOME_LON[0]) & (lats <= _HOME_LON[1])
    return bool(np.all(swapped_inside))


def local_frame(polygon: Polygon) -> LocalFrame:
    """An ENU frame at the centroid, height 0 above sea level (planning is horizontal)."""
    centre = polygon.centroid
    return LocalFrame(GeoPoint(centre.y, centre.x, 0.0, Datum.SEA_LEVEL))


def to_metres(polygon: Polygon, frame: LocalFrame) -> Polygon:
    """(lon, lat) degrees → (east, north) metres in `frame`."""

    def ring(line: LinearRing) -> Any:
        places = np.asarray(line.coords)
        return frame.enu_from_geo(places[:, 1], places[:, 0], frame.origin.alt_m)[:, :2]

    return Polygon(ring(polygon.exterior), [ring(hole) for hole in polygon.interiors])


def area_m2(polygon: Polygon) -> float:
    """Area in square metres of a polygon in (lon, lat) degrees."""
    return float(to_metres(polygon, local_frame(polygon)).area)
