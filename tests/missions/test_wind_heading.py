"""The lines of a survey and the wind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from missions.energy import Conditions, Supply
from missions.geometry.camera import CameraProfile
from missions.power import PowerModel
from missions.wind_heading import WindError, choose_heading

BOSON = CameraProfile("boson", 640, 512, 1125.0, 1125.0, 319.5, 255.5)
# 420 m from west to east, 220 m from south to north
AREA = Polygon([(6.7605, 51.4325), (6.7665, 51.4325), (6.7665, 51.4345), (6.7605, 51.4345)])
MODEL = PowerModel(3.0, 0.5, 200.0)


def _choice(air: Conditions, supply: Supply | None = None, speed_m_s: float = 5.0) -> float:
    return choose_heading(AREA, BOSON, 60.0, 0.3, speed_m_s, air, supply).heading_deg


def test_without_wind_the_long_side_is_flown() -> None:
    assert _choice(Conditions()) == pytest.approx(90.0, abs=1.0)


@given(st.floats(1.0, 20.0), st.floats(0.0, 360.0))
def test_without_a_model_the_lines_lie_across_the_wind(wind: float, from_deg: float) -> None:
    apart = (_choice(Conditions(wind, from_deg)) - from_deg) % 180.0
    assert apart == pytest.approx(90.0, abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.0, 360.0))
def test_with_a_model_no_heading_costs_less_than_the_chosen_one(from_deg: float) -> None:
    air = Conditions(7.0, from_deg)
    choice = choose_heading(AREA, BOSON, 60.0, 0.3, 5.0, air, Supply(MODEL, air))
    assert choice.energy_wh is not None
    assert choice.long_side_wh is None or choice.energy_wh <= choice.long_side_wh


def test_lines_that_cannot_make_way_are_not_chosen() -> None:
    """5 m/s over ground against 8 m/s of wind are 13 m/s of airspeed, on a line or on the way between two lines, and
    the aircraft has 11; against 5 m/s it is 10."""
    slow = PowerModel(3.0, 0.5, 200.0, top_airspeed_m_s=11.0)
    with pytest.raises(WindError, match="11 m/s"):
        _choice(Conditions(8.0, 90.0), Supply(slow, Conditions(8.0, 90.0)))
    assert 0.0 <= _choice(Conditions(5.0, 90.0), Supply(slow, Conditions(5.0, 90.0))) < 180.0
