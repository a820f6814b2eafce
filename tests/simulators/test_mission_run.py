"""AUTO runs items as ArduPilot's mission library does, on the ground as well, and tells of them as it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.transfers import MISSION, Item
from simulators.geodesy import Plane

PLANE = Plane(51.45, 6.74, 31.0)
STABILIZE, AUTO, GUIDED, LAND = 0, 3, 4, 9
NO_MISSION, NOT_STARTED, ACTIVE, PAUSED, COMPLETE = 1, 2, 3, 4, 5
HOME = Item(0, 16, (0, 0, 0, 0), 514_500_000, 67_400_000, 31.0)
TAKEOFF = Item(3, 22, (0, 0, 0, 0), 0, 0, 10.0)


def item(command: int, east_m: float, north_m: float, up_m: float = 10.0, *p: float) -> Item:
    lat, lon, _ = PLANE.geo(np.array([east_m, north_m, 0.0]))
    q = (*p, 0.0, 0.0, 0.0, 0.0)
    return Item(3, command, (q[0], q[1], q[2], q[3]), round(lat * 1e7), round(lon * 1e7), up_m)


def do(command: int, *p: float) -> Item:
    q = (*p, 0.0, 0.0, 0.0, 0.0)
    return Item(0, command, (q[0], q[1], q[2], q[3]), 0, 0, 0.0)


class Bench:
    """A vehicle on the ground with a position and a mission; ``said`` are its texts, ``reached`` its reports."""

    def __init__(self, *mission: Item, **values: float) -> None:
        self.vehicle = Autopilot(PLANE, 31.0, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT)
        self.vehicle.add_link("ground")
        self.pilot, self.said, self.reached = self.vehicle.pilot, list[str](), list[int]()
        self._parser = mavlink.MAVLink(None)
        self.vehicle.parameters.values |= values
        self.run(13.0)
        self.vehicle.transfers.lists[MISSION] = [HOME, *mission]
        self.said.clear()

    def run(self, seconds: float) -> None:
        self.vehicle.step(self.vehicle.now_s + seconds)
        for frame in self.vehicle.take_outgoing("ground"):
            for m in self._parser.parse_buffer(frame) or ():
                if m.get_type() == "STATUSTEXT":
                    self.said.append(m.text)
                elif m.get_type() == "MISSION_ITEM_REACHED":
                    self.reached.append(m.seq)

    def say(self, message: Any) -> None:
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")

    def until(self, limit_s: float, done: Any) -> None:
        begin_s = self.vehicle.now_s
        while not done():
            assert self.vehicle.now_s - begin_s < limit_s
            self.run(0.1)

    @property
    def state(self) -> tuple[int, int]:
        return self.pilot.current, self.pilot.mission_state


def test_auto_takes_up_the_first_item_while_disarmed_and_mission_start_takes_it_up_twice() -> None:
    bench = Bench(TAKEOFF, item(16, 0, 20))
    assert bench.pilot.set_mode(AUTO) == 0
    bench.run(0.1)
    assert bench.said == ["Mission: 1 Takeoff"] and bench.state == (1, ACTIVE)
    assert bench.pilot.set_mode(GUIDED) == 0
    bench.run(0.1)
    assert bench.state == (1, NOT_STARTED)
    assert bench.pilot.start_mission() == 0
    bench.run(0.1)
    assert bench.said[1:] == ["Mission: 1 Takeoff"] * 2 and not bench.pilot.armed


def test_arming_in_guided_and_changing_to_auto_only_sits_there_until_it_disarms() -> None:
    bench = Bench(TAKEOFF, item(16, 0, 20))
    bench.pilot.set_mode(GUIDED)
    assert bench.pilot.arm(True) == 0
    assert bench.pilot.set_mode(AUTO) == 0
    bench.run(9.0)
    assert bench.pilot.armed and bench.pilot.landed
    bench.run(2.0)
    assert not bench.pilot.armed and bench.state == (1, ACTIVE), "reset, and taken up again: it is still AUTO"


@pytest.mark.parametrize(("options", "armed", "leaves"), [(0, False, False), (1, True, False), (3, True, True)])
def test_auto_options_let_it_arm_in_auto_and_leave(options: int, armed: bool, leaves: bool) -> None:
    bench = Bench(TAKEOFF, item(16, 0, 20), AUTO_OPTIONS=options)
    bench.pilot.set_mode(AUTO)
    bench.run(0.1)
    assert (bench.pilot.arm(True) == 0) == armed
    bench.run(5.0)
    assert (not bench.pilot.landed) == leaves


def test_the_motors_run_up_it_takes_off_and_the_phases_are_told() -> None:
    bench = Bench(TAKEOFF, item(21, 0, 10))
    bench.pilot.set_mode(GUIDED)
    bench.pilot.arm(True)
    bench.run(2.5)
    bench.pilot.start_mission()
    bench.run(0.8)
    assert bench.pilot.landed_state == 1, "the motors run up"
    bench.run(1.0)
    assert bench.pilot.landed_state == 3
    bench.until(20.0, lambda: bench.pilot.current == 2)
    assert bench.reached == [1] and bench.pilot.landed_state == 2
    bench.until(30.0, lambda: bench.pilot.landed_state == 4)
    bench.until(40.0, lambda: bench.pilot.landed_state == 1)
    assert bench.pilot.armed, "it is told as landed before the motors stop"
    bench.until(2.0, lambda: not bench.pilot.armed)
    bench.run(0.2)
    # A landing is never reached: it disarms, which resets the mission, and AUTO takes up the first item again.
    assert bench.reached == [1] and bench.said[-2:] == ["Disarming motors", "Mission: 1 Takeoff"]


def test_do_items_are_begun_one_after_the_other_and_what_it_does_not_know_is_skipped() -> None:
    bench = Bench(TAKEOFF, do(178, 1, 3), do(191), do(203), item(16, 0, 60))
    bench.pilot.set_mode(GUIDED)
    bench.pilot.arm(True)
    bench.pilot.start_mission()
    bench.until(30.0, lambda: bench.pilot.shots == 1)
    bench.run(0.2)
    told = [text for text in bench.said if text[:8] in ("Mission:", "Skipping")]
    assert told[2:] == [
        "Mission: 2 ChangeSpeed", "Mission: 5 WP", "Mission: 3 ?", "Skipping invalid cmd #191",
        "Mission: 4 DigiCamCtrl",
    ]  # fmt: skip
    assert bench.reached == [2, 3], "of two in one moment the last is told: 1 was done with 2"


def test_a_mission_that_is_emptied_in_flight_flies_on_or_fails_to_restart() -> None:
    bench = Bench(TAKEOFF, item(16, 0, 300))
    bench.pilot.set_mode(GUIDED)
    bench.pilot.arm(True)
    bench.pilot.start_mission()
    bench.until(20.0, lambda: bench.pilot.current == 2)
    bench.say(mavlink.MAVLink_mission_count_message(1, 1, 0, MISSION))
    bench.run(2.0)
    assert bench.said[-2:] == ["Flight plan received", "Auto mission changed but failed to restart command"]
    assert bench.state == (2, NO_MISSION)
    assert bench.pilot.flight.velocity[1] > 1.0, "it flies on to where it was going"


def test_a_current_item_may_reset_the_mission_and_its_jumps() -> None:
    bench = Bench(TAKEOFF, item(16, 0, 20), item(16, 0, 40), do(177, 2, 1))
    assert bench.pilot.set_current(2) == 0 and bench.state == (2, NOT_STARTED)
    assert bench.pilot.set_current(5) == 2
    assert bench.pilot.set_current(4) == 0 and bench.state == (2, NOT_STARTED), "the jump leads back"
    assert bench.pilot.set_current(4) == 4 and bench.state == (0, NOT_STARTED), "and is used up"
    assert bench.pilot.set_current(2, reset=True) == 0 and bench.state == (2, ACTIVE)


def test_an_item_for_a_companion_computer_lets_it_give_targets() -> None:
    bench = Bench(TAKEOFF, item(92, 0, 0, 10.0, 1))
    bench.pilot.set_mode(GUIDED)
    bench.pilot.arm(True)
    bench.pilot.start_mission()
    bench.until(25.0, lambda: bench.pilot.current == 2)
    target = mavlink.MAVLink_set_position_target_local_ned_message(
        0, 1, 1, 1, 0b110111111000, 10, 0, -10, 0, 0, 0, 0, 0, 0, 0, 0
    )
    bench.say(target)
    bench.run(12.0)
    assert bench.pilot.flight.enu[1] == pytest.approx(10.0, abs=0.5)
