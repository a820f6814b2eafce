"""Passes: what the flights over one incident err by, each in its own way, and how they came to agree.

A hotspot's place is told under the common states (``Place.common``) of the pass that found it first. The next flight
has a receiver that errs by another metre, a mount that hangs by another half degree: all of its sightings are off by
the same states, and each alone would be gated as if it were off by itself. Here these states are estimated from all
hotspots that are seen again, together: each pass has twelve of them with a prior of one sigma, and a sighting z of a
hotspot y that an earlier pass placed says z - y = F_z s_now - F_y s_then + noise. That is one small Kalman filter over
all passes; after some looks a pass is known relative to those before, and its sightings fall where they belong.

Within a pass nothing is learnt from its own hotspots: what the states do to two looks of one pass is the difference of
their columns under the prior, as if each pass were the first one. The states of now drift towards their prior, slowly.
A camera that was away for a minute comes back as another pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import COMMON_STATES

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

AWAY_S = 60.0
_DRIFT_S = 1_800.0
# Passes that are estimated together; what an older one placed is under errors of its own.
_KEPT = 12
# A hotspot is seen some times in a pass, and errs alike each time: so much less does one look say about the pass.
LOOKS_A_PASS = 10.0
# What moves a ray: all states but the ground's height, which only moves where it is cut.
RAY_STATES = np.array([0.0 if state == 3 else 1.0 for state in range(COMMON_STATES)])


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """All passes of an incident, oldest first, by number from 0; ``forgotten`` of them are not estimated any more.

    ``cameras``, ``first_s``, ``last_s``: whose pass, since when, and when it looked last. ``mean`` (n,) and
    ``covariance`` (n, n): the states of those that are kept, COMMON_STATES of each, in sigmas.
    """

    cameras: tuple[tuple[int, str], ...] = ()
    first_s: tuple[float, ...] = ()
    last_s: tuple[float, ...] = ()
    forgotten: int = 0
    mean: Floats = field(default_factory=lambda: np.zeros(0))
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def now(self, camera: tuple[int, str], time_s: float) -> tuple[Passes, int]:
        """The passes at a frame of a camera (vehicle, id), and the number of the one that it belongs to."""
        mine = [number for number, owner in enumerate(self.cameras) if owner == camera]
        if not mine or time_s - self.last_s[mine[-1]] > AWAY_S or mine[-1] < self.forgotten:
            return self.begin(camera, time_s)
        number = mine[-1]
        last_s = tuple(time_s if n == number else seen for n, seen in enumerate(self.last_s))
        keep = math.exp(-max(0.0, time_s - self.last_s[number]) / _DRIFT_S)
        scale = np.ones(len(self.mean))
        block = self._block(number)
        scale[block] = keep
        covariance = self.covariance * np.outer(scale, scale)
        covariance[block, block] += (1.0 - keep * keep) * np.eye(COMMON_STATES)
        return replace(self, last_s=last_s, mean=self.mean * scale, covariance=covariance), number

    def jumped(self, number: int) -> tuple[Passes, int]:
        """With a pass begun anew, of which what was learnt has proved wrong; and its number.

        A young one forgets what it learnt, and keeps its hotspots; what jumps later is another pass.
        """
        if number < self.forgotten or self.last_s[number] - self.first_s[number] > AWAY_S:
            return self.begin(self.cameras[number], self.last_s[number])
        scale = np.ones(len(self.mean))
        block = self._block(number)
        scale[block] = 0.0
        covariance = self.covariance * np.outer(scale, scale)
        covariance[block, block] = np.eye(COMMON_STATES)
        return replace(self, mean=self.mean * scale, covariance=covariance), number

    def begin(self, camera: tuple[int, str], time_s: float) -> tuple[Passes, int]:
        """With a new pass of a camera, of which nothing is known; and its number."""
        drop = COMMON_STATES if len(self.mean) == _KEPT * COMMON_STATES else 0
        size = len(self.mean) - drop
        covariance = np.eye(size + COMMON_STATES)
        covariance[:size, :size] = self.covariance[drop:, drop:]
        begun = Passes(
            (*self.cameras, camera),
            (*self.first_s, time_s),
            (*self.last_s, time_s),
            self.forgotten + (1 if drop else 0),
            np.concatenate([self.mean[drop:], np.zeros(COMMON_STATES)]),
            covariance,
        )
        return begun, len(self.cameras)

    def difference(self, one: int, other: int) -> tuple[Floats, Floats]:
        """(12,) how the states of one pass differ from another's, and (12, 12) how well that is known."""
        if one == other:
            return np.zeros(COMMON_STATES), np.zeros((COMMON_STATES, COMMON_STATES))
        columns, share = self.columns([np.eye(COMMON_STATES)], [one], [-np.eye(COMMON_STATES)], [other])
        mean = share @ self.mean[columns]
        covariance = share @ self.covariance[np.ix_(columns, columns)] @ share.T
        old = sum(number < self.forgotten for number in (one, other))
        return mean, np.asarray(covariance + old * np.eye(COMMON_STATES), np.float64)

    def columns(
        self, first: Sequence[Floats] | Floats, ones: Sequence[int], second: Sequence[Floats] | Floats,
        others: Sequence[int],
    ) -> tuple[Indices, Floats]:  # fmt: skip
        """Which states matter (m,), and (Q·r, m) rows of ``first`` by the states of ``ones`` and ``second`` by others.

        A pass that is not kept has no state: its rows stay empty, and its share is noise.
        """
        first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
        kept = sorted({number for number in (*ones, *others) if number >= self.forgotten})
        height = first.shape[1]
        rows = np.zeros((len(first), height, len(kept), COMMON_STATES))
        for place, number in enumerate(kept):
            rows[np.equal(ones, number), :, place] += first[np.equal(ones, number)]
            rows[np.equal(others, number), :, place] += second[np.equal(others, number)]
        starts = (np.array(kept, np.int64) - self.forgotten) * COMMON_STATES
        columns = (starts[:, None] + np.arange(COMMON_STATES)).ravel()
        return columns, rows.reshape(len(first) * height, len(columns))

    def learnt(self, columns: Indices, rows: Floats, differences: Floats, noise: Floats) -> Passes:
        """With (k,) differences of sightings, (k, m) ``rows`` by the states ``columns``, and (k, k) their noise."""
        gain_rows = self.covariance[:, columns] @ rows.T
        spread = rows @ gain_rows[columns] + noise
        gain = np.linalg.solve(spread, gain_rows.T).T
        mean = self.mean + gain @ (differences - rows @ self.mean[columns])
        covariance = self.covariance - gain @ gain_rows.T
        return replace(self, mean=mean, covariance=0.5 * (covariance + covariance.T))

    def _block(self, number: int) -> slice:
        start = (number - self.forgotten) * COMMON_STATES
        return slice(start, start + COMMON_STATES)
