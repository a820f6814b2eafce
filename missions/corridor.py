"""A corridor survey: lines along a route (a dyke, a railway, a fire's edge) so close that their pictures overlap.

The lines lie at equal distances to both sides of the route and are flown there and back; an odd number ends at the far
end, which the return leg then pays for, so the count is what the width asks for, not rounded.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from shapely import LineString

from missions.course import CourseError, mission_along
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.mission import Mission
from missions.search import SearchError, beside
from missions.survey import swath

Floats = NDArray[np.float64]

MOST_POINTS = 2_000
_TIDY_M = 0.5


class CorridorError(ValueError):
    """A corridor that cannot be planned: which value, and what is allowed."""


def corridor(
    route: Floats,
    profile: CameraProfile,
    altitude_m: float,
    *,
    width_m: float,
    sidelap: float = 0.3,
    speed_m_s: float = 5.0,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    name: str = "corridor",
) -> Mission:
    """Plan lines over `width_m` around `route` (M, 2: longitude, latitude degrees).

    Raises CorridorError, CourseError or SurveyError naming the value.
    """
    if not 0.0 < width_m <= 2000.0:
        raise CorridorError(f"width {width_m:g} m: allowed are more than 0 up to 2000 m")
    if not 0.0 <= sidelap <= 0.95:
        raise CorridorError(f"sidelap {sidelap}: allowed are 0 to 0.95 (0.3 is 30 %)")
    frame, along = route_in_metres(route, name)
    spacing = 2.0 * swath(profile).half_width * altitude_m * (1.0 - sidelap)
    start = None if home is None else frame.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2]
    track = corridor_lines(along, width_m, spacing, start)
    return mission_along(
        track, frame, altitude_m, home=home, terrain=terrain, speed_m_s=speed_m_s,
        look_down=profile.mount == "gimbal", name=name,
    )  # fmt: skip


def route_in_metres(route: Floats, name: str) -> tuple[LocalFrame, Floats]:
    """(M, 2) longitude, latitude → its frame and (K ≤ M, 2) east, north metres, doubled points dropped."""
    places = np.asarray(route, np.float64)
    if places.ndim != 2 or len(places) < 2 or len(places) > MOST_POINTS:
        raise CorridorError(f"{name}: a line of 2 to {MOST_POINTS} points is needed, not {len(places)}")
    middle = places[len(places) // 2]
    frame = LocalFrame(GeoPoint(float(middle[1]), float(middle[0]), 0.0, Datum.SEA_LEVEL))
    metres = np.asarray(frame.enu_from_geo(places[:, 1], places[:, 0], 0.0)[:, :2], np.float64)
    line = LineString(metres).simplify(_TIDY_M)
    if line.length < 5.0:
        raise CorridorError(f"{name}: the line is {line.length:.1f} m long; at least 5 m are needed")
    return frame, np.asarray(line.coords)


def corridor_lines(along: Floats, width_m: float, spacing_m: float, start: Floats | None = None) -> Floats:
    """All lines one after the other, (N, 2): each strip `spacing_m` wide at most, flown there and back."""
    count = max(1, math.ceil(width_m / spacing_m - 1e-9))
    step = width_m / count
    try:
        lines = [beside(along, (number - 0.5 * (count - 1)) * step) for number in range(count)]
    except SearchError as problem:
        raise CorridorError(str(problem)) from problem
    orders = []
    for across in (lines, lines[::-1]):
        for begin in (0, 1):
            orders.append(np.vstack([line if (n + begin) % 2 == 0 else line[::-1] for n, line in enumerate(across)]))
    if start is None:
        return orders[0]
    return min(orders, key=lambda track: float(np.linalg.norm(track[0] - start)))


__all__ = ["CorridorError", "CourseError", "corridor", "corridor_lines", "route_in_metres"]
