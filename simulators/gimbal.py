"""A two-axis gimbal as a MAVLink component (1/154): it is told an attitude, turns there, and says where it stands.

Roll and pitch are held level by its own sensors, so its error is its own too: a tilt drawn once a flight. What it
reports is what it believes; what the camera looks through is the truth.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.geodesy import Floats, matrix_of, rotation, small_rotation, wire_quaternion

GIMBAL_COMPONENT = 154
_RATE_RAD_S = math.radians(60.0)
_FLAGS = 4 | 8 | 32  # ROLL_LOCK, PITCH_LOCK, YAW_IN_VEHICLE_FRAME: the form that ArduPilot labels it with anyway
_SLACK_S = 1e-6  # sums of 0.01 s fall short of their due time
TILT_SIGMA_RAD = math.radians(0.4)


class Gimbal:
    """``receive`` bytes from the autopilot, ``step`` time, send ``take_outgoing``."""

    def __init__(self, seed: int, *, sysid: int = 1) -> None:
        rng = np.random.default_rng([seed, 5 if sysid == 1 else 500 + sysid])
        self.pitch = self.yaw = 0.0
        self._wanted = (0.0, 0.0)
        self._tilt = rng.normal(0.0, TILT_SIGMA_RAD, 2)
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._mav = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=GIMBAL_COMPONENT)
        self._sysid = sysid
        self._out: list[bytes] = []
        self._next_beat_s = 0.0
        self._next_report_s = 0.0
        self._now_s = 0.0

    def receive(self, data: bytes) -> None:
        """Commands and requests of the autopilot."""
        for message in self._parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind == "GIMBAL_DEVICE_SET_ATTITUDE":
                self._aim(message.q)
            elif kind in ("COMMAND_LONG", "COMMAND_INT") and message.target_component in (0, GIMBAL_COMPONENT):
                self._command(message)

    def _command(self, m: Any) -> None:
        known = m.command == mavlink.MAV_CMD_REQUEST_MESSAGE and m.param1 == float(
            mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_INFORMATION
        )
        if known or m.target_component == GIMBAL_COMPONENT:  # what is for everybody is refused by nobody
            result = mavlink.MAV_RESULT_ACCEPTED if known else mavlink.MAV_RESULT_UNSUPPORTED
            to = (m.get_srcSystem(), m.get_srcComponent())
            self._send(mavlink.MAVLink_command_ack_message(m.command, result, 0, 0, *to))
        if known:
            self._send(self._information())

    def _aim(self, q: list[float]) -> None:
        if not all(math.isfinite(value) for value in q):
            return
        turned = matrix_of(*q)
        pitch = math.asin(max(-1.0, min(1.0, -turned[2, 0])))
        # Straight down, yaw is read off the camera's up side: at pitch -90° the body's x axis has no heading left.
        if math.cos(pitch) > 0.05:
            yaw = math.atan2(turned[1, 0], turned[0, 0])
        else:
            yaw = math.atan2(-turned[0, 1], turned[1, 1])
        self._wanted = (max(-math.pi / 2, min(math.radians(30), pitch)), yaw)

    def step(self, now_s: float) -> None:
        """Turn towards the wanted attitude and report, up to a boot time in seconds."""
        dt_s, self._now_s = now_s - self._now_s, now_s
        reach = _RATE_RAD_S * max(0.0, dt_s)
        self.pitch += max(-reach, min(reach, self._wanted[0] - self.pitch))
        turn = (self._wanted[1] - self.yaw + math.pi) % (2 * math.pi) - math.pi
        self.yaw += max(-reach, min(reach, turn))
        if now_s + _SLACK_S >= self._next_beat_s:
            self._next_beat_s = max(self._next_beat_s + 1.0, now_s)
            self._send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GIMBAL, 8, 0, 0, 4, 3))
        if now_s + _SLACK_S >= self._next_report_s:
            self._next_report_s = max(self._next_report_s + 0.02, now_s)
            self._send(self.status(self.reported()))

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

    def status(self, mount: Floats) -> Any:
        """GIMBAL_DEVICE_ATTITUDE_STATUS of an attitude."""
        nan = math.nan
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            self._sysid, 1, round(self._now_s * 1000), _FLAGS, list(wire_quaternion(mount)), nan, nan, nan, 0,
            nan, nan, 0,
        )  # fmt: skip

    def _information(self) -> Any:
        text = b"einsatzdrohne".ljust(32, b"\0")
        return mavlink.MAVLink_gimbal_device_information_message(
            0, text, text, text, 0x01000000, 0x01000000, 0, 0b111111, 0, 0.0, 0.0,
            -math.pi / 2, math.radians(30), -math.pi, math.pi,
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
