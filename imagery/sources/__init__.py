"""Where frames come from: live streams, video files, watched folders. The doing files of the room.

A live stream never waits: frames go to a **mailbox of one**, where a newer frame replaces an unread one and the drop is
counted. A file and a folder have the same face but lose nothing: each frame is handed out in order, and what is broken
is counted.
"""

from __future__ import annotations

from pathlib import Path

from imagery.sources.container import frames_of
from imagery.sources.files import FolderSource, VideoFile, pictures_in
from imagery.sources.source import CONNECTING, ENDED, LIVE, LOST, CameraSource, SourceError
from imagery.sources.stream import Mailbox, StreamSource

__all__ = [
    "CONNECTING",
    "ENDED",
    "LIVE",
    "LOST",
    "CameraSource",
    "FolderSource",
    "Mailbox",
    "SourceError",
    "StreamSource",
    "VideoFile",
    "frames_of",
    "open_camera",
    "pictures_in",
]


def open_camera(url: str, vehicle: int, camera: str, *, band: str = "thermal") -> CameraSource:
    """The source of a camera URL. Raises SourceError for another kind of URL, or a missing file or folder."""
    scheme, _, rest = url.partition(":")
    if scheme in ("tcp", "udp", "rtsp") and rest.startswith("//"):
        return StreamSource(url, vehicle, camera, band=band)
    if scheme == "file" and rest:
        return VideoFile(Path(rest), vehicle, camera, band=band)
    if scheme == "dir" and rest:
        return FolderSource(Path(rest), vehicle, camera, band=band)
    raise SourceError(f"camera {url!r}: allowed are rtsp://… udp://… tcp://… file:VIDEO dir:FOLDER")
