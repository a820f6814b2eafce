"""What all views of a flight share, found from what they saw again and again: clock, boresight, scale.

A camera screwed on by hand looks a degree or two aside, its stamps are some tenths late, and every place of a flight is
moved by it, one way on the way out and the other way back. The same thing seen from many sides tells these apart from
where it is: the states are found for which all sightings of each target fall on one place.

It is one robust least-squares problem (Gauss-Newton, relinearised; Triggs et al. 2000). ``Place.common`` already says
how one sigma of each common state moves a place, so the states are counted in sigmas and their prior is the unit
matrix: what a flight cannot see keeps its prior, and stays in the ellipse of everything that is located. Targets are
unknown (two coordinates each) or known; a known one pulls with its own sigma. GNSS offset and the height of the ground
are common states like the others: nothing here believes a mean of many views more than its common error.

Weights are Geman-McClure: a sighting many sigmas off has no say. Where the rest scatters more than the poses
claim, the claim is raised to what is seen, for a covariance that contradicts its own residuals is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import COMMON_STATES, Ellipse95, NoPlace, Place, ellipse95
from imagery.shared_views import BORESIGHT, CLOCK, SCALE, SharedViews, Sighted, corrected
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import Pose

__all__ = ["Calibration", "Sighted", "TargetFix", "calibrate"]

Floats = NDArray[np.float64]

KNOWN_SIGMA_M = 1.0
_ROUNDS = 12
_CONVERGED = 1e-3
# Geman-McClure: at this many sigmas a sighting has a quarter of its weight; beyond REJECTED it has no part at all.
_DOUBT, REJECTED = 4.0, 6.0
# Rounds in which the doubt is wide open, while the states are still far from where they belong.
_PATIENT_ROUNDS = 3


@dataclass(frozen=True, slots=True, eq=False)
class TargetFix:
    """A target: ``enu`` (3,) m, ``covariance_m2`` (2, 2); ``scatter_m``: rms of its sightings around their mean."""

    target: str
    enu: Floats
    covariance_m2: Floats
    sightings: int
    rejected: int
    scatter_m: float

    @property
    def ellipse(self) -> Ellipse95:
        """Its 95 % ellipse."""
        return ellipse95(self.covariance_m2)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What was found. ``states`` (COMMON_STATES,) in sigmas of their priors, ``covariance`` of them.

    ``time_offset_s roll_deg pitch_deg yaw_deg`` replace those of the profile, ``scale`` multiplies fx and fy;
    ``sigma`` holds one standard deviation of each by the same names. ``noise_factor``: how much more the sightings
    scatter than the poses claim, in sigmas.
    """

    time_offset_s: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    scale: float
    sigma: Mapping[str, float]
    states: Floats
    covariance: Floats
    noise_factor: float
    targets: tuple[TargetFix, ...]
    places: tuple[Place | NoPlace, ...]
    rejected: tuple[bool, ...]

    def profile(self, before: CameraProfile) -> CameraProfile:
        """The camera with what was found, and with what is still not known of it."""
        return replace(
            before,
            time_offset_s=self.time_offset_s,
            time_offset_sigma_s=self.sigma["time_offset_s"],
            roll_deg=self.roll_deg,
            pitch_deg=self.pitch_deg,
            yaw_deg=self.yaw_deg,
            boresight_sigma_deg=max(self.sigma["roll_deg"], self.sigma["pitch_deg"]),
            boresight_yaw_sigma_deg=self.sigma["yaw_deg"],
            fx=before.fx * self.scale,
            fy=before.fy * self.scale,
            scale_sigma=self.sigma["scale"],
        )

    def told(self, place: Place | NoPlace) -> Place | NoPlace:
        """A place with its error under what is known of the common states now."""
        if isinstance(place, NoPlace):
            return place
        root = np.linalg.cholesky(self.covariance)
        factor = self.noise_factor
        noise, shaken = place.noise_m2 * factor**2, place.shaken * factor
        return replace(place, noise_m2=noise, shaken=shaken, common=place.common @ root)

    def to_json(self) -> dict[str, Any]:
        """The agreed object ``calibration``."""
        numbers = {key: round(float(getattr(self, key)), 5) for key in self.sigma}
        return {**numbers, "sigma": {key: round(float(value), 5) for key, value in self.sigma.items()}}


def calibrate(
    sighted: Sequence[Sighted],
    profile: CameraProfile,
    frame: LocalFrame,
    known_en: Mapping[str, Floats] | None = None,
    *,
    known_sigma_m: float = KNOWN_SIGMA_M,
) -> Calibration:
    """Common states, targets and places of a flight. ``known_en``: (2,) east-north metres by target.

    Raises ValueError where not one sighting can be placed.
    """
    problem = _Problem(sighted, _with_attitude_in_boresight(profile, sighted), frame, known_en or {}, known_sigma_m)
    states = np.zeros(COMMON_STATES)
    factor = 1.0
    for turn in range(_ROUNDS):
        doubt = _DOUBT * factor * (4.0 if turn < _PATIENT_ROUNDS else 1.0)
        solved = problem.solve(states, doubt)
        factor = solved.factor
        step = solved.states - states
        states = solved.states
        if turn >= _PATIENT_ROUNDS and float(np.abs(step).max()) < _CONVERGED:
            break
    return problem.told(solved)


def _with_attitude_in_boresight(profile: CameraProfile, sighted: Sequence[Sighted]) -> CameraProfile:
    """A fixed camera's yaw and the compass's error are one thing to its pictures: the boresight takes both."""
    poses = [pose for pose in (one.pose_at(0.0) for one in sighted) if isinstance(pose, Pose)]
    if profile.mount != "fixed" or not poses:
        return profile
    common = poses[0].attitude_common_rad2
    tilt = math.degrees(math.sqrt(max(0.0, float(common[0, 0] + common[1, 1]) / 2.0)))
    turn = math.degrees(math.sqrt(max(0.0, float(common[2, 2]))))
    return replace(
        profile,
        boresight_sigma_deg=math.hypot(profile.boresight_sigma_deg, tilt),
        boresight_yaw_sigma_deg=math.hypot(profile.boresight_yaw_sigma_deg, turn),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """One linear solution around the states before: new states, targets (K, 2), their joint covariance."""

    states: Floats
    targets: Floats
    covariance: Floats
    places: list[Place | NoPlace]
    weights: Floats
    factor: float


class _Problem:
    """The sightings of a flight as a least-squares problem."""

    def __init__(
        self,
        sighted: Sequence[Sighted],
        profile: CameraProfile,
        frame: LocalFrame,
        known_en: Mapping[str, Floats],
        known_sigma_m: float,
    ) -> None:
        self._sighted, self._profile, self._frame = sighted, profile, frame
        self._names = list(dict.fromkeys(one.target for one in sighted if one.target))
        self._index = np.array([self._names.index(one.target) if one.target else -1 for one in sighted])
        self._known = {self._names.index(name): en for name, en in known_en.items() if name in self._names}
        self._known_information = np.eye(2) / known_sigma_m**2
        self._shared = SharedViews(sighted, profile, frame)

    def solve(self, states: Floats, doubt: float) -> _Solved:
        """The next states, and everything that follows from them."""
        places = self._shared.places(states)
        usable = [
            i
            for i, place in enumerate(places)
            if isinstance(place, Place) and self._index[i] >= 0 and not self._shared.stale[i]
        ]
        if not any(isinstance(place, Place) for place in places):
            reason = next((place.reason for place in places if isinstance(place, NoPlace)), "no sighting")
            raise ValueError(f"not one sighting can be placed: {reason}")
        weights = np.zeros(len(places))
        weights[usable] = 1.0
        targets = self._middles(places, weights)
        for _ in range(3):
            weights[usable] = [_weight(self._off2(places[i], targets[self._index[i]]), doubt) for i in usable]
            targets = self._middles(places, weights)
        factor = self._factor(places, weights, targets)
        next_states, targets, covariance = self._normal_equations(states, places, weights, factor)
        return _Solved(next_states, targets, covariance, places, weights, factor)

    def _off2(self, place: Place | NoPlace, target: Floats) -> float:
        assert isinstance(place, Place)
        off = place.enu[:2] - target
        return float(off @ np.linalg.solve(place.noise_m2, off))

    def _middles(self, places: list[Place | NoPlace], weights: Floats) -> Floats:
        """(K, 2) weighted middles of the targets' sightings; a median to begin with."""
        middles = np.full((len(self._names), 2), np.nan)
        for k in range(len(self._names)):
            mine = [i for i in np.flatnonzero(self._index == k) if isinstance(places[i], Place)]
            if not mine:
                continue
            at = np.array([places[i].enu[:2] for i in mine])  # type: ignore[union-attr]
            w = weights[mine]
            sure = np.all(w == 1.0) or w.sum() < 1e-6
            middles[k] = np.median(at, axis=0) if sure else (w[:, None] * at).sum(axis=0) / w.sum()
        return middles

    def _factor(self, places: list[Place | NoPlace], weights: Floats, targets: Floats) -> float:
        """How many times the claimed sigmas the sightings scatter, 1 at least; by the median."""
        shares = []
        for k in range(len(self._names)):
            mine = [i for i in np.flatnonzero(self._index == k) if weights[i] > 0.0]
            if len(mine) >= 3:
                used = len(mine) / (len(mine) - 1.0)
                shares += [self._off2(places[i], targets[k]) * used for i in mine]
        if len(shares) < 6:
            return 1.0
        return max(1.0, math.sqrt(float(np.median(shares)) / 1.386))

    def _normal_equations(
        self, states: Floats, places: list[Place | NoPlace], weights: Floats, factor: float
    ) -> tuple[Floats, Floats, Floats]:
        n, many = COMMON_STATES, len(self._names)
        size = n + 2 * many
        matrix_, vector = np.zeros((size, size)), np.zeros(size)
        matrix_[:n, :n] = np.eye(n)
        vector[:n] = -states
        for i in np.flatnonzero(weights > 0.0):
            place = places[i]
            assert isinstance(place, Place)
            k = n + 2 * int(self._index[i])
            information = float(weights[i]) / factor**2 * np.linalg.inv(place.noise_m2)
            row = np.zeros((2, size))
            row[:, :n], row[:, k : k + 2] = -place.common, np.eye(2)
            matrix_ += row.T @ information @ row
            vector += row.T @ information @ place.enu[:2]
        for index, en in self._known.items():
            k = n + 2 * index
            matrix_[k : k + 2, k : k + 2] += self._known_information
            vector[k : k + 2] += self._known_information @ en
        empty = np.flatnonzero(np.diag(matrix_) == 0.0)  # a target without a place stays nowhere
        matrix_[empty, empty] = 1e-12
        covariance = np.linalg.inv(matrix_)
        found = covariance @ vector
        return states + found[:n], found[n:].reshape(-1, 2), np.asarray(covariance, np.float64)

    def told(self, solved: _Solved) -> Calibration:
        """The solution in the words of a profile."""
        n = COMMON_STATES
        covariance = solved.covariance[:n, :n]
        found = corrected(self._profile, solved.states[BORESIGHT], float(solved.states[SCALE]))
        clock_s = float(np.median([sigma for sigma in self._shared.clock_sigmas if sigma > 0.0] or [0.0]))
        places = self._shared.places(solved.states)
        least = _weight(REJECTED**2, _DOUBT)
        rejected = tuple(
            bool(isinstance(place, Place) and k >= 0 and weight < least)
            for place, k, weight in zip(places, self._index, solved.weights, strict=True)
        )
        return Calibration(
            time_offset_s=self._profile.time_offset_s + float(solved.states[CLOCK]) * clock_s,
            roll_deg=found.roll_deg,
            pitch_deg=found.pitch_deg,
            yaw_deg=found.yaw_deg,
            scale=found.fx / self._profile.fx,
            sigma={
                "time_offset_s": clock_s * math.sqrt(covariance[CLOCK, CLOCK]),
                **_euler_sigmas(self._profile, covariance[BORESIGHT, BORESIGHT]),
                "scale": self._profile.scale_sigma * math.sqrt(covariance[SCALE, SCALE]),
            },
            states=solved.states,
            covariance=covariance,
            noise_factor=solved.factor,
            targets=tuple(self._target(k, solved, places, rejected) for k in self._placed(solved)),
            places=tuple(places),
            rejected=rejected,
        )

    def _placed(self, solved: _Solved) -> list[int]:
        return [k for k in range(len(self._names)) if (solved.weights[self._index == k] > 0.0).any()]

    def _target(self, k: int, solved: _Solved, places: list[Place | NoPlace], rejected: tuple[bool, ...]) -> TargetFix:
        mine = [i for i in np.flatnonzero(self._index == k) if isinstance(places[i], Place)]
        good = [i for i in mine if not rejected[i]] or mine
        at = np.array([places[i].enu for i in good])  # type: ignore[union-attr]
        scatter = float(np.sqrt(((at[:, :2] - at[:, :2].mean(axis=0)) ** 2).sum(axis=1).mean()))
        block = slice(COMMON_STATES + 2 * k, COMMON_STATES + 2 * k + 2)
        enu = np.array([*solved.targets[k], float(np.median(at[:, 2]))])
        dropped = len(mine) - len(good)
        return TargetFix(self._names[k], enu, solved.covariance[block, block], len(mine), dropped, scatter)


def _weight(off2: float, doubt: float) -> float:
    share = 1.0 / (1.0 + off2 / (doubt * doubt))
    return share * share


def _euler_sigmas(profile: CameraProfile, covariance: Floats) -> dict[str, float]:
    """Standard deviations of the mount's offsets, degrees, by those of boresight about the camera's axes."""
    across, about = profile.boresight_sigma_deg, profile.boresight_yaw_sigma_deg
    mount = profile.mount_from_camera @ np.diag([across, across, about])
    in_mount = mount @ covariance @ mount.T
    return {f"{name}_deg": math.sqrt(in_mount[i, i]) for i, name in enumerate(("roll", "pitch", "yaw"))}
