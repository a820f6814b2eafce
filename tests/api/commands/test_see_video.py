"""A video alone: its subtitles, or the metadata in its stream, place a fire."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.cli import main
from imagery.readers import srt
from imagery.video_poses import trail_of
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import NoPose, Pose
from tests.api.commands.test_see_pictures import FIRE_EN, FOCAL_PX, HEIGHT_M, HOME, burning_at
from tests.imagery.sources.nut import nut
from tests.imagery.sources.transport import local_set, transport_stream

WAY = [(-4.0, 0.0), (-1.0, 0.0), (2.0, 0.0), (5.0, 0.0), (8.0, 0.0)]
PROFILE = f"""
width = 320
height = 256
fx = {FOCAL_PX}
fy = {FOCAL_PX}
cx = 159.5
cy = 127.5
mount = "gimbal"
"""


def place(east_m: float) -> tuple[float, float]:
    lat, lon, _ = LocalFrame(HOME).geo_from_enu([east_m, 0.0, HEIGHT_M])
    return float(lat), float(lon)


def subtitles(step_s: float = 0.5) -> str:
    lines = []
    for n, (east_m, yaw_deg) in enumerate(WAY):
        lat, lon = place(east_m)
        lines += [
            f"{n + 1}", f"00:00:{n * step_s:06.3f} --> 00:00:{(n + 1) * step_s:06.3f}".replace(".", ","),
            f"[latitude: {lat:.8f}] [longitude: {lon:.8f}] [rel_alt: 60.0 abs_alt: 93.0] "
            f"[gb_yaw: {yaw_deg} gb_pitch: -90.0 gb_roll: 0.0]", "",
        ]  # fmt: skip
    return "\n".join(lines)


def seen(folder: Path, video: Path, capsys: Any, *more: str) -> dict[str, Any]:
    (folder / "camera.toml").write_text(PROFILE)
    words = ["see", str(video), "--camera-profile", str(folder / "camera.toml"), "--out", str(folder / "out"), *more]
    assert main([*words, "--quiet", "--workers", "1"]) == 0, capsys.readouterr().err
    found = json.loads((folder / "out" / "hotspots.geojson").read_text("utf-8"))["features"]
    assert len(found) == 1, capsys.readouterr().out
    lon, lat = found[0]["geometry"]["coordinates"][:2]
    east, north, _ = LocalFrame(HOME).enu_from_geo(lat, lon, HOME.alt_m)
    off_m, facts = math.hypot(east - FIRE_EN[0], north - FIRE_EN[1]), found[0]["properties"]
    assert off_m < 1.0 and 5.0 < facts["ellipse95"]["semi_major_m"] < 20.0
    return dict(facts)


def test_a_video_with_djis_subtitles_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [np.where(burning_at(*at), 20_000, 14_400).astype(np.uint16) for at in WAY]
    tags = {"kelvin_per_count": "0.02"}
    stamps = [0.5 * n for n in range(len(WAY))]
    (tmp_path / "DJI_0001.nut").write_bytes(nut(stamps, codec="ffv1", tags=tags, pictures=pictures))
    (tmp_path / "DJI_0001.SRT").write_text(subtitles())
    facts = seen(tmp_path, tmp_path / "DJI_0001.nut", capsys, "--video-start", "2026-03-14T21:30:00Z")
    assert facts["first_seen"].startswith("2026-03-14T21:30:00") and facts["peak_c"] == pytest.approx(126.9, abs=0.5)


def test_a_stream_with_misb_metadata_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [np.where(burning_at(*at), 235, 60).astype(np.uint8) for at in WAY]
    sets = []
    for n, (east_m, yaw_deg) in enumerate(WAY):
        lat, lon = place(east_m)
        sets.append(local_set(1_773_523_800.0 + 0.48 * n, lat=lat, lon=lon, alt_m=93.0, heading=yaw_deg, ground_m=33.0))
    (tmp_path / "a.ts").write_bytes(transport_stream(pictures, sets))
    facts = seen(tmp_path, tmp_path / "a.ts", capsys)
    assert facts["peak_c"] is None and facts["first_seen"].startswith("2026-03-14T21:30:0")


def test_a_video_that_says_nothing_is_told_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.nut").write_bytes(nut([0.0, 0.5], tags={}))
    (tmp_path / "camera.toml").write_text(PROFILE)
    words = ["see", str(tmp_path / "a.nut"), "--camera-profile", str(tmp_path / "camera.toml")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "no .SRT beside it and no metadata in it: give --telemetry LOG or --poses CSV" in capsys.readouterr().err


def test_between_cues_the_way_is_blended_and_beyond_them_there_is_none() -> None:
    from imagery.picture_poses import TakeOff

    trail = trail_of(srt.parse(subtitles(), "a"), TakeOff(33.0))
    middle = trail.pose_at(0.75)
    assert isinstance(middle, Pose)
    east, north, up = LocalFrame(HOME).enu_of(middle.position)
    assert (east, north, up) == pytest.approx((0.5, 0.0, 60.0), abs=0.01)
    assert middle.velocity_ned_m_s == pytest.approx([0.0, 6.0, 0.0], abs=0.02) and middle.time_sigma_s > 0.05
    assert isinstance(trail.pose_at(2.1), Pose), "the last cue holds for as long as cues usually do"
    for outside_s in (-0.1, 3.0):
        assert isinstance(trail.pose_at(outside_s), NoPose)
    far = trail_of(srt.parse(subtitles(5.0), "a"), TakeOff(33.0)).pose_at(2.0)
    assert isinstance(far, NoPose) and "a gap of 5.0 s" in far.text
    blind = trail_of(srt.parse(subtitles().replace("gb_", "x_"), "a"), TakeOff(33.0)).pose_at(0.5)
    assert isinstance(blind, NoPose) and "no direction of its gimbal" in blind.text
