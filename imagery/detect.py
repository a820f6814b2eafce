"""Find what is hot in one frame: the contextual detector for temperatures, at three operating points.

Detection and extent are two questions. A pixel is **fire** when it is hotter than 150 °C, or stands out of its
background by more than max(10 K, 3.5 mean absolute deviations), is 25 K above the scene and hotter than 40 °C
(`background`; under a cold sky, seen above the horizon, all ground would stand out). How **far**
a fire reaches is asked at a level that does not rise with its peak: 100 °C, or half the contrast where the fire is
weaker; a level at half contrast of a 500 °C peak would cut most of the fire away.

Three operating points, chosen by task and never by data: ``fire``; ``embers`` and ``person``, whose single frames may
be noisy because only several looks confirm them. An ember under ash and a person at night are small and **alone**:
what they ask besides is that the ring around them is colder, or every sunny edge of a roof would be one.
An 8-bit picture has no temperature: it goes to `blind`, which says nothing in °C.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagery.background import Scale
from imagery.blind import detect_blind, grey_of, picture_area
from imagery.contextual import Task, contextual
from imagery.detections import Detections
from imagery.frame import Frame, FrameKind, saturation_kelvin

__all__ = ["KELVIN", "TASKS", "Detections", "Task", "detect", "detect_blind", "detect_kelvin", "grey_of"]
__all__ += ["FIRE_ABOVE_K", "picture_area"]

Floats = NDArray[np.float64]
Image = NDArray[np.float32]
Mask = NDArray[np.uint8]

KELVIN = 273.15
FIRE_ABOVE_K = 150.0 + KELVIN
EXTENT_LEVEL_K = 100.0 + KELVIN


TASKS = {
    "fire": Task(
        "fire", "fire", 10.0, 3.5, 25.0, 2, at_least=40.0 + KELVIN, tiny_at_least=60.0 + KELVIN,
        absolute=FIRE_ABOVE_K, extent_level=EXTENT_LEVEL_K,
    ),
    "embers": Task(
        "embers", "ember", 7.0, 6.0, -40.0, 1, alone=0.9, largest_px=9.0, absolute=FIRE_ABOVE_K,
        extent_level=EXTENT_LEVEL_K, sure_above_scene=25.0, sure_at_least=40.0 + KELVIN,
    ),
    "person": Task("person", "person", 3.0, 5.0, 2.0, 12, alone=0.8, largest_px=60.0, smooth_px=5),
}  # fmt: skip


def detect(frame: Frame, task: str = "fire") -> tuple[Detections, Mask]:
    """Detections of a frame and the mask (h, w) uint8 of their extent, 255 = hot.

    A frame without temperatures goes to the blind detector; a daylight picture has none at all.
    Raises ValueError for an unknown task.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is unknown; allowed are {', '.join(TASKS)}")
    if frame.kind is FrameKind.KELVIN:
        return detect_kelvin(np.asarray(frame.image, np.float32), TASKS[task], saturation_kelvin(frame))
    if frame.kind is FrameKind.COUNTS:
        scale = Scale(frame.kelvin_per_count, frame.kelvin_offset)
        return contextual(frame.image, scale, TASKS[task], saturation=saturation_kelvin(frame))
    return detect_blind(grey_of(frame.image), task)


def detect_kelvin(
    kelvin: Image, task: Task = TASKS["fire"], saturation_k: float | None = None
) -> tuple[Detections, Mask]:
    """The contextual detector on (h, w) float32 kelvin; NaN pixels are never fire."""
    if np.isnan(kelvin).any():
        kelvin = np.where(np.isnan(kelvin), np.float32(np.nanmedian(kelvin)), kelvin)
    return contextual(kelvin, Scale(), task, saturation=saturation_k)
