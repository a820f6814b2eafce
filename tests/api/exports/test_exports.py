"""What leaves an incident: every format says the same of the same fire, with its mode, and a stranger can read it."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import rasterio
from shapely import wkb
from shapely.geometry import Polygon, shape

from api.cli import main
from api.exports.gathered import gather
from api.exports.pdf import Page, document, fitting, width_mm
from api.situation import Situation
from api.store.incident import IncidentError
from imagery.incident import Surroundings
from tests.api.conftest import LAT, LON, UTC_S


@pytest.fixture
def folder(
    situation_of: Callable[..., Situation],
    observation: Callable[..., Any],
    frame: Callable[..., Any],
    surroundings: Surroundings,
) -> Path:
    """An exercise with one fire, seen in five frames, a key picture and a thermal map."""
    situation = situation_of("uebung")
    jpeg = cv2.imencode(".jpg", np.full((128, 160), 90, np.uint8))[1].tobytes()
    for n in range(5):
        situation.mapper.keep(frame(n))
        situation.replay(observation(n), surroundings, now_s=0.1 * n)
    (situation.incident.folder / "frames" / "2.jpg").write_bytes(jpeg)
    situation.mapper.settle()
    situation.mapper.save(situation.incident.folder, now_s=UTC_S + 1.0)
    situation.incident.journal.flush()
    facts = (
        (situation.incident.folder / "incident.toml")
        .read_text()
        .replace('title = "Probe"', 'title = "Halle <7> & Hof"')
    )
    (situation.incident.folder / "incident.toml").write_text(facts)
    return situation.incident.folder


def exported(folder: Path, kind: str, out: Path) -> Path:
    assert main(["export", str(folder), "--format", kind, "--out", str(out), "--quiet"]) == 0
    assert not list(out.parent.glob("*.part")) and not list(out.parent.glob(".export-*"))
    return out


def test_geojson_is_what_was_shown(folder: Path, tmp_path: Path) -> None:
    told = json.loads(exported(folder, "geojson", tmp_path / "a.geojson").read_text("utf-8"))
    assert (told["mode"], told["incident"]) == ("uebung", "Halle <7> & Hof") and "crs" not in told
    hotspot, seen = told["features"][0], told["features"][1]
    facts = hotspot["properties"]
    assert (facts["number"], facts["kind"], facts["mode"]) == (1, "fire", "uebung")
    assert hotspot["geometry"]["coordinates"] == pytest.approx([LON, LAT], abs=1e-5)
    assert seen["properties"]["kind"] == "seen" and seen["properties"]["area_m2"] == pytest.approx(80 * 64, rel=0.1)
    journal = sqlite3.connect(folder / "journal.sqlite")
    last = json.loads(
        journal.execute("SELECT payload FROM entries WHERE kind='hotspot' ORDER BY seq").fetchall()[-1][0]
    )
    assert (facts["id"], facts["peak_c"], facts["utmref"]) == (last["id"], last["peak_c"], last["utmref"])


def test_kml_has_the_pin_its_ellipse_and_the_mode(folder: Path, tmp_path: Path) -> None:
    root = ElementTree.fromstring(exported(folder, "kml", tmp_path / "a.kml").read_bytes())
    at = "{http://www.opengis.net/kml/2.2}"
    assert root.find(f"{at}Document/{at}name").text == "ÜBUNG: Halle <7> & Hof"  # type: ignore[union-attr]
    (point,) = root.iter(f"{at}Point")
    lon, lat = (float(part) for part in point.findtext(f"{at}coordinates", "").split(","))
    assert (lon, lat) == pytest.approx((LON, LAT), abs=1e-5)
    rings = [text.text.split() for text in root.iter(f"{at}coordinates") if len(text.text.split()) > 3]  # type: ignore[union-attr]
    assert all(ring[0] == ring[-1] for ring in rings) and len(rings) == 2
    data = {one.get("name"): one.findtext(f"{at}value") for one in root.iter(f"{at}Data")}
    assert data["number"] == "1" and data["mode"] == "uebung" and data["acknowledged_by"] == ""


def test_geopackage_is_one_and_holds_the_same(folder: Path, tmp_path: Path) -> None:
    out = exported(folder, "gpkg", tmp_path / "a.gpkg")
    exported(folder, "gpkg", out)  # again over the old one
    store = sqlite3.connect(out)
    assert store.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
    tables = dict(store.execute("SELECT table_name, data_type FROM gpkg_contents").fetchall())
    assert tables == dict.fromkeys(("hotspots", "ellipses95", "tracks", "areas"), "features")
    blob, number, peak, mode, half = store.execute(
        "SELECT geom, number, peak_c, mode, ellipse95_semi_major_m FROM hotspots"
    ).fetchone()
    assert blob[:4] == b"GP\0\1" and int.from_bytes(blob[4:8], "little") == 4326
    assert wkb.loads(blob[8:]).coords[0] == pytest.approx((LON, LAT), abs=1e-5)
    assert (number, mode) == (1, "uebung") and peak > 200.0 and half > 0.3
    ring = store.execute("SELECT geom FROM ellipses95").fetchone()[0]
    assert isinstance(wkb.loads(ring[8:]), Polygon)
    assert store.execute("SELECT count(*) FROM areas").fetchone() == (1,)
    assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_cursor_on_target_is_an_exercise_with_an_end_and_an_honest_radius(folder: Path, tmp_path: Path) -> None:
    text = exported(folder, "cot", tmp_path / "a.cot").read_text("utf-8")
    assert text.endswith("</event>")
    (event,) = ElementTree.fromstring(f"<all>{text}</all>")
    assert (event.get("type"), event.get("opex")) == ("b-m-p-s-m", "e") and event.get("stale") > event.get("time")  # type: ignore[operator]
    point = event.find("point")
    assert point is not None and point.get("hae") == "9999999.0"
    facts = gather(folder).hotspots[0]["properties"]
    assert float(point.get("ce", "0")) == pytest.approx(0.8767 * facts["ellipse95"]["semi_major_m"], abs=0.06)
    assert (event.findtext("detail/remarks") or "").startswith("ÜBUNG: Wärmequelle 1")


def test_stac_has_an_item_a_key_picture_and_the_map_and_no_link_that_leads_out(folder: Path, tmp_path: Path) -> None:
    out = exported(folder, "stac", tmp_path / "stac")
    catalog = json.loads((out / "catalog.json").read_text("utf-8"))
    assert (catalog["type"], catalog["stac_version"], catalog["mode"]) == ("Catalog", "1.1.0", "uebung")
    items = [json.loads((out / link["href"]).read_text("utf-8")) for link in catalog["links"] if link["rel"] == "item"]
    assert [item["id"] for item in items] == ["2", "thermal-map"]
    for item in items:
        assert shape(item["geometry"]).is_valid and shape(item["geometry"]).bounds == pytest.approx(item["bbox"])
        assert all((out / "items" / asset["href"]).is_file() for asset in item["assets"].values())
        assert all((out / "items" / link["href"]).is_file() for link in item["links"])
    facts = items[0]["properties"]
    assert facts["view:off_nadir"] == pytest.approx(0.0, abs=0.01) and facts["camera_place"][2] == pytest.approx(110.0)
    assert items[1]["properties"]["proj:code"] == "EPSG:25832"
    assert main(["export", str(folder), "--format", "stac", "--out", str(out)]) == 2, "a folder that is not empty stays"


def test_the_map_is_the_cog_of_the_run_or_says_how_to_get_one(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rasterio.open(exported(folder, "cog", tmp_path / "a.tif")) as source:
        assert source.crs.to_epsg() == 25832 and source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    (folder / "thermal.tif").unlink()
    assert main(["export", str(folder), "--format", "cog", "--out", str(tmp_path / "b.tif")]) == 1
    assert "replay" in capsys.readouterr().err and not (tmp_path / "b.tif").exists()


def test_the_page_to_print_says_mode_place_error_and_what_was_looked_at(folder: Path, tmp_path: Path) -> None:
    data = exported(folder, "pdf", tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF-1.4") and data.rstrip().endswith(b"%%EOF") and data.count(b"/DCTDecode") == 1
    start = int(re.findall(rb"startxref\n(\d+)", data)[0])
    assert data[start : start + 4] == b"xref"
    for number, place in enumerate(re.findall(rb"\n(\d{10}) 00000 n", data), start=1):
        assert data[int(place) :].startswith(f"{number} 0 obj".encode())
    pages = [
        zlib.decompress(part) for part in re.findall(rb"FlateDecode/Length \d+>>\nstream\n(.*?)\nendstream", data, re.S)
    ]
    first = pages[0].decode("cp1252")
    error = f"{gather(folder).hotspots[0]['properties']['ellipse95']['semi_major_m']:.1f}".replace(".", ",")
    for words in (
        "ÜBUNG",
        "Halle <7> & Hof",
        "Wärmequelle 1",
        error,
        "5 Bildern",
        "nur für die gesehene Fläche",
        "32U LC",
    ):
        assert f"({words}" in first or f" {words}" in first, words
    assert len(pages) == 2


def test_a_text_on_paper_never_gets_a_wrong_letter_nor_runs_off() -> None:
    page = Page()
    page.text(10, 10, "± (7) \\ ≥ 日")
    data = document([page], title="x")
    (content,) = re.findall(rb"FlateDecode/Length \d+>>\nstream\n(.*?)\nendstream", data, re.S)
    assert "± \\(7\\) \\\\ ? ?" in zlib.decompress(content).decode("cp1252")
    assert fitting("kurz", 10, 50.0) == "kurz"
    cut = fitting("Einsatzstelle " * 20, 10, 60.0)
    assert cut.endswith("…") and width_mm(cut, 10) <= 60.0


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["--format", "geojson", "--out", "{}/nowhere/a.json"], 2, "there is no folder"),
        (["--format", "kml", "--out", "{}"], 2, "is a folder"),
    ],
)
def test_a_bad_place_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(["export", str(folder), *(word.format(tmp_path) for word in words)]) == code
    assert said in capsys.readouterr().err


def test_what_is_no_incident_or_is_damaged_is_named(folder: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["export", str(tmp_path), "--format", "pdf", "--out", str(tmp_path / "a.pdf")]) == 2
    assert "no incident.toml" in capsys.readouterr().err
    (folder / "journal.sqlite").unlink()
    with pytest.raises(IncidentError, match=r"journal\.sqlite: missing"):
        gather(folder)


@pytest.mark.parametrize("kind", ["geojson", "kml", "gpkg", "cot", "stac", "pdf"])
def test_an_incident_that_saw_nothing_leaves_in_every_format(
    situation_of: Callable[..., Situation], tmp_path: Path, kind: str
) -> None:
    situation = situation_of("demo")
    situation.incident.journal.flush()
    exported(situation.incident.folder, kind, tmp_path / f"empty.{kind}")
