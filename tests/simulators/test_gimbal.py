"""The gimbal as an autopilot meets it: told an attitude, it turns there at its own speed and says where it stands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.gimbal import TILT_SIGMA_RAD, Gimbal

AUTOPILOT = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)


def heard(gimbal: Gimbal) -> list[Any]:
    parser = mavlink.MAVLink(None)
    return [m for frame in gimbal.take_outgoing() for m in parser.parse_buffer(frame) or ()]


def order(pitch_deg: float, yaw_deg: float = 0.0) -> bytes:
    half_pitch, half_yaw = math.radians(pitch_deg) / 2, math.radians(yaw_deg) / 2
    # Yaw, then pitch, written out by hand: q_z ⊗ q_y.
    q = [
        math.cos(half_yaw) * math.cos(half_pitch),
        -math.sin(half_yaw) * math.sin(half_pitch),
        math.cos(half_yaw) * math.sin(half_pitch),
        math.sin(half_yaw) * math.cos(half_pitch),
    ]
    return bytes(mavlink.MAVLink_gimbal_device_set_attitude_message(1, 154, 44, q, 0, 0, 0).pack(AUTOPILOT))


def turned(gimbal: Gimbal, seconds: float, start_s: float = 0.0) -> None:
    for tick in range(1, round(seconds * 100) + 1):
        gimbal.step(start_s + tick / 100)


@pytest.mark.parametrize(("pitch_deg", "yaw_deg"), [(-90, 0), (-45, 0), (-45, 60), (-90, 90), (0, -120), (20, 30)])
def test_it_turns_to_the_attitude_that_it_was_told(pitch_deg: float, yaw_deg: float) -> None:
    gimbal = Gimbal(1)
    gimbal.receive(order(pitch_deg, yaw_deg))
    turned(gimbal, 4.0)
    assert math.degrees(gimbal.pitch) == pytest.approx(pitch_deg, abs=0.01)
    assert math.degrees(gimbal.yaw) == pytest.approx(yaw_deg, abs=0.01)
    forward = gimbal.reported()[:, 0]
    expected = [
        math.cos(math.radians(pitch_deg)) * math.cos(math.radians(yaw_deg)),
        math.cos(math.radians(pitch_deg)) * math.sin(math.radians(yaw_deg)),
        -math.sin(math.radians(pitch_deg)),
    ]
    assert forward == pytest.approx(expected, abs=1e-4)


def test_it_takes_its_time_and_stops_at_its_limits() -> None:
    gimbal = Gimbal(1)
    gimbal.receive(order(-90))
    turned(gimbal, 0.5)
    assert math.degrees(gimbal.pitch) == pytest.approx(-30, abs=1)
    gimbal.receive(order(60))
    turned(gimbal, 5.0, 0.5)
    assert math.degrees(gimbal.pitch) == pytest.approx(30, abs=0.01)


def test_it_beats_once_a_second_and_reports_in_the_vehicle_frame() -> None:
    gimbal = Gimbal(1)
    turned(gimbal, 2.95)
    messages = heard(gimbal)
    beats = [m for m in messages if m.get_type() == "HEARTBEAT"]
    reports = [m for m in messages if m.get_type() == "GIMBAL_DEVICE_ATTITUDE_STATUS"]
    assert len(beats) == 3 and all(m.type == mavlink.MAV_TYPE_GIMBAL for m in beats)
    assert len(reports) == pytest.approx(148, abs=2)
    assert all((m.get_srcSystem(), m.get_srcComponent()) == (1, 154) for m in messages)
    assert all(m.flags == 4 | 8 | 32 for m in reports)  # roll and pitch locked, yaw in the vehicle's frame


def asked(component: int, wanted: int) -> bytes:
    message = mavlink.MAVLink_command_long_message(1, component, 512, 0, wanted, 0, 0, 0, 0, 0, 0)
    return bytes(message.pack(AUTOPILOT))


def test_it_answers_what_it_knows_and_refuses_only_what_is_for_it_alone() -> None:
    gimbal = Gimbal(1)
    gimbal.receive(asked(154, 283))
    ack, information = heard(gimbal)
    assert (ack.get_type(), ack.result) == ("COMMAND_ACK", mavlink.MAV_RESULT_ACCEPTED)
    assert information.get_type() == "GIMBAL_DEVICE_INFORMATION"
    assert math.degrees(information.pitch_min) == pytest.approx(-90)
    gimbal.receive(asked(154, 259))
    assert [m.result for m in heard(gimbal)] == [mavlink.MAV_RESULT_UNSUPPORTED]
    gimbal.receive(asked(0, 259))
    gimbal.receive(asked(100, 259))
    assert heard(gimbal) == []


def test_garbage_and_nonsense_leave_it_where_it_is() -> None:
    gimbal = Gimbal(1)
    gimbal.receive(bytes(range(256)))
    nan = math.nan
    message = mavlink.MAVLink_gimbal_device_set_attitude_message(1, 154, 44, [nan] * 4, 0, 0, 0)
    gimbal.receive(bytes(message.pack(AUTOPILOT)))
    turned(gimbal, 1.0)
    assert (gimbal.pitch, gimbal.yaw) == (0.0, 0.0)


def test_what_it_reports_is_off_from_the_truth_by_a_tilt_of_the_stated_size() -> None:
    angles = []
    for seed in range(300):
        gimbal = Gimbal(seed)
        off = gimbal.true_in_vehicle() @ gimbal.reported().T
        angles.append([off[2, 1], off[0, 2]])
    spread = np.std(np.array(angles), axis=0)
    assert spread == pytest.approx([TILT_SIGMA_RAD] * 2, rel=0.15)
