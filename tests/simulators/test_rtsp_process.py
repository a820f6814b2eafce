"""The camera's RTSP server, watched by ordinary players over a real socket, and bothered by others."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import av
import numpy as np
import pytest

from imagery.frame import FrameKind
from imagery.sources.stream import StreamSource
from simulators.rtsp import IDLE_S
from simulators.rtsp_process import MOST_VIEWERS, STALLED_S, RtspServer

WIDTH, HEIGHT = 160, 128
LIMIT_S = 20.0


def picture(number: int) -> np.ndarray:
    """A white block that walks over a ramp."""
    grey = np.tile(np.linspace(20, 120, WIDTH), (HEIGHT, 1)).astype(np.uint8)
    x = 8 * number % (WIDTH - 16)
    grey[40:56, x : x + 16] = 255
    return grey


class Studio:
    """A server that is shown a picture every 1/100 s of wall time, at ten pictures a second of its own."""

    def __init__(self) -> None:
        self.server = RtspServer("thermal", WIDTH, HEIGHT, 10.0)
        self.pictures = 0
        self.shows = picture

    async def run(self) -> None:
        while True:
            now_s = self.pictures / 10
            self.server.tick(now_s)
            self.server.show(self.shows(self.pictures), now_s)
            self.pictures += 1
            await asyncio.sleep(0.01)


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    one = Studio()
    await one.server.start(0)
    task = asyncio.create_task(one.run())
    yield one
    task.cancel()
    one.server.stop()


def watch(url: str, frames: int, **options: str) -> tuple[dict[str, str], list[float], list[Any]]:
    """Metadata, presentation times and pictures of a player that knows nothing but the URL."""
    with av.open(url, options=options, timeout=LIMIT_S) as container:
        stamps, pictures = [], []
        for frame in container.decode(video=0):
            if frame.pts is None or frame.time_base is None:  # how newer libavformat leaves the first packet of RTP
                assert not stamps
                continue
            stamps.append(float(frame.pts * frame.time_base))
            pictures.append(frame.to_ndarray(format="gray"))
            if len(stamps) == frames:
                break
        return dict(container.metadata), stamps, pictures


async def test_players_see_whole_pictures_from_their_first_one_on(studio: Studio) -> None:
    assert not studio.server.watched
    url = studio.server.url
    seen = await asyncio.gather(
        asyncio.to_thread(watch, url, 6),  # asks for UDP first, and is told no
        asyncio.to_thread(watch, url, 25, rtsp_transport="tcp"),
        asyncio.to_thread(watch, f"{url}/", 12, rtsp_transport="tcp"),
    )
    later = await asyncio.to_thread(watch, url, 3, rtsp_transport="tcp")
    for tags, stamps, pictures in (*seen, later):
        assert "clock" not in {key.lower() for key in tags}, "it says nothing of exposure"
        steps = [round(b - a, 3) for a, b in itertools.pairwise(stamps)]
        assert all(step >= 0.1 and round(step * 10, 3) == round(step * 10) for step in steps), steps
        for shown in pictures:
            blocks = [np.abs(shown.astype(int) - picture(number)).mean() for number in range(18)]
            assert min(blocks) < 4.0
    assert studio.server.skipped == 0


async def test_the_ground_station_reads_it_as_pictures_without_a_clock(studio: Studio) -> None:
    source = StreamSource(studio.server.url, 1, "1/100")
    async with asyncio.timeout(LIMIT_S):
        async for frame in source.frames():
            assert (frame.kind, frame.clock, frame.image.shape) == (FrameKind.AGC8, "unknown", (HEIGHT, WIDTH))
            assert frame.time_sigma_s > 0.1, "its stamps are times of sending"
            if frame.seq > 10:
                break
    source.close()
    assert source.state == "live"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on the PATH")
async def test_ffmpeg_reads_it_without_a_complaint(studio: Studio) -> None:
    words = ["-nostdin", "-loglevel", "warning", "-rtsp_transport", "tcp", "-i", studio.server.url]
    words += ["-frames:v", "15", "-f", "null", "-"]
    done = await asyncio.to_thread(
        subprocess.run, ["ffmpeg", *words], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


async def ask(url: str, data: bytes) -> bytes:
    """What comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].partition("/")[0]))
    writer.write(data)
    try:
        async with asyncio.timeout(LIMIT_S):
            return await reader.read()
    finally:
        writer.close()


async def test_nonsense_is_answered_and_ended_while_others_watch_on(studio: Studio) -> None:
    watching = asyncio.create_task(asyncio.to_thread(watch, studio.server.url, 25, rtsp_transport="tcp"))
    for nonsense, status in ((b"GET / HTTP/1.1\r\n\r\n", 505), (bytes(range(128, 256)), 400), (b"x" * 9000, 400)):
        assert (await ask(studio.server.url, nonsense)).startswith(b"RTSP/1.0 %d " % status)
    torn = socket.create_connection(("127.0.0.1", studio.server.port))
    torn.close()
    assert len((await watching)[2]) == 25


async def test_who_only_sits_there_is_sent_away_and_makes_room(studio: Studio) -> None:
    sitting = [await asyncio.open_connection("127.0.0.1", studio.server.port) for _ in range(MOST_VIEWERS)]
    async with asyncio.timeout(LIMIT_S):
        assert (await ask(studio.server.url, b"")).startswith(b"RTSP/1.0 503 ")
        assert studio.server.refused == 1
        began = studio.pictures
        with contextlib.suppress(ConnectionResetError):
            assert await sitting[0][0].read() == b""
        assert (studio.pictures - began) / 10 <= IDLE_S + 1
    assert len((await asyncio.to_thread(watch, studio.server.url, 2, rtsp_transport="tcp"))[2]) == 2


PLAY = b"""SETUP {url} RTSP/1.0\r
CSeq: 1\r
Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r
\r
"""


async def test_who_does_not_read_loses_pictures_and_then_the_connection(studio: Studio) -> None:
    rng = np.random.default_rng(1)
    studio.shows = lambda number: rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)  # 25 kB each
    url = studio.server.url.encode()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", studio.server.port))
        await loop.sock_sendall(deaf, PLAY.replace(b"{url}", url))
        answer = (await loop.sock_recv(deaf, 1000)).decode()
        session = answer.partition("Session: ")[2].partition(";")[0]
        await loop.sock_sendall(deaf, b"PLAY %s RTSP/1.0\r\nCSeq: 2\r\nSession: %s\r\n\r\n" % (url, session.encode()))
        async with asyncio.timeout(LIMIT_S):
            for plays in (True, False):
                while studio.server.watched != plays:  # noqa: ASYNC110 - the server has no event for it
                    await asyncio.sleep(0.01)
    assert studio.server.skipped >= STALLED_S * 10 - 2
