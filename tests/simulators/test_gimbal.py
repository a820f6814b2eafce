"""The gimbal as an autopilot meets it: told an attitude, it turns there at its own speed and says where it stands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.gimbal import LAG_S, TILT_SIGMA_RAD, Gimbal

AUTOPILOT = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)


def heard(gimbal: Gimbal) -> list[Any]:
    parser = mavlink.MAVLink(None)
    return [m for frame in gimbal.take_outgoing() for m in parser.parse_buffer(frame) or ()]


def order(pitch_deg: float, yaw_deg: float = 0.0, flags: int = 44) -> bytes:
    half_pitch, half_yaw = math.radians(pitch_deg) / 2, math.radians(yaw_deg) / 2
    # Yaw, then pitch, written out by hand: q_z ⊗ q_y.
    q = [
        math.cos(half_yaw) * math.cos(half_pitch),
        -math.sin(half_yaw) * math.sin(half_pitch),
        math.cos(half_yaw) * math.sin(half_pitch),
        math.sin(half_yaw) * math.cos(half_pitch),
    ]
    return bytes(mavlink.MAVLink_gimbal_device_set_attitude_message(1, 154, flags, q, 0, 0, 0).pack(AUTOPILOT))


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
    turned(gimbal, LAG_S - 0.01)
    assert gimbal.pitch == 0.0
    turned(gimbal, 0.5, LAG_S - 0.01)
    assert math.degrees(gimbal.pitch) == pytest.approx(-30, abs=1)
    turned(gimbal, 2.0, 0.55)
    heard(gimbal)
    gimbal.receive(order(60))
    turned(gimbal, 5.0, 2.55)
    assert math.degrees(gimbal.pitch) == pytest.approx(30, abs=0.01)
    assert heard(gimbal)[-1].failure_flags == mavlink.GIMBAL_DEVICE_ERROR_FLAGS_AT_PITCH_LIMIT
    gimbal.receive(order(0))
    turned(gimbal, 3.0, 7.6)
    assert heard(gimbal)[-1].failure_flags == 0


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


# --- both yaw frames --------------------------------------------------------------------------------------------------
LEVEL, LOCK, VEHICLE, EARTH, NAN = 4 | 8, 16, 32, 64, math.nan


def heading(yaw_deg: float) -> bytes:
    half = math.radians(yaw_deg) / 2
    q = [math.cos(half), 0.0, 0.0, math.sin(half)]
    state = mavlink.MAVLink_autopilot_state_for_gimbal_device_message(1, 154, 0, q, 0, 0, 0, 0, 0, 0, 0, 2)
    return bytes(state.pack(AUTOPILOT))


def rates(pitch_deg_s: float, yaw_deg_s: float, flags: int = LEVEL) -> bytes:
    message = mavlink.MAVLink_gimbal_device_set_attitude_message(
        1, 154, flags, [NAN] * 4, 0.0, math.radians(pitch_deg_s), math.radians(yaw_deg_s)
    )
    return bytes(message.pack(AUTOPILOT))


@pytest.mark.parametrize(
    ("flags", "from_nose_deg", "after_the_turn_deg"),
    [
        (LEVEL, 30.0, 30.0),  # no frame named, no lock: from the nose
        (LEVEL | VEHICLE, 30.0, 30.0),
        (LEVEL | LOCK, -70.0, -120.0),  # no frame named, lock: from north
        (LEVEL | LOCK | EARTH, -70.0, -120.0),
        (LEVEL | LOCK | VEHICLE, 30.0, -20.0),  # from the nose as it is now, then held
        (LEVEL | EARTH, -70.0, -70.0),  # from north as it is now, then along with the vehicle
    ],
)
def test_a_yaw_counts_from_where_the_flags_say_and_lock_holds_it(
    flags: int, from_nose_deg: float, after_the_turn_deg: float
) -> None:
    gimbal = Gimbal(1)
    gimbal.receive(heading(100.0))
    gimbal.receive(order(-40.0, 30.0, flags))
    turned(gimbal, 3.0)
    assert math.degrees(gimbal.yaw) == pytest.approx(from_nose_deg, abs=0.1)
    for tick in range(50):  # the vehicle turns by 50 degrees in a second
        gimbal.receive(heading(101.0 + tick))
        gimbal.step(3.0 + tick / 50)
        held = math.degrees(gimbal.yaw) + 101.0 + tick
        if flags & LOCK:
            assert held == pytest.approx(from_nose_deg + 100.0, abs=0.1), "it does not swing along and back"
    turned(gimbal, 1.0, 4.0)
    assert math.degrees(gimbal.yaw) == pytest.approx(after_the_turn_deg, abs=0.1)
    report = heard(gimbal)[-1]
    assert report.flags == LEVEL | VEHICLE | (flags & LOCK), "what it reports counts from the nose"
    assert math.degrees(report.delta_yaw) == pytest.approx(150.0, abs=0.1)


def test_without_a_heading_it_does_not_pretend_to_know_north() -> None:
    gimbal = Gimbal(1)
    gimbal.receive(order(-40.0, 30.0, LEVEL | LOCK))
    turned(gimbal, 2.0)
    assert (gimbal.pitch, gimbal.yaw) == (0.0, 0.0)
    assert math.isnan(heard(gimbal)[-1].delta_yaw)


def test_one_that_says_north_says_so() -> None:
    gimbal = Gimbal(1, earth_frame=True)
    gimbal.receive(heading(100.0))
    gimbal.receive(order(-40.0, 30.0))
    turned(gimbal, 3.0)
    report = heard(gimbal)[-1]
    assert report.flags == LEVEL | EARTH
    w, x, y, z = report.q
    assert math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))) == pytest.approx(130.0, abs=0.1)
    assert gimbal.reported()[1, 0] == pytest.approx(math.cos(math.radians(40)) * math.sin(math.radians(30)), abs=1e-3)


def test_it_turns_at_a_rate_until_its_limit() -> None:
    gimbal = Gimbal(1)
    gimbal.receive(rates(-20.0, 10.0))
    turned(gimbal, 2.0 + LAG_S)
    assert math.degrees(gimbal.pitch) == pytest.approx(-40.0, abs=2.0)
    assert math.degrees(gimbal.yaw) == pytest.approx(20.0, abs=1.0)
    report = heard(gimbal)[-1]
    speed = [math.degrees(v) for v in (report.angular_velocity_x, report.angular_velocity_y, report.angular_velocity_z)]
    tilted = math.radians(-math.degrees(gimbal.pitch))
    assert speed == pytest.approx([10 * math.sin(tilted), -20.0, 10 * math.cos(tilted)], abs=0.5)
    turned(gimbal, 4.0, 2.0 + LAG_S)
    assert math.degrees(gimbal.pitch) == pytest.approx(-90.0, abs=0.1)
    gimbal.receive(rates(0.0, 0.0))
    turned(gimbal, 1.0, 6.1)
    yaw = gimbal.yaw
    turned(gimbal, 1.0, 7.1)
    assert gimbal.yaw == pytest.approx(yaw, abs=1e-6)


@pytest.mark.parametrize(("rest", "pitch_deg"), [(1, 30.0), (2, 0.0)])
def test_it_is_put_away_and_comes_back(rest: int, pitch_deg: float) -> None:
    gimbal = Gimbal(1)
    gimbal.receive(order(-40.0, 30.0))
    turned(gimbal, 2.0)
    parked = mavlink.MAVLink_gimbal_device_set_attitude_message(1, 154, rest | LEVEL, [NAN] * 4, NAN, NAN, NAN)
    gimbal.receive(bytes(parked.pack(AUTOPILOT)))
    turned(gimbal, 3.0, 2.0)
    assert (math.degrees(gimbal.pitch), math.degrees(gimbal.yaw)) == (
        pytest.approx(pitch_deg, abs=0.1),
        pytest.approx(0, abs=0.1),
    )
    assert heard(gimbal)[-1].flags == rest | LEVEL | VEHICLE
    gimbal.receive(order(-40.0, 30.0))
    turned(gimbal, 3.0, 5.0)
    assert math.degrees(gimbal.pitch) == pytest.approx(-40.0, abs=0.1)


def test_how_often_it_reports_can_be_ordered() -> None:
    gimbal = Gimbal(1)

    def reports(seconds: float, start_s: float) -> int:
        turned(gimbal, seconds, start_s)
        return sum(m.get_type() == "GIMBAL_DEVICE_ATTITUDE_STATUS" for m in heard(gimbal))

    def interval(us: float) -> int:
        message = mavlink.MAVLink_command_long_message(1, 154, 511, 0, 285, us, 0, 0, 0, 0, 0)
        gimbal.receive(bytes(message.pack(AUTOPILOT)))
        return int(heard(gimbal)[0].result)

    assert reports(1.0, 0.0) == pytest.approx(50, abs=2)
    assert interval(100_000) == 0 and reports(1.0, 1.0) == pytest.approx(10, abs=1)
    assert interval(-1) == 0 and reports(1.0, 2.0) == 0
    assert interval(0) == 0 and reports(1.0, 3.0) == pytest.approx(50, abs=2)
    assert interval(100) == interval(NAN) == mavlink.MAV_RESULT_DENIED
