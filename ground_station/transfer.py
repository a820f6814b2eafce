"""Mission, fence and rally upload that ends with proof (mavlink.io/en/services/mission.html; ArduPilot's ways).

``Upload`` sends a list, then reads it back and compares with what ArduPilot stores of it (see ``canonical`` of items):
only an equal read-back is ``verified``; anything else is ``not_flyable`` with the difference in words. An
acknowledgement alone proves nothing: the last one may be lost, and a list may be half new and half old, because
ArduPilot stores items as they arrive.

Against loss, what the vehicle may be waiting for is offered again unasked after a quarter of a second: the item that it
asked for last, and after it a few that follow, more with every silence; ArduPilot takes them in order and answers
INVALID_SEQUENCE to the rest, which is no error. It gives up after 8 s without a good item: then the upload begins anew,
twice at most. While it waits for an item it answers DENIED to a read: then offering goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from ground_station.download import COUNT_S, KIND_NAMES, SILENCE_S, Download, Patience
from ground_station.download import FENCE as FENCE
from ground_station.download import MISSION as MISSION
from ground_station.download import RALLY as RALLY
from ground_station.operation import DONE, NOT_FLYABLE, REFUSED, UNKNOWN, VERIFIED, Operation, ack_name
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink
from missions.items import MissionItem, differences, wire_xy

_SETTLE_S = 2.0
_STUCK_S = 30.0  # the vehicle answers, and nothing comes of it
_BEGINNINGS = 3
_WIDEST = 6
# An answer to something superfluous; what was offered together is answered together.
_BREATH_S = 0.06

_ACCEPTED = mavlink.MAV_MISSION_ACCEPTED
_ERROR = mavlink.MAV_MISSION_ERROR
_DENIED = mavlink.MAV_MISSION_DENIED
_CANCELLED = mavlink.MAV_MISSION_OPERATION_CANCELLED
_INVALID_SEQUENCE = mavlink.MAV_MISSION_INVALID_SEQUENCE


def item_message(target: int, kind: int, seq: int, item: MissionItem) -> Message:
    """MISSION_ITEM_INT of one item."""
    x, y = wire_xy(item)
    return mavlink.MAVLink_mission_item_int_message(
        target, 1, seq, item.frame, item.command, 0, int(item.autocontinue), *item.params, x, y, item.alt_m, kind
    )


class Upload(Operation):
    """Send one list and prove it. ``items`` of a mission begin with home (index 0), which the vehicle replaces.

    ``part``: (first, last) sends only these into a list of the same length that is on board already.
    """

    def __init__(
        self,
        target: int,
        kind: int,
        items: Sequence[MissionItem],
        *,
        now_s: float,
        part: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(f"upload {KIND_NAMES[kind]}", now_s=now_s)
        self.kind, self.items = kind, tuple(items)
        self._target = target
        self._part = part
        self._first, self._last = part or (0, len(self.items) - 1)
        self._read_back: Download | None = None
        self._refusal = ""
        self._begun = 0
        self._stored = False  # whether an item may have been stored
        self._patience = Patience()
        self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        self._begun += 1
        self._wanted: int | None = None  # the item asked for last; None: nothing was asked for yet
        self._width = 1
        self._lower: int | None = None
        self._all_sent_s: float | None = None
        self._heard_s = self._moved_s = now_s
        self._offered: dict[int, tuple[float, int]] = {}
        self._announce(now_s)

    def _announce(self, now_s: float) -> None:
        if self._part is None:
            message = mavlink.MAVLink_mission_count_message(self._target, 1, len(self.items), self.kind)
        else:
            message = mavlink.MAVLink_mission_write_partial_list_message(
                self._target, 1, self._first, self._last, self.kind
            )
        self._out.append(message)
        self._sent_s = now_s

    def _offer(self, seq: int, now_s: float) -> None:
        self._out.append(item_message(self._target, self.kind, seq, self.items[seq]))
        self._offered[seq] = (now_s, self._offered.get(seq, (0.0, 0))[1] + 1)
        self._stored = True
        self._sent_s = now_s
        if seq == self._last and self._all_sent_s is None:
            self._all_sent_s = now_s

    def _offer_anew(self, now_s: float) -> None:
        """What it may be waiting for: the item it asked for last, or one of those that follow."""
        assert self._wanted is not None
        self._width = min(self._width + 1, _WIDEST)
        for seq in range(self._wanted, min(self._wanted + self._width, self._last + 1)):
            self._offer(seq, now_s)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if self._read_back is not None:
            self._read_back.receive(message, state, now_s=now_s)
            self._compare(now_s)
            return
        if getattr(message, "mission_type", None) != self.kind:
            return
        kind = message.get_type()
        if kind in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
            if self._first <= message.seq <= self._last:
                self._heard_s = now_s
                self._requested(message.seq, now_s)
        elif kind == "MISSION_ACK":
            self._heard_s = now_s
            self._acknowledged(message.type, now_s)

    def _requested(self, seq: int, now_s: float) -> None:
        if self._wanted is not None and seq < self._wanted and self._lower != seq:
            # Overtaken on its way, or the vehicle has begun anew: it is given what it asks for, and believed when it
            # asks once more.
            self._lower = seq
            self._offer(seq, now_s)
            return
        before = self._offered.get(seq - 1)
        if before is not None and before[1] == 1:
            self._patience.took(now_s - before[0])
        if self._wanted != seq:
            self._moved_s, self._width = now_s, 1
        self._wanted, self._lower = seq, None
        offered = self._offered.get(seq)
        if offered is None or now_s - offered[0] >= _BREATH_S:
            self._offer(seq, now_s)

    def _acknowledged(self, result: int, now_s: float) -> None:
        if result == _ACCEPTED:
            if self._all_sent_s is not None or not self.items:
                self._verify(now_s)
            # else it belongs to an earlier transfer: this one's items have not been sent yet
        elif result == _INVALID_SEQUENCE:
            if self._wanted is not None and now_s - self._sent_s >= _BREATH_S:
                self._offer_anew(now_s)
        elif result == _ERROR and self._all_sent_s is not None:
            # The last item once more, after the vehicle had taken it and its ACK was lost; or a list that it refuses
            # as a whole. What is on board decides.
            self._refusal = f"the vehicle answered {ack_name(result)}; "
            self._verify(now_s)
        elif result in (_CANCELLED, _ERROR) and self._wanted is not None and self._begun < _BEGINNINGS:
            self._begin(now_s)  # it has waited too long for an item, or knows of no upload any more
        elif self._wanted is None:
            who = " (another ground station is transferring)" if result == _DENIED else ""
            self._end_with_words(self._bad(REFUSED), f"the vehicle answered {ack_name(result)}{who}", now_s)
        else:
            # Items before the refused one are stored already: what is on board now is not what was there before.
            self._end_with_words(NOT_FLYABLE, f"the vehicle answered {ack_name(result)} at item {self._wanted}", now_s)

    def _bad(self, outcome: str) -> str:
        """What may be claimed: nothing was changed only while nothing was stored."""
        return NOT_FLYABLE if self._stored else outcome

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if self._read_back is not None:
            self._read_back.tick(state, now_s=now_s)
            self._compare(now_s)
        elif self._all_sent_s is not None and now_s - self._heard_s > _SETTLE_S:
            self._verify(now_s)  # the last ACK may be lost: the read-back settles it
        elif now_s - self._heard_s > SILENCE_S:
            self._end(self._bad(UNKNOWN), "the vehicle stopped answering", now_s)
        elif now_s - self._moved_s > _STUCK_S:
            self._end(self._bad(UNKNOWN), f"the vehicle keeps asking for item {self._wanted}", now_s)
        elif self._wanted is None:
            if now_s - self._sent_s >= COUNT_S:
                self._announce(now_s)
        elif now_s - self._sent_s >= self._patience.seconds:
            self._offer_anew(now_s)

    def _verify(self, now_s: float) -> None:
        self._read_back = Download(self._target, self.kind, now_s=now_s)

    def _compare(self, now_s: float) -> None:
        assert self._read_back is not None
        ended = self._read_back.outcome
        if ended is None:
            return
        if self._read_back.denied and self._wanted is not None and now_s - self._moved_s <= _STUCK_S:
            # Not over yet on board: something of ours came twice, or a stale ACK made us read too early.
            self._read_back, self._all_sent_s, self._heard_s = None, None, now_s
            self._offer_anew(now_s)
            return
        if not ended.good:
            self._end(NOT_FLYABLE, f"{self._refusal}the list could not be read back: {ended.reason}", now_s)
            return
        found = differences(self.items, self._read_back.items, home_first=self.kind == MISSION)
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            self._end(NOT_FLYABLE, f"{self._refusal}read back differs: {found[0]}{more}", now_s)
        else:
            self.proves[self.kind] = self.items
            self._end(VERIFIED, "", now_s, len(self.items))

    def cancel(self, reason: str, *, now_s: float) -> None:
        """End it from outside: a list that may be half written is not flyable."""
        if self.outcome is None:
            self._end(self._bad(UNKNOWN), reason, now_s)
            self.take_outgoing()

    def take_outgoing(self) -> tuple[Message, ...]:
        """What this upload, or its read-back, wants to send."""
        out = super().take_outgoing()
        return out if self._read_back is None else (*out, *self._read_back.take_outgoing())


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
            if now_s - self.started_s > SILENCE_S:
                self._end(UNKNOWN, "the vehicle did not answer", now_s)
            elif now_s - self._sent_s >= COUNT_S:
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
            self.proves[self._kind] = ()
            self._end(DONE, "", now_s)

    def take_outgoing(self) -> tuple[Message, ...]:
        """What this operation, or its read-back, wants to send."""
        out = super().take_outgoing()
        return out if self._read is None else (*out, *self._read.take_outgoing())
