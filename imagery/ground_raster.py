"""The ground in the local plane, ready to be looked up by the hundred thousand: heights on an east-north raster.

``crossing`` is exact for rays; maps and coverage ask the other way round, for many cells what stands there. The raster
keeps the heights of square blocks, made when they are first asked for: the way from east-north to the rows and columns
of a terrain file is smooth, so it is computed on a few points of a block and interpolated (under 1 mm over 64 m). Up is
up of the tangent plane: the earth falls away below it, 8 cm in a kilometre.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from missions.geometry.geo import LocalFrame
from missions.geometry.terrain import FlatGround, Ground, TerrainGrid

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

EARTH_RADIUS_M = 6.371e6
_NODES = 5
# Whole numbers of them fit into a cell of the coverage.
_CELLS_M = (2.0, 1.0, 0.5)
_BLOCK = 128
_MOST_BLOCKS = 512
# OpenCV addresses pixels by 16 bits.
_WIDEST = 32_000


def smooth(values: Floats, rows: int, columns: int) -> Raster:
    """(_NODES, _NODES) values at the corners and between, evenly → (rows, columns) float32, bilinear."""
    high, wide = values.shape
    y = np.linspace(0.0, high - 1.0, rows, dtype=np.float32)
    x = np.linspace(0.0, wide - 1.0, columns, dtype=np.float32)
    # Large numbers keep their millimetres: what they have in common is added last.
    middle = float(values[high // 2, wide // 2])
    grid_x, grid_y = np.meshgrid(x, y)
    r, c = np.minimum(grid_y.astype(np.intp), high - 2), np.minimum(grid_x.astype(np.intp), wide - 2)
    fr, fc = grid_y - r, grid_x - c
    v = values - middle
    top = v[r, c] * (1.0 - fc) + v[r, c + 1] * fc
    bottom = v[r + 1, c] * (1.0 - fc) + v[r + 1, c + 1] * fc
    return np.asarray(top * (1.0 - fr) + bottom * fr + middle, np.float32)


def heights_over(
    ground: Ground, geo_of: Callable[[Floats, Floats], tuple[Floats, Floats]], box: tuple[float, float, float, float],
    rows: int, columns: int,
) -> Raster:  # fmt: skip
    """(rows, columns) float32 heights in the ground's datum, NaN where none is known.

    ``box``: x of the first and last column, y of the first and last row; ``geo_of``: x, y → latitude, longitude.
    """
    if isinstance(ground, FlatGround):
        return np.full((rows, columns), ground.alt_m, np.float32)
    x0, x1, y0, y1 = box
    x, y = np.meshgrid(np.linspace(x0, x1, _NODES), np.linspace(y0, y1, _NODES))
    lat, lon = geo_of(x, y)
    if not isinstance(ground, TerrainGrid):
        wide = [smooth(axis, rows, columns).astype(np.float64) for axis in (lat, lon)]
        return np.asarray(ground.height_at(*wide), np.float32)
    row, column = ground.row_column(lat, lon)
    first_row, first_column = math.floor(float(row.min())) - 1, math.floor(float(column.min())) - 1
    last_row, last_column = math.ceil(float(row.max())) + 2, math.ceil(float(column.max())) + 2
    high, wide_ = ground.heights_m.shape
    top, left = max(0, first_row), max(0, first_column)
    window = ground.heights_m[top : max(top, min(high, last_row)), left : max(left, min(wide_, last_column))]
    if window.size == 0 or max(window.shape) > _WIDEST:
        return np.full((rows, columns), np.nan, np.float32)
    at_row, at_column = smooth(row - top, rows, columns), smooth(column - left, rows, columns)
    filled = np.ascontiguousarray(window, np.float32)
    found = cv2.remap(filled, at_column, at_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan)
    return np.asarray(found, np.float32)


class GroundRaster:
    """Heights above the tangent plane's origin, up in ENU, on cells of ``cell_m``; a cell (i, j) is centred on them."""

    def __init__(self, ground: Ground, frame: LocalFrame) -> None:
        self.ground, self.frame = ground, frame
        self.flat = isinstance(ground, FlatGround)
        self.cell_m = next((cell for cell in _CELLS_M if cell <= ground.step_m), _CELLS_M[-1])
        self._blocks: dict[tuple[int, int], Raster] = {}

    def heights(self, column: int, row: int, columns: int, rows: int) -> Raster:
        """(rows, columns) of up, metres: cells ``column``… eastwards from east = column · cell_m, ``row``… northwards.

        Row 0 is the southernmost. NaN where no height is known.
        """
        if isinstance(self.ground, FlatGround):
            return self._plane(column, row, columns, rows)
        found = np.empty((rows, columns), np.float32)
        for block_row in range(row // _BLOCK, (row + rows - 1) // _BLOCK + 1):
            for block_column in range(column // _BLOCK, (column + columns - 1) // _BLOCK + 1):
                block = self._block(block_column, block_row)
                r0, c0 = block_row * _BLOCK, block_column * _BLOCK
                rs, cs = max(row, r0), max(column, c0)
                re, ce = min(row + rows, r0 + _BLOCK), min(column + columns, c0 + _BLOCK)
                found[rs - row : re - row, cs - column : ce - column] = block[rs - r0 : re - r0, cs - c0 : ce - c0]
        return found

    def _plane(self, column: int, row: int, columns: int, rows: int) -> Raster:
        assert isinstance(self.ground, FlatGround)
        east = (column + np.arange(columns)) * self.cell_m
        north = (row + np.arange(rows)) * self.cell_m
        fall = (north[:, None] ** 2 + east[None] ** 2) / (2.0 * EARTH_RADIUS_M)
        return np.asarray(self.ground.alt_m - self.frame.origin.alt_m - fall, np.float32)

    def _block(self, column: int, row: int) -> Raster:
        block = self._blocks.get((column, row))
        if block is None:
            block = self._made(column * _BLOCK, row * _BLOCK)
            while len(self._blocks) >= _MOST_BLOCKS:  # the one that was made first goes; it can be made again
                del self._blocks[next(iter(self._blocks))]
            self._blocks[column, row] = block
        return block

    def _made(self, column: int, row: int) -> Raster:
        east0, north0 = column * self.cell_m, row * self.cell_m
        span = (_BLOCK - 1) * self.cell_m
        box = (east0, east0 + span, north0, north0 + span)
        heights = heights_over(self.ground, self._geo_of, box, _BLOCK, _BLOCK)
        east = east0 + np.arange(_BLOCK) * self.cell_m
        north = north0 + np.arange(_BLOCK) * self.cell_m
        fall = (north[:, None] ** 2 + east[None] ** 2) / (2.0 * EARTH_RADIUS_M)
        return np.asarray(heights - self.frame.origin.alt_m - fall, np.float32)

    def _geo_of(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        # A few metres of height move the foot point by less than a millimetre within the few kilometres of a frame.
        fall = (east**2 + north**2) / (2.0 * EARTH_RADIUS_M)
        lat, lon, _ = self.frame.geo_from_enu(np.stack([east, north, -fall], axis=-1))
        return lat, lon
