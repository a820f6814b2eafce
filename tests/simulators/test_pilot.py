"""What the autopilot flies: items of a mission, looking at a place, pictures, failsafes, and its devices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.transfers import FENCE, MISSION, Item
from simulators.geodesy import Plane

pytestmark = pytest.mark.rehearsal

PLANE = Plane(51.45, 6.74, 31.0)
GROUND_M = 31.0
AUTO, GUIDED, RTL = 3, 4, 6
SAY = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
CAMERA = mavlink.MAVLink(None, srcSystem=1, srcComponent=100)
HOME = Item(0, 16, (0, 0, 0, 0), 514_500_000, 67_400_000, 31.0)
TAKEOFF = Item(3, 22, (0, 0, 0, 0), 0, 0, 20.0)


def item(command: int, east_m: float, north_m: float, up_m: float = 20.0, p: tuple[float, ...] = (0, 0, 0, 0)) -> Item:
    lat, lon, _ = PLANE.geo(np.array([east_m, north_m, 0.0]))
    return Item(3, command, (p[0], p[1], p[2], p[3]), round(lat * 1e7), round(lon * 1e7), up_m)


def do(command: int, *p: float) -> Item:
    q = (*p, 0.0, 0.0, 0.0, 0.0)
    return Item(0, command, (q[0], q[1], q[2], q[3]), 0, 0, 0.0)


def command(number: int, *p: float, component: int = 1) -> Any:
    q = [*p, *[0.0] * 7][:7]
    return mavlink.MAVLink_command_long_message(1, component, number, 0, *q)


class Bench:
    """A vehicle on the ground with a position, heard on one link, a camera on another."""

    def __init__(self, *mission: Item) -> None:
        self.vehicle = Autopilot(PLANE, GROUND_M, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT)
        self.vehicle.add_link("ground")
        self.vehicle.add_link("device camera")
        self.heard: list[Any] = []
        self.path: list[tuple[float, float, float]] = []
        self._parser = mavlink.MAVLink(None)
        self.vehicle.transfers.lists[MISSION] = [HOME, TAKEOFF, *mission] if mission else []
        self.run(13.0)

    def say(self, message: Any, sender: Any = SAY) -> None:
        link = "ground" if sender is SAY else "device camera"
        self.vehicle.receive(bytes(message.pack(sender)), link=link)

    def run(self, seconds: float) -> None:
        until_s = self.vehicle.now_s + seconds
        while self.vehicle.now_s + 0.1 <= until_s + 1e-9:
            self.vehicle.step(self.vehicle.now_s + 0.1)
            e, n, u = (float(value) for value in self.vehicle.pilot.flight.enu)
            self.path.append((e, n, u - GROUND_M))
            for frame in self.vehicle.take_outgoing("ground"):
                self.heard += self._parser.parse_buffer(frame) or ()

    def result(self, message: Any) -> int:
        """COMMAND_ACK.result of a command."""
        del self.heard[:]
        self.say(message)
        self.run(0.1)
        return next(m.result for m in self.heard if m.get_type() == "COMMAND_ACK")

    def texts(self) -> list[str]:
        return [m.text for m in self.heard if m.get_type() == "STATUSTEXT"]

    def reached(self) -> list[int]:
        return [m.seq for m in self.heard if m.get_type() == "MISSION_ITEM_REACHED"]

    def fly(self, seconds: float) -> None:
        assert self.vehicle.pilot.set_mode(GUIDED) == 0
        assert self.result(command(400, 1)) == 0
        assert self.result(command(300)) == 0
        self.run(seconds)


def test_after_its_last_item_auto_stays_auto_and_holds() -> None:
    bench = Bench(item(16, 0, 30))
    bench.fly(40)
    pilot = bench.vehicle.pilot
    assert (pilot.mode, pilot.mission_state, bench.reached()) == (AUTO, 5, [1, 2])
    assert bench.path[-1] == pytest.approx(bench.path[-50], abs=0.3)
    assert bench.path[-1] == pytest.approx((0, 30, 20), abs=2.5)


def test_a_jump_repeats_as_often_as_it_says() -> None:
    bench = Bench(item(16, 0, 15), item(16, 15, 15), do(177, 2, 2), do(20))
    bench.fly(120)
    assert bench.reached() == [1, 2, 3, 2, 3, 2, 3, 5]  # a return is reached when it has landed


@pytest.mark.parametrize("radius", [12.0, -12.0])
def test_turns_are_flown_around_the_place_at_the_radius_and_in_the_sense(radius: float) -> None:
    bench = Bench(item(18, 0, 40, p=(2, 0, radius, 0)), item(16, 0, 40))
    bench.fly(90)
    assert bench.reached() == [1, 2, 3]
    offsets = np.array(bench.path)[:, :2] - (0, 40)
    close = np.abs(np.hypot(offsets[:, 0], offsets[:, 1]) - 12.0) < 2.0
    changes = np.flatnonzero(np.diff(close.astype(int)))
    stays = [stay for stay in np.split(np.arange(len(close)), changes + 1) if close[stay[0]]]
    longest = offsets[max(stays, key=len)]
    azimuths = np.unwrap(np.arctan2(longest[:, 0], longest[:, 1]))  # clockwise positive
    assert math.copysign(1, radius) * (azimuths[-1] - azimuths[0]) == pytest.approx(4 * math.pi, abs=0.6)


def test_land_at_a_place_goes_there_first() -> None:
    bench = Bench(item(21, 25, 0, 0.0))
    bench.fly(75)
    assert not bench.vehicle.pilot.armed
    assert bench.path[-1] == pytest.approx((25, 0, 0), abs=2.5)


def test_a_delay_and_a_hold_take_their_time() -> None:
    quick, slow = Bench(item(16, 0, 10)), Bench(item(16, 0, 10, p=(5, 0, 0, 0)), do(93, 4))
    quick.fly(40)
    slow.fly(40)

    def ended_s(bench: Bench) -> int:
        return next(i for i, m in enumerate(bench.path) if m[1] > 8.0)

    assert slow.reached() == [1, 2, 3] and quick.reached() == [1, 2]
    assert ended_s(slow) == ended_s(quick)


def test_return_climbs_before_it_goes_home() -> None:
    bench = Bench(item(16, 0, 40, 6.0), do(20))
    bench.vehicle.transfers.lists[MISSION][1] = Item(3, 22, (0, 0, 0, 0), 0, 0, 6.0)
    bench.fly(90)
    homewards = [up for _, north, up in bench.path if 5 < north < 35 and up > 10]
    assert homewards and min(homewards) > 13.5
    assert bench.path[-1] == pytest.approx((0, 0, 0), abs=1.5)


def test_it_keeps_looking_at_a_place_while_it_flies_past() -> None:
    bench = Bench(item(195, 40, 20, 0.0), item(16, 0, 60))
    bench.fly(16)
    pilot, seen = bench.vehicle.pilot, []
    for _ in range(60):
        bench.run(0.1)
        e, n, u = pilot.flight.enu
        azimuth = math.degrees(pilot.flight.yaw) + pilot.gimbal_yaw_deg
        expected = math.degrees(math.atan2(40 - e, 20 - n))
        seen.append((azimuth - expected + 180) % 360 - 180)
        down = math.degrees(math.atan2(31 - u, math.hypot(40 - e, 20 - n)))
        assert pilot.gimbal_pitch_deg == pytest.approx(down, abs=2.0)
    assert np.abs(seen).max() < 3.0
    assert bench.result(command(mavlink.MAV_CMD_DO_SET_ROI_NONE)) == 0
    before = pilot.gimbal_yaw_deg
    bench.run(2.0)
    assert pilot.gimbal_yaw_deg == before


def test_pictures_by_distance_are_reported_once_each_and_ordered_from_the_camera() -> None:
    bench = Bench(do(206, 10, 0, 1), item(16, 0, 55), do(206, 0))
    bench.say(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3), CAMERA)
    bench.fly(40)
    shots = [m for m in bench.heard if m.get_type() == "CAMERA_FEEDBACK"]
    assert [m.img_idx for m in shots] == [1, 2, 3, 4, 5, 6]
    gaps = np.diff([PLANE.enu(m.lat * 1e-7, m.lng * 1e-7, 31.0)[1] for m in shots])
    assert gaps == pytest.approx(10.0, abs=0.6)
    orders = [m for f in bench.vehicle.take_outgoing("device camera") for m in mavlink.MAVLink(None).parse_buffer(f)]
    assert sum(m.get_type() == "COMMAND_LONG" and m.command == 2000 for m in orders) == 6


def test_a_changed_mission_takes_the_current_item_up_again() -> None:
    bench = Bench(item(16, 0, 60), item(16, 0, 90))
    bench.fly(14)
    bench.vehicle.transfers.lists[MISSION][2] = item(16, 40, 0)
    bench.vehicle.transfers.changed += 1
    bench.run(25)
    assert "Auto mission changed, restarted command" in bench.texts()
    assert max(east for east, _, _ in bench.path) > 35


def test_the_current_item_can_be_set_and_one_out_of_range_is_denied() -> None:
    bench = Bench(item(16, 0, 60), item(16, 30, 0))
    bench.fly(12)
    assert bench.result(command(224, 4)) == mavlink.MAV_RESULT_DENIED
    assert bench.result(command(224, 3)) == 0
    bench.run(20)
    assert bench.reached() == [3]
    bench.say(mavlink.MAVLink_mission_set_current_message(1, 1, 99))
    assert bench.vehicle.pilot.current == 3


BEAT = mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3)


@pytest.mark.parametrize(("enabled", "mode"), [(1, RTL), (0, AUTO)])
def test_silence_of_the_ground_sends_it_home_only_where_that_is_switched_on(enabled: int, mode: int) -> None:
    bench = Bench(item(17, 0, 30))
    bench.vehicle.parameters.values["FS_GCS_ENABLE"] = enabled
    bench.say(BEAT)
    bench.fly(4)
    assert bench.vehicle.pilot.mode == AUTO
    bench.run(4)
    assert bench.vehicle.pilot.mode == mode
    assert ("GCS Failsafe" in bench.texts()) == bool(enabled)
    bench.say(BEAT)
    bench.run(1)
    assert ("GCS Failsafe Cleared" in bench.texts()) == bool(enabled)
    assert bench.vehicle.pilot.mode == mode


def circle(east_m: float, radius_m: float) -> list[Item]:
    return [item(5003, east_m, 0, 0.0, (radius_m, 0, 0, 0))]


def test_outside_the_fence_it_does_not_arm_and_at_its_edge_it_turns_home() -> None:
    bench = Bench(item(16, 0, 90))
    bench.vehicle.parameters.values["FENCE_ENABLE"] = 1
    bench.vehicle.transfers.lists[FENCE] = circle(500, 40)
    bench.vehicle.pilot.set_mode(GUIDED)
    assert bench.result(command(400, 1)) == mavlink.MAV_RESULT_FAILED
    bench.run(0.1)
    assert "Arm: Vehicle breaching Polygon fence" in bench.texts()
    bench.vehicle.transfers.lists[FENCE] = circle(0, 40)
    bench.fly(25)
    assert bench.vehicle.pilot.mode == RTL
    assert 45 < max(north for _, north, _ in bench.path) < 62


def test_a_command_for_a_camera_that_is_there_is_the_cameras_affair() -> None:
    bench = Bench()
    assert bench.result(command(512, 148, component=100)) == 0  # nobody there: the autopilot does it itself
    bench.say(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3), CAMERA)
    bench.run(0.1)
    assert (1, 100) in {(m.get_srcSystem(), m.get_srcComponent()) for m in bench.heard}
    bench.vehicle.take_outgoing("device camera")
    del bench.heard[:]
    bench.say(command(512, 259, component=100))
    bench.run(0.1)
    assert not any(m.get_type() == "COMMAND_ACK" for m in bench.heard)
    (frame,) = (f for f in bench.vehicle.take_outgoing("device camera") if f[7] == mavlink.MAVLINK_MSG_ID_COMMAND_LONG)
    assert mavlink.MAVLink(None).parse_buffer(frame)[0].get_srcSystem() == 255
    bench.say(mavlink.MAVLink_command_ack_message(512, 0, 0, 0, 255, 190), CAMERA)
    bench.run(0.1)
    assert [m.get_srcComponent() for m in bench.heard if m.get_type() == "COMMAND_ACK"] == [100]


def test_one_ground_station_sees_the_other_and_not_itself() -> None:
    bench = Bench()
    bench.vehicle.add_link("ground two")
    bench.say(BEAT)
    frames = bench.vehicle.take_outgoing("ground two")
    assert [mavlink.MAVLink(None).parse_buffer(f)[0].get_srcSystem() for f in frames] == [255]
    bench.run(0.1)
    assert not any(m.get_srcSystem() == 255 for m in bench.heard)
