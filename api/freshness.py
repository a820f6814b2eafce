"""How old is what we show? Each source by itself, by the server's clock, in words that cannot be misread.

Live up to 3 s; then stale, amber, with its age; lost after 10 s. A source that never spoke is ``never``, one that was
not asked for is ``off``. A heart that beats while only the camera lives must not make the whole look alive: link,
telemetry, video, detection and recording are separate sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LIVE_S, LOST_S = 3.0, 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """One source. ``age_s``: since its last sign of life, None before the first; ``since_s``: UTC of that sign.

    ``trouble``: why it is not to be believed though it is young; ``reason``: what it says while it is not live.
    """

    id: str
    kind: str
    vehicle: int | None
    camera: str | None
    age_s: float | None
    since_s: float | None
    off: bool = False
    trouble: str = ""
    reason: str = ""

    @property
    def state(self) -> str:
        """live, stale, lost, never or off."""
        if self.off:
            return "off"
        if self.age_s is None:
            return "never"
        if self.trouble:
            return "lost" if self.age_s > LOST_S else "stale"
        return "live" if self.age_s <= LIVE_S else "stale" if self.age_s <= LOST_S else "lost"

    @property
    def ready(self) -> bool:
        """Whether /readyz may be green with it."""
        return self.state in ("live", "off")

    def to_json(self) -> dict[str, Any]:
        """As the page expects it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "vehicle": self.vehicle,
            "camera": self.camera,
            "state": self.state,
            "age_s": None if self.age_s is None else round(self.age_s, 2),
            "since_s": self.since_s,
            "text_key": f"source.{self.kind}.{self.trouble or self.state}",
            "text": self.trouble or ("" if self.state == "live" else self.reason),
            "reason": "" if self.state == "live" else self.reason,
        }


def statement_key(*, running: bool, frames: int) -> str:
    """What may be said beside the list: without running detection there is no statement, never an all-clear."""
    if not running:
        return "coverage.no_statement"
    return "coverage.looking" if frames else "coverage.nothing_seen_yet"
