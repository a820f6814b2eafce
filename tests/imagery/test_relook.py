"""Which hotspots are worth another look, and whether the height that is named settles it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from imagery.incident import Picture, Surroundings, observe
from imagery.relook import ENOUGH_M, HIGHEST_M, LOWEST_M, relook, relooks
from tests.imagery.scenes import CAMERA, FLAT, LOCAL, PROFILE, detections, observation, pose

SURE = replace(PROFILE, boresight_sigma_deg=0.1, boresight_yaw_sigma_deg=0.2, time_offset_sigma_s=0.0)


def remembered(looks: int, height: float, *, px: int, side: int, profile=SURE, gnss_m: float = 0.3) -> Picture:  # type: ignore[no-untyped-def]
    surroundings, picture = Surroundings(FLAT, LOCAL, {CAMERA: profile}), Picture()
    common = np.eye(3) * gnss_m**2
    for seq in range(1, looks + 1):
        at = pose(0.0, 0.0, height, time_s=seq / 5.0, position_common_m2=common)
        found = detections((319.5, 255.5), area_px=px, side=side)
        picture, _ = observe(picture, observation(at, found, seq=seq), surroundings)
    return picture


def test_a_large_hotspot_that_was_seen_often_needs_no_second_look() -> None:
    (hotspot,) = remembered(6, 60.0, px=100, side=10).memory.hotspots
    assert relook(hotspot, SURE) is None


def test_a_small_one_from_too_high_settles_at_a_third_of_the_height() -> None:
    """One pixel of 760 px focal length from 110 m is 14.5 cm: three pixels of it are seen from 36.7 m."""
    (hotspot,) = remembered(4, 110.0, px=1, side=1).memory.hotspots
    entry = relook(hotspot, SURE)
    assert entry is not None and entry.reasons == ("small",) and entry.settles
    assert entry.height_m == pytest.approx(110.0 / 3.0, rel=0.02)
    # Flown at that height it spans three pixels, and nothing is left to settle.
    (again,) = remembered(4, entry.height_m, px=9, side=3).memory.hotspots
    assert math.sqrt(again.area_m2) / (entry.height_m / 760.0) == pytest.approx(3.0, rel=0.05)
    assert relook(again, SURE) is None


def test_what_cannot_be_settled_says_so_and_stands_first() -> None:
    (tiny,) = remembered(4, 30.0, px=1, side=1).memory.hotspots
    entry = relook(tiny, SURE)
    assert entry is not None and entry.height_m == LOWEST_M and not entry.settles
    (small,) = remembered(4, 110.0, px=1, side=1).memory.hotspots
    order = relooks([replace(small, key=1), replace(tiny, key=2)], {CAMERA: SURE})
    assert [one.key for one in order] == [2, 1]


def test_a_crooked_mount_is_mended_by_height_and_a_bad_receiver_is_not() -> None:
    crooked = replace(SURE, boresight_sigma_deg=2.0)
    (hotspot,) = remembered(6, 100.0, px=100, side=10, profile=crooked).memory.hotspots
    assert hotspot.ellipse.semi_major_m > ENOUGH_M
    entry = relook(hotspot, crooked)
    assert entry is not None and entry.reasons == ("place",)
    (lower,) = remembered(6, entry.height_m, px=100, side=10, profile=crooked).memory.hotspots
    assert lower.ellipse.semi_major_m == pytest.approx(ENOUGH_M, rel=0.15)
    (lost,) = remembered(6, 60.0, px=100, side=10, gnss_m=6.0).memory.hotspots
    entry = relook(lost, SURE)
    assert entry is not None and entry.height_m == HIGHEST_M


def test_a_single_look_is_worth_another_and_a_camera_nobody_knows_is_left_out() -> None:
    (hotspot,) = remembered(1, 60.0, px=100, side=10).memory.hotspots
    entry = relook(hotspot, SURE)
    assert entry is not None and entry.reasons == ("few",) and entry.height_m == HIGHEST_M
    assert relooks([hotspot], {}) == []
