"""A live stream by URL, opened again for as long as it is wanted.

The demuxer blocks, so it runs in a thread. ``fflags=nobuffer`` must not be set: it drops the first keyframe.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import av

from imagery.frame import Frame
from imagery.sources.container import frames_of
from imagery.sources.source import CONNECTING, LIVE, LOST

_OPTIONS = {"flags": "low_delay", "probesize": "32768", "analyzeduration": "0"}
_OPEN_TIMEOUT_S, _READ_TIMEOUT_S = 3.0, 3.0
_RETRY_S = 0.5


class Mailbox:
    """Holds the newest frame; an unread older one is dropped and counted."""

    def __init__(self) -> None:
        self.dropped = 0
        self._frame: Frame | None = None
        self._filled = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def put(self, frame: Frame) -> None:
        """On the loop's thread."""
        self.dropped += self._frame is not None
        self._frame = frame
        self._filled.set()

    def put_from_thread(self, frame: Frame) -> None:
        """From a reader thread."""
        self._loop.call_soon_threadsafe(self.put, frame)

    async def take(self) -> Frame:
        """The newest frame; waits for one."""
        await self._filled.wait()
        self._filled.clear()
        frame, self._frame = self._frame, None
        assert frame is not None
        return frame


class StreamSource:
    """A video stream by URL. ``frames`` yields the newest frame again and again; ``state`` says how it stands."""

    def __init__(self, url: str, vehicle: int, camera: str, *, band: str = "thermal") -> None:
        self.url, self.vehicle, self.camera, self.band = url, vehicle, camera, band
        self.state = CONNECTING
        self.reason = ""
        self.received = 0
        self.last_frame_at_s: float | None = None
        self._stop = threading.Event()
        self._mailbox: Mailbox | None = None

    @property
    def dropped(self) -> int:
        """Frames that were replaced by newer ones before anybody looked."""
        return self._mailbox.dropped if self._mailbox else 0

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames for as long as the source is open."""
        self._mailbox = Mailbox()
        thread = threading.Thread(target=self._run, args=(self._mailbox,), name=f"camera {self.url}", daemon=True)
        thread.start()
        try:
            while True:
                yield await self._mailbox.take()
        finally:
            self._stop.set()

    def close(self) -> None:
        """Stop reading; the thread ends within the read time-out."""
        self._stop.set()

    def _run(self, mailbox: Mailbox) -> None:
        while not self._stop.is_set():
            try:
                with self._open() as container:
                    self._read(container, mailbox)
            except (av.FFmpegError, OSError, ValueError) as error:
                self.reason = str(error)
            self.state = LOST if self.received else CONNECTING
            self._stop.wait(_RETRY_S)

    def _open(self) -> Any:
        return av.open(self.url, options=_OPTIONS, timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S))

    def _meaning(self) -> dict[str, str]:
        """What the stream's own metadata do not say of its numbers."""
        return {}

    def _read(self, container: Any, mailbox: Mailbox) -> None:
        begin, told = self.received + 1, self._meaning()
        for frame in frames_of(container, self.vehicle, self.camera, self.band, first_seq=begin, told=told):
            if self._stop.is_set():
                return
            self.received += 1
            self.state, self.last_frame_at_s = LIVE, time.monotonic()
            try:
                mailbox.put_from_thread(frame)
            except RuntimeError:
                return  # the loop is closing
