"""The vehicle: owns its rooms, steps them in order, and hands each message to the one whose affair it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import commands, messages, mount
from simulators.autopilot.blackbox import BlackBox
from simulators.autopilot.boot import MEASURED, Boot
from simulators.autopilot.failsafes import Failsafes
from simulators.autopilot.ftp import Ftp
from simulators.autopilot.gnss import Gnss
from simulators.autopilot.links import Link, Links
from simulators.autopilot.logs import LogTransfer
from simulators.autopilot.parameters import Parameters
from simulators.autopilot.pilot import ACCEPTED, STEP_S, Pilot
from simulators.autopilot.storage import is_placed
from simulators.autopilot.terrain import Terrain
from simulators.autopilot.traffic import Traffic
from simulators.autopilot.transfers import Transfers
from simulators.flight import Errors, Flight
from simulators.geodesy import Plane
from simulators.power import Airframe, Battery

_DEVICES_ASKED_S, _RUNTIME_EVERY_S, _TERRAIN_EVERY_S = 10.0, 30.0, 1.0
_BANNER = ((6, "ArduCopter V4.7.0-dev (simulated)"), (6, "Frame: QUAD/PLUS"))


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
        boot: Boot = MEASURED,
    ) -> None:
        rng = np.random.default_rng([seed, 3, sysid])
        self.sysid, self.uid, self.seed = sysid, uid, seed
        self.uid2 = uid.to_bytes(8, "little") + bytes(10)
        self.utc_at_boot_s = utc_at_boot_s
        self.now_s = 0.0
        self.errors = Errors.draw(rng)
        self.gimbal_q: tuple[float, ...] | None = None
        self.gimbal_control = (0, 0)
        self.parameters = Parameters()
        self.traffic = Traffic(self.parameters.values)
        self.transfers = Transfers(self.say)
        self.terrain = Terrain(self.parameters.values)
        self.ftp = Ftp(self.parameters.packed, self.parameters.estimate, self.banner, self.say, self.transfers.packed)
        flight = Flight(np.array([*start_en_m, ground_amsl_m]), float(rng.uniform(-3, 3)), rng, wind_m_s)
        values = self.parameters.values
        self.gnss = Gnss(values, self.errors, np.random.default_rng([seed, 7, sysid]), boot)
        self.pilot = Pilot(flight, plane, self.transfers, self.say, values, self.gnss, boot)
        self.pilot.terrain_rise = self._terrain_rise
        self.failsafes = Failsafes(self)
        self.blackbox = BlackBox(self)
        self.logs = LogTransfer(self.blackbox.finished, self.say)
        self.links = Links(sysid)
        self.airframe, self.battery = Airframe(), Battery(values["BATT_CAPACITY"])
        self.home_place: tuple[float, float, float] | None = None
        self._rng = rng
        self._armed = self._was_placed = False
        self._reports = 0
        self._shots = self._logs = 0
        self._wind = values["SIM_WIND_SPD"], values["SIM_WIND_DIR"]
        self._runtime_s, self._terrain_s = _RUNTIME_EVERY_S, 0.0
        self._devices_asked = False
        self.restarting = False
        """Ordered to reboot: whoever steps it goes on with ``reboot.reborn``; until then it lives on."""
        self._texts: list[tuple[int, str]] = [*_BANNER]

    # --- links and time ---------------------------------------------------------------------------------------------

    def add_link(self, name: str) -> None:
        """A wire: "ground…", "device…" or "truth…" by the beginning of its name."""
        self.links.add(name)

    def receive(self, data: bytes, *, link: str) -> None:
        """Bytes from a link; garbage is skipped."""
        wire = self.links[link]
        for message in self.links.parse(wire, data):
            if message.get_srcSystem() != self.sysid:
                self._dispatch(message, wire)
            elif message.get_type() == "GIMBAL_DEVICE_ATTITUDE_STATUS":
                self.gimbal_q = tuple(message.q)
            elif message.get_type() == "ADSB_VEHICLE":  # a receiver on a wire of its own has the vehicle's id
                self._hear_traffic(message, wire)
            elif message.get_srcComponent() == 1:
                continue  # its own words, come back
            elif message.get_type().startswith(("COMMAND_LONG", "COMMAND_INT", "MISSION_", "PARAM_")) and (
                message.target_component == 1
            ):
                self._dispatch(message, wire)  # a payload asks for telemetry
            else:
                self.links.hear_device(message, wire)

    def take_outgoing(self, link: str) -> tuple[bytes, ...]:
        """Frames to send on a link now."""
        wire = self.links[link]
        out, wire.out = tuple(wire.out), []
        return out

    def step(self, until_s: float) -> None:
        """Fly and speak until a boot time, seconds."""
        while self.now_s + STEP_S <= until_s + 1e-9:
            self.now_s = round(self.now_s + STEP_S, 6)
            self._blow()
            self.pilot.step(self.now_s, STEP_S)
            self._drain_battery()
            self._after_step()
            self.links.stream(self)

    def _after_step(self) -> None:
        if (self._placed and not self._was_placed) or (self.pilot.armed and not self._armed):
            self.set_home()
        self._was_placed, self._armed = self._placed, self.pilot.armed
        self.transfers.flying = self.pilot.flies_mission
        if self.pilot.mission.reports != self._reports:
            self._reports = self.pilot.mission.reports
            self.links.broadcast(mavlink.MAVLink_mission_item_reached_message(self.pilot.reached or 0))
        if self.pilot.shots != self._shots:
            self._shots = self.pilot.shots
            self.links.broadcast(messages.camera_feedback(self))
            self.links.order_picture()
        for _, message in self.transfers.tick(self.now_s):  # every ground link carries it; its addressee is in it
            self.links.broadcast(message)
        for wire, message in (*self.ftp.tick(self.now_s), *self.logs.tick(armed=self.pilot.armed)):
            wire.send(message)
        self._count()
        if self.gnss.found and self.now_s >= self._terrain_s:
            self._terrain_s = self.now_s + _TERRAIN_EVERY_S
            items = (*self.transfers.lists[0][1:], *self.transfers.lists[2])
            places = [(i.lat_deg, i.lon_deg) for i in items if is_placed(i.command) and (i.x or i.y)]
            self.terrain.want(self.estimated_place()[:2], places)
        if not self._devices_asked and self.now_s >= _DEVICES_ASKED_S:
            self._devices_asked = True
            self.links.ask_devices()
        self.failsafes.step()
        while self._texts:
            severity, text = self._texts.pop(0)
            self.links.broadcast_text(severity, text)
            self.blackbox.note(text)
        self.blackbox.step()
        for number, (_, data) in enumerate(self.blackbox.finished[self._logs :], start=self._logs + 1):
            self._logs = number
            self.ftp.keep(f"logs/{number:08d}.BIN", data)

    def _count(self) -> None:
        """What the vehicle counts itself is told when it changes, without being asked."""
        lists = self.transfers.lists
        counted = {
            "MIS_TOTAL": float(len(lists[0])),
            "FENCE_TOTAL": float(self.transfers.fence_total),
            "RALLY_TOTAL": float(len(lists[2])),
        }
        if self.gnss.found:
            self.links.keep_up(self.utc_at_boot_s + self.now_s)
        if self.now_s >= self._runtime_s:
            self._runtime_s += _RUNTIME_EVERY_S
            counted["STAT_RUNTIME"] = float(round(self.now_s))
        for name, value in counted.items():
            if self.parameters.values[name] != value:
                self.parameters.values[name] = value
                self.links.broadcast(self.parameters.value(name))

    def say(self, severity: int, text: str) -> None:
        """STATUSTEXT to every ground station at the end of this step."""
        self._texts.append((severity, text))

    def tell(self, name: str) -> None:
        """A message of its own accord, to every ground station."""
        message = messages.BUILDERS[name](self)
        if message is not None:
            self.links.broadcast(message)

    def banner(self) -> None:
        """Who it is: said at boot, and to whoever fetches the parameters."""
        self._texts += _BANNER

    # --- belief -----------------------------------------------------------------------------------------------------

    @property
    def in_failsafe(self) -> bool:
        """Whether a failsafe is on."""
        return self.failsafes.on

    def jitter(self, sigma: float) -> float:
        """A draw of noise."""
        return float(self._rng.normal(0.0, sigma))

    def believed_en(self) -> tuple[float, float]:
        """East and north in metres as the estimator has them, without noise."""
        enu = self.pilot.flight.enu + self.gnss.offset_m
        return float(enu[0]), float(enu[1])

    def believed_place(self) -> tuple[float, float, float]:
        """Latitude, longitude, height as the estimator has them: off by this flight's errors."""
        noise = self._rng.normal(0.0, 0.08, 3)
        enu = self.pilot.flight.enu - (0.0, 0.0, self.pilot.plane.alt_m) + self.gnss.offset_m + noise
        return self.pilot.plane.geo(enu)

    def estimated_place(self) -> tuple[float, float, float]:
        """Latitude, longitude, height as the estimator has them, without noise."""
        return self.pilot.plane.geo(self.pilot.flight.enu - (0.0, 0.0, self.pilot.plane.alt_m) + self.gnss.offset_m)

    def _terrain_rise(self, east_m: float, north_m: float) -> float:
        """Metres by which the ground at a place is above the ground at home; 0 where the vehicle does not know it."""
        plane = self.pilot.plane
        there, home = (
            self.terrain.height_m(plane.geo(np.array([e, n, 0.0]))[:2])
            for e, n in ((east_m, north_m), (float(self.pilot.home[0]), float(self.pilot.home[1])))
        )
        return 0.0 if there is None or home is None else there - home

    @property
    def _placed(self) -> bool:
        """Whether home can be here: with a position, and after the start already with the estimator's origin."""
        return self.gnss.position or (self.gnss.origin and not self.gnss.ever)

    def set_home(self, place: tuple[float, float, float] | None = None) -> bool:
        """Home at latitude, longitude, metres above sea level, or here; false here without a position."""
        if place is None:
            if not self._placed:
                return False
            place = self.estimated_place()
        else:
            self.pilot.home = self.pilot.plane.enu(*place) + np.array([0.0, 0.0, self.pilot.plane.alt_m])
        self.home_place = place
        self.transfers.set_home(*place)
        self.links.broadcast(messages.home_position(self))
        self.links.broadcast(messages.global_origin(self))
        return True

    @property
    def battery_pct(self) -> float:
        """What is left, percent."""
        return 100.0 * self.battery.left

    @property
    def battery_v(self) -> float:
        """Volts at the terminals, or what SIM_BATT_VOLTAGE says."""
        return self.parameters.values["SIM_BATT_VOLTAGE"] or self.battery.voltage_v

    @property
    def current_a(self) -> float:
        """Amperes drawn now."""
        return self.battery.current_a

    @property
    def used_mah(self) -> float:
        """Drawn since boot."""
        return self.battery.used_mah

    def _blow(self) -> None:
        """The levers SIM_WIND_SPD and SIM_WIND_DIR, while they are moved."""
        values = self.parameters.values
        lever = values["SIM_WIND_SPD"], values["SIM_WIND_DIR"]
        if lever != self._wind:
            self._wind = lever
            self.pilot.flight.blow(*lever)

    def _drain_battery(self) -> None:
        flight, airframe = self.pilot.flight, self.airframe
        if self.pilot.flying:
            east, north, up = (float(value) for value in flight.velocity - flight.wind)
            power = airframe.power_w(math.hypot(east, north), up)
        else:
            power = airframe.idle_w if self.pilot.armed else airframe.rest_w
        self.battery.draw(power, STEP_S)

    # --- dispatch ---------------------------------------------------------------------------------------------------

    def _dispatch(self, message: Any, wire: Link) -> None:
        if getattr(message, "target_system", self.sysid) not in (0, self.sysid):
            self.links.pass_on(message, wire)
            return
        sender = (message.get_srcSystem(), message.get_srcComponent())
        kind = message.get_type()
        if kind in ("COMMAND_LONG", "COMMAND_INT"):
            self._command(message, wire, sender)
        elif kind == "HEARTBEAT":
            self.links.meet(sender[0], wire)
            self.links.forward(message, "ground", besides=wire.name)
            if sender[0] == self.parameters.values["MAV_GCS_SYSID"]:
                self.failsafes.hear_gcs(self.now_s)
        elif kind == "TIMESYNC" and message.tc1 == 0:
            wire.send(mavlink.MAVLink_timesync_message(round(self.now_s * 1e9), message.ts1))
        elif kind == "MISSION_SET_CURRENT":
            if self.pilot.set_current(message.seq) == ACCEPTED:
                wire.send(messages.mission_current(self))
        elif kind.startswith("MISSION_"):
            for answer in self.transfers.receive(message, sender, self.now_s):
                wire.send(answer)
        elif kind == "FILE_TRANSFER_PROTOCOL":
            for to, answer in self.ftp.receive(message, sender, wire, self.now_s):
                to.send(answer)
        elif kind.startswith("PARAM_"):
            if kind == "PARAM_REQUEST_LIST":
                self.banner()
            for answer in self.parameters.receive(message):
                if kind == "PARAM_SET":
                    self.links.broadcast(answer)
                else:
                    wire.send(answer)
        elif kind == "ADSB_VEHICLE":
            self._hear_traffic(message, wire)
        elif kind in mount.MESSAGES:
            mount.hear(self, message)
        elif kind == "SETUP_SIGNING":
            if self.pilot.armed:
                self.say(4, "ERROR: Won't setup signing when armed")
            else:
                self.links.set_up_signing(message)
        elif kind == "TERRAIN_DATA":
            self.terrain.hear(message)
        elif kind == "TERRAIN_CHECK":
            wire.send(messages.terrain_at(self, message.lat, message.lon))
        elif kind == "AUTOPILOT_VERSION_REQUEST":
            wire.send(messages.autopilot_version(self))
        elif kind == "SET_MODE":
            self.pilot.set_mode(message.custom_mode % 256)
        elif kind in ("SET_POSITION_TARGET_GLOBAL_INT", "SET_POSITION_TARGET_LOCAL_NED"):
            if self.pilot.takes_targets:
                self.pilot.guided.hear(message)
        elif kind in ("RC_CHANNELS_OVERRIDE", "MANUAL_CONTROL"):
            self._sticks(message, sender[0])
        elif kind.startswith("LOG_"):
            self.logs.receive(message, wire, armed=self.pilot.armed)
        elif kind == "REQUEST_DATA_STREAM":
            wire.set_streams(message)

    def _hear_traffic(self, message: Any, wire: Link) -> None:
        here = self.believed_place()[:2] if self.pilot.position_ready else None
        if not self.traffic.hear(message, here, self.now_s):
            self.links.forward(message, "ground", besides=wire.name)

    def _sticks(self, message: Any, sysid: int) -> None:
        """Sticks of the ground station that counts; of others they are nothing."""
        if sysid != self.parameters.values["MAV_GCS_SYSID"]:
            return
        self.failsafes.hear_gcs(self.now_s)
        if message.get_type() == "MANUAL_CONTROL":
            if message.target == self.sysid:
                self.pilot.sticks.by_hand(message, self.now_s)
            return
        self.pilot.sticks.override([getattr(message, f"chan{number}_raw") for number in range(1, 5)], self.now_s)

    def _command(self, message: Any, wire: Link, sender: tuple[int, int]) -> None:
        """To a component that is there: its affair. To one that is not: the autopilot does it itself."""
        if message.target_component in self.links.components:
            self.links.components[message.target_component].out.append(bytes(message.get_msgbuf()))
            return
        if message.target_component == 0:
            self.links.forward(message, "device")
        result = commands.answer(self, message, wire)
        wire.acknowledge(mavlink.MAVLink_command_ack_message(message.command, result, 0, 0, *sender))
