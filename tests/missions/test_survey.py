"""Surveys: every corner of the area is seen, and no line comes closer to the surface than asked."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Polygon, unary_union

from missions.area import local_frame, to_metres
from missions.checks import check
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame, offset
from missions.geometry.terrain import FlatGround, TerrainGrid
from missions.geometry.terrain_files import read_terrain
from missions.items import Command, compile_items
from missions.mission import FlyTo, PointCamera, ReturnHome, SetSpeed, TakeOff
from missions.survey import SurveyError, long_side_heading_deg, plan_lines, survey, swath

BOSON = CameraProfile("boson", 640, 512, 1125.0, 1125.0, 319.5, 255.5)
HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)


def _area(east_north: list[tuple[float, float]], holes: list[list[tuple[float, float]]] | None = None) -> Polygon:
    def ring(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        lat, lon, _ = FRAME.geo_from_enu(np.array([[e, n, 0.0] for e, n in points]))
        return list(zip(lon.tolist(), lat.tolist(), strict=True))

    return Polygon(ring(east_north), [ring(hole) for hole in holes or []])


SQUARE = _area([(0, 60), (200, 60), (200, 180), (0, 180)])
L_SHAPE = _area([(0, 60), (300, 60), (300, 120), (100, 120), (100, 300), (0, 300)])
RING = _area([(0, 60), (300, 60), (300, 360), (0, 360)], [[(100, 160), (200, 160), (200, 260), (100, 260)]])


def _outline(points: list[tuple[float, float]]) -> Polygon:
    return MultiPoint(points).convex_hull


_convex = (
    st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=4, max_size=9)
    .map(_outline)
    .filter(lambda shape: shape.geom_type == "Polygon" and shape.area > 500.0)
)


@settings(max_examples=60, deadline=None)
@given(_convex, st.floats(15.0, 60.0), st.floats(0.0, 360.0))
def test_strips_along_the_lines_cover_the_area(outline: Polygon, spacing: float, heading: float) -> None:
    lines = plan_lines(outline, spacing, heading, 0.0)
    seen = unary_union([LineString(line).buffer(spacing / 2 + 1e-6, cap_style="flat") for line in lines])
    assert outline.difference(seen.buffer(1e-3)).area < 1e-3
    for line in lines:
        along = line[1] - line[0]
        turn = math.degrees(math.atan2(along[0], along[1])) - heading
        assert math.isclose(math.sin(math.radians(turn)), 0.0, abs_tol=1e-6)


def _star(radii: list[float]) -> Polygon:
    """A mostly concave outline: one corner a direction, at the given radii."""
    angles = np.linspace(0.0, 2.0 * np.pi, len(radii), endpoint=False)
    return Polygon(np.column_stack([np.cos(angles), np.sin(angles)]) * np.array(radii)[:, None])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(20.0, 400.0), min_size=4, max_size=14), st.floats(10.0, 60.0), st.floats(0.0, 180.0))
def test_strips_cover_concave_areas_too(radii: list[float], spacing: float, heading: float) -> None:
    outline = _star(radii)
    lines = plan_lines(outline, spacing, heading, 0.0)
    seen = unary_union([LineString(line).buffer(spacing / 2 + 1e-6, cap_style="flat") for line in lines])
    assert outline.difference(seen.buffer(1e-3)).area < 1e-3


@pytest.mark.parametrize("area", [SQUARE, L_SHAPE, RING])
@pytest.mark.parametrize("sidelap", [0.0, 0.3])
def test_what_the_camera_sees_covers_the_area(area: Polygon, sidelap: float) -> None:
    mission = survey(area, BOSON, 60.0, sidelap=sidelap, home=HOME)
    frame = local_frame(area)
    flown = [frame.enu_from_geo(p.lat_deg, p.lon_deg, 0.0)[:2] for p in mission.waypoints()]
    half = 60.0 * swath(BOSON).half_width
    seen = unary_union([LineString(pair).buffer(half, cap_style="flat") for pair in pairwise(flown)])
    assert to_metres(area, frame).difference(seen.buffer(0.05)).area < 0.5
    # and not by flying needlessly much: the lines alone see at most 1 / (1 − sidelap) of a full width too much
    lines = (2 * half * (1 - sidelap)) * LineString(flown).length
    assert lines < 2.5 * to_metres(area, frame).convex_hull.area


def test_the_swath_is_the_pinhole_footprint() -> None:
    seen = swath(BOSON)
    assert math.isclose(seen.half_width, 319.5 / 1125.0, rel_tol=1e-6)
    assert math.isclose(seen.ahead, 255.5 / 1125.0, rel_tol=1e-6)
    turned = CameraProfile("turned", 640, 512, 1125.0, 1125.0, 319.5, 255.5, mount="fixed", yaw_deg=90.0)
    assert math.isclose(swath(turned).half_width, 255.5 / 1125.0, rel_tol=1e-6)


def test_an_oblique_camera_is_refused() -> None:
    oblique = CameraProfile("oblique", 640, 512, 1125.0, 1125.0, 319.5, 255.5, mount="fixed", pitch_deg=60.0)
    with pytest.raises(SurveyError, match="straight down"):
        swath(oblique)


def test_lines_run_along_the_long_side_and_turn_at_every_line() -> None:
    outline = Polygon([(0, 0), (300, 0), (300, 100), (0, 100)])
    heading = long_side_heading_deg(outline)
    assert math.isclose(heading, 90.0, abs_tol=1e-6)
    lines = plan_lines(outline, 40.0, heading, 0.0)
    assert len(lines) == 3
    directions = [np.sign((line[1] - line[0])[0]) for line in lines]
    assert directions[0] == -directions[1] == directions[2]


@pytest.mark.parametrize("corner", [(-50.0, -50.0), (350.0, -50.0), (-50.0, 150.0), (350.0, 150.0)])
def test_the_flight_begins_at_the_corner_next_to_home(corner: tuple[float, float]) -> None:
    outline = Polygon([(0, 0), (300, 0), (300, 100), (0, 100)])
    lines = plan_lines(outline, 40.0, 90.0, 0.0, np.array(corner))
    ends = [end for line in (lines[0], lines[-1]) for end in line]
    nearest = min(float(np.linalg.norm(end - corner)) for end in ends)
    assert math.isclose(float(np.linalg.norm(lines[0][0] - corner)), nearest)


def test_the_steps_are_a_whole_flight() -> None:
    mission = survey(SQUARE, BOSON, 60.0, home=HOME, speed_m_s=4.0)
    assert mission.steps[0] == TakeOff(60.0)
    assert SetSpeed(4.0) in mission.steps
    assert PointCamera(-90.0) in mission.steps
    assert mission.steps[-1] == ReturnHome()
    report = check(mission)
    assert report.checked is not None
    assert {finding.code for finding in report.findings} == {"planner_note", "no_terrain"}


def test_a_fixed_camera_gets_no_gimbal_item() -> None:
    fixed = CameraProfile("fixed", 640, 512, 1125.0, 1125.0, 319.5, 255.5, mount="fixed")
    assert Command.GIMBAL_PITCH_YAW not in {item.command for item in compile_items(survey(SQUARE, fixed, 60.0))}


def test_a_concave_area_says_that_it_is_left() -> None:
    assert any("not convex" in note for note in survey(RING, BOSON, 60.0, home=HOME).notes)
    assert not any("not convex" in note for note in survey(SQUARE, BOSON, 60.0, home=HOME).notes)


def test_motion_blur_is_said() -> None:
    # 60 m / 1125 px = 5.3 cm a pixel; 10 ms at 8 m/s smear over 1.5 px
    assert any("1.5 px" in note for note in survey(SQUARE, BOSON, 60.0, home=HOME, speed_m_s=8.0).notes)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"altitude_m": 2.0}, "5 to 1000 m"),
        ({"altitude_m": math.nan}, "5 to 1000 m"),
        ({"sidelap": 1.0}, "0 to 0.95"),
        ({"sidelap": 0.95, "altitude_m": 5.0}, "at most 400"),
        ({"heading_deg": math.inf}, "heading"),
        ({"terrain": FlatGround(33.0), "home": None}, "home is needed"),
        ({"terrain": FlatGround(33.0, Datum.ELLIPSOID)}, "above sea level is needed"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(values: dict[str, object], words: str) -> None:
    given_values: dict[str, object] = {"altitude_m": 60.0, "home": HOME} | values
    with pytest.raises(SurveyError, match=words):
        survey(SQUARE, BOSON, **given_values)  # type: ignore[arg-type]


def _town(blocks: list[tuple[int, int, int, int, float]], kind: str = "surface") -> TerrainGrid:
    """700 m × 600 m of flat ground at 33 m with blocks (row, rows, column, columns, height)."""
    heights = np.full((600, 700), 33.0, np.float32)
    for row, rows, column, columns, height in blocks:
        heights[row : row + rows, column : column + columns] += np.float32(height)
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    return TerrainGrid(heights, "EPSG:25832", float(x) - 200.0, float(y) + 400.0, 1.0, 1.0, kind=kind)


_blocks = st.tuples(
    st.integers(150, 380), st.integers(3, 60), st.integers(150, 450), st.integers(3, 60), st.floats(1.0, 70.0)
)


@settings(max_examples=15, deadline=None)
@given(st.lists(_blocks, min_size=1, max_size=5), st.floats(20.0, 80.0))
def test_following_keeps_the_height_above_every_roof(
    blocks: list[tuple[int, int, int, int, float]], height: float
) -> None:
    town = _town(blocks)
    mission = survey(SQUARE, BOSON, height, home=HOME, terrain=town)
    assert mission.home is not None
    points = mission.waypoints()
    home_alt = mission.home.alt_m
    for start, end in pairwise(points):
        part = np.linspace(0.0, 1.0, 60)
        lat = start.lat_deg + part * (end.lat_deg - start.lat_deg)
        lon = start.lon_deg + part * (end.lon_deg - start.lon_deg)
        above = home_alt + start.alt_m + part * (end.alt_m - start.alt_m) - town.height_at(lat, lon)
        assert above.min() > height - 0.1
    assert len(points) < 600


def test_following_over_flat_ground_adds_no_points() -> None:
    flat = survey(SQUARE, BOSON, 60.0, home=HOME, terrain=FlatGround(40.0))
    level = survey(SQUARE, BOSON, 60.0, home=HOME)
    assert len(flat.waypoints()) == len(level.waypoints())
    assert {point.alt_m for point in flat.waypoints()} == {60.0}


def test_a_tower_on_the_way_raises_the_way_not_the_survey() -> None:
    # row 0 lies 400 m north of home: a block between home (row 400) and the area (rows 220 to 340)
    tower = _town([(350, 30, 180, 80, 80.0)])
    mission = survey(SQUARE, BOSON, 60.0, home=HOME, terrain=tower)
    takeoff = mission.steps[0]
    assert isinstance(takeoff, TakeOff)
    assert takeoff.height_m > 139.0
    lowest = min(point.alt_m for point in mission.waypoints())
    assert lowest < 65.0
    report = check(mission, terrain=tower)
    assert report.checked is not None
    assert {finding.code for finding in report.findings} <= {"height_limit", "rtl_path", "line_of_sight"}


def test_terrain_that_does_not_reach_names_the_place() -> None:
    with pytest.raises(SurveyError, match="no height under the track at 51"):
        survey(_area([(400, 60), (900, 60), (900, 180), (400, 180)]), BOSON, 60.0, home=HOME, terrain=_town([]))
    away = GeoPoint(51.5, 6.9, 33.0, Datum.SEA_LEVEL)
    with pytest.raises(SurveyError, match="does not cover home"):
        survey(SQUARE, BOSON, 60.0, home=away, terrain=_town([]))


def test_home_off_the_terrain_height_is_said_and_the_terrain_counts() -> None:
    wrong = GeoPoint(HOME.lat_deg, HOME.lon_deg, 80.0, Datum.SEA_LEVEL)
    mission = survey(SQUARE, BOSON, 60.0, home=wrong, terrain=FlatGround(33.0))
    assert mission.home is not None
    assert mission.home.alt_m == 33.0
    assert any("80.0 m" in note for note in mission.notes)
    assert all(isinstance(step, FlyTo) is False or step.point.datum is Datum.HOME for step in mission.steps)


def test_a_real_mountain_is_followed_and_passes_its_check(testdata: Path) -> None:
    mountain = read_terrain(testdata / "dem" / "cobb.tif", kind="ground")
    summit = GeoPoint(33.9764, -84.5791, 0.0, Datum.SEA_LEVEL)
    corners = [offset(summit, azimuth, 350.0) for azimuth in (45.0, 135.0, 225.0, 315.0)]
    area = Polygon([(corner.lon_deg, corner.lat_deg) for corner in corners])
    ground = float(mountain.height_at(33.9735, -84.5740))
    home = GeoPoint(33.9735, -84.5740, ground, Datum.SEA_LEVEL)
    mission = survey(area, BOSON, 80.0, home=home, terrain=mountain)
    report = check(mission, terrain=mountain)
    assert report.checked is not None
    allowed = {"height_limit", "below_home", "rtl_path", "line_of_sight", "fresnel"}
    assert {finding.code for finding in report.findings} <= allowed
    heights = [point.alt_m for point in mission.waypoints()]
    assert max(heights) - min(heights) > 60.0
    level = survey(area, BOSON, 80.0, home=home)
    assert "hits_ground" in {finding.code for finding in check(level, terrain=mountain).stops}
