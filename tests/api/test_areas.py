"""Thermal map, coverage, edge and re-look list as they leave the house: tiles, GeoJSON, COG."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from api.cog import CogError, read_thermal, write_thermal
from api.map_tiles import NoTile, thermal_tile
from api.mapper import BOUND, Mapper
from api.routes.app import create_app
from api.situation import Situation
from imagery.frame import Frame, FrameKind
from imagery.georeference import View
from imagery.incident import Surroundings
from imagery.observe import FrameObservation
from imagery.thermal_map import ThermalMap
from missions.geometry.geo import GridProjection
from tests.api.conftest import LAT, LON, UTC_S

Make = Callable[..., Any]
FIRE_C = 28_000 * 0.02 - 273.15


@pytest.fixture
def mapped(situation_of: Make, observation: Make, frame: Make, surroundings: Surroundings) -> Situation:
    """Five frames of the small camera, looked at, placed and laid: a fire in the middle of each."""
    return _fly(situation_of(), observation, frame, surroundings)


def _fly(situation: Situation, observation: Make, frame: Make, surroundings: Surroundings) -> Situation:
    for n in range(5):
        situation.mapper.keep(frame(n))
        situation.replay(observation(n), surroundings, now_s=0.1 * n)
    situation.mapper.settle()
    return situation


def client_of(situation: Situation) -> TestClient:
    app = create_app(situation, lambda: {"udpin:127.0.0.1:0": True})
    return TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)


def tile_at(z: int, lat: float = LAT, lon: float = LON) -> tuple[int, int]:
    x = (lon + 180.0) / 360.0 * 2**z
    y = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0 * 2**z
    return int(x), int(y)


def pixels(png: bytes) -> NDArray[np.uint8]:
    found = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None and found.shape == (256, 256, 4)
    return np.asarray(found, np.uint8)


@pytest.mark.parametrize("z", [12, 16, 18, 20])
def test_the_fire_is_red_in_the_tile_at_its_place_at_every_zoom(mapped: Situation, z: int) -> None:
    x, y = tile_at(z)
    answer = client_of(mapped).get(f"/tiles/thermal/{z}/{x}/{y}.png?layer=hottest")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    picture = pixels(answer.content)
    hot = (picture[..., 3] > 0) & (picture[..., 2] > picture[..., 0].astype(int) + 100)
    rows, columns = np.nonzero(hot)
    assert len(rows) > 0, "the fire has vanished"
    n = 2**z
    lon = (x + (columns.mean() + 0.5) / 256) / n * 360.0 - 180.0
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (y + (rows.mean() + 0.5) / 256) / n))))
    metres = 40_075_017 * math.cos(math.radians(LAT)) / n / 256
    off = math.hypot((lat - LAT) * 111_320, (lon - LON) * 111_320 * math.cos(math.radians(LAT)))
    assert off < 0.8 + metres


def test_what_was_never_seen_is_transparent_and_what_is_no_tile_is_refused(mapped: Situation) -> None:
    client = client_of(mapped)
    x, y = tile_at(18, LAT + 0.05)
    assert not pixels(client.get(f"/tiles/thermal/18/{x}/{y}.png").content).any()
    x, y = tile_at(18)
    for path, said in (
        (f"/tiles/thermal/18/{x}/{y}.png?layer=coldest", "allowed are latest"),
        ("/tiles/thermal/30/0/0.png", "zoom 30"),
        ("/tiles/thermal/3/9/0.png", "allowed is 0 to 7"),
        (f"/tiles/coverage/18/{x}/{y}.png?layer=depth", "allowed are seen"),
    ):
        answer = client.get(path)
        assert answer.status_code == 404 and said in answer.text, path
    assert client.get(f"/tiles/thermal/18/{x}/{y}.png?min_c=50&max_c=nan").status_code == 422


def test_tiles_of_the_coverage_show_what_its_outline_says(mapped: Situation) -> None:
    client, (x, y) = client_of(mapped), tile_at(17)
    for layer in ("seen", "gsd", "age", "detection"):
        shown = pixels(client.get(f"/tiles/coverage/17/{x}/{y}.png?layer={layer}").content)[..., 3] > 0
        metres = 40_075_017 * math.cos(math.radians(LAT)) / 2**17 / 256
        assert float(shown.sum()) * metres**2 == pytest.approx(mapped.picture.coverage.area_m2, rel=0.12), layer
    assert not pixels(client.get(f"/tiles/coverage/17/{x}/{y}.png?layer=hidden").content).any()


def test_coverage_says_what_was_seen_and_what_was_not(mapped: Situation) -> None:
    client = client_of(mapped)
    seen, hidden, gap = client.get("/api/v1/coverage").json()["features"]
    assert [f["properties"]["kind"] for f in (seen, hidden, gap)] == ["seen", "hidden", "gap"]
    assert seen["properties"]["gsd_m"] == pytest.approx(0.5, abs=0.03)
    assert 0.5 < seen["properties"]["detection_probability"] <= 0.95
    assert hidden["geometry"] is None and gap["geometry"] is None
    east = 80.0 / 111_320 / math.cos(math.radians(LAT))
    box = f"{LON},{LAT - 1e-4},{LON + east},{LAT + 1e-4}"
    gap = client.get(f"/api/v1/coverage?bbox={box}").json()["features"][2]
    assert gap["properties"]["seen_share"] == pytest.approx(0.5, abs=0.04)  # 80 m wide seen, 40 of them to the east
    assert gap["properties"]["area_m2"] == pytest.approx(40.0 * 24.3, rel=0.15)  # cells of 2 m
    for bad in ("1,2,3", "a,b,c,d", "7,51,6,52", "nan,51,7,52"):
        assert client.get(f"/api/v1/coverage?bbox={bad}").status_code == 422


def test_the_edge_of_the_fire_and_the_facts_of_the_map(mapped: Situation) -> None:
    client = client_of(mapped)
    (area,) = client.get("/api/v1/perimeters").json()["features"]
    facts = area["properties"]
    assert facts["area_m2"] == pytest.approx(7 * 7 * 0.25, abs=2 * facts["area_sigma_m2"])
    assert facts["peak_c"] == pytest.approx(FIRE_C, abs=0.1) and facts["spread"] is None
    (ring,) = area["geometry"]["coordinates"]
    assert ring[0] == ring[-1] and area["geometry"]["type"] == "Polygon"
    told = client.get("/api/v1/map").json()["map"]
    assert (told["unit"], told["crs"], told["frames"]) == ("°C", "EPSG:25832", 5)


def test_a_small_hotspot_is_on_the_list_with_a_height(mapped: Situation, observation: Make) -> None:
    assert client_of(mapped).get("/api/v1/relook").json()["features"] == []
    tiny = observation(6, u=20.0, v=20.0)
    tiny = replace(tiny, detections=replace(tiny.detections, area_px=np.array([1]), bbox=np.array([[20, 20, 1, 1]])))
    mapped.replay(tiny, mapped.surroundings, now_s=1.0)  # type: ignore[arg-type]
    (entry,) = client_of(mapped).get("/api/v1/relook").json()["features"]
    assert set(entry["properties"]["relook_reasons"]) >= {"small", "few"}
    assert entry["properties"]["relook_height_m"] == pytest.approx(80.0 / 3.0, abs=1.0)
    shown = [f["properties"]["relook_height_m"] for f in mapped.hub.hotspots.values()]
    assert entry["properties"]["relook_height_m"] in shown


def test_the_folder_gets_a_cog_in_utm_with_degrees(mapped: Situation, tmp_path: Path) -> None:
    (path,) = mapped.mapper.save(tmp_path, now_s=UTC_S + 60.0)
    assert path.name == "thermal.tif" and not list(tmp_path.glob("*.part*"))
    with rasterio.open(path) as source:
        assert source.crs.to_epsg() == 25832 and set(source.dtypes) == {"float32"}
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.overviews(1) and source.units[:3] == ("degree_Celsius",) * 3
        x, y = GridProjection("EPSG:25832").xy_from_geo(LAT, LON)
        ((latest, hottest, mean, age),) = source.sample([(float(x), float(y))])
    assert latest == pytest.approx(FIRE_C, abs=0.1) and hottest == pytest.approx(FIRE_C, abs=0.1)
    assert mean == pytest.approx(FIRE_C, abs=0.2) and age == pytest.approx(59.6, abs=0.01)
    with pytest.raises(CogError, match="nowhere"):
        mapped.mapper.save(tmp_path / "nowhere", now_s=0.0)


def test_a_picture_without_temperatures_never_gets_a_degree(
    situation_of: Make, observation: Make, frame: Make, surroundings: Surroundings, tmp_path: Path
) -> None:
    def grey(n: int) -> Frame:
        image = (frame(n).image // 128).astype(np.uint8)
        return replace(frame(n), image=image, kind=FrameKind.AGC8)

    situation = _fly(situation_of(), observation, grey, surroundings)
    (path,) = situation.mapper.save(tmp_path, now_s=UTC_S)
    assert path.name == "grey.tif"
    told = read_thermal(path)
    assert told["dtype"] == "uint8" and "°C" not in str(told["units"]) and "no temperatures" in str(told["kind"])
    assert "degree" not in str(told["units"])
    client, (x, y) = client_of(situation), tile_at(18)
    picture = pixels(client.get(f"/tiles/thermal/18/{x}/{y}.png?layer=hottest").content)
    assert (picture[..., 0] == picture[..., 2]).all() and picture[..., 3].any()
    assert client.get("/api/v1/map").json()["map"]["unit"] == "grey"
    assert client.get("/api/v1/perimeters").json()["features"] == []


def test_frames_that_come_faster_than_they_can_be_laid_are_lost_and_counted(
    observation: Make, frame: Make, surroundings: Surroundings
) -> None:
    notes: list[Any] = []
    mapper = Mapper(lambda *words, **facts: notes.append((words, facts)))
    with mapper._lock:  # nobody lays anything meanwhile
        for n in range(BOUND + 5):
            mapper.keep(frame(n))
            mapper.placed(observation(n), surroundings.view(observation(n)))
        assert mapper.lost == 5 and mapper.pending == BOUND
    mapper.settle()
    assert mapper.read(lambda made: made.frames) == BOUND and mapper.pending == 0
    mapper.keep(frame(99))
    mapper.placed(observation(99, placed=False), None)  # no place, no map
    mapper.keep(frame(100, width=80))
    mapper.placed(observation(100), surroundings.view(observation(100)))
    mapper.settle()
    assert mapper.read(lambda made: made.frames) == BOUND
    assert mapper.lost == 6 and "80×128" in notes[0][1]["error"]
    mapper.close()


def test_a_map_of_nothing_writes_no_file(observation: Make, surroundings: Surroundings, tmp_path: Path) -> None:
    view = surroundings.view(observation(0))
    assert isinstance(view, View)
    empty = ThermalMap.over(view, radiometric=True, epoch_s=0.0)
    assert write_thermal(empty, tmp_path / "t.tif", now_s=0.0) is False and not list(tmp_path.iterdir())
    with pytest.raises(NoTile):
        thermal_tile(empty, 2, 4, 0, layer="latest", now_s=0.0)


def test_a_frame_that_was_refused_is_not_laid(
    situation_of: Make, observation: Make, frame: Make, surroundings: Surroundings
) -> None:
    situation = situation_of()
    situation.mapper.keep(frame(1))
    refused: FrameObservation = observation(1, refusal="flat-field")
    situation.replay(refused, surroundings, now_s=0.0)
    situation.mapper.settle()
    assert situation.mapper.read(lambda made: made.frames) is None
