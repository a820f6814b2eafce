"""Orbits: round, clear of the ground, and looking at their centre."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.checks import check
from missions.geometry.geo import Datum, GeoPoint, GridProjection, azimuth_deg, distance_m, offset
from missions.geometry.terrain import TerrainGrid
from missions.mission import LookAt, TakeOff
from missions.orbit import OrbitError, orbit

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
CENTRE = offset(HOME, 20.0, 150.0)


@settings(deadline=None)
@given(st.floats(5.0, 300.0), st.integers(1, 3), st.booleans())
def test_the_circle_is_round_closed_and_turns_the_right_way(radius: float, turns: int, clockwise: bool) -> None:
    points = orbit(CENTRE, radius, 50.0, home=HOME, turns=turns, clockwise=clockwise).waypoints()
    assert all(abs(distance_m(point, CENTRE) - radius) < 0.01 for point in points)
    assert distance_m(points[0], points[-1]) < 0.01
    first, second = (azimuth_deg(CENTRE, point) for point in points[:2])
    assert ((second - first) % 360.0 < 180.0) is clockwise
    swept = (len(points) - 1) * min((second - first) % 360.0, (first - second) % 360.0)
    assert math.isclose(swept, 360.0 * turns, rel_tol=1e-4)


def test_it_begins_on_the_side_of_home_and_looks_at_the_centre() -> None:
    mission = orbit(CENTRE, 40.0, 50.0, home=HOME)
    assert distance_m(mission.waypoints()[0], HOME) == pytest.approx(110.0, abs=0.1)
    looks = [step.point for step in mission.steps if isinstance(step, LookAt)]
    assert looks[0] is not None
    assert distance_m(looks[0], CENTRE) < 0.01
    assert looks[-1] is None
    assert check(mission).checked is not None


def test_it_flies_above_the_highest_roof_around() -> None:
    heights = np.full((500, 500), 33.0, np.float32)
    heights[100:110, 300:310] = 75.0
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    town = TerrainGrid(heights, "EPSG:25832", float(x) - 250.0, float(y) + 350.0, 1.0, 1.0)
    mission = orbit(CENTRE, 110.0, 30.0, home=HOME, terrain=town)
    takeoff = mission.steps[0]
    assert isinstance(takeoff, TakeOff)
    assert takeoff.height_m == pytest.approx(72.0, abs=0.1)
    assert check(mission, terrain=town).findings == ()
    with pytest.raises(OrbitError, match="no height under the orbit"):
        orbit(CENTRE, 300.0, 30.0, home=HOME, terrain=town)
    with pytest.raises(OrbitError, match="home is needed"):
        orbit(CENTRE, 50.0, 30.0, terrain=town)


@pytest.mark.parametrize(
    ("radius", "height", "turns", "words"),
    [(1.0, 50.0, 1, "radius"), (math.nan, 50.0, 1, "radius"), (50.0, 0.0, 1, "height"), (50.0, 50.0, 0, "turns")],
)
def test_values_that_cannot_be_meant_are_refused(radius: float, height: float, turns: int, words: str) -> None:
    with pytest.raises(OrbitError, match=words):
        orbit(CENTRE, radius, height, home=HOME, turns=turns)
