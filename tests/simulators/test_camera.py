"""The camera learns where it is from the truth link, exposes on the vehicle's clock, and speaks as a component."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.camera import FRAME_S, Camera, Shot, Truth, TruthListener
from simulators.fire import build
from simulators.geodesy import Plane, rotation
from simulators.scenario import load
from simulators.thermal import Renderer

RENDERER = Renderer(build(load("uebungsplatz"), 1))
DOWN = rotation(0.0, -math.pi / 2, 0.0)
AUTOPILOT = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)


def heard(camera: Camera) -> list[Any]:
    parser = mavlink.MAVLink(None)
    return [m for frame in camera.take_outgoing() for m in parser.parse_buffer(frame) or ()]


def asked(command: int, p1: float, component: int = 100) -> bytes:
    message = mavlink.MAVLink_command_long_message(1, component, command, 0, p1, 0, 0, 0, 0, 0, 0)
    return bytes(message.pack(AUTOPILOT))


def watched(camera: Camera, boot_s: float, seconds: float, *, catch_up: bool = False) -> list[Shot]:
    """Truths at 50 Hz from a boot time on, hovering 60 m up, and what was exposed."""
    shots = []
    for tick in range(round(seconds * 50)):
        now_s = boot_s + tick / 50
        camera.tell_truth(Truth(now_s, (0.0, 0.0, 95.0), 0.3))
        camera.tell_mount(now_s, DOWN)
        shot = camera.expose(catch_up=catch_up)
        if shot is not None:
            shots.append(shot)
    return shots


def test_it_exposes_ten_frames_a_second_on_the_boot_clock() -> None:
    shots = watched(Camera(RENDERER, 1), 20.0, 2.0)
    stamps = [shot.boot_s for shot in shots]
    assert len(stamps) >= 19
    assert np.diff(stamps) == pytest.approx(FRAME_S)
    assert all(shot.counts.dtype == np.uint16 and shot.counts.shape == (512, 640) for shot in shots)


def test_without_truth_or_gimbal_it_shows_nothing() -> None:
    camera = Camera(RENDERER, 1)
    assert camera.expose(catch_up=False) is None
    camera.tell_truth(Truth(1.0, (0.0, 0.0, 95.0), 0.0))
    camera.tell_truth(Truth(1.02, (0.0, 0.0, 95.0), 0.0))
    assert camera.expose(catch_up=False) is None


def test_a_rebooted_vehicle_begins_a_new_count_of_time() -> None:
    camera = Camera(RENDERER, 1)
    assert watched(camera, 500.0, 0.5)
    again = watched(camera, 3.0, 0.5)
    assert again and all(3.0 <= shot.boot_s < 3.6 for shot in again)


def test_after_a_pause_it_goes_on_with_now_and_not_with_what_it_missed() -> None:
    camera = Camera(RENDERER, 1)
    watched(camera, 10.0, 0.5, catch_up=True)
    late = watched(camera, 30.0, 0.3, catch_up=True)
    assert late and all(shot.boot_s > 29.5 for shot in late)


def test_the_lens_stands_between_two_truths_where_time_says() -> None:
    camera = Camera(RENDERER, 1)
    camera.tell_truth(Truth(1.0, (0.0, 10.0, 90.0), math.radians(179)))
    camera.tell_truth(Truth(2.0, (4.0, 10.0, 92.0), math.radians(-179)))
    camera.tell_mount(1.5, DOWN)
    eye = camera._eye_at(1.25)
    assert eye is not None
    assert eye.enu == pytest.approx([1.0, 10.0, 90.5])
    # The top of the picture (camera -y) points where the nose points: through 180°, not through 0°.
    assert eye.enu_from_camera @ [0.0, -1.0, 0.0] == pytest.approx([0.0, -1.0, 0.0], abs=0.06)
    assert camera._eye_at(0.9) is None and camera._eye_at(2.1) is None


def test_it_beats_as_a_camera_and_answers_for_itself_alone() -> None:
    camera = Camera(RENDERER, 1)
    camera.video_url = "tcp://127.0.0.1:5600"
    for tick in range(300):
        camera.beat(tick / 100)
    beats = heard(camera)
    assert [m.get_type() for m in beats] == ["HEARTBEAT"] * 3
    assert {(m.get_srcComponent(), m.type) for m in beats} == {(100, mavlink.MAV_TYPE_CAMERA)}
    camera.receive(asked(512, 259))
    ack, information = heard(camera)
    assert (ack.result, information.resolution_h, information.resolution_v) == (0, 640, 512)
    camera.receive(asked(512, 269))
    _, stream = heard(camera)
    assert (stream.uri, stream.resolution_h, round(stream.framerate)) == ("tcp://127.0.0.1:5600", 640, 10)
    camera.receive(asked(512, 283))
    assert [m.result for m in heard(camera)] == [mavlink.MAV_RESULT_UNSUPPORTED]
    camera.receive(asked(512, 283, component=0))
    camera.receive(asked(512, 259, component=154))
    assert heard(camera) == []


def test_a_picture_is_counted() -> None:
    camera = Camera(RENDERER, 1)
    camera.receive(asked(2000, 0))
    camera.receive(asked(2000, 0))
    captured = [m for m in heard(camera) if m.get_type() == "CAMERA_IMAGE_CAPTURED"]
    assert [m.image_index for m in captured] == [1, 2]


def test_a_sim_state_takes_the_boot_time_of_the_attitude_before_it_once() -> None:
    plane = Plane(51.45, 6.74, 31.0)
    listener = TruthListener(plane)
    sim = mavlink.MAVLink_sim_state_message(
        1, 0, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 0, 0, 51.45, 6.74, 81.0, 0, 0, 0, 0, 0, 514_500_000, 67_400_000
    )
    attitude = mavlink.MAVLink_attitude_message(12_340, 0, 0, 0.1, 0, 0, 0)
    wire = [bytes(message.pack(AUTOPILOT)) for message in (sim, attitude, sim, sim)]
    (truth,) = [truth for frame in wire for truth in listener.receive(frame)]
    assert truth.boot_s == pytest.approx(12.34)
    assert truth.enu == pytest.approx((0.0, 0.0, 81.0), abs=0.02)
    assert truth.yaw == pytest.approx(0.7)
