"""An orbit: look at one place from all sides.

Straight legs around a circle, the camera on the point of interest all the way (the autopilot turns gimbal or nose).
Points are set so close that the legs stay within half a metre of the circle, at least 12 and at most 48 a turn.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from missions.follow import FollowError, required_height, sample_track, sampling_step_m, surface_along
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.mission import FlyTo, LookAt, Mission, ReturnHome, SetSpeed, Step, TakeOff

Floats = NDArray[np.float64]

FEWEST_POINTS, MOST_POINTS = 12, 48


class OrbitError(ValueError):
    """An orbit that cannot be planned: which value, and what is allowed."""


def orbit(
    centre: GeoPoint,
    radius_m: float,
    height_m: float,
    *,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    turns: int = 1,
    speed_m_s: float = 5.0,
    clockwise: bool = True,
    name: str = "orbit",
) -> Mission:
    """Circle `centre` at `radius_m`, `height_m` above the highest surface under the circle and the ways to it.

    Without `terrain` the height is above home and the point looked at lies at home's height; a note says that.
    One height for the whole circle: a steady picture is the purpose. `centre`'s own height is not used.

    Raises OrbitError naming the value.
    """
    _check_values(radius_m, height_m, turns)
    frame = LocalFrame(GeoPoint(centre.lat_deg, centre.lon_deg, 0.0, Datum.SEA_LEVEL))
    start = math.pi if home is None else _bearing(frame, home)
    circle = _circle(radius_m, start, turns, clockwise)
    notes: tuple[str, ...] = ()
    level, target = height_m, 0.0
    if terrain is None:
        notes = ("no terrain was given: heights are above home, not above what stands under the circle",)
    else:
        home, level, target = _on(terrain, home, frame, circle, height_m)
    flown = [_point(frame, east, north, level) for east, north in circle]
    looked_at = GeoPoint(centre.lat_deg, centre.lon_deg, target, Datum.HOME)
    steps: list[Step] = [TakeOff(level), SetSpeed(speed_m_s), LookAt(looked_at)]
    steps += [FlyTo(point) for point in flown]
    return Mission(name, (*steps, LookAt(None), ReturnHome()), home, notes)


def _check_values(radius_m: float, height_m: float, turns: int) -> None:
    if not 5.0 <= radius_m <= 1000.0:
        raise OrbitError(f"radius {radius_m} m: allowed are 5 to 1000 m")
    if not 5.0 <= height_m <= 1000.0:
        raise OrbitError(f"height {height_m} m: allowed are 5 to 1000 m")
    if not 1 <= turns <= 10:
        raise OrbitError(f"{turns} turns: allowed are 1 to 10")


def _bearing(frame: LocalFrame, home: GeoPoint) -> float:
    """Direction from the centre to home, radians clockwise from north: there the circle begins."""
    east, north = frame.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2]
    return math.atan2(east, north)


def _circle(radius_m: float, start_rad: float, turns: int, clockwise: bool) -> Floats:
    # sagitta r(1 − cos(step/2)) ≤ 0.5 m
    step = 2.0 * math.acos(max(-1.0, 1.0 - 0.5 / radius_m))
    count = min(MOST_POINTS, max(FEWEST_POINTS, math.ceil(2.0 * math.pi / step)))
    sign = 1.0 if clockwise else -1.0
    angles = start_rad + sign * np.arange(count * turns + 1) * (2.0 * math.pi / count)
    return np.column_stack([radius_m * np.sin(angles), radius_m * np.cos(angles)])


def _on(
    terrain: Ground, home: GeoPoint | None, frame: LocalFrame, circle: Floats,
    height_m: float,
) -> tuple[GeoPoint, float, float]:  # fmt: skip
    """Home at the terrain's height, the flight level and the looked-at surface, both above home."""
    if home is None:
        raise OrbitError("home is needed to keep clear of the terrain: heights are sent relative to it")
    home_en = frame.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2]
    track = sample_track(np.vstack([home_en, circle, home_en]), sampling_step_m(terrain))
    try:
        needed = required_height(track, surface_along(track, frame, terrain, "the orbit"), height_m)
    except FollowError as problem:
        raise OrbitError(f"{problem}; give a terrain file that covers the flight, or none") from problem
    ground = float(terrain.height_at(home.lat_deg, home.lon_deg))
    centre = float(terrain.height_at(frame.origin.lat_deg, frame.origin.lon_deg))
    if not math.isfinite(centre):
        raise OrbitError("the terrain has no height at the centre; give a terrain file that covers it, or none")
    placed = GeoPoint(home.lat_deg, home.lon_deg, ground, Datum.SEA_LEVEL)
    return placed, float(needed.max()) - ground, centre - ground


def _point(frame: LocalFrame, east: float, north: float, above_home_m: float) -> GeoPoint:
    lat, lon, _ = frame.geo_from_enu(np.array([east, north, 0.0]))
    return GeoPoint(float(lat), float(lon), above_home_m, Datum.HOME)
