"""The pipeline: look at once, place when telemetry has come, write down without losing a bit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.frame import Frame, FrameKind
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import MAX_WAITING, PATIENCE_S, FrameObservation, Observer
from missions.geometry.pose import NoPose, NoPoseReason, Pose
from tests.imagery.scenes import CAMERA, FLAT, LOCAL, PROFILE, detections, disc, frame_of, ground_k, observation, pose


class _Poses:
    """Telemetry that reaches up to a time."""

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s

    def pose_at(self, time_s: float) -> Pose | NoPose:
        if time_s > self.until_s:
            return NoPose(time_s, NoPoseReason.NOT_YET, "telemetry has not come that far")
        return pose(time_s=time_s)


def _stamp(frame: Frame) -> float | None:
    return frame.stamp_s


def _burning(seq: int, **more: object) -> Frame:
    return frame_of(disc(ground_k(seq), 300, 200, 6, 600.0), seq=seq, stamp_s=seq / 9, **more)


def test_a_detection_waits_for_telemetry_and_keeps_its_order() -> None:
    observer, poses = Observer(PROFILE), _Poses(0.2)
    for seq in (1, 2, 3, 4):
        observer.wait_for_pose(observer.see(_burning(seq)), now_s=seq / 9)
    first = observer.take_ready(poses, _stamp, now_s=0.5)
    assert [o.seq for o in first] == [1] and observer.waiting == 3
    poses.until_s = 1.0
    rest = observer.take_ready(poses, _stamp, now_s=0.6)
    assert [o.seq for o in rest] == [2, 3, 4]
    assert all(isinstance(o.pose, Pose) and len(o.detections) == 1 for o in (*first, *rest))
    assert observer.unplaced == 0


def test_after_three_seconds_it_is_unplaced_and_counted() -> None:
    observer, poses = Observer(PROFILE), _Poses(-1.0)
    observer.wait_for_pose(observer.see(_burning(1)), now_s=10.0)
    assert observer.take_ready(poses, _stamp, now_s=10.0 + PATIENCE_S - 0.01) == ()
    (late,) = observer.take_ready(poses, _stamp, now_s=10.0 + PATIENCE_S)
    assert isinstance(late.pose, NoPose) and observer.unplaced == 1


def test_a_gap_is_not_waited_for() -> None:
    class Gap:
        def pose_at(self, time_s: float) -> Pose | NoPose:
            return NoPose(time_s, NoPoseReason.GAP, "a gap")

    observer = Observer(PROFILE)
    observer.wait_for_pose(observer.see(_burning(1)), now_s=0.0)
    assert len(observer.take_ready(Gap(), _stamp, now_s=0.0)) == 1
    assert observer.unplaced == 1


def test_the_queue_is_bounded_and_says_what_it_lost() -> None:
    observer = Observer(PROFILE)
    seen = observer.see(_burning(1))
    for _ in range(MAX_WAITING + 5):
        observer.wait_for_pose(seen, now_s=0.0)
    assert observer.waiting == MAX_WAITING and observer.unplaced == 5


def test_the_wider_clock_decides() -> None:
    observer = Observer(PROFILE)
    observer.wait_for_pose(observer.see(_burning(1, time_sigma_s=0.15)), now_s=0.0)
    (seen,) = observer.take_ready(_Poses(9.0), _stamp, now_s=0.0)
    assert isinstance(seen.pose, Pose) and seen.pose.time_sigma_s == 0.15


def test_a_frozen_picture_is_refused_not_ignored() -> None:
    observer = Observer(PROFILE)
    first = _burning(1)
    again = replace(first, seq=2)
    assert observer.see(first).refusal == ""
    seen = observer.see(again)
    assert seen.refusal == "frozen" and len(seen.detections) == 0 and observer.refused == 1


@pytest.mark.parametrize("by_profile", [True, False])
def test_a_daylight_camera_gets_footprints_and_no_hotspots_and_says_why(by_profile: bool) -> None:
    profile = replace(PROFILE, band="visible") if by_profile else PROFILE
    kind = FrameKind.AGC8 if by_profile else FrameKind.VISIBLE
    observer = Observer(profile)
    picture = np.random.default_rng(1).integers(0, 255, (512, 640, 3)).astype(np.uint8)
    seen = observer.see(frame_of(picture, kind))
    assert len(seen.detections) == 0 and "visible" in seen.refusal
    observer.wait_for_pose(seen, now_s=0.0)
    (seen_at,) = observer.take_ready(_Poses(1.0), _stamp, now_s=0.0)
    after, events = observe(Picture(), seen_at, Surroundings(FLAT, LOCAL, {CAMERA: profile}))
    assert after.footprints[CAMERA].ring_en is not None and events == ()
    assert after.coverage.frames == 0  # nothing was looked for there


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 639), st.floats(0, 511)), max_size=5),
    st.floats(0.0, 2e9),
    st.floats(-180.0, 180.0),
    st.sampled_from(["", "frozen", "flat-field"]),
)
def test_an_observation_survives_json_to_the_last_bit(
    spots: list[tuple[float, float]], time_s: float, yaw: float, refusal: str
) -> None:
    at = pose(time_s=time_s, yaw_deg=yaw, attitude_noise_rad2=np.eye(3) * 1e-5 / 3.0)
    before = observation(at, detections(*spots), refusal=refusal)
    text = json.dumps(before.to_json(), sort_keys=True)
    after = FrameObservation.from_json(json.loads(text))
    assert json.dumps(after.to_json(), sort_keys=True) == text
    assert after.detections.bbox.dtype == before.detections.bbox.dtype
    assert np.array_equal(after.detections.u, before.detections.u)


def test_a_frame_without_a_place_survives_json() -> None:
    before = observation(NoPose(3.5, NoPoseReason.GAP, "a gap of 2 s"), detections())
    after = FrameObservation.from_json(json.loads(json.dumps(before.to_json())))
    assert after.pose == before.pose and len(after.detections) == 0


def test_replaying_observations_gives_the_same_picture() -> None:
    surroundings = Surroundings(FLAT, LOCAL, {CAMERA: PROFILE})
    live, again = Picture(), Picture()
    for seq in range(1, 12):
        seen = observation(pose(east=seq * 0.5, time_s=seq / 9), detections((319.5 - 4.75 * seq, 255.5)), seq=seq)
        live, _ = observe(live, seen, surroundings)
        again, _ = observe(again, FrameObservation.from_json(json.loads(json.dumps(seen.to_json()))), surroundings)
    (first,), (second,) = live.memory.confirmed, again.memory.confirmed
    assert first.place_en.tobytes() == second.place_en.tobytes()
    assert first.sightings == second.sightings == 11
    assert live.coverage.area_m2 == again.coverage.area_m2 > 0
