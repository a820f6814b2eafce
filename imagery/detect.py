"""Find what is hot in one frame: ``Detections``, a struct of arrays.

Detection and extent are two questions. A pixel is **fire** when it is hotter than 150 °C, or stands out of its
background by more than max(10 K, 3.5 mean absolute deviations), is 25 K above the scene and hotter than 40 °C
(`background`; under a cold sky, seen above the horizon, all ground would stand out). How **far**
a fire reaches is asked at a level that does not rise with its peak: 100 °C, or half the contrast where the fire is
weaker; a level at half contrast of a 500 °C peak would cut most of the fire away.

Three operating points, chosen by task and never by data: ``fire``; ``embers`` and ``person``, whose single frames may
be noisy because only several looks confirm them. An 8-bit picture has no temperature: ``detect_blind`` works on local
contrast and says nothing in °C.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.background import Background, background
from imagery.frame import Frame, kelvin_of, saturation_kelvin

Floats = NDArray[np.float64]
Image = NDArray[np.float32]

KELVIN = 273.15
FIRE_ABOVE_K = 150.0 + KELVIN
EXTENT_LEVEL_K = 100.0 + KELVIN
MAX_DETECTIONS = 300
# Below about 3×3 px the lens and the pixel mix fire with ground: the temperature is a lower bound.
_RESOLVED_PX = 9


@dataclass(frozen=True, slots=True)
class Task:
    """An operating point. Kelvin (or grey levels for the blind one)."""

    name: str
    kind: str
    contrast: float
    deviations: float
    above_scene: float
    absolute: float
    extent_level: float
    min_area_px: int
    at_least: float
    # A region of fewer than _TINY_PX pixels must reach this: two warm pixels on a car roof are no fire.
    tiny_at_least: float = 0.0
    # Blind only: how many times the scene's own upper spread something must stand out.
    spreads: float = 0.0


TASKS = {
    "fire": Task("fire", "fire", 10.0, 3.5, 25.0, FIRE_ABOVE_K, EXTENT_LEVEL_K, 2, 40.0 + KELVIN, 60.0 + KELVIN),
    "embers": Task("embers", "ember", 6.0, 6.0, 4.0, FIRE_ABOVE_K, EXTENT_LEVEL_K, 1, 0.0),
    "person": Task("person", "person", 3.0, 5.0, 2.0, 330.0, 330.0, 4, 0.0),
}
# Grey levels. Under 26 levels nothing is told apart from video noise and compression.
BLIND = {
    "fire": Task("fire", "unknown", 26.0, 3.0, 26.0, 1e9, 1e9, 4, 0.0, spreads=12.0),
    "embers": Task("embers", "unknown", 26.0, 3.0, 26.0, 1e9, 1e9, 4, 0.0, spreads=8.0),
    "person": Task("person", "unknown", 26.0, 3.0, 26.0, 1e9, 1e9, 4, 0.0, spreads=5.0),
}
_TINY_PX = 4
_EQUAL_MAXIMA = 4
# A border of a frame grabber: black up to compression noise, and its edge rings for some pixels.
_BLACK, _BORDER_RING_PX = 8.0, 3


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found in one frame; every array has N entries.

    ``u v``: radiance-weighted centroid, px. ``peak mean background``: kelvin, or grey levels when not radiometric.
    ``area_px``; ``bbox``: (N, 4) x, y, w, h px; ``saturated``: the peak is clipped; ``edge``: cut by the border.
    """

    u: Floats
    v: Floats
    peak: Floats
    mean: Floats
    background: Floats
    area_px: NDArray[np.int64]
    bbox: NDArray[np.int64]
    saturated: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    kind: str
    radiometric: bool

    def __len__(self) -> int:
        return len(self.u)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.u)))

    @property
    def contrast(self) -> Floats:
        """Peak above the background, K or grey levels."""
        return self.peak - self.background

    @property
    def lower_bound(self) -> NDArray[np.bool_]:
        """Whether the temperature is only "at least": clipped, or smaller than about 3×3 px."""
        return self.saturated | (self.area_px < _RESOLVED_PX)

    @classmethod
    def empty(cls, kind: str = "fire", radiometric: bool = True) -> Detections:
        """Nothing found, which is an answer."""
        none, whole = np.zeros(0), np.zeros(0, np.int64)
        flags = np.zeros(0, np.bool_)
        return cls(none, none, none, none, none, whole, np.zeros((0, 4), np.int64), flags, flags, kind, radiometric)

    def take(self, order: NDArray[np.int64]) -> Detections:
        """The detections at these indices."""
        arrays = {f.name: getattr(self, f.name)[order] for f in fields(self) if f.name not in ("kind", "radiometric")}
        return Detections(**arrays, kind=self.kind, radiometric=self.radiometric)


def detect(frame: Frame, task: str = "fire") -> tuple[Detections, NDArray[np.uint8]]:
    """Detections of a frame and the mask (h, w) uint8 of their extent, 255 = hot.

    A frame without temperatures goes to the blind detector; a daylight picture has none at all.
    Raises ValueError for an unknown task.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is unknown; allowed are {', '.join(TASKS)}")
    kelvin = kelvin_of(frame)
    if kelvin is None:
        return detect_blind(grey_of(frame.image), task)
    return detect_kelvin(kelvin, TASKS[task], saturation_kelvin(frame))


def detect_kelvin(
    kelvin: Image, task: Task = TASKS["fire"], saturation_k: float | None = None
) -> tuple[Detections, NDArray[np.uint8]]:
    """The contextual detector on (h, w) float32 kelvin; NaN pixels are never fire."""
    if np.isnan(kelvin).any():
        kelvin = np.where(np.isnan(kelvin), np.float32(np.nanmedian(kelvin)), kelvin)
    if saturation_k is None:
        saturation_k = _clipped_at(kelvin)
    around = background(kelvin, 0.6 * task.contrast, floor=task.absolute)
    hot = _hot(kelvin, around, task)
    return _describe(kelvin, around, hot, task, saturation_k, radiometric=True)


def _clipped_at(kelvin: Image) -> float | None:
    """Where a frame clips though nobody said so: noise never gives several pixels the same maximum (500.0 °C)."""
    peak = float(kelvin.max())
    clips = peak > FIRE_ABOVE_K and int(np.count_nonzero(kelvin >= np.float32(peak))) >= _EQUAL_MAXIMA
    return peak if clips else None


def detect_blind(grey: NDArray[np.uint8], task: str = "fire") -> tuple[Detections, NDArray[np.uint8]]:
    """The same idea on an 8-bit white-hot picture (h, w): contrast only, no temperature.

    What a grey level means changes with every scene, for the camera stretches its picture between the coldest and the
    hottest pixel. A fire leaves everything else in a narrow band, a scene without one fills the range: so contrast is
    asked for in multiples of the scene's own upper spread (its 75th percentile above its median, which a fire of up to
    a quarter of the frame does not move). Black borders are not part of the scene.
    """
    mask = np.zeros(grey.shape, np.uint8)
    rows, columns = picture_area(grey)
    inner = grey[rows, columns]
    image = inner.astype(np.float32)
    middle, upper = (float(value) for value in np.percentile(inner[::2, ::2], (50.0, 75.0)))
    contrast = max(BLIND[task].contrast, BLIND[task].spreads * (upper - middle))
    around = background(image, min(0.6 * contrast, 120.0), floor=1e9)
    level = around.scene + contrast
    operating = replace(BLIND[task], contrast=contrast, above_scene=contrast, extent_level=level - 1e-3)
    hot = _hot(image, around, operating)
    found, mask[rows, columns] = _describe(image, around, hot, operating, None, radiometric=False)
    shift = np.array([columns.start, rows.start, 0, 0], np.int64)
    return replace(found, u=found.u + shift[0], v=found.v + shift[1], bbox=found.bbox + shift), mask


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


def _hot(image: Image, around: Background, task: Task) -> NDArray[np.uint8]:
    threshold = around.mean + np.maximum(np.float32(task.contrast), np.float32(task.deviations) * around.deviation)
    np.maximum(threshold, np.float32(around.scene + task.above_scene), out=threshold)
    np.clip(threshold, np.float32(task.at_least), np.float32(task.absolute), out=threshold)
    return np.asarray(image > threshold, np.uint8)


def _describe(
    image: Image,
    around: Background,
    hot: NDArray[np.uint8],
    task: Task,
    saturation: float | None,
    *,
    radiometric: bool,
) -> tuple[Detections, NDArray[np.uint8]]:
    """Cut each hot region at its extent level, then measure what is left, region by region."""
    mask = np.zeros(image.shape, np.uint8)
    x0, y0, wide, high = cv2.boundingRect(hot)
    if wide == 0:
        return Detections.empty(task.kind, radiometric), mask
    part = slice(y0, y0 + high), slice(x0, x0 + wide)  # labelling costs by the area looked at
    whole, image, hot, low_of = image.shape, image[part], hot[part], around.mean[part]
    count, labels, stats = _regions(hot)
    levels = np.empty(count, np.float32)
    levels[0] = np.inf
    for label in range(1, count):
        x, y, w, h, _ = stats[label]
        here = labels[y : y + h, x : x + w] == label
        peak = float(image[y : y + h, x : x + w][here].max())
        low = float(low_of[y : y + h, x : x + w][here].mean())
        levels[label] = task.extent_level if peak > task.extent_level else low + 0.5 * (peak - low)
    extent = ((image >= levels[labels]) & (hot > 0)).astype(np.uint8)
    found, rows, labels = _measure(image, low_of, extent, task, saturation)
    found = _in_whole_frame(found, x0, y0, whole)
    kept = np.flatnonzero(rows)
    kept = kept[np.argsort(-found.peak[kept], kind="stable")[:MAX_DETECTIONS]]
    shown = np.zeros(len(found) + 1, np.uint8)
    shown[kept + 1] = 255
    mask[part] = shown[labels]
    return replace(found.take(kept), radiometric=radiometric), mask


def _regions(mask: NDArray[np.uint8]) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
    """Number of labels, labels (h, w), and x, y, w, h, area of each; 0 is what is not hot."""
    count, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_SPAGHETTI)
    return count, np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _in_whole_frame(found: Detections, x0: int, y0: int, shape: tuple[int, ...]) -> Detections:
    bbox = found.bbox + np.array([x0, y0, 0, 0], np.int64)
    cut = (bbox[:, 0] == 0) | (bbox[:, 1] == 0)
    cut |= (bbox[:, 0] + bbox[:, 2] == shape[1]) | (bbox[:, 1] + bbox[:, 3] == shape[0])
    return replace(found, u=found.u + x0, v=found.v + y0, bbox=bbox, edge=cut)


def _measure(
    image: Image, low_of: Image, mask: NDArray[np.uint8], task: Task, saturation: float | None
) -> tuple[Detections, NDArray[np.bool_], NDArray[np.int32]]:
    """All regions of a mask, which of them are large or hot enough, and the labels (h, w): region i has i + 1."""
    count, labels, stats = _regions(mask)
    rows = []
    for label in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[label])
        here = labels[y : y + h, x : x + w] == label
        values = image[y : y + h, x : x + w][here].astype(np.float64)
        low = float(low_of[y : y + h, x : x + w][here].mean())
        vs, us = np.nonzero(here)
        weights = np.maximum(values - low, 1e-3)
        peak = float(values.max())
        clipped = saturation is not None and peak >= saturation - 1e-3
        rows.append(
            (
                float((us * weights).sum() / weights.sum()) + x,
                float((vs * weights).sum() / weights.sum()) + y,
                peak,
                float(values.mean()),
                low,
                area,
                (x, y, w, h),
                clipped,
            )
        )
    if not rows:
        return Detections.empty(task.kind), np.zeros(0, np.bool_), labels
    columns = list(zip(*rows, strict=True))
    us_, vs_, peaks, means, lows = (np.array(column, np.float64) for column in columns[:5])
    areas, boxes = np.array(columns[5], np.int64), np.array(columns[6], np.int64).reshape(-1, 4)
    clips, edges = np.array(columns[7], np.bool_), np.zeros(len(rows), np.bool_)
    found = Detections(us_, vs_, peaks, means, lows, areas, boxes, clips, edges, task.kind, True)
    large = (areas >= task.min_area_px) & ((areas >= _TINY_PX) | (peaks >= task.tiny_at_least))
    keep: NDArray[np.bool_] = large | (peaks > task.absolute)
    return found, keep, labels
