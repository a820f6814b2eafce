"""Areas: what is taken, and what is refused with which words."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from missions.area import AreaError, area_m2, parse_area

SQUARE = [[6.760, 51.433], [6.763, 51.433], [6.763, 51.4345], [6.760, 51.4345], [6.760, 51.433]]


def _polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def _feature(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


@pytest.mark.parametrize(
    "document",
    [
        _polygon(SQUARE),
        _feature(_polygon(SQUARE[::-1])),
        {"type": "FeatureCollection", "features": [_feature(_polygon(SQUARE)), _feature({"type": "Point"})]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
    ],
)
def test_a_polygon_in_any_wrapping_is_taken(document: dict[str, Any]) -> None:
    area = parse_area(json.dumps(document))
    assert area.exterior.is_ccw
    # 0.003° · cos(51.43°) · 111.32 km by 0.0015° · 111.25 km
    assert math.isclose(area_m2(area), 208.5 * 166.9, rel_tol=0.01)


def test_the_size_agrees_with_the_geodesic_area() -> None:
    from pyproj import Geod

    area = parse_area(json.dumps(_polygon(SQUARE)))
    geodesic, _ = Geod(ellps="WGS84").geometry_area_perimeter(area)
    assert math.isclose(area_m2(area), abs(geodesic), rel_tol=1e-5)


SWAPPED = [[lat, lon] for lon, lat in SQUARE]
BOW_TIE = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]
SPECK = [[6.76, 51.433], [6.76001, 51.433], [6.76001, 51.43301], [6.76, 51.433]]
HUGE = [[6.0, 51.0], [7.0, 51.0], [7.0, 52.0], [6.0, 51.0]]
GULF = [[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[1, 2]", "no GeoJSON object"),
        (json.dumps({"type": "Point", "coordinates": [6.0, 51.0]}), "0 polygons"),
        (json.dumps({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}), "2 polygons"),
        (json.dumps(_polygon(SWAPPED)), "swapped"),
        (json.dumps(_polygon([[6.0, 151.0], [7.0, 151.0], [7.0, 152.0], [6.0, 151.0]])), "swapped"),
        (json.dumps(_polygon(BOW_TIE)), "no simple polygon"),
        (json.dumps(_polygon(SPECK)), "at least 25 m²"),
        (json.dumps(_polygon(HUGE)), "at most 100 km²"),
        (json.dumps(_polygon(GULF)), "Gulf of Guinea"),
        (json.dumps(_polygon([[6.0, 51.0], ["x", 51.0], [7.0, 52.0], [6.0, 51.0]])), "no position"),
        (json.dumps(_polygon([[6.0, 51.0], [7.0, 52.0]])), "malformed"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 51], [6, 51], [6, 52], [NaN, 51]]]}', "no position"),
        (json.dumps({"type": "FeatureCollection", "features": 3}), "without a list"),
        (json.dumps({"type": "Polygon"}), "without coordinates"),
    ],
)
def test_what_is_no_area_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(AreaError, match=words) as caught:
        parse_area(text, "harbour.geojson")
    assert str(caught.value).startswith("harbour.geojson")
