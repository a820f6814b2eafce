"""The world's own geometry. Nothing here is shared with the code it judges: a common mistake would cancel out.

East-north-up by closed formulas of the WGS 84 ellipsoid (Hofmann-Wellenhof, Lichtenegger, Wasle 2008, section 8.2),
rotations as 3×3 matrices, never quaternions, except where MAVLink wants one on the wire.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_A = 6_378_137.0
_F = 1 / 298.257223563
_E2 = _F * (2 - _F)


class Plane:
    """East-north-up at a point, good for a few kilometres: curvature radii of the origin, and the drop of the earth.

    Heights are above sea level on both sides.
    """

    def __init__(self, lat_deg: float, lon_deg: float, alt_m: float) -> None:
        self.lat_deg, self.lon_deg, self.alt_m = lat_deg, lon_deg, alt_m
        self._sin, self._cos = math.sin(math.radians(lat_deg)), math.cos(math.radians(lat_deg))
        self._origin = self._ecef(np.float64(lat_deg), np.float64(lon_deg), np.float64(alt_m))
        sin_lon, cos_lon = math.sin(math.radians(lon_deg)), math.cos(math.radians(lon_deg))
        self._axes = np.array(
            [
                [-sin_lon, cos_lon, 0.0],
                [-self._sin * cos_lon, -self._sin * sin_lon, self._cos],
                [self._cos * cos_lon, self._cos * sin_lon, self._sin],
            ]
        )

    @staticmethod
    def _ecef(lat: Floats | np.float64, lon: Floats | np.float64, alt: Floats | np.float64) -> Floats:
        phi, lam = np.radians(lat), np.radians(lon)
        n = _A / np.sqrt(1 - _E2 * np.sin(phi) ** 2)
        return np.stack(
            [
                (n + alt) * np.cos(phi) * np.cos(lam),
                (n + alt) * np.cos(phi) * np.sin(lam),
                (n * (1 - _E2) + alt) * np.sin(phi),
            ],
            axis=-1,
        )

    def enu(self, lat_deg: Floats | float, lon_deg: Floats | float, alt_m: Floats | float) -> Floats:
        """Degrees, metres → (..., 3) metres."""
        lat, lon, alt = np.broadcast_arrays(np.float64(lat_deg), np.float64(lon_deg), np.float64(alt_m))
        offsets: Floats = (self._ecef(lat, lon, alt) - self._origin) @ self._axes.T
        return offsets

    def geo(self, enu: Floats) -> tuple[float, float, float]:
        """(3,) metres → latitude, longitude, height; Bowring's formula (1976)."""
        x, y, z = np.asarray(enu, np.float64) @ self._axes + self._origin
        p = math.hypot(x, y)
        b = _A * (1 - _F)
        theta = math.atan2(z * _A, p * b)
        ep2 = (_A * _A - b * b) / (b * b)
        lat = math.atan2(z + ep2 * b * math.sin(theta) ** 3, p - _E2 * _A * math.cos(theta) ** 3)
        n = _A / math.sqrt(1 - _E2 * math.sin(lat) ** 2)
        return math.degrees(lat), math.degrees(math.atan2(y, x)), p / math.cos(lat) - n


def rotation(roll: float, pitch: float, yaw: float) -> Floats:
    """(3, 3) NED from body FRD, radians: yaw, then pitch, then roll."""
    cr, sr, cp, sp, cy, sy = (f(a) for a in (roll, pitch, yaw) for f in (math.cos, math.sin))
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def small_rotation(x: float, y: float, z: float) -> Floats:
    """(3, 3) rotation by a small vector of angles, radians (Rodrigues)."""
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return np.eye(3)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) / angle
    turned: Floats = np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k
    return turned


def wire_quaternion(matrix: Floats) -> tuple[float, float, float, float]:
    """(3, 3) → (w, x, y, z) for a MAVLink field."""
    m = matrix
    w = math.sqrt(max(0.0, 1 + m[0, 0] + m[1, 1] + m[2, 2])) / 2
    x = math.copysign(math.sqrt(max(0.0, 1 + m[0, 0] - m[1, 1] - m[2, 2])) / 2, m[2, 1] - m[1, 2])
    y = math.copysign(math.sqrt(max(0.0, 1 - m[0, 0] + m[1, 1] - m[2, 2])) / 2, m[0, 2] - m[2, 0])
    z = math.copysign(math.sqrt(max(0.0, 1 - m[0, 0] - m[1, 1] + m[2, 2])) / 2, m[1, 0] - m[0, 1])
    return w, x, y, z


def matrix_of(w: float, x: float, y: float, z: float) -> Floats:
    """(w, x, y, z) of a MAVLink field → (3, 3)."""
    axis = np.array([x, y, z])
    length = float(np.linalg.norm(axis))
    if length < 1e-12:
        return np.eye(3)
    return small_rotation(*(2 * math.atan2(length, w) * axis / length))


def yaw_pitch_of(matrix: Floats) -> tuple[float, float]:
    """Yaw and pitch of a (3, 3) attitude without roll, radians."""
    pitch = math.asin(max(-1.0, min(1.0, -matrix[2, 0])))
    # Straight down, yaw is read off the camera's up side: at pitch -90° the body's x axis has no heading left.
    if math.cos(pitch) > 0.05:
        return math.atan2(matrix[1, 0], matrix[0, 0]), pitch
    return math.atan2(-matrix[0, 1], matrix[1, 1]), pitch


def turned(angle: float) -> float:
    """The same angle between -π and π."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
