"""Frames out of an open video container, with the meaning that its metadata gives them.

Lossless thermal video is NUT with rawvideo or intra-only FFV1, 16-bit grey: pts is the exposure in microseconds on the
clock that the container's metadata names (``clock``: "vehicle-boot" or "utc"), beside ``vehicle``, ``camera`` and the
scale to kelvin. Video without that metadata is 8-bit or daylight video on an unknown clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind
from imagery.sources.source import SourceError

# A stream that does not say when it exposed: until calibration learns its latency the doubt is this large.
UNSTAMPED_SIGMA_S = 0.15


def _nothing() -> None:
    pass


def frames_of(
    container: Any,
    vehicle: int,
    camera: str,
    band: str,
    *,
    first_seq: int = 1,
    broken: Callable[[], None] = _nothing,
) -> Iterator[Frame]:
    """Frames of an open PyAV container, with the meaning that its metadata gives them.

    ``broken`` is called for each packet that does not decode; a stream that breaks off ends.
    """
    if not container.streams.video:
        raise SourceError("there is no video in this stream")
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"
    tags = {key.lower(): value for key, value in {**stream.metadata, **container.metadata}.items()}
    clock = tags.get("clock", "unknown")
    clock = clock if clock in ("vehicle-boot", "utc") else "unknown"
    seq = first_seq
    for decoded in _decoded(container, stream, broken):
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


def _decoded(container: Any, stream: Any, broken: Callable[[], None]) -> Iterator[Any]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.EOFError):
            return
        except av.InvalidDataError:  # a container that breaks off in the middle of a packet
            broken()
            return
        try:
            decoded = packet.decode()
        except av.FFmpegError:  # a cut raw frame is an ArgumentError, a cut FFV1 one an InvalidDataError
            broken()
            continue
        yield from decoded


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
