"""Pixel to ground: exact cases, known numbers, the covariance against finite differences and against sampling."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagery.georeference import NoPlace, Place, View, ellipse95
from missions.geometry.geo import GridProjection
from missions.geometry.pose import Pose, multiply, normalised
from missions.geometry.terrain import FlatGround, TerrainGrid
from tests.imagery.scenes import FLAT, HOME, LOCAL, PROFILE, pose, sharp

EXACT = FlatGround(HOME.alt_m, HOME.datum, 0.0)


def _place(at: Pose, u: float, v: float, profile: Any = PROFILE, ground: Any = EXACT) -> Place:
    place = View(at, profile, ground, LOCAL).place(u, v)
    assert isinstance(place, Place), place
    return place


# Nadir at 80 m, 100 px off the centre: 100 / 760 · 80 m. Image up is where the mount's nose points.
OFF = 100.0 / 760.0 * 80.0


@pytest.mark.parametrize(
    "yaw_deg, u, v, east, north",
    [
        (0.0, 319.5, 255.5, 0.0, 0.0),
        (0.0, 419.5, 255.5, OFF, 0.0),
        (0.0, 319.5, 155.5, 0.0, OFF),
        (90.0, 319.5, 155.5, OFF, 0.0),
        (90.0, 419.5, 255.5, 0.0, -OFF),
        (180.0, 419.5, 155.5, -OFF, -OFF),
    ],
)
def test_straight_down_is_plain_geometry(yaw_deg: float, u: float, v: float, east: float, north: float) -> None:
    place = _place(pose(yaw_deg=yaw_deg), u, v)
    assert place.enu[:2] == pytest.approx((east, north), abs=0.01)
    assert abs(place.enu[2]) < 0.01


def test_a_fixed_camera_looks_down_and_ignores_the_gimbal() -> None:
    fixed = replace(PROFILE, mount="fixed")
    place = _place(pose(yaw_deg=90.0, pitch_deg=0.0), 319.5, 155.5, fixed)
    assert place.enu[:2] == pytest.approx((OFF, 0.0), abs=0.01)


def test_the_lever_arm_turns_with_the_aircraft() -> None:
    place = _place(pose(yaw_deg=90.0), 319.5, 255.5, replace(PROFILE, lever_forward_m=2.0))
    assert place.enu[:2] == pytest.approx((2.0, 0.0), abs=1e-3)


def test_the_roof_in_front_hides_the_yard_behind() -> None:
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    heights = np.full((400, 400), HOME.alt_m, np.float32)
    heights[:196, :] = HOME.alt_m + 10.0  # everything north of home stands 10 m higher
    grid = TerrainGrid(heights, "EPSG:25832", float(x) - 200.0, float(y) + 200.0, 1.0, 1.0, HOME.datum, 0.3)
    place = _place(pose(north=-60.0, pitch_deg=-45.0), 319.5, 255.5, ground=grid)
    assert place.enu[2] == pytest.approx(10.0, abs=0.02)
    assert place.enu[1] == pytest.approx(10.0, abs=0.05)


@pytest.mark.parametrize(
    "pitch_deg, height, reason",
    [(10.0, 80.0, "above horizon"), (-5.0, 80.0, "grazing view"), (-2.0, 400.0, "too far"), (-90.0, -5.0, "below")],
)
def test_no_place_is_better_than_a_plausible_one(pitch_deg: float, height: float, reason: str) -> None:
    answer = View(pose(pitch_deg=pitch_deg, height=height), PROFILE, EXACT, LOCAL).place(319.5, 255.5)
    assert isinstance(answer, NoPlace)
    assert reason in answer.reason


def test_a_grazing_view_is_an_interval_that_holds_the_ground() -> None:
    """80 m up, 5° down: 918 m to the plane; 0.5° of doubt are 160 m and more."""
    answer = View(pose(pitch_deg=-5.0), PROFILE, EXACT, LOCAL).place(319.5, 255.5)
    assert isinstance(answer, NoPlace)
    assert answer.near_m is not None and answer.far_m is not None
    assert 700.0 < answer.near_m < 918.0 < answer.far_m < 1300.0


@settings(max_examples=40, deadline=None)
@given(st.floats(-180.0, 180.0), st.floats(-90.0, -20.0), st.floats(5.0, 630.0), st.floats(5.0, 500.0))
def test_a_pixel_comes_back_from_its_place(yaw: float, pitch: float, u: float, v: float) -> None:
    bent = replace(PROFILE, k1=-0.2, k2=0.05, p1=1e-3, p2=-8e-4, lever_forward_m=0.4, yaw_deg=2.0, roll_deg=-1.0)
    view = View(pose(yaw_deg=yaw, pitch_deg=pitch), bent, EXACT, LOCAL)
    place = view.place(u, v)
    if isinstance(place, Place):
        assert view.pixel_of(place.enu)[0] == pytest.approx((u, v), abs=1e-4)


def test_many_pixels_are_placed_as_each_alone() -> None:
    generator = np.random.default_rng(8)
    doubt = {
        name: np.diag(generator.uniform(0.1, 1.0, 3)) * scale
        for name, scale in (("position_noise_m2", 1.0), ("position_common_m2", 2.0), ("attitude_noise_rad2", 1e-4))
    }
    at = pose(pitch_deg=-40.0, yaw_deg=25.0, velocity_ned_m_s=np.array([8.0, 1.0, 0.0]), time_sigma_s=0.1, **doubt)
    view = View(at, PROFILE, FLAT, LOCAL)
    pixels = generator.uniform((0.0, 0.0), (639.0, 511.0), (50, 2))
    for pixel, together in zip(pixels, view.places(pixels), strict=True):
        alone = view.place(*pixel)
        assert isinstance(alone, Place) and isinstance(together, Place)
        assert together.enu == pytest.approx(alone.enu, abs=1e-9)
        assert together.noise_m2 == pytest.approx(alone.noise_m2, rel=1e-9)
        assert together.common == pytest.approx(alone.common, rel=1e-9, abs=1e-12)


# --- known numbers (facts: 1° at 80 m nadir is 1.4 m, 0.3 s at 9 m/s is 2.7 m) ---------------------------------------
def _sigmas(cov: NDArray[np.float64]) -> tuple[float, float]:
    return math.sqrt(cov[0, 0]), math.sqrt(cov[1, 1])


def test_one_degree_of_tilt_at_80_m_is_1_4_m() -> None:
    tilt = np.diag([math.radians(1.0) ** 2] * 2 + [0.0])
    noisy = _place(pose(attitude_noise_rad2=tilt), 319.5, 255.5, sharp())
    crooked = _place(pose(attitude_common_rad2=tilt), 319.5, 255.5, sharp())
    assert _sigmas(noisy.noise_m2) == pytest.approx((1.396, 1.396), abs=0.01)
    assert _sigmas(noisy.common_m2) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert _sigmas(crooked.common_m2) == pytest.approx((1.396, 1.396), abs=0.01)
    assert _sigmas(crooked.noise_m2) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_three_tenths_of_a_second_at_9_m_s_are_2_7_m_along_the_track() -> None:
    place = _place(pose(velocity_ned_m_s=np.array([9.0, 0.0, 0.0]), time_sigma_s=0.3), 319.5, 255.5, sharp())
    assert _sigmas(place.common_m2) == pytest.approx((0.0, 2.7), abs=1e-6)


def test_terrain_error_moves_an_oblique_point_along_the_ray_only() -> None:
    ground = FlatGround(HOME.alt_m, HOME.datum, 2.0)
    assert _sigmas(_place(pose(), 319.5, 255.5, sharp(), ground).common_m2) == pytest.approx((0.0, 0.0), abs=1e-3)
    oblique = _place(pose(pitch_deg=-45.0), 319.5, 255.5, sharp(), ground)
    assert _sigmas(oblique.common_m2) == pytest.approx((0.0, 2.0), abs=0.01)


def test_gnss_offset_is_common_and_does_not_turn_with_the_view() -> None:
    place = _place(pose(position_common_m2=np.diag([4.0, 1.0, 0.0])), 319.5, 255.5, sharp())
    assert _sigmas(place.common_m2) == pytest.approx((1.0, 2.0), abs=1e-6)
    assert not place.common[:, 4:].any()


def test_the_95_percent_ellipse_points_along_its_long_axis() -> None:
    ellipse = ellipse95(np.diag([1.0, 9.0]))
    assert (ellipse.semi_major_m, ellipse.semi_minor_m) == pytest.approx((3 * 2.4477, 2.4477), abs=1e-3)
    assert ellipse.azimuth_deg % 180.0 == pytest.approx(0.0, abs=1e-6)
    assert ellipse95(np.array([[5.0, 4.0], [4.0, 5.0]])).azimuth_deg == pytest.approx(45.0)
    assert ellipse95(np.array([[5.0, -4.0], [-4.0, 5.0]])).azimuth_deg == pytest.approx(135.0)


# --- twins: analytic against finite differences ----------------------------------------------------------------------
def _moved(at: Pose, *, position_ned: NDArray[np.float64], turn_ned: NDArray[np.float64]) -> Pose:
    """The pose shifted by metres and turned by a small rotation, both about the NED axes."""
    enu = LOCAL.enu_of(at.position) + np.array([position_ned[1], position_ned[0], -position_ned[2]])
    turn = normalised(np.array([1.0, *(0.5 * turn_ned)]))
    turned = multiply(turn, at.ned_from_mount)
    return replace(
        at, position=LOCAL.point_at(enu), ned_from_mount=turned, ned_from_body=multiply(turn, at.ned_from_body)
    )


def _numeric(at: Pose, u: float, v: float, profile: Any) -> NDArray[np.float64]:
    """(2, 8) slopes of the ground point by position (3), attitude (3) and pixel (2)."""
    step_m, step_rad, step_px = 0.01, 1e-5, 0.01
    columns = []
    for axis in range(3):
        shift = np.eye(3)[axis]
        zero = np.zeros(3)
        for by_m, by_rad, step in ((shift * step_m, zero, step_m), (zero, shift * step_rad, step_rad)):
            ahead = _place(_moved(at, position_ned=by_m, turn_ned=by_rad), u, v, profile).enu[:2]
            behind = _place(_moved(at, position_ned=-by_m, turn_ned=-by_rad), u, v, profile).enu[:2]
            columns.append((ahead - behind) / (2 * step))
    for du, dv in ((step_px, 0.0), (0.0, step_px)):
        ahead = _place(at, u + du, v + dv, profile).enu[:2]
        columns.append((ahead - _place(at, u - du, v - dv, profile).enu[:2]) / (2 * step_px))
    return np.column_stack([*columns[0:6:2], *columns[1:6:2], *columns[6:]])


@settings(max_examples=25, deadline=None)
@given(st.floats(-180.0, 180.0), st.floats(-90.0, -35.0), st.floats(60.0, 580.0), st.floats(60.0, 450.0))
def test_the_covariance_is_that_of_finite_differences(yaw: float, pitch: float, u: float, v: float) -> None:
    profile = sharp(k1=-0.1, k2=0.02, pixel_sigma_px=1.5)
    generator = np.random.default_rng(int(abs(yaw) * 1000))
    position, attitude = (factor @ factor.T for factor in generator.normal(size=(2, 3, 3)))
    attitude = attitude * math.radians(1.0) ** 2
    at = pose(yaw_deg=yaw, pitch_deg=pitch, position_noise_m2=position, attitude_noise_rad2=attitude)
    slopes = _numeric(at, u, v, profile)
    inputs = np.zeros((8, 8))
    inputs[:3, :3], inputs[3:6, 3:6], inputs[6:, 6:] = position, attitude, np.eye(2) * 1.5**2
    expected = slopes @ inputs @ slopes.T
    found = _place(at, u, v, profile).noise_m2
    assert found == pytest.approx(expected, rel=0.02, abs=0.02 * float(np.trace(expected)))


def test_sampled_poses_scatter_as_the_ellipse_says() -> None:
    generator = np.random.default_rng(11)
    attitude = np.diag([math.radians(0.8) ** 2, math.radians(0.5) ** 2, math.radians(2.0) ** 2])
    position = np.diag([0.5, 1.0, 2.0])
    at = pose(pitch_deg=-55.0, yaw_deg=30.0, position_noise_m2=position, attitude_noise_rad2=attitude)
    centre = _place(at, 420.0, 300.0, sharp())
    inside = []
    for _ in range(800):
        shift, turn = (generator.normal(0.0, np.sqrt(np.diag(c))) for c in (position, attitude))
        apart = _place(_moved(at, position_ned=shift, turn_ned=turn), 420.0, 300.0, sharp()).enu[:2] - centre.enu[:2]
        inside.append(float(apart @ np.linalg.solve(centre.noise_m2, apart)) < 5.991)
    assert 0.925 <= np.mean(inside) <= 0.975


@pytest.mark.parametrize("mount", ["gimbal", "fixed"])
def test_a_wrong_clock_moves_a_place_as_far_as_the_aircraft_flies_and_turns_meanwhile(mount: str) -> None:
    """10 deg/s of roll for 0.3 s at 80 m are 4 m, as much as 0.3 s at 14 m/s."""
    profile = sharp(mount=mount, time_offset_sigma_s=0.3)
    pitch_deg = -60.0 if mount == "gimbal" else 0.0
    velocity, rate = np.array([6.0, -3.0, 0.5]), np.radians([10.0, -4.0, 7.0])
    at = pose(pitch_deg=pitch_deg, yaw_deg=20.0, velocity_ned_m_s=velocity)
    at = replace(at, **{"mount_rate_ned_rad_s" if mount == "gimbal" else "body_rate_ned_rad_s": rate})
    step_s = 1e-3
    later, earlier = (
        _place(_moved(at, position_ned=way * step_s * velocity, turn_ned=way * step_s * rate), 500.0, 100.0, profile)
        for way in (1.0, -1.0)
    )
    expected = (later.enu[:2] - earlier.enu[:2]) / (2 * step_s) * 0.3
    assert float(np.hypot(*expected)) > 3.0
    found = _place(at, 500.0, 100.0, profile).common
    assert found[:, 10] == pytest.approx(expected, rel=0.005, abs=0.005)
    still = replace(at, mount_rate_ned_rad_s=np.zeros(3), body_rate_ned_rad_s=np.zeros(3))
    assert _place(still, 500.0, 100.0, profile).common[:, 10] != pytest.approx(expected, abs=1.0)


# --- footprint -------------------------------------------------------------------------------------------------------
def test_the_footprint_straight_down_is_the_frame_on_the_ground() -> None:
    ring = View(pose(), PROFILE, FLAT, LOCAL).footprint()
    assert not isinstance(ring, NoPlace)
    wide, high = 639.0 / 760.0 * 40.0, 511.0 / 760.0 * 40.0
    assert ring[::2] == pytest.approx(np.array([[-wide, high], [wide, high], [wide, -high], [-wide, -high]]), abs=0.01)


def test_a_footprint_towards_the_horizon_is_cut_and_one_above_it_has_a_reason() -> None:
    oblique = View(pose(pitch_deg=-12.0), PROFILE, FLAT, LOCAL).footprint(steps=8)
    assert not isinstance(oblique, NoPlace)
    assert np.hypot(*oblique.T).max() <= 300.0
    sky = View(pose(pitch_deg=45.0), PROFILE, FLAT, LOCAL).footprint()
    assert isinstance(sky, NoPlace) and sky.reason
