"""The surface of a scene as rasters: heights, temperatures, emissivities, and what stands on it.

Row 0 in the north, CELL_M cells, metres around the scenario's origin. Sun warms by its angle and by the material, not
in the shadow; a shadow is found by shifting the heights along the sun's direction. Heights come from smooth noise or
from an elevation raster that was given; roofs, heaps and trees stand on either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import pyproj
from numpy.typing import NDArray

from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from simulators.geodesy import Plane
from simulators.radiance import KELVIN, Raster
from simulators.scenario import Scenario, ScenarioError
from simulators.scenery import Sun

CELL_M = 0.5
Ring = list[tuple[float, float]]
# How much a material is warmed by a sun straight above it, K; emissivity in the band.
_SUN_K = {"ground": 14.0, "street": 24.0, "roof": 33.0, "heap": 26.0, "water": 1.0, "tree": 3.0, "metal": 18.0}
_EMISSIVITY = {
    "ground": 0.965, "street": 0.95, "roof": 0.93, "heap": 0.93, "water": 0.985, "tree": 0.98, "metal": 0.25,
}  # fmt: skip
_DIFFUSE = 0.15
_TREE_FREE_M = 14.0
_SHADOW_STEPS = 200


@dataclass(frozen=True, slots=True)
class Patch:
    """A named polygon of the map: ``kind`` water quay building street heap; ring of (east, north) metres."""

    kind: str
    name: str
    ring: tuple[tuple[float, float], ...]


@dataclass(slots=True, eq=False)
class Ground:
    """The rasters while a scene is built; ``sunny``: K of warming by a sun straight above.

    ``bare_m``: heights without halls and trees.
    """

    half_m: float
    height_m: Raster
    bare_m: Raster
    kelvin: Raster
    emissivity: Raster
    sunny: Raster
    patches: list[Patch]
    roofs: list[tuple[float, float]]
    heaps: list[tuple[float, float]]

    def mask(self, ring: Ring) -> NDArray[np.bool_]:
        """(rows, columns) True inside a polygon."""
        mask = np.zeros(self.height_m.shape, np.uint8)
        half = self.half_m
        pixels = [((e + half) / CELL_M - 0.5, (half - n) / CELL_M - 0.5) for e, n in ring]
        cv2.fillPoly(mask, [np.round(np.array(pixels) * 16).astype(np.int32)], 1, shift=4)
        return np.asarray(mask > 0)

    def lay(self, ring: Ring, material: str) -> NDArray[np.bool_]:
        """Give a polygon a material; where it lies."""
        inside = self.mask(ring)
        self.emissivity[inside] = _EMISSIVITY[material]
        self.sunny[inside] = _SUN_K[material]
        return inside

    def stand(self, ring: Ring, top_m: float, material: str, name: str) -> NDArray[np.bool_]:
        """A flat-topped thing, ``top_m`` above the highest ground under it; where it stands."""
        inside = self.lay(ring, material)
        if inside.any():
            self.height_m[inside] = float(self.height_m[inside].max()) + top_m
        if name:
            self.patches.append(Patch("building", name, tuple(ring)))
        return inside


def box(e: float, n: float, w: float, h: float, turn: float) -> Ring:
    """Corners of a turned rectangle."""
    c, s = math.cos(turn), math.sin(turn)
    corners = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
    return [(e + c * x - s * y, n + s * x + c * y) for x, y in corners]


def texture(rng: np.random.Generator, size: int, amplitude: float) -> Raster:
    """Smooth noise of two scales: ground is never even."""
    total = np.zeros((size, size), np.float32)
    for cells, share in ((24, 0.7), (120, 0.3)):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        total += np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32) * share
    return total * np.float32(amplitude)


def lay_out(scenario: Scenario, seed: int, plane: Plane, elevation: TerrainGrid | None = None) -> Ground:
    """Ground, streets, water, heaps, halls and trees of a scenario, not yet warmed by any sun."""
    rng = np.random.default_rng([seed, 1])
    size = int(scenario.width_m / CELL_M)
    half = scenario.width_m / 2
    ground = Ground(
        half,
        np.full((size, size), scenario.ground_amsl_m, np.float32),
        np.zeros((size, size), np.float32),
        np.full((size, size), scenario.background_c + KELVIN, np.float32),
        np.full((size, size), _EMISSIVITY["ground"], np.float32),
        np.full((size, size), _SUN_K["ground"], np.float32),
        [],
        [],
        [],
    )
    ground.kelvin += texture(rng, size, 1.2)
    ground.height_m += texture(rng, size, 0.15)
    # Grass, gravel, moss: differences of a hand's breadth, which a lens at 80 m still sees.
    fine = rng.standard_normal((size, size)).astype(np.float32)
    ground.kelvin += 0.35 * np.asarray(cv2.GaussianBlur(fine, (0, 0), 1.0), np.float32) / np.float32(0.28)
    ground.sunny *= 1.0 + 0.25 * texture(np.random.default_rng([seed, 3]), size, 1.0)
    _relief(ground, scenario, seed, plane, elevation)
    _streets(ground, harbour=scenario.water)
    if scenario.water:
        _water(ground, scenario)
    _heaps(rng, ground, scenario)
    ground.bare_m = ground.height_m.copy()
    _halls(rng, ground, scenario)
    _trees(ground, scenario, seed)
    return ground


def _relief(ground: Ground, scenario: Scenario, seed: int, plane: Plane, elevation: TerrainGrid | None) -> None:
    size = ground.height_m.shape[0]
    if elevation is not None:
        ground.height_m += _given(elevation, plane, ground.half_m, size) - np.float32(scenario.ground_amsl_m)
    elif scenario.terrain is not None and scenario.terrain.relief > 0.0:
        rng = np.random.default_rng([seed, 2])
        coarse = rng.standard_normal((7, 7)).astype(np.float32)
        hills = np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
        ground.height_m += (hills - hills.min()) * np.float32(scenario.terrain.relief / np.ptp(hills))


def _given(elevation: TerrainGrid, plane: Plane, half: float, size: int) -> Raster:
    """An elevation raster on the scene's own cells. Raises ScenarioError: another datum, or not the whole scene."""
    if elevation.datum is not Datum.SEA_LEVEL:
        raise ScenarioError(f"the elevation raster has heights of datum {elevation.datum.name}; SEA_LEVEL is needed")
    steps = np.linspace(-half, half, 33)
    east, north = np.meshgrid(steps, -steps)
    places = [plane.geo(np.array([e, n, 0.0])) for e, n in zip(east.ravel(), north.ravel(), strict=True)]
    lat, lon = (np.array([place[axis] for place in places]).reshape(east.shape) for axis in (0, 1))
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", elevation.crs, always_xy=True)
    x, y = (np.asarray(values, np.float64) for values in to_grid.transform(lon, lat))
    column = ((x - elevation.x0_m) / elevation.cell_x_m).astype(np.float32)
    row = ((elevation.y0_m - y) / elevation.cell_y_m).astype(np.float32)
    # Cells of the scene lie half a cell inside its corners: the 33 nodes are spread over all of its width.
    at = ((np.arange(size, dtype=np.float32) + 0.5) / size * 32).astype(np.float32)
    fine_u, fine_v = np.meshgrid(at, at)
    columns = np.asarray(cv2.remap(column, fine_u, fine_v, cv2.INTER_LINEAR), np.float32)
    rows = np.asarray(cv2.remap(row, fine_u, fine_v, cv2.INTER_LINEAR), np.float32)
    heights = np.asarray(elevation.heights_m, np.float32)
    high, wide = heights.shape
    outside = (columns < 0) | (rows < 0) | (columns > wide - 1) | (rows > high - 1)
    result = np.asarray(cv2.remap(heights, columns, rows, cv2.INTER_LINEAR), np.float32)
    if outside.any() or np.isnan(result).any():
        share = 100.0 * float((outside | np.isnan(result)).mean())
        raise ScenarioError(f"the elevation raster leaves {share:.0f} % of the scene without a height")
    return result


def _streets(ground: Ground, *, harbour: bool) -> None:
    half = ground.half_m
    across, along = ("Schrottinsel", "Hafenstraße") if harbour else ("Zufahrt", "Fahrweg")
    for name, ring in (
        (across, box(-0.42 * half, 0, 7.0, 1.9 * half, 0.0)),
        (along, box(0, -0.62 * half, 1.9 * half, 8.0, 0.0)),
    ):
        ground.kelvin[ground.lay(ring, "street")] += 2.0
        ground.patches.append(Patch("street", name, tuple(ring)))


def _water(ground: Ground, scenario: Scenario) -> None:
    half = ground.half_m
    basin = box(0, 0.83 * half, 2.0 * half, 0.34 * half, 0.0)
    quay = box(0, 0.64 * half, 2.0 * half, 0.05 * half, 0.0)
    wet = ground.lay(basin, "water")
    ground.height_m[wet] = scenario.ground_amsl_m - 6.0
    ground.kelvin[wet] = KELVIN + scenario.background_c + 2.5
    ground.patches.append(Patch("water", "Hafenbecken", tuple(basin)))
    ground.patches.append(Patch("quay", "Kai", tuple(quay)))


def _heaps(rng: np.random.Generator, ground: Ground, scenario: Scenario) -> None:
    size, half = ground.height_m.shape[0], ground.half_m
    axis = ((np.arange(size) + 0.5) * CELL_M - half).astype(np.float32)
    for index in range(scenario.heaps):
        e, n = rng.uniform(-0.32, 0.4) * half, rng.uniform(-0.45, 0.5) * half
        radius, top = rng.uniform(9.0, 18.0), rng.uniform(2.0, 6.0)
        across, down = (np.exp(-((axis - middle) ** 2) / (2 * (radius / 2) ** 2)) for middle in (e, -n))
        bump = np.float32(top) * (down[:, None] * across[None, :]).astype(np.float32)
        ground.height_m += bump * (1.0 + 0.08 * texture(rng, size, 1.0))
        ground.kelvin += bump * np.float32(0.25)
        turns = [k * math.pi / 6 for k in range(12)]
        ring = [(e + 0.8 * radius * math.cos(a), n + 0.8 * radius * math.sin(a)) for a in turns]
        ground.lay(ring, "heap")
        ground.heaps.append((float(e), float(n)))
        ground.patches.append(Patch("heap", f"Halde {index + 1}", tuple(ring)))


def _halls(rng: np.random.Generator, ground: Ground, scenario: Scenario) -> None:
    half = ground.half_m
    for index in range(scenario.halls):
        # Five in a row, the next row behind it.
        e = (-0.36 + 0.27 * (index % 4)) * half + rng.uniform(-3, 3)
        n = (-0.25 if index % 2 else 0.25) * half * (1 + 0.45 * (index // 4)) + rng.uniform(-4, 4)
        w, d, top = rng.uniform(20, 32), rng.uniform(14, 22), rng.uniform(7.0, 12.0)
        ring = box(e, n, w, d, rng.uniform(-0.15, 0.15))
        inside = ground.stand(ring, top, "roof", f"Halle {index + 1}")
        ground.kelvin[inside] = KELVIN + scenario.background_c - 3.0 + rng.uniform(-1, 2)
        ground.roofs.append((float(e), float(n)))


def _trees(ground: Ground, scenario: Scenario, seed: int) -> None:
    if scenario.terrain is None or scenario.terrain.trees <= 0.0:
        return
    rng = np.random.default_rng([seed, 4])
    half, cell = ground.half_m, CELL_M
    taken = ground.emissivity != np.float32(_EMISSIVITY["ground"])
    home = (-scenario.survey_m[0] / 2 - 12.0, -scenario.survey_m[1] / 2 - 8.0)
    air = scenario.background_c + KELVIN
    for _ in range(round(scenario.terrain.trees * (2 * half) ** 2 / 1e4)):
        e, n = (float(value) for value in rng.uniform(-half + 6, half - 6, 2))
        crown, top = float(rng.uniform(1.6, 3.6)), float(rng.uniform(7.0, 18.0))
        warm = float(rng.uniform(-0.8, 0.4))
        reach = int(crown / cell) + 1
        column, row = int((e + half) / cell), int((half - n) / cell)
        window = slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1)
        if math.hypot(e - home[0], n - home[1]) < _TREE_FREE_M or taken[window].any():
            continue
        axis = (np.arange(-reach, reach + 1) * cell).astype(np.float32)
        share = 1.0 - (axis[:, None] ** 2 + axis[None, :] ** 2) / np.float32(crown**2)
        inside = share > 0.0
        base = float(ground.height_m[row, column])
        dome = np.float32(base + 0.4 * top) + np.float32(0.6 * top) * np.sqrt(np.maximum(share, 0.0))
        higher = inside & (dome > ground.height_m[window])
        ground.height_m[window][higher] = dome[higher]
        ground.kelvin[window][higher] = air + warm
        ground.emissivity[window][higher] = _EMISSIVITY["tree"]
        ground.sunny[window][higher] = _SUN_K["tree"]


def towards_sun(sun: Sun) -> tuple[float, float, float]:
    """East, north, up of the direction of the sun, length 1."""
    high, turn = math.radians(sun.elevation_deg), math.radians(sun.azimuth_deg)
    return math.cos(high) * math.sin(turn), math.cos(high) * math.cos(turn), math.sin(high)


def warm_by_sun(ground: Ground, sun: Sun) -> None:
    """What lies in the sun gets warmer, by its angle and its material."""
    e, n, up = towards_sun(sun)
    slope_n, slope_e = np.gradient(ground.height_m, CELL_M)
    # Rows run south: the gradient along them is the one to the north with its sign turned.
    facing = (up - slope_e * e + slope_n * n) / np.sqrt(1 + slope_e**2 + slope_n**2)
    lit = np.clip(facing, 0.0, 1.0) * ~_shaded(ground.height_m, (e, n, up))
    ground.kelvin += (ground.sunny * sun.clear * ((1 - _DIFFUSE) * lit + _DIFFUSE * up)).astype(np.float32)


def _shaded(height: Raster, to_sun: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Where something nearer to the sun stands in its light."""
    e, n, up = to_sun
    flat = math.hypot(e, n)
    shaded = np.zeros(height.shape, np.bool_)
    if flat < 1e-6:
        return shaded
    rise = up / flat
    steps = min(_SHADOW_STEPS, int(float(np.ptp(height)) / rise / CELL_M) + 1)
    size = (height.shape[1], height.shape[0])
    for step in range(1, steps + 1):
        shift = np.array([[1.0, 0.0, step * e / flat], [0.0, 1.0, -step * n / flat]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        nearer = cv2.warpAffine(height, shift, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        shaded |= np.asarray(nearer) > height + np.float32(0.15 + step * CELL_M * rise)
    return shaded
