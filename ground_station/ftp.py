"""Files on board over MAVLink FTP (mavlink.io/en/services/ftp.html): list a folder, read a file.

ArduPilot has one session for the whole vehicle and refuses a second open while a file is open, so a read begins by
closing what somebody left open. A file comes in bursts; what a burst has lost is read again piece by piece. The size
that is announced may be an upper bound (param.pck) or nonsense (@SYS): the end is where a request is answered with end
of file at once (behind a burst it only says that the burst is over, and its last piece may have been lost), and a file
counts only when every byte before that is there.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from ground_station.operation import DONE, REFUSED, UNKNOWN, Operation
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink

_HEADER = struct.Struct("<HBBBBBBI")
_DATA = 239
_TERMINATE, _RESET, _LIST, _OPEN, _READ, _BURST = 1, 2, 3, 4, 5, 15
_ACK, _NAK = 128, 129
_EOF = 6
_BUSY = (b"\x01", b"\x04", b"\x05")  # failed, no such session, no free session: a file is open
_ERRORS = {
    1: "failed", 2: "failed", 3: "the size is wrong", 4: "no such session", 5: "no free session", 6: "end of file",
    7: "unknown command", 8: "it exists", 9: "it is protected", 10: "no such file",
}  # fmt: skip
_AGAIN_S, _QUIET_S, _PATIENCE_S = 0.5, 0.4, 8.0
_BURST_NUMBERS, _REMEMBERED = 600, 48
_MOST_BYTES = 64 * 1024 * 1024
_PIECES = 4  # lost pieces that are asked for at a time


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder; ``size`` None for a folder."""

    name: str
    size: int | None


class _Ftp(Operation):
    """Requests with a rising number, repeated until the vehicle answers."""

    def __init__(self, action: str, target: int, *, now_s: float) -> None:
        super().__init__(action, now_s=now_s)
        self._target = target
        self._direct_at: int | None = None  # of the answer at hand: the offset that was asked for, None within a burst
        # Answers to an earlier request that are still on their way bear numbers from before this one's first.
        self._asked: dict[int, tuple[int, int]] = {}  # number of a request → its offset, numbers for its answers
        # Not the numbers of an operation just before: its late answers are none of ours.
        self._seq, self._numbers = int(now_s * 1_009.0) % 65_536, 2
        self._heard_s = self._sent_s = now_s

    def _ask(self, opcode: int, now_s: float, *, offset: int = 0, size: int = 0, data: bytes = b"") -> None:
        # An answer takes the next number, a burst as many as it has packets: no two answers share one.
        self._seq = (self._seq + self._numbers) % 65_536
        self._numbers = _BURST_NUMBERS if opcode == _BURST else 2
        self._asked[self._seq] = (offset, self._numbers)
        if len(self._asked) > _REMEMBERED:
            del self._asked[next(iter(self._asked))]
        payload = _HEADER.pack(self._seq, 0, opcode, size or len(data), 0, 0, 0, offset) + data
        self._out.append(self._message(payload))
        self._sent_s = now_s

    def _message(self, payload: bytes) -> Message:
        return mavlink.MAVLink_file_transfer_protocol_message(0, self._target, 1, payload.ljust(251, b"\0"))

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if message.get_type() != "FILE_TRANSFER_PROTOCOL":
            return
        raw = bytes(message.payload)
        seq, _, opcode, size, asked, complete, _, offset = _HEADER.unpack_from(raw)
        if not any(0 < (seq - first) % 65_536 < numbers for first, (_, numbers) in self._asked.items()):
            return
        self._heard_s = now_s
        data = raw[_HEADER.size : _HEADER.size + min(size, _DATA)]
        if opcode in (_ACK, _NAK):
            self._direct_at = self._asked.get((seq - 1) % 65_536, (None, 0))[0]
            self._answered(asked, opcode == _ACK, offset, data, bool(complete), now_s)

    def _answered(self, asked: int, good: bool, offset: int, data: bytes, complete: bool, now_s: float) -> None:
        raise NotImplementedError

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self._heard_s > _PATIENCE_S:
            self._end(UNKNOWN, "the vehicle stopped answering", now_s)
        else:
            self._again(now_s)

    def _again(self, now_s: float) -> None:
        raise NotImplementedError


def _error(data: bytes) -> str:
    return _ERRORS.get(data[0] if data else 0, f"error {data[0] if data else 0}")


class FileRead(_Ftp):
    """Read one file. ``content`` holds it once the outcome is ``done``; ``have`` is what an earlier try has left."""

    def __init__(self, target: int, path: str, *, now_s: float, have: bytes = b"") -> None:
        super().__init__(f"read {path}", target, now_s=now_s)
        if not 1 <= len(path.encode()) <= _DATA:
            raise ValueError(f"path {path!r}: 1 to {_DATA} bytes are allowed")
        self._path = path.encode()
        whole = have[: len(have) // _DATA * _DATA]
        self._pieces = {offset: whole[offset : offset + _DATA] for offset in range(0, len(whole), _DATA)}
        self._missing: deque[int] = deque()
        self._opened = self._was_reset = False
        self._ask(_OPEN, now_s, data=self._path)

    @property
    def content(self) -> bytes:
        """The bytes from the beginning, as far as they came without a gap."""
        out = bytearray()
        while len(out) in self._pieces:
            out += self._pieces[len(out)]
        return bytes(out)

    def _gap(self) -> int:
        """The first byte that is not there."""
        end = 0
        while end in self._pieces:
            end += len(self._pieces[end])
        return end

    def _gaps(self) -> list[int]:
        """Offsets of the pieces that are missing before what came last."""
        found, at = list[int](), 0
        for offset in sorted(self._pieces):
            found += range(at, offset, _DATA)
            at = offset + len(self._pieces[offset])
        return found

    def _answered(self, asked: int, good: bool, offset: int, data: bytes, complete: bool, now_s: float) -> None:
        if asked == _OPEN and not self._opened:
            self._open_answered(good, data, now_s)
        elif asked == _RESET and self._was_reset and not self._opened:
            self._ask(_OPEN, now_s, data=self._path)
        elif asked in (_BURST, _READ) and self._opened:
            if good and data:
                self._pieces.setdefault(offset, data)
                if complete or asked == _READ:
                    self._next_piece(now_s)
            elif not good and data[:1] == bytes([_EOF]):
                self._ended(now_s)
            elif not good:
                self._finish(REFUSED, f"the vehicle answered: {_error(data)}", now_s)
            if offset > _MOST_BYTES:
                self._finish(UNKNOWN, f"it is larger than {_MOST_BYTES >> 20} MB", now_s)

    def _open_answered(self, good: bool, data: bytes, now_s: float) -> None:
        if good:
            self._opened = True
            self._go_on(now_s)
        elif data[:1] in _BUSY and not self._was_reset:
            self._was_reset = True  # somebody has left a file open
            self._ask(_RESET, now_s)
        else:
            self._end(REFUSED, f"the vehicle answered: {_error(data)}", now_s)

    def _ended(self, now_s: float) -> None:
        """End of file, as the answer to one request or behind a burst."""
        if self._direct_at is not None and self._direct_at == self._gap():
            self._finish(DONE, "", now_s)
        elif self._direct_at is None:
            self._go_on(now_s)

    def _go_on(self, now_s: float) -> None:
        self._missing = deque(self._gaps())
        if not self._missing:
            self._ask(_BURST, now_s, offset=self._gap(), size=_DATA)
        for _ in range(min(_PIECES, len(self._missing))):
            self._ask(_READ, now_s, offset=self._missing.popleft(), size=_DATA)  # param.pck is packed to one size

    def _next_piece(self, now_s: float) -> None:
        if self._missing:
            self._ask(_READ, now_s, offset=self._missing.popleft(), size=_DATA)
        elif not self._gaps():
            self._go_on(now_s)

    def _again(self, now_s: float) -> None:
        quiet = now_s - max(self._heard_s, self._sent_s)
        if not self._opened:
            if now_s - self._sent_s >= _AGAIN_S:
                self._out.append(self._last_request())
                self._sent_s = now_s
        elif quiet >= _QUIET_S:
            self._go_on(now_s)

    def _last_request(self) -> Message:
        """The same again under the same number: the vehicle repeats its answer and does not open twice."""
        opcode, data = (_RESET, b"") if self._was_reset and not self._opened else (_OPEN, self._path)
        return self._message(_HEADER.pack(self._seq, 0, opcode, len(data), 0, 0, 0, 0) + data)

    def _finish(self, outcome: str, reason: str, now_s: float) -> None:
        self._end(outcome, reason, now_s, items=None)
        self._ask(_TERMINATE, now_s)


class FolderList(_Ftp):
    """List one folder. ``entries`` hold it once the outcome is ``done``."""

    def __init__(self, target: int, path: str, *, now_s: float) -> None:
        super().__init__(f"list {path}", target, now_s=now_s)
        self._path = path.encode()
        self.entries: list[Entry] = []
        self._next = 0
        self._list(now_s)

    def _list(self, now_s: float) -> None:
        self._ask(_LIST, now_s, offset=self._next, data=self._path)

    def _answered(self, asked: int, good: bool, offset: int, data: bytes, complete: bool, now_s: float) -> None:
        if asked != _LIST or offset not in (self._next, 0):
            return
        if good and offset == self._next:
            lines = [line for line in data.split(b"\0") if line]
            self._next += len(lines)
            self.entries += [entry for line in lines if (entry := _entry(line)) is not None]
            self._list(now_s)
        elif not good and data[:1] == bytes([_EOF]):
            self._end(DONE, "", now_s, len(self.entries))
        elif not good:
            self._end(REFUSED, f"the vehicle answered: {_error(data)}", now_s)

    def _again(self, now_s: float) -> None:
        if now_s - self._sent_s >= _AGAIN_S:
            self._list(now_s)


def _entry(line: bytes) -> Entry | None:
    kind, text = line[:1], line[1:].decode("utf-8", "replace")
    if kind == b"D":
        return Entry(text, None)
    if kind != b"F":
        return None  # S: a place that is skipped
    name, _, size = text.partition("\t")
    return Entry(name, int(size) if size.isdecimal() else 0)
