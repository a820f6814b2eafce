"""Terrain files: what is written is read back, real ones load, and the wrong ones are refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin

from missions.geometry.geo import Datum, GridProjection
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import TerrainError, read_terrain, require_cover, write_terrain

LAT, LON = 51.4344, 6.7623


def _grid(crs: str, cell: float) -> TerrainGrid:
    heights = (33.0 + np.arange(40 * 30, dtype=np.float32).reshape(40, 30) * 0.01).astype(np.float32)
    heights[5, 7] = np.nan
    x, y = GridProjection(crs).xy_from_geo(LAT, LON)
    return TerrainGrid(heights, crs, float(x) - 15 * cell, float(y) + 20 * cell, cell, cell)


@pytest.mark.parametrize(("crs", "cell"), [("EPSG:25832", 1.0), ("EPSG:4326", 1e-5), ("EPSG:31466", 0.5)])
def test_a_terrain_comes_back_as_it_was_written(tmp_path: Path, crs: str, cell: float) -> None:
    grid = _grid(crs, cell)
    write_terrain(tmp_path / "t.tif", grid)
    back = read_terrain(tmp_path / "t.tif")
    assert np.array_equal(back.heights_m, grid.heights_m, equal_nan=True)
    assert back.crs == crs
    assert np.allclose((back.x0_m, back.y0_m), (grid.x0_m, grid.y0_m), rtol=0, atol=1e-9 * max(1.0, abs(grid.y0_m)))
    assert np.isclose(float(back.height_at(LAT, LON)), float(grid.height_at(LAT, LON)), atol=1e-3)
    assert back.covers(LAT, LON)
    assert back.datum is Datum.SEA_LEVEL


def _write(path: Path, data: np.ndarray[Any, Any], **profile: Any) -> Path:
    given = {"crs": "EPSG:25832", "transform": from_origin(344_000.0, 5_700_000.0, 1.0, 1.0)} | profile
    with rasterio.open(
        path, "w", driver="GTiff", width=data.shape[-1], height=data.shape[-2],
        count=1 if data.ndim == 2 else len(data), dtype=data.dtype, **given,
    ) as target:  # fmt: skip
        target.write(data if data.ndim == 3 else data[None])
    return path


FLAT = np.full((4, 5), 30.0, np.float32)


def test_declared_nodata_becomes_nan_and_integers_become_metres(tmp_path: Path) -> None:
    data = np.array([[30, -9999], [31, 32]], np.int16)
    grid = read_terrain(_write(tmp_path / "t.tif", data, nodata=-9999))
    assert np.isnan(grid.heights_m[0, 1])
    assert grid.heights_m[1, 1] == 32.0
    assert grid.heights_m.dtype == np.float32


def test_a_raster_stored_south_up_is_turned(tmp_path: Path) -> None:
    data = np.arange(20, dtype=np.float32).reshape(4, 5)
    up = read_terrain(_write(tmp_path / "u.tif", data[::-1], transform=Affine(1, 0, 344_000, 0, 1, 5_699_996)))
    down = read_terrain(_write(tmp_path / "d.tif", data))
    assert np.array_equal(up.heights_m, down.heights_m)
    assert (up.x0_m, up.y0_m) == (down.x0_m, down.y0_m)


REFUSED: list[tuple[dict[str, Any], np.ndarray[Any, Any], str]] = [
    ({"crs": None}, FLAT, "no coordinate system"),
    ({}, np.zeros((3, 4, 5), np.uint8), "3 bands"),
    ({"transform": Affine(1, 0.2, 344_000, 0.2, -1, 5_700_000)}, FLAT, "rotated"),
    ({}, FLAT * 1000, "allowed are -450 to 9000 m"),
    ({}, np.full((4, 5), -9999.0, np.float32), "nodata value that the file does not declare"),
    ({"nodata": 30.0}, FLAT, "only nodata"),
    ({}, FLAT[:1], "at least 2×2"),
    ({"transform": from_origin(6.76, 51.43, 1e-5, 1e-5), "crs": "EPSG:25832"}, FLAT[:, :1], "at least 2×2"),
    ({"transform": from_origin(6.76, 51.43, 1e-5, 1e-5), "crs": "EPSG:25832"}, FLAT, "are its cells in metres"),
    ({"crs": "EPSG:4326"}, FLAT, "no places on the earth in EPSG:4326"),
    ({"crs": 'LOCAL_CS["site",UNIT["metre",1]]'}, FLAT, "unknown coordinate reference system"),
    ({"crs": "EPSG:28992"}, FLAT, "is for latitude 50"),  # the Dutch grid
]


@pytest.mark.parametrize(("profile", "data", "words"), REFUSED)
def test_what_is_no_terrain_is_refused(
    tmp_path: Path, profile: dict[str, Any], data: np.ndarray[Any, Any], words: str
) -> None:
    path = _write(tmp_path / "bad.tif", data, **profile)
    with pytest.raises(TerrainError, match=words) as caught:
        read_terrain(path)
    assert "bad.tif" in str(caught.value)


def test_what_is_no_raster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TerrainError, match="no such file"):
        read_terrain(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("lat,lon\n")
    with pytest.raises(TerrainError, match="cannot be read as a raster"):
        read_terrain(tmp_path / "text.tif")
    good = tmp_path / "good.tif"
    write_terrain(good, _grid("EPSG:25832", 1.0))
    cut = tmp_path / "cut.tif"
    cut.write_bytes(good.read_bytes()[:400])
    with pytest.raises(TerrainError, match=r"cut\.tif"):
        read_terrain(cut)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TerrainError, match="cannot be written"):
        write_terrain(tmp_path / "no" / "where.tif", _grid("EPSG:25832", 1.0))


def test_cover_is_said_in_words() -> None:
    grid = _grid("EPSG:25832", 1.0)
    require_cover(grid, LAT, LON, "home")
    with pytest.raises(TerrainError, match=r"does not cover it: home is at 52\.00000, 6\.76230"):
        require_cover(grid, 52.0, LON, "home")
    hole_lat, hole_lon = GridProjection(grid.crs).geo_from_xy(grid.x0_m + 7.0, grid.y0_m - 5.0)
    with pytest.raises(TerrainError, match="no height there"):
        require_cover(grid, float(hole_lat), float(hole_lon), "home")


def test_a_file_with_the_wrong_crs_does_not_cover_the_place(tmp_path: Path) -> None:
    grid = _grid("EPSG:25832", 1.0)
    write_terrain(tmp_path / "t.tif", grid)
    with rasterio.open(tmp_path / "t.tif", "r+") as target:
        target.crs = "EPSG:25833"
    with pytest.raises(TerrainError, match="coordinate system"):
        require_cover(read_terrain(tmp_path / "t.tif"), LAT, LON, "home")


def test_real_terrain_loads(testdata: Path) -> None:
    cobb = read_terrain(testdata / "dem" / "cobb.tif")
    assert cobb.crs == "EPSG:4326"
    assert cobb.range_m() == (161.0, 552.0)
    # Kennesaw Mountain's summit, 551 m (1,808 ft), from its Wikipedia article
    assert 535.0 < float(cobb.height_at(33.9764, -84.5791)) < 552.5
    aos = read_terrain(testdata / "aos-open-field" / "DEM" / "dem.tif")
    # the set's own table (dem_info.json) gives the start place and its height
    assert abs(float(aos.height_at(48.335673, 14.32703)) - 285.48) < 1.0
    with pytest.raises(TerrainError, match="no coordinate system"):
        read_terrain(testdata / "flame3" / "Sycan_00006.TIFF")


# --- tiles -----------------------------------------------------------------------------------------------------------
def _tiles(folder: Path, *corners: tuple[float, float]) -> None:
    for n, (x, y) in enumerate(corners):
        data = np.full((50, 50), 30.0 + n, np.float32)
        _write(folder / f"dgm1_{n}.tif", data, transform=from_origin(x, y, 1.0, 1.0))


def test_a_folder_of_tiles_is_one_ground_with_a_gap_where_a_tile_is_missing(tmp_path: Path) -> None:
    _tiles(tmp_path, (344_000.0, 5_700_050.0), (344_050.0, 5_700_050.0), (344_000.0, 5_700_000.0))
    grid = read_terrain(tmp_path)
    assert grid.heights_m.shape == (100, 100)
    assert (grid.x0_m, grid.y0_m) == (344_000.5, 5_700_049.5)
    assert [grid.heights_m[r, c] for r, c in ((10, 10), (10, 90), (90, 10))] == [30.0, 31.0, 32.0]
    assert np.isnan(grid.heights_m[90, 90])
    # across the seam it is as smooth as within a tile
    lat, lon = GridProjection("EPSG:25832").geo_from_xy(344_050.0, 5_700_030.0)
    assert float(grid.height_at(lat, lon)) == pytest.approx(30.5, abs=1e-3)


def test_tiles_of_another_lattice_and_a_folder_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TerrainError, match="no tile in this folder"):
        read_terrain(tmp_path)
    _tiles(tmp_path, (344_000.0, 5_700_050.0), (344_050.4, 5_700_050.0))
    with pytest.raises(TerrainError, match=r"dgm1_1.tif .*does not lie on the lattice .*of dgm1_0.tif"):
        read_terrain(tmp_path)


def test_an_srtm_tile_is_read_by_its_name_with_its_holes(tmp_path: Path) -> None:
    heights = np.full((1201, 1201), 35, ">i2")
    heights[0, 0] = -32768
    heights[1200, 0] = 41  # the south-west corner is what the name says
    (tmp_path / "N51E006.hgt").write_bytes(heights.tobytes())
    grid = read_terrain(tmp_path / "N51E006.hgt")
    assert np.isnan(grid.heights_m[0, 0]) and grid.crs == "EPSG:4326"
    assert float(grid.height_at(51.0, 6.0)) == pytest.approx(41.0, abs=0.01)
    assert float(grid.height_at(51.5, 6.5)) == 35.0
