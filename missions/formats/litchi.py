"""Litchi's mission CSV, out: a row a waypoint, as the Litchi Hub imports it (flylitchi.com/hub).

Heights are above the take-off (`altitudemode` 0). `gimbalmode` 2 turns the gimbal to a pitch, 1 keeps it on the point
of interest. Litchi flies at most 99 waypoints; heights between -200 and 500 m. What holds for the whole mission
(heading mode, finish action, straight lines) is not in such a file and is set in the app.
"""

from __future__ import annotations

import math
from itertools import pairwise

from missions.formats.plan import FormatError, Plan
from missions.formats.route import Route, Waypoint, route_of

MOST_WAYPOINTS, MOST_SPEED_M_S = 99, 15.0
LOWEST_M, HIGHEST_M = -200.0, 500.0
_ACTIONS = 15
_STAY, _PHOTO, _TILT = 0, 1, 5
HEADER = [
    *("latitude", "longitude", "altitude(m)", "heading(deg)", "curvesize(m)", "rotationdir"),
    *("gimbalmode", "gimbalpitchangle"),
    *(f"{word}{number}" for number in range(1, _ACTIONS + 1) for word in ("actiontype", "actionparam")),
    *("altitudemode", "speed(m/s)", "poi_latitude", "poi_longitude", "poi_altitude(m)", "poi_altitudemode"),
    *("photo_timeinterval", "photo_distinterval"),
]


def write(plan: Plan) -> str:
    """Plan → CSV text. Raises FormatError for more than 99 waypoints, or what has no height above the take-off."""
    route = route_of(plan)
    if len(route.points) > MOST_WAYPOINTS:
        raise FormatError(
            f"{plan.name}: {len(route.points)} waypoints, Litchi flies at most {MOST_WAYPOINTS}; `plan split` it"
        )
    for point in route.points:
        if not LOWEST_M <= point.above_home_m <= HIGHEST_M:
            raise FormatError(
                f"{plan.name}: item {point.seq} is {point.above_home_m:g} m above home; Litchi allows -200 to 500 m"
            )
    headings = _headings(route)
    rows = [_row(point, headings[n], route.speed_onward(n)) for n, point in enumerate(route.points)]
    return "\r\n".join([",".join(HEADER), *rows]) + "\r\n"


def lost(plan: Plan) -> tuple[str, ...]:
    """What of a plan a Litchi mission does not hold, in words."""
    route = route_of(plan)
    said = list(route.lost)
    said.append(f"the take-off height of {route.takeoff_m:g} m (Litchi climbs to its first waypoint)")
    said.append(f"the end of the flight ({route.end}): set Litchi's finish action, and its path mode to straight lines")
    fast = [point.seq for point in route.points if point.speed_m_s > MOST_SPEED_M_S]
    if fast:
        said.append(f"speeds above {MOST_SPEED_M_S:g} m/s (item {fast[0]} and on)")
    return tuple(said)


def _headings(route: Route) -> list[float]:
    """Along the way; towards the point of interest where there is one."""
    found = []
    ways = [*pairwise(route.points), (route.points[-2:] or route.points)]
    for point, way in zip(route.points, ways, strict=True):
        start, end = (way[0], way[-1])
        to = (end.lat_deg, end.lon_deg) if point.look_at is None else point.look_at[:2]
        origin = start if point.look_at is None else point
        north, east = to[0] - origin.lat_deg, (to[1] - origin.lon_deg) * math.cos(math.radians(origin.lat_deg))
        found.append(math.degrees(math.atan2(east, north)) % 360.0)
    return found


def _row(point: Waypoint, heading_deg: float, speed_m_s: float) -> str:
    actions: list[tuple[int, float]] = []
    if point.pitch_deg is not None and point.look_at is None:
        actions.append((_TILT, point.pitch_deg))
    if point.hold_s > 0.0:
        actions.append((_STAY, 1000.0 * point.hold_s))
    if point.photo:
        actions.append((_PHOTO, 0.0))
    actions += [(-1, 0.0)] * (_ACTIONS - len(actions))
    mode, pitch = (1, 0.0) if point.look_at else (0, 0.0) if point.pitch_deg is None else (2, point.pitch_deg)
    poi = point.look_at or (0.0, 0.0, 0.0)
    values: list[float] = [point.above_home_m, heading_deg, 0.0, 0, mode, pitch]
    values += [value for action in actions for value in action]
    values += [0, min(speed_m_s, MOST_SPEED_M_S), *poi, 0, -1, point.photo_every_m or -1]
    places = {8 + 2 * _ACTIONS: 7, 9 + 2 * _ACTIONS: 7}
    rest = [
        f"{value:.{places[number]}f}" if number in places else f"{value:.2f}".rstrip("0").rstrip(".")
        for number, value in enumerate(values)
    ]
    return ",".join([f"{point.lat_deg:.7f}", f"{point.lon_deg:.7f}", *rest])
