"""One vehicle over its links for the length of one command: open, hear it, ask something of it, close.

It sends no heartbeat unless it is told to stay: a ground station that beats for two seconds and then falls silent would
send a flying drone home (GCS failsafe).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from api import signing_store
from api.settings import data_folder
from ground_station.link import Link, LinkError, open_link
from ground_station.operation import Operation, Outcome
from ground_station.pump import Pump
from ground_station.station import Station
from ground_station.vehicle import Vehicle

# The reader's own system id; the writer speaks as the ground station whose commands ArduPilot takes (MAV_GCS_SYSID),
# from a component of its own, because a mission transfer belongs to (system, component) and a serve may be running.
READER_SYSID = 254
WRITER_SYSID = 255
COMPID = 25
_POLL_S = 0.02
# Vehicles that share a link are all heard within this after the first one.
_OTHERS_S = 1.5
_OPERATION_LIMIT_S = 600.0


class NotDone(RuntimeError):
    """What was asked for could not be done: one line that says what and what to do."""


class Session:
    """``station`` is alive while the context of ``session`` is open."""

    def __init__(self, station: Station, links: Sequence[Link], pumping: asyncio.Task[None]) -> None:
        self.station, self._links, self._pumping = station, links, pumping

    async def until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Wait for a condition; false when it did not come true in time."""
        end_s = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() >= end_s or self._pumping.done():
                return condition()
            await asyncio.sleep(_POLL_S)
        return True

    async def vehicle(self, sysid: int | None, limit_s: float) -> Vehicle:
        """The wanted vehicle, or the only one. Raises NotDone, or ValueError when several could be meant."""
        vehicles = self.station.vehicles
        if sysid is not None:
            if not await self.until(lambda: sysid in vehicles, limit_s):
                raise NotDone(f"vehicle {sysid} was not heard within {limit_s:g} s{self._heard()}")
            return vehicles[sysid]
        if not await self.until(lambda: bool(vehicles), limit_s):
            raise NotDone(f"no vehicle was heard within {limit_s:g} s{self._heard()}")
        await self.until(lambda: len(vehicles) > 1, min(_OTHERS_S, limit_s))
        if len(vehicles) > 1:
            names = ", ".join(map(str, sorted(vehicles)))
            raise ValueError(f"several vehicles are heard ({names}): choose one with --vehicle")
        return next(iter(vehicles.values()))

    def _heard(self) -> str:
        """What the links have to say for themselves."""
        words = [f"{link.name}: {link.trouble}" for link in self._links if link.trouble]
        vehicles = sorted(self.station.vehicles)
        if vehicles:
            words.append(f"heard: {', '.join(map(str, vehicles))}")
        elif any(count.garbage or count.unknown for count in self.station.counters.values()):
            words.append("something speaks there, but no MAVLink of a vehicle: check port and baud rate")
        elif not words:
            words.append("nothing at all arrived: check address, cable and whether the vehicle is on")
        return f" ({'; '.join(words)})"

    async def finish(self, operation: Operation) -> Outcome:
        """Run an operation to its end."""
        await self.until(lambda: operation.outcome is not None, _OPERATION_LIMIT_S)
        if operation.outcome is None:
            operation.cancel("it took too long, or the link ended", now_s=time.monotonic())
        assert operation.outcome is not None
        # Its last acknowledgement leaves with the next turn of the pump.
        await asyncio.sleep(3 * _POLL_S)
        return operation.outcome


@contextlib.asynccontextmanager
async def session(urls: Sequence[str], *, writes: bool, stays: bool = False) -> AsyncIterator[Session]:
    """Open the links and keep them until the end.

    Raises LinkError for a URL that is none, NotDone for a wire that cannot be opened.
    """
    links = [open_link(url) for url in urls]
    signing = signing_store.load(data_folder(None))
    stamped = None if signing is None else signing.timestamp
    sysid = WRITER_SYSID if writes else READER_SYSID
    station = Station(sysid=sysid, compid=COMPID, beats=stays, asks=True, signing=signing)
    pumping: asyncio.Task[None] | None = None
    try:
        for link in links:
            try:
                await link.open()
            except LinkError as error:
                raise NotDone(str(error)) from error
        pumping = asyncio.create_task(Pump(station, links).run(), name="session pump")
        yield Session(station, links, pumping)
        if pumping.done():
            pumping.result()  # what killed it is told, not swallowed
    finally:
        if pumping is not None:
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
        for link in links:
            await link.close()
        if station.signing is not None and station.signing.timestamp != stamped:
            with contextlib.suppress(OSError):
                signing_store.save(data_folder(None), station.signing)
