"""What was really there and what was really seen: gathered while the world runs, for the score and for nothing else.

A **target** is what shall be found: every fire, or every person where the task is to find persons. Its first *look* is
the first frame that holds it wholly and unoccluded, however small; it is *in view* once it is LARGE_PX across, and only
then it is asked for. The ground that the lens really saw is kept as a raster: rays that met the surface, so what a roof
or a crown hides counts as not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.aircraft import Aircraft
from simulators.burning import Fire
from simulators.camera import Shot
from simulators.fire import Scene
from simulators.friends import Thing
from simulators.radiance import Floats

LARGE_PX = 3.0
SEEN_CELL_M = 2.0
# Larger than this a fire has an outline rather than a place.
_A_PLACE_M = 4.0


@dataclass(frozen=True, slots=True)
class Target:
    """What shall be found: number, kind, radius at the start; ``wide``: an area, whose middle says little."""

    number: int
    kind: str
    radius_m: float
    wide: bool
    body: Fire | Thing

    @property
    def missing(self) -> bool:
        """Whether it is the person that is searched for."""
        return isinstance(self.body, Thing) and self.body.missing

    def place(self, boot_s: float) -> tuple[float, float]:
        """East, north at a time, metres."""
        if isinstance(self.body, Fire):
            burn = self.body.at(boot_s)
            return burn.east_m, burn.north_m
        east, north, _ = self.body.at(boot_s)
        return east, north


def targets_of(fires: Sequence[Fire], things: Sequence[Thing], task: str) -> dict[int, Target]:
    """By number, what a task looks for."""
    if task == "person":
        people = [thing for thing in things if thing.kind == "person"]
        return {thing.number: Target(thing.number, "person", 0.5, False, thing) for thing in people}
    return {f.number: Target(f.number, f.kind, f.radius_m, f.radius_m > _A_PLACE_M, f) for f in fires}


@dataclass(frozen=True, slots=True)
class Flown:
    """One flight: when the vehicle left the ground and when it stood there again (UTC s), and its mode then."""

    vehicle: int
    take_off_s: float
    landed_s: float
    mode: int


@dataclass(slots=True)
class Met:
    """How near one aircraft came to a drone in the air: metres (slant), and when (UTC s)."""

    aircraft: Aircraft
    nearest_m: float = math.inf
    nearest_s: float = math.nan


@dataclass(slots=True)
class Truths:
    """Fires and things, and what became visible when. ``epoch_s``: UTC of boot; all times of day are UTC seconds."""

    fires: tuple[Fire, ...]
    things: tuple[Thing, ...] = ()
    mirrors_en: tuple[tuple[float, float], ...] = ()
    epoch_s: float = 0.0
    half_m: float = 0.0
    met: tuple[Met, ...] = ()
    first_look_s: dict[int, float] = field(default_factory=dict)
    first_in_view_s: dict[int, float] = field(default_factory=dict)
    largest_px: dict[int, float] = field(default_factory=dict)
    contrast_k: dict[int, float] = field(default_factory=dict)
    frames: int = 0
    last_s: float = 0.0
    flights: list[Flown] = field(default_factory=list)
    in_the_air: dict[int, float] = field(default_factory=dict)
    """{vehicle: when it took off}."""
    separation_m: float = math.inf
    seen: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))

    def __post_init__(self) -> None:
        side = math.ceil(2 * self.half_m / SEEN_CELL_M)
        self.seen = np.zeros((side, side), np.bool_)

    def add(self, shot: Shot, utc_s: float) -> None:
        """One exposed frame."""
        self.frames += 1
        self.last_s = max(self.last_s, utc_s)
        for view in shot.in_view:
            self.largest_px[view.number] = max(self.largest_px.get(view.number, 0.0), view.diameter_px)
            self.contrast_k[view.number] = max(self.contrast_k.get(view.number, 0.0), view.contrast_k)
            self.first_look_s.setdefault(view.number, utc_s)
            if view.diameter_px >= LARGE_PX:
                self.first_in_view_s.setdefault(view.number, utc_s)
        if shot.ground_en is not None:
            rows, columns = self._cells(shot.ground_en)
            self.seen[rows, columns] = True

    def _cells(self, en: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(rows, columns) of places inside the scene; row 0 in the north."""
        columns = np.floor((en[:, 0] + self.half_m) / SEEN_CELL_M).astype(np.intp)
        rows = np.floor((self.half_m - en[:, 1]) / SEEN_CELL_M).astype(np.intp)
        side = len(self.seen)
        inside = (rows >= 0) & (columns >= 0) & (rows < side) & (columns < side)
        return rows[inside], columns[inside]

    def fly_by(self, places: Sequence[Floats], boot_s: float) -> None:
        """(3,) places of all drones in the air at a boot time: how near they are to aircraft and to one another."""
        for met in self.met:
            flown = met.aircraft.at(boot_s)
            for place in places if flown is not None else ():
                assert flown is not None
                distance = math.dist(flown[0], place)
                if distance < met.nearest_m:
                    met.nearest_m, met.nearest_s = distance, self.epoch_s + boot_s
        for index, one in enumerate(places):
            for other in places[index + 1 :]:
                self.separation_m = min(self.separation_m, math.dist(one, other))

    def boot_s(self, utc_s: float) -> float:
        """The boot time of a time of day."""
        return utc_s - self.epoch_s

    def log(self, vehicle: int, utc_s: float, mode: int, *, airborne: bool) -> None:
        """Whether a drone is off the ground, and in which mode, at a time."""
        if airborne:
            self.in_the_air.setdefault(vehicle, utc_s)
        elif vehicle in self.in_the_air:
            self.flights.append(Flown(vehicle, self.in_the_air.pop(vehicle), utc_s, mode))

    @property
    def take_off_s(self) -> float | None:
        """When the first drone left the ground; None before."""
        return min((*(flown.take_off_s for flown in self.flights), *self.in_the_air.values()), default=None)

    @property
    def flight_s(self) -> float:
        """Seconds in the air, of all drones together; of one that still flies until the last frame."""
        still = sum(max(0.0, self.last_s - since_s) for since_s in self.in_the_air.values())
        return still + sum(flown.landed_s - flown.take_off_s for flown in self.flights)


def truths_of(scene: Scene, aircraft: Sequence[Aircraft], epoch_s: float) -> Truths:
    """Of a scene before anything has flown."""
    mirrors = tuple((mirror.east_m, mirror.north_m) for mirror in scene.mirrors if not mirror.wet)
    return Truths(scene.fires, scene.things, mirrors, epoch_s, scene.half_m, tuple(Met(one) for one in aircraft))
