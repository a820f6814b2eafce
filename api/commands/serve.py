"""``serve``: the main job, on real equipment."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.settings import Settings
    from api.situation import Situation


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("serve", help="receive drone and camera, show the live map")
    parser.add_argument("--incident", required=True, metavar="NAME")
    parser.add_argument("--class", dest="mission_class", default="einsatz", choices=("einsatz", "uebung", "demo"))
    parser.add_argument("--link", action="append", required=True, metavar="URL")
    parser.add_argument("--camera", action="append", default=[], metavar="[SYSID=]URL")
    parser.add_argument("--camera-profile", action="append", default=[], metavar="[SYSID=]FILE")
    parser.add_argument("--terrain", type=Path)
    parser.add_argument("--data")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--speed", type=float, default=1.0, help="how fast a log: link is played")
    parser.add_argument("--seconds", type=float, help="end after this time")


def settings_of(args: argparse.Namespace) -> Settings:
    """Command line → settings. Raises SettingsError, ProfileError or OSError naming the option."""
    from api.settings import Settings, SettingsError, camera_settings, data_folder, incident_folder, mode_of

    links = tuple(args.link)
    if not 0.01 <= args.speed <= 1000.0:
        raise SettingsError(f"--speed {args.speed}: allowed are 0.01 to 1000")
    if not 0 <= args.port <= 65_535:
        raise SettingsError(f"--port {args.port}: allowed are 0 to 65535")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return Settings(
        name=args.incident,
        title=args.incident,
        mode=mode_of(args.mission_class, links),
        links=links,
        cameras=camera_settings(args.camera, args.camera_profile),
        folder=incident_folder(data_folder(args.data), args.incident, stamp),
        terrain=args.terrain,
        host=args.host,
        port=args.port,
        replay_speed=args.speed,
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    from api.run import Extras
    from api.run import run as run_incident

    settings = settings_of(args)

    async def started(situation: Situation, address: str) -> None:
        print(f"{address}  ({situation.mode.upper()}, Aufzeichnung in {settings.folder})", flush=True)

    return asyncio.run(run_incident(settings, Extras(started=started, seconds=args.seconds)))
