"""From its start until it can fly, as ArduCopter 4.7 in SITL was heard when it was asked to arm every second."""

from __future__ import annotations

from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import MEASURED, SHORT, Boot
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

STABILIZE, GUIDED, AUTO = 0, 4, 3
HOME = ["Need Position Estimate"]


class Bench:
    def __init__(self, boot: Boot) -> None:
        self.vehicle = Autopilot(
            Plane(51.4344, 6.7623, 33.0), 33.0, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=boot
        )
        self.vehicle.add_link("ground")
        self._parser = mavlink.MAVLink(None)

    def say(self, command: int, *params: float) -> list[Any]:
        message = mavlink.MAVLink_command_long_message(1, 1, command, 0, *[*params, *[0.0] * 7][:7])
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")
        return self.run(0.1)

    def run(self, seconds: float) -> list[Any]:
        self.vehicle.step(self.vehicle.now_s + seconds)
        return [m for data in self.vehicle.take_outgoing("ground") for m in self._parser.parse_buffer(data) or ()]

    def once(self, number: int) -> Any:
        return next((m for m in self.say(512, number) if m.get_msgId() == number), None)


@pytest.mark.parametrize(
    ("boot_s", "in_guided", "in_stabilize"),
    [
        (2.0, ["System not initialised"], ["System not initialised"]),
        (8.0, ["Accels inconsistent", "AHRS: waiting for home"], ["Accels inconsistent"]),
        (13.0, ["Accels inconsistent", "AHRS: waiting for home"], ["Accels inconsistent"]),
        (15.0, ["Gyros inconsistent", "AHRS: waiting for home"], ["Gyros inconsistent"]),
        (22.0, ["Gyros inconsistent", *HOME], ["Gyros inconsistent"]),
        (25.0, HOME, []),
        (40.0, HOME, []),
        (42.0, [], []),
    ],
)
def test_what_is_in_the_way_of_arming(boot_s: float, in_guided: list[str], in_stabilize: list[str]) -> None:
    for mode, reasons in ((GUIDED, in_guided), (STABILIZE, in_stabilize)):
        bench = Bench(MEASURED)
        bench.run(boot_s)
        bench.say(176, 1, mode)
        heard = bench.say(400, 1)
        assert [m.text for m in heard if m.get_type() == "STATUSTEXT" and m.severity == 2] == [
            f"Arm: {reason}" for reason in reasons
        ]
        assert [m.result for m in heard if m.get_type() == "COMMAND_ACK"] == [4 if reasons else 0]


@pytest.mark.parametrize(
    ("boot_s", "flags", "placed", "local", "clocked", "health"),
    [
        (4.0, 0x400, False, False, False, 0x4751_9C0F),
        (8.0, 0x0A7, False, False, False, 0x4751_9C0F),
        (12.0, 0x0A7, True, False, True, 0x4751_9C2F),
        (25.0, 0x0A7, True, False, True, 0x5771_9C2F),
        (42.0, 0x33F, True, True, True, 0x5771_9C2F),
    ],
)
def test_what_it_says_of_itself_meanwhile(
    boot_s: float, flags: int, placed: bool, local: bool, clocked: bool, health: int
) -> None:
    bench = Bench(MEASURED)
    bench.run(boot_s)
    assert bench.once(mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT).flags == flags
    assert bool(bench.once(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT).lat) == placed
    assert (bench.once(mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED) is not None) == local
    assert bool(bench.once(mavlink.MAVLINK_MSG_ID_SYSTEM_TIME).time_unix_usec) == clocked
    assert bench.once(mavlink.MAVLINK_MSG_ID_SYS_STATUS).onboard_control_sensors_health == health


def test_home_comes_with_the_origin_long_before_the_position() -> None:
    bench = Bench(MEASURED)
    bench.run(19.0)
    assert bench.say(410)[0].result == 4 and bench.say(179, 1)[0].result == 4
    assert any(m.get_type() == "HOME_POSITION" for m in bench.run(1.5))
    assert any(m.get_type() == "HOME_POSITION" for m in bench.say(410))
    assert not bench.vehicle.pilot.position_ready


def test_a_receiver_that_is_switched_on_late_moves_origin_and_position() -> None:
    bench = Bench(MEASURED)
    bench.vehicle.parameters.values["SIM_GPS1_ENABLE"] = 0.0
    bench.run(60.0)
    assert bench.vehicle.home_place is None
    bench.vehicle.parameters.values["SIM_GPS1_ENABLE"] = 1.0
    bench.run(11.0)
    assert bench.vehicle.home_place is not None and not bench.vehicle.pilot.position_ready
    bench.run(21.0)
    assert bench.vehicle.pilot.position_ready


def test_a_short_boot_ends_after_twelve_seconds() -> None:
    bench = Bench(SHORT)
    bench.run(11.5)
    bench.say(176, 1, GUIDED)
    assert not bench.vehicle.pilot.prearm_ok and not bench.vehicle.pilot.position_ready
    bench.run(0.5)
    assert bench.vehicle.pilot.prearm_ok and bench.vehicle.pilot.position_ready
