"""Flight time against physics and against a real flight of the autopilot."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.duration import ACCELERATION_M_S2, flight_time, leg_time_s
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.items import MissionItem, compile_items, item_from_wire
from missions.mission import FlyTo, Mission, ReturnHome, SetSpeed, TakeOff, Wait
from missions.wind import Air, Conditions

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)


@given(st.floats(0.1, 2000.0), st.floats(1.0, 20.0), st.floats(0.0, 30.0), st.floats(0.0, 30.0))
def test_a_leg_is_never_faster_than_its_speed_and_never_slower_than_from_rest_to_rest(
    length: float, speed: float, begin: float, end: float
) -> None:
    time_s = leg_time_s(length, speed, begin, end)
    assert time_s >= length / speed - 1e-9
    assert time_s <= leg_time_s(length, speed, 0.0, 0.0) + 2.0 * speed / ACCELERATION_M_S2 + 1e-9


def test_known_legs() -> None:
    # 1.5 m/s² to 6 m/s takes 4 s and 12 m; 24 m of ramps, 60 m at speed
    assert math.isclose(leg_time_s(84.0, 6.0, 0.0, 0.0), 8.0 + 10.0)
    assert math.isclose(leg_time_s(60.0, 6.0, math.inf, math.inf), 10.0)
    assert leg_time_s(0.0, 6.0, 0.0, 0.0) == 0.0


def test_speed_counts_from_where_it_is_set() -> None:
    far = offset(GeoPoint(HOME.lat_deg, HOME.lon_deg, 60.0, Datum.HOME), 0.0, 600.0)
    slow = Mission("s", (TakeOff(60.0), SetSpeed(3.0), FlyTo(far), ReturnHome()), HOME)
    fast = Mission("f", (TakeOff(60.0), SetSpeed(12.0), FlyTo(far), ReturnHome()), HOME)
    a, b = (flight_time(compile_items(mission), HOME) for mission in (slow, fast))
    assert math.isclose(a.distance_m, 1200.0, rel_tol=0.005)
    assert math.isclose(b.distance_m, a.distance_m)
    assert 1.5 * b.time_s < a.time_s
    assert (a.climb_m, b.climb_m) == (60.0, 60.0)
    assert "no wind" in a.text()


def test_a_real_arducopter_flew_as_long_as_estimated(testdata: Path) -> None:
    from pymavlink import mavutil

    log = mavutil.mavlink_connection(str(testdata / "sitl" / "survey.tlog"))
    items, clock, began, landed = {}, 0.0, None, None
    while (m := log.recv_match(type=["MISSION_ITEM_INT", "GLOBAL_POSITION_INT", "STATUSTEXT"])) is not None:
        if m.get_srcSystem() != 1:
            continue
        if m.get_type() == "GLOBAL_POSITION_INT":
            clock = m.time_boot_ms / 1000.0
        elif m.get_type() == "MISSION_ITEM_INT":
            params = (m.param1, m.param2, m.param3, m.param4)
            items[m.seq] = item_from_wire(m.command, m.frame, params, m.x, m.y, m.z, bool(m.autocontinue))
        elif m.text.startswith("Mission: 1 Takeoff"):
            began = clock
        elif m.text.startswith("SIM Hit ground"):
            landed = clock
    assert began is not None
    assert landed is not None
    ordered = [items[seq] for seq in sorted(items)]
    home = GeoPoint(ordered[0].lat_deg, ordered[0].lon_deg, ordered[0].alt_m, Datum.SEA_LEVEL)
    assert flight_time(ordered, home).time_s == pytest.approx(landed - began, rel=0.05)


def test_a_delay_and_a_hold_take_their_time_and_the_speed_out_of_the_corner() -> None:
    def mission(*between: Wait, hold_s: float = 0.0) -> tuple[MissionItem, ...]:
        here = GeoPoint(HOME.lat_deg, HOME.lon_deg, 60.0, Datum.HOME)
        first, second = offset(here, 0.0, 200.0), offset(here, 0.0, 400.0)
        return compile_items(
            Mission("w", (TakeOff(60.0), FlyTo(first, hold_s), *between, FlyTo(second), ReturnHome()), HOME)
        )

    on = flight_time(mission(), HOME).time_s
    waits = flight_time(mission(Wait(7.0)), HOME).time_s
    assert waits == pytest.approx(flight_time(mission(hold_s=7.0), HOME).time_s)
    assert flight_time(mission(Wait(7.0), Wait(5.0)), HOME).time_s == pytest.approx(waits + 5.0)
    # straight on it would not slow down: 10 m/s to rest and back cost 6.7 s and the jerk's second
    assert waits - on == pytest.approx(7.0 + 10.0 / ACCELERATION_M_S2 + 1.0, abs=0.1)


def test_wind_slows_what_asks_for_more_airspeed_than_there_is() -> None:
    far = offset(GeoPoint(HOME.lat_deg, HOME.lon_deg, 60.0, Datum.HOME), 0.0, 1000.0)
    items = compile_items(Mission("w", (TakeOff(60.0), SetSpeed(8.0), FlyTo(far), ReturnHome()), HOME))
    calm = flight_time(items, HOME)
    light = flight_time(items, HOME, air=Air(Conditions(4.0, 0.0), 15.0))
    strong = flight_time(items, HOME, air=Air(Conditions(12.0, 0.0), 15.0))
    assert light.time_s == pytest.approx(calm.time_s)  # 8 m/s against 4 are 12 of airspeed
    assert strong.time_s - calm.time_s == pytest.approx(1000.0 / 3.0 - 1000.0 / 8.0, abs=4.0)  # 3 are left out; 10 back
    assert "12 m/s of wind from 0°" in strong.text() and "no wind" in calm.text()
