"""LOG_REQUEST_LIST, _DATA, _END and LOG_ERASE: logs over MAVLink, to one link at a time, and only while disarmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

_CHUNK = 90
_AT_ONCE = 40

Logs = list[tuple[float, bytes]]


class LogTransfer:
    """Of one vehicle. ``logs`` are its closed logs; ``tick`` returns (wire, message) to send."""

    def __init__(self, logs: Logs, say: Callable[[int, str], None]) -> None:
        self._logs, self._say = logs, say
        self._wire: Any = None
        self._listed: list[int] = []
        self._log, self._at, self._left = 0, 0, 0
        self._warned = False

    def receive(self, m: Any, wire: Any, *, armed: bool) -> None:
        """One of the four messages."""
        if armed:
            if not self._warned:
                self._say(3, "Disarm for log download")
            self._warned = True
            return
        self._warned = False
        kind = m.get_type()
        if kind == "LOG_ERASE":
            self._logs.clear()
        elif kind == "LOG_REQUEST_END":
            self._wire, self._listed, self._left, self._log = None, [], 0, 0
        elif self._wire is not None:
            if kind == "LOG_REQUEST_LIST" or wire is not self._wire:
                self._say(6, "Log download in progress")
        elif kind == "LOG_REQUEST_LIST":
            self._listed = [*range(max(1, m.start), min(m.end, len(self._logs)) + 1)] if self._logs else [0]
            self._wire = wire if self._listed else None
        elif 1 <= m.id <= len(self._logs):
            self._log, self._at, self._wire = m.id, m.ofs, wire
            self._left = max(0, min(m.count, len(self._logs[m.id - 1][1]) - m.ofs))

    def tick(self, *, armed: bool) -> list[tuple[Any, Any]]:
        """What is due in this step."""
        if self._wire is None or armed:
            return []
        wire, out = self._wire, []
        if self._listed:
            out.append((wire, self._entry(self._listed.pop(0))))
            self._wire = wire if self._listed else None
            return out
        for _ in range(_AT_ONCE):
            data = self._logs[self._log - 1][1][self._at : self._at + min(_CHUNK, self._left)]
            padded = [*data.ljust(_CHUNK, b"\0")]
            out.append((wire, mavlink.MAVLink_log_data_message(self._log, self._at, len(data), padded)))
            self._at += len(data)
            self._left -= len(data)
            if self._left == 0 or len(data) < _CHUNK:
                self._wire = None
                break
        return out

    def _entry(self, number: int) -> Any:
        count = len(self._logs)
        utc_s, data = self._logs[number - 1] if number else (0.0, b"")
        last = self._listed[-1] if self._listed else number
        return mavlink.MAVLink_log_entry_message(number, count, last, round(utc_s), len(data))
