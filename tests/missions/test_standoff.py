"""Upwind of a hazard: where the drone stands, where it looks, and what it never crosses."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from missions.checks import check
from missions.fence import Fence, FencePolygon, fence_items
from missions.geometry.geo import Datum, GeoPoint, LocalFrame, azimuth_deg, distance_m
from missions.geometry.terrain import FlatGround
from missions.items import compile_items
from missions.mission import FlyTo, LookAt
from missions.standoff import StandoffError, Watch, keep_out, plan_standoff

HAZARD = GeoPoint(51.4325, 6.7605, 0.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HAZARD)


def home_at(east: float, north: float) -> GeoPoint:
    lat, lon, _ = FRAME.geo_from_enu(np.array([east, north, 0.0]))
    return GeoPoint(float(lat), float(lon), 33.0, Datum.SEA_LEVEL)


def test_the_drone_stands_where_the_wind_comes_from_and_looks_at_the_hazard() -> None:
    mission, _ = plan_standoff(HAZARD, Watch(240.0, distance_m=120.0, watch_s=90.0), home=home_at(-300.0, -100.0))
    (watch,) = [step for step in mission.steps if isinstance(step, FlyTo) and step.hold_s > 0.0]
    assert watch.hold_s == 90.0
    assert azimuth_deg(HAZARD, watch.point) == pytest.approx(240.0, abs=0.05)
    assert distance_m(HAZARD, watch.point) == pytest.approx(120.0, abs=0.1)
    looks = [step.point for step in mission.steps if isinstance(step, LookAt)]
    assert looks[0] is not None and distance_m(looks[0], HAZARD) < 0.01 and looks[1] is None


def test_an_arc_is_flown_to_and_fro_for_as_long_as_asked() -> None:
    mission, _ = plan_standoff(HAZARD, Watch(0.0, arc_deg=90.0, watch_s=200.0, speed_m_s=5.0))
    places = [FRAME.enu_from_geo(p.lat_deg, p.lon_deg, 0.0)[:2] for p in mission.waypoints()]
    assert [math.hypot(*place) for place in places] == pytest.approx([100.0] * len(places), abs=0.01)
    angles = [math.degrees(math.atan2(*place)) for place in places]
    assert min(angles) == pytest.approx(-45.0, abs=0.01) and max(angles) == pytest.approx(45.0, abs=0.01)
    flown = sum(math.dist(a, b) for a, b in pairwise(places))
    assert 200.0 <= flown / 5.0 < 200.0 + 35.0


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 360.0), st.floats(0.0, 360.0), st.floats(60.0, 900.0))
def test_no_leg_crosses_the_keep_out_area(wind: float, bearing: float, away: float) -> None:
    turn = math.radians(bearing)
    home = home_at(away * math.sin(turn), away * math.cos(turn))
    watch = Watch(wind, arc_deg=60.0)
    at_home = Point(FRAME.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2])
    if keep_out(watch).buffer(15.0).contains(at_home):
        return
    mission, _ = plan_standoff(HAZARD, watch, home=home)
    points = [home, *mission.waypoints(), home]
    line = LineString([FRAME.enu_from_geo(p.lat_deg, p.lon_deg, 0.0)[:2] for p in points])
    assert not keep_out(watch).intersects(line)


def test_a_home_in_the_plume_is_refused_and_one_behind_it_is_told_of_the_way_back() -> None:
    with pytest.raises(StandoffError, match="take off upwind"):
        plan_standoff(HAZARD, Watch(270.0), home=home_at(200.0, 0.0))
    behind, _ = plan_standoff(HAZARD, Watch(270.0), home=home_at(700.0, 0.0))
    assert any("straight home" in note for note in behind.notes)
    before, _ = plan_standoff(HAZARD, Watch(270.0), home=home_at(-300.0, 0.0))
    assert not any("straight home" in note for note in before.notes)


def test_the_fence_of_the_keep_out_area_agrees_with_the_flight() -> None:
    mission, barred = plan_standoff(HAZARD, Watch(270.0), home=home_at(0.0, -400.0), terrain=FlatGround(33.0))
    corners = tuple((lat, lon) for lon, lat in barred.exterior.coords[:-1])
    fence = fence_items(Fence((FencePolygon(corners, False),)))
    report = check(compile_items(mission), terrain=FlatGround(33.0), fence=fence)
    assert report.checked is not None and report.warnings == ()
    straight, _ = plan_standoff(HAZARD, Watch(90.0), home=home_at(0.0, -400.0), terrain=FlatGround(33.0))
    assert check(compile_items(straight), fence=fence).checked is None


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"distance_m": 60.0}, "distance 60"), ({"watch_s": 0.0}, "watch 0"), ({"arc_deg": 270.0}, "arc 270"),
     ({"wedge_m": 20.0}, "wedge length 20"), ({"arc_deg": 1.0, "watch_s": 7200.0}, "sweeps")],
)  # fmt: skip
def test_senseless_watches_are_refused(facts: dict[str, float], word: str) -> None:
    with pytest.raises(StandoffError, match=word):
        plan_standoff(HAZARD, Watch(0.0, **facts))
