"""A scenario flown end to end in one process, in simulated time, without a socket, a thread or a clock.

The same machines as the live system (station, observer, memory, conductor) with another pump: bytes go from world to
station in memory, frames from camera to observer, and time is what the world says. Therefore the same seed gives the
same bytes, and a flight of four minutes takes a fraction of that. Every drone of the scenario has a link, an eye and a
conductor of its own; what they see goes into one picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

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
from simulators.craft import Craft
from simulators.fire import Scene
from simulators.scenario_files import scenario_of
from simulators.score import Found, Shown, score
from simulators.thermal import KELVIN_PER_COUNT, PROFILE, SATURATED_COUNT
from simulators.world import World, home_en_m

CAMERA = f"1/{CAMERA_COMPONENT}"
_SLICE_S = 0.05
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


@dataclass(slots=True)
class Rehearsal:
    """One scenario, by its name or its file, with one seed."""

    scenario: str
    seed: int
    world: World = field(init=False)
    station: Station = field(init=False)
    picture: Picture = field(init=False)
    surroundings: Surroundings = field(init=False)
    seats: tuple[Seat, ...] = field(init=False)
    observations: list[FrameObservation] = field(init=False)
    _confirmed: dict[int, _Confirmed] = field(init=False, default_factory=dict)
    _heard_s: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(scenario_of(self.scenario), self.seed)
        scene, crafts = self.world.scene, self.world.crafts
        terrain = scene.elevation()
        self.surroundings = surroundings_of(scene, terrain, [camera_of(craft.sysid) for craft in crafts])
        self.station = Station()
        self.picture = Picture()
        self.observations = []
        self.seats = tuple(self._seat(craft, terrain) for craft in crafts)

    def _seat(self, craft: Craft, terrain: TerrainGrid) -> Seat:
        scene, sysid = self.world.scene, craft.sysid
        mission = survey_of(scene, terrain, sysid)
        conductor = Conductor(Own(link_of(sysid), craft.autopilot.uid, sysid), checked(mission, terrain))
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
        while not self.over and self.world.now_s < _LIMIT_S:
            self.step()
        for seat in self.seats:
            if seat.conductor.phase != "landed":
                why = seat.conductor.failure or f"still {seat.conductor.phase}"
                raise RehearsalError(f"{self.scenario} seed {self.seed}: {why}")
        return self.result()

    def step(self) -> None:
        """A slice of simulated time through the whole river."""
        now_s = self.world.now_s + _SLICE_S
        for craft, seat in zip(self.world.crafts, self.seats, strict=True):
            craft.looking = seat.conductor.phase == "flying"
        self.world.step(now_s)
        utc_s = self.world.autopilot.utc_at_boot_s + now_s
        for seat in self.seats:
            for data in self.world.take_outgoing(sysid=seat.sysid):
                self._hear(data, seat, now_s, utc_s)
        self.station.tick(now_s=now_s)
        for seat in self.seats:
            seat.conductor.tick(self.station, now_s=now_s)
        by_link = {link_of(seat.sysid): seat.sysid for seat in self.seats}
        for outgoing in self.station.take_outgoing(now_s=now_s):
            self.world.receive(outgoing.data, sysid=by_link[outgoing.link])
        for seat in self.seats:
            for shot in self.world.take_shots(sysid=seat.sysid):
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
        scene = self.world.scene
        figures = score(
            self.world.truths,
            self._all_shown(),
            scene.plane,
            task=scene.scenario.task,
            find_within_min=scene.scenario.find_within_min,
        )
        return {"scenario": scene.scenario.name, "seed": self.seed, "mode": "demo", **figures}

    def _all_shown(self) -> Shown:
        scene, frame = self.world.scene, self.surroundings.frame
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
