"""An area survey: parallel lines so close that what the camera sees of one touches the next.

The lines run along the long side unless a heading is given. Each line carries a strip of the area as wide as the
spacing and reaches from the strip's first to its last piece, so a slanting edge is covered to its tip. A concave
area, or one with holes, is flown straight across what does not belong to it, and the mission says so in a note: a
hole in an area is not a no-fly zone, only a fence is.

Swath, spacing and footprint: facts of a pinhole camera at a height above the surface under the line,
spacing = swath · (1 − sidelap).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Polygon, box, make_valid

from missions.area import check_area, local_frame, to_metres
from missions.avoid import AvoidError, around, cut, grown
from missions.course import CourseError, mission_along
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import GeoPoint
from missions.geometry.terrain import Ground
from missions.mission import Mission

Floats = NDArray[np.float64]

# A microbolometer has no shutter; its time constant smears a moving scene (8-12 ms).
THERMAL_EXPOSURE_S = 0.010
MOST_LINES = 400
MOST_TILT_DEG = 30.0
OVERRUN_M = 5.0


class SurveyError(ValueError):
    """A survey that cannot be planned: which value, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Swath:
    """What the camera sees of a plane 1 m below it, metres: right of the line, and ahead of it."""

    left: float
    right: float
    back: float
    ahead: float

    @property
    def half_width(self) -> float:
        """Seen on *both* sides whichever way the line is flown."""
        return min(-self.left, self.right)


def swath(profile: CameraProfile) -> Swath:
    """The footprint of a level aircraft at 1 m above the surface; a gimbal looks straight down.

    Raises SurveyError when the camera looks more than 30° beside the vertical or sees the horizon.
    """
    w, h = profile.width - 1.0, profile.height - 1.0
    edge = np.linspace(0.0, 1.0, 17)[:-1]
    border = np.concatenate(
        [np.column_stack([x, y]) for x, y in ((edge * w, 0 * edge), (w + 0 * edge, edge * h),
                                              (w - edge * w, h + 0 * edge), (0 * edge, h - edge * h))]
    )  # fmt: skip
    rays = profile.rays(np.vstack([border, [[profile.cx, profile.cy]]])) @ profile.mount_from_camera.T
    if profile.mount == "gimbal":
        # pitch −90°: forward of the mount becomes down, its down becomes backward
        rays = np.column_stack([-rays[:, 2], rays[:, 1], rays[:, 0]])
    down = rays[:, 2]
    if down[-1] < math.cos(math.radians(MOST_TILT_DEG)) or down.min() < 0.1:
        raise SurveyError(
            f"camera {profile.name!r} looks too far from straight down for a survey "
            f"(allowed is {MOST_TILT_DEG:g}° with the horizon out of sight)"
        )
    ground = rays[:, [1, 0]] / down[:, None]  # right, forward
    outline, (right, forward) = Polygon(ground[:-1]), ground[-1]
    across = outline.intersection(LineString([(-50.0, forward), (50.0, forward)])).bounds
    along = outline.intersection(LineString([(right, -50.0), (right, 50.0)])).bounds
    seen = Swath(across[0], across[2], along[1], along[3])
    if seen.half_width <= 0.0:
        raise SurveyError(f"camera {profile.name!r} does not see the ground under the aircraft")
    return seen


def survey(
    area: Polygon,
    profile: CameraProfile,
    altitude_m: float,
    *,
    sidelap: float = 0.3,
    speed_m_s: float = 5.0,
    heading_deg: float | None = None,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    overrun_m: float = OVERRUN_M,
    crosshatch: bool = False,
    no_fly: Sequence[Polygon] = (),
    name: str = "survey",
) -> Mission:
    """Plan a survey of `area` (lon_deg, lat_deg) at `altitude_m` above the surface.

    `crosshatch` flies a second set of lines at right angles: what a roof edge hides from one is seen by the other, and
    opposite headings calibrate the camera. `no_fly` (lon_deg, lat_deg): neither looked at nor crossed, with a margin,
    on the way there and home neither (home must be known for that).

    With `terrain` (datum SEA_LEVEL) the heights follow the surface and are written relative to home; without it
    `altitude_m` is above home, and a note says that. `home` (SEA_LEVEL) is needed with `terrain`.

    Raises SurveyError, AreaError or MissionError naming the value.
    """
    _check_values(altitude_m, sidelap, overrun_m, heading_deg)
    area = check_area(area, name)
    seen = swath(profile)
    frame = local_frame(area)
    outline = to_metres(area, frame)
    spacing = 2.0 * seen.half_width * altitude_m * (1.0 - sidelap)
    heading = long_side_heading_deg(outline) if heading_deg is None else heading_deg
    start = None if home is None else frame.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2]
    lines = plan_lines(outline, spacing, heading, overrun_m, start)
    if crosshatch:
        lines += plan_lines(outline, spacing, heading + 90.0, overrun_m, lines[-1][1])
    notes = _notes(profile, seen, altitude_m, speed_m_s, sidelap, spacing, lines, outline)
    track = _past(lines, [to_metres(check_area(one, "no-fly area"), frame) for one in no_fly], start)
    try:
        return mission_along(
            track, frame, altitude_m, home=home, terrain=terrain, speed_m_s=speed_m_s,
            look_down=profile.mount == "gimbal", name=name, notes=notes,
        )  # fmt: skip
    except CourseError as problem:
        raise SurveyError(str(problem)) from problem


def _past(lines: list[Floats], no_fly: list[Polygon], home: Floats | None) -> Floats:
    """The lines as one track that keeps out of the no-fly areas, from home and to where home is in plain sight."""
    if not no_fly:
        return np.concatenate(lines)
    keep_out = grown(no_fly)
    left = cut(lines, keep_out)
    if not left:
        raise SurveyError("the no-fly areas leave nothing of the area to look at")
    track = np.concatenate(left)
    try:
        if home is None:
            return around(track, keep_out)
        return around(np.vstack([home, track, home]), keep_out)[1:-1]
    except AvoidError as problem:
        raise SurveyError(str(problem)) from problem


def height_for_gsd(profile: CameraProfile, gsd_m: float) -> float:
    """Height above the surface at which a pixel covers `gsd_m` of it."""
    if not 0.001 <= gsd_m <= 2.0:
        raise SurveyError(f"ground sample distance {gsd_m} m: allowed are 0.001 to 2 m")
    return gsd_m * min(profile.fx, profile.fy)


def _check_values(altitude_m: float, sidelap: float, overrun_m: float, heading_deg: float | None) -> None:
    if not 5.0 <= altitude_m <= 1000.0:
        raise SurveyError(f"height {altitude_m} m: allowed are 5 to 1000 m above the surface")
    if not 0.0 <= sidelap <= 0.95:
        raise SurveyError(f"sidelap {sidelap}: allowed are 0 to 0.95 (0.3 is 30 %)")
    if not 0.0 <= overrun_m <= 500.0:
        raise SurveyError(f"overrun {overrun_m} m: allowed are 0 to 500 m")
    if heading_deg is not None and not math.isfinite(heading_deg):
        raise SurveyError(f"heading {heading_deg}: degrees clockwise from north are needed")


def long_side_heading_deg(outline: Polygon) -> float:
    """Direction of the long side of the smallest rectangle around `outline` (metres), 0..180 from north."""
    corners = np.asarray(outline.minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(corners[:3], axis=0)
    east, north = sides[int(np.linalg.norm(sides, axis=1).argmax())]
    return math.degrees(math.atan2(east, north)) % 180.0


def plan_lines(
    outline: Polygon, spacing_m: float, heading_deg: float, overrun_m: float, start: Floats | None = None
) -> list[Floats]:
    """`outline` (east, north metres) → lines in flight order, each (2, 2) metres from its begin to its end.

    The order begins at the corner nearest `start` and turns at every line.
    """
    angle = math.radians(heading_deg)
    # (east, north) → (across, along): across points to the right of the heading
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turned = Polygon(
        np.asarray(outline.exterior.coords) @ rotation.T,
        [np.asarray(hole.coords) @ rotation.T for hole in outline.interiors],
    )
    low, bottom, high, top = turned.bounds
    count = max(1, math.ceil((high - low) / spacing_m - 1e-9))
    if count > MOST_LINES:
        raise SurveyError(f"{count} lines {spacing_m:.1f} m apart; at most {MOST_LINES}: fly higher or split the area")
    step = (high - low) / count
    strips = []
    for number in range(count):
        left = low + number * step
        pieces = _pieces(turned, left, left + step, bottom, top, overrun_m)
        strips.append([np.array([[left + step / 2, a], [left + step / 2, b]]) for a, b in pieces])
    begin = None if start is None else rotation @ start
    return [line @ rotation for line in _in_order(strips, begin)]


def _pieces(
    turned: Polygon, left: float, right: float, bottom: float, top: float, overrun_m: float
) -> list[tuple[float, float]]:
    part = make_valid(turned).intersection(box(left, bottom - 1.0, right, top + 1.0))
    spans = sorted((p.bounds[1] - overrun_m, p.bounds[3] + overrun_m) for p in getattr(part, "geoms", [part]) if p.area)
    merged: list[tuple[float, float]] = []
    for a, b in spans:
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], b))
        else:
            merged.append((a, b))
    return merged


def _in_order(strips: list[list[Floats]], begin: Floats | None) -> list[Floats]:
    """Lawn mower; of its four possible beginnings the one nearest `begin`."""
    orders = []
    for across in (strips, strips[::-1]):
        for first_up in (True, False):
            flight = []
            for number, strip in enumerate(across):
                up = (number % 2 == 0) == first_up
                flight += list(strip) if up else [line[::-1] for line in strip[::-1]]
            orders.append(flight)
    if begin is None:
        return orders[0]
    return min(orders, key=lambda flight: float(np.linalg.norm(flight[0][0] - begin)))


def _notes(
    profile: CameraProfile, seen: Swath, altitude_m: float, speed_m_s: float, sidelap: float, spacing_m: float,
    lines: list[Floats], outline: Polygon,
) -> list[str]:  # fmt: skip
    notes = []
    blur_px = speed_m_s * THERMAL_EXPOSURE_S / profile.gsd_m(altitude_m)
    if profile.band == "thermal" and blur_px > 1.0:
        slow = profile.gsd_m(altitude_m) / THERMAL_EXPOSURE_S
        notes.append(f"{speed_m_s:g} m/s smears a thermal picture over {blur_px:.1f} px; {slow:.1f} m/s keeps 1 px")
    outside = sum(1 for line in lines if not outline.buffer(2 * OVERRUN_M).covers(LineString(line)))
    if outline.interiors or not math.isclose(outline.area, outline.convex_hull.area, rel_tol=1e-3):
        notes.append(
            "the area is not convex: the flight crosses ground that does not belong to it "
            f"({outside} of {len(lines)} lines leave it); what must not be overflown needs a fence"
        )
    return notes
