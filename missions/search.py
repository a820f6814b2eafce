"""Search patterns of the IAMSAR manual (Volume II, chapter 5), as tracks over ground, and what they are worth.

A pattern is a (N, 2) array of east, north metres. Around a **datum** (where somebody was last known, or is most
likely): the expanding square and the sector search. Over an **area**: parallel track (legs along the long side) and
creeping line (legs along the short side). Along a **route** somebody took: the track line, out on one side and back on
the other.

A person adrift takes the pattern along: `adrift` moves each point by where the water or the wind has carried the datum
by the time the drone is there, so that the legs are right relative to what is searched, not to the ground.

Worth: coverage factor C = W/S of sweep width and track spacing. Chance gives POD = 1 − exp(−C) (Koopman 1946, random
search); ideal parallel sweeps of a sensor after the inverse cube law give erf(√π/2 · C). For a camera W is its swath
times the share it detects within it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Polygon

from missions.geometry.camera import CameraProfile
from missions.survey import MOST_LINES, long_side_heading_deg

Floats = NDArray[np.float64]

# Pixels across a target to detect, recognise, identify it (Johnson's criteria, as facts of thermal cameras).
DETECT_PX, RECOGNISE_PX, IDENTIFY_PX = 4.0, 15.0, 25.0
_MOST_LEGS = 200
_SQUARE_TURN_DEG, _SECTOR_TURN_DEG = 45.0, 30.0
# Headings of the nine legs of a sector search, relative to the first: three triangles that meet in the datum.
_SECTOR_LEGS_DEG = (0.0, 120.0, 240.0, 240.0, 0.0, 120.0, 120.0, 240.0, 0.0)


class SearchError(ValueError):
    """A search that cannot be planned: which value, and what is allowed."""


def _require(value: float, low: float, high: float, what: str, unit: str) -> None:
    if not low <= value <= high:
        raise SearchError(f"{what} {value:g} {unit}: allowed are {low:g} to {high:g} {unit}")


def _ahead(heading_deg: float) -> Floats:
    """East, north of one metre on a heading clockwise from north."""
    angle = math.radians(heading_deg)
    return np.array([math.sin(angle), math.cos(angle)])


# --- around a datum -------------------------------------------------------------------------------------------------


def expanding_square(
    spacing_m: float, legs: int, heading_deg: float, *, second: bool = False, clockwise: bool = True
) -> Floats:
    """(legs + 1, 2) from the datum at 0, 0: legs S, S, 2S, 2S, 3S …, each turned 90° to the same side.

    `heading_deg`: of the first leg, down-drift. `second`: a search after this one, turned by 45°.
    """
    _require(spacing_m, 2.0, 2000.0, "track spacing", "m")
    _require(legs, 2, _MOST_LEGS, "number of legs", "legs")
    heading = heading_deg + (_SQUARE_TURN_DEG if second else 0.0)
    points = [np.zeros(2)]
    for number in range(int(legs)):
        points.append(points[-1] + (number // 2 + 1) * spacing_m * _ahead(heading))
        heading += 90.0 if clockwise else -90.0
    return np.array(points)


def sector(radius_m: float, heading_deg: float, *, second: bool = False) -> Floats:
    """(10, 2) from the datum at 0, 0 and back to it: nine legs of R, all turns 120° to the right.

    `second`: a search after this one, turned by 30°.
    """
    _require(radius_m, 10.0, 5000.0, "radius", "m")
    first = heading_deg + (_SECTOR_TURN_DEG if second else 0.0)
    legs = np.array([radius_m * _ahead(first + leg) for leg in _SECTOR_LEGS_DEG])
    track = np.vstack([np.zeros(2), np.cumsum(legs, axis=0)])
    track[np.abs(track) < 1e-6 * radius_m] = 0.0  # three times through the very datum
    return track


# --- over an area ---------------------------------------------------------------------------------------------------


def parallel_track(area: Polygon, spacing_m: float, *, start: Floats | None = None) -> Floats:
    """Legs along the long side of the smallest rectangle around `area` (metres), S/2 inside its edges.

    Begins at the corner nearest `start`, else at any.
    """
    return _sweeps(area, spacing_m, long_side_heading_deg(area), start)


def creeping_line(area: Polygon, spacing_m: float, *, start: Floats | None = None) -> Floats:
    """Legs along the short side, advancing along the long axis by S."""
    return _sweeps(area, spacing_m, long_side_heading_deg(area) + 90.0, start)


def _sweeps(area: Polygon, spacing_m: float, heading_deg: float, start: Floats | None) -> Floats:
    _require(spacing_m, 2.0, 2000.0, "track spacing", "m")
    along, across = _ahead(heading_deg), _ahead(heading_deg + 90.0)
    corners = np.asarray(area.minimum_rotated_rectangle.exterior.coords)[:4]
    (low, high), (left, right) = (_span(corners @ axis) for axis in (along, across))
    inset = 0.5 * spacing_m
    if high - low <= spacing_m or right - left < 0.5 * spacing_m:
        raise SearchError(
            f"track spacing {spacing_m:g} m: the area is {high - low:.0f} × {right - left:.0f} m; choose a smaller one"
        )
    lines = max(1, math.ceil((right - left) / spacing_m - 1e-9))
    if lines > MOST_LINES:
        raise SearchError(f"{lines} legs {spacing_m:g} m apart; at most {MOST_LINES}: split the area")
    # A last leg may not lie outside: it is drawn in, and the overlap grows.
    offsets = [min(left + (number + 0.5) * spacing_m, max(right - inset, left + inset)) for number in range(lines)]
    ends = (low + inset, high - inset)
    tracks = []
    for sides in (offsets, [left + right - offset for offset in offsets]):
        for begin in (0, 1):
            rows = [
                side * across + ends[(number + turn + begin) % 2] * along
                for number, side in enumerate(sides)
                for turn in (0, 1)
            ]
            tracks.append(np.array(rows))
    if start is None:
        return tracks[0]
    return min(tracks, key=lambda track: float(np.linalg.norm(track[0] - start)))


def _span(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())


# --- along a route --------------------------------------------------------------------------------------------------


def track_line(route: Floats, spacing_m: float) -> Floats:
    """Along `route` (M, 2) at half the spacing to its right, and back at half the spacing to its other side."""
    _require(spacing_m, 2.0, 2000.0, "track spacing", "m")
    if len(route) < 2 or float(LineString(route).length) < spacing_m:
        raise SearchError(f"the route is shorter than the track spacing of {spacing_m:g} m")
    out, back = beside(route, 0.5 * spacing_m), beside(route, -0.5 * spacing_m)
    return np.vstack([out, back[::-1]])


def beside(route: Floats, right_m: float) -> Floats:
    """The polyline at `right_m` to the right of another one (negative: left), its corners mitred.

    Raises SearchError where the route bends tighter than that.
    """
    if right_m == 0.0:
        return route
    line = LineString(route).offset_curve(-right_m, join_style="mitre", mitre_limit=3.0)
    if line.is_empty or line.geom_type != "LineString":
        raise SearchError(f"the route bends too tightly for a line {abs(right_m):g} m beside it; draw it straighter")
    return np.asarray(line.coords)


# --- what drifts, and what it is worth ------------------------------------------------------------------------------


def adrift(track: Floats, speed_m_s: float, drift_m_s: float, drift_to_deg: float) -> Floats:
    """The track over ground of a pattern whose datum drifts at `drift_m_s` towards `drift_to_deg`.

    `speed_m_s` is flown over ground; each point is met where it has drifted to by then (fixed-point iteration, which
    converges because the drift is slower than the drone).
    """
    if drift_m_s == 0.0:
        return track
    _require(drift_m_s, 0.0, 0.5 * speed_m_s, "drift", "m/s (half the drone's speed)")
    carried = drift_m_s * _ahead(drift_to_deg)
    moved = [track[0]]
    clock_s = 0.0
    for point in track[1:]:
        leg_s = 0.0
        for _ in range(60):
            here = point + (clock_s + leg_s) * carried
            leg_s = float(np.linalg.norm(here - moved[-1])) / speed_m_s
        clock_s += leg_s
        moved.append(point + clock_s * carried)
    return np.array(moved)


def length_m(track: Floats) -> float:
    """Along the track."""
    return float(sum(np.linalg.norm(b - a) for a, b in pairwise(track)))


def coverage_factor(sweep_width_m: float, spacing_m: float) -> float:
    """C = W/S."""
    return sweep_width_m / spacing_m


def pod_random(coverage: float) -> float:
    """Probability of detection of a search without order: the lower bound."""
    return 1.0 - math.exp(-coverage)


def pod_parallel(coverage: float) -> float:
    """Of ideal parallel sweeps, inverse cube law."""
    return math.erf(0.5 * math.sqrt(math.pi) * coverage)


def pod_after(passes: list[float]) -> float:
    """Cumulative over independent passes: 1 − Π(1 − POD_i)."""
    return 1.0 - math.prod(1.0 - pod for pod in passes)


def height_for(profile: CameraProfile, target_m: float, pixels: float = DETECT_PX) -> float:
    """Highest height above the surface at which a target of `target_m` still covers `pixels`."""
    _require(target_m, 0.02, 20.0, "target size", "m")
    return min(profile.fx, profile.fy) * target_m / pixels
