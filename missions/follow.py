"""Terrain following: a ground track becomes points whose straight connections keep a height above the surface.

An autopilot flies straight lines between points, so following is a matter of where points are set. The surface is
sampled along the track and a few metres to both sides, widened forwards and backwards (a wall must be climbed before
it is reached), simplified with a tolerance, and the simplified line is lifted until no sample lies closer than asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from missions.geometry.geo import Datum, LocalFrame
from missions.geometry.plane_terrain import PlaneGround
from missions.geometry.terrain import Ground

# GNSS and wind push a multicopter a few metres off its line; a roof beside the line counts as under it.
SIDE_MARGIN_M = 5.0
LEAD_M = 15.0
MOST_SAMPLES = 200_000

Floats = NDArray[np.float64]


class FollowError(ValueError):
    """The surface under a track is not known: names the place."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Samples along a polyline. `east_north` (N, 2) m, `distance_m` (N,), `corner` (N,) bool: a given point."""

    east_north: Floats
    distance_m: Floats
    corner: NDArray[np.bool_]


def sample_track(points: Floats, step_m: float) -> Track:
    """Polyline (M, 2) metres → samples at most `step_m` apart that contain every given point."""
    length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    step_m = max(step_m, length / MOST_SAMPLES)
    places, corners = [points[:1]], [np.array([True])]
    for start, end in pairwise(points):
        count = max(1, math.ceil(float(np.linalg.norm(end - start)) / step_m))
        part = np.linspace(0.0, 1.0, count + 1)[1:, None]
        places.append(start + part * (end - start))
        corners.append(np.arange(1, count + 1) == count)
    east_north = np.concatenate(places)
    steps = np.linalg.norm(np.diff(east_north, axis=0), axis=1)
    return Track(east_north, np.concatenate([[0.0], np.cumsum(steps)]), np.concatenate(corners))


def sampling_step_m(ground: Ground) -> float:
    """Half a cell, 0.5 to 5 m: what is two cells wide is met at its full height."""
    return min(5.0, max(0.5, 0.5 * ground.step_m))


def surface_along(track: Track, frame: LocalFrame, ground: Ground, what: str = "the track") -> Floats:
    """Highest ground (N,) metres above sea level at each sample and up to `SIDE_MARGIN_M` to both sides.

    Raises FollowError where the ground has no height, naming the place, or has another datum than SEA_LEVEL.
    """
    if ground.datum is not Datum.SEA_LEVEL:
        raise FollowError(f"terrain heights are above {ground.datum.value}; above sea level is needed")
    highest = np.full(len(track.east_north), -np.inf)
    plane = PlaneGround.over(ground, frame, track.east_north, SIDE_MARGIN_M)
    left, right, count = _beside(track.east_north, max(1.0, sampling_step_m(ground)))
    for heights in plane.heights_across(left, right, count):
        missing = np.flatnonzero(np.isnan(heights))
        if missing.size:
            lat, lon, _ = frame.geo_from_enu(np.append(track.east_north[missing[0]], 0.0))
            raise FollowError(f"the terrain has no height under {what} at {float(lat):.5f}, {float(lon):.5f}")
        np.maximum(highest, heights, out=highest)
    return highest


def _beside(east_north: Floats, apart_m: float) -> tuple[Floats, Floats, int]:
    """The places (N, 2) at the margin left and right of each, and at how many places from one to the other to look."""
    if len(east_north) < 2:
        return east_north, east_north, 1
    ahead = np.gradient(east_north, axis=0)
    norm = np.linalg.norm(ahead, axis=1, keepdims=True)
    ahead = np.divide(ahead, norm, out=np.zeros_like(ahead), where=norm > 0.0)
    margin = SIDE_MARGIN_M * np.column_stack([ahead[:, 1], -ahead[:, 0]])
    return east_north - margin, east_north + margin, 2 * math.ceil(SIDE_MARGIN_M / apart_m) + 1


def required_height(track: Track, surface_m: Floats, height_m: float, lead_m: float = LEAD_M) -> Floats:
    """Lowest allowed flight height (N,) above sea level: highest surface within `lead_m` along the track + height."""
    if len(surface_m) < 2:
        return surface_m + height_m
    step = max(float(np.median(np.diff(track.distance_m))), 1e-6)
    reach = min(len(surface_m), math.ceil(lead_m / step))
    padded = np.pad(surface_m, reach, mode="edge")
    highest: Floats = sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    return highest + height_m


def follow(points: Floats, frame: LocalFrame, ground: Ground, height_m: float, tolerance_m: float) -> Floats:
    """Ground track (M, 2) metres → flight points (K ≥ M, 3): east, north, height above sea level.

    The straight line between successive points keeps `height_m` above every sampled surface height, and is at most
    some three tolerances higher than the widened surface asks for.
    """
    track = sample_track(points, sampling_step_m(ground))
    needed = required_height(track, surface_along(track, frame, ground), height_m)
    return _through(track, needed, tolerance_m)[0]


def follow_at(
    points: Floats, frame: LocalFrame, ground: Ground, heights_m: Floats, clearance_m: float, tolerance_m: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """As `follow`, but each given point has a height (M,) of its own above the ground right under it.

    Straight from height to height, lifted where a surface comes closer than `clearance_m`. The second (K,) says which
    points were given.
    """
    track = sample_track(points, sampling_step_m(ground))
    surface = surface_along(track, frame, ground)
    given = PlaneGround.over(ground, frame, track.east_north, SIDE_MARGIN_M).heights(points) + heights_m
    wanted = np.interp(track.distance_m, track.distance_m[track.corner], given)
    needed = np.maximum(wanted, required_height(track, surface, clearance_m))
    return _through(track, needed, tolerance_m)


def _through(track: Track, needed: Floats, tolerance_m: float) -> tuple[Floats, NDArray[np.bool_]]:
    chosen = _simplify(track, needed, tolerance_m)
    heights = _lift(track.distance_m, needed, chosen)
    return np.column_stack([track.east_north[chosen], heights]), track.corner[chosen]


def _simplify(track: Track, needed: Floats, tolerance_m: float) -> NDArray[np.intp]:
    """Indices to keep: all corners, and between them what Douglas-Peucker needs for the height profile."""
    corners = [int(index) for index in np.flatnonzero(track.corner)]
    keep = set(corners)
    spans = list(pairwise(corners))
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inner = np.arange(first + 1, last)
        line = np.interp(track.distance_m[inner], track.distance_m[[first, last]], needed[[first, last]])
        gap = np.abs(needed[inner] - line)
        worst = int(gap.argmax())
        if gap[worst] > tolerance_m:
            middle = int(inner[worst])
            keep.add(middle)
            spans += [(first, middle), (middle, last)]
    return np.array(sorted(keep), dtype=np.intp)


def _lift(distance_m: Floats, needed: Floats, chosen: NDArray[np.intp]) -> Floats:
    heights = needed[chosen].copy()
    for index in range(len(chosen) - 1):
        first, last = chosen[index], chosen[index + 1]
        span = slice(first, last + 1)
        line = np.interp(distance_m[span], distance_m[[first, last]], heights[index : index + 2])
        deficit = float((needed[span] - line).max())
        if deficit > 0.0:
            # Lifting both ends by the deficit lifts every point between by it; an earlier span only gains.
            heights[index : index + 2] += deficit
    return heights
