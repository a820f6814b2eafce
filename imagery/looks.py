"""What one frame sights on the ground: its detections as places with sizes, one for each fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import NoPlace, Place, View
from imagery.observe import FrameObservation

Floats = NDArray[np.float64]

# Two parts of one fire closer than this are one; a fire brigade's hose reaches both.
MERGE_GAP_M = 0.6
# A larger region is a burning area, whose parts keep their own places; it must not swallow its neighbours.
_MAX_RADIUS_M = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One detection on the ground; ``index``: which of the frame; ``edge``: cut by the border of the picture."""

    place: Place
    index: int
    radius_m: float
    area_m2: float
    edge: bool


def sightings_of(observation: FrameObservation, view: View) -> list[Sighting]:
    """What a frame sights, in the order of its detections; what has no place is left out."""
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
        radius = min(_MAX_RADIUS_M, 0.5 * float(sides[i]) * place.pixel_m)
        sightings.append(Sighting(place, i, radius, area, bool(found.edge[i])))
    return _one_fire_each(sightings)


def stacked(sightings: Sequence[Sighting]) -> tuple[Floats, Floats, Floats, Floats]:
    """(M, 2) places east north, (M, 2, 2) noise, (M, 2, 12) common columns and (M,) radii of sightings."""
    places = [sighting.place for sighting in sightings]
    return (
        np.array([place.enu[:2] for place in places]),
        np.array([place.noise_m2 for place in places]),
        np.array([place.common for place in places]),
        np.array([sighting.radius_m for sighting in sightings]),
    )


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
