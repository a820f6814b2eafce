"""What the surroundings of a pixel look like without the fire: the background of the contextual detector.

After the MODIS/VIIRS active-fire algorithm (Giglio, Descloitres, Justice, Kaufman 2003; Schroeder et al. 2014), scaled
to a drone: statistics are taken per 8×8 block; possible fire and a halo around it are masked and the statistics are
taken **again** without them. Without that second round a fire inflates its own background: a single pass misses a
third of real fire parts. The window grows from 5 to 31 blocks until a quarter of it is valid.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

BLOCK = 8
_WINDOWS = (5, 11, 21, 31)
_VALID_SHARE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """(h, w) float32 each: local mean and mean absolute deviation without fire; ``scene``: median of the frame."""

    mean: Image
    deviation: Image
    scene: float


def background(image: Image, suspect_above: float, *, floor: float) -> Background:
    """Two-round background of an image (h, w) float32, any unit.

    ``suspect_above``: contrast to the local mean from which a pixel may be fire and is left out of round two;
    ``floor``: a level from which it always is.
    """
    height, width = image.shape
    padded = _pad(image)
    blocks = _block_mean(padded)
    scene = float(np.median(blocks))
    # Round one: the local mean of block means, capped so that a large fire does not hide its own rim.
    capped = np.minimum(blocks, np.float32(scene + 3.0 * suspect_above))
    local = np.asarray(cv2.blur(capped, (5, 5), borderType=cv2.BORDER_REPLICATE), np.float32)
    first = _upsample(local, padded.shape)
    suspect = ((padded - first) > suspect_above) | (padded > floor)
    halo = cv2.dilate(suspect.astype(np.uint8), np.ones((BLOCK + 1, BLOCK + 1), np.uint8))
    valid = (1 - halo).astype(np.float32)
    share = _block_mean(valid)
    mean = _windowed(_block_mean(padded * valid), share, scene)
    spread = np.abs(padded - _upsample(mean, padded.shape)) * valid
    deviation = _windowed(_block_mean(spread), share, 0.0)
    size = padded.shape
    return Background(
        np.ascontiguousarray(_upsample(mean, size)[:height, :width]),
        np.ascontiguousarray(_upsample(deviation, size)[:height, :width]),
        scene,
    )


def _pad(image: Image) -> Image:
    height, width = image.shape
    below, right = -height % BLOCK, -width % BLOCK
    if not below and not right:
        return image
    return np.asarray(cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE), np.float32)


def _block_mean(image: Image) -> Image:
    height, width = image.shape
    size = (width // BLOCK, height // BLOCK)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _upsample(blocks: Image, shape: tuple[int, ...]) -> Image:
    return np.asarray(cv2.resize(blocks, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _windowed(total: Image, share: Image, fallback: float) -> Image:
    """Mean over the smallest window of which a quarter is valid; ``fallback`` where even the largest has too little."""
    result = np.full(total.shape, np.float32(fallback))
    open_blocks = np.ones(total.shape, bool)
    for window in _WINDOWS:
        kernel = (window, window)
        valid = cv2.blur(share, kernel, borderType=cv2.BORDER_REFLECT)
        enough = open_blocks & (valid >= _VALID_SHARE)
        if enough.any():
            sums = cv2.blur(total, kernel, borderType=cv2.BORDER_REFLECT)
            result[enough] = sums[enough] / valid[enough]
            open_blocks &= ~enough
        if not open_blocks.any():
            break
    return result
