"""What an operation on a vehicle is, and what it reports: the truth, judged by the vehicle's state.

An operation is a machine without socket or clock: ``receive`` every message of its vehicle, ``tick`` it, send what
``take_outgoing`` hands out. It is over when ``outcome`` is not None; what it says then does not change any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ground_station.telemetry import StatusText, VehicleState
from ground_station.wire import Message, mavlink
from missions.items import MissionItem

VERIFIED, DONE, REFUSED, UNKNOWN, NOT_FLYABLE = "verified", "done", "refused", "unknown", "not_flyable"
_WARNING = 4  # MAV_SEVERITY: warnings and worse explain a refusal
WORDS_PATIENCE_S = 0.7
# ArduPilot's answer to our own request for a stream that this vehicle does not have; it explains nothing to a pilot.
_OUR_OWN_FAULT = "No ap_message for mavlink id"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended. ``vehicle_text``: the vehicle's own words, in order."""

    action: str
    outcome: str
    reason: str = ""
    vehicle_text: tuple[str, ...] = ()
    seconds: float = 0.0
    items: int | None = None

    @property
    def good(self) -> bool:
        """Whether what was asked for is true now."""
        return self.outcome in (VERIFIED, DONE)


class Operation:
    """Base of all operations: keeps the outbox, the vehicle's words and the end.

    ``commanding``: it moves the aircraft or its modes, and ends when somebody else takes the aircraft.
    """

    commanding = False
    component = 1
    """Whose messages it sees: the autopilot's, or those of the camera that it speaks to."""

    def __init__(self, action: str, *, now_s: float) -> None:
        self.action = action
        self.outcome: Outcome | None = None
        self.started_s = now_s
        self._out: list[Message] = []
        self._texts: list[str] = []
        self._read_text: StatusText | None = None
        self._ending: tuple[str, str, float] | None = None
        self.proves: dict[int, tuple[MissionItem, ...]] = {}
        """Lists by kind that this operation has shown to be on board."""

    def receive(self, message: Message, state: VehicleState, *, now_s: float) -> None:
        """One message of the vehicle, already folded into ``state``."""
        if self.outcome is not None:
            return
        if message.get_type() == "STATUSTEXT" and state.texts:
            self._hear(state.texts[-1])  # from the state: there the chunks of a long one are joined
        if self._ending is None:
            self._receive(message, state, now_s)

    def _hear(self, text: StatusText) -> None:
        new = text is not self._read_text and text.at_s >= self.started_s
        self._read_text = text
        if text.text.startswith(_OUR_OWN_FAULT):
            return
        if new and text.severity <= _WARNING and text.text not in self._texts:
            self._texts.append(text.text)

    def tick(self, state: VehicleState, *, now_s: float) -> None:
        """Let time pass: resend, or give up."""
        if self.outcome is None and self._ending is not None:
            outcome, reason, until_s = self._ending
            if now_s >= until_s:
                self._end(outcome, reason, now_s)
        elif self.outcome is None:
            self._tick(state, now_s)

    def take_outgoing(self) -> tuple[Message, ...]:
        """The messages to send now; each is handed out once."""
        out, self._out = tuple(self._out), []
        return out

    def cancel(self, reason: str, *, now_s: float) -> None:
        """End it from outside; nothing of it is sent any more."""
        if self.outcome is None:
            self._end(UNKNOWN, reason, now_s)
            self.take_outgoing()  # what a step or a read-back of it had ready

    def refuse(self, reason: str) -> None:
        """End it before anything of it was sent."""
        self._out.clear()
        self.outcome = Outcome(self.action, REFUSED, reason)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        """What the kind of operation does with a message."""

    def _tick(self, state: VehicleState, now_s: float) -> None:
        """What the kind of operation does as time passes."""

    def _end_with_words(self, outcome: str, reason: str, now_s: float) -> None:
        """End it after a moment: the vehicle says why in a text that may come after its answer."""
        self._out.clear()
        self._ending = (outcome, reason, now_s + WORDS_PATIENCE_S)

    def _end(self, outcome: str, reason: str, now_s: float, items: int | None = None) -> None:
        self._out.clear()
        texts = tuple(self._texts)
        self.outcome = Outcome(self.action, outcome, reason, texts, round(now_s - self.started_s, 3), items)


class Sequence(Operation):
    """Operations one after the other; the first that does not end well ends the whole with its outcome."""

    def __init__(self, action: str, steps: tuple[Callable[[float], Operation], ...], *, now_s: float) -> None:
        super().__init__(action, now_s=now_s)
        self._steps = list(steps)
        self._items = 0
        self._current = self._steps.pop(0)(now_s)
        self.component = self._current.component
        self.commanding = True
        self._last_words: list[Message] = []

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        self._current.receive(message, state, now_s=now_s)
        self._advance(now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        self._current.tick(state, now_s=now_s)
        self._advance(now_s)

    def cancel(self, reason: str, *, now_s: float) -> None:
        """End it from outside, by what the current step may claim; nothing of it is sent any more."""
        if self.outcome is None:
            self._current.cancel(reason, now_s=now_s)
            self._advance(now_s, steps=False)
            self._last_words.clear()

    def take_outgoing(self) -> tuple[Message, ...]:
        """What the current step wants to send."""
        last_words, self._last_words = self._last_words, []
        return (*last_words, *self._current.take_outgoing())

    def _advance(self, now_s: float, *, steps: bool = True) -> None:
        ended = self._current.outcome
        if ended is None or self.outcome is not None:
            return
        # A step that has ended may still owe the vehicle its acknowledgement.
        self._last_words += self._current.take_outgoing()
        self._items += ended.items or 0
        self.proves |= self._current.proves
        if ended.good and self._steps and steps:
            self._current = self._steps.pop(0)(now_s)
            self.component = self._current.component
            return
        seconds = round(now_s - self.started_s, 3)
        texts = tuple(dict.fromkeys((*self._texts, *ended.vehicle_text)))
        items = self._items or None
        self.outcome = replace(ended, action=self.action, vehicle_text=texts, seconds=seconds, items=items)


def result_name(result: int) -> str:
    """MAV_RESULT as a word: ``ACCEPTED``, ``DENIED``…"""
    return _enum_name("MAV_RESULT", result)


def ack_name(result: int) -> str:
    """MAV_MISSION_RESULT as a word: ``NO_SPACE``, ``INVALID_PARAM5_X``…"""
    return _enum_name("MAV_MISSION_RESULT", result).removeprefix("MISSION_")


def _enum_name(enum: str, value: int) -> str:
    entry = mavlink.enums[enum].get(value)
    # MAV_MISSION_RESULT's entries are called MAV_MISSION_…, those of MAV_RESULT MAV_RESULT_…
    return str(entry.name).removeprefix(f"{enum}_").removeprefix("MAV_") if entry else f"{enum} {value}"
