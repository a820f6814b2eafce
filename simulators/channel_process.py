"""A bad radio between two real programs: UDP or TCP in, one channel each way, out again.

    client  --there-->  listening port | channel | the other program
    client  <--back---

Every client has a radio of its own (the n-th one is seeded by seed + 2 n), like a router with a radio behind it: the
other program sees one address for each. ``cuts_s`` and gaps count from the start of the proxy. Datagrams are lost,
damaged and doubled; a TCP connection only waits (`channel.Stream`), and is closed when one side has closed and
everything has arrived. Both ends are on this machine: this never stands in the way of a real aircraft.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from simulators.channel import Channel, Quality, Stream, Tally

LOOPBACK = "127.0.0.1"
THERE, BACK = "there", "back"
MOST_CLIENTS = 32
SILENT_S = 10.0
# A TCP sender has to wait while so many pieces are under way; a piece is what fits into a packet.
_MOST_PIECES, _PIECE_BYTES = 4096, 1200


class Proxy:
    """Listens on ``port`` (0: a free one, see ``port`` afterwards) and carries to ``to``; an async context manager.

    ``kind``: "udp" or "tcp". ``qualities``: by THERE (from the client) and BACK. ``silent_s``: a datagram client that
    says nothing for so long makes room for a new one. Raises OSError for a taken port.
    """

    def __init__(
        self,
        kind: str,
        to: int,
        qualities: Mapping[str, Quality],
        *,
        seed: int = 0,
        port: int = 0,
        silent_s: float = SILENT_S,
    ) -> None:
        self.port, self.silent_s = port, silent_s
        self.refused = 0
        self._kind, self._to, self._qualities, self._seed = kind, to, qualities, seed
        self._begin_s = time.monotonic()
        self._clients = 0
        self._tallies: list[tuple[Tally, Tally]] = []
        self._tasks: OrderedDict[Any, asyncio.Task[None]] = OrderedDict()
        self._close: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Proxy:
        self._begin_s = time.monotonic()
        if self._kind == "tcp":
            server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
            self.port = server.sockets[0].getsockname()[1]
            self._close = server.close
        else:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(self), local_addr=(LOOPBACK, self.port))
            self.port = transport.get_extra_info("sockname")[1]
            self._close = transport.close
        return self

    async def __aexit__(self, *error: object) -> None:
        self._close()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def figures(self) -> dict[str, Any]:
        """What became of the packets of all clients, by direction; ``clients`` came, ``refused`` were too many."""
        sums = [dict.fromkeys(asdict(Tally()), 0), dict.fromkeys(asdict(Tally()), 0)]
        for pair in self._tallies:
            for total, tally in zip(sums, pair, strict=True):
                for name, value in asdict(tally).items():
                    total[name] += value
        return {THERE: sums[0], BACK: sums[1], "clients": self._clients, "refused": self.refused}

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begin_s

    def session(self, key: Any, work: Callable[[Any, Any], Any], kind: type[Channel] | type[Stream]) -> bool:
        """A client's two directions, carried until they end or the proxy does; False when there are too many."""
        if len(self._tasks) >= MOST_CLIENTS:
            self.refused += 1
            return False
        seed = self._seed + 2 * self._clients
        self._clients += 1
        there = kind(self._qualities[THERE], seed, gap_seed=seed)
        back = kind(self._qualities[BACK], seed + 1, gap_seed=seed)
        self._tallies.append((there.tally, back.tally))
        task = asyncio.create_task(work(there, back))
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._tasks.pop(key, None) if self._tasks.get(key) is done else None)
        return True

    def end_session(self, key: Any) -> None:
        """Make room."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    @property
    def to(self) -> tuple[str, int]:
        """Where the other program listens."""
        return (LOOPBACK, self._to)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def work(there: Stream, back: Stream) -> None:
            writers = [writer]
            try:
                out_reader, out_writer = await asyncio.open_connection(*self.to)
                writers.append(out_writer)
                async with asyncio.TaskGroup() as group:
                    for flow in (_Flow(self, reader, out_writer, there), _Flow(self, out_reader, writer, back)):
                        group.create_task(flow.fill())
                        group.create_task(flow.drip())
            except* OSError:
                pass  # nobody there, or one side was torn off: the other one is closed
            finally:
                for each in writers:
                    each.close()

        if not self.session(writer, work, Stream):
            writer.close()

    async def until_due(self, wake: asyncio.Event, due_s: float | None) -> None:
        """Wait until something is due or new."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due_s is None else max(0.0, due_s - self.now_s())):
                await wake.wait()
        wake.clear()


# --- TCP --------------------------------------------------------------------------------------------------------------


class _Flow:
    """One direction of one connection, to its end of file."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: Stream
    ) -> None:
        self._proxy, self._reader, self._writer, self._stream = proxy, reader, writer, stream
        self._wake = asyncio.Event()
        self._ended = False

    async def fill(self) -> None:
        """From the sender into the stream, as fast as the air takes it."""
        stream, proxy = self._stream, self._proxy
        while data := await self._reader.read(min(_PIECE_BYTES, stream.queue_bytes)):
            # A full queue drains by time alone: there is no event to wait for.
            while wait_s := max(  # noqa: ASYNC110
                stream.wait_s(len(data), proxy.now_s()), 0.01 * (stream.under_way > _MOST_PIECES)
            ):
                await asyncio.sleep(wait_s)
            stream.push(data, proxy.now_s())
            self._wake.set()
        self._ended = True
        self._wake.set()

    async def drip(self) -> None:
        """Out of the stream to the receiver, when it is due."""
        while True:
            for data in self._stream.pull(self._proxy.now_s()):
                self._writer.write(data)
            await self._writer.drain()
            if self._ended and not self._stream.under_way:
                break
            await self._proxy.until_due(self._wake, self._stream.next_s)
        if self._writer.can_write_eof():
            self._writer.write_eof()


# --- UDP --------------------------------------------------------------------------------------------------------------


class _Ear(asyncio.DatagramProtocol):
    """The listening socket; a new sender is a new client."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[Any, _Client] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        client = self._clients.get(addr)
        if client is None:
            if len(self._clients) >= MOST_CLIENTS:
                self._forget_one()
            client = _Client(self._proxy, lambda answer: self._answer(answer, addr))
            if not self._proxy.session(addr, client.carry, Channel):
                return
            self._clients[addr] = client
        client.hear(data)

    def _forget_one(self) -> None:
        """A datagram client never says goodbye: the one that has been silent longest goes, if it has been for long."""
        addr, client = min(self._clients.items(), key=lambda entry: entry[1].heard_s)
        if self._proxy.now_s() - client.heard_s >= self._proxy.silent_s:
            del self._clients[addr]
            self._proxy.end_session(addr)

    def error_received(self, exc: Exception) -> None:
        """A client that is gone."""

    def _answer(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)


class _Client(asyncio.DatagramProtocol):
    """One client's socket towards the other program, and both of its channels."""

    def __init__(self, proxy: Proxy, answer: Callable[[bytes], None]) -> None:
        self._proxy, self._answer = proxy, answer
        self.heard_s = proxy.now_s()
        self._early: list[bytes] = []
        self._there: Channel | None = None
        self._back: Channel | None = None
        self._wake = asyncio.Event()

    def hear(self, data: bytes) -> None:
        """From the client."""
        self.heard_s = self._proxy.now_s()
        if self._there is None:  # its task has not begun yet: it does before anything else can arrive
            self._early.append(data)
            return
        self._there.push(data, self._proxy.now_s())
        self._wake.set()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        assert self._back is not None
        self._back.push(data, self._proxy.now_s())
        self._wake.set()

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet."""

    async def carry(self, there: Channel, back: Channel) -> None:
        """Until cancelled."""
        self._there, self._back = there, back
        for data in self._early:
            there.push(data, self._proxy.now_s())
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=self._proxy.to)
        try:
            while True:
                now_s = self._proxy.now_s()
                for data in there.pull(now_s):
                    transport.sendto(data)
                for data in back.pull(now_s):
                    self._answer(data)
                due = [at_s for at_s in (there.next_s, back.next_s) if at_s is not None]
                await self._proxy.until_due(self._wake, min(due, default=None))
        finally:
            transport.close()
