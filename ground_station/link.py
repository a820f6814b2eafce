"""The wires: UDP, TCP, serial, a recorded log. The only file of the room that opens one.

A link URL is ``udpin:HOST:PORT``, ``udpout:HOST:PORT``, ``tcp:HOST:PORT``, ``tcpin:HOST:PORT``,
``serial:DEVICE:BAUD`` (split at the last colon: by-path names hold colons) or ``log:FILE``.

Every link hands chunks to a bounded queue; what does not fit is dropped and counted (``dropped``), so that a storm of
datagrams costs what it costs and no memory. What the kernel had no room for before we read it is counted with it. A
stream link that breaks is reported as an event (``connected``) and is tried again for as long as it is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from ground_station.recording import split_tlog
from ground_station.station import Peer

QUEUE_CHUNKS = 2_000
_RECONNECT_S = 0.5
_READ_BYTES = 65_536
_SEND_BUFFER_BYTES = 256 * 1024
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
# Read at most this many before the rest of the program gets its turn.
_DATAGRAMS_A_TURN = 64
# Linux tells with a datagram how many it had to drop in front of it, since the socket was opened (socket(7)).
_SO_RXQ_OVFL = 40
_DROPS = struct.Struct("=I")

ALLOWED = "udpin:HOST:PORT udpout:HOST:PORT tcp:HOST:PORT tcpin:HOST:PORT serial:DEVICE:BAUD log:FILE"


class LinkError(ValueError):
    """A link URL that cannot be used, or a wire that cannot be opened: says which and what to do."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as they arrived. ``arrival_s``: monotonic; ``utc_s``: host UTC at the same instant."""

    data: bytes
    peer: Peer
    datagram: bool
    arrival_s: float
    utc_s: float


class Link(Protocol):
    """A wire. ``receive`` returns None once a finite source (a log) has ended.

    ``dropped``: chunks lost because nobody took them in time. ``trouble``: why it is not connected, in words; else "".
    """

    name: str
    connected: bool
    dropped: int
    trouble: str

    async def open(self) -> None: ...

    async def receive(self) -> Chunk | None: ...

    def send(self, data: bytes, peer: Peer) -> None: ...

    async def close(self) -> None: ...


class _Queued:
    """What all links share: the bounded queue of chunks and its count of losses."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connected = False
        self.dropped = 0
        self.trouble = ""
        self._chunks: asyncio.Queue[Chunk | None] = asyncio.Queue(QUEUE_CHUNKS)
        self._tasks: list[asyncio.Task[None]] = []

    def _put(self, data: bytes, peer: Peer, datagram: bool) -> None:
        try:
            self._chunks.put_nowait(Chunk(data, peer, datagram, time.monotonic(), time.time()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def receive(self) -> Chunk | None:
        """The next chunk; waits for it."""
        return await self._chunks.get()

    async def close(self) -> None:
        """Stop all tasks of this link."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.connected = False


class UdpLink(_Queued):
    """UDP, listening (``udpin``) or towards one address (``udpout``).

    The socket is read by ourselves: asyncio takes one datagram a turn of its loop, which a storm outruns.
    """

    def __init__(self, name: str, host: str, port: int, listen: bool) -> None:
        super().__init__(name)
        self._address = (host, port)
        self._listen = listen
        self._socket: socket.socket | None = None
        self._kernel_dropped = 0

    async def open(self) -> None:
        """Bind or connect. Raises LinkError when the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            if sys.platform == "linux":
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            if self._listen:
                self._socket.bind(address)
            else:
                self._socket.connect(address)
        except OSError as error:
            await self.close()
            raise _cannot_open(self.name, error, self._address) from error
        loop.add_reader(self._socket, self._read)
        self.connected = True

    @property
    def port(self) -> int:
        """The local port."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    def _read(self) -> None:
        assert self._socket is not None
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                data, told, _, address = self._socket.recvmsg(_READ_BYTES, 64)
            except BlockingIOError:
                return
            except OSError:
                return  # ICMP unreachable: the other side is not there yet; freshness shows it
            if told:
                self._count_dropped(told)
            self._put(data, address if self._listen else None, True)

    def _count_dropped(self, told: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in told:
            if (level, kind) == (socket.SOL_SOCKET, _SO_RXQ_OVFL) and len(data) == _DROPS.size:
                (total,) = _DROPS.unpack(data)
                self.dropped += (total - self._kernel_dropped) % 2**32
                self._kernel_dropped = total

    def send(self, data: bytes, peer: Peer) -> None:
        """One datagram to ``peer`` (listening) or to the address of the URL; a full buffer loses it."""
        if self._socket is None or (self._listen and peer is None):
            return
        with contextlib.suppress(OSError):
            if self._listen:
                self._socket.sendto(data, cast("tuple[Any, ...]", peer))
            else:
                self._socket.send(data)

    async def close(self) -> None:
        """Release the port."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        await super().close()


class StreamLink(_Queued):
    """TCP client, or a serial device: one other end, reconnected for ever."""

    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(name)
        self._host, self._port = host, port
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Start connecting; an end that is not there yet is waited for."""
        self._tasks.append(asyncio.create_task(self._run(), name=f"link {self.name}"))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)

    async def _run(self) -> None:
        while True:
            try:
                reader, self._writer = await self._connect()
                self.connected, self.trouble = True, ""
                await self._read(reader, None)
                self.trouble = "the other end closed the connection"
            except OSError as error:
                self.trouble = error.strerror or str(error)
            finally:
                self.connected = False
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
            await asyncio.sleep(_RECONNECT_S)

    async def _read(self, reader: asyncio.StreamReader, peer: Peer) -> None:
        while data := await reader.read(_READ_BYTES):
            self._put(data, peer, False)

    def send(self, data: bytes, peer: Peer) -> None:
        """Write to the other end; an end that does not read loses it instead of making us wait."""
        _write(self._writer, data)

    async def close(self) -> None:
        """Close the connection."""
        await super().close()
        if self._writer is not None:
            self._writer.close()


class SerialLink(StreamLink):
    """A telemetry radio on a serial device, configured by pyserial, read by the event loop."""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        import serial

        loop = asyncio.get_running_loop()
        try:
            device = serial.Serial(self._host, self._port, timeout=0, write_timeout=0, exclusive=True)
        except (serial.SerialException, ValueError) as error:
            raise OSError(str(error)) from error
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await loop.connect_read_pipe(lambda: protocol, device)
        transport, writer_protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, device)
        return reader, asyncio.StreamWriter(transport, writer_protocol, reader, loop)


class TcpServerLink(_Queued):
    """TCP, listening: each client is a peer."""

    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(name)
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._writers: dict[Peer, asyncio.StreamWriter] = {}

    async def open(self) -> None:
        """Listen. Raises LinkError when the port is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
        except OSError as error:
            raise _cannot_open(self.name, error, (self._host, self._port)) from error
        self.connected = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: Peer = writer.get_extra_info("peername")
        self._writers[peer] = writer
        try:
            while data := await reader.read(_READ_BYTES):
                self._put(data, peer, False)
        except ConnectionError:
            return  # the client went away; its next connection is a new peer
        finally:
            del self._writers[peer]
            writer.close()

    def send(self, data: bytes, peer: Peer) -> None:
        """Write to one client."""
        _write(self._writers.get(peer), data)

    async def close(self) -> None:
        """Close the port and all clients."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers.values()):
            writer.close()
        await super().close()


class LogLink(_Queued):
    """A .tlog played back in the rhythm of its time stamps. Nothing can be sent to it."""

    def __init__(self, name: str, path: Path, speed: float = 1.0) -> None:
        super().__init__(name)
        self._path = path
        self.speed = speed
        self.played_s: float | None = None

    async def open(self) -> None:
        """Read the file. Raises LinkError where it is missing or holds no MAVLink."""
        try:
            records = list(split_tlog(await asyncio.to_thread(self._path.read_bytes)))
        except OSError as error:
            raise LinkError(f"{self.name}: {error.strerror or error}") from error
        if not records:
            raise LinkError(f"{self.name}: no MAVLink record in this file; a .tlog is needed")
        self.connected = True
        self._tasks.append(asyncio.create_task(self._play(records), name=f"link {self.name}"))

    async def _play(self, records: list[tuple[float, bytes]]) -> None:
        begin, first_s = time.monotonic(), records[0][0]
        for utc_s, frame in records:
            wait_s = (utc_s - first_s) / self.speed - (time.monotonic() - begin)
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.played_s = utc_s
            # The log's own time is its arrival time: a replay has no other clock.
            await self._chunks.put(Chunk(frame, None, False, time.monotonic(), utc_s))
        self.connected = False
        await self._chunks.put(None)

    def send(self, data: bytes, peer: Peer) -> None:
        """A recording takes no answers."""


class MemoryLink(_Queued):
    """One end of a pair in memory; see ``memory_pair``."""

    other: MemoryLink

    async def open(self) -> None:
        """Always there."""
        self.connected = True

    def send(self, data: bytes, peer: Peer) -> None:
        """Straight into the other end's queue."""
        self.other._put(data, None, True)


def memory_pair() -> tuple[MemoryLink, MemoryLink]:
    """Two ends that hear each other."""
    a, b = MemoryLink("memory:a"), MemoryLink("memory:b")
    a.other, b.other = b, a
    return a, b


def _write(writer: asyncio.StreamWriter | None, data: bytes) -> None:
    if writer is None or writer.is_closing():
        return
    if writer.transport.get_write_buffer_size() < _SEND_BUFFER_BYTES:
        writer.write(data)


def _cannot_open(name: str, error: OSError, address: tuple[str, int]) -> LinkError:
    host, port = address
    if error.errno == errno.EADDRINUSE:
        return LinkError(
            f"{name}: port {port} on {host} is in use, perhaps by a running serve; use another port or end that one"
        )
    if isinstance(error, socket.gaierror):
        return LinkError(f"{name}: host {host!r} is not known")
    return LinkError(f"{name}: {error.strerror or error}")


def open_link(url: str) -> Link:
    """A link from its URL; it is opened by its ``open``. Raises LinkError naming what is allowed."""
    scheme, _, rest = url.partition(":")
    if scheme == "log" and rest:
        return LogLink(url, Path(rest))
    host, colon, last = rest.rpartition(":")
    if scheme not in ("udpin", "udpout", "tcp", "tcpin", "serial") or not colon or not host:
        raise LinkError(f"link {url!r} is not understood; allowed are {ALLOWED}")
    lowest = 0 if scheme in ("udpin", "tcpin") else 1
    what, highest = ("baud rate", 4_000_000) if scheme == "serial" else ("port", 65_535)
    if not (last.isascii() and last.isdecimal()) or not lowest <= int(last) <= highest:
        raise LinkError(f"link {url!r}: {last!r} is no {what} ({lowest} to {highest}); allowed are {ALLOWED}")
    number = int(last)
    if scheme == "serial":
        return SerialLink(url, host, number)
    if scheme in ("udpin", "udpout"):
        return UdpLink(url, host, number, scheme == "udpin")
    return StreamLink(url, host, number) if scheme == "tcp" else TcpServerLink(url, host, number)
