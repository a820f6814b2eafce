"""Which frames are fit to be looked at."""

from __future__ import annotations

import numpy as np
import pytest

from imagery.guard import FrameGuard
from tests.imagery.scenes import detections, ground_k


def test_a_frozen_picture_and_the_jump_after_it_are_refused() -> None:
    guard = FrameGuard()
    first, second, third = ground_k(1), ground_k(1) + np.float32(0.01), ground_k(2) + np.float32(1.5)
    assert guard.judge(first, 1.0).usable
    assert guard.judge(second, 1.0).usable
    assert guard.judge(second.copy(), 1.0).reason == "frozen"
    assert guard.frozen_in_a_row == 1
    assert guard.judge(third, 1.0).reason == "flat-field"
    assert guard.judge(ground_k(3) + np.float32(1.5), 1.0).usable


@pytest.mark.parametrize("per_kelvin", [1.0, 50.0])
def test_a_fire_that_enters_is_no_level_step(per_kelvin: float) -> None:
    guard = FrameGuard()
    image = ground_k(1) * np.float32(per_kelvin)
    guard.judge(image, per_kelvin)
    burning = image.copy()
    burning[:200] += 200.0 * per_kelvin
    assert guard.judge(burning, per_kelvin).usable


def test_a_hot_pixel_that_stays_while_the_ground_flows_is_dead() -> None:
    guard = FrameGuard()
    wide = np.tile(ground_k(1), (1, 2))
    kept = []
    for step in range(30):
        guard.judge(wide[:, 4 * step : 4 * step + 640].copy(), 1.0)
        found = detections((100.0, 100.0), (400.0 - 4 * step, 200.0), area_px=2, side=2)
        kept.append(len(guard.without_dead_pixels(found)))
    assert kept[0] == 2
    assert kept[-1] == 1
    assert guard.dead == {(100, 100)}


def test_an_ember_under_a_hovering_drone_is_not_taken_for_a_dead_pixel() -> None:
    guard = FrameGuard()
    generator = np.random.default_rng(5)
    still = ground_k(1)
    for _ in range(60):
        guard.judge(still + generator.normal(0.0, 0.06, still.shape).astype(np.float32), 1.0)
        assert len(guard.without_dead_pixels(detections((100.0, 100.0), area_px=2, side=2))) == 1


def test_a_dead_pixel_that_heals_is_forgiven() -> None:
    guard = FrameGuard()
    wide = np.tile(ground_k(1), (1, 2))
    for step in range(40):
        guard.judge(wide[:, 4 * step : 4 * step + 640].copy(), 1.0)
        spots = [(100.0, 100.0)] if step < 20 else []
        guard.without_dead_pixels(detections(*spots, area_px=2, side=2))
    assert not guard.dead


@pytest.mark.parametrize("beside_k, kept", [(0.0, 0), (20.0, 1)])
def test_a_spot_without_any_blur_that_stays_is_dead_though_the_drone_hovers(beside_k: float, kept: int) -> None:
    """Every lens spreads a point over its neighbours: an ember has some of its 60 K there."""
    guard = FrameGuard()
    generator = np.random.default_rng(5)
    counts = []
    for _ in range(4):
        image = ground_k(1, structure_k=0.3) + generator.normal(0.0, 0.06, (512, 640)).astype(np.float32)
        image[99:102, 100] += beside_k
        image[100, 99:102] += beside_k
        image[100, 100] += 60.0
        guard.judge(image, 1.0)
        counts.append(len(guard.without_dead_pixels(detections((100.0, 100.0), area_px=1, side=1))))
    assert counts == [1, kept, kept, kept]
