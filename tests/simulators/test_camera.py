"""The camera learns where it is from the truth link, exposes on the vehicle's clock, and speaks as a component."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.camera import FRAME_S, Camera, Shot, Truth, TruthListener
from simulators.camera_component import Stream
from simulators.camera_options import CameraOptions
from simulators.fire import build
from simulators.geodesy import Plane, rotation
from simulators.scenario import load
from simulators.thermal import Renderer

RENDERER = Renderer(build(load("uebungsplatz"), 1))
DOWN = rotation(0.0, -math.pi / 2, 0.0)
AUTOPILOT = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)


def heard(camera: Camera) -> list[Any]:
    parser = mavlink.MAVLink(None)
    return [m for frame in camera.component.take_outgoing() for m in parser.parse_buffer(frame) or ()]


def asked(command: int, p1: float, p3: float = 0) -> bytes:
    message = mavlink.MAVLink_command_long_message(1, 100, command, 0, p1, 0, p3, 0, 0, 0, 0)
    return bytes(message.pack(AUTOPILOT))


def watched(
    camera: Camera, boot_s: float, seconds: float, *, catch_up: bool = False, turn_rad_s: float = 0.0
) -> list[Shot]:
    """Truths at 50 Hz from a boot time on, hovering 60 m up, and what was exposed."""
    shots = []
    for tick in range(round(seconds * 50)):
        now_s = boot_s + tick / 50
        camera.tell_truth(Truth(now_s, (0.0, 0.0, 95.0), 0.3 + turn_rad_s * now_s))
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


def test_its_component_beats_and_speaks_of_what_was_exposed() -> None:
    camera = Camera(RENDERER, 1)
    for tick in range(300):
        camera.step(tick / 100)
    beats = heard(camera)
    assert [m.get_type() for m in beats] == ["HEARTBEAT"] * 3
    assert {(m.get_srcComponent(), m.type) for m in beats} == {(100, mavlink.MAV_TYPE_CAMERA)}
    camera.component.streams = (Stream("tcp://127.0.0.1:5600", False),)
    shot = watched(camera, 20.0, 0.3)[-1]
    camera.component.receive(asked(512, 277))
    _, spread = heard(camera)
    assert spread.max == pytest.approx(float(shot.counts.max()) * 0.02 - 273.15, abs=0.01)
    camera.component.receive(asked(2000, 0, p3=1))
    camera.step(3.0)
    (captured,) = [m for m in heard(camera) if m.get_type() == "CAMERA_IMAGE_CAPTURED"]
    assert (captured.image_index, captured.time_boot_ms) == (0, pytest.approx(20_280, abs=20))


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


# --- what can be wrong with one ---------------------------------------------------------------------------------------


def test_a_clock_that_is_off_and_gains_is_in_the_stamp_and_not_in_the_picture() -> None:
    camera = Camera(RENDERER, 1, options=CameraOptions(clock_offset_s=2.5, clock_drift_ppm=100.0))
    shots = watched(camera, 1000.0, 1.0)
    assert len(shots) >= 9
    assert np.diff([shot.boot_s for shot in shots]) == pytest.approx(FRAME_S)  # every tenth of its own second
    for shot in shots:
        assert shot.boot_s == pytest.approx(shot.exposed_s * (1 + 1e-4) + 2.5, abs=1e-9)
        assert shot.exposed_s == pytest.approx(1000.5, abs=0.6)
    camera.component.receive(asked(2000, 0, p3=1))
    camera.step(1.0)
    captured = next(m for m in heard(camera) if m.get_type() == "CAMERA_IMAGE_CAPTURED")
    assert captured.time_boot_ms == pytest.approx(1000 * (1000.98 * (1 + 1e-4) + 2.5), abs=2)


def test_an_exposure_behind_its_stamp_shows_what_was_there_later() -> None:
    at_once, lagging = (Camera(RENDERER, 1, options=CameraOptions(exposure_lag_s=lag_s)) for lag_s in (0.0, 0.1))
    plain, late = (watched(camera, 20.0, 0.6, turn_rad_s=0.5) for camera in (at_once, lagging))
    assert [shot.exposed_s - shot.boot_s for shot in late] == pytest.approx([0.1] * len(late))
    same_stamp, same_instant = (
        float(np.abs(late[1].counts.astype(int) - plain[other].counts).mean()) for other in (1, 2)
    )
    assert late[1].boot_s == plain[1].boot_s and late[1].exposed_s == pytest.approx(plain[2].exposed_s)
    assert same_instant < 0.5 * same_stamp


def test_lost_frames_leave_holes_and_the_seed_says_which() -> None:
    stamps = []
    for seed in (1, 1, 2):
        camera = Camera(RENDERER, seed, options=CameraOptions(dropped=0.4))
        stamps.append([shot.boot_s for shot in watched(camera, 20.0, 3.0)])
        assert camera.dropped + len(stamps[-1]) == pytest.approx(30, abs=1)
        assert 5 <= camera.dropped <= 20
    assert stamps[0] == stamps[1] != stamps[2]


def test_a_late_frame_holds_up_those_behind_it_and_keeps_its_stamp() -> None:
    camera = Camera(RENDERER, 3, options=CameraOptions(late=0.1, late_s=0.35))
    delays = []
    for tick in range(250):
        now_s = 20.0 + tick / 50
        camera.tell_truth(Truth(now_s, (0.0, 0.0, 95.0), 0.3))
        camera.tell_mount(now_s, DOWN)
        shot = camera.expose(catch_up=False)
        if shot is not None:
            delays.append((shot.boot_s, now_s - shot.boot_s))
    assert [stamp for stamp, _ in delays] == sorted(stamp for stamp, _ in delays)
    assert len(delays) == pytest.approx(50, abs=4), "none is lost"
    behind = [delay for _, delay in delays]
    assert sum(delay < 0.05 for delay in behind) > 25 and max(behind) == pytest.approx(0.37, abs=0.04)
    assert sum(0.05 < delay < 0.33 for delay in behind) > 3, "the ones behind it"


def test_rows_are_read_one_after_the_other() -> None:
    """Against the renderer itself, asked for the instant of a row: the turning picture has that row of it."""
    readout_s, turn_rad_s = 0.04, 0.8
    camera = Camera(RENDERER, 1, options=CameraOptions(readout_s=readout_s))
    for tick in range(20):
        now_s = 20.0 + tick / 50
        camera.tell_truth(Truth(now_s, (0.2 * tick, 0.0, 95.0), turn_rad_s * now_s))
        camera.tell_mount(now_s, DOWN)
    at_s = 20.2
    middle = camera._eye_at(at_s)
    assert middle is not None and camera._rolling is not None
    picture, in_view = RENDERER.render(middle, at_s)
    assert in_view
    rolled, moved = camera._rolling.read_out(picture, in_view, at_s, camera._eye_at)
    for row in (25, 130, 256, 400, 490):
        eye = camera._eye_at(at_s + readout_s * (row / 511 - 0.5))
        assert eye is not None
        truly, _ = RENDERER.render(eye, at_s)
        unrolled, off = (float(np.abs(each[row, 8:-8] - truly[row, 8:-8]).mean()) for each in (picture, rolled))
        assert off < (0.06 * unrolled if row != 256 else 0.001), (row, unrolled, off)
    for view in moved:
        (there,) = [v for v in in_view if v.number == view.number]
        late = camera._eye_at(at_s + readout_s * (view.v / 511 - 0.5))
        assert late is not None
        (seen,) = [v for v in RENDERER.render(late, at_s)[1] if v.number == view.number]
        assert (view.u, view.v) == (pytest.approx(seen.u, abs=0.1), pytest.approx(seen.v, abs=0.1))
        assert math.hypot(view.u - there.u, view.v - there.v) > 0.2
