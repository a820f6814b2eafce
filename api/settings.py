"""What a run is made of: mode, links, cameras, places. Read once, frozen, handed down."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from missions.geometry.camera import CameraProfile, parse_profile

MODES = ("einsatz", "uebung", "demo", "wiedergabe")
DEFAULT_PORT = 8080


class SettingsError(ValueError):
    """A setting that cannot be used: names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class CameraSetting:
    """A camera: whose it is, where its frames come from, and its profile. ``camera``: its id, "1/100" by default."""

    vehicle: int
    camera: str
    url: str
    profile: CameraProfile


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the ground side."""

    name: str
    mode: str
    links: tuple[str, ...]
    cameras: tuple[CameraSetting, ...]
    folder: Path
    terrain: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    title: str = ""
    beats: bool = True
    replay_speed: float = 1.0
    basemap: dict[str, object] = field(default_factory=dict)


def data_folder(given: str | None) -> Path:
    """Where incidents live: ``--data``, or the user's data directory (XDG base directory specification)."""
    if given:
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "einsatzdrohne"


def mode_of(wanted: str, links: tuple[str, ...]) -> str:
    """The mode of a run. A recording can never look live: any ``log:`` link makes it WIEDERGABE."""
    if wanted not in MODES:
        raise SettingsError(f"mission class {wanted!r} is unknown; allowed are einsatz, uebung, demo")
    return "wiedergabe" if any(link.startswith("log:") for link in links) else wanted


def incident_folder(data: Path, name: str, stamp: str) -> Path:
    """The folder of an incident: the day and the name, made safe for every file system."""
    safe = re.sub(r"[^A-Za-z0-9äöüÄÖÜß_-]+", "-", name).strip("-.")[:60]
    if not safe:
        raise SettingsError(f"incident name {name!r}: at least one letter or digit is needed")
    return data / "incidents" / f"{stamp}-{safe}"


def split_vehicle(text: str, what: str) -> tuple[int, str]:
    """``SYSID=VALUE`` or ``VALUE`` (system 1) → both. Raises SettingsError for a system id outside 1..255."""
    head, equals, rest = text.partition("=")
    if not equals or not head.isdecimal():
        return 1, text
    if not 1 <= int(head) <= 255 or not rest:
        raise SettingsError(f"{what} {text!r}: allowed is [SYSID=]VALUE with a system id of 1 to 255")
    return int(head), rest


def camera_settings(cameras: list[str], profiles: list[str]) -> tuple[CameraSetting, ...]:
    """``--camera`` and ``--camera-profile`` of the command line → settings."""
    by_vehicle = {}
    for text in profiles:
        vehicle, path = split_vehicle(text, "--camera-profile")
        by_vehicle[vehicle] = read_profile(Path(path))
    found = []
    for text in cameras:
        vehicle, url = split_vehicle(text, "--camera")
        if vehicle not in by_vehicle:
            raise SettingsError(f"--camera {text!r}: a --camera-profile for vehicle {vehicle} is needed")
        found.append(CameraSetting(vehicle, f"{vehicle}/100", url, by_vehicle[vehicle]))
    return tuple(found)


def read_profile(path: Path) -> CameraProfile:
    """A camera profile file. Raises ProfileError or OSError naming the file."""
    return parse_profile(path.read_text("utf-8", "strict"), path.name)
