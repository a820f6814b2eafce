"""A long-wave camera over a scene: what 640×512 pixels see, as 16-bit counts.

The ground by marching: rays on a coarse grid of every 8th pixel go down through the height raster until they are under
it (the first crossing counts, so roofs hide what is behind them), the rest by interpolation. Fires exactly: each disc
is projected by ``cv2.projectPoints``, drawn at four times the resolution and mixed by **area-weighted radiance**
(Planck at 10 µm), so that a fire smaller than a pixel reads too cold, as it does in reality.

Then the sensor: point spread, NETD, fixed pattern, vignetting, a slow drift, and every minute a flat-field event: the
shutter closes, the picture freezes, and comes back with another level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile
from simulators.fire import KELVIN, Fire, Raster, Scene
from simulators.geodesy import Floats

Counts = NDArray[np.uint16]

KELVIN_PER_COUNT = 0.02
SATURATED_C = 550.0
SATURATED_COUNT = round((SATURATED_C + KELVIN) / KELVIN_PER_COUNT)
_STEP = 8
_MARCH_M = 0.5
_FINE = 4
# Second radiation constant over 10 µm: the exponent of Planck's law in the middle of the band, kelvin.
_C2_K = 14_388.0 / 10.0
_NETD_K = 0.06
_FIXED_PATTERN_K = 0.04
_VIGNETTE_K = 0.35
_FFC_EVERY_S = 60.0
_FFC_LASTS_S = 0.45

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
class Eye:
    """Where the lens is, east-north-up metres (up = above sea level), and (3, 3) ENU from camera axes."""

    enu: Floats
    enu_from_camera: Floats


@dataclass(frozen=True, slots=True)
class InView:
    """A fire in a frame: its number, centre pixel, diameter in pixels; unoccluded and wholly inside the frame."""

    number: int
    u: float
    v: float
    diameter_px: float


def _radiance(kelvin: Raster | float) -> Raster:
    return np.asarray(1.0 / np.expm1(_C2_K / np.asarray(kelvin, np.float64)), np.float32)


def _temperature(radiance: Raster) -> Raster:
    return np.asarray(_C2_K / np.log1p(1.0 / radiance.astype(np.float64)), np.float32)


class Renderer:
    """Pictures of one scene through one lens, without the sensor's own faults."""

    def __init__(self, scene: Scene, profile: CameraProfile = PROFILE) -> None:
        self.scene, self.profile = scene, profile
        self._k = np.array([[profile.fx, 0, profile.cx], [0, profile.fy, profile.cy], [0, 0, 1.0]])
        self._d = np.array([profile.k1, profile.k2, profile.p1, profile.p2, profile.k3])
        columns = np.arange(0, profile.width + _STEP, _STEP, dtype=np.float64)
        rows = np.arange(0, profile.height + _STEP, _STEP, dtype=np.float64)
        uv = np.stack(np.meshgrid(columns, rows), axis=-1)
        plane = cv2.undistortPoints(uv.reshape(-1, 1, 2), self._k, self._d).reshape(*uv.shape)
        self._rays = np.concatenate([plane, np.ones((*plane.shape[:2], 1))], axis=-1)
        us, vs = np.meshgrid(np.arange(profile.width), np.arange(profile.height))
        self._map_u = (us / _STEP).astype(np.float32)
        self._map_v = (vs / _STEP).astype(np.float32)
        self._low = float(scene.height_m.min())
        self._high = float(scene.height_m.max())

    def render(self, eye: Eye) -> tuple[Raster, tuple[InView, ...]]:
        """(h, w) float32 kelvin, and the fires that are in it."""
        east, north, hit = self._ground(eye)
        kelvin = self.scene.sample(self.scene.kelvin, east, north)
        if not hit.all():
            kelvin[~hit] = np.float32(KELVIN - 30.0)  # the night sky, or beyond the end of the world
        seen = []
        for fire in self.scene.fires:
            view = self._draw(kelvin, fire, eye)
            if view is not None:
                seen.append(view)
        return kelvin, tuple(seen)

    def _ground(self, eye: Eye) -> tuple[Raster, Raster, NDArray[np.bool_]]:
        """East, north of every pixel's ground point, and whether there is one."""
        directions = self._rays @ eye.enu_from_camera.T
        down = np.where(directions[..., 2] < -0.05, directions[..., 2], np.nan)
        start = (self._high + 0.1 - eye.enu[2]) / down
        end = (self._low - 0.1 - eye.enu[2]) / down
        steps = max(2, math.ceil((self._high - self._low + 0.2) / _MARCH_M) + 1)
        found = np.where(np.isnan(down), np.nan, end)
        done = np.isnan(down)
        before, before_gap = start, np.full(start.shape, 1.0)
        for index in range(steps):
            t = start + (end - start) * (index / (steps - 1))
            points = eye.enu + t[..., None] * directions
            ground = self.scene.sample(
                self.scene.height_m, points[..., 0].astype(np.float32), points[..., 1].astype(np.float32)
            )
            gap = points[..., 2] - ground
            crossed = ~done & (gap <= 0)
            share = before_gap / np.maximum(before_gap - gap, 1e-9)
            found[crossed] = (before + (t - before) * share)[crossed]
            done |= crossed
            if done.all():
                break
            before, before_gap = t, gap
        points = np.nan_to_num(eye.enu + found[..., None] * directions).astype(np.float32)
        east, north = self._fine(points[..., 0]), self._fine(points[..., 1])
        half = np.float32(self.scene.half_m)
        inside = (np.abs(east) < half) & (np.abs(north) < half)
        return east, north, inside & (self._fine(np.isfinite(found).astype(np.float32)) > 0.99)

    def _fine(self, coarse: NDArray[np.float32]) -> Raster:
        source = np.ascontiguousarray(coarse)
        return np.asarray(cv2.remap(source, self._map_u, self._map_v, cv2.INTER_LINEAR), np.float32)

    def _project(self, points: Floats, eye: Eye) -> Floats | None:
        """(N, 3) ENU → (N, 2) px, or None when one is not in front of the lens."""
        camera = (points - eye.enu) @ eye.enu_from_camera
        if (camera[:, 2] < 1.0).any() or (np.abs(camera[:, :2]) > 1.5 * camera[:, 2:]).any():
            return None
        pixels, _ = cv2.projectPoints(camera, np.zeros(3), np.zeros(3), self._k, self._d)
        return np.asarray(pixels, np.float64).reshape(-1, 2)

    def _hidden(self, fire: Fire, eye: Eye) -> bool:
        """Whether the surface stands between the lens and the fire."""
        target = np.array([fire.east_m, fire.north_m, fire.height_amsl_m + 0.2])
        way = np.linspace(0.0, 0.97, 160)[:, None]
        points = eye.enu + way * (target - eye.enu)
        ground = self.scene.sample(
            self.scene.height_m, points[None, :, 0].astype(np.float32), points[None, :, 1].astype(np.float32)
        )[0]
        return bool((ground > points[:, 2] + 0.3).any())

    def _draw(self, kelvin: Raster, fire: Fire, eye: Eye) -> InView | None:
        turns = np.linspace(0.0, 2 * math.pi, 25)[:-1]
        rim = np.column_stack(
            [
                fire.east_m + fire.radius_m * np.cos(turns),
                fire.north_m + fire.radius_m * np.sin(turns),
                np.full(24, fire.height_amsl_m),
            ]
        )
        centre = np.array([[fire.east_m, fire.north_m, fire.height_amsl_m]])
        pixels = self._project(np.vstack([rim, centre]), eye)
        if pixels is None:
            return None
        (u0, v0), (u1, v1) = np.floor(pixels.min(axis=0)) - 3, np.ceil(pixels.max(axis=0)) + 4
        height, width = kelvin.shape
        x0, y0, x1, y1 = max(0, int(u0)), max(0, int(v0)), min(width, int(u1)), min(height, int(v1))
        if x0 >= x1 or y0 >= y1 or self._hidden(fire, eye):
            return None
        self._mix(kelvin[y0:y1, x0:x1], pixels[:-1], (x0, y0), fire.kelvin)
        u, v = (float(value) for value in pixels[-1])
        inside = u0 + 3 >= 0 and v0 + 3 >= 0 and u1 - 4 <= width - 1 and v1 - 4 <= height - 1
        diameter = float(np.sqrt(4 / math.pi * cv2.contourArea(pixels[:-1].astype(np.float32))))
        return InView(fire.number, u, v, diameter) if inside else None

    def _mix(self, window: Raster, rim: Floats, corner: tuple[int, int], kelvin: float) -> None:
        """Burn a polygon into a window of the picture, by the share of each pixel that it covers."""
        mask = np.zeros((window.shape[0] * _FINE, window.shape[1] * _FINE), np.float32)
        # A pixel's centre is at +0.5 of its own cell: pixel coordinate x lies at (x - corner + 0.5) cells.
        fine = (rim - corner + 0.5) * _FINE - 0.5
        cv2.fillPoly(mask, [np.round(fine * 16).astype(np.int32)], 1.0, shift=4)
        share = np.asarray(
            cv2.resize(mask, (window.shape[1], window.shape[0]), interpolation=cv2.INTER_AREA), np.float32
        )
        share = np.asarray(cv2.GaussianBlur(share, (5, 5), 0.6), np.float32)
        mixed = _radiance(window) * (1 - share) + _radiance(kelvin) * share
        window[:] = np.where(share > 1e-4, _temperature(mixed), window)


class Sensor:
    """The faults of one microbolometer: noise, pattern, drift, shutter. ``expose`` is called in order of time."""

    def __init__(self, profile: CameraProfile, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 7])
        shape = (profile.height, profile.width)
        self._pattern = self._rng.normal(0, _FIXED_PATTERN_K, shape).astype(np.float32)
        rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
        self._pattern -= (_VIGNETTE_K * (rows**2 + columns**2)).astype(np.float32)
        # Fresh normal noise for every frame would cost more than the scene: a large field, shifted at random.
        self._noise = self._rng.normal(0, _NETD_K, (shape[0] * 2, shape[1] * 2)).astype(np.float32)
        self._level_k = float(self._rng.normal(0, 0.5))
        self._next_ffc_s = _FFC_EVERY_S * float(self._rng.uniform(0.2, 1.0))
        self._frozen: Counts | None = None
        self._last: Counts | None = None
        self._thaw_s = 0.0

    def expose(self, kelvin: Raster | None, at_s: float) -> Counts | None:
        """(h, w) uint16 counts at a time. With the shutter closed the last picture again; None = render it first."""
        if self._last is not None and at_s >= self._next_ffc_s:
            self._frozen, self._thaw_s = self._last, at_s + _FFC_LASTS_S
            self._next_ffc_s = at_s + _FFC_EVERY_S
            self._level_k += float(self._rng.choice((-1.0, 1.0)) * self._rng.uniform(0.8, 1.6))
        if self._frozen is not None and at_s < self._thaw_s:
            return self._frozen
        self._frozen = None
        if kelvin is None:
            return None
        y, x = (int(self._rng.integers(0, side)) for side in kelvin.shape)
        noise = self._noise[y : y + kelvin.shape[0], x : x + kelvin.shape[1]]
        counts = (kelvin + noise + self._pattern + np.float32(self._level_k)) / np.float32(KELVIN_PER_COUNT)
        self._last = np.clip(np.round(counts), 0, SATURATED_COUNT).astype(np.uint16)
        return self._last
