"""A scenario flown end to end in one process, in simulated time, without a socket, a thread or a clock.

The same machines as the live system (station, observer, memory, conductor) with another pump: bytes go from world to
station in memory, frames from camera to observer, and time is what the world says. Therefore the same seed gives the
same bytes, and a flight of four minutes takes a fraction of that. Every drone of the scenario has a link, an eye and a
conductor of its own; what they see goes into one picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely

from api.conductor import Conductor, Own
from ground_station.station import Station
from imagery.frame import Frame, FrameKind
from imagery.hotspots import Hotspot, properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation, Observer
from missions.checks import CheckedMission, check
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import TerrainGrid
from missions.mission import FlyTo, Mission
from missions.survey import survey, swath
from simulators.camera import CAMERA_COMPONENT, Shot
from simulators.fire import Scene
from simulators.scenario_files import scenario_of
from simulators.score import Found, Shown, score
from simulators.sitl_world import SitlWorld
from simulators.thermal import KELVIN_PER_COUNT, PROFILE, SATURATED_COUNT
from simulators.truths import Truths
from simulators.world import World, home_en_m

CAMERA = f"1/{CAMERA_COMPONENT}"
_SLICE_S, _PAUSE_S = 0.05, 0.005
_LIMIT_S = 1_800.0
# Drones that share an area fly so far above one another.
_LEVELS_M = 12.0


class RehearsalError(RuntimeError):
    """The rehearsal could not be flown: says what the conductor met."""


def camera_of(sysid: int) -> str:
    """The id of a drone's camera."""
    return f"{sysid}/{CAMERA_COMPONENT}"


def link_of(sysid: int) -> str:
    """The name of a drone's link."""
    return "memory" if sysid == 1 else f"memory {sysid}"


def share_of_area(scene: Scene, sysid: int) -> list[tuple[float, float]]:
    """(lat, lon) corners of the strip of the survey that one of its drones searches: side by side along the east."""
    width, depth = scene.scenario.survey_m
    step = width / scene.scenario.vehicles
    west = -width / 2 + (sysid - 1) * step
    return [
        scene.place(e, n)
        for e, n in (
            (west, -depth / 2),
            (west + step, -depth / 2),
            (west + step, depth / 2),
            (west, depth / 2),
        )
    ]


def height_of(scene: Scene, sysid: int) -> float:
    """The height above the surface that one of the drones flies at, metres."""
    return scene.scenario.survey_height_m + _LEVELS_M * (sysid - 1)


def survey_of(scene: Scene, terrain: TerrainGrid, sysid: int = 1) -> Mission:
    """The survey of one drone over a scene, planned with what a crew would have."""
    scenario = scene.scenario
    lat, lon = scene.place(*home_en_m(scenario, sysid))
    home = GeoPoint(lat, lon, float(terrain.height_at(lat, lon)), Datum.SEA_LEVEL)
    area = shapely.Polygon([(corner_lon, corner_lat) for corner_lat, corner_lon in share_of_area(scene, sysid)])
    return survey(
        area,
        PROFILE,
        height_of(scene, sysid),
        sidelap=0.4,
        speed_m_s=scenario.survey_speed_m_s,
        home=home,
        terrain=terrain,
        name=scenario.name,
    )


def plan_survey(scene: Scene, terrain: TerrainGrid, sysid: int = 1) -> CheckedMission:
    """The survey that the ground station flies over a scene, checked."""
    return checked(survey_of(scene, terrain, sysid), terrain)


def checked(mission: Mission, terrain: TerrainGrid) -> CheckedMission:
    """A survey that can be uploaded. Raises RehearsalError with the first stop."""
    report = check(mission, terrain=terrain, home=mission.home)
    if report.checked is None:
        raise RehearsalError(f"the survey of {mission.name} is not flyable: {report.stops[0].text}")
    if report.checked.needs_acceptance:
        return report.checked.accepted_by("demo", "simulated incident")
    return report.checked


def planned_rings(mission: Mission, frame: LocalFrame, height_m: float) -> list[list[Any]]:
    """What a survey should see, as polygons of rings (N, 2) east, north: its legs, as wide as the camera's swath."""
    points = [step.point for step in mission.steps if isinstance(step, FlyTo)]
    track = [frame.enu_from_geo(point.lat_deg, point.lon_deg, frame.origin.alt_m)[:2] for point in points]
    half = swath(PROFILE).half_width * height_m
    legs = [shapely.LineString([a, b]) for a, b in pairwise(track)]
    seen = shapely.union_all([leg.buffer(half, cap_style="square") for leg in legs])
    return [[np.asarray(ring.coords) for ring in (part.exterior, *part.interiors)] for part in shapely.get_parts(seen)]


def surroundings_of(scene: Scene, terrain: TerrainGrid, cameras: Sequence[str] = (CAMERA,)) -> Surroundings:
    """The ground side's view of where it is: terrain file, local frame at the incident, camera profiles."""
    origin = GeoPoint(scene.plane.lat_deg, scene.plane.lon_deg, scene.plane.alt_m, Datum.SEA_LEVEL)
    return Surroundings(terrain, LocalFrame(origin), dict.fromkeys(cameras, PROFILE))


def frame_of(shot: Shot, seq: int, sysid: int = 1) -> Frame:
    """A camera frame as it would come out of the stream."""
    return Frame(
        vehicle=sysid,
        camera=camera_of(sysid),
        seq=seq,
        stamp_s=shot.boot_s,
        clock="vehicle-boot",
        image=shot.counts,
        kind=FrameKind.COUNTS,
        kelvin_per_count=KELVIN_PER_COUNT,
        saturated_count=SATURATED_COUNT,
    )


@dataclass(slots=True)
class Seat:
    """What the ground side has of each drone: its plan, its conductor, its eye, and the frames counted."""

    sysid: int
    mission: Mission
    conductor: Conductor
    observer: Observer
    seq: int = 0


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """When a hotspot got its number, and how it was shown then."""

    shown_s: float
    properties: dict[str, Any]


class Drone(Protocol):
    """What a rehearsal must know of a drone of its world."""

    sysid: int
    looking: bool

    @property
    def uid(self) -> int | None: ...


class Stage(Protocol):
    """What a rehearsal flies in: our own world in memory, or one with ArduPilot's binaries."""

    scene: Scene
    truths: Truths

    @property
    def crafts(self) -> Sequence[Drone]: ...

    @property
    def now_s(self) -> float: ...

    @property
    def utc_at_boot_s(self) -> float: ...

    def receive(self, data: bytes, *, sysid: int = 1) -> None: ...

    def take_outgoing(self, *, sysid: int = 1) -> Sequence[bytes]: ...

    def take_shots(self, *, sysid: int = 1) -> Sequence[Shot]: ...


@dataclass(slots=True)
class Rehearsal:
    """One scenario, by its name or its file, with one seed; in memory where no other ``stage`` is given."""

    scenario: str
    seed: int
    stage: Stage | None = None
    station: Station = field(init=False)
    picture: Picture = field(init=False)
    surroundings: Surroundings = field(init=False)
    seats: tuple[Seat, ...] = field(init=False)
    observations: list[FrameObservation] = field(init=False)
    _confirmed: dict[int, _Confirmed] = field(init=False, default_factory=dict)
    _heard_s: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.stage is None:
            self.stage = World(scenario_of(self.scenario), self.seed)
        scene, crafts = self.stage.scene, self.stage.crafts
        terrain = scene.elevation()
        self.surroundings = surroundings_of(scene, terrain, [camera_of(craft.sysid) for craft in crafts])
        for craft in crafts:
            craft.looking = False  # until it flies
        self.station = Station()
        self.picture = Picture()
        self.observations = []
        self.seats = tuple(self._seat(scene, craft, terrain) for craft in crafts)

    @property
    def world(self) -> World:
        """The stage, where it is our own world."""
        assert isinstance(self.stage, World)
        return self.stage

    @property
    def _stage(self) -> Stage:
        assert self.stage is not None
        return self.stage

    @staticmethod
    def _seat(scene: Scene, craft: Drone, terrain: TerrainGrid) -> Seat:
        sysid = craft.sysid
        mission = survey_of(scene, terrain, sysid)
        conductor = Conductor(Own(link_of(sysid), craft.uid, sysid), checked(mission, terrain))
        return Seat(sysid, mission, conductor, Observer(PROFILE, task=scene.scenario.task))

    @property
    def conductor(self) -> Conductor:
        """Of the first drone."""
        return self.seats[0].conductor

    @property
    def observer(self) -> Observer:
        """Of the first drone."""
        return self.seats[0].observer

    @property
    def over(self) -> bool:
        """Whether every drone has landed, or one cannot go on."""
        conductors = [seat.conductor for seat in self.seats]
        return all(c.phase == "landed" for c in conductors) or any(c.failure for c in conductors)

    def run(self) -> dict[str, Any]:
        """Fly it to the landing and return the score. Raises RehearsalError when it does not land."""
        while self.goes_on:
            self.step()
        return self.landed_result()

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to fly, and time for it."""
        return not self.over and self._stage.now_s < _LIMIT_S

    def landed_result(self) -> dict[str, Any]:
        """The score. Raises RehearsalError where a drone has not landed."""
        for seat in self.seats:
            if seat.conductor.phase != "landed":
                why = seat.conductor.failure or f"still {seat.conductor.phase}"
                raise RehearsalError(f"{self.scenario} seed {self.seed}: {why}")
        return self.result()

    def step(self) -> None:
        """A slice of simulated time through the whole river."""
        now_s = self.world.now_s + _SLICE_S
        self.world.step(now_s)
        self.turn(now_s)

    def turn(self, now_s: float) -> None:
        """What the world has sent by a time, through the ground side, and back."""
        utc_s = self._stage.utc_at_boot_s + now_s
        for seat in self.seats:
            for data in self._stage.take_outgoing(sysid=seat.sysid):
                self._hear(data, seat, now_s, utc_s)
        self.station.tick(now_s=now_s)
        for seat in self.seats:
            seat.conductor.tick(self.station, now_s=now_s)
        by_link = {link_of(seat.sysid): seat.sysid for seat in self.seats}
        for outgoing in self.station.take_outgoing(now_s=now_s):
            self._stage.receive(outgoing.data, sysid=by_link[outgoing.link])
        for craft, seat in zip(self._stage.crafts, self.seats, strict=True):
            craft.looking = seat.conductor.phase == "flying"
            for shot in self._stage.take_shots(sysid=seat.sysid):
                seat.seq += 1
                frame = frame_of(shot, seat.seq, seat.sysid)
                seat.observer.wait_for_pose(seat.observer.see(frame), now_s=now_s)
            self._place(seat, now_s, utc_s)

    def _hear(self, data: bytes, seat: Seat, now_s: float, utc_s: float) -> None:
        for received in self.station.receive(data, link=link_of(seat.sysid), now_s=now_s, utc_s=utc_s):
            if received.name == "ADSB_VEHICLE":
                self._heard_s.setdefault(received.message.callsign, utc_s)

    def _place(self, seat: Seat, now_s: float, utc_s: float) -> None:
        vehicle = self.station.vehicles.get(seat.sysid)
        if vehicle is None:
            return
        ready = seat.observer.take_ready(
            vehicle.track, lambda frame: vehicle.clock.utc_from_boot(frame.stamp_s), now_s=now_s
        )
        for observation in ready:
            self.observations.append(observation)
            self.picture, events = observe(self.picture, observation, self.surroundings)
            for event in events:
                hotspot = self.picture.memory.get(event.key) if event.what == "confirmed" else None
                if hotspot is not None:
                    self._confirmed[event.key] = _Confirmed(utc_s, self._shown(hotspot))

    def _shown(self, hotspot: Hotspot) -> dict[str, Any]:
        return properties(hotspot, self.surroundings.frame)

    def hotspots(self) -> list[dict[str, Any]]:
        """The confirmed hotspots as they are shown."""
        return [self._shown(hotspot) for hotspot in self.picture.memory.confirmed]

    def result(self) -> dict[str, Any]:
        """The score of what was flown so far."""
        scene = self._stage.scene
        figures = score(
            self._stage.truths,
            self._all_shown(),
            scene.plane,
            task=scene.scenario.task,
            find_within_min=scene.scenario.find_within_min,
        )
        return {"scenario": scene.scenario.name, "seed": self.seed, "mode": "demo", **figures}

    def _all_shown(self) -> Shown:
        scene, frame = self._stage.scene, self.surroundings.frame
        planned = [
            rings for seat in self.seats for rings in planned_rings(seat.mission, frame, height_of(scene, seat.sysid))
        ]
        width, depth = (side / 2 for side in scene.scenario.survey_m)
        here = {hotspot.key for hotspot in self.picture.memory.confirmed}
        return Shown(
            found=[self._found(hotspot.key, self._shown(hotspot)) for hotspot in self.picture.memory.confirmed],
            taken_back=[self._found(key, told.properties) for key, told in self._confirmed.items() if key not in here],
            area_m2=self.picture.coverage.area_m2,
            frames=sum(seat.observer.frames for seat in self.seats),
            dropped=sum(seat.observer.unplaced for seat in self.seats),
            coverage=self.picture.coverage.polygons(),
            planned=planned,
            area=[(-width, -depth), (width, -depth), (width, depth), (-width, depth)],
            heard_s=self._heard_s,
        )

    def _found(self, key: int, shown: dict[str, Any]) -> Found:
        first = self._confirmed.get(key)
        if first is None:
            return Found(shown, 0.0)
        return Found(shown, first.shown_s, (first.properties["lat_deg"], first.properties["lon_deg"]))


def rehearse(scenario: str, seed: int) -> dict[str, Any]:
    """Fly one scenario with one seed; the score."""
    return Rehearsal(scenario, seed).run()


async def rehearse_in_sitl(scenario: str, seed: int, binary: Path) -> dict[str, Any]:
    """Fly one scenario with ArduPilot's binary, in its time; the score. Raises RehearsalError or SitlError."""
    async with SitlWorld(binary, scenario_of(scenario), seed) as world:
        rehearsal = Rehearsal(scenario, seed, world)
        while rehearsal.goes_on:
            world.check()
            world.look()
            rehearsal.turn(world.now_s)
            await asyncio.sleep(_PAUSE_S)
        return rehearsal.landed_result() | {"sitl": world.crafts[0].vehicle.version_text}
