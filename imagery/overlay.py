"""A thermal frame as a picture for people: white-hot, colour only where it is hot.

Grey carries the scene with a span that follows it; from 60 °C on colour says "hot": yellow, orange, red. A picture
without temperatures stays grey and gets no legend in °C.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.detect import KELVIN, Detections
from imagery.frame import Frame, kelvin_of

# °C from which a colour begins, and the colour (blue, green, red).
STEPS = ((60.0, (80, 220, 250)), (100.0, (40, 150, 255)), (150.0, (50, 60, 255)))


@dataclass(frozen=True, slots=True)
class Legend:
    """What the picture shows: lowest and highest temperature in it, °C, or None when it has none."""

    min_c: float | None
    max_c: float | None


def picture_of(frame: Frame, found: Detections | None = None, *, quality: int = 80) -> tuple[bytes, Legend]:
    """JPEG bytes of a frame, detections framed, and its legend. Raises ValueError when it cannot be encoded."""
    kelvin = kelvin_of(frame)
    if kelvin is None:
        colour, legend = _as_colour(frame.image), Legend(None, None)
    else:
        colour, legend = _coloured(kelvin), Legend(float(kelvin.min()) - KELVIN, float(kelvin.max()) - KELVIN)
    if found is not None:
        for i in found:
            x, y, w, h = (int(value) for value in found.bbox[i])
            cv2.rectangle(colour, (x - 4, y - 4), (x + w + 3, y + h + 3), (255, 255, 255), 1, cv2.LINE_AA)
    done, data = cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"frame {frame.seq} of {frame.camera} cannot be encoded as JPEG")
    return data.tobytes(), legend


def _as_colour(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.ndim == 3:
        return np.ascontiguousarray(image)
    span = max(1.0, float(image.max()) - float(image.min()))
    grey = image if image.dtype == np.uint8 else ((image - image.min()) * (255.0 / span)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def _coloured(kelvin: NDArray[np.float32]) -> NDArray[np.uint8]:
    sample = kelvin[::4, ::4]
    scene = sample[sample < STEPS[0][0] + KELVIN]  # what has a colour takes no part of the grey
    low, high = (float(value) for value in np.percentile(scene if scene.size > 100 else sample, (0.5, 99.5)))
    high = max(high, low + 8.0)
    grey = cv2.convertScaleAbs(np.clip(kelvin, low, high + 12.0) - np.float32(low), alpha=200.0 / (high - low))
    colour = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    for above_c, bgr in STEPS:
        colour[kelvin > np.float32(above_c + KELVIN)] = bgr
    return colour
