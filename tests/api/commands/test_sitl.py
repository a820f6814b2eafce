"""`sitl` refuses what it cannot use in one line, starts the harness, and leaves nothing of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from tests.flights.programs import ROOT, alive, children_of, free_port, wait_for


@pytest.fixture
def no_binary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EINSATZDROHNE_SITL", "EINSATZDROHNE_SITL_PLANE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_binary")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["atlantis"], "'atlantis' is unknown; allowed are"),
        (["uebungsplatz", "--mavlink", "udpin:127.0.0.1:14550"], "allowed is udpout:127.0.0.1:PORT"),
        (["uebungsplatz", "--mavlink", "udpout:192.0.2.1:14550"], "allowed is udpout:127.0.0.1:PORT"),
        (["uebungsplatz", "--video", "tcp://0.0.0.0:5600"], "allowed is tcp://127.0.0.1:PORT"),
        (["uebungsplatz", "--set", "SIM_WIND_SPD"], "lever 'SIM_WIND_SPD': wanted is NAME=VALUE"),
        (["uebungsplatz", "--seed", "-1"], "--seed -1: allowed are 0 to"),
        (["uebungsplatz", "--instance", "20"], "--instance 20: allowed are 0 to 19"),
        (["uebungsplatz"], "no ArduCopter binary: --sitl BINARY, EINSATZDROHNE_SITL, or arducopter on the PATH"),
        (["uebungsplatz", "--airframe", "quadplane"], "no ArduPlane binary: --sitl BINARY, EINSATZDROHNE_SITL_PLANE"),
        (["uebungsplatz", "--sitl", "nowhere/arducopter"], "'nowhere/arducopter' (given) is not an executable file"),
        (["uebungsplatz", "--vehicles", "5", "--sitl", sys.executable], "vehicles 5: allowed are 1 to 4"),
        (["uebungsplatz", "--speedup", "nan", "--sitl", sys.executable], "speedup nan is out of range"),
    ],
)
def test_bad_input_is_named_with_what_is_allowed(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sitl", *words]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1


def test_a_binary_that_dies_is_told_with_its_last_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "arducopter"
    program.write_text("#!/bin/sh\necho no such sensor\nexit 3\n")
    program.chmod(0o755)
    assert main(["sitl", "uebungsplatz", "--quiet", "--sitl", str(program), "--instance", "10"]) == 2
    assert "ended with 3; its last words: no such sensor" in capsys.readouterr().err


@pytest.fixture
def started(request: pytest.FixtureRequest, sitl_binary: Path, tmp_path: Path) -> Iterator[Any]:
    """The verb as a process at 20 times the speed with so many vehicles; killed with all it started if it is left."""
    words = ["sitl", "uebungsplatz", "--vehicles", str(getattr(request, "param", 1)), "--speedup", "20"]
    words += ["--instance", "10", "--out", str(tmp_path)]
    words += ["--mavlink", f"udpout:127.0.0.1:{free_port()}", "--set", "SIM_WIND_SPD=3", "--sitl", str(sitl_binary)]
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    yield process
    family = children_of(process.pid)
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=10)
    wait_for("no process is left", lambda: not any(alive(pid) for pid in family), 5.0)


@pytest.mark.sitl
@pytest.mark.parametrize(
    ("started", "vehicles", "number"),
    [(2, 2, signal.SIGTERM), (1, 1, signal.SIGINT), (1, 1, signal.SIGKILL)],
    indirect=["started"],
)
def test_it_names_its_links_and_ends_with_all_it_started(
    started: subprocess.Popen[str], vehicles: int, number: signal.Signals, tmp_path: Path
) -> None:
    assert started.stdout is not None
    facts = [json.loads(started.stdout.readline()) for _ in range(vehicles)]
    assert [fact["vehicle"] for fact in facts] == [*range(1, vehicles + 1)]
    assert all(fact["version"].startswith("ArduCopter 4.") for fact in facts)
    assert {file.name for file in tmp_path.iterdir()} >= {"terrain.tif", "camera.toml", "mission.plan"}
    family = children_of(started.pid)
    assert len(family) == 3 * vehicles and {fact["pid"] for fact in facts} <= set(family)
    started.send_signal(number)
    assert started.wait(15) == (-9 if number == signal.SIGKILL else 0)
    wait_for("no process is left", lambda: not any(alive(pid) for pid in family), 5.0)


@pytest.mark.sitl
def test_a_signal_while_it_boots_leaves_nothing(started: subprocess.Popen[str]) -> None:
    family = wait_for("the vehicles are there", lambda: children_of(started.pid), 15)
    begin = time.monotonic()
    started.send_signal(signal.SIGTERM)
    assert started.wait(15) == 0
    assert time.monotonic() - begin < 12
    wait_for("no process is left", lambda: not any(alive(pid) for pid in family), 5.0)
