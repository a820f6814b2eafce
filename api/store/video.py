"""The video as it was received, lossless: FFV1 (16-bit grey) or JPEG-free raw pictures in NUT, in segments of a minute.

Runs in the camera's worker thread, after detection. A disk that does not take it costs frames of the recording, which
are counted, never frames of the detection.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from imagery.frame import Frame

SEGMENT_S = 60.0
# FFmpeg tells of a write that failed with the next frame: one good frame after a bad one says nothing of the disk.
_SURE = 3
_MICROSECONDS = Fraction(1, 1_000_000)


class VideoRecorder:
    """Segments of one camera: ``folder/1-100-000.nut`` and so on, pts = the stamp in microseconds on its own clock."""

    def __init__(self, folder: Path, camera: str) -> None:
        self._folder, self._camera = folder, camera
        self._container: Any = None
        self._stream: Any = None
        self._begin_s = self._stamp_s = 0.0
        self._segment = 0
        self._last_us = -1
        self.written = 0
        self.not_recorded = 0
        self.ok = True
        self._good = _SURE

    def write(self, frame: Frame) -> None:
        """Append one frame; never raises for the disk's sake."""
        try:
            # A clock that goes back (a camera that began anew) begins a segment: pts must rise within one.
            if self._container is None or not self._stamp_s <= frame.stamp_s < self._begin_s + SEGMENT_S:
                self._open(frame)
            self._encode(frame)
            self._stamp_s = frame.stamp_s
            self.written += 1
            self._good += 1
            self.ok = self._good >= _SURE
        except (av.FFmpegError, OSError, ValueError):
            self.not_recorded += 1
            self.ok, self._good = False, 0
            self._abandon()

    def _open(self, frame: Frame) -> None:
        self.close()
        name = f"{self._camera.replace('/', '-')}-{self._segment:03d}.nut"
        while (self._folder / name).exists():
            self._segment += 1
            name = f"{self._camera.replace('/', '-')}-{self._segment:03d}.nut"
        self._container = av.open(str(self._folder / name), mode="w", format="nut")
        self._container.metadata.update(_tags(frame))
        self._stream = self._container.add_stream("ffv1", rate=10)
        self._stream.width, self._stream.height = frame.width, frame.height
        self._stream.pix_fmt = _pixels(frame)
        self._stream.time_base = self._stream.codec_context.time_base = _MICROSECONDS
        self._stream.codec_context.gop_size = 1
        self._begin_s, self._last_us = frame.stamp_s, round(frame.stamp_s * 1e6) - 1

    def _encode(self, frame: Frame) -> None:
        # Pictures without a clock all have the same stamp; they are kept, a microsecond apart.
        at_us = self._last_us = max(round(frame.stamp_s * 1e6), self._last_us + 1)
        kind = "gray16le" if frame.image.dtype.itemsize == 2 else "gray" if frame.image.ndim == 2 else "bgr24"
        picture = av.VideoFrame.from_ndarray(frame.image, format=kind)
        picture.pts, picture.time_base = at_us, _MICROSECONDS
        for packet in self._stream.encode(picture):
            self._container.mux(packet)

    def _abandon(self) -> None:
        container, self._container = self._container, None
        try:
            if container is not None:
                container.close()
        except (av.FFmpegError, OSError, ValueError):
            self.ok = False

    def close(self) -> None:
        """End the current segment."""
        try:
            if self._stream is not None and self._container is not None:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
        except (av.FFmpegError, OSError, ValueError):
            self.ok = False
        self._abandon()
        self._segment += 1


def _pixels(frame: Frame) -> str:
    if frame.image.dtype.itemsize == 2:
        return "gray16le"
    return "gray" if frame.image.ndim == 2 else "bgr0"


def _tags(frame: Frame) -> dict[str, str]:
    tags = {"clock": frame.clock, "vehicle": str(frame.vehicle), "camera": frame.camera}
    if frame.radiometric:
        tags["kelvin_per_count"] = f"{frame.kelvin_per_count}"
        tags["kelvin_offset"] = f"{frame.kelvin_offset}"
        tags["saturated_count"] = str(frame.saturated_count or 0)
    return tags
