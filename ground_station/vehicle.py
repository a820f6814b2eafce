"""One vehicle: its state, clock, track, streams and the operation that is under way.

One operation at a time: two that share a vehicle would read each other's acknowledgements. A new one is refused while
another runs, except what brings the vehicle to safety (return, land, pause): that ends the other one. When boot time
runs backwards the vehicle has rebooted and a new flight begins: clock, track, home and everything that was proven of
it are discarded; nothing of the old boot is shown as live.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Items

from ground_station import orders
from ground_station.authority import NEW_FLIGHT, TRAFFIC, Authority, Event
from ground_station.camera import TOLD_BY_CAMERAS
from ground_station.cameras import Cameras
from ground_station.clock_sync import ClockSync
from ground_station.command import Command, command_long
from ground_station.download import FENCE, MISSION, RALLY, Compare, Download
from ground_station.evade import descend
from ground_station.gimbal import Who, require_free, with_control
from ground_station.instruments import radio_status
from ground_station.merging import Merging
from ground_station.modes import FLIES_PLAN, modes_of
from ground_station.operation import Operation, Sequence
from ground_station.parameters import Parameter
from ground_station.proof import TELLING, Proofs
from ground_station.remote_id import DroneId
from ground_station.replacement import Replacement
from ground_station.streams import StreamRequests
from ground_station.telemetry import VehicleState, fold
from ground_station.terrain_service import TerrainService
from ground_station.track import Track
from ground_station.traffic import Traffic
from ground_station.transfer import Clear, Upload
from ground_station.wire import Message, Received, mavlink, text_of
from missions.checks import CheckedMission
from missions.geometry.geo import GeoPoint
from missions.items import MissionItem

# Overtaken messages look older by link jitter; only more than this is a reboot.
_REBOOT_BACK_S = 5.0
_BOOT_STAMPED = frozenset({"ATTITUDE", "GLOBAL_POSITION_INT", "LOCAL_POSITION_NED"})
_AUTOPILOT_COMPONENT = 1
_KEPT_TIMESYNCS = 16
_KEPT_EVENTS = 32
_TRAFFIC_S, _TRAFFIC_TOLD_S = 1.0, 20.0


class Busy(RuntimeError):
    """Another operation is under way on this vehicle."""


class Vehicle:
    """A vehicle with an autopilot (component 1). ``observe_only``: nothing is ever asked of it.

    ``us``: system and component that we speak as.
    """

    def __init__(self, sysid: int, *, observe_only: bool = False, us: Who = (255, 190)) -> None:
        self.sysid, self.us = sysid, us
        self.observe_only = observe_only
        self.mavlink1 = False
        """Whether it speaks nothing newer."""
        self.flights = 1
        self.operation: Operation | None = None
        self._events: deque[Event] = deque(maxlen=_KEPT_EVENTS)
        self._now_s = 0.0
        self.traffic = Traffic()
        self._next_traffic_s = 0.0
        self._traffic_told_s: dict[int, float] = {}
        self.terrain_service = TerrainService()
        self.cameras = Cameras(sysid)
        self.drone_id = DroneId()
        self._utc_ahead_s: float | None = None
        self._out: list[Message] = []
        self._begin()

    def _begin(self) -> None:
        self.state = VehicleState(self.sysid, cameras=dict(self.cameras.states))
        self.clock = ClockSync()
        self.track = Track(self.sysid, self.clock)
        self._streams = StreamRequests()
        self.proofs = Proofs()
        self._authority = Authority()
        self.merging = Merging()
        self._latest_boot_s = 0.0
        self._timesyncs: deque[int] = deque(maxlen=_KEPT_TIMESYNCS)

    def receive(self, received: Received, *, now_s: float, utc_s: float | None = None, for_us: bool = True) -> None:
        """One checked message of this vehicle. ``utc_s``: the host's UTC at arrival, for the clock.

        ``for_us``: false where it is addressed to another ground station; an operation does not see it then.
        """
        message, name = received.message, received.name
        if utc_s is not None:
            self._utc_ahead_s = utc_s - now_s
        if received.compid != _AUTOPILOT_COMPONENT:
            # A camera or gimbal that still speaks is no sign of life of the autopilot.
            self._component(received, now_s, for_us)
            return
        if name in _BOOT_STAMPED:
            self._boot_time(message.time_boot_ms * 1e-3, now_s, utc_s)
        elif name == "TIMESYNC":
            self._timesync(message, now_s, utc_s)
        elif name == "TERRAIN_REQUEST":
            self.terrain_service.hear(message)
        elif name == "ADSB_VEHICLE":
            self.traffic.hear(message, now_s=now_s)
        self._streams.saw(name, now_s)
        if name == "STATUSTEXT":
            self._streams.told(text_of(message.text))
        self.state = fold(self.state, message, now_s=now_s)
        if name in TOLD_BY_CAMERAS:
            self._hear_camera(received, now_s)
        self._track(name, message, received.compid)
        if name in TELLING:
            self.proofs.heard(message, transferring=self._transferring, now_s=now_s)
        elif name == "HEARTBEAT":
            self._watch(message, now_s)
        if self.operation is not None and for_us and self.operation.component == _AUTOPILOT_COMPONENT:
            self.operation.receive(message, self.state, now_s=now_s)

    def _component(self, received: Received, now_s: float, for_us: bool) -> None:
        """A message of a component beside the autopilot."""
        self._track(received.name, received.message, received.compid)
        self._hear_camera(received, now_s)
        if self.operation is not None and for_us and self.operation.component == received.compid:
            self.operation.receive(received.message, self.state, now_s=now_s)

    def _hear_camera(self, received: Received, now_s: float) -> None:
        self.cameras.hear(received, now_s=now_s)
        if received.compid in self.cameras.states:
            self.state = self.state.with_cameras(self.cameras.states, now_s=now_s)

    def _watch(self, message: Message, now_s: float) -> None:
        """Somebody else's change of mode ends what we had under way; it is never fought."""
        proven = self.proofs.items(MISSION) is not None
        event = self._authority.heard(message, self.state, plan_proven=proven, now_s=now_s)
        if event is None:
            return
        self._events.append(event)
        if self.operation is not None and self.operation.commanding:
            self.operation.cancel(f"somebody else changed the mode to {event.mode}", now_s=now_s)

    def rerouted(self) -> None:
        """Another link is the commanding one now; streams are asked for on each link by itself."""
        self._streams.ask_again()

    def tell(self, event: Event) -> None:
        """Something about this vehicle's surroundings that a person has to know."""
        self._events.append(event)

    def hear_radio(self, message: Message, *, now_s: float) -> None:
        """RADIO_STATUS of the radio that this vehicle is heard by."""
        self.state = self.state.with_changes({"radio": radio_status(message, now_s)}, now_s=now_s)

    def overhear(self, message: Message, *, now_s: float) -> None:
        """Something that was sent to this vehicle under our id, though not by this program."""
        self._authority.sent(message, self.state, now_s=now_s)
        self.proofs.sent(message)

    def take_events(self) -> tuple[Event, ...]:
        """What a person has to know and was not taken yet."""
        events, self._events = tuple(self._events), deque(maxlen=_KEPT_EVENTS)
        return events

    def _watch_traffic(self, now_s: float) -> None:
        """Once a second; each aircraft that is dangerous is told at once and, if it stays so, once in a while."""
        if now_s < self._next_traffic_s:
            return
        self._next_traffic_s = now_s + _TRAFFIC_S
        told = self._traffic_told_s
        for found in self.traffic.approaches(self.state, now_s=now_s):
            aircraft = found.aircraft
            if not found.danger or now_s - told.get(aircraft.address, -_TRAFFIC_TOLD_S) < _TRAFFIC_TOLD_S:
                continue
            told[aircraft.address] = now_s
            name = aircraft.call_sign or f"{aircraft.address:06X}"
            words = f"{name}, {found.distance_m / 1000:.1f} km, {found.closest_s:.0f} s"
            self._events.append(Event(TRAFFIC, now_s, words=words))
        self._traffic_told_s = {key: at_s for key, at_s in told.items() if now_s - at_s < _TRAFFIC_TOLD_S}

    def tick(self, *, now_s: float) -> None:
        """Let time pass: stream requests, traffic and the running operation."""
        self._now_s = now_s
        if self.traffic.aircraft:
            self._watch_traffic(now_s)
        if self.operation is not None:
            self.operation.tick(self.state, now_s=now_s)
        if not self.observe_only and self.state.heartbeat_at_s is not None:
            serves = self.terrain_service.ground is not None
            self._out += self._streams.due(self.sysid, now_s=now_s, terrain=serves)
            self._out += self.terrain_service.due(now_s=now_s)
            self._out += self.cameras.due(now_s=now_s)
            utc_s = None if self._utc_ahead_s is None else now_s + self._utc_ahead_s
            self._out += self.drone_id.due(self.state, now_s=now_s, utc_s=utc_s)

    def timesync(self, *, now_s: float) -> Message:
        """A question for the vehicle's clock; its answer is known by our time in it."""
        self._timesyncs.append(int(now_s * 1e9))
        return mavlink.MAVLink_timesync_message(0, self._timesyncs[-1])

    def _timesync(self, message: Message, now_s: float, utc_s: float | None) -> None:
        if message.tc1 == 0:
            if not self.observe_only:
                self._out.append(mavlink.MAVLink_timesync_message(int(now_s * 1e9), message.ts1))
        elif message.ts1 in self._timesyncs and utc_s is not None:  # another ground station's answers carry its time
            boot_s = message.tc1 * 1e-9
            self.state = self.state.with_changes({"rtt_s": now_s - message.ts1 * 1e-9}, now_s=now_s)
            self.clock.departure(utc_s - (now_s - message.ts1 * 1e-9), boot_s)
            self.clock.arrival(boot_s, utc_s)

    def take_outgoing(self) -> tuple[Message, ...]:
        """The messages to send to this vehicle now."""
        out, self._out = self._out, []
        if self.operation is not None:
            mine = self.operation.take_outgoing()
            for message in mine:
                self.proofs.sent(message)
                self._authority.sent(message, self.state, now_s=self._now_s)
            out += mine
            if self.operation.outcome is not None:
                for kind, items in self.operation.proves.items():
                    self.proofs.proved(kind, items, now_s=self._now_s)
                self.operation = None
        return tuple(out)

    @property
    def _transferring(self) -> bool:
        return self.operation is not None and self.operation.action.startswith(("upload", "clear"))

    def _boot_time(self, boot_s: float, now_s: float, utc_s: float | None) -> None:
        if boot_s < self._latest_boot_s - _REBOOT_BACK_S:
            if self.operation is not None:
                self.operation.cancel("the vehicle rebooted", now_s=now_s)
            self.flights += 1
            self._begin()
            self._events.append(Event(NEW_FLIGHT, now_s))
        self._latest_boot_s = max(self._latest_boot_s, boot_s)
        if utc_s is not None:
            self.clock.arrival(boot_s, utc_s)

    def _track(self, name: str, message: Message, component: int) -> None:
        if name == "ATTITUDE" and self.state.attitude is not None:
            self.track.add_attitude(self.state.attitude)
        elif name == "GLOBAL_POSITION_INT" and self.state.position is not None:
            self.track.add_position(self.state.position, self.state.gnss, self.state.ekf)
        elif name == "GIMBAL_DEVICE_ATTITUDE_STATUS":
            self.track.add_gimbal(message.time_boot_ms * 1e-3, tuple(message.q), message.flags, component)
        elif name == "HOME_POSITION" and self.state.home is not None:
            home = self.state.home
            self.track.set_home(home.lat_deg, home.lon_deg, home.alt_amsl_m)
        elif name == "SYSTEM_TIME":
            self.clock.system_time(message.time_unix_usec, message.time_boot_ms)

    # --- what can be asked of it ------------------------------------------------------------------------------------

    def start(self, operation: Operation, *, urgent: bool = False) -> Operation:
        """Run an operation. Raises Busy while another one runs, unless ``urgent``: then that one is given up."""
        if self.operation is not None and urgent:
            self.operation.cancel(f"given up for {operation.action}", now_s=operation.started_s)
        if self.operation is not None and self.operation.outcome is None:
            raise Busy(f"vehicle {self.sysid}: {self.operation.action} is still under way")
        if self.state.foreign:  # our mode 6 is RTL, another's is to obey a computer on board
            operation.refuse(f"this vehicle is no ArduPilot (MAV_AUTOPILOT {self.state.autopilot}); nothing was sent")
            return operation
        self.operation = operation
        return operation

    def _listed(self, operation: Operation, kinds: Iterable[int]) -> Operation:
        """Start a transfer of these lists."""
        if self.mavlink1 and any(kind != MISSION for kind in kinds):
            operation.refuse("this vehicle speaks MAVLink 1 only, in which there is no fence and no rally list")
            return operation
        return self.start(operation)

    def upload(self, mission: CheckedMission, *, now_s: float) -> Operation:
        """Upload and prove mission, fence and rally; an empty part leaves the vehicle's alone."""
        if not isinstance(mission, CheckedMission):
            raise TypeError(f"only a CheckedMission can be uploaded, not a {type(mission).__name__}")
        parts = ((FENCE, mission.fence_items), (RALLY, mission.rally_items), (MISSION, mission.items))
        steps = tuple(
            (lambda at, kind=kind, items=items: Upload(self.sysid, kind, items, now_s=at))
            for kind, items in parts
            if items
        )
        return self._listed(Sequence("upload", steps, now_s=now_s), (kind for kind, items in parts if items))

    def replace_plan(self, mission: CheckedMission, *, restore: bool, now_s: float) -> Operation:
        """Like ``upload``, but what is on board is read first: what is equal stays, and where the new plan cannot be
        proven the old one is put back if ``restore`` says so.
        """
        if not isinstance(mission, CheckedMission):
            raise TypeError(f"only a CheckedMission can be uploaded, not a {type(mission).__name__}")
        parts = {FENCE: mission.fence_items, RALLY: mission.rally_items, MISSION: mission.items}
        wanted = {kind: items for kind, items in parts.items() if items}
        return self._listed(Replacement(self.sysid, wanted, restore=restore, now_s=now_s), wanted)

    def download(self, kind: int, *, now_s: float) -> Download:
        """Read one list (transfer.MISSION, FENCE, RALLY)."""
        operation = Download(self.sysid, kind, now_s=now_s)
        self._listed(operation, (kind,))
        return operation

    def compare(self, items: Items[MissionItem], *, now_s: float) -> Operation:
        """Read the mission on board and hold it against ``items``."""
        return self.start(Compare(self.sysid, MISSION, items, now_s=now_s))

    def clear(self, kind: int, *, now_s: float) -> Operation:
        """Delete one list."""
        return self._listed(Clear(self.sysid, kind, now_s=now_s), (kind,))

    def set_mode(self, name: str, *, plan: Items[MissionItem] = (), now_s: float) -> Operation:
        """Change the flight mode by name. Raises ValueError naming the modes of this vehicle type.

        A mode that flies the mission on board needs the ``plan`` that is meant: it is compared first.
        """
        wanted = name.upper()
        if wanted not in FLIES_PLAN:
            return self.start(self._mode_command(wanted, now_s))
        if len(plan) < 2:
            raise ValueError(f"mode {wanted} flies the mission on board: name the plan, it is read back and compared")
        steps = (
            lambda at: Compare(self.sysid, MISSION, plan, now_s=at),
            lambda at: self._mode_command(wanted, at),
        )
        return self.start(Sequence(f"mode {wanted}", steps, now_s=now_s))

    def _mode_command(self, name: str, now_s: float) -> Command:
        return orders.mode_command(self.sysid, name, self.state, now_s=now_s)

    def arm(self, *, now_s: float) -> Operation:
        """Arm; never with the force value."""
        message = command_long(self.sysid, mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1.0)
        return self.start(Command("arm", message, now_s=now_s, hazardous=True, shown_by=lambda state: state.armed))

    def disarm(self, *, now_s: float) -> Operation:
        """Disarm on the ground; in flight the vehicle refuses, and we never force it."""
        message = command_long(self.sysid, mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0.0)
        return self.start(
            Command("disarm", message, now_s=now_s, hazardous=True, shown_by=lambda state: not state.armed)
        )

    def takeoff(self, height_m: float, *, now_s: float) -> Operation:
        """Take off in GUIDED to a height above home, metres."""
        message = command_long(self.sysid, mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, height_m)
        return self.start(
            Command(
                "takeoff",
                message,
                now_s=now_s,
                hazardous=True,
                shown_by=lambda state: state.landed in ("taking_off", "in_air"),
                state_patience_s=10.0,
            )
        )

    def start_mission(self, items: Items[MissionItem], *, now_s: float) -> Operation:
        """Read the mission on board back, compare it with ``items``, and only then start it."""
        start = command_long(self.sysid, mavlink.MAV_CMD_MISSION_START)
        auto = modes_of(self.state.vehicle_type)["AUTO"]

        def started(state: VehicleState) -> bool:
            return state.custom_mode == auto and state.armed

        return self.start(
            Sequence(
                "start",
                (
                    lambda at: Compare(self.sysid, MISSION, items, now_s=at),
                    lambda at: Command("start", start, now_s=at, hazardous=True, shown_by=started),
                ),
                now_s=now_s,
            )
        )

    def rtl(self, *, now_s: float) -> Operation:
        """Return to launch; ends whatever else is under way."""
        return self.start(self._mode_command("RTL", now_s), urgent=True)

    def land(self, *, now_s: float) -> Operation:
        """Land here; ends whatever else is under way."""
        return self.start(self._mode_command("LAND", now_s), urgent=True)

    def pause(self, *, now_s: float) -> Operation:
        """Hold the mission where it is (mission state 4); ends whatever else is under way."""
        message = command_long(self.sysid, mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 0.0)
        command = Command("pause", message, now_s=now_s, shown_by=lambda s: _mission_state(s) == 4)
        return self.start(command, urgent=True)

    def resume(self, *, now_s: float) -> Operation:
        """Go on with a paused mission."""
        message = command_long(self.sysid, mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 1.0)
        return self.start(Command("resume", message, now_s=now_s, shown_by=lambda s: _mission_state(s) == 3))

    def goto(self, point: GeoPoint, *, now_s: float) -> Operation:
        """Fly straight to a place; ``leg.check_leg`` comes first. Raises NotFlying where it cannot."""
        orders.require_in_flight(self.state)
        return self.start(orders.go_to(self.sysid, point, self.state, now_s=now_s))

    def go_and_look(self, stand: GeoPoint, point: GeoPoint, *, now_s: float) -> Operation:
        """Fly to ``stand`` and keep the camera on ``point``; ``leg.check_leg`` comes first."""
        orders.require_in_flight(self.state)
        require_free(self.state, self.us)
        steps = (
            lambda at: orders.go_to(self.sysid, stand, self.state, now_s=at),
            lambda at: self._pointing(lambda later: orders.look_at(self.sysid, point, self.state, now_s=later), at),
        )
        return self.start(Sequence("look", steps, now_s=now_s))

    def look_at(self, point: GeoPoint | None, *, now_s: float) -> Operation:
        """Keep the camera on a place, from where the aircraft is; None lets it go. Raises ControlTaken."""
        require_free(self.state, self.us)
        return self.start(self._pointing(lambda at: orders.look_at(self.sysid, point, self.state, now_s=at), now_s))

    def _pointing(self, order: Callable[[float], Operation], now_s: float) -> Operation:
        return with_control(self.sysid, self.us, self.state, order, now_s=now_s)

    def change_height(self, height_m: float, *, now_s: float) -> Operation:
        """To another height above home, on the spot."""
        orders.require_in_flight(self.state)
        return self.start(orders.change_height(self.sysid, height_m, self.state, now_s=now_s))

    def change_speed(self, speed_m_s: float, *, now_s: float) -> Operation:
        """Ground speed, m/s, until the mode changes."""
        return self.start(orders.change_speed(self.sysid, speed_m_s, now_s=now_s))

    def evade(self, height_m: float, *, now_s: float) -> Operation:
        """Straight down, out of the way of an aircraft; ends whatever else is under way. Raises NotFlying."""
        orders.require_in_flight(self.state)
        return self.start(descend(self.sysid, height_m, self.state, now_s=now_s), urgent=True)

    def hold(self, *, now_s: float) -> Operation:
        """Stay where it is; ends whatever else is under way."""
        return self.start(orders.hold(self.sysid, self.state, now_s=now_s), urgent=True)

    def parameter(self, name: str, wanted: float | None = None, *, now_s: float) -> Parameter:
        """Read, or with ``wanted`` set, one parameter."""
        operation = Parameter(self.sysid, name, wanted, now_s=now_s)
        self.start(operation)
        return operation

    def request_version(self, *, now_s: float) -> Operation:
        """Ask for AUTOPILOT_VERSION; ``state.uid`` holds the answer. What was said before now does not count."""
        message = command_long(
            self.sysid, mavlink.MAV_CMD_REQUEST_MESSAGE, float(mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION)
        )

        def told(state: VehicleState) -> bool:
            return state.uid_at_s is not None and state.uid_at_s >= now_s

        return self.start(Command("version", message, now_s=now_s, shown_by=told))

    def point_gimbal(self, pitch_deg: float, yaw_deg: float = 0.0, *, now_s: float) -> Operation:
        """Point the gimbal, degrees; yaw follows the vehicle. Raises ControlTaken."""
        require_free(self.state, self.us)
        return self.start(
            self._pointing(lambda at: orders.point_gimbal(self.sysid, pitch_deg, yaw_deg, self.state, now_s=at), now_s)
        )


def _mission_state(state: VehicleState) -> int:
    return state.mission.state if state.mission else 0
