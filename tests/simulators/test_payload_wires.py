"""Camera and gimbal behind the autopilot: what is passed on, what the autopilot does itself, and what it keeps."""

from __future__ import annotations

from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

PLACE = (51.45, 6.74, 31.0)


class Wires:
    """A vehicle with a ground station, a camera and a gimbal on wires of their own."""

    def __init__(self) -> None:
        self.autopilot = Autopilot(Plane(*PLACE), PLACE[2], seed=1, wind_m_s=0.0, utc_at_boot_s=1_773_522_000.0)
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
