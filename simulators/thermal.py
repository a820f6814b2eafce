"""A long-wave camera over a scene: the band radiance that 640×512 pixels see, at a time.

The ground by marching (`march`) on a coarse grid of every 8th pixel, the rest by interpolation. Every cell of it sends
ε B(T) + (1 - ε) of the sky it mirrors (`radiance`, `air`). Fires and things exactly (`figures`, `outlines`), mixed by
**area-weighted radiance**, so that a fire smaller than a pixel reads too cold, as it does in reality; before them the
sun in mirrors (`glint`), after them smoke, the air between, and the blur of the lens. What the sensor makes of it is in
`sensor`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile
from simulators import glint
from simulators.figures import Figures
from simulators.fire import Scene
from simulators.march import FARTHEST_M, GRAZING, Marcher
from simulators.outlines import Eye, InView, Lens, wrapped_noise
from simulators.radiance import KELVIN, Floats, Raster, band_radiance, kelvin_of, per_kelvin
from simulators.sensor import KELVIN_PER_COUNT, SATURATED_C, SATURATED_COUNT, Counts, Sensor
from simulators.smoke import puffs, through

__all__ = [
    "KELVIN_PER_COUNT",
    "PROFILE",
    "SATURATED_C",
    "SATURATED_COUNT",
    "Counts",
    "Eye",
    "InView",
    "Renderer",
    "Sensor",
    "kelvin_of",
]

_STEP = 8
_BLUR_PX = 0.6
# What the sky sends where nothing is known of the air.
_BARE_SKY_K = KELVIN - 30.0

PROFILE = CameraProfile(
    name="sim-lwir-640",
    width=640,
    height=512,
    fx=1125.0,
    fy=1125.0,
    cx=319.5,
    cy=255.5,
    k1=-0.05,
    k2=0.01,
    mount="gimbal",
    band="thermal",
    time_offset_sigma_s=0.01,
    boresight_sigma_deg=0.4,
    boresight_yaw_sigma_deg=0.8,
    scale_sigma=0.003,
    pixel_sigma_px=0.7,
)
"""A 13.5 mm lens before 12 µm pixels: 7 cm per pixel from 80 m."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture: (h, w) float32 W/(m² sr), the fires and persons in it, and the ground that it shows.

    ``ground_en``: (N, 2) east, north of the places that every 8th pixel sees, without the sky.
    """

    radiance: Raster
    in_view: tuple[InView, ...]
    ground_en: Floats


class Renderer:
    """Pictures of one scene through one lens, without the sensor's own faults."""

    def __init__(self, scene: Scene, profile: CameraProfile = PROFILE) -> None:
        self.scene, self.profile = scene, profile
        self._lens = Lens(profile)
        # A coarse cell stands for the 8 pixels around its middle; one more on each side is cut off again.
        high, wide = (math.ceil(side / _STEP) + 2 for side in (profile.height, profile.width))
        self._columns = (np.arange(wide, dtype=np.float64) - 1) * _STEP + (_STEP - 1) / 2
        self._rows = (np.arange(high, dtype=np.float64) - 1) * _STEP + (_STEP - 1) / 2
        self._rays = self._lens.directions(self._columns, self._rows)
        self._lengths = np.linalg.norm(self._rays, axis=-1)
        self._marcher = Marcher(scene)
        self._figures = Figures(scene, self._lens, self._marcher)
        sky = 0.0 if scene.air is None else scene.air.diffuse_sky
        emitted = band_radiance(scene.kelvin)
        self._leaving = emitted if scene.air is None else _leaving(emitted, scene.emissivity, sky)
        self._beyond = float(np.median(self._leaving))
        rng = np.random.default_rng(21)
        self._tile = np.pad(wrapped_noise(rng, 256, 1.5).astype(np.float32), (0, 1), mode="wrap")

    def render(self, eye: Eye, at_s: float = 0.0) -> tuple[Raster, tuple[InView, ...]]:
        """(h, w) float32 W/(m² sr) in the band at a time, and the fires and persons that are in it."""
        look = self.look(eye, at_s)
        return look.radiance, look.in_view

    def look(self, eye: Eye, at_s: float = 0.0) -> Look:
        """What the lens shows from a place at a time."""
        directions = self._rays @ eye.enu_from_camera.T
        lengths = self._marcher.meet(eye.enu, directions)
        sky = ~np.isfinite(lengths)
        metres = np.where(sky, FARTHEST_M, np.minimum(lengths * self._lengths, FARTHEST_M))
        points = eye.enu + (metres / self._lengths)[..., None] * directions
        half = self.scene.half_m
        east, north = self._fine(points[..., 0]), self._fine(points[..., 1])
        picture = self.scene.sample(self._leaving, east, north)
        if sky.any() or np.abs(points[..., :2]).max() > half - 1.0:
            self._outside(picture, east, north, self._fine(metres))
        if sky.any():
            sine = directions[..., 2] / self._lengths
            self._sky(picture, self._fine(sine))
        self._glints(picture, eye, at_s, points, east, north)
        in_view = self._figures.draw(picture, eye, at_s, east, north, self._fine(metres))
        self._through_air(picture, eye, at_s, metres, sky)
        blurred = cv2.GaussianBlur(picture, (3, 3), _BLUR_PX, borderType=cv2.BORDER_REPLICATE)
        inner = slice(1, -1), slice(1, -1)  # the cells at the rim lie outside of the picture
        return Look(np.asarray(blurred, np.float32), in_view, points[inner][~sky[inner]][:, :2])

    def _fine(self, coarse: Floats) -> Raster:
        """(h, w) of a coarse grid, bilinear."""
        size = (coarse.shape[1] * _STEP, coarse.shape[0] * _STEP)
        whole = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(whole[_STEP : _STEP + self.profile.height, _STEP : _STEP + self.profile.width])

    def _outside(self, picture: Raster, east: Raster, north: Raster, metres: Raster) -> None:
        """Beyond the scene: a plain of its middle temperature whose unevenness is lost with distance."""
        half = np.float32(self.scene.half_m - 0.5)
        outside = (np.abs(east) > half) | (np.abs(north) > half)
        u, v = (np.mod(axis * np.float32(0.4), np.float32(256.0)) for axis in (east, north))
        rough = np.asarray(cv2.remap(self._tile, u, v, cv2.INTER_LINEAR), np.float32)
        rough *= np.float32(5.0 * per_kelvin(280.0)) * np.minimum(1.0, np.float32(150.0) / np.maximum(metres, 1.0))
        picture[outside] = (np.float32(self._beyond) + rough)[outside]

    def _sky(self, picture: Raster, sine: Raster) -> None:
        above = sine >= -GRAZING
        air = self.scene.air
        if air is None:
            picture[above] = band_radiance(_BARE_SKY_K)
        else:
            picture[above] = air.sky(np.maximum(sine[above], 0.0))

    def _glints(self, picture: Raster, eye: Eye, at_s: float, points: Floats, east: Raster, north: Raster) -> None:
        """The sun in every mirror that is in view; what hides a mirror has another place, so it hides its glint."""
        scene = self.scene
        if scene.to_sun is None or scene.scenario.sun is None:
            return
        coarse_east, coarse_north = (np.ascontiguousarray(points[..., axis], np.float32) for axis in (0, 1))
        for mirror in scene.mirrors:
            within = glint.inside(mirror, coarse_east, coarse_north)
            if not within.any():
                continue
            x, y, w, h = cv2.boundingRect(cv2.dilate(within.astype(np.uint8), np.ones((3, 3), np.uint8)))
            near = slice(y, y + h), slice(x, x + w)
            # On open water most of it is dark: the coarse grid says so first.
            lobe = glint.mirrored(mirror, scene.to_sun, eye.enu, coarse_east[near], coarse_north[near])
            if not glint.worth_drawing(lobe):
                continue
            top, left = max(0, (y - 1) * _STEP), max(0, (x - 1) * _STEP)
            window = slice(top, max(top, (y - 1 + h) * _STEP)), slice(left, max(left, (x - 1 + w) * _STEP))
            e, n = east[window], north[window]
            if e.size == 0:
                continue
            light = glint.mirrored(mirror, scene.to_sun, eye.enu, e, n) * np.float32(scene.scenario.sun.clear)
            if mirror.wet:
                light = light * self._sparkle(e, n, at_s)
            picture[window] += light * glint.inside(mirror, e, n)

    def _sparkle(self, east: Raster, north: Raster, at_s: float) -> Raster:
        """Waves that turn to the sun and away again: a factor of mean 1."""
        moment = math.floor(at_s * 10.0 + 0.5)
        u = np.mod(east * np.float32(3.0) + np.float32(moment * 37 % 251), np.float32(256.0))
        v = np.mod(north * np.float32(3.0) + np.float32(moment * 91 % 253), np.float32(256.0))
        rough = np.asarray(cv2.remap(self._tile, u, v, cv2.INTER_LINEAR), np.float32)
        # The tile's deviation is 0.19: a lognormal of mean 1.
        return np.asarray(np.exp(np.float32(5.0) * rough - np.float32(0.45)), np.float32)

    def _through_air(self, picture: Raster, eye: Eye, at_s: float, metres: Floats, sky: NDArray[np.bool_]) -> None:
        air = self.scene.air
        if air is None:
            return
        through_air = np.where(sky, 1.0, air.transmission(metres))
        added = (1.0 - through_air) * air.radiance
        plume = self._smoke(eye, at_s)
        if plume is not None:
            depth, extra = plume
            clear = np.exp(-depth)
            added += through_air * (1.0 - clear) * (air.radiance + extra / np.maximum(depth, 1e-6))
            through_air = through_air * clear
        picture *= self._fine(through_air)
        picture += self._fine(added)

    def _smoke(self, eye: Eye, at_s: float) -> tuple[Floats, Floats] | None:
        scene = self.scene
        if scene.scenario.smoke is None or scene.air is None:
            return None
        wind = scene.scenario.wind_m_s
        seen = puffs(scene.scenario.smoke, scene.fires, wind, scene.downwind_rad, at_s)
        if seen is None:
            return None
        uv, deep, fits = self._lens.pixels_of(seen.enu, eye)
        if not fits.any():
            return None
        sigma = np.maximum(seen.sigma_m * self.profile.fx / np.maximum(deep, 1.0), _STEP / 2)
        faint = replace(seen, depth=np.where(fits, seen.depth, 0.0))
        return through(faint, uv, sigma, self._columns, self._rows, per_kelvin(scene.air.kelvin))


def _leaving(emitted: Raster, emissivity: Raster, sky: float) -> Raster:
    """What a rough surface sends: its own, and the sky that it mirrors."""
    return emissivity * emitted + (np.float32(1.0) - emissivity) * np.float32(sky)
