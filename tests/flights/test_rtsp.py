"""A ground station that gets nothing but the picture for people: H.264 by RTSP, as from a bought camera."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flights.programs import ROOT, Program, free_port, wait_for

pytestmark = [pytest.mark.flight, pytest.mark.long, pytest.mark.timeout(280)]


def test_serve_pulls_the_cameras_rtsp_and_never_takes_its_stamps_for_exposure(
    tmp_path: Path, program: Callable[..., Program]
) -> None:
    port, world = free_port(socket.SOCK_DGRAM), tmp_path / "world"
    words = ["--mavlink", f"udpout:127.0.0.1:{port}", "--boot", "quick", "--out", str(world)]
    words += ["--video", f"rtsp://127.0.0.1:{free_port()}/thermal"]
    with subprocess.Popen(
        [sys.executable, "-m", "api.cli", "simulate", "uebungsplatz", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as simulate:
        try:
            assert simulate.stdout is not None
            facts = json.loads(simulate.stdout.readline())
            serve = program(
                *("serve", "--incident", "RTSP", "--class", "uebung", "--link", f"udpin:127.0.0.1:{port}"),
                *("--camera", facts["rtsp"], "--camera-profile", str(world / "camera.toml")),
                *("--terrain", str(world / "terrain.tif")),
            )
            serve.wait_up()
            wait_for("the picture is live", lambda: serve.source("video")["state"] == "live", 60)
            wait_for("everything is ready", lambda: serve.get("/readyz")[0] == 200, 90)
        finally:
            simulate.terminate()
        assert simulate.wait(20) == 0
    assert serve.stop() == 0
    assert list((serve.incident / "video").iterdir()), "the video is recorded as it came"
