"""Where a recorded video was, by the subtitles beside it or the metadata in it."""

from __future__ import annotations

from pathlib import Path

import av

from imagery.readers import ReadError, srt
from imagery.readers.srt import Cue
from imagery.sources.container import StreamClock, metadata_streams
from imagery.sources.source import SourceError

_MOST_CUES = 1_000_000


def subtitles_of(video: Path) -> Path | None:
    """The file of the same name that ends in .SRT, whatever the case."""
    beside = (path for path in video.parent.iterdir() if path.stem == video.stem and path.suffix.lower() == ".srt")
    return next(beside, None)


def read_subtitles(path: Path) -> tuple[Cue, ...]:
    """Raises SourceError, ReadError."""
    if path.stat().st_size > srt.MOST_BYTES:
        raise ReadError(f"{path}: {path.stat().st_size} bytes; allowed are {srt.MOST_BYTES}")
    return srt.parse(path.read_bytes().decode("utf-8", "replace"), path.name)


def stream_cues(video: Path) -> tuple[Cue, ...]:
    """The MISB sets in a video, by their UTC; none where there are none. Raises SourceError for what is no video."""
    found: list[Cue] = []
    clock = StreamClock()
    try:
        with av.open(str(video)) as container:
            streams = metadata_streams(container)
            for packet in container.demux(*streams) if streams else ():
                found += clock.take(packet)
                if len(found) > _MOST_CUES:
                    raise SourceError(f"{video}: more than {_MOST_CUES} sets of metadata")
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{video}: not a video that can be read ({error})") from error
    return tuple(sorted(found, key=lambda cue: cue.at_s))
