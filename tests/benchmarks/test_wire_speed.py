"""How many MAVLink messages a second one core takes in, from bytes to the folded state of a vehicle."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from ground_station.station import Station
from ground_station.wire import Encoder, Parser, mavlink

pytestmark = pytest.mark.benchmark
SECONDS_OF_FLIGHT = 60


def _flight() -> list[bytes]:
    """Frames as a vehicle sends them: attitude at 50 Hz, position at 20 Hz, the slow ones beside them."""
    encoder = Encoder(1, 1)
    frames = []
    for boot_ms in range(0, SECONDS_OF_FLIGHT * 1000, 10):
        if boot_ms % 20 == 0:
            attitude = mavlink.MAVLink_attitude_message(boot_ms, 0.01, -0.02, 1.2, 0.0, 0.0, 0.0)
            frames.append(encoder.encode(attitude))
        if boot_ms % 50 == 0:
            position = mavlink.MAVLink_global_position_int_message(
                boot_ms, 514_500_000 + boot_ms, 67_500_000, 110_000, 80_000, 500, 0, 0, 9_000
            )
            frames.append(encoder.encode(position))
        if boot_ms % 500 == 0:
            frames.append(encoder.encode(mavlink.MAVLink_system_time_message(1_790_000_000_000_000, boot_ms)))
        if boot_ms % 1000 == 0:
            beat = mavlink.MAVLink_heartbeat_message(
                mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 81, 3, mavlink.MAV_STATE_ACTIVE, 3
            )
            frames.append(encoder.encode(beat))
    return frames


def _rate(count: int, started: float) -> str:
    return f"{count / (time.perf_counter() - started):,.0f} /s"


def test_messages_a_second_by_mavutil(figure: Callable[..., None], tmp_path: Path) -> None:
    """The same flight through pymavlink's own log reader, which keeps the last message of each kind."""
    from pymavlink import mavutil

    frames, path = _flight(), tmp_path / "flight.tlog"
    path.write_bytes(b"".join((1_790_000_000_000_000 + n * 7_000).to_bytes(8, "big") + f for n, f in enumerate(frames)))
    log = mavutil.mavlink_connection(str(path), dialect="ardupilotmega")
    started, taken = time.perf_counter(), 0
    while log.recv_msg() is not None:
        taken += 1
    figure("mavutil: read and keep", _rate(taken, started), "messages out of a .tlog, the same flight, one core")
    assert taken == len(frames)


def test_memory_of_four_vehicles_in_an_hour(figure: Callable[..., None]) -> None:
    """An hour of telemetry at 50 Hz each: what is kept is bounded, so minutes of it tell the rest."""
    station, encoders = Station(), [Encoder(sysid, 1) for sysid in (1, 2, 3, 4)]
    kept: list[int] = []
    tracemalloc.start()
    for second in range(450):
        for encoder in encoders:
            beat = mavlink.MAVLink_heartbeat_message(2, 3, 81, 3, mavlink.MAV_STATE_ACTIVE, 3)
            station.receive(encoder.encode(beat), link="udp", now_s=float(second), utc_s=1.79e9 + second)
            for step in range(50):
                boot_ms = second * 1000 + step * 20
                message = mavlink.MAVLink_attitude_message(boot_ms, 0.01, -0.02, 1.2, 0.0, 0.0, 0.0)
                if step % 5 == 0:
                    message = mavlink.MAVLink_global_position_int_message(
                        boot_ms, 514_500_000 + boot_ms, 67_500_000, 110_000, 80_000, 500, 0, 0, 9_000
                    )
                now_s = boot_ms * 1e-3
                station.receive(encoder.encode(message), link="udp", now_s=now_s, utc_s=1.79e9 + now_s)
        if second % 150 == 149:
            kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    each = "  ".join(f"{size / 2**20:.1f}" for size in kept)
    figure("memory: four vehicles at 50 Hz", f"{each} MiB", "after 2.5, 5 and 7.5 minutes")


def test_messages_a_second(figure: Callable[..., None]) -> None:
    frames = _flight()
    stream = b"".join(frames)

    parser, started = Parser(), time.perf_counter()
    taken = sum(len(parser.feed(stream[at : at + 1400])) for at in range(0, len(stream), 1400))
    figure("link: parse a stream", _rate(taken, started), "messages, chunks of 1,400 bytes, one core")
    assert taken == len(frames)

    station, started = Station(), time.perf_counter()
    for number, frame in enumerate(frames):
        now_s = number * SECONDS_OF_FLIGHT / len(frames)
        station.receive(frame, link="udp", peer=("127.0.0.1", 1), now_s=now_s, utc_s=1.79e9 + now_s)
    figure("link: receive and fold", _rate(len(frames), started), "messages, one a datagram, one vehicle, one core")
    assert list(station.vehicles) == [1]


def test_garbage_a_second(figure: Callable[..., None]) -> None:
    generator = random.Random(7)
    storm = [generator.randbytes(generator.randint(1, 280)) for _ in range(10_000)]
    station, started = Station(), time.perf_counter()
    for datagram in storm:
        station.receive(datagram, link="udp", peer=("127.0.0.1", 1), now_s=0.0, utc_s=None)
    figure("link: refuse garbage", _rate(len(storm), started), "random datagrams of 1-280 bytes, one core")
    assert not station.vehicles
