"""The simulated autopilot answers as ArduCopter was measured to answer, row by row, over the bytes of a link."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

PLACE = (51.4344, 6.7623, 33.0)
ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
MISSION, FENCE, RALLY = 0, 1, 2
STABILIZE, AUTO, GUIDED, RTL = 0, 3, 4, 6


class Bench:
    """A vehicle and the ground stations on its wires. ``say`` sends and returns the answers that come at once."""

    def __init__(self, seed: int = 1) -> None:
        self.autopilot = Autopilot(
            Plane(*PLACE), PLACE[2], seed=seed, wind_m_s=0.0, utc_at_boot_s=1_773_522_000.0, boot=SHORT
        )
        self.autopilot.add_link("ground")
        self.heard: list[Any] = []
        self._parser = mavlink.MAVLink(None)

    def run(self, seconds: float) -> list[Any]:
        return self.until(self.autopilot.now_s + seconds)

    def until(self, boot_s: float) -> list[Any]:
        self.autopilot.step(boot_s)
        return self.listen()

    def listen(self) -> list[Any]:
        new = [m for data in self.autopilot.take_outgoing("ground") for m in self._parser.parse_buffer(data) or ()]
        self.heard += new
        return new

    def say(self, message: Any, sysid: int = 255) -> list[Any]:
        self.autopilot.receive(bytes(message.pack(mavlink.MAVLink(None, sysid, 190))), link="ground")
        return self.listen()

    def command(self, number: int, *params: float) -> int:
        answers = self.say(mavlink.MAVLink_command_long_message(1, 1, number, 0, *[*params, *[0.0] * 7][:7]))
        (ack,) = [m for m in answers if m.get_type() == "COMMAND_ACK"]
        assert (ack.command, ack.target_system, ack.target_component) == (number, 255, 190)
        return int(ack.result)

    def command_int(self, number: int, x: int, y: int, z: float, *params: float, frame: int = 3) -> int:
        four = [*params, *[0.0] * 4][:4]
        (ack,) = self.say(mavlink.MAVLink_command_int_message(1, 1, frame, number, 0, 0, *four, x, y, z))
        return int(ack.result)

    def mode(self, number: int) -> int:
        return self.command(mavlink.MAV_CMD_DO_SET_MODE, 1, number)

    def arm(self) -> int:
        return self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)

    def texts(self) -> list[str]:
        """What it has said, after a moment in which to say it."""
        self.run(0.1)
        return [m.text for m in self.heard if m.get_type() == "STATUSTEXT"]

    def upload(self, *items: Any, kind: int = MISSION) -> int:
        """Hand the items over; the result of the last acknowledgement."""
        answers = self.say(mavlink.MAVLink_mission_count_message(1, 1, len(items), kind))
        while answers and answers[0].get_type() == "MISSION_REQUEST":
            answers = self.say(items[answers[0].seq])
        return int(answers[0].type)

    def read(self, seq: int, kind: int = MISSION) -> Any:
        return self.say(mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind))[0]

    def flying(self) -> Bench:
        """In GUIDED, twenty metres up."""
        self.ready()
        assert self.arm() == ACCEPTED
        assert self.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 20) == ACCEPTED
        self.run(20.0)
        return self

    def ready(self) -> Bench:
        self.until(15.0)
        assert self.mode(GUIDED) == ACCEPTED
        return self


def item(
    seq: int,
    command: int,
    *params: float,
    frame: int = 3,
    lat: float = PLACE[0],
    lon: float = PLACE[1],
    z: float = 20.0,
    kind: int = MISSION,
) -> Any:
    four = [*params, *[0.0] * 4][:4]
    x, y = round(lat * 1e7), round(lon * 1e7)
    return mavlink.MAVLink_mission_item_int_message(1, 1, seq, frame, command, 0, 1, *four, x, y, z, kind)


def short_mission(*more: Any) -> tuple[Any, ...]:
    return (item(0, 16, frame=0), item(1, 22), *more)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- what it says by itself -----------------------------------------------------------------------------------------


def test_a_link_carries_a_heartbeat_and_nothing_that_was_not_asked_for(bench: Bench) -> None:
    bench.until(11.0)
    kinds = [m.get_type() for m in bench.heard]
    assert set(kinds) <= {"HEARTBEAT", "TIMESYNC", "STATUSTEXT"}
    assert 10 <= kinds.count("HEARTBEAT") <= 12
    beat = next(m for m in bench.heard if m.get_type() == "HEARTBEAT")
    assert (beat.type, beat.autopilot, beat.custom_mode, beat.base_mode & 128) == (2, 3, STABILIZE, 0)


def test_home_comes_with_the_position_and_again_with_arming(bench: Bench) -> None:
    bench.ready()
    assert [m.get_type() for m in bench.heard].count("HOME_POSITION") == 1
    bench.arm()
    bench.run(0.1)
    assert [m.get_type() for m in bench.heard].count("HOME_POSITION") == 2


@pytest.mark.parametrize("hz", [1.0, 10.0, 25.0, 50.0])
def test_an_interval_is_kept(bench: Bench, hz: float) -> None:
    assert bench.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_ATTITUDE, 1e6 / hz) == ACCEPTED
    heard = [m for m in bench.run(4.0) if m.get_type() == "ATTITUDE"]
    assert len(heard) == pytest.approx(4.0 * hz, abs=1.5)
    assert bench.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_ATTITUDE, -1) == ACCEPTED
    assert not [m for m in bench.run(2.0) if m.get_type() == "ATTITUDE"]


@pytest.mark.parametrize("number", [253, 230, 265, 263, 330, 436, 411])
def test_a_message_that_is_not_there_is_denied_with_words(bench: Bench, number: int) -> None:
    assert bench.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, 100_000) == DENIED
    assert f"No ap_message for mavlink id ({number})" in bench.texts()


def test_faster_than_the_loop_is_denied_with_words_in_two_chunks(bench: Bench) -> None:
    assert bench.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 30, 100) == DENIED
    bench.run(0.1)
    chunks = [m for m in bench.heard if m.get_type() == "STATUSTEXT" and m.id]
    assert [m.chunk_seq for m in chunks] == [0, 1] and len({m.id for m in chunks}) == 1
    assert "".join(m.text for m in chunks) == ("Requested rate for message ID 30 too fast. Increase SCHED_LOOP_RATE")


def test_a_stream_that_is_off_is_minus_one_and_one_that_is_unknown_fails_with_zero(bench: Bench) -> None:
    for number, interval, result in ((30, -1, ACCEPTED), (411, 0, FAILED)):
        answers = bench.say(
            mavlink.MAVLink_command_long_message(1, 1, mavlink.MAV_CMD_GET_MESSAGE_INTERVAL, 0, number, *[0.0] * 6)
        )
        by_name = {m.get_type(): m for m in answers}
        assert by_name["MESSAGE_INTERVAL"].interval_us == interval
        assert by_name["COMMAND_ACK"].result == result


@pytest.mark.parametrize(("number", "result"), [(148, ACCEPTED), (300, FAILED), (436, FAILED), (411, FAILED)])
def test_a_message_on_request(bench: Bench, number: int, result: int) -> None:
    assert bench.command(mavlink.MAV_CMD_REQUEST_MESSAGE, number) == result


def test_a_ping_is_not_answered_and_a_timesync_is_with_the_boot_time(bench: Bench) -> None:
    bench.until(2.0)
    assert bench.say(mavlink.MAVLink_ping_message(0, 1, 1, 1)) == []
    (answer,) = bench.say(mavlink.MAVLink_timesync_message(0, 42))
    assert (answer.tc1, answer.ts1) == (2_000_000_000, 42)


def test_without_a_position_it_says_zero_and_not_a_place(bench: Bench) -> None:
    bench.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, 100_000)
    bench.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT, 100_000)
    by_name = {m.get_type(): m for m in bench.until(5.0)}
    assert (by_name["GLOBAL_POSITION_INT"].lat, by_name["GLOBAL_POSITION_INT"].lon) == (0, 0)
    assert by_name["EKF_STATUS_REPORT"].flags & 0x18 == 0
    by_name = {m.get_type(): m for m in bench.until(15.0)}
    assert by_name["GLOBAL_POSITION_INT"].lat == pytest.approx(PLACE[0] * 1e7, abs=1_000)
    assert by_name["EKF_STATUS_REPORT"].flags == 0x33F


# --- arming and modes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boot_s", "mode", "words"),
    [
        (1.0, STABILIZE, "Arm: System not initialised"),
        (5.0, GUIDED, "Arm: Accels inconsistent"),
        (11.5, GUIDED, "Arm: AHRS: waiting for home"),
        (15.0, RTL, "Arm: RTL mode not armable"),
        (15.0, AUTO, "Arm: Mode requires mission"),
    ],
)
def test_a_refused_arm_fails_and_the_reason_is_a_text(bench: Bench, boot_s: float, mode: int, words: str) -> None:
    bench.until(boot_s)
    assert bench.mode(mode) == ACCEPTED
    assert bench.arm() == FAILED
    assert words in bench.texts()
    assert not bench.autopilot.pilot.armed


def test_auto_with_a_mission_is_not_armable_either(bench: Bench) -> None:
    bench.until(15.0)
    assert bench.upload(*short_mission()) == 0
    assert bench.mode(AUTO) == ACCEPTED
    assert bench.arm() == FAILED
    assert "Arm: AUTO mode not armable" in bench.texts()


def test_the_prearm_reason_repeats_every_half_minute(bench: Bench) -> None:
    bench.until(15.0)
    bench.mode(AUTO)
    bench.until(95.0)
    assert bench.texts().count("PreArm: Mode requires mission") == 3


def test_armed_is_armed_and_disarms_by_itself_after_ten_seconds(bench: Bench) -> None:
    bench.ready()
    assert bench.arm() == ACCEPTED
    assert bench.arm() == ACCEPTED
    bench.run(9.5)
    assert bench.autopilot.pilot.armed
    bench.run(1.0)
    assert not bench.autopilot.pilot.armed


def test_no_force_disarms_in_flight(bench: Bench) -> None:
    bench.flying()
    assert bench.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0) == FAILED
    assert bench.autopilot.pilot.armed


def test_an_unknown_mode_fails_with_words(bench: Bench) -> None:
    assert bench.mode(99) == FAILED
    assert "No such mode 99" in bench.texts()


def test_auto_without_a_mission_is_taken_on_the_ground_and_refused_in_flight(bench: Bench) -> None:
    bench.ready()
    assert bench.mode(AUTO) == ACCEPTED
    assert bench.mode(GUIDED) == ACCEPTED
    bench.flying()
    assert bench.mode(AUTO) == FAILED
    assert "Mode change to AUTO failed: init failed" in bench.texts()


def test_takeoff_needs_armed_on_the_ground_in_guided(bench: Bench) -> None:
    takeoff = (mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 20)
    bench.ready()
    assert bench.command(*takeoff) == FAILED  # disarmed
    bench.mode(STABILIZE)
    bench.arm()
    assert bench.command(*takeoff) == FAILED  # not GUIDED
    bench.mode(GUIDED)
    before = len(bench.texts())
    assert bench.command(*takeoff) == ACCEPTED
    bench.run(20.0)
    assert bench.autopilot.pilot.flight.enu[2] - PLACE[2] == pytest.approx(20.0, abs=1.0)
    assert bench.command(*takeoff) == FAILED  # flying
    assert len(bench.texts()) == before  # without a word


def test_reposition_comes_as_command_int_only(bench: Bench) -> None:
    number, x, y = mavlink.MAV_CMD_DO_REPOSITION, round(PLACE[0] * 1e7) + 2000, round(PLACE[1] * 1e7)
    bench.flying()
    assert bench.command(number, -1, 1, 0, 0, PLACE[0], PLACE[1], 20) == UNSUPPORTED
    assert bench.command_int(number, 910_000_000, y, 20.0, -1, 1) == DENIED
    assert bench.command_int(number, x, y, 20.0, -1, 1) == ACCEPTED
    bench.run(20.0)
    _, north, up = (float(v) for v in bench.autopilot.pilot.flight.enu)
    # 2000e-7 degrees of latitude, 111 258 m each here; what it flies to is off by nothing, for it flies its truth.
    assert north == pytest.approx(22.25, abs=1.0)
    assert up - PLACE[2] == pytest.approx(20.0, abs=1.0)


def test_reposition_outside_of_guided_needs_the_change_of_mode(bench: Bench) -> None:
    x, y = round(PLACE[0] * 1e7), round(PLACE[1] * 1e7)
    bench.flying()
    bench.mode(RTL)
    assert bench.command_int(mavlink.MAV_CMD_DO_REPOSITION, x, y, 20.0, -1, 0) == DENIED
    assert bench.command_int(mavlink.MAV_CMD_DO_REPOSITION, x, y, 20.0, -1, 1) == ACCEPTED
    assert bench.autopilot.pilot.mode == GUIDED


def test_a_pause_outside_of_a_flown_mission_fails_with_words(bench: Bench) -> None:
    bench.ready()
    assert bench.command(mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 0) == ACCEPTED  # GUIDED stands still where it is
    assert bench.mode(AUTO) == ACCEPTED
    assert bench.command(mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 0) == FAILED
    assert "Failed to pause" in bench.texts()


@pytest.mark.parametrize("number", [31_999, 521, 525, 527, 2504])
def test_what_it_does_not_know_is_unsupported(bench: Bench, number: int) -> None:
    assert bench.command(number) == UNSUPPORTED


def test_mission_start_while_disarmed_changes_the_mode_and_arms_nothing(bench: Bench) -> None:
    bench.ready()
    bench.upload(*short_mission())
    assert bench.command(mavlink.MAV_CMD_MISSION_START) == ACCEPTED
    assert bench.autopilot.pilot.mode == AUTO and not bench.autopilot.pilot.armed


def test_a_command_for_another_system_is_not_its_affair(bench: Bench) -> None:
    arm = mavlink.MAVLink_command_long_message(2, 1, mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0, 1, *[0.0] * 6)
    bench.ready()
    assert bench.say(arm) == []
    assert not bench.autopilot.pilot.armed


def test_garbage_moves_nothing_and_deafens_it_for_a_frame_at_most(bench: Bench) -> None:
    """Its parser takes what a stray magic byte announces, good frames included, as the real one does."""
    bench.until(15.0)
    bench.autopilot.receive(bytes(range(256)) * 8, link="ground")
    longest_frame = b"\0" * 280
    bench.autopilot.receive(longest_frame, link="ground")
    assert bench.listen() == []
    assert bench.mode(GUIDED) == ACCEPTED


# --- mission, fence, rally ------------------------------------------------------------------------------------------


def test_item_0_is_home_whatever_is_sent(bench: Bench) -> None:
    bench.ready()
    assert bench.upload(item(0, 16, frame=3, lat=10.0, lon=20.0, z=500.0), item(1, 22)) == 0
    home = bench.read(0)
    assert home.frame == 0
    assert (home.x, home.y) == pytest.approx((PLACE[0] * 1e7, PLACE[1] * 1e7), abs=1_000)
    assert home.z == pytest.approx(PLACE[2], abs=8.0)
    assert "Flight plan received" in bench.texts()


@pytest.mark.parametrize(
    ("sent", "frame", "params"),
    [
        (item(2, 16, 1, 2, 3, 4, frame=6), 3, (1, 0, 0, 0)),
        (item(2, 16, 0, 0, 0, math.nan, frame=11), 10, (0, 0, 0, 0)),
        (item(2, 16, 0, frame=5), 0, (0, 0, 0, 0)),
        (item(2, 178, 1, 5, 0, frame=3), 0, (1, 5, 0, 0)),
        (item(2, 20, 7, frame=3), 0, (0, 0, 0, 0)),
    ],
)
def test_an_item_does_not_come_back_as_it_was_sent(
    bench: Bench, sent: Any, frame: int, params: tuple[float, ...]
) -> None:
    assert bench.upload(*short_mission(sent)) == 0
    got = bench.read(2)
    assert got.frame == frame
    assert (got.param1, got.param2, got.param3, got.param4) == params


@pytest.mark.parametrize(
    ("bad", "result"),
    [
        (item(2, 16, lat=91.0), mavlink.MAV_MISSION_INVALID_PARAM5_X),
        (item(2, 16, lon=181.0), mavlink.MAV_MISSION_INVALID_PARAM6_Y),
        (item(2, 16, z=math.nan), mavlink.MAV_MISSION_INVALID_PARAM7),
        (item(2, 16, z=1e6), mavlink.MAV_MISSION_INVALID_PARAM7),
        (item(2, 16, math.nan), mavlink.MAV_MISSION_INVALID_PARAM1),
        (item(2, 16, 0, math.nan), mavlink.MAV_MISSION_INVALID_PARAM2),
        (item(2, 16, 0, 0, math.nan), mavlink.MAV_MISSION_INVALID_PARAM3),
        (item(2, 1000, -90, 0, 0, math.nan), mavlink.MAV_MISSION_INVALID_PARAM4),
        (item(2, 31_000), mavlink.MAV_MISSION_UNSUPPORTED),
        (item(2, 200), mavlink.MAV_MISSION_UNSUPPORTED),
        (item(2, 5001, 3), mavlink.MAV_MISSION_UNSUPPORTED),
        (item(2, 16, frame=1), mavlink.MAV_MISSION_UNSUPPORTED_FRAME),
        (item(2, 177, 0, 1), mavlink.MAV_MISSION_ERROR),
        (item(2, 177, 9, 1), mavlink.MAV_MISSION_ERROR),
    ],
)
def test_a_bad_item_ends_the_upload_with_its_reason(bench: Bench, bad: Any, result: int) -> None:
    assert bench.upload(*short_mission(bad)) == result
    assert bench.say(item(2, 16))[0].type == mavlink.MAV_MISSION_ERROR  # nothing is under way any more


def test_a_failure_in_the_middle_leaves_half_a_mission(bench: Bench) -> None:
    assert bench.upload(*short_mission(*(item(seq, 16, z=10.0) for seq in range(2, 6)))) == 0
    new = short_mission(item(2, 16, z=50.0), item(3, 31_000))
    assert bench.upload(*new) == mavlink.MAV_MISSION_UNSUPPORTED
    assert [bench.read(seq).z for seq in (2, 3)] == [50.0, 10.0]
    assert bench.say(mavlink.MAVLink_mission_request_list_message(1, 1, MISSION))[0].count == 4


@pytest.mark.parametrize(("kind", "limit"), [(MISSION, 650), (FENCE, 70), (RALLY, 46)])
def test_there_is_room_for_so_many(bench: Bench, kind: int, limit: int) -> None:
    (answer,) = bench.say(mavlink.MAVLink_mission_count_message(1, 1, limit + 1, kind))
    assert answer.type == mavlink.MAV_MISSION_NO_SPACE
    assert f"Only {limit} items are supported" in bench.texts()
    assert bench.say(mavlink.MAVLink_mission_count_message(1, 1, limit, kind))[0].get_type() == "MISSION_REQUEST"


def test_a_wrong_item_is_an_invalid_sequence_and_the_right_one_is_asked_for_again(bench: Bench) -> None:
    bench.say(mavlink.MAVLink_mission_count_message(1, 1, 3, MISSION))
    assert bench.say(item(2, 16))[0].type == mavlink.MAV_MISSION_INVALID_SEQUENCE
    asked = [m for m in bench.run(3.5) if m.get_type() == "MISSION_REQUEST"]
    assert [m.seq for m in asked] == [0, 0, 0]
    assert bench.say(item(0, 16, frame=0))[0].seq == 1


def test_eight_seconds_of_silence_end_an_upload(bench: Bench) -> None:
    bench.say(mavlink.MAVLink_mission_count_message(1, 1, 3, MISSION))
    assert not [m for m in bench.run(7.9) if m.get_type() == "MISSION_ACK"]
    (ack,) = [m for m in bench.run(0.3) if m.get_type() == "MISSION_ACK"]
    assert ack.type == mavlink.MAV_MISSION_OPERATION_CANCELLED
    assert "Mission upload timeout" in bench.texts()


@pytest.mark.parametrize(
    "question",
    [
        lambda: mavlink.MAVLink_mission_count_message(1, 1, 2, MISSION),
        lambda: mavlink.MAVLink_mission_request_list_message(1, 1, MISSION),
        lambda: mavlink.MAVLink_mission_clear_all_message(1, 1, MISSION),
        lambda: mavlink.MAVLink_mission_write_partial_list_message(1, 1, 0, 0, MISSION),
        lambda: item(0, 16),
    ],
)
def test_another_ground_station_is_denied_meanwhile(bench: Bench, question: Callable[[], Any]) -> None:
    bench.say(mavlink.MAVLink_mission_count_message(1, 1, 3, MISSION))
    answer = bench.say(question(), sysid=254)[0]
    assert (answer.type, answer.target_system) == (mavlink.MAV_MISSION_DENIED, 254)


def test_a_new_count_from_the_same_ground_station_begins_again(bench: Bench) -> None:
    bench.say(mavlink.MAVLink_mission_count_message(1, 1, 3, MISSION))
    bench.say(item(0, 16, frame=0))
    assert bench.upload(*short_mission()) == 0


def test_past_the_end_there_is_the_count_and_an_invalid_sequence(bench: Bench) -> None:
    bench.upload(*short_mission())
    count, ack = bench.say(mavlink.MAVLink_mission_request_int_message(1, 1, 2, MISSION))
    assert (count.count, ack.type) == (2, mavlink.MAV_MISSION_INVALID_SEQUENCE)


@pytest.mark.parametrize("kind", [9, 255])
def test_an_unknown_list_is_unsupported(bench: Bench, kind: int) -> None:
    for question in (mavlink.MAVLink_mission_clear_all_message, mavlink.MAVLink_mission_request_list_message):
        (answer,) = bench.say(question(1, 1, kind))
        assert (answer.type, answer.mission_type) == (mavlink.MAV_MISSION_UNSUPPORTED, kind)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ((item(0, 5001, 3, kind=FENCE), item(1, 5001, 3, kind=FENCE)), "Incorrect item count"),
        ((item(0, 5001, 2, kind=FENCE), item(1, 5001, 2, kind=FENCE)), "Invalid vertex count (2)"),
        ((item(0, 5003, 0, kind=FENCE),), "Non-positive circle radius"),
        ((item(0, 5003, 50, lat=91.0, kind=FENCE),), "Bad lat or lon"),
    ],
)
def test_a_bad_fence_is_refused_as_a_whole(bench: Bench, items: tuple[Any, ...], words: str) -> None:
    good = item(0, 5003, 50, kind=FENCE)
    assert bench.upload(good, kind=FENCE) == 0
    assert bench.upload(*items, kind=FENCE) == mavlink.MAV_MISSION_ERROR
    texts = bench.texts()
    assert words in texts and "Fence validation failed" in texts
    assert bench.read(0, FENCE).param1 == 50.0  # the old one is still there


def test_a_mission_in_flight_goes_to_its_end_and_says_so(bench: Bench) -> None:
    bench.ready()
    north = item(2, 16, lat=PLACE[0] + 0.0002)
    assert bench.upload(*short_mission(north, item(3, 20))) == 0
    assert bench.arm() == ACCEPTED
    assert bench.command(mavlink.MAV_CMD_MISSION_START) == ACCEPTED
    bench.run(120.0)
    assert not bench.autopilot.pilot.armed and bench.autopilot.pilot.flight.on_ground
    reached = [m.seq for m in bench.heard if m.get_type() == "MISSION_ITEM_REACHED"]
    assert reached == sorted(reached) and 2 in reached
    for words in ("Mission: 1 Takeoff", "Mission: 2 WP", "Mission: 3 RTL", "Disarming motors"):
        assert words in bench.texts()
    assert abs(bench.autopilot.pilot.flight.enu[1]) < 3.0


# --- parameters -----------------------------------------------------------------------------------------------------


def parameter(bench: Bench, name: str, value: float) -> list[Any]:
    return bench.say(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9))


@pytest.mark.parametrize(
    ("name", "sent", "kept"), [("FENCE_ENABLE", 1000.0, 127.0), ("FENCE_TYPE", 3.7, 3.0), ("WPNAV_SPEED", 3.5, 3.5)]
)
def test_a_parameter_is_clamped_and_cut_to_its_type(bench: Bench, name: str, sent: float, kept: float) -> None:
    (answer,) = parameter(bench, name, sent)
    assert (answer.param_value, answer.param_index) == (kept, 65_535)


@pytest.mark.parametrize(("name", "value"), [("NO_SUCH", 1.0), ("FENCE_ENABLE", math.nan)])
def test_a_parameter_that_cannot_be_set_is_not_answered(bench: Bench, name: str, value: float) -> None:
    assert parameter(bench, name, value) == []


# --- gimbal control -------------------------------------------------------------------------------------------------


def test_landing_and_returning_can_be_ordered_as_commands(bench: Bench) -> None:
    bench.flying()
    assert bench.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH) == ACCEPTED
    assert bench.autopilot.pilot.mode == RTL
    assert bench.command(mavlink.MAV_CMD_NAV_LAND) == ACCEPTED
    assert bench.autopilot.pilot.mode == 9
    bench.run(45.0)
    assert not bench.autopilot.pilot.armed


CONTROL = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE


@pytest.fixture
def pointed(bench: Bench) -> Bench:
    """With a gimbal attached."""
    bench.autopilot.add_link("device gimbal")
    told = mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 0, 44, [1, 0, 0, 0], 0, 0, 0, 0)
    bench.autopilot.receive(bytes(told.pack(mavlink.MAVLink(None, 1, 154))), link="device gimbal")
    return bench


def test_without_a_gimbal_nobody_controls_one(bench: Bench) -> None:
    assert bench.command(CONTROL, 255, 190) == FAILED
    for number in (mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_STATUS, mavlink.MAVLINK_MSG_ID_FENCE_STATUS):
        ask = mavlink.MAVLink_command_long_message(1, 1, mavlink.MAV_CMD_REQUEST_MESSAGE, 0, number, *[0.0] * 6)
        (ack,) = bench.say(ask)  # a message that it knows and has nothing to say in
        assert ack.result == ACCEPTED


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ((0, 0), (255, 190), (255, 190)),
        ((0, 0), (-2, -2), (255, 190)),
        ((1, 191), (-1, -1), (1, 191)),
        ((1, 191), (-3, -3), (1, 191)),  # not one's own
        ((255, 190), (-3, -3), (0, 0)),
    ],
)
def test_control_of_the_gimbal_is_taken_and_given_back(
    pointed: Bench, before: tuple[int, int], asked: tuple[int, int], after: tuple[int, int]
) -> None:
    pointed.autopilot.gimbal_control = before
    answers = pointed.say(mavlink.MAVLink_command_long_message(1, 1, CONTROL, 0, *asked, 0, 0, 0, 0, 0))
    told = [(m.primary_control_sysid, m.primary_control_compid) for m in answers if "STATUS" in m.get_type()]
    assert told == ([] if before == after else [after])  # it says so itself when it changes
    assert answers[-1].result == ACCEPTED and pointed.autopilot.gimbal_control == after


@pytest.mark.parametrize("asked", [(-4, 0), (256, 0), (0, -4), (255, 190, 0, 0, 0, 0, 2)])
def test_control_that_cannot_be_fails(pointed: Bench, asked: tuple[float, ...]) -> None:
    assert pointed.command(CONTROL, *asked) == FAILED


def test_the_fence_bits_of_sys_status_follow_the_fence(bench: Bench) -> None:
    """Fence switched off: present, healthy, not enabled; a ground station that reads it otherwise sees a breach."""
    geofence = mavlink.MAV_SYS_STATUS_GEOFENCE

    def bits() -> tuple[bool, bool, bool]:
        bench.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_SYS_STATUS)
        m = [m for m in bench.heard if m.get_type() == "SYS_STATUS"][-1]
        names = ("present", "enabled", "health")
        present, enabled, health = (getattr(m, f"onboard_control_sensors_{name}") for name in names)
        return bool(present & geofence), bool(enabled & geofence), bool(health & geofence)

    bench.run(1.0)
    assert bits() == (True, False, True)
    bench.autopilot.parameters.values["FENCE_ENABLE"] = 1.0
    assert bits() == (True, True, True)
    bench.autopilot.failsafes.breaches = 4
    assert bits() == (True, True, False)
