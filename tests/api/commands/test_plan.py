"""`plan …` on the command line: exit codes, files, and one readable line for every mistake."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from shapely import LineString, Polygon

from api.commands import plan as command
from missions.fence import parse_fence
from missions.formats import read
from missions.geometry.geo import GridProjection
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import write_terrain
from missions.power import parse_power

PROFILE = 'name = "boson"\nwidth = 640\nheight = 512\nfx = 1125.0\nfy = 1125.0\ncx = 319.5\ncy = 255.5\n'
RING = [[6.760, 51.433], [6.763, 51.433], [6.763, 51.4345], [6.760, 51.4345], [6.760, 51.433]]
HOME = "51.4325,6.7605,33"


def _run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(dest="verb", required=True))
    return command.run(parser.parse_args(["plan", *map(str, words)]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "camera.toml").write_text(PROFILE)
    (tmp_path / "area.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [RING]}))
    heights = np.full((600, 700), 33.0, np.float32)
    heights[300:340, 300:340] = 60.0
    x, y = GridProjection("EPSG:25832").xy_from_geo(51.4325, 6.7605)
    write_terrain(tmp_path / "t.tif", TerrainGrid(heights, "EPSG:25832", float(x) - 200, float(y) + 400, 1.0, 1.0))
    return tmp_path


def _survey(folder: Path, *more: object, out: str = "o.plan") -> int:
    area, camera = folder / "area.geojson", folder / "camera.toml"
    return _run("survey", "--area", area, "--camera", camera, "--home", HOME, "--out", folder / out, *more)


@pytest.mark.parametrize("out", ["o.plan", "o.waypoints", "o.geojson"])
def test_a_survey_is_written_in_every_format(folder: Path, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--terrain", folder / "t.tif", out=out) == 0
    assert "waypoints" in capsys.readouterr().out
    if out != "o.geojson":
        plan = read((folder / out).read_text(), out)
        assert plan.home is not None
        assert len(plan.items) > 10


def test_what_a_survey_will_have_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder) == 0
    assert "predicted: 100.0 % seen" in capsys.readouterr().out
    words = ["--area", folder / "area.geojson", "--camera", folder / "camera.toml", "--target-m", 0.2]
    gaps = folder / "gaps.geojson"
    assert _run("coverage", folder / "o.plan", *words, "--terrain", folder / "t.tif", "--out", gaps, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    # The hall of 27 m is nearer to the camera, so its roof is seen in narrower strips.
    assert 0.9 < found["seen"] < 1.0 and 0.75 < found["pod"] < 0.85 and found["legs_not_looking"] == 0
    assert json.loads(gaps.read_text())["features"]
    assert _run("coverage", folder / "o.plan", *words[:4], "--share", 2) == 2
    assert "share 2" in capsys.readouterr().err


def test_hotspots_are_looked_at_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spots = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": place}} for place in RING[:4]]
    (folder / "h.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": spots}))
    words = ["--hotspots", folder / "h.geojson", "--camera", folder / "camera.toml", "--home", HOME]
    assert _run("relook", *words, "--terrain", folder / "t.tif", "--out", folder / "r.plan", "--hold-s", 7) == 0
    assert "4 places" in capsys.readouterr().out
    assert sum(item.p1 == 7.0 for item in read((folder / "r.plan").read_text(), "").items) == 4
    assert _run("relook", *words[:2], *words[2:4], "--pixels", 0, "--out", folder / "r.plan") == 2
    assert "0 pixels" in capsys.readouterr().err


def test_a_hazard_is_watched_from_upwind_and_fenced_off(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--hazard", "51.4332,6.7605", "--home", "51.4318,6.7605,33", "--out", folder / "s.plan"]
    assert _run("standoff", *words, "--wind", "5,180", "--height-m", 70, "--terrain", folder / "t.tif") == 0
    plan = read((folder / "s.plan").read_text(), "")
    assert len(parse_fence(plan.fence).polygons) == 1
    capsys.readouterr()
    assert _run("standoff", *words) == 2
    assert "upwind" in capsys.readouterr().err


def test_a_structure_is_scanned(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--outline", folder / "area.geojson", "--camera", folder / "camera.toml", "--home", HOME]
    assert _run("structure", *words, "--structure-m", 12, "--distance-m", 40, "--out", folder / "s.plan") == 0
    assert "waypoints" in capsys.readouterr().out
    assert _run("structure", *words, "--out", folder / "s.plan") == 2
    assert "how high" in capsys.readouterr().err


def test_a_plan_is_shared_and_gone_on_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--fence-m", 30, "--quiet") == 0
    assert _run("split", folder / "o.plan", "--drones", 2, "--out", folder / "s.plan") == 0
    assert "drone 2, battery 1" in capsys.readouterr().out
    parts = [read((folder / f"s-{n}.plan").read_text(), "") for n in (1, 2)]
    assert parts[0].fence == parts[1].fence != ()
    assert all(_run("check", folder / f"s-{n}.plan") == 0 for n in (1, 2))
    whole = read((folder / "o.plan").read_text(), "").items
    assert _run("resume", folder / "o.plan", "--item", 8, "--at", "51.4338,6.7612", "--out", folder / "r.plan") == 0
    rest = read((folder / "r.plan").read_text(), "").items
    assert rest[-len(whole[8:]) :] == whole[8:] and whole[3] in rest  # the camera looks down again
    capsys.readouterr()
    assert _run("split", folder / "o.plan") == 2 and "--power" in capsys.readouterr().err
    assert _run("resume", folder / "o.plan", "--item", 1, "--out", folder / "r.plan") == 2
    assert "item 1" in capsys.readouterr().err


def test_a_plan_is_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    assert _survey(folder, "--fence-m", 30, "--quiet") == 0
    for ending in (".png", ".svg"):
        assert _run("show", folder / "o.plan", "--terrain", folder / "t.tif", "--out", folder / f"o{ending}") == 0
    assert "home in" in capsys.readouterr().out
    picture = cv2.imread(str(folder / "o.png"))
    assert picture is not None and picture.shape == (980, 1100, 3)
    blue = (picture[..., 0] > 150) & (picture[..., 2] < 80)  # the way
    assert 1_000 < int(blue.sum()) < 60_000
    assert (folder / "o.svg").read_text().startswith("<svg")
    assert _run("show", folder / "o.plan", "--out", folder / "o.pdf") == 2
    assert ".svg and .png" in capsys.readouterr().err


def test_the_written_survey_passes_its_own_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--terrain", folder / "t.tif", "--quiet") == 0
    assert capsys.readouterr().out == ""
    assert _run("check", folder / "o.plan", "--terrain", folder / "t.tif", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["flyable"] is True
    assert answer["findings"] == []
    assert answer["items"]["mission"] > 10


def test_a_flight_into_a_roof_is_not_flyable(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--height-m", 20) == 0
    assert _run("check", folder / "o.plan", "--terrain", folder / "t.tif") == 1
    assert "under the surface" in capsys.readouterr().out


def test_convert_there_and_back_and_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder) == 0
    assert _run("convert", folder / "o.plan", folder / "o.waypoints") == 0
    assert _run("convert", folder / "o.waypoints", folder / "p.plan") == 0
    assert read((folder / "p.plan").read_text(), "").items == read((folder / "o.plan").read_text(), "").items
    capsys.readouterr()
    assert _run("show", folder / "p.plan") == 0
    shown = capsys.readouterr().out
    assert "TAKEOFF" in shown
    assert "60.00 m above home" in shown


def test_convert_for_litchi_and_dji_says_what_is_lost(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--rally", "51.4326,6.7606,20") == 0
    capsys.readouterr()
    for name, words in (("m.csv", "take-off height of 60 m"), ("m.dji.kmz", "not yet flown on any DJI aircraft")):
        assert _run("convert", folder / "o.plan", folder / name) == 0
        told = capsys.readouterr().err
        assert words in told and "1 rally points" in told and "Traceback" not in told
        assert (folder / name).stat().st_size > 500
    assert _run("convert", folder / "o.plan", folder / "m.doc") == 2


def test_convert_puts_home_in_front(folder: Path) -> None:
    rows = ["0 1 3 22 0 0 0 0 0 0 20 1", "1 0 3 16 0 0 0 0 51.433 6.761 20 1", "2 0 3 177 1 2 0 0 0 0 0 1"]
    (folder / "m.txt").write_text("QGC WPL 110\n" + "\n".join(rows) + "\n")
    assert _run("convert", folder / "m.txt", folder / "m.plan") == 1
    assert _run("convert", folder / "m.txt", folder / "m.plan", "--home", HOME) == 0
    items = read((folder / "m.plan").read_text(), "").items
    assert [item.command for item in items] == [16, 22, 16, 177]
    assert items[3].p1 == 2.0


def test_an_orbit_is_planned_and_flyable(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--centre", "51.4335,6.7610", "--home", HOME, "--terrain", folder / "t.tif", "--radius-m", "30"]
    assert _run("orbit", *words, "--out", folder / "o.plan") == 0
    assert "flight time: " in capsys.readouterr().out
    assert _run("check", folder / "o.plan", "--terrain", folder / "t.tif") == 0
    assert _run("orbit", *words[:-1], "2", "--out", folder / "p.plan") == 2
    assert "radius 2.0 m" in capsys.readouterr().err
    assert _run("orbit", "--centre", "52,6.7", *words[2:], "--out", folder / "p.plan") == 2
    assert "t.tif: the terrain does not cover it: the centre" in capsys.readouterr().err


BAD = [
    (["--area", "none.geojson"], 2, "none.geojson: cannot be read"),
    (["--camera", "area.geojson"], 2, "area.geojson"),
    (["--out", "o.xyz"], 2, "allowed are"),
    (["--out", "no/where.plan"], 1, "cannot be written"),
    (["--home", "51.4"], 2, "LAT,LON"),
    (["--home", "a,b"], 2, "LAT,LON"),
    (["--home", "6.7605,51.4325,33"], 1, "do not belong together"),
    (["--home", "91,6.7,33"], 2, "lat_deg"),
    (["--sidelap", "1.5"], 2, "sidelap 1.5"),
    (["--height-m", "-3"], 2, "height -3.0 m"),
    (["--speed-m-s", "0"], 2, "speed 0.0 m/s"),
    (["--terrain", "camera.toml"], 2, "cannot be read as a raster"),
]


@pytest.mark.parametrize(("words", "code", "text"), BAD)
def test_a_mistake_is_one_readable_line(
    folder: Path, words: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {"--area", "--camera", "--out", "--terrain"}
    more = [folder / word if words[0] in paths and index else word for index, word in enumerate(words)]
    assert _survey(folder, "--quiet", *more) == code
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


def test_a_terrain_file_elsewhere_is_named_with_the_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    far = TerrainGrid(np.full((4, 4), 33.0, np.float32), "EPSG:25832", 500_000.0, 5_600_000.0, 1.0, 1.0)
    write_terrain(folder / "far.tif", far)
    assert _survey(folder, "--terrain", folder / "far.tif") == 2
    assert "far.tif: the terrain does not cover it: the middle of" in capsys.readouterr().err


def test_real_plan_files_end_without_a_traceback(testdata: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = {path.name: _run("check", path) for path in sorted((testdata / "plans").iterdir())}
    assert codes["ardupilot_copter_mission.txt"] == 0
    assert codes["qgroundcontrol_sample.plan"] == 0
    assert codes["ardupilot_terrain_mission.txt"] == 1
    assert codes["zones_south_africa.kmz"] == 2
    assert codes["qgroundcontrol_sample_with_survey_missing_items.plan"] == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, waypoints",
    [
        (("corridor", "--route", "route.geojson", "--width-m", "30"), 6),
        (("search", "parallel", "--area", "area.geojson", "--spacing-m", "50", "--height-m", "60"), 8),
        (("search", "creeping", "--area", "area.geojson", "--spacing-m", "50", "--height-m", "60"), 10),
        (("search", "square", "--datum", "51.4335,6.7615", "--legs", "6", "--spacing-m", "20"), 7),
        (("search", "sector", "--datum", "51.4335,6.7615", "--radius-m", "60", "--drift-m-s", "0.4"), 10),
        (("search", "trackline", "--route", "route.geojson", "--target-m", "0.3"), 6),
    ],
)
def test_other_patterns_are_planned_and_say_what_they_are_worth(
    folder: Path, words: tuple[str, ...], waypoints: int, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"type": "LineString", "coordinates": [[6.7605, 51.4332], [6.7615, 51.434], [6.7628, 51.4342]]}
    (folder / "route.geojson").write_text(json.dumps(line))
    named = [folder / word if word.endswith(".geojson") else word for word in words]
    out = folder / "p.plan"
    assert _run(*named, "--camera", folder / "camera.toml", "--home", HOME, "--out", out) == 0
    said = capsys.readouterr().out
    assert f"{waypoints} waypoints" in said and ("probability of detection" in said) == (words[0] == "search")
    assert len(read(out.read_text(), "p.plan").items) > waypoints


@pytest.mark.parametrize(
    "words, complaint",
    [
        (("search", "square"), "a square search needs --datum"),
        (("search", "parallel", "--area", "area.geojson", "--target-m", "0.02"), "target of 0.02 m: 4 px need 6 m"),
        (("corridor", "--route", "area.geojson", "--width-m", "30"), "0 lines found; exactly one LineString"),
        (("search", "sector", "--datum", "51.4335,6.7615", "--drift-m-s", "4"), "drift 4 m/s"),
    ],
)
def test_a_pattern_that_cannot_be_is_one_line(
    folder: Path, words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [folder / word if word.endswith(".geojson") else word for word in words]
    assert _run(*named, "--camera", folder / "camera.toml", "--home", HOME, "--out", folder / "p.plan") == 2
    assert complaint in capsys.readouterr().err


def test_an_aircraft_is_measured_by_its_log_and_its_battery_checked(
    folder: Path, testdata: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole flight in SITL: 360 W at 1 to 8 m/s; the rms is what its gusty throttle leaves."""
    model, plan = folder / "power.toml", folder / "o.plan"
    words = ("--mass-kg", 3, "--rotor-diameter-m", 0.254, "--capacity-wh", 120, "--out", model)
    assert _run("power", "--from", testdata / "sitl" / "survey.tlog", *words) == 0
    assert "W in hover" in capsys.readouterr().out
    fitted = parse_power(model.read_text())
    assert fitted.power_w(0.0) == pytest.approx(360.0, rel=0.05)
    assert fitted.residual_w is not None and 5.0 < fitted.residual_w < 40.0
    assert _survey(folder, "--terrain", folder / "t.tif", "--power", model, "--wind", "5,240") == 0
    assert "Wh" in capsys.readouterr().out
    assert _run("check", plan, "--power", model, "--wind", "5,240", "--json") == 0
    energy = json.loads(capsys.readouterr().out)["energy"]
    assert energy["energy_wh"] > 10.0 and len(energy["legs"]) > 4
    model.write_text(model.read_text().replace("capacity_wh = 120", "capacity_wh = 12"))
    assert _run("check", plan, "--power", model) == 1
    assert "Split the mission" in capsys.readouterr().out
    assert _run("check", plan, "--wind", "5,240") == 0
    assert "5 m/s of wind from 240°" in capsys.readouterr().out


def test_logs_of_the_same_flight_tell_the_same_and_an_aeroplane_is_refused(
    folder: Path, testdata: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The vehicle's own log beside the ground's, and both together; a real fixed wing's log has no hover in it."""
    (folder / "f.BIN").write_bytes(gzip.decompress((testdata / "sitl" / "survey.BIN.gz").read_bytes()))
    logs = (
        [folder / "f.BIN"],
        [testdata / "sitl" / "survey.tlog"],
        [folder / "f.BIN", testdata / "sitl" / "survey.tlog"],
    )
    words = ("--mass-kg", 3, "--rotor-diameter-m", 0.254, "--capacity-wh", 120, "--out", folder / "m.toml")
    hovers = []
    for each in logs:
        assert _run("power", "--from", *each, *words) == 0
        hovers.append(parse_power((folder / "m.toml").read_text()).power_w(0.0))
    assert hovers == pytest.approx([360.0] * 3, rel=0.05)
    assert hovers[0] == pytest.approx(hovers[1], rel=0.03)
    assert _run("power", "--from", testdata / "cuav-cmac-2018" / "flight.tlog", *words) == 2
    assert "a fixed wing" in capsys.readouterr().err


def test_a_survey_around_a_no_fly_area_with_its_fence_and_rally_point(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    middle = [[6.7612, 51.4336], [6.7618, 51.4336], [6.7618, 51.4340], [6.7612, 51.4340], [6.7612, 51.4336]]
    (folder / "no.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [middle]}))
    more = ("--no-fly", folder / "no.geojson", "--fence-m", 60, "--rally", "51.4325,6.7606,30", "--crosshatch")
    assert _survey(folder, "--terrain", folder / "t.tif", "--gsd-cm", "5", *more) == 0
    plan = read((folder / "o.plan").read_text(), "o.plan")
    fence = parse_fence(plan.fence)
    assert [polygon.inclusion for polygon in fence.polygons] == [True, False] and len(plan.rally) == 1
    area = Polygon(middle).buffer(-1e-6)
    track = LineString([(i.lon_deg, i.lat_deg) for i in plan.items[1:] if i.command == 16])
    assert not area.intersects(track)
    assert Polygon([(lon, lat) for lat, lon in fence.polygons[0].corners]).contains(track)
    assert _run("check", folder / "o.plan", "--terrain", folder / "t.tif") == 0
    capsys.readouterr()
    assert _survey(folder, "--gsd-cm", "5", "--height-m", "60") == 2
    assert "give one of --height-m, --gsd-cm and --target-m" in capsys.readouterr().err
    assert _survey(folder, "--rally", "51.4,x,3") == 2


def test_the_height_follows_from_what_a_pixel_shall_show(folder: Path) -> None:
    def highest(*more: object) -> float:
        assert _survey(folder, "--quiet", *more) == 0
        return max(i.alt_m for i in read((folder / "o.plan").read_text(), "o").items[1:] if i.command == 16)

    assert highest("--gsd-cm", "4") == pytest.approx(45.0)
    assert highest("--target-m", "0.2") == pytest.approx(1125 * 0.2 / 4)


def test_zones_are_warnings_and_become_a_fence_only_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = [[6.7618, 51.4338], [6.7622, 51.4338], [6.7622, 51.4341], [6.7618, 51.4341], [6.7618, 51.4338]]
    volume = {"horizontalProjection": {"type": "Polygon", "coordinates": [ring]}, "upperLimit": 100}
    zones = {"features": [{"identifier": "D1", "name": "Klinik", "restriction": "PROHIBITED", "geometry": [volume]}]}
    (folder / "z.json").write_text(json.dumps(zones))
    assert _survey(folder, "--terrain", folder / "t.tif", "--zones", folder / "z.json", "--class", "demo") == 0
    assert "meets Klinik (PROHIBITED, 0 m AGL to 100 m AGL)" in capsys.readouterr().err
    assert read((folder / "o.plan").read_text(), "o").fence == ()
    ground = ("--terrain", folder / "t.tif")
    assert _run("check", folder / "o.plan", "--zones", folder / "z.json", *ground, "--json") == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [f["code"] for f in findings if f["code"].startswith("zone")] == ["zone"]
    assert _survey(folder, "--zones", folder / "z.json", "--fence-zones", "--quiet") == 1  # the lines would cross it
    assert "exclusion polygon" in capsys.readouterr().err
    assert _run("check", folder / "o.plan", "--zones", folder / "z.json", "--qnh", "10") == 2
    assert "--qnh 10: allowed are 870 to 1090" in capsys.readouterr().err


def test_wind_turns_the_lines_and_night_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--wind", "6,240", "--at", "2026-11-26T02:00Z", "--link-m", "100") == 0
    told = capsys.readouterr()
    assert "lines on 150°, wind from 240°: across the wind" in told.out
    assert "begins by night, 02:00 UTC" in told.err
    assert "the radio reaches 100 m" in told.err


def test_the_way_home_is_checked_at_the_return_height_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(folder, "--terrain", folder / "t.tif", "--height-m", 20) == 0
    capsys.readouterr()
    for rtl_m, told in ((15, True), (60, False)):
        _run("check", folder / "o.plan", "--terrain", folder / "t.tif", "--json", "--rtl-m", rtl_m)
        codes = {finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]}
        assert ("rtl_path" in codes) is told, rtl_m
