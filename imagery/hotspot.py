"""One remembered source of heat: how many looks become one place, one size, one temperature.

An information filter on the ground (east, north): independent **noise** adds information; how the **common** states of
the flight moved each look (``Place.common``) is averaged with the same weights and added when the ellipse is asked for,
so that a thousand looks through the same crooked mount never look better than the mount. A hotspot keeps the errors of
the pass that found it: what another pass sees of it is moved by what is known of the difference (`passes`), and weighs
as little as that is unknown, for all its looks are moved alike.

What is hot may stand above the ground that is known of: a chimney, or a roof that the terrain leaves out. Then it falls
to other places from other sides. So besides its place on the ground each keeps the sum of its **rays**, which says
where these meet, with a prior for the ground; there it is looked for, and shown where it clearly stands higher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import COMMON_STATES, Ellipse95, Place, ellipse95
from imagery.looks import RISES_M, Sighting
from imagery.observe import FrameObservation
from imagery.passes import LOOKS_A_PASS, RAY_STATES, Passes
from imagery.trend import Level, looked

Floats = NDArray[np.float64]

LOOKS_REMEMBERED = 5
_STANDS_ABOVE_M = 2.5
_FORGET_AFTER = 5


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Where a hotspot stands: (2,) east north, and up, in the local frame; (2, 2) noise, (2, 12) common columns."""

    en: Floats
    noise_m2: Floats
    common: Floats
    up_m: float

    @property
    def covariance_m2(self) -> Floats:
        """(2, 2) remaining noise and all of the common error."""
        return np.asarray(self.noise_m2 + self.common @ self.common.T, np.float64)

    @property
    def ellipse(self) -> Ellipse95:
        """The 95 % ellipse."""
        return ellipse95(self.covariance_m2)


@dataclass(frozen=True, slots=True, eq=False)
class Hotspot:
    """One remembered source of heat; metres, kelvin.

    ``information`` (2, 2) 1/m², ``vector`` (2,) and ``pulls`` (2, COMMON_STATES) are sums over the looks of Λ, Λ x and
    Λ F, with the place x on the ground and its columns F of common states: those of the pass ``passed``, which saw it
    first. ``rays`` (3, 4 + COMMON_STATES): Σ GᵀΛ [G, y, F], with G = [1, lean]: the same for what may stand higher.
    ``apart``: keys of neighbours that were seen beside it in one frame, which are therefore others. ``instead``: keys
    of neighbours that were in view and not seen when it was, and how often; none of ``apart``.
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
    rays: Floats
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
    instead: Mapping[int, int] = field(default_factory=dict)
    levels: tuple[Level, ...] = ()
    """How hot it was against its surroundings, then and now (`trend`)."""
    told_k: float | None = None
    """The highest temperature that its camera gave for it, where the picture has none (`thermal_range`)."""

    @property
    def confirmed(self) -> bool:
        """Whether it has a number."""
        return self.number is not None

    @property
    def place(self) -> Standing:
        """Where its rays meet, where that is well above the ground for sure; else where they meet the ground."""
        state, noise, common = (array[0] for array in risen(self.rays[None], np.array([self.height_amsl_m])))
        above = float(state[2]) - self.height_amsl_m
        if above > max(_STANDS_ABOVE_M, 3.0 * float(np.sqrt(noise[2, 2] + (common[2] ** 2).sum()))):
            return Standing(state[:2], noise[:2, :2], common[:2], float(state[2]))
        noise = _inverse(self.information)
        return Standing(noise @ self.vector, noise, noise @ self.pulls, self.height_amsl_m)

    @property
    def place_en(self) -> Floats:
        """(2,) east, north, metres."""
        return self.place.en

    @property
    def noise_m2(self) -> Floats:
        """(2, 2) what is left of the noise."""
        return self.place.noise_m2

    @property
    def common(self) -> Floats:
        """(2, COMMON_STATES) how one sigma of each common state moves the place, metres."""
        return self.place.common

    @property
    def covariance_m2(self) -> Floats:
        """(2, 2) remaining noise and all of the common error."""
        return self.place.covariance_m2

    @property
    def ellipse(self) -> Ellipse95:
        """The 95 % ellipse."""
        return self.place.ellipse


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
        rays=_ray_sums(place, information, np.zeros(COMMON_STATES)),
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
        levels=_levels((), sighting, observation),
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
    passed = hotspot.passed
    sums: tuple[Floats, ...] = (hotspot.information, hotspot.vector, hotspot.pulls, hotspot.rays)
    if first_whole:  # so far only parts were seen, cut by the border: the first whole view starts the place anew
        passed, sums = now, tuple(0.0 * array for array in sums)
    if larger:
        sums = tuple(old + new for old, new in zip(sums, _told(place, passes, now, passed), strict=True))
    information, vector, pulls, rays = sums
    return replace(
        hotspot,
        passed=passed,
        information=information,
        vector=vector,
        pulls=pulls,
        rays=rays,
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
        levels=_levels(hotspot.levels, sighting, observation),
        told_k=_hotter(hotspot.told_k, _camera_says_k(observation, i)),
    )


def _levels(levels: tuple[Level, ...], sighting: Sighting, observation: FrameObservation) -> tuple[Level, ...]:
    """With this look, where it says how hot the thing is: whole, resolved, not clipped."""
    found, i = observation.detections, sighting.index
    if not found.radiometric or sighting.edge or bool(found.lower_bound[i]):
        return levels
    return looked(levels, observation.time_s, float(found.contrast[i]), sighting.place.pixel_m)


def _camera_says_k(observation: FrameObservation, index: int) -> float | None:
    """The camera's own temperature belongs to the detection that holds its hottest pixel, and to no other."""
    return observation.hottest[1] if observation.hottest is not None and observation.hottest[0] == index else None


def _hotter(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _told(place: Place, passes: Passes, now: int, passed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """What a place of the pass of now adds to the sums of a hotspot that is told under another's states."""
    states, noise = np.zeros(COMMON_STATES), place.noise_m2
    if now != passed:
        states, doubt = passes.difference(now, passed)
        common = place.common * RAY_STATES
        noise = noise + LOOKS_A_PASS * common @ doubt @ common.T
    added = _inverse(noise)
    en = place.enu[:2] - place.common @ states
    return added, added @ en, added @ place.common, _ray_sums(place, added, states)


def _ray_sums(place: Place, information: Floats, states: Floats) -> Floats:
    """(3, 4 + COMMON_STATES): what the ray to a place says of all points along it, moved by common states."""
    common = place.common * RAY_STATES
    along = place.enu[:2] + place.lean * place.enu[2] - common @ states
    columns = np.column_stack([np.eye(2), place.lean, along, common])
    return np.asarray(columns[:, :3].T @ information @ columns, np.float64)


def risen(rays: Floats, ground_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Where the rays of K hotspots meet, near the ground: (K, 3) places, (K, 3, 3) noise, (K, 3, COMMON_STATES)."""
    information, rest = rays[:, :, :3].copy(), rays[:, :, 3:].copy()
    information[:, 2, 2] += RISES_M**-2
    rest[:, 2, 0] += ground_m * RISES_M**-2
    noise = np.linalg.inv(information)
    solved = noise @ rest
    return solved[..., 0], np.asarray(noise, np.float64), solved[..., 1:]


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
    states, noise, common = risen(np.stack([one.rays, other.rays]), np.array([one.height_amsl_m, other.height_amsl_m]))
    columns, rows = passes.columns([common[1, :2]], [other.passed], [-common[0, :2]], [one.passed])
    spread = noise[:, :2, :2].sum(axis=0) + rows @ passes.covariance[np.ix_(columns, columns)] @ rows.T
    for hotspot, moved in zip((one, other), common[:, :2], strict=True):
        if hotspot.passed < passes.forgotten:
            spread = spread + moved @ moved.T
    return states[1, :2] - states[0, :2] - rows @ passes.mean[columns], spread


def joined(stays: Hotspot, goes: Hotspot, passes: Passes) -> Hotspot:
    """Two that turn out to be one, under the key, number and pass of the one that stays."""
    states, doubt = passes.difference(goes.passed, stays.passed)
    noise = _inverse(goes.information)
    common = (noise @ goes.pulls) * RAY_STATES
    # All of its looks are moved alike: by so much less do they say where it is.
    share = float(np.trace(noise) / np.trace(noise + common @ doubt @ common.T))
    rays = goes.rays.copy()
    rays[:, 3] -= rays[:, 4:] @ states
    return replace(
        stays,
        information=stays.information + share * goes.information,
        vector=stays.vector + share * (goes.vector - goes.pulls @ states),
        pulls=stays.pulls + share * goes.pulls,
        rays=stays.rays + share * rays,
        peak_k=max(stays.peak_k, goes.peak_k),
        contrast_k=max(stays.contrast_k, goes.contrast_k),
        area_m2=max(stays.area_m2, goes.area_m2),
        radius_m=max(stays.radius_m, goes.radius_m),
        first_seen_s=min(stays.first_seen_s, goes.first_seen_s),
        last_seen_s=max(stays.last_seen_s, goes.last_seen_s),
        sightings=stays.sightings + goes.sightings,
        apart=stays.apart | goes.apart,
        instead={key: n for key, n in stays.instead.items() if key != goes.key and key not in goes.apart},
        told_k=_hotter(stays.told_k, goes.told_k),
    )
