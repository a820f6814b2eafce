"""How oriented: unit quaternions and the pose of a camera mount, with what it does not know.

Quaternions are float64 arrays ``(w, x, y, z)`` of length 1, named ``target_from_source``: ``rotate(ned_from_body, v)``
turns a vector given in body axes into north-east-down. Body is FRD: x forward, y right, z down. Euler angles appear
only at the edges, in the aerospace order yaw, pitch, roll (ZYX); at pitch ±90° they mix yaw and roll, quaternions
do not (Diebel 2006, "Representing Attitude").

What a pose does not know has two parts. **Noise** is new in each view and shrinks when views are fused. **Common**
error (GNSS offset, tilt and yaw offset) is the same in all views of a flight: averaging it away would be false
confidence, so it travels beside the noise and is added last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from missions.geometry.geo import GeoPoint

Floats = NDArray[np.float64]

# NED and ENU are each other's mirror: swap the first two axes, negate the third. The matrix is its own inverse.
ENU_FROM_NED: Floats = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def quaternion_from_euler(roll_rad: float, pitch_rad: float, yaw_rad: float) -> Floats:
    """``target_from_source`` for source axes yawed, then pitched, then rolled out of the target axes (ZYX)."""
    return np.array(quaternion_parts(roll_rad, pitch_rad, yaw_rad))


def quaternion_parts(roll_rad: float, pitch_rad: float, yaw_rad: float) -> tuple[float, float, float, float]:
    """The same without an array, which costs more than all of its arithmetic: for what comes fifty times a second."""
    cr, sr = math.cos(roll_rad / 2), math.sin(roll_rad / 2)
    cp, sp = math.cos(pitch_rad / 2), math.sin(pitch_rad / 2)
    cy, sy = math.cos(yaw_rad / 2), math.sin(yaw_rad / 2)
    return (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )


def euler_from_quaternion(q: Floats) -> tuple[float, float, float]:
    """Roll, pitch, yaw in radians (ZYX); at pitch ±90° roll is set to 0 and yaw carries the sum."""
    w, x, y, z = (float(part) for part in q)
    sin_pitch = max(-1.0, min(1.0, 2 * (w * y - z * x)))
    if abs(sin_pitch) > 1.0 - 1e-12:
        return 0.0, math.copysign(math.pi / 2, sin_pitch), math.atan2(2 * (w * z - x * y), 1 - 2 * (x * x + z * z))
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return roll, math.asin(sin_pitch), yaw


def multiply(a: Floats, b: Floats) -> Floats:
    """Hamilton product: ``multiply(c_from_b, b_from_a)`` is ``c_from_a``; renormalised."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    product = np.array(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )
    return normalised(product)


def normalised(q: Floats) -> Floats:
    """The unit quaternion of ``q``. Raises ValueError where its length is 0 or not finite."""
    length = math.sqrt(float(q @ q))
    if not math.isfinite(length) or length < 1e-9:
        raise ValueError(f"quaternion {q.tolist()} has no direction; allowed is any of finite length above 0")
    return np.asarray(q, np.float64) / length


def conjugate(q: Floats) -> Floats:
    """``source_from_target`` of a unit ``target_from_source``."""
    return np.array([q[0], -q[1], -q[2], -q[3]])


def matrix(q: Floats) -> Floats:
    """(4,) → the (3, 3) rotation matrix with the same naming."""
    w, x, y, z = (float(part) for part in q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_matrix(rotation: Floats) -> Floats:
    """(3, 3) rotation matrix → (4,), w ≥ 0 (Shepperd 1978: divide by the largest component)."""
    m = np.asarray(rotation, np.float64)
    squares = np.array(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    largest = int(np.argmax(squares))
    off = {
        0: (squares[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]),
        1: (m[2, 1] - m[1, 2], squares[1], m[1, 0] + m[0, 1], m[0, 2] + m[2, 0]),
        2: (m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], squares[2], m[2, 1] + m[1, 2]),
        3: (m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2], squares[3]),
    }[largest]
    q = normalised(np.array(off))
    return q if q[0] >= 0 else -q


def rotate(q: Floats, vectors: Floats) -> Floats:
    """Vectors (3,) or (N, 3) in source axes → the same in target axes."""
    turned: Floats = np.asarray(vectors, np.float64) @ matrix(q).T
    return turned


def slerp(a: Floats, b: Floats, fraction: float) -> Floats:
    """Shortest-way spherical interpolation (Shoemake 1985); ``fraction`` 0 gives ``a``, 1 gives ``b``."""
    dot = float(a @ b)
    if dot < 0.0:
        b, dot = -b, -dot
    if dot > 0.999999:
        return normalised(a + fraction * (b - a))
    angle = math.acos(dot)
    return normalised((math.sin((1 - fraction) * angle) * a + math.sin(fraction * angle) * b) / math.sin(angle))


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """The camera mount (aircraft ⊗ gimbal) at one instant. Lever arm and boresight belong to the camera profile.

    ``position`` is the vehicle's reference point; ``ned_from_mount`` and ``ned_from_body`` are (4,) quaternions, FRD
    to local NED; covariances are (3, 3) in NED, metres² and radians² (a small rotation about the NED axes).
    ``time_s`` is UTC; ``time_sigma_s`` is the uncertainty of that clock, common to all views. How fast mount and body
    turn, (3,) rad/s about the NED axes, says what a wrong clock does to the view; zero where nobody measured it.
    """

    vehicle: int
    time_s: float
    position: GeoPoint
    ned_from_mount: Floats
    ned_from_body: Floats
    velocity_ned_m_s: Floats
    position_noise_m2: Floats
    position_common_m2: Floats
    attitude_noise_rad2: Floats
    attitude_common_rad2: Floats
    time_sigma_s: float
    height_above_home_m: float | None = None
    mount_rate_ned_rad_s: Floats = field(default_factory=lambda: np.zeros(3))
    body_rate_ned_rad_s: Floats = field(default_factory=lambda: np.zeros(3))


def turn_rate(before: Floats, after: Floats, seconds: float) -> Floats:
    """(3,) rad/s about the target axes, from one ``target_from_source`` to the next; the shorter way round."""
    w, x, y, z = multiply(after, conjugate(before))
    sine = math.sqrt(x * x + y * y + z * z)
    if sine < 1e-12 or seconds <= 0.0:
        return np.zeros(3)
    angle = 2.0 * math.atan2(sine, abs(w))
    return np.array([x, y, z]) * (math.copysign(angle, w) / (sine * seconds))


def blended(a: Pose, b: Pose, fraction: float) -> Pose:
    """A pose between two of the same vehicle that are close in time; ``fraction`` 0 gives ``a``, 1 gives ``b``."""
    at, to = a.position, b.position

    def between(x: float, y: float) -> float:
        return x + fraction * (y - x)

    return replace(
        a,
        time_s=between(a.time_s, b.time_s),
        position=replace(
            at,
            lat_deg=between(at.lat_deg, to.lat_deg),
            lon_deg=between(at.lon_deg, to.lon_deg),
            alt_m=between(at.alt_m, to.alt_m),
        ),
        ned_from_mount=slerp(a.ned_from_mount, b.ned_from_mount, fraction),
        ned_from_body=slerp(a.ned_from_body, b.ned_from_body, fraction),
        velocity_ned_m_s=a.velocity_ned_m_s + fraction * (b.velocity_ned_m_s - a.velocity_ned_m_s),
    )


class NoPoseReason(Enum):
    """Why there is no pose. Only NOT_YET is worth waiting for."""

    NOT_YET = "not_yet"
    TOO_OLD = "too_old"
    GAP = "gap"
    NO_CLOCK = "no_clock"
    NO_POSITION = "no_position"
    NO_ATTITUDE = "no_attitude"
    NO_GIMBAL = "no_gimbal"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class NoPose:
    """No answer, with the reason: better than a plausible one."""

    time_s: float
    reason: NoPoseReason
    text: str


class PoseSource(Protocol):
    """Where imagery meets the vehicle: a track, a poses file, picture metadata."""

    def pose_at(self, time_s: float) -> Pose | NoPose:
        """The pose at a UTC time, interpolated between measurements, never extrapolated."""
        ...
