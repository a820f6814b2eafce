"""Terrain files in and out (any raster GDAL reads, one band, with a coordinate system; SRTM .hgt among them).

The heights are taken as the file gives them; nothing is reprojected, the grid keeps the file's CRS. What a file does
not say (its height datum, whether roofs are in it) the caller says. A raster that is rotated, south-up in a way GDAL
cannot express, or obviously no terrain is refused: a wrong ground is worse than none.

A folder of tiles, as surveys deliver them, becomes one grid, if the tiles lie on one lattice; gaps between them are
nodata. Where two overlap, the first by name that has a height counts.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import from_origin

from missions.geometry.geo import Datum, GeoError, GridProjection
from missions.geometry.terrain import TerrainGrid

# Dead Sea shore and Everest: beyond these it is another unit (cm, feet) or a nodata value nobody declared.
LOWEST_M, HIGHEST_M = -450.0, 9_000.0
# 100 million cells are 400 MB; a tile server's whole country does not belong into memory.
MOST_CELLS = 100_000_000
_TILES = (".tif", ".tiff", ".hgt", ".asc", ".img", ".vrt")
_OFF_LATTICE = 0.01
# How far beyond the area of use of its CRS a terrain may lie: a state's zone is often used a little over its edge.
_SLACK_DEG = 6.0


class TerrainError(ValueError):
    """A terrain file that cannot be used: names the file, what is wrong and what is allowed."""


def read_terrain(
    path: str | Path, *, datum: Datum = Datum.SEA_LEVEL, sigma_m: float = 1.0, kind: str = "surface"
) -> TerrainGrid:
    """A one-band elevation raster, or a folder of tiles → grid; nodata becomes NaN, row 0 is north.

    Raises:
        TerrainError: not there, not a raster, several bands, no or an unknown CRS, rotated, no heights or absurd ones.
    """
    file = Path(path)
    if file.is_dir():
        tiles = sorted(tile for tile in file.iterdir() if tile.suffix.lower() in _TILES)
        if not tiles:
            raise TerrainError(f"terrain {file}: no tile in this folder; allowed are {', '.join(_TILES)}")
        return _joined(file, [(tile, read_terrain(tile, datum=datum, sigma_m=sigma_m, kind=kind)) for tile in tiles])
    if not file.is_file():
        raise TerrainError(f"terrain {file}: no such file")
    try:
        # A raster without georeference warns on stderr; it gets its sentence from us.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(file) as source:
                return _grid(source, file, datum, sigma_m, kind)
    except RasterioError as problem:
        raise TerrainError(f"terrain {file}: cannot be read as a raster ({_first_line(problem)})") from problem
    except GeoError as problem:
        raise TerrainError(f"terrain {file}: {problem}") from problem


def _joined(folder: Path, tiles: list[tuple[Path, TerrainGrid]]) -> TerrainGrid:
    """Tiles of one lattice → one grid."""
    name, first = tiles[0]
    spans = []
    for tile, grid in tiles:
        cells = (grid.cell_x_m / first.cell_x_m - 1.0, grid.cell_y_m / first.cell_y_m - 1.0)
        right = (grid.x0_m - first.x0_m) / first.cell_x_m
        down = (first.y0_m - grid.y0_m) / first.cell_y_m
        off = max(abs(right - round(right)), abs(down - round(down)))
        if grid.crs != first.crs or max(map(abs, cells)) > 1e-6 or off > _OFF_LATTICE:
            raise TerrainError(
                f"terrain {folder}: {tile.name} ({grid.crs}, {grid.cell_x_m:g}) does not lie on the lattice "
                f"of {name.name} ({first.crs}, {first.cell_x_m:g}); make one file of them (gdalwarp)"
            )
        spans.append((round(down), round(right), *grid.heights_m.shape))
    top, left = min(span[0] for span in spans), min(span[1] for span in spans)
    high = max(span[0] + span[2] for span in spans) - top
    wide = max(span[1] + span[3] for span in spans) - left
    if high * wide > MOST_CELLS:
        raise TerrainError(f"terrain {folder}: its tiles span {wide} × {high} cells; allowed are {MOST_CELLS:,}")
    heights = np.full((high, wide), np.float32(np.nan))
    for (_, grid), (down_, right_, rows, columns) in zip(tiles, spans, strict=True):
        part = heights[down_ - top : down_ - top + rows, right_ - left : right_ - left + columns]
        np.copyto(part, grid.heights_m, where=np.isnan(part))
    corner = {"x0_m": first.x0_m + left * first.cell_x_m, "y0_m": first.y0_m - top * first.cell_y_m}
    return replace(first, heights_m=heights, **corner)


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]


def _grid(source: Any, file: Path, datum: Datum, sigma_m: float, kind: str) -> TerrainGrid:
    if source.count != 1:
        raise TerrainError(f"terrain {file}: has {source.count} bands; an elevation raster has one (is it a picture?)")
    if source.crs is None:
        raise TerrainError(f"terrain {file}: has no coordinate system; write one into it (gdal_edit -a_srs EPSG:25832)")
    transform = source.transform
    if transform.b != 0.0 or transform.d != 0.0 or transform.a <= 0.0 or transform.e == 0.0:
        raise TerrainError(f"terrain {file}: is rotated or mirrored; warp it north-up first (gdalwarp)")
    if source.width * source.height > MOST_CELLS:
        raise TerrainError(f"terrain {file}: {source.width} × {source.height} cells; cut it to {MOST_CELLS:,} cells")
    unit = (source.units or ("",))[0] or ""
    if unit.lower() not in ("", "m", "metre", "meter", "metres", "meters"):
        raise TerrainError(f"terrain {file}: heights are in {unit!r}; metres are needed")
    heights = _heights(source, file)
    y_top = transform.f + 0.5 * transform.e
    if transform.e > 0.0:  # stored south-up: turn it, the grid's row 0 is north
        heights = heights[::-1]
        y_top = transform.f + (source.height - 0.5) * transform.e
    return _checked(
        file,
        heights_m=np.ascontiguousarray(heights),
        crs=_crs_name(source.crs),
        x0_m=transform.c + 0.5 * transform.a,
        y0_m=y_top,
        cell_x_m=transform.a,
        cell_y_m=abs(transform.e),
        datum=datum,
        sigma_m=sigma_m,
        kind=kind,
    )


def _checked(file: Path, **fields: Any) -> TerrainGrid:
    try:
        grid = TerrainGrid(**fields)
        corners = grid.corners()
    except ValueError as problem:
        raise TerrainError(f"terrain {file}: {problem}") from problem
    lat, lon = np.asarray(corners, np.float64).T
    if not np.isfinite(lat + lon).all() or np.abs(lat).max() > 90.0 or np.abs(lon).max() > 360.0:
        raise TerrainError(f"terrain {file}: its corners are no places on the earth in {grid.crs}; is the CRS right?")
    _in_use(file, grid, float(lat.mean()), float(lon.mean()))
    return grid


def _in_use(file: Path, grid: TerrainGrid, lat_deg: float, lon_deg: float) -> None:
    """Degrees that are called metres lie in the Gulf of Guinea; a neighbouring zone is somebody's good reason."""
    used = GridProjection(grid.crs).used_deg
    if used is None:
        return
    south, north, west, east = used
    across_date_line = west > east
    if south - _SLACK_DEG <= lat_deg <= north + _SLACK_DEG and (
        across_date_line or west - _SLACK_DEG <= lon_deg <= east + _SLACK_DEG
    ):
        return
    raise TerrainError(
        f"terrain {file}: its middle is at {lat_deg:.4f}, {lon_deg:.4f}, but {grid.crs} is for latitude {south:g} to "
        f"{north:g}, longitude {west:g} to {east:g}; is the CRS right, and are its cells in metres?"
    )


def _heights(source: Any, file: Path) -> NDArray[np.float32]:
    band = source.read(1, masked=True)
    if band.dtype.kind not in "iuf":
        raise TerrainError(f"terrain {file}: cells are {band.dtype}; numbers are needed")
    heights: NDArray[np.float32] = np.ma.filled(band.astype(np.float32), np.nan)
    scale, offset = source.scales[0], source.offsets[0]
    if scale != 1.0 or offset != 0.0:
        heights = (heights * np.float32(scale) + np.float32(offset)).astype(np.float32)
    known = heights[np.isfinite(heights)]
    if known.size == 0:
        raise TerrainError(f"terrain {file}: holds no height at all, only nodata")
    low, high = float(known.min()), float(known.max())
    if low < LOWEST_M or high > HIGHEST_M:
        raise TerrainError(
            f"terrain {file}: heights from {low:g} to {high:g}; allowed are {LOWEST_M:g} to {HIGHEST_M:g} m "
            "(another unit, or a nodata value that the file does not declare?)"
        )
    return np.where(np.isfinite(heights), heights, np.float32(np.nan)).astype(np.float32)


def _crs_name(crs: Any) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None else str(crs.to_wkt())


def write_terrain(path: str | Path, grid: TerrainGrid) -> None:
    """Grid → float32 GeoTIFF, NaN nodata, its own CRS. Raises TerrainError when it cannot be written."""
    rows, cols = grid.heights_m.shape
    corner = (grid.x0_m - 0.5 * grid.cell_x_m, grid.y0_m + 0.5 * grid.cell_y_m)
    profile = {
        "driver": "GTiff", "width": cols, "height": rows, "count": 1, "dtype": "float32", "crs": grid.crs,
        "transform": from_origin(*corner, grid.cell_x_m, grid.cell_y_m), "nodata": np.nan, "compress": "deflate",
    }  # fmt: skip
    try:
        with rasterio.open(path, "w", **profile) as target:
            target.write(grid.heights_m.astype(np.float32), 1)
    except (RasterioError, OSError) as problem:
        raise TerrainError(f"terrain {path}: cannot be written ({_first_line(problem)})") from problem


def require_cover(grid: TerrainGrid, lat_deg: float, lon_deg: float, what: str) -> None:
    """Raise TerrainError in words where `grid` has no height at the place of `what` ("the home point", …)."""
    if grid.covers(lat_deg, lon_deg):
        return
    lats, lons = zip(*grid.corners(), strict=True)
    inside = min(lats) <= lat_deg <= max(lats) and min(lons) <= lon_deg <= max(lons)
    why = "has no height there (nodata or rim)" if inside else "does not cover it"
    raise TerrainError(
        f"the terrain {why}: {what} is at {lat_deg:.5f}, {lon_deg:.5f}, the terrain reaches from "
        f"{min(lats):.5f}, {min(lons):.5f} to {max(lats):.5f}, {max(lons):.5f} ({grid.crs}). "
        "Wrong file, or its coordinate system is not what it says?"
    )
