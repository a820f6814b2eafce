"""Where frames come from: live streams, video files, watched folders. The doing files of the room.

A live stream never waits: frames go to a **mailbox of one**, where a newer frame replaces an unread one and the drop is
counted. A file and a folder have the same face but lose nothing: each frame is handed out in order, and what is broken
is counted.
"""

from __future__ import annotations

from pathlib import Path

from imagery.readers import seq
from imagery.sources.container import frames_of
from imagery.sources.device import DeviceSource
from imagery.sources.files import FolderSource, VideoFile, pictures_in
from imagery.sources.sequence import SequenceFile
from imagery.sources.source import CONNECTING, ENDED, LIVE, LOST, CameraSource, SourceError
from imagery.sources.stream import Mailbox, StreamSource

__all__ = [
    "CONNECTING",
    "ENDED",
    "LIVE",
    "LOST",
    "CameraSource",
    "DeviceSource",
    "FolderSource",
    "Mailbox",
    "SequenceFile",
    "SourceError",
    "StreamSource",
    "VideoFile",
    "frames_of",
    "open_camera",
    "pictures_in",
    "recorded",
]


def recorded(path: Path, vehicle: int, camera: str, *, band: str = "thermal") -> VideoFile | SequenceFile:
    """The source of a recording, told by its first bytes. Raises SourceError for a missing one."""
    if path.is_file():
        with path.open("rb") as file:
            if seq.is_sequence(file.read(64)):
                return SequenceFile(path, vehicle, camera, band=band)
    return VideoFile(path, vehicle, camera, band=band)


def open_camera(url: str, vehicle: int, camera: str, *, band: str = "thermal") -> CameraSource:
    """The source of a camera URL. Raises SourceError for another kind of URL, or a missing file or folder."""
    scheme, _, rest = url.partition(":")
    if scheme in ("tcp", "udp", "rtsp") and rest.startswith("//"):
        return StreamSource(url, vehicle, camera, band=band)
    if scheme == "file" and rest:
        return recorded(Path(rest), vehicle, camera, band=band)
    if scheme == "v4l2" and rest:
        return DeviceSource(rest, vehicle, camera, band=band)
    if scheme == "dir" and rest:
        return FolderSource(Path(rest), vehicle, camera, band=band)
    raise SourceError(f"camera {url!r}: allowed are rtsp://… udp://… tcp://… file:VIDEO dir:FOLDER v4l2:DEVICE")
