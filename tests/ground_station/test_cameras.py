"""Cameras as components: found, understood, asked for pictures, and believed only by what they show afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground_station import camera_orders as order
from ground_station.camera import CameraState, Picture, Stream, fold, stream_url
from ground_station.operation import Outcome
from ground_station.pictures import Pictures
from ground_station.wire import Received, mavlink

CAMERA = 100


def found(rig: Any) -> CameraState:
    """The camera, once it has said all that it was asked for."""
    vehicle = rig.vehicle
    rig.until(lambda: CAMERA in vehicle.state.cameras and len(vehicle.state.cameras[CAMERA].streams) == 2, 30.0)
    rig.until(lambda: bool(vehicle.state.cameras[CAMERA].cards), 30.0)
    state: CameraState = vehicle.state.cameras[CAMERA]
    return state


def ask(rig: Any, begin: Callable[..., Any], *words: Any, **more: Any) -> Outcome:
    vehicle = rig.vehicle
    outcome: Outcome = rig.finish(
        vehicle.start(begin(vehicle.sysid, CAMERA, *words, now_s=rig.now_s, **more)), limit_s=30.0
    )
    return outcome


@pytest.fixture
def flying(make_rig: Any) -> Any:
    rig = make_rig(payload=True)
    found(rig)
    return rig


def test_a_camera_is_found_by_its_heartbeat_and_says_what_it_is_and_has(flying: Any) -> None:
    state = flying.vehicle.state.cameras[CAMERA]
    assert state.information is not None and flying.vehicle.cameras.first == CAMERA
    assert (state.information.model, state.information.width, state.information.height) == ("sim-lwir-640", 640, 512)
    assert state.information.focal_mm == pytest.approx(13.5)
    assert state.can("zoom") and state.can("thermal_range") and not state.can("tracking")
    assert (state.mode, state.zoom_pct, state.focus_pct) == ("image", 0.0, None)
    assert state.cards[1].status == "ready" and state.cards[1].total_mib == 32_768.0
    assert {stream.url for stream in state.streams.values()} == {"rtsp://10.0.0.9:8554/thermal", "tcp://10.0.0.9:5600"}
    assert all(stream.thermal and stream.running for stream in state.streams.values())
    assert state.capture is not None and state.capture.pictures == 0


def test_a_camera_that_still_speaks_is_no_sign_of_life_of_the_autopilot(flying: Any) -> None:
    flying.down = lambda received: received.compid != 1
    before = flying.vehicle.state.last_heard_at_s
    flying.run(3.0)
    assert flying.vehicle.state.last_heard_at_s == before
    assert flying.vehicle.state.cameras[CAMERA].heard_at_s > before + 2.0


def test_a_picture_is_taken_and_its_place_and_time_are_in_the_book(flying: Any) -> None:
    flying.until(lambda: flying.vehicle.state.position_ready and flying.vehicle.state.utc_s, 60.0)
    flying.run(2.0)
    outcome = ask(flying, order.photo, flying.vehicle.state)
    assert (outcome.outcome, len(flying.camera.captures.pictures)) == ("done", 1)
    flying.until(lambda: 0 in flying.vehicle.cameras.pictures(CAMERA).taken, 2.0)
    picture = flying.vehicle.cameras.pictures(CAMERA).taken[0]
    assert picture.ok and picture.utc_s == pytest.approx(1_773_522_000.0 + flying.now_s, abs=3.0)
    assert picture.place is not None and picture.place[0] == pytest.approx(51.4344, abs=1e-3)


@pytest.mark.parametrize("lost", ["COMMAND_ACK", "CAMERA_IMAGE_CAPTURED", "CAMERA_CAPTURE_STATUS"])
def test_one_picture_is_one_picture_whatever_is_lost_on_the_way(flying: Any, lost: str) -> None:
    dropped: list[Received] = []

    def keep(received: Received) -> bool:
        if received.name == lost and len(dropped) < 3:
            dropped.append(received)
            return False
        return True

    flying.down = keep
    outcome = ask(flying, order.photo, flying.vehicle.state)
    flying.run(4.0)
    assert dropped and (outcome.outcome, len(flying.camera.captures.pictures)) == ("done", 1)
    assert list(flying.vehicle.cameras.pictures(CAMERA).taken) == [0]


def test_two_pictures_in_a_row_are_two(flying: Any) -> None:
    assert ask(flying, order.photo, flying.vehicle.state).good and ask(flying, order.photo, flying.vehicle.state).good
    assert len(flying.camera.captures.pictures) == 2


def test_a_camera_that_is_silent_is_not_believed(flying: Any) -> None:
    flying.down = lambda received: received.compid == 1
    outcome = ask(flying, order.photo, flying.vehicle.state)
    assert (outcome.outcome, outcome.reason) == ("unknown", "the vehicle did not answer")


def test_a_card_without_room_is_a_refusal(flying: Any) -> None:
    flying.camera.captures.capacity_mib = 0.1
    assert ask(flying, order.photo, flying.vehicle.state).outcome == "refused"


def test_a_series_runs_until_it_is_stopped(flying: Any) -> None:
    assert ask(flying, order.series, 0.5, 0, flying.vehicle.state).outcome == "done"
    assert ask(flying, order.series, 0.5, 0, flying.vehicle.state).good  # it runs already, which is what was asked for
    flying.run(2.0)
    assert ask(flying, order.stop).outcome == "done"
    taken = len(flying.camera.captures.pictures)
    assert 4 <= taken <= 9
    flying.run(2.0)
    assert len(flying.camera.captures.pictures) == taken
    assert len(flying.vehicle.cameras.pictures(CAMERA).taken) == taken
    assert ask(flying, order.stop).outcome == "done"  # nothing to stop is stopped


def test_a_short_series_that_is_over_before_it_is_seen_is_done(flying: Any) -> None:
    assert ask(flying, order.series, 0.1, 3, flying.vehicle.state).outcome == "done"
    flying.run(1.0)
    assert len(flying.camera.captures.pictures) == 3


def test_zoom_mode_film_and_streams_are_judged_by_what_the_camera_says_of_them(flying: Any) -> None:
    assert ask(flying, order.zoom, 60.0, flying.vehicle.state).outcome == "done"
    assert flying.camera.zoom == pytest.approx(2.8)
    assert ask(flying, order.film, on=True).outcome == "refused"  # in image mode
    assert ask(flying, order.mode, "video").outcome == "done"
    assert ask(flying, order.film, on=True).outcome == "done" and flying.camera.captures.filming
    assert ask(flying, order.film, on=False).outcome == "done" and not flying.camera.captures.filming
    assert ask(flying, order.mode, "survey").outcome == "refused"
    assert ask(flying, order.stream, 2, on=False).outcome == "done"
    assert [flying.camera.runs(stream) for stream in flying.camera.streams] == [True, False]
    assert ask(flying, order.stream, 0, on=True).outcome == "done"
    assert all(flying.camera.runs(stream) for stream in flying.camera.streams)
    assert ask(flying, order.stream, 7, on=False).outcome == "refused"
    assert ask(flying, order.source, "thermal").outcome == "refused"  # this one has a single lens


def test_what_makes_no_sense_is_refused_before_it_is_sent(flying: Any) -> None:
    for begin, words in ((order.zoom, (101.0, flying.vehicle.state)), (order.mode, ("night",)),
                         (order.series, (0.0, 0, flying.vehicle.state)), (order.source, ("x-ray",))):  # fmt: skip
        with pytest.raises(ValueError, match="allowed are"):
            begin(1, CAMERA, *words, now_s=0.0)


def test_pictures_whose_word_is_lost_are_asked_for_again_until_all_are_known(make_rig: Any) -> None:
    rig = make_rig(payload=True)
    found(rig)
    rig.loss = 0.3
    for _ in range(3):  # an order itself may stay unanswered on such a link
        if ask(rig, order.series, 0.3, 40, rig.vehicle.state).good:
            break
    book = rig.vehicle.cameras.pictures(CAMERA)
    rig.until(lambda: len(rig.camera.captures.pictures) == 40, 60.0)
    rig.until(lambda: not book.missing and len(book.taken) + book.lost == 40, 60.0)
    assert len(book.taken) >= 38  # four questions, each way may lose: one in twenty gets through none of them
    assert all(book.taken[index].index == index for index in book.taken)


def test_the_thermal_range_is_asked_for_and_comes(flying: Any) -> None:
    frame = np.full((512, 640), 29_000, np.uint16)
    frame[100, 320] = 40_000
    flying.camera.see(frame)
    flying.until(lambda: flying.vehicle.state.cameras[CAMERA].thermal_range is not None, 15.0)
    told = flying.vehicle.state.cameras[CAMERA].thermal_range
    assert told.hottest_pixel(640, 512) == pytest.approx((320.0, 100.0), abs=0.01) and not told.in_pixels
    flying.run(3.0)
    assert flying.now_s - flying.vehicle.state.cameras[CAMERA].thermal_range.at_s < 0.5


def test_a_camera_outlives_a_reboot_of_its_autopilot(flying: Any) -> None:
    flying.run(8.0)
    anew = mavlink.MAVLink_attitude_message(10, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    flying.station.receive(anew.pack(mavlink.MAVLink(None, 1, 1)), link="memory", now_s=flying.now_s)
    vehicle = flying.vehicle
    assert vehicle.flights == 2 and vehicle.state.cameras[CAMERA].information is not None


def test_a_camera_on_a_wire_of_its_own_is_spoken_to_there(make_rig: Any) -> None:
    rig = make_rig()
    vehicle = rig.vehicle
    beat = mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3)
    rig.station.receive(beat.pack(mavlink.MAVLink(None, 1, CAMERA)), link="ethernet", now_s=rig.now_s)
    rig.station.tick(now_s=rig.now_s)
    asked = [out for out in rig.station.take_outgoing(now_s=rig.now_s) if out.link == "ethernet"]
    assert asked and CAMERA in vehicle.cameras.states
    assert vehicle.state.cameras[CAMERA].information is None


# --- the fold --------------------------------------------------------------------------------------------------------


def test_what_a_camera_does_not_know_is_none_and_never_a_number() -> None:
    nothing = mavlink.MAVLink_camera_information_message(
        0, [0] * 32, [0] * 32, 0, math.nan, math.nan, math.nan, 0, 0, 0, 0, 0, b""
    )
    state = fold(CameraState(1), nothing, now_s=1.0)
    information = state.information
    assert information is not None and information.vendor == "" and not information.can
    assert (information.focal_mm, information.sensor_mm, information.width) == (None, None, None)
    state = fold(state, mavlink.MAVLink_camera_settings_message(0, 0, math.nan, math.nan), now_s=2.0)
    assert (state.zoom_pct, state.focus_pct, state.mode) == (None, None, "image")
    state = fold(state, mavlink.MAVLink_camera_capture_status_message(0, 0, 0, 0.0, 0, math.nan, 7), now_s=3.0)
    assert state.capture is not None and (state.capture.available_mib, state.capture.pictures) == (None, 7)
    empty = mavlink.MAVLink_storage_information_message(0, 1, 1, 0, 5.0, 1.0, 4.0, 0.0, 0.0)
    assert fold(state, empty, now_s=4.0).cards[1].total_mib is None


def _range(*, max_at: tuple[float, float], min_at: tuple[float, float] = (0.1, 0.1), hot: float = 90.0) -> Any:
    return mavlink.MAVLink_camera_thermal_range_message(5, 1, 0, hot, *max_at, 3.0, *min_at)


def test_a_thermal_range_in_pixels_is_known_by_a_coordinate_above_one_and_stays_in_pixels() -> None:
    state = fold(CameraState(1), _range(max_at=(0.5, 0.25)), now_s=1.0)
    assert state.thermal_range is not None
    assert state.thermal_range.hottest_pixel(640, 512) == (320.0, 128.0)
    state = fold(state, _range(max_at=(320.0, 0.0)), now_s=2.0)
    state = fold(state, _range(max_at=(1.0, 1.0)), now_s=3.0)  # a corner's pixel, and no corner of the picture
    assert state.thermal_range is not None and state.thermal_range.hottest_pixel(640, 512) == (1.0, 1.0)
    assert fold(state, _range(max_at=(1.0, 1.0), hot=math.nan), now_s=4.0).thermal_range == state.thermal_range


# --- the book --------------------------------------------------------------------------------------------------------


def _picture(index: int) -> Picture:
    return Picture(index, 0.0, True, None, None, "")


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 500))
def test_every_picture_is_taken_missing_or_lost(heard: list[bool], first: int) -> None:
    book = Pictures()
    book.counted(first, now_s=0.0)
    for number, came in enumerate(heard):
        if came:
            book.hear(_picture(first + number), now_s=0.1 * number)
    book.counted(first + len(heard), now_s=10.0)
    assert len(book.taken) == sum(heard)
    assert set(book.missing) == {first + number for number, came in enumerate(heard) if not came}
    asked: set[int] = set()
    for second in range(200):
        due = book.due(now_s=10.0 + second)
        assert len(due) <= 4
        asked |= set(due)
    assert asked == {first + number for number, came in enumerate(heard) if not came}
    assert (book.missing, book.lost) == ((), len(heard) - sum(heard))


def test_what_was_taken_before_we_came_is_not_asked_for_and_a_formatted_card_begins_anew() -> None:
    book = Pictures()
    book.counted(300, now_s=0.0)
    assert book.due(now_s=9.0) == ()
    book.counted(302, now_s=10.0)
    assert book.due(now_s=11.0) == (300, 301)
    book.counted(0, now_s=12.0)
    book.counted(1, now_s=13.0)
    assert book.due(now_s=14.0) == (0,)
    book.hear(Picture(-1, 15.0, False, None, None, ""), now_s=15.0)
    assert (book.failed, book.missing) == (1, (0,))


def test_an_index_out_of_nowhere_costs_no_memory_and_is_counted() -> None:
    book = Pictures()
    book.hear(_picture(3), now_s=0.0)
    book.hear(_picture(2_000_000_000), now_s=1.0)
    assert len(book.missing) < 200 and book.lost > 1_999_999_000


def _stream(number: int, url: str, *, thermal: bool = True, width: int = 640, height: int = 512) -> Stream:
    return Stream(0.0, number, "s", url, "rtsp", True, thermal, width, height, 10.0, None)


@pytest.mark.parametrize("url", ["rtsp://192.168.144.25:8554/main", "tcp://127.0.0.1:5600", "rtsp://[fd00::7]/a"])
def test_a_stream_of_a_near_network_is_followed(url: str) -> None:
    assert stream_url(CameraState(100, streams={1: _stream(1, url)}), 640, 512) == url


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://8.8.8.8/a", "rtsp://camera.example/a", "tcp://0.0.0.0:5600", "file:/etc/passwd", "5600", "", "rtsp://",
        "udp://192.168.1.1:5600", "tcp://10.0.0.1:99999", "concat:tcp://10.0.0.1:1", "tcp://10.0.0.1:0", "tcp://[::",
    ],
)  # fmt: skip
def test_what_the_radio_says_opens_no_far_door_and_no_port_of_ours(url: str) -> None:
    assert stream_url(CameraState(100, streams={1: _stream(1, url)}), 640, 512) is None


def test_of_several_streams_the_thermal_one_of_the_right_size_is_looked_at() -> None:
    near = "tcp://10.0.0.1:{}"
    streams = {
        1: _stream(1, near.format(1), thermal=False),
        2: _stream(2, near.format(2), width=320),
        3: _stream(3, near.format(3)),
    }
    assert stream_url(CameraState(100, streams=streams), 640, 512) == near.format(3)
