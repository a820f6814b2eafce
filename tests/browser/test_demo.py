"""The whole demo in a real browser: a fire of the simulator arrives on the map, and what dies is named.

`EINSATZDROHNE_SCREENSHOT=FILE.png` keeps the picture that the README shows.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("api.commands.demo", reason="the demo verb is not there")
expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(290)]

ROOT = Path(__file__).resolve().parents[2]
START_S = 30.0
FOUND_S = 150.0  # take-off, transit and the first pass, in real time
NAMED_S = 4.6  # four seconds, and this test's own round trips


class Demo:
    """A demo that this test started, with the ids of the processes it started in turn."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "api.cli", "demo", "--headless", "--seed", "1", "--port", str(port)]
        self.log = (folder / "demo.log").open("wb")
        self.process = subprocess.Popen(
            [*command, "--data", str(folder)], cwd=ROOT, stdout=self.log, stderr=subprocess.STDOUT
        )

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        except OSError:
            return 0, None

    def child(self, word: str) -> int:
        """The process below this demo whose command line names this part of the world."""
        family = {self.process.pid}
        found: list[tuple[int, int, list[str]]] = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found.append((int(entry.name), parent, (entry / "cmdline").read_text().split("\0")))
            except (OSError, ValueError):
                continue
        for _ in found:
            family |= {pid for pid, parent, _ in found if parent in family}
        mine = [pid for pid, _, words in found if pid in family - {self.process.pid} and word in words]
        assert mine, f"no process of the demo is called {word!r}"
        return mine[0]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def until(what: str, within_s: float, ask: Any) -> Any:
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.1)
    return answer


@pytest.fixture
def demo(browser: Any, tmp_path: Path) -> Iterator[Demo]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    running = Demo(tmp_path, port)
    yield running
    running.stop()


def test_a_fire_arrives_on_the_map_and_what_dies_is_named(page: Any, demo: Demo) -> None:
    until("the server answers", START_S, lambda: demo.get("/healthz")[0] == 200)
    page.goto(demo.url)
    expect(page.locator(".page")).to_have_attribute("data-server", "alive", timeout=20_000)
    expect(page.get_by_test_id("mode")).to_have_text("DEMO")
    until(
        "a hotspot is drawn", FOUND_S, lambda: page.evaluate("window.__einsatz ? window.__einsatz().drawn.length : 0")
    )
    until("map and API agree", 10, lambda: agree(page, demo))
    expect(page.get_by_test_id("statement")).to_contain_text("Erkennung läuft seit")
    expect(page.get_by_test_id("video")).to_have_attribute("data-state", "live")
    if keep := os.environ.get("EINSATZDROHNE_SCREENSHOT"):
        kept(page, Path(keep))
    for word, kind in (("camera", "video"), ("vehicle", "telemetry")):
        stopped_is_named(page, demo, word, kind)
    demo.stop()
    expect(page.get_by_test_id("server-lost")).to_be_visible(timeout=4000)


def kept(page: Any, path: Path) -> None:
    """The picture that the README shows: a flight under way, three hotspots, the hottest of them chosen."""
    until("three hotspots", 120, lambda: len(page.evaluate("window.__einsatz().hotspots")) >= 3)
    page.get_by_test_id("hotspot").first.click()
    expect(page.get_by_test_id("hotspot").first).to_have_attribute("aria-pressed", "true")
    page.screenshot(path=path)


def agree(page: Any, demo: Demo) -> bool:
    """The page's hotspots lie where the API says, and those in view are painted there to a few centimetres."""
    _, answer = demo.get("/api/v1/hotspots")
    wanted = {f["properties"]["id"]: f["geometry"]["coordinates"][:2] for f in answer["features"] if f["geometry"]}
    look = page.evaluate("window.__einsatz()")
    shown = {h["id"]: h["coordinates"][:2] for h in look["hotspots"] if h["coordinates"]}
    painted = {d["id"]: (d["lon"], d["lat"]) for d in look["drawn"]}
    near = all(at == pytest.approx(wanted.get(spot, [0, 0]), abs=2e-6) for spot, at in painted.items())
    return bool(wanted) and wanted == shown and bool(painted) and near


def stopped_is_named(page: Any, demo: Demo, word: str, kind: str) -> None:
    chip = page.locator(f"[data-testid=source][data-kind={kind}]")
    expect(chip).to_have_attribute("data-state", "live", timeout=15_000)
    process = demo.child(word)
    os.kill(process, signal.SIGSTOP)  # silent without an end of stream: the worst way to die
    try:
        expect(chip).not_to_have_attribute("data-state", "live", timeout=NAMED_S * 1000)
        expect(page.get_by_test_id("notice").first).to_be_visible()
        until("/readyz says so", 2, lambda: demo.get("/readyz")[1]["ready"] is False)
    finally:
        os.kill(process, signal.SIGCONT)
    expect(chip).to_have_attribute("data-state", "live", timeout=20_000)
