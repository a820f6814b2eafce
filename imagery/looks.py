"""What one frame sights on the ground: its detections as places with sizes, one for each fire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import NoPlace, Place, View
from imagery.observe import FrameObservation
from imagery.passes import RAY_STATES

Floats = NDArray[np.float64]

# Two parts of one fire closer than this are one; a fire brigade's hose reaches both.
MERGE_GAP_M = 0.6
# 99 % of two degrees of freedom.
GATE = 9.21
# How far above the known ground a source of heat may stand, one sigma: chimneys, and what a terrain model leaves out.
RISES_M = 2.0
# A larger region is a burning area, whose parts keep their own places; it must not swallow its neighbours.
_MAX_RADIUS_M = 8.0
# A person covers 0.3 to 2 m²; half of that may be clothed cold, and blur adds so many pixels to each side.
_PERSON_M2, _BLUR_PX = (0.15, 2.0), 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One detection on the ground; ``index``: which of the frame; ``edge``: cut by the border of the picture."""

    place: Place
    index: int
    radius_m: float
    area_m2: float
    edge: bool


def sightings_of(observation: FrameObservation, view: View) -> list[Sighting]:
    """What a frame sights, in the order of its detections; what has no place, or the size of nobody, is left out."""
    found = observation.detections
    # The centroid of a large or half-seen fire is not its middle: its own size is part of the doubt.
    sides = found.bbox[:, 2:].max(axis=1, initial=0)
    sizes = 0.15 * np.sqrt(found.area_px) + np.where(found.edge, 0.5 * sides, 0.0)
    sigmas = np.hypot(view.profile.pixel_sigma_px, sizes)
    sightings = []
    for i, place in enumerate(view.places(np.column_stack([found.u, found.v]), sigma_px=sigmas.tolist())):
        if isinstance(place, NoPlace):
            continue
        area = float(found.area_px[i]) * place.pixel_m**2
        if found.kind == "person" and not _as_large_as_a_person(area, place.pixel_m, bool(found.edge[i])):
            continue
        radius = min(_MAX_RADIUS_M, 0.5 * float(sides[i]) * place.pixel_m)
        sightings.append(Sighting(place, i, radius, area, bool(found.edge[i])))
    return _one_fire_each(sightings)


def _as_large_as_a_person(area_m2: float, pixel_m: float, edge: bool) -> bool:
    least, most = _PERSON_M2
    return (edge or area_m2 >= least) and area_m2 <= (math.sqrt(most) + _BLUR_PX * pixel_m) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """M sightings as arrays: (M, 3) places, (M, 2, 2) noise, (M, 2, 12) what moves their rays, ``shaken``, ``lean``.

    ``reach_m`` (M,): no gate is wider by this sighting, nor by a hotspot that may stand above the ground.
    """

    enu: Floats
    noise: Floats
    common: Floats
    shaken: Floats
    lean: Floats
    radii: Floats
    reach_m: Floats


def stacked(sightings: Sequence[Sighting]) -> Stacked:
    """At least one sighting as arrays."""
    places = [sighting.place for sighting in sightings]
    noise, lean = np.array([place.noise_m2 for place in places]), np.array([place.lean for place in places])
    common = np.array([place.common for place in places]) * RAY_STATES
    radii = np.array([sighting.radius_m for sighting in sightings])
    doubt = noise[:, 0, 0] + noise[:, 1, 1] + 2.0 * (common**2).sum(axis=(1, 2)) + 0.5 * radii**2
    reach = np.sqrt(GATE * doubt) + 2.0 * RISES_M * np.hypot(lean[:, 0], lean[:, 1])
    shaken = np.array([place.shaken for place in places])
    return Stacked(np.array([place.enu for place in places]), noise, common, shaken, lean, radii, reach)


def _one_fire_each(sightings: list[Sighting]) -> list[Sighting]:
    """Drop the smaller of two parts that touch: flames and shadows cut one fire into several regions."""
    if len(sightings) < 2:
        return sightings
    en, radii = np.array([s.place.enu[:2] for s in sightings]), np.array([s.radius_m for s in sightings])
    apart = np.hypot(*(np.subtract.outer(en[:, axis], en[:, axis]) for axis in (0, 1)))
    touch = apart <= np.add.outer(radii, radii) + MERGE_GAP_M
    if touch.sum() == len(sightings):
        return sightings
    kept: list[int] = []
    for i in sorted(range(len(sightings)), key=lambda i: -sightings[i].area_m2):
        if not touch[i, kept].any():
            kept.append(i)
    return [sightings[i] for i in sorted(kept)]
