"""What the surroundings of a pixel look like without the fire: the background of the contextual detector.

After the MODIS/VIIRS active-fire algorithm (Giglio, Descloitres, Justice, Kaufman 2003; Schroeder et al. 2014), scaled
to a drone: statistics are taken per 8×8 block; blocks that may hold fire, and a halo of one block around them, are left
out and the statistics are taken **again** without them. Without that second round a fire inflates its own background: a
single pass misses a third of real fire parts. The window grows from 5 to 31 blocks until a quarter of it is valid.

Nothing here touches every pixel but the maximum of each block: which says where fire *could* be. Mean and deviation
come from a lattice of four pixels a block, a hundred in the smallest window; that is a twentieth of the noise of one
pixel and saves more than half of the time. The threshold between two blocks is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

BLOCK = 8
_LATTICE = 4
_WINDOWS = (5, 11, 21, 31)
_VALID_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Scale:
    """kelvin = offset + number · per_count, for the numbers of an image."""

    per_count: float = 1.0
    offset: float = 0.0

    def kelvin(self, numbers: NDArray[Any]) -> Image:
        """(...) numbers → (...) float32 kelvin (or whatever unit the scale gives)."""
        if self.per_count == 1.0 and self.offset == 0.0:
            return np.asarray(numbers, np.float32)
        return np.asarray(numbers * np.float32(self.per_count) + np.float32(self.offset), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """(rows, columns) float32 per block: ``mean`` and mean absolute ``deviation`` without fire, ``highest`` pixel.

    ``scene``: the median of the frame.
    """

    mean: Image
    deviation: Image
    highest: Image
    scene: float


def background(image: NDArray[Any], suspect_above: float, *, floor: float, scale: Scale | None = None) -> Background:
    """Two-round background of an image (h, w) of any numbers, its sides multiples of BLOCK; see ``padded``.

    ``suspect_above``: contrast to the local mean from which a pixel may be fire and its block is left out of round two;
    ``floor``: a level from which it always is. Both in the unit that ``scale`` makes of the numbers.
    """
    scale = scale or Scale()
    highest = scale.kelvin(block_maxima(image))
    lattice = scale.kelvin(image[_LATTICE // 2 :: _LATTICE, _LATTICE // 2 :: _LATTICE])
    blocks = _block_mean(lattice)
    scene = float(np.median(blocks))
    # Round one: the local mean of block means, capped so that a large fire does not hide its own rim.
    capped = np.minimum(blocks, np.float32(scene + 3.0 * suspect_above))
    local = np.asarray(cv2.blur(capped, (5, 5), borderType=cv2.BORDER_REPLICATE), np.float32)
    suspect = (highest - local > suspect_above) | (highest > floor)
    halo = cv2.dilate(suspect.astype(np.uint8), np.ones((3, 3), np.uint8))
    windows = _Windows((1 - halo).astype(np.float32))
    mean = windows.mean(blocks, scene)
    around = cv2.resize(mean, (lattice.shape[1], lattice.shape[0]), interpolation=cv2.INTER_LINEAR)
    spread = _block_mean(np.abs(lattice - around))
    return Background(mean, windows.mean(spread, 0.0), highest, scene)


def padded(image: NDArray[Any]) -> NDArray[Any]:
    """The image (h, w) with its last row and column repeated until both sides are multiples of BLOCK."""
    height, width = image.shape
    below, right = -height % BLOCK, -width % BLOCK
    if not below and not right:
        return image
    return np.asarray(cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE))


def block_maxima(image: NDArray[Any]) -> NDArray[Any]:
    """(h, w) → (h / BLOCK, w / BLOCK): rows first, for those lie in memory side by side."""
    height, width = image.shape
    rows = image.reshape(height // BLOCK, BLOCK, width).max(axis=1)
    highest = rows[:, ::BLOCK]
    for column in range(1, BLOCK):
        highest = np.maximum(highest, rows[:, column::BLOCK])
    return np.asarray(highest)


def _block_mean(lattice: Image) -> Image:
    size = (lattice.shape[1] * _LATTICE // BLOCK, lattice.shape[0] * _LATTICE // BLOCK)
    return np.asarray(cv2.resize(lattice, size, interpolation=cv2.INTER_AREA), np.float32)


class _Windows:
    """Means over the smallest window of which a quarter is valid; ``share`` (rows, columns) float32: what is valid."""

    def __init__(self, share: Image) -> None:
        self._share = share
        self._whole = bool(share.all())
        self._steps: list[tuple[int, Image, NDArray[np.bool_]]] = []
        still = np.ones(share.shape, bool)
        for window in _WINDOWS if not self._whole else ():
            valid = _blurred(share, window)
            enough = still & (valid >= _VALID_SHARE)
            self._steps.append((window, valid, enough))
            still &= ~enough
            if not still.any():
                break

    def mean(self, values: Image, fallback: float) -> Image:
        """Of values; ``fallback`` where even the largest window holds too little."""
        if self._whole:
            return _blurred(values, _WINDOWS[0])
        result = np.full(values.shape, np.float32(fallback))
        total = values * self._share
        for window, valid, enough in self._steps:
            np.divide(_blurred(total, window), valid, out=result, where=enough)
        return result


def _blurred(values: Image, window: int) -> Image:
    return np.asarray(cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT), np.float32)
