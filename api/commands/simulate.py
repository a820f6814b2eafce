"""``simulate``: the world alone — vehicles, cameras, gimbals and scene — for any ground station."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
from dataclasses import replace
from typing import Any

_LOOPBACKS = ("127.0.0.1", "localhost")
_MOST_VEHICLES = 8


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("simulate", help="a simulated drone and camera for any ground station")
    parser.add_argument("scenario", metavar="SCENARIO", help="a shipped one by name, or FILE.toml")
    parser.add_argument(
        "--mavlink", default="udpout:127.0.0.1:14550", metavar="URL", help="the ground station (%(default)s)"
    )
    parser.add_argument(
        "--video", default="tcp://127.0.0.1:0", metavar="URL", help="where NUT is served; the next port for vehicle 2"
    )
    parser.add_argument("--vehicles", type=int, default=1, metavar="N", help="system ids 1 to N (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, another world (%(default)s)")
    parser.add_argument("--speedup", type=float, default=1.0, metavar="X")
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="[up:|down:]NAME=VALUE,…",
        help="a radio to the ground station instead of the scenario's; the names of the verb channel; repeatable",
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so many; default: on a signal")


def run(args: argparse.Namespace) -> int:
    """Run until a signal or ``--seconds``. Prints one JSON line a vehicle once it is there."""
    from simulators.channel import directions_of
    from simulators.endpoints import scenario_of

    directions_of(args.channel, ("up", "down"))
    scenario = scenario_of(args.scenario)
    ground = _port(args.mavlink, "udpout:", "--mavlink", lowest=1)
    video = _port(args.video, "tcp://", "--video", lowest=0)
    for name, low, high in (("vehicles", 1, _MOST_VEHICLES), ("speedup", 0.1, 20.0), ("seed", 0, 2**31 - 1)):
        if not low <= getattr(args, name) <= high:
            raise ValueError(f"--{name} {getattr(args, name)}: allowed are {low} to {high}")
    return asyncio.run(_simulate(args, scenario, f"127.0.0.1:{ground}", video))


def _port(url: str, scheme: str, option: str, *, lowest: int) -> int:
    host, _, port = url.removeprefix(scheme).rpartition(":")
    # The simulated world neither listens nor speaks beyond this machine.
    fits = url.startswith(scheme) and host in _LOOPBACKS and port.isdecimal() and lowest <= int(port) <= 65535
    if not fits:
        raise ValueError(f"{option} {url!r}: allowed is {scheme}127.0.0.1:PORT with a port from {lowest} to 65535")
    return int(port)


async def _simulate(args: argparse.Namespace, scenario: Any, ground: str, video: int) -> int:
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
                video_port=video + sysid - 1 if video else 0,
                source=args.scenario,
            )
            await stack.enter_async_context(drone)
            facts = {"vehicle": sysid, "mavlink": args.mavlink, "video": drone.video_url, "uid": drone.uid}
            print(json.dumps(facts), flush=True)
            waits.add(asyncio.create_task(drone.wait_ended()))
        done, pending = await asyncio.wait(waits, timeout=args.seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
    return 0
