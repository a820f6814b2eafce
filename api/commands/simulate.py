"""``simulate``: the world alone — vehicles, cameras, gimbals and scene — for any ground station."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

_LOOPBACKS = ("127.0.0.1", "localhost")
_MOST_VEHICLES = 8
_PATH = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("simulate", help="a simulated drone and camera for any ground station")
    parser.add_argument("scenario", metavar="SCENARIO", help="a shipped one by name, or FILE.toml")
    parser.add_argument(
        "--mavlink", default="udpout:127.0.0.1:14550", metavar="URL", help="the ground station (%(default)s)"
    )
    parser.add_argument(
        "--video",
        action="append",
        default=[],
        metavar="URL",
        help="tcp://127.0.0.1:PORT: lossless NUT (always there, else on a free port); rtsp://127.0.0.1:PORT/PATH: "
        "H.264 beside it; the next port for vehicle 2; repeatable",
    )
    parser.add_argument("--vehicles", type=int, metavar="N", help="system ids 1 to N; default: as the scenario says")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, another world (%(default)s)")
    parser.add_argument("--speedup", type=float, default=1.0, metavar="X")
    parser.add_argument(
        "--boot",
        choices=("measured", "short", "quick"),
        default="measured",
        help="until it can fly: measured (as the real one, 42 s), short (12 s) or quick (4 s)",
    )
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="[up:|down:]NAME=VALUE,…",
        help="a radio to the ground station instead of the scenario's; the names of the verb channel; repeatable",
    )
    parser.add_argument(
        "--camera",
        default="",
        metavar="NAME=VALUE,…",
        help="a camera worse than the scenario's: clock_offset_s clock_drift_ppm exposure_lag_s readout_s dropped late "
        "late_s thermal_range=pixels storage_mib",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write terrain.tif, camera.toml and mission.plan of the scenario"
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so many; default: on a signal")


def run(args: argparse.Namespace) -> int:
    """Run until a signal or ``--seconds``. Prints one JSON line a vehicle once it is there."""
    from simulators.camera_options import camera_options_of
    from simulators.channel import directions_of
    from simulators.scenario_files import scenario_of

    camera_options_of(args.camera)
    directions_of(args.channel, ("up", "down"))
    scenario = scenario_of(args.scenario)
    args.vehicles = scenario.vehicles if args.vehicles is None else args.vehicles
    ground = _port(args.mavlink, "udpout:", "--mavlink", lowest=1)
    video = _videos(args.video)
    for name, low, high in (("vehicles", 1, _MOST_VEHICLES), ("speedup", 0.1, 20.0), ("seed", 0, 2**31 - 1)):
        if not low <= getattr(args, name) <= high:
            raise ValueError(f"--{name} {getattr(args, name)}: allowed are {low} to {high}")
    if args.out is not None:
        from api.commands.sitl import write_out
        from simulators.fire import build

        write_out(args.out, build(scenario, args.seed))
    return asyncio.run(_simulate(args, scenario, f"127.0.0.1:{ground}", video))


def _port(url: str, scheme: str, option: str, *, lowest: int) -> int:
    host, _, port = url.removeprefix(scheme).rpartition(":")
    # The simulated world neither listens nor speaks beyond this machine.
    fits = url.startswith(scheme) and host in _LOOPBACKS and port.isdecimal() and lowest <= int(port) <= 65535
    if not fits:
        raise ValueError(f"{option} {url!r}: allowed is {scheme}127.0.0.1:PORT with a port from {lowest} to 65535")
    return int(port)


def _videos(urls: list[str]) -> dict[str, tuple[int, str]]:
    """Scheme → port and path; each scheme once, RTSP only where it is asked for."""
    found: dict[str, tuple[int, str]] = {}
    for url in urls:
        scheme = url.partition(":")[0]
        authority, _, path = url.removeprefix(f"{scheme}://").partition("/")
        if scheme not in ("tcp", "rtsp") or scheme in found or (scheme == "tcp" and path):
            raise ValueError(
                f"--video {url!r}: allowed are one tcp://127.0.0.1:PORT and one rtsp://127.0.0.1:PORT/PATH"
            )
        path = path.strip("/")
        if scheme == "rtsp" and not _PATH.fullmatch(path):
            raise ValueError(f"--video {url!r}: a path of letters, digits, '.', '-', '_' and '/' is needed, /thermal")
        found[scheme] = (_port(f"{scheme}://{authority}", f"{scheme}://", "--video", lowest=0), path)
    return found


def _next_port(port: int, sysid: int) -> int:
    return port + sysid - 1 if port else 0


async def _simulate(args: argparse.Namespace, scenario: Any, ground: str, videos: dict[str, tuple[int, str]]) -> int:
    from simulators.channel import directions_of
    from simulators.channel_process import BACK, THERE, Proxy
    from simulators.endpoints import SimulatedDrone

    radio = directions_of(args.channel, ("up", "down"))
    qualities = {THERE: radio["down"], BACK: radio["up"]}
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    waits: set[asyncio.Task[Any]] = {asyncio.create_task(end.wait())}
    async with contextlib.AsyncExitStack() as stack:
        for sysid in range(1, args.vehicles + 1):
            heard_at = ground
            if args.channel:
                proxy = Proxy("udp", int(ground.rpartition(":")[2]), qualities, seed=args.seed + 1000 * sysid)
                await stack.enter_async_context(proxy)
                scenario = replace(scenario, radio=None)
                heard_at = f"127.0.0.1:{proxy.port}"
            drone = SimulatedDrone(
                scenario,
                args.seed,
                ground=heard_at,
                sysid=sysid,
                speedup=args.speedup,
                video_port=_next_port(videos.get("tcp", (0, ""))[0], sysid),
                rtsp=f"{_next_port(videos['rtsp'][0], sysid)}/{videos['rtsp'][1]}" if "rtsp" in videos else "",
                camera=args.camera,
                source=args.scenario,
                boot=args.boot,
            )
            await stack.enter_async_context(drone)
            facts = {"vehicle": sysid, "mavlink": args.mavlink, "video": drone.video_url, "uid": drone.uid}
            if drone.rtsp_url:
                facts["rtsp"] = drone.rtsp_url
            print(json.dumps(facts), flush=True)
            waits.add(asyncio.create_task(drone.wait_ended()))
        done, pending = await asyncio.wait(waits, timeout=args.seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
    return 0
