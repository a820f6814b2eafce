"""A commanded reboot: what the vehicle forgets, what it had stored, and that its boot time begins anew."""

from __future__ import annotations

from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.autopilot.reboot import reborn
from simulators.geodesy import Plane

REBOOT, GUIDED, KEY = 246, 4, bytes(range(32))


class Bench:
    """A vehicle that is stepped as its process steps it."""

    def __init__(self) -> None:
        plane = Plane(51.4344, 6.7623, 33.0)
        self.vehicle = Autopilot(plane, 33.0, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT, uid=77)
        self.vehicle.add_link("ground")
        self.vehicle.add_link("ground two")
        self.us = mavlink.MAVLink(None, 255, 190)
        self._parser = mavlink.MAVLink(None)

    def send(self, message: Any, link: str = "ground") -> list[Any]:
        self.vehicle.receive(bytes(message.pack(self.us)), link=link)
        return self.run(0.2)

    def command(self, number: int, *params: float, link: str = "ground") -> int | None:
        order = mavlink.MAVLink_command_long_message(1, 1, number, 0, *[*params, *[0.0] * 7][:7])
        heard = self.send(order, link)
        return next((int(m.result) for m in heard if m.get_type() == "COMMAND_ACK"), None)

    def run(self, seconds: float) -> list[Any]:
        self.vehicle.step(self.vehicle.now_s + seconds)
        heard = []
        for link in ("ground", "ground two"):
            frames = self.vehicle.take_outgoing(link)
            heard += [m for data in frames for m in self._parser.parse_buffer(data) or ()]
        if self.vehicle.restarting:
            self.vehicle = reborn(self.vehicle)
        return heard

    def parameter(self, name: str) -> float:
        heard = self.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
        return float(next(m for m in heard if m.get_type() == "PARAM_VALUE" and m.param_id == name).param_value)


@pytest.fixture
def flown() -> Bench:
    """One that has flown and stands elsewhere than where it started, disarmed again."""
    bench = Bench()
    bench.run(13.0)
    bench.send(mavlink.MAVLink_param_set_message(1, 1, b"WPNAV_SPEED", 700.0, 9))
    bench.send(mavlink.MAVLink_mission_count_message(1, 1, 2, 0))
    for seq in range(2):
        bench.send(
            mavlink.MAVLink_mission_item_int_message(
                1, 1, seq, 6, 16, 0, 1, 0, 0, 0, 0, 514_345_000, 67_624_000, 20.0, 0
            )
        )
    assert (bench.command(176, 1, GUIDED), bench.command(400, 1), bench.command(22, 0, 0, 0, 0, 0, 0, 10)) == (0, 0, 0)
    bench.run(12.0)
    bench.send(
        mavlink.MAVLink_set_position_target_global_int_message(
            0, 1, 1, 6, 0b110111111000, 514_346_000, 67_624_000, 10.0, 0, 0, 0, 0, 0, 0, 0, 0
        )
    )
    bench.run(12.0)
    assert bench.command(REBOOT, 1) == 4, "never while armed"
    bench.command(176, 1, 9)
    bench.run(40.0)
    assert not bench.vehicle.pilot.armed
    return bench


def test_its_clock_begins_anew_and_it_knows_no_place_where_it_stands(flown: Bench) -> None:
    before, stood = flown.vehicle.now_s, flown.vehicle.pilot.flight.enu.copy()
    utc_s = flown.vehicle.utc_at_boot_s + before
    assert flown.command(511, 33, 1e5) == 0 and any(m.get_type() == "GLOBAL_POSITION_INT" for m in flown.run(1.0))
    assert flown.command(REBOOT, 1) == 0
    again = flown.vehicle
    assert again.now_s == 0.0 and again.utc_at_boot_s == pytest.approx(utc_s, abs=2.0)
    assert not any(m.get_type() == "GLOBAL_POSITION_INT" for m in flown.run(3.0)), "nothing is streamed that was asked"
    assert again.pilot.mode == 0 and not again.pilot.position_ready
    assert (again.pilot.flight.enu == stood).all() and stood[1] > 20.0
    flown.command(176, 1, GUIDED)
    assert flown.command(400, 1) == 4
    flown.run(12.0)
    assert flown.command(400, 1) == 0
    assert again.home_place is not None and again.home_place[0] == pytest.approx(51.4346, abs=3e-5)


def test_it_keeps_what_is_stored(flown: Bench) -> None:
    logs = len(flown.vehicle.blackbox.finished)
    assert logs == 1 and flown.command(REBOOT, 1) == 0
    assert flown.parameter("WPNAV_SPEED") == 700.0
    count = flown.send(mavlink.MAVLink_mission_request_list_message(1, 1, 0))
    assert [m.count for m in count if m.get_type() == "MISSION_COUNT"] == [2]
    assert len(flown.vehicle.blackbox.finished) == logs and "logs/00000001.BIN" in flown.vehicle.ftp.disk
    assert flown.send(mavlink.MAVLink_autopilot_version_request_message(1, 1))[0].uid == 77


def test_it_keeps_the_key(flown: Bench) -> None:
    flown.send(mavlink.MAVLink_setup_signing_message(1, 1, KEY, 0))
    assert flown.command(REBOOT, 1) == 0
    assert flown.command(520, 1, link="ground two") is None, "unsigned"
    flown.us.signing.secret_key, flown.us.signing.sign_outgoing = KEY, True
    flown.us.signing.link_id, flown.us.signing.timestamp = 1, round((1.7e9 + 1e3 - 1_420_070_400) * 1e5)
    assert flown.command(520, 1, link="ground two") == 0
