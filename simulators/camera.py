"""A thermal camera as a MAVLink component (1/100) that renders what it would see from where it truly is.

It learns where it is from a truth link alone: SIM_STATE with the ATTITUDE beside it (whose boot time it takes, for
SIM_STATE has none) and the gimbal's true attitude. Frames are exposed at fixed boot times, between two truths, and
stamped on the vehicle's boot clock, as a camera does that is synchronised to its autopilot.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.camera import CameraProfile
from simulators.geodesy import Floats, Plane, rotation, small_rotation
from simulators.thermal import PROFILE, Counts, Eye, InView, Renderer, Sensor

CAMERA_COMPONENT = 100
FRAME_S = 0.1
_ENU_FROM_NED = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
_MOUNT_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_CAN = 2 | 256  # CAPTURE_IMAGE, HAS_VIDEO_STREAM


@dataclass(frozen=True, slots=True)
class Truth:
    """Where the vehicle truly is at a boot time: east-north-up metres (up above sea level), heading, radians."""

    boot_s: float
    enu: tuple[float, float, float]
    yaw: float


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame: boot time of exposure, counts (h, w) uint16; for the score alone the fires and the ground in it."""

    boot_s: float
    counts: Counts
    in_view: tuple[InView, ...]
    ground_en: Floats | None = None


class Camera:
    """Exposes a frame every FRAME_S of boot time."""

    def __init__(self, renderer: Renderer, seed: int, *, sysid: int = 1, profile: CameraProfile = PROFILE) -> None:
        rng = np.random.default_rng([seed, 9 if sysid == 1 else 900 + sysid])
        self.video_url = ""
        tilt, about = profile.boresight_sigma_deg, profile.boresight_yaw_sigma_deg
        off = np.radians(rng.normal(0.0, 1.0, 3) * (tilt, tilt, about))
        self._mount_from_camera: Floats = _MOUNT_FROM_CAMERA @ small_rotation(*(float(a) for a in off))
        self._renderer = renderer
        self._sensor = Sensor(profile, seed if sysid == 1 else seed + 1000 * sysid)
        self._truths: deque[Truth] = deque(maxlen=100)
        self._mounts: deque[tuple[float, Floats]] = deque(maxlen=100)
        self._next_s: float | None = None
        self._shots = 0
        self._sysid = sysid
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._mav = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=CAMERA_COMPONENT)
        self._out: list[bytes] = []
        self._next_beat_s = 0.0

    # --- MAVLink ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Requests of the autopilot or the ground station."""
        for message in self._parser.parse_buffer(data) or ():
            if message.get_type() not in ("COMMAND_LONG", "COMMAND_INT"):
                continue
            if message.target_component in (0, CAMERA_COMPONENT):
                self._command(message)

    def _command(self, m: Any) -> None:
        wanted = int(m.param1) if math.isfinite(m.param1) else 0
        answer = None
        if m.command == mavlink.MAV_CMD_REQUEST_MESSAGE and wanted == mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION:
            answer = self._information()
        elif m.command == mavlink.MAV_CMD_REQUEST_MESSAGE and wanted == mavlink.MAVLINK_MSG_ID_VIDEO_STREAM_INFORMATION:
            answer = self._stream_information()
        elif m.command == mavlink.MAV_CMD_IMAGE_START_CAPTURE:
            self._shots += 1
            answer = self._captured()
        result = mavlink.MAV_RESULT_UNSUPPORTED if answer is None else mavlink.MAV_RESULT_ACCEPTED
        if answer is not None or m.target_component == CAMERA_COMPONENT:  # what is for everybody is refused by nobody
            to = (m.get_srcSystem(), m.get_srcComponent())
            self._send(mavlink.MAVLink_command_ack_message(m.command, result, 0, 0, *to))
        if answer is not None:
            self._send(answer)

    def _stream_information(self) -> Any:
        profile = self._renderer.profile
        hfov = round(math.degrees(2 * math.atan(profile.width / 2 / profile.fx)))
        return mavlink.MAVLink_video_stream_information_message(
            1, 1, 0, 3, 1 / FRAME_S, profile.width, profile.height, 0, 0, hfov, b"thermal", self.video_url.encode()
        )

    def _captured(self) -> Any:
        boot_s = self._truths[-1].boot_s if self._truths else 0.0
        return mavlink.MAVLink_camera_image_captured_message(
            round(boot_s * 1000), 0, 0, 0, 0, 0, 0, [1.0, 0.0, 0.0, 0.0], self._shots, 1, b""
        )

    def _information(self) -> Any:
        profile = self._renderer.profile
        return mavlink.MAVLink_camera_information_message(
            0, b"einsatzdrohne".ljust(32, b"\0"), b"sim-lwir-640".ljust(32, b"\0"), 0x01000000, 13.5, 7.68, 6.144,
            profile.width, profile.height, 0, _CAN, 0, b"", 0, 0,
        )  # fmt: skip

    def _send(self, message: Any) -> None:
        self._out.append(bytes(message.pack(self._mav)))
        self._mav.seq = (self._mav.seq + 1) % 256

    def take_outgoing(self) -> tuple[bytes, ...]:
        """Frames for the autopilot."""
        out, self._out = tuple(self._out), []
        return out

    def beat(self, now_s: float) -> None:
        """A heartbeat once a second of any clock."""
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + 1.0
            self._send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3))

    # --- pictures ---------------------------------------------------------------------------------------------------

    def tell_truth(self, truth: Truth) -> None:
        """The vehicle's true place; boot times that go backwards begin anew (a reboot)."""
        if self._truths and truth.boot_s < self._truths[-1].boot_s:
            self._truths.clear()
            self._mounts.clear()
            self._next_s = None
        if not self._truths or truth.boot_s > self._truths[-1].boot_s:
            self._truths.append(truth)

    def tell_mount(self, boot_s: float, vehicle_from_mount: Floats) -> None:
        """The gimbal's true attitude in the levelled vehicle frame, (3, 3)."""
        self._mounts.append((boot_s, vehicle_from_mount))

    def expose(self, *, catch_up: bool) -> Shot | None:
        """The next frame that is due, or None. ``catch_up``: skip those that cannot be rendered in time."""
        if len(self._truths) < 2 or not self._mounts:
            return None
        latest = self._truths[-1].boot_s
        if self._next_s is None or (catch_up and latest - self._next_s > 3 * FRAME_S):
            self._next_s = math.floor(latest / FRAME_S) * FRAME_S
        if self._next_s > latest:
            return None
        at_s, self._next_s = self._next_s, round(self._next_s + FRAME_S, 6)
        eye = self._eye_at(at_s)
        if eye is None:
            return None
        frozen = self._sensor.expose(None, at_s)
        if frozen is not None:
            return Shot(at_s, frozen, ())
        look = self._renderer.look(eye, at_s)
        counts = self._sensor.expose(look.radiance, at_s)
        return None if counts is None else Shot(at_s, counts, look.in_view, look.ground_en)

    def _eye_at(self, boot_s: float) -> Eye | None:
        truths = list(self._truths)
        after = next((i for i, truth in enumerate(truths) if truth.boot_s >= boot_s), None)
        if after is None or (after == 0 and truths[0].boot_s > boot_s):
            return None
        b = truths[after]
        a = truths[max(0, after - 1)]
        share = 1.0 if b.boot_s == a.boot_s else (boot_s - a.boot_s) / (b.boot_s - a.boot_s)
        enu = np.array(a.enu) + share * (np.array(b.enu) - np.array(a.enu))
        turn = (b.yaw - a.yaw + math.pi) % (2 * math.pi) - math.pi
        mount = min(self._mounts, key=lambda pair: abs(pair[0] - boot_s))[1]
        ned_from_mount = rotation(0.0, 0.0, a.yaw + share * turn) @ mount
        return Eye(enu, _ENU_FROM_NED @ ned_from_mount @ self._mount_from_camera)


class TruthListener:
    """Pairs the SIM_STATE and ATTITUDE of a truth link into ``Truth``.

    SIM_STATE has no time of its own. The vehicle sends it right behind the ATTITUDE of the same instant (measured on
    ArduCopter 4.7-dev: p99 1.1 ms behind, never before), so it takes the boot time of the last ATTITUDE, once.
    """

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._boot_s: float | None = None

    def receive(self, data: bytes) -> list[Truth]:
        """Truths from the bytes of a truth link, in order."""
        truths = []
        for message in self._parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind == "ATTITUDE":
                self._boot_s = message.time_boot_ms * 1e-3
            elif kind == "SIM_STATE" and self._boot_s is not None:
                truths.append(self._truth(message, self._boot_s))
                self._boot_s = None
        return truths

    def _truth(self, m: Any, boot_s: float) -> Truth:
        # The float fields of SIM_STATE are too coarse for a place; the integer ones are degrees times 1e7.
        e, n, u = (float(value) for value in self._plane.enu(m.lat_int * 1e-7, m.lon_int * 1e-7, m.alt))
        return Truth(boot_s, (e, n, u + self._plane.alt_m), m.yaw)
