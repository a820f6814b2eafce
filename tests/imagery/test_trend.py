"""Rising, falling, steady, or nobody knows: said only where the looks say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imagery.georeference import View
from imagery.hotspots import HotspotMemory, fold, properties
from imagery.trend import Level, looked, trend_of
from tests.imagery.scenes import FLAT, LOCAL, PROFILE, detections, observation, pose


def _passes(*means_k: float, noise_k: float = 6.0, apart_s: float = 90.0, pixels_m: float = 0.1) -> tuple[Level, ...]:
    """Passes of ten looks each, with contrasts drawn around the mean of each."""
    generator = np.random.default_rng(1)
    levels: tuple[Level, ...] = ()
    for number, mean_k in enumerate(means_k):
        for look in range(10):
            contrast = mean_k + float(generator.normal(0.0, noise_k))
            levels = looked(levels, number * apart_s + look / 9, contrast, pixels_m)
    return levels


@pytest.mark.parametrize(
    ("means_k", "said"),
    [
        ((300.0,), "unknown"),
        ((300.0, 300.0), "steady"),
        ((300.0, 304.0), "steady"),
        ((300.0, 345.0), "rising"),
        ((300.0, 260.0), "falling"),
        ((60.0, 85.0), "rising"),
        ((300.0, 315.0, 330.0, 345.0), "rising"),
        ((300.0, 200.0, 310.0), "steady"),
    ],
)
def test_the_latest_pass_against_the_earliest(means_k: tuple[float, ...], said: str) -> None:
    assert trend_of(_passes(*means_k)) == said


def test_what_flickers_wildly_is_not_called_steady_and_a_moment_is_no_trend() -> None:
    assert trend_of(_passes(300.0, 310.0, noise_k=90.0)) == "unknown"
    assert trend_of(_passes(300.0, 345.0, apart_s=20.0)) == "unknown"


def test_a_nearer_camera_is_no_hotter_fire() -> None:
    far, near = _passes(200.0, pixels_m=0.2), _passes(300.0, pixels_m=0.1)
    moved = tuple(replace(level, first_s=level.first_s + 90.0, last_s=level.last_s + 90.0) for level in near)
    assert trend_of((*far, *moved)) == "unknown"
    assert trend_of((*_passes(200.0), *moved)) == "rising"


def test_over_many_steady_fires_hardly_one_is_said_to_change() -> None:
    generator = np.random.default_rng(7)
    said = []
    for _ in range(400):
        levels: tuple[Level, ...] = ()
        for number in range(2):
            view_k, flames_k = generator.normal(0.0, 1.5), generator.normal(0.0, 8.0, 2)
            for look in range(10):
                levels = looked(levels, 90.0 * number + look / 9, 300.0 + view_k + flames_k[look // 5], 0.1)
        said.append(trend_of(levels))
    assert np.mean([one in ("rising", "falling") for one in said]) < 0.03
    assert np.mean([one == "steady" for one in said]) > 0.5


def test_a_hover_is_long_enough_and_the_memory_stays_small() -> None:
    levels: tuple[Level, ...] = ()
    for second in range(1200):
        levels = looked(levels, float(second), 200.0 + 0.2 * second, 0.1)
    assert len(levels) == 5 and levels[0].first_s == 0.0
    assert trend_of(levels) == "rising"


@pytest.mark.parametrize(("area_px", "said"), [(30, "falling"), (6, "unknown")])
def test_the_memory_tells_it_of_what_is_resolved(area_px: int, said: str) -> None:
    memory = HotspotMemory()
    for step in range(20):
        time_s, peak_k = (step / 9, 700.0) if step < 10 else (120.0 + step / 9, 640.0)
        at = pose(time_s=time_s, position_noise_m2=np.eye(3) * 0.04)
        found = detections((319.5, 255.5), peak_k=peak_k, area_px=area_px)
        memory, _ = fold(memory, observation(at, found), View(at, PROFILE, FLAT, LOCAL), None)
    assert properties(memory.confirmed[0], LOCAL)["trend"] == said
