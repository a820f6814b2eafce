"""What dies in the simulated world comes back by itself, and a recorded incident is shown again, never as live."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flights.programs import Program, children_of, wait_for

pytestmark = [pytest.mark.flight, pytest.mark.timeout(200)]


def _process(parent: int, word: str) -> int:
    for pid in children_of(parent):
        if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    pytest.fail(f"no {word} process")


def test_what_stops_or_dies_is_named_within_four_seconds_and_comes_back_and_the_record_is_shown_again(
    program: Callable[..., Program],
) -> None:
    demo = program("demo", "--headless", "--scenario", "uebungsplatz", "--speedup", "2")
    demo.wait_up()
    for what, kind in (("vehicle", "telemetry"), ("camera", "video")):
        wait_for("every source is live", lambda: demo.get("/readyz")[0] == 200, 60)
        _stopped_is_named(demo, what, kind)
    wait_for("every source is live again", lambda: demo.get("/readyz")[0] == 200, 20)
    os.kill(_process(demo.process.pid, "camera"), signal.SIGKILL)
    wait_for("the video is named", lambda: demo.source("video")["state"] in ("stale", "lost"), 4.5)
    wait_for("it says why", lambda: demo.source("video")["text"] == "no_connection", 5)
    statement = demo.get("/api/v1/hotspots")[1]["statement"]
    assert statement == "coverage.no_statement"
    assert demo.source("telemetry")["state"] == "live", "only the camera died"
    wait_for("everything is live again", lambda: demo.get("/readyz")[0] == 200, 40)
    shown = wait_for("a fire is on the map", lambda: _hotspots(demo), 90)
    assert demo.stop() == 0
    again = program("replay", str(demo.incident), "--speed", "20")
    again.wait_up()
    wait_for("the fire is on the map again", lambda: set(_hotspots(again)) >= set(shown), 60)
    for path in ("status", "hotspots", "vehicles"):
        assert again.get(f"/api/v1/{path}")[1]["mode"] == "wiedergabe"
    status = again.get("/api/v1/status")[1]
    assert status["replay_time_s"] < status["server_time_s"] - 1.0, "it shows the time of the recording"
    wait_for("the recorded video is shown", lambda: again.source("video")["age_s"] is not None, 20)
    assert again.stop() == 0


def _stopped_is_named(demo: Program, what: str, kind: str) -> None:
    pid = _process(demo.process.pid, what)
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(f"{kind} is named", lambda: demo.source(kind)["state"] in ("stale", "lost"), 4.5)
        assert demo.get("/readyz")[0] == 503
    finally:
        os.kill(pid, signal.SIGCONT)


def _hotspots(run: Program) -> dict[str, Any]:
    features = (run.get("/api/v1/hotspots")[1] or {}).get("features", [])
    return {feature["id"]: feature["properties"]["number"] for feature in features}
