"""The whole river over real processes and sockets: a planted fire reaches the map, is recorded, and folds again."""

from __future__ import annotations

import math
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.fire import build
from simulators.scenario_files import scenario_of
from tests.flights.programs import Program, alive, children_of, run_verb, wait_for
from tests.small_scene import small_scene

pytestmark = [pytest.mark.flight, pytest.mark.timeout(280)]
SEED = 1
PACE = ("--seed", str(SEED), "--speedup", "3")


@pytest.fixture
def scene(tmp_path: Path) -> str:
    """Three fires, whose survey takes a minute."""
    return small_scene(tmp_path, fires="3", survey_m="[30.0, 24.0]")


def _errors(scene: str, features: list[dict[str, Any]]) -> dict[int, tuple[float, float]]:
    """{fire: (error m, semi-major m)} of the hotspots that lie nearest to each planted fire."""
    world = build(scenario_of(scene), SEED)
    found = {}
    for feature in features:
        lon, lat = feature["geometry"]["coordinates"]
        east, north, _ = world.plane.enu(lat, lon, world.plane.alt_m)
        fire = min(world.fires, key=lambda f: math.hypot(f.east_m - east, f.north_m - north))
        error = math.hypot(fire.east_m - east, fire.north_m - north)
        found[fire.number] = (error, feature["properties"]["ellipse95"]["semi_major_m"])
    return found


def _fly(demo: Program, scene: str, limit_s: float) -> list[dict[str, Any]]:
    """The hotspots when the three fires have one each."""

    def all_found() -> list[dict[str, Any]] | None:
        features = (demo.get("/api/v1/hotspots")[1] or {}).get("features", [])
        return features if len(features) >= 3 and len(_errors(scene, features)) == 3 else None

    demo.wait_up()
    wait_for("every source is live", lambda: demo.get("/readyz")[0] == 200, 60)
    return list(wait_for("all three fires are on the map", all_found, limit_s))


def test_planted_fires_reach_the_map_and_the_record_folds_again(program: Callable[..., Program], scene: str) -> None:
    demo = program("demo", "--headless", "--scenario", scene, *PACE)
    features = _fly(demo, scene, 150)
    errors = _errors(scene, features)
    assert len(features) == 3, "a fire is on the map twice"
    # the errors of one flight are common to its fires: a band from both sides, not a coverage
    assert all(error < 8.0 for error, _ in errors.values()), errors
    assert all(1.5 < major < 8.0 for _, major in errors.values()), errors
    lists = ("hotspots", "vehicles", "tracks", "footprints", "coverage", "alarms", "incidents", "basemap", "status")
    for path in lists:
        status, body = demo.get(f"/api/v1/{path}")
        assert status == 200, path
        assert body["mode"] == "demo", path
    family = children_of(demo.process.pid)
    assert len(family) >= 3, "vehicle, gimbal and camera are processes of their own"
    assert demo.stop() == 0
    wait_for("no process is left", lambda: not any(alive(pid) for pid in family), 3)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", demo.port)) != 0, "somebody still listens on the port"
    verified = run_verb("replay", "--verify", str(demo.incident))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "identisch" in verified.stdout


def test_kill_9_leaves_no_process_and_a_record_that_folds(program: Callable[..., Program], scene: str) -> None:
    demo = program("demo", "--headless", "--scenario", scene, *PACE)
    demo.wait_up()
    wait_for("frames are journalled", lambda: (demo.get("/api/v1/coverage")[1] or {}).get("features"), 60)
    wait_for("detection runs", lambda: demo.source("detection")["state"] == "live", 60)
    family = children_of(demo.process.pid)
    assert demo.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for("no process is left", lambda: not any(alive(pid) for pid in family), 3)
    verified = run_verb("replay", "--verify", str(demo.incident))
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.sitl
def test_a_real_arducopter_flies_the_same_incident(program: Callable[..., Program], scene: str) -> None:
    from simulators.sitl import find_binary

    if find_binary(None) is None:
        pytest.skip("no ArduCopter binary: neither EINSATZDROHNE_SITL nor arducopter on the PATH")
    demo = program("demo", "--headless", "--scenario", scene, *PACE, "--sitl")
    features = _fly(demo, scene, 200)
    # SITL's own pose errors are near zero: only an upper bound can be tested here
    assert len(features) == 3
    assert all(error < 1.5 for error, _ in _errors(scene, features).values()), _errors(scene, features)
    family = children_of(demo.process.pid)
    assert demo.stop() == 0
    wait_for("no process is left", lambda: not any(alive(pid) for pid in family), 5)
