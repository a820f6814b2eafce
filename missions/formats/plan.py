"""What a mission file holds, whatever program wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from missions.geometry.geo import GeoPoint
from missions.items import MissionItem, home_of


class FormatError(ValueError):
    """A file that cannot be read or written: names the file, the line or entry, and what is allowed."""


@dataclass(frozen=True, slots=True)
class KeptBlock:
    """Something of the file that stands for `count` items from `first` on, kept as it was (`raw`)."""

    first: int
    count: int
    name: str
    raw: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """Mission items (item 0 home; empty when the file has no mission), fence and rally items.

    `blocks` and `unknown` keep what this program has no word for; `notes` name it for people.
    """

    name: str
    items: tuple[MissionItem, ...] = ()
    fence: tuple[MissionItem, ...] = ()
    rally: tuple[MissionItem, ...] = ()
    blocks: tuple[KeptBlock, ...] = ()
    unknown: Any = None
    notes: tuple[str, ...] = ()

    @property
    def home(self) -> GeoPoint | None:
        """Home (SEA_LEVEL) or None where the file does not know it."""
        return home_of(self.items)
