"""AVAILABLE_MODES and its monitor: the modes by name, one index a request.

pymavlink has no classes for these messages (435, 437), so they are made here after their definition in
mavlink.io/en/messages/common.html. Like the real one it never says what standard mode one of its own is; a request for
all of them is answered with the first, for the rest would come with a stream that is off.
"""

from __future__ import annotations

import struct
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.modes import AUTO, AUTO_RTL, MODES

AVAILABLE, MONITOR, CURRENT = 435, 437, 436
EVERY_S = 5.0
_NAME_BYTES = 35
_ORDER = (AUTO_RTL, AUTO, 1, 0, 2, 7, 5, 4, 9, 6, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 28)


class _Raw(mavlink.MAVLink_message):  # type: ignore[misc]
    """A message of a number and a check byte, its fields already in wire order."""

    def __init__(self, number: int, name: str, crc_extra: int, payload: bytes) -> None:
        super().__init__(number, name)
        self._extra, self._wire = crc_extra, payload

    def pack(self, mav: Any, force_mavlink1: bool = False) -> bytes:
        return bytes(super()._pack(mav, self._extra, self._wire, force_mavlink1=force_mavlink1))


def available_modes(index: int) -> Any:
    """AVAILABLE_MODES of an index from 1; 0 is the first; None for one there is not."""
    index = index or 1
    if not 1 <= index <= len(_ORDER):
        return None
    number = _ORDER[index - 1]
    name = "AUTO RTL" if number == AUTO_RTL else MODES[number].name
    payload = struct.pack("<IIBBB35s", number, 0, len(_ORDER), index, 0, name.encode().ljust(_NAME_BYTES, b"\0"))
    return _Raw(AVAILABLE, "AVAILABLE_MODES", 134, payload)


def monitor() -> Any:
    """AVAILABLE_MODES_MONITOR: the list has never changed."""
    return _Raw(MONITOR, "AVAILABLE_MODES_MONITOR", 30, b"\0")
