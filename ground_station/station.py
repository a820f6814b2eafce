"""The ground station between wires and vehicles: who speaks, who is believed, where answers go.

Bytes come in with the link and peer they came from; only checked frames of a vehicle's or a camera's component make a
peer. An answer goes where that vehicle was last validly heard, nowhere else: a stranger who sends garbage, or frames of
another ground station, never becomes a destination. Peers are bounded; the oldest silent one makes room. A vehicle
heard on several links keeps the one it was first heard on while that is alive; the others are warm spares, of which
only what is new is folded (``merging``). Where it
must not be taken for another one (``hold``), whoever uses its number beside it on the same link is refused and counted.

Messages 108 (SIM_STATE) and 164 (SIMSTATE) are a simulator's truth: the ground station never looks at them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

from ground_station.authority import SECOND_STATION, Event
from ground_station.camera import FIRST_COMPONENT, LAST_COMPONENT
from ground_station.remote_id import Identity
from ground_station.signing import SetUpSigning, Signing
from ground_station.vehicle import Vehicle
from ground_station.wire import (
    Encoder,
    Message,
    Parser,
    Received,
    WireCounters,
    encode_mavlink1,
    mavlink,
    parse_datagram,
)
from missions.geometry.terrain import Ground

Peer = Hashable
"""Whatever a link uses to name the other end: an address pair for UDP, None for a point-to-point link."""

GCS_SYSID, GCS_COMPID = 255, 190
_BEAT_S = 1.0
# Often until the vehicle's clock is known well, then to follow it.
_TIMESYNC_FIRST_S, _TIMESYNC_S, _TIMESYNC_FIRST = 0.2, 1.0, 150
# A link that was silent this long gives its place to another one of the same vehicle.
_ROUTE_SILENT_S = 2.0
_OLD_FOR_S = 3.0
MAX_VEHICLES = 16
MAX_STREAMS = 64
_TRUTH = frozenset({108, 164})
_RADIO = frozenset({"RADIO_STATUS", "RADIO"})
_SAME_STATION_S = 60.0
_AUTOPILOT_COMPONENT = 1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for one peer of one link."""

    link: str
    peer: Peer
    data: bytes


@dataclass(frozen=True, slots=True)
class Component:
    """A component that was heard: MAV_TYPE of its heartbeat and when."""

    sysid: int
    compid: int
    kind: int
    heard_at_s: float


@dataclass(slots=True)
class _Route:
    link: str
    peer: Peer
    heard_s: float
    held: bool = False


class Station:
    """All vehicles of all links.

    ``beats``: whether we are the ground station the vehicles count on, with a heartbeat that must not stop. ``asks``:
    whether anything is asked of them (streams, clock); by default where we beat. Without both nothing is ever sent
    but what an operation sends: right for a recording. ``deadman_s``: the heartbeat stops when ``alive`` was not called
    for so long; a ground station that is stuck must not keep the vehicle's failsafe quiet. ``signing``: what goes to
    the vehicles that were set up with this key is signed, and of them only what is signed is believed.
    """

    def __init__(
        self,
        *,
        sysid: int = GCS_SYSID,
        compid: int = GCS_COMPID,
        beats: bool = True,
        asks: bool | None = None,
        deadman_s: float | None = None,
        signing: Signing | None = None,
    ) -> None:
        self.sysid, self.compid, self.beats = sysid, compid, beats
        self.asks = beats if asks is None else asks
        self.counters: dict[str, WireCounters] = {}
        self.components: dict[tuple[int, int], Component] = {}
        self.refused_vehicles = 0
        self.refused_strangers = 0
        self._vehicles: dict[int, Vehicle] = {}
        self._routes: dict[int, _Route] = {}
        self._old_since_s: dict[int, float | None] = {}  # None: it has spoken MAVLink 2
        self._cameras: dict[tuple[int, int], _Route] = {}
        self._parsers: dict[tuple[str, Peer], Parser] = {}
        self._encoders: dict[str, Encoder] = {}
        self._next_beat_s = 0.0
        self._next_timesync_s = 0.0
        self._syncs = 0
        self.deadman_s, self.signing = deadman_s, signing
        self.terrain: Ground | None = None
        """What vehicles are served that ask for terrain; set it before they are heard."""
        self.identities: Mapping[int, Identity] = {}
        """Who flies, by vehicle: told to its Remote ID transmitter; set it before they are heard."""
        self._utc_ahead_s = 0.0  # the host's UTC minus its monotonic clock
        self._alive_s = 0.0
        self._link_heard: dict[str, dict[int, float]] = {}
        self._repeated: list[Received] = []
        self._own_beats: deque[bytes] = deque(maxlen=64)
        self.second_station_at_s: float | None = None

    @property
    def vehicles(self) -> Mapping[int, Vehicle]:
        """Vehicles by system id, in the order in which they were first heard."""
        return self._vehicles

    def route(self, sysid: int) -> tuple[str, Peer] | None:
        """Link and peer where this vehicle was last validly heard."""
        route = self._routes.get(sysid)
        return None if route is None else (route.link, route.peer)

    @property
    def kinds(self) -> dict[tuple[int, int], int]:
        """MAV_TYPE of every component that was heard, by (system, component)."""
        return {key: component.kind for key, component in self.components.items()}

    def hold(self, sysid: int) -> None:
        """Believe this vehicle only from where it was last heard, for as long as it is heard there (2 s)."""
        self._routes[sysid].held = True

    def receive(
        self,
        data: bytes,
        *,
        link: str,
        peer: Peer = None,
        datagram: bool = True,
        now_s: float,
        utc_s: float | None = None,
    ) -> tuple[Received, ...]:
        """Bytes from a link → the checked messages in them, after they were folded into the vehicles."""
        messages = self._parse(data, link, peer, datagram)
        if utc_s is not None:
            self._utc_ahead_s = utc_s - now_s
        spares = False
        for received in messages:
            if received.message.get_msgId() in _TRUTH or not self._believed(received, now_s):
                continue
            if received.sysid == self.sysid:
                self._overhear(received, now_s)
            elif received.name in _RADIO:
                self._hear_radio(received, link, now_s)
            elif not self._fold(received, link, peer, now_s, utc_s):
                spares = True
        return self._marked(messages, link) if spares else messages

    def _believed(self, received: Received, now_s: float) -> bool:
        """False for what should be signed and is not, or not rightly."""
        if self.signing is None:
            return True
        vehicle = self._vehicles.get(received.sysid)
        if vehicle is not None and isinstance(vehicle.operation, SetUpSigning):
            vehicle.operation.hear(received, now_s=now_s)
        return self.signing.accepts(received, utc_s=self.utc_s(now_s))

    def _marked(self, messages: tuple[Received, ...], link: str) -> tuple[Received, ...]:
        """Which of them were only a spare link's repetition."""
        marks, self._repeated = self._repeated, []
        return tuple(
            replace(received, news=False) if any(received is mark for mark in marks) else received
            for received in messages
        )

    def tick(self, *, now_s: float) -> None:
        """Let time pass in all vehicles."""
        for vehicle in self._vehicles.values():
            vehicle.tick(now_s=now_s)

    def take_outgoing(self, *, now_s: float) -> tuple[Outgoing, ...]:
        """Everything to send now: heartbeats once a second, time synchronisation, and what vehicles want."""
        out: list[Outgoing] = []
        stuck = self.deadman_s is not None and now_s - self._alive_s > self.deadman_s
        beat = self.beats and not stuck and now_s >= self._next_beat_s and bool(self._routes)
        sync = self.asks and now_s >= self._next_timesync_s and bool(self._routes)
        if beat:
            self._next_beat_s = now_s + _BEAT_S
        if sync:
            self._syncs += 1
            self._next_timesync_s = now_s + (_TIMESYNC_FIRST_S if self._syncs < _TIMESYNC_FIRST else _TIMESYNC_S)
        for sysid, vehicle in self._vehicles.items():
            if vehicle.operation is not None:
                vehicle.tick(now_s=now_s)  # what has become too late to be sent is forgotten first
            messages = list(vehicle.take_outgoing())
            if beat:
                messages.insert(0, self._heartbeat())
            if sync:
                messages.append(vehicle.timesync(now_s=now_s))
            addressed = (self._addressed(sysid, message, now_s) for message in messages)
            out += [outgoing for outgoing in addressed if outgoing is not None]
        return tuple(out)

    def _heartbeat(self) -> Message:
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
        )

    def _addressed(self, sysid: int, message: Message, now_s: float) -> Outgoing | None:
        route = self._cameras.get((sysid, getattr(message, "target_component", 0)), self._routes[sysid])
        encoder = self._encoders.setdefault(route.link, Encoder(self.sysid, self.compid))
        old = self._vehicles[sysid].mavlink1
        frame = encode_mavlink1(encoder, message) if old else encoder.encode(message)
        if frame is None:
            return None
        if not old and self.signing is not None and sysid in self.signing.vehicles:
            link_id = list(self._encoders).index(route.link)
            frame = self.signing.sign(frame, link_id=link_id, utc_s=self.utc_s(now_s))
        if message.get_type() == "HEARTBEAT":
            self._own_beats.append(frame)
        return Outgoing(route.link, route.peer, frame)

    def _parse(self, data: bytes, link: str, peer: Peer, datagram: bool) -> tuple[Received, ...]:
        before = self.counters.get(link, WireCounters())
        if datagram:
            messages, counted = parse_datagram(data)
            self.counters[link] = before.plus(counted)
            return messages
        parser = self._parsers.get((link, peer))
        if parser is None:
            if len(self._parsers) >= MAX_STREAMS:
                self._parsers.pop(next(iter(self._parsers)))
            parser = self._parsers[(link, peer)] = Parser()
        already = parser.counters
        messages = parser.feed(data)
        now = parser.counters
        gained = WireCounters(now.good - already.good, now.garbage - already.garbage, now.unknown - already.unknown)
        self.counters[link] = before.plus(gained)
        return messages

    def _fold(self, received: Received, link: str, peer: Peer, now_s: float, utc_s: float | None) -> bool:
        """Fold one message; false where it was a spare link's repetition."""
        if self._is_stranger(received.sysid, link, peer, now_s):
            self.refused_strangers += 1
            return True
        if received.name == "HEARTBEAT":
            self._heard(received, link, peer, now_s)
        vehicle = self._vehicles.get(received.sysid)
        if vehicle is None:
            return True  # nobody speaks for this system yet: its autopilot's heartbeat comes first
        if received.compid == _AUTOPILOT_COMPONENT:
            self._reroute(received.sysid, link, peer, now_s)
            self._link_heard.setdefault(link, {})[received.sysid] = now_s
            commands = self._routes[received.sysid].link == link
            if not vehicle.merging.is_news(received, link=link, commands=commands, now_s=now_s):
                self._repeated.append(received)
                return False
            self._version(vehicle, received, now_s)
            vehicle.receive(received, now_s=now_s, utc_s=utc_s, for_us=self._for_us(received.message))
        elif received.name == "GIMBAL_DEVICE_ATTITUDE_STATUS":
            vehicle.receive(received, now_s=now_s)
        elif FIRST_COMPONENT <= received.compid <= LAST_COMPONENT:
            if self._reach(received, link, peer, now_s).link != link:
                self._repeated.append(received)
                return False
            vehicle.receive(received, now_s=now_s, for_us=self._for_us(received.message))
        return True

    def _version(self, vehicle: Vehicle, received: Received, now_s: float) -> None:
        """MAVLink 1 is spoken to a vehicle that has spoken nothing else for a while; it may have begun so only."""
        if received.frame[0] == mavlink.PROTOCOL_MARKER_V2:
            vehicle.mavlink1 = False
            self._old_since_s[vehicle.sysid] = None
        else:
            since_s = self._old_since_s.setdefault(vehicle.sysid, now_s)
            vehicle.mavlink1 = since_s is not None and now_s - since_s > _OLD_FOR_S

    def _reach(self, received: Received, link: str, peer: Peer, now_s: float) -> _Route:
        """Where a camera is heard, which may be another wire than its autopilot's; it changes only after a silence."""
        key = (received.sysid, received.compid)
        route = self._cameras.get(key)
        if route is None or route.link == link or now_s - route.heard_s > _ROUTE_SILENT_S:
            route = self._cameras[key] = _Route(link, peer, now_s)
        return route

    def link_age_s(self, link: str, now_s: float) -> float | None:
        """Seconds since a vehicle was validly heard on a link; None where none ever was."""
        heard = self._link_heard.get(link)
        return None if not heard else now_s - max(heard.values())

    def is_spare(self, link: str, now_s: float) -> bool:
        """Whether every vehicle that was ever heard on a link is alive on another one now."""
        heard = self._link_heard.get(link)
        return bool(heard) and all(
            any(
                other != link and now_s - vehicles.get(sysid, -1e9) <= _ROUTE_SILENT_S
                for other, vehicles in self._link_heard.items()
            )
            for sysid in heard or ()
        )

    def _hear_radio(self, received: Received, link: str, now_s: float) -> None:
        for sysid, route in self._routes.items():
            if route.link == link:
                self._vehicles[sysid].hear_radio(received.message, now_s=now_s)

    def utc_s(self, now_s: float) -> float:
        """The host's UTC at a time of its monotonic clock, as the last message told it."""
        return now_s + self._utc_ahead_s

    def alive(self, *, now_s: float) -> None:
        """The application has done its round; without this for ``deadman_s`` the heartbeat stops."""
        self._alive_s = now_s

    def _overhear(self, received: Received, now_s: float) -> None:
        """Our own words out of a recording, or of another program that speaks with our id."""
        if received.name == "HEARTBEAT" and self.beats and received.frame not in self._own_beats:
            # Its beats would keep the vehicle's failsafe quiet when ours are lost.
            self.second_station_at_s, told_s = now_s, self.second_station_at_s
            if told_s is None or now_s - told_s > _SAME_STATION_S:
                for each in self._vehicles.values():
                    each.tell(Event(SECOND_STATION, now_s))
        vehicle = self._vehicles.get(getattr(received.message, "target_system", 0))
        if vehicle is not None:
            vehicle.overhear(received.message, now_s=now_s)

    def _for_us(self, message: Message) -> bool:
        """False for what answers another ground station on the same wire: its transfer is none of ours."""
        system, component = getattr(message, "target_system", 0), getattr(message, "target_component", 0)
        return system in (0, self.sysid) and component in (0, self.compid)

    def _is_stranger(self, sysid: int, link: str, peer: Peer, now_s: float) -> bool:
        """Whether it uses the number of a vehicle that is held, beside it on the same link."""
        route = self._routes.get(sysid)
        if route is None or not route.held or route.link != link:
            return False
        return route.peer != peer and now_s - route.heard_s <= _ROUTE_SILENT_S

    def _reroute(self, sysid: int, link: str, peer: Peer, now_s: float) -> None:
        route = self._routes.get(sysid)
        if route is not None and (route.link, route.peer) == (link, peer):
            route.heard_s = now_s
        elif route is None or route.link == link or now_s - route.heard_s > _ROUTE_SILENT_S:
            if route is not None and route.link != link:
                self._vehicles[sysid].rerouted()
            self._routes[sysid] = _Route(link, peer, now_s)

    def _heard(self, received: Received, link: str, peer: Peer, now_s: float) -> None:
        kind = received.message.type
        if kind == mavlink.MAV_TYPE_GCS:
            return
        key = (received.sysid, received.compid)
        if key in self.components or len(self.components) < 8 * MAX_VEHICLES:
            self.components[key] = Component(*key, kind, now_s)
        if received.compid != _AUTOPILOT_COMPONENT or received.message.autopilot == mavlink.MAV_AUTOPILOT_INVALID:
            return
        if received.sysid not in self._vehicles:
            if len(self._vehicles) >= MAX_VEHICLES:
                self.refused_vehicles += 1
                return
            self._syncs = 0
            vehicle = Vehicle(received.sysid, observe_only=not self.asks, us=(self.sysid, self.compid))
            vehicle.terrain_service.ground = self.terrain
            vehicle.drone_id.identity = self.identities.get(received.sysid)
            self._vehicles[received.sysid] = vehicle
            self._reroute(received.sysid, link, peer, now_s)
