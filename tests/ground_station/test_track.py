"""Where the mount was: interpolation against an analytic flight, and every reason for no answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ground_station.clock_sync import ClockSync
from ground_station.instruments import Ekf
from ground_station.telemetry import Attitude, Gnss, Position
from ground_station.track import MAX_GIMBAL_RATE_RAD_S, Track
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import (
    NoPose,
    NoPoseReason,
    Pose,
    euler_from_quaternion,
    quaternion_from_euler,
    rotate,
    turn_rate,
)

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)
BOOT_UTC_S = 1_773_522_000.0
RADIUS_M, OMEGA, HEIGHT_M = 40.0, 0.2, 60.0
ROLL_LOCK, PITCH_LOCK, YAW_LOCK, VEHICLE, EARTH = 4, 8, 16, 32, 64
LEVELLED = ROLL_LOCK | PITCH_LOCK | VEHICLE
GNSS = Gnss(0.0, 4, 14, 0.8, 1.2, 93.0)


def _enu(at_s: float) -> np.ndarray:
    """A circle flown while climbing gently."""
    angle = OMEGA * at_s
    return np.array([RADIUS_M * math.sin(angle), RADIUS_M * math.cos(angle), HEIGHT_M + 0.5 * at_s])


def _velocity_ned(at_s: float) -> tuple[float, float, float]:
    angle = OMEGA * at_s
    return -RADIUS_M * OMEGA * math.sin(angle), RADIUS_M * OMEGA * math.cos(angle), -0.5


def _position(at_s: float) -> Position:
    point = FRAME.point_at(_enu(at_s))
    return Position(
        at_s, at_s, point.lat_deg, point.lon_deg, point.alt_m, point.alt_m - HOME.alt_m, _velocity_ned(at_s), None
    )


def _attitude(at_s: float, roll: float = 0.1, pitch: float = -0.05) -> Attitude:
    yaw = (OMEGA * at_s + math.pi / 2 + math.pi) % (2 * math.pi) - math.pi  # the nose along the circle
    return Attitude(at_s, at_s, roll, pitch, yaw)


def _clock() -> ClockSync:
    clock = ClockSync()
    for tick in range(1, 6):
        clock.system_time(round((BOOT_UTC_S + tick) * 1e6), tick * 1000)
    return clock


def _down(pitch_deg: float = -90.0, yaw_deg: float = 0.0) -> tuple[float, ...]:
    return tuple(quaternion_from_euler(0.0, math.radians(pitch_deg), math.radians(yaw_deg)).tolist())


def _track(seconds: float = 20.0, *, gimbal: bool = True, clock: ClockSync | None = None) -> Track:
    track = Track(1, clock or _clock())
    for number in range(round(seconds * 50) + 1):
        at_s = number / 50
        track.add_attitude(_attitude(at_s))
        if number % 5 == 0:
            track.add_position(_position(at_s), GNSS)
        if gimbal and number % 2 == 0:
            track.add_gimbal(at_s, _down(), LEVELLED, 1)
    return track


def _pose(track: Track, boot_s: float) -> Pose:
    pose = track.pose_at(BOOT_UTC_S + boot_s)
    assert isinstance(pose, Pose), pose
    return pose


def _reason(track: Track, boot_s: float) -> NoPoseReason:
    answer = track.pose_at(BOOT_UTC_S + boot_s)
    assert isinstance(answer, NoPose)
    assert answer.text
    return answer.reason


def test_between_two_fixes_the_curve_is_followed_to_a_millimetre() -> None:
    track = _track()
    worst = max(
        float(np.linalg.norm(FRAME.enu_of(_pose(track, at_s).position) - _enu(at_s)))
        for at_s in np.linspace(5.0, 15.0, 301)
    )
    assert worst < 0.002


def test_attitude_is_interpolated_across_the_end_of_the_circle() -> None:
    track = _track(seconds=40.0)
    for at_s in np.linspace(1.0, 39.0, 500):
        roll, pitch, yaw = euler_from_quaternion(_pose(track, float(at_s)).ned_from_body)
        wanted = _attitude(float(at_s))
        assert (roll, pitch) == pytest.approx((wanted.roll_rad, wanted.pitch_rad), abs=2e-4)
        assert math.cos(yaw - wanted.yaw_rad) > 1 - 1e-7


def test_the_pose_carries_velocity_height_and_the_receivers_accuracy() -> None:
    pose = _pose(_track(), 10.03)
    assert pose.velocity_ned_m_s == pytest.approx(_velocity_ned(10.03), abs=0.01)
    assert pose.height_above_home_m == pytest.approx(HEIGHT_M + 5.015, abs=0.01)
    assert pose.position.datum is Datum.SEA_LEVEL
    assert np.diag(pose.position_common_m2) == pytest.approx([0.8**2 / 2, 0.8**2 / 2, 1.2**2])
    assert pose.time_sigma_s == pytest.approx(0.005)
    assert np.all(np.linalg.eigvalsh(pose.attitude_common_rad2) > 0)


def test_a_receiver_that_states_nothing_is_not_taken_as_perfect() -> None:
    track = Track(1, _clock())
    for at_s in (1.0, 1.1, 1.2):
        track.add_attitude(_attitude(at_s))
        track.add_position(_position(at_s), None)
    pose = track.mount_pose_at(BOOT_UTC_S + 1.05, "fixed")
    assert isinstance(pose, Pose) and pose.position_common_m2[0, 0] > 1.0


def test_no_answer_has_its_reason() -> None:
    track = _track()
    assert _reason(track, 20.01) is NoPoseReason.NOT_YET
    assert _reason(track, -1.0) is NoPoseReason.TOO_OLD
    assert _reason(_track(gimbal=False), 10.0) is NoPoseReason.NO_GIMBAL
    assert _reason(_track(clock=ClockSync()), 10.0) is NoPoseReason.NO_CLOCK
    empty = Track(1, _clock())
    assert _reason(empty, 10.0) is NoPoseReason.NO_ATTITUDE
    empty.add_attitude(_attitude(9.99))
    empty.add_attitude(_attitude(10.01))
    assert _reason(empty, 10.0) is NoPoseReason.NO_POSITION


@pytest.mark.parametrize(
    ("what", "length_s", "refused"),
    [("attitude", 0.6, True), ("attitude", 0.4, False), ("position", 1.2, True), ("position", 0.9, False),
     ("gimbal", 0.6, True), ("gimbal", 0.4, False)],
)  # fmt: skip
def test_a_gap_is_not_bridged(what: str, length_s: float, refused: bool) -> None:
    track = Track(1, _clock())
    for number in range(1001):
        at_s = number / 50
        hole = what if 10.0 < at_s < 10.0 + length_s else ""
        if hole != "attitude":
            track.add_attitude(_attitude(at_s))
        if hole != "position" and number % 5 == 0:
            track.add_position(_position(at_s), GNSS)
        if hole != "gimbal":
            track.add_gimbal(at_s, _down(), LEVELLED, 1)
    answer = track.pose_at(BOOT_UTC_S + 10.2)
    if refused:
        assert isinstance(answer, NoPose) and answer.reason is NoPoseReason.GAP and what in answer.text
    else:
        assert isinstance(answer, Pose)


def _with_event(event: str) -> Track:
    track = Track(1, _clock())
    track.set_home(HOME.lat_deg, HOME.lon_deg, HOME.alt_m)
    for number in range(501):
        at_s = number / 50
        late = at_s > 5.0
        turn = math.radians(25.0) if late and event == "yaw reset" else 0.0
        attitude = _attitude(at_s)
        track.add_attitude(Attitude(at_s, at_s, attitude.roll_rad, attitude.pitch_rad, attitude.yaw_rad + turn))
        if event == "home" and number == 251:
            track.set_home(HOME.lat_deg + 1e-4, HOME.lon_deg, HOME.alt_m)
        if number % 5 == 0:
            position = _position(at_s)
            north = 2e-4 if late and event == "position reset" else 0.0
            track.add_position(
                Position(
                    at_s, at_s, position.lat_deg + north, position.lon_deg, position.alt_amsl_m,
                    position.height_above_home_m, position.velocity_ned_m_s, None,
                ),
                GNSS,
            )  # fmt: skip
        track.add_gimbal(at_s, _down(), LEVELLED, 1)
    return track


@pytest.mark.parametrize("event", ["home", "position reset", "yaw reset"])
def test_nothing_is_interpolated_across_a_reset(event: str) -> None:
    track = _with_event(event)
    assert _reason(track, 5.01) is NoPoseReason.RESET
    _pose(track, 4.85)
    _pose(track, 5.15)


def test_the_same_home_again_is_no_event() -> None:
    track = _with_event("")
    track.set_home(HOME.lat_deg, HOME.lon_deg, HOME.alt_m)
    track.add_position(_position(10.1), GNSS)
    track.add_attitude(_attitude(10.1))
    track.add_gimbal(10.1, _down(), LEVELLED, 1)
    _pose(track, 10.05)


def _mount_axis(body: Attitude, q: tuple[float, ...], flags: int, axis: tuple[float, float, float]) -> np.ndarray:
    track = Track(1, _clock())
    for at_s in (1.0, 1.1):
        track.add_attitude(Attitude(at_s, at_s, body.roll_rad, body.pitch_rad, body.yaw_rad))
        track.add_position(_position(at_s), GNSS)
        track.add_gimbal(at_s, q, flags, 1)
    return rotate(_pose(track, 1.05).ned_from_mount, np.array(axis))


BANKED = Attitude(0.0, 0.0, math.radians(20), math.radians(-10), math.radians(90))


def test_a_levelled_gimbal_is_not_rolled_again_by_the_body() -> None:
    forward = _mount_axis(BANKED, _down(-30.0), LEVELLED, (1, 0, 0))
    assert forward == pytest.approx([0.0, math.cos(math.radians(30)), math.sin(math.radians(30))], abs=1e-9)


def test_yaw_in_the_vehicle_frame_is_added_to_the_heading() -> None:
    forward = _mount_axis(BANKED, _down(0.0, 90.0), LEVELLED, (1, 0, 0))
    assert forward == pytest.approx([-1.0, 0.0, 0.0], abs=1e-9)


@pytest.mark.parametrize("flags", [ROLL_LOCK | PITCH_LOCK | EARTH, ROLL_LOCK | PITCH_LOCK | YAW_LOCK])
def test_yaw_in_the_earth_frame_forgets_the_heading(flags: int) -> None:
    forward = _mount_axis(BANKED, _down(-45.0, 0.0), flags, (1, 0, 0))
    assert forward == pytest.approx([math.sqrt(0.5), 0.0, math.sqrt(0.5)], abs=1e-9)


def test_ardupilots_yaw_lock_beside_the_vehicle_frame_flag_stays_relative() -> None:
    forward = _mount_axis(BANKED, _down(0.0, 0.0), LEVELLED | YAW_LOCK, (1, 0, 0))
    assert forward == pytest.approx([0.0, 1.0, 0.0], abs=1e-9)


def test_an_unlocked_gimbal_moves_with_the_body() -> None:
    forward = _mount_axis(BANKED, (1.0, 0.0, 0.0, 0.0), VEHICLE, (1, 0, 0))
    assert forward == pytest.approx([0.0, math.cos(math.radians(10)), math.sin(math.radians(10))], abs=1e-9)


def test_a_fixed_mount_is_the_body() -> None:
    track = _track(gimbal=False)
    pose = track.poses("fixed").pose_at(BOOT_UTC_S + 10.0)
    assert isinstance(pose, Pose)
    assert pose.ned_from_mount == pytest.approx(pose.ned_from_body)


def test_another_yaw_frame_in_between_is_a_reset() -> None:
    track = _track()
    track.add_attitude(_attitude(20.02))
    track.add_position(_position(20.1), GNSS)
    track.add_gimbal(20.02, _down(), ROLL_LOCK | PITCH_LOCK | EARTH, 1)
    assert _reason(track, 20.01) is NoPoseReason.RESET


def test_a_gimbal_that_swings_fast_gives_no_place_and_a_slow_one_a_wider_ellipse() -> None:
    def swinging(rate_rad_s: float) -> Pose | NoPose:
        track = Track(1, _clock())
        for number in range(101):
            at_s = number / 50
            track.add_attitude(_attitude(at_s))
            track.add_position(_position(at_s), GNSS)
            track.add_gimbal(at_s, _down(-90.0 + math.degrees(rate_rad_s) * at_s), LEVELLED, 1)
        return track.pose_at(BOOT_UTC_S + 1.01)

    fast, slow, still = swinging(1.2 * MAX_GIMBAL_RATE_RAD_S), swinging(math.radians(10.0)), swinging(0.0)
    assert isinstance(fast, NoPose) and fast.reason is NoPoseReason.GAP
    assert isinstance(slow, Pose) and isinstance(still, Pose)
    assert slow.attitude_common_rad2[0, 0] > still.attitude_common_rad2[0, 0]


@pytest.mark.parametrize("flags", [LEVELLED, EARTH | ROLL_LOCK | PITCH_LOCK, VEHICLE], ids=["level", "earth", "body"])
def test_how_fast_the_mount_turns_is_that_of_its_attitude(flags: int) -> None:
    """A gimbal that swings slowly on an aircraft that flies a circle and rolls."""
    track = Track(1, _clock())
    for number in range(501):
        at_s = number / 50
        track.add_attitude(_attitude(at_s, roll=0.2 * math.sin(at_s)))
        if number % 5 == 0:
            track.add_position(_position(at_s), GNSS)
        track.add_gimbal(at_s, _down(-60.0 + 5.0 * math.sin(at_s), 20.0 * math.cos(at_s)), flags, 1)
    step_s = 0.02
    for at_s in (3.01, 5.51, 7.03):
        before, pose, after = (_pose(track, at_s + shift) for shift in (-step_s, 0.0, step_s))
        for name in ("mount", "body"):
            first, last = (getattr(one, f"ned_from_{name}") for one in (before, after))
            expected = turn_rate(first, last, 2 * step_s)
            assert float(np.linalg.norm(expected)) > 0.05
            assert getattr(pose, f"{name}_rate_ned_rad_s") == pytest.approx(expected, abs=0.02)


def test_a_turn_rate_is_the_rotation_vector_of_the_shorter_way() -> None:
    level, rolled = quaternion_from_euler(0.0, 0.0, 0.0), quaternion_from_euler(0.3, 0.0, 0.0)
    assert turn_rate(level, rolled, 0.1) == pytest.approx((3.0, 0.0, 0.0))
    assert turn_rate(level, -rolled, 0.1) == pytest.approx((3.0, 0.0, 0.0))
    assert turn_rate(rolled, rolled, 0.1) == pytest.approx((0.0, 0.0, 0.0))
    north = quaternion_from_euler(0.0, 0.0, math.radians(179.0))
    assert turn_rate(north, quaternion_from_euler(0.0, 0.0, math.radians(-179.0)), 1.0) == pytest.approx(
        (0.0, 0.0, math.radians(2.0))
    )


def test_the_autopilots_gimbal_wins_over_the_devices_own() -> None:
    track = Track(1, _clock())
    for at_s in (1.0, 1.1):
        track.add_attitude(_attitude(at_s))
        track.add_position(_position(at_s), GNSS)
        track.add_gimbal(at_s, _down(-90.0), LEVELLED, 1)
        track.add_gimbal(at_s + 0.01, _down(0.0), LEVELLED, 154)
    down = rotate(_pose(track, 1.05).ned_from_mount, np.array([1.0, 0.0, 0.0]))
    assert down == pytest.approx([0.0, 0.0, 1.0], abs=1e-9)


def test_a_quaternion_of_zeros_is_dropped() -> None:
    track = _track(gimbal=False)
    for at_s in (9.9, 10.1):
        track.add_gimbal(at_s, (0.0, 0.0, 0.0, 0.0), LEVELLED, 1)
        track.add_gimbal(at_s, (math.nan, 0.0, 0.0, 0.0), LEVELLED, 1)
    assert _reason(track, 10.0) is NoPoseReason.NO_GIMBAL


def test_duplicates_and_overtaken_samples_change_nothing() -> None:
    track, doubled = _track(), _track()
    for at_s in (3.0, 9.98, 20.0):
        doubled.add_attitude(Attitude(at_s, at_s, 1.0, 1.0, 1.0))
    assert _pose(track, 9.99).ned_from_body == pytest.approx(_pose(doubled, 9.99).ned_from_body)


def test_the_history_is_long_enough_and_bounded() -> None:
    track = Track(1, _clock())
    for number in range(4 * 1000):
        at_s = number / 4
        track.add_attitude(_attitude(at_s))
        track.add_position(_position(at_s), GNSS)
        track.add_gimbal(at_s, _down(), LEVELLED, 1)
    _pose(track, 999.75 - 120.1)
    assert _reason(track, 500.0) is NoPoseReason.TOO_OLD


def test_an_estimator_that_doubts_widens_the_common_error_and_never_narrows_it() -> None:
    def common(ekf: Ekf | None) -> tuple[float, float, float]:
        track = Track(1, _clock())
        for tick in range(40):
            at_s = 10.0 + tick * 0.05
            track.add_attitude(_attitude(at_s))
            track.add_position(_position(at_s), GNSS, ekf)
        pose = track.mount_pose_at(BOOT_UTC_S + 11.0, "fixed")
        assert isinstance(pose, Pose)
        position, attitude = np.sqrt(np.diag(pose.position_common_m2)), np.sqrt(np.diag(pose.attitude_common_rad2))
        return float(position[0]), float(position[2]), float(attitude[2])

    usual = common(None)
    assert common(Ekf(0.0, 831, 0.1, 0.1, 0.1, 0.1)) == pytest.approx(usual)
    assert common(Ekf(0.0, 831, 0.1, 1.0, 0.75, 1.5)) == pytest.approx((usual[0] * 2.0, usual[1] * 1.5, usual[2] * 3.0))
    assert common(Ekf(0.0, 831, math.nan, math.nan, math.nan, math.nan)) == pytest.approx(usual)
