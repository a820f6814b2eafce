"""Rasters of places into the picture: the profile's lens, for a hundred thousand cells at once, in single precision.

``CameraProfile.project`` is the same lens in double precision; single is good to 1e-4 px.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]


def in_camera(
    enu_from_camera: Floats, camera_enu: Floats, east: Raster, north: Raster, up: Raster
) -> tuple[Raster, Raster, Raster]:
    """(...) east, north, up, metres → the camera's x, y, z."""
    e, n, h = (axis - np.float32(at) for axis, at in zip((east, north, up), camera_enu, strict=True))
    turn = enu_from_camera.astype(np.float32)
    x, y, z = (e * turn[0, k] + n * turn[1, k] + h * turn[2, k] for k in range(3))
    return x, y, z


def pixels_of(profile: CameraProfile, x: Raster, y: Raster, z: Raster) -> tuple[Raster, Raster]:
    """(...) camera coordinates → u, v, by the profile's lens; NaN behind the camera and far beside the picture."""
    before = z > np.float32(1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.float32(1.0) / (z if before.all() else np.where(before, z, np.float32(np.nan)))
    a, b = x * inverse, y * inverse
    if profile.k1 or profile.k2 or profile.k3 or profile.p1 or profile.p2:
        k1, k2, k3, p1, p2 = (np.float32(k) for k in (profile.k1, profile.k2, profile.k3, profile.p1, profile.p2))
        r2 = a * a + b * b
        radial = (r2 * k3 + k2 if profile.k3 else k2) * r2
        radial += k1
        radial *= r2
        radial += np.float32(1.0)
        # Beyond the picture the polynomial folds back into it: a ray that far out belongs to no pixel.
        beyond = r2 > np.float32(_widest2(profile))
        if beyond.any():
            radial[beyond] = np.nan
        if p1 or p2:
            both = a * b
            a, b = (
                a * radial + 2 * p1 * both + p2 * (r2 + 2 * a * a),
                b * radial + p1 * (r2 + 2 * b * b) + 2 * p2 * both,
            )
        else:
            a, b = a * radial, b * radial
    u = a * np.float32(profile.fx) + np.float32(profile.cx)
    v = b * np.float32(profile.fy) + np.float32(profile.cy)
    return np.asarray(u, np.float32), np.asarray(v, np.float32)


def _widest2(profile: CameraProfile) -> float:
    """Squared radius of the farthest corner, in focal lengths, with half as much again for the lens."""
    across = max(profile.cx, profile.width - 1 - profile.cx) / profile.fx
    down = max(profile.cy, profile.height - 1 - profile.cy) / profile.fy
    return 1.5**2 * (across**2 + down**2)
