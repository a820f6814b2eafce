"""One remembered source of heat: how many looks become one place, one size, one temperature.

An information filter on the ground (east, north): independent **noise** adds information; how the **common** states of
the flight moved each look (``Place.common``) is averaged with the same weights and added when the ellipse is asked for,
so that a thousand looks through the same crooked mount never look better than the mount. A hotspot keeps the errors of
the pass that found it: what another pass sees of it is moved by what is known of the difference (`passes`), and weighs
as little as that is unknown, for all its looks are moved alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import Ellipse95, Place, ellipse95
from imagery.looks import Sighting
from imagery.observe import FrameObservation
from imagery.passes import LOOKS_A_PASS, Passes

Floats = NDArray[np.float64]

LOOKS_REMEMBERED = 5
_FORGET_AFTER = 5


@dataclass(frozen=True, slots=True, eq=False)
class Hotspot:
    """One remembered source of heat; metres, kelvin.

    ``information`` (2, 2) 1/m², ``vector`` (2,) and ``pulls`` (2, COMMON_STATES) are sums over the looks of Λ, Λ x and
    Λ F, with the place x and its columns F of common states: those of the pass ``passed``, which saw it first.
    ``apart``: keys of neighbours that were seen beside it in one frame, which are therefore others.
    """

    key: int
    number: int | None
    passed: int
    kind: str
    vehicle: int
    camera: str
    information: Floats
    vector: Floats
    pulls: Floats
    height_amsl_m: float
    peak_k: float
    peak_lower_bound: bool
    latest_peak_k: float
    contrast_k: float
    area_m2: float
    radius_m: float
    whole: bool
    radiometric: bool
    first_seen_s: float
    last_seen_s: float
    sightings: int
    looks: tuple[bool, ...]
    picture: str
    apart: frozenset[int] = frozenset()
    told_k: float | None = None
    """The highest temperature that its camera gave for it, where the picture has none (`thermal_range`)."""

    @property
    def confirmed(self) -> bool:
        """Whether it has a number."""
        return self.number is not None

    @property
    def place_en(self) -> Floats:
        """(2,) east, north, metres."""
        return np.asarray(np.linalg.solve(self.information, self.vector), np.float64)

    @property
    def noise_m2(self) -> Floats:
        """(2, 2) what is left of the noise."""
        return np.asarray(np.linalg.inv(self.information), np.float64)

    @property
    def common(self) -> Floats:
        """(2, COMMON_STATES) how one sigma of each common state moves the place, metres."""
        return np.asarray(np.linalg.solve(self.information, self.pulls), np.float64)

    @property
    def covariance_m2(self) -> Floats:
        """(2, 2) remaining noise and all of the common error."""
        common = self.common
        return np.asarray(self.noise_m2 + common @ common.T, np.float64)

    @property
    def ellipse(self) -> Ellipse95:
        """The 95 % ellipse."""
        return ellipse95(self.covariance_m2)


def begun(key: int, sighting: Sighting, observation: FrameObservation, now: int) -> Hotspot:
    """A new hotspot, by its first look, in the pass of now."""
    found, i, place = observation.detections, sighting.index, sighting.place
    information = _inverse(place.noise_m2)
    return Hotspot(
        key=key,
        number=None,
        passed=now,
        kind=found.kind,
        vehicle=observation.vehicle,
        camera=observation.camera,
        information=information,
        vector=information @ place.enu[:2],
        pulls=information @ place.common,
        height_amsl_m=float(place.enu[2]),
        peak_k=float(found.peak[i]),
        peak_lower_bound=bool(found.lower_bound[i]),
        latest_peak_k=float(found.peak[i]),
        contrast_k=float(found.contrast[i]),
        area_m2=sighting.area_m2,
        radius_m=sighting.radius_m,
        whole=not sighting.edge,
        radiometric=found.radiometric,
        first_seen_s=observation.time_s,
        last_seen_s=observation.time_s,
        sightings=1,
        looks=(True,),
        picture=observation.picture,
        told_k=_camera_says_k(observation, i),
    )


def seen_again(
    hotspot: Hotspot, sighting: Sighting, observation: FrameObservation, passes: Passes, now: int
) -> Hotspot:
    """With another look, of the pass of now."""
    found, i, place = observation.detections, sighting.index, sighting.place
    first_whole = not sighting.edge and not hotspot.whole
    share = 1.0 if first_whole else 1.0 / min(hotspot.sightings + 1, 200)
    peak = float(found.peak[i])
    hotter = peak > hotspot.peak_k
    larger = not sighting.edge or not hotspot.whole
    passed, information, vector, pulls = hotspot.passed, hotspot.information, hotspot.vector, hotspot.pulls
    if first_whole:  # so far only parts were seen, cut by the border: the first whole view starts the place anew
        passed, information, vector, pulls = now, 0.0 * information, 0.0 * vector, 0.0 * pulls
    if larger:
        added, en = _told(place, passes, now, passed)
        information, vector, pulls = information + added, vector + added @ en, pulls + added @ place.common
    return replace(
        hotspot,
        passed=passed,
        information=information,
        vector=vector,
        pulls=pulls,
        height_amsl_m=hotspot.height_amsl_m + share * (float(place.enu[2]) - hotspot.height_amsl_m),
        peak_k=max(peak, hotspot.peak_k),
        peak_lower_bound=bool(found.lower_bound[i]) if hotter else hotspot.peak_lower_bound,
        latest_peak_k=peak,
        contrast_k=max(float(found.contrast[i]), hotspot.contrast_k),
        area_m2=0.8 * hotspot.area_m2 + 0.2 * sighting.area_m2 if larger else hotspot.area_m2,
        radius_m=max(sighting.radius_m, 0.9 * hotspot.radius_m) if larger else hotspot.radius_m,
        whole=hotspot.whole or not sighting.edge,
        last_seen_s=observation.time_s,
        sightings=hotspot.sightings + 1,
        looks=(*hotspot.looks, True)[-LOOKS_REMEMBERED:],
        picture=observation.picture if hotter and observation.picture else hotspot.picture,
        vehicle=observation.vehicle,
        camera=observation.camera,
        told_k=_hotter(hotspot.told_k, _camera_says_k(observation, i)),
    )


def _camera_says_k(observation: FrameObservation, index: int) -> float | None:
    """The camera's own temperature belongs to the detection that holds its hottest pixel, and to no other."""
    return observation.hottest[1] if observation.hottest is not None and observation.hottest[0] == index else None


def _hotter(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _told(place: Place, passes: Passes, now: int, passed: int) -> tuple[Floats, Floats]:
    """(2, 2) information and (2,) east, north of a place of the pass of now, as another pass would have told it."""
    if now == passed:
        return _inverse(place.noise_m2), place.enu[:2]
    states, doubt = passes.difference(now, passed)
    noise = place.noise_m2 + LOOKS_A_PASS * place.common @ doubt @ place.common.T
    return _inverse(noise), place.enu[:2] - place.common @ states


def _inverse(matrix: Floats) -> Floats:
    """Of a (2, 2): numpy's own takes ten times as long for so little."""
    (a, b), (c, d) = matrix.tolist()
    return np.asarray(np.array([[d, -b], [-c, a]]) / (a * d - b * c), np.float64)


def missed(hotspot: Hotspot) -> Hotspot | None:
    """In view and not seen is a look against it; None when an unconfirmed one has had enough of them."""
    looks = (*hotspot.looks, False)[-LOOKS_REMEMBERED:]
    if not hotspot.confirmed and looks[-_FORGET_AFTER:].count(False) >= _FORGET_AFTER:
        return None
    return replace(hotspot, looks=looks)


def apart_m(one: Hotspot, other: Hotspot, passes: Passes) -> tuple[Floats, Floats]:
    """(2,) metres from one to the other, what their passes differ by allowed for, and its (2, 2) covariance."""
    columns, rows = passes.columns([other.common], [other.passed], [-one.common], [one.passed])
    spread = one.noise_m2 + other.noise_m2 + rows @ passes.covariance[np.ix_(columns, columns)] @ rows.T
    for hotspot in (one, other):
        if hotspot.passed < passes.forgotten:
            spread = spread + hotspot.common @ hotspot.common.T
    return other.place_en - one.place_en - rows @ passes.mean[columns], spread


def joined(stays: Hotspot, goes: Hotspot, passes: Passes) -> Hotspot:
    """Two that turn out to be one, under the key, number and pass of the one that stays."""
    states, doubt = passes.difference(goes.passed, stays.passed)
    common = goes.common
    added = _inverse(goes.noise_m2 + common @ doubt @ common.T)
    return replace(
        stays,
        information=stays.information + added,
        vector=stays.vector + added @ (goes.place_en - common @ states),
        pulls=stays.pulls + added @ common,
        peak_k=max(stays.peak_k, goes.peak_k),
        contrast_k=max(stays.contrast_k, goes.contrast_k),
        area_m2=max(stays.area_m2, goes.area_m2),
        radius_m=max(stays.radius_m, goes.radius_m),
        first_seen_s=min(stays.first_seen_s, goes.first_seen_s),
        last_seen_s=max(stays.last_seen_s, goes.last_seen_s),
        sightings=stays.sightings + goes.sightings,
        apart=stays.apart | goes.apart,
        told_k=_hotter(stays.told_k, goes.told_k),
    )
