"""A real Chromium and a server to look at. Skipped with the reason where there is no browser or no built page."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--metrics-recording-only",
    "--disable-domain-reliability",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class FixtureServer:
    """The page's half of the API with switches; see fixture_server.py."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        script = ROOT / "tests" / "browser" / "fixture_server.py"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen([sys.executable, str(script), str(self.port)], env=environment)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.get("/api/v1/hotspots")
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError("the fixture server did not answer within 30 s")

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def turn(self, name: str, value: Any) -> None:
        """Switch one source on or off."""
        body = json.dumps(value).encode()
        request = urllib.request.Request(
            f"{self.url}/test/{name}", data=body, headers={"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=5).close()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = os.environ.get("EINSATZDROHNE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium: apt-get install chromium, or set EINSATZDROHNE_CHROMIUM")
    return found


# Not for the whole session: Playwright's loop runs as long as it is open, and no asyncio test can begin beside it.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (ROOT / "api" / "web" / "dist" / "index.html").is_file():
        pytest.skip("the page is not built: make setup")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def server() -> Iterator[FixtureServer]:
    running = FixtureServer(free_port())
    running.start()
    yield running
    running.kill()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page at 1280×800 that fails the test on any error in its console, such as a refusal by the CSP."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="America/New_York", locale="de-DE"
    )
    tab = context.new_page()
    mistakes: list[str] = []
    tab.on("pageerror", lambda error: mistakes.append(str(error)))
    tab.on(
        "console", lambda message: mistakes.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield tab
    context.close()
    assert not mistakes, mistakes
