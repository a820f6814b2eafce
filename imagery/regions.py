"""Hot pixels to regions: which hang together, how far each reaches, and what there is to say of it.

Fire is rare: a frame of 300,000 pixels holds some hundred hot ones. So everything here works on the list of hot pixels
and sums by label, never on the frame; only labelling looks at a picture, from which all that is empty has been cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.detections import Detections, Floats

Indices = NDArray[np.int64]

_SIGMA_W_M2_K4 = 5.670374e-8
# Second radiation constant over the middle of a long-wave camera's band, 10.5 µm: K.
_C2_K = 14_387.8 / 10.5


@dataclass(frozen=True, slots=True, eq=False)
class HotPixels:
    """K pixels: ``rows columns``, their ``value`` and the ``low`` of their surroundings (kelvin or grey levels)."""

    rows: Indices
    columns: Indices
    value: Floats
    low: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: NDArray[np.bool_]) -> HotPixels:
        """Only those that are marked."""
        return HotPixels(self.rows[which], self.columns[which], self.value[which], self.low[which])


def labels_of(pixels: HotPixels, shape: tuple[int, int]) -> tuple[int, Indices]:
    """Number of 8-connected regions, and the region (0 …) of each pixel."""
    if not len(pixels):
        return 0, np.zeros(0, np.int64)
    rows, columns = _closed_up(pixels.rows), _closed_up(pixels.columns)
    mask = np.zeros((int(rows.max()) + 1, int(columns.max()) + 1), np.uint8)
    mask[rows, columns] = 1
    count, labels = cv2.connectedComponentsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_SPAGHETTI)
    return count - 1, np.asarray(labels[rows, columns], np.int64) - 1


def _closed_up(places: Indices) -> Indices:
    """Rows, or columns, with what is empty between them closed up to one block: the same ones touch as before."""
    blocks = places >> 3
    used = np.zeros(int(blocks.max()) + 2, np.bool_)
    used[blocks] = True
    gap = used[:-1] & ~used[1:]
    used[1:] |= gap
    return np.asarray(((np.cumsum(used) - 1)[blocks] << 3) + (places & 7), np.int64)


def highest(values: NDArray[Any], labels: Indices, count: int) -> Floats:
    """(count,) greatest value of each region."""
    return _highest_of([values], labels, count)[0]


def _highest_of(columns: Sequence[NDArray[Any]], labels: Indices, count: int) -> list[Floats]:
    """For each of many (K,) values: (count,) greatest of each region; -∞ for one without pixels."""
    order = np.argsort(labels.astype(np.int16) if count < 2**15 else labels, kind="stable")
    ordered = labels[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    peaks = []
    for values in columns:
        peak = np.full(count, -np.inf)
        peak[ordered[starts]] = np.maximum.reduceat(values[order], starts) if len(starts) else 0.0
        peaks.append(peak)
    return peaks


def means(values: Floats, labels: Indices, count: int) -> Floats:
    """(count,) mean of each region."""
    many = np.maximum(np.bincount(labels, minlength=count), 1)
    return np.asarray(np.bincount(labels, values, count) / many, np.float64)


def measured(
    pixels: HotPixels,
    labels: Indices,
    count: int,
    shape: tuple[int, int],
    *,
    kind: str,
    radiometric: bool,
    saturation: float | None = None,
) -> Detections:
    """What there is to say of each region of pixels, in the order of the labels."""
    if not count:
        return Detections.empty(kind, radiometric)
    lows = means(pixels.low, labels, count)
    extremes = [pixels.value, pixels.columns, pixels.rows, -pixels.columns, -pixels.rows]
    peaks, right, bottom, from_right, from_bottom = _highest_of(extremes, labels, count)
    left, top = -from_right, -from_bottom
    own_low = lows[labels]
    weight = _radiance(pixels.value) - _radiance(own_low) if radiometric else pixels.value - own_low
    weight = np.maximum(weight, 1e-9)
    total = np.bincount(labels, weight, count)
    boxes = np.column_stack([left, top, right - left + 1, bottom - top + 1]).astype(np.int64)
    # A pixel in the middle of a region may be colder than its surroundings: it takes nothing away.
    power = np.bincount(labels, _SIGMA_W_M2_K4 * np.maximum(pixels.value**4 - own_low**4, 0.0), count)
    return Detections(
        u=np.bincount(labels, weight * pixels.columns, count) / total,
        v=np.bincount(labels, weight * pixels.rows, count) / total,
        peak=peaks,
        mean=means(pixels.value, labels, count),
        background=lows,
        area_px=np.bincount(labels, minlength=count).astype(np.int64),
        bbox=boxes,
        saturated=peaks >= (np.inf if saturation is None else saturation - 1e-3),
        edge=(left == 0) | (top == 0) | (right == shape[1] - 1) | (bottom == shape[0] - 1),
        power_w_m2=power.astype(np.float64) if radiometric else np.zeros(count),
        kind=kind,
        radiometric=radiometric,
    )


def _radiance(kelvin: Floats) -> Floats:
    """Band radiance by Planck's law at one wavelength, in arbitrary units: what a mixed pixel adds up."""
    radiance: Floats = 1.0 / np.expm1(_C2_K / np.maximum(kelvin, 100.0))
    return radiance
