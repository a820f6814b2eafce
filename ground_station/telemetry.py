"""The fold of messages into what is known of a vehicle: ``VehicleState``, frozen, with an age for each field.

``fold(state, message, now_s=…)`` returns the next state. A field that was never heard is None, never zero. Times:
``*_boot_s`` is the vehicle's boot clock, ``*_at_s`` the host's monotonic clock at arrival; the two are never subtracted
from one another. Here stands what flying is decided by; what the other instruments say is folded in ``instruments``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ground_station import instruments
from ground_station.camera import CameraState
from ground_station.instruments import (
    Acknowledgement,
    Ahrs,
    Air,
    BatteryPack,
    Changes,
    Ekf,
    Escs,
    Fence,
    GimbalAttitude,
    GimbalLimits,
    GimbalManager,
    Handler,
    Imu,
    LocalPosition,
    Navigation,
    Power,
    Radio,
    Rangefinder,
    RemoteControl,
    RemoteId,
    SecondGnss,
    Shot,
    Speeds,
    Target,
    Vibration,
)
from ground_station.modes import mode_name
from ground_station.wire import Message, text_of

_KEPT_TEXTS = 50
_CHUNK, _OPEN_CHUNKS = 50, 16
_PREARM_CHECK = 0x10000000
_ARMED_FLAG = 128
_OURS = (0, 3)  # MAV_AUTOPILOT_GENERIC (nothing said), MAV_AUTOPILOT_ARDUPILOTMEGA
_NOT_STATED = (0, 0xFFFF_FFFF)
_LANDED = {1: "on_ground", 2: "in_air", 3: "taking_off", 4: "landing"}
_NOTHING: Mapping[str, Any] = {}
# An open chunk is joined as far as it came when its rest did not come within this time.
_CHUNKS_WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Position:
    """GLOBAL_POSITION_INT: degrees, metres above sea level and above home, m/s NED, degrees from north or None."""

    boot_s: float
    at_s: float
    lat_deg: float
    lon_deg: float
    alt_amsl_m: float
    height_above_home_m: float
    velocity_ned_m_s: tuple[float, float, float]
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class Attitude:
    """ATTITUDE: radians, aerospace order, body FRD in NED."""

    boot_s: float
    at_s: float
    roll_rad: float
    pitch_rad: float
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class Gnss:
    """GPS_RAW_INT: fix type (3 = 3D and better), satellites, stated accuracy in metres (None = not stated)."""

    at_s: float
    fix: int
    satellites: int
    h_acc_m: float | None
    v_acc_m: float | None
    alt_amsl_m: float


@dataclass(frozen=True, slots=True)
class Battery:
    """SYS_STATUS/BATTERY_STATUS; None = the vehicle does not know."""

    at_s: float
    voltage_v: float | None
    current_a: float | None
    remaining_pct: int | None


@dataclass(frozen=True, slots=True)
class Home:
    """HOME_POSITION; set again at arming."""

    at_s: float
    lat_deg: float
    lon_deg: float
    alt_amsl_m: float


@dataclass(frozen=True, slots=True)
class MissionProgress:
    """MISSION_CURRENT: item being flown, number of items without home, MISSION_STATE (4 paused, 5 complete)."""

    at_s: float
    current: int
    total: int | None
    state: int


@dataclass(frozen=True, slots=True)
class TerrainReport:
    """TERRAIN_REPORT: height above the vehicle's own terrain model, metres; tiles still wanted."""

    boot_less_at_s: float
    lat_deg: float
    lon_deg: float
    terrain_amsl_m: float
    height_above_terrain_m: float
    pending: int
    spacing_m: int


@dataclass(frozen=True, slots=True)
class StatusText:
    """One STATUSTEXT, its chunks joined. ``severity``: 0 emergency … 7 debug."""

    at_s: float
    severity: int
    text: str


@dataclass(frozen=True)
class VehicleState:
    """What is known of one vehicle. A None field was never heard since its boot; ``age_of`` says how old it is."""

    sysid: int
    heartbeat_at_s: float | None = None
    last_heard_at_s: float | None = None
    vehicle_type: int = 0
    autopilot: int = 0
    custom_mode: int | None = None
    armed: bool = False
    system_status: int = 0
    boot_s: float | None = None
    landed: str | None = None
    position: Position | None = None
    attitude: Attitude | None = None
    gnss: Gnss | None = None
    battery: Battery | None = None
    home: Home | None = None
    mission: MissionProgress | None = None
    terrain: TerrainReport | None = None
    ekf_flags: int | None = None
    prearm_ok: bool | None = None
    sensors_unhealthy: int | None = None
    """SYS_STATUS: MAV_SYS_STATUS_SENSOR bits of what is present, enabled and not healthy."""
    load_pct: float | None = None
    wind_m_s: tuple[float, float] | None = None
    ground_speed_m_s: float | None = None
    fence_breached: bool | None = None
    reached: int | None = None
    uid: int | None = None
    """AUTOPILOT_VERSION.uid, once it was asked for."""
    uid_at_s: float | None = None
    version: str | None = None
    utc_s: float | None = None
    """SYSTEM_TIME: the vehicle's own UTC, None before its receiver has it."""
    rtt_s: float | None = None
    """The last round trip of a TIMESYNC of ours."""
    ekf: Ekf | None = None
    vibration: Vibration | None = None
    batteries: Mapping[int, BatteryPack] = field(default_factory=dict)
    rc: RemoteControl | None = None
    radio: Radio | None = None
    rangefinder: Rangefinder | None = None
    gnss2: SecondGnss | None = None
    power: Power | None = None
    free_memory_bytes: int | None = None
    navigation: Navigation | None = None
    target: Target | None = None
    local: LocalPosition | None = None
    speeds: Speeds | None = None
    servos_us: tuple[int, ...] | None = None
    air: Air | None = None
    imus: Mapping[int, Imu] = field(default_factory=dict)
    ahrs: Ahrs | None = None
    escs: Escs | None = None
    origin: tuple[float, float, float] | None = None
    fence: Fence | None = None
    gimbal: GimbalAttitude | None = None
    gimbal_manager: GimbalManager | None = None
    gimbal_limits: GimbalLimits | None = None
    shot: Shot | None = None
    remote_id: RemoteId | None = None
    acknowledgement: Acknowledgement | None = None
    cameras: Mapping[int, CameraState] = field(default_factory=dict)
    """By component; a camera lives beside the autopilot and says nothing of whether that one does."""
    rpm: tuple[float, float] | None = None
    airspeed_m_s: float | None = None
    texts: tuple[StatusText, ...] = ()
    chunks: tuple[tuple[int, int, int, str, float], ...] = field(default=(), repr=False)
    """Open STATUSTEXT chunks: (id, chunk_seq, severity, text, at_s)."""
    heard: Mapping[str, float] = field(default_factory=dict, repr=False)
    """When each field was heard last."""

    @property
    def mode(self) -> str | None:
        """Flight mode name, None before the first heartbeat."""
        if self.custom_mode is None:
            return None
        return f"MODE {self.custom_mode}" if self.foreign else mode_name(self.vehicle_type, self.custom_mode)

    @property
    def foreign(self) -> bool:
        """Whether another autopilot than ArduPilot flies it: its modes have other numbers."""
        return self.autopilot not in _OURS

    @property
    def position_ready(self) -> bool:
        """EKF says that horizontal position, relative and absolute, is good (flags 0x18)."""
        return self.ekf_flags is not None and self.ekf_flags & 0x18 == 0x18

    def age_s(self, now_s: float) -> float | None:
        """Seconds since the last message of this vehicle's autopilot."""
        return None if self.last_heard_at_s is None else now_s - self.last_heard_at_s

    def age_of(self, name: str, now_s: float) -> float | None:
        """Seconds since this field was heard, None where it never was. Raises KeyError for no field."""
        if name not in self.__dataclass_fields__:
            raise KeyError(f"{name!r} is no field of VehicleState")
        at_s = self.heard.get(name)
        return None if at_s is None else now_s - at_s

    def with_cameras(self, cameras: Mapping[int, CameraState], *, now_s: float) -> VehicleState:
        """The next state after a camera spoke. The autopilot's age stays what it is."""
        return replace(self, cameras=dict(cameras), heard={**self.heard, "cameras": now_s})

    def with_changes(self, changes: Changes, *, now_s: float) -> VehicleState:
        """The next state. (``dataclasses.replace`` would run all sixty fields through ``__init__``.)"""
        following = object.__new__(VehicleState)
        following.__dict__.update(self.__dict__)
        following.__dict__["last_heard_at_s"] = now_s
        if changes:
            following.__dict__.update(changes)
            following.__dict__["heard"] = {**self.heard, **dict.fromkeys(changes, now_s)}
        return following


def fold(state: VehicleState, message: Message, *, now_s: float) -> VehicleState:
    """The next state. Messages that carry nothing for it only renew ``last_heard_at_s``."""
    handler = _HANDLERS.get(message.get_type())
    return state.with_changes(_NOTHING if handler is None else handler(state, message, now_s), now_s=now_s)


def _heartbeat(state: VehicleState, m: Message, now_s: float) -> Changes:
    return {
        "heartbeat_at_s": now_s,
        "vehicle_type": m.type,
        "autopilot": m.autopilot,
        "custom_mode": m.custom_mode,
        "armed": bool(m.base_mode & _ARMED_FLAG),
        "system_status": m.system_status,
    }


def _position(state: VehicleState, m: Message, now_s: float) -> Changes:
    if m.lat == 0 and m.lon == 0:
        return _NOTHING  # before the first fix ArduPilot reports 0, 0: a place in the Gulf of Guinea
    boot_s = m.time_boot_ms * 1e-3
    position = Position(
        boot_s,
        now_s,
        m.lat * 1e-7,
        m.lon * 1e-7,
        m.alt * 1e-3,
        m.relative_alt * 1e-3,
        (m.vx * 1e-2, m.vy * 1e-2, m.vz * 1e-2),
        None if m.hdg == 65535 else m.hdg * 1e-2,
    )
    return {"boot_s": boot_s, "position": position}


def _attitude(state: VehicleState, m: Message, now_s: float) -> Changes:
    if not (math.isfinite(m.roll) and math.isfinite(m.pitch) and math.isfinite(m.yaw)):
        return _NOTHING
    boot_s = m.time_boot_ms * 1e-3
    return {"boot_s": boot_s, "attitude": Attitude(boot_s, now_s, m.roll, m.pitch, m.yaw)}


def _gnss(state: VehicleState, m: Message, now_s: float) -> Changes:
    # h_acc and v_acc are MAVLink 2 extensions: 0 means that they were not sent, all ones that they are not known
    gnss = Gnss(
        now_s,
        m.fix_type,
        m.satellites_visible,
        m.h_acc * 1e-3 if m.h_acc not in _NOT_STATED else None,
        m.v_acc * 1e-3 if m.v_acc not in _NOT_STATED else None,
        m.alt * 1e-3,
    )
    return {"gnss": gnss}


def _sys_status(state: VehicleState, m: Message, now_s: float) -> Changes:
    battery = Battery(
        now_s,
        None if m.voltage_battery in (0, 65535) else m.voltage_battery * 1e-3,
        None if m.current_battery < 0 else m.current_battery * 1e-2,
        None if m.battery_remaining < 0 else m.battery_remaining,
    )
    health = m.onboard_control_sensors_health
    return {
        "battery": battery,
        "prearm_ok": bool(health & _PREARM_CHECK),
        "sensors_unhealthy": m.onboard_control_sensors_present & m.onboard_control_sensors_enabled & ~health,
        "load_pct": m.load * 0.1,
    }


def _home(state: VehicleState, m: Message, now_s: float) -> Changes:
    return {"home": Home(now_s, m.latitude * 1e-7, m.longitude * 1e-7, m.altitude * 1e-3)}


def _mission(state: VehicleState, m: Message, now_s: float) -> Changes:
    total = getattr(m, "total", 65535)
    progress = MissionProgress(now_s, m.seq, None if total == 65535 else total, getattr(m, "mission_state", 0))
    return {"mission": progress}


def _terrain(state: VehicleState, m: Message, now_s: float) -> Changes:
    report = TerrainReport(now_s, m.lat * 1e-7, m.lon * 1e-7, m.terrain_height, m.current_height, m.pending, m.spacing)
    return {"terrain": report}


def _landed(state: VehicleState, m: Message, now_s: float) -> Changes:
    return {"landed": _LANDED.get(m.landed_state)}


def _statustext(state: VehicleState, m: Message, now_s: float) -> Changes:
    text = text_of(m.text)
    text_id = getattr(m, "id", 0)
    chunks, texts = _given_up(state.chunks, now_s)
    if text_id == 0:
        return _told(state, chunks, (*texts, StatusText(now_s, m.severity, text)))
    chunks = (*chunks, (text_id, m.chunk_seq, m.severity, text, now_s))[-_OPEN_CHUNKS:]
    if len(text) >= _CHUNK:
        return _told(state, chunks, texts)
    # A chunk shorter than the field is the last one (mavlink.io, STATUSTEXT); a lost one leaves a visible gap.
    joined = _joined(chunks, text_id)
    rest = tuple(chunk for chunk in chunks if chunk[0] != text_id)
    return _told(state, rest, (*texts, StatusText(now_s, m.severity, joined)))


def _joined(chunks: tuple[tuple[int, int, int, str, float], ...], text_id: int) -> str:
    mine = {seq: part for key, seq, _, part, _ in chunks if key == text_id}
    return "".join(mine.get(seq, "[…]") for seq in range(max(mine) + 1))


def _given_up(
    chunks: tuple[tuple[int, int, int, str, float], ...], now_s: float
) -> tuple[tuple[tuple[int, int, int, str, float], ...], tuple[StatusText, ...]]:
    """The chunks still waited for, and the texts whose end never came, as far as they did."""
    newest = {key: at_s for key, _, _, _, at_s in chunks}
    late = [key for key, at_s in newest.items() if now_s - at_s > _CHUNKS_WAIT_S]
    if not late:
        return chunks, ()
    severity = {key: level for key, _, level, _, _ in chunks}
    texts = tuple(StatusText(newest[key], severity[key], f"{_joined(chunks, key)}[…]") for key in late)
    return tuple(chunk for chunk in chunks if chunk[0] not in late), texts


def _told(
    state: VehicleState, chunks: tuple[tuple[int, int, int, str, float], ...], texts: tuple[StatusText, ...]
) -> Changes:
    return {"chunks": chunks, "texts": (*state.texts, *texts)[-_KEPT_TEXTS:]} if texts else {"chunks": chunks}


def _wind(state: VehicleState, m: Message, now_s: float) -> Changes:
    return {"wind_m_s": (m.speed, m.direction)}


def _reached(state: VehicleState, m: Message, now_s: float) -> Changes:
    return {"reached": m.seq}


def _version(state: VehicleState, m: Message, now_s: float) -> Changes:
    major, minor, patch = (m.flight_sw_version >> shift & 0xFF for shift in (24, 16, 8))
    return {"uid": m.uid, "uid_at_s": now_s, "version": f"{major}.{minor}.{patch}"}


def _system_time(state: VehicleState, m: Message, now_s: float) -> Changes:
    return {"utc_s": m.time_unix_usec * 1e-6 if m.time_unix_usec else None}


def _high_latency(state: VehicleState, m: Message, now_s: float) -> Changes:
    """Over a satellite link this is all that comes, once in a while; it has no flag for armed."""
    battery = Battery(now_s, None, None, None if m.battery < 0 else m.battery)
    return {"custom_mode": m.custom_mode, "battery": battery, "ground_speed_m_s": m.groundspeed * 0.2}


_HANDLERS: dict[str, Handler] = {
    **instruments.HANDLERS,
    "HEARTBEAT": _heartbeat,
    "GLOBAL_POSITION_INT": _position,
    "ATTITUDE": _attitude,
    "GPS_RAW_INT": _gnss,
    "SYS_STATUS": _sys_status,
    "HOME_POSITION": _home,
    "MISSION_CURRENT": _mission,
    "MISSION_ITEM_REACHED": _reached,
    "TERRAIN_REPORT": _terrain,
    "EXTENDED_SYS_STATE": _landed,
    "STATUSTEXT": _statustext,
    "WIND": _wind,
    "AUTOPILOT_VERSION": _version,
    "SYSTEM_TIME": _system_time,
    "HIGH_LATENCY2": _high_latency,
}
FOLDED = frozenset(_HANDLERS)
"""The messages that change a state."""
