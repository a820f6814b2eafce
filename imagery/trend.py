"""Whether a hotspot gets hotter: its contrast of now against that of before, and by how much these are known.

Looks are gathered to **levels**: what follows within GAP_S is one level, up to LONGEST_S. Compared are the latest level
and the earliest that is remembered, of LOOKS or more each, a while apart and seen with pixels of about the same size,
for a nearer camera mixes less cold ground into its hottest pixel. It **rises** or **falls** when their difference is
more than three standard errors and more than LEAST_K; it is **steady** when a change of STEADY_K, or of STEADY_SHARE,
would have been told, and unknown else. Contrast and not temperature, because that is what two cameras and two hours
agree on; what is clipped, or smaller than 3×3 px, says nothing. Looks in a row flicker together: only every fifth
counts as another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GAP_S, LONGEST_S, APART_S = 30.0, 60.0, 45.0
LOOKS, LEAST_K, STEADY_K, STEADY_SHARE = 5, 8.0, 25.0, 0.15
_REMEMBERED, _ALIKE = 5, 5.0
# What views from other sides differ by, one sigma: metres of smoke, emissivity aslant.
_VIEW_K, _VIEW_SHARE = 1.5, 0.02
_LARGER = 1.5


@dataclass(frozen=True, slots=True)
class Level:
    """Some looks: since when, until when, how many, mean contrast, Σ of squared deviations, mean size of a pixel."""

    first_s: float
    last_s: float
    count: int
    mean_k: float
    squares_k2: float
    pixel_m: float

    @property
    def variance_k2(self) -> float:
        """Of the mean."""
        spread = self.squares_k2 / max(1, self.count - 1)
        return spread / max(1.0, self.count / _ALIKE) + _VIEW_K**2 + (_VIEW_SHARE * self.mean_k) ** 2


def looked(levels: tuple[Level, ...], time_s: float, contrast_k: float, pixel_m: float) -> tuple[Level, ...]:
    """With one more look."""
    last = levels[-1] if levels else None
    if last is None or time_s - last.last_s > GAP_S or time_s - last.first_s > LONGEST_S:
        kept = levels if len(levels) < _REMEMBERED else (levels[0], *levels[2:])
        return (*kept, Level(time_s, time_s, 1, contrast_k, 0.0, pixel_m))
    count = last.count + 1
    off = contrast_k - last.mean_k
    mean = last.mean_k + off / count
    squares = last.squares_k2 + off * (contrast_k - mean)
    pixel = last.pixel_m + (pixel_m - last.pixel_m) / count
    return (*levels[:-1], Level(last.first_s, max(time_s, last.last_s), count, mean, squares, pixel))


def trend_of(levels: tuple[Level, ...]) -> str:
    """Which way it goes: rising, steady, falling or unknown."""
    enough = [level for level in levels if level.count >= LOOKS]
    if len(enough) < 2:
        return "unknown"
    before, now = enough[0], enough[-1]
    sizes = now.pixel_m / max(before.pixel_m, 1e-6)
    if _middle(now) - _middle(before) < APART_S or not 1.0 / _LARGER < sizes < _LARGER:
        return "unknown"
    sigma = math.sqrt(before.variance_k2 + now.variance_k2)
    changed = now.mean_k - before.mean_k
    if abs(changed) > max(LEAST_K, 3.0 * sigma):
        return "rising" if changed > 0.0 else "falling"
    return "steady" if 3.0 * sigma < max(STEADY_K, STEADY_SHARE * before.mean_k) else "unknown"


def _middle(level: Level) -> float:
    return 0.5 * (level.first_s + level.last_s)
