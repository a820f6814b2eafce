"""The picture of an incident as a fold: hotspots and coverage, from observations in the order of their journal.

The live system and a replay run this same fold; with the same observations, profiles and ground it gives the same
hotspots, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imagery.coverage import Coverage
from imagery.georeference import NoPlace, View
from imagery.ground_raster import GroundRaster
from imagery.hotspots import Event, HotspotMemory, fold
from imagery.observe import FrameObservation
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, LocalFrame
from missions.geometry.pose import Pose
from missions.geometry.terrain import Ground

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What stays the same: the ground, the local frame, and the profile of each camera (by its id)."""

    ground: Ground
    frame: LocalFrame
    profiles: Mapping[str, CameraProfile]
    raster: GroundRaster = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "raster", GroundRaster(self.ground, self.frame))

    def view(self, observation: FrameObservation) -> View | None:
        """How this frame looked at the ground, or None without a pose in the ground's datum."""
        pose = observation.pose
        profile = self.profiles.get(observation.camera)
        if not isinstance(pose, Pose) or profile is None or pose.position.datum is not Datum.SEA_LEVEL:
            return None
        return View(pose, profile, self.ground, self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """The last footprint of one camera: (N, 2) east-north metres, or the reason why there is none."""

    time_s: float
    ring_en: Floats | None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """All that is known of the ground: hotspots, coverage, last footprint of each camera."""

    memory: HotspotMemory = field(default_factory=HotspotMemory)
    coverage: Coverage = field(default_factory=Coverage.empty)
    footprints: Mapping[str, Footprint] = field(default_factory=dict)

    @classmethod
    def of(cls, task: str) -> Picture:
        """Nothing known yet, of what the task looks for."""
        return cls(coverage=Coverage.empty(task))


def observe(
    picture: Picture, observation: FrameObservation, surroundings: Surroundings
) -> tuple[Picture, tuple[Event, ...]]:
    """The next picture, and what changed in the memory of hotspots."""
    view = surroundings.view(observation)
    footprint = _footprint(observation, view)
    footprints = {**picture.footprints, observation.camera: footprint}
    coverage = picture.coverage
    if view is not None and footprint.ring_en is not None and not observation.refusal:
        coverage = coverage.plus(view, footprint.ring_en, surroundings.raster, observation.time_s)
    memory, events = fold(picture.memory, observation, view, footprint.ring_en)
    return replace(picture, memory=memory, coverage=coverage, footprints=footprints), events


def _footprint(observation: FrameObservation, view: View | None) -> Footprint:
    if view is None:
        reason = "no camera profile" if isinstance(observation.pose, Pose) else observation.pose.text
        return Footprint(observation.time_s, None, reason)
    ring = view.footprint()
    if isinstance(ring, NoPlace):
        return Footprint(observation.time_s, None, ring.reason)
    return Footprint(observation.time_s, ring, "")
