"""From a pixel to a place on the ground, with an honest ellipse.

pixel → undistorted ray → mount → NED → ENU → first crossing with the ground (``missions.geometry``). The error is
carried to first order (facts: Σ = A(Σ_C + t²[d]×Σ_θ[d]×ᵀ + t²JΣ_pxJᵀ + v vᵀσ_t²)Aᵀ + d dᵀ(n_z σ_dem/(n·d))², with
A = I − d nᵀ/(n·d), which slides an error of the ray along the ray onto the ground) and kept in two parts: **noise**,
new in every view, and **common**, the same states in all views of a flight: GNSS offset, terrain, tilt and yaw offset,
boresight, clock, scale. Only noise may ever be averaged away. The common states are *consider states* (Schmidt; e.g.
Tapley, Schutz, Born 2004, ch. 6): they are not estimated, but how each moves the place is carried along as the columns
of ``common``, one standard deviation each. Two views in opposite directions are moved to opposite sides by the same
crooked mount: their mean is better than either, and the difference between them is no reason for two fires.

No place is better than a plausible one: above the horizon and outside the terrain there is none, and under 8° grazing
there is an interval: no nearer than, no farther than. Many pixels of a frame are placed at once (``places``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from missions.geometry.camera import CameraProfile
from missions.geometry.crossing import Crossing, Crossings, Miss, MissReason, first_crossings
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import ENU_FROM_NED, Pose, euler_from_quaternion, matrix, quaternion_from_euler
from missions.geometry.terrain import Ground

Floats = NDArray[np.float64]

MIN_GRAZING_DEG = 8.0
_MIN_SINE = 0.05
MAX_RANGE_M = 3_000.0
FOOTPRINT_RANGE_M = 300.0
COMMON_STATES = 12
FRAME_STATES = 6
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
    frame, three of boresight in the camera's, clock and scale. ``shaken`` (2, FRAME_STATES): the part of the noise that
    all pixels of one frame share, by one sigma of its position and of its attitude. ``lean`` (2,): metres by which it
    falls behind what stands one metre above the ground.
    """

    enu: Floats
    noise_m2: Floats
    common: Floats
    shaken: Floats
    lean: Floats
    range_m: float
    pixel_m: float

    @property
    def common_m2(self) -> Floats:
        """(2, 2) covariance by all common states."""
        return np.asarray(self.common @ self.common.T, np.float64)


@dataclass(frozen=True, slots=True)
class NoPlace:
    """No place, with the reason in words.

    A grazing view has an interval of slant ranges instead, 95 %: ``far_m`` is None where it is open.
    """

    reason: str
    near_m: float | None = None
    far_m: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Doubts:
    """What is not known of a view, in ENU: (3, 3) matrices, (3,) vectors and numbers, or N of each for N views.

    Noise and common states alike as columns by which one sigma of each turns or moves the camera. ``moved`` metres and
    ``turned`` radians within one sigma of the clock.
    """

    position_noise_root: Floats
    attitude_noise_root: Floats
    position_root: Floats
    attitude_roots: Floats
    boresight_roots: Floats
    moved: Floats
    turned: Floats
    axis: Floats
    ground_sigma_m: float | Floats
    scale_sigma: float


def pixel_rays(profile: CameraProfile, pixels: Floats, enu_from_camera: Floats) -> tuple[Floats, Floats]:
    """Pixels (N, 2) through a rotation (3, 3) or one for each (N, 3, 3) → unit rays (N, 3), and (N, 3, 2) per pixel."""
    around = np.concatenate([pixels, np.add(pixels, (1.0, 0.0)), np.add(pixels, (0.0, 1.0))])
    in_camera = profile.rays(around).reshape(3, -1, 3)
    rotations = np.broadcast_to(enu_from_camera, (len(pixels), 3, 3))
    d, right, down = (np.einsum("nij,nj->ni", rotations, rays) for rays in in_camera)
    return d, np.stack([right - d, down - d], axis=-1)


def places_of(hits: Crossings, d: Floats, jacobian: Floats, sigma_px: Floats, doubts: Doubts) -> list[Place | None]:
    """Places with their errors (the formulas of the module's head) for N rays; None where it misses or grazes."""
    facing = (d * hits.normal_enu).sum(axis=1)
    steep = np.abs(d[:, 2]) >= math.sin(math.radians(MIN_GRAZING_DEG))
    good = hits.hit & steep & (np.abs(facing) >= _MIN_SINE)
    facing = np.where(good, facing, -1.0)
    t, normal = np.where(good, hits.range_m, 1.0), hits.normal_enu
    slide = np.eye(3) - d[:, :, None] * normal[:, None, :] / facing[:, None, None]
    cross = -t[:, None, None] * _cross_matrices(d)  # a small turn θ moves the ray's end by θ × t d
    turns = slide @ cross
    shaken = np.concatenate([slide @ doubts.position_noise_root, turns @ doubts.attitude_noise_root], axis=2)
    blurred = (t * sigma_px)[:, None, None] * (slide @ jacobian)
    noise = shaken @ shaken.swapaxes(1, 2) + blurred @ blurred.swapaxes(1, 2)
    off_axis = t[:, None] * (d - (d * doubts.axis).sum(axis=1)[:, None] * doubts.axis)
    lean = d * (-normal[:, 2] / facing)[:, None]
    common = np.concatenate(
        [
            slide @ doubts.position_root,
            -lean[:, :, None] * np.reshape(doubts.ground_sigma_m, (-1, 1, 1)),
            turns @ doubts.attitude_roots,
            turns @ doubts.boresight_roots,
            slide @ (doubts.moved + t[:, None] * np.cross(doubts.turned, d))[:, :, None],
            (slide @ off_axis[:, :, None]) * doubts.scale_sigma,
        ],
        axis=2,
    )
    pixel_m = t * np.linalg.norm(jacobian[:, :, 0], axis=1) / np.sqrt(np.abs(facing))
    return [
        Place(hits.enu[i], noise[i, :2, :2], common[i, :2], shaken[i, :2], lean[i, :2], float(t[i]), float(pixel_m[i]))
        if good[i]
        else None
        for i in range(len(d))
    ]


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
        sigmas = None if sigma_px is None else [sigma_px]
        return self.places([[u, v]], sigma_px=sigmas)[0]

    def places(self, uv: ArrayLike, *, sigma_px: Sequence[float] | None = None) -> list[Place | NoPlace]:
        """The ground points of pixels (N, 2), with their errors; ``sigma_px`` (N,) replaces the profile's."""
        pixels = np.asarray(uv, np.float64).reshape(-1, 2)
        if not len(pixels):
            return []
        sigmas = np.full(len(pixels), self.profile.pixel_sigma_px) if sigma_px is None else np.asarray(sigma_px)
        d, jacobian = pixel_rays(self.profile, pixels, self.enu_from_camera)
        hits = first_crossings(self.ground, self.frame, self.camera_enu, d, MAX_RANGE_M)
        found = places_of(hits, d, jacobian, sigmas, self.doubts)
        return [
            self._no_place(hits.one(i), d[i], jacobian[i], float(sigmas[i])) if place is None else place
            for i, place in enumerate(found)
        ]

    def _no_place(self, hit: Crossing | Miss, d: Floats, jacobian: Floats, sigma_px: float) -> NoPlace:
        """Why there is none; for a grazing view the nearest and the farthest the ground may be met, by tilting it."""
        if isinstance(hit, Miss):
            return NoPlace(hit.reason.value)
        pose, profile = self.pose, self.profile
        tilts = [float(np.linalg.eigvalsh(cov)[-1]) for cov in (pose.attitude_noise_rad2, pose.attitude_common_rad2)]
        pixel_rad = sigma_px * float(np.linalg.norm(jacobian, axis=0).max())
        tilt = 2.0 * math.sqrt(sum(tilts) + math.radians(profile.boresight_sigma_deg) ** 2 + pixel_rad**2)
        rays = np.stack([_tilted(d, -tilt), _tilted(d, tilt)])
        ends = first_crossings(self.ground, self.frame, self.camera_enu, rays, MAX_RANGE_M)
        near, far = (float(r) if np.isfinite(r) else None for r in ends.range_m)
        upto = "beyond any limit" if far is None else f"{far:.0f} m"
        return NoPlace(f"grazing view: between {near or 0.0:.0f} m and {upto} away", near, far)

    @property
    def doubts(self) -> Doubts:
        """What is not known of this view."""
        pose, profile = self.pose, self.profile
        clock_s = math.hypot(pose.time_sigma_s, profile.time_offset_sigma_s)
        rate = pose.mount_rate_ned_rad_s if profile.mount == "gimbal" else pose.body_rate_ned_rad_s
        return Doubts(
            position_noise_root=_root(_in_enu(pose.position_noise_m2)),
            attitude_noise_root=_root(_in_enu(pose.attitude_noise_rad2)),
            position_root=self.position_root,
            attitude_roots=self.attitude_roots,
            boresight_roots=self.boresight_roots,
            moved=ENU_FROM_NED @ pose.velocity_ned_m_s * clock_s,
            turned=ENU_FROM_NED @ rate * clock_s,
            axis=self.enu_from_camera[:, 2],
            ground_sigma_m=self.ground.sigma_m,
            scale_sigma=profile.scale_sigma,
        )

    def pixel_of(self, enu: ArrayLike) -> Floats:
        """(N, 3) or (3,) places → (N, 2) pixels; NaN for what is beside or behind the camera."""
        apart = np.asarray(enu, np.float64).reshape(-1, 3) - self.camera_enu
        return self.profile.project(apart @ self.enu_from_camera)

    @property
    def position_root(self) -> Floats:
        """(3, 3) ENU metres by one sigma of each common state of position."""
        return _root(_in_enu(self.pose.position_common_m2))

    @property
    def attitude_roots(self) -> Floats:
        """(3, 3) ENU rotations by one sigma each, their axes fixed in the levelled vehicle: accelerometers turn too."""
        heading_rad = euler_from_quaternion(self.pose.ned_from_body)[2]
        levelled = matrix(quaternion_from_euler(0.0, 0.0, heading_rad))
        root = _root(_sandwich(levelled.T, self.pose.attitude_common_rad2))
        rotations: Floats = ENU_FROM_NED @ levelled @ root
        return rotations

    @property
    def boresight_roots(self) -> Floats:
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
        hits = first_crossings(self.ground, self.frame, origin, rays, FOOTPRINT_RANGE_M)
        points = [self._border_point(hits.one(i), origin, ray) for i, ray in enumerate(rays)]
        known = [point for point in points if point is not None]
        if len(known) < 3:
            return NoPlace("the frame does not look at known ground")
        return np.array(known)

    def _border_point(self, hit: Crossing | Miss, origin: Floats, ray: Floats) -> Floats | None:
        if isinstance(hit, Crossing):
            return hit.enu[:2]
        if ray[2] >= 0.0 or hit.reason is not MissReason.TOO_FAR:
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


def _cross_matrices(v: Floats) -> Floats:
    """(N, 3) → (N, 3, 3) matrices [v]×."""
    crossed = np.zeros((len(v), 3, 3))
    crossed[:, 0, 1], crossed[:, 0, 2], crossed[:, 1, 2] = -v[:, 2], v[:, 1], -v[:, 0]
    return crossed - crossed.swapaxes(1, 2)


def _tilted(d: Floats, angle_rad: float) -> Floats:
    """A unit ray turned upwards by an angle, about the horizontal axis across it."""
    level = math.hypot(float(d[0]), float(d[1]))
    elevation = math.atan2(float(d[2]), level) + angle_rad
    along = d[:2] / max(level, 1e-9) * math.cos(elevation)
    return np.array([along[0], along[1], math.sin(elevation)])
