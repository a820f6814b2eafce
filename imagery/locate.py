"""Picked pixels to places: one for each sighting, and one for each target from all of its sightings.

Targets are fused as hotspots are: information of the independent noise adds up, the error that all views share is added
once at the end and never averaged away. What cannot be placed keeps its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import Ellipse95, NoPlace, Place, View, ellipse95
from imagery.sightings import Sighting
from missions.geometry.geo import GeoPoint, LocalFrame

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """One sighting: its place, or why there is none. ``rejected``: it has no part in its target."""

    sighting: Sighting
    time_s: float | None
    place: Place | NoPlace
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """All sightings of one target together. ``scatter_m``: rms distance of its sightings from it."""

    target: str
    point: GeoPoint
    ellipse: Ellipse95
    sightings: int
    scatter_m: float
    rejected: int = 0


def locate(sighting: Sighting, time_s: float, view: View) -> Located:
    """Place one sighting."""
    profile = view.profile
    if not profile.size_assumed and not (
        -0.5 <= sighting.u <= profile.width - 0.5 and -0.5 <= sighting.v <= profile.height - 0.5
    ):
        reason = f"pixel {sighting.u:g}, {sighting.v:g} is outside the {profile.width}×{profile.height} picture"
        return Located(sighting, time_s, NoPlace(reason))
    return Located(sighting, time_s, view.place(sighting.u, sighting.v))


def fuse(located: Sequence[Located], frame: LocalFrame) -> tuple[Target, ...]:
    """Targets, by name in the order of their first sighting; sightings without a target name stay alone."""
    groups: dict[str, list[Place]] = {}
    for one in located:
        if one.sighting.target and isinstance(one.place, Place):
            groups.setdefault(one.sighting.target, []).append(one.place)
    return tuple(_fused(name, places, frame) for name, places in groups.items())


def _fused(name: str, places: list[Place], frame: LocalFrame) -> Target:
    weights = [np.linalg.inv(place.noise_m2) for place in places]
    noise = np.linalg.inv(np.sum(weights, axis=0))
    vector = np.sum([w @ place.enu[:2] for w, place in zip(weights, places, strict=True)], axis=0)
    mean: Floats = noise @ vector
    common = np.mean([place.common_m2 for place in places], axis=0)
    up = float(np.mean([place.enu[2] for place in places]))
    off = np.array([place.enu[:2] - mean for place in places])
    scatter = float(np.sqrt((off**2).sum(axis=1).mean()))
    point = frame.point_at([mean[0], mean[1], up])
    return Target(name, point, ellipse95(noise + common), len(places), round(scatter, 3))
