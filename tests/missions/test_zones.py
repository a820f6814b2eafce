"""Zones as authorities publish them, in every dialect, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point

from missions.formats import FormatError, text_of
from missions.zones import Limit, Window, ZoneError, limit, parse_zones

RING = [[6.75, 51.42], [6.78, 51.42], [6.78, 51.45], [6.75, 51.45], [6.75, 51.42]]


def ed269(**change: Any) -> str:
    volume = {
        "uomDimensions": "M", "lowerLimit": 0, "lowerVerticalReference": "AGL", "upperLimit": 120,
        "upperVerticalReference": "AGL", "horizontalProjection": {"type": "Polygon", "coordinates": [RING]},
    }  # fmt: skip
    feature = {
        "identifier": "DUI01", "country": "DEU", "name": "Hafen", "type": "COMMON", "restriction": "REQ_AUTHORISATION",
        "reason": ["SENSITIVE"], "applicability": [{"permanent": "YES"}],
        "zoneAuthority": [{"name": "Bezirksregierung", "phone": "0211 475"}], "geometry": [volume],
    }  # fmt: skip
    volume |= change.pop("volume", {})
    return json.dumps({"title": "test", "features": [feature | change]})


def test_an_ed269_volume() -> None:
    (zone,) = parse_zones(ed269(), "z.json")
    assert (zone.identifier, zone.name, zone.restriction) == ("DUI01", "Hafen", "REQ_AUTHORISATION")
    assert (zone.lower, zone.upper) == (Limit(0.0, "AGL"), Limit(120.0, "AGL"))
    assert zone.area.contains(Point(6.7623, 51.4344)) and zone.asks == "Bezirksregierung, 0211 475"
    assert zone.windows == () and zone.holds(0.0, 1.0)


def test_a_circle_holds_all_of_the_circle() -> None:
    circle = {"type": "Circle", "center": [6.7623, 51.4344], "radius": 1500}
    (zone,) = parse_zones(ed269(volume={"horizontalProjection": circle, "uomDimensions": "M"}), "z")
    north = 1499.0 / 111_250.0
    assert zone.area.contains(Point(6.7623, 51.4344 + north)) and not zone.area.contains(Point(6.7623, 51.45))


def test_an_ed318_layer_and_plain_geojson() -> None:
    layer = {"upper": 400, "upperReference": "AMSL", "lower": 100, "lowerReference": "WGS84", "uom": "ft"}
    geometry = {"type": "Polygon", "coordinates": [RING], "layer": layer}
    feature = {"type": "Feature", "geometry": geometry, "properties": {"name": [{"text": "Nord", "lang": "de-DE"}]}}
    (zone,) = parse_zones(json.dumps({"type": "FeatureCollection", "features": [feature]}), "z")
    assert zone.name == "Nord" and zone.upper == Limit(pytest.approx(121.92), "AMSL")
    assert zone.lower.reference == "WGS84"
    point = {"type": "Point", "coordinates": [6.76, 51.43], "extent": {"subType": "Circle", "radius": 200}}
    (round_one,) = parse_zones(json.dumps({"features": [{"geometry": point, "properties": {}}]}), "z")
    assert round_one.upper is None and round_one.area.area > 0


@pytest.mark.parametrize(
    "value, reference, unit, wanted",
    [
        (100, "AGL", "M", Limit(100.0, "AGL")),
        (1000, "MSL", "ft", Limit(304.8, "AMSL")),
        (65, "AMSL", "FL", Limit(1981.2, "FL")),
        (65, "STD", "M", Limit(1981.2, "FL")),
        (0, "GND", "m", Limit(0.0, "AGL")),
        (None, "AGL", "M", None),
    ],
)
def test_limits_of_every_dialect(value: Any, reference: str, unit: str, wanted: Limit | None) -> None:
    found = limit(value, reference, unit)
    assert found == wanted if wanted is None else found == Limit(pytest.approx(wanted.value_m), wanted.reference)


def test_a_weekly_window_reaches_past_midnight() -> None:
    friday_22 = 1_773_439_200.0 + 0.0  # 2026-03-13T22:00Z, a Friday
    window = Window(weekly=((4, 21 * 3600.0, 5 * 3600.0),))
    assert window.holds(friday_22, friday_22) and window.holds(friday_22 + 4 * 3600, friday_22 + 4 * 3600)
    assert not window.holds(friday_22 + 8 * 3600, friday_22 + 9 * 3600)
    assert window.holds(friday_22 - 5 * 3600, friday_22 + 60.0)
    dated = Window(friday_22, friday_22 + 60.0)
    assert dated.holds(friday_22 + 59, friday_22 + 99) and not dated.holds(friday_22 + 61, friday_22 + 99)


def test_an_applicability_becomes_windows() -> None:
    entry = {
        "permanent": "NO", "startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-04-01T00:00:00Z",
        "schedule": [{"day": ["SAT", "SUN"], "startTime": "08:00:00Z", "endTime": "18:00:00Z"}],
    }  # fmt: skip
    (zone,) = parse_zones(ed269(applicability=[entry]), "z")
    saturday_noon = 1_773_489_600.0  # 2026-03-14T12:00Z
    assert zone.holds(saturday_noon, saturday_noon) and not zone.holds(saturday_noon - 86_400, saturday_noon - 86_400)
    assert not zone.holds(saturday_noon + 28 * 86_400, saturday_noon + 28 * 86_400)


@pytest.mark.parametrize(
    "text, words",
    [
        ("{}", "no list of features"),
        ("nonsense", "neither JSON nor KML"),
        (ed269(volume={"uomDimensions": "YD"}), "zone 1 .DUI01.: unit 'YD'; allowed are M, FT and FL"),
        (ed269(volume={"lowerVerticalReference": "HOME"}), "limit above 'HOME'"),
        (ed269(volume={"horizontalProjection": {"type": "Circle", "center": [6, 51], "radius": -1}}), "radius -1"),
        (ed269(geometry=None), "geometry is neither"),
        (ed269(volume={"horizontalProjection": {"type": "Polygon"}}), "'coordinates' is missing"),
        (ed269(applicability=[{"startDateTime": "yesterday"}]), "zone 1"),
        ('{"features": []}', "holds no zone"),
    ],
)
def test_what_cannot_be_read_names_the_zone(text: str, words: str) -> None:
    with pytest.raises((ZoneError, FormatError), match=words):
        parse_zones(text, "z.json")


KEYS = ["features", "geometry", "properties", "type", "coordinates", "name", "layer", "lower", "uom"]
LEAVES = st.none() | st.floats() | st.text(max_size=8)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)


@given(st.recursive(LEAVES, _nested, max_leaves=12))
def test_no_json_breaks_it(document: Any) -> None:
    for text in (json.dumps(document), json.dumps({"features": [document]})):
        try:
            parse_zones(text, "z")
        except (ZoneError, FormatError):
            continue


def test_real_zones(testdata: Path) -> None:
    file = testdata / "plans" / "zones_south_africa.kmz"
    zones = parse_zones(text_of(file.read_bytes(), file.name), file.name)
    assert len(zones) > 100 and all(zone.upper is None and zone.area.is_valid for zone in zones)
