"""A command, judged by what the vehicle does, not by its acknowledgement (mavlink.io/en/services/command.html).

ArduPilot executes a repeated command again and says nothing of why it refuses except in a STATUSTEXT, which may come
before or after the ACK. So: a command that has a visible effect is done when the state shows it, with or without ACK;
a refusal waits a moment for the vehicle's words; a **hazardous** command (arm, take-off, mode, start) is never sent
later than a second after the click, because an ARM that arrives seconds late starts propellers beside people.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ground_station.operation import DONE, REFUSED, UNKNOWN, WORDS_PATIENCE_S, Operation, result_name
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink

HAZARD_WINDOW_S = 1.0
_RESEND_S = 0.4
_PATIENCE_S = 3.0
_STATE_PATIENCE_S = 5.0

_ACCEPTED, _IN_PROGRESS = mavlink.MAV_RESULT_ACCEPTED, mavlink.MAV_RESULT_IN_PROGRESS

Judge = Callable[[VehicleState], bool]


class Command(Operation):
    """One COMMAND_LONG or COMMAND_INT to a vehicle.

    ``shown_by``: true once the vehicle's state shows the effect; None where only the ACK can tell. ``message`` builds
    the message for each attempt.
    """

    commanding = True

    def __init__(
        self,
        action: str,
        message: Message,
        *,
        now_s: float,
        shown_by: Judge | None = None,
        hazardous: bool = False,
        state_patience_s: float = _STATE_PATIENCE_S,
    ) -> None:
        super().__init__(action, now_s=now_s)
        self._message = message
        self.component = message.target_component
        self._shown_by = shown_by
        self._hazardous = hazardous
        self._send_until_s = now_s + (HAZARD_WINDOW_S if hazardous else _PATIENCE_S)
        self._state_patience_s = state_patience_s
        self._expires_s = now_s + (_PATIENCE_S if shown_by is None else max(_PATIENCE_S, state_patience_s))
        self._refused: int | None = None
        self._refused_until_s = 0.0
        self._accepted = False
        self._next_send_s = now_s + _RESEND_S
        self._attempts = 1
        self._out.append(message)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        self._forget_late(now_s)
        if message.get_type() == "COMMAND_ACK" and message.command == self._message.command:
            self._acknowledged(message, now_s)
        self._judge(state, now_s)

    def _acknowledged(self, ack: Message, now_s: float) -> None:
        if ack.result == _IN_PROGRESS:
            self._expires_s = max(self._expires_s, now_s + self._state_patience_s)
            self._send_until_s = 0.0
        elif ack.result == _ACCEPTED:
            self._accepted, self._refused = True, None
            self._expires_s = max(self._expires_s, now_s + self._state_patience_s)
        elif not self._accepted and self._refused is None:
            # A second attempt may be refused because the first one worked and its answer was lost: a vehicle that has
            # begun to take off refuses to take off. Then the state has all of its time to show it.
            again = self._attempts > 1 and self._shown_by is not None
            self._refused = ack.result
            self._refused_until_s = (
                max(self._expires_s, now_s + self._state_patience_s) if again else (now_s + WORDS_PATIENCE_S)
            )
            self._expires_s = max(self._expires_s, self._refused_until_s)

    def _forget_late(self, now_s: float) -> None:
        """A program that was stuck must not catch up with a hazardous command that nobody expects any more."""
        if self._hazardous and self._out and now_s - self.started_s > HAZARD_WINDOW_S:
            self._out.clear()

    def _tick(self, state: VehicleState, now_s: float) -> None:
        self._forget_late(now_s)
        self._judge(state, now_s)
        if self.outcome is not None:
            return
        if self._refused is not None and now_s >= self._refused_until_s:
            self._end(REFUSED, f"the vehicle answered {result_name(self._refused)}", now_s)
        elif now_s >= self._expires_s:
            self._end(UNKNOWN, self._expiry_reason(), now_s)
        elif not self._accepted and self._refused is None and now_s >= self._next_send_s and now_s < self._send_until_s:
            self._out.append(self._message)
            self._attempts += 1
            self._next_send_s = now_s + _RESEND_S

    def _judge(self, state: VehicleState, now_s: float) -> None:
        if self.outcome is not None:
            return
        if self._shown_by is not None:
            if self._shown_by(state):
                self._end(DONE, "", now_s)
        elif self._accepted:
            self._end(DONE, "accepted; nothing on board shows the effect", now_s)

    def _expiry_reason(self) -> str:
        if self._accepted:
            return "the vehicle accepted the command but its state does not show it"
        return "the vehicle did not answer"


def command_long(target: int, command: int, *params: float, component: int = 1) -> Message:
    """COMMAND_LONG with up to seven parameters, the rest 0."""
    return mavlink.MAVLink_command_long_message(target, component, command, 0, *[*params, *[0.0] * 7][:7])


def command_int(
    target: int, command: int, frame: int, lat_deg: float, lon_deg: float, alt_m: float, *params: float
) -> Message:
    """COMMAND_INT with a place; up to four parameters, the rest 0."""
    if not all(map(math.isfinite, (lat_deg, lon_deg, alt_m))):
        raise ValueError(f"place {lat_deg}, {lon_deg}, {alt_m} is not finite")
    p1, p2, p3, p4 = [*params, *[0.0] * 4][:4]
    return mavlink.MAVLink_command_int_message(
        target, 1, frame, command, 0, 0, p1, p2, p3, p4, round(lat_deg * 1e7), round(lon_deg * 1e7), alt_m
    )
