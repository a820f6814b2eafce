"""The folder of an incident: what a replay needs is all in it.

``incident.toml`` (name, mode, origin, cameras), ``terrain.tif`` (a copy), ``telemetry/*.tlog``, ``frames/`` (key
pictures), ``video/`` (frames as received), ``journal.sqlite``, ``log.jsonl``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from api.store.journal import Journal
from api.store.log import IncidentLog
from ground_station.recording import TlogWriter
from imagery.incident import Surroundings
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import FlatGround, Ground
from missions.geometry.terrain_files import read_terrain

FORMAT = 1


class IncidentError(ValueError):
    """A folder that is no incident, or a damaged one: names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An open incident folder."""

    folder: Path
    journal: Journal
    telemetry: TlogWriter
    log: IncidentLog
    by_link: dict[str, TlogWriter] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, terrain: Path | None) -> Incident:
        """Make the folder and open everything in it. Raises OSError, also where there is an incident already."""
        folder.mkdir(parents=True, exist_ok=True)
        try:
            (folder / "incident.toml").touch(exist_ok=False)  # of two that begin in the same second one gets it
        except FileExistsError:
            raise OSError(errno.EEXIST, "another run is recording there", str(folder)) from None
        for name in ("telemetry", "frames", "video"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if terrain is not None and terrain.resolve() != (folder / "terrain.tif").resolve():
            shutil.copyfile(terrain, folder / "terrain.tif")
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        telemetry = TlogWriter(folder / "telemetry" / f"{stamp}.tlog")
        return cls(folder, Journal(folder / "journal.sqlite"), telemetry, IncidentLog(folder / "log.jsonl"))

    def record_links(self, names: Sequence[str]) -> dict[str, TlogWriter]:
        """With several links a file for each, in ``telemetry/links``; the common one holds what was folded."""
        if len(names) < 2:
            return {}
        folder = self.folder / "telemetry" / "links"
        folder.mkdir(exist_ok=True)
        for number, name in enumerate(names, start=1):
            plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_")
            self.by_link[name] = TlogWriter(folder / f"{number:02}-{plain}.tlog")
        return self.by_link

    def keep_rejected(self, link: str, data: bytes) -> None:
        """Bytes that were no frame, as they came; a full disk loses them."""
        with contextlib.suppress(OSError), (self.folder / "telemetry" / "rejected.bin").open("ab") as kept:
            kept.write(data)

    def close(self) -> None:
        """Everything to the disk."""
        for writer in self.by_link.values():
            writer.close()
        self.journal.close()
        self.telemetry.close()
        self.log.close()


def write_basemap(folder: Path, basemap: dict[str, object]) -> None:
    """The ground under the picture, where the run had one: whoever sees the incident again sees it on the same map."""
    if basemap:
        text = json.dumps(basemap, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        (folder / "basemap.geojson").write_text(text + "\n", "utf-8")


def read_basemap(folder: Path) -> dict[str, object]:
    """The inverse; empty where there is none. Raises IncidentError for a damaged one."""
    path = folder / "basemap.geojson"
    if not path.is_file():
        return {}
    try:
        basemap = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise IncidentError(f"{path}: is damaged: {error}") from error
    if not isinstance(basemap, dict):
        raise IncidentError(f"{path}: is no GeoJSON object")
    return basemap


def write_facts(folder: Path, *, name: str, title: str, mode: str, started_s: float) -> None:
    """incident.toml, at the start of a run."""
    lines = [
        f"format = {FORMAT}",
        f"name = {json.dumps(name, ensure_ascii=False)}",
        f"title = {json.dumps(title, ensure_ascii=False)}",
        f'mode = "{mode}"',
        f"started_s = {started_s:.3f}",
        f"software = {json.dumps(version('einsatzdrohne'))}",
    ]
    (folder / "incident.toml").write_text("\n".join(lines) + "\n", "utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """incident.toml. Raises IncidentError naming what is missing."""
    path = folder / "incident.toml"
    try:
        facts = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise IncidentError(f"{folder}: no incident.toml in it, so this is not an incident folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise IncidentError(f"{path}: {error}") from error
    if facts.get("format") != FORMAT:
        raise IncidentError(f"{path}: format {facts.get('format')!r}; this version reads {FORMAT}")
    return facts


def surroundings_to_json(surroundings: Surroundings) -> dict[str, Any]:
    """What the fold ran with, for the journal: origin, ground (a file in the folder, or a plane), profiles."""
    origin, ground = surroundings.frame.origin, surroundings.ground
    flat = asdict(ground) | {"datum": ground.datum.value} if isinstance(ground, FlatGround) else None
    return {
        "origin": [origin.lat_deg, origin.lon_deg, origin.alt_m, origin.datum.value],
        "flat": flat,
        "profiles": {camera: asdict(profile) for camera, profile in surroundings.profiles.items()},
    }


def surroundings_from_json(data: dict[str, Any], folder: Path) -> Surroundings:
    """The inverse; reads the folder's terrain.tif where the ground was a file."""
    lat, lon, alt, datum = data["origin"]
    flat = data["flat"]
    ground: Ground
    if flat is None:
        ground = read_terrain(folder / "terrain.tif")
    else:
        ground = FlatGround(flat["alt_m"], Datum(flat["datum"]), flat["sigma_m"])
    profiles = {camera: CameraProfile(**profile) for camera, profile in data["profiles"].items()}
    return Surroundings(ground, LocalFrame(GeoPoint(lat, lon, alt, Datum(datum))), profiles)


def recorded(place: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The incidents in a folder, the newest first; what is none, or damaged, is left out."""
    found = []
    for folder in sorted((path.parent for path in place.glob("*/incident.toml")), reverse=True):
        try:
            found.append((folder, read_facts(folder) | {"folder": folder.name}))
        except (IncidentError, OSError):
            continue
    return found
