"""Mission, fence and rally transfer that ends with proof (mavlink.io/en/services/mission.html; ArduPilot's ways).

``Download`` reads a list back. ``Upload`` sends one, then reads it back and compares with what ArduPilot stores of it
(``missions.items.canonical``): only an equal read-back is ``verified``; anything else is ``not_flyable`` with the
difference in words. An acknowledgement alone proves nothing: the last one may be lost, and a list may be half new and
half old, because ArduPilot stores items as they arrive.

Against loss the pending item is offered again every 250 ms unasked; INVALID_SEQUENCE then means "already taken" and
the next one is offered. ArduPilot gives up after 8 s of silence; a second ground station gets DENIED meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

from ground_station.operation import DONE, NOT_FLYABLE, REFUSED, UNKNOWN, VERIFIED, Operation, ack_name
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink
from missions.items import MissionItem, differences, item_from_wire, wire_xy

MISSION, FENCE, RALLY = 0, 1, 2
KIND_NAMES = {MISSION: "mission", FENCE: "fence", RALLY: "rally"}

_OFFER_S = 0.25
_COUNT_S = 0.75
_SILENCE_S = 8.0
_SETTLE_S = 2.0
_MAX_ITEMS = 2_000

_ACCEPTED = mavlink.MAV_MISSION_ACCEPTED
_ERROR = mavlink.MAV_MISSION_ERROR
_INVALID_SEQUENCE = mavlink.MAV_MISSION_INVALID_SEQUENCE


def item_message(target: int, kind: int, seq: int, item: MissionItem) -> Message:
    """MISSION_ITEM_INT of one item."""
    x, y = wire_xy(item)
    return mavlink.MAVLink_mission_item_int_message(
        target, 1, seq, item.frame, item.command, 0, int(item.autocontinue), *item.params, x, y, item.alt_m, kind
    )


class Download(Operation):
    """Read one list. ``items`` holds it once the outcome is ``done``."""

    def __init__(self, target: int, kind: int, *, now_s: float) -> None:
        super().__init__(f"download {KIND_NAMES[kind]}", now_s=now_s)
        self._target, self._kind = target, kind
        self._count: int | None = None
        self._got: dict[int, MissionItem] = {}
        self._heard_s = now_s
        self._ask(now_s)

    @property
    def items(self) -> tuple[MissionItem, ...]:
        """What was read, in order; complete only when the outcome is ``done``."""
        return tuple(self._got[seq] for seq in sorted(self._got))

    def _ask(self, now_s: float) -> None:
        if self._count is None:
            self._out.append(mavlink.MAVLink_mission_request_list_message(self._target, 1, self._kind))
        else:
            seq = next(seq for seq in range(self._count) if seq not in self._got)
            self._out.append(mavlink.MAVLink_mission_request_int_message(self._target, 1, seq, self._kind))
        self._asked_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if getattr(message, "mission_type", None) != self._kind:
            return
        kind = message.get_type()
        if kind == "MISSION_COUNT" and self._count is None:
            self._start(message.count, now_s)
        elif kind == "MISSION_ITEM_INT" and self._count is not None and message.seq < self._count:
            self._heard_s = now_s
            self._got[message.seq] = item_from_message(message)
            self._next(now_s)
        elif kind == "MISSION_ACK" and message.type not in (_ACCEPTED, _INVALID_SEQUENCE, _ERROR):
            # ERROR is no answer to a read: it is the late one to an upload's last item that had been offered twice.
            self._end(REFUSED, f"the vehicle answered {ack_name(message.type)}", now_s)

    def _start(self, count: int, now_s: float) -> None:
        if count > _MAX_ITEMS:
            self._end(UNKNOWN, f"the vehicle announces {count} items; at most {_MAX_ITEMS} are read", now_s)
            return
        self._heard_s, self._count = now_s, count
        self._next(now_s)

    def _next(self, now_s: float) -> None:
        if self._count is not None and len(self._got) == self._count:
            self._end(DONE, "", now_s, self._count)
            # The vehicle waits for this before it lets another ground station in.
            self._out.append(mavlink.MAVLink_mission_ack_message(self._target, 1, _ACCEPTED, self._kind))
        else:
            self._ask(now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self._heard_s > _SILENCE_S:
            self._end(UNKNOWN, "the vehicle stopped answering", now_s)
        elif now_s - self._asked_s >= (_COUNT_S if self._count is None else _OFFER_S):
            self._ask(now_s)


def item_from_message(message: Message) -> MissionItem:
    """MISSION_ITEM_INT → item."""
    return item_from_wire(
        message.command,
        message.frame,
        (message.param1, message.param2, message.param3, message.param4),
        message.x,
        message.y,
        message.z,
        bool(message.autocontinue),
    )


class Upload(Operation):
    """Send one list and prove it. ``items`` of a mission begin with home (index 0), which the vehicle replaces."""

    def __init__(self, target: int, kind: int, items: Sequence[MissionItem], *, now_s: float) -> None:
        super().__init__(f"upload {KIND_NAMES[kind]}", now_s=now_s)
        self._target, self._kind, self._items = target, kind, tuple(items)
        self._pending: int | None = None  # None: the vehicle has not asked for an item yet
        self._read_back: Download | None = None
        self._all_sent_s: float | None = None
        self._refusal = ""
        self._heard_s = now_s
        self._announce(now_s)

    def _announce(self, now_s: float) -> None:
        self._out.append(mavlink.MAVLink_mission_count_message(self._target, 1, len(self._items), self._kind))
        self._sent_s = now_s

    def _offer(self, seq: int, now_s: float) -> None:
        self._pending = seq
        self._out.append(item_message(self._target, self._kind, seq, self._items[seq]))
        self._sent_s = now_s
        if seq == len(self._items) - 1 and self._all_sent_s is None:
            self._all_sent_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if self._read_back is not None:
            self._read_back.receive(message, state, now_s=now_s)
            self._compare(now_s)
            return
        if getattr(message, "mission_type", None) != self._kind:
            return
        kind = message.get_type()
        if kind in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
            self._heard_s = now_s
            if message.seq < len(self._items):
                self._offer(message.seq, now_s)
        elif kind == "MISSION_ACK":
            self._heard_s = now_s
            self._acknowledged(message.type, now_s)

    def _acknowledged(self, result: int, now_s: float) -> None:
        if result == _ACCEPTED:
            if self._all_sent_s is not None or not self._items:
                self._verify(now_s)
            # else it belongs to an earlier transfer: this one's items have not been sent yet
        elif result == _INVALID_SEQUENCE:
            if self._pending is not None and self._pending + 1 < len(self._items):
                self._offer(self._pending + 1, now_s)
        elif self._pending is None:
            self._end_with_words(REFUSED, f"the vehicle answered {ack_name(result)}", now_s)
        elif result == _ERROR and self._all_sent_s is not None:
            # The last item once more, after the vehicle had taken it and its ACK was lost; or a list that it refuses
            # as a whole. What is on board decides.
            self._refusal = f"the vehicle answered {ack_name(result)}; "
            self._verify(now_s)
        else:
            # Items before the refused one are stored already: what is on board now is not what was there before.
            self._end_with_words(NOT_FLYABLE, f"the vehicle answered {ack_name(result)} at item {self._pending}", now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if self._read_back is not None:
            self._read_back.tick(state, now_s=now_s)
            self._compare(now_s)
        elif self._all_sent_s is not None and now_s - self._heard_s > _SETTLE_S:
            self._verify(now_s)  # the last ACK may be lost: the read-back settles it
        elif now_s - self._heard_s > _SILENCE_S:
            self._end(UNKNOWN if self._pending is None else NOT_FLYABLE, "the vehicle stopped answering", now_s)
        elif self._pending is None:
            if now_s - self._sent_s >= _COUNT_S:
                self._announce(now_s)
        elif now_s - self._sent_s >= _OFFER_S:
            self._offer(self._pending, now_s)

    def _verify(self, now_s: float) -> None:
        self._read_back = Download(self._target, self._kind, now_s=now_s)

    def _compare(self, now_s: float) -> None:
        assert self._read_back is not None
        ended = self._read_back.outcome
        if ended is None:
            return
        if not ended.good:
            self._end(NOT_FLYABLE, f"{self._refusal}the list could not be read back: {ended.reason}", now_s)
            return
        found = differences(self._items, self._read_back.items, home_first=self._kind == MISSION)
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            self._end(NOT_FLYABLE, f"{self._refusal}read back differs: {found[0]}{more}", now_s)
        else:
            self._end(VERIFIED, "", now_s, len(self._items))

    def take_outgoing(self) -> tuple[Message, ...]:
        """What this upload, or its read-back, wants to send."""
        out = super().take_outgoing()
        return out if self._read_back is None else (*out, *self._read_back.take_outgoing())


class Compare(Operation):
    """Read a list back and hold it against what it should be, without sending anything."""

    def __init__(self, target: int, kind: int, items: Sequence[MissionItem], *, now_s: float) -> None:
        super().__init__(f"compare {KIND_NAMES[kind]}", now_s=now_s)
        self._kind, self._items = kind, tuple(items)
        self._read = Download(target, kind, now_s=now_s)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        self._read.receive(message, state, now_s=now_s)
        self._judge(now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        self._read.tick(state, now_s=now_s)
        self._judge(now_s)

    def take_outgoing(self) -> tuple[Message, ...]:
        """What the read wants to send."""
        return self._read.take_outgoing()

    def _judge(self, now_s: float) -> None:
        ended = self._read.outcome
        if ended is None or self.outcome is not None:
            return
        if not ended.good:
            self._end(NOT_FLYABLE, f"the {KIND_NAMES[self._kind]} could not be read back: {ended.reason}", now_s)
            return
        found = differences(self._items, self._read.items, home_first=self._kind == MISSION)
        if found:
            self._end(NOT_FLYABLE, f"the {KIND_NAMES[self._kind]} on board differs: {found[0]}", now_s)
        else:
            self._end(VERIFIED, "", now_s, len(self._items))


class Clear(Operation):
    """Delete one list; ``done`` only when a read-back finds nothing but home."""

    def __init__(self, target: int, kind: int, *, now_s: float) -> None:
        super().__init__(f"clear {KIND_NAMES[kind]}", now_s=now_s)
        self._target, self._kind = target, kind
        self._read: Download | None = None
        self._send(now_s)

    def _send(self, now_s: float) -> None:
        self._out.append(mavlink.MAVLink_mission_clear_all_message(self._target, 1, self._kind))
        self._sent_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if self._read is not None:
            self._read.receive(message, state, now_s=now_s)
        elif message.get_type() == "MISSION_ACK" and message.mission_type == self._kind:
            if message.type == _ACCEPTED:
                self._read = Download(self._target, self._kind, now_s=now_s)
            else:
                self._end(REFUSED, f"the vehicle answered {ack_name(message.type)}", now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if self._read is None:
            if now_s - self.started_s > _SILENCE_S:
                self._end(UNKNOWN, "the vehicle did not answer", now_s)
            elif now_s - self._sent_s >= _COUNT_S:
                self._send(now_s)
            return
        self._read.tick(state, now_s=now_s)
        ended = self._read.outcome
        if ended is None:
            return
        left = len(self._read.items) - (1 if self._kind == MISSION and self._read.items else 0)
        if not ended.good:
            self._end(UNKNOWN, f"could not be read back: {ended.reason}", now_s)
        elif left:
            self._end(NOT_FLYABLE, f"{left} items are still on board", now_s)
        else:
            self._end(DONE, "", now_s)

    def take_outgoing(self) -> tuple[Message, ...]:
        """What this operation, or its read-back, wants to send."""
        out = super().take_outgoing()
        return out if self._read is None else (*out, *self._read.take_outgoing())
