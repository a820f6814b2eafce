"""Thermal counts as a NUT stream: rawvideo 16-bit grey, pts the exposure in microseconds on a named clock.

One muxer a client, writing into memory; the caller owns the socket. A client that is slow loses whole frames, never
time: its backlog is bounded by the caller.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av

from missions.geometry.camera import CameraProfile
from simulators.thermal import KELVIN_PER_COUNT, SATURATED_COUNT, Counts


class _Sink(io.RawIOBase):
    """What the muxer writes, until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class NutMuxer:
    """``frame`` → the bytes to send next. ``codec``: "rawvideo" or "ffv1" (intra only)."""

    def __init__(
        self, profile: CameraProfile, *, vehicle: int, camera: str, clock: str, codec: str = "rawvideo"
    ) -> None:
        self._sink = _Sink()
        self._container: Any = av.open(self._sink, mode="w", format="nut", options={"fflags": "flush_packets"})
        self._container.metadata.update(
            {
                "clock": clock,
                "vehicle": str(vehicle),
                "camera": camera,
                "kelvin_per_count": f"{KELVIN_PER_COUNT}",
                "kelvin_offset": "0",
                "saturated_count": str(SATURATED_COUNT),
            }
        )
        stream: Any = self._container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = profile.width, profile.height, "gray16le"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1_000_000)
        if codec == "ffv1":
            stream.codec_context.gop_size = 1
        self._stream = stream

    def frame(self, counts: Counts, stamp_s: float) -> bytes:
        """Bytes of one frame, header first if it is the first."""
        picture = av.VideoFrame.from_ndarray(counts, format="gray16le")
        picture.pts = round(stamp_s * 1e6)
        picture.time_base = Fraction(1, 1_000_000)
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
        return self._sink.take()
