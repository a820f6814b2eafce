"""Web map tiles (z/x/y, Web Mercator, 256 px PNG) of the thermal map and of the coverage.

A pixel that spans several cells shows the hottest of them: what burns does not vanish when somebody zooms out. The
scale of grey is fixed by the caller, so that neighbouring tiles agree; from 60 °C on colour says "hot", as in the
pictures. What was never seen is transparent. Grey levels stay grey.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.coverage import CELL_M, HALF_WIDTH_M, SIDE, Coverage
from imagery.ground_raster import smooth
from imagery.map_grid import TILE
from imagery.overlay import STEPS
from imagery.thermal_map import ThermalMap
from missions.geometry.geo import GridProjection, LocalFrame

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SIZE = 256
DEEPEST = 24
# A whole incident is less than a pixel above this, and no projection of metres reaches around the earth.
LEAST_ZOOM = 9
COVERAGE_LAYERS = ("seen", "gsd", "detection", "age", "hidden")
# Seconds (or metres a pixel) up to which a colour holds: green, yellow, orange, red beyond (blue, green, red).
_AGES_S = ((60.0, (90, 190, 60)), (300.0, (60, 210, 230)), (900.0, (40, 140, 255)), (math.inf, (60, 60, 230)))
_GSDS_M = ((0.05, (90, 190, 60)), (0.1, (60, 210, 230)), (0.25, (40, 140, 255)), (math.inf, (60, 60, 230)))
_HIDDEN_BGR = (200, 60, 200)
_SEEN_BGR = (217, 163, 77)
_MOST_TILES_DRAWN = 1_024


class NoTile(ValueError):
    """There is no such tile: says what is allowed."""


def empty_png() -> bytes:
    """A tile in which nothing was seen."""
    return _png(np.zeros((SIZE, SIZE, 4), np.uint8))


def thermal_tile(
    made: ThermalMap, z: int, x: int, y: int, *, layer: str, now_s: float, low: float = 0.0, high: float = 60.0
) -> bytes:
    """PNG of one tile; ``low``, ``high``: °C of black and white. Raises NoTile."""
    lat, lon = _nodes(z, x, y)
    if z < LEAST_ZOOM:
        return empty_png()
    px, py = GridProjection(made.grid.crs).xy_from_geo(lat, lon)
    cell = made.grid.cell_m
    pooled = max(1, min(TILE, _power_of_two(abs(float(px[0, -1] - px[0, 0])) / SIZE / cell)))
    side = made.grid.side_m
    i0, i1 = math.floor(float(px.min()) / side), math.floor(float(px.max()) / side)
    j0, j1 = math.floor(float(py.min()) / side), math.floor(float(py.max()) / side)
    here = [key for key in made.tiles if i0 <= key[0] <= i1 and j0 <= key[1] <= j1]
    if not here:
        return empty_png()
    if len(here) > _MOST_TILES_DRAWN:
        raise NoTile(f"zoom {z}: the map is too large for it")
    i0, i1 = min(k[0] for k in here), max(k[0] for k in here)
    j0, j1 = min(k[1] for k in here), max(k[1] for k in here)
    few = TILE // pooled
    values = np.full(((j1 - j0 + 1) * few, (i1 - i0 + 1) * few), np.nan, np.float32)
    for i, j in here:
        top, left = (j1 - j) * few, (i - i0) * few
        fine = made.layer(made.tiles[i, j], layer, now_s)
        values[top : top + few, left : left + few] = _pooled(fine, pooled, lowest=layer == "age")
    column = smooth((px - i0 * side) / (cell * pooled) - 0.5, SIZE, SIZE)
    row = smooth(((j1 + 1) * side - py) / (cell * pooled) - 0.5, SIZE, SIZE)
    shown = _sampled(values, column, row)
    if layer == "age":
        return _png(_stepped(shown, _AGES_S))
    return _png(_heat(shown, low, high) if made.radiometric else _heat(shown, 0.0, 255.0, coloured=False))


def coverage_tile(coverage: Coverage, frame: LocalFrame, z: int, x: int, y: int, *, layer: str, now_s: float) -> bytes:
    """PNG of one tile of what was seen. Raises NoTile."""
    if layer not in COVERAGE_LAYERS:
        raise NoTile(f"layer {layer!r}; allowed are {', '.join(COVERAGE_LAYERS)}")
    lat, lon = _nodes(z, x, y)
    if z < LEAST_ZOOM:
        return empty_png()
    en = frame.enu_from_geo(lat, lon, frame.origin.alt_m)[..., :2]
    if float(np.abs(en).min()) > HALF_WIDTH_M:
        return empty_png()
    column = smooth((en[..., 0] + HALF_WIDTH_M) / CELL_M, SIZE, SIZE)
    row = smooth((HALF_WIDTH_M - en[..., 1]) / CELL_M, SIZE, SIZE)
    (c0, c1), (r0, r1) = _cells(column), _cells(row)
    if c0 >= c1 or r0 >= r1:
        return empty_png()
    at = slice(r0, r1), slice(c0, c1)
    seen = coverage.seen[at] > 0
    column, row = column - np.float32(c0), row - np.float32(r0)
    if layer == "hidden":
        hidden = np.where((coverage.hidden[at] > 0) & ~seen, np.float32(1.0), np.float32(np.nan))
        return _png(_flat(_sampled(hidden, column, row), _HIDDEN_BGR))
    if layer == "seen":
        return _png(_flat(_sampled(np.where(seen, 1.0, np.nan).astype(np.float32), column, row), _SEEN_BGR))
    if layer == "age":
        ages = np.where(seen, np.float32(now_s - (coverage.epoch_s or 0.0)) - coverage.last_after_s[at], np.nan)
        return _png(_stepped(_sampled(ages.astype(np.float32), column, row), _AGES_S))
    if layer == "gsd":
        with np.errstate(divide="ignore"):
            gsd = np.where(seen, 1.0 / coverage.sharp[at], np.nan).astype(np.float32)
        return _png(_stepped(_sampled(gsd, column, row), _GSDS_M))
    chance = 1.0 - (1.0 - coverage.found[at]) * (1.0 - coverage.now[at])
    shown = _sampled(np.where(seen, chance, np.nan).astype(np.float32), column, row)
    return _png(_heat(shown, 0.0, 1.0, coloured=False))


def _cells(at: Raster) -> tuple[int, int]:
    """The first and the last cell of the coverage that places fall into, with a margin."""
    low, high = math.floor(float(at.min())) - 1, math.ceil(float(at.max())) + 2
    return max(0, min(SIDE, low)), max(0, min(SIDE, high))


def _nodes(z: int, x: int, y: int) -> tuple[Floats, Floats]:
    """(5, 5) latitude and longitude over the middles of a tile's pixels."""
    if not 0 <= z <= DEEPEST:
        raise NoTile(f"zoom {z}; allowed is 0 to {DEEPEST}")
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise NoTile(f"tile {x}, {y} of zoom {z}; allowed is 0 to {2**z - 1}")
    steps = (0.5 + np.linspace(0.0, SIZE - 1.0, 5)) / SIZE
    along, down = np.meshgrid((x + steps) / 2**z, (y + steps) / 2**z)
    lon = along * 360.0 - 180.0
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * down))))
    return lat, lon


def _power_of_two(ratio: float) -> int:
    return 1 if ratio < 1.5 else int(2 ** round(math.log2(ratio)))


def _pooled(values: Raster, times: int, *, lowest: bool) -> Raster:
    """Blocks of times × times → their hottest (or youngest) known value."""
    if times == 1:
        return values
    few = TILE // times
    blocks = values.reshape(few, times, few, times)
    pick = np.fmin if lowest else np.fmax
    return np.asarray(pick.reduce(pick.reduce(blocks, axis=3), axis=1), np.float32)


def _sampled(values: Raster, column: Raster, row: Raster) -> Raster:
    """(SIZE, SIZE) nearest values; NaN outside."""
    nearest = cv2.remap(
        values, column, row, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(math.nan,) * 4
    )
    return np.asarray(nearest, np.float32)


def _heat(values: Raster, low: float, high: float, *, coloured: bool = True) -> Pixels:
    known = np.isfinite(values)
    grey = np.clip((np.where(known, values, low) - low) / max(1e-6, high - low), 0.0, 1.0) * 255.0
    pixels = np.dstack([grey, grey, grey, known * 255.0]).astype(np.uint8)
    if coloured:
        for above_c, bgr in STEPS:
            pixels[known & (values > above_c), :3] = bgr
    return pixels


def _stepped(values: Raster, steps: tuple[tuple[float, tuple[int, int, int]], ...]) -> Pixels:
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    for upto, bgr in reversed(steps):
        pixels[values <= upto] = (*bgr, 150)
    return pixels


def _flat(values: Raster, bgr: tuple[int, int, int]) -> Pixels:
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    pixels[np.isfinite(values)] = (*bgr, 130)
    return pixels


def _png(pixels: Pixels) -> bytes:
    done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise RuntimeError("a map tile cannot be encoded as PNG")
    return data.tobytes()
