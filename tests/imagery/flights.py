"""Simulated flights at the level of measurements: what a crew would have in its log, and the truth that drew it.

No rendering and none of the code under test: the pixel comes from OpenCV's projection of the true place through the
true camera at the true time; log and profile hold what the receiver, the compass and the workshop made of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.calibrate import Sighted
from missions.geometry.camera import CameraProfile
from missions.geometry.pose import ENU_FROM_NED, NoPose, Pose, multiply, normalised, quaternion_from_euler
from missions.geometry.terrain import FlatGround
from tests.imagery.scenes import HOME, LOCAL

Floats = NDArray[np.float64]

PROFILE = CameraProfile(
    "flown", 640, 512, 760.0, 760.0, 319.5, 255.5, k1=-0.1, mount="fixed",
    time_offset_sigma_s=0.3, boresight_sigma_deg=2.0, boresight_yaw_sigma_deg=3.0, scale_sigma=0.03, pixel_sigma_px=1.5,
)  # fmt: skip
GNSS_M, GNSS_UP_M, GROUND_M = 1.2, 2.0, 1.5
TILT_COMMON, YAW_COMMON, TILT_NOISE = math.radians(0.5), math.radians(1.5), math.radians(0.3)
SPEED_M_S, HEIGHT_M = 9.0, 80.0


@dataclass(frozen=True, slots=True)
class Flight:
    """What was logged of one target, and where it truly is (east, north, m)."""

    sighted: tuple[Sighted, ...]
    truth_en: Floats
    clock_s: float


def _turn(vector: Floats) -> Floats:
    angle = float(np.linalg.norm(vector))
    return normalised(np.array([math.cos(angle / 2), *(math.sin(angle / 2) * vector / max(angle, 1e-12))]))


def fly(
    seed: int, *, legs: tuple[float, ...] = (0.0, 180.0), looks: int = 7, ground_sigma_m: float = GROUND_M
) -> Flight:
    """Legs over one target, by their headings; every error is drawn from the prior that the log and profile state."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-15.0, 15.0, 2)
    gnss = rng.normal(0.0, 1.0, 3) * (GNSS_M, GNSS_M, GNSS_UP_M)
    bias = rng.normal(0.0, 1.0, 3) * (TILT_COMMON, TILT_COMMON, YAW_COMMON)
    crooked = np.radians(rng.normal(0.0, 1.0, 3) * (2.0, 2.0, 3.0))
    clock_s, scale = float(rng.normal(0.0, 0.3)), float(rng.normal(0.0, 0.03))
    ground_m = float(rng.normal(0.0, ground_sigma_m))
    sighted: list[Sighted] = []
    for heading_deg in legs:
        heading = math.radians(heading_deg + rng.normal(0.0, 3.0))
        along = np.array([math.sin(heading), math.cos(heading), 0.0])
        side = rng.uniform(-12.0, 12.0) * np.array([math.cos(heading), -math.sin(heading), 0.0])
        wave = rng.uniform(0.0, 6.28, 2)

        def true_at(
            t: float, along: Floats = along, side: Floats = side, heading: float = heading, wave: Floats = wave
        ) -> tuple[Floats, Floats]:
            enu = side + along * SPEED_M_S * t + np.array([0.0, 0.0, HEIGHT_M])
            roll, pitch = np.radians(2.0) * np.sin(1.3 * t + wave)
            return enu, quaternion_from_euler(float(roll), float(pitch), heading)

        level = quaternion_from_euler(0.0, 0.0, heading)
        for stamp in np.linspace(-2.0, 2.0, looks):
            enu, attitude = true_at(float(stamp) + clock_s)
            uv = _seen(truth, ground_m, enu, attitude, crooked, scale) + rng.normal(0.0, PROFILE.pixel_sigma_px, 2)
            if not (0 <= uv[0] < PROFILE.width and 0 <= uv[1] < PROFILE.height):
                continue
            wrong = multiply(
                multiply(level, _turn(bias)), multiply(_conjugate(level), _turn(rng.normal(0, TILT_NOISE, 3)))
            )
            shift = gnss + rng.normal(0.0, 0.15, 3)
            pose_at = _log(true_at, float(stamp), wrong, shift, along)
            ground = FlatGround(HOME.alt_m, HOME.datum, ground_sigma_m)
            sighted.append(Sighted("fire", float(uv[0]), float(uv[1]), pose_at, ground))

    return Flight(tuple(sighted), truth, clock_s)


def _conjugate(q: Floats) -> Floats:
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def _seen(truth: Floats, ground_m: float, enu: Floats, attitude: Floats, crooked: Floats, scale: float) -> Floats:
    """The pixel of the target by OpenCV: world → body → camera, the camera turned by its crookedness."""
    w, x, y, z = attitude
    ned_from_body = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    body_from_camera = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) @ cv2.Rodrigues(crooked)[0]
    camera_from_enu = (ENU_FROM_NED @ ned_from_body @ body_from_camera).T
    point = np.array([*truth, ground_m])
    focal = 760.0 / (1.0 + scale)
    k = np.array([[focal, 0.0, 319.5], [0.0, focal, 255.5], [0.0, 0.0, 1.0]])
    uv, _ = cv2.projectPoints(
        (camera_from_enu @ (point - enu))[None], np.zeros(3), np.zeros(3), k, np.array([-0.1, 0, 0, 0.0])
    )
    return np.asarray(uv.reshape(2), np.float64)


def _log(
    true_at: Callable[[float], tuple[Floats, Floats]], stamp: float, wrong: Floats, shift: Floats, along: Floats
) -> Callable[[float], Pose | NoPose]:
    def pose_at(after_s: float) -> Pose | NoPose:
        enu, attitude = true_at(stamp + after_s)
        q = multiply(wrong, attitude)
        before, after = (multiply(wrong, true_at(stamp + after_s + shift)[1]) for shift in (-0.01, 0.01))
        half = multiply(after, _conjugate(before))
        none = np.zeros((3, 3))
        return Pose(
            vehicle=1,
            time_s=stamp + after_s,
            position=LOCAL.point_at(enu + shift),
            ned_from_mount=q,
            ned_from_body=q,
            velocity_ned_m_s=ENU_FROM_NED @ along * SPEED_M_S,
            position_noise_m2=none + np.eye(3) * 0.15**2,
            position_common_m2=np.diag([GNSS_M, GNSS_M, GNSS_UP_M]) ** 2,
            attitude_noise_rad2=np.eye(3) * TILT_NOISE**2,
            attitude_common_rad2=np.diag([TILT_COMMON, TILT_COMMON, YAW_COMMON]) ** 2,
            time_sigma_s=0.0,
            body_rate_ned_rad_s=half[1:] * math.copysign(2.0 / 0.02, half[0]),
        )

    return pose_at
