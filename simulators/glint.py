"""The sun in a mirror: where a panel or water sends its light into the lens.

Radiance of a rough mirror after Cox and Munk (1954): R E P / (4 cos θ cos⁴ β), P a normal density of slopes, β the tilt
of the half vector between sun and lens against the mirror's normal. So the glint stands where the mirror law says, and
wanders as soon as the lens does.
"""

from __future__ import annotations

import math

import numpy as np

from simulators.friends import Mirror
from simulators.radiance import SUN_RADIANCE, SUN_STERADIAN, Floats, Raster

_SUN_THROUGH_AIR = 0.75
_FAINTEST_W = 0.02


def irradiance(clear: float) -> float:
    """The sun's light at the ground in the band, W/m², on a surface that faces it."""
    return SUN_RADIANCE * SUN_STERADIAN * _SUN_THROUGH_AIR * clear


def inside(mirror: Mirror, east: Raster, north: Raster) -> np.ndarray:
    """Which places (any shape) lie on a mirror."""
    c, s = math.cos(mirror.turn_rad), math.sin(mirror.turn_rad)
    x, y = east - np.float32(mirror.east_m), north - np.float32(mirror.north_m)
    w, d = (np.float32(side / 2) for side in mirror.size_m)
    return np.asarray((np.abs(c * x + s * y) < w) & (np.abs(c * y - s * x) < d))


def mirrored(mirror: Mirror, to_sun: tuple[float, float, float], eye: Floats, east: Raster, north: Raster) -> Raster:
    """Radiance that a clear sun adds at places of a mirror, W/(m² sr)."""
    normal, sun = np.array(mirror.normal), np.array(to_sun)
    if float(normal @ sun) <= 0.02:
        return np.zeros(east.shape, np.float32)
    # Rows first, (3, ...): a picture of unit vectors without a norm over a short last axis.
    view = np.stack([eye[0] - east, eye[1] - north, np.full(east.shape, eye[2] - mirror.height_amsl_m)])
    view /= np.sqrt((view * view).sum(axis=0))
    half = view + sun.reshape(3, *([1] * east.ndim))
    half /= np.sqrt((half * half).sum(axis=0))
    cos_tilt = np.clip(np.tensordot(normal, half, 1), 1e-3, 1.0)
    tangent2 = 1.0 / cos_tilt**2 - 1.0
    spread = 2.0 * mirror.slope**2 if not mirror.wet else mirror.slope**2
    density = np.exp(-tangent2 / spread) / (math.pi * spread)
    reflectance = mirror.reflectance
    cos_view = np.maximum(np.tensordot(normal, view, 1), 0.03)
    if mirror.wet:  # Schlick: at a grazing angle water is a good mirror
        reflectance = reflectance + (1.0 - reflectance) * (1.0 - np.clip((view * half).sum(axis=0), 0.0, 1.0)) ** 5
    glint = reflectance * irradiance(1.0) * density / (4.0 * cos_view * cos_tilt**4)
    # A mirror cannot be brighter than the sun's own disc in it.
    return np.asarray(np.minimum(glint, reflectance * SUN_RADIANCE), np.float32)


def worth_drawing(radiance: Raster) -> bool:
    """Whether any of it would be seen above the noise."""
    return bool((radiance > _FAINTEST_W).any())
