"""How likely a look finds a target of a size: by the pixels across it, and over passes.

Johnson's rule in the form of the Night Vision Laboratory (STANAG 4347; Ratches 1976): half of all observers detect a
target with N50 cycles across its smaller side, P = q / (1 + q) with q = (N/N50)^E and E = 2.7 + 0.7 N/N50; a cycle is
two pixels. It holds for a target with contrast enough, and knows nothing of smoke, canopy or sun-warmed roofs: a map of
it says where a look was too coarse, and is no promise where it was fine. So no pass counts more than ``MOST``.

Frames of one pass see the same place in the same way, and are one look, the best of them; only a later pass is another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Raster = NDArray[np.float32]

N50_CYCLES = 0.75
PIXELS_PER_CYCLE = 2.0
MOST = 0.95
PASS_GAP_S = 10.0
# The smaller side of what is looked for, metres, by task.
TARGET_M = {"fire": 1.0, "embers": 0.3, "person": 0.5}


def detection_probability(pixels_across: Raster) -> Raster:
    """(...) pixels across the smaller side of a target → probability that one pass finds it."""
    ratio = np.asarray(pixels_across, np.float32) / np.float32(PIXELS_PER_CYCLE * N50_CYCLES)
    ratio = np.clip(ratio, 1e-3, 8.0)
    q = ratio ** (np.float32(2.7) + np.float32(0.7) * ratio)
    return np.asarray(np.minimum(np.float32(MOST), q / (np.float32(1.0) + q)), np.float32)


def together(before: Raster, again: Raster) -> Raster:
    """(...) probability after another, independent pass."""
    return np.asarray(1.0 - (1.0 - before) * (1.0 - again), np.float32)
