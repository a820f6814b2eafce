"""``locate --calibrate`` on real flights: what the flight alone says of its camera, and what a known place adds.

The figures of ``cuav-cmac-2018`` (another program's, from the same pixels): Δt ≈ -0.30 s and yaw ≈ -2.9° by agreement
of the views alone. The barrels' own places are by a consumer's receiver, good to 1-2 m: nothing here can be better.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from missions.geometry.geo import Datum, GeoPoint, LocalFrame


def located(testdata: Path, out: Path, known: Path | None = None) -> dict[str, Any]:
    folder = testdata / "cuav-cmac-2018"
    words = ["locate", "--telemetry", folder / "flight.tlog", "--camera-profile", folder / "camera_params_half.json"]
    words += ["--sightings", folder / "sightings.csv", "--frames", folder / "frames", "--out", out, "--calibrate"]
    assert main([str(word) for word in [*words, *(() if known is None else ("--known", known))]]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def barrels(testdata: Path) -> dict[str, tuple[float, float]]:
    rows = csv.DictReader((testdata / "cuav-cmac-2018" / "targets.csv").open())
    return {row["target"]: (float(row["lat"]), float(row["lon"])) for row in rows}


def targets(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f["properties"]["target"]: f for f in document["features"] if f["properties"]["kind"] == "target"}


def off_and_inside(feature: dict[str, Any], truth: tuple[float, float]) -> tuple[float, float]:
    """Metres from the truth, and its squared distance in units of the 95 % ellipse."""
    lon, lat = feature["geometry"]["coordinates"]
    off = LocalFrame(GeoPoint(*truth, 0.0, Datum.SEA_LEVEL)).enu_from_geo(lat, lon, 0.0)[:2]
    ellipse = feature["properties"]["ellipse95"]
    azimuth = math.radians(ellipse["azimuth_deg"])
    along, across = off @ (math.sin(azimuth), math.cos(azimuth)), off @ (math.cos(azimuth), -math.sin(azimuth))
    inside = (along / ellipse["semi_major_m"]) ** 2 + (across / ellipse["semi_minor_m"]) ** 2
    return float(math.hypot(*off)), float(inside)


def test_a_real_flight_tells_its_clock_and_its_mount_without_any_truth(testdata: Path, tmp_path: Path) -> None:
    found = located(testdata, tmp_path / "o.geojson")
    calibration = found["calibration"]
    assert calibration["time_offset_s"] == pytest.approx(-0.30, abs=0.03)
    assert calibration["yaw_deg"] == pytest.approx(-2.9, abs=0.7)
    assert 0.005 < calibration["sigma"]["time_offset_s"] < 0.05 and 0.1 < calibration["sigma"]["yaw_deg"] < 1.0
    # One pair of opposite legs does not see all of it: what is not seen keeps its prior of 2°.
    assert 0.8 < calibration["sigma"]["roll_deg"] <= 2.05
    truth = barrels(testdata)
    for name, feature in targets(found).items():
        off_m, inside = off_and_inside(feature, truth[name])
        assert 0.3 < off_m <= 3.8 and inside < 1.0
        assert 0.2 < feature["properties"]["scatter_m"] <= 0.9
        assert 3.0 < feature["properties"]["ellipse95"]["semi_major_m"] <= 10.0


def test_with_known_barrels_they_come_out_where_they_are_and_what_they_leave_open_is_small(
    testdata: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.csv"
    known.write_text((testdata / "cuav-cmac-2018" / "targets.csv").read_text())
    truth = barrels(testdata)
    for name, feature in targets(located(testdata, tmp_path / "o.geojson", known)).items():
        off_m, inside = off_and_inside(feature, truth[name])
        assert off_m < 1.0 and inside < 1.0
        assert 1.0 < feature["properties"]["ellipse95"]["semi_major_m"] <= 3.0


@pytest.mark.parametrize(("listed", "unlisted"), [("1", "2"), ("2", "1")])
def test_with_one_known_barrel_the_other_is_placed_by_it(
    testdata: Path, tmp_path: Path, listed: str, unlisted: str
) -> None:
    truth = barrels(testdata)
    known = tmp_path / "known.csv"
    known.write_text(f"target,lat,lon\n{listed},{truth[listed][0]!r},{truth[listed][1]!r}\n")
    alone = targets(located(testdata, tmp_path / "alone.geojson"))[unlisted]
    feature = targets(located(testdata, tmp_path / "o.geojson", known))[unlisted]
    off_m, inside = off_and_inside(feature, truth[unlisted])
    assert off_m <= 1.0 and inside < 1.0
    assert off_m < 0.7 * off_and_inside(alone, truth[unlisted])[0]
    assert 1.0 < feature["properties"]["ellipse95"]["semi_major_m"] <= 3.0
