"""Checks: each accident that happened to somebody has its finding, and only a checked mission exists."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.checks import CheckedMission, CheckReport, NotChecked, check
from missions.fence import Fence, FenceCircle, FencePolygon, fence_items, rally_items
from missions.geometry.geo import Datum, GeoPoint, GridProjection, offset
from missions.geometry.terrain import FlatGround, TerrainGrid
from missions.items import Command, MissionItem, compile_items
from missions.mission import FlyTo, Land, Mission, ReturnHome, TakeOff

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)


def _at(azimuth: float, distance: float, height: float = 60.0, datum: Datum = Datum.HOME) -> GeoPoint:
    return replace(offset(HOME, azimuth, distance), alt_m=height, datum=datum)


GOOD = compile_items(
    Mission("good", (TakeOff(60.0), FlyTo(_at(0.0, 200.0)), FlyTo(_at(30.0, 300.0)), ReturnHome()), HOME)
)
FLAT = FlatGround(33.0)


def _codes(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.findings}


def _with(seq: int, **values: object) -> list[MissionItem]:
    items = list(GOOD)
    items[seq] = replace(items[seq], **values)  # type: ignore[arg-type]
    return items


def test_a_good_mission_over_known_ground_has_no_finding() -> None:
    report = check(GOOD, terrain=FLAT)
    assert report.findings == ()
    assert report.checked is not None
    assert report.checked.items == GOOD
    assert not report.checked.needs_acceptance


def test_unknown_ground_is_a_warning_never_silence() -> None:
    report = check(GOOD)
    assert _codes(report) == {"no_terrain"}
    assert report.checked is not None
    assert report.checked.needs_acceptance


STOPS = [
    (_with(2, lat_deg=95.0), "bad_latitude", 2),
    (_with(2, lat_deg=math.nan), "bad_latitude", 2),
    (_with(2, lon_deg=-181.0), "bad_longitude", 2),
    (_with(2, alt_m=math.nan), "bad_altitude", 2),
    (_with(2, alt_m=1e6), "bad_altitude", 2),
    (_with(2, p1=math.nan), "not_a_number", 2),
    (_with(2, p3=math.inf), "not_a_number", 2),
    (_with(2, frame=1), "unsupported_frame", 2),
    (_with(2, frame=9), "unsupported_frame", 2),
    (_with(2, command=530), "unsupported_command", 2),
    (_with(2, command=5001), "wrong_part", 2),
    (_with(1, alt_m=0.0), "takeoff_height", 1),
    (_with(2, command=177, p1=9.0), "jump_target", 2),
    (_with(2, command=177, p1=0.0), "jump_target", 2),
    (_with(2, command=1000, frame=2, p3=math.nan), "not_a_number", 2),
    ([GOOD[0], *GOOD[2:]], "missing_takeoff", 1),
    (GOOD[1:], "lost_as_home", 0),
    (_with(2, lat_deg=50.0), "far_first_leg", 2),
    (_with(3, lat_deg=50.0), "far_away", 3),
    (GOOD[:1], "nothing_to_fly", None),
    ((), "empty", None),
    ([*GOOD[:2], *(GOOD[2:3] * 650)], "too_many_items", None),
]


@pytest.mark.parametrize(("items", "code", "seq"), STOPS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_the_vehicle_refuses_or_nobody_means_stops(items: list[MissionItem], code: str, seq: int | None) -> None:
    report = check(items, terrain=FLAT)
    found = [finding for finding in report.stops if finding.code == code]
    assert found
    assert found[0].seq == seq
    assert found[0].remedy
    assert report.checked is None


WARNINGS = [
    (_with(2, command=12345), "not_understood"),
    (_with(2, alt_m=0.0), "height_zero"),
    (_with(2, lat_deg=0.0, lon_deg=0.0), "no_place"),
    (_with(2, alt_m=150.0), "height_limit"),
    (_with(2, command=178, p2=80.0), "speed"),
    (_with(2, command=177, p1=1.0, p2=-1.0), "endless_jump"),
    ([*GOOD, GOOD[2]], "after_return"),
    (GOOD[:-1], "no_end"),
    (_with(0, frame=3), "home_frame"),
    (_with(1, frame=0), "takeoff_datum"),
    (_with(0, alt_m=80.0), "home_height"),
    (_with(0, alt_m=30_000.0), "no_home"),
    (_with(0, lat_deg=math.nan), "no_home"),
]


@pytest.mark.parametrize(("items", "code"), WARNINGS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_person_must_know_warns(items: list[MissionItem], code: str) -> None:
    report = check(items, terrain=FLAT, home=HOME if code == "home_frame" else None)
    assert code in {finding.code for finding in report.warnings}


def test_nan_in_the_heading_of_a_waypoint_is_allowed() -> None:
    assert check(_with(2, p4=math.nan), terrain=FLAT).findings == ()


# ---- terrain


def _wall(height: float) -> TerrainGrid:
    """600 m × 600 m around home, 33 m, with a wall `height` high from 95 to 105 m north of home."""
    heights = np.full((600, 600), 33.0, np.float32)
    heights[195:206, :] += np.float32(height)
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    return TerrainGrid(heights, "EPSG:25832", float(x) - 300.0, float(y) + 300.0, 1.0, 1.0)


def _flight(*points: GeoPoint) -> tuple[MissionItem, ...]:
    return compile_items(Mission("f", (TakeOff(60.0), *map(FlyTo, points), ReturnHome()), HOME))


def test_a_wall_between_two_high_enough_points_stops_at_the_wall() -> None:
    report = check(_flight(_at(0.0, 200.0)), terrain=_wall(62.0))
    (stop,) = report.stops
    assert stop.code == "hits_ground"
    assert stop.seq == 2
    assert stop.lat_deg is not None
    assert 90.0 < (stop.lat_deg - HOME.lat_deg) * 111_250.0 < 110.0
    assert "2.0 m under" in stop.text


@pytest.mark.parametrize(
    ("wall", "codes"),
    [
        (20.0, set()),
        (40.0, {"line_of_sight"}),
        (52.0, {"low_clearance", "low_return", "rtl_path", "line_of_sight"}),
        (57.0, {"hits_ground", "low_return", "rtl_path", "line_of_sight", "fresnel"}),
    ],
)
def test_clearance_has_two_thresholds(wall: float, codes: set[str]) -> None:
    assert _codes(check(_flight(_at(0.0, 200.0)), terrain=_wall(wall))) == codes


@pytest.mark.parametrize(
    ("point", "clear"),
    [
        (_at(0.0, 200.0, 60.0, Datum.HOME), True),
        (_at(0.0, 200.0, 93.0, Datum.SEA_LEVEL), True),
        (_at(0.0, 200.0, 60.0, Datum.SEA_LEVEL), False),  # 60 m above the sea is 27 m above home
        (_at(0.0, 200.0, 60.0, Datum.GROUND), True),
    ],
)
def test_the_datum_of_a_height_decides(point: GeoPoint, clear: bool) -> None:
    report = check(_flight(point), terrain=_wall(45.0))
    assert ("hits_ground" not in _codes(report)) is clear


def test_terrain_that_ends_under_the_leg_is_said() -> None:
    report = check(_flight(_at(0.0, 400.0)), terrain=_wall(10.0))
    assert "terrain_gap" in _codes(report)


def test_terrain_elsewhere_is_said() -> None:
    there = compile_items(Mission("f", (TakeOff(60.0), ReturnHome()), replace(HOME, lat_deg=52.0)))
    assert "terrain_without_home" in _codes(check(there, terrain=_wall(10.0)))


def test_terrain_in_another_datum_is_not_used() -> None:
    assert "terrain_datum" in _codes(check(GOOD, terrain=FlatGround(33.0, Datum.ELLIPSOID)))


def test_landing_at_a_place_flies_there_at_the_height_it_has() -> None:
    landing = compile_items(Mission("f", (TakeOff(60.0), FlyTo(_at(0.0, 50.0)), Land(_at(0.0, 200.0, 0.0))), HOME))
    assert "hits_ground" not in _codes(check(landing, terrain=_wall(30.0)))
    assert "hits_ground" in _codes(check(landing, terrain=_wall(58.0)))


def test_home_of_the_vehicle_counts_before_that_of_the_file() -> None:
    far = replace(HOME, lat_deg=51.6)
    assert {"far_first_leg", "home_moved"} <= _codes(check(GOOD, home=far))


@pytest.mark.parametrize(
    ("real", "moved"),
    [
        (_at(90.0, 20.0, 30.0, Datum.SEA_LEVEL), False),
        (_at(90.0, 50.0, 33.0, Datum.SEA_LEVEL), True),
        (replace(HOME, alt_m=45.0), True),
    ],
)
def test_a_vehicle_that_stands_elsewhere_moves_all_heights_above_home(real: GeoPoint, moved: bool) -> None:
    assert ("home_moved" in _codes(check(GOOD, terrain=FLAT, home=real))) is moved


def test_heights_above_terrain_need_the_vehicles_own_data() -> None:
    report = check(_flight(_at(0.0, 200.0, 60.0, Datum.GROUND)), terrain=FLAT)
    assert _codes(report) == {"needs_vehicle_terrain"}


# ---- fence


def _box(half_m: float, inclusion: bool = True, centre: GeoPoint = HOME) -> FencePolygon:
    corners = [offset(centre, azimuth, half_m * math.sqrt(2.0)) for azimuth in (45.0, 135.0, 225.0, 315.0)]
    return FencePolygon(tuple((corner.lat_deg, corner.lon_deg) for corner in corners), inclusion)


FENCES = [
    (Fence((_box(500.0),)), set()),
    (Fence((), (FenceCircle(HOME.lat_deg, HOME.lon_deg, 400.0, True),)), set()),
    (Fence((_box(250.0),)), {"fence_contradiction"}),
    (Fence((_box(50.0, centre=_at(0.0, 200.0)),)), {"fence_contradiction"}),
    # no waypoint inside, but a leg crosses it
    (Fence((_box(10.0, False, _at(0.0, 100.0)),)), {"fence_contradiction"}),
    (Fence((), (FenceCircle(HOME.lat_deg, HOME.lon_deg, 100.0, False),)), {"fence_contradiction"}),
    (Fence((_box(500.0), _box(600.0))), {"several_inclusions"}),
]


@pytest.mark.parametrize(("fence", "codes"), FENCES)
def test_a_fence_that_contradicts_the_mission(fence: Fence, codes: set[str]) -> None:
    assert _codes(check(GOOD, terrain=FLAT, fence=fence_items(fence))) == codes


def test_a_fence_around_somewhere_else_names_home_and_the_legs() -> None:
    report = check(GOOD, terrain=FLAT, fence=fence_items(Fence((_box(50.0, centre=_at(90.0, 1000.0)),))))
    assert any("home lies outside" in finding.text for finding in report.stops)


def test_a_fence_can_be_checked_without_a_mission() -> None:
    report = check((), fence=fence_items(Fence((_box(500.0),))))
    assert report.checked is not None
    assert report.checked.items == ()
    outside = check((), home=_at(0.0, 2000.0, 33.0, Datum.SEA_LEVEL), fence=fence_items(Fence((_box(500.0),))))
    assert _codes(outside) == {"fence_contradiction"}
    only_home = check(GOOD[:1], fence=fence_items(Fence((_box(500.0),))))
    assert only_home.checked is not None


def test_bad_fence_lists_stop() -> None:
    good = fence_items(Fence((_box(500.0),)))
    bow_tie = (good[0], good[2], good[1], good[3])
    assert _codes(check((), fence=bow_tie)) == {"fence_outline"}
    assert _codes(check((), fence=good[:3])) == {"bad_fence"}
    assert _codes(check((), fence=GOOD)) == {"bad_fence"}
    circle = fence_items(Fence((), (FenceCircle(51.0, 6.0, -1.0, True),)))
    assert _codes(check((), fence=circle)) == {"bad_fence"}
    many = fence_items(Fence((), tuple(FenceCircle(51.0, 6.0, 10.0, False) for _ in range(71))))
    assert "too_many_fence" in _codes(check((), fence=many))


def test_rally_points_are_checked() -> None:
    rally = rally_items([_at(0.0, 100.0)])
    assert check(GOOD, terrain=FLAT, rally=rally).findings == ()
    assert "too_many_rally" in _codes(check(GOOD, terrain=FLAT, rally=rally * 47))
    assert "bad_altitude" in _codes(check(GOOD, rally=[replace(rally[0], alt_m=40_000.0)]))
    assert "wrong_part" in _codes(check(GOOD, rally=[GOOD[1]]))
    outside = rally_items([_at(0.0, 800.0)])
    report = check(GOOD, terrain=FLAT, rally=outside, fence=fence_items(Fence((_box(500.0),))))
    assert [(finding.part, finding.seq) for finding in report.stops] == [("rally", 0)]


# ---- the type


def test_nobody_else_makes_a_checked_mission() -> None:
    with pytest.raises(NotChecked):
        CheckedMission(GOOD, (), (), ())
    checked = check(GOOD, terrain=FLAT).checked
    assert checked is not None
    with pytest.raises(NotChecked):
        replace(checked, items=GOOD[:1])
    with pytest.raises(NotChecked):
        replace(checked, fence_items=GOOD)


def test_warnings_are_accepted_with_name_and_reason_and_stay() -> None:
    checked = check(GOOD).checked
    assert checked is not None
    with pytest.raises(NotChecked):
        checked.accepted_by("Meier", "  ")
    accepted = checked.accepted_by("Meier", "flat harbour, seen from the crane")
    assert not accepted.needs_acceptance
    assert accepted.findings == checked.findings


_wild = st.floats(allow_nan=True, allow_infinity=True, width=32)
_any_items = st.builds(
    MissionItem,
    st.integers(0, 6000) | st.sampled_from([int(command) for command in Command]),
    st.integers(0, 21),
    _wild,
    _wild,
    _wild,
    _wild,
    _wild,
    _wild,
    _wild,
    st.booleans(),
)


@given(st.lists(_any_items, max_size=8), st.lists(_any_items, max_size=5), st.lists(_any_items, max_size=3))
def test_no_list_of_numbers_breaks_the_checks(
    items: list[MissionItem], fence: list[MissionItem], rally: list[MissionItem]
) -> None:
    report = check(items, terrain=FLAT, fence=fence, rally=rally)
    assert (report.checked is None) == bool(report.stops)
    assert all(finding.line() for finding in report.findings)
