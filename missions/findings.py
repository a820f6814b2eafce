"""A finding: one thing a check has to say, with its place and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

STOP, WARNING = "stop", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`severity` "stop" (never accepted) or "warning" (a named person accepts it with a reason).

    `code` is stable for programs and translations; `part` is "mission", "fence" or "rally"; `seq` the item in it.
    """

    severity: str
    code: str
    text: str
    remedy: str
    part: str = "mission"
    seq: int | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None

    def line(self) -> str:
        """One line for a terminal."""
        where = self.part if self.seq is None else f"{self.part} item {self.seq}"
        place = "" if self.lat_deg is None else f" at {self.lat_deg:.6f}, {self.lon_deg:.6f}"
        return f"{self.severity.upper():7} {where}{place}: {self.text}. {self.remedy}."


def stop(code: str, text: str, remedy: str, **where: object) -> Finding:
    """A finding that forbids the flight."""
    return Finding(STOP, code, text, remedy, **where)  # type: ignore[arg-type]


def warning(code: str, text: str, remedy: str, **where: object) -> Finding:
    """A finding that somebody has to accept."""
    return Finding(WARNING, code, text, remedy, **where)  # type: ignore[arg-type]
