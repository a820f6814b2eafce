"""Corridors: how many lines, how far beside the route, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString

from missions.corridor import CorridorError, corridor, corridor_lines, route_in_metres
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint
from missions.mission import FlyTo

CAMERA = CameraProfile("c", 640, 512, 1125.0, 1125.0, 319.5, 255.5)
ROUTE = np.array([[6.76, 51.43], [6.765, 51.432], [6.772, 51.431]])
HOME = GeoPoint(51.43, 6.76, 30.0, Datum.SEA_LEVEL)


@given(st.floats(5.0, 200.0), st.floats(8.0, 60.0))
def test_the_whole_width_is_seen(width: float, spacing: float) -> None:
    route = np.array([[0.0, 0.0], [900.0, 100.0], [1800.0, -50.0]])
    track = LineString(corridor_lines(route, width, spacing))
    inner = LineString([(20.0, 3.0), (900.0, 100.0), (1780.0, -46.0)]).buffer(0.5 * width - 1e-6, cap_style="flat")
    assert track.buffer(0.51 * spacing + 0.05).covers(
        inner.intersection(LineString(route).buffer(0.5 * width, cap_style="flat"))
    )


def test_a_narrow_corridor_is_one_line_and_begins_near_home() -> None:
    mission = corridor(ROUTE, CAMERA, 60.0, width_m=20.0, home=HOME)
    places = mission.waypoints()
    assert len(places) == 3 and abs(places[0].lon_deg - 6.76) < 1e-4
    assert corridor(ROUTE[::-1], CAMERA, 60.0, width_m=20.0, home=HOME).waypoints()[0].lon_deg == pytest.approx(6.76)


def test_a_wide_one_goes_there_and_back() -> None:
    mission = corridor(ROUTE, CAMERA, 60.0, width_m=60.0, home=HOME)
    assert sum(isinstance(step, FlyTo) for step in mission.steps) == 9
    assert any("no terrain" in note for note in mission.notes)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"width_m": 0.0}, "width 0 m"),
        ({"width_m": 50.0, "sidelap": 1.0}, "sidelap 1"),
        ({"width_m": 900.0}, "bends too tightly"),
        ({"width_m": 20.0, "altitude_m": 2.0}, "height 2"),
    ],
)
def test_what_cannot_be_planned_is_refused(change: dict[str, Any], words: str) -> None:
    route = np.array([[6.76, 51.43], [6.7605, 51.43], [6.76, 51.4302]])
    with pytest.raises(ValueError, match=words):
        corridor(route, CAMERA, **{"altitude_m": 60.0, **change})
    with pytest.raises(CorridorError, match="line of 2"):
        route_in_metres(route[:1], "a")
