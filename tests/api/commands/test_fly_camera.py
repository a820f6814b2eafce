"""`fly camera` and `fly gimbal` on the command line, against the simulated camera and gimbal on a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.camera_component import CameraComponent, Stream
from simulators.gimbal import Gimbal
from simulators.thermal import PROFILE
from tests.api.commands.test_fly import Drone, _fly


@pytest.fixture
def drone() -> Iterator[Drone]:
    flying = Drone()
    camera = CameraComponent(PROFILE, 10.0)
    camera.streams = (Stream("rtsp://10.0.0.9:8554/thermal", True), Stream("tcp://10.0.0.9:5600", False))
    flying.devices = {"device camera": camera, "device gimbal": Gimbal(1)}
    for name in flying.devices:
        flying.autopilot.add_link(name)
    flying.start()
    yield flying
    flying.running = False
    flying.join(5.0)


def _told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_camera_is_described_and_used(drone: Drone, capsys: pytest.CaptureFixture[str]) -> None:
    camera: CameraComponent = drone.devices["device camera"]
    assert _fly(drone, "camera", "--json") == 0
    (found,) = _told(capsys)["cameras"]
    assert (found["component"], found["model"], found["pictures"]) == (100, "sim-lwir-640", 0)
    assert [stream["url"] for stream in found["streams"]] == ["rtsp://10.0.0.9:8554/thermal", "tcp://10.0.0.9:5600"]
    assert found["cards"][0]["status"] == "ready" and found["profile"] is None
    assert _fly(drone, "camera", "photo", "--json") == 0
    assert _told(capsys)["picture"]["index"] == 0 and len(camera.captures.pictures) == 1
    assert _fly(drone, "camera", "photo") == 0 and len(camera.captures.pictures) == 2
    assert _fly(drone, "camera", "zoom", 50) == 0 and camera.zoom == pytest.approx(2.5)
    capsys.readouterr()
    assert _fly(drone, "camera", "film", "on") == 1
    assert "camera film: refused: the vehicle answered DENIED" in capsys.readouterr().err


def test_control_of_the_gimbal_is_shown_taken_kept_and_given_back(
    drone: Drone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fly(drone, "gimbal", -60) == 0
    assert drone.autopilot.gimbal_control == (255, 25)
    capsys.readouterr()
    assert _fly(drone, "gimbal", "status", "--json") == 0
    told = _told(capsys)["gimbal"]
    assert (told["in_control"], told["yaw_from"]) == ("255/25", "nose")
    assert told["pitch_deg"] == pytest.approx(-60.0, abs=4.0) and told["pitch_limits_deg"] == [-90.0, 30.0]
    drone.autopilot.gimbal_control = (7, 191)
    assert _fly(drone, "look", "down") == 1
    assert "system 7 component 191 is in control" in capsys.readouterr().err
    assert _fly(drone, "gimbal", "take") == 0 and drone.autopilot.gimbal_control == (255, 25)
    assert _fly(drone, "gimbal", "release") == 0 and drone.autopilot.gimbal_control == (0, 0)


def test_without_a_camera_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    bare = Drone()
    bare.start()
    try:
        assert _fly(bare, "camera", "photo") == 1
    finally:
        bare.running = False
        bare.join(5.0)
    assert "no camera was heard, neither on its own nor behind the autopilot" in capsys.readouterr().err
