"""What a vehicle's instruments say besides where it is: one frozen group for each kind of message, with its age.

Each handler takes a message and returns the fields of ``VehicleState`` that it changes. What the vehicle does not know
(0xFFFF, NaN, −1 by the field's own rule) is None here, never a number. ``at_s``: the host's monotonic clock at arrival.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ground_station.wire import Message, text_of

_NOT_USED_U16 = 65_535
_UNKNOWN_CDEG = 32_767
_SERVOS = 16


@dataclass(frozen=True, slots=True)
class Ekf:
    """EKF_STATUS_REPORT: flags, and innovation test ratios (no variances, whatever they are called; 1 = rejected)."""

    at_s: float
    flags: int
    velocity: float
    position: float
    height: float
    compass: float


@dataclass(frozen=True, slots=True)
class Vibration:
    """VIBRATION: m/s² by axis, and how often each accelerometer hit its stop."""

    at_s: float
    m_s2: tuple[float, float, float]
    clippings: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class BatteryPack:
    """BATTERY_STATUS of one battery. ``charge_state``: MAV_BATTERY_CHARGE_STATE (1 ok, 2 low, 3 critical …)."""

    at_s: float
    id: int
    voltage_v: float | None
    current_a: float | None
    used_mah: int | None
    remaining_pct: int | None
    temperature_c: float | None
    time_left_s: int | None
    charge_state: int


@dataclass(frozen=True, slots=True)
class RemoteControl:
    """RC_CHANNELS: pulses in µs (None = no such channel) and signal strength 0..254, None = unknown."""

    at_s: float
    channels_us: tuple[int | None, ...]
    rssi: int | None


@dataclass(frozen=True, slots=True)
class Radio:
    """RADIO_STATUS of the telemetry radio: strengths and noises in its own units, free share of its buffer in %."""

    at_s: float
    rssi: int
    remote_rssi: int
    noise: int
    remote_noise: int
    buffer_free_pct: int
    errors: int


@dataclass(frozen=True, slots=True)
class Rangefinder:
    """RANGEFINDER or a DISTANCE_SENSOR that looks down: metres, None beyond its range."""

    at_s: float
    distance_m: float | None


@dataclass(frozen=True, slots=True)
class SecondGnss:
    """GPS2_RAW."""

    at_s: float
    fix: int
    satellites: int


@dataclass(frozen=True, slots=True)
class Power:
    """POWER_STATUS, HWSTATUS, MCU_STATUS: board voltage; servo rail; flags of the first; processor temperature."""

    at_s: float
    board_v: float | None = None
    servo_v: float | None = None
    flags: int = 0
    processor_c: float | None = None


@dataclass(frozen=True, slots=True)
class Navigation:
    """NAV_CONTROLLER_OUTPUT: metres and degrees to the place that is being flown to."""

    at_s: float
    target_bearing_deg: float
    distance_m: float
    height_error_m: float
    crosstrack_m: float


@dataclass(frozen=True, slots=True)
class Target:
    """POSITION_TARGET_GLOBAL_INT: where GUIDED or AUTO flies to. ``frame`` says what ``alt_m`` stands on."""

    at_s: float
    frame: int
    lat_deg: float | None
    lon_deg: float | None
    alt_m: float


@dataclass(frozen=True, slots=True)
class LocalPosition:
    """LOCAL_POSITION_NED: metres from the EKF's origin."""

    at_s: float
    boot_s: float
    ned_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Speeds:
    """VFR_HUD: m/s; climb upwards; throttle in %."""

    at_s: float
    air_m_s: float
    ground_m_s: float
    climb_m_s: float
    throttle_pct: int


@dataclass(frozen=True, slots=True)
class Air:
    """SCALED_PRESSURE: hPa and °C at the barometer."""

    at_s: float
    pressure_hpa: float
    temperature_c: float


@dataclass(frozen=True, slots=True)
class Imu:
    """RAW_IMU, SCALED_IMU2/3: one unit, in its own raw or scaled units; °C or None."""

    at_s: float
    accel: tuple[int, int, int]
    gyro: tuple[int, int, int]
    mag: tuple[int, int, int]
    temperature_c: float | None


@dataclass(frozen=True, slots=True)
class Ahrs:
    """AHRS and AHRS2: errors of the attitude, and the second estimate's place."""

    at_s: float
    error_tilt: float | None = None
    error_yaw: float | None = None
    second_lat_deg: float | None = None
    second_lon_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Escs:
    """ESC_TELEMETRY_1_TO_4: °C, volts, amperes, revolutions a minute of four motors."""

    at_s: float
    temperature_c: tuple[int, ...]
    voltage_v: tuple[float, ...]
    current_a: tuple[float, ...]
    rpm: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fence:
    """FENCE_STATUS: whether it is breached now, how often it was, MAV FENCE_BREACH type."""

    at_s: float
    breached: bool
    breaches: int
    kind: int


@dataclass(frozen=True, slots=True)
class GimbalAttitude:
    """GIMBAL_DEVICE_ATTITUDE_STATUS: quaternion (w, x, y, z), flags that say in which frame, failures."""

    at_s: float
    boot_s: float
    q: tuple[float, float, float, float]
    flags: int
    failures: int


@dataclass(frozen=True, slots=True)
class GimbalManager:
    """GIMBAL_MANAGER_STATUS: who has control, (system, component); (0, 0) nobody."""

    at_s: float
    primary: tuple[int, int]
    secondary: tuple[int, int]


@dataclass(frozen=True, slots=True)
class GimbalLimits:
    """GIMBAL_MANAGER_INFORMATION: degrees, lowest and highest."""

    at_s: float
    capabilities: int
    pitch_deg: tuple[float, float]
    yaw_deg: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shot:
    """CAMERA_FEEDBACK: the last picture that the autopilot triggered. ``time_us`` is UTC or boot (mavlink.md)."""

    at_s: float
    index: int
    time_us: int


@dataclass(frozen=True, slots=True)
class RemoteId:
    """OPEN_DRONE_ID_ARM_STATUS: whether the transmitter lets it be armed, and why not."""

    at_s: float
    ready: bool
    error: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The last COMMAND_ACK, whosever command it was."""

    at_s: float
    command: int
    result: int


Changes = Mapping[str, Any]
State = Any
Handler = Callable[[State, Message, float], Changes]


def _ekf(state: State, m: Message, now_s: float) -> Changes:
    found = Ekf(now_s, m.flags, m.velocity_variance, m.pos_horiz_variance, m.pos_vert_variance, m.compass_variance)
    return {"ekf_flags": m.flags, "ekf": found}


def _vibration(state: State, m: Message, now_s: float) -> Changes:
    axes = (m.vibration_x, m.vibration_y, m.vibration_z)
    return {"vibration": Vibration(now_s, axes, (m.clipping_0, m.clipping_1, m.clipping_2))}


def _battery(state: State, m: Message, now_s: float) -> Changes:
    cells = [cell for cell in m.voltages if cell != _NOT_USED_U16]
    cells += [cell for cell in getattr(m, "voltages_ext", ()) if cell not in (0, _NOT_USED_U16)]
    pack = BatteryPack(
        now_s,
        m.id,
        sum(cells) * 1e-3 if cells else None,
        None if m.current_battery < 0 else m.current_battery * 1e-2,
        None if m.current_consumed < 0 else m.current_consumed,
        None if m.battery_remaining < 0 else m.battery_remaining,
        None if m.temperature == _UNKNOWN_CDEG else m.temperature * 1e-2,
        m.time_remaining or None,
        m.charge_state,
    )
    return {"batteries": {**state.batteries, m.id: pack}}


def _rc(state: State, m: Message, now_s: float) -> Changes:
    pulses = tuple(
        None if (pulse := getattr(m, f"chan{number}_raw")) == _NOT_USED_U16 else pulse
        for number in range(1, min(m.chancount, 18) + 1)
    )
    return {"rc": RemoteControl(now_s, pulses, None if m.rssi == 255 else m.rssi)}


def radio_status(m: Message, now_s: float) -> Radio:
    """RADIO_STATUS: it comes from the radio, not from the vehicle."""
    return Radio(now_s, m.rssi, m.remrssi, m.noise, m.remnoise, m.txbuf, m.rxerrors)


def _radio(state: State, m: Message, now_s: float) -> Changes:
    return {"radio": radio_status(m, now_s)}


def _rangefinder(state: State, m: Message, now_s: float) -> Changes:
    return {"rangefinder": Rangefinder(now_s, m.distance if m.distance > 0.0 else None)}


_DOWNWARDS = 25  # MAV_SENSOR_ROTATION_PITCH_270


def _distance(state: State, m: Message, now_s: float) -> Changes:
    if m.orientation != _DOWNWARDS:
        return {}
    within = m.min_distance <= m.current_distance <= m.max_distance
    return {"rangefinder": Rangefinder(now_s, m.current_distance * 1e-2 if within else None)}


def _gps2(state: State, m: Message, now_s: float) -> Changes:
    return {"gnss2": SecondGnss(now_s, m.fix_type, m.satellites_visible)}


def _power(state: State, m: Message, now_s: float) -> Changes:
    before = state.power or Power(now_s)
    return {"power": Power(now_s, m.Vcc * 1e-3, m.Vservo * 1e-3, m.flags, before.processor_c)}


def _board(state: State, m: Message, now_s: float) -> Changes:
    before = state.power or Power(now_s)
    return {"power": Power(now_s, m.Vcc * 1e-3, before.servo_v, before.flags, before.processor_c)}


def _processor(state: State, m: Message, now_s: float) -> Changes:
    before = state.power or Power(now_s)
    return {"power": Power(now_s, before.board_v, before.servo_v, before.flags, m.MCU_temperature * 1e-2)}


def _memory(state: State, m: Message, now_s: float) -> Changes:
    return {"free_memory_bytes": m.freemem32 or m.freemem}


def _navigation(state: State, m: Message, now_s: float) -> Changes:
    found = Navigation(now_s, float(m.target_bearing), float(m.wp_dist), m.alt_error, m.xtrack_error)
    return {"navigation": found}


def _target(state: State, m: Message, now_s: float) -> Changes:
    placed = bool(m.lat_int or m.lon_int)
    lat, lon = (m.lat_int * 1e-7, m.lon_int * 1e-7) if placed else (None, None)
    return {"target": Target(now_s, m.coordinate_frame, lat, lon, m.alt)}


def _local(state: State, m: Message, now_s: float) -> Changes:
    return {"local": LocalPosition(now_s, m.time_boot_ms * 1e-3, (m.x, m.y, m.z))}


def _speeds(state: State, m: Message, now_s: float) -> Changes:
    speeds = Speeds(now_s, m.airspeed, m.groundspeed, m.climb, m.throttle)
    return {"ground_speed_m_s": m.groundspeed, "speeds": speeds}


def _servos(state: State, m: Message, now_s: float) -> Changes:
    return {"servos_us": tuple(getattr(m, f"servo{number}_raw", 0) for number in range(1, _SERVOS + 1))}


def _pressure(state: State, m: Message, now_s: float) -> Changes:
    return {"air": Air(now_s, m.press_abs, m.temperature * 1e-2)}


def _imu(number: int) -> Handler:
    def handle(state: State, m: Message, now_s: float) -> Changes:
        temperature = getattr(m, "temperature", 0)
        unit = Imu(
            now_s,
            (m.xacc, m.yacc, m.zacc),
            (m.xgyro, m.ygyro, m.zgyro),
            (m.xmag, m.ymag, m.zmag),
            temperature * 1e-2 if temperature else None,
        )
        return {"imus": {**state.imus, number: unit}}

    return handle


def _ahrs(state: State, m: Message, now_s: float) -> Changes:
    old = state.ahrs or Ahrs(now_s)
    return {"ahrs": Ahrs(now_s, m.error_rp, m.error_yaw, old.second_lat_deg, old.second_lon_deg)}


def _ahrs2(state: State, m: Message, now_s: float) -> Changes:
    old = state.ahrs or Ahrs(now_s)
    return {"ahrs": Ahrs(now_s, old.error_tilt, old.error_yaw, m.lat * 1e-7, m.lng * 1e-7)}


def _escs(state: State, m: Message, now_s: float) -> Changes:
    volts, amperes = (tuple(value * 1e-2 for value in values) for values in (m.voltage, m.current))
    return {"escs": Escs(now_s, tuple(m.temperature), volts, amperes, tuple(m.rpm))}


def _origin(state: State, m: Message, now_s: float) -> Changes:
    return {"origin": (m.latitude * 1e-7, m.longitude * 1e-7, m.altitude * 1e-3)}


def _fence(state: State, m: Message, now_s: float) -> Changes:
    breached = bool(m.breach_status)
    return {"fence_breached": breached, "fence": Fence(now_s, breached, m.breach_count, m.breach_type)}


def _gimbal(state: State, m: Message, now_s: float) -> Changes:
    if not all(map(math.isfinite, m.q)):
        return {}
    return {"gimbal": GimbalAttitude(now_s, m.time_boot_ms * 1e-3, tuple(m.q), m.flags, m.failure_flags)}


def _manager(state: State, m: Message, now_s: float) -> Changes:
    first = (m.primary_control_sysid, m.primary_control_compid)
    return {"gimbal_manager": GimbalManager(now_s, first, (m.secondary_control_sysid, m.secondary_control_compid))}


def _limits(state: State, m: Message, now_s: float) -> Changes:
    pitch, yaw = ((math.degrees(low), math.degrees(high)) for low, high in (
        (m.pitch_min, m.pitch_max), (m.yaw_min, m.yaw_max)))  # fmt: skip
    return {"gimbal_limits": GimbalLimits(now_s, m.cap_flags, pitch, yaw)}


def _shot(state: State, m: Message, now_s: float) -> Changes:
    if state.shot is not None and state.shot.index == m.img_idx:
        return {}  # an interval on this message repeats the last picture for ever
    return {"shot": Shot(now_s, m.img_idx, m.time_usec)} if m.img_idx or m.time_usec else {}


def _remote_id(state: State, m: Message, now_s: float) -> Changes:
    return {"remote_id": RemoteId(now_s, m.status == 0, text_of(m.error))}


def _acknowledgement(state: State, m: Message, now_s: float) -> Changes:
    return {"acknowledgement": Acknowledgement(now_s, m.command, m.result)}


def _rpm(state: State, m: Message, now_s: float) -> Changes:
    return {"rpm": (m.rpm1, m.rpm2)}


def _airspeed(state: State, m: Message, now_s: float) -> Changes:
    return {"airspeed_m_s": m.airspeed}


HANDLERS: dict[str, Handler] = {
    "EKF_STATUS_REPORT": _ekf,
    "VIBRATION": _vibration,
    "BATTERY_STATUS": _battery,
    "RC_CHANNELS": _rc,
    "RADIO_STATUS": _radio,
    "RADIO": _radio,
    "RANGEFINDER": _rangefinder,
    "DISTANCE_SENSOR": _distance,
    "GPS2_RAW": _gps2,
    "POWER_STATUS": _power,
    "HWSTATUS": _board,
    "MCU_STATUS": _processor,
    "MEMINFO": _memory,
    "NAV_CONTROLLER_OUTPUT": _navigation,
    "POSITION_TARGET_GLOBAL_INT": _target,
    "LOCAL_POSITION_NED": _local,
    "VFR_HUD": _speeds,
    "SERVO_OUTPUT_RAW": _servos,
    "SCALED_PRESSURE": _pressure,
    "RAW_IMU": _imu(1),
    "SCALED_IMU2": _imu(2),
    "SCALED_IMU3": _imu(3),
    "AHRS": _ahrs,
    "AHRS2": _ahrs2,
    "ESC_TELEMETRY_1_TO_4": _escs,
    "GPS_GLOBAL_ORIGIN": _origin,
    "FENCE_STATUS": _fence,
    "GIMBAL_DEVICE_ATTITUDE_STATUS": _gimbal,
    "GIMBAL_MANAGER_STATUS": _manager,
    "GIMBAL_MANAGER_INFORMATION": _limits,
    "CAMERA_FEEDBACK": _shot,
    "OPEN_DRONE_ID_ARM_STATUS": _remote_id,
    "COMMAND_ACK": _acknowledgement,
    "RPM": _rpm,
    "AIRSPEED": _airspeed,
}
