"""A recorded flight as a source of poses: by the vehicle's own clock, whoever else speaks in the log."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from api.telemetry_log import Answer, poses_of
from ground_station.wire import Message, mavlink
from missions.geometry.pose import NoPose, NoPoseReason, Pose

BEGIN_S = 1_790_000_000.0  # UTC of boot
SECONDS = 12


def _flight(*, clock_off_s: float = 0.0, report_until_s: float = 0.0, first: tuple[Message, ...] = ()) -> bytes:
    """A log of a level flight north at 5 m/s, 60 m above home (30 m above sea level), with the recorder's clock off."""
    speaker = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    out = bytearray()

    def say(boot_s: float, message: Message, by: mavlink.MAVLink = speaker) -> None:
        stamp = int((BEGIN_S + boot_s + clock_off_s) * 1e6)
        out.extend(struct.pack(">Q", stamp) + message.pack(by))

    for message in first:
        say(0.0, message, mavlink.MAVLink(None, srcSystem=255, srcComponent=1))
    for tick in range(SECONDS * 10):
        boot_s = 100.0 + tick / 10
        ms = round(boot_s * 1000)
        if tick % 10 == 0:
            say(boot_s, mavlink.MAVLink_heartbeat_message(2, 3, 81, 3, 4, 3))
            say(boot_s, mavlink.MAVLink_system_time_message(round((BEGIN_S + boot_s) * 1e6), ms))
        if tick % 10 == 5 and tick / 10 < report_until_s:
            say(boot_s, mavlink.MAVLink_terrain_report_message(514500000, 67400000, 100, 20.0, 70.0, 0, 100))
        north = round(514500000 + 0.5 * tick * 1e7 / 111_195)
        place = (ms, north, 67400000, 90_000, 60_000, 500, 0, 0, 0)
        say(boot_s, mavlink.MAVLink_global_position_int_message(*place))
        say(boot_s, mavlink.MAVLink_attitude_message(ms, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    return bytes(out)


def _asked(folder: Path, log: bytes, *boot_s: float) -> list[Answer]:
    (folder / "flight.tlog").write_bytes(log)
    return poses_of(folder / "flight.tlog", [BEGIN_S + at for at in boot_s], "fixed")


@pytest.mark.parametrize("clock_off_s", [0.0, 40.0, -40.0, 7200.0, -86_400.0])
def test_a_recorder_whose_clock_was_wrong_finds_the_same_places(tmp_path: Path, clock_off_s: float) -> None:
    answers = _asked(tmp_path, _flight(clock_off_s=clock_off_s), 104.05, 111.0, 101.0)
    places = [answer.pose.position.lat_deg for answer in answers if isinstance(answer.pose, Pose)]
    metres = [(lat - 51.45) * 111_195 for lat in places]
    assert metres == pytest.approx([20.25, 55.0, 5.0], abs=0.3)


def test_a_ground_station_that_calls_itself_component_1_is_no_vehicle(tmp_path: Path) -> None:
    loud = mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 4, 3)
    (answer,) = _asked(tmp_path, _flight(first=(loud,)), 105.0)
    assert isinstance(answer.pose, Pose)


def test_the_ground_is_home_where_no_terrain_is_reported(tmp_path: Path) -> None:
    (answer,) = _asked(tmp_path, _flight(), 105.0)
    assert answer.ground is not None and answer.ground.alt_m == pytest.approx(30.0)


def test_a_terrain_report_counts_while_it_is_fresh(tmp_path: Path) -> None:
    early, late = _asked(tmp_path, _flight(report_until_s=3.0), 101.0, 109.5)
    assert early.ground is not None and early.ground.alt_m == pytest.approx(20.0)
    assert late.ground is not None and late.ground.alt_m == pytest.approx(30.0), "a height of long ago"


def test_a_time_outside_the_log_has_its_reason(tmp_path: Path) -> None:
    before, after = _asked(tmp_path, _flight(), 90.0, 300.0)
    assert isinstance(before.pose, NoPose) and before.pose.reason is NoPoseReason.TOO_OLD
    assert isinstance(after.pose, NoPose) and after.pose.reason is NoPoseReason.NOT_YET
