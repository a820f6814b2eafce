"""``serve``: the main job, on real equipment."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.settings import Settings
    from api.situation import Situation


# What a --config file may say, with its type; the command line goes before it.
_CONFIG: dict[str, Any] = {
    "incident": str, "class": str, "link": list, "camera": list, "camera_profile": list, "remote_id": list,
    "terrain": str, "data": str, "host": str, "port": int, "speed": (int, float),
    "forward": list, "keep_rejected": bool,
}  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "class": "einsatz", "link": [], "camera": [], "camera_profile": [], "host": "127.0.0.1", "port": 8080, "speed": 1.0,
}  # fmt: skip


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("serve", help="receive drone and camera, show the live map")
    parser.add_argument("--incident", metavar="NAME", help="needed, here or in --config")
    parser.add_argument("--class", choices=("einsatz", "uebung", "demo"), help="default: einsatz")
    parser.add_argument("--link", action="append", metavar="URL", help="udpin:HOST:PORT tcp:… serial:… log:FILE …")
    parser.add_argument("--forward", action="append", metavar="URL", help="another ground station: udpout:HOST:PORT …")
    parser.add_argument("--keep-rejected", action="store_true", default=None, help="keep what was no valid frame")
    parser.add_argument(
        "--camera",
        action="append",
        metavar="[SYSID=]URL",
        help="tcp:// rtsp:// udp:// file: dir:; without it the stream that the camera names, for each --camera-profile",
    )
    parser.add_argument("--camera-profile", action="append", metavar="[SYSID=]FILE")
    parser.add_argument("--remote-id", action="append", metavar="[SYSID=]FILE", help="who flies, told to the Remote ID "
                        "transmitter once a second (TOML: uas_id operator_id description …)")  # fmt: skip
    parser.add_argument("--terrain", metavar="FILE", help="GeoTIFF of the ground, metres above sea level")
    parser.add_argument("--data", metavar="DIR", help="default: the user's data directory")
    parser.add_argument("--host", help="default: 127.0.0.1, this machine alone")
    parser.add_argument("--port", type=int, metavar="N", help="default: 8080")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with these options")
    parser.add_argument("--speed", type=float, metavar="X", help="how fast a log: link is played")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after this time")


def settings_of(args: argparse.Namespace) -> Settings:
    """Command line over --config over defaults. Raises SettingsError, ProfileError or OSError naming the option."""
    from api.settings import (
        TOLD,
        Settings,
        SettingsError,
        camera_settings,
        data_folder,
        identities_of,
        incident_folder,
        mode_of,
        read_config,
    )
    from api.signing_store import load

    wanted = dict(_DEFAULTS)
    if args.config is not None:
        wanted |= read_config(args.config, _CONFIG)
    wanted |= {name: value for name, value in vars(args).items() if name in _CONFIG and value is not None}
    for name in ("incident", "link"):
        if not wanted.get(name):
            raise SettingsError(f"--{name} is needed, on the command line or in --config")
    links = tuple(wanted["link"])
    mode = mode_of(wanted["class"], links)
    cameras = camera_settings(wanted["camera"], wanted["camera_profile"])
    if mode == "wiedergabe":  # a stream that a recording names is another flight's by now
        cameras = tuple(camera for camera in cameras if camera.url != TOLD)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return Settings(
        name=wanted["incident"],
        title=wanted["incident"],
        mode=mode,
        links=links,
        cameras=cameras,
        folder=incident_folder(data_folder(wanted.get("data")), wanted["incident"], stamp),
        terrain=Path(wanted["terrain"]) if "terrain" in wanted else None,
        host=wanted["host"],
        port=wanted["port"],
        replay_speed=float(wanted["speed"]),
        forwards=tuple(wanted.get("forward", ())),
        keep_rejected=bool(wanted.get("keep_rejected")),
        identities=identities_of(wanted.get("remote_id", [])),
        signing=load(data_folder(wanted.get("data"))),
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    from api.run import Extras
    from api.run import run as run_incident
    from api.settings import MODE_WORDS

    settings = settings_of(args)
    if settings.host not in ("127.0.0.1", "localhost", "::1"):
        print(f"einsatzdrohne serve: {settings.host}: everybody in that network can read along, there are no users yet",
              file=sys.stderr)  # fmt: skip

    async def started(situation: Situation, address: str) -> None:
        print(f"Lagekarte: {address}  ({MODE_WORDS[situation.mode]}, Aufzeichnung in {settings.folder})", flush=True)

    return asyncio.run(run_incident(settings, Extras(started=started, seconds=args.seconds)))
