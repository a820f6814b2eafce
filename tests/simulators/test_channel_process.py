"""The bad radio between real sockets: what goes in, what comes out, and how its process ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from api.cli import main
from simulators.channel import PERFECT, Quality
from simulators.channel_process import BACK, MOST_CLIENTS, THERE, Proxy

LIMIT_S = 10.0
PERFECT_BOTH = {THERE: PERFECT, BACK: PERFECT}


@contextmanager
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(LIMIT_S)
        yield made


def drained(sock: socket.socket, quiet_s: float) -> Iterator[tuple[bytes, Any]]:
    """What arrives until it has been quiet for so long."""
    sock.settimeout(quiet_s)
    with suppress(TimeoutError):
        while True:
            yield sock.recvfrom(2048)


@contextmanager
def channel(*words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The verb as a process of its own, and the port it listens on."""
    command = [sys.executable, "-m", "api.cli", "channel", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            yield process, int(facts["listen"].rpartition(":")[2])
        finally:
            process.kill()


@pytest.mark.flight
def test_datagrams_between_two_programs_are_lost_as_ordered_and_counted_at_the_end() -> None:
    with udp() as server, udp() as client:
        to = f"udpout:127.0.0.1:{server.getsockname()[1]}"
        words = ("--listen", "udpin:127.0.0.1:0", "--to", to, "--quality", "there:loss=0.4,corrupt=0.1", "--seed", "3")
        with channel(*words) as (process, port):
            arrived: list[tuple[bytes, Any]] = []
            for index in range(400):
                client.sendto(index.to_bytes(2, "big") * 20, ("127.0.0.1", port))
                if index % 20 == 19:  # in portions: the kernel's own buffer must lose nothing
                    arrived += drained(server, 1.0 if index in (19, 399) else 0.03)
            via = arrived[0][1]
            server.sendto(b"answer", via)
            assert client.recvfrom(2048) == (b"answer", ("127.0.0.1", port))
            process.send_signal(signal.SIGTERM)
            counts = json.loads(process.communicate(timeout=LIMIT_S)[0])
        assert process.returncode == 0
        assert counts[THERE]["pushed"] == 400 and counts[BACK]["pushed"] == 1 and counts["clients"] == 1
        assert len(arrived) == 400 - counts[THERE]["lost"]
        assert 0.3 <= counts[THERE]["lost"] / 400 <= 0.5
        broken = sum(data != data[:2] * 20 for data, _ in arrived)
        assert broken == counts[THERE]["corrupted"] and 8 <= broken <= 45


async def exchange(qualities: dict[str, Quality], sent: bytes) -> tuple[bytes, bytes, float, dict[str, Any]]:
    """Some bytes through TCP to a server that answers with them in reverse: seen there, seen here, seconds, counts."""
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read())
        writer.write(seen[0][::-1])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = Proxy("tcp", server.sockets[0].getsockname()[1], qualities, seed=2)
    async with server, asyncio.timeout(LIMIT_S), proxy:
        begin_s = proxy.now_s()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(sent)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return seen[0], answer, proxy.now_s() - begin_s, proxy.figures()


SENT = bytes(range(256)) * 100


async def test_a_connection_through_a_bad_radio_is_whole_and_both_ends_close() -> None:
    qualities = {THERE: Quality(loss=0.25, jitter_s=0.01), BACK: Quality(delay_s=0.1)}
    there, back, seconds, counts = await exchange(qualities, SENT)
    assert (there, back) == (SENT, SENT[::-1])
    assert seconds > 0.25 and counts[THERE]["held_back"] >= 2 and counts[THERE]["lost"] == 0


async def test_a_connection_is_as_fast_as_the_air() -> None:
    wide = Quality(bytes_per_s=40_000.0, queue_bytes=2000)
    there, _, seconds, _ = await exchange({THERE: wide, BACK: PERFECT}, SENT)
    assert there == SENT and 0.6 <= seconds <= 2.0


async def test_a_cut_lets_nothing_through_and_ends() -> None:
    cut = Quality(cuts_s=((0.0, 0.3),))
    _, _, seconds, counts = await exchange({THERE: cut, BACK: PERFECT}, b"through")
    assert seconds >= 0.29 and counts[THERE]["cut"] >= 1


async def test_a_connection_to_nobody_is_closed() -> None:
    with socket.socket() as taken:  # bound and not listening: refuses
        taken.bind(("127.0.0.1", 0))
        async with Proxy("tcp", taken.getsockname()[1], PERFECT_BOTH) as proxy, asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            assert await reader.read() == b""
            writer.close()


async def test_every_client_gets_its_own_answers() -> None:
    with udp() as server, udp() as one, udp() as other:
        async with Proxy("udp", server.getsockname()[1], PERFECT_BOTH) as proxy:
            for client, word in ((one, b"one"), (other, b"other")):
                client.sendto(word, ("127.0.0.1", proxy.port))
            heard = dict([await asyncio.to_thread(server.recvfrom, 99) for _ in range(2)])
            for word, via in heard.items():
                server.sendto(word[::-1], via)
            assert (await asyncio.to_thread(one.recv, 99), await asyncio.to_thread(other.recv, 99)) == (
                b"eno",
                b"rehto",
            )


@pytest.mark.parametrize(("silent_s", "heard", "refused"), [(0.0, MOST_CLIENTS + 8, 0), (60.0, MOST_CLIENTS, 8)])
async def test_a_silent_client_makes_room_for_a_new_one(silent_s: float, heard: int, refused: int) -> None:
    """Every verb that talks by UDP comes from a port of its own and never says goodbye."""
    with udp() as server:
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        proxy = Proxy("udp", server.getsockname()[1], PERFECT_BOTH, silent_s=silent_s)
        async with proxy, asyncio.timeout(LIMIT_S):
            for index in range(MOST_CLIENTS + 8):
                with udp() as client:
                    client.setblocking(False)
                    client.sendto(bytes([index]), ("127.0.0.1", proxy.port))
                    if index >= heard:
                        continue
                    data, via = await loop.sock_recvfrom(server, 100)
                    server.sendto(data * 2, via)
                    assert await loop.sock_recv(client, 100) == bytes([index, index])
            while proxy.refused < refused:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0)
            assert (proxy.figures()["clients"], proxy.refused) == (heard, refused)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--listen", "udpin:127.0.0.1:0", "--to", "tcp:127.0.0.1:9"], "allowed is udpout:127.0.0.1:PORT"),
        (["--listen", "udpin:0.0.0.0:0", "--to", "udpout:127.0.0.1:9"], "allowed is udpin:127.0.0.1:PORT or tcpin"),
        (["--listen", "tcpin:127.0.0.1:0", "--to", "tcp:127.0.0.1:0"], "with a port from 1 to 65535"),
        (["--listen", "tcpin:127.0.0.1:0", "--to", "tcp:127.0.0.1:9", "--quality", "loss=2"], "loss must be"),
    ],
)
def test_bad_words_are_refused(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["channel", *words]) == 2
    assert reason in capsys.readouterr().err
