"""What an incident folder holds, for the exports: one fold of its journal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.area_features import coverage_facts, multi_polygon, not_seen_features
from api.geojson import hotspot_feature, iso, ring_of
from api.store.incident import IncidentError, read_facts, surroundings_from_json
from api.store.journal import Journal
from imagery.hotspots import properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation
from missions.geometry.pose import Pose

MODES = {"einsatz": "EINSATZ", "uebung": "ÜBUNG", "demo": "DEMO", "wiedergabe": "WIEDERGABE"}
_TRACK_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A kept picture. ``place``: of the lens (lon, lat, m above sea level); ``looking_deg``: its axis off nadir and
    from true north; ``ring``: the ground in it, closed, [lon, lat].
    """

    path: Path
    observation: FrameObservation
    place: tuple[float, float, float]
    looking_deg: tuple[float, float]
    ring: list[list[float]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """An incident as it was known at its end. Tracks: (lon, lat, m above sea level, UTC s) by vehicle."""

    folder: Path
    title: str
    mode: str
    started_s: float
    last_s: float
    frames: int = 0
    hotspots: tuple[dict[str, Any], ...] = ()
    tracks: dict[int, list[tuple[float, float, float, float]]] = field(default_factory=dict)
    areas: tuple[dict[str, Any], ...] = ()
    pictures: tuple[KeyFrame, ...] = ()

    @property
    def mode_word(self) -> str:
        """EINSATZ, ÜBUNG, DEMO or WIEDERGABE."""
        return MODES.get(self.mode, self.mode.upper())


def gather(folder: Path) -> Gathered:
    """Fold the journal of ``folder``. Raises IncidentError where there is none or an entry cannot be read."""
    facts = read_facts(folder)
    path = folder / "journal.sqlite"
    if not path.is_file():
        raise IncidentError(f"{path}: missing")
    journal = Journal(path)
    try:
        return _fold(folder, facts, journal)
    finally:
        journal.close()


def _fold(folder: Path, facts: dict[str, Any], journal: Journal) -> Gathered:
    picture, surroundings = Picture(), None
    started_s, last_s, frames = float(facts["started_s"]), float(facts["started_s"]), 0
    tracks: dict[int, list[tuple[float, float, float, float]]] = {}
    pictures: list[KeyFrame] = []
    for entry in journal.entries("surroundings", "frame"):
        try:
            if entry.kind == "surroundings":
                surroundings, picture = surroundings_from_json(entry.payload, folder), Picture()
                continue
            observation = FrameObservation.from_json(entry.payload)
        except (KeyError, TypeError, ValueError) as error:
            raise IncidentError(
                f"{folder / 'journal.sqlite'}: entry {entry.seq} is not readable ({error!r})"
            ) from error
        if surroundings is None:
            raise IncidentError(f"{folder / 'journal.sqlite'}: entry {entry.seq}: a frame before any ground was known")
        picture, _ = observe(picture, observation, surroundings)
        frames, last_s = frames + 1, max(last_s, observation.time_s)
        _follow(tracks, observation)
        kept = _kept(folder, observation, picture, surroundings)
        if kept is not None:
            pictures.append(kept)
    mode = str(facts["mode"])
    hotspots, areas = [], []
    if surroundings is not None:
        frame = surroundings.frame
        confirmed = sorted(picture.memory.confirmed, key=lambda hotspot: hotspot.number or 0)
        hotspots = [hotspot_feature(properties(hotspot, frame), frame, mode) for hotspot in confirmed]
        areas = _areas(picture, surroundings, mode)
    title = str(facts["title"] or facts["name"])
    return Gathered(
        folder, title, mode, started_s, last_s, frames, tuple(hotspots), tracks, tuple(areas), tuple(pictures)
    )


def _follow(tracks: dict[int, list[tuple[float, float, float, float]]], observation: FrameObservation) -> None:
    pose = observation.pose
    if not isinstance(pose, Pose):
        return
    track = tracks.setdefault(observation.vehicle, [])
    if not track or observation.time_s - track[-1][3] >= _TRACK_STEP_S:
        at = pose.position
        track.append((round(at.lon_deg, 7), round(at.lat_deg, 7), round(at.alt_m, 1), observation.time_s))


def _kept(folder: Path, observation: FrameObservation, picture: Picture, surroundings: Surroundings) -> KeyFrame | None:
    name = Path(observation.picture).name
    footprint = picture.footprints.get(observation.camera)
    if not name or footprint is None or footprint.ring_en is None:
        return None
    path, view = folder / "frames" / name, surroundings.view(observation)
    if view is None or not path.is_file():
        return None
    lat, lon, _ = surroundings.frame.geo_from_enu(view.camera_enu)
    place = (round(float(lon), 7), round(float(lat), 7), round(view.pose.position.alt_m, 1))
    east, north, up = (float(part) for part in view.enu_from_camera[:, 2])
    looking = math.degrees(math.acos(max(-1.0, min(1.0, -up)))), math.degrees(math.atan2(east, north)) % 360.0
    return KeyFrame(path, observation, place, looking, ring_of(surroundings.frame, footprint.ring_en))


def _areas(picture: Picture, surroundings: Surroundings, mode: str) -> list[dict[str, Any]]:
    """What was seen, hidden and left out, as features. Beside every list of findings stands what was looked at."""
    coverage = picture.coverage
    facts = {"kind": "seen", "frames": coverage.frames, "area_m2": round(coverage.area_m2), **coverage_facts(coverage)}
    facts["last_seen"] = iso(coverage.last_s)
    outline = multi_polygon(surroundings.frame, coverage.polygons())
    seen: dict[str, Any] = {"type": "Feature", "id": "seen", "geometry": outline, "properties": facts}
    found = [seen, *not_seen_features(coverage, surroundings.frame)]
    for feature in found:
        feature["properties"]["mode"] = mode
    return found
