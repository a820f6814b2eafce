"""The gimbal manager in the autopilot: where the gimbal shall point, who may say so, and what is told of it.

As ArduCopter does it for an external MAVLink gimbal. A yaw is either from the nose (follow) or from north (YAW_LOCK);
the gimbal is told the one that is meant, fifty times a second, beside the vehicle's own attitude, without which it
could not keep a heading. What the gimbal answers is sent on as the autopilot's own, **always labelled as yaw from the
nose**, also under YAW_LOCK. Limits clamp without a word. Who has taken control is told and not enforced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.flight import Flight
from simulators.geodesy import Floats, matrix_of, rotation, wire_quaternion, yaw_pitch_of

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

GIMBAL = 154
RETRACT, NEUTRAL, ROLL_LOCK, PITCH_LOCK, YAW_LOCK, YAW_IN_VEHICLE = 1, 2, 4, 8, 16, 32
_PITCH_DEG, _YAW_DEG = (-90.0, 25.0), (-180.0, 180.0)
_STICKS_DEG = (-30.0, 0.0)  # of an external gimbal that goes from -90 to 30 degrees: read from ArduCopter
_CAN = 206_819  # retract, neutral, all three axes with lock and follow, point at a place: read from ArduCopter
_STATE_S, _NEWS_RAD = 0.2, math.radians(0.05)
_LEVEL = ROLL_LOCK | PITCH_LOCK
_NAN = math.nan
_ACCEPTED: int = mavlink.MAV_RESULT_ACCEPTED
_DENIED: int = mavlink.MAV_RESULT_DENIED
_FAILED: int = mavlink.MAV_RESULT_FAILED


class Mount:
    """``pitch_deg`` and ``yaw_deg`` (from north when ``locked``, else from the nose) are the gimbal's orders."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.pitch_deg = 0.0
        self.yaw_deg = 0.0
        self.locked = False
        self.told: tuple[float, float] | None = None
        """Boot time and heading of the last AUTOPILOT_STATE_FOR_GIMBAL_DEVICE."""
        self._rest = 0
        self._rates_deg_s: tuple[float, float] | None = None
        self._roi: Floats | None = None

    def point(self, pitch_deg: float, yaw_deg: float | None = None, *, locked: bool = False) -> None:
        """Degrees; without a yaw it stays where it is. Ends looking at a place, and turning."""
        self._roi, self._rates_deg_s, self._rest = None, None, 0
        self.pitch_deg = max(_PITCH_DEG[0], min(_PITCH_DEG[1], pitch_deg))
        if yaw_deg is not None:
            self.locked = locked
            self.yaw_deg = _turned(yaw_deg) if locked else max(_YAW_DEG[0], min(_YAW_DEG[1], yaw_deg))

    def turn(self, pitch_deg_s: float, yaw_deg_s: float, *, locked: bool = False) -> None:
        """Keep turning at a rate until told otherwise."""
        self._roi, self._rest, self.locked = None, 0, locked
        self._rates_deg_s = pitch_deg_s, yaw_deg_s

    def park(self, rest: int) -> None:
        """RETRACT or NEUTRAL."""
        self._roi, self._rates_deg_s, self.locked, self._rest = None, None, False, rest
        self.pitch_deg = self.yaw_deg = 0.0

    def look_at(self, enu: Floats | None) -> None:
        """Keep the gimbal on a place; None ends that: back to the sticks, whose middle is the middle of the limits."""
        if enu is not None:
            self._rates_deg_s, self._rest = None, 0
        elif self._roi is not None:
            self.point(*_STICKS_DEG)
        self._roi = enu

    def step(self) -> None:
        """Follow the place."""
        if self._roi is not None:
            east, north, up = (float(value) for value in self._roi - self._flight.enu)
            self.locked, self.yaw_deg = True, math.degrees(math.atan2(east, north))
            down = math.degrees(math.atan2(up, math.hypot(east, north)))
            self.pitch_deg = max(_PITCH_DEG[0], min(_PITCH_DEG[1], down))

    @property
    def from_nose_deg(self) -> float:
        """The ordered yaw, from where the nose is now."""
        return _turned(self.yaw_deg - math.degrees(self._flight.yaw)) if self.locked else self.yaw_deg

    @property
    def flags(self) -> int:
        """GIMBAL_DEVICE_FLAGS of what is ordered, without the yaw's frame."""
        return self._rest | _LEVEL | (YAW_LOCK if self.locked else 0)

    def order(self, sysid: int) -> Any:
        """GIMBAL_DEVICE_SET_ATTITUDE: an attitude, or rates where that is NaN. The flag says which yaw."""
        q, rates = [_NAN] * 4, (_NAN, _NAN, _NAN)
        if self._rates_deg_s is not None:
            rates = (0.0, math.radians(self._rates_deg_s[0]), math.radians(self._rates_deg_s[1]))
        elif not self._rest:
            q = list(_level_quaternion(self.pitch_deg, self.yaw_deg))
        return mavlink.MAVLink_gimbal_device_set_attitude_message(sysid, GIMBAL, self.flags, q, *rates)


@lru_cache(maxsize=64)
def _level_quaternion(pitch_deg: float, yaw_deg: float) -> tuple[float, float, float, float]:
    return wire_quaternion(rotation(0.0, math.radians(pitch_deg), math.radians(yaw_deg)))


def _turned(yaw_deg: float) -> float:
    return (yaw_deg + 180.0) % 360.0 - 180.0


# --- what is told ---------------------------------------------------------------------------------------------------


def _ms(a: Autopilot) -> int:
    return round(a.now_s * 1000)


def attitude(a: Autopilot) -> Any:
    """GIMBAL_DEVICE_ATTITUDE_STATUS, re-sent as the autopilot's own in the vehicle frame; None without a gimbal."""
    if a.gimbal_q is None:
        return None
    flags = a.pilot.payload.mount.flags | YAW_IN_VEHICLE
    return mavlink.MAVLink_gimbal_device_attitude_status_message(
        0, 0, _ms(a), flags, list(a.gimbal_q), _NAN, _NAN, _NAN, 0, _NAN, _NAN, 1
    )


def orders(a: Autopilot) -> tuple[Any, ...]:
    """To the gimbal: where to point, and before it, when there is something new, what the autopilot believes of itself.

    ArduCopter says both at 50 Hz. A state that says the same again would cost a fifth of the simulator's speed.
    """
    mount, heading = a.pilot.payload.mount, a.pilot.flight.yaw + a.errors.yaw_rad
    order = mount.order(a.sysid)
    if mount.told is not None:
        then_s, before = mount.told
        if a.now_s - then_s < _STATE_S and abs(heading - before) < _NEWS_RAD:
            return (order,)
    mount.told = a.now_s, heading
    return _state(a, heading), order


def _state(a: Autopilot, heading: float) -> Any:
    flight, errors = a.pilot.flight, a.errors
    q = wire_quaternion(rotation(flight.roll + errors.tilt_rad[0], flight.pitch + errors.tilt_rad[1], heading))
    east, north, up = (float(value) for value in flight.velocity)
    return mavlink.MAVLink_autopilot_state_for_gimbal_device_message(
        a.sysid, GIMBAL, round(a.now_s * 1e6), q, 0, north, east, -up, 0, 0.0, 0, a.pilot.landed_state
    )


def manager_information(a: Autopilot) -> Any:
    """GIMBAL_MANAGER_INFORMATION as ArduCopter gives it for an external gimbal; None without one."""
    if a.gimbal_q is None:
        return None
    limits = (math.radians(angle) for angle in (0.0, 0.0, -90.0, 30.0, -180.0, 180.0))
    return mavlink.MAVLink_gimbal_manager_information_message(_ms(a), _CAN, 1, *limits)


def manager_status(a: Autopilot) -> Any:
    """GIMBAL_MANAGER_STATUS: who has taken control; None without a gimbal."""
    if a.gimbal_q is None:
        return None
    return mavlink.MAVLink_gimbal_manager_status_message(_ms(a), _LEVEL, 1, *a.gimbal_control, 0, 0)


BUILDERS: dict[str, Callable[[Autopilot], Any]] = {
    "GIMBAL_DEVICE_ATTITUDE_STATUS": attitude,
    "GIMBAL_MANAGER_INFORMATION": manager_information,
    "GIMBAL_MANAGER_STATUS": manager_status,
}


# --- what is ordered ------------------------------------------------------------------------------------------------


def _pitchyaw(a: Autopilot, m: Any, wire: Any) -> int:
    """DO_GIMBAL_MANAGER_PITCHYAW, degrees."""
    whole = m.get_type() == "COMMAND_INT"
    device, flags = (m.z, m.x) if whole else (m.param7, m.param5)
    if device not in (0, 1) or not math.isfinite(flags):
        return _FAILED
    return _order(a.pilot.payload.mount, int(flags), (m.param1, m.param2), (m.param3, m.param4))


def _order(mount: Mount, flags: int, angles_deg: tuple[float, float], rates_deg_s: tuple[float, float]) -> int:
    locked = bool(flags & YAW_LOCK)
    if flags & (RETRACT | NEUTRAL):
        mount.park(RETRACT if flags & RETRACT else NEUTRAL)
    elif all(map(math.isfinite, angles_deg)):
        mount.point(*angles_deg, locked=locked)
    elif all(map(math.isfinite, rates_deg_s)):
        mount.turn(*rates_deg_s, locked=locked)
    else:
        return _FAILED
    return _ACCEPTED


def _configure(a: Autopilot, m: Any, wire: Any) -> int:
    """DO_GIMBAL_MANAGER_CONFIGURE: who has control; -1 leaves it, -2 takes it, -3 gives back what is one's own."""
    device = m.param7 if m.get_type() == "COMMAND_LONG" else m.z
    if device not in (0, 1) or a.gimbal_q is None or not all(-3 <= p <= 255 for p in (m.param1, m.param2)):
        return _FAILED
    sender, before = (m.get_srcSystem(), m.get_srcComponent()), a.gimbal_control
    wanted = int(m.param1)  # it alone decides which of these is meant
    if wanted == -2:
        a.gimbal_control = sender
    elif wanted == -3 and before == sender:
        a.gimbal_control = (0, 0)
    elif wanted >= 0:
        a.gimbal_control = (wanted, int(m.param2) % 256)
    if a.gimbal_control != before:
        a.links.broadcast(manager_status(a))
    return _ACCEPTED


def _mount_control(a: Autopilot, m: Any, wire: Any) -> int:
    """DO_MOUNT_CONTROL, pitch and yaw from the nose, degrees."""
    if not (math.isfinite(m.param1) and math.isfinite(m.param3)):
        return _DENIED
    a.pilot.payload.mount.point(m.param1, m.param3)
    return _ACCEPTED


def _roi(a: Autopilot, m: Any, wire: Any) -> int:
    whole = m.get_type() == "COMMAND_INT"
    lat, lon, up = (m.x * 1e-7, m.y * 1e-7, m.z) if whole else (m.param5, m.param6, m.param7)
    if not (math.isfinite(up) and abs(lat) <= 90 and abs(lon) <= 180):
        return _DENIED
    base = 0.0 if whole and m.frame in (0, 5) else float(a.pilot.home[2])
    enu = a.pilot.plane.enu(lat, lon, a.pilot.plane.alt_m)
    enu[2] = base + up
    a.pilot.payload.mount.look_at(enu)
    return _ACCEPTED


def _roi_none(a: Autopilot, m: Any, wire: Any) -> int:
    a.pilot.payload.mount.look_at(None)
    return _ACCEPTED


COMMANDS: dict[int, Callable[[Autopilot, Any, Any], int]] = {
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW: _pitchyaw,
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE: _configure,
    mavlink.MAV_CMD_DO_MOUNT_CONTROL: _mount_control,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: _roi,
    mavlink.MAV_CMD_DO_SET_ROI: _roi,
    mavlink.MAV_CMD_DO_SET_ROI_NONE: _roi_none,
}


def hear(a: Autopilot, m: Any) -> None:
    """GIMBAL_MANAGER_SET_PITCHYAW and _SET_ATTITUDE: the same as messages, in radians, without an answer."""
    if m.gimbal_device_id not in (0, 1):
        return
    if m.get_type() == "GIMBAL_MANAGER_SET_PITCHYAW":
        angles, rates = (m.pitch, m.yaw), (m.pitch_rate, m.yaw_rate)
    else:
        finite = all(map(math.isfinite, m.q))
        angles = yaw_pitch_of(matrix_of(*m.q))[::-1] if finite else (_NAN, _NAN)
        rates = (m.angular_velocity_y, m.angular_velocity_z)
    in_degrees = (tuple(map(math.degrees, pair)) for pair in (angles, rates))
    _order(a.pilot.payload.mount, m.flags, *in_degrees)  # type: ignore[arg-type]


MESSAGES = ("GIMBAL_MANAGER_SET_PITCHYAW", "GIMBAL_MANAGER_SET_ATTITUDE")
