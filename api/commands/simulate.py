"""``simulate``: the world alone — vehicle, gimbal, camera and scene — for any ground station."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from typing import Any


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("simulate", help="a simulated drone and camera for any ground station")
    parser.add_argument("scenario", metavar="SCENARIO")
    parser.add_argument("--mavlink", default="udpout:127.0.0.1:14550", metavar="URL", help="udpout:HOST:PORT")
    parser.add_argument("--video", default="tcp://127.0.0.1:0", metavar="URL", help="where NUT is served")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--speedup", type=float, default=1.0, metavar="X")
    parser.add_argument("--seconds", type=float, metavar="N")


def run(args: argparse.Namespace) -> int:
    """Run until a signal or ``--seconds``."""
    from urllib.parse import urlsplit

    from simulators.scenario import ScenarioError, load

    scheme, _, ground = args.mavlink.partition(":")
    host, _, port = ground.rpartition(":")
    if scheme != "udpout" or not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ScenarioError(f"--mavlink {args.mavlink!r}: allowed is udpout:HOST:PORT")
    video = urlsplit(args.video)
    if video.scheme != "tcp" or video.hostname not in ("127.0.0.1", "localhost") or video.port is None:
        raise ScenarioError(f"--video {args.video!r}: allowed is tcp://127.0.0.1:PORT (0 picks a free one)")
    if not 0.1 <= args.speedup <= 20.0:
        raise ScenarioError(f"--speedup {args.speedup}: allowed are 0.1 to 20")
    return asyncio.run(_simulate(args, load(args.scenario), ground, video.port))


async def _simulate(args: argparse.Namespace, scenario: Any, ground: str, video_port: int) -> int:
    from simulators.endpoints import SimulatedDrone

    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    drone = SimulatedDrone(scenario, args.seed, ground=ground, speedup=args.speedup, video_port=video_port)
    async with drone:
        print(json.dumps({"mavlink": args.mavlink, "video": drone.video_url, "uid": drone.uid}), flush=True)
        waits = {asyncio.create_task(end.wait()), asyncio.create_task(drone.wait_ended())}
        done, pending = await asyncio.wait(waits, timeout=args.seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
    return 0
