"""Commands and parameters, asked of ArduCopter 4.7-dev and answered here alike."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
LAT, LON = 514_345_000, 67_624_000


class Bench:
    """A vehicle with a position, disarmed on the ground, and two ground stations' wires."""

    def __init__(self) -> None:
        self.autopilot = Autopilot(
            Plane(51.4344, 6.7623, 33.0), 33.0, seed=1, wind_m_s=0.0, utc_at_boot_s=0.0, boot=SHORT
        )
        for name in ("ground", "ground two"):
            self.autopilot.add_link(name)
        self.autopilot.step(13.0)

    def say(self, message: Any, on: str = "ground", hear: str = "ground") -> list[Any]:
        self.autopilot.take_outgoing(hear)
        self.autopilot.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))), link=on)
        reader = mavlink.MAVLink(None)
        return [m for data in self.autopilot.take_outgoing(hear) for m in reader.parse_buffer(data) or ()]

    def command(self, number: int, *params: float) -> list[Any]:
        return self.say(mavlink.MAVLink_command_long_message(1, 1, number, 0, *[*params, *[0.0] * 7][:7]))

    def command_int(self, number: int, x: int, y: int, z: float, frame: int, *params: float) -> int:
        four = [*params, *[0.0] * 4][:4]
        answers = self.say(mavlink.MAVLink_command_int_message(1, 1, frame, number, 0, 0, *four, x, y, z))
        return next(m.result for m in answers if m.get_type() == "COMMAND_ACK")

    def values(self, message: Any, **how: str) -> list[tuple[str, float, int]]:
        answers = self.say(message, **how)
        return [(m.param_id, m.param_value, m.param_index) for m in answers if m.get_type() == "PARAM_VALUE"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("number", "params", "result"),
    [
        (511, (30, 100_000, 1), DENIED),  # somebody else's stream is not ours to set
        (511, (30, -5), DENIED),
        (511, (30, 500), DENIED),
        (511, (30, 70e6), ACCEPTED),
        (511, (math.nan, 100_000), DENIED),
        (510, (70_000,), FAILED),
        (512, (99_999,), FAILED),
        (512, (math.nan,), FAILED),
        (512, (242,), ACCEPTED),
        (519, (1,), UNSUPPORTED),
        (520, (1,), ACCEPTED),
        (42_428, (), ACCEPTED),
        (246, (0,), UNSUPPORTED),
        (246, (5,), UNSUPPORTED),
        (179, (1,), ACCEPTED),
        (179, (0,), ACCEPTED),
        (179, (2,), ACCEPTED),  # without a place it is here, whatever else
        (410, (), ACCEPTED),
        (245, (1,), DENIED),
        (245, (2,), ACCEPTED),
        (207, (1,), ACCEPTED),
        (207, (0,), ACCEPTED),
        (207, (2,), ACCEPTED),
        (207, (3,), FAILED),
        (400, (2,), UNSUPPORTED),
        (400, (0,), ACCEPTED),
        (176, (0, 4), DENIED),
        (176, (1, 4), ACCEPTED),
        (176, (209, 99), FAILED),
        (17, (), ACCEPTED),
        (20, (), ACCEPTED),
        (21, (), ACCEPTED),
        (85, (), ACCEPTED),
        (252, (), UNSUPPORTED),
        (92, (1,), UNSUPPORTED),
        (401, (), ACCEPTED),
        (191, (), UNSUPPORTED),
        (4_002, (), UNSUPPORTED),
    ],
)
def test_each_command_has_its_result(bench: Bench, number: int, params: tuple[float, ...], result: int) -> None:
    (ack,) = [m for m in bench.command(number, *params) if m.get_type() == "COMMAND_ACK"]
    assert (ack.command, ack.result, ack.progress, ack.target_system) == (number, result, 0, 255)


@pytest.mark.parametrize(("asked_us", "kept_us"), [(70e6, 60_000_000), (100_000, 100_000)])
def test_an_interval_is_told_by_request_as_well_and_is_a_minute_at_most(
    bench: Bench, asked_us: float, kept_us: int
) -> None:
    bench.command(511, 30, asked_us)
    for answers in (bench.command(510, 30), bench.command(512, 244, 30)):
        assert [m.get_type() for m in answers] == ["MESSAGE_INTERVAL", "COMMAND_ACK"]
        assert (answers[0].message_id, answers[0].interval_us) == (30, kept_us)


def test_a_number_too_large_for_the_answer_wraps_in_it(bench: Bench) -> None:
    told, ack = bench.command(510, 70_000)
    assert (told.message_id, told.interval_us, ack.result) == (4_464, 0, FAILED)


def test_the_version_is_told_on_every_way_of_asking(bench: Bench) -> None:
    assert bench.say(mavlink.MAVLink_autopilot_version_request_message(1, 1))[0].get_type() == "AUTOPILOT_VERSION"
    assert bench.command(520, 1)[0].flight_sw_version == 0x04070000


@pytest.mark.parametrize(
    ("z", "frame", "result"), [(33.0, 0, ACCEPTED), (5.0, 3, ACCEPTED), (1e6, 0, DENIED), (33.0, 9, DENIED)]
)
def test_home_is_set_at_a_place_whose_height_has_a_frame(bench: Bench, z: float, frame: int, result: int) -> None:
    assert bench.command_int(179, LAT, LON, z, frame) == result
    (item,) = bench.say(mavlink.MAVLink_mission_request_int_message(1, 1, 0, 0))
    assert ((item.x, item.y) == (LAT, LON)) == (result == ACCEPTED)


def test_home_is_not_set_at_a_place_by_a_flag_that_is_none(bench: Bench) -> None:
    assert bench.command_int(179, LAT, LON, 33.0, 0, 2.0) == FAILED


# --- parameters -------------------------------------------------------------------------------------------------------


def read(name: bytes, index: int = -1) -> Any:
    return mavlink.MAVLink_param_request_read_message(1, 1, name, index)


def write(name: bytes, value: float, system: int = 1, component: int = 1) -> Any:
    return mavlink.MAVLink_param_set_message(system, component, name, value, 6)


def test_a_parameter_is_told_with_a_number_only_when_asked_by_it(bench: Bench) -> None:
    ((name, value, index),) = bench.values(read(b"RTL_ALT"))
    assert (name, value, index) == ("RTL_ALT", 1500.0, 65_535)
    ((first, _, index),) = bench.values(read(b"RTL_ALT", 0))
    assert (first, index) == (next(iter(bench.autopilot.parameters.values)), 0)


def test_a_parameter_is_told_by_the_name_it_was_asked_by(bench: Bench) -> None:
    assert bench.values(read(b"rtl_alt")) == [("rtl_alt", 1500.0, 65_535)]


@pytest.mark.parametrize("question", [read(b"NOSUCH"), read(b"", 9_999), read(b"RTL_ALT", -2)])
def test_what_there_is_not_is_not_answered(bench: Bench, question: Any) -> None:
    assert bench.values(question) == []


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("RTL_ALT", 1600.7, 1600.0),
        ("RTL_ALT", -1600.7, -1600.0),
        ("FS_THR_ENABLE", 1.9, 1.0),
        ("FS_THR_ENABLE", -1.9, -1.0),
        ("FS_THR_ENABLE", 200, 127.0),
        ("ANGLE_MAX", 40_000, 32_767.0),
        ("angle_max", 3_000, 3_000.0),
    ],
)
def test_a_set_parameter_is_told_to_every_ground_station_as_it_was_kept(
    bench: Bench, name: str, value: float, kept: float
) -> None:
    for wire in ("ground", "ground two"):
        assert bench.values(write(name.encode(), value), hear=wire) == [(name.upper(), kept, 65_535)]


def test_a_parameter_is_set_through_any_component_of_this_vehicle_alone(bench: Bench) -> None:
    assert bench.values(write(b"RTL_ALT", 5, system=2)) == []
    assert bench.values(write(b"RTL_ALT", 5, component=5)) == [("RTL_ALT", 5.0, 65_535)]
    bench.command(245, 2)
    assert bench.values(read(b"RTL_ALT")) == [("RTL_ALT", 1500.0, 65_535)]


def test_the_whole_list_comes_numbered_and_with_a_banner(bench: Bench) -> None:
    told = bench.values(mavlink.MAVLink_param_request_list_message(1, 1))
    assert [index for _, _, index in told] == [*range(len(bench.autopilot.parameters.values))]
    bench.autopilot.step(bench.autopilot.now_s + 0.1)
    reader = mavlink.MAVLink(None)
    heard = [m for data in bench.autopilot.take_outgoing("ground") for m in reader.parse_buffer(data) or ()]
    assert any(m.get_type() == "STATUSTEXT" and m.text.startswith("ArduCopter") for m in heard)


# --- the mission's current item ---------------------------------------------------------------------------------------


def test_an_item_that_was_made_current_is_told_and_one_out_of_range_is_not(bench: Bench) -> None:
    bench.say(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
    for seq, command in enumerate((16, 22, 16)):
        bench.say(mavlink.MAVLink_mission_item_int_message(1, 1, seq, 3, command, 0, 1, 0, 0, 0, 0, LAT, LON, 20, 0))
    (told,) = bench.say(mavlink.MAVLink_mission_set_current_message(1, 1, 2))
    assert (told.get_type(), told.seq) == ("MISSION_CURRENT", 2)
    assert bench.say(mavlink.MAVLink_mission_set_current_message(1, 1, 9)) == []
    assert [m.get_type() for m in bench.command(224, 1)] == ["MISSION_CURRENT", "COMMAND_ACK"]
    assert [m.result for m in bench.command(224, 9)] == [DENIED]
