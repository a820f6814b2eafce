"""The scene of an incident: ground, water, halls, heaps; fires, and warm things that are none.

Built in east-north metres around the scenario's origin. ``height_m``, ``kelvin`` and ``emissivity`` are rasters of
CELL_M, row 0 in the north (`ground`); fires (`burning`) and things (`friends`) are exact outlines on top of the
surface, because a 0.5 m raster would smear them. ``elevation`` hands the surface out as the ground side's terrain file
has it: EPSG:25832, heights above sea level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pyproj

from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from simulators.air import Air
from simulators.burning import Fire, Site, ignite
from simulators.friends import Mirror, Thing, put, stand_up
from simulators.geodesy import Plane
from simulators.ground import CELL_M, Ground, Patch, box, lay_out, towards_sun, warm_by_sun
from simulators.radiance import KELVIN, Floats, Raster
from simulators.scenario import Scenario
from simulators.scenery import Atmosphere

__all__ = ["CELL_M", "KELVIN", "Fire", "Floats", "Patch", "Raster", "Scene", "build"]

# Water that mirrors: rms slope by Cox and Munk (1954), 0.003 + 0.00512 a m/s of wind, a sixth of it in a harbour.
_SHELTER = 6.0
_WATER_REFLECTANCE = 0.011


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The world without the drone. ``bare_m``: heights without halls and trees.

    ``air`` None: nothing between scene and lens, and no sky that is mirrored.
    """

    scenario: Scenario
    plane: Plane
    height_m: Raster
    kelvin: Raster
    fires: tuple[Fire, ...]
    patches: tuple[Patch, ...]
    emissivity: Raster
    bare_m: Raster
    air: Air | None = None
    things: tuple[Thing, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    to_sun: tuple[float, float, float] | None = None
    downwind_rad: float = 0.0

    @property
    def half_m(self) -> float:
        """Half the width of the scene, metres."""
        return float(self.height_m.shape[0] * CELL_M / 2)

    def sample(self, raster: Raster, east: Raster, north: Raster) -> Raster:
        """Bilinear values of a raster, (rows, columns) or several in (rows, columns, layers), at east/north (any 2-D
        shape), metres; the border is repeated."""
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


def build(scenario: Scenario, seed: int, elevation: TerrainGrid | None = None) -> Scene:
    """The scene of a scenario; the same seed gives the same scene, bit for bit.

    ``elevation``: heights above sea level that the scene stands on instead of the scenario's; only its data is taken.
    Raises ScenarioError when it does not reach as far as the scene, or the fires find no room.
    """
    if elevation is None:
        elevation = scenario.elevation
    plane = Plane(scenario.lat_deg, scenario.lon_deg, scenario.ground_amsl_m)
    ground = lay_out(scenario, seed, plane, elevation)
    mouths = stand_up(seed, ground, scenario)
    if scenario.sun is not None:
        warm_by_sun(ground, scenario.sun)
    _warm_spots(np.random.default_rng([seed, 14]), ground, scenario)
    wind = np.random.default_rng([seed, 15]).uniform(0, 2 * math.pi)
    if scenario.smoke is not None and scenario.smoke.to_deg is not None:
        wind = math.radians(scenario.smoke.to_deg)
    told = scenario.atmosphere or Atmosphere()
    air_c = scenario.background_c if told.air_c is None else told.air_c
    air = Air(KELVIN + air_c, told.humidity, told.visibility_km)
    bare = Scene(
        scenario, plane, ground.height_m, ground.kelvin, (), tuple(ground.patches), ground.emissivity, ground.bare_m,
        air, to_sun=None if scenario.sun is None else towards_sun(scenario.sun), downwind_rad=float(wind),
    )  # fmt: skip
    fires = ignite(seed, scenario, _site(bare, ground))
    things, mirrors = put(seed, ground, scenario, fires, mouths, len(fires) + 1)
    return replace(bare, fires=fires, things=things, mirrors=(*mirrors, *_waters(bare)))


def _site(scene: Scene, ground: Ground) -> Site:
    wet = [ground.mask(list(patch.ring)) for patch in scene.patches if patch.kind == "water"]
    half, size = scene.half_m, scene.height_m.shape[0]

    def bare_at(e: float, n: float) -> float:
        east, north = np.full((1, 1), e, np.float32), np.full((1, 1), n, np.float32)
        return float(scene.sample(scene.bare_m, east, north)[0, 0])

    def is_wet(e: float, n: float) -> bool:
        row, column = (int(np.clip((half + v) / CELL_M, 0, size - 1)) for v in (-n, e))
        return any(bool(mask[row, column]) for mask in wet)

    assert scene.air is not None
    return Site(
        scene.height_at, bare_at, scene.step_m, is_wet, tuple(ground.roofs), tuple(ground.heaps), scene.downwind_rad,
        scene.air.kelvin,
    )  # fmt: skip


def _waters(scene: Scene) -> list[Mirror]:
    """Water as a mirror: level, rough by the wind."""
    waters = []
    slope = math.sqrt((0.003 + 0.00512 * scene.scenario.wind_m_s) / _SHELTER)
    for patch in scene.patches:
        if patch.kind != "water":
            continue
        ring = np.array(patch.ring)
        (e, n), (w, d) = ring.mean(axis=0), np.ptp(ring, axis=0)
        up = scene.height_at(float(e), float(n))
        waters.append(
            Mirror(float(e), float(n), up, (float(w), float(d)), 0.0, (0.0, 0.0, 1.0), _WATER_REFLECTANCE, slope, True)
        )
    return waters


def _warm_spots(rng: np.random.Generator, ground: Ground, scenario: Scenario) -> None:
    """Warm things that are no fire: engines, a vent, a chimney. Warmer than the ground, colder than a hotspot."""
    for _ in range(scenario.friends):
        e, n = rng.uniform(-0.4, 0.4) * ground.half_m, rng.uniform(-0.4, 0.4) * ground.half_m
        ring = box(e, n, rng.uniform(1.0, 3.0), rng.uniform(1.0, 2.0), rng.uniform(0, 3))
        ground.kelvin[ground.mask(ring)] += rng.uniform(6.0, 16.0)
