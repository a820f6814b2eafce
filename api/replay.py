"""An incident folder again: fold the journal anew and hold the result against what was shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.store.incident import IncidentError, read_facts, surroundings_from_json
from api.store.journal import Journal
from imagery.hotspots import hotspot_id, properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found. ``differences``: in words, empty when every byte is the same."""

    frames: int
    hotspots: int
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the replay gave the same hotspots, byte for byte."""
        return not self.differences


def canonical(hotspot: dict[str, Any]) -> str:
    """The bytes that are compared: the hotspot as it was journalled."""
    return json.dumps(hotspot, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def verify(folder: Path) -> Verified:
    """Fold the journal of ``folder`` anew. Raises IncidentError where there is none or it cannot be read."""
    read_facts(folder)
    path = folder / "journal.sqlite"
    if not path.is_file():
        raise IncidentError(f"{path}: missing")
    journal = Journal(path)
    try:
        return _verify(folder, journal)
    finally:
        journal.close()


def _verify(folder: Path, journal: Journal) -> Verified:
    """Each hotspot was journalled right after the frame that changed it: there the replay must have the same bytes."""
    picture = Picture()
    surroundings: Surroundings | None = None
    frames, shown, differences = 0, set(), []
    for entry in journal.entries("surroundings", "frame", "hotspot"):
        try:
            if entry.kind == "surroundings":
                surroundings, picture = surroundings_from_json(entry.payload, folder), Picture()
            elif surroundings is None:
                differences.append(f"entry {entry.seq}: a {entry.kind} before any ground was known")
            elif entry.kind == "frame":
                frames += 1
                picture, _ = observe(picture, FrameObservation.from_json(entry.payload), surroundings)
            else:
                shown.add(entry.payload["id"])
                why = _difference(picture, surroundings, entry.payload)
                if why:
                    differences.append(f"entry {entry.seq}, {entry.payload['id']}: {why}")
        except (KeyError, TypeError, ValueError) as error:
            differences.append(f"entry {entry.seq}: not readable as a {entry.kind} ({error!r})")
    return Verified(frames, len(shown), tuple(differences))


def _difference(picture: Picture, surroundings: Surroundings, shown: dict[str, Any]) -> str:
    for hotspot in picture.memory.hotspots:
        if hotspot_id(hotspot.key) == shown["id"]:
            again = canonical(properties(hotspot, surroundings.frame))
            return "" if again == canonical(shown) else "not the same bytes"
    return "not in the replay"
