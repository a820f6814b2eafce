"""Runs in an environment of its own: what others need for hot regions in the frames (N, 512, 640) uint16 of a file.

``hot_regions.py FRAMES.npy KELVIN_PER_COUNT`` prints one JSON object: milliseconds of each frame, by peer. All of them
ask less than the detector does: one fixed threshold, no surroundings.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from scipy import ndimage
from skimage import measure

ROUNDS, FIRE_K = 40, 423.15


def by_skimage(kelvin: Any) -> int:
    regions = measure.regionprops(measure.label(kelvin > FIRE_K, connectivity=2), intensity_image=kelvin)
    return len([(region.centroid_weighted, region.area, region.intensity_max, region.bbox) for region in regions])


def by_scipy(kelvin: Any) -> int:
    labels, count = ndimage.label(kelvin > FIRE_K, structure=np.ones((3, 3)))
    names = np.arange(1, count + 1)
    ndimage.center_of_mass(kelvin, labels, names)
    ndimage.maximum(kelvin, labels, names)
    np.bincount(labels.ravel())
    return count


def by_opencv(kelvin: Any) -> int:
    mask = (kelvin > FIRE_K).astype(np.uint8)
    count, labels, _, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return len([float(kelvin[labels == name].max()) for name in range(1, count)])


def main() -> None:
    cv2.setNumThreads(1)
    frames, per_count = np.load(sys.argv[1]), np.float32(sys.argv[2])
    peers: dict[str, Callable[[Any], int]] = {"scikit-image": by_skimage, "scipy": by_scipy, "OpenCV": by_opencv}
    found: dict[str, list[float]] = {}
    for name, peer in peers.items():
        peer(frames[0] * per_count)
        found[name] = []
        for number in range(ROUNDS):
            started = time.perf_counter()
            peer(frames[number % len(frames)] * per_count)
            found[name].append(1e3 * (time.perf_counter() - started))
    print(json.dumps(found))


main()
