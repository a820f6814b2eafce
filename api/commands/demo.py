"""``demo``: the whole system on a simulated incident, or with a real ArduPilot binary flying it (``--sitl``)."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
import webbrowser
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conductor import Conductor
    from api.run import Extras
    from api.situation import Situation
    from ground_station.link import Link
    from simulators.endpoints import SimulatedDrone
    from simulators.fire import Scene
    from simulators.scenario import Scenario
    from simulators.sitl import SitlVehicle

_SITL_HEADING_DEG = 0.0
_REVIVE_S = 10.0
_WORLD_WORDS = {
    "vehicle": "die simulierte Drohne",
    "gimbal": "der simulierte Gimbal",
    "camera": "die simulierte Kamera",
}


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("demo", help="the whole system on a simulated incident")
    parser.add_argument("--scenario", default="schrottinsel", metavar="NAME", help="a shipped one, or FILE.toml")
    parser.add_argument("--sitl", metavar="BINARY", nargs="?", const="", help="fly a real ArduCopter binary")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--headless", action="store_true", help="open no browser")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after this time")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--speedup", type=float, default=1.0, metavar="X", help="its seconds per second, 0.1 to 20")
    parser.add_argument("--data", metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """Run the demonstration until a signal, the end of its world, or ``--seconds``."""
    from api.settings import SettingsError
    from simulators.scenario_files import scenario_of

    if not 0.1 <= args.speedup <= 20.0:
        raise SettingsError(f"--speedup {args.speedup}: allowed are 0.1 to 20")
    if not 0 <= args.seed < 2**31:
        raise SettingsError(f"--seed {args.seed}: allowed are 0 to 2147483647")
    return asyncio.run(_demo(args, replace(scenario_of(args.scenario), vehicles=1)))


@dataclass(slots=True)
class _Show:
    """What the demonstration builds up and has to take down again."""

    args: argparse.Namespace
    scenario: Scenario
    scene: Scene
    stack: AsyncExitStack
    video_port: int
    drone: SimulatedDrone | None = None
    autopilot: SitlVehicle | None = None
    extras: Extras | None = None
    again: Callable[[], None] = lambda: None

    async def open_world(self, links: list[Link]) -> Conductor:
        """Start the drone towards our open link; return the conductor that may command it and nothing else."""
        from api.conductor import Conductor
        from api.rehearsal import plan_survey
        from ground_station.link import UdpLink

        link = links[0]
        assert isinstance(link, UdpLink)
        mission = plan_survey(self.scene, self.scene.elevation())
        if self.args.sitl is None:
            own = await self._simulated(link.name, link.port)
        else:
            own = await self._sitl(link.name, link.port)
        self.again = lambda: self._conduct(Conductor(own, mission))
        return Conductor(own, mission)

    def _conduct(self, conductor: Conductor) -> None:
        assert self.extras is not None
        self.extras.conductor = conductor

    async def _simulated(self, link: str, port: int) -> Any:
        from api.conductor import Own
        from simulators.endpoints import SimulatedDrone

        drone = SimulatedDrone(
            self.scenario,
            self.args.seed,
            ground=f"127.0.0.1:{port}",
            speedup=self.args.speedup,
            video_port=self.video_port,
            source=self.args.scenario,
            boot="quick",
        )
        self.drone = await self.stack.enter_async_context(drone)
        return Own(link, drone.uid)

    async def _sitl(self, link: str, port: int) -> Any:
        from api.conductor import Own
        from missions.geometry.geo import Datum, GeoPoint
        from simulators.endpoints import SimulatedDrone
        from simulators.sitl import SitlVehicle, need_binary
        from simulators.world import home_en_m

        binary = need_binary(self.args.sitl or None)
        print(f"ArduPilot SITL: {binary.name} wird gestartet", flush=True)
        east, north = home_en_m(self.scenario)
        lat, lon = self.scene.place(east, north)
        home = GeoPoint(lat, lon, self.scene.height_at(east, north), Datum.SEA_LEVEL)
        speedup = self.args.speedup
        payload = SimulatedDrone(
            self.scenario,
            self.args.seed,
            ground="",
            speedup=speedup,
            video_port=self.video_port,
            source=self.args.scenario,
        )
        vehicle = SitlVehicle(binary, home, _SITL_HEADING_DEG, speedup=speedup, grounds=(port,))
        vehicle = await self.stack.enter_async_context(vehicle)
        ports = vehicle.ports
        self.stack.push_async_callback(payload.stop)
        await payload.start_payload(ports.gimbal, ports.camera, ports.truth)
        print(f"ArduPilot SITL: {vehicle.version_text}", flush=True)
        self.drone, self.autopilot = payload, vehicle
        return Own(link, None, owns=vehicle.owns)

    async def wait(self) -> None:
        """Keep the world going. A process that dies is started again, after the page had time to name it."""
        assert self.drone is not None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_alive(self.drone))
            if self.autopilot is not None:
                group.create_task(self.autopilot.wait_ended())

    async def _keep_alive(self, drone: SimulatedDrone) -> None:
        while True:
            name, words = await drone.ended()
            what = _WORLD_WORDS.get(name, name)
            print(f"Demo: {what} ist ausgefallen {words}".rstrip() + f"; Neustart in {_REVIVE_S:g} s", flush=True)
            if name == "vehicle" and self.extras is not None:
                self.extras.conductor = None  # nobody commands what comes in its place before it is known
            await asyncio.sleep(_REVIVE_S)
            await drone.revive(name)
            if name == "vehicle":
                self.again()


async def _demo(args: argparse.Namespace, scenario: Scenario) -> int:
    import socket

    from api.run import Extras
    from api.run import run as run_incident
    from api.settings import CameraSetting, Settings, data_folder, incident_folder
    from missions.geometry.terrain_files import write_terrain
    from simulators.endpoints import free_port
    from simulators.fire import build
    from simulators.thermal import PROFILE

    print(f"Demo {scenario.title} (seed {args.seed}): Szene wird gebaut", flush=True)
    scene = build(scenario, args.seed)
    data = data_folder(args.data)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="einsatzdrohne-")))
        terrain = scratch / "terrain.tif"
        write_terrain(terrain, scene.elevation())
        show = _Show(args, scenario, scene, stack, free_port(socket.SOCK_STREAM))
        settings = Settings(
            name=f"Demo {scenario.name}",
            title=scenario.title,
            mode="demo",
            links=("udpin:127.0.0.1:0",),
            cameras=(CameraSetting(1, "1/100", f"tcp://127.0.0.1:{show.video_port}", PROFILE, scenario.task),),
            folder=incident_folder(data, f"demo-{scenario.name}", stamp),
            terrain=terrain,
            port=args.port,
            basemap=scene.basemap(),
        )

        async def started(situation: Situation, address: str) -> None:
            print(f"Lagekarte: {address}  (DEMO, Aufzeichnung in {settings.folder})", flush=True)
            desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
            if desktop and not args.headless:
                await asyncio.to_thread(webbrowser.open, address)

        extras = show.extras = Extras(started=started, world=show.wait, seconds=args.seconds, on_opened=show.open_world)
        return await run_incident(settings, extras)
