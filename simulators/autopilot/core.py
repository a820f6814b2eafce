"""The autopilot's links, dispatch and streams.

Each link has its own sequence, stream rates and heartbeat, as on the real one. Two kinds: ``ground`` (a ground station)
and ``device`` (camera, gimbal), and a ``truth`` link that carries SIM_STATE. Heartbeats and camera messages of a device
are forwarded to the ground links; the gimbal's attitude is not, it is re-sent as the autopilot's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import fence, messages
from simulators.autopilot.parameters import Parameters
from simulators.autopilot.pilot import ACCEPTED, DENIED, FAILED, RTL, STEP_S, UNSUPPORTED, Pilot
from simulators.autopilot.transfers import FENCE, Transfers
from simulators.flight import Errors, Flight
from simulators.geodesy import Plane

_LOOP_US = 2_500
_FORWARDED = frozenset(
    {"HEARTBEAT", "CAMERA_INFORMATION", "CAMERA_IMAGE_CAPTURED", "CAMERA_SETTINGS", "VIDEO_STREAM_INFORMATION"}
)
_DEVICES_ASKED_S = 10.0
_TIMESYNC_S = 10.0
_GCS_LOST_S = 5.0
_CHUNK = 50
_CAPACITY_MAH = 10_000.0
# In this order: a SIM_STATE follows the ATTITUDE of its instant.
TRUTH_RATES = {"ATTITUDE": 50.0, "SIM_STATE": 50.0}


@dataclass(slots=True)
class _Link:
    parser: Any
    encoder: Any
    rates: dict[str, float] = field(default_factory=dict)
    due_s: dict[str, float] = field(default_factory=dict)
    out: list[bytes] = field(default_factory=list)
    timesync_s: float = _TIMESYNC_S


class Autopilot:
    """One vehicle. ``receive`` bytes of a link, ``step`` time, send ``take_outgoing`` of each link."""

    def __init__(
        self,
        plane: Plane,
        ground_amsl_m: float,
        *,
        seed: int,
        wind_m_s: float,
        utc_at_boot_s: float,
        start_en_m: tuple[float, float] = (0.0, 0.0),
        sysid: int = 1,
        uid: int = 0,
    ) -> None:
        rng = np.random.default_rng([seed, 3, sysid])
        self.sysid, self.uid = sysid, uid
        self.uid2 = uid.to_bytes(8, "little") + bytes(10)
        self.utc_at_boot_s = utc_at_boot_s
        self.now_s = 0.0
        self.errors = Errors.draw(rng)
        self.gimbal_q: tuple[float, ...] | None = None
        self.parameters = Parameters()
        self.transfers = Transfers(self._say)
        flight = Flight(np.array([*start_en_m, ground_amsl_m]), float(rng.uniform(-3, 3)), rng, wind_m_s)
        self.pilot = Pilot(flight, plane, self.transfers, self._say)
        self.used_mah = 0.0
        self.current_a = 0.4
        self._rng = rng
        self._links: dict[str, _Link] = {}
        self._armed = self._ready = False
        self._reached: int | None = None
        self._shots = 0
        self._text_id = 0
        self._components: dict[int, str] = {}
        self._devices_asked = False
        self._gcs_heard_s: float | None = None
        self._gcs_lost = False
        self.outside_fence = False
        self.home_place: tuple[float, float, float] | None = None
        self._texts: list[tuple[int, str]] = [(6, "ArduCopter V4.7.0-dev (simulated)"), (6, "Frame: QUAD/PLUS")]

    # --- links ------------------------------------------------------------------------------------------------------

    def add_link(self, name: str) -> None:
        """A wire: "ground…", "device…" or "truth…" by the beginning of its name."""
        parser = mavlink.MAVLink(None)
        parser.robust_parsing = True
        link = _Link(parser, mavlink.MAVLink(None, srcSystem=self.sysid, srcComponent=1))
        link.rates = {"HEARTBEAT": 1.0}
        if name.startswith("truth"):
            link.rates |= TRUTH_RATES
        self._links[name] = link

    def receive(self, data: bytes, *, link: str) -> None:
        """Bytes from a link; garbage is skipped."""
        wire = self._links[link]
        for message in wire.parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind == "BAD_DATA" or kind.startswith("UNKNOWN_"):
                continue
            if message.get_srcSystem() == self.sysid:
                self._device(message, link)
            else:
                self._dispatch(message, wire, link)

    def take_outgoing(self, link: str) -> tuple[bytes, ...]:
        """Frames to send on a link now."""
        wire = self._links[link]
        out, wire.out = tuple(wire.out), []
        return out

    def step(self, until_s: float) -> None:
        """Fly and speak until a boot time, seconds."""
        while self.now_s + STEP_S <= until_s + 1e-9:
            self.now_s = round(self.now_s + STEP_S, 6)
            self.pilot.step(self.now_s, STEP_S)
            self._drain_battery()
            self._after_step()
            for name, wire in self._links.items():
                self._stream(wire, name)

    def _after_step(self) -> None:
        found, armed = self.pilot.position_ready and not self._ready, self.pilot.armed and not self._armed
        if found or armed:
            self._set_home()
        self._ready, self._armed = self.pilot.position_ready, self.pilot.armed
        self.transfers.flying = self.pilot.flies_mission
        if self.pilot.reached != self._reached:
            self._reached = self.pilot.reached
            self._broadcast(mavlink.MAVLink_mission_item_reached_message(self._reached or 0))
        if self.pilot.shots != self._shots:
            self._shots = self.pilot.shots
            self._take_picture()
        for _, message in self.transfers.tick(self.now_s):  # every ground link carries it; its addressee is in it
            self._broadcast(message)
        if not self._devices_asked and self.now_s >= _DEVICES_ASKED_S:
            self._devices_asked = True
            self._ask_devices()
        self._failsafes()
        while self._texts:
            self._broadcast_text(*self._texts.pop(0))

    def _failsafes(self) -> None:
        flying = self.pilot.armed and not self.pilot.flight.on_ground
        silent = self._gcs_heard_s is not None and self.now_s - self._gcs_heard_s > _GCS_LOST_S
        lost = silent and self.parameters.values["FS_GCS_ENABLE"] == 1
        if lost and not self._gcs_lost:
            self._say(2, "GCS Failsafe")
            if flying:
                self.pilot.set_mode(RTL)
        elif self._gcs_lost and not lost:
            self._say(2, "GCS Failsafe Cleared")
        self._gcs_lost = lost
        outside = flying and not self.fence_keeps(*self._believed_en())
        if outside and not self.outside_fence:
            self._say(4, "Polygon fence breached")
            if self.parameters.values["FENCE_ACTION"] >= 1:
                self.pilot.set_mode(RTL)
        self.outside_fence = outside

    def fence_keeps(self, east_m: float, north_m: float) -> bool:
        """Whether the fence allows a place; everything is allowed while FENCE_ENABLE is 0."""
        if not self.parameters.values["FENCE_ENABLE"]:
            return True
        lat, lon, _ = self.pilot.plane.geo(np.array([east_m, north_m, 0.0]))
        return fence.keeps(self.transfers.lists[FENCE], lat, lon)

    @property
    def in_failsafe(self) -> bool:
        """Whether a failsafe is on."""
        return self._gcs_lost or self.outside_fence

    def _believed_en(self) -> tuple[float, float]:
        enu = self.pilot.flight.enu + self.errors.position_enu_m
        return float(enu[0]), float(enu[1])

    def _ask_devices(self) -> None:
        wanted = {154: mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_INFORMATION, 100: mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION}
        for component, link in self._components.items():
            if component in wanted:
                self._send(
                    self._links[link],
                    mavlink.MAVLink_command_long_message(
                        self.sysid, component, mavlink.MAV_CMD_REQUEST_MESSAGE, 0, wanted[component], 0, 0, 0, 0, 0, 0
                    ),
                )

    def _take_picture(self) -> None:
        """CAMERA_FEEDBACK on every ground link, and the order to the camera component if there is one."""
        self._broadcast(messages.camera_feedback(self))
        if 100 in self._components:
            order = mavlink.MAV_CMD_IMAGE_START_CAPTURE
            self._send(
                self._links[self._components[100]],
                mavlink.MAVLink_command_long_message(self.sysid, 100, order, 0, 0, 0, 1, 0, 0, 0, 0),
            )

    def _broadcast_text(self, severity: int, text: str) -> None:
        """STATUSTEXT; a long one in chunks that an id holds together."""
        chunks = [text[at : at + _CHUNK].encode() for at in range(0, max(1, len(text)), _CHUNK)]
        self._text_id = self._text_id % 65_535 + 1
        for seq, chunk in enumerate(chunks):
            number = self._text_id if len(chunks) > 1 else 0
            self._broadcast(mavlink.MAVLink_statustext_message(severity, chunk, number, seq))

    def _stream(self, wire: _Link, name: str) -> None:
        for kind, hz in wire.rates.items():
            due = wire.due_s.get(kind, 0.0)
            if self.now_s + 1e-9 < due:
                continue
            wire.due_s[kind] = max(due + 1.0 / hz, self.now_s)
            message = messages.BUILDERS[kind](self)
            if message is not None:
                self._send(wire, message)
        if self._components.get(154) == name:
            self._send(wire, messages.gimbal_setpoint(self))
        if name.startswith("ground") and self.now_s >= wire.timesync_s:
            wire.timesync_s = self.now_s + _TIMESYNC_S
            self._send(wire, mavlink.MAVLink_timesync_message(0, round(self.now_s * 1e9)))

    def _send(self, wire: _Link, message: Any) -> None:
        wire.out.append(bytes(message.pack(wire.encoder)))
        wire.encoder.seq = (wire.encoder.seq + 1) % 256

    def _broadcast(self, message: Any) -> None:
        for name, wire in self._links.items():
            if name.startswith("ground"):
                self._send(wire, message)

    # --- belief -----------------------------------------------------------------------------------------------------

    def _say(self, severity: int, text: str) -> None:
        self._texts.append((severity, text))

    def jitter(self, sigma: float) -> float:
        """A draw of noise."""
        return float(self._rng.normal(0.0, sigma))

    def believed_place(self) -> tuple[float, float, float]:
        """Latitude, longitude, height as the estimator has them: off by this flight's errors."""
        noise = self._rng.normal(0.0, 0.08, 3)
        enu = self.pilot.flight.enu - (0.0, 0.0, self.pilot.plane.alt_m) + self.errors.position_enu_m + noise
        return self.pilot.plane.geo(enu)

    def _set_home(self) -> None:
        home = self.pilot.flight.enu - (0.0, 0.0, self.pilot.plane.alt_m) + self.errors.position_enu_m
        self.home_place = self.pilot.plane.geo(home)
        self.transfers.set_home(*self.home_place)
        self._broadcast(messages.home_position(self))
        self._broadcast(messages.global_origin(self))

    @property
    def battery_pct(self) -> float:
        """What is left, percent."""
        return max(0.0, 100.0 * (1 - self.used_mah / _CAPACITY_MAH))

    @property
    def battery_v(self) -> float:
        """Four cells: from 4.2 V full to 3.5 V empty each, less what the current drops."""
        return 14.0 + 2.8 * self.battery_pct / 100.0 - 0.012 * self.current_a

    def _drain_battery(self) -> None:
        flying = self.pilot.armed and not self.pilot.flight.on_ground
        climb = max(0.0, float(self.pilot.flight.velocity[2]))
        self.current_a = 18.0 + 2.5 * climb if flying else (1.5 if self.pilot.armed else 0.4)
        self.used_mah += self.current_a * STEP_S / 3.6

    # --- dispatch ---------------------------------------------------------------------------------------------------

    def _device(self, message: Any, link: str) -> None:
        kind = message.get_type()
        if kind == "HEARTBEAT" and link.startswith("device"):
            self._components[message.get_srcComponent()] = link
        if kind == "GIMBAL_DEVICE_ATTITUDE_STATUS":
            self.gimbal_q = tuple(message.q)
        elif link.startswith("device") and (kind in _FORWARDED or self._for_others(message)):
            self._forward(message, "ground")

    def _for_others(self, message: Any) -> bool:
        """An answer to a ground station's question, not to the autopilot's own."""
        return message.get_type() == "COMMAND_ACK" and message.target_system not in (0, self.sysid)

    def _forward(self, message: Any, to: str, *, besides: str = "") -> None:
        frame = bytes(message.get_msgbuf())
        for name, wire in self._links.items():
            if name.startswith(to) and name != besides:
                wire.out.append(frame)

    def _dispatch(self, message: Any, wire: _Link, link: str) -> None:
        if getattr(message, "target_system", self.sysid) not in (0, self.sysid):
            return
        sender = (message.get_srcSystem(), message.get_srcComponent())
        kind = message.get_type()
        if kind in ("COMMAND_LONG", "COMMAND_INT"):
            # To a component that is there: its affair. To one that is not: the autopilot does it itself.
            if message.target_component in self._components:
                self._forward(message, self._components[message.target_component])
                return
            if message.target_component == 0:
                self._forward(message, "device")
            result = self._command(message, wire)
            self._send(wire, mavlink.MAVLink_command_ack_message(message.command, result, 0, 0, *sender))
        elif kind == "HEARTBEAT":
            self._forward(message, "ground", besides=link)
            if sender[0] == self.parameters.values["MAV_GCS_SYSID"]:
                self._gcs_heard_s = self.now_s
        elif kind == "TIMESYNC" and message.tc1 == 0:
            self._send(wire, mavlink.MAVLink_timesync_message(round(self.now_s * 1e9), message.ts1))
        elif kind == "MISSION_SET_CURRENT":
            self.pilot.set_current(message.seq)
        elif kind.startswith("MISSION_"):
            for answer in self.transfers.receive(message, sender, self.now_s):
                self._send(wire, answer)
        elif kind.startswith("PARAM_"):
            for answer in self.parameters.receive(message):
                self._send(wire, answer)
        elif kind == "SET_MODE":
            self.pilot.set_mode(message.custom_mode)
        elif kind == "REQUEST_DATA_STREAM":
            self._data_stream(message, wire)

    def _data_stream(self, m: Any, wire: _Link) -> None:
        for name in messages.DATA_STREAMS.get(m.req_stream_id, ()):
            if m.start_stop and m.req_message_rate:
                wire.rates[name] = float(m.req_message_rate)
            else:
                wire.rates.pop(name, None)

    def _command(self, m: Any, wire: _Link) -> int:
        handler = _COMMANDS.get(m.command)
        return UNSUPPORTED if handler is None else int(handler(self, m, wire))

    def _do_interval(self, m: Any, wire: _Link) -> int:
        name = messages.BY_ID.get(int(m.param1))
        if name is None or (name == "SIM_STATE" and name not in wire.rates):
            self._say(4, f"No ap_message for mavlink id ({int(m.param1)})")
            return DENIED
        if m.param2 <= 0:  # 0 means the default, and that is off
            wire.rates.pop(name, None)
            return ACCEPTED
        if m.param2 < _LOOP_US:
            self._say(4, f"Requested rate for message ID {int(m.param1)} too fast. Increase SCHED_LOOP_RATE")
            return DENIED
        wire.rates[name] = 1e6 / m.param2
        return ACCEPTED

    def _do_get_interval(self, m: Any, wire: _Link) -> int:
        number = int(m.param1)
        name = messages.BY_ID.get(number)
        hz = wire.rates.get(name or "")
        interval_us = 0 if name is None else -1 if hz is None else round(1e6 / hz)
        self._send(wire, mavlink.MAVLink_message_interval_message(number, interval_us))
        return FAILED if name is None else ACCEPTED

    def _do_request(self, m: Any, wire: _Link) -> int:
        name = messages.BY_ID.get(int(m.param1))
        message = None if name is None else messages.BUILDERS[name](self)
        if message is None:
            return FAILED
        self._send(wire, message)
        return ACCEPTED

    def _do_mode(self, m: Any, wire: _Link) -> int:
        return self.pilot.set_mode(int(m.param2))

    def _do_arm(self, m: Any, wire: _Link) -> int:
        if m.param1 >= 0.5 and not self.pilot.armed and not self.fence_keeps(*self._believed_en()):
            self._say(2, "Arm: Vehicle breaching Polygon fence")
            return FAILED
        return self.pilot.arm(m.param1 >= 0.5)

    def _do_takeoff(self, m: Any, wire: _Link) -> int:
        return self.pilot.takeoff(float(m.param7 if m.get_type() == "COMMAND_LONG" else m.z))

    def _do_start(self, m: Any, wire: _Link) -> int:
        return self.pilot.start_mission() if m.param1 == 0 and m.param2 == 0 else DENIED

    def _do_pause(self, m: Any, wire: _Link) -> int:
        return self.pilot.pause(m.param1 < 0.5)

    def _do_reposition(self, m: Any, wire: _Link) -> int:
        if m.get_type() != "COMMAND_INT":
            return UNSUPPORTED
        if abs(m.x) > 900_000_000 or abs(m.y) > 1_800_000_000 or (self.pilot.mode != 4 and not int(m.param2) & 1):
            return DENIED
        enu = self.pilot.plane.enu(m.x * 1e-7, m.y * 1e-7, self.pilot.plane.alt_m)
        base = self.pilot.home[2] if m.frame in (3, 6) else 0.0
        if not self.fence_keeps(float(enu[0]), float(enu[1])):
            return FAILED
        return self.pilot.reposition(np.array([enu[0], enu[1], base + m.z]))

    def _do_gimbal(self, m: Any, wire: _Link) -> int:
        device = m.param7 if m.get_type() == "COMMAND_LONG" else m.z
        if device not in (0, 1):
            return FAILED
        if math.isfinite(m.param1) and math.isfinite(m.param2):  # else a rate: a simulated gimbal holds its angle
            self.pilot.point(m.param1, m.param2)
        return ACCEPTED

    def _do_mount(self, m: Any, wire: _Link) -> int:
        if not (math.isfinite(m.param1) and math.isfinite(m.param3)):
            return DENIED
        self.pilot.point(m.param1, m.param3)
        return ACCEPTED

    def _do_roi(self, m: Any, wire: _Link) -> int:
        whole = m.get_type() == "COMMAND_INT"
        lat, lon, up = (m.x * 1e-7, m.y * 1e-7, m.z) if whole else (m.param5, m.param6, m.param7)
        if not (math.isfinite(up) and abs(lat) <= 90 and abs(lon) <= 180):
            return DENIED
        base = 0.0 if whole and m.frame in (0, 5) else float(self.pilot.home[2])
        enu = self.pilot.plane.enu(lat, lon, self.pilot.plane.alt_m)
        self.pilot.look_at(np.array([enu[0], enu[1], base + up]))
        return ACCEPTED

    def _do_roi_none(self, m: Any, wire: _Link) -> int:
        self.pilot.look_at(None)
        return ACCEPTED

    def _do_current(self, m: Any, wire: _Link) -> int:
        return self.pilot.set_current(int(m.param1))

    def _do_picture(self, m: Any, wire: _Link) -> int:
        if m.command == mavlink.MAV_CMD_IMAGE_START_CAPTURE and m.param1 not in (0, 1):
            return FAILED
        self.pilot.shoot()
        return ACCEPTED

    def _do_speed(self, m: Any, wire: _Link) -> int:
        if not 0.2 <= m.param2 <= 20.0:
            return FAILED
        self.pilot.speed_m_s = float(m.param2)
        return ACCEPTED


_COMMANDS: dict[int, Any] = {
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: Autopilot._do_interval,
    mavlink.MAV_CMD_REQUEST_MESSAGE: Autopilot._do_request,
    mavlink.MAV_CMD_DO_SET_MODE: Autopilot._do_mode,
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM: Autopilot._do_arm,
    mavlink.MAV_CMD_NAV_TAKEOFF: Autopilot._do_takeoff,
    mavlink.MAV_CMD_MISSION_START: Autopilot._do_start,
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: Autopilot._do_pause,
    mavlink.MAV_CMD_DO_REPOSITION: Autopilot._do_reposition,
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW: Autopilot._do_gimbal,
    mavlink.MAV_CMD_DO_CHANGE_SPEED: Autopilot._do_speed,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: Autopilot._do_get_interval,
    mavlink.MAV_CMD_DO_MOUNT_CONTROL: Autopilot._do_mount,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: Autopilot._do_roi,
    mavlink.MAV_CMD_DO_SET_ROI: Autopilot._do_roi,
    mavlink.MAV_CMD_DO_SET_ROI_NONE: Autopilot._do_roi_none,
    mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: Autopilot._do_current,
    mavlink.MAV_CMD_IMAGE_START_CAPTURE: Autopilot._do_picture,
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL: Autopilot._do_picture,
}
