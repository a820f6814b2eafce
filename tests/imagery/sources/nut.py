"""A small writer of lossless thermal video, as a camera would send it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

TAGS = {
    "clock": "vehicle-boot",
    "vehicle": "7",
    "camera": "1/100",
    "kelvin_per_count": "0.02",
    "kelvin_offset": "0",
    "saturated_count": "60000",
}


class _Pipe(io.RawIOBase):
    """Takes bytes in order and cannot seek, as a socket."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def counts(seq: int, shape: tuple[int, int] = (48, 64)) -> NDArray[np.uint16]:
    """A frame that tells its number by its pixels."""
    return (np.random.default_rng(seq).integers(0, 30, shape) + 14_000 + seq).astype(np.uint16)


def nut(
    stamps_s: Iterable[float],
    *,
    codec: str = "rawvideo",
    tags: dict[str, str] | None = None,
    first_seq: int = 0,
    pictures: Sequence[NDArray[np.uint16]] | None = None,
) -> bytes:
    """A NUT container of ``counts``, or of these pictures, exposed at these seconds."""
    shape = (48, 64) if pictures is None else pictures[0].shape
    pipe = _Pipe()
    container: Any = av.open(pipe, mode="w", format="nut")
    container.metadata.update(TAGS if tags is None else tags)
    stream: Any = container.add_stream(codec, rate=10)
    stream.width, stream.height, stream.pix_fmt = shape[1], shape[0], "gray16le"
    stream.time_base = stream.codec_context.time_base = Fraction(1, 1_000_000)
    if codec == "ffv1":
        stream.codec_context.gop_size = 1
    for seq, stamp_s in enumerate(stamps_s, first_seq):
        image = counts(seq) if pictures is None else pictures[seq - first_seq]
        frame = av.VideoFrame.from_ndarray(image, format="gray16le")
        frame.pts, frame.time_base = round(stamp_s * 1e6), Fraction(1, 1_000_000)
        for packet in stream.encode(frame):
            container.mux(packet)
    for packet in stream.encode(None):
        container.mux(packet)
    container.close()
    return bytes(pipe.data)
