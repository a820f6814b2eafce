"""How long an upload of 10, 100 and 600 items takes when 0, 10 and 30 % of all packets are lost each way.

Ours by the machines alone, in simulated time, with the full read-back that makes it verified. Beside MAVSDK and
MAVProxy over sockets, in real time, where their environment is named by EINSATZDROHNE_PEERS: minutes each, so
EINSATZDROHNE_PEERS_UPLOADS chooses what is run (``100:0.3,600:0.1``; the default is 10 and 100 items) and how often
(EINSATZDROHNE_PEERS_RUNS). They read nothing back; what each calls loaded is held against what is on board then.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest

from ground_station.operation import VERIFIED
from simulators.channel import Quality
from tests.flights.programs import ROOT, free_port, run_verb
from tests.ground_station.uploads import holds, route, upload

pytestmark = pytest.mark.benchmark
ITEMS, LOSSES, SEEDS = (10, 100, 600), (0.0, 0.1, 0.3), range(5)
LIMIT_S = 240.0


def test_upload_time_of_the_machines(figure: Callable[..., None]) -> None:
    for items in ITEMS:
        for loss in LOSSES:
            seconds, verified = [], 0
            for seed in SEEDS:
                plan = route(items - 2, seed)
                air = upload(Quality(loss=loss, delay_s=0.03, jitter_s=0.02), seed, plan)
                outcome = air.run()
                verified += outcome == VERIFIED
                assert outcome != VERIFIED or holds(air.board, plan)
                seconds.append(air.now_s)
            how = f"simulated, with read-back, {verified} of {len(SEEDS)} verified, slowest {max(seconds):.1f} s"
            figure(f"upload of {items} items at {loss:.0%} loss", f"median {median(seconds):.1f} s", how)


# --- beside others ----------------------------------------------------------------------------------------------------
def _plan(folder: Path, items: int) -> Path:
    """QGC WPL 110: home, a take-off, and so many places."""
    rows = ["QGC WPL 110", "0\t1\t0\t16\t0\t0\t0\t0\t51.4341179\t6.7616762\t33\t1",
            "1\t0\t3\t22\t0\t0\t0\t0\t51.4341179\t6.7616762\t20\t1"]  # fmt: skip
    for number in range(2, items):
        lat, lon = 51.4341 + number % 7 * 2e-5, 6.7617 + number % 11 * 2e-5
        rows.append(f"{number}\t0\t3\t16\t0\t0\t0\t0\t{lat:.7f}\t{lon:.7f}\t{20 + number % 5}\t1")
    file = folder / f"plan{items}.txt"
    file.write_text("\n".join(rows) + "\n", encoding="ascii")
    return file


@contextmanager
def _vehicle(folder: Path, loss: float, seed: int) -> Iterator[int]:
    port = free_port(socket.SOCK_DGRAM)
    words = ["--mavlink", f"udpout:127.0.0.1:{port}", "--boot", "short", "--seed", str(seed)]
    words += ["--channel", f"loss={loss},delay_s=0.03,jitter_s=0.02"]
    with (folder / "simulate.log").open("wb") as out:
        command = [sys.executable, "-m", "api.cli", "simulate", "uebungsplatz", *words]
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _ours(peers: Path, port: int, plan: Path) -> tuple[str, float]:
    words = ["upload", "--link", f"udpin:127.0.0.1:{port}", "--plan", str(plan), "--wait", "60", "--json", "--quiet"]
    done = run_verb("fly", *words, "--reason", "benchmark", "--name", "benchmark", limit_s=LIMIT_S + 60.0)
    if not done.stdout:
        return done.stderr.strip()[-80:], 0.0
    answer = json.loads(done.stdout.splitlines()[0])
    return answer["outcome"], answer["seconds"]


def _mavsdk(peers: Path, port: int, plan: Path) -> tuple[str, float]:
    script = Path(__file__).parents[1] / "flights" / "peers" / "mavsdk_upload.py"
    try:
        done = subprocess.run(
            [peers, script, str(port), plan], capture_output=True, text=True, timeout=LIMIT_S + 60.0, check=False
        )
    except subprocess.TimeoutExpired:
        return "never ended", LIMIT_S
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["outcome"], answer["seconds"]


def _mavproxy(peers: Path, port: int, plan: Path) -> tuple[str, float]:
    log = plan.parent / "mavproxy.log"
    words = [f"--master=udpin:127.0.0.1:{port}", f"--state-basedir={plan.parent}", "--default-modules=wp"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [peers, "-u", peers.with_name("mavproxy.py"), *words],
            stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=plan.parent, text=True,
        )  # fmt: skip
    try:
        if _said(log, r"online system 1", 60.0) is None:
            return "no vehicle", 0.0
        time.sleep(2.0)
        began_s = time.monotonic()
        assert process.stdin is not None
        print(f"wp load {plan.name}", file=process.stdin, flush=True)
        said = _said(log, r"Got MISSION_ACK: \w+: (\w+)|(timed? ?out|failed)", LIMIT_S)
        return ("never ended" if said is None else "loaded" if said == "ACCEPTED" else said), time.monotonic() - began_s
    finally:
        process.kill()
        process.wait(10)


def _said(log: Path, pattern: str, limit_s: float) -> str | None:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        found = re.search(pattern, log.read_text(errors="replace"))
        if found:
            return next((group for group in found.groups() if group), found[0])
        time.sleep(0.05)
    return None


def _on_board(port: int, plan: Path) -> bool:
    """Whether the vehicle holds this plan, read over the same radio."""
    for _ in range(3):
        back = plan.with_suffix(".back.txt")
        back.unlink(missing_ok=True)
        words = ["download", "--link", f"udpin:127.0.0.1:{port}", "--plan", str(back), "--wait", "60", "--quiet"]
        if run_verb("fly", *words, limit_s=LIMIT_S + 60.0).returncode == 0:
            wanted, found = (
                [row.split("\t")[3:11] for row in file.read_text().splitlines()[2:]] for file in (plan, back)
            )
            return [list(map(float, row)) for row in wanted] == [list(map(float, row)) for row in found]
    return False


PROGRAMS = {"ours": _ours, "MAVSDK": _mavsdk, "MAVProxy": _mavproxy}


@pytest.mark.timeout(0)
def test_upload_time_beside_mavsdk_and_mavproxy(figure: Callable[..., None], tmp_path: Path) -> None:
    named = os.environ.get("EINSATZDROHNE_PEERS")
    if not named:
        pytest.skip("EINSATZDROHNE_PEERS names no Python with mavsdk and MAVProxy")
    wanted = os.environ.get("EINSATZDROHNE_PEERS_UPLOADS", "10:0,10:0.1,10:0.3,100:0,100:0.1,100:0.3")
    runs = int(os.environ.get("EINSATZDROHNE_PEERS_RUNS", "5"))
    for case in wanted.split(","):
        items, loss = int(case.partition(":")[0]), float(case.partition(":")[2])
        plan = _plan(tmp_path, items)
        for name, program in PROGRAMS.items():
            seconds, good, false, other = [], 0, 0, []
            for seed in range(runs):
                with _vehicle(tmp_path, loss, seed + 1) as port:
                    outcome, took_s = program(Path(named), port, plan)
                    claims = outcome in ("verified", "loaded")
                    there = _on_board(port, plan) if claims else False
                good, false = good + (claims and there), false + (claims and not there)
                seconds += [took_s] if claims and there else []
                other += [] if claims else [outcome]
            value = f"median {median(seconds):.1f} s" if seconds else "never"
            how = (
                f"{good} of {runs} on board, {false} claimed and not on board{'; ' + '; '.join(other) if other else ''}"
            )
            figure(f"{name}: {items} items at {loss:.0%} loss", value, how)
