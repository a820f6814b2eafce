"""Telemetry: what the autopilot says of itself, from what it believes.

The belief is the truth plus this flight's ``Errors`` and a little noise: software that reads these messages meets the
same offsets as in the field, and can be judged by how honestly it states them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import available_modes, instruments, mount
from simulators.geodesy import rotation, wire_quaternion

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

Builder = Callable[["Autopilot"], Any]
_PRESENT, _ENABLED, _HEALTHY = 0x5371FC2F, 0x52619C2F, 0x47719C2F
_NOTHING_BEHIND = (
    "CAMERA_INFORMATION",
    "CAMERA_SETTINGS",
    "CAMERA_CAPTURE_STATUS",
    "CAMERA_FOV_STATUS",
    "VIDEO_STREAM_INFORMATION",
)
_NO_MITIGATION = mavlink.FENCE_MITIGATE_NONE
_FENCE_BIT = mavlink.MAV_SYS_STATUS_GEOFENCE


def _ms(a: Autopilot) -> int:
    return round(a.now_s * 1000)


def heartbeat(a: Autopilot) -> Any:
    """HEARTBEAT."""
    base = 1 | 16 | 64 | (128 if a.pilot.armed else 0)
    status = 1 if a.now_s < a.pilot.boot.initialised_s else 5 if a.in_failsafe else 3 if a.pilot.landed else 4
    return mavlink.MAVLink_heartbeat_message(2, 3, base, a.pilot.mode, status, 3)


def attitude(a: Autopilot) -> Any:
    """ATTITUDE: the truth, tilted and turned by the errors of this flight."""
    f, e = a.pilot.flight, a.errors
    yaw = (f.yaw + e.yaw_rad + math.pi) % (2 * math.pi) - math.pi
    return mavlink.MAVLink_attitude_message(
        _ms(a), f.roll + e.tilt_rad[0] + a.jitter(0.002), f.pitch + e.tilt_rad[1] + a.jitter(0.002), yaw, 0, 0, 0
    )


def global_position(a: Autopilot) -> Any:
    """GLOBAL_POSITION_INT; all 0 before the first fix, and the receiver's place until the estimator has one."""
    lat, lon, alt = a.believed_place() if a.pilot.gnss.found else (0.0, 0.0, 0.0)
    v = a.pilot.flight.velocity
    heading = math.degrees(a.pilot.flight.yaw + a.errors.yaw_rad) % 360.0
    height = a.pilot.flight.enu[2] - a.pilot.home[2]
    return mavlink.MAVLink_global_position_int_message(
        _ms(a), round(lat * 1e7), round(lon * 1e7), round(alt * 1000), round(height * 1000),
        round(v[1] * 100), round(v[0] * 100), round(-v[2] * 100), round(heading * 100) % 36000,
    )  # fmt: skip


def local_position(a: Autopilot) -> Any:
    """LOCAL_POSITION_NED; None before the estimator has had a position."""
    if not a.pilot.gnss.ever:
        return None
    p, v = a.pilot.flight.enu - a.pilot.home, a.pilot.flight.velocity
    return mavlink.MAVLink_local_position_ned_message(_ms(a), p[1], p[0], -p[2], v[1], v[0], -v[2])


def gps_raw(a: Autopilot) -> Any:
    """GPS_RAW_INT with the accuracy that the errors were drawn from."""
    if not a.pilot.gnss.fix:
        return mavlink.MAVLink_gps_raw_int_message(
            _ms(a) * 1000, 1, 0, 0, 0, 65535, 65535, 0, 0, 3, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1, 0, 0
        )
    lat, lon, alt = a.believed_place()
    v = a.pilot.flight.velocity
    return mavlink.MAVLink_gps_raw_int_message(
        _ms(a) * 1000, 3, round(lat * 1e7), round(lon * 1e7), round(alt * 1000),
        80, 120, round(math.hypot(v[0], v[1]) * 100), 0, 17, 0, round(a.errors.h_acc_m * 1000),
        round(a.errors.v_acc_m * 1000), 300, 0, 0,
    )  # fmt: skip


def system_time(a: Autopilot) -> Any:
    """SYSTEM_TIME: UTC from the receiver, 0 before the first fix."""
    utc_us = round((a.utc_at_boot_s + a.now_s) * 1e6) if a.pilot.gnss.found else 0
    return mavlink.MAVLink_system_time_message(utc_us, _ms(a))


def sys_status(a: Autopilot) -> Any:
    """SYS_STATUS: battery, and sensor bits as ArduCopter 4.7-dev was read; the fence and PREARM bits move."""
    fenced = _FENCE_BIT if a.parameters.values["FENCE_ENABLE"] else 0
    health = _HEALTHY & ~(_FENCE_BIT if a.failsafes.outside_fence else 0)
    health |= mavlink.MAV_SYS_STATUS_PREARM_CHECK if a.pilot.prearm_ok else 0
    health &= ~(0 if a.pilot.gnss.found else mavlink.MAV_SYS_STATUS_SENSOR_GPS)
    health &= ~(0 if a.pilot.gnss.origin else mavlink.MAV_SYS_STATUS_AHRS)
    return mavlink.MAVLink_sys_status_message(
        _PRESENT, _ENABLED | fenced, health, 300, round(a.battery_v * 1000), round(a.current_a * 100),
        round(a.battery_pct), 0, 0, 0, 0, 0, 0,
    )  # fmt: skip


def battery_status(a: Autopilot) -> Any:
    """BATTERY_STATUS: four cells."""
    cells = [round(a.battery_v * 250)] * 4 + [65535] * 6
    return mavlink.MAVLink_battery_status_message(
        0, 0, 3, 32767, cells, round(a.current_a * 100), round(a.used_mah), -1, round(a.battery_pct),
        0, 1 + a.failsafes.battery,
    )  # fmt: skip


def ekf_status(a: Autopilot) -> Any:
    """EKF_STATUS_REPORT: 0x33F once the position is good, "uninitialised" before it knows which way is up."""
    flags = 0x33F if a.pilot.position_ready else 0x0A7 if a.now_s >= a.pilot.boot.aligned_s else 0x400
    return mavlink.MAVLink_ekf_status_report_message(flags, 0.05, 0.04, 0.03, 0.04, 0.0)


def extended_sys_state(a: Autopilot) -> Any:
    """EXTENDED_SYS_STATE."""
    return mavlink.MAVLink_extended_sys_state_message(0, a.pilot.landed_state)


def home_position(a: Autopilot) -> Any:
    """HOME_POSITION; None before there is one."""
    if a.home_place is None:
        return None
    lat, lon, alt = a.home_place
    return mavlink.MAVLink_home_position_message(
        round(lat * 1e7), round(lon * 1e7), round(alt * 1000), 0, 0, 0, [1, 0, 0, 0], 0, 0, 0
    )


def global_origin(a: Autopilot) -> Any:
    """GPS_GLOBAL_ORIGIN; None before there is one."""
    if a.home_place is None:
        return None
    lat, lon, alt = a.home_place
    return mavlink.MAVLink_gps_global_origin_message(round(lat * 1e7), round(lon * 1e7), round(alt * 1000), 0)


def vfr_hud(a: Autopilot) -> Any:
    """VFR_HUD."""
    f = a.pilot.flight
    speed = math.hypot(f.velocity[0], f.velocity[1])
    air = math.hypot(f.velocity[0] - f.wind[0], f.velocity[1] - f.wind[1])
    heading = round(math.degrees(f.yaw)) % 360
    return mavlink.MAVLink_vfr_hud_message(air, speed, heading, 40 if a.pilot.armed else 0, f.enu[2], f.velocity[2])


def wind(a: Autopilot) -> Any:
    """WIND: direction that it comes from, degrees."""
    w = a.pilot.flight.wind
    return mavlink.MAVLink_wind_message(math.degrees(math.atan2(-w[0], -w[1])) % 360, math.hypot(w[0], w[1]), 0)


def terrain_report(a: Autopilot) -> Any:
    """TERRAIN_REPORT of where it is. None before the first fix."""
    if not a.pilot.gnss.found:
        return None
    lat, lon, _ = a.believed_place()
    return terrain_at(a, round(lat * 1e7), round(lon * 1e7))


def terrain_at(a: Autopilot, lat_e7: int, lon_e7: int) -> Any:
    """TERRAIN_REPORT of a place, as TERRAIN_CHECK asks for it; spacing 0 where the vehicle has no height."""
    known = a.terrain.height_m((lat_e7 * 1e-7, lon_e7 * 1e-7))
    ground, spacing = (0.0, 0) if known is None else (known, round(a.parameters.values["TERRAIN_SPACING"]))
    above = float(a.pilot.flight.enu[2]) - ground
    counts = (a.terrain.pending, a.terrain.loaded)
    return mavlink.MAVLink_terrain_report_message(lat_e7, lon_e7, spacing, ground, above, *counts)


def terrain_request(a: Autopilot) -> Any:
    """TERRAIN_REQUEST; None where no height lacks."""
    return a.terrain.request(a.now_s)


def mission_current(a: Autopilot) -> Any:
    """MISSION_CURRENT; the total leaves home out."""
    total = max(0, len(a.transfers.lists[0]) - 1)
    in_auto = int(a.pilot.mode == 3)
    return mavlink.MAVLink_mission_current_message(a.pilot.current, total, a.pilot.mission_state, in_auto)


def sim_state(a: Autopilot) -> Any:
    """SIM_STATE: the truth, for the camera and the gimbal alone."""
    f = a.pilot.flight
    lat, lon, alt = a.pilot.plane.geo(f.enu - (0, 0, a.pilot.plane.alt_m))
    q = wire_quaternion(rotation(f.roll, f.pitch, f.yaw))
    return mavlink.MAVLink_sim_state_message(
        *q, f.roll, f.pitch, f.yaw, 0, 0, -9.8, 0, 0, 0, lat, lon, alt, 0, 0, f.velocity[1], f.velocity[0],
        -f.velocity[2], round(lat * 1e7), round(lon * 1e7),
    )  # fmt: skip


def fence_status(a: Autopilot) -> Any:
    """FENCE_STATUS; None while the fence is off."""
    if not a.parameters.values["FENCE_ENABLE"]:
        return None
    f = a.failsafes
    return mavlink.MAVLink_fence_status_message(
        int(f.outside_fence), f.breach_count, f.breach_type, round(f.breached_s * 1000), _NO_MITIGATION
    )


def camera_feedback(a: Autopilot) -> Any:
    """CAMERA_FEEDBACK of the latest picture: the vehicle's attitude, not the gimbal's; UTC, 0 before a fix."""
    lat, lon, alt = a.believed_place()
    utc_us = round((a.utc_at_boot_s + a.now_s) * 1e6) if a.pilot.gnss.found else 0
    f, e = a.pilot.flight, a.errors
    roll, pitch, yaw = (math.degrees(v) for v in (f.roll + e.tilt_rad[0], f.pitch + e.tilt_rad[1], f.yaw + e.yaw_rad))
    height = float(f.enu[2] - a.pilot.home[2])
    return mavlink.MAVLink_camera_feedback_message(
        utc_us, 0, 0, a.pilot.shots, round(lat * 1e7), round(lon * 1e7), alt, height, roll, pitch, yaw % 360, 0, 0, 0
    )


def last_picture(a: Autopilot) -> Any:
    """CAMERA_FEEDBACK when it is asked for: the last one again; None before the first."""
    return camera_feedback(a) if a.pilot.shots else None


def nothing(a: Autopilot) -> Any:
    """Of a message that is known and has nothing behind it: its interval is taken, and nothing comes."""
    return None


def autopilot_version(a: Autopilot) -> Any:
    """AUTOPILOT_VERSION: 4.7.0-dev; the uid names this very process."""
    return mavlink.MAVLink_autopilot_version_message(
        0x2000 | 0x40 | 8 | 4, 0x04070000, 0, 0, 0, [0] * 8, [0] * 8, [0] * 8, 0, 0, a.uid, list(a.uid2)
    )


def adsb_vehicle(a: Autopilot) -> Any:
    """ADSB_VEHICLE of the next aircraft in the list; None without one."""
    return a.traffic.tell(a.now_s)


BUILDERS: dict[str, Builder] = {
    "ADSB_VEHICLE": adsb_vehicle,
    "HEARTBEAT": heartbeat,
    "ATTITUDE": attitude,
    "GLOBAL_POSITION_INT": global_position,
    "LOCAL_POSITION_NED": local_position,
    "GPS_RAW_INT": gps_raw,
    "SYSTEM_TIME": system_time,
    "SYS_STATUS": sys_status,
    "BATTERY_STATUS": battery_status,
    "EKF_STATUS_REPORT": ekf_status,
    "EXTENDED_SYS_STATE": extended_sys_state,
    "HOME_POSITION": home_position,
    "VFR_HUD": vfr_hud,
    "WIND": wind,
    "TERRAIN_REPORT": terrain_report,
    "TERRAIN_REQUEST": terrain_request,
    "MISSION_CURRENT": mission_current,
    **mount.BUILDERS,
    "SIM_STATE": sim_state,
    "AUTOPILOT_VERSION": autopilot_version,
    "GPS_GLOBAL_ORIGIN": global_origin,
    "FENCE_STATUS": fence_status,
    "AVAILABLE_MODES_MONITOR": lambda a: available_modes.monitor(),
    **instruments.BUILDERS,
    "CAMERA_FEEDBACK": last_picture,
    **dict.fromkeys(_NOTHING_BEHIND, nothing),
}
# REQUEST_DATA_STREAM: what each stream holds of the above. EXTENDED_SYS_STATE is in none, as on the real one.
_SENSORS = ("RAW_IMU", "SCALED_IMU2", "SCALED_IMU3", "SCALED_PRESSURE", "SCALED_PRESSURE2")
_STATUS = (
    *("SYS_STATUS", "POWER_STATUS", "MEMINFO", "MISSION_CURRENT", "GPS_RAW_INT", "NAV_CONTROLLER_OUTPUT"),
    *("FENCE_STATUS", "POSITION_TARGET_GLOBAL_INT"),
)
_CHANNELS = ("SERVO_OUTPUT_RAW", "RC_CHANNELS")
_POSITION = ("GLOBAL_POSITION_INT", "LOCAL_POSITION_NED")
_EXTRA1 = ("AHRS2", "ATTITUDE", "SIMSTATE", "ESC_TELEMETRY_1_TO_4")
_EXTRA3 = (
    *("AHRS", "WIND", "SYSTEM_TIME", "TERRAIN_REPORT", "TERRAIN_REQUEST", "BATTERY_STATUS"),
    *("GIMBAL_DEVICE_ATTITUDE_STATUS", "EKF_STATUS_REPORT", "VIBRATION"),
)
DATA_STREAMS: dict[int, tuple[str, ...]] = {
    0: (*_SENSORS, *_STATUS, *_POSITION, *_CHANNELS, *_EXTRA1, "VFR_HUD", *_EXTRA3),
    1: _SENSORS,
    2: _STATUS,
    3: _CHANNELS,
    6: _POSITION,
    10: _EXTRA1,
    11: ("VFR_HUD",),
    12: _EXTRA3,
}
BY_ID: dict[int, str] = {
    **{
        int(getattr(mavlink, f"MAVLINK_MSG_ID_{name}")): name
        for name in BUILDERS
        if hasattr(mavlink, f"MAVLINK_MSG_ID_{name}")
    },
    available_modes.MONITOR: "AVAILABLE_MODES_MONITOR",
}
