"""What a ground station's instruments show beside position and attitude: raw sensors, servos, sticks, power, targets.

They stand in ArduPilot's streams, so they stand in these; each from the flight's state where that says anything, else
the steady value of a healthy vehicle. SIMSTATE is ArduPilot's own simulator's: the truth, on every wire; no ground
station may use it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

_G_MG = 1000.0
_SEA_LEVEL_HPA, _SCALE_M = 1013.25, 8434.0
_FIELD_MGAUSS, _DOWN_MGAUSS = 200.0, 450.0
_HOVER_US, _IDLE_US, _STOPPED_US = 1560, 1150, 1000
_RPM_PER_US = 11.0
_VELOCITY_IGNORED = 0b110111111000
_FREE_BYTES = 131_072


def _ms(a: Autopilot) -> int:
    return round(a.now_s * 1000)


def _wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi


def ahrs2(a: Autopilot) -> Any:
    """AHRS2: the second estimator, which agrees with the first; no place before there is one."""
    f, e = a.pilot.flight, a.errors
    lat, lon, alt = a.believed_place() if a.pilot.gnss.ever else (0.0, 0.0, 0.0)
    return mavlink.MAVLink_ahrs2_message(
        f.roll + e.tilt_rad[0], f.pitch + e.tilt_rad[1], _wrapped(f.yaw + e.yaw_rad), alt, round(lat * 1e7),
        round(lon * 1e7),
    )  # fmt: skip


def ahrs(a: Autopilot) -> Any:
    """AHRS: gyro biases and errors of a good estimate."""
    return mavlink.MAVLink_ahrs_message(0.0, 0.0, 0.0, 0.0, 0.0, 0.002, 0.002)


def simstate(a: Autopilot) -> Any:
    """SIMSTATE: the truth."""
    f = a.pilot.flight
    lat, lon, _ = a.pilot.plane.geo(f.enu - (0, 0, a.pilot.plane.alt_m))
    return mavlink.MAVLink_simstate_message(
        f.roll, f.pitch, _wrapped(f.yaw), 0, 0, -9.8, 0, 0, 0, round(lat * 1e7), round(lon * 1e7)
    )


def esc_telemetry(a: Autopilot) -> Any:
    """ESC_TELEMETRY_1_TO_4."""
    pulse = _pulse(a)
    rpm = round(max(0, pulse - _STOPPED_US) * _RPM_PER_US)
    each_a = a.current_a / 4 if rpm else 0.0
    return mavlink.MAVLink_esc_telemetry_1_to_4_message(
        [25] * 4, [round(a.battery_v * 100)] * 4, [round(each_a * 100)] * 4, [round(a.used_mah / 4)] * 4, [rpm] * 4,
        [_ms(a) // 20 % 65_536] * 4,
    )  # fmt: skip


def _imu(a: Autopilot) -> tuple[int, ...]:
    """Accelerations in mg, rates in mrad/s, field in mgauss, in the axes of the body."""
    f = a.pilot.flight
    accelerations = (
        _G_MG * math.sin(f.pitch),
        -_G_MG * math.sin(f.roll),
        -_G_MG * math.cos(f.roll) * math.cos(f.pitch),
    )
    field = (_FIELD_MGAUSS * math.cos(f.yaw), -_FIELD_MGAUSS * math.sin(f.yaw), _DOWN_MGAUSS)
    return (*(round(v + a.jitter(5.0)) for v in accelerations), 0, 0, 0, *(round(v) for v in field))


def raw_imu(a: Autopilot) -> Any:
    """RAW_IMU."""
    return mavlink.MAVLink_raw_imu_message(_ms(a) * 1000, *_imu(a), 0, 4500)


def scaled_imu2(a: Autopilot) -> Any:
    """SCALED_IMU2."""
    return mavlink.MAVLink_scaled_imu2_message(_ms(a), *_imu(a), 4500)


def scaled_imu3(a: Autopilot) -> Any:
    """SCALED_IMU3: the third has a compass and nothing else."""
    return mavlink.MAVLink_scaled_imu3_message(_ms(a), 0, 0, 0, 0, 0, 0, *_imu(a)[6:], 0)


def _pressure(a: Autopilot) -> float:
    return _SEA_LEVEL_HPA * math.exp(-float(a.pilot.flight.enu[2]) / _SCALE_M) + a.jitter(0.01)


def scaled_pressure(a: Autopilot) -> Any:
    """SCALED_PRESSURE."""
    return mavlink.MAVLink_scaled_pressure_message(_ms(a), _pressure(a), 0, 3500, 0)


def scaled_pressure2(a: Autopilot) -> Any:
    """SCALED_PRESSURE2."""
    return mavlink.MAVLink_scaled_pressure2_message(_ms(a), _pressure(a), 0, 3500, 0)


def power_status(a: Autopilot) -> Any:
    """POWER_STATUS."""
    return mavlink.MAVLink_power_status_message(5000, 0, 0)


def meminfo(a: Autopilot) -> Any:
    """MEMINFO."""
    return mavlink.MAVLink_meminfo_message(0, 65_535, _FREE_BYTES)


def vibration(a: Autopilot) -> Any:
    """VIBRATION."""
    x, y, z = (abs(a.jitter(0.5 if a.pilot.flying else 0.01)) for _ in range(3))
    return mavlink.MAVLink_vibration_message(_ms(a) * 1000, x, y, z, 0, 0, 0)


def _pulse(a: Autopilot) -> int:
    return _HOVER_US if a.pilot.flying else _IDLE_US if a.pilot.armed else _STOPPED_US


def servo_output(a: Autopilot) -> Any:
    """SERVO_OUTPUT_RAW: four motors."""
    return mavlink.MAVLink_servo_output_raw_message(_ms(a) * 1000 % 2**32, 0, *[_pulse(a)] * 4, *[0] * 12)


def rc_channels(a: Autopilot) -> Any:
    """RC_CHANNELS: sixteen, of which four are moved."""
    count = 0 if a.pilot.sticks.lost else 16
    moved = [a.pilot.sticks.channel(index) for index in range(4)]
    return mavlink.MAVLink_rc_channels_message(_ms(a), count, *moved, 1800, *[1000] * 3, *[0] * 10, 255)


def nav_controller(a: Autopilot) -> Any:
    """NAV_CONTROLLER_OUTPUT: towards the place that is flown to."""
    pilot = a.pilot
    goal = pilot.goal
    east, north, up = (0.0, 0.0, 0.0) if goal is None else (float(v) for v in goal - pilot.flight.enu)
    bearing = round(math.degrees(math.atan2(east, north))) if goal is not None else 0
    return mavlink.MAVLink_nav_controller_output_message(
        math.degrees(pilot.flight.roll), math.degrees(pilot.flight.pitch), round(math.degrees(pilot.flight.yaw)),
        bearing, min(65_535, round(math.hypot(east, north))), up, 0, 0,
    )  # fmt: skip


def position_target(a: Autopilot) -> Any:
    """POSITION_TARGET_GLOBAL_INT: what is flown to; None where nothing is."""
    goal = a.pilot.goal
    if goal is None:
        return None
    lat, lon, alt = a.pilot.plane.geo(goal - (0.0, 0.0, a.pilot.plane.alt_m))
    return mavlink.MAVLink_position_target_global_int_message(
        _ms(a), 0, _VELOCITY_IGNORED, round(lat * 1e7), round(lon * 1e7), alt, 0, 0, 0, 0, 0, 0, 0, 0
    )


BUILDERS: dict[str, Callable[[Autopilot], Any]] = {
    "AHRS2": ahrs2,
    "AHRS": ahrs,
    "SIMSTATE": simstate,
    "ESC_TELEMETRY_1_TO_4": esc_telemetry,
    "RAW_IMU": raw_imu,
    "SCALED_IMU2": scaled_imu2,
    "SCALED_IMU3": scaled_imu3,
    "SCALED_PRESSURE": scaled_pressure,
    "SCALED_PRESSURE2": scaled_pressure2,
    "POWER_STATUS": power_status,
    "MEMINFO": meminfo,
    "VIBRATION": vibration,
    "SERVO_OUTPUT_RAW": servo_output,
    "RC_CHANNELS": rc_channels,
    "NAV_CONTROLLER_OUTPUT": nav_controller,
    "POSITION_TARGET_GLOBAL_INT": position_target,
}
