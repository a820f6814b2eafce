"""What goes wrong in the field: each ends in one clear line or in a state that everybody can see."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from api.cli import main
from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import write_terrain
from simulators.nut import NutMuxer
from simulators.thermal import PROFILE
from tests.flights.programs import Program, free_port, run_verb, wait_for

pytestmark = [pytest.mark.flight, pytest.mark.timeout(200)]
PROFILE_TEXT = "width = 640\nheight = 512\nfx = 1125.0\nfy = 1125.0\ncx = 319.5\ncy = 255.5\n"


def _profile(folder: Path) -> str:
    path = folder / "camera.toml"
    path.write_text(PROFILE_TEXT)
    return str(path)


def _serve(*words: str) -> tuple[str, ...]:
    return ("serve", "--incident", "Probe", "--class", "uebung", *words)


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run_verb(*_serve("--link", "udpin:127.0.0.1:0", "--port", port, "--data", str(tmp_path)))
    assert ended.returncode == 1
    assert port in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "incidents").exists(), "nothing was recorded of a run that did not begin"


def test_a_link_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"udpin:127.0.0.1:{taken.getsockname()[1]}"
        ended = run_verb(*_serve("--link", url, "--port", "0", "--data", str(tmp_path)))
    assert ended.returncode in (1, 2)
    assert "in use" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--link", "udp:1.2.3.4"), "udpin:HOST:PORT"),
        (("--link", "log:there-is-no-such.tlog"), "there-is-no-such.tlog"),
        (("--link", "udpin:127.0.0.1:0", "--camera", "tcp://127.0.0.1:1"), "--camera-profile"),
        (("--link", "udpin:127.0.0.1:0", "--terrain", "no-terrain.tif"), "no-terrain.tif"),
        (("--link", "udpin:127.0.0.1:0", "--port", "70000"), "65535"),
    ],
)
def test_bad_input_names_what_is_allowed(
    tmp_path: Path, words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    port = () if "--port" in words else ("--port", "0")
    assert main([*_serve(*words, *port, "--data", str(tmp_path), "--seconds", "3")]) in (1, 2)
    said = capsys.readouterr().err
    assert named in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


class _Video:
    """A camera on a socket of the test's own."""

    def __init__(self, send: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._send, self._stopped = send, False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._stopped:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                try:
                    self._send(client)
                except OSError:
                    continue

    def close(self) -> None:
        self._stopped = True
        self._listener.close()


@pytest.fixture
def video() -> Iterator[Callable[[Callable[[socket.socket], None]], _Video]]:
    made: list[_Video] = []

    def make(send: Callable[[socket.socket], None]) -> _Video:
        made.append(_Video(send))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_silent_link_and_a_silent_camera_are_named(
    program: Callable[..., Program], video: Callable[[Callable[[socket.socket], None]], _Video], tmp_path: Path
) -> None:
    """A port where nobody speaks, an end that is not there; a camera that is not there, and one that is mute."""
    mute = video(lambda client: client.recv(1) and None)
    nobody = f"tcp:127.0.0.1:{free_port()}"
    words = ("--link", "udpin:127.0.0.1:0", "--link", nobody, "--camera-profile", _profile(tmp_path))
    serve = program(*_serve(*words, "--camera", f"tcp://127.0.0.1:{free_port()}", "--camera", mute.url))
    serve.wait_up()
    status, body = serve.get("/readyz")
    assert status == 503
    silent = {source["kind"] for source in body["not_ready"]}
    assert silent >= {"link", "video", "detection"}
    assert {source["state"] for source in body["not_ready"]} == {"never"}
    _, coverage = serve.get("/api/v1/coverage")
    assert coverage["features"][0]["properties"]["statement_key"] == "coverage.no_statement"

    def told() -> bool:
        found = {source["id"]: source for source in serve.get("/readyz")[1]["sources"]}
        cameras = found["video:1/100"]["text"], found["video:1/101"]["text"]
        link = found[f"link:{nobody}"]
        return (
            cameras == ("no_connection", "no_answer") and link["text"] == "disconnected" and "Connect" in link["reason"]
        )

    wait_for("each says why", told, 15)
    assert serve.stop() == 0


def test_a_truncated_video_and_garbage_are_survived(
    program: Callable[..., Program], video: Callable[[Callable[[socket.socket], None]], _Video], tmp_path: Path
) -> None:
    """First garbage, then a stream cut in the middle of a frame, then a whole one: the reader recovers by itself."""
    rng = np.random.default_rng(1)
    served: list[int] = []

    def send(client: socket.socket) -> None:
        served.append(1)
        if len(served) == 1:
            client.sendall(rng.bytes(100_000))
            return
        muxer = NutMuxer(PROFILE, vehicle=1, camera="1/100", clock="utc")
        for index in range(4 if len(served) == 2 else 100):
            counts = rng.integers(14_000, 14_100, (512, 640)).astype(np.uint16)
            data = muxer.frame(counts, time.time())
            client.sendall(data if index != 3 or len(served) > 2 else data[: len(data) // 2])
            time.sleep(0.1 if len(served) > 2 else 0.0)

    camera = video(send)
    serve = program(
        *_serve("--link", "udpin:127.0.0.1:0", "--camera", camera.url, "--camera-profile", _profile(tmp_path))
    )
    serve.wait_up()
    wait_for("the video is live after all", lambda: len(served) > 2 and serve.source("video")["state"] == "live", 30)
    assert serve.process.poll() is None
    assert "Traceback" not in serve.log.read_text()


def test_a_storm_of_garbage_disturbs_nobody(program: Callable[..., Program]) -> None:
    """10,000 random datagrams a second at the port that the drone speaks to."""
    serve = program(*_serve("--link", f"udpin:127.0.0.1:{(port := free_port(socket.SOCK_DGRAM))}"))
    serve.wait_up()
    world = subprocess.Popen(
        [sys.executable, "-m", "simulators.endpoints", "vehicle", "--scenario=uebungsplatz",
         f"--ground=127.0.0.1:{port}", "--gimbal=9", "--camera=9", "--truth=9", "--uid=1", "--boot=quick"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for("telemetry is live", lambda: serve.source("telemetry")["state"] == "live", 40)
        answered = _storm(port, seconds=4.0, per_second=10_000)
        assert answered == 0, "a stranger was answered"
        source = serve.source("telemetry")
        assert source["state"] == "live" and source["age_s"] < 3.0, source
        with urllib.request.urlopen(serve.url + "/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        garbage = int(next(line for line in metrics.splitlines() if 'kind="garbage"' in line).split()[-1])
        assert garbage > 1_000
        assert serve.get("/api/v1/vehicles")[1]["features"][0]["id"] == "1"
        assert len(serve.get("/api/v1/vehicles")[1]["features"]) == 1
    finally:
        world.terminate()
        world.wait(10)


def _storm(port: int, *, seconds: float, per_second: int) -> int:
    """Send random datagrams, bounded in time and number; how many answers came back."""
    rng = np.random.default_rng(7)
    packets = [rng.bytes(int(size)) for size in rng.integers(1, 280, 500)]
    packets += [b"\xfd" + packet for packet in packets[:250]]
    answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.setblocking(False)
        begin = time.monotonic()
        sent = 0
        while (passed := time.monotonic() - begin) < seconds:
            while sent < passed * per_second:
                try:
                    sender.sendto(packets[sent % len(packets)], ("127.0.0.1", port))
                except BlockingIOError:
                    break
                sent += 1
            try:
                sender.recv(2048)
                answers += 1
            except BlockingIOError:
                time.sleep(0.001)
    assert sent > 0.5 * seconds * per_second, "the storm did not blow"
    return answers


def test_terrain_that_does_not_cover_the_place_gives_no_hotspot_and_says_why(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    """A terrain file of another town: no plausible place is invented; the footprint tells the reason."""
    heights = np.full((50, 50), 100, np.float32)
    elsewhere = TerrainGrid(heights, "EPSG:25832", 566_000, 5_934_000, 10, 10, Datum.SEA_LEVEL)
    terrain = tmp_path / "hamburg.tif"
    write_terrain(terrain, elsewhere)
    port, camera = free_port(socket.SOCK_DGRAM), f"tcp://127.0.0.1:{free_port()}"
    words = ["--mavlink", f"udpout:127.0.0.1:{port}", "--video", camera, "--boot", "quick", "--speedup", "2"]
    world = subprocess.Popen([sys.executable, "-m", "api.cli", "simulate", "uebungsplatz", *words])
    try:
        serve = program(
            *_serve("--link", f"udpin:127.0.0.1:{port}", "--camera", camera, "--camera-profile", _profile(tmp_path)),
            "--terrain",
            str(terrain),
        )
        serve.wait_up()

        def reason() -> str:
            features = (serve.get("/api/v1/footprints")[1] or {}).get("features") or [{"properties": {"reason": ""}}]
            return str(features[0]["properties"]["reason"])

        wait_for("the footprint says why there is none", reason, 40)
        vehicle = serve.get("/api/v1/vehicles")[1]["features"][0]["properties"]
        assert vehicle["height_above_ground_m"] is None
        assert serve.get("/api/v1/hotspots")[1]["features"] == []
    finally:
        world.terminate()
        world.wait(10)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_counted_and_loses_nothing_recorded(program: Callable[..., Program], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        demo = program("demo", "--headless", "--scenario", "uebungsplatz", "--speedup", "2", "--data", str(disk))
        demo.wait_up()

        def lost() -> int:
            return int(((demo.get("/api/v1/status")[1] or {}).get("recording") or {}).get("not_recorded", 0))

        wait_for("what is no longer recorded is counted", lost, 90)
        assert demo.source("recording")["state"] != "live"
        wait_for("a full disk does not stop the picture", lambda: demo.source("telemetry")["state"] == "live", 30)
        assert demo.process.poll() is None
        demo.stop()
        incident = next((disk / "incidents").iterdir())
        verified = run_verb("replay", "--verify", str(incident))
        assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
