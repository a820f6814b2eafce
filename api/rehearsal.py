"""A scenario flown end to end in one process, in simulated time, without a socket, a thread or a clock.

The same machines as the live system — station, observer, memory, conductor — with another pump: bytes go from world to
station in memory, frames from camera to observer, and time is what the world says. Therefore the same seed gives the
same bytes, and a flight of four minutes takes a fraction of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import shapely

from api.conductor import Conductor, Own
from ground_station.station import Station
from imagery.frame import Frame, FrameKind
from imagery.hotspots import properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation, Observer
from missions.checks import CheckedMission, check
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import TerrainGrid
from missions.survey import survey
from simulators.camera import Shot
from simulators.endpoints import scenario_of
from simulators.fire import Scene
from simulators.score import Found, score
from simulators.thermal import KELVIN_PER_COUNT, PROFILE, SATURATED_COUNT
from simulators.world import World, home_en_m

LINK = "memory"
CAMERA = "1/100"
_SLICE_S = 0.05
_LIMIT_S = 1_200.0


class RehearsalError(RuntimeError):
    """The rehearsal could not be flown: says what the conductor met."""


def plan_survey(scene: Scene, terrain: TerrainGrid) -> CheckedMission:
    """The survey that the ground station flies over a scene: planned with what a crew would have, and checked."""
    scenario = scene.scenario
    lat, lon = scene.place(*home_en_m(scenario))
    home = GeoPoint(lat, lon, float(terrain.height_at(lat, lon)), Datum.SEA_LEVEL)
    area = shapely.Polygon([(corner_lon, corner_lat) for corner_lat, corner_lon in scene.survey_area()])
    mission = survey(
        area,
        PROFILE,
        scenario.survey_height_m,
        sidelap=0.4,
        speed_m_s=scenario.survey_speed_m_s,
        home=home,
        terrain=terrain,
        name=scenario.name,
    )
    report = check(mission, terrain=terrain, home=home)
    if report.checked is None:
        raise RehearsalError(f"the survey of {scenario.name} is not flyable: {report.stops[0].text}")
    if report.checked.needs_acceptance:
        return report.checked.accepted_by("demo", "simulated incident")
    return report.checked


def surroundings_of(scene: Scene, terrain: TerrainGrid, camera: str = CAMERA) -> Surroundings:
    """The ground side's view of where it is: terrain file, local frame at the incident, camera profile."""
    origin = GeoPoint(scene.plane.lat_deg, scene.plane.lon_deg, scene.plane.alt_m, Datum.SEA_LEVEL)
    return Surroundings(terrain, LocalFrame(origin), {camera: PROFILE})


def frame_of(shot: Shot, seq: int) -> Frame:
    """A camera frame as it would come out of the stream."""
    return Frame(
        vehicle=1,
        camera=CAMERA,
        seq=seq,
        stamp_s=shot.boot_s,
        clock="vehicle-boot",
        image=shot.counts,
        kind=FrameKind.COUNTS,
        kelvin_per_count=KELVIN_PER_COUNT,
        saturated_count=SATURATED_COUNT,
    )


@dataclass(slots=True)
class Rehearsal:
    """One scenario, by its name or its file, with one seed."""

    scenario: str
    seed: int
    world: World = field(init=False)
    station: Station = field(init=False)
    picture: Picture = field(init=False)
    observer: Observer = field(init=False)
    conductor: Conductor = field(init=False)
    observations: list[FrameObservation] = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(scenario_of(self.scenario), self.seed)
        terrain = self.world.scene.elevation()
        self._terrain_surroundings(surroundings_of(self.world.scene, terrain))
        self.station = Station()
        self.picture = Picture()
        self.observer = Observer(PROFILE)
        self.observations = []
        own = Own(LINK, self.world.autopilot.uid)
        self.conductor = Conductor(own, plan_survey(self.world.scene, terrain))

    surroundings: Surroundings = field(init=False)
    _confirmed_s: dict[int, float] = field(init=False, default_factory=dict)
    _seq: int = field(init=False, default=0)

    def _terrain_surroundings(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings

    def run(self) -> dict[str, Any]:
        """Fly it to the landing and return the score. Raises RehearsalError when it does not land."""
        while not self.conductor.over and self.world.now_s < _LIMIT_S:
            self.step()
        if self.conductor.phase != "landed":
            raise RehearsalError(
                f"{self.scenario} seed {self.seed}: {self.conductor.failure or 'still ' + self.conductor.phase}"
            )
        return self.result()

    def step(self) -> None:
        """A slice of simulated time through the whole river."""
        now_s = self.world.now_s + _SLICE_S
        airborne = self.conductor.phase == "flying"
        self.world.step(now_s, with_frames=airborne)
        utc_s = self.world.autopilot.utc_at_boot_s + now_s
        for data in self.world.take_outgoing():
            self.station.receive(data, link=LINK, now_s=now_s, utc_s=utc_s)
        self.station.tick(now_s=now_s)
        self.conductor.tick(self.station, now_s=now_s)
        for outgoing in self.station.take_outgoing(now_s=now_s):
            self.world.receive(outgoing.data)
        for shot in self.world.take_shots():
            self._seq += 1
            self.observer.wait_for_pose(self.observer.see(frame_of(shot, self._seq)), now_s=now_s)
        self._place(now_s)

    def _place(self, now_s: float) -> None:
        vehicle = self.station.vehicles.get(1)
        if vehicle is None:
            return
        ready = self.observer.take_ready(
            vehicle.track, lambda frame: vehicle.clock.utc_from_boot(frame.stamp_s), now_s=now_s
        )
        for observation in ready:
            self.observations.append(observation)
            self.picture, events = observe(self.picture, observation, self.surroundings)
            for event in events:
                if event.what == "confirmed":
                    self._confirmed_s[event.key] = observation.time_s

    def hotspots(self) -> list[dict[str, Any]]:
        """The confirmed hotspots as they are shown."""
        return [properties(hotspot, self.surroundings.frame) for hotspot in self.picture.memory.confirmed]

    def result(self) -> dict[str, Any]:
        """The score of what was flown so far."""
        found = [
            Found(properties(hotspot, self.surroundings.frame), self._confirmed_s.get(hotspot.key, 0.0))
            for hotspot in self.picture.memory.confirmed
        ]
        figures = score(
            self.world.truths,
            found,
            self.world.scene.plane,
            area_m2=self.picture.coverage.area_m2,
            frames=self.observer.frames,
            dropped=self.observer.unplaced,
        )
        return {"scenario": self.world.scene.scenario.name, "seed": self.seed, "mode": "demo", **figures}


def rehearse(scenario: str, seed: int) -> dict[str, Any]:
    """Fly one scenario with one seed; the score."""
    return Rehearsal(scenario, seed).run()
