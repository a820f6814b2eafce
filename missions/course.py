"""From a track over ground to a flight: heights, the way there and back, and the steps of a `Mission`.

Every pattern (survey, corridor, search, perimeter …) ends here, so that all of them follow the surface, take home's
height from the same terrain, and come home over the same hill in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from missions.follow import (
    FollowError,
    follow,
    follow_at,
    required_height,
    sample_track,
    sampling_step_m,
    surface_along,
)
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.mission import FlyTo, Mission, PointCamera, ReturnHome, SetSpeed, Step, TakeOff

Floats = NDArray[np.float64]

LOWEST_M, HIGHEST_M = 5.0, 1000.0
NO_TERRAIN = "no terrain was given: heights are above home, not above what stands under the line"


class CourseError(ValueError):
    """A course that cannot be flown: which value or place, and what is allowed."""


def require_height(altitude_m: float) -> None:
    """Raise CourseError for a height that no drone of a fire brigade flies."""
    if not LOWEST_M <= altitude_m <= HIGHEST_M:
        raise CourseError(f"height {altitude_m} m: allowed are {LOWEST_M:g} to {HIGHEST_M:g} m above the surface")


def mission_along(
    track: Floats,
    frame: LocalFrame,
    altitude_m: float | Floats,
    *,
    home: GeoPoint | None,
    terrain: Ground | None,
    speed_m_s: float,
    look_down: bool,
    name: str,
    notes: Sequence[str] = (),
    clearance_m: float | None = None,
    hold_s: float = 0.0,
) -> Mission:
    """A mission that flies `track` (N, 2) east, north metres in `frame` at `altitude_m` above the surface.

    With `terrain` (datum SEA_LEVEL) the heights follow it and are written relative to home, which is then needed;
    without it `altitude_m` is above home and a note says so. `look_down` points a gimbal there first. With heights
    (N,) each point has its own, and between them and from and to home the surface is passed at `clearance_m` or more.
    `hold_s`: wait at each point of the track.

    Raises CourseError naming the value or the place.
    """
    heights = np.broadcast_to(np.asarray(altitude_m, np.float64), len(track))
    for height in (float(heights.min()), float(heights.max())):
        require_height(height)
    told = list(notes)
    if terrain is None:
        flown = [(place, True) for place in points_above_home(frame, np.column_stack([track, heights]))]
        told.append(NO_TERRAIN)
    else:
        if home is None:
            raise CourseError("home is needed to follow the terrain: heights are sent relative to it")
        home, note = home_on(terrain, home)
        told += note
        flown = _following(track, frame, terrain, home, altitude_m, clearance_m)
    steps: list[Step] = [TakeOff(flown[0][0].alt_m), SetSpeed(speed_m_s)]
    if look_down:
        steps.append(PointCamera(-90.0))
    steps += [FlyTo(point, hold_s if given else 0.0) for point, given in flown]
    return Mission(name, (*steps, ReturnHome()), home, tuple(told))


def point_above_home(frame: LocalFrame, east: float, north: float, above_home_m: float) -> GeoPoint:
    """A place on the plane of `frame` with a height above home."""
    lat, lon, _ = frame.geo_from_enu(np.array([east, north, 0.0]))
    return GeoPoint(float(lat), float(lon), float(above_home_m), Datum.HOME)


def points_above_home(frame: LocalFrame, rows: Floats) -> list[GeoPoint]:
    """As `point_above_home`, for rows (N, 3) east, north, height above home."""
    lat, lon, _ = frame.geo_from_enu(np.column_stack([rows[:, :2], np.zeros(len(rows))]))
    columns = (lat.tolist(), lon.tolist(), rows[:, 2].tolist())
    return [GeoPoint(a, b, up, Datum.HOME) for a, b, up in zip(*columns, strict=True)]


def place_en(frame: LocalFrame, place: GeoPoint) -> Floats:
    """(2,) east, north metres of a place."""
    return np.asarray(frame.enu_from_geo(place.lat_deg, place.lon_deg, frame.origin.alt_m)[:2], np.float64)


def home_on(terrain: Ground, home: GeoPoint) -> tuple[GeoPoint, list[str]]:
    """Home at the terrain's own height: heights relative to it then hold in the same model that was followed."""
    ground_m = float(terrain.height_at(home.lat_deg, home.lon_deg))
    if not math.isfinite(ground_m):
        raise CourseError(
            f"the terrain does not cover home ({home.lat_deg:.5f}, {home.lon_deg:.5f}); "
            "give a file that covers the whole flight, or none"
        )
    note = []
    if abs(ground_m - home.alt_m) > 5.0:
        note = [
            f"home is given at {home.alt_m:.1f} m, the terrain there is {ground_m:.1f} m above sea level and counts"
        ]
    return GeoPoint(home.lat_deg, home.lon_deg, ground_m, Datum.SEA_LEVEL), note


def _following(
    track: Floats, frame: LocalFrame, terrain: Ground, home: GeoPoint, altitude_m: float | Floats,
    clearance_m: float | None,
) -> list[tuple[GeoPoint, bool]]:  # fmt: skip
    """The points to fly, and whether each is one of the track (else it is there for its height)."""
    lowest = float(np.min(altitude_m))
    tolerance, between = max(1.0, 0.05 * lowest), lowest if clearance_m is None else clearance_m
    try:
        if isinstance(altitude_m, np.ndarray):
            flown, given = follow_at(track, frame, terrain, altitude_m, between, tolerance)
        else:
            flown = follow(track, frame, terrain, altitude_m, tolerance)
            given = np.ones(len(flown), np.bool_)
        home_en = place_en(frame, home)
        there = transit_height(np.array([home_en, track[0]]), frame, terrain, between, "the way to the first line")
        back = transit_height(np.array([track[-1], home_en]), frame, terrain, between, "the way home")
    except FollowError as problem:
        raise CourseError(f"{problem}; give a terrain file that covers the flight, or none") from problem
    rows = [(tuple(row), bool(of_track)) for row, of_track in zip(flown, given, strict=True)]
    (first_e, first_n, first), (last_e, last_n, last) = rows[0][0], rows[-1][0]
    if there > first + 0.5:
        rows.insert(0, ((first_e, first_n, there), False))
    if back > last + 0.5:
        rows.append(((last_e, last_n, back), False))
    places = points_above_home(frame, np.array([row for row, _ in rows]) - [0.0, 0.0, home.alt_m])
    points = [(place, given) for place, (_, given) in zip(places, rows, strict=True)]
    if points[0][0].alt_m <= 0.0:
        raise CourseError("the area lies so far below home that its flight height is below home; choose a nearer home")
    return points


def transit_height(leg: Floats, frame: LocalFrame, terrain: Ground, altitude_m: float, what: str) -> float:
    """Height above sea level at which a straight way keeps `altitude_m` above the surface. Raises FollowError."""
    samples = sample_track(leg, sampling_step_m(terrain))
    return float(required_height(samples, surface_along(samples, frame, terrain, what), altitude_m).max())
