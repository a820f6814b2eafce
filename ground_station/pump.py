"""Moves bytes between links and the station, and time into its machines. Thinks nothing itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ground_station.link import Chunk, Link
from ground_station.recording import TlogWriter
from ground_station.station import Station
from ground_station.wire import Received

TICK_S = 0.02
# Chunks taken from one link before the others get their turn: a storm on one port must not starve the rest.
_BURST = 100

Hear = Callable[[Received, float], None]


@dataclass(frozen=True, slots=True)
class Pump:
    """``hear`` is called with every checked message and the host's UTC of its arrival, after it was folded."""

    station: Station
    links: Sequence[Link]
    recorder: TlogWriter | None = None
    hear: Hear | None = None

    async def run(self) -> None:
        """Until cancelled, or until every link is a recording that has ended."""
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(self._tick(), name="pump tick")
            reading = [group.create_task(self._read(link), name=f"pump {link.name}") for link in self.links]
            await asyncio.gather(*reading)
            ticking.cancel()

    async def _read(self, link: Link) -> None:
        taken = 0
        while (chunk := await link.receive()) is not None:
            self._chunk(link, chunk)
            taken += 1
            if taken % _BURST == 0:
                await asyncio.sleep(0)

    def _chunk(self, link: Link, chunk: Chunk) -> None:
        messages = self.station.receive(
            chunk.data,
            link=link.name,
            peer=chunk.peer,
            datagram=chunk.datagram,
            now_s=chunk.arrival_s,
            utc_s=chunk.utc_s,
        )
        if not messages:
            return  # garbage moves nothing, and a storm of it must stay cheap
        for received in messages:
            if self.recorder is not None:
                self.recorder.write(received.frame, chunk.utc_s)
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
