"""Frames out of an open video container, with the meaning that its metadata gives them.

Lossless thermal video is NUT with rawvideo or intra-only FFV1, 16-bit grey: pts is the exposure in microseconds on the
clock that the container's metadata names (``clock``: "vehicle-boot" or "utc"), beside ``vehicle``, ``camera`` and the
scale to kelvin. Video without that metadata is 8-bit or daylight video on an unknown clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind
from imagery.readers.decode import stretched
from imagery.readers.errors import ReadError
from imagery.readers.klv import cues
from imagery.readers.srt import Cue
from imagery.sources.source import SourceError

# A stream that does not say when it exposed: until calibration learns its latency the doubt is this large.
UNSTAMPED_SIGMA_S = 0.15
# Metadata are written about when a picture is taken, not with its exposure.
_KLV_SIGMA_S = 0.05


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
    told: Mapping[str, str] | None = None,
) -> Iterator[Frame]:
    """Frames of an open PyAV container, with the meaning that its metadata gives them.

    ``broken`` is called for each packet that does not decode; a stream that breaks off ends. ``told``: metadata that
    the operator knows and the stream does not say. Where the stream carries MISB metadata, its times are UTC by them.
    """
    if not container.streams.video:
        raise SourceError("there is no video in this stream")
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"
    tags = {key.lower(): value for key, value in {**(told or {}), **stream.metadata, **container.metadata}.items()}
    clock = tags.get("clock", "unknown")
    clock = clock if clock in ("vehicle-boot", "utc") else "unknown"
    seq = first_seq
    metadata = StreamClock()
    for decoded in _decoded(container, stream, broken, metadata):
        if decoded.pts is None:
            continue
        image, kind = _image_of(decoded, band, tags)
        stamp_s, known = float(decoded.pts * decoded.time_base), clock
        if metadata.offset_s is not None and clock == "unknown":
            stamp_s, known = stamp_s + metadata.offset_s, "utc"
        yield Frame(
            vehicle=_whole(tags.get("vehicle"), vehicle),
            camera=tags.get("camera", camera),
            seq=seq,
            stamp_s=stamp_s,
            clock=known,
            image=image,
            kind=kind,
            kelvin_per_count=_number(tags.get("kelvin_per_count"), 1.0),
            kelvin_offset=_number(tags.get("kelvin_offset"), 0.0),
            saturated_count=_whole(tags.get("saturated_count"), 0) or None,
            time_sigma_s=0.0 if clock != "unknown" else UNSTAMPED_SIGMA_S if known == "unknown" else _KLV_SIGMA_S,
            name=f"{camera.replace('/', '-')}-{seq:06d}.jpg",
        )
        seq += 1


class StreamClock:
    """UTC of a stream's presentation times, by the MISB ST 0601 sets that travel in it."""

    def __init__(self) -> None:
        self.offset_s: float | None = None
        self.broken = 0

    def take(self, packet: Any) -> list[Cue]:
        """A packet of metadata: what it says; what is damaged says nothing."""
        if packet.pts is None:
            return []
        try:
            found = cues(bytes(packet), "stream")
        except ReadError:
            self.broken += 1
            return []
        if found:
            self.offset_s = found[-1].at_s - float(packet.pts * packet.time_base)
        return found


def metadata_streams(container: Any) -> list[Any]:
    """The streams of KLV in an open container."""
    return [stream for stream in container.streams.data if getattr(stream, "name", "") == "klv"]


def _decoded(container: Any, stream: Any, broken: Callable[[], None], metadata: StreamClock) -> Iterator[Any]:
    packets = container.demux(stream, *metadata_streams(container))
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.EOFError):
            return
        except av.InvalidDataError:  # a container that breaks off in the middle of a packet
            broken()
            return
        if packet.stream.type == "data":
            metadata.take(packet)
            continue
        try:
            decoded = packet.decode()
        except av.FFmpegError:  # a cut raw frame is an ArgumentError, a cut FFV1 one an InvalidDataError
            broken()
            continue
        yield from decoded


def _image_of(decoded: Any, band: str, tags: dict[str, str]) -> tuple[NDArray[Any], FrameKind]:
    if decoded.format.name.startswith("gray16"):
        image = decoded.to_ndarray(format="gray16le")
        if "kelvin_per_count" in tags:
            return image, FrameKind.COUNTS
        return (image, FrameKind.VISIBLE) if band == "visible" else (stretched(image), FrameKind.AGC8)
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
