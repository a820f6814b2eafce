"""A sequence of FLIR's own files: read picture by picture from where it lies, however long it is."""

from __future__ import annotations

import asyncio
import mmap
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from imagery.frame import Frame, FrameKind
from imagery.readers import ReadError, fff, seq
from imagery.sources.source import CONNECTING, ENDED, LIVE, SourceError


class SequenceFile:
    """``.seq``, frame by frame, each with the UTC that the camera wrote. ``lost``: pictures that are not readable."""

    def __init__(self, path: Path, vehicle: int, camera: str, *, band: str = "thermal") -> None:
        if not path.is_file():
            raise SourceError(f"{path}: no such sequence")
        self.path, self.vehicle, self.camera, self.band = path, vehicle, camera, band
        self.state, self.reason = CONNECTING, ""
        self.received, self.lost = 0, 0
        self.last_frame_at_s: float | None = None
        self._closed = False

    @property
    def dropped(self) -> int:
        """A file waits for its reader: only what was unreadable is missing."""
        return self.lost

    def read(self) -> Iterator[Frame]:
        """All readable frames. Raises SourceError for a file without one."""
        why = "no picture in it"
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for number, (begin, end) in enumerate(seq.pieces(data), start=1):
                name = f"{self.path.name}#{number}"
                try:
                    if end - begin > seq.MOST_BYTES:
                        raise ReadError(f"{name}: {end - begin} bytes; allowed are {seq.MOST_BYTES}")
                    frame = self._frame(data[begin:end], name)
                except ReadError as error:
                    self.lost += 1
                    why = str(error)
                    continue
                self.received += 1
                self.state, self.last_frame_at_s = LIVE, time.monotonic()
                yield replace(frame, seq=number)
        if not self.received:
            raise SourceError(f"{self.path}: not a sequence that can be read ({why})")
        self.state = ENDED
        self.reason = f"{self.lost} frames are not readable, the last: {why}" if self.lost else ""

    def _frame(self, data: bytes, name: str) -> Frame:
        frame, _ = fff.read(data, name)
        time_s = fff.time_of(data, name)
        clock, stamp_s = ("unknown", 0.0) if time_s is None else ("utc", time_s)
        kind = FrameKind.VISIBLE if self.band == "visible" else frame.kind
        return replace(frame, vehicle=self.vehicle, camera=self.camera, clock=clock, stamp_s=stamp_s, kind=kind)

    async def frames(self) -> AsyncIterator[Frame]:
        """As ``read``, off the loop."""
        frames = self.read()
        while not self._closed and (frame := await asyncio.to_thread(next, frames, None)) is not None:
            yield frame

    def close(self) -> None:
        """Stop after the frame at hand."""
        self._closed = True
