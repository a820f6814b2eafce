"""A folder of pictures alone: temperatures, places and lens are all in them."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from api.cli import main
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from tests.imagery.readers.pictures import PLAIN, inside_jpeg, made, with_parts, xmp

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
FOCAL_PX = 40.0 / math.hypot(36, 24) * math.hypot(320, 256)
HEIGHT_M, FIRE_EN = 60.0, (4.0, 7.0)


def exif_with_focal(length_mm: int) -> bytes:
    """An Exif part whose camera directory has the equivalent focal length."""
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    return b"Exif\0\0" + head + struct.pack("<HHHIHH", 1, 0xA405, 3, 1, length_mm, 0) + bytes(4)


def burning_at(east_m: float, yaw_deg: float) -> NDArray[np.bool_]:
    """(256, 320) the fire of 2 m at FIRE_EN, seen straight down from HEIGHT_M."""
    columns, rows = np.meshgrid(np.arange(320), np.arange(256))
    x, y = (columns - 159.5) / FOCAL_PX * HEIGHT_M, (rows - 127.5) / FOCAL_PX * HEIGHT_M
    sine, cosine = math.sin(math.radians(yaw_deg)), math.cos(math.radians(yaw_deg))
    east, north = east_m + x * cosine - y * sine, -x * sine - y * cosine
    return np.asarray(np.hypot(east - FIRE_EN[0], north - FIRE_EN[1]) < 1.0)


def picture(east_m: float, yaw_deg: float, second: int) -> bytes:
    """A meadow at 15 °C with the fire, as DJI's and FLIR's words tell it."""
    lat, lon, _ = LocalFrame(HOME).geo_from_enu([east_m, 0.0, HEIGHT_M])
    counts = np.where(burning_at(east_m, yaw_deg), 14_000, 3_300).astype(np.uint16)
    facts = (
        f'drone-dji:GpsLatitude="{lat:.8f}" drone-dji:GpsLongitude="{lon:.8f}" drone-dji:AbsoluteAltitude="+93.0" '
        f'drone-dji:RelativeAltitude="+60.0" drone-dji:GimbalRollDegree="0" drone-dji:GimbalPitchDegree="-90.0" '
        f'drone-dji:GimbalYawDegree="{yaw_deg}" drone-dji:UTCAtExposure="2026-03-14T21:30:{second:02d}.000000"'
    )
    return with_parts(exif_with_focal(40), xmp(facts), jpeg=inside_jpeg(made(counts), piece=60_000))


def test_a_fire_is_placed_without_any_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, (east_m, yaw_deg) in enumerate([(0.0, 0.0), (3.0, 0.0), (6.0, 180.0), (3.0, 90.0)]):
        (folder / f"DJI_{number:04d}_R.JPG").write_bytes(picture(east_m, yaw_deg, 10 + number))
    assert main(["see", str(folder), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    found = json.loads((tmp_path / "out" / "hotspots.geojson").read_text("utf-8"))["features"]
    assert len(found) == 1, capsys.readouterr().out
    lon, lat = found[0]["geometry"]["coordinates"][:2]
    east, north, _ = LocalFrame(HOME).enu_from_geo(lat, lon, HOME.alt_m)
    assert math.hypot(east - FIRE_EN[0], north - FIRE_EN[1]) < 0.5
    facts = found[0]["properties"]
    assert facts["first_seen"].startswith("2026-03-14T21:30:10") and facts["sightings"] == 4
    assert 6.0 < facts["ellipse95"]["semi_major_m"] < 20.0  # a receiver without corrections, an unproven height
    assert facts["peak_c"] > 100.0


@pytest.mark.parametrize(
    "data, words",
    [
        (PLAIN, "do not say their equivalent focal length: give --camera-profile"),
        (with_parts(exif_with_focal(40)), "say no place and height: give --telemetry LOG or --poses CSV"),
    ],
)
def test_pictures_that_say_too_little_are_told_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, words: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    assert main(["see", str(tmp_path), "--out", str(tmp_path / "out")]) in (1, 2)
    assert words in capsys.readouterr().err


def test_radiometry_writes_what_other_programs_read(tmp_path: Path, capsys: Any) -> None:
    import cv2

    source, out = tmp_path / "a.fff", tmp_path / "a.tif"
    source.write_bytes(made())
    assert main(["radiometry", str(source), "--out", str(out), "--emissivity", "0.8"]) == 0
    celsius = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert celsius.dtype == np.float32 and celsius.shape == (48, 64) and np.isfinite(celsius).all()
    assert "emissivity 0.8" in capsys.readouterr().out
    assert main(["radiometry", str(source), "--out", str(tmp_path / "a.png")]) == 2
    source.write_bytes(PLAIN)
    assert main(["radiometry", str(source), "--out", str(out)]) == 1
    assert "no temperatures; nothing was written" in capsys.readouterr().err
