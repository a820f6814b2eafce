"""The picture against hand arithmetic: where a fire appears, how hot it reads, what hides it, what the sensor adds.

A lens 60 m above even ground, 1125 px focal length: 1125 / 60 = 18.75 px a metre, and the axis at (319.5, 255.5).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simulators.fire import KELVIN, Fire, Scene, build
from simulators.scenario import load
from simulators.thermal import (
    KELVIN_PER_COUNT,
    PROFILE,
    SATURATED_C,
    SATURATED_COUNT,
    Eye,
    Renderer,
    Sensor,
)

GROUND_M, HEIGHT_M, BACKGROUND_K = 33.0, 60.0, KELVIN + 12.0
STRAIGHT = replace(PROFILE, k1=0.0, k2=0.0)
# Looking straight down with the picture's top to the north: x right is east, y down is south, z forward is down.
DOWN = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])


def scene(*fires: Fire) -> Scene:
    """Even ground of one temperature, and these fires."""
    bare = build(load("uebungsplatz"), 1)
    height = np.full_like(bare.height_m, GROUND_M)
    kelvin = np.full_like(bare.kelvin, BACKGROUND_K)
    return replace(bare, height_m=height, kelvin=kelvin, fires=fires)


def fire(east: float, north: float, radius: float = 1.0, celsius: float = 300.0, number: int = 1) -> Fire:
    return Fire(number, east, north, GROUND_M, radius, celsius + KELVIN, False)


def eye(east: float = 0.0, north: float = 0.0, height: float = HEIGHT_M) -> Eye:
    return Eye(np.array([east, north, GROUND_M + height]), DOWN)


def centre_of(kelvin: np.ndarray) -> tuple[float, float]:
    """Column, row of the middle of everything hot."""
    rows, columns = np.nonzero(kelvin > BACKGROUND_K + 50.0)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize(
    ("east", "north", "u", "v"),
    [
        (0.0, 0.0, 319.5, 255.5),
        (10.0, 0.0, 507.0, 255.5),
        (0.0, 10.0, 319.5, 68.0),
        (-12.0, -8.0, 94.5, 405.5),
    ],
)
def test_a_fire_straight_below_is_where_arithmetic_puts_it(east: float, north: float, u: float, v: float) -> None:
    kelvin, seen = Renderer(scene(fire(east, north)), STRAIGHT).render(eye())
    assert (seen[0].u, seen[0].v) == pytest.approx((u, v), abs=1e-6)
    assert centre_of(kelvin) == pytest.approx((u, v), abs=0.15)
    # A regular polygon of 24 corners has 98.9 % of its circle's area.
    assert seen[0].diameter_px == pytest.approx(2 * 18.75, rel=0.01)


def test_the_lens_pulls_the_corners_in() -> None:
    """k1 < 0 is a barrel: at (14, 0) m, x = 14/60 and the factor 1 - 0.05 x² + 0.01 x⁴."""
    _, seen = Renderer(scene(fire(14.0, 0.0)), PROFILE).render(eye())
    x = 14.0 / 60.0
    assert seen[0].u == pytest.approx(319.5 + 1125.0 * x * (1 - 0.05 * x**2 + 0.01 * x**4), abs=1e-6)


def test_the_ground_lies_under_the_pixel_that_the_fire_is_projected_to() -> None:
    """The two ways of drawing, marching and projecting, agree: a warm raster cell and a fire at the same place."""
    patch = scene()
    half, east, north = patch.half_m, 9.75, 6.25
    patch.kelvin[round((half - north) * 2 - 0.5), round((half + east) * 2 - 0.5)] += 200.0
    marched, _ = Renderer(patch).render(eye())
    _, seen = Renderer(scene(fire(east, north))).render(eye())
    assert centre_of(marched) == pytest.approx((seen[0].u, seen[0].v), abs=0.5)


def test_a_large_fire_reads_its_temperature() -> None:
    kelvin, _ = Renderer(scene(fire(0.0, 0.0, celsius=300.0)), STRAIGHT).render(eye())
    assert kelvin.max() == pytest.approx(300.0 + KELVIN, abs=0.5)


def test_a_fire_smaller_than_a_pixel_reads_too_cold_and_follows_its_share_of_the_radiance() -> None:
    readings = []
    for radius in (0.004, 0.008, 0.016, 0.2):
        kelvin, _ = Renderer(scene(fire(0.0, 0.0, radius=radius, celsius=400.0)), STRAIGHT).render(eye())
        readings.append(float(kelvin.max()))
    assert readings == sorted(readings)
    assert readings[0] < KELVIN + 100.0
    assert readings[-1] == pytest.approx(400.0 + KELVIN, abs=1.0)


def test_the_power_of_a_small_fire_grows_with_its_area() -> None:
    """Summed over the picture, radiance above the ground is proportional to the area, whatever the pixels are."""

    def power(radius: float) -> float:
        kelvin, _ = Renderer(scene(fire(0.0, 0.0, radius=radius)), STRAIGHT).render(eye())
        radiance = 1.0 / np.expm1(1438.8 / kelvin.astype(np.float64))
        return float((radiance - 1.0 / math.expm1(1438.8 / BACKGROUND_K)).sum())

    assert power(0.4) / power(0.2) == pytest.approx(4.0, rel=0.06)


def test_a_roof_hides_what_is_behind_it_and_nothing_when_seen_from_above() -> None:
    walled = scene(fire(0.0, 0.0))
    half = walled.half_m
    column = int((half + 3.0) * 2)
    walled.height_m[:, column : column + 8] = GROUND_M + 10.0  # a wall from 3 m to 7 m in the east
    slanted = np.array([[0.0, 0.6, -0.8], [-1.0, 0.0, 0.0], [0.0, -0.8, -0.6]])  # looks west and down
    aside = Eye(np.array([30.0, 0.0, GROUND_M + 22.5]), slanted)
    hidden, in_view = Renderer(walled, STRAIGHT).render(aside)
    assert in_view == () and hidden.max() < BACKGROUND_K + 1.0
    free, in_view = Renderer(scene(fire(0.0, 0.0)), STRAIGHT).render(aside)
    assert len(in_view) == 1 and free.max() > KELVIN + 290.0
    _, in_view = Renderer(walled, STRAIGHT).render(eye())
    assert len(in_view) == 1


def test_a_fire_that_the_border_cuts_is_drawn_but_not_counted_as_in_view() -> None:
    kelvin, seen = Renderer(scene(fire(17.0, 0.0)), STRAIGHT).render(eye())
    assert seen == ()
    assert kelvin[:, -1].max() > KELVIN + 290.0


def test_above_the_horizon_there_is_sky() -> None:
    level = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # looks east, level
    kelvin, _ = Renderer(scene(), STRAIGHT).render(Eye(np.array([0.0, 0.0, GROUND_M + 60.0]), level))
    assert (kelvin[:200] == np.float32(KELVIN - 30.0)).all()


# --- the sensor -----------------------------------------------------------------------------------------------------


def even(celsius: float = 12.0) -> np.ndarray:
    return np.full((PROFILE.height, PROFILE.width), celsius + KELVIN, np.float32)


def test_the_sensor_is_off_by_kelvins_and_noisy_by_hundredths() -> None:
    sensor = Sensor(PROFILE, 1)
    first, second = (sensor.expose(even(), t).astype(np.float64) * KELVIN_PER_COUNT for t in (0.0, 0.1))
    assert abs(first.mean() - KELVIN - 12.0) < 3.0
    # Two frames have the fixed pattern in common: their difference is √2 of 60 mK, and the rounding to 20 mK.
    assert (first - second).std() == pytest.approx(math.hypot(0.06 * math.sqrt(2), 0.02 * math.sqrt(2 / 12)), rel=0.1)


def test_too_hot_is_clipped_at_the_announced_count() -> None:
    counts = Sensor(PROFILE, 1).expose(even(SATURATED_C + 200.0), 0.0)
    assert counts.max() == SATURATED_COUNT and counts.min() == SATURATED_COUNT


def test_the_shutter_freezes_the_picture_for_half_a_second_and_the_level_steps() -> None:
    sensor = Sensor(PROFILE, 1)
    frames = []
    for tick in range(1300):
        at_s = tick * 0.1
        frozen = sensor.expose(None, at_s)
        frames.append((at_s, frozen is not None, None if frozen is not None else 0.0))
        if frozen is None and (tick == 0 or frames[-2][1] or tick % 100 == 0):
            frames[-1] = (at_s, False, float(sensor.expose(even(), at_s).mean()) * KELVIN_PER_COUNT)
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
    assert (one == two).all() and (one != other).any()
