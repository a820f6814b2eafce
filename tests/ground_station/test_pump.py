"""The pump over real sockets: a vehicle is heard, recorded and answered, whatever else comes in."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

from ground_station.link import LogLink, UdpLink, memory_pair, open_link
from ground_station.pump import Pump
from ground_station.recording import TlogWriter, read_tlog
from ground_station.station import Station
from ground_station.wire import Encoder, mavlink

LIMIT_S = 20.0


def _beat(encoder: Encoder) -> bytes:
    return encoder.encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 3, 3))


def _attitude(encoder: Encoder, boot_ms: int) -> bytes:
    return encoder.encode(mavlink.MAVLink_attitude_message(boot_ms, 0, 0, 0, 0, 0, 0))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.01)


async def test_both_directions_are_recorded(tmp_path: Path) -> None:
    ours, theirs = memory_pair()
    station, recorder, encoder = Station(), TlogWriter(tmp_path / "a.tlog"), Encoder(1, 1)
    heard: list[str] = []
    pump = asyncio.create_task(
        Pump(station, [ours], recorder, lambda received, utc_s: heard.append(received.name)).run()
    )
    theirs.send(_beat(encoder), None)
    await asyncio.wait_for(theirs.receive(), LIMIT_S)
    await _until(lambda: len(recorder.path.read_bytes()) > 200)
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    recorder.close()
    senders = {(received.sysid, received.name) for _, received in read_tlog(recorder.path)}
    assert {(1, "HEARTBEAT"), (255, "HEARTBEAT"), (255, "COMMAND_LONG")} <= senders
    assert heard == ["HEARTBEAT"]


async def test_a_recording_ends_the_pump(tmp_path: Path) -> None:
    encoder, writer = Encoder(1, 1), TlogWriter(tmp_path / "a.tlog")
    for number in range(50):
        writer.write(_beat(encoder) if number % 10 == 0 else _attitude(encoder, number), 1_773_522_000.0 + number)
    writer.close()
    station, link = Station(beats=False), LogLink("log", tmp_path / "a.tlog", speed=1e6)
    await link.open()
    await asyncio.wait_for(Pump(station, [link]).run(), LIMIT_S)
    assert station.counters["log"].good == 50
    assert station.take_outgoing(now_s=time.monotonic()) == ()


async def test_a_storm_of_garbage_does_not_hide_the_vehicle() -> None:
    """Ten thousand random datagrams among fifty good ones, at about ten thousand a second."""
    link = open_link("udpin:127.0.0.1:0")
    assert isinstance(link, UdpLink)
    await link.open()
    station, encoder, generator = Station(), Encoder(1, 1), random.Random(5)
    pump = asyncio.create_task(Pump(station, [link]).run())
    drone, stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for end in (drone, stranger):
        end.connect(("127.0.0.1", link.port))
    for number in range(50):
        drone.send(_beat(encoder) if number % 10 == 0 else _attitude(encoder, 1000 + number))
        for burst in range(200):
            stranger.send(generator.randbytes(generator.randint(1, 280)))
            if burst % 10 == 0:
                await asyncio.sleep(0.001)  # a network delivers one after the other as well
    await _until(lambda: 1 in station.vehicles and station.vehicles[1].state.boot_s == 1.049)
    counters = station.counters[link.name]
    assert counters.good == 50
    assert list(station.vehicles) == [1]
    route = station.route(1)
    assert route is not None and route[1] == drone.getsockname()
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    await link.close()
    drone.close()
    stranger.close()
