"""How fast the world draws what a camera sees: scene, air, lens and sensor, 640×512, one core.

Time is the processor's own: what else the machine does meanwhile does not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from simulators.fire import build
from simulators.scenario import Scenario, load
from simulators.scenery import Burning, Friend, Smoke, Sun, Terrain
from simulators.thermal import PROFILE, Eye, Renderer, Sensor

pytestmark = [pytest.mark.benchmark]
FRAMES = 120
QUIET = load("uebungsplatz")
HARBOUR = load("schrottinsel")
EMBERS = replace(QUIET, fires=0, burning=(Burning("ember", count=60, place="cluster", at_m=(0.0, 0.0)),))
FOREST = replace(
    QUIET, fires=0, burning=(Burning("front", at_m=(0.0, 0.0), moves_m_per_min=2.0), Burning("ember", count=20)),
    terrain=Terrain("forest"), smoke=Smoke(thickness=0.4),
)  # fmt: skip
NOON = replace(
    HARBOUR, fires=0, roof_fires=0, sun=Sun(58.0, 170.0), terrain=Terrain("hilly"),
    friend=(Friend("glint", count=12), Friend("engine", count=10), Friend("tank", count=2), Friend("person", count=4)),
)  # fmt: skip


def _looking(pitch_deg: float) -> np.ndarray:
    """(3, 3) ENU from camera: north, this far below the horizon."""
    c, s = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    return np.column_stack([[1.0, 0.0, 0.0], [0.0, -s, -c], [0.0, c, -s]])


@pytest.mark.parametrize("pitch_deg", [90.0, 35.0], ids=["down", "slanted"])
@pytest.mark.parametrize(
    ("name", "scenario"),
    [("quiet", QUIET), ("harbour", HARBOUR), ("60 embers", EMBERS), ("forest, smoke", FOREST), ("noon", NOON)],
)
def test_frames_a_second(figure: Callable[..., None], name: str, scenario: Scenario, pitch_deg: float) -> None:
    scene = build(scenario, 1)
    renderer, sensor = Renderer(scene), Sensor(PROFILE, 1)
    up = scene.height_at(0.0, 0.0) + 60.0
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    seconds, seen = [], 0
    try:
        for index in range(FRAMES):
            back = 60.0 / math.tan(math.radians(pitch_deg))
            eye = Eye(np.array([0.2 * index - 12.0, -back, up]), _looking(pitch_deg))
            began = time.process_time()
            radiance, in_view = renderer.render(eye, index * 0.1)
            sensor.expose(radiance, index * 0.1)
            seconds.append(time.process_time() - began)
            seen += len(in_view)
    finally:
        cv2.setNumThreads(threads)
    what = f"renderer, {name}, {'down' if pitch_deg == 90.0 else 'slanted'}"
    figure(what, f"{FRAMES / sum(seconds):,.0f} frames/s", f"with noise; {seen / FRAMES:.1f} in view; one core")
    figure(f"{what}, one frame", seconds, "")
    assert radiance.shape == (PROFILE.height, PROFILE.width)
