"""Watch a hazard from upwind, out of what it gives off.

The **keep-out area** is a circle around the hazard (50 m: the least Gefahrenbereich of FwDV 500) and a wedge downwind
of it, wide enough for a wind that turns. The drone stands upwind at a distance, or goes to and fro on an arc there, the
camera on the hazard all the time; there and back it goes around the keep-out area on the shortest way. The area also
goes into the fence, so that the checks hold every leg against it.

Wind comes *from* where it is said to come from: upwind of the hazard is that very direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon

from missions.avoid import MARGIN_M, AvoidError, around, grown
from missions.course import NO_TERRAIN, CourseError, home_on, place_en, point_above_home, require_height, transit_height
from missions.follow import FollowError
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.mission import FlyTo, LookAt, Mission, ReturnHome, SetSpeed, Step, TakeOff

Floats = NDArray[np.float64]

_ARC_STEP_DEG = 10.0
_MOST_POINTS = 400


class StandoffError(ValueError):
    """A watch that cannot be planned: which value, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Watch:
    """From where and how long. `wind_from_deg` clockwise from north; `arc_deg` 0: from one place.

    `keep_m`: radius of the circle kept out of; `wedge_deg`: half angle, `wedge_m`: length of the wedge downwind.
    """

    wind_from_deg: float
    distance_m: float = 100.0
    height_m: float = 40.0
    watch_s: float = 300.0
    arc_deg: float = 0.0
    keep_m: float = 50.0
    wedge_deg: float = 45.0
    wedge_m: float = 500.0
    speed_m_s: float = 5.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("wind from", self.wind_from_deg, -360.0, 360.0),
            ("keep-out radius", self.keep_m, 5.0, 1000.0),
            ("distance", self.distance_m, self.keep_m + MARGIN_M + 5.0, 2000.0),
            ("watch", self.watch_s, 1.0, 7200.0),
            ("arc", self.arc_deg, 0.0, 180.0),
            ("wedge half angle", self.wedge_deg, 5.0, 80.0),
            ("wedge length", self.wedge_m, self.keep_m, 10_000.0),
        ):
            if not low <= value <= high:
                raise StandoffError(f"{name} {value:g}: allowed are {low:g} to {high:g}")
        require_height(self.height_m)


def keep_out(watch: Watch) -> Polygon:
    """East, north metres from the hazard: the circle and the wedge downwind of it, one shape without holes."""
    downwind = watch.wind_from_deg + 180.0
    turns = np.radians(np.linspace(downwind - watch.wedge_deg, downwind + watch.wedge_deg, 9))
    rim = watch.wedge_m * np.column_stack([np.sin(turns), np.cos(turns)])
    shape = Point(0.0, 0.0).buffer(watch.keep_m, quad_segs=4).union(Polygon([(0.0, 0.0), *map(tuple, rim)]))
    assert isinstance(shape, Polygon)
    return shape


def plan_standoff(
    hazard: GeoPoint,
    watch: Watch,
    *,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    name: str = "standoff",
) -> tuple[Mission, Polygon]:
    """The mission, and what it keeps out of (longitude, latitude). `hazard`'s own height is not used.

    One height for all of it: `height_m` above the highest surface under the flight, without terrain above home. Raises
    StandoffError or CourseError naming the value.
    """
    frame = LocalFrame(GeoPoint(hazard.lat_deg, hazard.lon_deg, 0.0, Datum.SEA_LEVEL))
    barred = keep_out(watch)
    track = _arc(watch)
    there, back = _ways(track, barred, None if home is None else place_en(frame, home))
    notes, level, target = [NO_TERRAIN], watch.height_m, 0.0
    if terrain is not None:
        home, notes, level, target = _on(terrain, home, frame, np.vstack([there, track, back]), watch.height_m)
    if home is not None and _return_crosses(track, place_en(frame, home), barred):
        notes.append(
            "a return that the aircraft begins by itself goes straight home, through the keep-out area: take off "
            "upwind, or give a rally point there"
        )
    steps: list[Step] = [TakeOff(level), SetSpeed(watch.speed_m_s)]
    steps += [FlyTo(point_above_home(frame, east, north, level)) for east, north in there]
    steps.append(LookAt(GeoPoint(hazard.lat_deg, hazard.lon_deg, target, Datum.HOME)))
    hold_s = watch.watch_s if len(track) == 1 else 0.0
    steps += [FlyTo(point_above_home(frame, east, north, level), hold_s) for east, north in track]
    steps.append(LookAt(None))
    steps += [FlyTo(point_above_home(frame, east, north, level)) for east, north in back]
    lat, lon, _ = frame.geo_from_enu(np.array([[e, n, 0.0] for e, n in barred.exterior.coords]))
    return Mission(name, (*steps, ReturnHome()), home, tuple(notes)), Polygon(np.column_stack([lon, lat]))


def _arc(watch: Watch) -> Floats:
    """(N, 2) the places to watch from, to and fro for as long as is asked."""
    half = 0.5 * watch.arc_deg
    count = 1 if half == 0.0 else max(2, math.ceil(watch.arc_deg / _ARC_STEP_DEG) + 1)
    turns = np.radians(watch.wind_from_deg + np.linspace(-half, half, count)) if count > 1 else None
    if turns is None:
        turns = np.radians([watch.wind_from_deg])
        return watch.distance_m * np.column_stack([np.sin(turns), np.cos(turns)])
    arc = watch.distance_m * np.column_stack([np.sin(turns), np.cos(turns)])
    sweep_s = watch.distance_m * math.radians(watch.arc_deg) / watch.speed_m_s
    sweeps = max(1, math.ceil(watch.watch_s / sweep_s))
    if sweeps * count > _MOST_POINTS:
        raise StandoffError(
            f"{sweeps} sweeps of {count} places: at most {_MOST_POINTS} places; fly slower, on a longer arc, or shorter"
        )
    return np.vstack([arc if number % 2 == 0 else arc[::-1] for number in range(sweeps)])


def _ways(track: Floats, barred: Polygon, home: Floats | None) -> tuple[Floats, Floats]:
    """The corners on the way to the first place and from the last one, without the places and home themselves."""
    nothing = np.zeros((0, 2))
    if home is None:
        return nothing, nothing
    wall = grown([barred])
    try:
        return around(np.array([home, track[0]]), wall)[1:-1], around(np.array([track[-1], home]), wall)[1:-1]
    except AvoidError as problem:
        raise StandoffError(
            f"home lies in the keep-out area or is shut in by it ({problem}): take off upwind"
        ) from problem


def _return_crosses(track: Floats, home: Floats, barred: Polygon) -> bool:
    return any(barred.intersects(LineString([place, home])) for place in track)


def _on(
    terrain: Ground, home: GeoPoint | None, frame: LocalFrame, flown: Floats, height_m: float
) -> tuple[GeoPoint, list[str], float, float]:
    """Home on the terrain, notes, the flight level and the hazard's surface, both above home."""
    if home is None:
        raise CourseError("home is needed to keep clear of the terrain: heights are sent relative to it")
    home, notes = home_on(terrain, home)
    around_home = place_en(frame, home)[None]
    try:
        top = transit_height(np.vstack([around_home, flown, around_home]), frame, terrain, height_m, "the watch")
    except FollowError as problem:
        raise CourseError(f"{problem}; give a terrain file that covers the flight, or none") from problem
    surface = float(terrain.height_at(frame.origin.lat_deg, frame.origin.lon_deg))
    if not math.isfinite(surface):
        raise CourseError("the terrain has no height at the hazard; give a file that covers it, or none")
    return home, notes, top - home.alt_m, surface - home.alt_m
