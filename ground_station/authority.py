"""Who commands the aircraft now: us, its pilot, or itself.

A change of mode that none of our commands asked for is somebody else's will. It is told as an event ("Pilot hat
übernommen"), never fought and never undone, and what we had under way is cancelled, for a command that arrives after
the pilot's switch would take the aircraft out of the pilot's hands again. Where the vehicle's own words, said around
the change, name a failsafe, the change is its own ("Failsafe"); everything else counts as the pilot's.

AUTO that was entered by others flies whatever is on board: where that is not the plan that was proven, it is an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ground_station.modes import FLIES_PLAN, mode_name, modes_of
from ground_station.telemetry import StatusText, VehicleState
from ground_station.wire import Message, mavlink

PILOT, FAILSAFE, UNPROVEN, NEW_FLIGHT, SECOND_STATION, TRAFFIC = (
    "pilot_took_over", "failsafe_took_over", "auto_unproven", "new_flight", "second_ground_station", "traffic",
)  # fmt: skip
# How long after a command of ours the vehicle may take to show its mode.
_OURS_S = 6.0
# ArduPilot says the failsafe before it changes the mode; the heartbeat follows within a second.
_WORDS_S = 2.5
_FAILSAFE_WORDS = ("failsafe", "fence breached", "breached", "ekf variance", "battery", "avoid", "crash", "terrain")
_GUIDED_IF_NOT = 1  # MAV_DO_REPOSITION_FLAGS_CHANGE_MODE


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person has to know. ``kind`` is stable; ``mode`` the mode that is flown now."""

    kind: str
    at_s: float
    mode: str = ""
    before: str = ""
    words: str = ""


class Authority:
    """Hears every message of one vehicle and what we send to it. One for each flight."""

    def __init__(self) -> None:
        self._mode: int | None = None
        self._ours: dict[int, float] = {}  # mode number → until when it may be ours

    def sent(self, message: Message, state: VehicleState, *, now_s: float) -> None:
        """A message of ours leaves: which mode it asks for."""
        number = _mode_asked(message, state)
        if number is not None:
            self._ours[number] = now_s + _OURS_S

    def heard(self, message: Message, state: VehicleState, *, plan_proven: bool, now_s: float) -> Event | None:
        """After the message was folded: an event, where the mode changed and not by us."""
        if message.get_type() != "HEARTBEAT" or state.custom_mode is None:
            return None
        before, self._mode = self._mode, state.custom_mode
        if before is None or before == self._mode:
            return None
        if now_s <= self._ours.get(self._mode, -1.0):
            return None
        words = _failsafe_words(state.texts, now_s)
        mode, was = state.mode or "", mode_name(state.vehicle_type, before)
        if mode in FLIES_PLAN and not plan_proven:
            return Event(UNPROVEN, now_s, mode, was, words)
        return Event(FAILSAFE if words else PILOT, now_s, mode, was, words)


def _mode_asked(message: Message, state: VehicleState) -> int | None:
    if message.get_type() not in ("COMMAND_LONG", "COMMAND_INT"):
        return None
    names = modes_of(state.vehicle_type)
    command = message.command
    if command == mavlink.MAV_CMD_DO_SET_MODE:
        return int(message.param2)
    if command == mavlink.MAV_CMD_MISSION_START:
        return names.get("AUTO")
    if command == mavlink.MAV_CMD_DO_REPOSITION and int(message.param2) & _GUIDED_IF_NOT:
        return names.get("GUIDED")
    return None


def _failsafe_words(texts: Sequence[StatusText], now_s: float) -> str:
    recent = (text.text for text in reversed(texts) if now_s - text.at_s <= _WORDS_S and text.severity <= 4)
    return next((text for text in recent if any(word in text.lower() for word in _FAILSAFE_WORDS)), "")
