"""A search as a crew asks for it: a pattern, a target's size, a camera; out comes the flight and what it is worth.

The height follows from the target (so many pixels across it), the track spacing from the swath at that height and an
overlap (30 to 50 %, 75 % under trees), unless either is given. The worth is stated as a band: a search without order is
the lower bound, ideal parallel sweeps the upper one; both stand on the share that the camera detects within its swath,
which nobody knows better than the crew and which is therefore an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from missions import search
from missions.area import check_area, local_frame, to_metres
from missions.corridor import route_in_metres
from missions.course import mission_along
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.mission import Mission
from missions.search import SearchError
from missions.survey import swath

Floats = NDArray[np.float64]

AREA_PATTERNS, DATUM_PATTERNS, ROUTE_PATTERNS = ("parallel", "creeping"), ("square", "sector"), ("trackline",)
PATTERNS = (*AREA_PATTERNS, *DATUM_PATTERNS, *ROUTE_PATTERNS)
_LOWEST_M, _HIGHEST_M = 20.0, 120.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is searched for, and how. `height_m` and `spacing_m` None: as target, camera and overlap ask for.

    `share`: probability of detecting the target where the camera sees it. `drift_to_deg`: where the datum is carried.
    """

    target_m: float = 0.5
    height_m: float | None = None
    spacing_m: float | None = None
    overlap: float = 0.4
    share: float = 0.8
    speed_m_s: float = 5.0
    heading_deg: float = 0.0
    legs: int = 10
    radius_m: float = 200.0
    second: bool = False
    drift_m_s: float = 0.0
    drift_to_deg: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.overlap <= 0.95:
            raise SearchError(f"overlap {self.overlap}: allowed are 0 to 0.95 (0.4 is 40 %)")
        if not 0.0 < self.share <= 1.0:
            raise SearchError(f"share detected {self.share}: allowed is above 0 and up to 1")


@dataclass(frozen=True, slots=True)
class Worth:
    """Of a planned search; POD: probability of detection, from a search without order to ideal parallel sweeps."""

    height_m: float
    spacing_m: float
    pixels_on_target: float
    length_m: float
    sweep_width_m: float
    coverage: float
    pod_low: float
    pod_high: float

    def text(self) -> str:
        """One line for people."""
        return (
            f"{self.height_m:.0f} m above the surface, track spacing {self.spacing_m:.0f} m, "
            f"{self.pixels_on_target:.1f} px on the target; sweep width {self.sweep_width_m:.0f} m, coverage factor "
            f"{self.coverage:.2f}, probability of detection {100 * self.pod_low:.0f} to {100 * self.pod_high:.0f} %"
        )


def plan_search(
    pattern: str,
    where: Polygon | GeoPoint | Floats,
    profile: CameraProfile,
    task: Task,
    *,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    name: str = "search",
) -> tuple[Mission, Worth]:
    """`where`: an area (longitude, latitude) for parallel and creeping, a datum for square and sector, a route (M, 2:
    longitude, latitude) for trackline.

    Raises SearchError, AreaError, CorridorError, CourseError or SurveyError naming the value.
    """
    height = _height(profile, task)
    width = 2.0 * swath(profile).half_width * height
    spacing = task.spacing_m if task.spacing_m is not None else width * (1.0 - task.overlap)
    frame, track = _track(pattern, where, spacing, task, home, name)
    track = search.adrift(track, task.speed_m_s, task.drift_m_s, task.drift_to_deg)
    mission = mission_along(
        track, frame, height, home=home, terrain=terrain, speed_m_s=task.speed_m_s,
        look_down=profile.mount == "gimbal", name=name,
    )  # fmt: skip
    sweep = width * task.share
    coverage = search.coverage_factor(sweep, spacing)
    pixels = min(profile.fx, profile.fy) * task.target_m / height
    pods = search.pod_random(coverage), search.pod_parallel(coverage)
    return mission, Worth(height, spacing, pixels, search.length_m(track), sweep, coverage, *pods)


def _height(profile: CameraProfile, task: Task) -> float:
    if task.height_m is not None:
        return task.height_m
    highest = search.height_for(profile, task.target_m)
    if highest < _LOWEST_M:
        raise SearchError(
            f"target of {task.target_m:g} m: {search.DETECT_PX:g} px need {highest:.0f} m or lower with camera "
            f"{profile.name!r}; give --height-m, or a camera that sees more"
        )
    return min(highest, _HIGHEST_M)


def _track(
    pattern: str, where: Polygon | GeoPoint | Floats, spacing: float, task: Task, home: GeoPoint | None, name: str
) -> tuple[LocalFrame, Floats]:
    if pattern in AREA_PATTERNS and isinstance(where, Polygon):
        area = check_area(where, name)
        frame = local_frame(area)
        plan = search.parallel_track if pattern == "parallel" else search.creeping_line
        return frame, plan(to_metres(area, frame), spacing, start=_en(frame, home))
    if pattern in DATUM_PATTERNS and isinstance(where, GeoPoint):
        frame = LocalFrame(GeoPoint(where.lat_deg, where.lon_deg, 0.0, Datum.SEA_LEVEL))
        if pattern == "sector":
            return frame, search.sector(task.radius_m, task.heading_deg, second=task.second)
        return frame, search.expanding_square(spacing, task.legs, task.heading_deg, second=task.second)
    if pattern in ROUTE_PATTERNS and isinstance(where, np.ndarray):
        frame, along = route_in_metres(where, name)
        return frame, search.track_line(along, spacing)
    raise SearchError(
        f"pattern {pattern!r}: allowed are {', '.join(AREA_PATTERNS)} over an area, {', '.join(DATUM_PATTERNS)} "
        f"around a datum, {', '.join(ROUTE_PATTERNS)} along a route"
    )


def _en(frame: LocalFrame, home: GeoPoint | None) -> Floats | None:
    return None if home is None else frame.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2]
