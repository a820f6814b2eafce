"""Energy along a mission: the wind triangle, the way home, and findings that bite."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from missions.checks import check
from missions.energy import Conditions, Supply, airspeed_on, budget, check_energy
from missions.geometry.geo import Datum, GeoPoint
from missions.items import compile_items
from missions.mission import FlyTo, Mission, ReturnHome, SetSpeed, TakeOff
from missions.path import Leg, Stop
from missions.power import PowerModel

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
MODEL = PowerModel(3.2, 4 * math.pi * 0.38**2 / 4, 160.0, 0.62, 0.045, 12.0)
CALM = Conditions()
NORTH = 1.0 / 111_195.0


def out_and_back(metres: float, speed_m_s: float = 8.0) -> Mission:
    far = GeoPoint(HOME.lat_deg + metres * NORTH, HOME.lon_deg, 60.0, Datum.HOME)
    return Mission("out", (TakeOff(60.0), SetSpeed(speed_m_s), FlyTo(far), ReturnHome()), HOME)


def leg(metres: float) -> Leg:
    start = Stop(1, HOME.lat_deg, HOME.lon_deg, 60.0, Datum.HOME)
    return Leg(start, Stop(2, HOME.lat_deg + metres * NORTH, HOME.lon_deg, 60.0, Datum.HOME))


@pytest.mark.parametrize(
    "wind_from, airspeed", [(0.0, 13.0), (180.0, 3.0), (90.0, math.hypot(8.0, 5.0)), (360.0, 13.0)]
)
def test_the_wind_triangle(wind_from: float, airspeed: float) -> None:
    assert airspeed_on(leg(500.0), 8.0, Conditions(5.0, wind_from)) == pytest.approx(airspeed, abs=1e-3)
    assert airspeed_on(leg(0.0), 8.0, Conditions(5.0, wind_from)) == pytest.approx(5.0)


def test_a_flight_costs_what_its_parts_cost() -> None:
    plan = budget(compile_items(out_and_back(1000.0)), HOME, Supply(MODEL))
    assert plan.energy_wh == pytest.approx(sum(leg.energy_wh for leg in plan.legs))
    assert plan.legs[-1].spent_wh == pytest.approx(plan.energy_wh)
    cruise_wh = MODEL.power_w(8.0) * 1000.0 / 8.0 / 3600.0
    assert plan.legs[1].energy_wh == pytest.approx(cruise_wh, rel=0.06)
    assert plan.left == pytest.approx(1.0 - plan.energy_wh / 144.0)


def test_the_way_home_from_the_far_end_is_the_way_back() -> None:
    plan = budget(compile_items(out_and_back(1000.0)), HOME, Supply(MODEL))
    assert plan.legs[1].home_wh == pytest.approx(plan.legs[2].energy_wh, rel=0.05)
    assert plan.legs[1].home_s == pytest.approx(plan.legs[2].time_s, rel=0.05)


def test_wind_costs_and_a_headwind_home_counts_before_it_is_flown() -> None:
    items = compile_items(out_and_back(2000.0))
    calm, south = (budget(items, HOME, Supply(MODEL, Conditions(wind, 180.0))) for wind in (0.0, 7.0))
    assert south.legs[1].energy_wh < south.legs[2].energy_wh
    assert south.legs[1].home_wh > 1.1 * calm.legs[1].home_wh


def test_the_way_home_takes_what_the_wind_leaves() -> None:
    def home_s(wind_m_s: float, wind_from_deg: float) -> float:
        flight = compile_items(out_and_back(1000.0, speed_m_s=12.0))
        return budget(flight, HOME, Supply(MODEL, Conditions(wind_m_s, wind_from_deg))).legs[1].home_s

    # 15 m/s of airspeed: a tail wind changes nothing (10 m/s are flown), 9 m/s against leave 6 of them.
    assert home_s(9.0, 0.0) == pytest.approx(home_s(0.0, 0.0))
    calm, against = home_s(0.0, 0.0), home_s(9.0, 180.0)
    assert against - calm == pytest.approx(1000.0 / 6.0 - 1000.0 / 10.0, abs=4.0)
    assert home_s(14.4, 90.0) == pytest.approx(calm + 1000.0 / 4.2 - 1000.0 / 10.0, abs=8.0)
    assert home_s(15.0, 180.0) == math.inf
    lost = check_energy(compile_items(out_and_back(1000.0, 5.0)), HOME, Supply(MODEL, Conditions(15.0, 180.0)))
    assert "no_way_home" in {finding.code for finding in lost}


def test_the_findings_bite_in_their_order() -> None:
    def codes(metres: float, conditions: Conditions = CALM, speed: float = 8.0) -> list[tuple[str, str]]:
        found = check_energy(compile_items(out_and_back(metres, speed)), HOME, Supply(MODEL, conditions))
        return [(finding.severity, finding.code) for finding in found]

    assert codes(1000.0) == []
    assert codes(8000.0) == [("warning", "reserve")]
    assert codes(12_000.0) == [("stop", "battery_empty")]
    assert ("stop", "wind_too_strong") in codes(1000.0, Conditions(9.0, 0.0))
    assert codes(1000.0, Conditions(9.0, 0.0), speed=4.0) == []


def test_a_check_with_a_supply_stops_what_no_battery_carries() -> None:
    assert check(out_and_back(12_000.0), supply=Supply(MODEL)).checked is None
    far = next(f for f in check(out_and_back(12_000.0), supply=Supply(MODEL)).stops if f.code == "battery_empty")
    assert far.seq is not None and "Split the mission" in far.remedy
    assert check(out_and_back(1000.0), supply=Supply(replace(MODEL, reserve=0.0))).checked is not None
