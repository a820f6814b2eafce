"""MAVLink FTP as ArduCopter serves it: one worker, one open file, whoever asks.

There is one session for the vehicle, not one for each ground station: while a file is open, another session number is
refused, the same number from anybody is served. Three idle seconds and another session may take over. A repeated
request gets the last answer again. While a burst runs, up to five requests wait and more are lost.

Payload: ``<HBBBBBBI`` sequence, session, opcode, size, opcode asked, burst complete, pad, offset, then 239 bytes.
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pymavlink.dialects.v20 import ardupilotmega as mavlink

Say = Callable[[int, str], None]
Reader = Callable[[int], bytes]  # what a file holds, for a size of reads

NONE, TERMINATE, RESET, LIST, OPEN, READ, CREATE, WRITE, REMOVE, MAKE_DIR, REMOVE_DIR, OPEN_WRITE = range(12)
RENAME, CRC32, BURST = 13, 14, 15
ACK, NAK = 128, 129
FAIL, FAIL_ERRNO, INVALID_SIZE, INVALID_SESSION, END_OF_FILE, EXISTS, NOT_FOUND = 1, 2, 3, 4, 6, 8, 10
DATA_BYTES = 239

_HEADER = struct.Struct("<HBBBBBBI")
_IDLE_S = 3.0
_FARTHEST = 2**31 - 1  # where an offset turns negative
_WAITING = 5
_BURST_PACKETS, _BURST_EVERY_S = 500, 0.005
_PARAMETERS = "@PARAM/param.pck"
_LIST_BYTES = 1_048_576  # what such a file is said to have; read to its end
_LISTS = {"@MISSION/mission.dat": 0, "@MISSION/fence.dat": 1, "@MISSION/rally.dat": 2}


class _Refused(Exception):
    """An answer of NAK: error code, and errno where that is the code."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One request or answer."""

    seq: int
    session: int
    opcode: int
    size: int = 0
    asked: int = 0
    complete: int = 0
    offset: int = 0
    data: bytes = b""

    @classmethod
    def of(cls, raw: bytes) -> Payload:
        """From the 251 bytes on the wire."""
        seq, session, opcode, size, asked, complete, _, offset = _HEADER.unpack_from(raw)
        return cls(seq, session, opcode, size, asked, complete, offset, raw[_HEADER.size : _HEADER.size + DATA_BYTES])

    def pack(self) -> bytes:
        """The 251 bytes on the wire."""
        head = _HEADER.pack(
            self.seq % 65_536, self.session, self.opcode, self.size, self.asked, self.complete, 0, self.offset
        )
        return (head + self.data).ljust(_HEADER.size + DATA_BYTES, b"\0")


@dataclass(slots=True)
class _File:
    """The open one. ``fixed``: reads of one size only, for what is packed to the size."""

    path: str
    content: Reader
    writing: bool = False
    fixed: bool = False
    read_size: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Payload
    sender: tuple[int, int]
    wire: Any


class Ftp:
    """The server of one vehicle. ``disk``: {path: bytes}; ``packed(read_size, start, count, defaults)`` the parameters,
    ``mission(kind)`` a list of items as a file.

    ``receive`` and ``tick`` return (wire, FILE_TRANSFER_PROTOCOL) to send, the wire being what ``receive`` was given.
    """

    def __init__(
        self,
        packed: Callable[[int, int, int, bool], bytes],
        estimate: int,
        banner: Callable[[], None],
        say: Say,
        mission: Callable[[int], bytes],
    ) -> None:
        self.disk: dict[str, bytes] = {}
        self.folders: set[str] = {"terrain"}
        self._packed, self._estimate, self._banner, self._say = packed, estimate, banner, say
        self._mission = mission
        self._file: _File | None = None
        self._session = -1
        self._sent_s = -_IDLE_S
        self._waiting: deque[_Asked] = deque()
        self._burst: Iterator[Payload] | None = None
        self._burst_for: _Asked | None = None
        self._next_s = 0.0
        self._last: tuple[tuple[int, int], Payload] | None = None

    def receive(self, message: Any, sender: tuple[int, int], wire: Any, now_s: float) -> list[tuple[Any, Any]]:
        """The answers that come at once."""
        if len(self._waiting) < _WAITING:
            self._waiting.append(_Asked(Payload.of(bytes(message.payload)), sender, wire))
        return self._work(now_s)

    def keep(self, path: str, data: bytes) -> None:
        """A file of the vehicle's own, its folder with it."""
        self.folders.add(path.rpartition("/")[0])
        self.disk[path] = data

    def tick(self, now_s: float) -> list[tuple[Any, Any]]:
        """What is due of a burst, and then of what waits behind it."""
        out = []
        while self._burst is not None and self._burst_for is not None and now_s + 1e-9 >= self._next_s:
            payload = next(self._burst, None)
            if payload is None:
                self._burst = None
                break
            self._next_s += _BURST_EVERY_S
            out.append(self._send(self._burst_for, payload, now_s))
        return out + self._work(now_s)

    def _work(self, now_s: float) -> list[tuple[Any, Any]]:
        out = []
        while self._waiting and self._burst is None:
            asked = self._waiting.popleft()
            answer = self._repeat(asked) or self._answer(asked.request, now_s)
            if self._burst is not None:
                self._burst_for, self._next_s = asked, now_s
            if answer is not None:
                out.append(self._send(asked, answer, now_s))
        return out

    def _repeat(self, asked: _Asked) -> Payload | None:
        if self._last is None:
            return None
        sender, answer = self._last
        same = (sender, answer.session, answer.seq) == (asked.sender, asked.request.session, asked.request.seq + 1)
        return answer if same else None

    def _send(self, asked: _Asked, answer: Payload, now_s: float) -> tuple[Any, Any]:
        self._sent_s = -_IDLE_S if answer.asked == TERMINATE else now_s
        self._last = asked.sender, answer
        return asked.wire, mavlink.MAVLink_file_transfer_protocol_message(0, *asked.sender, list(answer.pack()))

    # --- one request ------------------------------------------------------------------------------------------------

    def _answer(self, r: Payload, now_s: float) -> Payload | None:
        """None where nothing is said, or where a burst begins."""
        if r.opcode in (ACK, NAK):
            return None
        answer = Payload(r.seq + 1, r.session, ACK, asked=r.opcode)
        try:
            if r.size > DATA_BYTES:
                raise _Refused(INVALID_SIZE)
            self._check_session(r, now_s)
            handler = self._HANDLERS.get(r.opcode)
            if handler is None:
                self._say(7, f"Unsupported FTP: {r.opcode}")
                raise _Refused(FAIL)
            return handler(self, r, answer)
        except _Refused as refusal:
            offset = r.offset if r.opcode == LIST else 0
            return replace(answer, opcode=NAK, size=len(refusal.args), data=bytes(refusal.args), offset=offset)

    def _check_session(self, r: Payload, now_s: float) -> None:
        if self._file is None or r.session == self._session or r.opcode in (TERMINATE, RESET):
            return
        if now_s - self._sent_s < _IDLE_S:
            raise _Refused(INVALID_SESSION)
        self._close()

    def _close(self) -> None:
        self._file, self._session = None, -1

    def _none(self, r: Payload, answer: Payload) -> Payload:
        return answer

    def _end(self, r: Payload, answer: Payload) -> Payload:
        if self._file is None or r.session == self._session:  # another's session is only acknowledged
            self._close()
        return answer

    def _list(self, r: Payload, answer: Payload) -> Payload:
        entries = self._entries(_name(r))[r.offset :]
        data = b""
        for entry in entries:
            if len(data) + len(entry) + 1 >= DATA_BYTES:
                break
            data += entry + b"\0\0"
        if not data:
            raise _Refused(END_OF_FILE)
        return replace(answer, size=len(data), data=data, offset=r.offset)

    def _entries(self, path: str) -> list[bytes]:
        folder = path.rstrip("/") if len(path) > 1 else path
        if folder in self.disk:
            raise _Refused(FAIL_ERRNO, errno.ENOTDIR)
        if folder not in (".", "/") and folder not in self.folders:
            raise _Refused(NOT_FOUND)
        inside = "" if folder in (".", "/") else f"{folder}/"
        files = [f"F{name.removeprefix(inside)}\t{len(data)}" for name, data in self.disk.items() if _in(name, inside)]
        folders = [f"D{name.removeprefix(inside)}" for name in sorted(self.folders) if _in(name, inside)]
        return [entry.encode() for entry in ("D.", "D..", *files, *folders)]

    def _open(self, r: Payload, answer: Payload) -> Payload:
        if self._file is not None:
            raise _Refused(FAIL)
        path = _name(r)
        if path.split("?")[0] == _PARAMETERS:
            start, count, defaults = _arguments(path)
            self._file = _File(path, lambda size: self._packed(size, start, count, defaults), fixed=True)
            self._banner()
            size = self._estimate
        else:
            content = self._read_disk(path)
            self._file, size = _File(path, lambda _: content), _LIST_BYTES if path in _LISTS else len(content)
        self._session = r.session
        return replace(answer, size=4, data=size.to_bytes(4, "little"))

    def _read_disk(self, path: str) -> bytes:
        if path in _LISTS:
            return self._mission(_LISTS[path])
        if path not in self.disk:
            raise _Refused(NOT_FOUND)
        return self.disk[path]

    def _open_to_write(self, r: Payload, answer: Payload) -> Payload:
        if self._file is not None:
            raise _Refused(FAIL)
        path = _name(r)
        folder = path.rpartition("/")[0]
        if path.startswith("@") or (folder and folder not in self.folders):
            raise _Refused(NOT_FOUND)
        content = b"" if r.opcode == CREATE else self._read_disk(path)
        self.disk[path] = content
        self._file, self._session = _File(path, lambda _: content, writing=True), r.session
        return answer

    def _opened(self, writing: bool) -> _File:
        if self._file is None:
            raise _Refused(NOT_FOUND)
        if self._file.writing != writing:
            raise _Refused(FAIL)
        return self._file

    def _content(self, size: int) -> bytes:
        file = self._opened(writing=False)
        if not file.fixed:
            return file.content(size)
        if size == 0 and not file.read_size:
            raise _Refused(END_OF_FILE)
        file.read_size = file.read_size or size
        if size != file.read_size:
            raise _Refused(FAIL_ERRNO, errno.EINVAL)
        return file.content(size)

    def _read(self, r: Payload, answer: Payload) -> Payload:
        content = self._content(r.size)
        if r.offset > _FARTHEST:
            raise _Refused(FAIL_ERRNO, errno.EINVAL)
        data = content[r.offset : r.offset + r.size]
        if not data:
            raise _Refused(END_OF_FILE)
        return replace(answer, size=len(data), data=data, offset=r.offset)

    def _write(self, r: Payload, answer: Payload) -> Payload:
        path = self._opened(writing=True).path
        before = self.disk[path].ljust(r.offset, b"\0")
        self.disk[path] = before[: r.offset] + r.data[: r.size] + before[r.offset + r.size :]
        return replace(answer, offset=r.offset)

    def _begin_burst(self, r: Payload, answer: Payload) -> Payload | None:
        size = r.size or DATA_BYTES
        content = self._content(size)
        if r.offset >= len(content):
            raise _Refused(END_OF_FILE)
        self._burst = _burst(content, size, r.offset, answer)
        return None

    def _crc(self, r: Payload, answer: Payload) -> Payload:
        path = _name(r)
        content = self._packed(1024, *_arguments(path)) if path.startswith(_PARAMETERS) else self._read_disk(path)
        # The usual polynomial, but begun with 0 and not inverted at the end.
        checksum = zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF
        return replace(answer, size=4, data=checksum.to_bytes(4, "little"))

    def _remove(self, r: Payload, answer: Payload) -> Payload:
        path = _name(r)
        if path in self.folders:
            self.folders.remove(path)
        elif self.disk.pop(path, None) is None:
            raise _Refused(NOT_FOUND)
        return answer

    def _make_dir(self, r: Payload, answer: Payload) -> Payload:
        path = _name(r)
        if path in self.folders or path in self.disk:
            raise _Refused(EXISTS)
        self.folders.add(path)
        return answer

    def _rename(self, r: Payload, answer: Payload) -> Payload:
        names = r.data[: r.size].removesuffix(b"\0").split(b"\0")
        if len(names) != 2:
            raise _Refused(INVALID_SIZE)
        old, new = (name.decode("utf-8", "replace") for name in names)
        self.disk[new] = self._read_disk(old)
        del self.disk[old]
        return answer

    _HANDLERS: ClassVar[dict[int, Callable[[Ftp, Payload, Payload], Payload | None]]] = {
        NONE: _none, TERMINATE: _end, RESET: _end, LIST: _list, OPEN: _open, READ: _read, CREATE: _open_to_write,
        OPEN_WRITE: _open_to_write, WRITE: _write, REMOVE: _remove, REMOVE_DIR: _remove, MAKE_DIR: _make_dir,
        CRC32: _crc, BURST: _begin_burst, RENAME: _rename,
    }  # fmt: skip


def _burst(content: bytes, size: int, offset: int, answer: Payload) -> Iterator[Payload]:
    """The packets of a burst; a short one is followed by the NAK at its end."""
    seq = answer.seq
    for number in range(_BURST_PACKETS):
        at = offset + number * size
        data = content[at : at + size]
        if not data:
            yield replace(answer, seq=seq, opcode=NAK, size=1, data=bytes([END_OF_FILE]), offset=max(0, at - size))
            return
        short = len(data) < size
        last = short or number == _BURST_PACKETS - 1
        yield replace(answer, seq=seq, size=len(data), data=data, offset=at, complete=int(last))
        seq += 1
        if short:
            end = at + len(data)
            yield replace(answer, seq=seq, opcode=NAK, size=1, data=bytes([END_OF_FILE]), offset=end, complete=1)
            return


def _name(r: Payload) -> str:
    """The path of a request, whose size must be its length, with or without the NUL."""
    name = r.data.split(b"\0")[0]
    if r.size == 0 or r.size not in (len(name), len(name) + 1):
        raise _Refused(INVALID_SIZE)
    return name.decode("utf-8", "replace")


def _in(name: str, inside: str) -> bool:
    return name.startswith(inside) and "/" not in name.removeprefix(inside)


def _arguments(path: str) -> tuple[int, int, bool]:
    """start, count and withdefaults behind the question mark; what is none of them is passed over."""
    found = {"start": 0, "count": 0, "withdefaults": 0}
    limits = {"start": 65_534, "count": 65_534, "withdefaults": 1}
    for part in path.partition("?")[2].split("&"):
        key, _, value = part.partition("=")
        if key in found:
            found[key] = int(value) if value.isdigit() else 0
            if found[key] > limits[key]:
                raise _Refused(FAIL_ERRNO, errno.EINVAL)
    return found["start"], found["count"], bool(found["withdefaults"])
