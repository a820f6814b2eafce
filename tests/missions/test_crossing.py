"""Where rays meet the ground: against the bilinear surface itself, evaluated the other way round."""

from __future__ import annotations

import cv2
import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from missions.geometry.crossing import Miss, MissReason, first_crossing, first_crossings
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame
from missions.geometry.terrain import FlatGround, TerrainGrid

HOME = GeoPoint(51.45, 6.75, 30.0, Datum.SEA_LEVEL)
LOCAL = LocalFrame(HOME)
Floats = NDArray[np.float64]


def _town(crs: str = "EPSG:25832", cell: float = 1.0, side: int = 900) -> TerrainGrid:
    """Hills, roughness and 300 blocks with upright walls, some a single cell wide; off the lattice of the frame."""
    generator = np.random.default_rng(1)
    hills = cv2.GaussianBlur(generator.normal(0.0, 1.0, (side, side)), (0, 0), 50.0)
    heights = 30.0 + hills / hills.std() * 8.0
    heights += cv2.GaussianBlur(generator.normal(0.0, 1.0, (side, side)), (0, 0), 3.0) * 1.5
    for _ in range(max(3, side * side // 2700)):
        row, column = generator.integers(0, side - 40, 2)
        high, wide = generator.integers(1, 30, 2)
        heights[row : row + high, column : column + wide] += generator.uniform(3.0, 25.0)
    x, y = GridProjection(crs).xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    half = side * cell / 2
    return TerrainGrid(heights.astype(np.float32), crs, float(x) - half, float(y) + half, cell, cell)


def _rays(count: int, seed: int) -> tuple[Floats, Floats]:
    """Random eyes over the town, random directions from straight down to 3° under the horizon."""
    generator = np.random.default_rng(seed)
    origins = np.column_stack([generator.uniform(-150.0, 150.0, (count, 2)), generator.uniform(40.0, 150.0, count)])
    down, around = np.radians(generator.uniform(3.0, 90.0, count)), generator.uniform(0.0, 2 * np.pi, count)
    level = np.cos(down)
    return origins, np.column_stack([level * np.sin(around), level * np.cos(around), -np.sin(down)])


def _clearance(ground: TerrainGrid, enu: Floats) -> Floats:
    lat, lon, alt = LOCAL.geo_from_enu(enu)
    return np.asarray(alt - ground.height_at(lat, lon))


def _check_exact(ground: TerrainGrid, count: int, walked: int) -> None:
    origins, directions = _rays(count, seed=count)
    found = first_crossings(ground, LOCAL, origins, directions)
    hit = found.hit
    assert hit.mean() > 0.8
    # On the surface: along the ray that is the clearance by the sine of its angle to it; 1 cm is asked.
    assert np.abs(_clearance(ground, found.enu[hit]) / directions[hit, 2]).max() < 3e-3
    assert found.enu[hit] == pytest.approx((origins + found.range_m[:, None] * directions)[hit])
    for i in np.flatnonzero(hit)[:walked]:  # and nothing was met before
        before = np.arange(0.0, found.range_m[i] - 0.02, 0.1)
        assert (_clearance(ground, origins[i] + before[:, None] * directions[i]) > -1e-4).all()


def test_crossings_are_those_of_the_bilinear_surface() -> None:
    _check_exact(_town(), 1500, walked=150)


@pytest.mark.long
def test_a_hundred_thousand_crossings_are_those_of_the_bilinear_surface() -> None:
    _check_exact(_town(side=1200), 100_000, walked=5000)


def test_degrees_are_crossed_as_metres_are() -> None:
    """SRTM's cells of three arc seconds, hundreds of metres from each other."""
    _check_exact(_town("EPSG:4326", 3.0 / 3600.0, side=60), 500, walked=30)


def test_many_rays_are_met_as_each_alone() -> None:
    ground = _town()
    origins, directions = _rays(40, seed=5)
    together = first_crossings(ground, LOCAL, origins, directions)
    for i in range(40):
        alone, one = first_crossing(ground, LOCAL, origins[i], directions[i]), together.one(i)
        if isinstance(alone, Miss):
            assert alone == one
        else:
            assert not isinstance(one, Miss)
            assert alone.enu == pytest.approx(one.enu, abs=1e-9)
            assert alone.normal_enu == pytest.approx(one.normal_enu, abs=1e-3)


def test_a_wall_one_cell_thick_is_not_passed_through() -> None:
    heights = np.full((400, 400), 30.0, np.float32)
    heights[:, 250] = 60.0
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    ground = TerrainGrid(heights, "EPSG:25832", float(x) - 200.0, float(y) + 200.0, 1.0, 1.0)
    directions = np.column_stack([np.ones(200), np.linspace(-0.5, 0.5, 200), np.full(200, -0.2)])
    found = first_crossings(ground, LOCAL, [0.0, 0.0, 20.0], directions)
    assert found.hit.all()
    assert (found.enu[:, 0] < 51.0).all() and (found.enu[:, 2] > 5.0).all()


def test_behind_a_hole_in_the_data_there_is_no_first_crossing() -> None:
    heights = np.full((400, 400), 30.0, np.float32)
    heights[190:210, 100] = 60.0  # something high, so that the ray is low over the hole
    heights[150:250, 240:242] = np.nan
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    ground = TerrainGrid(heights, "EPSG:25832", float(x) - 200.0, float(y) + 200.0, 1.0, 1.0)
    behind = first_crossing(ground, LOCAL, [0.0, 0.0, 25.0], [1.0, 0.0, -0.3])
    before = first_crossing(ground, LOCAL, [0.0, 0.0, 5.0], [1.0, 0.0, -0.3])
    assert behind == Miss(MissReason.OUTSIDE_TERRAIN)
    assert not isinstance(before, Miss)


@pytest.mark.parametrize("down", [0.06, 0.3, 1.0])
def test_a_plane_of_sea_level_falls_away_with_the_earth(down: float) -> None:
    """Exactly at its height after a kilometre, where the tangent plane is 8 cm too high."""
    hit = first_crossing(FlatGround(0.0), LOCAL, [0.0, 0.0, 30.0], [1.0, 0.0, -down])
    assert not isinstance(hit, Miss)
    lat, lon, alt = LOCAL.geo_from_enu(hit.enu)
    assert float(alt) == pytest.approx(0.0, abs=1e-6)
    assert hit.enu[2] == pytest.approx(-30.0 - hit.enu[0] ** 2 / 2 / 6.391e6, abs=2e-5)
    # and as far as the geodesic on the ellipsoid says, to a millimetre per kilometre
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(HOME.lon_deg, HOME.lat_deg, float(lon), float(lat))
    assert metres == pytest.approx(np.hypot(hit.enu[0], hit.enu[1]), abs=1e-3)
