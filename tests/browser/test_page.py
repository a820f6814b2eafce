"""What the page shows when all is well, and that it never shows old as live when something dies."""

from __future__ import annotations

import re
import signal
import time
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NAMED_WITHIN_MS = 4000
MOMENT_MS = 600  # for the test's own round trips, not for the page


def holds(page: Any, expression: str, within_s: float = 20.0) -> None:
    """Wait for an expression; wait_for_function polls by eval, which the page's CSP rightly refuses."""
    deadline = time.monotonic() + within_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"not within {within_s} s: {expression}"
        page.wait_for_timeout(50)


def opened(page: Any, server: Any) -> None:
    page.goto(server.url)
    expect(page.locator(".page")).to_have_attribute("data-server", "alive", timeout=20_000)
    holds(page, "window.__einsatz && window.__einsatz().basemap === 'ok'")


def source(page: Any, kind: str) -> Any:
    return page.locator(f"[data-testid=source][data-kind={kind}]")


def test_a_hotspot_arrives_in_the_list_and_on_the_map_where_the_api_says(page: Any, server: Any) -> None:
    server.turn("hotspots", 0)
    opened(page, server)
    expect(page.get_by_test_id("empty")).to_contain_text("gilt nur für die gesehene Fläche")
    server.turn("hotspots", 3)
    expect(page.get_by_test_id("hotspot")).to_have_count(3, timeout=5000)
    holds(page, "window.__einsatz().drawn.length === 3")
    wanted = {f["properties"]["id"]: f["geometry"]["coordinates"] for f in server.get("/api/v1/hotspots")["features"]}
    look = page.evaluate("window.__einsatz()")
    assert {h["id"]: h["coordinates"] for h in look["hotspots"]} == wanted
    for drawn in look["drawn"]:  # what MapLibre painted went through tiles: centimetres, not more
        lon, lat = wanted[drawn["id"]]
        assert drawn["lon"] == pytest.approx(lon, abs=2e-6)
        assert drawn["lat"] == pytest.approx(lat, abs=2e-6)


def test_list_and_map_are_linked_in_both_directions(page: Any, server: Any) -> None:
    opened(page, server)
    holds(page, "window.__einsatz().drawn.length >= 3")
    page.locator("[data-id=h-2]").click()
    assert page.evaluate("window.__einsatz().selected") == "h-2"
    spot = next(d for d in page.evaluate("window.__einsatz().drawn") if d["id"] == "h-3")
    box = page.get_by_test_id("map").bounding_box()
    page.mouse.click(box["x"] + spot["x"], box["y"] + spot["y"])
    expect(page.locator("[data-id=h-3]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-id=h-3]")).to_be_in_viewport()


def test_the_words_of_a_hotspot(page: Any, server: Any) -> None:
    opened(page, server)
    expect(page.locator("[data-id=h-1]")).to_contain_text("Wärmequelle 1")
    expect(page.locator("[data-id=h-1]")).to_contain_text("143 °C")
    expect(page.locator("[data-id=h-1]")).to_contain_text("± 3,4 m")
    expect(page.locator("[data-id=h-2]")).to_contain_text("≥ 260 °C")
    expect(page.locator("[data-id=h-3]")).to_contain_text("– °C")
    first = server.get("/api/v1/hotspots")["features"][0]["properties"]["utmref"]
    shown = page.locator("[data-id=h-1] .place").inner_text()
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", first)
    expect(page.get_by_test_id("statement")).to_contain_text(
        re.compile(r"Erkennung läuft seit \d\d:\d\d, [\d.]+ Bilder, 3,1\sha gesehen")
    )
    page.get_by_role("button", name="English").click()
    expect(page.locator("[data-id=h-1]")).to_contain_text("Hotspot 1")


@pytest.mark.parametrize(
    "switch,kinds", [("telemetry", ["link", "telemetry"]), ("video", ["video"]), ("detection", ["detection"])]
)
def test_a_dead_source_is_named_within_four_seconds_and_recovers(
    page: Any, server: Any, switch: str, kinds: list[str]
) -> None:
    opened(page, server)
    for kind in kinds:
        expect(source(page, kind)).to_have_attribute("data-state", "live")
    server.turn(switch, False)
    began = time.monotonic()
    for kind in kinds:
        expect(source(page, kind)).to_have_attribute("data-state", "stale", timeout=NAMED_WITHIN_MS + MOMENT_MS)
    expect(page.get_by_test_id("notice").first).to_contain_text("alt")
    assert time.monotonic() - began < (NAMED_WITHIN_MS + MOMENT_MS) / 1000
    if switch == "telemetry":
        expect(page.get_by_test_id("vehicle-1")).to_have_attribute("data-freshness", "stale")
    if switch == "video":
        expect(page.get_by_test_id("video")).to_have_attribute("data-state", "stale")
        expect(page.get_by_test_id("video")).to_contain_text("STANDBILD")
    if switch == "detection":
        expect(page.get_by_test_id("statement")).to_contain_text("Keine Aussage")
    server.turn(switch, True)
    for kind in kinds:
        expect(source(page, kind)).to_have_attribute("data-state", "live", timeout=4000)
    expect(page.get_by_test_id("notice")).to_have_count(0)


def test_a_lost_drone_keeps_its_last_position_and_says_when_it_was(page: Any, server: Any) -> None:
    opened(page, server)
    server.turn("telemetry", False)
    expect(page.get_by_test_id("notice")).to_contain_text(re.compile(r"letzte Position \d\d:\d\d:\d\d"), timeout=13_000)
    look = page.evaluate("window.__einsatz()")
    assert look["vehicles"][0]["freshness"] == "lost" and look["vehicles"][0]["lat_deg"] is not None


def test_a_camera_that_cannot_detect_makes_no_statement_and_says_why(page: Any, server: Any) -> None:
    server.turn("blind", "visible_light")
    opened(page, server)
    expect(page.get_by_test_id("statement")).to_contain_text("Keine Aussage – Tageslichtkamera: keine Temperaturen")
    expect(source(page, "detection")).to_have_attribute("data-state", "off")
    expect(page.get_by_test_id("notice")).to_have_count(0)


def test_a_frozen_picture_is_called_frozen(page: Any, server: Any) -> None:
    opened(page, server)
    expect(page.get_by_test_id("video")).to_have_attribute("data-state", "live", timeout=5000)
    server.turn("frozen", True)
    expect(page.get_by_test_id("video")).to_contain_text("BILD EINGEFROREN", timeout=4000)


def test_a_dead_server_is_named_within_four_seconds_and_a_new_one_replaces_the_picture(page: Any, server: Any) -> None:
    opened(page, server)
    expect(page.get_by_test_id("hotspot")).to_have_count(5)
    server.kill()
    expect(page.get_by_test_id("server-lost")).to_contain_text("KEINE VERBINDUNG ZUM SERVER", timeout=NAMED_WITHIN_MS)
    expect(page.get_by_test_id("statement")).to_contain_text("Keine Aussage")
    expect(page.get_by_test_id("video")).to_have_attribute("data-state", "lost")
    assert page.evaluate("window.__einsatz().sources.every(s => s.state === 'lost')")
    before = page.evaluate("window.__einsatz().epoch")
    server.start()
    expect(page.get_by_test_id("server-lost")).to_have_count(0, timeout=8000)
    holds(page, "window.__einsatz().serverAlive")
    assert page.evaluate("window.__einsatz().epoch") != before


def test_a_server_that_hangs_without_closing_is_named_too(page: Any, server: Any) -> None:
    opened(page, server)
    server.process.send_signal(signal.SIGSTOP)
    try:
        expect(page.get_by_test_id("server-lost")).to_be_visible(timeout=NAMED_WITHIN_MS)
    finally:
        server.process.send_signal(signal.SIGCONT)
    expect(page.get_by_test_id("server-lost")).to_have_count(0, timeout=8000)


def test_the_map_is_drawn_without_a_base_map(page: Any, server: Any) -> None:
    server.turn("basemap", False)
    page.goto(server.url)
    expect(page.get_by_test_id("map")).to_have_attribute("data-basemap", "failed", timeout=20_000)
    expect(page.get_by_test_id("map")).to_contain_text("nur UTM-Gitter")
    holds(page, "window.__einsatz && window.__einsatz().drawn.length > 0")


@pytest.mark.parametrize(
    "mode,word", [("einsatz", "EINSATZ"), ("uebung", "ÜBUNG"), ("demo", "DEMO"), ("wiedergabe", "WIEDERGABE")]
)
def test_the_mode_stands_across_the_map(page: Any, server: Any, mode: str, word: str) -> None:
    server.turn("mode", mode)
    opened(page, server)
    expect(page.get_by_test_id("mode")).to_have_text(word)
    expect(page.locator(".watermark")).to_contain_text(word)
    if mode == "wiedergabe":
        expect(page.get_by_test_id("clock")).to_contain_text("10.08.2018")  # the recording's date, and no ages anywhere
        expect(page.get_by_test_id("seen").first).to_contain_text("um ")


def test_unknown_height_is_a_dash_with_its_reason(page: Any, server: Any) -> None:
    server.turn("terrain", False)
    opened(page, server)
    expect(page.get_by_test_id("height")).to_have_text("–")
    expect(page.get_by_test_id("vehicle-1")).to_contain_text("kein Gelände")


def test_one_tap_swaps_map_and_video(page: Any, server: Any) -> None:
    opened(page, server)
    wide = page.get_by_test_id("map").bounding_box()["width"]
    page.get_by_role("button", name="Bild groß").click()
    expect(page.get_by_role("button", name="Karte groß")).to_be_visible()
    assert page.get_by_test_id("map").bounding_box()["width"] < wide * 0.7
    assert page.get_by_test_id("video").bounding_box()["width"] == pytest.approx(wide, abs=4)


OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll("[data-testid=map] button, .scale, .north, [data-testid=layer-stand]")]
    .map((e) => e.getBoundingClientRect()).filter((r) => r.width > 0);
  const hit = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => hit(a, b))).length;
}"""
CUT = """() => [...document.querySelectorAll(".tile span, .tile i, .error, [data-testid=video-age]")].filter((e) => {
  const box = e.closest(".tile, .hotspot, .head").getBoundingClientRect(), r = e.getBoundingClientRect();
  return e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 || r.right > box.right - 2 || r.left < box.left;
}).map((e) => e.textContent)"""


def test_one_tap_lays_heat_detail_or_age_over_the_map_and_says_how_old_it_is(page: Any, server: Any) -> None:
    opened(page, server)
    heat, stand = page.get_by_test_id("layer-heat"), page.get_by_test_id("layer-stand")
    assert server.get("/test/tiles") == {}, "what is not shown is not fetched"
    heat.click()
    expect(stand).to_contain_text(re.compile(r"Stand vor [45] s"))
    expect(stand).to_contain_text("über 150 °C")
    holds(page, "window.__einsatz().layer === 'heat'")
    deadline = time.monotonic() + 10
    while not (first := server.get("/test/tiles").get("thermal/latest", 0)):
        assert time.monotonic() < deadline, "no tile was fetched"
    while server.get("/test/tiles")["thermal/latest"] <= first:
        assert time.monotonic() < deadline, "new frames, and the old tiles stay"
    page.get_by_test_id("layer-sharp").click()
    expect(heat).to_have_attribute("aria-pressed", "false")
    expect(stand).to_contain_text("verdeckt, nicht gesehen")
    server.turn("mode", "wiedergabe")
    expect(stand).to_contain_text(re.compile(r"Stand \d\d:\d\d:\d\d"))  # an age would be a lie
    for width, height in ((412, 915), (1024, 768), (1280, 800), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        assert (page.evaluate(OVERLAPS), page.evaluate(CUT)) == (0, []), (width, height)
    page.get_by_test_id("layer-sharp").click()
    expect(stand).to_have_count(0)


LAYOUT = """() => {
  const inside = (name) => {
    const all = [...document.querySelectorAll(`[data-testid=${name}]`)];
    return all.every((e) => { const r = e.getBoundingClientRect(); return r.left >= -1 && r.right <= innerWidth + 1; });
  };
  const names = ["mode", "clock", "battery", "height", "source", "losses", "notice", "statement", "map", "video"];
  const marks = [...document.querySelectorAll(".watermark span")];
  const words = marks.map((e) => e.scrollWidth / e.closest(".whole").clientWidth);
  const digits = parseFloat(getComputedStyle(document.querySelector("[data-testid=battery]")).fontSize);
  return { lost: names.filter((name) => !inside(name)), word: Math.max(...words), digits };
}"""


def test_everything_stays_on_screen_and_grows_with_it_whatever_is_wrong(page: Any, server: Any) -> None:
    """The longest mode, no terrain, dead sources: on a tablet, upright and across, and on walls of two sizes."""
    for name, value in (("mode", "wiedergabe"), ("terrain", False), ("video", False), ("detection", False)):
        server.turn(name, value)
    opened(page, server)
    expect(page.get_by_test_id("notice").first).to_be_visible(timeout=8000)
    sizes = {}
    for width, height in ((1280, 800), (800, 1280), (1920, 1080), (3840, 2160)):
        page.set_viewport_size({"width": width, "height": height})
        look = page.evaluate(LAYOUT)
        assert look["lost"] == [], (width, height)
        assert look["word"] <= 1.0, f"the mode is cut off at {width}×{height}"
        sizes[width] = look["digits"]
    assert sizes[3840] == pytest.approx(2 * sizes[1920], rel=0.1)
    assert sizes[1920] / 1080 >= 0.034, "digits of a status value on a wall: 1/30 of its height"


def test_the_map_shows_all_by_itself_until_the_crew_moves_it(page: Any, server: Any) -> None:
    server.turn("hotspots", 3)
    opened(page, server)
    everything = page.get_by_role("button", name="Alles")
    expect(everything).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Vergrößern").click()
    expect(everything).to_have_attribute("aria-pressed", "false")
    for _ in range(4):
        page.get_by_role("button", name="Vergrößern").click()
    holds(page, "window.__einsatz().drawn.length < 3")
    everything.click()
    holds(page, "window.__einsatz().drawn.length === 3")
