"""Mission, fence and rally lists with ArduPilot's ways: not atomic, home in item 0, one transfer of each at a time.

Items are stored as they arrive; the count truncates at once; the pending item is asked for again every second; 8 s
after the last good item the upload is given up. The three lists are three machines: while a mission is uploaded,
another ground station may upload a fence, but gets DENIED for the mission. Answers as measured.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import storage
from simulators.autopilot.storage import FENCE as FENCE
from simulators.autopilot.storage import MISSION as MISSION
from simulators.autopilot.storage import RALLY as RALLY
from simulators.autopilot.storage import Item as Item

Message = Any
Say = Callable[[int, str], None]
Sender = tuple[int, int]

LIMITS = {MISSION: 650, FENCE: 70, RALLY: 46}
_RETURN_POINT, _FEWEST_CORNERS, _CLOSED_AND_RETURN = 5000, 3, 2
_ASK_AGAIN_S, _GIVE_UP_S = 1.0, 8.0
_FILE_MAGIC, _FILE_HEAD, _FILE_ITEM = 0x763D, struct.Struct("<5H"), struct.Struct("<4f2if2H6B")
_MISCOUNTED = "Incorrect item count"
_NAMES = {MISSION: "Mission", FENCE: "Fence", RALLY: "Rally"}
_GUIDED, _CHANGE_ALT = 2, 3  # MISSION_ITEM_INT.current that is an order and no item
# What is silent about a list that there is none of; everything else of it is answered with UNSUPPORTED.
_SILENT = frozenset({"MISSION_REQUEST", "MISSION_REQUEST_INT"})
_UNANSWERED = frozenset({"MISSION_ACK", "MISSION_CURRENT", "MISSION_ITEM_REACHED"})


@dataclass(slots=True)
class _Upload:
    """Items from ``seq`` to ``last`` are still to come. ``taken``: the fence so far, by place in the list."""

    kind: int
    owner: Sender
    seq: int
    last: int
    asked_s: float
    heard_s: float
    taken: dict[int, Item] = field(default_factory=dict)
    size: int = 0
    warned: bool = False


class Transfers:
    """The three lists of one vehicle. ``receive`` returns the answers; ``changed`` counts changes of the mission.

    ``flying``: whether AUTO flies the mission now; then it cannot be cleared.
    """

    def __init__(self, say: Say) -> None:
        self.lists: dict[int, list[Item]] = {MISSION: [], FENCE: [], RALLY: []}
        self.changed = 0
        self.flying = False
        self.fence_total = self._seen_total = 0
        self.cleared: Callable[[], None] = lambda: None
        """Told when the mission is cleared."""
        self._say = say
        self._uploads: dict[int, _Upload] = {}
        self._told_of_request = False
        self._home: Item | None = None

    def keep(self, former: Transfers) -> None:
        """The lists of a former life."""
        self.lists.update({kind: [*items] for kind, items in former.lists.items()})
        self.fence_total = self._seen_total = former.fence_total

    def receive(self, message: Message, sender: Sender, now_s: float) -> list[Message]:
        """Answers to one message of the mission protocol; others give none."""
        name = message.get_type()
        handler = getattr(self, "_" + name.lower(), None)
        if handler is None or name in _UNANSWERED:
            return []
        if message.mission_type not in self.lists:
            silent = name in _SILENT
            return [] if silent else [self._ack(sender, mavlink.MAV_MISSION_UNSUPPORTED, message.mission_type)]
        answers: list[Message] = handler(message, sender, now_s)
        return answers

    def tick(self, now_s: float) -> list[tuple[Sender, Message]]:
        """Repeated requests and the time-outs, each with its addressee."""
        out: list[tuple[Sender, Message]] = []
        self._clear_by_total()
        for upload in [*self._uploads.values()]:
            if now_s - upload.heard_s > _GIVE_UP_S:
                del self._uploads[upload.kind]
                self._say(4, f"{_NAMES[upload.kind]} upload timeout")
                ack = self._ack(upload.owner, mavlink.MAV_MISSION_OPERATION_CANCELLED, upload.kind)
                out.append((upload.owner, ack))
            elif now_s - upload.asked_s > _ASK_AGAIN_S + 1e-9:
                out.append((upload.owner, self._ask(upload, now_s)))
        return out

    def set_home(self, lat_deg: float, lon_deg: float, alt_m: float) -> None:
        """Home is item 0 of every mission, and the whole of the first one."""
        home = Item(0, 16, (0.0, 0.0, 0.0, 0.0), round(lat_deg * 1e7), round(lon_deg * 1e7), round(alt_m, 2))
        if self.lists[MISSION]:
            self.lists[MISSION][0] = home
        elif self._home is None:
            self.lists[MISSION].append(home)
        self._home = home

    def packed(self, kind: int) -> bytes:
        """A list as the file mission.dat, fence.dat or rally.dat: a head, then each item as on the wire."""
        head = _FILE_HEAD.pack(_FILE_MAGIC, kind, 0, 0, len(self.lists[kind]))
        items = (
            _FILE_ITEM.pack(
                *item.params, item.x, item.y, item.z, seq, item.command, 0, 0, item.frame, 0, int(kind == MISSION), kind
            )
            for seq, item in enumerate(self.lists[kind])
        )
        return head + b"".join(items)

    # --- uploads ----------------------------------------------------------------------------------------------------

    def _cancel(self, kind: int, sender: Sender) -> bool:
        """Whether an upload may begin or a list be cleared: the owner of one under way may, and ends it."""
        if kind in self._uploads and self._uploads[kind].owner != sender:
            return False
        self._uploads.pop(kind, None)
        return True

    def _mission_count(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        kind = m.mission_type
        if not self._cancel(kind, sender):
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, kind)]
        if m.count > LIMITS[kind]:
            self._say(4, f"Only {LIMITS[kind]} items are supported")
            return [self._ack(sender, mavlink.MAV_MISSION_NO_SPACE, kind)]
        if kind != FENCE:  # the fence alone is written only when it is whole
            self.changed += kind == MISSION and m.count < len(self.lists[kind])
            del self.lists[kind][m.count :]
        if m.count == 0:
            if kind == FENCE:
                self._clear(kind)
            if kind == MISSION:
                self._say(6, "Flight plan received")
            return [self._ack(sender, mavlink.MAV_MISSION_ACCEPTED, kind)]
        return self._begin(_Upload(kind, sender, 0, m.count - 1, now_s, now_s, size=m.count), now_s)

    def _mission_write_partial_list(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        """Some items anew, or one more behind the last."""
        kind, stored = m.mission_type, self.lists[m.mission_type]
        if kind in self._uploads:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, kind)]
        if not 0 <= m.start_index <= m.end_index <= len(stored):
            self._say(4, "Flight plan update rejected")
            return [self._ack(sender, mavlink.MAV_MISSION_ERROR, kind)]
        upload = _Upload(kind, sender, m.start_index, m.end_index, now_s, now_s, size=len(stored))
        if kind == FENCE:
            upload.taken = dict(enumerate(stored))
        return self._begin(upload, now_s)

    def _begin(self, upload: _Upload, now_s: float) -> list[Message]:
        self._uploads[upload.kind] = upload
        self._told_of_request = False
        return [self._ask(upload, now_s)]

    @staticmethod
    def _ask(upload: _Upload, now_s: float) -> Message:
        upload.asked_s = now_s
        # The old MISSION_REQUEST, not _INT, although it wants a MISSION_ITEM_INT back: so does the real one.
        return mavlink.MAVLink_mission_request_message(*upload.owner, upload.seq, upload.kind)

    def _clear(self, kind: int) -> None:
        if kind == FENCE:
            self._write_fence([])
            return
        self.lists[kind].clear()
        if kind == MISSION:
            self.changed += 1
            self.cleared()

    def _mission_item(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        """The old form with floats: taken, with a word of advice for each upload."""
        upload = self._uploads.get(m.mission_type)
        if upload is None or not upload.warned:
            self._say(4, "got MISSION_ITEM; GCS should send MISSION_ITEM_INT")
        if upload is not None:
            upload.warned = True
        scale = 1e7 if storage.is_placed(m.command) else 1.0
        x, y = (round(v * scale) if math.isfinite(v) and abs(v * scale) < 2**31 else 2**31 - 1 for v in (m.x, m.y))
        whole = mavlink.MAVLink_mission_item_int_message(
            m.target_system, m.target_component, m.seq, m.frame, m.command, m.current, m.autocontinue,
            m.param1, m.param2, m.param3, m.param4, x, y, m.z, m.mission_type,
        )  # fmt: skip
        return self._mission_item_int(whole, sender, now_s)

    def _mission_item_int(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        if m.mission_type == MISSION and m.current in (_GUIDED, _CHANGE_ALT):
            return [self._ack(sender, self._order(m), MISSION)]
        upload = self._uploads.get(m.mission_type)
        if upload is None:
            return [self._ack(sender, mavlink.MAV_MISSION_ERROR, m.mission_type)]
        if m.seq != upload.seq:  # asked before who it is
            return [self._ack(sender, mavlink.MAV_MISSION_INVALID_SEQUENCE, m.mission_type)]
        if upload.owner != sender:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, m.mission_type)]
        fault = storage.fault(m, max(upload.last + 1, len(self.lists[m.mission_type])))
        if fault is None and m.mission_type == FENCE and m.seq >= upload.size:
            fault = int(mavlink.MAV_MISSION_INVALID_SEQUENCE)
        if fault is not None:
            del self._uploads[m.mission_type]
            return [self._ack(sender, fault, m.mission_type)]
        upload.heard_s = now_s
        self._store(upload, storage.stored(m))
        upload.seq += 1
        if upload.seq <= upload.last:
            return [self._ask(upload, now_s)]
        return [self._finish(upload)]

    @staticmethod
    def _order(m: Message) -> int:
        """An item that is a target to fly to, or a height: not taken here, but judged and answered."""
        fault = storage.fault(m, m.seq + 1)
        if fault is not None:
            return fault
        return int(mavlink.MAV_MISSION_ERROR if m.current == _GUIDED else mavlink.MAV_MISSION_ACCEPTED)

    def _store(self, upload: _Upload, item: Item) -> None:
        if upload.kind == FENCE:
            upload.taken[upload.seq] = item
            return
        stored = self.lists[upload.kind]
        if upload.kind == MISSION:
            if not stored:  # home comes first, and the item that was meant for its place behind it
                stored.append(self._home or Item(0, 16, (0.0, 0.0, 0.0, 0.0), 0, 0, 0.0))
                self.changed += 1
                stored.append(item)
                return
            if upload.seq == 0:
                return
            self.changed += 1
        if upload.seq < len(stored):
            stored[upload.seq] = item
        else:
            stored.append(item)

    def _finish(self, upload: _Upload) -> Message:
        del self._uploads[upload.kind]
        if upload.kind == FENCE:
            taken = [upload.taken[seq] for seq in sorted(upload.taken)]
            fault = _fence_fault(taken)
            if fault:
                self._say(6 if fault == _MISCOUNTED else 4, fault)
                self._say(4, "Fence validation failed")
                return self._ack(upload.owner, mavlink.MAV_MISSION_ERROR, FENCE)
            self._write_fence(taken)
        elif upload.kind == MISSION:
            self._say(6, "Flight plan received")
        return self._ack(upload.owner, mavlink.MAV_MISSION_ACCEPTED, upload.kind)

    def _write_fence(self, items: list[Item]) -> None:
        """Store it. FENCE_TOTAL is of the days when a fence was one polygon: two more than its corners, or 0."""
        self.lists[FENCE] = items
        lines = sum(item.command != _RETURN_POINT for item in items)
        self.fence_total = lines + _CLOSED_AND_RETURN if lines >= _FEWEST_CORNERS else 0
        self._say(7, "Fence Indexed OK")

    def _clear_by_total(self) -> None:
        """The trap of it: where FENCE_TOTAL becomes 0, ArduPilot takes it for an old ground station's order to clear.

        So a circle that replaces a polygon is accepted, indexed, and gone. Sent once more it stays.
        """
        if self.fence_total != self._seen_total:
            self._seen_total = self.fence_total
            if self.fence_total == 0:
                self.lists[FENCE] = []

    # --- downloads and the rest -------------------------------------------------------------------------------------

    def _mission_request_list(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        if m.mission_type in self._uploads:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, m.mission_type)]
        return [mavlink.MAVLink_mission_count_message(*sender, len(self.lists[m.mission_type]), m.mission_type)]

    def _read(self, kind: int, seq: int) -> Item | None:
        """An item; home can be read also where there is no mission."""
        if kind == MISSION and seq == 0 and self._home is not None:
            return self._home
        return self.lists[kind][seq] if seq < len(self.lists[kind]) else None

    def _mission_request_int(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        kind = m.mission_type
        if kind in self._uploads:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, kind)]
        item = self._read(kind, m.seq)
        if item is None:
            return [
                mavlink.MAVLink_mission_count_message(*sender, len(self.lists[kind]), kind),
                self._ack(sender, mavlink.MAV_MISSION_INVALID_SEQUENCE, kind),
            ]
        return [
            mavlink.MAVLink_mission_item_int_message(
                *sender, m.seq, item.frame, item.command, 0, int(kind == MISSION), *item.params, item.x, item.y,
                item.z, kind,
            )
        ]  # fmt: skip

    def _mission_request(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        """The old question: answered with floats, also in the middle of an upload."""
        kind, item = m.mission_type, self._read(m.mission_type, m.seq)
        if item is None:
            return [self._ack(sender, mavlink.MAV_MISSION_INVALID_SEQUENCE, kind)]
        if not self._told_of_request:
            self._told_of_request = True
            self._say(4, "got MISSION_REQUEST; use MISSION_REQUEST_INT!")
        scale = 1e-7 if storage.is_placed(item.command) else 1.0
        return [
            mavlink.MAVLink_mission_item_message(
                *sender, m.seq, item.frame, item.command, 0, int(kind == MISSION), *item.params, item.x * scale,
                item.y * scale, item.z, kind,
            )
        ]  # fmt: skip

    def _mission_clear_all(self, m: Message, sender: Sender, now_s: float) -> list[Message]:
        kind = m.mission_type
        if not self._cancel(kind, sender):  # refused twice, the second time without knowing why
            refusals = (mavlink.MAV_MISSION_DENIED, mavlink.MAV_MISSION_ERROR)
            return [self._ack(sender, result, kind) for result in refusals]
        if kind == MISSION and self.flying:
            return [self._ack(sender, mavlink.MAV_MISSION_ERROR, kind)]
        self._clear(kind)
        return [self._ack(sender, mavlink.MAV_MISSION_ACCEPTED, kind)]

    @staticmethod
    def _ack(target: Sender, result: int, kind: int) -> Message:
        return mavlink.MAVLink_mission_ack_message(*target, result, kind)


def _fence_fault(items: list[Item]) -> str:
    """ArduPilot's words for a fence that it does not take, or nothing."""
    index = 0
    while index < len(items):
        item = items[index]
        if item.command in (5001, 5002):
            count = int(item.params[0])
            if count < 3:
                return f"Invalid vertex count ({count})"
            if any(other.command != item.command for other in items[index : index + count]) or (
                index + count > len(items)
            ):
                return _MISCOUNTED
            index += count
            continue
        if item.command in (5003, 5004) and item.params[0] <= 0:
            return "Non-positive circle radius"
        index += 1
    if any(abs(item.x) > 900_000_000 or abs(item.y) > 1_800_000_000 for item in items):
        return "Bad lat or lon"
    return ""
