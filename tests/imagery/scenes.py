"""Small synthetic worlds for the tests of `imagery`: a thermal picture, a camera over flat ground, an observation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.detect import Detections
from imagery.frame import Frame, FrameKind
from imagery.observe import FrameObservation
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import NoPose, Pose, quaternion_from_euler
from missions.geometry.terrain import FlatGround

CAMERA = "1/100"
PROFILE = CameraProfile("test", 640, 512, 760.0, 760.0, 319.5, 255.5)
HOME = GeoPoint(51.45, 6.75, 30.0, Datum.SEA_LEVEL)
LOCAL = LocalFrame(HOME)
FLAT = FlatGround(HOME.alt_m, Datum.SEA_LEVEL, 0.5)


def ground_k(seed: int = 1, *, noise_k: float = 0.06, structure_k: float = 2.0, mean_k: float = 293.0) -> Any:
    """(512, 640) float32 warm ground with soft structure and sensor noise, kelvin."""
    generator = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(generator.normal(0.0, 1.0, (512, 640)), (0, 0), 15.0)
    soft *= structure_k / max(float(soft.std()), 1e-9)
    return (mean_k + soft + generator.normal(0.0, noise_k, soft.shape)).astype(np.float32)


def disc(image: NDArray[np.float32], u: int, v: int, radius: int, kelvin: float) -> NDArray[np.float32]:
    """The picture with a hot disc in it (in place)."""
    cv2.circle(image, (u, v), radius, float(kelvin), -1)
    return image


def frame_of(image: NDArray[Any], kind: FrameKind = FrameKind.KELVIN, **more: Any) -> Frame:
    values: dict[str, Any] = {"vehicle": 1, "camera": CAMERA, "seq": 1, "stamp_s": 0.0, "clock": "utc", **more}
    return Frame(image=image, kind=kind, **values)


def pose(
    east: float = 0.0,
    north: float = 0.0,
    height: float = 80.0,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = -90.0,
    time_s: float = 0.0,
    **more: Any,
) -> Pose:
    """A camera mount above HOME's plane, looking down unless told, without any error unless told."""
    mount = quaternion_from_euler(0.0, math.radians(pitch_deg), math.radians(yaw_deg))
    body = quaternion_from_euler(0.0, 0.0, math.radians(yaw_deg))
    none = np.zeros((3, 3))
    made = Pose(1, time_s, LOCAL.point_at([east, north, height]), mount, body, np.zeros(3), none, none, none, none, 0.0)
    return replace(made, **more)


def sharp(profile: CameraProfile = PROFILE, **more: Any) -> CameraProfile:
    """A profile of which everything is known exactly, but for what is told."""
    exact = {"time_offset_sigma_s": 0.0, "boresight_sigma_deg": 0.0, "boresight_yaw_sigma_deg": 0.0}
    return replace(profile, **{**exact, "scale_sigma": 0.0, "pixel_sigma_px": 0.0, **more})


def detections(*spots: tuple[float, float], peak_k: float = 400.0, area_px: int = 25, side: int = 5) -> Detections:
    """Detections at (u, v), each a square of ``side`` px."""
    n = len(spots)
    uv = np.array(spots, np.float64).reshape(-1, 2)
    corner = np.round(uv - side / 2).astype(np.int64)
    return Detections(
        u=uv[:, 0],
        v=uv[:, 1],
        peak=np.full(n, peak_k),
        mean=np.full(n, peak_k - 20.0),
        background=np.full(n, 293.0),
        area_px=np.full(n, area_px, np.int64),
        bbox=np.column_stack([corner, np.full((n, 2), side, np.int64)]),
        saturated=np.zeros(n, np.bool_),
        edge=np.zeros(n, np.bool_),
        power_w_m2=np.full(n, 1000.0 * area_px),
        kind="fire",
        radiometric=True,
    )


def observation(at: Pose | NoPose, found: Detections, *, seq: int = 1, refusal: str = "") -> FrameObservation:
    return FrameObservation(1, CAMERA, seq, at.time_s, at, found, refusal)
