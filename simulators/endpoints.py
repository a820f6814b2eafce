"""The world as three processes, vehicle, gimbal and camera, met over the wire alone.

    vehicle  --MAVLink/UDP-->  ground station            (the address it was given)
    vehicle  --MAVLink/UDP-->  gimbal, camera            (each binds a port; the vehicle speaks first, like ArduPilot)
    vehicle  --SIM_STATE/UDP-> camera                    (the truth link; never the telemetry)
    gimbal   --true attitude-> camera
    camera   <--NUT over TCP-- any number of viewers     (and RTSP beside it, where it is asked for)

Gimbal and camera attach to a real ArduPilot in SITL in the very same way. Everything listens on loopback. A process
ends with its parent (also after kill -9) and says one line of JSON once it is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from simulators.autopilot.boot import BOOTS
from simulators.autopilot.core import Autopilot
from simulators.autopilot.reboot import reborn
from simulators.camera_process import run_camera
from simulators.channel_process import BACK, THERE, Proxy
from simulators.craft import Fate, home_en_m
from simulators.fire import build
from simulators.gimbal import Gimbal
from simulators.one_process import LOOPBACK, die_with_parent, say_ready, ticks, udp, until_terminated
from simulators.scenario import Scenario, names
from simulators.scenario_files import scenario_of

_READY_S = 60.0


class EndpointError(RuntimeError):
    """A simulated process did not start or ended unexpectedly: says which and its last words."""


# --- one process ------------------------------------------------------------------------------------------------------


async def _run_vehicle(args: argparse.Namespace) -> None:
    scenario = scenario_of(args.scenario)
    scene = build(scenario, args.seed)
    start = home_en_m(scenario, args.sysid)
    autopilot = Autopilot(
        scene.plane,
        scene.height_at(*start),
        seed=args.seed,
        wind_m_s=scenario.wind_m_s,
        utc_at_boot_s=time.time(),
        start_en_m=start,
        sysid=args.sysid,
        uid=args.uid,
        boot=BOOTS[args.boot],
    )
    host, _, port = args.ground.rpartition(":")
    targets = {
        "ground": (host, int(port)),
        "device gimbal": (LOOPBACK, args.gimbal),
        "device camera": (LOOPBACK, args.camera),
        "truth": (LOOPBACK, args.truth),
    }
    wires = {}
    for name, target in targets.items():
        autopilot.add_link(name)
        wires[name] = await udp(lambda data, name=name: autopilot.receive(data, link=name), to=target)  # type: ignore[misc]
    fate, begun_s = Fate(scenario, scene.plane, autopilot), 0.0
    say_ready(uid=args.uid)
    async for elapsed_s in ticks():
        autopilot.step(elapsed_s * args.speedup - begun_s)
        fate.befall()
        for name, wire in wires.items():
            for frame in autopilot.take_outgoing(name):
                wire.send(frame)
        if autopilot.restarting:
            autopilot, begun_s = reborn(autopilot), elapsed_s * args.speedup
            fate = Fate(scenario, scene.plane, autopilot)


async def _run_camera(args: argparse.Namespace) -> None:
    await run_camera(args, build(scenario_of(args.scenario), args.seed))


async def _run_gimbal(args: argparse.Namespace) -> None:
    gimbal = Gimbal(args.seed, sysid=args.sysid)
    wire = await udp(gimbal.receive, port=args.port)
    truth = await udp(lambda data: None, to=(LOOPBACK, args.mount))
    say_ready()
    async for elapsed_s in ticks():
        gimbal.step(elapsed_s * args.speedup)
        for frame in gimbal.take_outgoing():
            wire.send(frame)
        truth.send(gimbal.pack(gimbal.status(gimbal.true_in_vehicle())))


def main(argv: list[str] | None = None) -> int:
    """``python -m simulators.endpoints vehicle|gimbal|camera …``; see the head of this file."""
    parser = argparse.ArgumentParser(prog="simulators.endpoints")
    parser.add_argument("what", choices=("vehicle", "gimbal", "camera"))
    parser.add_argument("--scenario", default="schrottinsel", help=f"{', '.join(names())} or FILE.toml")
    parser.add_argument("--ground", default=f"{LOOPBACK}:14550", help="HOST:PORT of the ground station")
    for name in ("gimbal", "camera", "truth", "mount", "port", "video", "seed", "uid", "parent"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--rtsp", default="", metavar="PORT/PATH", help="H.264 is pulled there; empty for none")
    parser.add_argument("--camera-options", default="", metavar="NAME=VALUE,…", help="instead of the scenario's")
    parser.add_argument("--sysid", type=int, default=1)
    parser.add_argument("--speedup", type=float, default=1.0)
    parser.add_argument("--boot", choices=BOOTS, default="measured", help="how long it takes until it can fly")
    args = parser.parse_args(argv)
    die_with_parent(args.parent)
    run = {"vehicle": _run_vehicle, "gimbal": _run_gimbal, "camera": _run_camera}[args.what]
    try:
        asyncio.run(until_terminated(run(args)))
    except (OSError, ValueError) as error:
        print(f"{args.what}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    return 0


# --- starting them ----------------------------------------------------------------------------------------------------


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A loopback port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Endpoint:
    """A started process and what it said when it was ready."""

    name: str
    process: asyncio.subprocess.Process
    facts: dict[str, Any] = field(default_factory=dict)

    async def last_words(self) -> str:
        """The end of what it wrote to stderr; only once it has ended."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read())[-400:].decode("utf-8", "replace").strip()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after two seconds."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 2.0)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()


async def start(what: str, **options: Any) -> Endpoint:
    """Start one process and wait until it is ready. Raises EndpointError with its last words."""
    words = [f"--{key}={value}" for key, value in (options | {"parent": os.getpid()}).items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.endpoints", what, *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    endpoint = Endpoint(what, process)
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _READY_S)
    except TimeoutError:
        line = b""
    except BaseException:
        await endpoint.stop()
        raise
    if not line:
        await endpoint.stop()
        raise EndpointError(f"the simulated {what} did not start: {await endpoint.last_words() or 'no answer'}")
    endpoint.facts = json.loads(line)
    return endpoint


class SimulatedDrone:
    """Vehicle, gimbal and camera of a scenario as processes; use as an asynchronous context manager.

    Where the scenario has a ``[radio]``, vehicle and ground station hear each other through it.

    ``ground``: HOST:PORT of the ground station, on this machine. ``source``: the file of a scenario that is not a
    shipped one. ``boot``: one of ``autopilot.boot`` by name. ``rtsp``: PORT/PATH of H.264, empty for none, port 0 for a
    free one. ``camera``: `camera_options` in words, empty for the scenario's. Afterwards ``video_url`` and ``rtsp_url``
    are where the frames are, and ``uid`` the token by which the vehicle can be told from every other one.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        ground: str,
        sysid: int = 1,
        speedup: float = 1.0,
        video_port: int = 0,
        rtsp: str = "",
        camera: str = "",
        source: str = "",
        boot: str = "measured",
    ) -> None:
        self.scenario, self.seed, self.ground, self.sysid, self.speedup = scenario, seed, ground, sysid, speedup
        self.uid = secrets.randbits(63) | 1
        self.video_url = self.rtsp_url = ""
        self.endpoints: dict[str, Endpoint] = {}
        self._video = {"video": video_port, "rtsp": rtsp, "camera-options": camera}
        self._source, self._boot = source or scenario.name, boot
        self._options: dict[str, dict[str, Any]] = {}
        self._radio: Proxy | None = None

    async def __aenter__(self) -> SimulatedDrone:
        ports = {name: free_port() for name in ("gimbal", "camera", "truth")}
        try:
            await self.start_payload(ports["gimbal"], ports["camera"], ports["truth"])
            options = {
                **self._common(),
                **ports,
                "ground": await self._heard_at(),
                "uid": self.uid,
                "speedup": self.speedup,
                "boot": self._boot,
            }
            self.endpoints["vehicle"] = await self._start("vehicle", **options)
        except BaseException:
            await self.stop()
            raise
        return self

    async def _heard_at(self) -> str:
        """HOST:PORT the vehicle speaks to: the ground station, or the radio in front of it."""
        told = self.scenario.radio
        if told is None:
            return self.ground
        port = int(self.ground.rpartition(":")[2])
        self._radio = Proxy("udp", port, {THERE: told, BACK: told}, seed=self.seed + 1000 * self.sysid)
        await self._radio.__aenter__()
        return f"{LOOPBACK}:{self._radio.port}"

    async def start_payload(self, gimbal_port: int, camera_port: int, truth_port: int) -> None:
        """Gimbal and camera alone: what is attached to a real autopilot in SITL."""
        mount = free_port()
        started = await asyncio.gather(
            self._start("camera", **self._common(), port=camera_port, truth=truth_port, mount=mount, **self._video),
            self._start("gimbal", **self._common(), port=gimbal_port, mount=mount, speedup=self.speedup),
            return_exceptions=True,
        )
        self.endpoints |= {endpoint.name: endpoint for endpoint in started if isinstance(endpoint, Endpoint)}
        for failure in started:
            if isinstance(failure, BaseException):
                raise failure
        facts = self.endpoints["camera"].facts
        self.video_url, self.rtsp_url = f"tcp://{LOOPBACK}:{facts['video']}", facts["rtsp"]

    async def _start(self, what: str, **options: Any) -> Endpoint:
        self._options[what] = options
        return await start(what, **options)

    async def revive(self, what: str) -> None:
        """Start a process that has ended once more, on its old ports. Raises EndpointError when it does not come."""
        options = self._options[what]
        if what == "camera":
            facts = self.endpoints[what].facts
            options["video"], options["rtsp"] = facts["video"], facts["rtsp"].rpartition(":")[2]
        self.endpoints[what] = await start(what, **options)

    def _common(self) -> dict[str, Any]:
        return {"scenario": self._source, "seed": self.seed, "sysid": self.sysid}

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*(endpoint.stop() for endpoint in self.endpoints.values()))
        if self._radio is not None:
            await self._radio.__aexit__()

    async def ended(self) -> tuple[str, str]:
        """Wait until one of the processes ends by itself; its name and its last words."""
        waits = {asyncio.create_task(e.process.wait()): e for e in self.endpoints.values()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        gone = waits[done.pop()]
        return gone.name, await gone.last_words()

    async def wait_ended(self) -> None:
        """Wait until one of the processes ends by itself. Raises EndpointError naming it."""
        name, words = await self.ended()
        raise EndpointError(f"the simulated {name} has ended{': ' + words if words else ''}")

    async def __aexit__(self, *unused: object) -> None:
        await self.stop()


if __name__ == "__main__":
    sys.exit(main())
