"""Look at chosen hotspots again, each from the height that shows enough of it, on the shortest way round.

**Height** of each: the one the crew has set (`relook_height_m`), else the height from which its own size covers the
pixels asked for (15 to recognise it). The picture must also hold all of its error ellipse, so a place that is badly
known is looked at from higher up, and the plan says what that costs in pixels. **Order**: the shortest closed tour from
home (`tour`). Between two hotspots the way goes straight from height to height, lifted over what stands in between.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from missions.course import mission_along, place_en
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.mission import Mission
from missions.search import RECOGNISE_PX
from missions.survey import swath
from missions.tour import length_m, shortest_order

Floats = NDArray[np.float64]

LOWEST_M, HIGHEST_M, CLEARANCE_M = 12.0, 120.0, 12.0
MOST_TARGETS = 600
USUAL_SIZE_M = 0.5
# The ellipse does not fill the picture to its very edge: GNSS and wind push the aircraft.
_ROOM_M = 5.0


class RelookError(ValueError):
    """A tour that cannot be planned: which file or value, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    """One hotspot: a place, how large it is, how well it is known, and from what height somebody wants it seen."""

    name: str
    lat_deg: float
    lon_deg: float
    size_m: float | None = None
    semi_major_m: float = 0.0
    height_m: float | None = None


@dataclass(frozen=True, slots=True)
class Relook:
    """The mission, the targets in the order flown with the height of each above the surface, and the tour's length."""

    mission: Mission
    targets: tuple[Target, ...]
    heights_m: tuple[float, ...]
    tour_m: float

    def text(self) -> str:
        """One line for people."""
        low, high = min(self.heights_m), max(self.heights_m)
        return (
            f"{len(self.targets)} places, {self.tour_m:,.0f} m round, from {low:.0f} to {high:.0f} m above the surface"
        )


def parse_targets(text: str, name: str = "hotspots") -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """GeoJSON of hotspots (or of any points) → targets, and what was left out and why.

    Raises RelookError: no GeoJSON, nothing to fly to, a place that is none.
    """
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise RelookError(f"{name}: no JSON ({problem})") from problem
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise RelookError(f"{name}: no GeoJSON FeatureCollection")
    found: list[Target] = []
    nowhere = others = 0
    for number, feature in enumerate(features, start=1):
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        facts = feature.get("properties") or {} if isinstance(feature, dict) else {}
        if geometry is None:
            nowhere += 1
        elif not isinstance(geometry, dict) or geometry.get("type") != "Point" or facts.get("kind") == "sighting":
            others += 1
        else:
            found.append(_target(geometry.get("coordinates"), facts, number, name))
    if not found:
        raise RelookError(
            f"{name}: there is no hotspot with a place in it ({nowhere} without, {others} other features)"
        )
    if len(found) > MOST_TARGETS:
        raise RelookError(f"{name}: {len(found)} places; at most {MOST_TARGETS} in one tour")
    left_out = ((nowhere, "have no place"), (others, "are no hotspots"))
    return tuple(found), tuple(f"{count} features of {name} {what}" for count, what in left_out if count)


def _target(coordinates: Any, facts: dict[str, Any], number: int, name: str) -> Target:
    label = str(facts.get("number") or facts.get("id") or number)
    where = f"{name}: feature {number}"
    if not isinstance(coordinates, list) or len(coordinates) < 2 or not all(map(_number, coordinates[:2])):
        raise RelookError(f"{where}: {coordinates!r} is no position; [longitude, latitude] in degrees is needed")
    lon, lat = float(coordinates[0]), float(coordinates[1])
    if abs(lat) > 90.0 or abs(lon) > 180.0 or (abs(lat) < 1e-3 and abs(lon) < 1e-3):
        raise RelookError(f"{where}: longitude {lon:g}, latitude {lat:g} is no place to fly to")
    ellipse = facts.get("ellipse95")
    area, height = _known(facts.get("area_m2")), _known(facts.get("relook_height_m"))
    major = _known(ellipse.get("semi_major_m")) if isinstance(ellipse, dict) else None
    size = math.sqrt(area) if area is not None and area > 0.0 else None
    return Target(label, lat, lon, size, max(0.0, major or 0.0), height)


def _known(value: Any) -> float | None:
    return float(value) if _number(value) else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def height_of(target: Target, profile: CameraProfile, pixels: float = RECOGNISE_PX) -> tuple[float, str]:
    """Metres above the surface to look from, and what is to be said about it ("" where all is well)."""
    if target.height_m is not None:
        height = min(max(target.height_m, LOWEST_M), HIGHEST_M)
        asked = f"place {target.name}: {target.height_m:g} m is asked for, {height:g} m is flown"
        return height, "" if height == target.height_m else asked
    size = USUAL_SIZE_M if target.size_m is None else target.size_m
    sharp = min(profile.fx, profile.fy) * size / pixels
    seen = swath(profile)
    half = min(seen.half_width, seen.ahead, -seen.back)
    wide = (target.semi_major_m + _ROOM_M) / half
    height = min(max(sharp, wide, LOWEST_M), HIGHEST_M)
    if height > sharp + 0.5:
        covered = min(profile.fx, profile.fy) * size / height
        why = (
            f"to hold its ellipse of ±{target.semi_major_m:.0f} m" if wide >= height - 0.5 else "as the lowest allowed"
        )
        return height, f"place {target.name}: {height:.0f} m {why}; its {size:.1f} m are {covered:.0f} px then"
    return height, ""


def plan_relook(
    targets: Sequence[Target],
    profile: CameraProfile,
    *,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    pixels: float = RECOGNISE_PX,
    hold_s: float = 4.0,
    speed_m_s: float = 8.0,
    name: str = "relook",
    notes: Sequence[str] = (),
) -> Relook:
    """Over every target once. Raises RelookError, CourseError, MissionError or SurveyError naming the value."""
    if not targets:
        raise RelookError("there is nothing to look at")
    if not 1.0 <= pixels <= 500.0:
        raise RelookError(f"{pixels:g} pixels on the target: allowed are 1 to 500")
    start = home or GeoPoint(targets[0].lat_deg, targets[0].lon_deg, 0.0, Datum.SEA_LEVEL)
    frame = LocalFrame(GeoPoint(start.lat_deg, start.lon_deg, 0.0, Datum.SEA_LEVEL))
    lats, lons = np.array([t.lat_deg for t in targets]), np.array([t.lon_deg for t in targets])
    places = np.vstack([place_en(frame, start), frame.enu_from_geo(lats, lons, 0.0)[:, :2]])
    order = shortest_order(places)
    flown = [targets[at - 1] for at in order[1:]]
    heights = [height_of(target, profile, pixels) for target in flown]
    told = [*notes, *_said([said for _, said in heights if said])]
    mission = mission_along(
        places[order[1:]], frame, np.array([height for height, _ in heights]), home=home, terrain=terrain,
        speed_m_s=speed_m_s, look_down=profile.mount == "gimbal", name=name, notes=told, clearance_m=CLEARANCE_M,
        hold_s=hold_s,
    )  # fmt: skip
    return Relook(mission, tuple(flown), tuple(height for height, _ in heights), length_m(places, order))


def _said(sentences: list[str]) -> list[str]:
    """The first few; the rest as a number: a person reads them."""
    shown = 3
    return sentences[:shown] + ([f"and {len(sentences) - shown} more like this"] if len(sentences) > shown else [])
