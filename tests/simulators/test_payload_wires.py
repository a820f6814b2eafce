"""Camera and gimbal behind the autopilot: what is passed on, what the autopilot does itself, and what it keeps."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane
from simulators.gimbal import Gimbal

PLACE = (51.45, 6.74, 31.0)


class Wires:
    """A vehicle with a ground station, a camera and a gimbal on wires of their own."""

    def __init__(self) -> None:
        self.autopilot = Autopilot(
            Plane(*PLACE), PLACE[2], seed=1, wind_m_s=0.0, utc_at_boot_s=1_773_522_000.0, boot=SHORT
        )
        self._parsers: dict[str, Any] = {}
        self._senders = {
            "ground": mavlink.MAVLink(None, 255, 190),
            "device camera": mavlink.MAVLink(None, 1, 100),
            "device gimbal": mavlink.MAVLink(None, 1, 154),
        }
        for name in self._senders:
            self.autopilot.add_link(name)
            self._parsers[name] = mavlink.MAVLink(None)

    def say(self, link: str, *messages: Any) -> None:
        for message in messages:
            self.autopilot.receive(bytes(message.pack(self._senders[link])), link=link)

    def run(self, seconds: float) -> dict[str, list[Any]]:
        """What is heard on each wire meanwhile."""
        self.autopilot.step(self.autopilot.now_s + seconds)
        return {
            name: [m for frame in self.autopilot.take_outgoing(name) for m in parser.parse_buffer(frame) or ()]
            for name, parser in self._parsers.items()
        }


def of(kind: str, messages: list[Any]) -> list[Any]:
    return [m for m in messages if m.get_type() == kind]


def long(component: int, command: int, *params: float) -> Any:
    return mavlink.MAVLink_command_long_message(1, component, command, 0, *[*params, *[0.0] * 7][:7])


CAMERA_BEAT = mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3)
GIMBAL_BEAT = mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GIMBAL, 8, 0, 0, 4, 3)


def test_a_camera_gets_the_telemetry_it_asks_for_and_is_heard_at_the_ground() -> None:
    wires = Wires()
    status = mavlink.MAVLink_camera_capture_status_message(1, 0, 0, 0, 0, 9.0, 3)
    spread = mavlink.MAVLink_camera_thermal_range_message(1, 1, 0, 90.0, 0.5, 0.5, 3.0, 0.1, 0.1)
    wires.say("device camera", CAMERA_BEAT, long(1, 511, 33, 200_000), status, spread)
    heard = wires.run(2.0)
    (ack,) = of("COMMAND_ACK", heard["device camera"])
    assert (ack.result, ack.target_system, ack.target_component) == (0, 1, 100)
    assert len(of("GLOBAL_POSITION_INT", heard["device camera"])) == pytest.approx(10, abs=1)
    assert [m.image_count for m in of("CAMERA_CAPTURE_STATUS", heard["ground"])] == [3]
    assert [m.max for m in of("CAMERA_THERMAL_RANGE", heard["ground"])] == [90.0]
    assert not of("COMMAND_LONG", heard["ground"]) and not of("GLOBAL_POSITION_INT", heard["ground"])


def test_what_is_for_the_camera_goes_to_the_camera_and_its_answer_comes_back() -> None:
    wires = Wires()
    wires.say("device camera", CAMERA_BEAT)
    wires.say("ground", long(100, 531, 2, 50))
    heard = wires.run(0.1)
    assert [m.command for m in of("COMMAND_LONG", heard["device camera"])] == [531]
    assert not of("COMMAND_ACK", heard["ground"])
    wires.say("device camera", mavlink.MAVLink_command_ack_message(531, 0, 0, 0, 255, 190))
    assert [m.get_srcComponent() for m in of("COMMAND_ACK", wires.run(0.1)["ground"])] == [100]


@pytest.mark.parametrize("there", [True, False])
def test_a_zoom_that_the_autopilot_is_told_is_the_cameras(there: bool) -> None:
    wires = Wires()
    if there:
        wires.say("device camera", CAMERA_BEAT)
    wires.run(0.1)
    wires.say("ground", long(1, 531, 2, 50))
    heard = wires.run(0.1)
    assert [m.result for m in of("COMMAND_ACK", heard["ground"])] == [0 if there else 3]
    orders = [(m.command, m.param1, m.param2) for m in of("COMMAND_LONG", heard["device camera"])]
    assert orders == ([(531, 2.0, 50.0)] if there else [])


# --- the gimbal manager ----------------------------------------------------------------------------------------------
LEVEL, LOCK, IN_VEHICLE, NAN = 4 | 8, 16, 32, math.nan


class Mounted(Wires):
    """With a gimbal on its wire that lives as long as the vehicle."""

    def __init__(self) -> None:
        super().__init__()
        self.gimbal = Gimbal(1)
        self.autopilot.pilot.flight.yaw = math.radians(-60.0)
        self.say("device gimbal", GIMBAL_BEAT)
        self.say("ground", long(1, 511, 285, 100_000))
        self.live(0.1)

    def live(self, seconds: float) -> list[Any]:
        """What the ground station hears meanwhile."""
        heard = []
        for _ in range(round(seconds * 50)):
            self.autopilot.step(self.autopilot.now_s + 0.02)
            for frame in self.autopilot.take_outgoing("device gimbal"):
                self.gimbal.receive(frame)
            self.gimbal.step(self.autopilot.now_s)
            for frame in self.gimbal.take_outgoing():
                self.autopilot.receive(frame, link="device gimbal")
            for frame in self.autopilot.take_outgoing("ground"):
                heard += self._parsers["ground"].parse_buffer(frame) or ()
        return heard

    def ordered(self, message: Any, seconds: float = 3.5) -> tuple[int | None, Any]:
        """The result, and the gimbal's attitude as the ground station then has it."""
        self.say("ground", message)
        heard = self.live(seconds)
        acks = of("COMMAND_ACK", heard)
        return (acks[-1].result if acks else None), of("GIMBAL_DEVICE_ATTITUDE_STATUS", heard)[-1]


def angles_deg(report: Any) -> tuple[float, float]:
    """Pitch and yaw of a report."""
    w, x, y, z = report.q
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    return math.degrees(pitch), math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))


def pitchyaw(pitch: float, yaw: float, *, flags: int = 0, device: int = 0) -> Any:
    return long(1, 1000, pitch, yaw, NAN, NAN, flags, 0, device)


def turning(pitch_deg_s: float, yaw_deg_s: float) -> Any:
    return long(1, 1000, NAN, NAN, pitch_deg_s, yaw_deg_s)


def by_message(pitch: float, yaw: float, device: int) -> Any:
    return mavlink.MAVLink_gimbal_manager_set_pitchyaw_message(1, 1, 0, device, pitch, yaw, NAN, NAN)


def by_quaternion(pitch: float) -> Any:
    q = [math.cos(pitch / 2), 0, math.sin(pitch / 2), 0]
    return mavlink.MAVLink_gimbal_manager_set_attitude_message(1, 1, 0, 0, q, NAN, NAN, NAN)


def test_a_yaw_from_the_nose_and_one_from_north_are_both_reported_from_the_nose() -> None:
    mounted = Mounted()
    result, report = mounted.ordered(pitchyaw(-45.0, 30.0))
    assert (result, report.flags, report.get_srcComponent()) == (0, LEVEL | IN_VEHICLE, 1)
    assert angles_deg(report) == (pytest.approx(-45, abs=0.5), pytest.approx(30, abs=0.5))
    result, report = mounted.ordered(pitchyaw(-45.0, 30.0, flags=LOCK))
    assert (result, report.flags) == (0, LEVEL | LOCK | IN_VEHICLE)
    # The heading that the autopilot believes in is off by some degrees from the one that it has.
    believed_deg = math.degrees(mounted.autopilot.pilot.flight.yaw + mounted.autopilot.errors.yaw_rad)
    assert angles_deg(report)[1] == pytest.approx(30.0 - believed_deg, abs=0.5)
    assert math.isnan(report.delta_yaw) and math.isnan(report.angular_velocity_x)


@pytest.mark.parametrize(
    ("order", "result", "pitch_deg", "yaw_deg", "flags"),
    [
        (pitchyaw(-120.0, 0.0), 0, -90.0, None, LEVEL),  # clamped without a word
        (pitchyaw(0.0, 0.0, flags=1), 0, 30.0, 0.0, LEVEL | 1),
        (pitchyaw(-45.0, 20.0, flags=2), 0, 0.0, 0.0, LEVEL | 2),
        (pitchyaw(-45.0, 20.0, device=2), 4, 0.0, 0.0, LEVEL),
        (pitchyaw(NAN, NAN), 4, 0.0, 0.0, LEVEL),
        (long(1, 205, -30, 0, 40), 0, -30.0, 40.0, LEVEL),
        (by_message(-0.5, 0.4, 1), None, -28.6, 22.9, LEVEL),
        (by_message(-0.5, 0.4, 9), None, 0.0, 0.0, LEVEL),
        (by_quaternion(-0.5), None, -28.6, 0.0, LEVEL),
    ],
)  # fmt: skip
def test_the_manager_takes_orders_as_commands_and_as_messages(
    order: Any, result: int | None, pitch_deg: float, yaw_deg: float | None, flags: int
) -> None:
    found, report = Mounted().ordered(order)
    assert (found, report.flags) == (result, flags | IN_VEHICLE)
    pitch, yaw = angles_deg(report)
    assert pitch == pytest.approx(pitch_deg, abs=0.5)
    assert yaw_deg is None or yaw == pytest.approx(yaw_deg, abs=0.5)


def test_a_rate_turns_it_until_it_is_stopped() -> None:
    mounted = Mounted()
    _, report = mounted.ordered(turning(-10.0, 5.0), seconds=3.0)
    assert angles_deg(report) == (pytest.approx(-30, abs=3), pytest.approx(15, abs=2))
    _, stopped = mounted.ordered(turning(0.0, 0.0), seconds=1.0)
    _, later = mounted.ordered(turning(0.0, 0.0), seconds=1.0)
    assert angles_deg(later) == pytest.approx(angles_deg(stopped), abs=0.1)


def test_a_place_is_looked_at_with_a_yaw_from_north() -> None:
    mounted = Mounted()
    lat, lon, alt = mounted.autopilot.pilot.plane.geo([30.0, 0.0, 0.0])  # 30 m to the east, on the ground
    place = mavlink.MAVLink_command_int_message(1, 1, 0, 195, 0, 0, 0, 0, 0, 0, round(lat * 1e7), round(lon * 1e7), alt)
    _, report = mounted.ordered(place)
    assert report.flags == LEVEL | LOCK | IN_VEHICLE
    believed_deg = math.degrees(mounted.autopilot.pilot.flight.yaw + mounted.autopilot.errors.yaw_rad)
    assert angles_deg(report)[1] == pytest.approx(90.0 - believed_deg, abs=0.5)
    result, report = mounted.ordered(long(1, 197))
    assert (result, report.flags) == (0, LEVEL | IN_VEHICLE)
    assert angles_deg(report) == pytest.approx((-30.0, 0.0), abs=0.5)
    mounted.ordered(pitchyaw(-80.0, 10.0))
    _, report = mounted.ordered(long(1, 197))
    assert angles_deg(report) == pytest.approx((-80.0, 10.0), abs=0.5), "there was no place to leave"


def test_who_took_control_is_told_to_all() -> None:
    mounted = Mounted()
    mounted.live(0.2)
    mounted.say("ground", long(1, 1001, 255, 190, 0, 0, 0, 0, 0))
    (status,) = of("GIMBAL_MANAGER_STATUS", mounted.live(0.1))
    assert (status.primary_control_sysid, status.primary_control_compid, status.gimbal_device_id) == (255, 190, 1)
