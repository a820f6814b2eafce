"""A world in which real ArduPilot binaries fly: what `world` is in memory, with SITL in place of our own autopilot.

Gimbal, camera, scene and radio are the same objects in this process; only the vehicle is another one's, met over its
UDP links. Its clock is the clock: ``now_s`` is the boot time that came last with the truth (SIM_STATE behind ATTITUDE),
however fast the binary runs, and a frame is exposed when the truth has passed its time. The truth link goes to camera
and score; the ground side gets the bytes of the ground link and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.geo import Datum, GeoPoint
from simulators.aircraft import Aircraft, Receiver, aircraft_of
from simulators.camera import Camera, Shot, Truth, TruthListener
from simulators.camera_options import ORDINARY
from simulators.channel import Radio
from simulators.craft import Radios, home_en_m
from simulators.fire import Scene, build
from simulators.gimbal import Gimbal
from simulators.one_process import Udp, udp
from simulators.radiance import Floats
from simulators.scenario import Scenario
from simulators.sitl import SitlVehicle
from simulators.thermal import Renderer
from simulators.truths import Truths, truths_of

_TICK_S = 0.01
_ON_THE_GROUND_M = 0.5


class SitlCraft:
    """One binary and what hangs below it."""

    uid: int | None = None
    """It has no token of ours: the link alone says whose it is."""

    def __init__(
        self, scene: Scene, renderer: Renderer, aircraft: tuple[Aircraft, ...], binary: Path, seed: int, sysid: int
    ) -> None:
        scenario = scene.scenario
        east, north = home_en_m(scenario, sysid)
        self._start_amsl_m = scene.height_at(east, north)
        home = GeoPoint(*scene.place(east, north), self._start_amsl_m, Datum.SEA_LEVEL)
        radios = Radios(scenario, None, None)
        self.sysid, self.looking = sysid, False
        self.vehicle = SitlVehicle(binary, home, sysid=sysid)
        self.gimbal = Gimbal(seed, sysid=sysid)
        self.camera = Camera(renderer, seed, sysid=sysid, options=scenario.camera or ORDINARY)
        self.radio = Radio(radios.up, radios.down, seed + 1000 * (sysid - 1))
        self.now_s = 0.0
        self.utc_at_boot_s: float | None = None
        self.place: Floats = np.array([east, north, self._start_amsl_m])
        self.mode = 0
        self.shots: list[Shot] = []
        self._scenario, self._listener = scenario, TruthListener(scene.plane)
        self._receiver = Receiver(scene.plane, aircraft, sysid=sysid)
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._wires: dict[str, Udp] = {}
        self._lost = False

    async def start(self, stack: AsyncExitStack) -> None:
        """Boot the vehicle and bind its links."""
        await stack.enter_async_context(self.vehicle)
        ports = self.vehicle.ports
        self._wires = {
            "ground": await udp(self._hear_ground, port=ports.ground),
            "gimbal": await udp(self.gimbal.receive, port=ports.gimbal),
            "camera": await udp(self.camera.component.receive, port=ports.camera),
            "truth": await udp(self._hear_truth, port=ports.truth),
        }

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        return float(self.place[2]) > self._start_amsl_m + _ON_THE_GROUND_M

    def _hear_ground(self, data: bytes) -> None:
        for message in self._parser.parse_buffer(data) or ():
            if message.get_srcComponent() != 1:
                continue
            if message.get_type() == "SYSTEM_TIME" and message.time_unix_usec:
                self.utc_at_boot_s = message.time_unix_usec * 1e-6 - message.time_boot_ms * 1e-3
            elif message.get_type() == "HEARTBEAT":
                self.mode = int(message.custom_mode)
        self.radio.down.push(data, self.now_s)

    def _hear_truth(self, data: bytes) -> None:
        for truth in self._listener.receive(data):
            self._at(truth)

    def _at(self, truth: Truth) -> None:
        self.now_s, self.place = truth.boot_s, np.array(truth.enu)
        self.camera.tell_truth(truth)
        self.camera.tell_mount(truth.boot_s, self.gimbal.true_in_vehicle())

    async def live(self, elapsed_s: float) -> None:
        """One tick of what hangs below it and of what befalls it."""
        self.gimbal.step(elapsed_s)
        self.camera.step(elapsed_s)
        self._receiver.step(self.now_s, self.place)
        for name, frames in (
            ("gimbal", self.gimbal.take_outgoing()),
            ("camera", self.camera.component.take_outgoing()),
            ("camera", self._receiver.take_outgoing()),
            ("ground", self.radio.up.pull(self.now_s)),
        ):
            for frame in frames:
                self._wires[name].send(frame)
        gnss = self._scenario.gnss
        if gnss is not None and gnss.lost(self.now_s) != self._lost:
            self._lost = not self._lost
            await self.vehicle.set("SIM_GPS1_ENABLE", 0.0 if self._lost else 1.0)

    def look(self, truths: Truths) -> None:
        """Expose what is due."""
        truths.epoch_s = self.utc_at_boot_s or truths.epoch_s
        utc_s = truths.epoch_s + self.now_s
        truths.log(self.sysid, utc_s, self.mode, airborne=self.airborne)
        shot = self.camera.expose(catch_up=True) if self.looking else None
        if shot is not None:
            truths.add(shot, truths.epoch_s + shot.exposed_s)
            self.shots.append(shot)


class SitlWorld:
    """``async with SitlWorld(binary, scenario, seed) as world``; inside, every vehicle could arm."""

    def __init__(self, binary: Path, scenario: Scenario, seed: int) -> None:
        self.scene: Scene = build(scenario, seed)
        aircraft = aircraft_of(scenario.traffic, scenario.ground_amsl_m)
        renderer = Renderer(self.scene)
        self.crafts: tuple[SitlCraft, ...] = tuple(
            SitlCraft(self.scene, renderer, aircraft, binary, seed, sysid) for sysid in range(1, scenario.vehicles + 1)
        )
        self.truths = truths_of(self.scene, aircraft, 0.0)
        self._stack = AsyncExitStack()
        self._living: asyncio.Task[None] | None = None

    @property
    def now_s(self) -> float:
        """Boot time of the first vehicle."""
        return self.crafts[0].now_s

    @property
    def utc_at_boot_s(self) -> float:
        """As the first vehicle's own SYSTEM_TIME has it."""
        return self.crafts[0].utc_at_boot_s or 0.0

    async def __aenter__(self) -> SitlWorld:
        try:
            await asyncio.gather(*(craft.start(self._stack) for craft in self.crafts))
            self._living = asyncio.create_task(self._live())
            ready = asyncio.gather(*(craft.vehicle.ready() for craft in self.crafts))
            await asyncio.wait((ready, self._living), return_when=asyncio.FIRST_COMPLETED)
            self.check()
            await ready
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        if self._living is not None:
            self._living.cancel()
            await asyncio.gather(self._living, return_exceptions=True)
        await self._stack.aclose()

    async def _live(self) -> None:
        begin = time.monotonic()
        while True:
            for craft in self.crafts:
                await craft.live(time.monotonic() - begin)
            await asyncio.sleep(_TICK_S)

    def check(self) -> None:
        """Raises what ended the world, if it has ended."""
        if self._living is not None and self._living.done():
            self._living.result()

    def look(self) -> None:
        """Expose what is due on every drone."""
        for craft in self.crafts:
            craft.look(self.truths)
        self.truths.fly_by([craft.place for craft in self.crafts if craft.airborne], self.now_s)

    def receive(self, data: bytes, *, sysid: int = 1) -> None:
        """Bytes from the ground station to a drone."""
        self.crafts[sysid - 1].radio.up.push(data, self.now_s)

    def take_outgoing(self, *, sysid: int = 1) -> Sequence[bytes]:
        """What has arrived at the ground station from a drone."""
        craft = self.crafts[sysid - 1]
        return craft.radio.down.pull(craft.now_s)

    def take_shots(self, *, sysid: int = 1) -> Sequence[Shot]:
        """A drone's camera frames since the last call."""
        craft = self.crafts[sysid - 1]
        shots, craft.shots = tuple(craft.shots), []
        return shots
