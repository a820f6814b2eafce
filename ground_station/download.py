"""Reading a list back from the vehicle: mission, fence or rally (mavlink.io/en/services/mission.html).

Reading is where proof comes from, so it has to be quick on a bad radio and slow to believe. Several items are asked for
at a time (the vehicle answers each request by itself, in any order); what does not come is asked for again after the
time that answers have been taking. Only an item that is asked for right now is taken: one that was late from an earlier
read proves nothing. Two answers that differ for one place are a list that changes while it is being read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ground_station.operation import DONE, NOT_FLYABLE, REFUSED, UNKNOWN, VERIFIED, Operation, ack_name
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink
from missions.items import MissionItem, differences, item_from_wire

MISSION, FENCE, RALLY = 0, 1, 2
KIND_NAMES = {MISSION: "mission", FENCE: "fence", RALLY: "rally"}

COUNT_S = 0.75
SILENCE_S = 8.0
_WINDOW = 6
_MAX_ITEMS = 2_000

_ACCEPTED = mavlink.MAV_MISSION_ACCEPTED
_ERROR = mavlink.MAV_MISSION_ERROR
_INVALID_SEQUENCE = mavlink.MAV_MISSION_INVALID_SEQUENCE


class Patience:
    """How long to wait for an answer before asking again: a quarter of a second, or what answers have been taking."""

    LEAST_S, MOST_S = 0.25, 1.5

    def __init__(self) -> None:
        self.seconds = self.LEAST_S
        self._smooth_s: float | None = None

    def took(self, seconds: float) -> None:
        """An answer to something that was asked only once came after so long."""
        self._smooth_s = seconds if self._smooth_s is None else 0.8 * self._smooth_s + 0.2 * seconds
        self.seconds = min(self.MOST_S, max(self.LEAST_S, 1.5 * self._smooth_s))


class Download(Operation):
    """Read one list. ``items`` holds it once the outcome is ``done``."""

    def __init__(self, target: int, kind: int, *, now_s: float) -> None:
        super().__init__(f"download {KIND_NAMES[kind]}", now_s=now_s)
        self._target, self._kind = target, kind
        self._count: int | None = None
        self._got: dict[int, MissionItem] = {}
        self._asked: dict[int, tuple[float, int]] = {}  # open requests: when, how often
        self.denied = False  # by a vehicle that is in the middle of an upload
        self._patience = Patience()
        self._heard_s = self._counted_s = now_s
        self._ask_count(now_s)

    @property
    def items(self) -> tuple[MissionItem, ...]:
        """What was read, in order; complete only when the outcome is ``done``."""
        return tuple(self._got[seq] for seq in sorted(self._got))

    def _ask_count(self, now_s: float) -> None:
        self._out.append(mavlink.MAVLink_mission_request_list_message(self._target, 1, self._kind))
        self._counted_s = now_s

    def _ask(self, seq: int, now_s: float) -> None:
        self._out.append(mavlink.MAVLink_mission_request_int_message(self._target, 1, seq, self._kind))
        self._asked[seq] = (now_s, self._asked.get(seq, (0.0, 0))[1] + 1)

    def _fill_window(self, now_s: float) -> None:
        assert self._count is not None
        for seq in range(self._count):
            if len(self._asked) >= _WINDOW:
                return
            if seq not in self._got and seq not in self._asked:
                self._ask(seq, now_s)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if getattr(message, "mission_type", None) != self._kind:
            return
        kind = message.get_type()
        if kind == "MISSION_COUNT" and self._count is None:
            self._start(message.count, now_s)
        elif kind == "MISSION_COUNT" and message.count != self._count:
            self._end(REFUSED, f"the list changed while it was read ({self._count} items, then {message.count})", now_s)
        elif kind == "MISSION_ITEM_INT" and self._count is not None:
            self._take(message, now_s)
        elif kind == "MISSION_ACK" and message.type not in (_ACCEPTED, _INVALID_SEQUENCE, _ERROR):
            # ERROR is no answer to a read: it is the late one to an upload's last item that had been offered twice.
            self.denied = message.type == mavlink.MAV_MISSION_DENIED
            self._end(REFUSED, f"the vehicle answered {ack_name(message.type)}", now_s)

    def _start(self, count: int, now_s: float) -> None:
        if count > _MAX_ITEMS:
            self._end(UNKNOWN, f"the vehicle announces {count} items; at most {_MAX_ITEMS} are read", now_s)
            return
        self._heard_s, self._count = now_s, count
        self._go_on(now_s)

    def _take(self, message: Message, now_s: float) -> None:
        item, seq = item_from_message(message), message.seq
        if seq in self._got and not _same(self._got[seq], item):
            self._end(REFUSED, f"the list changed while it was read (item {seq})", now_s)
            return
        if seq not in self._asked:
            return
        asked_s, times = self._asked.pop(seq)
        if times == 1:
            self._patience.took(now_s - asked_s)
        self._heard_s = now_s
        self._got[seq] = item
        self._go_on(now_s)

    def _go_on(self, now_s: float) -> None:
        if self._count is not None and len(self._got) == self._count:
            self._end(DONE, "", now_s, self._count)
            # The vehicle waits for this before it lets another ground station in.
            self._out.append(mavlink.MAVLink_mission_ack_message(self._target, 1, _ACCEPTED, self._kind))
        else:
            self._fill_window(now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self._heard_s > SILENCE_S:
            self._end(UNKNOWN, "the vehicle stopped answering", now_s)
        elif self._count is None:
            if now_s - self._counted_s >= COUNT_S:
                self._ask_count(now_s)
        else:
            for seq, (asked_s, _) in list(self._asked.items()):
                if now_s - asked_s >= self._patience.seconds:
                    self._ask(seq, now_s)


def _same(a: MissionItem, b: MissionItem) -> bool:
    """Equal, NaN counted as equal to NaN."""
    numbers = zip((*a.params, a.alt_m), (*b.params, b.alt_m), strict=True)
    return (a.command, a.frame, a.lat_deg, a.lon_deg) == (b.command, b.frame, b.lat_deg, b.lon_deg) and all(
        x == y or (math.isnan(x) and math.isnan(y)) for x, y in numbers
    )


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


class Compare(Operation):
    """Read a list back and hold it against what it should be, without sending anything."""

    def __init__(self, target: int, kind: int, items: Sequence[MissionItem], *, now_s: float) -> None:
        super().__init__(f"compare {KIND_NAMES[kind]}", now_s=now_s)
        self.kind, self.items = kind, tuple(items)
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
            self._end(NOT_FLYABLE, f"the {KIND_NAMES[self.kind]} could not be read back: {ended.reason}", now_s)
            return
        found = differences(self.items, self._read.items, home_first=self.kind == MISSION)
        if found:
            self._end(NOT_FLYABLE, f"the {KIND_NAMES[self.kind]} on board differs: {found[0]}", now_s)
        else:
            self.proves[self.kind] = self.items
            self._end(VERIFIED, "", now_s, len(self.items))
