"""A modest table of parameters with ArduPilot's manners: floats by value, whole ones cut, silence for unknown names."""

from __future__ import annotations

import math
import struct
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.settings import SETTINGS

_FLOAT, _INT8, _INT16, _INT32 = 9, 2, 4, 6
# What is not of flying; name: (value, type)
_TABLE: dict[str, tuple[float, int]] = {
    "MAV_SYSID": (1, _INT16), "MAV_GCS_SYSID": (255, _INT16), "MNT1_TYPE": (6, _INT8), "CAM1_TYPE": (6, _INT8),
    "FRAME_CLASS": (1, _INT8), "STAT_RUNTIME": (0, _INT32), "MIS_TOTAL": (0, _INT16),
    "FENCE_TOTAL": (0, _INT8), "RALLY_TOTAL": (0, _INT8), "TERRAIN_ENABLE": (1, _INT8),
    "TERRAIN_SPACING": (100, _INT16),
    "ADSB_TYPE": (0, _INT8), "ADSB_LIST_MAX": (25, _INT16), "ADSB_LIST_RADIUS": (10000, _INT16),
    **SETTINGS,
}  # fmt: skip
# How a type is named in the packed file, and its form there.
_PACKED = {_INT8: (1, "<b"), _INT16: (2, "<h"), _INT32: (3, "<i"), _FLOAT: (4, "<f")}
_MAGIC, _MAGIC_WITH_DEFAULTS = 0x671B, 0x671C
_FILE_HEADER = struct.Struct("<HHH")
_ESTIMATE_BYTES = 12
_NO_INDEX = 65_535
_GROUPS = frozenset({"BATT", "FENCE", "WPNAV", "SIM", "CIRCLE", "CAM1", "MNT1", "ADSB", "MIS"})
_RANGE = {_INT8: (-128, 127), _INT16: (-32768, 32767), _INT32: (-(2**31), 2**31 - 1)}


class Parameters:
    """The parameters of one vehicle, by name."""

    def __init__(self) -> None:
        self.values = {name: value for name, (value, _) in _TABLE.items()}
        self._names = list(_TABLE)
        self._stored: set[str] = set()

    def receive(self, message: Any) -> list[Any]:
        """The answers to one message of the parameter protocol."""
        kind = message.get_type()
        if kind == "PARAM_REQUEST_LIST":
            return [self._value(name, index) for index, name in enumerate(self._names)]
        asked = message.param_id.rstrip("\0") if kind in ("PARAM_REQUEST_READ", "PARAM_SET") else ""
        name = asked.upper()
        if kind == "PARAM_REQUEST_READ" and message.param_index != -1:
            if not 0 <= message.param_index < len(self._names):
                return []
            return [self._value(self._names[message.param_index], message.param_index)]
        if name not in self.values:
            return []
        if kind == "PARAM_SET":
            if not math.isfinite(message.param_value):
                return []
            return [self._set(name, _fitted(float(message.param_value), _TABLE[name][1]))]
        return [self._value(name, _NO_INDEX, asked)]  # asked by name, told without a number, and as it was asked

    def _set(self, name: str, value: float) -> Any:
        """The answer has the parameter's type; but for one of a group that is at its default, was never stored and
        stays as it is: that one is told as a float."""
        same = value == self.values[name] == _TABLE[name][0] and name not in self._stored
        if not same:
            self._stored.add(name)
        self.values[name] = value
        answer = self._value(name, _NO_INDEX)
        if same and name.partition("_")[0] in _GROUPS:
            answer.param_type = _FLOAT
        return answer

    def value(self, name: str) -> Any:
        """PARAM_VALUE of its own accord."""
        return self._value(name, _NO_INDEX)

    @staticmethod
    def default(name: str) -> float:
        """What it is before anybody sets it."""
        return float(_TABLE[name][0])

    def keep(self, former: Parameters) -> None:
        """What was stored in a former life."""
        self.values.update(former.values)
        self._stored |= former._stored

    def reset(self) -> None:
        """All defaults."""
        self.values.update({name: float(value) for name, (value, _) in _TABLE.items()})

    @property
    def estimate(self) -> int:
        """The size that param.pck is said to have, bytes: more than it has."""
        return len(self._names) * _ESTIMATE_BYTES

    def packed(self, read_size: int, start: int = 0, count: int = 0, defaults: bool = False) -> bytes:
        """param.pck: each name without what it shares with the one before, a value never across two reads.

        ``count`` 0 is all. With ``defaults`` the default stands behind a value that differs from it.
        """
        names = self._names[start : start + count if count else None]
        magic = _MAGIC_WITH_DEFAULTS if defaults else _MAGIC
        out, before = bytearray(_FILE_HEADER.pack(magic, len(names), len(self._names))), ""
        for name in names:
            default, kind = _TABLE[name]
            number, form = _PACKED[kind]
            values = [_as(self.values[name], kind)]
            if defaults and self.values[name] != default:
                values.append(_as(default, kind))
            shared = next((i for i, (a, b) in enumerate(zip(name, before, strict=False)) if a != b), len(before))
            rest = name[shared:].encode("ascii")
            data = b"".join(struct.pack(form, value) for value in values)
            entry = bytes([number | (len(values) - 1) << 4, shared | (len(rest) - 1) << 4]) + rest + data
            size = struct.calcsize(form)
            across = (len(out) + len(entry)) % read_size
            out += b"\0" * (size - across if size > 1 and 0 < across < size else 0) + entry
            before = name
        return bytes(out)

    def _value(self, name: str, index: int, shown: str = "") -> Any:
        return mavlink.MAVLink_param_value_message(
            (shown or name).encode(), self.values[name], _TABLE[name][1], len(self._names), index
        )


def _as(value: float, kind: int) -> float:
    return value if kind == _FLOAT else int(value)


def _fitted(value: float, kind: int) -> float:
    if kind == _FLOAT:
        return value
    low, high = _RANGE[kind]
    return float(max(low, min(high, math.trunc(value))))
