"""One to four vehicles in SITL over a scenario, each with the simulated gimbal and camera: the world for a ground side.

Each vehicle has a process, a folder and an instance of its own; system ids are 1 to N, homes stand four metres apart as
those of the simulated drones do. Inside ``async with`` all of them could arm: booted, gimbal and camera attached,
position good, in GUIDED, levers set and read back. Outside nothing of them is left, and after kill -9 of this process
neither: every process asks the kernel to die with its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from missions.geometry.geo import Datum, GeoPoint
from simulators.endpoints import SimulatedDrone
from simulators.fire import Scene, build
from simulators.scenario import Scenario
from simulators.sitl import SitlVehicle
from simulators.sitl_setup import COPTER, INSTANCES, Airframe, SitlError
from simulators.world import home_en_m

MOST_VEHICLES = 4


@dataclass(frozen=True, slots=True)
class SitlDrone:
    """A vehicle and what hangs below it; ``payload`` None when it flies without."""

    vehicle: SitlVehicle
    payload: SimulatedDrone | None

    @property
    def video_url(self) -> str:
        """Where its frames are served; empty without a camera."""
        return self.payload.video_url if self.payload is not None else ""

    async def wait_ended(self) -> None:
        """Raises SitlError or EndpointError naming what ended by itself."""
        parts = (self.vehicle,) if self.payload is None else (self.vehicle, self.payload)
        await _together(part.wait_ended() for part in parts)


class SitlFleet:
    """``async with SitlFleet(binary, scenario, vehicles=2) as fleet``; then ``fleet.drones``.

    ``source``: the file of a scenario that is not a shipped one. ``grounds``: UDP ports on this machine that every
    vehicle speaks to, at most two; empty for a port of each vehicle's own. ``video_port``: of the first camera, the
    next for the next; 0 for free ones. ``scratch``: folders ``1`` … ``N`` are made in it and kept; None for temporary
    ones. ``levers``: set once all is ready. Raises SitlError for what is out of range.
    """

    def __init__(
        self,
        binary: Path,
        scenario: Scenario,
        *,
        vehicles: int = 1,
        seed: int = 1,
        speedup: float = 1.0,
        airframe: Airframe = COPTER,
        payload: bool = True,
        grounds: tuple[int, ...] = (),
        video_port: int = 0,
        levers: Mapping[str, float] | None = None,
        instances: range = INSTANCES,
        scratch: Path | None = None,
        source: str = "",
    ) -> None:
        if not 1 <= vehicles <= MOST_VEHICLES:
            raise SitlError(f"SITL vehicles {vehicles}: allowed are 1 to {MOST_VEHICLES}")
        self.scene: Scene = build(scenario, seed)
        self.levers = dict(levers or {})
        self.drones: tuple[SitlDrone, ...] = tuple(
            SitlDrone(
                SitlVehicle(
                    binary,
                    _home(self.scene, sysid),
                    speedup=speedup,
                    sysid=sysid,
                    airframe=airframe,
                    instances=instances,
                    scratch=scratch / str(sysid) if scratch else None,
                    gimbal_and_camera=payload,
                    grounds=grounds,
                ),
                SimulatedDrone(
                    scenario, seed, ground="", sysid=sysid, speedup=speedup, source=source,
                    video_port=video_port + sysid - 1 if video_port else 0,
                ) if payload else None,
            )
            for sysid in range(1, vehicles + 1)
        )  # fmt: skip
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> SitlFleet:
        try:
            await _together(self._boot(drone) for drone in self.drones)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _boot(self, drone: SitlDrone) -> None:
        vehicle, payload = drone.vehicle, drone.payload
        await self._stack.enter_async_context(vehicle)
        if payload is not None:
            self._stack.push_async_callback(payload.stop)
            await payload.start_payload(vehicle.ports.gimbal, vehicle.ports.camera, vehicle.ports.truth)
        await vehicle.ready()
        for name, value in self.levers.items():
            await vehicle.set(name, value)

    async def set(self, name: str, value: float) -> None:
        """A lever on every vehicle, read back. Raises SitlError as ``SitlVehicle.set`` does."""
        await _together(drone.vehicle.set(name, value) for drone in self.drones)

    async def wait_ended(self) -> None:
        """Wait until a vehicle, gimbal or camera ends by itself. Raises the error that names it."""
        await _together(drone.wait_ended() for drone in self.drones)


def _home(scene: Scene, sysid: int) -> GeoPoint:
    east, north = home_en_m(scene.scenario, sysid)
    lat, lon = scene.place(east, north)
    return GeoPoint(lat, lon, scene.height_at(east, north), Datum.SEA_LEVEL)


async def _together(work: Iterable[Awaitable[Any]]) -> None:
    """All at once; the first that fails ends the others and is what is raised, not a group of one."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
