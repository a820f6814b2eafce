"""Mission, fence and rally lists answer as ArduCopter 4.7-dev was measured to answer, row by row."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.transfers import FENCE, LIMITS, MISSION, RALLY, Transfers

ME, OTHER = (255, 190), (254, 190)
ACCEPTED, ERROR, FRAME, UNSUPPORTED, NO_SPACE = 0, 1, 2, 3, 4
P1, P3, P4, P5, P6, P7, SEQUENCE, DENIED, CANCELLED = 6, 8, 9, 10, 11, 12, 13, 14, 15
NAN = math.nan


class Side:
    """A ground station in front of the lists."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.transfers = Transfers(lambda severity, text: self.texts.append(text))
        self.transfers.set_home(51.45, 6.74, 31.0)

    def say(self, message: Any, *, who: tuple[int, int] = ME, now_s: float = 0.0) -> list[Any]:
        return self.transfers.receive(message, who, now_s)

    def one(self, message: Any, **how: Any) -> Any:
        (answer,) = self.say(message, **how)
        return answer

    def upload(self, items: list[dict[str, Any]], kind: int = MISSION) -> Any:
        answer = self.one(count(len(items), kind))
        for seq, fields in enumerate(items):
            if answer.get_type() == "MISSION_ACK":
                return answer
            assert answer.seq == seq
            answer = self.one(item(seq, kind, **fields))
        return answer

    def download(self, kind: int = MISSION) -> list[Any]:
        total = self.one(mavlink.MAVLink_mission_request_list_message(1, 1, kind)).count
        return [self.one(mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind)) for seq in range(total)]


def count(n: int, kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_count_message(1, 1, n, kind)


def item(seq: int, kind: int = MISSION, **f: Any) -> Any:
    p1, p2, p3, p4 = f.get("p", (0, 0, 0, 0))
    x, y = round(f.get("lat", 51.45) * 1e7), round(f.get("lon", 6.74) * 1e7)
    return mavlink.MAVLink_mission_item_int_message(
        1, 1, seq, f.get("frame", 3), f.get("command", 16), 0, 1, p1, p2, p3, p4, x, y, f.get("z", 40.0), kind
    )  # fmt: skip


HOME: dict[str, Any] = {"frame": 0}
TAKEOFF: dict[str, Any] = {"command": 22}
WAYPOINT: dict[str, Any] = {}
VERTEX: dict[str, Any] = {"command": 5001, "p": (3, 0, 0, 0), "frame": 0}
TRIANGLE = [VERTEX, VERTEX | {"lat": 51.46}, VERTEX | {"lon": 6.75}]


def test_an_upload_is_asked_for_with_the_old_message_and_comes_back_with_home_in_front() -> None:
    side = Side()
    asked = side.one(count(3))
    assert asked.get_type() == "MISSION_REQUEST"
    assert side.upload([HOME | {"lat": 1.0, "z": 99.0}, TAKEOFF, WAYPOINT]).type == ACCEPTED
    assert side.texts == ["Flight plan received"]
    back = side.download()
    assert [(m.seq, m.command) for m in back] == [(0, 16), (1, 22), (2, 16)]
    assert (back[0].x, back[0].z, back[0].frame) == (514_500_000, 31.0, 0)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"frame": 6}, {"frame": 3}),
        ({"frame": 5}, {"frame": 0}),
        ({"frame": 11}, {"frame": 10}),
        ({"z": 40.2999}, {"z": 40.29}),
        ({"z": -3.999}, {"z": -3.99}),
        ({"p": (5, 7, 8, 90)}, {"param1": 5, "param2": 0, "param3": 0, "param4": 0}),
        ({"command": 21, "p": (0, 0, 0, 0)}, {"param4": 1}),
        ({"command": 205, "p": (-90, 0, 0, 0), "frame": 2}, {"z": 2, "x": 0, "frame": 0}),
        ({"command": 178, "p": (1, 6, -1, 0), "frame": 2}, {"param2": 6, "x": 0, "frame": 0}),
        ({"p": (0, 0, 0, NAN)}, {"param4": 0}),
    ],
)
def test_a_round_trip_is_not_exact(sent: dict[str, Any], kept: dict[str, float]) -> None:
    side = Side()
    assert side.upload([HOME, TAKEOFF, sent]).type == ACCEPTED
    stored = side.download()[2]
    assert {name: getattr(stored, name) for name in kept} == pytest.approx(kept, abs=1e-5)


@pytest.mark.parametrize(
    ("bad", "result"),
    [
        ({"lat": 90.1}, P5),
        ({"lon": 180.1}, P6),
        ({"z": NAN}, P7),
        ({"z": 83_000.0}, P7),
        ({"p": (NAN, 0, 0, 0)}, P1),
        ({"p": (0, 0, NAN, 0)}, P3),
        ({"command": 1000, "p": (-90, 0, 0, NAN)}, P4),
        ({"command": 31999}, UNSUPPORTED),
        ({"command": 5001}, UNSUPPORTED),
        ({"command": 5100}, UNSUPPORTED),
        ({"command": 530}, UNSUPPORTED),
        ({"frame": 1}, FRAME),
        ({"frame": 8}, FRAME),
        ({"command": 177, "p": (0, 1, 0, 0)}, ERROR),
        ({"command": 177, "p": (3, 1, 0, 0)}, ERROR),
    ],
)
def test_a_bad_item_ends_the_upload_and_what_came_before_is_stored(bad: dict[str, Any], result: int) -> None:
    side = Side()
    assert side.upload([HOME, TAKEOFF, bad]).type == result
    assert [m.command for m in side.download()] == [16, 22]
    assert side.transfers.tick(20.0) == []


def test_the_count_cuts_the_old_mission_at_once() -> None:
    side = Side()
    side.upload([HOME, TAKEOFF, WAYPOINT, WAYPOINT])
    side.one(count(2))
    assert len(side.transfers.lists[MISSION]) == 2


def test_an_item_that_does_not_come_is_asked_for_every_second_and_given_up_after_eight() -> None:
    side = Side()
    side.one(count(2), now_s=10.0)
    asked = [(now, m) for now in (10.5, 11.1, 11.5, 12.2) for _, m in side.transfers.tick(now)]
    assert [(now, m.get_type(), m.seq) for now, m in asked] == [
        (11.1, "MISSION_REQUEST", 0),
        (12.2, "MISSION_REQUEST", 0),
    ]
    ((owner, ack),) = side.transfers.tick(18.1)
    assert (owner, ack.type, side.texts) == (ME, CANCELLED, ["Mission upload timeout"])
    assert side.transfers.tick(30.0) == []


def test_a_wrong_sequence_is_said_and_the_upload_goes_on() -> None:
    side = Side()
    side.one(count(2))
    assert side.one(item(1)).type == SEQUENCE
    assert side.one(item(0)).seq == 1
    assert side.one(item(0)).type == SEQUENCE
    assert side.one(item(1, command=22)).type == ACCEPTED


def test_one_transfer_at_a_time() -> None:
    side = Side()
    side.one(count(2))
    assert side.one(count(5), who=OTHER).type == DENIED
    assert side.one(mavlink.MAVLink_mission_request_list_message(1, 1, MISSION), who=OTHER).type == DENIED
    refusals = side.say(mavlink.MAVLink_mission_clear_all_message(1, 1, MISSION), who=OTHER)
    assert [m.type for m in refusals] == [DENIED, ERROR]
    assert side.one(item(0), who=OTHER).type == DENIED
    assert side.one(count(3)).seq == 0  # the owner may begin anew


@pytest.mark.parametrize(("kind", "most"), LIMITS.items())
def test_too_many_are_refused_with_the_number_that_fits(kind: int, most: int) -> None:
    side = Side()
    assert side.one(count(most + 1, kind)).type == NO_SPACE
    assert side.texts == [f"Only {most} items are supported"]
    assert side.one(count(most, kind)).get_type() == "MISSION_REQUEST"


@pytest.mark.parametrize("kind", [9, 255])
def test_an_unknown_kind_is_unsupported(kind: int) -> None:
    side = Side()
    for message in (
        count(1, kind),
        mavlink.MAVLink_mission_request_list_message(1, 1, kind),
        mavlink.MAVLink_mission_clear_all_message(1, 1, kind),
    ):
        answer = side.one(message)
        assert (answer.type, answer.mission_type) == (UNSUPPORTED, kind)


def test_a_request_past_the_end_gets_the_count_and_an_invalid_sequence() -> None:
    side = Side()
    side.upload([HOME, TAKEOFF])
    first, second = side.say(mavlink.MAVLink_mission_request_int_message(1, 1, 2, MISSION))
    assert (first.count, second.type) == (2, SEQUENCE)


def test_clearing_is_refused_while_auto_flies_it_but_a_count_of_zero_clears() -> None:
    side = Side()
    side.upload([HOME, TAKEOFF])
    side.transfers.flying = True
    assert side.one(mavlink.MAVLink_mission_clear_all_message(1, 1, MISSION)).type == ERROR
    assert len(side.download()) == 2
    assert side.one(mavlink.MAVLink_mission_clear_all_message(1, 1, RALLY)).type == ACCEPTED
    assert side.one(count(0)).type == ACCEPTED
    assert side.download() == []


def test_the_old_item_with_floats_is_taken_with_a_word_of_advice() -> None:
    side = Side()
    side.one(count(1))
    old = mavlink.MAVLink_mission_item_message(1, 1, 0, 3, 16, 0, 1, 0, 0, 0, 0, 51.5, 6.75, 40.0, MISSION)
    assert side.one(old).type == ACCEPTED
    assert side.texts[0] == "got MISSION_ITEM; GCS should send MISSION_ITEM_INT"


def test_rally_points_are_stored_in_whole_metres() -> None:
    side = Side()
    rally = {"command": 5100, "z": 30.9}
    assert side.upload([rally], RALLY).type == ACCEPTED
    (stored,) = side.download(RALLY)
    assert (stored.z, stored.autocontinue) == (30.0, 0)
    assert side.upload([rally | {"z": 40_000.0}], RALLY).type == P7
    assert side.upload([rally | {"command": 16}], RALLY).type == UNSUPPORTED


@pytest.mark.parametrize(
    ("fence", "words"),
    [
        (TRIANGLE[:2], "Incorrect item count"),
        ([VERTEX | {"p": (2, 0, 0, 0)}] * 2, "Invalid vertex count (2)"),
        ([{"command": 5003, "p": (0, 0, 0, 0), "frame": 0}], "Non-positive circle radius"),
        ([*TRIANGLE[:2], VERTEX | {"lat": 90.5}], "Bad lat or lon"),
    ],
)
def test_a_bad_fence_is_refused_as_a_whole_and_the_old_one_stays(fence: list[dict[str, Any]], words: str) -> None:
    side = Side()
    assert side.upload(TRIANGLE, FENCE).type == ACCEPTED
    assert side.upload(fence, FENCE).type == ERROR
    assert side.texts == ["Fence Indexed OK", words, "Fence validation failed"]
    assert [(m.x, m.z, m.frame) for m in side.download(FENCE)] == [
        (514_500_000, 0.0, 0),
        (514_600_000, 0.0, 0),
        (514_500_000, 0.0, 0),
    ]


def test_a_fence_polygon_has_at_most_255_corners() -> None:
    side = Side()
    assert side.upload([VERTEX | {"p": (256, 0, 0, 0)}], FENCE).type == P1


# --- the three lists beside each other --------------------------------------------------------------------------------


def request(seq: int, kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind)


def partial(start: int, end: int, kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_write_partial_list_message(1, 1, start, end, kind)


def clear(kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_clear_all_message(1, 1, kind)


def test_home_alone_is_the_first_mission_and_can_be_read_when_it_is_cleared() -> None:
    side = Side()
    assert len(side.download()) == 1
    assert side.one(clear()).type == ACCEPTED
    assert side.download() == [] and side.one(request(0)).command == 16
    assert [m.get_type() for m in side.say(request(1))] == ["MISSION_COUNT", "MISSION_ACK"]


def test_a_fence_is_taken_from_another_while_a_mission_is_under_way() -> None:
    side = Side()
    side.one(count(2))
    assert side.one(mavlink.MAVLink_mission_request_list_message(1, 1, FENCE)).count == 0
    assert side.one(count(1, FENCE), who=OTHER).get_type() == "MISSION_REQUEST"
    assert side.one(item(0, FENCE, command=5003, p=(50, 0, 0, 0)), who=OTHER).type == ACCEPTED
    assert side.one(item(0)).seq == 1  # and the mission goes on


def test_the_sequence_is_judged_before_the_sender() -> None:
    side = Side()
    side.one(count(2))
    assert side.one(item(1), who=OTHER).type == SEQUENCE
    assert side.one(item(0), who=OTHER).type == DENIED


def test_only_a_good_item_keeps_an_upload_alive() -> None:
    side = Side()
    side.one(count(3), now_s=0.0)
    side.one(item(0), now_s=4.0)
    side.one(item(2), now_s=9.0)
    assert [m.type for _, m in side.transfers.tick(12.1)] == [CANCELLED]


@pytest.mark.parametrize(("kind", "words"), [(FENCE, "Fence upload timeout"), (RALLY, "Rally upload timeout")])
def test_each_list_is_given_up_in_its_own_words(kind: int, words: str) -> None:
    side = Side()
    side.one(count(1, kind))
    side.transfers.tick(8.1)
    assert side.texts == [words]


def test_too_many_items_end_the_upload_that_was_under_way() -> None:
    side = Side()
    side.one(count(2))
    assert side.one(count(2000)).type == NO_SPACE
    assert side.one(item(0)).type == ERROR


def test_a_partial_list_changes_one_item_or_appends_one() -> None:
    side = Side()
    side.upload([HOME, TAKEOFF, WAYPOINT, WAYPOINT])
    assert side.one(partial(2, 2)).seq == 2
    assert side.one(item(2, z=77.0)).type == ACCEPTED
    assert side.one(partial(4, 4)).seq == 4
    assert side.one(item(4, z=88.0)).type == ACCEPTED
    assert [m.z for m in side.download()][2:] == [77.0, 40.0, 88.0]


@pytest.mark.parametrize(("start", "end"), [(3, 2), (5, 5), (0, 9), (-1, 1)])
def test_a_partial_list_out_of_range_is_an_error_with_words(start: int, end: int) -> None:
    side = Side()
    side.upload([HOME, TAKEOFF, WAYPOINT, WAYPOINT])
    side.texts.clear()
    assert side.one(partial(start, end)).type == ERROR
    assert side.texts == ["Flight plan update rejected"]


def test_a_part_of_a_fence_replaces_what_stood_there() -> None:
    side = Side()
    side.upload(TRIANGLE, FENCE)
    side.one(partial(1, 1, FENCE))
    assert side.one(item(1, FENCE, **VERTEX | {"lat": 51.47})).type == ACCEPTED
    assert [m.x for m in side.download(FENCE)] == [514_500_000, 514_700_000, 514_500_000]
    side.say(clear(FENCE))
    side.one(partial(0, 0, FENCE))  # of nothing: it asks, and then
    assert side.one(item(0, FENCE, **VERTEX)).type == SEQUENCE


def test_the_old_question_is_answered_with_floats_and_a_word_of_advice_once() -> None:
    side = Side()
    side.upload([HOME, TAKEOFF, WAYPOINT])
    side.texts.clear()
    old = mavlink.MAVLink_mission_request_message(1, 1, 2, MISSION)
    answers = [side.one(old), side.one(old)]
    assert [m.get_type() for m in answers] == ["MISSION_ITEM"] * 2 and answers[0].x == pytest.approx(51.45)
    assert side.texts == ["got MISSION_REQUEST; use MISSION_REQUEST_INT!"]
    assert side.one(mavlink.MAVLink_mission_request_message(1, 1, 3, MISSION)).type == SEQUENCE


@pytest.mark.parametrize(
    ("message", "answers"),
    [
        (item(0, 9), [UNSUPPORTED]),
        (partial(0, 0, 9), [UNSUPPORTED]),
        (request(0, 9), []),
        (mavlink.MAVLink_mission_request_message(1, 1, 0, 9), []),
        (mavlink.MAVLink_mission_ack_message(1, 1, 0, MISSION), []),
        (item(0), [ERROR]),
        (item(0, FENCE), [ERROR]),
    ],
)
def test_what_belongs_to_no_transfer(message: Any, answers: list[int]) -> None:
    assert [m.type for m in Side().say(message)] == answers


@pytest.mark.parametrize(
    ("current", "command", "result"), [(2, 16, ERROR), (3, 16, ACCEPTED), (2, 31_000, UNSUPPORTED)]
)
def test_an_item_that_is_an_order_is_answered_as_one(current: int, command: int, result: int) -> None:
    message = item(0, command=command)
    message.current = current
    assert Side().one(message).type == result


def test_a_rally_point_is_changed_at_once_and_stays_when_the_upload_fails() -> None:
    side = Side()
    point = {"command": 5100, "z": 12.7, "frame": 6}
    assert side.upload([point, point | {"z": -12.7, "frame": 5}], RALLY).type == ACCEPTED
    assert [(m.z, m.frame) for m in side.download(RALLY)] == [(12.0, 3), (-12.0, 0)]
    assert side.upload([point | {"z": 99.0}, {"command": 5101}], RALLY).type == UNSUPPORTED
    assert [m.z for m in side.download(RALLY)] == [99.0, -12.0]


def test_a_circle_that_replaces_a_polygon_is_accepted_and_gone_and_stays_when_it_is_sent_again() -> None:
    """FENCE_TOTAL goes to 0, which the real one takes for an order to clear: seen on the binary, there as here."""
    side, counts = Side(), []
    polygon = [{"command": 5001, "p": (3, 0, 0, 0), "frame": 0}] * 3
    circle = [{"command": 5003, "p": (80, 0, 0, 0), "frame": 0}]
    for items in (polygon, circle, circle, polygon, circle * 3, polygon):
        assert side.upload(items, FENCE).type == ACCEPTED
        side.transfers.tick(0.1)
        counts.append(len(side.transfers.lists[FENCE]))
    assert counts == [3, 0, 1, 3, 3, 3]
