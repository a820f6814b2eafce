"""The same small survey as other programs would hand it over: tables, names and folders that differ in form only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from api.cli import main
from api.commands.locate import frame_time
from imagery.sightings import Sighting
from missions.geometry.geo import Datum, GridProjection
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import write_terrain
from tests.imagery.readers.pictures import with_parts, xmp

PROFILE = "width=320\nheight=240\nfx=400\nfy=400\ncx=159.5\ncy=119.5\nmount='fixed'\n"
FIRE = (51.450021, 6.7400014)
HEAD = "frame,time,lat,lon,alt_m,datum,qw,qx,qy,qz,sigma_m,sigma_deg"
ROWS = [f"{i}.tif,2026-01-01T00:00:0{i}Z,{51.45 + 9e-6 * i:.7f},6.74,80,sea_level,1,0,0,0,1,1" for i in range(5)]
FULL = "\n".join([HEAD, *ROWS]) + "\n"
BARE = "frame,lat,lon,alt_m,datum,qw,qx,qy,qz\n" + "".join(
    f"{i}.tif,{51.45 + 9e-6 * i:.7f},6.74,80,sea_level,1,0,0,0\n" for i in range(5)
)
TURNED = "qz,datum,frame,lon,lat,qy,alt_m,qx,qw\n" + "".join(
    f"0,SEA_LEVEL,{i}.tif,6.74,{51.45 + 9e-6 * i:.7f},0,80,0,-1\n" for i in reversed(range(5))
)


@dataclass
class Survey:
    folder: Path

    @property
    def frames(self) -> Path:
        return self.folder / "frames"

    def see(self, poses: str | bytes) -> int:
        (self.folder / "poses.csv").write_bytes(poses.encode() if isinstance(poses, str) else poses)
        words: list[Any] = ["see", self.frames, "--poses", self.folder / "poses.csv", "--out", self.folder / "out"]
        words += ["--camera-profile", self.folder / "camera.toml", "--terrain", self.folder / "flat.tif"]
        return main([str(word) for word in words])

    def places(self) -> list[list[float]]:
        features = json.loads((self.folder / "out" / "hotspots.geojson").read_text())["features"]
        return [feature["geometry"]["coordinates"] for feature in features]


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    made = Survey(tmp_path)
    made.frames.mkdir()
    for i in range(5):
        picture = np.random.default_rng(i).normal(12, 0.3, (240, 320)).astype(np.float32)
        cv2.circle(picture, (160, 106 + 5 * i), 5, 400.0, -1)
        assert cv2.imwrite(str(made.frames / f"{i}.tif"), picture)
    (tmp_path / "camera.toml").write_text(PROFILE)
    x, y = GridProjection("EPSG:25832").xy_from_geo(51.45, 6.74)
    flat = np.zeros((100, 100), np.float32)
    grid = TerrainGrid(flat, "EPSG:25832", float(x) - 200, float(y) + 200, 4.0, 4.0, Datum.SEA_LEVEL, 1.0)
    write_terrain(tmp_path / "flat.tif", grid)
    return made


@pytest.mark.parametrize(
    "poses",
    [
        FULL,
        BARE,
        TURNED,
        FULL.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + FULL.encode(),
        FULL.encode("utf-16"),
        FULL.replace(",1,1\n", ",,\n"),
        BARE.replace("\n", ",,,\n"),
        BARE.replace(".tif", ""),
        BARE.replace(".tif", ".TIF"),
        BARE.replace("0.tif", "frames/0.tif").replace("1.tif", "D:\\flight\\1.tif"),
    ],
    ids=["full", "bare", "turned", "crlf", "bom", "utf16", "no sigma", "empty cells", "no ending", "case", "folders"],
)
def test_a_table_in_another_form_gives_the_same_fire(survey: Survey, poses: str | bytes) -> None:
    assert survey.see(poses) == 0
    ((lon, lat),) = survey.places()
    assert (lat, lon) == pytest.approx(FIRE, abs=5e-6)


def _torn(frames: Path) -> None:
    (frames / "3.tif").write_bytes((frames / "3.tif").read_bytes()[:5000])


def _other_size(frames: Path) -> None:
    cv2.imwrite(str(frames / "3.tif"), np.full((100, 100), 12.0, np.float32))


def _foreign(frames: Path) -> None:
    for name in ("._0.tif", "Thumbs.db", "notes.txt"):
        (frames / name).write_text("x")


def _loud(frames: Path) -> None:
    for path in list(frames.iterdir()):
        path.rename(frames / path.name.upper())


@pytest.mark.parametrize(
    ("spoil", "frames", "told"),
    [
        (_torn, 4, "1 unreadable"),
        (_other_size, 4, "1 of another size than the camera profile's 320×240"),
        (_foreign, 5, ""),
        (_loud, 5, ""),
    ],
)
def test_one_bad_picture_costs_that_picture_and_is_told(
    survey: Survey, capsys: Any, spoil: Callable[[Path], None], frames: int, told: str
) -> None:
    spoil(survey.frames)
    assert survey.see(BARE) == 0
    said = capsys.readouterr().out
    assert f"{frames} frames" in said and told in said
    assert bool(told) == ("not used" in said)
    assert len(survey.places()) == 1


def test_pictures_of_another_camera_are_no_survey(survey: Survey, capsys: Any) -> None:
    for path in survey.frames.iterdir():
        _ = cv2.imwrite(str(path), np.full((100, 100), 12.0, np.float32))
    assert survey.see(BARE) == 1
    assert "not one of 5 frames could be used" in capsys.readouterr().err
    assert not (survey.folder / "out").exists()


def test_a_lens_without_a_size_takes_the_pictures(survey: Survey) -> None:
    """An OpenCV profile may leave the size out; its principal point is no safe guess of it."""
    lens = {"K": [[400, 0, 150.0], [0, 400, 119.5], [0, 0, 1]], "D": [0.0] * 8}
    (survey.folder / "camera.toml").write_text(json.dumps(lens).replace("{", "\ufeff{", 1), "utf-8")
    assert survey.see(BARE) == 0
    assert survey.places() == [], "a daylight camera shows no hotspots"


@pytest.mark.parametrize(
    ("poses", "told"),
    [
        (BARE.replace(",", ";"), "line 1: cells are separated by semicolons"),
        (BARE.replace("0.tif", "Tür.tif").encode("latin-1"), "line 2 is no text"),
        (BARE.replace("2.tif,51", "2.tif,151"), "line 4: lat is '151"),
        (BARE.replace("sea_level,1,", "sea_level,0.8,"), "a unit quaternion is needed"),
        ("frame,lat\n", "column 'lon' is missing"),
    ],
)
def test_what_cannot_be_read_names_file_line_and_what_is_allowed(
    survey: Survey, capsys: Any, poses: str | bytes, told: str
) -> None:
    assert survey.see(poses) == 2
    said = capsys.readouterr().err
    assert told in said and "poses.csv" in said and len(said.splitlines()) == 1
    shutil.rmtree(survey.frames)


def test_the_time_of_a_picked_frame_is_its_column_its_name_or_its_metadata(tmp_path: Path) -> None:
    told = xmp('drone-dji:UTCAtExposure="2026-03-14T21:30:00.250"')
    (tmp_path / "DJI_0001.jpg").write_bytes(with_parts(told))
    (tmp_path / "2026031421000050.jpg").write_bytes(with_parts(told))

    def time_of(frame: str, frames: Path | None, time_s: float | None = None) -> float | None:
        return frame_time(Sighting(frame, 1.0, 1.0, "", time_s, 2), frames)

    assert time_of("DJI_0001.jpg", tmp_path) == pytest.approx(1_773_523_800.25)
    assert time_of("2026031421000050.jpg", tmp_path) == pytest.approx(1_773_522_000.5)
    assert time_of("DJI_0001.jpg", tmp_path, 7.0) == 7.0
    assert time_of("DJI_0001.jpg", None) is None and time_of("missing.jpg", tmp_path) is None
