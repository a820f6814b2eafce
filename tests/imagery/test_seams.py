"""Two strips flown in opposite directions over the simulator's yard: does the map show one yard, or two?

A camera that is screwed on crookedly and a clock that is late move one strip this way and the other that way. Only the
flight's own repeated sightings of what burns are used to calibrate; then both strips are mapped, each by itself, and
laid over one another where both have seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from imagery.calibrate import Sighted, calibrate
from imagery.frame import Frame, FrameKind
from imagery.georeference import View
from imagery.thermal_map import ThermalMap
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import ENU_FROM_NED, Pose, quaternion_from_matrix
from missions.geometry.terrain import TerrainGrid
from simulators.fire import Scene, build
from simulators.geodesy import rotation, small_rotation
from simulators.scenario_files import scenario_of
from simulators.thermal import KELVIN_PER_COUNT, PROFILE, Eye, Renderer, kelvin_of

HEIGHT_M, SPEED_M_S, EVERY_M, APART_M = 70.0, 8.0, 8.0, 18.0
CROOKED_DEG, LATE_S = (0.5, -0.4, 1.2), 0.12
LENS = replace(
    PROFILE, time_offset_sigma_s=0.2, boresight_sigma_deg=0.8, boresight_yaw_sigma_deg=1.5, pixel_sigma_px=0.8
)
MOUNT_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """A frame, the heading of its strip, what burns in it (number, u, v), and where the log has it."""

    frame: Frame
    heading_deg: float
    burning: tuple[tuple[int, float, float], ...]
    at_enu: np.ndarray
    down_ned: np.ndarray


def _fly(scene: Scene, seed: int = 5) -> list[Exposure]:
    renderer, rng = Renderer(scene), np.random.default_rng(seed)
    crooked = small_rotation(*(math.radians(angle) for angle in CROOKED_DEG))
    flown = []
    for heading_deg, east in ((0.0, -APART_M / 2), (180.0, APART_M / 2)):
        heading = math.radians(heading_deg)
        along = np.array([math.sin(heading), math.cos(heading), 0.0])
        down = rotation(0.0, math.radians(-90.0), 0.0)
        for step in np.arange(-40.0, 40.1, EVERY_M):
            shake = small_rotation(*np.radians(rng.normal(0.0, 0.05, 3)))
            ned_from_mount = rotation(0.0, 0.0, heading) @ down
            enu = np.array([east, 0.0, scene.scenario.ground_amsl_m + HEIGHT_M]) + along * step
            camera = ENU_FROM_NED @ ned_from_mount @ shake @ MOUNT_FROM_CAMERA @ crooked
            look = renderer.look(Eye(enu + along * SPEED_M_S * LATE_S, camera), 0.0)
            counts = np.round(kelvin_of(look.radiance) / KELVIN_PER_COUNT).astype(np.uint16)
            frame = Frame(1, "1/100", len(flown) + 1, float(len(flown)), "utc", counts, FrameKind.COUNTS,
                          kelvin_per_count=KELVIN_PER_COUNT)  # fmt: skip
            seen = tuple((spot.number, spot.u, spot.v) for spot in look.in_view)
            flown.append(Exposure(frame, heading_deg, seen, enu + rng.normal(0.0, 0.05, 3), ned_from_mount))
    return flown


def _pose(local: LocalFrame, scene: Scene, exposure: Exposure, after_s: float) -> Pose:
    heading = math.radians(exposure.heading_deg)
    along = np.array([math.sin(heading), math.cos(heading), 0.0])
    enu = exposure.at_enu + along * SPEED_M_S * after_s - np.array([0.0, 0.0, scene.plane.alt_m])
    mount = quaternion_from_matrix(exposure.down_ned)
    body = quaternion_from_matrix(rotation(0.0, 0.0, heading))
    return Pose(
        1, exposure.frame.stamp_s + after_s, local.point_at(enu), mount, body, ENU_FROM_NED @ along * SPEED_M_S,
        np.eye(3) * 0.05**2, np.eye(3) * 0.5**2, np.eye(3) * math.radians(0.05) ** 2,
        np.eye(3) * math.radians(0.1) ** 2, 0.0,
    )  # fmt: skip


def _shifts_m(a: ThermalMap, b: ThermalMap) -> list[float]:
    """How far the two maps are apart, window by window, where both have seen and there is something to see."""
    pictures = {}
    for made in (a, b):
        mosaic = made.mosaic("mean", now_s=0.0)
        assert mosaic is not None
        pictures[made] = mosaic
    first, second = pictures[a], pictures[b]
    cell = first.cell_m
    dx, dy = round((second.x0_m - first.x0_m) / cell), round((first.y0_m - second.y0_m) / cell)
    size = 64  # 16 m
    found = []
    for row in range(0, first.values.shape[0] - size, size // 2):
        for column in range(0, first.values.shape[1] - size, size // 2):
            r, c = row - dy, column - dx
            if r < 0 or c < 0 or r + size > second.values.shape[0] or c + size > second.values.shape[1]:
                continue
            one = first.values[row : row + size, column : column + size]
            other = second.values[r : r + size, c : c + size]
            if np.isfinite(one).all() and np.isfinite(other).all():
                found.append(_shift_px(one, other) * cell)
    return [shift for shift in found if math.isfinite(shift)]


def _shift_px(one: np.ndarray, other: np.ndarray) -> float:
    """Sub-cell shift by the enhanced correlation coefficient (Evangelidis, Psarakis 2008); NaN: nothing to hold on."""
    ready = [cv2.GaussianBlur(np.clip(v, -20.0, 60.0).astype(np.float32), (0, 0), 1.0) for v in (one, other)]
    if min(float(v.std()) for v in ready) < 0.15:
        return math.nan
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    try:
        alike, warp = cv2.findTransformECC(ready[0], ready[1], warp, cv2.MOTION_TRANSLATION, stop, None, 1)
    except cv2.error:
        return math.nan
    return float(np.hypot(warp[0, 2], warp[1, 2])) if alike > 0.8 else math.nan


def _strips(
    flown: list[Exposure], scene: Scene, ground: TerrainGrid, local: LocalFrame, profile: CameraProfile
) -> list[ThermalMap]:
    strips = []
    for heading_deg in (0.0, 180.0):
        made: ThermalMap | None = None
        for exposure in (one for one in flown if one.heading_deg == heading_deg):
            view = View(_pose(local, scene, exposure, profile.time_offset_s), profile, ground, local)
            made = made or ThermalMap.over(view, radiometric=True, epoch_s=0.0)
            made.add(exposure.frame, view, exposure.frame.stamp_s)
        assert made is not None
        strips.append(made)
    return strips


@pytest.mark.parametrize("name", ["schrottinsel"])
def test_opposed_strips_meet_once_the_flight_has_calibrated_itself(name: str) -> None:
    scene = build(scenario_of(name), 3)
    ground = scene.elevation()
    local = LocalFrame(GeoPoint(scene.plane.lat_deg, scene.plane.lon_deg, scene.plane.alt_m, Datum.SEA_LEVEL))
    flown = _fly(scene)
    sighted = [
        Sighted(str(number), u, v, lambda after_s, e=exposure: _pose(local, scene, e, after_s), ground)
        for exposure in flown
        for number, u, v in exposure.burning
    ]
    assert len({one.target for one in sighted}) >= 2 and len(sighted) >= 12
    found = calibrate(sighted, LENS, local)
    calibrated = found.profile(LENS)
    before = _shifts_m(*_strips(flown, scene, ground, local, LENS))
    after = _shifts_m(*_strips(flown, scene, ground, local, calibrated))
    assert len(before) >= 3 and len(after) >= 3
    print(f"{name}: seams p50 {np.median(before):.2f} → {np.median(after):.2f}, p95 {np.percentile(after, 95):.2f} m")
    # Uncalibrated the yard is there twice; the band bites from both sides.
    assert 1.0 < float(np.median(before)) < 6.0
    assert float(np.percentile(after, 95)) <= 0.35
