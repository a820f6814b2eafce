"""What ArduCopter's storage leaves of an item, and which items it refuses.

A mission item is packed into a few bytes: most commands lose parameters, and what stays is cut to a small integer that
wraps. Each command has four letters here, one a parameter, as read back from ArduCopter 4.7-dev:

``.`` dropped · ``B b H h`` 8 and 16 bits, unsigned and signed, wrapping · ``f`` single, ``e`` half precision ·
``r`` whole metres with a sign · ``s`` only the sign · ``x`` whether above 0 · ``c`` hundredths in 16 bits
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

MISSION, FENCE, RALLY = 0, 1, 2
HIGHEST_M = 83_000.0

_LETTERS = {
    16: "H...", 17: "..r.", 18: "...x", 19: "H.sx", 20: "....", 21: "H..s", 22: "H...", 30: "H...", 31: ".r.x",
    82: "H...", 83: "ffB.", 84: "....", 85: "H...", 92: "H...", 93: "fbbb", 94: "c...", 112: "f...", 114: "f...",
    115: "ffbB", 177: "Hh..", 178: "Bff.", 179: "H...", 181: "BB..", 182: "Bhf.", 183: "BH..", 184: "BHhf",
    188: "....", 189: "....", 191: "....", 193: "H...", 194: "H...", 195: "H...", 197: "H...", 201: "H...",
    202: "BHBH", 203: "BBbB", 205: "fff.", 206: "f.B.", 207: "H...", 208: "H...", 210: "H...", 211: "BB..",
    212: "H...", 213: "ffB.", 215: "H...", 216: "H...", 217: "Hfff", 218: "HB..", 222: "Hfff", 223: "xxc.",
    531: "Bf..", 532: "Bf..", 534: "BBB.", 600: "H...", 601: "Hh..", 1000: "bhbb", 2000: "BfHH", 2001: "H...",
    2500: "B...", 2501: "B...", 3000: "B...", 42600: "BBff", 42702: "BBee",
}  # fmt: skip
# Which keep a place: x, y in 1e-7 degrees, z in centimetres, and a frame.
_PLACED = frozenset({16, 17, 18, 19, 21, 22, 30, 31, 82, 84, 85, 92, 94, 179, 188, 189, 191, 195, 201})
# The others come back with frame 0; a few keep something in x, y and z.
_BESIDES = {202: "BBf", 203: "BB.", 1000: "B.B", 42702: "hh."}
_UNUSED_YAW = frozenset({16, 17, 21, 22, 84, 85})  # param4 may be NaN
_BITS = {"B": (8, False), "b": (8, True), "H": (16, False), "h": (16, True)}
_LOITER_TURNS, _JUMP, _MOUNT_CONTROL, _VTOL_LAND = 18, 177, 205, 85
_FRAMES = {0: 0, 2: 0, 3: 3, 5: 0, 6: 3, 10: 10, 11: 10}
_FENCE_FRAMES = frozenset({0, 3, 5, 6, 10, 11})
_VERTICES = frozenset({5001, 5002})
_FENCE_ITEMS = _VERTICES | {5000, 5003, 5004}
_MOST_VERTICES = 255


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


def is_placed(command: int) -> bool:
    """Whether x and y of a command are a place."""
    return command in _PLACED or command in _FENCE_ITEMS or command == mavlink.MAV_CMD_NAV_RALLY_POINT


def fault(m: Any, count: int) -> int | None:
    """MAV_MISSION_RESULT for an item that is refused, or None. ``count``: how many items the list will have."""
    return {MISSION: _mission_fault, FENCE: _fence_fault, RALLY: _rally_fault}[m.mission_type](m, count)


def _mission_fault(m: Any, count: int) -> int | None:
    nan_allowed = {4} if m.command in _UNUSED_YAW else set()
    nan_allowed |= {3} if m.command == _VTOL_LAND else set()
    for number, value in enumerate((m.param1, m.param2, m.param3, m.param4), start=1):
        if math.isinf(value) or (math.isnan(value) and number not in nan_allowed):
            return int(mavlink.MAV_MISSION_INVALID_PARAM1) + number - 1
    if m.command == 0:
        return int(mavlink.MAV_MISSION_INVALID)
    if m.command not in _LETTERS:
        return int(mavlink.MAV_MISSION_UNSUPPORTED)
    if m.command in _PLACED:
        wrong = _place_fault(m)
        if wrong is None and not abs(m.z) < HIGHEST_M:
            wrong = int(mavlink.MAV_MISSION_INVALID_PARAM7)
        if wrong is None and m.frame not in _FRAMES:
            wrong = int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
        return wrong
    if m.command == _JUMP and not 1 <= _coded("H", m.param1) < count:
        return int(mavlink.MAV_MISSION_ERROR)
    return None


def _place_fault(m: Any) -> int | None:
    # Compared in single precision: a few metres beyond the pole pass.
    if abs(np.float32(m.x)) > np.float32(9e8):
        return int(mavlink.MAV_MISSION_INVALID_PARAM5_X)
    if abs(np.float32(m.y)) > np.float32(1.8e9):
        return int(mavlink.MAV_MISSION_INVALID_PARAM6_Y)
    return None


def _fence_fault(m: Any, count: int) -> int | None:
    """Places are judged with the whole, at the end."""
    if m.frame not in _FENCE_FRAMES:
        return int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    if m.command not in _FENCE_ITEMS:
        return int(mavlink.MAV_MISSION_UNSUPPORTED)
    if m.command in _VERTICES and m.param1 > _MOST_VERTICES:
        return int(mavlink.MAV_MISSION_INVALID_PARAM1)
    return None


def _rally_fault(m: Any, count: int) -> int | None:
    if m.command != mavlink.MAV_CMD_NAV_RALLY_POINT:
        return int(mavlink.MAV_MISSION_UNSUPPORTED)
    wrong = _place_fault(m)
    if wrong is not None:
        return wrong
    if not -32_768 <= m.z <= 32_767:
        return int(mavlink.MAV_MISSION_INVALID_PARAM7)
    return None if m.frame in _FENCE_FRAMES else int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)


def stored(m: Any) -> Item:
    """What is left of an item that ``fault`` lets pass."""
    if m.mission_type == RALLY:
        return Item(_FRAMES[m.frame], m.command, (0.0, 0.0, 0.0, 0.0), m.x, m.y, float(math.trunc(m.z)))
    if m.mission_type == FENCE:
        first = 0.0 if m.command == 5000 else _coded("B" if m.command in _VERTICES else "f", m.param1)
        return Item(0, m.command, (first, 0.0, 0.0, 0.0), m.x, m.y, 0.0)
    raw = (m.param1, m.param2, m.param3, m.param4)
    one, two, three, four = (_coded(letter, value) for letter, value in zip(_LETTERS[m.command], raw, strict=True))
    if m.command == _LOITER_TURNS:
        one, three = _turns(m.param1, m.param3)
    params = (one, two, three, four)
    if m.command in _PLACED:
        # Cut, not rounded, as a cast in C does, in single precision as on the wire.
        height = math.trunc(float(np.float32(m.z) * np.float32(100.0))) / 100.0
        return Item(_FRAMES[m.frame], m.command, params, m.x, m.y, height)
    kept = _BESIDES.get(m.command, "...")
    x, y, z = (_coded(letter, value) for letter, value in zip(kept, (m.x, m.y, m.z), strict=True))
    return Item(0, m.command, params, int(x), int(y), 2.0 if m.command == _MOUNT_CONTROL else z)


def _coded(letter: str, value: float) -> float:
    if letter in _BITS:
        bits, signed = _BITS[letter]
        number = (math.trunc(value) if math.isfinite(value) else 0) % 2**bits
        return float(number - 2**bits if signed and number >= 2 ** (bits - 1) else number)
    if letter == "f":
        return float(np.float32(value))
    if letter == "e":
        return float(np.float16(value))
    if letter == "r":
        return math.copysign(_coded("H", abs(value)), value) + 0.0
    if letter == "s":
        return -1.0 if value < 0 else 1.0
    if letter == "c":
        return _coded("H", float(np.float32(value) * np.float32(100.0))) / 100.0
    return float(letter == "x" and value > 0)


def _turns(turns: float, radius_m: float) -> tuple[float, float]:
    """LOITER_TURNS shares 16 bits: whole turns or 256ths of one below, metres or tens of metres above."""
    parts = 0 < turns < 1
    low = int(_coded("H", min(255.0, turns * 256 if parts else turns)))
    far = abs(radius_m) > 255
    both = low | math.trunc(min(255.0, abs(radius_m) * 0.1 if far else abs(radius_m))) << 8
    metres = ((both >> 8) & 0xFF) * (10 if far else 1)
    return (both & 0xFF) / (256 if parts else 1), math.copysign(metres, radius_m) + 0.0
