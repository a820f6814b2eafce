"""Where frames come from: a live NUT stream over TCP, a folder, a video file. The doing file of the room.

**NUT over TCP**: rawvideo or intra-only FFV1, 16-bit grey; pts is the exposure in microseconds on the clock that the
container's metadata names (``clock``: "vehicle-boot" or "utc"), with ``vehicle``, ``camera`` and the scale to kelvin.
A stream without that metadata is 8-bit or daylight video on an unknown clock. The reader runs in a thread, because the
demuxer blocks; frames go to a **mailbox of one**: a newer frame replaces an unread one and the drop is counted. A
stream that ends or breaks is opened again for as long as the source is open.

``fflags=nobuffer`` must not be set: it drops the first keyframe.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind

_OPTIONS = {"flags": "low_delay", "probesize": "32768", "analyzeduration": "0"}
_OPEN_TIMEOUT_S, _READ_TIMEOUT_S = 3.0, 3.0
_RETRY_S = 0.5
# A stream that does not say when it exposed: until calibration learns its latency the doubt is this large.
UNSTAMPED_SIGMA_S = 0.15
CONNECTING, LIVE, LOST, ENDED = "connecting", "live", "lost", "ended"
PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})


class SourceError(ValueError):
    """A camera URL or file that cannot be used: says which and what is allowed."""


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
                with av.open(self.url, options=_OPTIONS, timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S)) as container:
                    self._read(container, mailbox)
            except (av.FFmpegError, OSError, ValueError) as error:
                self.reason = str(error)
            self.state = LOST if self.received else CONNECTING
            self._stop.wait(_RETRY_S)

    def _read(self, container: Any, mailbox: Mailbox) -> None:
        for frame in frames_of(container, self.vehicle, self.camera, self.band, first_seq=self.received + 1):
            if self._stop.is_set():
                return
            self.received += 1
            self.state, self.last_frame_at_s = LIVE, time.monotonic()
            try:
                mailbox.put_from_thread(frame)
            except RuntimeError:
                return  # the loop is closing


def frames_of(container: Any, vehicle: int, camera: str, band: str, *, first_seq: int = 1) -> Iterator[Frame]:
    """Frames of an open PyAV container, with the meaning that its metadata gives them."""
    if not container.streams.video:
        raise SourceError("there is no video in this stream")
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"
    tags = {key.lower(): value for key, value in {**stream.metadata, **container.metadata}.items()}
    clock = tags.get("clock", "unknown")
    clock = clock if clock in ("vehicle-boot", "utc") else "unknown"
    seq = first_seq
    for decoded in container.decode(stream):
        if decoded.pts is None:
            continue
        image, kind = _image_of(decoded, band, tags)
        yield Frame(
            vehicle=_whole(tags.get("vehicle"), vehicle),
            camera=tags.get("camera", camera),
            seq=seq,
            stamp_s=float(decoded.pts * decoded.time_base),
            clock=clock,
            image=image,
            kind=kind,
            kelvin_per_count=_number(tags.get("kelvin_per_count"), 1.0),
            kelvin_offset=_number(tags.get("kelvin_offset"), 0.0),
            saturated_count=_whole(tags.get("saturated_count"), 0) or None,
            time_sigma_s=UNSTAMPED_SIGMA_S if clock == "unknown" else 0.0,
            name=f"{camera.replace('/', '-')}-{seq:06d}.jpg",
        )
        seq += 1


def _image_of(decoded: Any, band: str, tags: dict[str, str]) -> tuple[NDArray[Any], FrameKind]:
    if decoded.format.name.startswith("gray16"):
        image = decoded.to_ndarray(format="gray16le")
        return image, FrameKind.COUNTS if "kelvin_per_count" in tags else FrameKind.VISIBLE
    if band == "visible":
        return decoded.to_ndarray(format="bgr24"), FrameKind.VISIBLE
    return decoded.to_ndarray(format="gray"), FrameKind.AGC8


def _number(text: str | None, otherwise: float) -> float:
    try:
        value = float(text) if text is not None else otherwise
    except ValueError:
        return otherwise
    return value if np.isfinite(value) else otherwise


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else otherwise


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, numbers in them counted as numbers.

    Raises:
        SourceError: the folder is missing, or holds no picture.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: not a folder")
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_ENDINGS and path.is_file()]
    if not found:
        raise SourceError(f"{folder}: no picture in it; allowed are {' '.join(sorted(PICTURE_ENDINGS))}")
    return sorted(found, key=lambda path: (_natural(path.stem), path.name))


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
