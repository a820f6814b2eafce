"""Moves bytes between links and the station, and time into its machines. Thinks nothing itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ground_station.link import Chunk, Link
from ground_station.recording import TlogWriter
from ground_station.station import Peer, Station
from ground_station.wire import Parser, Received, WireCounters

TICK_S = 0.02
# Chunks taken from one link before the others get their turn: a storm on one port must not starve the rest.
_BURST = 100
_MOST_PARSERS = 64

Hear = Callable[[Received, float], None]


@dataclass(frozen=True, slots=True)
class Pump:
    """``hear`` is called with every checked message and the host's UTC of its arrival, after it was folded.

    ``recorder`` gets what was folded and what was sent, in order; ``by_link`` every valid frame of each link, by name.
    ``forwards`` are links to other ground stations: they get every valid frame, and what they say to a vehicle is sent
    to it as it came. ``rejected`` gets the chunks in which something was no frame, where somebody asked for that.
    """

    station: Station
    links: Sequence[Link]
    recorder: TlogWriter | None = None
    hear: Hear | None = None
    by_link: Mapping[str, TlogWriter] = field(default_factory=dict)
    forwards: Sequence[Link] = ()
    rejected: Callable[[str, bytes], None] | None = None

    async def run(self) -> None:
        """Until cancelled, or until every link is a recording that has ended."""
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(self._tick(), name="pump tick")
            reading = [group.create_task(self._read(link), name=f"pump {link.name}") for link in self.links]
            others = [group.create_task(self._listen(link), name=f"forward {link.name}") for link in self.forwards]
            await asyncio.gather(*reading)
            for task in (ticking, *others):
                task.cancel()

    async def _read(self, link: Link) -> None:
        taken = 0
        while (chunk := await link.receive()) is not None:
            self._chunk(link, chunk)
            taken += 1
            if taken % _BURST == 0:
                await asyncio.sleep(0)

    async def _listen(self, link: Link) -> None:
        """What another ground station says, to the vehicle that it speaks to."""
        parsers: dict[Peer, Parser] = {}
        while (chunk := await link.receive()) is not None:
            if len(parsers) > _MOST_PARSERS:
                parsers.clear()
            parser = Parser() if chunk.datagram else parsers.setdefault(chunk.peer, Parser())
            for received in parser.feed(chunk.data):
                self._relay(received, chunk.utc_s)

    def _relay(self, received: Received, utc_s: float) -> None:
        target = getattr(received.message, "target_system", 0)
        for sysid in self.station.vehicles:
            route = self.station.route(sysid)
            if route is None or target not in (0, sysid) or received.sysid == sysid:
                continue
            link = next((link for link in self.links if link.name == route[0]), None)
            if link is not None:
                link.send(received.frame, route[1])
                if link.name in self.by_link:
                    self.by_link[link.name].write(received.frame, utc_s)

    def _chunk(self, link: Link, chunk: Chunk) -> None:
        before = self.station.counters.get(link.name)
        messages = self.station.receive(
            chunk.data,
            link=link.name,
            peer=chunk.peer,
            datagram=chunk.datagram,
            now_s=chunk.arrival_s,
            utc_s=chunk.utc_s,
        )
        if self.rejected is not None and _refused(self.station.counters[link.name]) > _refused(before):
            self.rejected(link.name, chunk.data)
        if not messages:
            return  # garbage moves nothing, and a storm of it must stay cheap
        writer = self.by_link.get(link.name)
        for received in messages:
            if self.recorder is not None and received.news:
                self.recorder.write(received.frame, chunk.utc_s)
            if writer is not None:
                writer.write(received.frame, chunk.utc_s)
            for other in self.forwards:
                if received.news:
                    other.send(received.frame, None)
            if self.hear is not None:
                self.hear(received, chunk.utc_s)
        self.flush()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.station.tick(now_s=time.monotonic())
            self.flush()

    def flush(self) -> None:
        """Send what the station wants to send, and record it."""
        by_name = {link.name: link for link in self.links}
        for outgoing in self.station.take_outgoing(now_s=time.monotonic()):
            link = by_name.get(outgoing.link)
            if link is None:
                continue
            link.send(outgoing.data, outgoing.peer)
            if self.recorder is not None:
                self.recorder.write(outgoing.data, time.time())
            if link.name in self.by_link:
                self.by_link[link.name].write(outgoing.data, time.time())


def _refused(counters: WireCounters | None) -> int:
    return 0 if counters is None else counters.garbage + counters.unknown
