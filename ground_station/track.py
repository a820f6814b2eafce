"""Where the camera mount was, and how it stood, at an instant: the vehicle's track as a ``PoseSource``.

Attitude, position and gimbal arrive at different rates, stamped on the boot clock. ``pose_at`` finds the two samples
around the wanted time in each and interpolates: attitude and gimbal by slerp, position by a cubic Hermite with the
measured velocity. It never extrapolates and never bridges a gap: an answer that cannot be given is a ``NoPose`` with
the reason. A change of home, a jump of the position or of the attitude (an EKF or yaw reset) and a reboot are barriers
that no interpolation crosses.

Mount orientation (mavlink.io, gimbal protocol v2; mavlink.md): the yaw of GIMBAL_DEVICE_ATTITUDE_STATUS is from north
with YAW_IN_EARTH_FRAME and relative to the nose with YAW_IN_VEHICLE_FRAME; with neither, YAW_LOCK decides. Roll and
pitch that are locked are levelled already: composing them with the body's roll and pitch would double them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ground_station.clock_sync import ClockSync
from ground_station.instruments import Ekf
from ground_station.telemetry import Attitude, Gnss, Position
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.pose import (
    NoPose,
    NoPoseReason,
    Pose,
    PoseSource,
    euler_from_quaternion,
    multiply,
    normalised,
    quaternion_from_euler,
    quaternion_parts,
    rotate,
    slerp,
    turn_rate,
)

Floats = NDArray[np.float64]

MAX_ATTITUDE_GAP_S = 0.5
MAX_POSITION_GAP_S = 1.0
MAX_GIMBAL_GAP_S = 0.5
HISTORY_S = 180.0
# A position that jumps further than the vehicle can have flown is an EKF reset (or another home), not a flight.
_JUMP_M, _JUMP_SPEED_FACTOR = 5.0, 2.0
# An attitude that turns faster than any vehicle that carries a camera (ArduCopter limits rates to 200 deg/s) was reset.
_JUMP_RAD, _FASTEST_TURN_RAD_S = math.radians(6.0), math.radians(300.0)

# One standard deviation. Tilt and yaw of a small copter's EKF: accelerometer bias and compass calibration are common to
# a flight; the noise is what changes from frame to frame (gusts between samples, time stamps rounded to 1 ms).
TILT_NOISE_RAD = math.radians(0.3)
YAW_NOISE_RAD = math.radians(0.3)
TILT_COMMON_RAD = math.radians(0.5)
YAW_COMMON_RAD = math.radians(1.5)
POSITION_NOISE_M = 0.15
# A gimbal's attitude reaches us through the autopilot, re-stamped with its own send time: it is older than it says.
GIMBAL_LAG_S = 0.04
# Above this the picture smears over many pixels and the lag over metres: no place is better than that one.
MAX_GIMBAL_RATE_RAD_S = math.radians(25.0)
# Used where the receiver states no accuracy: an ordinary single-frequency receiver (ublox M8 data sheet: 2.5 m CEP).
DEFAULT_H_ACC_M, DEFAULT_V_ACC_M = 2.5, 4.0

# EKF_STATUS_REPORT's so-called variances are innovation test ratios: 1 is the limit at which a measurement is rejected.
# Up to here the sensors agree as they should; above, the common errors grow in proportion.
_RATIO_USUAL = 0.5

_ROLL_LOCK, _PITCH_LOCK, _YAW_LOCK, _YAW_IN_VEHICLE, _YAW_IN_EARTH = 4, 8, 16, 32, 64


@dataclass(frozen=True, slots=True, eq=False)
class _Gimbal:
    q: Floats
    flags: int
    rate_rad_s: Floats = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True, slots=True, eq=False)
class _Turning:
    """(4,) ned_from_…, and (3,) how fast it turns about the NED axes, rad/s."""

    q: Floats
    rate_rad_s: Floats


@dataclass(frozen=True, slots=True)
class _Fix:
    position: Position
    h_acc_m: float
    v_acc_m: float
    compass: float
    epoch: int  # samples of different epochs have a barrier between them


Sample = TypeVar("Sample")


class _Series(Generic[Sample]):
    """Samples by boot time, strictly rising, bounded by HISTORY_S."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.samples: list[Sample] = []

    def add(self, boot_s: float, sample: Sample) -> None:
        if self.times and boot_s <= self.times[-1]:
            return  # a duplicate from a second link, or one overtaken on the way
        self.times.append(boot_s)
        self.samples.append(sample)
        if self.times[0] < boot_s - 2 * HISTORY_S:
            keep = bisect_right(self.times, boot_s - HISTORY_S)
            del self.times[:keep], self.samples[:keep]

    def around(self, boot_s: float, max_gap_s: float) -> tuple[Sample, Sample, float, float] | NoPoseReason:
        """The samples before and after, the fraction between them, and the span in seconds; or why not."""
        after = bisect_right(self.times, boot_s)
        if after == 0:
            return NoPoseReason.TOO_OLD
        if after == len(self.times):
            if self.times[-1] == boot_s:
                return self.samples[-1], self.samples[-1], 0.0, 1.0
            return NoPoseReason.NOT_YET
        before = after - 1
        span_s = self.times[after] - self.times[before]
        if span_s > max_gap_s:
            return NoPoseReason.GAP
        return self.samples[before], self.samples[after], (boot_s - self.times[before]) / span_s, span_s


class Track:
    """One vehicle's recent movement. ``pose_at`` is the ``PoseSource`` of a gimballed camera, ``poses`` of either."""

    def __init__(self, vehicle: int, clock: ClockSync) -> None:
        self._vehicle = vehicle
        self._clock = clock
        self._attitudes: _Series[tuple[tuple[float, float, float, float], int]] = _Series()
        self._resets = 0
        self._fixes: _Series[_Fix] = _Series()
        self._gimbals: _Series[_Gimbal] = _Series()
        self._gimbal_component: int | None = None
        self._home: tuple[float, float, float] | None = None
        self._epoch = 0

    def add_attitude(self, attitude: Attitude) -> None:
        """One ATTITUDE."""
        q = quaternion_parts(attitude.roll_rad, attitude.pitch_rad, attitude.yaw_rad)
        if self._attitudes.times:
            seconds = attitude.boot_s - self._attitudes.times[-1]
            w, x, y, z = self._attitudes.samples[-1][0]
            turned = 2.0 * math.acos(min(1.0, abs(w * q[0] + x * q[1] + y * q[2] + z * q[3])))
            self._resets += seconds > 0.0 and turned > _JUMP_RAD + _FASTEST_TURN_RAD_S * seconds
        self._attitudes.add(attitude.boot_s, (q, self._resets))

    def add_position(self, position: Position, gnss: Gnss | None, ekf: Ekf | None = None) -> None:
        """One GLOBAL_POSITION_INT with the receiver's accuracy and the estimator's doubts at that time."""
        if self._fixes.samples and _jumped(self._fixes.samples[-1].position, position):
            self._epoch += 1
        h_acc = gnss.h_acc_m if gnss and gnss.h_acc_m else DEFAULT_H_ACC_M
        v_acc = gnss.v_acc_m if gnss and gnss.v_acc_m else DEFAULT_V_ACC_M
        flat, high, compass = (1.0, 1.0, 1.0) if ekf is None else map(_doubt, (ekf.position, ekf.height, ekf.compass))
        self._fixes.add(position.boot_s, _Fix(position, h_acc * flat, v_acc * high, compass, self._epoch))

    def add_gimbal(self, boot_s: float, q: tuple[float, ...], flags: int, component: int) -> None:
        """One GIMBAL_DEVICE_ATTITUDE_STATUS; ``q`` (w, x, y, z). The autopilot's (component 1) wins over a device's."""
        if self._gimbal_component not in (None, component) and component != 1:
            return
        if not all(map(math.isfinite, q)):
            return
        try:
            unit = normalised(np.asarray(q, np.float64))
        except ValueError:
            return
        self._gimbal_component = component
        self._gimbals.add(boot_s, _Gimbal(unit, flags))

    def set_home(self, lat_deg: float, lon_deg: float, alt_m: float) -> None:
        """A HOME_POSITION; a moved home is a barrier, because heights above home change their meaning."""
        home = (lat_deg, lon_deg, alt_m)
        if self._home is not None and home != self._home:
            self._epoch += 1
        self._home = home

    @property
    def has_gimbal(self) -> bool:
        """Whether a gimbal was ever heard in this flight."""
        return bool(self._gimbals.times)

    def poses(self, mount: str) -> PoseSource:
        """The pose source for a camera on ``mount`` "fixed" (the body) or "gimbal"."""
        return _MountPoses(self, mount)

    def pose_at(self, time_s: float) -> Pose | NoPose:
        """The pose of a gimballed mount at a UTC time (seconds)."""
        return self.mount_pose_at(time_s, "gimbal")

    def mount_pose_at(self, time_s: float, mount: str) -> Pose | NoPose:
        """The pose at a UTC time, the mount being the gimbal or the body itself."""
        offset = self._clock.offset
        if offset is None:
            return NoPose(time_s, NoPoseReason.NO_CLOCK, "the vehicle's clock is not known yet")
        boot_s = time_s - offset.offset_s
        attitude = self._attitude_at(boot_s)
        if isinstance(attitude, NoPoseReason):
            return _no_pose(time_s, attitude, "attitude")
        fix = self._fix_at(boot_s)
        if isinstance(fix, NoPoseReason):
            return _no_pose(time_s, fix, "position")
        body, mount_now, lag_rad = attitude, attitude, 0.0
        if mount == "gimbal":
            gimbal = self._gimbal_at(boot_s)
            if isinstance(gimbal, NoPoseReason):
                return _no_pose(time_s, gimbal, "gimbal attitude")
            rate_rad_s = float(np.linalg.norm(gimbal.rate_rad_s))
            if rate_rad_s > MAX_GIMBAL_RATE_RAD_S:
                return NoPose(time_s, NoPoseReason.GAP, "the gimbal was turning too fast to know where it looked")
            mount_now = _mount_attitude(gimbal, body)
            lag_rad = rate_rad_s * GIMBAL_LAG_S
        return self._pose(time_s, fix, body, mount_now, offset.sigma_s, lag_rad)

    def _attitude_at(self, boot_s: float) -> _Turning | NoPoseReason:
        if not self._attitudes.times:
            return NoPoseReason.NO_ATTITUDE
        found = self._attitudes.around(boot_s, MAX_ATTITUDE_GAP_S)
        if isinstance(found, NoPoseReason):
            return found
        (before, era), (after, next_era), fraction, span_s = found
        if era != next_era:
            return NoPoseReason.RESET
        first, last = np.array(before), np.array(after)
        return _Turning(slerp(first, last, fraction), turn_rate(first, last, span_s))

    def _gimbal_at(self, boot_s: float) -> _Gimbal | NoPoseReason:
        if not self._gimbals.times:
            return NoPoseReason.NO_GIMBAL
        found = self._gimbals.around(boot_s, MAX_GIMBAL_GAP_S)
        if isinstance(found, NoPoseReason):
            return found
        before, after, fraction = found[:3]
        if before.flags != after.flags:
            return NoPoseReason.RESET  # another yaw frame in between: the two quaternions do not compare
        return _Gimbal(slerp(before.q, after.q, fraction), before.flags, turn_rate(before.q, after.q, found[3]))

    def _fix_at(self, boot_s: float) -> tuple[_Fix, _Fix, float, float] | NoPoseReason:
        if not self._fixes.times:
            return NoPoseReason.NO_POSITION
        found = self._fixes.around(boot_s, MAX_POSITION_GAP_S)
        if not isinstance(found, NoPoseReason) and found[0].epoch != found[1].epoch:
            return NoPoseReason.RESET
        return found

    def _pose(
        self,
        time_s: float,
        fix: tuple[_Fix, _Fix, float, float],
        body: _Turning,
        mount: _Turning,
        time_sigma_s: float,
        lag_rad: float,
    ) -> Pose:
        before, after, fraction, span_s = fix
        point, velocity = _hermite(before.position, after.position, fraction, span_s)
        h2, v2 = before.h_acc_m**2 / 2.0, before.v_acc_m**2  # h_acc is the radial sigma: each axis has its half
        yaw = YAW_COMMON_RAD * before.compass
        home_height = (1 - fraction) * before.position.height_above_home_m
        return Pose(
            vehicle=self._vehicle,
            time_s=time_s,
            position=point,
            ned_from_mount=mount.q,
            ned_from_body=body.q,
            velocity_ned_m_s=velocity,
            position_noise_m2=np.eye(3) * POSITION_NOISE_M**2,
            position_common_m2=np.diag([h2, h2, v2]),
            attitude_noise_rad2=np.diag([TILT_NOISE_RAD**2, TILT_NOISE_RAD**2, YAW_NOISE_RAD**2]),
            attitude_common_rad2=np.diag([TILT_COMMON_RAD**2, TILT_COMMON_RAD**2, yaw**2]) + np.eye(3) * lag_rad**2,
            time_sigma_s=time_sigma_s,
            height_above_home_m=home_height + fraction * after.position.height_above_home_m,
            mount_rate_ned_rad_s=mount.rate_rad_s,
            body_rate_ned_rad_s=body.rate_rad_s,
        )


@dataclass(frozen=True, slots=True)
class _MountPoses:
    track: Track
    mount: str

    def pose_at(self, time_s: float) -> Pose | NoPose:
        return self.track.mount_pose_at(time_s, self.mount)


def _no_pose(time_s: float, reason: NoPoseReason, what: str) -> NoPose:
    words = {
        NoPoseReason.NOT_YET: f"{what} of this time has not arrived yet",
        NoPoseReason.TOO_OLD: f"{what} of this time is no longer, or was never, remembered",
        NoPoseReason.GAP: f"a gap in the {what} covers this time",
        NoPoseReason.RESET: f"the {what} was reset around this time",
    }
    return NoPose(time_s, reason, words.get(reason, f"no {what} was received"))


def _mount_attitude(gimbal: _Gimbal, body: _Turning) -> _Turning:
    """The mount by the flags of the gimbal message."""
    flags = gimbal.flags
    earth = bool(flags & _YAW_IN_EARTH) or (not flags & _YAW_IN_VEHICLE and bool(flags & _YAW_LOCK))
    levelled = flags & _ROLL_LOCK and flags & _PITCH_LOCK
    if earth:
        return _Turning(gimbal.q, gimbal.rate_rad_s)
    parent, rate = body.q, body.rate_rad_s
    if levelled:
        parent = quaternion_from_euler(0.0, 0.0, euler_from_quaternion(body.q)[2])
        rate = rate * (0.0, 0.0, 1.0)
    return _Turning(multiply(parent, gimbal.q), rate + rotate(parent, gimbal.rate_rad_s))


def _doubt(ratio: float) -> float:
    """How much wider the common error is for an innovation test ratio; never narrower."""
    return max(1.0, ratio / _RATIO_USUAL) if math.isfinite(ratio) else 1.0


def _jumped(before: Position, after: Position) -> bool:
    seconds = after.boot_s - before.boot_s
    if seconds <= 0 or seconds > MAX_POSITION_GAP_S:
        return False
    north, east = _metres_per_degree(before.lat_deg)
    moved = math.dist(
        (before.lat_deg * north, before.lon_deg * east, before.alt_amsl_m),
        (after.lat_deg * north, after.lon_deg * east, after.alt_amsl_m),
    )
    speed = max(math.hypot(*before.velocity_ned_m_s), math.hypot(*after.velocity_ned_m_s))
    return moved > _JUMP_M + _JUMP_SPEED_FACTOR * speed * seconds


def _hermite(before: Position, after: Position, s: float, span_s: float) -> tuple[GeoPoint, Floats]:
    """Cubic Hermite between two fixes; the basis functions are those of any text on splines (e.g. Bartels 1987)."""
    per_degree = _metres_per_degree(before.lat_deg)
    end = np.array(
        [
            (after.lat_deg - before.lat_deg) * per_degree[0],
            (after.lon_deg - before.lon_deg) * per_degree[1],
            before.alt_amsl_m - after.alt_amsl_m,
        ]
    )
    v0, v1 = np.array(before.velocity_ned_m_s), np.array(after.velocity_ned_m_s)
    h01, h10, h11 = s * s * (3 - 2 * s), s * (1 - s) ** 2, s * s * (s - 1)
    ned = h01 * end + span_s * (h10 * v0 + h11 * v1)
    velocity = (1 - s) * v0 + s * v1
    return (
        GeoPoint(
            before.lat_deg + float(ned[0]) / per_degree[0],
            before.lon_deg + float(ned[1]) / per_degree[1],
            before.alt_amsl_m - float(ned[2]),
            Datum.SEA_LEVEL,
        ),
        velocity,
    )


def _metres_per_degree(lat_deg: float) -> tuple[float, float]:
    """Metres per degree of latitude and of longitude on WGS 84 (meridian and normal radius of curvature)."""
    sin2 = math.sin(math.radians(lat_deg)) ** 2
    root = math.sqrt(1.0 - 0.00669437999014 * sin2)
    meridian = 6378137.0 * (1.0 - 0.00669437999014) / root**3
    normal = 6378137.0 / root
    return math.radians(meridian), math.radians(normal * math.cos(math.radians(lat_deg)))
