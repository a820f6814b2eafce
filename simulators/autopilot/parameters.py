"""A modest table of parameters with ArduPilot's manners: floats by value, whole ones cut, silence for unknown names."""

from __future__ import annotations

import math
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

_FLOAT, _INT8, _INT16, _INT32 = 9, 2, 4, 6
# name: (value, type)
_TABLE: dict[str, tuple[float, int]] = {
    "MAV_SYSID": (1, _INT16), "MAV_GCS_SYSID": (255, _INT16), "FS_GCS_ENABLE": (0, _INT8), "FS_THR_ENABLE": (1, _INT8),
    "FENCE_ENABLE": (0, _INT8), "FENCE_TYPE": (7, _INT8), "FENCE_ACTION": (1, _INT8), "RTL_ALT": (1500, _INT32),
    "WPNAV_SPEED": (800, _FLOAT), "WPNAV_ACCEL": (250, _FLOAT), "BATT_CAPACITY": (10000, _INT32),
    "BATT_LOW_VOLT": (14.0, _FLOAT), "MNT1_TYPE": (6, _INT8), "CAM1_TYPE": (6, _INT8), "FRAME_CLASS": (1, _INT8),
    "STAT_RUNTIME": (0, _INT32), "ANGLE_MAX": (3000, _INT16), "LAND_SPEED": (50, _FLOAT), "TERRAIN_ENABLE": (1, _INT8),
}  # fmt: skip
_RANGE = {_INT8: (-128, 127), _INT16: (-32768, 32767), _INT32: (-(2**31), 2**31 - 1)}


class Parameters:
    """The parameters of one vehicle, by name."""

    def __init__(self) -> None:
        self.values = {name: value for name, (value, _) in _TABLE.items()}
        self._names = list(_TABLE)

    def receive(self, message: Any) -> list[Any]:
        """The answers to one message of the parameter protocol."""
        kind = message.get_type()
        if kind == "PARAM_REQUEST_LIST":
            return [self._value(name, index) for index, name in enumerate(self._names)]
        name = message.param_id.rstrip("\0") if kind in ("PARAM_REQUEST_READ", "PARAM_SET") else ""
        if kind == "PARAM_REQUEST_READ" and message.param_index >= 0:
            if message.param_index >= len(self._names):
                return []
            return [self._value(self._names[message.param_index], message.param_index)]
        if name not in self.values:
            return []
        if kind == "PARAM_SET":
            if not math.isfinite(message.param_value):
                return []
            self.values[name] = _fitted(float(message.param_value), _TABLE[name][1])
            return [self._value(name, 65535)]
        return [self._value(name, self._names.index(name))]

    def _value(self, name: str, index: int) -> Any:
        return mavlink.MAVLink_param_value_message(
            name.encode(), self.values[name], _TABLE[name][1], len(self._names), index
        )


def _fitted(value: float, kind: int) -> float:
    if kind == _FLOAT:
        return value
    low, high = _RANGE[kind]
    return float(max(low, min(high, math.trunc(value))))
