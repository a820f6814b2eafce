"""The wires themselves: every kind carries bytes both ways, and what cannot be opened is said clearly."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ground_station.link import (
    QUEUE_CHUNKS,
    Chunk,
    Link,
    LinkError,
    LogLink,
    SerialLink,
    StreamLink,
    UdpLink,
    memory_pair,
    open_link,
)
from ground_station.recording import TlogWriter
from ground_station.wire import Encoder, mavlink

LIMIT_S = 10.0


async def _chunk(link: Link) -> Chunk:
    chunk = await asyncio.wait_for(link.receive(), LIMIT_S)
    assert chunk is not None
    return chunk


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.01)


async def _udp() -> UdpLink:
    link = open_link("udpin:127.0.0.1:0")
    assert isinstance(link, UdpLink)
    await link.open()
    return link


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_udp_both_ways() -> None:
    server = await _udp()
    client = open_link(f"udpout:127.0.0.1:{server.port}")
    await client.open()
    client.send(b"hello", None)
    chunk = await _chunk(server)
    assert (chunk.data, chunk.datagram) == (b"hello", True)
    server.send(b"answer", chunk.peer)
    assert (await _chunk(client)).data == b"answer"
    await client.close()
    await server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what its socket buffer had no room for")
async def test_what_the_kernel_had_no_room_for_is_counted() -> None:
    server = await _udp()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sent, received = 20_000, 0
        for _ in range(sent):  # while our loop reads nothing
            sender.sendto(bytes(200), ("127.0.0.1", server.port))
        async with asyncio.timeout(LIMIT_S):
            while received + server.dropped < sent:
                # the number comes with a datagram behind the gap
                sender.sendto(b"one more", ("127.0.0.1", server.port))
                sent += 1
                await asyncio.sleep(0.01)
                while not server._chunks.empty():
                    server._chunks.get_nowait()
                    received += 1
    assert received + server.dropped == sent
    assert received > 50 and server.dropped > 1_000
    await server.close()


async def test_udp_out_survives_that_nobody_is_there_yet() -> None:
    port = _free_port()
    client = open_link(f"udpout:127.0.0.1:{port}")
    await client.open()
    client.send(b"lost", None)
    await asyncio.sleep(0)
    server = open_link(f"udpin:127.0.0.1:{port}")
    await server.open()
    client.send(b"heard", None)
    assert (await _chunk(server)).data == b"heard"
    await client.close()
    await server.close()


async def test_tcp_client_and_server_and_the_way_back_after_a_break() -> None:
    port = _free_port()
    client = open_link(f"tcp:127.0.0.1:{port}")
    await client.open()  # nobody listens yet
    await _until(lambda: bool(client.trouble))
    for word in (b"one", b"two"):
        server = open_link(f"tcpin:127.0.0.1:{port}")
        await server.open()
        await _until(lambda: client.connected)
        client.send(word, None)
        chunk = await _chunk(server)
        assert chunk.data == word and not chunk.datagram
        server.send(b"answer", chunk.peer)
        assert (await _chunk(client)).data == b"answer"
        await server.close()
        await _until(lambda: not client.connected)
    await client.close()


async def test_a_serial_radio_both_ways() -> None:
    ours, device = os.openpty()
    link = open_link(f"serial:{os.ttyname(device)}:57600")
    assert isinstance(link, SerialLink)
    await link.open()
    await _until(lambda: link.connected)
    os.write(ours, b"\xfd\x00\n\x13")
    assert (await _chunk(link)).data == b"\xfd\x00\n\x13"  # not one byte interpreted by the terminal layer
    link.send(b"\x11\x03\xfe", None)
    assert await asyncio.to_thread(os.read, ours, 16) == b"\x11\x03\xfe"
    await link.close()
    os.close(ours)
    os.close(device)


async def test_a_serial_port_that_vanishes_is_told_and_taken_again_when_it_is_plugged_in(tmp_path: Path) -> None:
    name = tmp_path / "radio"  # as udev does it: a name that points to whichever device is there
    link = open_link(f"serial:{name}:57600")
    await link.open()
    for word in (b"first", b"again"):
        ours, device = os.openpty()
        name.symlink_to(os.ttyname(device))
        await _until(lambda: link.connected)
        os.write(ours, word)
        assert (await _chunk(link)).data == word
        name.unlink()
        os.close(device)
        os.close(ours)  # the radio is pulled out
        await _until(lambda: not link.connected)
        link.send(b"into the void", None)
        await _until(lambda: str(name) in link.trouble)
    await link.close()


async def test_a_serial_device_that_is_not_there_says_so_and_is_waited_for() -> None:
    link = open_link("serial:/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0:57600")
    assert isinstance(link, StreamLink)
    await link.open()
    await _until(lambda: "by-path/pci-0000:00:14.0-usb-0:1:1.0-port0" in link.trouble)
    assert not link.connected
    await link.close()


@pytest.mark.parametrize("scheme", ["udpin", "tcpin"])
async def test_a_port_in_use_is_named(scheme: str) -> None:
    first = open_link(f"{scheme}:127.0.0.1:0")
    await first.open()
    port = first.port if isinstance(first, UdpLink) else first._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    second = open_link(f"{scheme}:127.0.0.1:{port}")
    with pytest.raises(LinkError, match=rf"port {port} on 127\.0\.0\.1 is in use"):
        await second.open()
    await first.close()


async def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(LinkError, match=r"nowhere\.invalid"):
        await open_link("udpin:nowhere.invalid:14550").open()


@pytest.mark.parametrize(
    "url",
    ["", "udpin", "udpin:14550", "udp:127.0.0.1:1", "tcp:host:", "tcp:host:http", "tcp:host:70000", "tcp:host:0",
     "serial:/dev/ttyUSB0", "serial:/dev/ttyUSB0:fast", "log:", "http://x:1", "udpin:h:-1", "udpin:h:١٢"],
)  # fmt: skip
def test_a_url_that_is_none_names_what_is_allowed(url: str) -> None:
    with pytest.raises(LinkError, match="udpin:HOST:PORT"):
        open_link(url)


def test_a_serial_url_is_split_at_the_last_colon() -> None:
    link = open_link("serial:/dev/serial/by-path/pci-0000:00:14.0:115200")
    assert isinstance(link, SerialLink)
    assert (link._host, link._port) == ("/dev/serial/by-path/pci-0000:00:14.0", 115_200)


def _log(path: Path, gap_s: float = 0.05) -> list[bytes]:
    encoder = Encoder(1, 1)
    frames = [encoder.encode(mavlink.MAVLink_attitude_message(n, 0, 0, 0, 0, 0, 0)) for n in range(1, 6)]
    writer = TlogWriter(path)
    for number, frame in enumerate(frames):
        writer.write(frame, 1_773_522_000.0 + gap_s * number)
    writer.close()
    return frames


async def test_a_log_is_played_in_its_own_rhythm_with_its_own_time(tmp_path: Path) -> None:
    frames = _log(tmp_path / "a.tlog")
    link = open_link(f"log:{tmp_path / 'a.tlog'}")
    await link.open()
    chunks = [await _chunk(link) for _ in frames]
    assert [chunk.data for chunk in chunks] == frames
    assert [chunk.utc_s for chunk in chunks] == pytest.approx([1_773_522_000.0 + 0.05 * n for n in range(5)])
    assert chunks[-1].arrival_s - chunks[0].arrival_s >= 0.19
    assert await asyncio.wait_for(link.receive(), LIMIT_S) is None
    await link.close()


async def test_a_log_can_be_played_faster(tmp_path: Path) -> None:
    _log(tmp_path / "a.tlog", gap_s=100.0)
    link = LogLink("log", tmp_path / "a.tlog", speed=1e6)
    await link.open()
    assert len([await _chunk(link) for _ in range(5)]) == 5
    await link.close()


async def test_a_log_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="No such file"):
        await open_link(f"log:{tmp_path / 'none.tlog'}").open()
    (tmp_path / "text.tlog").write_text("hello " * 50)
    with pytest.raises(LinkError, match="no MAVLink record"):
        await open_link(f"log:{tmp_path / 'text.tlog'}").open()


async def test_what_does_not_fit_into_the_queue_is_counted() -> None:
    ours, theirs = memory_pair()
    for _ in range(QUEUE_CHUNKS + 7):
        theirs.send(b"x", None)
    assert ours.dropped == 7
    assert (await _chunk(ours)).data == b"x"
