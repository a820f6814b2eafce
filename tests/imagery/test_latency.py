"""A stream that does not say when it exposed: its latency is learnt where the picture shakes, and only there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imagery.frame import Frame, FrameKind
from imagery.latency import LatencyLearner
from imagery.observe import FrameObservation, Observer
from missions.geometry.camera import CameraProfile
from missions.geometry.pose import NoPose, NoPoseReason, Pose, quaternion_from_euler
from tests.imagery.scenes import pose

Floats = NDArray[np.float64]

SMALL = CameraProfile("small", 160, 128, 190.0, 190.0, 79.5, 63.5, mount="fixed", time_offset_sigma_s=0.02)
HEIGHT_M, SPEED_M_S, RATE_HZ, TAKEN_S, SIGMA_S = 60.0, 6.0, 9.0, 0.2, 0.15
_PER_M = 4.0


@dataclass(frozen=True, slots=True)
class Gusts:
    """An aircraft that flies north and is shaken in three axes; ``until_s``: how far its telemetry has come."""

    phases: Floats
    degrees: float
    until_s: float = math.inf

    def angles(self, t: float) -> Floats:
        waves = np.sin(np.outer([2.1, 3.7, 5.3], [t, t, t]) + self.phases)
        return np.radians(self.degrees) * (np.array([1.0, 0.6, 0.4]) @ waves) * (1.0, 1.0, 0.5)

    def pose_at(self, time_s: float) -> Pose | NoPose:
        if time_s > self.until_s:
            return NoPose(time_s, NoPoseReason.NOT_YET, "not yet")
        body = quaternion_from_euler(*self.angles(time_s).tolist())
        north = SPEED_M_S * time_s
        velocity = np.array([SPEED_M_S, 0.0, 0.0])
        at = pose(0.0, north, HEIGHT_M, time_s=time_s, velocity_ned_m_s=velocity, height_above_home_m=HEIGHT_M)
        return replace(at, ned_from_body=body)


class Meadow:
    """Ground with texture, seen by a camera that looks down, by the homography of its own plane."""

    def __init__(self, generator: np.random.Generator, contrast: float) -> None:
        soft = cv2.GaussianBlur(generator.normal(0.0, 1.0, (1600, 600)), (0, 0), 4.0)
        self._texture = (128.0 + contrast * soft / soft.std()).astype(np.float32)
        self._generator = generator

    def picture(self, gusts: Gusts, time_s: float) -> NDArray[np.uint8]:
        roll, pitch, yaw = gusts.angles(time_s).tolist()
        cos, sin = np.cos, np.sin
        about_x = np.array([[1, 0, 0], [0, cos(roll), -sin(roll)], [0, sin(roll), cos(roll)]])
        about_y = np.array([[cos(pitch), 0, sin(pitch)], [0, 1, 0], [-sin(pitch), 0, cos(pitch)]])
        about_z = np.array([[cos(yaw), -sin(yaw), 0], [sin(yaw), cos(yaw), 0], [0, 0, 1]])
        body_from_camera = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        camera_from_ned = (about_z @ about_y @ about_x @ body_from_camera).T
        north = SPEED_M_S * time_s
        # Texture column = 300 + 4 · east, row = 1400 - 4 · north; the plane is HEIGHT_M below.
        plane = np.array(
            [[0.0, -1 / _PER_M, 1400 / _PER_M - north], [1 / _PER_M, 0.0, -300 / _PER_M], [0, 0, HEIGHT_M]]
        )
        lens = np.array([[190.0, 0.0, 79.5], [0.0, 190.0, 63.5], [0.0, 0.0, 1.0]])
        warped = cv2.warpPerspective(self._texture, lens @ camera_from_ned @ plane, (160, 128))
        return np.clip(warped + self._generator.normal(0.0, 2.0, warped.shape), 0, 255).astype(np.uint8)


def flown(
    latency_s: float, *, seed: int = 1, degrees: float = 2.0, contrast: float = 20.0, seconds: float = 9.0
) -> tuple[LatencyLearner, list[FrameObservation]]:
    """A flight with a stream that comes late, through the observer, telemetry a little later still."""
    generator = np.random.default_rng(seed)
    gusts, meadow = Gusts(generator.uniform(0.0, 6.28, (3, 3)), degrees), Meadow(generator, contrast)
    observer, seen = Observer(SMALL), []
    for seq in range(round(seconds * RATE_HZ)):
        exposed_s = 1.0 + seq / RATE_HZ
        arrives_s = exposed_s + latency_s + float(generator.normal(0.0, 0.004))
        image = meadow.picture(gusts, exposed_s)
        frame = Frame(1, "1/100", seq, arrives_s, "unknown", image, FrameKind.AGC8, time_sigma_s=SIGMA_S)
        observer.wait_for_pose(observer.see(frame), now_s=arrives_s)
        known = replace(gusts, until_s=arrives_s + 0.1)
        seen += observer.take_ready(known, lambda frame: frame.stamp_s - TAKEN_S, now_s=arrives_s)
    return observer.latency, seen


@pytest.mark.parametrize(("latency_s", "seed"), [(0.36, 1), (0.11, 2), (0.55, 3)])
def test_a_shaken_camera_tells_its_latency(latency_s: float, seed: int) -> None:
    learner, seen = flown(latency_s, seed=seed)
    assert learner.learnt is not None
    off_s = learner.learnt.offset_s - (TAKEN_S - latency_s)
    assert abs(off_s) < min(0.03, 3.0 * learner.learnt.sigma_s)
    assert 0.01 <= learner.learnt.sigma_s < 0.04
    # Its frames had the wide sigma before, and the right time with a narrow one since.
    first, last = seen[0], seen[-1]
    assert isinstance(first.pose, Pose) and isinstance(last.pose, Pose)
    assert first.pose.time_sigma_s == SIGMA_S and last.pose.time_sigma_s == learner.learnt.sigma_s
    exposed_s = 1.0 + last.seq / RATE_HZ
    assert last.time_s == pytest.approx(exposed_s, abs=0.03)
    assert abs(seen[0].time_s - 1.0) == pytest.approx(abs(latency_s - TAKEN_S), abs=0.02)


@pytest.mark.parametrize(("degrees", "contrast"), [(0.0, 20.0), (2.0, 0.0)], ids=["calm air", "nothing in the picture"])
def test_where_nothing_can_be_told_nothing_is_learnt(degrees: float, contrast: float) -> None:
    learner, seen = flown(0.36, degrees=degrees, contrast=contrast)
    assert learner.learnt is None
    assert {one.pose.time_sigma_s for one in seen if isinstance(one.pose, Pose)} == {SIGMA_S}


def test_a_stream_with_a_clock_of_its_own_is_believed() -> None:
    generator = np.random.default_rng(5)
    gusts, meadow = Gusts(generator.uniform(0.0, 6.28, (3, 3)), 2.0), Meadow(generator, 20.0)
    observer = Observer(SMALL)
    for seq in range(40):
        frame = Frame(1, "1/100", seq, 1.5 + seq / RATE_HZ, "utc", meadow.picture(gusts, seq / RATE_HZ), FrameKind.AGC8)
        observer.wait_for_pose(observer.see(frame), now_s=0.0)
        observer.take_ready(gusts, lambda frame: frame.stamp_s, now_s=0.0)
    assert observer.latency.learnt is None


@pytest.mark.long
def test_over_many_flights_the_latency_is_off_by_what_its_sigma_says() -> None:
    off = []
    for seed in range(60):
        latency_s = min(0.7, max(0.03, np.random.default_rng(1000 + seed).normal(0.25, 0.12)))
        learner, _ = flown(latency_s, seed=seed, degrees=1.0, seconds=30.0)
        if learner.learnt is not None:
            off.append((learner.learnt.offset_s - (TAKEN_S - latency_s)) / learner.learnt.sigma_s)
    assert len(off) > 50
    assert 0.15 < float(np.sqrt(np.mean(np.square(off)))) < 1.6  # poses without noise: it errs on the safe side
