"""The camera protocol, version 2, as a ground station meets it: what is asked, told, taken, lost and refused."""

from __future__ import annotations

import math
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.camera_component import _COMMANDS, CameraComponent, Stream
from simulators.camera_options import CameraOptions, CameraOptionsError, camera_options_of
from simulators.captures import PICTURE_MIB
from simulators.scenario import ScenarioError, parse
from simulators.thermal import PROFILE

ACCEPTED, BUSY, DENIED, UNSUPPORTED, FAILED = 0, 1, 2, 3, 4
GROUND = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
AUTOPILOT = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
NAN = math.nan


class Talk:
    """A ground station at the other end of the autopilot's wire, and the camera's clock."""

    def __init__(self, **options: Any) -> None:
        self.camera = CameraComponent(PROFILE, 10.0, options=CameraOptions(**options))
        self.camera.streams = (Stream("rtsp://127.0.0.1:8554/thermal", True), Stream("tcp://127.0.0.1:5600", False))
        self.now_s = 0.0
        self._parser = mavlink.MAVLink(None)
        self.live(0.0)

    def heard(self) -> list[Any]:
        return [m for frame in self.camera.take_outgoing() for m in self._parser.parse_buffer(frame) or ()]

    def live(self, seconds: float) -> list[Any]:
        for _ in range(max(1, round(seconds * 20))):
            self.now_s += 0.05
            self.camera.step(self.now_s, 100.0 + self.now_s)
        return [m for m in self.heard() if m.get_type() != "HEARTBEAT"]

    def ask(self, command: int, *params: float, component: int = 100) -> tuple[int | None, list[Any]]:
        """The result (None: no ACK) and what came with it."""
        seven = [*params, *[0.0] * 7][:7]
        message = mavlink.MAVLink_command_long_message(1, component, command, 0, *seven)
        self.camera.receive(bytes(message.pack(GROUND)))
        first, *rest = self.heard() or [None]
        if first is None:
            return None, []
        assert (first.get_type(), first.command) == ("COMMAND_ACK", command)
        assert (first.target_system, first.target_component) == (255, 190)
        return first.result, rest

    def request(self, number: int, index: float = 0.0) -> Any:
        result, (message,) = self.ask(512, number, index)
        assert result == ACCEPTED
        return message


def test_it_says_what_it_is() -> None:
    talk = Talk()
    information = talk.request(259)
    assert (information.resolution_h, information.resolution_v, information.gimbal_device_id) == (640, 512, 154)
    for name in ("CAPTURE_IMAGE", "CAPTURE_VIDEO", "HAS_MODES", "HAS_VIDEO_STREAM", "HAS_THERMAL_RANGE"):
        assert information.flags & getattr(mavlink, f"CAMERA_CAP_FLAGS_{name}"), name
    assert not information.flags & mavlink.CAMERA_CAP_FLAGS_HAS_BASIC_FOCUS
    pixel_mm = information.sensor_size_h / information.resolution_h
    assert information.focal_length / pixel_mm == pytest.approx(PROFILE.fx, rel=1e-3)
    storage = talk.request(261)
    assert (storage.storage_count, storage.status, storage.total_capacity) == (1, 2, 32_768.0)
    status = talk.request(262)
    assert (status.image_status, status.video_status, status.image_count) == (0, 0, 0)
    settings_ = talk.request(260)
    assert (settings_.mode_id, settings_.zoomLevel) == (0, 0.0) and math.isnan(settings_.focusLevel)
    assert {m.get_srcComponent() for m in (information, storage, status, settings_)} == {100}


@pytest.mark.parametrize(
    ("command", "params", "kinds"),
    [
        (521, (1,), ["CAMERA_INFORMATION"]), (521, (0,), []), (522, (1,), ["CAMERA_SETTINGS"]),
        (525, (0,), ["STORAGE_INFORMATION"]), (527, (1,), ["CAMERA_CAPTURE_STATUS"]),
        (2504, (0,), ["VIDEO_STREAM_INFORMATION"] * 2), (2505, (2,), ["VIDEO_STREAM_STATUS"]),
        (512, (269, 0), ["VIDEO_STREAM_INFORMATION"] * 2), (512, (270, 1), ["VIDEO_STREAM_STATUS"]),
    ],
)  # fmt: skip
def test_it_answers_the_old_requests_and_the_new(command: int, params: tuple[float, ...], kinds: list[str]) -> None:
    result, messages = Talk().ask(command, *params)
    assert (result, [m.get_type() for m in messages]) == (ACCEPTED, kinds)


def test_streams_are_listed_with_where_and_how_to_get_them() -> None:
    _, (people, counts) = Talk().ask(512, 269, 0)
    assert (people.stream_id, people.count, people.type, people.encoding) == (1, 2, 0, 1)  # RTSP, H.264
    assert (people.uri, people.framerate, people.resolution_h) == ("rtsp://127.0.0.1:8554/thermal", 10.0, 640)
    assert (counts.stream_id, counts.type, counts.encoding, counts.uri) == (2, 2, 0, "tcp://127.0.0.1:5600")
    assert people.flags == counts.flags == 1 | 2  # running, thermal
    assert people.hfov == counts.hfov == round(math.degrees(2 * math.atan(320 / 1125)))


def test_a_stopped_stream_says_so_and_starts_again() -> None:
    talk = Talk()
    result, (status,) = talk.ask(2503, 1)
    assert (result, status.stream_id, status.flags & 1) == (ACCEPTED, 1, 0)
    assert [talk.camera.runs(stream) for stream in talk.camera.streams] == [False, True]
    assert [s.flags & 1 for s in talk.ask(2502, 0)[1]] == [1, 1]
    assert talk.ask(2503, 3)[0] == DENIED


def test_a_picture_is_announced_with_the_place_and_the_time_that_the_autopilot_gave() -> None:
    talk = Talk()
    assert talk.ask(2000, 0, 0, 1, 1) == (ACCEPTED, [])
    captured, status = talk.live(0.05)
    assert (captured.get_type(), captured.image_index, captured.capture_result) == ("CAMERA_IMAGE_CAPTURED", 0, 1)
    assert (captured.lat, captured.time_utc, status.image_count) == (0, 0, 1)  # it has not been told yet
    place = mavlink.MAVLink_global_position_int_message(100_000, 514_000_000, 67_000_000, 90_000, 50_000, 0, 0, 0, 0)
    clock = mavlink.MAVLink_system_time_message(1_800_000_100_000_000, 100_000)
    for message in (place, clock):
        talk.camera.receive(bytes(message.pack(AUTOPILOT)))
    talk.ask(2000, 0, 0, 1, 2)
    second = talk.live(0.05)[0]
    assert (second.image_index, second.lat, second.lon, second.relative_alt) == (1, 514_000_000, 67_000_000, 50_000)
    assert second.time_boot_ms == pytest.approx((100 + talk.now_s) * 1000, abs=1)
    assert second.time_utc * 1e-6 == pytest.approx(1_800_000_000 + second.time_boot_ms * 1e-3, abs=1e-3)


def test_it_asks_its_autopilot_for_place_and_time_until_both_come() -> None:
    talk = Talk()
    assert talk.live(6.0) == []
    talk.camera.receive(bytes(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3).pack(AUTOPILOT)))
    asked = talk.live(6.0)
    assert {(m.target_component, m.command, m.param1) for m in asked} == {(1, 511, 33.0), (1, 511, 2.0)}
    place = mavlink.MAVLink_global_position_int_message(1, 2, 3, 4, 5, 0, 0, 0, 0)
    for message in (place, mavlink.MAVLink_system_time_message(10**15, 100_000)):
        talk.camera.receive(bytes(message.pack(AUTOPILOT)))
    assert talk.live(11.0) == []


def test_a_lost_picture_is_told_again_word_for_word() -> None:
    talk = Talk()
    talk.ask(2000, 0, 0.5, 3, 0)
    first = [m for m in talk.live(3.0) if m.get_type() == "CAMERA_IMAGE_CAPTURED"]
    assert [m.image_index for m in first] == [0, 1, 2]
    talk.live(5.0)
    for index, before in enumerate(first):
        again = talk.request(263, index)
        assert (again.image_index, again.time_boot_ms) == (before.image_index, before.time_boot_ms)
    assert talk.ask(2002, 1)[1][0].image_index == 1
    for index in (-1, 3, 0.5, math.inf):
        assert talk.ask(512, 263, index) == (DENIED, [])


def test_a_series_is_told_picture_by_picture_and_can_be_stopped() -> None:
    talk = Talk()
    assert talk.ask(2000, 0, 1.0, 0, 0)[0] == ACCEPTED
    said = talk.live(3.2)
    assert [m.image_index for m in said if m.get_type() == "CAMERA_IMAGE_CAPTURED"] == [0, 1, 2, 3]
    status = talk.request(262)
    assert (status.image_status, status.image_interval, status.image_count) == (2, 1.0, 4)
    assert talk.ask(2000, 0, 0, 1, 5)[0] == BUSY
    assert talk.ask(2001)[0] == ACCEPTED
    assert [m.get_type() for m in talk.live(3.0)] == ["CAMERA_CAPTURE_STATUS"]
    assert talk.request(262).image_status == 0


def test_a_full_card_is_a_failure_and_formatting_helps() -> None:
    talk = Talk(storage_mib=1)
    assert talk.ask(2000, 0, 0, 1, 1)[0] == ACCEPTED
    talk.live(0.1)
    assert talk.request(261).available_capacity == pytest.approx(1 - PICTURE_MIB, abs=1e-6)
    assert talk.ask(2000, 0, 0, 1, 2)[0] == FAILED
    assert talk.ask(526, 2, 1)[0] == talk.ask(526, 1, 0)[0] == DENIED
    result, (storage,) = talk.ask(526, 1, 1, 1)
    assert (result, storage.used_capacity) == (ACCEPTED, 0.0)
    assert talk.ask(2000, 0, 0, 1, 3)[0] == ACCEPTED


def test_a_film_needs_the_film_mode_and_holds_it() -> None:
    talk = Talk()
    assert talk.ask(2500, 0)[0] == DENIED
    result, (settings_,) = talk.ask(530, 0, 1)
    assert (result, settings_.mode_id) == (ACCEPTED, 1)
    assert talk.ask(2500, 0)[0] == ACCEPTED
    (status,) = talk.live(0.05)
    assert status.video_status == 1
    talk.live(4.0)
    assert talk.request(262).recording_time_ms == pytest.approx(4000, abs=200)
    assert talk.ask(2500, 0)[0] == talk.ask(530, 0, 0)[0] == talk.ask(529, 1)[0] == talk.ask(526, 1, 1)[0] == BUSY
    assert talk.ask(2501, 0)[0] == ACCEPTED and talk.ask(2501, 0)[0] == FAILED
    assert talk.ask(530, 0, 2)[0] == DENIED  # no survey mode


@pytest.mark.parametrize(
    ("kind", "value", "result", "zoom"),
    [
        (2, 100.0, ACCEPTED, 4.0), (2, 50.0, ACCEPTED, 2.5), (2, 101.0, DENIED, 1.0), (3, 27.0, ACCEPTED, 2.0),
        (3, 5.0, DENIED, 1.0), (0, 1.0, ACCEPTED, 1.25), (0, -1.0, ACCEPTED, 1.0), (4, 20.0, DENIED, 1.0),
        (2, NAN, DENIED, 1.0), (1, 5.0, DENIED, 1.0),
    ],
)  # fmt: skip
def test_zoom_is_digital_and_narrows_what_people_see(kind: int, value: float, result: int, zoom: float) -> None:
    talk = Talk()
    found, messages = talk.ask(531, kind, value)
    assert (found, talk.camera.zoom) == (result, pytest.approx(zoom))
    if messages:
        assert messages[0].zoomLevel == pytest.approx(100 * (zoom - 1) / 3)
    people, counts = (m.hfov for m in talk.ask(512, 269, 0)[1])
    assert people == round(math.degrees(2 * math.atan(320 / 1125 / zoom)))
    assert counts == 32


def test_zoom_may_run_and_stops_at_its_end() -> None:
    talk = Talk()
    assert talk.ask(531, 1, 1.0)[0] == ACCEPTED
    talk.live(1.0)
    assert talk.camera.zoom == pytest.approx(1.5, rel=0.1)
    assert [m.zoomLevel for m in talk.live(5.0)] == [100.0]
    talk.ask(531, 1, -1.0)
    talk.live(1.0)
    talk.ask(531, 1, 0.0)
    before = talk.camera.zoom
    talk.live(1.0)
    assert 1.0 < talk.camera.zoom == before < 4.0
    assert talk.ask(529, 1)[1][0].zoomLevel == 0.0


@pytest.mark.parametrize(("reading", "u", "v"), [("normalised", 500 / 640, 100 / 512), ("pixels", 500.0, 100.0)])
def test_the_thermal_range_comes_in_both_readings(reading: str, u: float, v: float) -> None:
    talk = Talk(thermal_range=reading)
    assert talk.ask(512, 277, 1) == (DENIED, [])  # no frame yet
    counts = np.full((512, 640), round((15 + 273.15) / 0.02), np.uint16)
    counts[100, 500] = round((300 + 273.15) / 0.02)
    counts[0, 0] = round((-20 + 273.15) / 0.02)
    talk.camera.see(counts)
    seen = talk.request(277, 1)
    assert (seen.max, seen.min) == (pytest.approx(300, abs=0.02), pytest.approx(-20, abs=0.02))
    assert (seen.max_point_x, seen.max_point_y) == (pytest.approx(u), pytest.approx(v))
    assert (seen.min_point_x, seen.min_point_y) == (0.0, 0.0)
    assert talk.ask(511, 277, 500_000)[0] == ACCEPTED
    assert len(talk.live(2.0)) == pytest.approx(4, abs=1)
    assert talk.request(270, 1).flags & mavlink.VIDEO_STREAM_STATUS_FLAGS_THERMAL_RANGE_ENABLED
    assert talk.ask(511, 277, -1)[0] == ACCEPTED and talk.live(2.0) == []


@pytest.mark.parametrize(
    ("command", "params", "result"),
    [
        (532, (0, 1), UNSUPPORTED), (534, (0, 1), UNSUPPORTED), (2004, (), UNSUPPORTED), (512, (283,), UNSUPPORTED),
        (512, (NAN,), DENIED), (511, (277, 1000), DENIED), (511, (30, 100_000), UNSUPPORTED), (2504, (7,), DENIED),
        (525, (2,), DENIED), (529, (0,), DENIED), (31_999, (), UNSUPPORTED),
    ],
)  # fmt: skip
def test_it_refuses_as_a_camera_does(command: int, params: tuple[float, ...], result: int) -> None:
    talk = Talk()
    assert talk.ask(command, *params) == (result, [])


def test_what_is_for_everybody_is_refused_by_nobody_and_what_is_for_others_is_left_to_them() -> None:
    talk = Talk()
    assert talk.ask(532, 0, 1, component=0) == (None, [])
    assert talk.ask(512, 259, component=154) == (None, [])
    assert talk.ask(2000, 0, 0, 1, 0, component=0)[0] == ACCEPTED
    other = mavlink.MAVLink_command_long_message(2, 100, 512, 0, 259, 0, 0, 0, 0, 0, 0)
    talk.camera.receive(bytes(other.pack(GROUND)))
    assert talk.heard() == []


@given(st.sampled_from([*_COMMANDS, 532, 999]), st.lists(st.floats(width=32), min_size=7, max_size=7), st.binary())
@settings(max_examples=300)
def test_whatever_numbers_come_it_answers_and_lives_on(command: int, params: list[float], noise: bytes) -> None:
    talk = Talk()
    talk.camera.receive(noise)
    talk.camera.take_outgoing()
    talk._parser = mavlink.MAVLink(None)
    result, _ = talk.ask(command, *params)
    assert result is None or 0 <= result <= 4
    talk.live(1.0)


def test_options_are_read_from_words_and_bad_ones_are_refused() -> None:
    assert camera_options_of("readout_s=0.03, thermal_range=pixels,storage_mib=9") == CameraOptions(
        readout_s=0.03, thermal_range="pixels", storage_mib=9
    )
    for text, words in (
        ("readout_s=2", "readout_s must be a number between 0 and 0.1"), ("speed=1", "allowed are NAME=VALUE of clock"),
        ("dropped", "'dropped' is unknown"), ("late=x", "late must be a number"), ("storage_mib=1.5", "whole number"),
        ("thermal_range=both", "must be one of normalised, pixels"),
    ):  # fmt: skip
        with pytest.raises(CameraOptionsError, match=words):
            camera_options_of(text)


def test_a_scenario_may_say_what_is_wrong_with_its_camera() -> None:
    shipped = (resources.files("simulators") / "scenarios" / "uebungsplatz.toml").read_text(encoding="utf-8")
    mine = parse(f"{shipped}\n[camera]\ndropped = 0.1\n", "mine")
    assert mine.camera == CameraOptions(dropped=0.1) and parse(shipped, "shipped").camera is None
    line = len(shipped.splitlines()) + 3
    with pytest.raises(ScenarioError, match=rf"readout_s must be a number between 0 and 0.1, not 5 \(line {line}\)"):
        parse(f"{shipped}\n[camera]\nreadout_s = 5\n", "mine")
