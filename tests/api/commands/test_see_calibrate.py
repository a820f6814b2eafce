"""``see --calibrate``: a late clock and a crooked mount make two fires of one; the flight itself mends it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from api.cli import main
from api.settings import read_profile
from missions.geometry.geo import Datum, GridProjection
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import write_terrain

LAT, LON, HEIGHT_M, FOCAL_PX = 51.45, 6.74, 60.0, 200.0
SPEED_M_S = (8.0, 3.0)
LATE_S, TURNED_DEG = -0.35, 3.0
FIRES = ((3.0, 2.0), (-9.0, 14.0), (11.0, -13.0))
PROFILE = (
    "width=160\nheight=128\nfx=200\nfy=200\ncx=79.5\ncy=63.5\nmount='fixed'\ntime_offset_sigma_s=0.3\n"
    "boresight_sigma_deg=1.0\nboresight_yaw_sigma_deg=3.0\n"
)


def _geo(east: float, north: float) -> tuple[float, float]:
    return LAT + north / 111_245.0, LON + east / (111_413.0 * math.cos(math.radians(LAT)))


@pytest.fixture
def crooked(tmp_path: Path) -> list[str]:
    """Two opposite legs, a frame every 3 m; the camera exposes early and is turned in its mount."""
    frames = tmp_path / "frames"
    frames.mkdir()
    rows = ["frame,time,lat,lon,alt_m,datum,qw,qx,qy,qz,sigma_m,sigma_deg"]
    for n in range(32):
        leg, step = divmod(n, 16)
        heading = 180.0 * leg
        speed = SPEED_M_S[leg]  # of one speed alone nobody can tell a late clock from a nose that is down
        along = 3.0 * (step - 7.5)
        sign = 1.0 if leg == 0 else -1.0
        log_north = sign * along
        true_north = log_north + sign * speed * LATE_S
        picture = np.random.default_rng(n).normal(12.0, 0.3, (128, 160)).astype(np.float32)
        for fire_e, fire_n in FIRES:
            turn = math.radians(heading + TURNED_DEG)
            e, north = fire_e, fire_n - true_north
            right, forward = e * math.cos(turn) - north * math.sin(turn), e * math.sin(turn) + north * math.cos(turn)
            u, v = 79.5 + FOCAL_PX * right / HEIGHT_M, 63.5 - FOCAL_PX * forward / HEIGHT_M
            if 5 < u < 154 and 5 < v < 122:
                cv2.circle(picture, (round(u * 16), round(v * 16)), 4 * 16, 400.0, -1, shift=4)
        assert cv2.imwrite(str(frames / f"{n:03}.tif"), picture)
        lat, lon = _geo(0.0, log_north)
        half = math.radians(heading) / 2.0
        seconds = 3.0 * step / speed + 60.0 * leg
        stamp = f"2026-01-01T00:{int(seconds // 60):02}:{seconds % 60:05.2f}Z"
        rows.append(
            f"{n:03}.tif,{stamp},{lat:.9f},{lon:.9f},{HEIGHT_M},sea_level,{math.cos(half)},0,0,{math.sin(half)},0.5,0.5"
        )
    (tmp_path / "poses.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "camera.toml").write_text(PROFILE)
    x, y = GridProjection("EPSG:25832").xy_from_geo(LAT, LON)
    flat = TerrainGrid(np.zeros((100, 100), np.float32), "EPSG:25832", float(x) - 200, float(y) + 200, 4.0, 4.0,
                       Datum.SEA_LEVEL, 0.5)  # fmt: skip
    write_terrain(tmp_path / "flat.tif", flat)
    words: list[Any] = ["see", frames, "--poses", tmp_path / "poses.csv", "--terrain", tmp_path / "flat.tif"]
    return [str(word) for word in [*words, "--camera-profile", tmp_path / "camera.toml", "--workers", "1"]]


def _off_m(folder: Path) -> list[float]:
    """How far each hotspot is from the fire next to it."""
    features = json.loads((folder / "hotspots.geojson").read_text())["features"]
    fires = [_geo(*fire) for fire in FIRES]
    found = []
    for feature in features:
        lon, lat = feature["geometry"]["coordinates"]
        found.append(min(math.hypot((lat - a) * 111_245, (lon - b) * 69_440) for a, b in fires))
    return found


def _axes_m(folder: Path) -> list[float]:
    features = json.loads((folder / "hotspots.geojson").read_text())["features"]
    return [feature["properties"]["ellipse95"]["semi_major_m"] for feature in features]


def test_the_flight_tells_its_own_clock_and_mount(crooked: list[str], tmp_path: Path, capsys: Any) -> None:
    assert main([*crooked, "--out", str(tmp_path / "as-it-is")]) == 0
    assert main([*crooked, "--out", str(tmp_path / "out"), "--calibrate"]) == 0
    assert "calibration: time offset" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert found["time_offset_s"] == pytest.approx(LATE_S, abs=max(0.06, 3 * found["sigma"]["time_offset_s"]))
    assert found["yaw_deg"] == pytest.approx(TURNED_DEG, abs=max(0.4, 3 * found["sigma"]["yaw_deg"]))
    assert found["sigma"]["time_offset_s"] < 0.25 and found["sigma"]["yaw_deg"] < 1.0
    before, after = _off_m(tmp_path / "as-it-is"), _off_m(tmp_path / "out")
    assert len(after) == len(FIRES) and max(after) < 1.2
    assert 0.1 < max(after) < max(_axes_m(tmp_path / "out")) < 0.8 * max(_axes_m(tmp_path / "as-it-is"))
    assert max(before) < max(_axes_m(tmp_path / "as-it-is"))
    profile = read_profile(tmp_path / "out" / "camera-calibrated.toml")
    assert profile.yaw_deg == pytest.approx(found["yaw_deg"], abs=1e-3)
    assert profile.time_offset_sigma_s == pytest.approx(found["sigma"]["time_offset_s"], abs=1e-4)
    # With what was found as its profile the flight needs no second calibration.
    calibrated = str(tmp_path / "out" / "camera-calibrated.toml")
    words = [calibrated if word.endswith("camera.toml") else word for word in crooked]
    assert main([*words, "--out", str(tmp_path / "again")]) == 0
    assert _off_m(tmp_path / "again") == pytest.approx(after, abs=0.02)


def test_a_flight_over_nothing_keeps_its_profile_and_says_so(crooked: list[str], tmp_path: Path, capsys: Any) -> None:
    for path in (tmp_path / "frames").iterdir():
        cold = np.random.default_rng(1).normal(12.0, 0.3, (128, 160)).astype(np.float32)
        assert cv2.imwrite(str(path), cold + np.float32(0.001) * int(path.stem))
    assert main([*crooked, "--out", str(tmp_path / "out"), "--calibrate"]) == 0
    assert "not calibrated" in capsys.readouterr().out
    assert not (tmp_path / "out" / "calibration.json").exists()
