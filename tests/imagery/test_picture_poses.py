"""Poses that pictures carry themselves: which angles count, which height, and what is too little."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from imagery.picture_poses import NoLens, TakeOff, pose_from, profile_from, take_off_of
from imagery.readers.exif import PictureFacts
from missions.geometry.geo import Datum
from missions.geometry.pose import NoPose, Pose, rotate

FACTS = PictureFacts(
    model="M30T", time_s=1_773_523_800.0, lat_deg=51.4344, lon_deg=6.7623, alt_m=113.0, above_home_m=80.0,
    gimbal_deg=(0.0, -90.0, 30.0), flight_deg=(4.0, -8.0, 100.0), focal_mm=9.1, focal_35_mm=40.0,
)  # fmt: skip
HOME = TakeOff(33.0)


def test_the_gimbal_is_to_the_horizon_and_to_north_whatever_the_aircraft_does() -> None:
    pose = pose_from(FACTS, HOME, vehicle=1, order=1)
    assert isinstance(pose, Pose)
    assert rotate(pose.ned_from_mount, np.array([1.0, 0.0, 0.0])) == pytest.approx([0.0, 0.0, 1.0], abs=1e-9)
    # The top of a picture straight down points where the gimbal's yaw says: the mount's down axis, reversed.
    top = rotate(pose.ned_from_mount, np.array([0.0, 0.0, -1.0]))
    assert top[:2] == pytest.approx([math.cos(math.radians(30)), math.sin(math.radians(30))], abs=1e-9)


def test_the_height_starts_at_the_take_off() -> None:
    pose = pose_from(FACTS, TakeOff(41.0), vehicle=1, order=1)
    assert isinstance(pose, Pose) and pose.position.alt_m == 121.0 and pose.position.datum is Datum.SEA_LEVEL
    assert take_off_of(FACTS, None) == TakeOff(33.0)
    assert take_off_of(FACTS, 41.5) == TakeOff(41.5)
    assert take_off_of(replace(FACTS, alt_m=None), None) is None


def test_a_fixed_solution_is_doubted_less_and_its_sigma_is_common() -> None:
    plain, fixed = (pose_from(replace(FACTS, rtk_sigma_m=s), HOME, vehicle=1, order=1) for s in (None, 0.03))
    assert isinstance(plain, Pose) and isinstance(fixed, Pose)
    assert plain.position_common_m2[0, 0] == 9.0 and fixed.position_common_m2[0, 0] == pytest.approx(0.0009)
    assert plain.position_noise_m2[0, 0] < 0.1 * plain.position_common_m2[0, 0]


@pytest.mark.parametrize("lacks, words", [("lat_deg", "place"), ("above_home_m", "take-off"), ("gimbal_deg", "gimbal")])
def test_what_is_missing_is_named(lacks: str, words: str) -> None:
    pose = pose_from(replace(FACTS, **{lacks: None}), HOME, vehicle=1, order=1)
    assert isinstance(pose, NoPose) and words in pose.text


def test_a_lens_by_its_equivalent_focal_length() -> None:
    profile = profile_from(FACTS, 640, 512)
    # 9.1 mm behind a pitch of 12 µm is 758 px.
    assert profile.fx == profile.fy == pytest.approx(9.1 / 0.012, rel=0.01)
    assert (profile.cx, profile.cy, profile.mount, profile.scale_sigma) == (319.5, 255.5, "gimbal", 0.03)
    with pytest.raises(NoLens, match=r"M30T do not say.*--camera-profile"):
        profile_from(replace(FACTS, focal_35_mm=None), 640, 512)
