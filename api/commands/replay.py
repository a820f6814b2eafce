"""``replay``: an incident folder again; ``--verify`` folds it anew and compares byte for byte."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.situation import Situation


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("replay", help="show an incident folder again, or verify it")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--verify", action="store_true", help="fold the journal anew and compare")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, help="end after this time")
    parser.add_argument("--data", metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """Verify, or show as WIEDERGABE."""
    if args.verify:
        return _verify(args)
    from api.playback import recorded_cameras
    from api.run import Extras
    from api.run import run as run_incident
    from api.settings import Settings, data_folder, incident_folder
    from api.store.incident import IncidentError, read_basemap, read_facts

    facts = read_facts(args.folder)
    logs = sorted((args.folder / "telemetry").glob("*.tlog"))
    if not logs:
        raise IncidentError(f"{args.folder}: no telemetry/*.tlog in it")
    terrain = args.folder / "terrain.tif"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    settings = Settings(
        name=str(facts["name"]),
        title=str(facts["title"]),
        mode="wiedergabe",
        links=(f"log:{logs[0]}",),
        cameras=recorded_cameras(args.folder),
        folder=incident_folder(data_folder(args.data), f"wiedergabe-{facts['name']}", stamp),
        terrain=terrain if terrain.is_file() else None,
        port=args.port,
        replay_speed=args.speed,
        basemap=read_basemap(args.folder),
    )

    async def started(situation: Situation, address: str) -> None:
        print(f"Lagekarte: {address}  (WIEDERGABE von {args.folder})", flush=True)

    return asyncio.run(run_incident(settings, Extras(started=started, seconds=args.seconds, replayed=args.folder)))


def _verify(args: argparse.Namespace) -> int:
    from api.replay import verify

    result = verify(args.folder)
    if args.json:
        facts = {"same": result.same, "frames": result.frames, "hotspots": result.hotspots}
        print(json.dumps(facts | {"differences": list(result.differences)}))
    else:
        words = "identisch"
        if not result.same:
            words = f"{len(result.differences)} Abweichungen, zuerst {result.differences[0]}"
        print(f"{result.frames} Bilder, {result.hotspots} Wärmequellen: {words}")
    return 0 if result.same else 1
