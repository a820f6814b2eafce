"""``sitl``: ArduPilot's own simulator with our camera and gimbal over a scenario, for any ground station."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.fire import Scene
    from simulators.scenario import Scenario
    from simulators.sitl_fleet import SitlFleet

_LOOPBACKS = ("127.0.0.1", "localhost")
_GROUND = "udpout:127.0.0.1:14550"


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("sitl", help="ArduPilot in SITL with the simulated camera, for any ground station")
    parser.add_argument("scenario", metavar="SCENARIO", nargs="?", default="schrottinsel",
                        help="a shipped one by name, or FILE.toml (%(default)s)")  # fmt: skip
    parser.add_argument("--vehicles", type=int, metavar="N", help="1 to 4, ids 1 to N; default: as the scenario says")
    parser.add_argument("--speedup", type=float, default=1.0, metavar="X", help="vehicle seconds per second")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a lever, as SIM_WIND_SPD=8; again for more"
    )
    parser.add_argument(
        "--mavlink", action="append", metavar="URL", help=f"the ground station ({_GROUND}); again for a second one"
    )
    parser.add_argument(
        "--video", default="tcp://127.0.0.1:0", metavar="URL", help="where NUT is served; the next port for vehicle 2"
    )
    parser.add_argument("--sitl", metavar="BINARY", help="default: EINSATZDROHNE_SITL[_PLANE], then the PATH")
    parser.add_argument("--airframe", choices=("copter", "quadplane"), default="copter")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, another world (%(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write terrain.tif, camera.toml and mission.plan of the scenario"
    )
    parser.add_argument("--instance", type=int, default=0, metavar="N", help="first to try; ports shift by 10 each")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so many; default: on a signal")
    parser.add_argument("--quiet", action="store_true", help="only the lines of JSON")


def run(args: argparse.Namespace) -> int:
    """Run until a signal or ``--seconds``. Prints one JSON line a vehicle once all could arm and have their levers."""
    from simulators.scenario_files import scenario_of
    from simulators.sitl_fleet import SitlFleet
    from simulators.sitl_setup import AIRFRAMES, need_binary, parse_levers

    scenario = scenario_of(args.scenario)
    args.vehicles = scenario.vehicles if args.vehicles is None else args.vehicles
    grounds = tuple(_port(url, "udpout:", "--mavlink", lowest=1) for url in args.mavlink or [_GROUND])
    for name, low, high in (("seed", 0, 2**31 - 1), ("instance", 0, 19)):
        if not low <= getattr(args, name) <= high:
            raise ValueError(f"--{name} {getattr(args, name)}: allowed are {low} to {high}")
    airframe = AIRFRAMES[args.airframe]
    options: dict[str, Any] = {
        "vehicles": args.vehicles,
        "seed": args.seed,
        "speedup": args.speedup,
        "airframe": airframe,
        "grounds": grounds,
        "video_port": _port(args.video, "tcp://", "--video", lowest=0),
        "levers": parse_levers(args.set),
        "instances": range(args.instance, max(20, args.instance + args.vehicles)),
        "source": args.scenario,
    }
    binary = need_binary(args.sitl, airframe)
    return asyncio.run(_stay(args, scenario, SitlFleet(binary, scenario, **options)))


def _port(url: str, scheme: str, option: str, *, lowest: int) -> int:
    host, _, port = url.removeprefix(scheme).rpartition(":")
    # The simulated world neither listens nor speaks beyond this machine.
    fits = url.startswith(scheme) and host in _LOOPBACKS and port.isdecimal() and lowest <= int(port) <= 65535
    if not fits:
        raise ValueError(f"{option} {url!r}: allowed is {scheme}127.0.0.1:PORT with a port from {lowest} to 65535")
    return int(port)


async def _stay(args: argparse.Namespace, scenario: Scenario, fleet: SitlFleet) -> int:
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    if args.out is not None:
        await asyncio.to_thread(write_out, args.out, fleet.scene)
    _tell(args, f"{scenario.title}: {args.vehicles} in SITL, ready after some {5 + 43 / args.speedup:.0f} s")
    signalled = asyncio.create_task(end.wait())
    living = asyncio.create_task(_live(args, fleet))
    done, pending = await asyncio.wait((signalled, living), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()
    return 0


async def _live(args: argparse.Namespace, fleet: SitlFleet) -> None:
    """From the start to the end of the vehicles; cancelled, it ends them."""
    urls = args.mavlink or [_GROUND]
    async with fleet:
        for drone in fleet.drones:
            vehicle = drone.vehicle
            facts = {"vehicle": vehicle.sysid, "mavlink": urls, "video": drone.video_url}
            print(json.dumps(facts | {"version": vehicle.version_text, "pid": vehicle.pid}), flush=True)
        _tell(args, _next_step(args, fleet, urls[0]))
        try:
            async with asyncio.timeout(args.seconds):
                await fleet.wait_ended()
        except TimeoutError:
            return


def _next_step(args: argparse.Namespace, fleet: SitlFleet, url: str) -> str:
    """The command of a ground station that fits what was started."""
    folder = args.out or Path("DIR")
    words = [f"--link {url.replace('udpout:', 'udpin:')} --terrain {folder / 'terrain.tif'}"]
    for drone in fleet.drones:
        number = drone.vehicle.sysid
        words += [f"--camera {number}={drone.video_url} --camera-profile {number}={folder / 'camera.toml'}"]
    hint = "" if args.out else "  (DIR by --out DIR)"
    return f"ready, in GUIDED. For the map: einsatzdrohne serve --incident SITL --class uebung {' '.join(words)}{hint}"


def _tell(args: argparse.Namespace, text: str) -> None:
    if not args.quiet:
        print(text, file=sys.stderr, flush=True)


def write_out(folder: Path, scene: Scene) -> None:
    """What a ground station has to know beforehand: ground, lens, and a survey of the area as a mission."""
    from api.rehearsal import plan_survey
    from missions.formats import Plan, write
    from missions.geometry.terrain_files import write_terrain
    from simulators.thermal import PROFILE

    folder.mkdir(parents=True, exist_ok=True)
    terrain = scene.elevation()
    write_terrain(folder / "terrain.tif", terrain)
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in asdict(PROFILE).items()]
    (folder / "camera.toml").write_text("".join(lines), encoding="utf-8")
    mission = plan_survey(scene, terrain)
    (folder / "mission.plan").write_text(write(Plan(scene.scenario.name, mission.items), ".plan"), encoding="utf-8")
