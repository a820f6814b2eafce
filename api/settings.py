"""What a run is made of: mode, links, cameras, places. Read once, frozen, handed down."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from api.text_files import read_text
from ground_station.remote_id import Identity, read_identity
from ground_station.signing import Signing
from missions.geometry.camera import CameraProfile, parse_profile
from missions.geometry.camera_library import LIBRARY, library_profile

MODE_WORDS = {"einsatz": "EINSATZ", "uebung": "ÜBUNG", "demo": "DEMO", "wiedergabe": "WIEDERGABE"}
CLASSES = ("einsatz", "uebung", "demo")
MODES = (*CLASSES, "wiedergabe")
DEFAULT_PORT = 8080
_FIRST_CAMERA = 100
TOLD = "mavlink:"
"""In place of a camera's URL: as it says itself (VIDEO_STREAM_INFORMATION)."""
_TYPE_WORDS: dict[object, str] = {str: "text", int: "whole number", (int, float): "number", list: "list of texts"}


class SettingsError(ValueError):
    """A setting that cannot be used: names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class CameraSetting:
    """A camera: whose it is, where its frames come from, and its profile. ``camera``: its id, "1/100" by default.

    ``url``: empty where its frames come from a recording, TOLD where the camera names its stream itself.
    ``task``: the detector's operating point, "fire", "embers" or "person".
    """

    vehicle: int
    camera: str
    url: str
    profile: CameraProfile
    task: str = "fire"


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
    forwards: tuple[str, ...] = ()
    keep_rejected: bool = False
    signing: Signing | None = None
    identities: Mapping[int, Identity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what can never be: a recording that looks live, a port that is none."""
        if self.mode not in MODES:
            raise SettingsError(f"mode {self.mode!r} is unknown; allowed are {', '.join(MODES)}")
        if self.mode != mode_of(self.mode, self.links):
            raise SettingsError(f"mode {self.mode}: a log: link is a recording, which is always wiedergabe")
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"--port {self.port}: allowed are 0 to 65535")
        if not 0.01 <= self.replay_speed <= 1000.0:
            raise SettingsError(f"--speed {self.replay_speed}: allowed are 0.01 to 1000")
        cameras = [camera.camera for camera in self.cameras]
        if len(set(cameras)) != len(cameras):
            raise SettingsError(f"camera ids {', '.join(cameras)}: each camera needs its own")


def data_folder(given: str | None) -> Path:
    """Where incidents live: ``--data``, or the user's data directory (XDG base directory specification)."""
    if given:
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "einsatzdrohne"


def mode_of(wanted: str, links: tuple[str, ...]) -> str:
    """The mode of a run. A recording can never look live: any ``log:`` link makes it WIEDERGABE."""
    if wanted not in MODES:
        raise SettingsError(f"mission class {wanted!r} is unknown; allowed are {', '.join(CLASSES)}")
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
    """``--camera`` and ``--camera-profile`` of the command line → settings.

    The n-th camera of a vehicle is component 100 + n (MAV_COMP_ID_CAMERA and following), and takes the vehicle's n-th
    profile, or its only one. A vehicle with profiles and without ``--camera`` has cameras that name their streams.
    """
    by_vehicle: dict[int, list[CameraProfile]] = {}
    for text in profiles:
        vehicle, path = split_vehicle(text, "--camera-profile")
        by_vehicle.setdefault(vehicle, []).append(read_profile(Path(path)))
    found: list[CameraSetting] = []
    for text in cameras:
        vehicle, url = split_vehicle(text, "--camera")
        mine = by_vehicle.get(vehicle, [])
        nth = sum(camera.vehicle == vehicle for camera in found)
        if not mine or (len(mine) > 1 and nth >= len(mine)):
            raise SettingsError(f"--camera {text!r}: a --camera-profile for vehicle {vehicle} is needed")
        profile = mine[nth] if len(mine) > 1 else mine[0]
        found.append(CameraSetting(vehicle, f"{vehicle}/{_FIRST_CAMERA + nth}", url, profile))
    named = {camera.vehicle for camera in found}
    for vehicle, mine in by_vehicle.items():
        if vehicle not in named:
            found += [
                CameraSetting(vehicle, f"{vehicle}/{_FIRST_CAMERA + nth}", TOLD, profile)
                for nth, profile in enumerate(mine)
            ]
    return tuple(found)


def identities_of(texts: list[str]) -> dict[int, Identity]:
    """``--remote-id [SYSID=]FILE`` → who flies, by vehicle. Raises SettingsError, IdentityError, TextError, OSError."""
    found: dict[int, Identity] = {}
    for text in texts:
        vehicle, path = split_vehicle(text, "--remote-id")
        if vehicle in found:
            raise SettingsError(f"--remote-id {text!r}: vehicle {vehicle} has one already")
        found[vehicle] = read_identity(read_text(Path(path)), path)
    return found


def read_config(path: Path, allowed: Mapping[str, type | tuple[type, ...]]) -> dict[str, object]:
    """A TOML file of options, by the names of the command line (``camera-profile`` or ``camera_profile``).

    ``allowed``: name → type. Raises SettingsError naming the file, the key and what is allowed; OSError.
    """
    try:
        found = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    config: dict[str, object] = {}
    for key, value in found.items():
        name = key.replace("-", "_")
        if name not in allowed:
            raise SettingsError(f"{path}: {key!r} is unknown; allowed are {', '.join(sorted(allowed))}")
        many = isinstance(value, list) and all(isinstance(one, str) for one in value)
        wanted = allowed[name]
        if not isinstance(value, wanted) or isinstance(value, bool) or (wanted is list and not many):
            raise SettingsError(f"{path}: {key} = {value!r} is no {_TYPE_WORDS[wanted]}")
        config[name] = value
    return config


def read_profile(path: Path) -> CameraProfile:
    """A camera profile file, or one of the library by its name. Raises ProfileError, TextError or OSError naming it."""
    if not path.exists() and (str(path) in LIBRARY or not path.suffix):
        return library_profile(str(path))
    return parse_profile(read_text(path), path.name)
