"""A live stream over TCP: exact, reconnecting, and never a queue in front of the newest frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from imagery.sources import Mailbox, StreamSource
from tests.imagery.scenes import frame_of
from tests.imagery.sources.nut import counts, nut

LIMIT_S = 20.0


@asynccontextmanager
async def _camera(*clips: bytes) -> AsyncIterator[str]:
    """Serves one clip to each client in turn, then hangs up; the last one is repeated."""
    served = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        clip = clips[min(served, len(clips) - 1)]
        served += 1
        writer.write(clip)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _says_why(source: StreamSource) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not source.reason:  # noqa: ASYNC110 - set by the reader's thread
            await asyncio.sleep(0.01)


async def test_frames_arrive_with_their_exposure_clock_and_scale() -> None:
    async with _camera(nut([12.5])) as url:
        source = StreamSource(url, 1, "x")
        async with asyncio.timeout(LIMIT_S):
            frame = await anext(source.frames())
        source.close()
    assert frame.stamp_s == 12.5 and frame.clock == "vehicle-boot" and (frame.vehicle, frame.camera) == (7, "1/100")
    assert np.array_equal(frame.image, counts(0))


async def test_a_camera_that_hangs_up_is_called_again() -> None:
    async with _camera(nut([1.0]), nut([50.0], first_seq=9)) as url:
        source = StreamSource(url, 1, "x")
        stamps: list[float] = []
        async with asyncio.timeout(LIMIT_S):
            async for frame in source.frames():
                stamps.append(frame.stamp_s)
                if 50.0 in stamps:
                    break
        source.close()
    assert stamps[0] == 1.0
    assert source.received >= 2


async def test_a_camera_that_is_not_there_is_a_state_not_a_crash() -> None:
    async with _camera(b"") as url:
        pass  # the port is free again
    source = StreamSource(url, 1, "x")
    frames = source.frames()
    waiting = asyncio.ensure_future(anext(frames))
    await _says_why(source)
    assert source.state == "connecting" and source.received == 0
    source.close()
    waiting.cancel()


async def test_garbage_instead_of_video_is_a_reason() -> None:
    async with _camera(b"HTTP/1.1 404 Not Found\r\n\r\n" * 50) as url:
        source = StreamSource(url, 1, "x")
        waiting = asyncio.ensure_future(anext(source.frames()))
        await _says_why(source)
        source.close()
        waiting.cancel()
    assert source.received == 0


async def test_the_mailbox_holds_the_newest_frame_and_counts_the_rest() -> None:
    mailbox = Mailbox()
    for seq in range(5):
        mailbox.put(frame_of(np.zeros((8, 8), np.uint8), seq=seq))
    assert (await mailbox.take()).seq == 4
    assert mailbox.dropped == 4
