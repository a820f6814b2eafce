"""The pump over real sockets: a vehicle is heard, recorded and answered, whatever else comes in."""

from __future__ import annotations

import asyncio
import contextlib
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


async def test_each_link_has_a_recording_of_its_own_and_the_common_one_holds_what_was_folded(tmp_path: Path) -> None:
    pairs = [memory_pair() for _ in range(2)]
    for number, (ours, _) in enumerate(pairs):
        ours.name = f"link {number}"
    station, common, encoder = Station(beats=False), TlogWriter(tmp_path / "all.tlog"), Encoder(1, 1)
    each = {ours.name: TlogWriter(tmp_path / f"{ours.name}.tlog") for ours, _ in pairs}
    links = [ours for ours, _ in pairs]
    pump = asyncio.create_task(Pump(station, links, common, by_link=each).run())
    frames = [_beat(encoder), *(_attitude(encoder, 1_000 + number) for number in range(10))]
    for frame in frames:
        pairs[0][1].send(frame, None)
        await asyncio.sleep(0)
        pairs[1][1].send(frame, None)
    await _until(lambda: sum(counter.good for counter in station.counters.values()) == 2 * len(frames))
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    for writer in (common, *each.values()):
        writer.close()
    assert [len(list(read_tlog(writer.path))) for writer in each.values()] == [11, 11]
    assert len(list(read_tlog(common.path))) == 11  # each once, whichever link was first


async def test_another_ground_station_hears_the_vehicle_and_speaks_to_it_through_us() -> None:
    (ours, theirs), (out, other) = memory_pair(), memory_pair()
    station, vehicle, planner = Station(beats=False), Encoder(1, 1), Encoder(250, 190)
    pump = asyncio.create_task(Pump(station, [ours], forwards=[out]).run())
    beat = _beat(vehicle)
    theirs.send(beat, None)
    heard = await asyncio.wait_for(other.receive(), LIMIT_S)
    assert heard is not None and heard.data == beat
    question = planner.encode(mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1))
    elsewhere = planner.encode(mavlink.MAVLink_param_request_read_message(7, 1, b"RTL_ALT", -1))
    for data in (elsewhere, b"garbage", question):
        other.send(data, None)
    relayed = await asyncio.wait_for(theirs.receive(), LIMIT_S)
    assert relayed is not None and relayed.data == question  # as it came, and only what is for this vehicle
    assert list(station.vehicles) == [1]
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)


async def test_what_is_no_frame_is_kept_where_somebody_asks_for_it() -> None:
    ours, theirs = memory_pair()
    kept: list[bytes] = []
    station = Station(beats=False)
    pump = asyncio.create_task(Pump(station, [ours], rejected=lambda name, data: kept.append(data)).run())
    for data in (b"no frame", _beat(Encoder(1, 1)), b"\xfd" * 30):
        theirs.send(data, None)
    await _until(lambda: len(kept) == 2)
    assert kept == [b"no frame", b"\xfd" * 30]
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)


async def test_a_program_that_is_stuck_sends_no_heartbeat() -> None:
    """The loop is blocked for a moment as by a stuck detector: nothing leaves meanwhile, nor right after."""
    ours, theirs = memory_pair()
    station = Station(asks=False, deadman_s=0.4)
    pump = asyncio.create_task(Pump(station, [ours]).run())
    station.alive(now_s=time.monotonic())
    theirs.send(_beat(Encoder(1, 1)), None)
    assert (await asyncio.wait_for(theirs.receive(), LIMIT_S)) is not None
    time.sleep(1.1)  # noqa: ASYNC251 (this is the point)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(theirs.receive(), 0.2)
        raise AssertionError("a heartbeat left a program that has not done its round")
    station.alive(now_s=time.monotonic())
    assert (await asyncio.wait_for(theirs.receive(), LIMIT_S)) is not None
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
