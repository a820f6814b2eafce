"""Fire in an 8-bit picture whose gain the camera sets itself: no temperature, but contrast in units of the scene.

A camera with automatic gain stretches its picture between its coldest and its hottest pixel, so a grey level means
something else in every frame. What stays is a ratio: natural ground without fire lies within a few kelvin of its
median, a fire stands tens of such spreads above it. The spread is the geometric mean of how far the 75th and the 90th
percentile lie above the median, measured again without what already stands out (a large fire must not hide itself), and
between two grey levels by interpolation, for beside a 500 °C fire all ground shares two or three levels.

Two levels: a region **reaches** as far as the lower one and **counts** when something in it reaches the higher one.
Gaps of a few pixels are closed, for flames, smoke and compression cut one fire into many parts. Black borders of a
frame grabber are not part of the scene.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.background import Scale
from imagery.contextual import MAX_DETECTIONS, Task, contextual
from imagery.detections import Detections
from imagery.regions import HotPixels, measured

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BlindTask:
    """An operating point: how many spreads above the median a region reaches; ``peaks``: where it must peak, times.

    ``least``: grey levels under which nothing is told apart from video noise and compression.
    """

    reach: float
    peaks: float
    least: float
    min_area_px: int
    gap_px: int


# Chosen in the middle of the range in which nothing changes, by real fires whole, cropped, turned, noisy and grafted
# onto other ground, and by ground without any (precision / recall there: 18: .84 / 1, 20: .92 / 1, 22: .96 / 1).
FIRE = BlindTask(20.0, 1.45, 16.0, 4, 3)
# What is weak is not told from the scene but from its surroundings: the contextual detector, in grey levels.
WEAK = {
    "embers": Task("embers", "unknown", 30.0, 8.0, 12.0, 1, alone=0.8, largest_px=16.0),
    "person": Task("person", "person", 30.0, 6.0, 12.0, 12, alone=0.6, largest_px=60.0, smooth_px=5),
}
_LEAST_SPREAD = 0.3
_ROUNDS = 3
_STANDS_OUT = 14.0
# A border of a frame grabber: black up to compression noise, and its edge rings for some pixels.
_BLACK, _BORDER_RING_PX = 8.0, 3


def detect_blind(grey: NDArray[np.uint8], task: str = "fire") -> tuple[Detections, Mask]:
    """Detections and mask (h, w) of a white-hot picture (h, w) uint8; ``peak`` and ``background`` are grey levels."""
    mask = np.zeros(grey.shape, np.uint8)
    rows, columns = picture_area(grey)
    inner = np.ascontiguousarray(grey[rows, columns])
    found, part = contextual(inner, Scale(), WEAK[task], radiometric=False) if task in WEAK else _fires(inner)
    mask[rows, columns] = part
    shift = np.array([columns.start, rows.start, 0, 0], np.int64)
    return replace(found, u=found.u + shift[0], v=found.v + shift[1], bbox=found.bbox + shift), mask


def _fires(grey: NDArray[np.uint8]) -> tuple[Detections, Mask]:
    middle, spread = scene_of(grey)
    reach = max(FIRE.least, FIRE.reach * spread)
    hot = np.asarray(grey > middle + reach, np.uint8)
    if not hot.any():
        return Detections.empty("unknown", radiometric=False), hot
    return _regions(grey, hot, middle, FIRE, middle + FIRE.peaks * reach)


def scene_of(grey: NDArray[np.uint8]) -> tuple[float, float]:
    """Median and spread of the scene without what stands out of it, grey levels."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    middle = spread = 0.0
    for _ in range(_ROUNDS):
        middle, upper, high = (_quantile(counts, share) for share in (0.5, 0.75, 0.9))
        spread = float(np.sqrt(max(upper - middle, _LEAST_SPREAD) * max(high - middle, _LEAST_SPREAD)))
        rest = counts.copy()
        rest[min(256, int(middle + _STANDS_OUT * spread + 2.0)) :] = 0.0
        if rest.sum() == counts.sum():
            break
        counts = rest
    return middle, spread


def _quantile(counts: NDArray[np.float64], share: float) -> float:
    """Quantile of a histogram of grey levels, linear within a level (which reaches half a level to both sides)."""
    below = np.concatenate([[0.0], np.cumsum(counts)])
    wanted = share * below[-1]
    level = int(np.clip(np.searchsorted(below, wanted, "left") - 1, 0, 255))
    return float(level + (wanted - below[level]) / max(1.0, counts[level]) - 0.5)


def _regions(
    grey: NDArray[np.uint8], hot: Mask, middle: float, task: BlindTask, peak_level: float
) -> tuple[Detections, Mask]:
    side = 2 * task.gap_px + 1
    bridge = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(hot, cv2.MORPH_CLOSE, bridge, borderType=cv2.BORDER_CONSTANT)
    count, labels = cv2.connectedComponents(closed, connectivity=8)
    ys, xs = np.nonzero(hot)
    pixels = HotPixels(ys, xs, grey[ys, xs].astype(np.float64), np.full(len(ys), middle))
    shape = grey.shape[0], grey.shape[1]
    # A bridge may hang between two parts without touching either: it holds no hot pixel and is no region.
    names, own = np.unique(labels[ys, xs], return_inverse=True)
    found = measured(pixels, own.astype(np.int64), len(names), shape, kind="unknown", radiometric=False)
    kept = np.flatnonzero((found.area_px >= task.min_area_px) & (found.peak >= peak_level))
    kept = kept[np.argsort(-found.peak[kept], kind="stable")[:MAX_DETECTIONS]]
    shown = np.zeros(count, np.uint8)
    shown[names[kept]] = 255
    area = np.bincount(labels.ravel(), minlength=count)[names[kept]]
    return replace(found.take(kept), area_px=area.astype(np.int64)), shown[labels]


def picture_area(grey: NDArray[np.uint8]) -> tuple[slice, slice]:
    """(rows, columns) of the picture inside the black borders of a frame grabber; everything where there are none."""
    columns = _longest_run(np.percentile(grey, 98.0, axis=0) > _BLACK)
    rows = _longest_run(np.percentile(grey[:, columns], 98.0, axis=1) > _BLACK)
    return rows, columns


def _longest_run(lit: NDArray[np.bool_]) -> slice:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lit.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    if not starts.size or (ends - starts).max() < lit.size // 4:
        return slice(0, lit.size)  # an almost black picture, not a border
    longest = int(np.argmax(ends - starts))
    start, end = int(starts[longest]), int(ends[longest])
    return slice(start + _BORDER_RING_PX if start else 0, end - _BORDER_RING_PX if end < lit.size else end)


def grey_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) or (h, w, 3) uint8 → (h, w) uint8."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
