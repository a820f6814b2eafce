"""Recorded frames: a video file, or a folder of pictures that is watched for new ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from imagery.frame import Frame, utc_of_name
from imagery.readers import ReadError, read
from imagery.sources.container import frames_of
from imagery.sources.source import CONNECTING, ENDED, LIVE, SourceError

PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})


class VideoFile:
    """A recorded video, frame by frame. ``lost``: frames that are announced or begun in the file but not readable."""

    def __init__(self, path: Path, vehicle: int, camera: str, *, band: str = "thermal") -> None:
        if not path.is_file():
            raise SourceError(f"{path}: no such video file")
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
        """All readable frames. Raises SourceError for a file that is no video; a truncated one ends early."""
        try:
            container = av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{self.path}: not a video that can be read ({error})") from error
        with container:
            announced = container.streams.video[0].frames if container.streams.video else 0
            yield from self._counted(container)
        self.lost = max(self.lost, announced - self.received)
        self.state = ENDED
        self.reason = f"{self.lost} frames are not readable" if self.lost else ""

    def _counted(self, container: Any) -> Iterator[Frame]:
        for frame in frames_of(container, self.vehicle, self.camera, self.band, broken=self._one_lost):
            self.received += 1
            self.state, self.last_frame_at_s = LIVE, time.monotonic()
            yield replace(frame, name=f"{self.path.name}#{frame.seq}")

    def _one_lost(self) -> None:
        self.lost += 1

    async def frames(self) -> AsyncIterator[Frame]:
        """As ``read``, off the loop."""
        frames = self.read()
        while not self._closed and (frame := await asyncio.to_thread(next, frames, None)) is not None:
            yield frame

    def close(self) -> None:
        """Stop after the frame at hand."""
        self._closed = True


class FolderSource:
    """A folder of pictures, watched for new ones. ``unreadable``: pictures that were given up, the last in ``reason``.

    The time of a picture is in its name (yyyymmddHHMMSS and hundredths, UTC), else it has none.
    """

    def __init__(
        self, folder: Path, vehicle: int, camera: str, *, band: str = "thermal", poll_s: float = 0.5, watch: bool = True
    ) -> None:
        if not folder.is_dir():
            raise SourceError(f"{folder}: not a folder")
        self.folder, self.vehicle, self.camera, self.band = folder, vehicle, camera, band
        self.poll_s, self.watch = poll_s, watch
        self.state, self.reason = CONNECTING, ""
        self.received, self.unreadable = 0, 0
        self.last_frame_at_s: float | None = None
        self._done: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._closed = asyncio.Event()

    @property
    def dropped(self) -> int:
        """Pictures that could not be read."""
        return self.unreadable

    async def frames(self) -> AsyncIterator[Frame]:
        """Every picture in the order of names; without ``watch`` it ends with the last one."""
        while not self._closed.is_set():
            paths = await asyncio.to_thread(self._new)
            for path in paths:
                frame = await asyncio.to_thread(self._read, path)
                if frame is not None and not self._closed.is_set():
                    yield frame
            if not self.watch and not self._sizes:
                break
            try:
                await asyncio.wait_for(self._closed.wait(), self.poll_s)
            except TimeoutError:
                continue
        self.state = ENDED

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    def _new(self) -> list[Path]:
        try:
            paths = pictures_in(self.folder)
        except (SourceError, OSError):
            return []
        return [path for path in paths if path.name not in self._done]

    def _read(self, path: Path) -> Frame | None:
        """The frame, or None for a picture that is still being written or is broken for good."""
        try:
            data = path.read_bytes()
            frame = read(data, path.name, band=self.band).frame
        except (ReadError, OSError) as error:
            size = path.stat().st_size if path.exists() else -1
            if self._sizes.get(path.name) == size:  # it has not grown since the last look: it is broken
                self._give_up(path.name, str(error))
            else:
                self._sizes[path.name] = size
            return None
        self._done.add(path.name)
        self._sizes.pop(path.name, None)
        self.received += 1
        self.state, self.last_frame_at_s = LIVE, time.monotonic()
        utc = utc_of_name(path.stem)
        clock, stamp = ("unknown", 0.0) if utc is None else ("utc", utc)
        named = replace(frame, vehicle=self.vehicle, camera=self.camera, seq=self.received)
        return replace(named, clock=clock, stamp_s=stamp, time_sigma_s=0.01)

    def _give_up(self, name: str, reason: str) -> None:
        self._done.add(name)
        self._sizes.pop(name, None)
        self.unreadable += 1
        self.reason = reason


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, numbers in them counted as numbers.

    Raises:
        SourceError: the folder is missing, or holds no picture.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: not a folder")
    found = [path for path in folder.iterdir() if _is_picture(path)]
    if not found:
        raise SourceError(f"{folder}: no picture in it; allowed are {' '.join(sorted(PICTURE_ENDINGS))}")
    return sorted(found, key=lambda path: (_natural(path.stem), path.name))


def _is_picture(path: Path) -> bool:
    """By its ending; names that begin with a dot are other programs' (macOS puts "._1.tif" beside every "1.tif")."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".") and path.is_file()


def _natural(name: str) -> list[tuple[int, str]]:
    parts: list[tuple[int, str]] = []
    digits = ""
    for letter in name + " ":
        if letter.isdecimal():
            digits += letter
            continue
        if digits:
            parts.append((int(digits), ""))
            digits = ""
        parts.append((0, letter))
    return parts
