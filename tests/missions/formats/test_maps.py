"""KML, KMZ and GPX: paths in and out, heights by their datum, and files that mean harm."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.formats import FormatError, Plan, kml, read, text_of, write
from missions.geometry.geo import Datum, GeoPoint
from missions.items import Command, compile_items
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
PATH = "6.7620,51.4344,45 6.7640,51.4350,52.5 6.7650,51.4340,45"


def document(inner: str, mode: str = "relativeToGround") -> str:
    return (
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Deich</name>'
        f"<LineString><altitudeMode>{mode}</altitudeMode><coordinates>{inner}</coordinates></LineString></Placemark>"
        "</Document></kml>"
    )


def kmz(text: str, name: str = "doc.kml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", b"\x89PNG")
        archive.writestr(name, text)
    return out.getvalue()


def places(plan: Plan) -> list[tuple[float, float, float]]:
    return [(i.lat_deg, i.lon_deg, i.alt_m) for i in plan.items if i.command == Command.WAYPOINT][-3:]


@pytest.mark.parametrize("mode, frame", [("relativeToGround", 10), ("absolute", 0)])
def test_a_path_flies_at_its_heights_above_what_it_says(mode: str, frame: int) -> None:
    plan = read(text_of(kmz(document(PATH, mode)), "a.kmz"), "a.kmz")
    assert places(plan) == [(51.4344, 6.762, 45.0), (51.435, 6.764, 52.5), (51.434, 6.765, 45.0)]
    assert {i.frame for i in plan.items if i.command == Command.WAYPOINT and i.alt_m} == {frame}
    assert plan.items[1].command == Command.TAKEOFF and "home is where the aircraft stands" in plan.notes[0]


def test_what_is_written_is_read_again() -> None:
    points = [GeoPoint(51.435, 6.763, 40.0, Datum.HOME), GeoPoint(51.436, 6.764, 55.0, Datum.HOME)]
    mission = Mission("m & m", (TakeOff(40.0), *map(FlyTo, points), ReturnHome()), HOME)
    plan = Plan("m & m", compile_items(mission))
    for ending in (".kml", ".gpx"):
        again = read(write(plan, ending), "again")
        flown = [i for i in again.items if i.command == Command.WAYPOINT and i.alt_m]
        assert [(i.lat_deg, i.lon_deg) for i in flown][1:3] == [(51.435, 6.763), (51.436, 6.764)]
        assert [i.alt_m for i in flown][1:3] == pytest.approx([73.0, 88.0])  # above sea level: KML knows no home
        assert all(i.frame == 0 for i in flown)


@pytest.mark.parametrize(
    "text, words",
    [
        (document(PATH, "clampToGround"), "clamped to the ground"),
        (document("6.7,51.4,0 6.8,51.5,0"), "lies on the ground"),
        (document("6.7;51.4"), "is no lon,lat"),
        (document("6.7,151.4,3 6.8,51.5,3"), "no place on earth"),
        (document(PATH).replace("LineString", "LinearRing"), "0 lines; exactly one"),
        (document(PATH)[:-20], "line 1: broken XML"),
        ('<!DOCTYPE kml [<!ENTITY a "aaaa">]>' + document(PATH)[21:], "document type or entities"),
        ("<svg></svg>", "the document is a <svg>"),
        ('<gpx><rte><rtept lat="51" lon="6"/><rtept lat="51" lon="7"/></rte></gpx>', "point 1: lat, lon and ele"),
        ("<gpx></gpx>", "0 route or track points"),
    ],
)
def test_what_cannot_be_flown_is_refused_with_place_and_reason(text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(text, "some.kml")
    assert str(caught.value).startswith("some.kml: ")


def test_a_zip_bomb_is_not_unpacked() -> None:
    with pytest.raises(FormatError, match="unpacks to more than"):
        text_of(kmz(" " * 21_000_000), "bomb.kmz")
    with pytest.raises(FormatError, match=r"no .kml in this KMZ"):
        text_of(kmz("x", "doc.txt"), "a.kmz")
    with pytest.raises(FormatError, match="broken KMZ"):
        text_of(kmz(document(PATH))[:60], "a.kmz")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for each in (data, b"PK\x03\x04" + data, b"<kml>" + data):
        try:
            read(text_of(each, "x"), "x")
        except FormatError:
            continue


def test_areas_of_a_real_file(testdata: Path) -> None:
    file = testdata / "plans" / "zones_south_africa.kmz"
    found = kml.shapes(text_of(file.read_bytes(), file.name), file.name)
    kinds = {kind: sum(shape.kind == kind for shape in found) for kind in ("point", "line", "area")}
    assert kinds["area"] > 20 and kinds["line"] > 50
    assert all(-35.0 < shape.places[:, 1].mean() < -21.0 for shape in found)  # nobody swapped them
    assert any("Ficksburg" in shape.name for shape in found)
