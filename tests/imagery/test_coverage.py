"""What has been looked at, what has not, how well; and the picture that people see."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.coverage import Coverage
from imagery.detect import detect_kelvin
from imagery.detectability import MOST, detection_probability
from imagery.frame import FrameKind
from imagery.georeference import NoPlace, View
from imagery.ground_raster import GroundRaster
from imagery.horizon import Horizon
from imagery.overlay import picture_of
from imagery.readers.decode import stretched
from missions.geometry.crossing import first_crossings
from missions.geometry.geo import Datum, GridProjection
from missions.geometry.terrain import Ground, TerrainGrid
from tests.imagery.scenes import FLAT, HOME, LOCAL, PROFILE, disc, frame_of, ground_k, pose

# 80 m over flat ground this lens sees 67.3 × 53.8 m.
WIDE_M, DEEP_M = 80.0 * 639 / 760, 80.0 * 511 / 760


def looked(coverage: Coverage, view: View, time_s: float) -> Coverage:
    ring = view.footprint()
    assert not isinstance(ring, NoPlace)
    return coverage.plus(view, ring, GroundRaster(view.ground, view.frame), time_s)


def down(east: float = 0.0, north: float = 0.0, height: float = 80.0, ground: Ground = FLAT) -> View:
    return View(pose(east, north, height), PROFILE, ground, LOCAL)


def rough(seed: int, halls: int = 6) -> TerrainGrid:
    """Rolling ground with halls on it, 300 × 300 m around HOME."""
    rng = np.random.default_rng(seed)
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    soft = cv2.GaussianBlur(rng.normal(0.0, 1.0, (301, 301)), (0, 0), 25.0)
    heights = (HOME.alt_m + 3.0 * soft / soft.std()).astype(np.float32)
    for _ in range(halls):
        row, column = rng.integers(60, 230, 2)
        high, wide = rng.integers(8, 30, 2)
        heights[row : row + high, column : column + wide] += np.float32(rng.uniform(4.0, 15.0))
    return TerrainGrid(heights, "EPSG:25832", float(x) - 150, float(y) + 150, 1.0, 1.0, Datum.SEA_LEVEL)


def test_ground_seen_twice_counts_once() -> None:
    coverage = looked(Coverage.empty(), down(), 10.0)
    once = coverage.area_m2
    coverage = looked(coverage, down(), 12.0)
    assert coverage.area_m2 == once == pytest.approx(WIDE_M * DEEP_M, rel=0.05)
    assert (coverage.frames, coverage.first_s, coverage.last_s) == (2, 10.0, 12.0)


def test_apart_is_two_polygons_that_cover_the_area_and_a_gap_between() -> None:
    coverage = looked(looked(Coverage.empty(), down(), 1.0), down(east=300.0), 2.0)
    polygons = coverage.polygons()
    assert len(polygons) == 2
    for (ring,) in polygons:
        assert np.ptp(ring[:, 0]) == pytest.approx(WIDE_M, abs=5.0)
        assert np.ptp(ring[:, 1]) == pytest.approx(DEEP_M, abs=5.0)
    (gap,) = coverage.gaps()
    area = shapely.Polygon(gap[0], gap[1:]).area
    assert area == pytest.approx((300.0 - WIDE_M) * DEEP_M, rel=0.06)
    asked = np.array([[-20.0, -20.0], [60.0, -20.0], [60.0, 20.0], [-20.0, 20.0]])
    assert coverage.seen_share(asked) == pytest.approx((20.0 + WIDE_M / 2) / 80.0, abs=0.04)
    assert sum(shapely.Polygon(rings[0]).area for rings in coverage.gaps(asked)) == pytest.approx(
        (60.0 - WIDE_M / 2) * 40.0, rel=0.12
    )


def test_nothing_seen_has_no_polygon() -> None:
    empty = Coverage.empty()
    assert empty.polygons() == empty.gaps() == empty.hidden_polygons() == []
    assert empty.first_s is None and empty.gsd_m() is None


def test_how_finely_ground_was_seen_is_what_height_and_lens_say() -> None:
    coverage = looked(Coverage.empty(), down(height=120.0), 1.0)
    assert coverage.gsd_m() == pytest.approx(120.0 / 760.0, rel=0.03)
    coverage = looked(coverage, down(height=40.0), 30.0)
    fine = coverage.sharp[coverage.seen > 0]
    assert float(fine.max()) == pytest.approx(760.0 / 40.0, rel=0.01)
    assert float(fine.min()) > 760.0 / 120.0 * 0.9  # the coarser look keeps what only it has seen


@pytest.mark.parametrize("seed", [1, 2])
def test_hidden_is_what_exact_rays_find_hidden(seed: int) -> None:
    """The twin: every cell's middle against the exact first crossing of the line to it."""
    ground = rough(seed)
    view = View(pose(-60.0, 20.0, 55.0, pitch_deg=-50.0, yaw_deg=80.0 + 40 * seed), PROFILE, ground, LOCAL)
    coverage = looked(Coverage.empty(), view, 1.0)
    cells = np.argwhere((coverage.seen > 0) | (coverage.hidden > 0))
    east, north = cells[:, 1] * 2.0 - 2_000.0, 2_000.0 - cells[:, 0] * 2.0
    lat, lon, _ = LOCAL.geo_from_enu(np.column_stack([east, north, 0.0 * east]))
    places = LOCAL.enu_from_geo(lat, lon, ground.height_at(lat, lon))
    away = places - view.camera_enu
    ranges = np.linalg.norm(away, axis=1)
    hits = first_crossings(ground, LOCAL, view.camera_enu, away)
    exact = np.where(np.isfinite(hits.range_m), hits.range_m, 0.0) > ranges - 0.75
    said = coverage.seen[cells[:, 0], cells[:, 1]] > 0
    assert exact.sum() > 300 and (~exact).sum() > 40
    assert float((said & ~exact).sum() / said.sum()) < 0.006, "shown as seen and was not"
    assert float((~said & exact).sum() / exact.sum()) < 0.006, "seen and not shown"


def test_the_yard_behind_the_hall_is_hidden_until_somebody_looks_from_there() -> None:
    heights = np.full((301, 301), HOME.alt_m, np.float32)
    heights[140:161, 160:181] += 12.0
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    ground = TerrainGrid(heights, "EPSG:25832", float(x) - 150, float(y) + 150, 1.0, 1.0, Datum.SEA_LEVEL)
    west = View(pose(-40.0, 0.0, 40.0, pitch_deg=-25.0, yaw_deg=90.0), PROFILE, ground, LOCAL)
    coverage = looked(Coverage.empty(), west, 1.0)
    yard = shapely.Point(38.0, 0.0)
    behind = [shapely.Polygon(rings[0], rings[1:]) for rings in coverage.hidden_polygons()]
    assert any(part.contains(yard) for part in behind)
    assert not any(shapely.Polygon(rings[0], rings[1:]).contains(yard) for rings in coverage.polygons())
    coverage = looked(coverage, View(pose(38.0, 0.0, 60.0), PROFILE, ground, LOCAL), 60.0)
    assert any(shapely.Polygon(rings[0], rings[1:]).contains(yard) for rings in coverage.polygons())
    assert not any(shapely.Polygon(r[0], r[1:]).contains(yard) for r in coverage.hidden_polygons())


def test_behind_a_hole_in_the_heights_nothing_is_claimed_to_be_seen() -> None:
    heights = np.full((301, 301), HOME.alt_m, np.float32)
    heights[100:200, 165:175] = np.nan
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    ground = TerrainGrid(heights, "EPSG:25832", float(x) - 150, float(y) + 150, 1.0, 1.0, Datum.SEA_LEVEL)
    raster = GroundRaster(ground, LOCAL)
    horizon = Horizon(raster, np.array([-40.0, 0.0, 40.0]), (0.0, 80.0, -20.0, 20.0))
    east, north = np.meshgrid(np.array([5.0, 60.0], np.float32), np.array([0.0], np.float32))
    assert horizon.sees(east, north, np.zeros_like(east)).tolist() == [[True, False]]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 60.0), st.floats(1.01, 3.0))
def test_more_pixels_find_more_and_never_everything(pixels: float, more: float) -> None:
    few, many = (float(detection_probability(np.float32(p))) for p in (pixels, pixels * more))
    assert 0.0 <= few <= many <= MOST + 1e-6
    assert float(detection_probability(np.float32(1.5))) == pytest.approx(0.5, abs=1e-3)


def test_frames_of_one_pass_are_one_look_and_a_later_pass_is_another() -> None:
    high = replace(down(height=100.0), profile=replace(PROFILE, fx=150.0, fy=150.0))  # 1.5 pixels a metre
    one = looked(Coverage.empty("person"), high, 0.0)
    middle = one.detection().max()
    again = one
    for at in range(1, 40):
        again = looked(again, high, at / 9.0)
    assert 0.01 < middle < MOST and float(again.detection().max()) == pytest.approx(float(middle), abs=1e-6)
    later = looked(again, high, 100.0)
    assert float(later.detection().max()) == pytest.approx(1.0 - (1.0 - float(middle)) ** 2, abs=1e-4)
    assert math.isclose(float(later.last_after_s.max()), 100.0)


def test_colour_means_hot_and_the_legend_knows_degrees() -> None:
    image = disc(ground_k(), 300, 200, 6, 600.0)
    jpeg, legend = picture_of(frame_of(image), detect_kelvin(image)[0], quality=95)
    colour = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert colour is not None and colour.shape == (512, 640, 3)
    blue, _, red = (int(value) for value in colour[200, 300])
    assert red > blue + 100
    assert int(np.ptp(colour[400, 100])) < 12  # grey elsewhere
    assert legend.max_c == pytest.approx(326.85, abs=0.1)


def test_a_picture_without_temperatures_has_no_degrees() -> None:
    jpeg, legend = picture_of(frame_of(stretched(ground_k()), FrameKind.AGC8))
    assert jpeg.startswith(b"\xff\xd8") and (legend.min_c, legend.max_c) == (None, None)
