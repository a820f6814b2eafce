"""The scene of an incident: ground, water, halls, heaps; fires, and warm things that are none.

Built in east-north metres around the scenario's origin. ``height_m`` and ``kelvin`` are rasters of CELL_M, row 0 in
the north; fires are exact discs on top of the surface, because a 0.5 m raster would smear them. ``elevation`` hands
the surface out as the ground side's terrain file has it: EPSG:25832, heights above sea level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyproj
from numpy.typing import NDArray

from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from simulators.geodesy import Plane
from simulators.scenario import Scenario, ScenarioError

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

CELL_M = 0.5
KELVIN = 273.15
_APART_M = 9.0
# A fire is a level disc: not across the edge of a roof or on a slope steeper than this (rise over its radius).
_STEEP = 0.8


@dataclass(frozen=True, slots=True)
class Fire:
    """A burning disc: east, north (m), height above sea level, radius, temperature."""

    number: int
    east_m: float
    north_m: float
    height_amsl_m: float
    radius_m: float
    kelvin: float
    on_roof: bool


@dataclass(frozen=True, slots=True)
class Patch:
    """A named polygon of the map: ``kind`` water quay building street heap; ring of (east, north) metres."""

    kind: str
    name: str
    ring: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The world without the drone."""

    scenario: Scenario
    plane: Plane
    height_m: Raster
    kelvin: Raster
    fires: tuple[Fire, ...]
    patches: tuple[Patch, ...]

    @property
    def half_m(self) -> float:
        """Half the width of the scene, metres."""
        return float(self.height_m.shape[0] * CELL_M / 2)

    def sample(self, raster: Raster, east: Raster, north: Raster) -> Raster:
        """Bilinear values of a raster at east/north (any 2-D shape), metres; the border is repeated."""
        column = (east + np.float32(self.half_m)) / np.float32(CELL_M) - np.float32(0.5)
        row = (np.float32(self.half_m) - north) / np.float32(CELL_M) - np.float32(0.5)
        return np.asarray(cv2.remap(raster, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)

    def height_at(self, east_m: float, north_m: float) -> float:
        """Surface height above sea level at one place."""
        east, north = np.full((1, 1), east_m, np.float32), np.full((1, 1), north_m, np.float32)
        return float(self.sample(self.height_m, east, north)[0, 0])

    def step_m(self, east_m: float, north_m: float, radius_m: float) -> float:
        """How uneven the surface is under a disc, metres from its lowest to its highest place."""
        turns = np.linspace(0, 2 * math.pi, 17)
        east = (east_m + radius_m * np.cos(turns)).astype(np.float32)[None]
        north = (north_m + radius_m * np.sin(turns)).astype(np.float32)[None]
        return float(np.ptp(self.sample(self.height_m, east, north)))

    def elevation(self, cell_m: float = 0.5) -> TerrainGrid:
        """The surface as a terrain file would hold it."""
        to_grid = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:25832", always_xy=True)
        x0, y0 = to_grid.transform(self.plane.lon_deg, self.plane.lat_deg)
        half = self.half_m - 10.0  # the grid is turned by the convergence: its corners would stick out
        steps = np.arange(-half, half + 1e-6, cell_m)
        x, y = np.meshgrid(x0 + steps, y0 - steps)
        lon, lat = to_grid.transform(x, y, direction="INVERSE")
        enu = self.plane.enu(lat, lon, np.full(lat.shape, self.plane.alt_m))
        heights = self.sample(self.height_m, enu[..., 0].astype(np.float32), enu[..., 1].astype(np.float32))
        return TerrainGrid(heights, "EPSG:25832", float(x[0, 0]), float(y[0, 0]), cell_m, cell_m, Datum.SEA_LEVEL, 0.5)

    def place(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Latitude, longitude of a place on the plane."""
        lat, lon, _ = self.plane.geo(np.array([east_m, north_m, 0.0]))
        return lat, lon

    def survey_area(self) -> list[tuple[float, float]]:
        """(lat, lon) corners of the area that shall be searched."""
        w, h = (side / 2 for side in self.scenario.survey_m)
        return [self.place(e, n) for e, n in ((-w, -h), (w, -h), (w, h), (-w, h))]

    def basemap(self) -> dict[str, Any]:
        """The scene as GeoJSON polygons with ``kind`` and ``name``, for a map without tiles."""
        features = []
        for patch in self.patches:
            ring = [list(reversed(self.place(*corner))) for corner in (*patch.ring, patch.ring[0])]
            features.append(
                {
                    "type": "Feature",
                    "properties": {"kind": patch.kind, "name": patch.name},
                    "geometry": {"type": "Polygon", "coordinates": [[[round(c, 7) for c in p] for p in ring]]},
                }
            )
        return {"type": "FeatureCollection", "features": features}


def build(scenario: Scenario, seed: int) -> Scene:
    """The scene of a scenario; the same seed gives the same scene, bit for bit."""
    rng = np.random.default_rng([seed, 1])
    size = int(scenario.width_m / CELL_M)
    half = scenario.width_m / 2
    height = np.full((size, size), scenario.ground_amsl_m, np.float32)
    kelvin = np.full((size, size), scenario.background_c + KELVIN, np.float32)
    kelvin += _texture(rng, size, 1.2)
    height += _texture(rng, size, 0.15)
    patches: list[Patch] = []
    _streets(patches, kelvin, half)
    if scenario.water:
        _water(patches, height, kelvin, half, scenario)
    _heaps(rng, patches, height, kelvin, scenario, half)
    roofs = _halls(rng, patches, height, kelvin, scenario, half)
    plane = Plane(scenario.lat_deg, scenario.lon_deg, scenario.ground_amsl_m)
    _friends(rng, kelvin, scenario, half)
    bare = Scene(scenario, plane, height, kelvin, (), tuple(patches))
    return Scene(scenario, plane, height, kelvin, _fires(rng, bare, roofs), tuple(patches))


def _texture(rng: np.random.Generator, size: int, amplitude: float) -> Raster:
    """Smooth noise of two scales: ground is never even."""
    total = np.zeros((size, size), np.float32)
    for cells, share in ((24, 0.7), (120, 0.3)):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        total += np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32) * share
    return total * np.float32(amplitude)


def _fill(raster: Raster, ring: list[tuple[float, float]], half: float) -> NDArray[np.uint8]:
    """Mask of a polygon in the raster."""
    mask = np.zeros(raster.shape, np.uint8)
    pixels = [((e + half) / CELL_M - 0.5, (half - n) / CELL_M - 0.5) for e, n in ring]
    cv2.fillPoly(mask, [np.round(np.array(pixels) * 16).astype(np.int32)], 1, shift=4)
    return mask


def _box(e: float, n: float, w: float, h: float, turn: float) -> list[tuple[float, float]]:
    c, s = math.cos(turn), math.sin(turn)
    corners = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
    return [(e + c * x - s * y, n + s * x + c * y) for x, y in corners]


def _streets(patches: list[Patch], kelvin: Raster, half: float) -> None:
    for name, ring in (
        ("Schrottinsel", _box(-0.42 * half, 0, 7.0, 1.9 * half, 0.0)),
        ("Hafenstraße", _box(0, -0.62 * half, 1.9 * half, 8.0, 0.0)),
    ):
        kelvin[_fill(kelvin, ring, half) > 0] += 2.0
        patches.append(Patch("street", name, tuple(ring)))


def _water(patches: list[Patch], height: Raster, kelvin: Raster, half: float, scenario: Scenario) -> None:
    basin = _box(0, 0.83 * half, 2.0 * half, 0.34 * half, 0.0)
    quay = _box(0, 0.64 * half, 2.0 * half, 0.05 * half, 0.0)
    wet = _fill(kelvin, basin, half) > 0
    height[wet] = scenario.ground_amsl_m - 6.0
    kelvin[wet] = KELVIN + scenario.background_c + 2.5
    patches.append(Patch("water", "Hafenbecken", tuple(basin)))
    patches.append(Patch("quay", "Kai", tuple(quay)))


def _heaps(
    rng: np.random.Generator, patches: list[Patch], height: Raster, kelvin: Raster, scenario: Scenario, half: float
) -> None:
    size = height.shape[0]
    axis = (np.arange(size) + 0.5) * CELL_M - half
    east, north = np.meshgrid(axis, -axis)
    for index in range(scenario.heaps):
        e, n = rng.uniform(-0.32, 0.4) * half, rng.uniform(-0.45, 0.5) * half
        radius, top = rng.uniform(9.0, 18.0), rng.uniform(2.0, 6.0)
        bump = top * np.exp(-(((east - e) ** 2 + (north - n) ** 2) / (2 * (radius / 2) ** 2)))
        rough = 1.0 + 0.08 * _texture(rng, size, 1.0)
        height += (bump * rough).astype(np.float32)
        kelvin += (bump * 0.25).astype(np.float32)
        turns = [k * math.pi / 6 for k in range(12)]
        ring = tuple((e + 0.8 * radius * math.cos(a), n + 0.8 * radius * math.sin(a)) for a in turns)
        patches.append(Patch("heap", f"Halde {index + 1}", ring))


def _halls(
    rng: np.random.Generator, patches: list[Patch], height: Raster, kelvin: Raster, scenario: Scenario, half: float
) -> list[tuple[float, float]]:
    roofs = []
    for index in range(scenario.halls):
        e = (-0.36 + 0.27 * index) * half + rng.uniform(-3, 3)
        n = (-0.25 if index % 2 else 0.25) * half + rng.uniform(-4, 4)
        w, d, top = rng.uniform(20, 32), rng.uniform(14, 22), rng.uniform(7.0, 12.0)
        ring = _box(e, n, w, d, rng.uniform(-0.15, 0.15))
        inside = _fill(height, ring, half) > 0
        height[inside] = scenario.ground_amsl_m + top
        kelvin[inside] = KELVIN + scenario.background_c - 4.0 + rng.uniform(-1, 2)
        patches.append(Patch("building", f"Halle {index + 1}", tuple(ring)))
        roofs.append((e, n))
    return roofs


def _friends(rng: np.random.Generator, kelvin: Raster, scenario: Scenario, half: float) -> None:
    """Warm things that are no fire: engines, a vent, a chimney. Warmer than the ground, colder than a hotspot."""
    for _ in range(scenario.friends):
        e, n = rng.uniform(-0.4, 0.4) * half, rng.uniform(-0.4, 0.4) * half
        ring = _box(e, n, rng.uniform(1.0, 3.0), rng.uniform(1.0, 2.0), rng.uniform(0, 3))
        kelvin[_fill(kelvin, ring, half) > 0] += rng.uniform(6.0, 16.0)


def _fires(rng: np.random.Generator, scene: Scene, roofs: list[tuple[float, float]]) -> tuple[Fire, ...]:
    scenario = scene.scenario
    w, h = (side / 2 - 6.0 for side in scenario.survey_m)
    fires: list[Fire] = []
    low, high = (math.log(radius) for radius in scenario.fire_radius_m)
    for number in range(1, scenario.fires + 1):
        on_roof = number <= scenario.roof_fires and bool(roofs)
        radius = math.exp(rng.uniform(low, high))
        for _ in range(500):
            if on_roof:
                e0, n0 = roofs[int(rng.integers(len(roofs)))]
                e, n = e0 + rng.uniform(-5, 5), n0 + rng.uniform(-3, 3)
            else:
                e, n = rng.uniform(-w, w), rng.uniform(-h, h)
            apart = all(math.hypot(e - f.east_m, n - f.north_m) > _APART_M + f.radius_m for f in fires)
            if apart and scene.step_m(e, n, radius) < _STEEP * radius:
                break
        else:
            raise ScenarioError(f"scenario {scenario.name!r}: {scenario.fires} fires do not fit into its survey_m")
        kelvin = KELVIN + rng.uniform(*scenario.fire_c)
        fires.append(Fire(number, e, n, scene.height_at(e, n), radius, kelvin, on_roof))
    return tuple(fires)
