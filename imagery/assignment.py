"""Which sighting of a frame is which known hotspot: one to one, judged together and not one by one.

The gate of a pair (d² < 9.21, 99 % of two degrees of freedom) holds the noise of both, the fire's own size, and what
the common states of the two passes may do to them (`passes`). While little is known of a pass that gate is wide and
holds the neighbours of a fire, too. But all sightings of a frame are off by the **same** states: each pair in turn is
taken for granted, the others are gated under what it says about the pass, and the pair under which the most falls into
place wins (joint compatibility: Neira, Tardós 2001, with single pairs as hypotheses). What was chosen is then asked
once more under all that it says together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import FRAME_STATES
from imagery.looks import GATE, Sighting, Stacked, stacked
from imagery.passes import LOOKS_A_PASS, Passes

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Matches = dict[int, int]

_TOGETHER = 18.0
# What a pair in its gate is worth more than two that are left alone, in units of d².
_WORTH = 12.0
_SEEDED, _TRIED = 8, 4
# A pass of which so few of a frame's sightings fit, while most fit under a fresh start, has jumped.
_FEW, _MOST, _AT_LEAST, _BETTER = 0.75, 0.8, 3, 2


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """K hotspots that may be met: (K, 3) places with height, (K, 3, 3) noise, (K, 3, 12) common columns, (K,) radii.

    ``reach_m``: how far from its place, seen from above, each may be met, but for what the sighting adds; ``passed``:
    the number of the pass under whose states each is placed; ``first``: whether it has the first claim.
    """

    enu: Floats
    noise: Floats
    common: Floats
    radii: Floats
    reach_m: Floats
    passed: Indices
    first: NDArray[np.bool_]

    def take(self, which: Indices) -> Known:
        """Those at some indices."""
        return Known(**{f.name: getattr(self, f.name)[which] for f in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Q pairs: index of hotspot and of sighting, (Q, 2) apart, (Q, 2, 2) noise of its own; (Q,) handicaps ``claims``.

    ``rows`` (2Q, m): metres by one sigma of each state that the frame's sightings share, with ``mean`` (m,) and
    ``covariance`` (m, m) of these: of the passes, and of what this frame alone is shaken by.
    """

    known: Indices
    seen: Indices
    apart: Floats
    noise: Floats
    claims: Floats
    rows: Floats
    mean: Floats
    covariance: Floats

    def take(self, which: Indices) -> _Pairs:
        width = self.rows.shape[1]
        rows = self.rows.reshape(-1, 2, width)[which].reshape(-1, width)
        return replace(
            self, known=self.known[which], seen=self.seen[which], apart=self.apart[which], noise=self.noise[which],
            claims=self.claims[which], rows=rows,
        )  # fmt: skip


_NO_PAIRS = _Pairs(
    *(np.zeros(0, np.int64),) * 2, np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0), *(np.zeros((0, 0)),) * 3
)  # fmt: skip


def assign(known: Known, sightings: Sequence[Sighting], passes: Passes, now: int) -> tuple[Matches, Passes, int]:
    """{index of hotspot: index of sighting}, what is known of the passes then, and the number of the pass of now."""
    if not len(known.enu) or not sightings:
        return {}, passes, now
    matches = _matched(_pairs(known, sightings, passes, now))
    fitting, enough = len(matches), max(len(matches) + _BETTER, _MOST * len(sightings))
    if len(sightings) >= _AT_LEAST and fitting < _FEW * len(sightings):
        fresh, number = passes.jumped(now)
        anew = _matched(_pairs(known, sightings, fresh, number))
        if len(anew) >= enough:
            matches, passes, now = anew, fresh, number
    return matches, _learnt(matches, known, sightings, passes, now), now


def size2_m2(radii: Floats, other: float | Floats) -> Floats:
    """How far apart the middles of one fire may be seen for its own size, m², by two radii."""
    return np.asarray(0.25 * (radii**2 + np.square(other)) + 0.05)


def _pairs(known: Known, sightings: Sequence[Sighting], passes: Passes, now: int) -> _Pairs:
    here = stacked(sightings)
    k, j, apart, noise, moved = _expected(known, here)
    if not len(k):
        return _NO_PAIRS
    old = (known.passed[k] < passes.forgotten)[:, None, None]
    columns, rows = passes.columns(here.common[j], [now] * len(j), -moved, known.passed[k].tolist())
    blurred = here.noise - here.shaken @ here.shaken.swapaxes(1, 2)
    spread = noise + blurred[j] + old * (moved @ moved.swapaxes(1, 2))
    size = len(columns)
    covariance = np.eye(size + FRAME_STATES)
    covariance[:size, :size] = passes.covariance[np.ix_(columns, columns)]
    mean = np.concatenate([passes.mean[columns], np.zeros(FRAME_STATES)])
    rows = np.concatenate([rows, here.shaken[j].reshape(-1, FRAME_STATES)], axis=1)
    return _Pairs(k, j, apart, spread, np.where(known.first[k], 0.0, 1.0), rows, mean, covariance)


def _expected(known: Known, here: Stacked) -> tuple[Indices, Indices, Floats, Floats, Floats]:
    """Which pairs may be one: (Q,) hotspot, (Q,) sighting, (Q, 2) apart on the ground of the sighting.

    And (Q, 2, 2) the noise of the hotspot there, its size allowed for, and (Q, 2, 12) how it is moved.
    """
    reach = np.add.outer(known.reach_m, here.reach_m)
    k, j = np.nonzero(((here.enu[None, :, :2] - known.enu[:, None, :2]) ** 2).sum(axis=2) < reach**2)
    look = np.concatenate([np.broadcast_to(np.eye(2), (len(j), 2, 2)), here.lean[j, :, None]], axis=2)
    behind = here.lean[j] * (known.enu[k, 2] - here.enu[j, 2])[:, None]
    apart = here.enu[j, :2] - known.enu[k, :2] - behind
    noise = look @ known.noise[k] @ look.swapaxes(1, 2)
    sizes = size2_m2(known.radii[k], here.radii[j])
    return k, j, apart, noise + sizes[:, None, None] * np.eye(2), look @ known.common[k]


def _matched(pairs: _Pairs) -> Matches:
    if not len(pairs.known):
        return {}
    mean, covariance = pairs.mean, pairs.covariance
    off, shared = _innovations(pairs, mean, covariance)
    squares = _squares(off, shared + pairs.noise)
    # What all sightings are off by alike may be rare, as long as it makes several of them fall into place.
    alike = _trace(shared) > _trace(pairs.noise)
    inside = np.flatnonzero(squares < np.where(alike, _TOGETHER, GATE))
    rivals = max(np.bincount(pairs.known[inside]).max(initial=0), np.bincount(pairs.seen[inside]).max(initial=0))
    plain = rivals < 2 and (_squares(off, pairs.noise)[inside] < GATE).all()
    if not alike[inside].any() or len(inside) < 2 or plain:
        return _nearest_first(pairs, squares)
    within = pairs.take(inside)
    best = _best_seed(within)
    if len(best) < 2:
        return _nearest_first(pairs, squares)
    # A last time, under all that the chosen ones say together.
    chosen = within.take(np.array([i for i, k in enumerate(within.known) if best.get(int(k)) == within.seen[i]]))
    gain_rows = covariance @ chosen.rows.T
    gain = np.linalg.solve(chosen.rows @ gain_rows + _diagonal(chosen.noise), gain_rows.T).T
    later = mean + gain @ (chosen.apart.ravel() - chosen.rows @ mean)
    off, shared = _innovations(within, later, covariance - gain @ gain_rows.T)
    return _nearest_first(within, _squares(off, shared + within.noise))


def _innovations(pairs: _Pairs, mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """(Q, 2) how far each pair is off what the states say, and (Q, 2, 2) how well they say it."""
    off = pairs.apart - (pairs.rows @ mean).reshape(-1, 2)
    each = pairs.rows.reshape(len(pairs.known), 2, -1)
    return off, (each @ covariance) @ each.swapaxes(1, 2)


def _best_seed(pairs: _Pairs) -> Matches:
    """The matches under the one pair that makes the most of the others fit.

    Seeds are the pairs of those sightings that have the fewest: one of them is right unless none of these fires is.
    """
    count, covariance = len(pairs.known), pairs.covariance
    off, shared = _innovations(pairs, pairs.mean, covariance)
    spread = shared + pairs.noise
    rivals = np.bincount(pairs.seen)
    least = np.argsort(np.where(rivals > 0, rivals, count + 1), kind="stable")[:_SEEDED]
    seeds = np.flatnonzero(np.isin(pairs.seen, least))
    start = pairs.take(seeds)
    alone = _squares(off[seeds], spread[seeds])
    both = (pairs.rows @ covariance @ start.rows.T).reshape(count, 2, len(seeds), 2).transpose(0, 2, 1, 3)
    gains = both @ np.linalg.inv(spread[seeds])[None]  # (Q, seed, 2, 2): how a pair follows the seed
    later = off[:, None] - (gains @ off[None, seeds, :, None])[..., 0]
    squares = _squares(later, spread[:, None] - gains @ both.swapaxes(2, 3))
    worth = np.maximum(0.0, _WORTH - np.where(squares < GATE, squares, np.inf))
    order = np.argsort(pairs.seen, kind="stable")
    starts = np.flatnonzero(np.diff(pairs.seen[order], prepend=-1))
    promise = np.maximum.reduceat(worth[order], starts, axis=0).sum(axis=0) - alone
    best, best_score = {}, -np.inf
    for seed in np.argsort(-promise, kind="stable")[:_TRIED]:
        matches = _nearest_first(pairs, squares[:, seed])
        fits = np.array([matches.get(k) == j for k, j in zip(pairs.known.tolist(), pairs.seen.tolist(), strict=True)])
        score = float((_WORTH - squares[fits, seed]).sum() - alone[seed])
        if score > best_score:
            best, best_score = matches, score
    return best


def _nearest_first(pairs: _Pairs, squares: Floats) -> Matches:
    """One to one; a numbered hotspot has the first claim: an unsure one beside it must not take its sightings."""
    claims = squares + pairs.claims
    matches: Matches = {}
    taken: set[int] = set()
    inside = np.flatnonzero(squares < GATE)
    for index in inside[np.argsort(claims[inside], kind="stable")].tolist():
        k, j = int(pairs.known[index]), int(pairs.seen[index])
        if k not in matches and j not in taken:
            matches[k] = j
            taken.add(j)
    return matches


def _learnt(matches: Matches, known: Known, sightings: Sequence[Sighting], passes: Passes, now: int) -> Passes:
    """What hotspots of other passes, seen wholly again, say about the passes."""
    pairs = [(k, j) for k, j in matches.items() if known.passed[k] != now and not sightings[j].edge]
    if not pairs:
        return passes
    chosen, seen = np.array(pairs).T
    here = stacked([sightings[i] for i in seen])
    k, j, apart, noise, moved = _expected(known.take(chosen), here)
    same = k == j
    k, j, apart, noise, moved = chosen[k[same]], j[same], apart[same], noise[same], moved[same]
    columns, rows = passes.columns(here.common[j], [now] * len(j), -moved, known.passed[k].tolist())
    old = (known.passed[k] < passes.forgotten)[:, None, None]
    shaken = here.shaken[j]
    noise = LOOKS_A_PASS * noise + here.noise[j] - shaken @ shaken.swapaxes(1, 2)
    noise = noise + old * (moved @ moved.swapaxes(1, 2))
    together = shaken.reshape(-1, FRAME_STATES)
    return passes.learnt(columns, rows, apart.ravel(), _diagonal(noise) + together @ together.T)


def _squares(off: Floats, spread: Floats) -> Floats:
    """(...) squared Mahalanobis distances of (..., 2) under (..., 2, 2)."""
    a, b, c = spread[..., 0, 0], spread[..., 0, 1], spread[..., 1, 1]
    e, n = off[..., 0], off[..., 1]
    return np.asarray((c * e * e - 2.0 * b * e * n + a * n * n) / (a * c - b * b))


def _trace(matrices: Floats) -> Floats:
    return np.asarray(matrices[..., 0, 0] + matrices[..., 1, 1])


def _diagonal(blocks: Floats) -> Floats:
    """(Q, 2, 2) → (2Q, 2Q)."""
    count = len(blocks)
    whole = np.zeros((count, 2, count, 2))
    whole[np.arange(count), :, np.arange(count)] = blocks
    return whole.reshape(2 * count, 2 * count)
