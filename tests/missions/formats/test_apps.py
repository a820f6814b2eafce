"""Litchi and DJI: what is in the file is what the plan says, and what is not in it is listed."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.fence import Fence, fence_around, fence_items, rally_items
from missions.formats import FormatError, Plan, ending_of, not_held, read, text_of, wpml, write, write_bytes
from missions.geometry.geo import Datum, GeoPoint
from missions.items import KINDS, MissionItem, compile_items, home_item
from missions.mission import FlyTo, LookAt, Mission, PointCamera, ReturnHome, SetSpeed, ShootEvery, TakeOff, Wait

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
_DJI = "{http://www.dji.com/wpmz/1.0.2}"
_KML = "{http://www.opengis.net/kml/2.2}"


def _at(north: float, height: float, datum: Datum = Datum.HOME) -> GeoPoint:
    return GeoPoint(51.433 + north, 6.762, height, datum)


STEPS = (
    TakeOff(30.0), SetSpeed(8.0), PointCamera(-90.0), FlyTo(_at(0.0, 40.0), 2.0), ShootEvery(12.0),
    FlyTo(_at(0.001, 78.0, Datum.SEA_LEVEL)), SetSpeed(4.0), FlyTo(_at(0.002, 50.0)), ShootEvery(0.0),
    LookAt(GeoPoint(51.4365, 6.762, 0.0, Datum.HOME)), FlyTo(_at(0.003, 50.0)), Wait(5.0), ReturnHome(),
)  # fmt: skip
PLAN = Plan("m", compile_items(Mission("m", STEPS, HOME)))


def _rows(plan: Plan) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write(plan, ".csv"))))


def _places(content: bytes, name: str) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["wpmz/template.kml", "wpmz/waylines.wpml"]
        root = ElementTree.fromstring(archive.read(name))
    return root, list(root.iter(f"{_KML}Placemark"))


def _value(element: ElementTree.Element, name: str) -> str:
    found = element.find(f".//{_DJI}{name}")
    assert found is not None and found.text is not None, name
    return found.text


def test_litchi_gets_places_heights_speeds_gimbal_and_pictures() -> None:
    rows = _rows(PLAN)
    assert [len(row) for row in rows] == [46] * 4
    assert [float(row["altitude(m)"]) for row in rows] == [40.0, 45.0, 50.0, 50.0]
    assert [float(row["latitude"]) for row in rows] == pytest.approx([51.433, 51.434, 51.435, 51.436])
    # with Litchi a speed belongs to the way on from a place
    assert [float(row["speed(m/s)"]) for row in rows] == [8.0, 4.0, 4.0, 4.0]
    assert [row["gimbalmode"] for row in rows] == ["2", "2", "2", "1"]
    assert [row["gimbalpitchangle"] for row in rows[:3]] == ["-90"] * 3
    assert [row["photo_distinterval"] for row in rows] == ["12", "12", "-1", "-1"]
    assert (rows[0]["actiontype2"], rows[0]["actionparam2"]) == ("0", "2000")
    assert (rows[3]["actiontype1"], rows[3]["actionparam1"]) == ("0", "5000")
    assert float(rows[3]["poi_latitude"]) == 51.4365 and {row["altitudemode"] for row in rows} == {"0"}


def test_dji_gets_the_same_in_template_and_waylines() -> None:
    content = write_bytes(PLAN, ".dji.kmz", "m3t")
    assert content == write_bytes(PLAN, ".dji.kmz", "m3t")
    for name, height in (("wpmz/template.kml", "height"), ("wpmz/waylines.wpml", "executeHeight")):
        root, marks = _places(content, name)
        assert (_value(root, "finishAction"), _value(root, "droneEnumValue")) == ("goHome", "77")
        assert _value(root, "takeOffRefPoint") == "51.4325000,6.7605000,33.00"  # latitude first here
        assert float(_value(root, "takeOffSecurityHeight")) == 30.0
        where = [_KML + "Point/" + _KML + "coordinates"]
        assert marks[0].findtext(where[0]) == "6.7620000,51.4330000"  # longitude first there
        assert [_value(mark, "index") for mark in marks] == ["0", "1", "2", "3"]
        assert [float(_value(mark, height)) for mark in marks] == [40.0, 45.0, 50.0, 50.0]
        assert [float(_value(mark, "waypointSpeed")) for mark in marks] == [8.0, 4.0, 4.0, 4.0]
        assert [_value(mark, "waypointHeadingMode") for mark in marks] == ["followWayline"] * 3 + ["towardPOI"]
        actions = [[a.text for a in mark.iter(f"{_DJI}actionActuatorFunc")] for mark in marks]
        assert actions == [["gimbalRotate", "hover", "takePhoto"], [], [], ["gimbalRotate", "hover"]]
        assert (_value(marks[0], "gimbalPitchRotateAngle"), _value(marks[0], "actionTriggerParam")[:2]) == ("-90", "12")
        groups = [
            (_value(g, "actionGroupStartIndex"), _value(g, "actionGroupEndIndex"))
            for g in root.iter(f"{_DJI}actionGroup")
        ]
        assert groups == [("0", "0"), ("0", "2"), ("3", "3")]
    assert b"not yet flown on any DJI aircraft" in zipfile.ZipFile(io.BytesIO(content)).read("wpmz/waylines.wpml")


def test_what_the_apps_do_not_hold_is_listed() -> None:
    fence = fence_items(Fence((fence_around([HOME], 50.0),)))
    jump = (MissionItem(177, 2, 2.0, 3.0), MissionItem(183, 2, 9.0, 1500.0), MissionItem(183, 2, 9.0, 1000.0))
    plan = Plan("m", (*PLAN.items[:-1], *jump, PLAN.items[-1]), fence, rally_items([_at(0.0, 30.0)]))
    for ending in (".csv", ".dji.kmz"):
        told = " ".join(not_held(plan, ending))
        for words in ("DO_JUMP (item 13)", "DO_SET_SERVO (items 14, 15)", "fence items", "1 rally points"):
            assert words in told, ending
    assert wpml.UNTESTED in not_held(PLAN, ".dji.kmz")
    told = " ".join(not_held(plan, ".gpx"))
    assert "2 × DO_SET_SERVO" in told and "fence items" in told and "1 × DO_JUMP" in told
    assert not_held(plan, ".plan") == ()


_steps = st.lists(
    st.builds(
        MissionItem,
        st.sampled_from([command for command in sorted(KINDS) if command < 5000]),
        st.sampled_from([0, 3]),
        st.floats(-80.0, 80.0), st.floats(-80.0, 80.0), st.floats(-80.0, 80.0), st.floats(-80.0, 80.0),
        st.floats(51.40, 51.45), st.floats(6.70, 6.80), st.floats(1.0, 90.0),
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(_steps)
def test_every_item_is_in_the_file_or_in_the_list(items: list[MissionItem]) -> None:
    """The camera, speed and gimbal items hold on; all others are a place, an end, or named with their number."""
    held = {16, 19, 82, 20, 21, 22, 178, 1000, 195, 197, 206, 93}
    plan = Plan("m", (home_item(HOME), MissionItem(16, 3, lat_deg=51.43, lon_deg=6.76, alt_m=30.0), *items))
    for ending in (".csv", ".dji.kmz"):
        told = not_held(plan, ending)
        named = {int(n) for line in told for n in re.findall(r"\d+", line.rpartition("(item")[2])}
        many = any("…" in line for line in told)
        for seq, item in enumerate(items, start=2):
            assert seq in named or item.command in held or many or item.command == 2000
        places = _rows(plan) if ending == ".csv" else _places(write_bytes(plan, ending), "wpmz/waylines.wpml")[1]
        ends = next((n for n, item in enumerate(items) if item.command in (20, 21)), len(items))
        lands = ends < len(items) and items[ends].command == 21
        assert len(places) == 1 + sum(item.command in (16, 19, 82) for item in items[:ends]) + lands


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(5.0, 120.0)), min_size=2, max_size=9)
)
def test_places_and_heights_survive_to_the_centimetre(places: list[tuple[float, float, float]]) -> None:
    points = [GeoPoint(HOME.lat_deg + a, HOME.lon_deg + b, h, Datum.HOME) for a, b, h in places]
    plan = Plan("m", compile_items(Mission("m", (TakeOff(10.0), *map(FlyTo, points), ReturnHome()), HOME)))
    _, marks = _places(write_bytes(plan, ".dji.kmz"), "wpmz/waylines.wpml")
    for point, row, mark in zip(points, _rows(plan), marks, strict=True):
        lon, lat = map(float, (mark.findtext(f"{_KML}Point/{_KML}coordinates") or "").split(","))
        for found in ((lat, lon, float(_value(mark, "executeHeight"))),
                      tuple(float(row[key]) for key in ("latitude", "longitude", "altitude(m)"))):  # fmt: skip
            assert found[:2] == pytest.approx((point.lat_deg, point.lon_deg), abs=1.01e-7)
            assert found[2] == pytest.approx(point.alt_m, abs=0.0101)
    for (a, b), row in zip(pairwise(points), _rows(plan), strict=False):
        north, east = b.lat_deg - a.lat_deg, (b.lon_deg - a.lon_deg) * math.cos(math.radians(a.lat_deg))
        if math.hypot(north, east) > 1e-4:
            off = float(row["heading(deg)"]) - math.degrees(math.atan2(east, north))
            assert abs((off + 180.0) % 360.0 - 180.0) < 0.5


@pytest.mark.parametrize(
    "steps, home, words",
    [
        (STEPS, None, "need home"),
        ((TakeOff(30.0), FlyTo(_at(0.0, 40.0, Datum.GROUND))), HOME, "item 2 stands above ground"),
        ((TakeOff(30.0), ReturnHome()), HOME, "no waypoint"),
        ((TakeOff(30.0), *(FlyTo(_at(0.00001 * n, 40.0)) for n in range(100))), HOME, "100 waypoints, Litchi"),
        ((TakeOff(30.0), FlyTo(_at(0.0, 501.0))), HOME, "501 m above home"),
    ],
)
def test_what_an_app_cannot_fly_is_refused(steps: tuple, home: GeoPoint | None, words: str) -> None:
    plan = Plan("m", compile_items(Mission("m", steps, home)))
    with pytest.raises(FormatError, match=words):
        write(plan, ".csv")
    if "itchi" not in words and "501" not in words:
        with pytest.raises(FormatError, match=words):
            write_bytes(plan, ".dji.kmz")
    with pytest.raises(FormatError, match="aircraft 'kite'; allowed are m30t"):
        write_bytes(PLAN, ".dji.kmz", "kite")


def test_the_longest_ending_counts_and_a_kmz_is_read_again() -> None:
    names = {"a.dji.kmz": ".dji.kmz", "a.kmz": ".kmz", "b.PLAN": ".plan", "c": "", "d.doc": ".doc"}
    assert {name: ending_of(name) for name in names} == names
    back = read(text_of(write_bytes(PLAN, ".kmz"), "m.kmz"), "m.kmz")
    assert [item.lat_deg for item in back.items if item.command == 16][2:5] == [51.433, 51.434, 51.435]
