"""The fold: what was never heard is None, and every group knows when it was heard."""

from __future__ import annotations

import math

import pytest

from ground_station.modes import mode_name, modes_of
from ground_station.telemetry import FOLDED, VehicleState, fold
from ground_station.wire import Message, mavlink


def _fold(*messages: Message, state: VehicleState | None = None) -> VehicleState:
    state = state or VehicleState(1)
    for number, message in enumerate(messages):
        state = fold(state, message, now_s=float(number))
    return state


def test_nothing_heard_is_none_and_not_zero() -> None:
    state = VehicleState(1)
    assert state.mode is None and state.position is None and state.battery is None and state.landed is None
    assert state.age_s(5.0) is None
    assert not state.position_ready


def test_position_comes_in_degrees_and_metres() -> None:
    message = mavlink.MAVLink_global_position_int_message(
        2500, 514_344_000, 67_623_000, 93_000, 60_000, 300, -400, 100, 9000
    )
    position = _fold(message).position
    assert position is not None
    assert (position.lat_deg, position.lon_deg) == pytest.approx((51.4344, 6.7623))
    assert (position.alt_amsl_m, position.height_above_home_m, position.boot_s) == (93.0, 60.0, 2.5)
    assert position.velocity_ned_m_s == (3.0, -4.0, 1.0) and position.heading_deg == 90.0


def test_zero_zero_before_the_first_fix_is_no_place() -> None:
    assert _fold(mavlink.MAVLink_global_position_int_message(1, 0, 0, 0, 0, 0, 0, 0, 0)).position is None


def test_an_attitude_that_is_not_a_number_is_dropped() -> None:
    assert _fold(mavlink.MAVLink_attitude_message(1, math.nan, 0, 0, 0, 0, 0)).attitude is None


def test_what_the_vehicle_does_not_know_stays_unknown() -> None:
    status = mavlink.MAVLink_sys_status_message(0, 0, 0, 0, 65535, -1, -1, 0, 0, 0, 0, 0, 0)
    battery = _fold(status).battery
    assert battery is not None
    assert (battery.voltage_v, battery.current_a, battery.remaining_pct) == (None, None, None)
    gnss = _fold(mavlink.MAVLink_gps_raw_int_message(0, 3, 0, 0, 0, 0, 0, 0, 0, 12)).gnss
    assert gnss is not None and gnss.h_acc_m is None and gnss.satellites == 12
    all_ones = mavlink.MAVLink_gps_raw_int_message(0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF)
    gnss = _fold(all_ones).gnss
    assert gnss is not None and gnss.h_acc_m is None and gnss.v_acc_m is None


def test_prearm_bit_and_battery() -> None:
    status = mavlink.MAVLink_sys_status_message(0, 0, 0x10000000, 0, 15_800, 1_250, 81, 0, 0, 0, 0, 0, 0)
    state = _fold(status)
    assert state.prearm_ok and state.battery is not None
    assert (state.battery.voltage_v, state.battery.current_a, state.battery.remaining_pct) == (15.8, 12.5, 81)


def test_the_chunks_of_a_long_text_are_joined() -> None:
    text = b"Requested rate for message ID 30 too fast. Increase SCHED_LOOP_RATE"
    state = _fold(
        mavlink.MAVLink_statustext_message(4, text[:50], 7, 0), mavlink.MAVLink_statustext_message(4, text[50:], 7, 1)
    )
    assert [item.text for item in state.texts] == [text.decode()]


def test_a_lost_chunk_leaves_a_visible_gap() -> None:
    state = _fold(mavlink.MAVLink_statustext_message(4, b"the end", 7, 1))
    assert state.texts[0].text == "[…]the end"


def test_texts_are_bounded() -> None:
    state = _fold(*(mavlink.MAVLink_statustext_message(6, str(number).encode()) for number in range(80)))
    assert [state.texts[0].text, state.texts[-1].text, len(state.texts)] == ["30", "79", 50]


@pytest.mark.parametrize(
    ("vehicle_type", "number", "name"),
    [(2, 4, "GUIDED"), (2, 6, "RTL"), (1, 15, "GUIDED"), (20, 20, "QLAND"), (10, 10, "AUTO"), (2, 99, "MODE 99")],
)
def test_mode_names_depend_on_the_vehicle_type(vehicle_type: int, number: int, name: str) -> None:
    assert mode_name(vehicle_type, number) == name
    assert modes_of(vehicle_type).get(name, number) == number


def test_heartbeat_gives_mode_and_arming() -> None:
    state = _fold(mavlink.MAVLink_heartbeat_message(2, 3, 81 | 128, 3, 4, 3))
    assert (state.mode, state.armed, state.system_status) == ("AUTO", True, 4)


def test_position_is_ready_when_both_flags_are_up() -> None:
    def flags(value: int) -> Message:
        return mavlink.MAVLink_ekf_status_report_message(value, 0, 0, 0, 0, 0)

    assert _fold(flags(831)).position_ready
    assert not _fold(flags(831 & ~0x10)).position_ready
    assert not _fold(flags(831), flags(0)).position_ready


def test_landed_mission_home_and_terrain() -> None:
    state = _fold(
        mavlink.MAVLink_extended_sys_state_message(0, 2),
        mavlink.MAVLink_mission_current_message(3, 12, 4),
        mavlink.MAVLink_home_position_message(514_344_000, 67_623_000, 33_000, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0),
        mavlink.MAVLink_terrain_report_message(514_344_000, 67_623_000, 30, 31.5, 61.5, 224, 4),
    )
    assert state.landed == "in_air"
    assert state.mission is not None and (state.mission.current, state.mission.total, state.mission.state) == (3, 12, 4)
    assert state.home is not None and state.home.alt_amsl_m == 33.0
    assert state.terrain is not None and state.terrain.height_above_terrain_m == 61.5


def test_the_state_is_frozen_and_the_fold_returns_a_new_one() -> None:
    before = VehicleState(1)
    after = fold(before, mavlink.MAVLink_extended_sys_state_message(0, 1), now_s=3.0)
    assert before.landed is None and after.landed == "on_ground" and after.last_heard_at_s == 3.0


def test_a_text_whose_end_never_comes_is_told_as_far_as_it_came() -> None:
    long = b"x" * 50
    state = fold(VehicleState(1), mavlink.MAVLink_statustext_message(4, long, 7, 0), now_s=0.0)
    assert state.texts == ()
    state = fold(state, mavlink.MAVLink_statustext_message(4, b"another"), now_s=5.0)
    assert [item.text for item in state.texts] == [long.decode() + "[…]", "another"] and state.chunks == ()


def test_at_least_forty_messages_are_folded_and_each_leaves_an_age() -> None:
    """Every message that is folded, made of numbers that mean something, changes at least one field with its age."""
    assert len(FOLDED) >= 40
    for name in sorted(FOLDED - {"RADIO"}):
        state = fold(VehicleState(1), _sample(name), now_s=7.0)
        changed = set(state.heard)
        assert changed, name
        assert all(state.age_of(field, 9.5) == 2.5 for field in changed), name
        assert all(getattr(state, field) not in (None, {}) or field in ("utc_s", "landed") for field in changed), name
    with pytest.raises(KeyError, match="no field"):
        VehicleState(1).age_of("nonsense", 0.0)


def _sample(name: str) -> Message:
    """Each field a 3, each text "abc"; what must fit together fits."""
    kind = getattr(mavlink, f"MAVLink_{name.lower()}_message")
    lengths = dict(zip(kind.ordered_fieldnames, kind.array_lengths, strict=True))
    fitting = {"orientation": 25, "min_distance": 1, "max_distance": 900, "voltages_ext": [0] * 4}
    values = []
    for field, wire_type in zip(kind.fieldnames, kind.fieldtypes, strict=True):
        if field in fitting:
            values.append(fitting[field])
        elif wire_type == "char":
            values.append(b"abc")
        else:
            values.append([3] * lengths[field] if lengths[field] else 3)
    return kind(*values)


def test_instruments_in_their_units_and_the_unknown_as_none() -> None:
    battery = mavlink.MAVLink_battery_status_message(
        1, 0, 0, 2_550, [4_100, 4_090, *[65535] * 8], 1_250, 340, -1, 81, 0, 2, [0] * 4, 0, 0
    )
    unknown = mavlink.MAVLink_battery_status_message(0, 0, 0, 32_767, [65535] * 10, -1, -1, -1, -1)
    state = _fold(
        battery,
        unknown,
        mavlink.MAVLink_vibration_message(0, 1.0, 2.0, 30.0, 0, 1, 2),
        mavlink.MAVLink_rc_channels_message(0, 4, 1500, 1500, 1000, 65535, *[0] * 14, 255),
        mavlink.MAVLink_distance_sensor_message(0, 20, 4_000, 1_234, 0, 0, 25, 0),
        mavlink.MAVLink_position_target_global_int_message(
            0, 6, 0, 514_344_000, 67_623_000, 30.0, 0, 0, 0, 0, 0, 0, 0, 0
        ),
        mavlink.MAVLink_system_time_message(1_773_522_000_500_000, 5),
    )
    full, empty = state.batteries[1], state.batteries[0]
    assert (full.voltage_v, full.current_a, full.used_mah, full.remaining_pct) == (pytest.approx(8.19), 12.5, 340, 81)
    assert full.temperature_c == 25.5 and full.charge_state == 2
    assert (empty.voltage_v, empty.current_a, empty.used_mah, empty.temperature_c) == (None, None, None, None)
    assert state.vibration is not None and state.vibration.m_s2[2] == 30.0
    assert state.rc is not None and state.rc.channels_us == (1500, 1500, 1000, None) and state.rc.rssi is None
    assert state.rangefinder is not None and state.rangefinder.distance_m == pytest.approx(12.34)
    assert state.target is not None and state.target.lat_deg == pytest.approx(51.4344)
    assert state.utc_s == 1_773_522_000.5
    beyond = _fold(mavlink.MAVLink_distance_sensor_message(0, 20, 4_000, 4_500, 0, 0, 25, 0))
    assert beyond.rangefinder is not None and beyond.rangefinder.distance_m is None
    sideways = _fold(mavlink.MAVLink_distance_sensor_message(0, 20, 4_000, 1_234, 0, 0, 2, 0))
    assert sideways.rangefinder is None


def test_mode_tables_agree_with_pymavlinks() -> None:
    """A twin: ArduPilot's numbers as another ground station's library has them, but for three modes of long ago."""
    from pymavlink import mavutil

    twins = (
        (2, mavutil.mode_mapping_acm),
        (1, mavutil.mode_mapping_apm),
        (20, mavutil.mode_mapping_apm),
        (10, mavutil.mode_mapping_rover),
    )
    differences = {
        (vehicle_type, name, mode_name(vehicle_type, number))
        for vehicle_type, theirs in twins
        for number, name in theirs.items()
        if mode_name(vehicle_type, number).replace("_", "") != name.replace("_", "")
    }
    assert {name for _, name, _ in differences} <= {"POSITION", "OF_LOITER", "LEARNING"}, differences
