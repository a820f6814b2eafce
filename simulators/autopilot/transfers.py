"""Mission, fence and rally lists with ArduPilot's ways: not atomic, home in item 0, one transfer at a time.

Items are stored as they arrive; the count truncates at once; the pending item is asked for again every second; after
8 s of silence the upload is given up. Another ground station gets DENIED meanwhile. Answers as measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

Message = Any
Say = Callable[[int, str], None]

MISSION, FENCE, RALLY = 0, 1, 2
LIMITS = {MISSION: 650, FENCE: 70, RALLY: 46}
_ASK_AGAIN_S, _GIVE_UP_S = 1.0, 8.0
_FENCE_ITEMS = frozenset({5000, 5001, 5002, 5003, 5004})
_RALLY_ITEMS = frozenset({5100})
_PLACED = frozenset({16, 17, 18, 19, 21, 22, 82, 94, 189, 195, 201}) | _FENCE_ITEMS | _RALLY_ITEMS
_KNOWN = (_PLACED - _FENCE_ITEMS - _RALLY_ITEMS) | {
    *(20, 92, 93, 112, 114, 115, 177, 178, 179, 181, 182, 183, 184, 197, 203, 205, 206, 207, 208, 211, 222),
    *(531, 532, 534, 1000, 2000, 2001, 2500, 2501),
}
_ALLOWED = {MISSION: _KNOWN, FENCE: _FENCE_ITEMS, RALLY: _RALLY_ITEMS}
_JUMP, _MOUNT_CONTROL = 177, 205
# Heights are stored as whole centimetres (mission) and whole metres of an int16 (rally).
_HIGHEST_RALLY_M = 32_767
_MOST_VERTICES = 255
# Which of p1..p4 ArduCopter keeps for the commands flown here; everything else keeps all four.
_KEEPS = {16: 0b0001, 17: 0b0100, 20: 0, 21: 0b0001, 22: 0b0001, 82: 0b0001, 178: 0b0111, 195: 0, 197: 0, 206: 0b0101,
          1000: 0b1111, 5001: 1, 5002: 1, 5003: 1, 5004: 1, 5100: 0}  # fmt: skip
_FRAMES = {0: 0, 2: 0, 3: 3, 5: 0, 6: 3, 10: 10, 11: 10}


@dataclass(slots=True)
class Item:
    """One stored item, as the wire has it."""

    frame: int
    command: int
    params: tuple[float, float, float, float]
    x: int
    y: int
    z: float

    @property
    def lat_deg(self) -> float:
        """Degrees, where the command has a place."""
        return self.x * 1e-7

    @property
    def lon_deg(self) -> float:
        """Degrees, where the command has a place."""
        return self.y * 1e-7


@dataclass(slots=True)
class _Upload:
    kind: int
    owner: tuple[int, int]
    count: int
    seq: int
    asked_s: float
    heard_s: float
    taken: list[Item] = field(default_factory=list)


class Transfers:
    """The three lists of one vehicle. ``receive`` returns the answers; ``changed`` counts changes of the mission.

    ``flying``: whether AUTO flies the mission now; then it cannot be cleared.
    """

    def __init__(self, say: Say) -> None:
        self.lists: dict[int, list[Item]] = {MISSION: [], FENCE: [], RALLY: []}
        self.changed = 0
        self.flying = False
        self._say = say
        self._upload: _Upload | None = None

    def receive(self, message: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        """Answers to one message of the mission protocol; others give none."""
        handler = getattr(self, "_" + message.get_type().lower(), None)
        if handler is None:
            return []
        answers: list[Message] = handler(message, sender, now_s)
        return answers

    def tick(self, now_s: float) -> list[tuple[tuple[int, int], Message]]:
        """Repeated requests and the time-out, each with its addressee."""
        upload = self._upload
        if upload is None:
            return []
        if now_s - upload.heard_s > _GIVE_UP_S:
            self._upload = None
            self._say(4, "Mission upload timeout")
            return [(upload.owner, self._ack(upload.owner, mavlink.MAV_MISSION_OPERATION_CANCELLED, upload.kind))]
        if now_s - upload.asked_s >= _ASK_AGAIN_S:
            return [(upload.owner, self._ask(now_s))]
        return []

    def set_home(self, lat_deg: float, lon_deg: float, alt_m: float) -> None:
        """Home is item 0 of every mission."""
        home = Item(0, 16, (0.0, 0.0, 0.0, 0.0), round(lat_deg * 1e7), round(lon_deg * 1e7), round(alt_m, 2))
        if self.lists[MISSION]:
            self.lists[MISSION][0] = home
        self._home = home

    _home = Item(0, 16, (0.0, 0.0, 0.0, 0.0), 0, 0, 0.0)

    # --- uploads ----------------------------------------------------------------------------------------------------

    def _mission_count(self, m: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        if m.mission_type not in self.lists:
            return [self._ack(sender, mavlink.MAV_MISSION_UNSUPPORTED, m.mission_type)]
        if self._upload is not None and self._upload.owner != sender:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, m.mission_type)]
        if m.count > LIMITS[m.mission_type]:
            self._say(4, f"Only {LIMITS[m.mission_type]} items are supported")
            return [self._ack(sender, mavlink.MAV_MISSION_NO_SPACE, m.mission_type)]
        if m.mission_type != FENCE:  # the fence alone is written only when it is whole
            del self.lists[m.mission_type][m.count :]
        if m.count == 0:
            self._clear(m.mission_type)
            return [self._ack(sender, mavlink.MAV_MISSION_ACCEPTED, m.mission_type)]
        self._upload = _Upload(m.mission_type, sender, m.count, 0, now_s, now_s)
        return [self._ask(now_s)]

    def _ask(self, now_s: float) -> Message:
        assert self._upload is not None
        upload = self._upload
        upload.asked_s = now_s
        # The old MISSION_REQUEST, not _INT, although it wants a MISSION_ITEM_INT back: so does the real one.
        return mavlink.MAVLink_mission_request_message(*upload.owner, upload.seq, upload.kind)

    def _clear(self, kind: int) -> None:
        self._upload = None
        self.lists[kind].clear()
        self.changed += kind == MISSION

    def _mission_item(self, m: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        """The old form with floats: taken, with a word of advice."""
        self._say(4, "got MISSION_ITEM; GCS should send MISSION_ITEM_INT")
        scale = 1e7 if m.command in _PLACED else 1.0
        x, y = (round(v * scale) if math.isfinite(v) and abs(v * scale) < 2**31 else 2**31 - 1 for v in (m.x, m.y))
        whole = mavlink.MAVLink_mission_item_int_message(
            m.target_system, m.target_component, m.seq, m.frame, m.command, m.current, m.autocontinue,
            m.param1, m.param2, m.param3, m.param4, x, y, m.z, m.mission_type,
        )  # fmt: skip
        return self._mission_item_int(whole, sender, now_s)

    def _mission_item_int(self, m: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        upload = self._upload
        if upload is None or upload.kind != m.mission_type:
            return [self._ack(sender, mavlink.MAV_MISSION_ERROR, m.mission_type)] if upload is None else []
        if upload.owner != sender:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, m.mission_type)]
        upload.heard_s = now_s
        if m.seq != upload.seq:
            return [self._ack(sender, mavlink.MAV_MISSION_INVALID_SEQUENCE, m.mission_type)]
        fault = _fault(m, upload.count)
        if fault is not None:
            self._upload = None
            return [self._ack(sender, fault, m.mission_type)]
        self._store(upload, _stored(m))
        upload.seq += 1
        if upload.seq < upload.count:
            return [self._ask(now_s)]
        return [self._finish(upload)]

    def _store(self, upload: _Upload, item: Item) -> None:
        upload.taken.append(item)
        if upload.kind == FENCE:
            return
        stored = self.lists[upload.kind]
        if upload.kind == MISSION:
            self.changed += 1
            if upload.seq == 0:
                item = self._home
        if upload.seq < len(stored):
            stored[upload.seq] = item
        else:
            stored.append(item)

    def _finish(self, upload: _Upload) -> Message:
        self._upload = None
        if upload.kind == FENCE:
            fault = _fence_fault(upload.taken)
            if fault:
                self._say(4, fault)
                self._say(4, "Fence validation failed")
                return self._ack(upload.owner, mavlink.MAV_MISSION_ERROR, FENCE)
            self.lists[FENCE] = upload.taken
            self._say(6, "Fence Indexed OK")
        elif upload.kind == MISSION:
            self._say(6, "Flight plan received")
        return self._ack(upload.owner, mavlink.MAV_MISSION_ACCEPTED, upload.kind)

    # --- downloads and the rest -------------------------------------------------------------------------------------

    def _mission_request_list(self, m: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        if m.mission_type not in self.lists:
            return [self._ack(sender, mavlink.MAV_MISSION_UNSUPPORTED, m.mission_type)]
        if self._upload is not None:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, m.mission_type)]
        return [mavlink.MAVLink_mission_count_message(*sender, len(self.lists[m.mission_type]), m.mission_type)]

    def _mission_request_int(self, m: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        stored = self.lists.get(m.mission_type, [])
        if m.seq >= len(stored):
            return [
                mavlink.MAVLink_mission_count_message(*sender, len(stored), m.mission_type),
                self._ack(sender, mavlink.MAV_MISSION_INVALID_SEQUENCE, m.mission_type),
            ]
        item = stored[m.seq]
        keeps_going = 1 if m.mission_type == MISSION else 0
        return [
            mavlink.MAVLink_mission_item_int_message(
                *sender, m.seq, item.frame, item.command, 0, keeps_going, *item.params, item.x, item.y, item.z,
                m.mission_type,
            )
        ]  # fmt: skip

    _mission_request = _mission_request_int

    def _mission_clear_all(self, m: Message, sender: tuple[int, int], now_s: float) -> list[Message]:
        if m.mission_type not in self.lists:
            return [self._ack(sender, mavlink.MAV_MISSION_UNSUPPORTED, m.mission_type)]
        if self._upload is not None and self._upload.owner != sender:
            return [self._ack(sender, mavlink.MAV_MISSION_DENIED, m.mission_type)]
        if m.mission_type == MISSION and self.flying:
            return [self._ack(sender, mavlink.MAV_MISSION_ERROR, m.mission_type)]
        self._clear(m.mission_type)
        return [self._ack(sender, mavlink.MAV_MISSION_ACCEPTED, m.mission_type)]

    @staticmethod
    def _ack(target: tuple[int, int], result: int, kind: int) -> Message:
        return mavlink.MAVLink_mission_ack_message(*target, result, kind)


def _fault(m: Message, count: int) -> int | None:
    """MAV_MISSION_RESULT for an item that ArduCopter refuses, or None."""
    if m.command not in _ALLOWED[m.mission_type]:
        return int(mavlink.MAV_MISSION_UNSUPPORTED)
    if m.frame not in _FRAMES:
        return int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    for index, value in enumerate((m.param1, m.param2, m.param3), start=1):
        if not math.isfinite(value):
            return int(mavlink.MAV_MISSION_INVALID_PARAM1) + index - 1
    if math.isnan(m.param4) and m.command not in (16, 17, 21, 22):
        return int(mavlink.MAV_MISSION_INVALID_PARAM4)
    if m.command in _PLACED and m.mission_type != FENCE:  # a fence is judged as a whole, at the end
        if abs(m.x) > 900_000_000:
            return int(mavlink.MAV_MISSION_INVALID_PARAM5_X)
        if abs(m.y) > 1_800_000_000:
            return int(mavlink.MAV_MISSION_INVALID_PARAM6_Y)
    if not math.isfinite(m.z) or abs(m.z) >= (_HIGHEST_RALLY_M if m.mission_type == RALLY else 1e6):
        return int(mavlink.MAV_MISSION_INVALID_PARAM7)
    if m.command in (5001, 5002) and m.param1 > _MOST_VERTICES:
        return int(mavlink.MAV_MISSION_INVALID_PARAM1)
    if m.command == _JUMP and not 1 <= m.param1 < count:
        return int(mavlink.MAV_MISSION_ERROR)
    return None


def _stored(m: Message) -> Item:
    """What is left of an item after ArduPilot has packed it: unused parameters 0, centimetres, rewritten frames."""
    keeps = _KEEPS.get(m.command, 0b1111)
    raw = (m.param1, m.param2, m.param3, m.param4)
    params = [float(value) if keeps >> bit & 1 and math.isfinite(value) else 0.0 for bit, value in enumerate(raw)]
    if m.command == 21:
        params[3] = 1.0  # the sign of an unused yaw survives as +1
    placed = m.command in _PLACED
    fence = 5000 <= m.command <= 5004
    if placed:
        altitude = 0.0 if fence else _height(m)
        frame = 0 if fence else _FRAMES[m.frame]
        return Item(frame, m.command, (params[0], params[1], params[2], params[3]), m.x, m.y, altitude)
    if m.command == 1000:
        return Item(0, 1000, (params[0], params[1], params[2], params[3]), m.x, 0, float(int(m.z)))
    targeting = 2.0 if m.command == _MOUNT_CONTROL else 0.0
    return Item(0, m.command, (params[0], params[1], params[2], params[3]), 0, 0, targeting)


def _height(m: Message) -> float:
    """Cut, not rounded, as a cast in C does, in single precision as on the wire."""
    if m.mission_type == RALLY:
        return float(math.trunc(m.z))
    return math.trunc(float(np.float32(m.z) * np.float32(100.0))) / 100.0


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
                return "Incorrect item count"
            index += count
            continue
        if item.command in (5003, 5004) and item.params[0] <= 0:
            return "Non-positive circle radius"
        index += 1
    if any(abs(item.x) > 900_000_000 or abs(item.y) > 1_800_000_000 for item in items):
        return "Bad lat or lon"
    return ""
