"""Ground stations that are not ours meet the simulator: what they believe, and get done, is what it must be good for.

MAVSDK and MAVProxy live in an environment of their own: made once per run from PyPI, or the one whose Python
EINSATZDROHNE_PEERS names. Nothing here knows the simulator but by its wire.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flights.programs import ROOT, free_port, wait_for

pytestmark = [pytest.mark.flight, pytest.mark.long, pytest.mark.timeout(280)]
PINNED = ("mavsdk==4.1.0", "MAVProxy==1.8.75")
PLAN = """QGC WPL 110
0\t1\t0\t16\t0\t0\t0\t0\t{lat}\t{lon}\t33\t1
1\t0\t3\t22\t0\t0\t0\t0\t{lat}\t{lon}\t12\t1
2\t0\t3\t16\t0\t0\t0\t0\t51.4343\t6.7616762\t12\t1
3\t0\t3\t16\t0\t0\t0\t0\t51.4343\t6.7618\t12\t1
4\t0\t3\t20\t0\t0\t0\t0\t0\t0\t0\t1
"""


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that has the peers."""
    named = os.environ.get("EINSATZDROHNE_PEERS")
    if named:
        return Path(named)
    folder = tmp_path_factory.mktemp("peers")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    try:
        subprocess.run([python, "-m", "pip", "install", "-q", *PINNED], check=True, timeout=180, capture_output=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"{' and '.join(PINNED)} cannot be installed here")
    return python


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A simulated vehicle at twice the speed that speaks to this UDP port."""
    number = free_port(socket.SOCK_DGRAM)
    words = ["--mavlink", f"udpout:127.0.0.1:{number}", "--speedup", "2", "--boot", "quick"]
    words += ["--video", f"rtsp://127.0.0.1:{free_port()}/thermal"]
    log = tmp_path / "simulate.log"
    with log.open("wb") as out:
        simulate = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "simulate", "uebungsplatz", *words], cwd=ROOT, stdout=out, stderr=out
        )
    yield number
    assert simulate.poll() is None, log.read_text()
    simulate.terminate()
    assert simulate.wait(20) == 0, log.read_text()


def test_mavsdk_reads_uploads_discovers_takes_off_and_lands(peers: Path, port: int) -> None:
    script = Path(__file__).with_name("peers") / "mavsdk_peer.py"
    done = subprocess.run([peers, script, str(port)], capture_output=True, text=True, timeout=240, check=False)
    steps: dict[str, Any] = {step.pop("step"): step for step in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, steps
    assert steps["identity"]["version"] == "4.7.0"
    assert steps["telemetry_read"]["lat_deg"] == pytest.approx(51.434, abs=0.002)
    assert steps["parameters"]["moved"] == 25.0
    assert (steps["mission_there_and_back"]["back"], steps["mission_there_and_back"]["same"]) == (6, 5)
    camera = steps["camera_found"]
    assert (camera["component"], camera["width"], camera["height"]) == (100, 640, 512)
    assert camera["streams"]["rtsp"].endswith("/thermal")
    assert camera["streams"]["tcp"].startswith("tcp://127.0.0.1:")
    used = steps["camera_used"]
    assert used["told"] == used["listed"] == list(range(len(used["told"]))) and len(used["told"]) >= 4
    assert (used["failed"], used["card_mib"]) == (0, 32_768)
    assert used["field_deg"] == pytest.approx(13, abs=1)  # 32 degrees, zoomed 2.5 times
    assert steps["gimbal_found"]["pitch_deg"] == pytest.approx(-60.0, abs=2.0)
    assert steps["take_off"]["in_air"] and steps["take_off"]["height_m"] > 11.0
    assert not steps["come_down"]["armed"] and steps["come_down"]["height_m"] == pytest.approx(0.0, abs=0.5)


class MavProxy:
    """A MAVProxy at its prompt. ``order`` types a line and waits for the words that answer it."""

    def __init__(self, python: Path, port: int, folder: Path) -> None:
        self.log = folder / "mavproxy.log"
        modules = "log,signing,wp,fence,param,arm,mode,rc,misc,cmdlong,battery"
        words = [f"--master=udpin:127.0.0.1:{port}", f"--state-basedir={folder}", f"--default-modules={modules}"]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [python, "-u", python.with_name("mavproxy.py"), *words],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, cwd=folder, text=True,
            )  # fmt: skip

    def until(self, pattern: str, limit_s: float = 30.0, *, beyond: int = 0) -> re.Match[str]:
        """The first match in what it has said after ``beyond`` characters."""
        found = wait_for(pattern, lambda: re.search(pattern, self.log.read_text()[beyond:]), limit_s)
        assert isinstance(found, re.Match)
        return found

    def order(self, line: str, answer: str, limit_s: float = 30.0) -> re.Match[str]:
        """Type a line and wait for its answer."""
        beyond = len(self.log.read_text())
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self.until(answer, limit_s, beyond=beyond)

    def repeat(self, line: str, answer: str, limit_s: float = 60.0) -> re.Match[str]:
        """Type a line again and again until it is answered so."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            beyond = len(self.log.read_text())
            assert self.process.stdin is not None
            print(line, file=self.process.stdin, flush=True)
            try:
                return self.until(answer, 2.0, beyond=beyond)
            except pytest.fail.Exception:
                continue
        pytest.fail(f"not within {limit_s:g} s: {line} → {answer}\n{self.log.read_text()[-2000:]}")


def test_mavproxy_reads_uploads_takes_off_and_lands(peers: Path, port: int, tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text(PLAN.format(lat=51.4341179, lon=6.7616762))
    proxy = MavProxy(peers, port, tmp_path)
    try:
        proxy.until("online system 1")
        proxy.until("Detected vehicle 1:154")
        proxy.until("Detected vehicle 1:100")
        count = int(proxy.until(r"Received (\d+) parameters", 60)[1])
        assert count > 50
        proxy.until("GPS lock", 60)
        proxy.order("wp load plan.txt", "Got MISSION_ACK: TYPE_MISSION: ACCEPTED")
        listed = proxy.order("wp list", r"22 3 .*\n16 3 (\S+) (\S+) 12.0+ .*\n16 3 .*\n20 0 ")
        assert (float(listed[1]), float(listed[2])) == (51.4343, pytest.approx(6.7616762, abs=1e-7))
        proxy.order("mode guided", "Mode GUIDED")
        proxy.repeat("arm throttle", "Arming motors")
        proxy.order("takeoff 12", "NAV_TAKEOFF: ACCEPTED")
        proxy.repeat("status GLOBAL_POSITION_INT", r"relative_alt : 1[12]\d\d\d,")
        proxy.order("mode land", "Mode LAND")
        proxy.until("Disarming motors", 60)
        assert "fence breach" not in proxy.log.read_text()
    finally:
        proxy.process.kill()
        proxy.process.wait(10)
