"""The fold of messages into what is known of a vehicle: ``VehicleState``, frozen, with an age for each group.

``fold(state, message, now_s=…)`` returns the next state. A group that was never heard is None, never zero. Times:
``*_boot_s`` is the vehicle's boot clock, ``*_at_s`` the host's monotonic clock at arrival; the two are never subtracted
from one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ground_station.modes import mode_name
from ground_station.wire import Message, text_of

_KEPT_TEXTS = 50
_ARMED_FLAG = 128
_NOT_STATED = (0, 0xFFFF_FFFF)
_LANDED = {1: "on_ground", 2: "in_air", 3: "taking_off", 4: "landing"}


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


@dataclass(frozen=True, slots=True)
class VehicleState:
    """What is known of one vehicle. A None group was never heard since its boot."""

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
    wind_m_s: tuple[float, float] | None = None
    ground_speed_m_s: float | None = None
    fence_breached: bool | None = None
    reached: int | None = None
    uid: int | None = None
    """AUTOPILOT_VERSION.uid, once it was asked for."""
    uid_at_s: float | None = None
    texts: tuple[StatusText, ...] = ()
    chunks: tuple[tuple[int, int, int, str], ...] = field(default=(), repr=False)
    """Open STATUSTEXT chunks: (id, chunk_seq, severity, text)."""

    @property
    def mode(self) -> str | None:
        """Flight mode name, None before the first heartbeat."""
        return None if self.custom_mode is None else mode_name(self.vehicle_type, self.custom_mode)

    @property
    def position_ready(self) -> bool:
        """EKF says that horizontal position, relative and absolute, is good (flags 0x18)."""
        return self.ekf_flags is not None and self.ekf_flags & 0x18 == 0x18

    def age_s(self, now_s: float) -> float | None:
        """Seconds since the last message of this vehicle's autopilot."""
        return None if self.last_heard_at_s is None else now_s - self.last_heard_at_s


def fold(state: VehicleState, message: Message, *, now_s: float) -> VehicleState:
    """The next state. Messages that carry nothing for it only renew ``last_heard_at_s``."""
    state = replace(state, last_heard_at_s=now_s)
    handler = _HANDLERS.get(message.get_type())
    return state if handler is None else handler(state, message, now_s)


def _heartbeat(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(
        state,
        heartbeat_at_s=now_s,
        vehicle_type=m.type,
        autopilot=m.autopilot,
        custom_mode=m.custom_mode,
        armed=bool(m.base_mode & _ARMED_FLAG),
        system_status=m.system_status,
    )


def _position(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    if m.lat == 0 and m.lon == 0:
        return state  # before the first fix ArduPilot reports 0, 0: a place in the Gulf of Guinea
    return replace(
        state,
        boot_s=m.time_boot_ms * 1e-3,
        position=Position(
            m.time_boot_ms * 1e-3,
            now_s,
            m.lat * 1e-7,
            m.lon * 1e-7,
            m.alt * 1e-3,
            m.relative_alt * 1e-3,
            (m.vx * 1e-2, m.vy * 1e-2, m.vz * 1e-2),
            None if m.hdg == 65535 else m.hdg * 1e-2,
        ),
    )


def _attitude(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    if not all(map(math.isfinite, (m.roll, m.pitch, m.yaw))):
        return state
    boot_s = m.time_boot_ms * 1e-3
    return replace(state, boot_s=boot_s, attitude=Attitude(boot_s, now_s, m.roll, m.pitch, m.yaw))


def _gnss(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    # h_acc and v_acc are MAVLink 2 extensions: 0 means that they were not sent, all ones that they are not known
    return replace(
        state,
        gnss=Gnss(
            now_s,
            m.fix_type,
            m.satellites_visible,
            m.h_acc * 1e-3 if m.h_acc not in _NOT_STATED else None,
            m.v_acc * 1e-3 if m.v_acc not in _NOT_STATED else None,
            m.alt * 1e-3,
        ),
    )


def _sys_status(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    battery = Battery(
        now_s,
        None if m.voltage_battery in (0, 65535) else m.voltage_battery * 1e-3,
        None if m.current_battery < 0 else m.current_battery * 1e-2,
        None if m.battery_remaining < 0 else m.battery_remaining,
    )
    return replace(state, battery=battery, prearm_ok=bool(m.onboard_control_sensors_health & 0x10000000))


def _home(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, home=Home(now_s, m.latitude * 1e-7, m.longitude * 1e-7, m.altitude * 1e-3))


def _mission(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    total = getattr(m, "total", 65535)
    progress = MissionProgress(now_s, m.seq, None if total == 65535 else total, getattr(m, "mission_state", 0))
    return replace(state, mission=progress)


def _terrain(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    report = TerrainReport(now_s, m.lat * 1e-7, m.lon * 1e-7, m.terrain_height, m.current_height, m.pending, m.spacing)
    return replace(state, terrain=report)


def _landed(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, landed=_LANDED.get(m.landed_state))


def _statustext(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    text = text_of(m.text)
    text_id = getattr(m, "id", 0)
    if text_id == 0:
        return _with_text(state, StatusText(now_s, m.severity, text))
    chunks = (*state.chunks, (text_id, m.chunk_seq, m.severity, text))[-16:]
    if len(text) >= 50:
        return replace(state, chunks=chunks)
    # A chunk shorter than the field is the last one (mavlink.io, STATUSTEXT); a lost one leaves a visible gap.
    mine = {seq: part for key, seq, _, part in chunks if key == text_id}
    joined = "".join(mine.get(seq, "[…]") for seq in range(max(mine) + 1))
    rest = tuple(chunk for chunk in chunks if chunk[0] != text_id)
    return _with_text(replace(state, chunks=rest), StatusText(now_s, m.severity, joined))


def _with_text(state: VehicleState, text: StatusText) -> VehicleState:
    return replace(state, texts=(*state.texts, text)[-_KEPT_TEXTS:])


def _wind(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, wind_m_s=(m.speed, m.direction))


def _ekf(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, ekf_flags=m.flags)


def _vfr_hud(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, ground_speed_m_s=m.groundspeed)


def _fence(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, fence_breached=bool(m.breach_status))


def _reached(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, reached=m.seq)


def _version(state: VehicleState, m: Message, now_s: float) -> VehicleState:
    return replace(state, uid=m.uid, uid_at_s=now_s)


_HANDLERS: dict[str, Callable[[VehicleState, Message, float], VehicleState]] = {
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
    "EKF_STATUS_REPORT": _ekf,
    "VFR_HUD": _vfr_hud,
    "FENCE_STATUS": _fence,
    "AUTOPILOT_VERSION": _version,
}
