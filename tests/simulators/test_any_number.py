"""No number kills the vehicle: whatever a message carries, it is answered or passed over, and the vehicle goes on.

ArduPilot's own simulator ends itself over a NaN in some commands (its floating-point traps are on), so that nothing can
be recorded of those; a flying vehicle does not.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.commands import known
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

ANY = st.sampled_from([math.nan, math.inf, -math.inf, 3e38, -1.0, 0.0, 0.5, 1.0, 2.0, 256.0, 1e9, 65_535.0])
PLACES = st.sampled_from([0, 2**31 - 1, -(2**31), 514_345_000, 67_624_000])


class Bench:
    def __init__(self) -> None:
        self.vehicle = Autopilot(
            Plane(51.4344, 6.7623, 33.0), 33.0, seed=1, wind_m_s=0.0, utc_at_boot_s=1.7e9, boot=SHORT
        )
        self.vehicle.add_link("ground")
        self.vehicle.step(13.0)
        self._parser = mavlink.MAVLink(None)

    def results(self, message: Any) -> list[int]:
        self.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")
        self.vehicle.step(self.vehicle.now_s + 0.1)
        frames = self.vehicle.take_outgoing("ground")
        heard = [m for data in frames for m in self._parser.parse_buffer(data) or ()]
        return [m.result for m in heard if m.get_type() == "COMMAND_ACK"]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


HOUSE = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("command", sorted(known()))
@HOUSE
@given(params=st.lists(ANY, min_size=7, max_size=7), place=st.tuples(PLACES, PLACES), frame=st.sampled_from([0, 3, 6]))
def test_every_command_is_answered_once_whatever_it_carries(
    bench: Bench, command: int, params: list[float], place: tuple[int, int], frame: int
) -> None:
    assert len(bench.results(mavlink.MAVLink_command_long_message(1, 1, command, 0, *params))) == 1
    whole = mavlink.MAVLink_command_int_message(1, 1, frame, command, 0, 0, *params[:4], *place, params[6])
    assert len(bench.results(whole)) == 1


@pytest.fixture(scope="module")
def flying() -> Bench:
    bench = Bench()
    for command, params in ((176, [1, 4]), (400, [1]), (22, [0] * 6 + [10])):
        bench.results(mavlink.MAVLink_command_long_message(1, 1, command, 0, *[*params, *[0] * 7][:7]))
        bench.vehicle.step(bench.vehicle.now_s + 3.0)
    bench.vehicle.step(bench.vehicle.now_s + 8.0)
    assert bench.vehicle.pilot.flying
    return bench


MASKS = st.sampled_from([0b110111111000, 0b110111000111, 0b110000111111, 0b100111111000, 0b010111111000, 0, 0xFFFF])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(ANY, min_size=11, max_size=11), mask=MASKS, frame=st.sampled_from([0, 1, 3, 6, 7, 8, 9, 255]))
def test_in_flight_its_place_stays_a_number(flying: Bench, values: list[float], mask: int, frame: int) -> None:
    local = mavlink.MAVLink_set_position_target_local_ned_message(0, 1, 1, frame, mask, *values)
    placed = mavlink.MAVLink_set_position_target_global_int_message(
        0, 1, 1, frame, mask, 514_345_000, 67_624_000, *values[2:]
    )
    for message in (local, placed, mavlink.MAVLink_manual_control_message(1, 32_767, -32_768, 5_000, -1, 0)):
        flying.results(message)
        flight = flying.vehicle.pilot.flight
        assert np.isfinite([*flight.enu, *flight.velocity, flight.yaw]).all()
    flying.results(mavlink.MAVLink_set_position_target_local_ned_message(0, 1, 1, 1, 0xFFFF, *[0.0] * 11))


@HOUSE
@given(
    values=st.lists(ANY, min_size=5, max_size=5), command=st.sampled_from(sorted({*known(), 0, 16, 177, 5001, 5003}))
)
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_no_item_stops_an_upload_without_an_answer(bench: Bench, values: list[float], command: int, kind: int) -> None:
    def heard(message: Any) -> list[str]:
        bench.vehicle.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link="ground")
        frames = bench.vehicle.take_outgoing("ground")
        return [m.get_type() for data in frames for m in mavlink.MAVLink(None).parse_buffer(data) or ()]

    assert heard(mavlink.MAVLink_mission_count_message(1, 1, 1, kind)) == ["MISSION_REQUEST"]
    sent = mavlink.MAVLink_mission_item_int_message(
        1, 1, 0, 3, command, 0, 1, *values[:4], 514_345_000, 67_624_000, values[4], kind
    )
    assert "MISSION_ACK" in heard(sent)
