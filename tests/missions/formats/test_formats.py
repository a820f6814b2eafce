"""Files of other programs: what they hold arrives, what we write is read back the same, garbage is named."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.checks import check
from missions.fence import Fence, FenceCircle, FencePolygon, fence_items, parse_fence, rally_items
from missions.formats import FormatError, Plan, read, write
from missions.geometry.geo import Datum, GeoPoint
from missions.items import KINDS, MissionItem, canonical, home_item

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)

_numbers = st.floats(-1e4, 1e4).map(lambda value: round(value, 4))
_items = st.builds(
    MissionItem,
    st.sampled_from([command for command in sorted(KINDS) if command < 5000 and command != 177]),
    st.sampled_from([0, 2, 3, 10]),
    _numbers,
    _numbers,
    _numbers,
    _numbers,
    st.floats(-90, 90).map(lambda value: round(value, 7)),
    st.floats(-180, 180).map(lambda value: round(value, 7)),
    _numbers,
    st.booleans(),
)
_degrees = st.tuples(st.floats(-80, 80), st.floats(-170, 170)).map(lambda pair: (round(pair[0], 7), round(pair[1], 7)))
_fences = st.builds(
    Fence,
    st.lists(
        st.builds(FencePolygon, st.lists(_degrees, min_size=3, max_size=6).map(tuple), st.booleans()), max_size=3
    ).map(tuple),
    st.lists(
        st.builds(FenceCircle, st.floats(-80, 80), st.floats(-170, 170), st.floats(1.0, 500.0), st.booleans()),
        max_size=2,
    ).map(tuple),
    st.none() | _degrees,
)
_rally = st.lists(
    st.builds(GeoPoint, st.floats(-80, 80), st.floats(-170, 170), st.floats(0.0, 100.0), st.just(Datum.HOME)),
    max_size=3,
).map(rally_items)


@given(st.lists(_items, max_size=8), _fences, _rally)
def test_a_plan_file_loses_nothing(items: list[MissionItem], fence: Fence, rally: tuple[MissionItem, ...]) -> None:
    plan = Plan("p", (home_item(HOME), *items), fence_items(fence), rally)
    back = read(write(plan, ".plan"), "p")
    assert (back.items, back.fence, back.rally) == (plan.items, plan.fence, plan.rally)
    assert parse_fence(back.fence) == fence


@given(st.lists(_items, min_size=1, max_size=8))
def test_a_waypoint_file_loses_nothing(items: list[MissionItem]) -> None:
    plan = Plan("p", (home_item(HOME), *items))
    back = read(write(plan, ".waypoints"), "p")
    assert canonical(back.items) == canonical(plan.items)
    assert [item.autocontinue for item in back.items] == [item.autocontinue for item in plan.items]


def test_a_jump_points_to_an_id_in_a_plan_file_and_to_a_row_in_a_waypoint_file() -> None:
    jump = MissionItem(177, 2, 2.0, 3.0)
    point = MissionItem(16, 3, lat_deg=51.0, lon_deg=6.0, alt_m=20.0)
    plan = Plan("p", (home_item(HOME), point, point, jump))
    for ending in (".plan", ".waypoints"):
        assert read(write(plan, ending), "p").items == plan.items
    document = json.loads(write(plan, ".plan"))
    for entry, number in zip(document["mission"]["items"], (70, 80, 90), strict=True):
        entry["doJumpId"] = number
    document["mission"]["items"][2]["params"][0] = 80
    assert read(json.dumps(document), "p").items == plan.items
    document["mission"]["items"][2]["params"][0] = 81
    with pytest.raises(FormatError, match="doJumpId 81"):
        read(json.dumps(document), "p")


# ---- files of other programs

EXPECTED = {
    "ardupilot_copter_mission.txt": (13, 0, 0),
    "ardupilot_terrain_mission.txt": (5, 0, 0),
    "mavproxy_fence.txt": (0, 5, 0),
    "mavproxy_rally.txt": (0, 0, 1),
    "mission_planner_sample.txt": (4, 0, 0),
    "qgroundcontrol_sample.plan": (7, 0, 0),
    "qgroundcontrol_sample_with_digicam_control.plan": (2, 0, 0),
    "qgroundcontrol_sample_with_survey.plan": (14, 0, 0),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_file_loads_and_converts(testdata: Path, name: str) -> None:
    plan = read((testdata / "plans" / name).read_text(), name)
    assert (len(plan.items), len(plan.fence), len(plan.rally)) == EXPECTED[name]
    check(plan.items, fence=plan.fence, rally=plan.rally)
    json.loads(write(plan, ".geojson"))
    if name != "mission_planner_sample.txt":  # its item 0 is a take-off, see below
        back = read(write(plan, ".plan"), name)
        assert list(map(repr, back.items)) == list(map(repr, plan.items))
        assert (back.fence, back.rally) == (plan.fence, plan.rally)


def test_the_known_places_of_real_files(testdata: Path) -> None:
    folder = testdata / "plans"
    fence = parse_fence(read((folder / "mavproxy_fence.txt").read_text(), "f").fence)
    assert fence.return_point == (-35.363720, 149.163651)
    assert len(fence.polygons[0].corners) == 4
    rally = read((folder / "mavproxy_rally.txt").read_text(), "r")
    assert (rally.rally[0].lat_deg, rally.rally[0].alt_m, rally.rally[0].frame) == (-35.363160, 60.0, 3)
    assert rally.notes
    survey = read((folder / "qgroundcontrol_sample_with_survey.plan").read_text(), "s")
    assert survey.home == GeoPoint(47.39801775617688, 8.545149580000002, 483.43, Datum.SEA_LEVEL)
    assert any("survey (items 2 to 13)" in note for note in survey.notes)
    written = json.loads(write(survey, ".plan"))
    original = json.loads((folder / "qgroundcontrol_sample_with_survey.plan").read_text())
    assert written["mission"]["items"][1] == original["mission"]["items"][1]


def test_an_edited_survey_is_written_as_simple_items(testdata: Path) -> None:
    plan = read((testdata / "plans" / "qgroundcontrol_sample_with_survey.plan").read_text(), "s")
    higher = [MissionItem(16, 3, lat_deg=i.lat_deg, lon_deg=i.lon_deg, alt_m=80.0) for i in plan.items[2:3]]
    edited = Plan("s", (*plan.items[:2], *higher, *plan.items[3:]), blocks=plan.blocks, unknown=plan.unknown)
    entries = json.loads(write(edited, ".plan"))["mission"]["items"]
    assert {entry["type"] for entry in entries} == {"SimpleItem"}
    assert entries[1]["Altitude"] == 80.0


def test_a_survey_without_its_items_is_refused_with_the_entry(testdata: Path) -> None:
    name = "qgroundcontrol_sample_with_survey_missing_items.plan"
    with pytest.raises(FormatError, match="mission entry 2: the survey carries no ready items"):
        read((testdata / "plans" / name).read_text(), name)


def test_a_take_off_in_the_place_of_home_is_stopped_and_not_written_away(testdata: Path) -> None:
    plan = read((testdata / "plans" / "mission_planner_sample.txt").read_text(), "m")
    assert "lost_as_home" in {finding.code for finding in check(plan.items).stops}
    with pytest.raises(FormatError, match="item 0 is TAKEOFF"):
        write(plan, ".plan")


# ---- garbage


def _plan(**mission: Any) -> str:
    base = {"version": 2, "items": [], "plannedHomePosition": [51.4, 6.7, 33.0]}
    return json.dumps({"fileType": "Plan", "version": 1, "mission": base | mission})


SIMPLE = {"type": "SimpleItem", "command": 16, "frame": 3, "params": [0, 0, 0, None, 51.4, 6.7, 50]}
ROW = "0\t1\t0\t16\t0\t0\t0\t0\t51.4\t6.7\t33\t1\n"
BAD = [
    ("", "is empty"),
    ("hello world again\n", "not a mission file"),
    ("{", "no JSON"),
    ('{"fileType": "Mission"}', "no QGroundControl plan"),
    ('{"fileType": "Plan", "version": 2}', "version 2"),
    ('{"fileType": "Plan", "version": 1}', "'mission' is missing"),
    (_plan(items=3), "no list"),
    (_plan(items=[3]), "mission entry 1 is no object"),
    (_plan(items=[SIMPLE, SIMPLE | {"type": "X"}]), "mission entry 2: type 'X'"),
    (_plan(items=[SIMPLE | {"params": [1, 2]}]), "7 numbers"),
    (_plan(items=[SIMPLE | {"params": ["a"] * 7}]), "'a' is no number"),
    (_plan(items=[SIMPLE | {"command": "16"}]), "two whole numbers"),
    (_plan(items=[SIMPLE | {"AltitudeMode": 3}]), "calculated above terrain"),
    (_plan(plannedHomePosition=[200, 6, 3]), "plannedHomePosition"),
    (_plan(plannedHomePosition=[51.0, 6.0, 1e9]), "plannedHomePosition"),
    (_plan(items=[{"type": "ComplexItem", "complexItemType": "CorridorScan"}]), "CorridorScan carries no ready"),
    ("QGC WPL 120\n", "line 1"),
    ("QGC WPL 110\n", "holds no items"),
    ("QGC WPL 110\n" + ROW + "1\t0\t3\n", "line 3: 3 columns"),
    ("QGC WPL 110\n" + ROW + ROW, "line 3: item number 0 where 1"),
    ("QGC WPL 110\n" + ROW.replace("51.4", "x"), "line 2: could not convert"),
    ("QGC WPL 110\n" + ROW.replace("16", "inf"), "line 2"),
    ("51.0 6.0\n51.1 6.0\n", "closed polygon"),
    ("51.0 6.0\n51.1 6.0\n51.1 6.1\n51.0 6.1\n51.2 6.2\n", "not closed"),
    ("51.0 6.0\n51.1 abc\n", "line 2"),
    ("RALLY 51.0\n", "line 1"),
    ("RALLY 91.0 6.0 50\n", "no latitude"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_garbage_is_refused_with_file_and_place(text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(text, "file.plan")
    assert str(caught.value).startswith("file.plan")


def _reads_or_refuses(text: str) -> bool:
    try:
        return isinstance(read(text, "file"), Plan)
    except FormatError as problem:
        return str(problem).startswith("file")


@given(st.text(max_size=200) | st.text(max_size=80).map(lambda text: "QGC WPL 110\n" + text))
def test_no_text_breaks_the_readers(text: str) -> None:
    assert _reads_or_refuses(text)


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "items", "params", "command", "frame", "polygons", "circle", "center", "points"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json, _json, _json)
def test_no_json_breaks_the_plan_reader(items: Any, fence: Any, rally: Any) -> None:
    document = {
        "fileType": "Plan", "version": 1, "mission": {"items": items, "plannedHomePosition": rally},
        "geoFence": fence, "rallyPoints": rally,
    }  # fmt: skip
    assert _reads_or_refuses(json.dumps(document))


def test_unknown_parts_are_kept_and_named() -> None:
    document = json.loads(_plan(items=[SIMPLE], myMissionNote=1))
    document["vendor"] = {"secret": [1, 2]}
    plan = read(json.dumps(document), "p")
    assert "kept without understanding it: vendor" in plan.notes
    written = json.loads(write(plan, ".plan"))
    assert written["vendor"] == {"secret": [1, 2]}
    assert written["mission"]["myMissionNote"] == 1


def test_an_empty_field_is_nan_and_stays_visible() -> None:
    plan = read(_plan(items=[SIMPLE | {"params": [None, 0, 0, None, 51.4, 6.7, 50]}]), "p")
    assert math.isnan(plan.items[1].p1)
    text = write(plan, ".waypoints").splitlines()[2].split("\t")
    assert (text[4], text[7]) == ("nan", "0.00000000")
    assert math.isnan(read(write(plan, ".waypoints"), "p").items[1].p1)


def test_a_waypoint_file_holds_one_list() -> None:
    fence = fence_items(Fence((), (FenceCircle(51.4, 6.7, 100.0, True),)))
    with pytest.raises(FormatError, match="mission and fence"):
        write(Plan("p", (home_item(HOME), home_item(HOME)), fence), ".waypoints")
    alone = read(write(Plan("p", (), fence), ".waypoints"), "p")
    assert (alone.items, alone.fence) == ((), fence)
    with pytest.raises(FormatError, match="xyz"):
        write(Plan("p"), ".xyz")


def test_geojson_says_longitude_first_and_the_datum() -> None:
    items = (
        home_item(HOME),
        MissionItem(22, 3, alt_m=50.0),
        MissionItem(16, 3, lat_deg=51.434, lon_deg=6.761, alt_m=50.0),
    )
    fence = fence_items(Fence((FencePolygon(((51.4, 6.7), (51.5, 6.7), (51.5, 6.8)), True),)))
    features = json.loads(write(Plan("p", items, fence), ".geojson"))["features"]
    line = next(f for f in features if f["geometry"]["type"] == "LineString")
    assert line["geometry"]["coordinates"][0] == [6.7605, 51.4325]
    assert line["geometry"]["coordinates"][-1] == [6.761, 51.434]
    point = next(f for f in features if f["properties"].get("seq") == 2)
    assert (point["properties"]["datum"], point["properties"]["alt_m"]) == ("home", 50.0)
    ring = next(f for f in features if f["geometry"]["type"] == "Polygon")["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
