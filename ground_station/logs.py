"""The logs on board: their list, and one of them, with resume (mavlink.io, LOG_REQUEST_LIST and LOG_REQUEST_DATA).

Data comes in pieces of 90 bytes, as fast as the link takes them; a piece that is shorter is the last. What is missing
is asked for again by offset, so a log that broke off goes on where it ended: give what is there as ``have``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ground_station.operation import DONE, REFUSED, UNKNOWN, Operation
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink

PIECE = 90
_ALL = 0xFFFF_FFFF
_QUIET_S, _PATIENCE_S = 0.7, 10.0
_STRETCH = 512  # pieces that are asked for at once; more would bury what is asked for again


@dataclass(frozen=True, slots=True)
class Log:
    """One log on board. ``utc_s`` None where the vehicle had no time when it began."""

    number: int
    size: int
    utc_s: float | None


class LogList(Operation):
    """``logs``: what is on board, complete only when the outcome is ``done``."""

    def __init__(self, target: int, *, now_s: float) -> None:
        super().__init__("logs list", now_s=now_s)
        self._target = target
        self._found: dict[int, Log] = {}
        self._count: int | None = None
        self._heard_s = now_s
        self._ask(now_s)

    @property
    def logs(self) -> tuple[Log, ...]:
        """By number."""
        return tuple(self._found[number] for number in sorted(self._found))

    def _ask(self, now_s: float) -> None:
        self._out.append(mavlink.MAVLink_log_request_list_message(self._target, 1, 0, 0xFFFF))
        self._asked_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if message.get_type() != "LOG_ENTRY":
            return
        self._heard_s, self._count = now_s, message.num_logs
        if message.num_logs:
            self._found[message.id] = Log(message.id, message.size, float(message.time_utc) or None)
        if len(self._found) >= self._count:
            self._end(DONE, "" if self._count else "there are no logs on board", now_s, self._count)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self._heard_s > _PATIENCE_S:
            self._end(UNKNOWN, "the vehicle stopped answering", now_s)
        elif now_s - max(self._asked_s, self._heard_s) > _QUIET_S:
            self._ask(now_s)


class LogRead(Operation):
    """Download one log. ``content``: from the beginning, as far as it came without a gap."""

    def __init__(self, target: int, log: Log, *, now_s: float, have: bytes = b"") -> None:
        super().__init__(f"log {log.number}", now_s=now_s)
        self.log = log
        self._target = target
        self._data = bytearray(log.size)
        self._pieces = (log.size + PIECE - 1) // PIECE
        self._missing = set(range(self._pieces))
        kept = min(len(have), log.size) // PIECE
        self._data[: kept * PIECE] = have[: kept * PIECE]
        self._missing -= set(range(kept))
        self._heard_s = self._asked_s = now_s
        self._until = 0
        if self._missing:
            self._ask(now_s)
        else:
            self._finish(now_s)

    @property
    def content(self) -> bytes:
        """What is there without a gap."""
        return bytes(self._data[: min(self._missing, default=self._pieces) * PIECE])

    @property
    def share(self) -> float:
        """How much of it has come, 0 to 1."""
        return 1.0 - len(self._missing) / max(1, self._pieces)

    def _ask(self, now_s: float) -> None:
        first = min(self._missing)
        last = first
        while last + 1 in self._missing and last - first + 1 < _STRETCH:
            last += 1
        self._until = last
        self._out.append(
            mavlink.MAVLink_log_request_data_message(
                self._target, 1, self.log.number, first * PIECE, (last - first + 1) * PIECE
            )
        )
        self._asked_s = now_s

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if message.get_type() != "LOG_DATA" or message.id != self.log.number or message.ofs % PIECE:
            return
        piece = message.ofs // PIECE
        if message.count == 0:
            self._end(REFUSED, f"the log ends at {message.ofs} of {self.log.size} bytes", now_s)
            return
        wanted = min(PIECE, self.log.size - message.ofs)
        if piece not in self._missing or message.count < wanted:
            return
        self._heard_s = now_s
        self._data[message.ofs : message.ofs + wanted] = bytes(message.data[:wanted])
        self._missing.discard(piece)
        if not self._missing:
            self._finish(now_s)
        elif piece == self._until:
            self._ask(now_s)

    def _finish(self, now_s: float) -> None:
        self._end(DONE, "", now_s, self._pieces)
        self._out.append(mavlink.MAVLink_log_request_end_message(self._target, 1))

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self._heard_s > _PATIENCE_S:
            self._end(UNKNOWN, f"the vehicle stopped answering at {100 * self.share:.0f} %", now_s)
        elif now_s - max(self._asked_s, self._heard_s) > _QUIET_S:
            self._ask(now_s)
