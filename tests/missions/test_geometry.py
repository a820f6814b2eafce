"""Known answers and twins for the words of a flight."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.geometry import camera, crossing, geo, pose, terrain
from missions.geometry.geo import Datum, GeoError, GeoPoint, LocalFrame

DUISBURG = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
angles = st.floats(-3.1, 3.1)


@pytest.mark.parametrize(
    "lat, lon, alt",
    [(91.0, 0.0, 0.0), (0.0, 181.0, 0.0), (math.nan, 0.0, 0.0), (0.0, 0.0, math.inf), (0.0, 0.0, 33_000.0)],
)
def test_refuses_what_is_no_place(lat: float, lon: float, alt: float) -> None:
    with pytest.raises(GeoError, match="allowed is"):
        GeoPoint(lat, lon, alt, Datum.SEA_LEVEL)


@given(st.floats(-2000, 2000), st.floats(-2000, 2000), st.floats(-200, 500))
def test_tangent_plane_round_trip(east: float, north: float, up: float) -> None:
    frame = LocalFrame(DUISBURG)
    lat, lon, alt = frame.geo_from_enu([east, north, up])
    assert np.allclose(frame.enu_from_geo(lat, lon, alt), [east, north, up], atol=1e-6)


@pytest.mark.parametrize("azimuth", [0.0, 37.0, 90.0, 181.0, 359.0])
def test_tangent_plane_agrees_with_the_geodesic_at_1_km(azimuth: float) -> None:
    geod = pyproj.Geod(ellps="WGS84")
    lon, lat, _ = geod.fwd(DUISBURG.lon_deg, DUISBURG.lat_deg, azimuth, 1000.0)
    enu = LocalFrame(GeoPoint(DUISBURG.lat_deg, DUISBURG.lon_deg, 0.0, Datum.ELLIPSOID)).enu_from_geo(lat, lon, 0.0)
    # the chord in the plane is shorter than the arc by d³/6R² = 4 µm; the drop is d²/2R
    assert np.hypot(enu[0], enu[1]) == pytest.approx(1000.0, abs=1e-3)
    assert enu[2] == pytest.approx(-(1000.0**2) / (2 * 6.38e6), abs=1e-3)


def test_another_datum_is_refused() -> None:
    with pytest.raises(GeoError, match="home"):
        LocalFrame(DUISBURG).enu_of(GeoPoint(51.0, 6.0, 10.0, Datum.HOME))


def test_geodesic_helpers_agree_with_each_other() -> None:
    there = geo.offset(DUISBURG, 70.0, 432.1)
    assert geo.distance_m(DUISBURG, there) == pytest.approx(432.1, abs=1e-6)
    assert geo.azimuth_deg(DUISBURG, there) == pytest.approx(70.0, abs=1e-6)


def test_utmref_names_square_and_metre() -> None:
    x, y = geo.GridProjection("EPSG:32632").xy_from_geo(DUISBURG.lat_deg, DUISBURG.lon_deg)
    text = geo.utmref(DUISBURG.lat_deg, DUISBURG.lon_deg)
    assert text.startswith("32U L")
    assert text.split()[2:] == [f"{int(x) % 100000:05d}", f"{int(y) % 100000:05d}"]
    assert geo.utmref(DUISBURG.lat_deg, DUISBURG.lon_deg, 4).split()[2] == text.split()[2][:4]


@given(angles, st.floats(-1.5, 1.5), angles)
def test_euler_and_matrix_round_trips(roll: float, pitch: float, yaw: float) -> None:
    q = pose.quaternion_from_euler(roll, pitch, yaw)
    again = pose.quaternion_from_euler(*pose.euler_from_quaternion(q))
    assert np.allclose(pose.matrix(again), pose.matrix(q), atol=1e-7)
    assert np.allclose(pose.matrix(pose.quaternion_from_matrix(pose.matrix(q))), pose.matrix(q), atol=1e-9)
    by_hand = _rz(yaw) @ _ry(pitch) @ _rx(roll)
    assert np.allclose(pose.matrix(q), by_hand, atol=1e-12)


def test_euler_survives_straight_down() -> None:
    q = pose.quaternion_from_euler(0.3, -math.pi / 2, 1.0)
    again = pose.quaternion_from_euler(*pose.euler_from_quaternion(q))
    assert np.allclose(pose.matrix(again), pose.matrix(q), atol=1e-6)


@given(angles, angles, st.floats(0, 1))
def test_slerp_turns_evenly(yaw_a: float, turn: float, fraction: float) -> None:
    a, b = pose.quaternion_from_euler(0, 0, yaw_a), pose.quaternion_from_euler(0, 0, yaw_a + turn)
    expected = pose.quaternion_from_euler(0, 0, yaw_a + fraction * turn)
    assert np.allclose(pose.matrix(pose.slerp(a, b, fraction)), pose.matrix(expected), atol=1e-6)


PROFILE = camera.CameraProfile("c", 640, 512, 1125.0, 1120.0, 319.5, 255.5, k1=-0.25, k2=0.06, p1=1e-3, p2=-5e-4)


@given(st.floats(-0.28, 0.28), st.floats(-0.22, 0.22))
def test_projection_is_opencvs(x: float, y: float) -> None:
    points = np.array([[x, y, 1.0]])
    k = np.array([[PROFILE.fx, 0, PROFILE.cx], [0, PROFILE.fy, PROFILE.cy], [0, 0, 1.0]])
    d = np.array([PROFILE.k1, PROFILE.k2, PROFILE.p1, PROFILE.p2, PROFILE.k3])
    theirs, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), k, d)
    assert np.allclose(PROFILE.project(points), theirs.reshape(-1, 2), atol=1e-6)


@given(st.floats(0, 639), st.floats(0, 511))
def test_ray_and_projection_round_trip(u: float, v: float) -> None:
    assert np.allclose(PROFILE.project(PROFILE.rays([[u, v]])), [[u, v]], atol=1e-6)


def test_behind_the_camera_is_no_pixel() -> None:
    assert np.isnan(PROFILE.project([[0.1, 0.1, -1.0]])).all()


def test_gimbal_pitched_down_equals_fixed_mount() -> None:
    """A gimbal at pitch −90° and a fixed camera both look down with the image top to the nose."""
    gimbal = camera.CameraProfile("g", 640, 512, 1000, 1000, 320, 256, mount="gimbal")
    fixed = camera.CameraProfile("f", 640, 512, 1000, 1000, 320, 256, mount="fixed")
    down = pose.matrix(pose.quaternion_from_euler(0, -math.pi / 2, 0))
    assert np.allclose(down @ gimbal.mount_from_camera, fixed.mount_from_camera, atol=1e-12)
    assert np.allclose(fixed.mount_from_camera @ [0, 0, 1], [0, 0, 1])
    assert np.allclose(fixed.mount_from_camera @ [0, -1, 0], [1, 0, 0])


def test_positive_mount_yaw_turns_clockwise_seen_from_above() -> None:
    fixed = camera.CameraProfile("f", 640, 512, 1000, 1000, 320, 256, mount="fixed", yaw_deg=90)
    assert np.allclose(fixed.mount_from_camera @ [0, -1, 0], [0, 1, 0], atol=1e-12)  # image top points right


def test_opencv_profile_and_its_errors() -> None:
    text = '{"K": [[100,0,50],[0,101,40],[0,0,1]], "D": [[0.1,0.2,0.3,0.4]], "xresolution": 101, "yresolution": 81}'
    profile = camera.parse_profile(text, "cam.json")
    assert (profile.mount, profile.width, profile.k2, profile.p1) == ("fixed", 101, 0.2, 0.3)
    for bad, match in [
        ("{", "neither TOML nor JSON"),
        ("width = 640", "missing"),
        (text.replace('"D"', '"E"').replace('"K"', '"L"'), "unknown key"),
        ('{"K": [1,2]}', "3×3"),
        ("width=640\nheight=512\nfx=-1\nfy=1\ncx=0\ncy=0", "fx/fy"),
        ('width="x"\nheight=512\nfx=1\nfy=1\ncx=0\ncy=0', "width must be a number"),
    ]:
        with pytest.raises(camera.ProfileError, match=match):
            camera.parse_profile(bad, "cam")


def _grid(slope: float = 0.0) -> tuple[terrain.TerrainGrid, LocalFrame]:
    x, y = geo.GridProjection("EPSG:25832").xy_from_geo(DUISBURG.lat_deg, DUISBURG.lon_deg)
    east = (np.arange(401) - 200.0)[None, :] * np.ones((401, 1))
    heights = (33.0 + slope * east).astype(np.float32)
    return terrain.TerrainGrid(heights, "EPSG:25832", float(x) - 200, float(y) + 200, 1.0, 1.0), LocalFrame(DUISBURG)


def test_straight_down_meets_the_ground_below() -> None:
    grid, frame = _grid()
    hit = crossing.first_crossing(grid, frame, [10.0, -5.0, 80.0], [0, 0, -1])
    assert isinstance(hit, crossing.Crossing)
    assert np.allclose(hit.enu, [10, -5, 0], atol=2e-3)
    assert hit.range_m == pytest.approx(80.0, abs=2e-3)


def test_slope_is_met_where_the_geometry_says() -> None:
    grid, frame = _grid(slope=0.1)
    hit = crossing.first_crossing(grid, frame, [0.0, 0.0, 50.0], [1.0, 0.0, -1.0])
    assert isinstance(hit, crossing.Crossing)
    # z = 50 − x meets z = 0.1·x' ; grid east differs from true east by the convergence (1.74°), 4 cm here
    assert hit.enu[0] == pytest.approx(50 / 1.1, abs=0.05)
    assert hit.normal_enu[0] == pytest.approx(-0.1 / math.hypot(1, 0.1), abs=5e-3)


def test_a_roof_hides_what_lies_behind() -> None:
    grid, frame = _grid()
    heights = grid.heights_m.copy()
    heights[:, 230:240] += 20.0
    roofs = terrain.TerrainGrid(heights, grid.crs, grid.x0_m, grid.y0_m, 1.0, 1.0)
    hit = crossing.first_crossing(roofs, frame, [0.0, 0.0, 30.0], [1.0, 0.0, -0.5])
    assert isinstance(hit, crossing.Crossing)
    assert 28.0 < hit.enu[0] < 31.0 and hit.enu[2] > 10.0


@pytest.mark.parametrize(
    "origin, direction, reason",
    [
        ((0, 0, 50), (1, 0, 0.01), crossing.MissReason.ABOVE_HORIZON),
        ((0, 0, 50), (1, 0, -0.1), crossing.MissReason.OUTSIDE_TERRAIN),
        ((0, 0, -5), (0, 0, -1), crossing.MissReason.BELOW_GROUND),
        ((0, 0, 5000), (0, 0, -1), crossing.MissReason.TOO_FAR),
    ],
)
def test_no_place_has_a_reason(origin: tuple, direction: tuple, reason: crossing.MissReason) -> None:
    grid, frame = _grid()
    miss = crossing.first_crossing(grid, frame, origin, direction)
    assert isinstance(miss, crossing.Miss) and miss.reason is reason


def test_nodata_and_outside_are_no_height() -> None:
    grid, _ = _grid()
    heights = grid.heights_m.copy()
    heights[200, 200] = np.nan
    holed = terrain.TerrainGrid(heights, grid.crs, grid.x0_m, grid.y0_m, 1.0, 1.0)
    assert not holed.covers(DUISBURG.lat_deg, DUISBURG.lon_deg)
    assert grid.covers(DUISBURG.lat_deg, DUISBURG.lon_deg)
    assert not grid.covers(52.0, 6.76)


def _rx(a: float) -> np.ndarray:
    return np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])


def _ry(a: float) -> np.ndarray:
    return np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])


def _rz(a: float) -> np.ndarray:
    return np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
