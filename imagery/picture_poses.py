"""Poses that pictures carry in their own metadata: a folder of DJI pictures needs no log.

The maker's gimbal angles are to the horizon and to north, not to the aircraft: they are the mount's attitude as they
stand, and the flight's yaw is not added again. Its absolute height has a datum that depends on model and firmware (a
barometer set at take-off, an ellipsoid, a geoid), wrong by tens of metres; its height above the take-off is good. So
the ground under the take-off is the reference: with a terrain model the take-off is taken to be as high as the ground
under the first picture, without one the ground is a plane at the take-off's height, and both are doubted accordingly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from imagery.readers.exif import PictureFacts
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.pose import NoPose, NoPoseReason, Pose, quaternion_from_euler

# A receiver without corrections; a gimbal's own levelling; its magnetic heading. None of it averages away.
_PLACE_SIGMA_M, _HEIGHT_SIGMA_M = 3.0, 8.0
_RTK_HEIGHT_SIGMA_M = 4.0
_TILT_SIGMA_DEG, _YAW_SIGMA_DEG = 1.0, 3.0
_NOISE_SHARE = 0.1
# Half the diagonal of 36 × 24 mm is what "35 mm equivalent" is measured by.
_DIAGONAL_35_MM = math.hypot(36.0, 24.0)
_FOCAL_SCALE_SIGMA = 0.03


class NoLens(ValueError):
    """The pictures do not say through which lens they were taken: says what to give."""


@dataclass(frozen=True, slots=True)
class TakeOff:
    """The height above sea level that heights above the take-off start from, metres, and its sigma."""

    amsl_m: float
    sigma_m: float = _HEIGHT_SIGMA_M


def pose_from(facts: PictureFacts, home: TakeOff, *, vehicle: int, order: int) -> Pose | NoPose:
    """The pose of one picture. ``order``: its place in the folder, which stands in for a time that it does not say."""
    time_s = float(order) if facts.time_s is None else facts.time_s
    if facts.lat_deg is None or facts.lon_deg is None:
        return NoPose(time_s, NoPoseReason.NO_POSITION, "the picture says no place")
    if facts.above_home_m is None:
        return NoPose(time_s, NoPoseReason.NO_POSITION, "the picture says no height above the take-off")
    if facts.gimbal_deg is None:
        return NoPose(time_s, NoPoseReason.NO_GIMBAL, "the picture says no direction of its gimbal")
    roll, pitch, yaw = (math.radians(angle) for angle in facts.gimbal_deg)
    mount = quaternion_from_euler(roll, pitch, yaw)
    body = mount if facts.flight_deg is None else quaternion_from_euler(*map(math.radians, facts.flight_deg))
    across = facts.rtk_sigma_m or _PLACE_SIGMA_M
    common = np.diag([across**2, across**2, home.sigma_m**2])
    tilt, turn = math.radians(_TILT_SIGMA_DEG) ** 2, math.radians(_YAW_SIGMA_DEG) ** 2
    return Pose(
        vehicle=vehicle,
        time_s=time_s,
        position=GeoPoint(facts.lat_deg, facts.lon_deg, home.amsl_m + facts.above_home_m, Datum.SEA_LEVEL),
        ned_from_mount=mount,
        ned_from_body=body,
        velocity_ned_m_s=np.zeros(3),
        position_noise_m2=common * _NOISE_SHARE**2,
        position_common_m2=common,
        attitude_noise_rad2=np.diag([tilt, tilt, tilt]) * _NOISE_SHARE**2,
        attitude_common_rad2=np.diag([tilt, tilt, turn]),
        time_sigma_s=0.0,
        height_above_home_m=facts.above_home_m,
    )


def take_off_of(facts: PictureFacts, ground_amsl_m: float | None) -> TakeOff | None:
    """The take-off's height by the first picture that says enough. ``ground_amsl_m``: the terrain model under it."""
    sigma = _HEIGHT_SIGMA_M if facts.rtk_sigma_m is None else _RTK_HEIGHT_SIGMA_M
    if ground_amsl_m is not None:
        return TakeOff(ground_amsl_m, sigma)
    if facts.alt_m is None or facts.above_home_m is None:
        return None
    return TakeOff(facts.alt_m - facts.above_home_m, sigma)


def profile_from(facts: PictureFacts, width: int, height: int) -> CameraProfile:
    """The lens by its equivalent focal length, no distortion known, the scale doubted by 3 %. Raises NoLens."""
    if facts.focal_35_mm is None:
        model = f" of a {facts.model}" if facts.model else ""
        raise NoLens(f"the pictures{model} do not say their equivalent focal length: give --camera-profile FILE")
    focal_px = facts.focal_35_mm / _DIAGONAL_35_MM * math.hypot(width, height)
    return CameraProfile(
        name=facts.model or "picture",
        width=width, height=height, fx=focal_px, fy=focal_px, cx=(width - 1) / 2, cy=(height - 1) / 2,
        mount="gimbal", boresight_sigma_deg=1.0, boresight_yaw_sigma_deg=1.0, scale_sigma=_FOCAL_SCALE_SIGMA,
        pixel_sigma_px=2.0,
    )  # fmt: skip
