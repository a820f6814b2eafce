"""A structure from close by: its façades in rings around it, then its roof in lines above it.

**Façades**: rings at a constant distance, one for each band of the wall that a picture holds, from below upwards. They
are flown clockwise with the camera turned 90° to the right of the nose, so it looks square at the wall on every
straight piece; that takes a gimbal that can pan. The lowest band often lies lower than an aircraft may fly: there the
ring stays at the lowest allowed height and the camera looks down at the band. **Roof**: survey lines at the same
distance above the highest point, the camera straight down.

Height of the structure: said, or the highest surface within the outline over the lowest under the ring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, contains_xy
from shapely.geometry.polygon import orient

from missions.area import check_area, local_frame, to_metres
from missions.course import NO_TERRAIN, CourseError, home_on, place_en, point_above_home, transit_height
from missions.follow import FollowError, sample_track, sampling_step_m, surface_along
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import GeoPoint, LocalFrame
from missions.geometry.plane_terrain import PlaneGround
from missions.geometry.terrain import Ground
from missions.mission import FlyTo, Mission, PointCamera, ReturnHome, SetSpeed, Step, TakeOff
from missions.survey import long_side_heading_deg, plan_lines, swath

Floats = NDArray[np.float64]

PARTS = ("facade", "roof")
CLEARANCE_M = 8.0
_MOST_RINGS = 40


class StructureError(ValueError):
    """A structure that cannot be flown around: which value, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One ring: height of the aircraft, camera pitch, and the middle of the band it sees; metres above home."""

    height_m: float
    pitch_deg: float
    middle_m: float


@dataclass(frozen=True, slots=True)
class _Place:
    """Metres above home: the lowest ground under the ring, the top, the lowest height the ring may have."""

    base_m: float
    top_m: float
    lowest_m: float


def plan_structure(
    outline: Polygon,
    profile: CameraProfile,
    *,
    distance_m: float = 15.0,
    structure_m: float | None = None,
    overlap: float = 0.3,
    parts: Sequence[str] = PARTS,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    speed_m_s: float = 2.0,
    name: str = "structure",
) -> Mission:
    """Around and over `outline` (longitude, latitude). Raises StructureError, CourseError, AreaError or SurveyError."""
    _check(profile, distance_m, structure_m, overlap, parts, terrain)
    outline = check_area(outline, name)
    frame = local_frame(outline)
    walls = to_metres(outline, frame)
    ring = _ring(walls, distance_m, None if home is None else place_en(frame, home))
    notes = []
    if terrain is None:
        assert structure_m is not None
        notes.append(NO_TERRAIN)
        place, there = _Place(0.0, structure_m, CLEARANCE_M), 0.0
    else:
        if home is None:
            raise CourseError("home is needed to keep clear of the terrain: heights are sent relative to it")
        home, notes = home_on(terrain, home)
        place = _standing(walls, ring, frame, terrain, home, structure_m)
        there = _transit(ring[0], home, frame, terrain)
    steps: list[Step] = []
    if "facade" in parts:
        notes.append("the façades need a gimbal that pans 90° to the right of the nose, and a nose that faces the way")
        for one in rings(place.base_m, place.top_m, place.lowest_m, profile, distance_m, overlap):
            steps += _around(one, ring, frame)
    if "roof" in parts:
        steps += _over(walls, profile, place.top_m + distance_m, distance_m, overlap, ring[0], frame)
    flown = [step.point for step in steps if isinstance(step, FlyTo)]
    climb, end = max(flown[0].alt_m, there), flown[-1]
    start = [FlyTo(_over_point(ring[0], climb, frame))] if climb > flown[0].alt_m + 0.5 else []
    if terrain is not None and home is not None:
        back = _transit(place_en(frame, end), home, frame, terrain)
        if back > end.alt_m + 0.5:
            steps.append(FlyTo(replace(end, alt_m=back)))
    return Mission(name, (TakeOff(climb), SetSpeed(speed_m_s), *start, *steps, ReturnHome()), home, tuple(notes))


def rings(
    base_m: float, top_m: float, lowest_m: float, profile: CameraProfile, distance_m: float, overlap: float
) -> tuple[Ring, ...]:
    """From below upwards: together their bands hold the wall from `base_m` to `top_m`."""
    half = distance_m * min(profile.cy + 0.5, profile.height - 0.5 - profile.cy) / profile.fy
    band = 2.0 * half * (1.0 - overlap)
    count = max(1, math.ceil((top_m - base_m) / band - 1e-9))
    if count > _MOST_RINGS:
        raise StructureError(f"{count} rings; at most {_MOST_RINGS}: keep a larger distance or less overlap")
    step = (top_m - base_m) / count
    found = []
    for number in range(count):
        middle = base_m + (number + 0.5) * step
        height = max(middle, lowest_m)
        found.append(Ring(height, math.degrees(math.atan2(middle - height, distance_m)), middle))
    return tuple(found)


def _check(
    profile: CameraProfile, distance_m: float, structure_m: float | None, overlap: float, parts: Sequence[str],
    terrain: Ground | None,
) -> None:  # fmt: skip
    if not 8.0 <= distance_m <= 100.0:
        raise StructureError(f"distance {distance_m:g} m: allowed are 8 to 100 m")
    if not 0.0 <= overlap <= 0.9:
        raise StructureError(f"overlap {overlap:g}: allowed are 0 to 0.9 (0.3 is 30 %)")
    if structure_m is not None and not 2.0 <= structure_m <= 300.0:
        raise StructureError(f"height of the structure {structure_m:g} m: allowed are 2 to 300 m")
    if structure_m is None and terrain is None:
        raise StructureError("how high the structure is must be said, or a surface model given")
    if not parts or any(part not in PARTS for part in parts):
        raise StructureError(f"parts {', '.join(parts) or 'none'}: allowed are {', '.join(PARTS)}")
    if "facade" in parts and profile.mount != "gimbal":
        raise StructureError(f"camera {profile.name!r} is bolted on and cannot look sideways at a façade")


def _ring(walls: Polygon, distance_m: float, home: Floats | None) -> Floats:
    """(N + 1, 2) clockwise, closed, from its corner nearest home; straight along every wall."""
    grown = walls.buffer(distance_m, join_style="mitre", mitre_limit=1.5).simplify(0.2)
    corners = np.asarray(orient(Polygon(grown.exterior), sign=-1.0).exterior.coords)[:-1]
    if home is not None:
        corners = np.roll(corners, -int(np.linalg.norm(corners - home, axis=1).argmin()), axis=0)
    return np.vstack([corners, corners[:1]])


def _around(one: Ring, ring: Floats, frame: LocalFrame) -> list[Step]:
    points = [FlyTo(_over_point(corner, one.height_m, frame)) for corner in ring]
    return [points[0], PointCamera(one.pitch_deg, 90.0), *points[1:]]


def _over(
    walls: Polygon, profile: CameraProfile, height_m: float, distance_m: float, overlap: float, start: Floats,
    frame: LocalFrame,
) -> list[Step]:  # fmt: skip
    """Lines above the roof; straight up beside the wall first."""
    spacing = 2.0 * swath(profile).half_width * distance_m * (1.0 - overlap)
    lines = plan_lines(walls, spacing, long_side_heading_deg(walls), 0.0, start)
    up = FlyTo(_over_point(start, height_m, frame))
    looks: list[Step] = [PointCamera(-90.0)] if profile.mount == "gimbal" else []
    return [up, *looks, *(FlyTo(_over_point(place, height_m, frame)) for place in np.concatenate(lines))]


def _over_point(place: Floats, above_home_m: float, frame: LocalFrame) -> GeoPoint:
    return point_above_home(frame, float(place[0]), float(place[1]), above_home_m)


def _standing(
    walls: Polygon, ring: Floats, frame: LocalFrame, terrain: Ground, home: GeoPoint, structure_m: float | None
) -> _Place:
    track = sample_track(ring, sampling_step_m(terrain))
    try:
        under = surface_along(track, frame, terrain, "the ring")
    except FollowError as problem:
        raise CourseError(f"{problem}; give a terrain file that covers the flight, or none") from problem
    plane = PlaneGround.over(terrain, frame, ring, 5.0)
    base = float(np.nanmin(plane.heights(track.east_north)))
    top = base + structure_m if structure_m is not None else _highest(walls, plane, sampling_step_m(terrain))
    if top - base < 2.0:
        raise StructureError(f"within the outline the surface is {top - base:.1f} m above that around it: say how high")
    lowest = float(under.max()) + CLEARANCE_M
    return _Place(base - home.alt_m, top - home.alt_m, lowest - home.alt_m)


def _highest(walls: Polygon, plane: PlaneGround, step_m: float) -> float:
    west, south, east, north = walls.bounds
    step = max(step_m, math.sqrt((east - west) * (north - south) / 200_000.0))
    e, n = np.meshgrid(np.arange(west, east + step, step), np.arange(south, north + step, step))
    inside = np.asarray(contains_xy(walls, e, n), np.bool_)
    heights = plane.heights(np.column_stack([e[inside], n[inside]])) if inside.any() else np.zeros(0)
    if not np.isfinite(heights).any():
        raise StructureError("the terrain has no height within the outline; say how high the structure is")
    return float(np.nanmax(heights))


def _transit(first: Floats, home: GeoPoint, frame: LocalFrame, terrain: Ground) -> float:
    way = np.array([place_en(frame, home), first])
    try:
        return transit_height(way, frame, terrain, CLEARANCE_M, "the way to the structure") - home.alt_m
    except FollowError as problem:
        raise CourseError(f"{problem}; give a terrain file that covers the flight, or none") from problem
