"""The contextual detector itself: what stands out of its own surroundings, in numbers of any unit.

A pixel is hot when it is above ``absolute`` whatever is around it, or stands out of its local mean by more than
max(contrast, deviations · mean absolute deviation) and out of the median of the frame (`background`). How far a region
reaches is asked afterwards, at a level that does not rise with its peak: the task's ``extent_level``, or half the
contrast where the region is weaker. What is weak besides may have to stand **alone**: a ring around it must be colder,
or every sunny edge of a roof would be an ember.

Only block maxima, a lattice and the blocks that may be hot are ever turned from numbers into kelvin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.background import BLOCK, Background, Scale, background, padded
from imagery.detections import Detections
from imagery.regions import HotPixels, highest, labels_of, means, measured

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]

MAX_DETECTIONS = 300


@dataclass(frozen=True, slots=True)
class Task:
    """An operating point, in the unit of the numbers (kelvin, grey levels) and pixels.

    ``contrast``, ``deviations``: above the local mean; ``above_scene``: above the median of the frame; ``absolute``:
    fire whatever is around it; ``at_least``: never below; ``tiny_at_least``: what less than _TINY_PX pixels must reach.
    ``alone``: share of the needed contrast by which a weak peak must stand above the ring around it; 0 asks for no
    ring. ``largest_px``: longest side of what is weak. Weak is what is not ``sure_above_scene``, and ``sure_at_least``
    hot, nor above ``absolute``.
    ``smooth_px``: side of the box over which pixels are averaged first: what is larger than a pixel stays, specks go.
    """

    name: str
    kind: str
    contrast: float
    deviations: float
    above_scene: float
    min_area_px: int
    at_least: float = 0.0
    tiny_at_least: float = 0.0
    alone: float = 0.0
    largest_px: float = np.inf
    sure_above_scene: float = np.inf
    sure_at_least: float = 0.0
    smooth_px: int = 1
    absolute: float = np.inf
    extent_level: float = np.inf


_TINY_PX = 4
_EQUAL_MAXIMA = 4
# A threshold between two blocks is linear: where the eight pixels of a block lie between its neighbours' middles.
_PLACES = (np.arange(BLOCK) + 0.5) / BLOCK - 0.5
_BETWEEN: Image = np.stack([np.maximum(0.0, -_PLACES), 1.0 - np.abs(_PLACES), np.maximum(0.0, _PLACES)], 1).astype("f4")
_ROWS = np.arange(3)[:, None]
_NEIGHBOURS = np.ones((3, 3), np.uint8)
# The ring around a region: this far from its box, and as much wider as the region itself.
_RING_GAP_PX, _RING_PX = 1, 3
_RING_QUANTILE = 0.75


def contextual(
    numbers: NDArray[Any], scale: Scale, task: Task, *, radiometric: bool = True, saturation: float | None = None
) -> tuple[Detections, Mask]:
    """Detections and their mask (h, w) uint8 in an image (h, w) of any numbers; ``saturation``: where it clips."""
    shape = numbers.shape[0], numbers.shape[1]
    mask = np.zeros(shape, np.uint8)
    if task.smooth_px > 1:
        numbers = np.asarray(cv2.blur(numbers, (task.smooth_px, task.smooth_px), borderType=cv2.BORDER_REPLICATE))
    whole = padded(numbers)
    around = background(whole, 0.6 * task.contrast, floor=task.absolute, scale=scale)
    hot = _hot_pixels(whole, around, task, scale)
    hot = hot.take((hot.rows < shape[0]) & (hot.columns < shape[1]))
    if not len(hot):
        return Detections.empty(task.kind, radiometric), mask
    if saturation is None and radiometric:
        saturation = _clipped_at(float(around.highest.max()), hot, task.absolute)
    hot, labels, count = _within_extent(hot, task)
    found = measured(hot, labels, count, shape, kind=task.kind, radiometric=radiometric, saturation=saturation)
    sure = found.peak > min(task.absolute, max(task.sure_at_least, around.scene + task.sure_above_scene))
    kept = np.flatnonzero(_large_or_hot(found, sure, task))
    if task.alone:
        found, kept = _alone(numbers, scale, found, kept, sure, around, task)
    kept = kept[np.argsort(-found.peak[kept], kind="stable")[:MAX_DETECTIONS]]
    shown = np.zeros(count, np.bool_)
    shown[kept] = True
    inside = shown[labels]
    mask[hot.rows[inside], hot.columns[inside]] = 255
    return found.take(kept), mask


def _hot_pixels(whole: NDArray[Any], around: Background, task: Task, scale: Scale) -> HotPixels:
    """All pixels above their threshold; only blocks whose highest pixel reaches the lowest threshold are looked at."""
    threshold = around.mean + np.maximum(np.float32(task.contrast), np.float32(task.deviations) * around.deviation)
    np.maximum(threshold, np.float32(around.scene + task.above_scene), out=threshold)
    np.clip(threshold, np.float32(task.at_least), np.float32(task.absolute), out=threshold)
    high, wide = threshold.shape
    # The lowest of a block and its eight neighbours: no threshold in between is lower.
    rows, columns = np.nonzero(around.highest > cv2.erode(threshold, _NEIGHBOURS))
    if not len(rows):
        none = np.zeros(0, np.int64)
        return HotPixels(none, none, np.zeros(0), np.zeros(0))
    blocks = whole.reshape(high, BLOCK, wide, BLOCK)[rows, :, columns]
    kelvin = scale.kelvin(blocks)
    n, y, x = np.nonzero(kelvin > _between(_rimmed(threshold), rows, columns))
    low = _between(_rimmed(around.mean), rows, columns)[n, y, x].astype(np.float64)
    return HotPixels(rows[n] * BLOCK + y, columns[n] * BLOCK + x, kelvin[n, y, x].astype(np.float64), low)


def _rimmed(blocks: Image) -> Image:
    return np.asarray(cv2.copyMakeBorder(blocks, 1, 1, 1, 1, cv2.BORDER_REPLICATE))


def _between(rim: Image, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Image:
    """Values per block with one more on each side → (N, 8, 8) values per pixel of N blocks, linear in between."""
    near = rim[rows[:, None, None] + _ROWS, columns[:, None, None] + _ROWS.T]
    return np.asarray(_BETWEEN @ near @ _BETWEEN.T, np.float32)


def _clipped_at(peak: float, hot: HotPixels, absolute: float) -> float | None:
    """Where a frame clips though nobody said so: noise never gives several pixels the same maximum (500.0 °C)."""
    clips = peak > absolute and int(np.count_nonzero(hot.value >= peak)) >= _EQUAL_MAXIMA
    return peak if clips else None


def _within_extent(hot: HotPixels, task: Task) -> tuple[HotPixels, NDArray[np.int64], int]:
    """Each hot region cut at its extent level; the part of each pixel, and how many parts there are.

    What hangs together above half of the region's contrast is one part, though only specks of it may reach as far up as
    the extent level: peat at 105 °C is one place and not ten.
    """
    count, labels = labels_of(hot, (0, 0))
    peaks, lows = highest(hot.value, labels, count), means(hot.low, labels, count)
    halves = lows + 0.5 * (peaks - lows)
    levels = np.where(peaks > task.extent_level, task.extent_level, halves)
    within = hot.value >= levels[labels]
    if within.all():
        return hot, labels, count
    if not (halves < levels).any():
        cut = hot.take(within)
        count, parts = labels_of(cut, (0, 0))
        return cut, parts, count
    joined = hot.value >= np.minimum(halves, levels)[labels]
    _, parts = labels_of(hot.take(joined), (0, 0))
    names, own = np.unique(parts[within[joined]], return_inverse=True)
    return hot.take(within), own.astype(np.int64), len(names)


def _large_or_hot(found: Detections, sure: NDArray[np.bool_], task: Task) -> NDArray[np.bool_]:
    large = (found.area_px >= task.min_area_px) & ((found.area_px >= _TINY_PX) | (found.peak >= task.tiny_at_least))
    small = found.bbox[:, 2:].max(axis=1, initial=0) <= task.largest_px
    return np.asarray((large & (small | sure)) | (found.peak > task.absolute), np.bool_)


def _alone(
    numbers: NDArray[Any],
    scale: Scale,
    found: Detections,
    kept: NDArray[np.int64],
    sure: NDArray[np.bool_],
    around: Background,
    task: Task,
) -> tuple[Detections, NDArray[np.int64]]:
    """Those of ``kept`` that stand out of the ring around them, which becomes their background."""
    rings = np.array([_ring_level(numbers, scale, found.bbox[i]) for i in kept])
    levels = np.maximum(rings, found.background[kept])
    deviations = around.deviation[(found.v[kept] / BLOCK).astype(np.int64), (found.u[kept] / BLOCK).astype(np.int64)]
    needed = task.alone * np.maximum(task.contrast, task.deviations * deviations)
    peaks = found.peak[kept]
    background = found.background.copy()
    background[kept] = np.where(sure[kept], background[kept], levels)
    stands = sure[kept] | (peaks - levels > needed)
    return replace(found, background=background), kept[stands]


def _ring_level(numbers: NDArray[Any], scale: Scale, box: NDArray[np.int64]) -> float:
    """The level under which three quarters of the ring around a box x, y, w, h lie; -∞ where nothing is around it."""
    x, y, w, h = (int(value) for value in box)
    reach = _RING_GAP_PX + _RING_PX + max(w, h) // 2
    top, left = max(0, y - reach), max(0, x - reach)
    part = scale.kelvin(numbers[top : y + h + reach, left : x + w + reach])
    ring = np.ones(part.shape, np.bool_)
    gap = _RING_GAP_PX
    ring[max(0, y - top - gap) : y - top + h + gap, max(0, x - left - gap) : x - left + w + gap] = False
    return float(np.quantile(part[ring], _RING_QUANTILE)) if ring.any() else -np.inf
