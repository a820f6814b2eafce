"""The whole river on one machine: how old a thing is when the commander sees it.

A demo runs as its processes, a real Chromium shows its page. Every time is exposure (or measurement) by the vehicle's
clock to arrival in the page by this machine's clock; the demo's vehicle takes its UTC from the same machine. So the
figures hold the camera's rendering and transfer as well; the browser draws in software, on the same cores.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FIRST_HOTSPOT_S = 240.0
WATCHED_S = 45.0

# Beside the page's own handlers: when each message came, and when the second picture after it was painted.
LISTEN = """
window.__ages = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", async (event) => {
      const came = Date.now() / 1000;
      if (typeof event.data === "string") {
        const told = JSON.parse(event.data);
        if (told.t_obs == null) return;
        const age = { topic: told.topic.split("/")[0], obs: told.t_obs, srv: told.t_srv, came, took: told.took };
        window.__ages.push(age);
        requestAnimationFrame(() => requestAnimationFrame(() => { age.drawn = Date.now() / 1000; }));
      } else {
        const bytes = event.data instanceof Blob ? await event.data.arrayBuffer() : event.data;
        const length = new DataView(bytes).getUint32(0);
        const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
        if (header.time_s) window.__ages.push({ topic: "video", obs: header.time_s, came });
      }
    });
  }
};
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(what: str, within_s: float, ask: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)
    return answer


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def _status(pid: int, key: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _report(figure: Callable[..., None], ages: list[dict[str, Any]]) -> None:
    def of(topic: str, until: str, since: str = "obs") -> list[float]:
        return [age[until] - age[since] for age in ages if age["topic"] == topic and until in age]

    figure("exposure → picture on the page", of("video", "came"), "does not wait for telemetry")
    figure("exposure → footprint on the page", of("footprint", "came"), "waits for telemetry to bracket the exposure")
    figure("exposure → hotspot published", of("hotspot", "srv"), "detected, placed, in the journal")
    figure("exposure → hotspot drawn", of("hotspot", "drawn"), "the second picture after its arrival")
    ways = [age for age in ages if age["topic"] == "hotspot" and age.get("took") and "drawn" in age]
    whole = [age["took"]["whole_s"] + age["drawn"] - age["srv"] for age in ways]
    waits = [age["took"]["waited_s"] for age in ways]
    figure("frame received → hotspot drawn", whole, f"{len(ways)} times; with the wait for telemetry")
    figure("… without that wait", [all_ - wait for all_, wait in zip(whole, waits, strict=True)], "")
    figure("… the wait alone", waits, "until telemetry brackets the exposure")
    figure("telemetry → page", of("vehicle", "came"), "position measured → shown, 5 updates/s")
    figure("telemetry → drawn", of("vehicle", "drawn"), "")


def test_from_exposure_to_the_page(figure: Callable[..., None], tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no Chromium: apt-get install chromium")
    url = f"http://127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "api.cli", "demo", "--headless", "--port", url.rpartition(":")[2]]
    with (tmp_path / "demo.log").open("wb") as log:
        started = time.perf_counter()
        demo = subprocess.Popen([*command, "--data", str(tmp_path)], cwd=ROOT, stdout=log, stderr=log)
        try:
            _until("the server answers", 60, lambda: _get(f"{url}/healthz"))
            figure("start: demo → page served", f"{time.perf_counter() - started:.2f} s", "scene built, world started")
            with playwright.sync_playwright() as drive:
                browser = drive.chromium.launch(executable_path=chromium, args=FLAGS)
                page = browser.new_page()
                page.add_init_script(LISTEN)
                page.goto(url)
                _until("a hotspot", FIRST_HOTSPOT_S, lambda: _get(f"{url}/api/v1/hotspots")["features"])
                page.evaluate("window.__ages.length = 0")
                cpu_s, began = _cpu_s(demo.pid), time.perf_counter()
                page.wait_for_timeout(WATCHED_S * 1000)
                share = (_cpu_s(demo.pid) - cpu_s) / (time.perf_counter() - began)
                ages = page.evaluate("window.__ages")
                browser.close()
            _report(figure, ages)
            memory = f"{_status(demo.pid, 'VmRSS'):.0f} MB, peak {_status(demo.pid, 'VmHWM'):.0f} MB"
            figure("server: memory", memory, "ground side alone, after a minute of flight")
            figure("server: one core's share", f"{share:.0%}", "receiving, detecting, recording, serving one page")
        finally:
            demo.terminate()
            demo.wait(30)
    assert {"video", "vehicle"} <= {age["topic"] for age in ages}
