"""Through which lens: the calibrated camera profile and its projection in both directions.

Pixels: origin at the centre of the top-left pixel, u right, v down. Camera axes: x right, y down, z forward along the
optical axis. The lens is Brown-Conrady (Brown 1971) with the coefficient order and meaning of OpenCV's
``calib3d`` documentation: x'' = x'(1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 x'y' + p2 (r² + 2x'²), likewise y''.

The mount: a nominal mounting and three small offsets. ``fixed`` nominally looks straight down with the top of the
image towards the nose; ``gimbal`` nominally looks along the gimbal's x axis. The offsets turn that nominal camera
about the mount's FRD axes (yaw, then pitch, then roll): positive yaw is clockwise seen from above. ``locate`` reports
its calibration under the same names, so that it can be pasted into the profile.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from missions.geometry.pose import matrix, quaternion_from_euler

Floats = NDArray[np.float64]

# x right, y down, z forward → forward, right, down.
_FRD_FROM_CAMERA: Floats = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# Looking down, image top to the nose: camera x is body y, camera y is body -x, camera z is body z.
_BODY_FROM_NADIR_CAMERA: Floats = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

_NEWTON_STEPS = 12


class ProfileError(ValueError):
    """A camera profile that cannot be used: names the file, the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class CameraProfile:
    """A calibrated camera. ``fx fy cx cy`` in px; offsets in degrees; sigmas are one standard deviation.

    ``time_offset_s``: exposure time = stamp + offset. ``lever_*_m``: camera position in body axes from the vehicle's
    reference point. ``size_assumed``: width and height are a guess from the principal point, the file did not say.
    ``attitude_tilt_sigma_deg``/``yaw`` of the aircraft belong to the track, not here.
    """

    name: str
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    mount: str = "gimbal"
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 0.0
    band: str = "thermal"
    time_offset_s: float = 0.0
    time_offset_sigma_s: float = 0.02
    boresight_sigma_deg: float = 0.5
    boresight_yaw_sigma_deg: float = 1.0
    scale_sigma: float = 0.005
    pixel_sigma_px: float = 1.0
    lever_forward_m: float = 0.0
    lever_right_m: float = 0.0
    lever_down_m: float = 0.0
    emissivity: float = 0.95
    size_assumed: bool = False
    netd_k: float = 0.06

    def __post_init__(self) -> None:
        _require(self.width >= 8 and self.height >= 8, self.name, "width/height", "at least 8 px")
        _require(self.width <= 20_000 and self.height <= 20_000, self.name, "width/height", "at most 20,000 px")
        for key in (f.name for f in fields(self) if f.type == "float"):
            _require(math.isfinite(getattr(self, key)), self.name, key, "a finite number")
        _require(self.fx > 0 and self.fy > 0, self.name, "fx/fy", "above 0 px")
        _require(self.mount in ("fixed", "gimbal"), self.name, "mount", '"fixed" or "gimbal"')
        _require(self.band in ("thermal", "visible"), self.name, "band", '"thermal" or "visible"')
        _require(0.0 < self.emissivity <= 1.0, self.name, "emissivity", "above 0 and up to 1")
        for key in (f.name for f in fields(self) if "sigma" in f.name):
            _require(getattr(self, key) >= 0.0, self.name, key, "0 or more")

    @property
    def mount_from_camera(self) -> Floats:
        """(3, 3) rotation: camera axes → mount FRD axes, nominal mounting turned by the three offsets."""
        offsets = quaternion_from_euler(
            math.radians(self.roll_deg), math.radians(self.pitch_deg), math.radians(self.yaw_deg)
        )
        nominal = _BODY_FROM_NADIR_CAMERA if self.mount == "fixed" else _FRD_FROM_CAMERA
        turned: Floats = matrix(offsets) @ nominal
        return turned

    @property
    def lever_arm_frd_m(self) -> Floats:
        """(3,) metres, body FRD."""
        return np.array([self.lever_forward_m, self.lever_right_m, self.lever_down_m])

    def rays(self, uv: ArrayLike) -> Floats:
        """Pixels (N, 2) → unit rays (N, 3) in camera axes, lens undone by Newton's method (≤ 1e-9 px back)."""
        pixels = np.asarray(uv, np.float64).reshape(-1, 2)
        wanted = (pixels - (self.cx, self.cy)) / (self.fx, self.fy)
        plane = wanted.copy()
        if self.k1 or self.k2 or self.k3 or self.p1 or self.p2:
            for _ in range(_NEWTON_STEPS):
                error = self._distort(plane) - wanted
                if not error.size or np.abs(error).max() < 1e-13:
                    break
                plane -= np.linalg.solve(self._distortion_jacobian(plane), error[..., None])[..., 0]
        rays = np.column_stack([plane, np.ones(len(plane))])
        unit: Floats = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        return unit

    def project(self, points: ArrayLike) -> Floats:
        """Points (N, 3) in camera axes → pixels (N, 2); NaN for points beside or behind the camera (z ≤ 0)."""
        xyz = np.asarray(points, np.float64).reshape(-1, 3)
        depth = np.where(xyz[:, 2:3] > 0.0, xyz[:, 2:3], np.nan)
        return self._distort(xyz[:, :2] / depth) * (self.fx, self.fy) + (self.cx, self.cy)

    def gsd_m(self, distance_m: float) -> float:
        """Ground sample distance in metres per pixel, straight down from ``distance_m`` above the surface."""
        return distance_m / min(self.fx, self.fy)

    def _distort(self, plane: Floats) -> Floats:
        x, y = plane[:, 0], plane[:, 1]
        r2 = x * x + y * y
        radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        return np.column_stack(
            [
                x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x),
                y * radial + self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y,
            ]
        )

    def _distortion_jacobian(self, plane: Floats) -> Floats:
        x, y = plane[:, 0], plane[:, 1]
        r2 = x * x + y * y
        radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        slope = 2.0 * (self.k1 + r2 * (2 * self.k2 + r2 * 3 * self.k3))  # d radial / d r2, times 2
        cross = slope * x * y + 2 * self.p1 * x + 2 * self.p2 * y
        jacobian = np.empty((len(plane), 2, 2))
        jacobian[:, 0, 0] = radial + slope * x * x + 2 * self.p1 * y + 6 * self.p2 * x
        jacobian[:, 0, 1] = cross
        jacobian[:, 1, 0] = cross
        jacobian[:, 1, 1] = radial + slope * y * y + 6 * self.p1 * y + 2 * self.p2 * x
        return jacobian


def _require(condition: bool, name: str, key: str, allowed: str) -> None:
    if not condition:
        raise ProfileError(f"camera profile {name!r}: {key} must be {allowed}")


_REQUIRED = ("width", "height", "fx", "fy", "cx", "cy")


def parse_profile(text: str, name: str = "camera") -> CameraProfile:
    """TOML, JSON, or an OpenCV ``{"K": …, "D": …}`` JSON → profile. ``name`` is used where the text has none.

    The OpenCV form means a fixed camera looking down, image top to the nose, D in the order k1 k2 p1 p2 [k3].

    Raises:
        ProfileError: not TOML/JSON, an unknown or missing key, a value of the wrong kind or out of range.
    """
    table = _parse_table(text, name)
    if "K" in table:
        return _profile_from_opencv(table, name)
    known = {f.name: f for f in fields(CameraProfile)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ProfileError(f"camera profile {name!r}: unknown key {unknown[0]!r}; allowed are {', '.join(known)}")
    missing = [key for key in _REQUIRED if key not in table]
    if missing:
        raise ProfileError(f"camera profile {name!r}: {missing[0]} is missing; needed are {', '.join(_REQUIRED)}")
    values = {key: _value(name, key, table[key], str(known[key].type)) for key in table}
    return CameraProfile(**{"name": name, **values})


def _parse_table(text: str, name: str) -> Mapping[str, Any]:
    try:
        table = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProfileError(f"camera profile {name!r} is neither TOML nor JSON: {error}") from error
    if not isinstance(table, dict):
        raise ProfileError(f"camera profile {name!r}: a table of keys is expected, not a {type(table).__name__}")
    return table


def _value(name: str, key: str, value: object, kind: str) -> Any:
    if kind == "str":
        _require(isinstance(value, str), name, key, "a text")
        return value
    if kind == "bool":
        _require(isinstance(value, bool), name, key, "true or false")
        return value
    _require(isinstance(value, int | float) and not isinstance(value, bool), name, key, "a number")
    number = float(value)  # type: ignore[arg-type]
    if kind == "int":
        _require(number.is_integer() if math.isfinite(number) else False, name, key, "a whole number")
        return int(number)
    return number


def _profile_from_opencv(table: Mapping[str, Any], name: str) -> CameraProfile:
    k = _numbers(table, "K", name)
    if k.size != 9:
        raise ProfileError(f"camera profile {name!r}: K has {k.size} numbers; a 3×3 camera matrix is needed")
    k = k.reshape(3, 3)
    d = _numbers(table, "D", name).ravel() if "D" in table else np.zeros(4)
    if d.size not in (0, 4, 5) and (d.size < 4 or d[5:].any()):  # OpenCV pads its longer models with zeros
        raise ProfileError(f"camera profile {name!r}: D has {d.size} numbers; 4 or 5 (k1 k2 p1 p2 [k3]) are supported")
    d = np.concatenate([d, np.zeros(5)])[:5] if d.size < 5 else d
    return CameraProfile(
        name=name,
        width=_value(name, "xresolution", table.get("xresolution", round(2 * k[0, 2]) + 1), "int"),
        height=_value(name, "yresolution", table.get("yresolution", round(2 * k[1, 2]) + 1), "int"),
        fx=float(k[0, 0]),
        fy=float(k[1, 1]),
        cx=float(k[0, 2]),
        cy=float(k[1, 2]),
        k1=float(d[0]),
        k2=float(d[1]),
        p1=float(d[2]),
        p2=float(d[3]),
        k3=float(d[4]),
        mount="fixed",
        band="visible",
        size_assumed=not {"xresolution", "yresolution"} <= set(table),
        # Nothing is known of when such a camera stamps its pictures, nor how it was screwed on (facts: priors).
        time_offset_sigma_s=0.3,
        boresight_sigma_deg=2.0,
        boresight_yaw_sigma_deg=3.0,
        scale_sigma=0.03,
    )


def _numbers(table: Mapping[str, Any], key: str, name: str) -> Floats:
    try:
        numbers = np.asarray(table[key], np.float64)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"camera profile {name!r}: {key} must be a matrix of numbers") from error
    if not np.isfinite(numbers).all():
        raise ProfileError(f"camera profile {name!r}: {key} must be finite numbers")
    return numbers
