"""What all sources of frames have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from imagery.frame import Frame

CONNECTING, LIVE, LOST, ENDED = "connecting", "live", "lost", "ended"


class SourceError(ValueError):
    """A camera URL or file that cannot be used: says which and what is allowed."""


class CameraSource(Protocol):
    """What every source of frames shows; ``state`` is "connecting", "live", "lost" or "ended"."""

    state: str
    reason: str
    received: int
    last_frame_at_s: float | None

    @property
    def dropped(self) -> int: ...

    def frames(self) -> AsyncIterator[Frame]: ...

    def close(self) -> None: ...
