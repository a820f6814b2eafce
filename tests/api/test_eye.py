"""A camera that cannot be judged says so, and its detection grows old; one that can is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from api.eye import Eye
from api.settings import CameraSetting
from ground_station.vehicle import Vehicle
from ground_station.wire import Parser, mavlink
from imagery.frame import Frame, FrameKind
from imagery.observe import FrameObservation
from missions.geometry.camera import CameraProfile
from missions.geometry.pose import NoPose, NoPoseReason
from tests.imagery.scenes import detections

Make = Callable[..., Frame]


@pytest.fixture
def notes() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def eye(profile: CameraProfile, notes: list[dict[str, Any]]) -> Eye:
    setting = CameraSetting(1, "1/100", "tcp://127.0.0.1:1", profile)
    return Eye(setting, None, lambda event, **facts: notes.append({"event": event, **facts}))


def look(eye: Eye, frame: Frame, now_s: float) -> str:
    seen = eye.look(frame)
    eye.looked(seen, now_s=now_s, utc_s=1e9 + now_s)
    return seen.seen.refusal


def states(eye: Eye, now_s: float, ground: str = "") -> dict[str, tuple[str, str]]:
    return {s.kind: (s.state, s.trouble) for s in eye.sources(now_s=now_s, utc_s=1e9, ground=ground)}


def test_before_the_first_frame_nothing_is_known(eye: Eye) -> None:
    assert states(eye, 100.0) == {"video": ("never", ""), "detection": ("never", "")}
    assert not eye.detecting(now_s=100.0)


def test_a_fire_is_found_drawn_and_waits_for_its_place(eye: Eye, frame: Make) -> None:
    seen = eye.look(frame(1))
    assert len(seen.seen.detections) == 1 and seen.jpeg[:2] == b"\xff\xd8"
    assert seen.legend.max_c == pytest.approx(28_000 * 0.02 - 273.15, abs=0.1)
    eye.looked(seen, now_s=1.0, utc_s=1e9)
    assert eye.observer.waiting == 1 and eye.detecting(now_s=1.0) and list(eye.pictures) == ["1.jpg"]
    header = eye.header(seen, utc_s=5.0, mode="uebung")
    assert (header["mode"], header["time_s"], len(header["detections"])) == ("uebung", 5.0, 1)


@pytest.mark.parametrize(
    "changes, why", [({"width": 80, "height": 64}, "wrong_size"), ({"vehicle": 2}, "wrong_vehicle")]
)
def test_a_frame_that_does_not_fit_is_shown_but_not_judged(
    eye: Eye, frame: Make, notes: list[dict[str, Any]], changes: dict[str, int], why: str
) -> None:
    for n in range(3):
        assert look(eye, frame(n, **changes), 0.1 * n) == why
    assert not eye.detecting(now_s=0.3)
    assert states(eye, 0.3)["video"] == ("live", "")
    assert states(eye, 0.3)["detection"] == ("never", why)
    assert [note["why"] for note in notes] == [why]  # once, not at every frame
    assert look(eye, frame(9), 1.0) == "" and states(eye, 1.0)["detection"] == ("live", "")


def test_what_the_stream_calls_its_camera_does_not_matter(eye: Eye, frame: Make) -> None:
    assert eye.look(replace(frame(1), camera="1/7")).seen.frame.camera == "1/100"


def test_a_detector_that_fails_leaves_the_picture_and_the_rest_alive(
    eye: Eye, frame: Make, notes: list[dict[str, Any]]
) -> None:
    def broken(n: int) -> Frame:
        return replace(
            frame(n), image=np.full((128, 160, 3), n, np.uint16)
        )  # three channels of counts: no camera does it

    with pytest.raises(Exception):  # noqa: B017, PT011 whatever OpenCV says of it
        eye.observer.see(broken(9))
    for n in range(3):
        assert look(eye, broken(n), 0.1 * n) == "detector_failed"
    assert states(eye, 0.3) == {"video": ("live", ""), "detection": ("never", "detector_failed")}
    assert sorted({note["event"] for note in notes} - {"picture failed"}) == ["detector failed", "no detection"]
    assert any("Traceback" in note.get("trace", "") for note in notes) and len(notes) <= 3
    assert look(eye, frame(2), 1.0) == "" and states(eye, 1.0)["detection"] == ("live", "")


def test_a_frozen_picture_is_no_longer_live_after_three_seconds(eye: Eye, frame: Make) -> None:
    look(eye, frame(1), 0.0)
    for n in range(1, 40):
        same = replace(frame(1), seq=n, stamp_s=frame(1).stamp_s + 0.1 * n)
        assert look(eye, same, 0.1 * n) == "frozen"
    assert states(eye, 3.9) == {"video": ("stale", "frozen"), "detection": ("stale", "")}
    assert not eye.detecting(now_s=3.9)


def test_the_shutter_of_a_thermal_camera_is_no_frozen_picture(eye: Eye, frame: Make) -> None:
    look(eye, frame(1), 0.0)
    for n in range(1, 6):
        look(eye, replace(frame(1), seq=n), 0.1 * n)
    assert states(eye, 0.6) == {"video": ("live", ""), "detection": ("live", "")}


def test_frames_that_find_no_place_are_no_statement(
    eye: Eye, frame: Make, observation: Callable[..., FrameObservation]
) -> None:
    for n in range(80):
        look(eye, frame(n), 0.1 * n)
        eye.placed(observation(n, placed=n < 10), now_s=0.1 * n)
    assert states(eye, 7.9)["detection"] == ("stale", "unplaced")
    assert not eye.detecting(now_s=7.9)


def test_a_terrain_that_ends_before_the_place_is_told(eye: Eye, frame: Make) -> None:
    look(eye, frame(1), 0.0)
    assert states(eye, 0.1, "outside_terrain")["detection"] == ("stale", "outside_terrain")


def test_daylight_has_a_picture_and_no_detection(profile: CameraProfile, notes: list[dict[str, Any]]) -> None:
    setting = CameraSetting(1, "1/100", "tcp://h:1", replace(profile, band="visible"))
    eye = Eye(setting, None, lambda event, **facts: notes.append(facts))
    image = np.full((128, 160, 3), 90, np.uint8)
    seen = eye.look(Frame(1, "1/100", 1, 0.0, "unknown", image, FrameKind.VISIBLE))
    eye.looked(seen, now_s=0.0, utc_s=1e9)
    assert states(eye, 0.1) == {"video": ("live", ""), "detection": ("off", "visible_light")}
    assert seen.legend.max_c is None and eye.header(seen, utc_s=None, mode="demo")["legend"] == []


def test_a_clock_that_nobody_named_becomes_utc_with_a_latency(eye: Eye, frame: Make) -> None:
    for n in range(5):
        unknown = replace(frame(n, clock="unknown"), stamp_s=0.1 * n)
        eye.looked(eye.look(unknown), now_s=0.1 * n, utc_s=2e9 + 0.1 * n)
    utc = eye.utc_of(replace(frame(9, clock="unknown"), stamp_s=1.0), None)
    assert utc == pytest.approx(2e9 + 1.0 - 0.2, abs=0.05)
    assert eye.utc_of(frame(9, clock="vehicle-boot"), None) is None


def test_the_way_of_a_frame_is_told_with_what_of_it_was_waiting(
    eye: Eye, frame: Make, observation: Callable[..., FrameObservation]
) -> None:
    eye.looked(eye.look(frame(7)), now_s=10.030, utc_s=1e9, received_s=10.0)
    assert eye.took(7, now_s=10.1) is None, "not placed yet"
    eye.placed(observation(7), now_s=10.230)
    assert eye.took(7, now_s=10.240) == {"whole_s": 0.24, "waited_s": 0.2}
    eye.replay(observation(8), now_s=11.0, utc_s=1e9)
    assert eye.took(8, now_s=11.1) is None, "a replay says nothing about speed"


def _warm(vehicle: Vehicle, boot_s: float, *, at: tuple[float, float] = (0.5, 0.5), zoom: float = 0.0) -> None:
    """A camera that beats, and says how hot its hottest pixel is."""
    for message in (
        mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3),
        mavlink.MAVLink_camera_settings_message(0, 0, zoom, 0.0),
        mavlink.MAVLink_camera_thermal_range_message(round(boot_s * 1000), 1, 0, 321.5, *at, 3.0, 0.0, 0.0),
    ):
        for received in Parser().feed(message.pack(mavlink.MAVLink(None, 1, 100))):
            vehicle.receive(received, now_s=boot_s, utc_s=1.77e9 + boot_s)


def test_without_temperatures_in_the_picture_the_cameras_own_word_counts_for_the_one_that_it_means(eye: Eye) -> None:
    vehicle = Vehicle(1)
    for step in range(50):
        vehicle.clock.arrival(step * 0.1, 1.77e9 + step * 0.1)
    _warm(vehicle, 5.0)
    width, height = eye.setting.profile.width, eye.setting.profile.height
    middle = (width / 2.0, height / 2.0)
    grey = replace(detections(middle, (5.0, 5.0)), radiometric=False)
    seen = FrameObservation(1, "1/100", 1, 1.77e9 + 5.1, NoPose(0.0, NoPoseReason.GAP, ""), grey)
    assert eye.told(seen, vehicle).hottest == (0, pytest.approx(321.5 + 273.15))
    assert eye.told(replace(seen, time_s=1.77e9 + 6.0), vehicle).hottest is None  # of another time
    assert eye.told(replace(seen, detections=detections(middle)), vehicle).hottest is None  # it has its own
    _warm(vehicle, 5.0, zoom=40.0)
    assert eye.told(seen, vehicle).hottest is None  # the picture is a part of what the number speaks of
