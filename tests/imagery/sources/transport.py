"""A small writer of MPEG-TS with MISB ST 0601 sets beside its pictures, made byte by byte from the standard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

KEY = bytes([6, 0x0E, 0x2B, 0x34, 2, 0x0B, 1, 1, 0x0E, 1, 3, 1, 1, 0, 0, 0])


def local_set(
    utc_s: float, *, lat: float = 51.45, lon: float = 6.75, alt_m: float = 110.0, heading: float = 0.0,
    elevation: float = -90.0, azimuth: float = 0.0, ground_m: float = 30.0, spoilt: bool = False,
) -> bytes:  # fmt: skip
    """A level platform with a sensor on it."""

    def tag(number: int, value: int, size: int, *, signed: bool = False) -> bytes:
        return bytes([number, size]) + value.to_bytes(size, "big", signed=signed)

    body = tag(2, round(utc_s * 1e6), 8)
    body += tag(5, round(heading / 360 * 65_535), 2) + tag(6, 0, 2) + tag(7, 0, 2)
    body += tag(13, round(lat / 90 * (2**31 - 1)), 4, signed=True)
    body += tag(14, round(lon / 180 * (2**31 - 1)), 4, signed=True)
    body += tag(15, round((alt_m + 900) / 19_900 * 65_535), 2)
    body += tag(18, round(azimuth / 360 * (2**32 - 1)), 4)
    body += tag(19, round(elevation / 180 * (2**31 - 1)), 4, signed=True) + tag(20, 0, 4)
    body += tag(25, round((ground_m + 900) / 19_900 * 65_535), 2)
    whole = KEY + bytes([0x81, len(body) + 4]) + body + bytes([1, 2])
    total = 0
    for at, byte in enumerate(whole):
        total += byte << (8 if at % 2 == 0 else 0)
    return whole + ((total + spoilt) & 0xFFFF).to_bytes(2, "big")


def transport_stream(pictures: Sequence[NDArray[np.uint8]], sets: Sequence[bytes], *, rate: int = 2) -> bytes:
    """MPEG-2 video at ``rate`` pictures a second, one set beside each."""
    out = io.BytesIO()
    container: Any = av.open(out, mode="w", format="mpegts")
    video = container.add_stream("mpeg2video", rate=25, options={"qmin": "1", "qmax": "2"})
    video.height, video.width = pictures[0].shape
    video.pix_fmt, video.bit_rate = "yuv420p", 20_000_000
    metadata = container.add_data_stream("klv")
    for n, (image, told) in enumerate(zip(pictures, sets, strict=True)):
        frame = av.VideoFrame.from_ndarray(np.dstack([image] * 3), format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = n * 25 // rate, Fraction(1, 25)
        for packet in video.encode(frame):
            container.mux(packet)
        beside = av.Packet(told)
        beside.stream, beside.time_base = metadata, Fraction(1, 25)
        beside.pts = beside.dts = n * 25 // rate
        container.mux(beside)
    for packet in video.encode(None):
        container.mux(packet)
    container.close()
    return out.getvalue()
