"""Which detections of a flight are sightings of the same thing: what a calibration asks for, and nobody has picked.

The memory has said where the hotspots are; a detection belongs to the nearest of them when it lies where that one may
be, and no other is nearly as near. What is doubtful is left out: a calibration does well with few sightings and badly
with false ones. Of a hotspot that was seen a hundred times a few are taken, spread over the flight, for it is the other
direction and the other pass that tell the clock from the mount.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from imagery.georeference import Place, View
from imagery.hotspots import Hotspot
from imagery.observe import FrameObservation

# As far as this beside a hotspot it may be it, metres, beside what the errors say; and the next one is so much farther.
_NEAR_M, _NEAREST_M, _APART = 2.0, 12.0, 2.0
_MOST_OF_ONE, _MOST = 24, 600


@dataclass(frozen=True, slots=True)
class Resighting:
    """A detection of a remembered hotspot: the number of its frame, the pixel, and how well its middle is known."""

    target: str
    seq: int
    u: float
    v: float
    sigma_px: float


def resightings(seen: Iterable[tuple[FrameObservation, View]], hotspots: Sequence[Hotspot]) -> list[Resighting]:
    """The sightings of what was remembered, in the order of the frames."""
    if not hotspots:
        return []
    places = np.stack([hotspot.place_en for hotspot in hotspots])
    found: list[list[Resighting]] = [[] for _ in hotspots]
    for observation, view in seen:
        detections = observation.detections
        if not len(detections) or observation.refusal:
            continue
        for index, place in enumerate(view.places(np.column_stack([detections.u, detections.v]))):
            if not isinstance(place, Place) or detections.edge[index]:
                continue
            away = np.hypot(*(places - place.enu[:2]).T)
            nearest = int(np.argmin(away))
            doubt = float(np.sqrt(np.trace(place.noise_m2 + place.common_m2)))
            next_m = float(np.partition(away, 1)[1]) if len(away) > 1 else np.inf
            if away[nearest] > min(_NEAREST_M, _NEAR_M + 2.0 * doubt) or next_m < _APART * away[nearest] + _NEAR_M:
                continue
            sigma = float(np.hypot(view.profile.pixel_sigma_px, 0.15 * np.sqrt(detections.area_px[index])))
            found[nearest].append(
                Resighting(
                    str(hotspots[nearest].key), observation.seq, float(detections.u[index]), float(detections.v[index]),
                    sigma,
                )
            )  # fmt: skip
    chosen = [one for mine in found for one in _spread(mine, _MOST_OF_ONE)]
    return _spread(sorted(chosen, key=lambda one: (one.seq, one.target)), _MOST)


def _spread(mine: list[Resighting], most: int) -> list[Resighting]:
    """At most so many, evenly from the first to the last."""
    if len(mine) <= most:
        return mine
    return [mine[int(at)] for at in np.linspace(0, len(mine) - 1, most).round()]
