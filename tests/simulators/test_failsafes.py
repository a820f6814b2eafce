"""What makes the vehicle act against its orders or keeps it from arming: ArduPilot's own levers and words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.modes import MODES
from simulators.autopilot.transfers import MISSION, RALLY, Item
from simulators.geodesy import Plane

PLANE = Plane(51.45, 6.74, 31.0)
GROUND_M = 31.0
STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL, LAND, BRAKE, SMART_RTL = 0, 2, 3, 4, 5, 6, 9, 17, 21
ACCEPTED, FAILED = 0, 4
HOME = Item(0, 16, (0, 0, 0, 0), 514_500_000, 67_400_000, 31.0)
TAKEOFF = Item(3, 22, (0, 0, 0, 0), 0, 0, 20.0)


def item(command: int, east_m: float, north_m: float, up_m: float = 20.0, *p: float) -> Item:
    lat, lon, _ = PLANE.geo(np.array([east_m, north_m, 0.0]))
    q = (*p, 0.0, 0.0, 0.0, 0.0)
    return Item(3, command, (q[0], q[1], q[2], q[3]), round(lat * 1e7), round(lon * 1e7), up_m)


class Bench:
    """A vehicle with a position, its ground station beating, everything it says in ``texts``."""

    def __init__(self) -> None:
        self.vehicle = Autopilot(PLANE, GROUND_M, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT)
        self.vehicle.add_link("ground")
        self.pilot, self.values = self.vehicle.pilot, self.vehicle.parameters.values
        self.texts: list[tuple[int, str]] = []
        self.messages: list[Any] = []
        self._parser = mavlink.MAVLink(None)
        self.run(13.0)
        assert self.pilot.set_mode(GUIDED) == ACCEPTED

    def say(self, message: Any) -> None:
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")

    def run(self, seconds: float) -> None:
        self.vehicle.step(self.vehicle.now_s + seconds)
        for frame in self.vehicle.take_outgoing("ground"):
            for m in self._parser.parse_buffer(frame) or ():
                self.messages.append(m)
                if m.get_type() == "STATUSTEXT":
                    self.texts.append((m.severity, m.text))

    def heard(self, name: str) -> list[Any]:
        return [m for m in self.messages if m.get_type() == name]

    def fly(self, up_m: float = 20.0) -> Bench:
        assert self.pilot.arm(True) == ACCEPTED
        assert self.pilot.takeoff(up_m) == ACCEPTED
        self.run(up_m / 2.5 + 7)
        self.texts.clear()
        return self

    def away(self, north_m: float) -> Bench:
        assert self.pilot.reposition(np.array([0.0, north_m, self.pilot.flight.enu[2]])) == ACCEPTED
        self.run(north_m / 8 + 6)
        return self

    @property
    def up_m(self) -> float:
        return float(self.pilot.flight.enu[2]) - GROUND_M

    def until(self, limit_s: float, done: Any) -> float:
        """Seconds until it is so."""
        begin_s = self.vehicle.now_s
        while not done():
            assert self.vehicle.now_s - begin_s < limit_s
            self.run(0.1)
        return self.vehicle.now_s - begin_s


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- arming ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lever", "value", "words", "force"),
    [
        ("BATT_ARM_VOLT", 18.0, "Battery 1 below minimum arming voltage", ACCEPTED),
        ("SIM_MAG1_FAIL", 1, "Compass not healthy", ACCEPTED),
        ("SIM_BARO_DISABLE", 1, "Baro: not healthy", ACCEPTED),
        ("SIM_RC_FAIL", 1, "Radio failsafe on", ACCEPTED),
        ("SIM_ACCEL1_FAIL", 1, "Accels inconsistent", ACCEPTED),
        ("SIM_GPS1_ENABLE", 0, "GPS 1: Bad fix", FAILED),
        ("ANGLE_MAX", 500, "Check ANGLE_MAX", ACCEPTED),
        ("FS_THR_VALUE", 900, "Check FS_THR_VALUE", ACCEPTED),
        ("BATT_LOW_VOLT", 18.0, "Battery 1 low voltage failsafe", ACCEPTED),
    ],
)
def test_each_lever_keeps_it_from_arming_and_force_overrides_all_but_the_position(
    bench: Bench, lever: str, value: float, words: str, force: int
) -> None:
    bench.values[lever] = value
    bench.run(31.0)
    assert (2, f"PreArm: {words}") in bench.texts
    assert bench.pilot.arm(True) == FAILED
    bench.run(0.1)
    assert (2, f"Arm: {words}") in bench.texts
    assert not bench.pilot.prearm_ok
    assert bench.pilot.arm(True, magic=2989) == force


def test_without_arming_checks_only_the_position_is_asked_for(bench: Bench) -> None:
    bench.values |= {"ARMING_CHECK": 0, "SIM_MAG1_FAIL": 1}
    assert bench.pilot.arm(True) == ACCEPTED
    bench.pilot.arm(False)
    bench.values["SIM_GPS1_ENABLE"] = 0
    bench.run(9.0)
    assert bench.pilot.arm(True) == FAILED


def test_a_disarm_in_the_air_needs_force_and_then_it_drops(bench: Bench) -> None:
    bench.fly()
    assert bench.pilot.arm(False) == FAILED
    assert bench.pilot.arm(False, magic=21196) == ACCEPTED
    assert not bench.pilot.armed
    assert bench.until(15.0, lambda: bench.pilot.flight.on_ground) < 12.0


@pytest.mark.parametrize("number", sorted(MODES))
def test_each_mode_arms_or_says_why_not(number: int) -> None:
    bench, mode = Bench(), MODES[number]
    assert (bench.pilot.set_mode(number) == ACCEPTED) != mode.refuses
    if not mode.refuses:
        assert (bench.pilot.arm(True) == ACCEPTED) == mode.armable
        bench.run(0.1)
        refusal = "Mode requires mission" if number == AUTO else f"{mode.name} mode not armable"
        assert ((2, f"Arm: {refusal}") in bench.texts) != mode.armable


# --- failsafes ------------------------------------------------------------------------------------------------------


def test_without_the_receiver_it_lands_where_the_wind_takes_it_and_has_no_way_back(bench: Bench) -> None:
    bench.fly(15.0)
    bench.values["SIM_GPS1_ENABLE"] = 0
    assert bench.until(20.0, lambda: bench.pilot.mode == LAND) == pytest.approx(8.0, abs=0.3)
    bench.run(2.0)
    assert bench.texts == [(2, "EKF variance"), (2, "EKF Failsafe: changed to LAND Mode")]
    assert bench.up_m > 14.5  # it stands still for four seconds first
    assert bench.pilot.set_mode(LOITER) == FAILED
    bench.run(13.0)
    assert (4, "Mode change to LOITER failed: requires position") in bench.texts
    assert (4, "SmartRTL deactivated: bad position") in bench.texts
    bench.until(40.0, lambda: not bench.pilot.armed)
    bench.values["SIM_GPS1_ENABLE"] = 1
    bench.run(2.0)
    assert bench.texts[-1] == (2, "EKF Failsafe Cleared")


@pytest.mark.parametrize(
    ("name", "value", "mode"), [("FS_THR_ENABLE", 1, RTL), ("FS_THR_ENABLE", 3, LAND), ("FS_THR_ENABLE", 7, BRAKE)]
)
def test_lost_sticks_do_what_the_parameter_says(bench: Bench, name: str, value: int, mode: int) -> None:
    bench.fly()
    bench.values |= {name: value, "SIM_RC_FAIL": 1}
    bench.run(1.2)
    assert bench.pilot.mode == mode and bench.texts == [(4, "Radio Failsafe")]
    bench.values["SIM_RC_FAIL"] = 0
    bench.run(0.2)
    assert bench.texts[-1] == (4, "Radio Failsafe Cleared") and bench.pilot.mode == mode


def test_lost_sticks_are_no_reason_to_leave_guided_where_the_options_say_so(bench: Bench) -> None:
    bench.fly()
    bench.values |= {"FS_OPTIONS": 4, "SIM_RC_FAIL": 1}
    bench.run(1.2)
    assert bench.pilot.mode == GUIDED and bench.texts == [(4, "Radio Failsafe - Continuing Guided Mode")]


@pytest.mark.parametrize(("value", "mode"), [(1, RTL), (3, SMART_RTL), (5, LAND), (7, BRAKE)])
def test_a_silent_ground_station_after_the_time_that_is_set(bench: Bench, value: int, mode: int) -> None:
    bench.values |= {"FS_GCS_ENABLE": value, "FS_GCS_TIMEOUT": 2}
    bench.fly(5.0)
    bench.say(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
    bench.run(1.8)
    assert bench.pilot.mode == GUIDED
    bench.run(0.4)
    assert bench.pilot.mode == mode and bench.texts == [(4, "GCS Failsafe")]


def test_a_low_battery_after_ten_seconds_then_a_critical_one_and_no_arming_afterwards(bench: Bench) -> None:
    bench.values |= {"BATT_FS_LOW_ACT": 2, "BATT_LOW_VOLT": 11.5, "BATT_CRT_VOLT": 11, "BATT_FS_CRT_ACT": 1}
    bench.fly(8.0)
    bench.values["SIM_BATT_VOLTAGE"] = 11.3
    bench.run(9.8)
    assert bench.pilot.mode == GUIDED
    bench.run(0.4)
    assert bench.pilot.mode == RTL
    assert bench.texts[0][1].startswith("Battery 1 is low 11.30V used ") and bench.texts[1] == (4, "Battery Failsafe")
    bench.values["SIM_BATT_VOLTAGE"] = 10.5
    bench.run(10.2)
    assert bench.pilot.mode == LAND and bench.texts[-1] == (4, "Battery Failsafe")
    bench.until(60.0, lambda: not bench.pilot.armed)
    bench.values["SIM_BATT_VOLTAGE"] = 12.6
    bench.pilot.set_mode(GUIDED)
    assert bench.pilot.arm(True) == FAILED
    bench.run(0.1)
    assert bench.texts[-1] == (2, "Arm: Battery failsafe")


@pytest.mark.parametrize(
    ("settings", "words", "mode"),
    [
        ({"FENCE_TYPE": 1, "FENCE_ALT_MAX": 15}, "Max Alt fence breached", RTL),
        ({"FENCE_TYPE": 3, "FENCE_ALT_MAX": 15, "FENCE_RADIUS": 0, "FENCE_ACTION": 2},
         "Max Alt and Circle fences breached", LAND),
        ({"FENCE_TYPE": 2, "FENCE_RADIUS": 0, "FENCE_ACTION": 4}, "Circle fence breached", BRAKE),
        ({"FENCE_TYPE": 2, "FENCE_RADIUS": 0, "FENCE_ACTION": 0}, "Circle fence breached", GUIDED),
    ],
)  # fmt: skip
def test_a_crossed_fence_is_named_and_does_what_is_set(
    bench: Bench, settings: dict[str, float], words: str, mode: int
) -> None:
    bench.fly()
    bench.values |= {**settings, "FENCE_ENABLE": 1}
    bench.run(0.1)
    changed = [(6, "Manual recovery started")] if mode != GUIDED else []  # a change of the mode outside says so
    assert bench.texts == [(5, words), *changed] and bench.pilot.mode == mode
    assert [(m.breach_status, m.breach_count) for m in bench.heard("FENCE_STATUS")] == [(1, 1)]
    bench.values["FENCE_ENABLE"] = 0
    bench.run(0.1)
    assert bench.texts[-1] == (5, "Fence breach cleared")


# --- ways home ------------------------------------------------------------------------------------------------------


def test_rtl_climbs_by_its_parameters_waits_and_lands_in_two_speeds(bench: Bench) -> None:
    bench.values |= {"RTL_ALT": 2500, "RTL_LOIT_TIME": 3000, "LAND_ALT_LOW": 500, "LAND_SPEED": 70}
    bench.fly(8.0).away(60.0)
    assert bench.pilot.set_mode(RTL) == ACCEPTED
    bench.until(20.0, lambda: bench.pilot.flight.velocity[1] < -1)
    assert 23.5 < bench.up_m < 25.5
    bench.until(30.0, lambda: bench.pilot.is_landing)
    bench.run(3.0)
    assert bench.pilot.flight.velocity[2] == pytest.approx(-1.5, abs=0.05)
    bench.until(30.0, lambda: bench.up_m < 2)
    assert bench.pilot.flight.velocity[2] == pytest.approx(-0.7, abs=0.05)
    bench.until(9.0, lambda: bench.pilot.flight.on_ground)
    assert bench.pilot.landed_state == 4
    assert bench.until(5.0, lambda: not bench.pilot.armed) == pytest.approx(2.0, abs=0.2)


def test_rtl_stays_low_near_home_above_its_final_height_and_goes_to_the_nearest_rally_point(bench: Bench) -> None:
    bench.values["RTL_ALT_FINAL"] = 500
    bench.vehicle.transfers.lists[RALLY] = [item(5100, 0, 50, 10.0)]
    bench.fly(6.0).away(47.0)
    bench.pilot.set_mode(RTL)
    bench.run(40.0)
    assert bench.pilot.flight.enu[:2] == pytest.approx([0, 50], abs=1.5)
    assert bench.up_m == pytest.approx(5.0, abs=0.3) and bench.pilot.armed


def test_smart_rtl_goes_back_the_way_it_came(bench: Bench) -> None:
    bench.fly(10.0).away(30.0)
    bench.pilot.reposition(np.array([30.0, 30.0, GROUND_M + 10]))
    bench.run(9.0)
    assert bench.pilot.set_mode(SMART_RTL) == ACCEPTED
    off = []
    while not bench.pilot.is_landing:
        assert bench.vehicle.now_s < 100.0
        bench.run(0.5)
        off.append(min(bench.pilot.flight.enu[0], 30 - bench.pilot.flight.enu[1]))
    assert max(off) < 3.0  # along the two sides, not across
    assert bench.up_m < 10.6


def test_a_mode_for_the_hands_sinks_with_the_throttle_down_and_holds_with_it_in_the_middle(bench: Bench) -> None:
    bench.fly(15.0)
    held = mavlink.MAVLink_rc_channels_override_message(1, 1, 65535, 65535, 1500, 65535, 0, 0, 0, 0)
    bench.say(held)
    assert bench.pilot.set_mode(LOITER) == ACCEPTED
    bench.run(2.5)
    assert bench.up_m == pytest.approx(15.0, abs=0.6)
    bench.run(5.0)  # an override lasts three seconds
    assert bench.pilot.flight.velocity[2] == pytest.approx(-2.5, abs=0.1)
    bench.until(10.0, lambda: bench.pilot.flight.on_ground)
    # Ten seconds from the moment in which the landing is detected.
    assert bench.until(15.0, lambda: not bench.pilot.armed) == pytest.approx(11.2, abs=0.3)


# --- missions -------------------------------------------------------------------------------------------------------


def test_auto_leaves_only_with_a_take_off_and_resumes_where_it_was(bench: Bench) -> None:
    lists = bench.vehicle.transfers.lists
    lists[MISSION] = [HOME, item(16, 0, 30)]
    assert bench.pilot.arm(True) == ACCEPTED
    assert bench.pilot.set_mode(AUTO) == FAILED
    bench.run(0.1)
    assert bench.texts[-2:] == [
        (2, "Auto: Missing Takeoff Cmd"),
        (4, "Mode change to AUTO failed: init failed"),
    ]
    lists[MISSION] = [HOME, TAKEOFF, item(16, 0, 30), item(16, 0, 60)]
    assert bench.pilot.start_mission() == ACCEPTED
    bench.until(40.0, lambda: bench.pilot.current == 3)
    bench.run(1.0)
    bench.pilot.set_mode(BRAKE)
    bench.run(2.0)
    assert bench.pilot.mission_state == 2
    assert bench.pilot.set_mode(AUTO) == ACCEPTED and bench.pilot.current == 3


def test_conditions_hold_back_what_stands_behind_them_while_the_next_leg_is_flown(bench: Bench) -> None:
    lists = bench.vehicle.transfers.lists
    lists[MISSION] = [
        HOME, TAKEOFF, Item(0, 178, (1, 3, 0, 0), 0, 0, 0), item(112, 0, 0, 0, 4), Item(0, 203, (0, 0, 0, 0), 0, 0, 0),
        item(16, 0, 60),
    ]  # fmt: skip
    bench.pilot.arm(True)
    bench.pilot.start_mission()
    bench.until(30.0, lambda: bench.pilot.current == 5)
    assert bench.until(9.0, lambda: bench.pilot.shots == 1) == pytest.approx(4.0, abs=0.3)
    assert 5.0 < bench.pilot.flight.enu[1] < 15.0
    assert bench.pilot.flight.velocity[1] == pytest.approx(3.0, abs=0.1)
    said = [text for _, text in bench.texts if text.startswith("Mission: ")]
    assert said == [
        "Mission: 1 Takeoff",
        "Mission: 1 Takeoff",
        "Mission: 2 ChangeSpeed",
        "Mission: 5 WP",
        "Mission: 3 CondDelay",
        "Mission: 4 DigiCamCtrl",
    ]


@pytest.mark.parametrize(
    ("kind", "speed", "result"), [(1, 0, 2), (1, -1, 2), (0, 3, 0), (2, 3, 0), (3, 3, 0), (5, 3, 4)]
)
def test_a_change_of_speed(bench: Bench, kind: int, speed: float, result: int) -> None:
    assert bench.pilot.change_speed(kind, speed) == result
