"""One command against a vehicle made of bare messages: when it is sent, when it ends, and what it says then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground_station.command import HAZARD_WINDOW_S, Command, command_long
from ground_station.operation import Sequence
from ground_station.telemetry import VehicleState, fold
from ground_station.wire import Message, mavlink

ARM = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
ACCEPTED, DENIED, FAILED = 0, 2, 4


def arm(*, hazardous: bool = True, shown: bool = True) -> Command:
    judge = (lambda state: state.armed) if shown else None
    return Command("arm", command_long(1, ARM, 1.0), now_s=0.0, hazardous=hazardous, shown_by=judge)


class Play:
    """Feeds a command with messages and time; ``sent`` holds when it wanted to send."""

    def __init__(self, command: Command | Sequence) -> None:
        self.command, self.state, self.sent = command, VehicleState(1), list[float]()
        self._collect(0.0)

    def _collect(self, now_s: float) -> None:
        self.sent += [now_s] * len(self.command.take_outgoing())

    def hear(self, message: Message, now_s: float) -> None:
        self.state = fold(self.state, message, now_s=now_s)
        self.command.receive(message, self.state, now_s=now_s)
        self._collect(now_s)

    def wait(self, start_s: float, end_s: float) -> None:
        for tick in range(round(start_s * 50), round(end_s * 50) + 1):
            self.command.tick(self.state, now_s=tick / 50)
            self._collect(tick / 50)

    def outcome(self) -> str:
        return "" if self.command.outcome is None else self.command.outcome.outcome


def ack(result: int, command: int = ARM) -> Message:
    return mavlink.MAVLink_command_ack_message(command, result)


def text(words: str, severity: int = 2) -> Message:
    return mavlink.MAVLink_statustext_message(severity, words.encode())


def beat(armed: bool) -> Message:
    return mavlink.MAVLink_heartbeat_message(2, 3, 128 if armed else 0, 4, 4, 3)


def test_a_hazardous_command_is_repeated_within_a_second_and_never_after() -> None:
    play = Play(arm())
    play.wait(0.0, 10.0)
    assert len(play.sent) >= 2 and max(play.sent) < HAZARD_WINDOW_S
    assert play.outcome() == "unknown" and play.command.outcome.reason == "the vehicle did not answer"


def test_another_command_is_repeated_for_three_seconds() -> None:
    play = Play(arm(hazardous=False))
    play.wait(0.0, 10.0)
    assert 2.0 < max(play.sent) < 3.0


@given(asleep_s=st.floats(1.001, 30.0))
def test_a_program_that_slept_over_the_second_sends_no_hazard(asleep_s: float) -> None:
    command = arm()
    command.tick(VehicleState(1), now_s=asleep_s)
    assert command.take_outgoing() == ()


@pytest.mark.parametrize("order", ["before", "after", "around"])
def test_a_refusal_collects_the_words_that_come_before_or_after_it(order: str) -> None:
    play = Play(arm())
    if order in ("before", "around"):
        play.hear(text("Arm: Need Position Estimate"), 0.1)
    play.hear(ack(FAILED), 0.2)
    assert play.outcome() == ""
    if order in ("after", "around"):
        play.hear(text("Arm: Battery failsafe"), 0.5)
    play.wait(0.2, 2.0)
    expected = {
        "before": ("Arm: Need Position Estimate",),
        "after": ("Arm: Battery failsafe",),
        "around": ("Arm: Need Position Estimate", "Arm: Battery failsafe"),
    }[order]
    assert play.outcome() == "refused" and play.command.outcome.vehicle_text == expected
    assert play.command.outcome.reason == "the vehicle answered FAILED"
    assert play.sent == [0.0]  # a refused command is not tried again behind the pilot's back


def test_chatter_explains_nothing() -> None:
    play = Play(arm())
    play.hear(text("EKF3 IMU0 is using GPS", severity=6), 0.1)
    play.hear(text("No ap_message for mavlink id (411)", severity=4), 0.1)
    play.hear(ack(FAILED), 0.2)
    play.wait(0.2, 2.0)
    assert play.command.outcome.vehicle_text == ()


def test_it_is_done_when_the_state_shows_it_although_the_answer_is_lost() -> None:
    play = Play(arm())
    play.hear(beat(False), 0.3)
    assert play.outcome() == ""
    play.hear(beat(True), 0.6)
    assert play.outcome() == "done" and play.command.outcome.seconds == 0.6


def test_an_acknowledgement_alone_is_not_done() -> None:
    play = Play(arm())
    play.hear(ack(ACCEPTED), 0.1)
    play.hear(beat(False), 0.2)
    play.wait(0.2, 20.0)
    assert play.outcome() == "unknown" and "does not show it" in play.command.outcome.reason
    assert play.sent == [0.0]


def test_where_nothing_shows_it_the_acknowledgement_is_enough() -> None:
    play = Play(arm(shown=False))
    play.hear(ack(ACCEPTED), 0.1)
    assert play.outcome() == "done"


def test_the_answer_to_another_command_is_none() -> None:
    play = Play(arm(shown=False))
    play.hear(ack(ACCEPTED, command=400 + 1), 0.1)
    play.hear(ack(DENIED, command=511), 0.1)
    assert play.outcome() == ""


def test_a_second_attempt_refused_because_the_first_worked_is_done() -> None:
    play = Play(arm())
    play.hear(ack(ACCEPTED), 0.1)
    play.hear(ack(FAILED), 0.5)
    play.hear(beat(True), 0.6)
    assert play.outcome() == "done"


def test_what_has_ended_does_not_change_any_more() -> None:
    play = Play(arm())
    play.hear(beat(True), 0.6)
    ended = replace(play.command.outcome)
    play.hear(ack(FAILED), 0.7)
    play.command.cancel("too late", now_s=0.8)
    play.wait(0.8, 5.0)
    assert play.command.outcome == ended


def test_a_cancelled_sequence_does_not_send_the_command_that_its_step_had_ready() -> None:
    sequence = Sequence("start", (lambda at: arm(),), now_s=0.0)
    sequence.cancel("the vehicle rebooted", now_s=0.1)
    assert sequence.take_outgoing() == ()
    sequence.tick(VehicleState(1), now_s=0.5)
    assert sequence.take_outgoing() == ()
