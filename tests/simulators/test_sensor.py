"""The sensor: counts that mean kelvin, noise of the stated size, a shutter, and a few pixels that are broken."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.radiance import KELVIN, band_radiance
from simulators.sensor import (
    KELVIN_PER_COUNT,
    NETD_K,
    RBF_ERROR_K,
    SATURATED_C,
    SATURATED_COUNT,
    Sensor,
    temperature_linear,
)
from simulators.thermal import PROFILE


def even(celsius: float = 27.0) -> np.ndarray:
    """A picture of one temperature, W/(m² sr)."""
    return np.full((PROFILE.height, PROFILE.width), float(band_radiance(celsius + KELVIN)), np.float32)


def read(sensor: Sensor, celsius: float, at_s: float) -> np.ndarray:
    counts = sensor.expose(even(celsius), at_s)
    assert counts is not None
    return counts.astype(np.float64) * KELVIN_PER_COUNT - KELVIN


def without_bad(sensor: Sensor, picture: np.ndarray) -> np.ndarray:
    good = np.ones(picture.shape, bool)
    for u, v in sensor.bad_pixels:
        good[v, u] = False
    return picture[good]


def test_counts_are_kelvin_within_what_the_cameras_own_calibration_allows() -> None:
    celsius = np.arange(-40.0, 545.0, 1.0)
    raw = np.round(band_radiance(celsius + KELVIN) * 65_000 / float(band_radiance(SATURATED_C + KELVIN))).astype(int)
    back = temperature_linear(raw).astype(np.float64) * KELVIN_PER_COUNT - KELVIN
    errors = np.abs(back - celsius)
    assert errors.max() < RBF_ERROR_K
    assert 0.1 < np.median(errors) < 0.35  # three constants are not an integral


def test_the_sensor_is_off_by_tenths_and_its_noise_is_the_netd_at_300_kelvin() -> None:
    sensor = Sensor(PROFILE, 1)
    first, second = (without_bad(sensor, read(sensor, 26.85, t)) for t in (0.0, 0.1))
    assert abs(first.mean() - 26.85) < 2.5
    # Two frames have the fixed pattern in common: their difference is √2 of the NETD, and raw and count are rounded.
    step = 1.0 / 37.7
    rounding = math.hypot(step, KELVIN_PER_COUNT) / math.sqrt(12)
    assert (first - second).std() == pytest.approx(math.sqrt(2) * math.hypot(NETD_K, rounding), rel=0.05)


def test_a_colder_scene_is_noisier_and_a_hotter_one_quieter() -> None:
    sensor = Sensor(PROFILE, 2)
    spread = {}
    for index, celsius in enumerate((-30.0, 27.0, 200.0)):
        one, two = (without_bad(sensor, read(sensor, celsius, 0.2 * index + t)) for t in (0.0, 0.1))
        spread[celsius] = float((one - two).std())
    assert spread[-30.0] > 1.5 * spread[27.0] > 3.0 * spread[200.0]


def test_the_fixed_pattern_has_columns_and_the_corners_are_darker() -> None:
    sensor = Sensor(PROFILE, 3)
    mean = np.mean([read(sensor, 27.0, 0.1 * index) for index in range(8)], axis=0)
    columns = np.median(mean[200:300], axis=0)
    rows = np.median(mean[:, 270:370], axis=1)
    fine = [float(np.std(np.diff(profile[60:-60]))) for profile in (columns, rows)]
    assert fine[0] > 2.0 * fine[1]
    corner = float(np.median(mean[:30, :30]) - np.median(mean[240:270, 300:340]))
    assert -1.2 < corner < -0.2
    hot = [
        float(np.median(part))
        for part in (read(sensor, 300.0, 2.0)[:20, :20], read(sensor, 300.0, 2.1)[240:260, 310:330])
    ]
    assert 1.0 < hot[1] - hot[0] < 6.0


def test_too_hot_is_clipped_at_the_announced_count() -> None:
    sensor = Sensor(PROFILE, 1)
    counts = sensor.expose(even(SATURATED_C + 200.0), 0.0)
    assert counts is not None
    assert counts.max() == SATURATED_COUNT
    assert (without_bad(sensor, counts) == SATURATED_COUNT).all()


def test_dead_pixels_stand_still_whatever_is_seen_and_none_of_them_is_a_fire() -> None:
    sensor = Sensor(PROFILE, 4)
    cold, warm = (read(sensor, celsius, t) for celsius, t in ((5.0, 0.0), (60.0, 0.1)))
    stuck = [(u, v) for u, v in sensor.bad_pixels if cold[v, u] == warm[v, u]]
    assert len(sensor.bad_pixels) == 8 and len(stuck) >= 5
    assert all(-31.0 < cold[v, u] < 100.0 for u, v in stuck)
    assert len(np.argwhere(np.abs(cold - np.median(cold)) > 10.0)) <= 8


def test_the_shutter_freezes_the_picture_for_half_a_second_and_the_level_steps() -> None:
    sensor = Sensor(PROFILE, 1)
    frames = []
    for tick in range(1300):
        at_s = tick * 0.1
        frozen = sensor.expose(None, at_s)
        frames.append((at_s, frozen is not None, None))
        if frozen is None and (tick == 0 or frames[-2][1] or tick % 100 == 0):
            frames[-1] = (at_s, False, float(read(sensor, 27.0, at_s).mean()))
    shut = [at_s for at_s, frozen, _ in frames if frozen]
    events = [at_s for at_s in shut if at_s - 0.1 not in [pytest.approx(s) for s in shut]]
    assert len(events) == 2 and events[1] - events[0] == pytest.approx(60.0, abs=0.11)
    assert 4 <= sum(1 for at_s in shut if at_s < events[1] - 1.0) <= 6
    levels = [level for _, _, level in frames if level]
    steps = np.abs(np.diff(levels))
    assert sorted(steps > 0.5)[-2:] == [True, True] and 0.75 <= steps.max() <= 1.7
    assert (steps > 0.5).sum() == 2


def test_the_frozen_picture_is_the_last_one_to_the_last_count() -> None:
    sensor = Sensor(PROFILE, 3)
    at_s, last = 0.0, sensor.expose(even(), 0.0)
    while (again := sensor.expose(None, at_s)) is None:
        at_s += 1.0
        assert at_s < 70.0
    assert again is last


def test_the_same_seed_is_the_same_sensor() -> None:
    one, two, other = (Sensor(PROFILE, seed).expose(even(), 0.0) for seed in (1, 1, 2))
    assert one is not None and two is not None and other is not None
    assert (one == two).all() and (one != other).any()
