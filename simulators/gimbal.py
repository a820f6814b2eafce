"""A two-axis gimbal as a MAVLink component (1/154): it is told an attitude, turns there, and says where it stands.

The device side of gimbal protocol v2. A yaw that it is told counts from the nose or from north, as the flags say
(neither frame named: YAW_LOCK means north); with YAW_LOCK it keeps a heading while the vehicle turns under it, by its
own gyro. What it reports it gives from the nose, because an autopilot passes that on under this label whatever it is;
``earth_frame`` makes it one that says north.

It needs LAG_S until an order takes effect, turns at most at 60 degrees a second, and stops at its limits. Roll and
pitch are held level by its own sensors, so its error is its own too: a tilt drawn once a flight. What it reports is
what it believes; what the camera looks through is the truth.
"""

from __future__ import annotations

import math
from collections import deque
from functools import lru_cache
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.geodesy import Floats, matrix_of, rotation, small_rotation, turned, wire_quaternion, yaw_pitch_of

GIMBAL_COMPONENT = 154
LAG_S = 0.06
PITCH_LIMITS_RAD = (-math.pi / 2, math.radians(30.0))
TILT_SIGMA_RAD = math.radians(0.4)
_RATE_RAD_S = math.radians(60.0)
# It comes to rest over this time, not at full speed.
_SETTLES_S = 0.08
_SLACK_S = 1e-6  # sums of 0.01 s fall short of their due time
_RETRACT, _NEUTRAL, _LEVEL, _YAW_LOCK, _IN_VEHICLE, _IN_EARTH = 1, 2, 4 | 8, 16, 32, 64
_PARKED_PITCH_RAD = PITCH_LIMITS_RAD[1]
# RETRACT, NEUTRAL, roll axis locked, pitch axis locked, yaw axis with follow and lock, turns without end, knows north
_CAN = 1 | 2 | 4 | 16 | 32 | 128 | 256 | 512 | 1024 | 2048 | 4096
_REPORT_S, _FASTEST_US = 0.02, 10_000
_INFORMATION = mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_INFORMATION
_ATTITUDE = mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS


class Gimbal:
    """``receive`` bytes from the autopilot, ``step`` time, send ``take_outgoing``."""

    def __init__(self, seed: int, *, sysid: int = 1, earth_frame: bool = False) -> None:
        rng = np.random.default_rng([seed, 5 if sysid == 1 else 500 + sysid])
        self.pitch = self.yaw = 0.0
        self._earth_frame = earth_frame
        self._heading: float | None = None
        self._locked = False
        self._rest = 0
        self._wanted = (0.0, 0.0)
        self._rates: tuple[float, float] | None = None
        self._speed = (0.0, 0.0)
        self._limit_hit = False
        self._orders: deque[tuple[float, Any]] = deque(maxlen=50)
        self._tilt = rng.normal(0.0, TILT_SIGMA_RAD, 2)
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._mav = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=GIMBAL_COMPONENT)
        self._sysid = sysid
        self._out: list[bytes] = []
        self._next_beat_s = 0.0
        self._next_report_s = 0.0
        self._report_s = _REPORT_S
        self._now_s = 0.0

    # --- orders -----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Commands, orders and the vehicle's attitude from the autopilot."""
        for message in self._parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind == "GIMBAL_DEVICE_SET_ATTITUDE":
                self._orders.append((self._now_s + LAG_S, message))
            elif kind == "AUTOPILOT_STATE_FOR_GIMBAL_DEVICE":
                self._hear_vehicle(message.q)
            elif kind in ("COMMAND_LONG", "COMMAND_INT") and message.target_component in (0, GIMBAL_COMPONENT):
                self._command(message)

    def _hear_vehicle(self, q: list[float]) -> None:
        if not all(map(math.isfinite, q)):
            return
        heading = yaw_pitch_of(matrix_of(*q))[0]
        if self._locked and self._heading is not None:  # its gyro has felt that long before
            self.yaw = turned(self.yaw - (heading - self._heading))
        self._heading = heading

    def _command(self, m: Any) -> None:
        result, answer = self._answer(m)
        if result != mavlink.MAV_RESULT_UNSUPPORTED or m.target_component == GIMBAL_COMPONENT:
            # What is for everybody is refused by nobody.
            to = (m.get_srcSystem(), m.get_srcComponent())
            self._send(mavlink.MAVLink_command_ack_message(m.command, result, 0, 0, *to))
        if answer is not None:
            self._send(answer)

    def _answer(self, m: Any) -> tuple[int, Any]:
        if m.command == mavlink.MAV_CMD_REQUEST_MESSAGE:
            if m.param1 == _INFORMATION:
                return mavlink.MAV_RESULT_ACCEPTED, self._information()
            if m.param1 == _ATTITUDE:
                return mavlink.MAV_RESULT_ACCEPTED, self._report()
        if m.command == mavlink.MAV_CMD_SET_MESSAGE_INTERVAL and m.param1 == _ATTITUDE:
            if not math.isfinite(m.param2) or 0 < m.param2 < _FASTEST_US:
                return mavlink.MAV_RESULT_DENIED, None
            self._report_s = math.inf if m.param2 < 0 else m.param2 * 1e-6 or _REPORT_S
            self._next_report_s = self._now_s + min(self._report_s, 1e9)
            return mavlink.MAV_RESULT_ACCEPTED, None
        return mavlink.MAV_RESULT_UNSUPPORTED, None

    def _obey(self, m: Any) -> None:
        """GIMBAL_DEVICE_SET_ATTITUDE. What is NaN is not ordered; what makes no sense changes nothing."""
        rest = m.flags & _RETRACT or m.flags & _NEUTRAL
        locked = bool(m.flags & _YAW_LOCK)
        if rest:
            self._rest, self._locked, self._rates = rest, False, None
            self._wanted = (_PARKED_PITCH_RAD if rest == _RETRACT else 0.0, 0.0)
        elif all(map(math.isfinite, m.q)):
            yaw, pitch = _ordered(tuple(m.q))
            from_north = bool(m.flags & _IN_EARTH) or (locked and not m.flags & _IN_VEHICLE)
            if (from_north or locked) and self._heading is None:
                return  # it does not know where north is
            if from_north != locked:
                yaw += (self._heading or 0.0) * (1.0 if locked else -1.0)
            self._rest, self._locked, self._rates, self._wanted = 0, locked, None, (pitch, turned(yaw))
        elif math.isfinite(m.angular_velocity_y) and math.isfinite(m.angular_velocity_z):
            if locked and self._heading is None:
                return
            if self._rates is None or self._locked != locked:
                self._wanted = (self.pitch, turned(self.yaw + (self._heading or 0.0)) if locked else self.yaw)
            self._rest, self._locked = 0, locked
            self._rates = m.angular_velocity_y, m.angular_velocity_z

    # --- time -------------------------------------------------------------------------------------------------------

    def step(self, now_s: float) -> None:
        """Turn towards the wanted attitude and report, up to a boot time in seconds."""
        dt_s, self._now_s = max(0.0, now_s - self._now_s), now_s
        while self._orders and self._orders[0][0] <= now_s + _SLACK_S:
            self._obey(self._orders.popleft()[1])
        self._turn(dt_s)
        if now_s + _SLACK_S >= self._next_beat_s:
            self._next_beat_s = max(self._next_beat_s + 1.0, now_s)
            self._send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GIMBAL, 8, 0, 0, 4, 3))
        if now_s + _SLACK_S >= self._next_report_s:
            self._next_report_s = max(self._next_report_s + self._report_s, now_s)
            self._send(self._report())

    def _turn(self, dt_s: float) -> None:
        if self._rates is not None:
            low, high = PITCH_LIMITS_RAD
            pitch = self._wanted[0] + self._rates[0] * dt_s
            self._wanted = (max(low, min(high, pitch)), turned(self._wanted[1] + self._rates[1] * dt_s))
            self._limit_hit = not low < pitch < high
        else:
            self._limit_hit = not PITCH_LIMITS_RAD[0] - 1e-3 <= self._wanted[0] <= PITCH_LIMITS_RAD[1] + 1e-3
        pitch = max(PITCH_LIMITS_RAD[0], min(PITCH_LIMITS_RAD[1], self._wanted[0]))
        yaw = self._wanted[1] - (self._heading or 0.0 if self._locked else 0.0)
        pitch_by, yaw_by = (_stride(error, dt_s) for error in (pitch - self.pitch, turned(yaw - self.yaw)))
        self.pitch += pitch_by
        self.yaw = turned(self.yaw + yaw_by)
        self._speed = (pitch_by / dt_s, yaw_by / dt_s) if dt_s > 0 else (0.0, 0.0)

    # --- where it stands --------------------------------------------------------------------------------------------

    def reported(self) -> Floats:
        """(3, 3) vehicle frame (levelled, nose ahead) from mount, as the gimbal believes."""
        return rotation(0.0, self.pitch, self.yaw)

    def true_mount(self, vehicle_yaw: float) -> Floats:
        """(3, 3) NED from mount as it really stands on a vehicle with this true heading, radians."""
        level: Floats = small_rotation(float(self._tilt[0]), float(self._tilt[1]), 0.0)
        mount: Floats = rotation(0.0, 0.0, vehicle_yaw) @ level @ self.reported()
        return mount

    def true_in_vehicle(self) -> Floats:
        """(3, 3) levelled vehicle frame from mount, the tilt error included: what a truth link tells the camera."""
        mount: Floats = small_rotation(float(self._tilt[0]), float(self._tilt[1]), 0.0) @ self.reported()
        return mount

    def _report(self) -> Any:
        """Its own GIMBAL_DEVICE_ATTITUDE_STATUS, in the frame that it names."""
        if not (self._earth_frame and self._heading is not None):
            return self._status(_level_quaternion(self.pitch, self.yaw), _IN_VEHICLE)
        return self._status(_level_quaternion(self.pitch, self.yaw + self._heading), _IN_EARTH)

    def status(self, mount: Floats) -> Any:
        """GIMBAL_DEVICE_ATTITUDE_STATUS of an attitude in the vehicle frame."""
        return self._status(wire_quaternion(mount), _IN_VEHICLE)

    def _status(self, q: tuple[float, ...], frame: int) -> Any:
        flags = self._rest | _LEVEL | frame | (_YAW_LOCK if self._locked else 0)
        pitch_speed, yaw_speed = self._speed
        body = (-math.sin(self.pitch) * yaw_speed, pitch_speed, math.cos(self.pitch) * yaw_speed)
        heading = math.nan if self._heading is None else self._heading
        failure = mavlink.GIMBAL_DEVICE_ERROR_FLAGS_AT_PITCH_LIMIT if self._limit_hit else 0
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            self._sysid, 1, round(self._now_s * 1000), flags, list(q), *body, failure,
            heading, math.nan, 0,
        )  # fmt: skip

    def _information(self) -> Any:
        text = b"einsatzdrohne".ljust(32, b"\0")
        return mavlink.MAVLink_gimbal_device_information_message(
            round(self._now_s * 1000), text, text, text, 0x01000000, 0x01000000, 0, _CAN, 0, 0.0, 0.0,
            *PITCH_LIMITS_RAD, -math.pi, math.pi,
        )  # fmt: skip

    def pack(self, message: Any) -> bytes:
        """A frame from this component."""
        frame = bytes(message.pack(self._mav))
        self._mav.seq = (self._mav.seq + 1) % 256
        return frame

    def _send(self, message: Any) -> None:
        self._out.append(self.pack(message))

    def take_outgoing(self) -> tuple[bytes, ...]:
        """Frames for the autopilot."""
        out, self._out = tuple(self._out), []
        return out


@lru_cache(maxsize=64)
def _ordered(q: tuple[float, float, float, float]) -> tuple[float, float]:
    """Yaw and pitch; the same order comes fifty times a second."""
    return yaw_pitch_of(matrix_of(*q))


@lru_cache(maxsize=64)
def _level_quaternion(pitch: float, yaw: float) -> tuple[float, float, float, float]:
    return wire_quaternion(rotation(0.0, pitch, yaw))


def _stride(error: float, dt_s: float) -> float:
    """How far it turns: at full speed far away, ever slower close by, never beyond."""
    speed = max(-_RATE_RAD_S, min(_RATE_RAD_S, error / _SETTLES_S))
    return max(-abs(error), min(abs(error), speed * dt_s))
