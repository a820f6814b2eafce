"""The picture against hand arithmetic: where a fire appears, how hot it reads, what hides it, what the sensor adds.

A lens 60 m above even ground, 1125 px focal length: 1125 / 60 = 18.75 px a metre, and the axis at (319.5, 255.5).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from missions.geometry.camera import CameraProfile
from simulators.air import Air
from simulators.fire import KELVIN, Fire, Scene, build
from simulators.friends import Mirror, Thing, person_bodies, vehicle_bodies
from simulators.radiance import band_radiance, kelvin_of
from simulators.scenario import load
from simulators.scenery import Smoke, Sun
from simulators.thermal import PROFILE, Eye, InView, Renderer

GROUND_M, HEIGHT_M, BACKGROUND_K = 33.0, 60.0, KELVIN + 12.0
STRAIGHT = replace(PROFILE, k1=0.0, k2=0.0)
# Looking straight down with the picture's top to the north: x right is east, y down is south, z forward is down.
DOWN = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])


def scene(*fires: Fire) -> Scene:
    """Even ground of one temperature, and these fires."""
    bare = build(load("uebungsplatz"), 1)
    height = np.full_like(bare.height_m, GROUND_M)
    kelvin = np.full_like(bare.kelvin, BACKGROUND_K)
    return replace(bare, height_m=height, bare_m=height, kelvin=kelvin, fires=fires, air=None)


def seen_by(patch: Scene, where: Eye, profile: CameraProfile = STRAIGHT) -> tuple[np.ndarray, tuple[InView, ...]]:
    """Kelvin of a picture without air or sensor, and what is in view."""
    radiance, in_view = Renderer(patch, profile).render(where)
    return kelvin_of(radiance), in_view


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
    kelvin, seen = seen_by(scene(fire(east, north)), eye())
    assert (seen[0].u, seen[0].v) == pytest.approx((u, v), abs=1e-6)
    assert centre_of(kelvin) == pytest.approx((u, v), abs=0.15)
    # A regular polygon of 24 corners has 98.9 % of its circle's area.
    assert seen[0].diameter_px == pytest.approx(2 * 18.75, rel=0.01)


def test_the_lens_pulls_the_corners_in() -> None:
    """k1 < 0 is a barrel: at (14, 0) m, x = 14/60 and the factor 1 - 0.05 x² + 0.01 x⁴."""
    _, seen = seen_by(scene(fire(14.0, 0.0)), eye(), PROFILE)
    x = 14.0 / 60.0
    assert seen[0].u == pytest.approx(319.5 + 1125.0 * x * (1 - 0.05 * x**2 + 0.01 * x**4), abs=1e-6)


def test_the_ground_lies_under_the_pixel_that_the_fire_is_projected_to() -> None:
    """The two ways of drawing, marching and projecting, agree: a warm raster cell and a fire at the same place."""
    patch = scene()
    half, east, north = patch.half_m, 9.75, 6.25
    patch.kelvin[round((half - north) * 2 - 0.5), round((half + east) * 2 - 0.5)] += 200.0
    marched, _ = seen_by(patch, eye(), PROFILE)
    _, seen = seen_by(scene(fire(east, north)), eye(), PROFILE)
    assert centre_of(marched) == pytest.approx((seen[0].u, seen[0].v), abs=0.5)


def test_a_large_fire_reads_its_temperature() -> None:
    kelvin, _ = seen_by(scene(fire(0.0, 0.0, celsius=300.0)), eye())
    assert kelvin.max() == pytest.approx(300.0 + KELVIN, abs=0.5)


def test_a_fire_smaller_than_a_pixel_reads_too_cold_and_follows_its_share_of_the_radiance() -> None:
    readings = []
    for radius in (0.004, 0.008, 0.016, 0.2):
        kelvin, _ = seen_by(scene(fire(0.0, 0.0, radius=radius, celsius=400.0)), eye())
        readings.append(float(kelvin.max()))
    assert readings == sorted(readings)
    assert readings[0] < KELVIN + 100.0
    assert readings[-1] == pytest.approx(400.0 + KELVIN, abs=1.0)


def test_the_power_of_a_small_fire_grows_with_its_area() -> None:
    """Summed over the picture, radiance above the ground is proportional to the area, whatever the pixels are."""

    def power(radius: float) -> float:
        kelvin, _ = seen_by(scene(fire(0.0, 0.0, radius=radius)), eye())
        return float((band_radiance(kelvin).astype(np.float64) - float(band_radiance(BACKGROUND_K))).sum())

    # 0.02 m is a spot of less than a pixel, 0.05 m one of two, 0.1 m and 0.2 m are outlines.
    assert [power(r) / power(0.2) for r in (0.02, 0.05, 0.1)] == pytest.approx([0.01, 0.0625, 0.25], rel=0.07)


def test_a_spot_of_a_tenth_of_a_pixel_has_a_tenth_of_its_radiance() -> None:
    """The mixed temperature by hand: a spot of a tenth of a pixel, 700 K on 285 K, before the lens blurs it."""
    spot = fire(0.5 / 18.75, -0.5 / 18.75, radius=math.sqrt(0.1 / math.pi) / 18.75, celsius=700.0 - KELVIN)
    radiance, _ = Renderer(scene(spot), STRAIGHT).render(eye())  # its middle is that of pixel (320, 256)
    excess = radiance.astype(np.float64) - float(radiance[0, 0])
    assert excess.sum() == pytest.approx(0.1 * float(band_radiance(700.0) - band_radiance(BACKGROUND_K)), rel=0.01)
    middle = excess[256, 320] / excess.sum()
    weights = np.exp(-0.5 * (np.array([-1.0, 0.0, 1.0]) / 0.6) ** 2)
    assert middle == pytest.approx(float((weights[1] / weights.sum()) ** 2), rel=0.01)
    assert kelvin_of(radiance).max() < 420.0


def test_ash_hides_its_share_of_a_small_fire() -> None:
    bare, covered = (replace(fire(0.0, 0.0, radius=0.03), cover=cover) for cover in (0.0, 0.75))
    floor = float(band_radiance(BACKGROUND_K))
    sums = [
        float((Renderer(scene(f), STRAIGHT).render(eye())[0].astype(np.float64) - floor).sum()) for f in (bare, covered)
    ]
    assert sums[1] / sums[0] == pytest.approx(0.25, abs=0.02)


def test_air_takes_its_share_of_a_fire_and_gives_its_own() -> None:
    air = Air(BACKGROUND_K, 0.7, 20.0)
    hot = replace(scene(fire(0.0, 0.0)), air=air)
    hot.emissivity[:] = 1.0
    radiance, _ = Renderer(hot, STRAIGHT).render(eye())
    through = float(air.transmission(np.array([60.0]))[0])
    expected = through * float(band_radiance(300.0 + KELVIN)) + (1 - through) * float(band_radiance(BACKGROUND_K))
    assert radiance.max() == pytest.approx(expected, rel=0.003)
    assert 0.9 < through < 0.99
    assert radiance[5, 5] == pytest.approx(float(band_radiance(BACKGROUND_K)), rel=1e-3)  # as warm as what it hides


def test_sheet_metal_mirrors_the_cold_sky_and_reads_far_below_its_temperature() -> None:
    air = Air(KELVIN + 10.0, 0.5, 20.0)
    ground = replace(scene(), air=air)
    middle = ground.emissivity.shape[0] // 2
    ground.emissivity[:] = 1.0
    ground.emissivity[:, middle:] = 0.25
    kelvin, _ = seen_by(ground, eye(height=5.0))
    west, east = (float(np.median(kelvin[:, part])) for part in (slice(0, 250), slice(390, 640)))
    assert west == pytest.approx(BACKGROUND_K, abs=0.3)
    through = float(air.transmission(np.array([5.0]))[0])
    leaves = 0.25 * band_radiance(BACKGROUND_K) + 0.75 * air.diffuse_sky
    assert east == pytest.approx(float(kelvin_of(through * leaves + (1 - through) * air.radiance)), abs=0.3)
    assert east < west - 10.0


def test_time_makes_a_fire_grow_in_the_picture() -> None:
    growing = scene(replace(fire(0.0, 0.0), grows=0.01))
    renderer = Renderer(growing, STRAIGHT)
    before, after = (renderer.render(eye(), at_s)[1][0].diameter_px for at_s in (0.0, 50.0))
    assert after / before == pytest.approx(1.5, rel=1e-3)


def test_a_roof_hides_what_is_behind_it_and_nothing_when_seen_from_above() -> None:
    walled = scene(fire(0.0, 0.0))
    half = walled.half_m
    column = int((half + 3.0) * 2)
    walled.height_m[:, column : column + 8] = GROUND_M + 10.0  # a wall from 3 m to 7 m in the east
    slanted = np.array([[0.0, 0.6, -0.8], [-1.0, 0.0, 0.0], [0.0, -0.8, -0.6]])  # looks west and down
    aside = Eye(np.array([30.0, 0.0, GROUND_M + 22.5]), slanted)
    hidden, in_view = seen_by(walled, aside)
    assert in_view == () and hidden.max() < BACKGROUND_K + 1.0
    free, in_view = seen_by(scene(fire(0.0, 0.0)), aside)
    assert len(in_view) == 1 and free.max() > KELVIN + 290.0
    _, in_view = seen_by(walled, eye())
    assert len(in_view) == 1


def test_the_ground_that_is_told_as_seen_lies_before_the_wall_and_on_top_of_it() -> None:
    walled = scene()
    column = int((walled.half_m + 3.0) * 2)
    walled.height_m[:, column : column + 8] = GROUND_M + 10.0
    slanted = np.array([[0.0, 0.6, -0.8], [-1.0, 0.0, 0.0], [0.0, -0.8, -0.6]])
    aside = Eye(np.array([30.0, 0.0, GROUND_M + 22.5]), slanted)
    free, hidden = (Renderer(one, STRAIGHT).look(aside).ground_en for one in (scene(), walled))
    # From 22.5 m up over the top of a wall of 10 m, 23 to 27 m away: what lies less than 21.6 m behind it is hidden.
    shadow = 27.0 * 22.5 / 12.5 - 30.0
    assert ((free[:, 0] < 2.0) & (free[:, 0] > -shadow + 1.0)).any()
    assert not ((hidden[:, 0] < 2.0) & (hidden[:, 0] > -shadow + 1.0)).any()
    assert (hidden[:, 0] < -shadow).any() == (free[:, 0] < -shadow).any()


def test_contrast_is_what_the_hottest_pixel_reads_above_its_surroundings() -> None:
    large, spot = (seen_by(scene(fire(0.0, 0.0, radius)), eye())[1][0].contrast_k for radius in (1.0, 0.02))
    assert large == pytest.approx(300.0 + KELVIN - BACKGROUND_K, abs=1.0)
    share = math.pi * (0.02 * 18.75) ** 2
    mixed = share * band_radiance(300.0 + KELVIN) + (1 - share) * band_radiance(BACKGROUND_K)
    assert spot == pytest.approx(float(kelvin_of(mixed)) - BACKGROUND_K, abs=0.5)


def test_a_fire_that_the_border_cuts_is_drawn_but_not_counted_as_in_view() -> None:
    kelvin, seen = seen_by(scene(fire(17.0, 0.0)), eye())
    assert seen == ()
    assert kelvin[:, -1].max() > KELVIN + 290.0


def test_the_sky_is_cold_above_and_as_warm_as_the_air_at_the_horizon() -> None:
    under = replace(scene(), air=Air(KELVIN + 12.0, 0.7))
    up = np.array([[0.0, -0.6, 0.8], [-1.0, 0.0, 0.0], [0.0, -0.8, -0.6]])
    level = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    high = Eye(np.array([0.0, 0.0, GROUND_M + 60.0]), level)
    kelvin, _ = seen_by(under, high)
    assert kelvin[:, 320][:200].mean() < kelvin[:, 320][235:245].mean() < KELVIN + 12.5
    assert kelvin[245, 320] == pytest.approx(KELVIN + 12.0, abs=2.0)
    assert (np.diff(kelvin[5:240:20, 320]) > 0.0).all()
    steep, _ = seen_by(under, Eye(high.enu, up @ np.diag([1.0, -1.0, -1.0])))
    assert steep.max() < kelvin[:200].min() + 1.0


def test_a_glint_in_a_level_panel_stands_where_the_mirror_law_says_and_wanders_with_the_lens() -> None:
    """Sun in the south at 45°, lens at height h above the panel: its mirror image is h to the south of the lens."""
    to_sun = (0.0, -math.sqrt(0.5), math.sqrt(0.5))
    panel = Mirror(0.0, 0.0, GROUND_M, (200.0, 200.0), 0.0, (0.0, 0.0, 1.0), 0.7, math.radians(0.8))
    noon = replace(scene(), mirrors=(panel,), to_sun=to_sun)
    noon = replace(noon, scenario=replace(noon.scenario, sun=Sun(45.0, 180.0)))
    q = math.sqrt(0.5)
    slanted = np.column_stack([[-1.0, 0.0, 0.0], [0.0, q, -q], [0.0, -q, -q]])  # looks south, 45° down
    renderer = Renderer(noon, STRAIGHT)
    for east, north in ((0.0, 60.0), (5.0, 62.0), (-20.0, 41.0)):
        radiance, _ = renderer.render(Eye(np.array([east, north, GROUND_M + 60.0]), slanted))
        v, u = np.unravel_index(int(radiance.argmax()), radiance.shape)
        # The axis looks down at 45° to the south: straight into the mirrored sun, wherever the lens is.
        assert (u, v) == (pytest.approx(319.5, abs=6), pytest.approx(255.5, abs=6))
        assert kelvin_of(radiance).max() > 400.0
    dark, _ = renderer.render(eye(0.0, 60.0))
    assert kelvin_of(dark).max() < BACKGROUND_K + 1.0
    night = replace(noon, to_sun=None)
    assert (
        kelvin_of(Renderer(night, STRAIGHT).render(Eye(np.array([0.0, 60.0, GROUND_M + 60.0]), slanted))[0]).max() < 290
    )


def test_a_person_is_in_view_by_its_own_number_and_a_car_is_not() -> None:
    person = Thing(5, "person", 2.0, 1.0, GROUND_M, 0.0, person_bodies(KELVIN + 30.0, lying=True))
    car = Thing(6, "engine", -6.0, 1.0, GROUND_M, 0.0, vehicle_bodies(KELVIN + 60.0, BACKGROUND_K))
    kelvin, seen = seen_by(replace(scene(), things=(person, car)), eye())
    assert [(view.number, view.kind) for view in seen] == [(5, "person")]
    # 1.5 m by 0.48 m: 28 × 9 px as an ellipse.
    assert seen[0].diameter_px == pytest.approx(18.75 * math.sqrt(1.5 * 0.48), rel=0.06)
    assert (seen[0].u, seen[0].v) == pytest.approx((319.5 + 37.5, 255.5 - 18.75), abs=0.6)
    assert kelvin[round(seen[0].v), round(seen[0].u)] == pytest.approx(KELVIN + 25.0, abs=0.3)
    assert kelvin[:, :300].max() > KELVIN + 55.0


def test_smoke_is_thin_drifts_with_the_wind_and_is_warm_at_its_source() -> None:
    burning = replace(scene(fire(0.0, 0.0)), air=Air(BACKGROUND_K))
    burning.emissivity[:] = 1.0
    scenario = replace(burning.scenario, wind_m_s=4.0, smoke=Smoke(thickness=0.4, warm_k=40.0))
    smoking = replace(burning, scenario=scenario, downwind_rad=math.pi / 2)
    clear, _ = seen_by(burning, eye())
    hazy, _ = seen_by(smoking, eye())
    extra = hazy - clear
    assert 0.5 < extra[255, 345:420].max() < 20.0  # 2-5 m downwind, in the east
    assert np.abs(extra[255, 100:200]).max() < 0.3  # upwind
    assert extra[230:280, 310:330].min() < -5.0  # over the fire itself it takes some of its light


def test_above_the_horizon_there_is_sky() -> None:
    level = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # looks east, level
    kelvin, _ = seen_by(scene(), Eye(np.array([0.0, 0.0, GROUND_M + 60.0]), level))
    assert (kelvin[:200] == np.float32(KELVIN - 30.0)).all()
