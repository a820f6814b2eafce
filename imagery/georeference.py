"""From a pixel to a place on the ground, with an honest ellipse.

pixel → undistorted ray → mount → NED → ENU → first crossing with the ground (``missions.geometry``). The error is
carried to first order (facts: Σ = A(Σ_C + t²[d]×Σ_θ[d]×ᵀ + t²JΣ_pxJᵀ + v vᵀσ_t²)Aᵀ + d dᵀ(n_z σ_dem/(n·d))², with
A = I − d nᵀ/(n·d), which slides an error of the ray along the ray onto the ground) and kept in two parts: **noise**,
new in every view, and **common**, the same states in all views of a flight: GNSS offset, terrain, tilt and yaw offset,
boresight, clock, scale. Only noise may ever be averaged away. The common states are *consider states* (Schmidt; e.g.
Tapley, Schutz, Born 2004, ch. 6): they are not estimated, but how each moves the place is carried along as the columns
of ``common``, one standard deviation each. Two views in opposite directions are moved to opposite sides by the same
crooked mount: their mean is better than either, and the difference between them is no reason for two fires.

No place is better than a plausible one: above the horizon, outside the terrain and under 8° grazing there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import ENU_FROM_NED, Pose, euler_from_quaternion, matrix, quaternion_from_euler
from missions.geometry.terrain import Crossing, Ground, Miss, first_crossing

Floats = NDArray[np.float64]

MIN_GRAZING_DEG = 8.0
MAX_RANGE_M = 3_000.0
FOOTPRINT_RANGE_M = 300.0
COMMON_STATES = 12
# χ² with two degrees of freedom: 95 % lie within √5.991 standard deviations.
CHI2_95 = 5.991


@dataclass(frozen=True, slots=True)
class Ellipse95:
    """95 % error ellipse: half axes in metres, azimuth of the major axis from north, 0 ≤ azimuth < 180."""

    semi_major_m: float
    semi_minor_m: float
    azimuth_deg: float


def ellipse95(cov_en_m2: Floats) -> Ellipse95:
    """(2, 2) east-north covariance, m² → its 95 % ellipse."""
    values, vectors = np.linalg.eigh(np.asarray(cov_en_m2, np.float64))
    minor, major = (math.sqrt(max(0.0, CHI2_95 * float(value))) for value in values)
    east, north = vectors[:, 1]
    return Ellipse95(major, minor, math.degrees(math.atan2(east, north)) % 180.0)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A pixel on the ground. ``enu`` (3,) m; ``noise_m2`` (2, 2) east-north, m²; ``pixel_m``: metres per pixel there.

    ``common`` (2, COMMON_STATES): metres east and north by one standard deviation of each common state; the states are
    three of position, the ground's height, then what turns with the view: three of attitude in the vehicle's levelled
    frame, three of boresight in the camera's, clock and scale.
    """

    enu: Floats
    noise_m2: Floats
    common: Floats
    range_m: float
    pixel_m: float

    @property
    def common_m2(self) -> Floats:
        """(2, 2) covariance by all common states."""
        return np.asarray(self.common @ self.common.T, np.float64)


@dataclass(frozen=True, slots=True)
class NoPlace:
    """No place, with the reason in words."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera at one instant over one ground: what all pixels of a frame share."""

    pose: Pose
    profile: CameraProfile
    ground: Ground
    frame: LocalFrame

    @property
    def enu_from_camera(self) -> Floats:
        """(3, 3) rotation: camera axes → ENU."""
        mount = self.pose.ned_from_mount if self.profile.mount == "gimbal" else self.pose.ned_from_body
        rotation: Floats = ENU_FROM_NED @ matrix(mount) @ self.profile.mount_from_camera
        return rotation

    @property
    def camera_enu(self) -> Floats:
        """(3,) position of the lens, metres."""
        lever = matrix(self.pose.ned_from_body) @ self.profile.lever_arm_frd_m
        position: Floats = self.frame.enu_of(self.pose.position) + ENU_FROM_NED @ lever
        return position

    def place(self, u: float, v: float, *, sigma_px: float | None = None) -> Place | NoPlace:
        """The ground point of a pixel, with its error; ``sigma_px`` replaces the profile's."""
        rotation = self.enu_from_camera
        origin = self.camera_enu
        rays = self.profile.rays([[u, v], [u + 1.0, v], [u, v + 1.0]]) @ rotation.T
        hit = first_crossing(self.ground, self.frame, origin, rays[0], MAX_RANGE_M)
        if isinstance(hit, Miss):
            return NoPlace(hit.reason.value)
        grazing = abs(float(rays[0] @ hit.normal_enu))
        if math.degrees(math.asin(min(1.0, abs(rays[0][2])))) < MIN_GRAZING_DEG or grazing < 0.05:
            return NoPlace("grazing view")
        jacobian = (rays[1:] - rays[0]).T
        return self._with_error(hit, rays[0], jacobian, self.profile.pixel_sigma_px if sigma_px is None else sigma_px)

    def _with_error(self, hit: Crossing, d: Floats, jacobian: Floats, sigma_px: float) -> Place:
        pose, t, normal = self.pose, hit.range_m, hit.normal_enu
        slide = np.eye(3) - np.outer(d, normal) / float(normal @ d)
        cross = t * _cross_matrix(d)
        noise = _in_enu(pose.position_noise_m2) + _sandwich(cross, _in_enu(pose.attitude_noise_rad2))
        noise = noise + (t * sigma_px) ** 2 * jacobian @ jacobian.T
        clock_s = math.hypot(pose.time_sigma_s, self.profile.time_offset_sigma_s)
        common = np.column_stack(
            [
                slide @ _root(_in_enu(pose.position_common_m2)),
                d * (float(normal[2]) * self.ground.sigma_m / float(normal @ d)),
                slide @ cross @ self._attitude_common(),
                slide @ cross @ self._boresight(),
                slide @ ENU_FROM_NED @ pose.velocity_ned_m_s * clock_s,
                slide @ self._off_axis(d, t) * self.profile.scale_sigma,
            ]
        )
        return Place(
            hit.enu,
            _sandwich(slide, noise)[:2, :2],
            common[:2],
            t,
            t * float(np.linalg.norm(jacobian[:, 0])) / math.sqrt(max(0.05, abs(float(normal @ d)))),
        )

    def _off_axis(self, d: Floats, metres: float) -> Floats:
        axis = self.enu_from_camera[:, 2]
        off: Floats = metres * (d - float(d @ axis) * axis)
        return off

    def _attitude_common(self) -> Floats:
        """(3, 3) ENU rotations by one sigma each, their axes fixed in the levelled vehicle: accelerometers turn too."""
        heading_rad = euler_from_quaternion(self.pose.ned_from_body)[2]
        levelled = matrix(quaternion_from_euler(0.0, 0.0, heading_rad))
        root = _root(_sandwich(levelled.T, self.pose.attitude_common_rad2))
        rotations: Floats = ENU_FROM_NED @ levelled @ root
        return rotations

    def _boresight(self) -> Floats:
        """(3, 3) ENU rotations by one sigma each: across and along the mount's axes, and about the optical axis."""
        across = math.radians(self.profile.boresight_sigma_deg)
        about = math.radians(self.profile.boresight_yaw_sigma_deg)
        rotations: Floats = self.enu_from_camera @ np.diag([across, across, about])
        return rotations

    def footprint(self, steps: int = 2) -> Floats | NoPlace:
        """(N, 2) east-north corners of what the frame sees, metres; what is too far is cut at FOOTPRINT_RANGE_M.

        ``steps``: points per side. A frame with less than three border points on the ground has none.
        """
        w, h = self.profile.width - 1.0, self.profile.height - 1.0
        along = np.linspace(0.0, 1.0, steps, endpoint=False)
        border = np.concatenate(
            [
                np.column_stack([along * w, 0 * along]),
                np.column_stack([0 * along + w, along * h]),
                np.column_stack([(1 - along) * w, 0 * along + h]),
                np.column_stack([0 * along, (1 - along) * h]),
            ]
        )
        rays = self.profile.rays(border) @ self.enu_from_camera.T
        origin = self.camera_enu
        points = [self._border_point(origin, ray) for ray in rays]
        known = [point for point in points if point is not None]
        if len(known) < 3:
            return NoPlace("the frame does not look at known ground")
        return np.array(known)

    def _border_point(self, origin: Floats, ray: Floats) -> Floats | None:
        hit = first_crossing(self.ground, self.frame, origin, ray, FOOTPRINT_RANGE_M)
        if isinstance(hit, Crossing):
            return hit.enu[:2]
        if ray[2] >= 0.0 or hit.reason.value != "too far":
            return None
        return np.asarray((origin + FOOTPRINT_RANGE_M * ray)[:2], np.float64)


def _root(cov: Floats) -> Floats:
    """(3, 3) symmetric square root of a covariance; a part that is exactly known may be zero."""
    values, vectors = np.linalg.eigh(cov)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


def _in_enu(cov_ned: Floats) -> Floats:
    return _sandwich(ENU_FROM_NED, cov_ned)


def _sandwich(a: Floats, cov: Floats) -> Floats:
    product: Floats = a @ cov @ a.T
    return product


def _cross_matrix(v: Floats) -> Floats:
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
