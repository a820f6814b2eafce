"""Put a new plan in the place of the one on board, knowing what was there before.

Everything that will be written is read first. What is equal already is not sent again; of a mission in which only some
items differ, only those are sent where that is safe: the same number of items, on the ground, not armed (in AUTO every
change restarts the current item, and a shorter list would be cut at once). Whatever was sent is read back as a whole.

With ``restore`` a plan that could not be proven is taken off again: every list that was touched is uploaded as it was
before, and proven. The outcome stays ``not_flyable``, for the new plan is not on board; its reason says what is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Items

from ground_station.download import KIND_NAMES, MISSION, Download
from ground_station.operation import NOT_FLYABLE, UNKNOWN, VERIFIED, Operation, Outcome
from ground_station.telemetry import VehicleState
from ground_station.transfer import Clear, Upload
from ground_station.wire import Message
from missions.items import MissionItem, canonical, differences

Part = tuple[int, int]


class Replacement(Operation):
    """``parts``: kind → new list, written in this order. ``board``: kind → what was there before, once it is read."""

    def __init__(self, target: int, parts: Mapping[int, Items[MissionItem]], *, restore: bool, now_s: float) -> None:
        super().__init__("upload", now_s=now_s)
        self.board: dict[int, tuple[MissionItem, ...]] = {}
        self._target, self._restores = target, restore
        self._parts = {kind: tuple(items) for kind, items in parts.items()}
        self._steps = self._course()
        self._failure: Outcome | None = None
        self._state = VehicleState(target)
        self._now_s = now_s
        self._last_words: list[Message] = []
        self._step: Operation = next(self._steps)

    def _course(self) -> Iterator[Operation]:
        """Each step, one after the other; an end is reached by ``_end``."""
        for kind in self._parts:
            read = Download(self._target, kind, now_s=self._now_s)
            yield read
            if not _ended(read).good:
                why = f"the {KIND_NAMES[kind]} on board could not be read: {_ended(read).reason}; nothing was sent"
                self._end(UNKNOWN, why, self._now_s)
                return
            self.board[kind] = read.items
        written: list[int] = []
        for kind, items in self._parts.items():
            if not differences(items, self.board[kind], home_first=kind == MISSION):
                self.proves[kind] = items
                continue
            written.append(kind)
            upload = Upload(self._target, kind, items, now_s=self._now_s, part=self._safe_part(kind))
            yield upload
            if not _ended(upload).good:
                self._failure = _ended(upload)
                yield from self._put_back(written)
                return
        total = sum(len(items) for items in self._parts.values())
        self._end(VERIFIED, "" if written else "it was on board already", self._now_s, total)

    def _safe_part(self, kind: int) -> Part | None:
        old, new = canonical(self.board[kind]), canonical(self._parts[kind])
        if kind != MISSION or len(old) != len(new) or self._state.armed:
            return None
        changed = [seq for seq, (a, b) in enumerate(zip(old, new, strict=True)) if seq and a != b]
        if not changed or 2 * (changed[-1] - changed[0] + 1) > len(new):
            return None
        return changed[0], changed[-1]

    def _put_back(self, written: list[int]) -> Iterator[Operation]:
        assert self._failure is not None
        failed = self._failure
        if not self._restores or failed.outcome != NOT_FLYABLE:
            others = [KIND_NAMES[kind] for kind in written[:-1]]
            kept = f"; the new {' and '.join(others)} stays on board" if others else ""
            self._end(failed.outcome, failed.reason + kept, self._now_s)
            return
        for kind in reversed(written):
            old = self.board[kind]
            real = old[1:] if kind == MISSION else old
            put: Operation = (
                Upload(self._target, kind, old, now_s=self._now_s)
                if real
                else Clear(self._target, kind, now_s=self._now_s)
            )
            yield put
            if not _ended(put).good:
                why = f"{failed.reason}; the {KIND_NAMES[kind]} from before could not be put back: {_ended(put).reason}"
                self._end(NOT_FLYABLE, why, self._now_s)
                return
        self._end(NOT_FLYABLE, f"{failed.reason}; what was on board before is there again, verified", self._now_s)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        self._state, self._now_s = state, now_s
        self._step.receive(message, state, now_s=now_s)
        self._advance()

    def _tick(self, state: VehicleState, now_s: float) -> None:
        self._state, self._now_s = state, now_s
        self._step.tick(state, now_s=now_s)
        self._advance()

    def _advance(self) -> None:
        while self.outcome is None and self._step.outcome is not None:
            # A step that has ended may still owe the vehicle its acknowledgement.
            self._last_words += self._step.take_outgoing()
            self.proves |= self._step.proves
            self._texts += [text for text in self._step.outcome.vehicle_text if text not in self._texts]
            self._step = next(self._steps, self._step)

    def cancel(self, reason: str, *, now_s: float) -> None:
        """End it from outside, by what the current step may claim."""
        if self.outcome is None:
            self._step.cancel(reason, now_s=now_s)
            touched = self._step.outcome is not None and self._step.outcome.outcome == NOT_FLYABLE
            self._end(NOT_FLYABLE if touched or self._failure else UNKNOWN, reason, now_s)
            self._last_words.clear()

    def take_outgoing(self) -> tuple[Message, ...]:
        """What the current step wants to send."""
        last_words, self._last_words = self._last_words, []
        return (*last_words, *self._step.take_outgoing())


def _ended(operation: Operation) -> Outcome:
    assert operation.outcome is not None
    return operation.outcome
