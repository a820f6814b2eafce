"""The conductor of a demonstration: plans, uploads, arms and starts by itself, and only what it started.

No message of the page or of the HTTP interface moves an aircraft; this machine does, and therefore it looks twice at
whom it commands. It is given the link on which its own simulated drone speaks and the random token with which that
process was started; a vehicle on any other link, or one whose AUTOPILOT_VERSION.uid is not that token, is refused, and
the refusal is final: a conductor that has met a stranger commands nobody any more. Before it asks, it has the station
hold the place that it asks (whoever takes the drone's number beside it on that link is not heard at all), and a drone
that is known is commanded only there. A real autopilot in SITL has no token of ours; its socket must be one of the
process that was started.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ground_station.operation import Operation, Outcome
from ground_station.station import Peer, Station
from ground_station.vehicle import Vehicle
from missions.checks import CheckedMission

_RETRY_S = 2.0
_MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class Own:
    """How the conductor knows its own drone.

    ``uid``: the token it was started with; None for one that has none. ``owns``: whether a peer of the link is a socket
    of the process that was started; None where that is not asked.
    """

    link: str
    uid: int | None
    sysid: int = 1
    owns: Callable[[Peer], bool] | None = None


class Conductor:
    """``tick`` it; ``phase`` says where it stands, ``failure`` why it gave up."""

    PHASES = ("waiting", "guided", "upload", "aim", "arm", "start", "flying", "landed")

    def __init__(self, own: Own, mission: CheckedMission) -> None:
        self.own, self.mission = own, mission
        self.phase = "waiting"
        self.failure = ""
        self.log: list[str] = []
        self._operation: Operation | None = None
        self._asked: tuple[str, Peer] | None = None
        self._known: tuple[str, Peer] | None = None
        self._tries = 0
        self._next_s = 0.0

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.phase == "landed" or bool(self.failure)

    def tick(self, station: Station, *, now_s: float) -> None:
        """Do the next thing when the last one has ended."""
        if self.over:
            return
        vehicle, route = station.vehicles.get(self.own.sysid), station.route(self.own.sysid)
        if vehicle is None:
            return
        if route is None or route[0] != self.own.link:
            self._let_go("another link", now_s)
        elif self._known is not None and route != self._known:
            self._let_go("another socket", now_s)
        elif self._known is None and route != self._asked:
            self._ask(station, route, now_s)
        elif self._operation is not None:
            self._judge(vehicle, now_s)
        elif now_s >= self._next_s and vehicle.operation is None:
            self._next(vehicle, now_s)

    def _let_go(self, where: str, now_s: float) -> None:
        """Half an upload or an arm would go on to whoever speaks there now."""
        if self._operation is not None:
            self._operation.cancel("the drone's link was taken over", now_s=now_s)
        self._fail(f"vehicle {self.own.sysid} speaks on {where} than the drone this demonstration started")

    def _ask(self, station: Station, route: tuple[str, Peer], now_s: float) -> None:
        """Somebody speaks there, the first or after silence: it alone is heard there now, and asked who it is."""
        if self._operation is not None:
            self._operation.cancel("who was asked has fallen silent", now_s=now_s)
            self._operation = None
        station.hold(self.own.sysid)
        self._asked = route
        if self.own.owns is not None and not self.own.owns(route[1]):
            self._let_go("another socket", now_s)
        elif self.own.uid is None:
            self._known = route

    def _next(self, vehicle: Vehicle, now_s: float) -> None:
        state = vehicle.state
        if self._known is None:
            self._operation = vehicle.request_version(now_s=now_s)
        elif self.phase == "waiting":
            if state.position_ready and state.gnss is not None and state.gnss.fix >= 3 and state.home is not None:
                self._enter("guided", now_s)
        elif self.phase == "guided":
            self._operation = vehicle.set_mode("GUIDED", now_s=now_s)
        elif self.phase == "upload":
            self._operation = vehicle.upload(self.mission, now_s=now_s)
        elif self.phase == "aim":
            # Down before take-off: a camera that swings down over the fire sees it smeared and places it badly.
            self._operation = vehicle.point_gimbal(-90.0, now_s=now_s)
        elif self.phase == "arm":
            if state.prearm_ok:
                self._operation = vehicle.arm(now_s=now_s)
        elif self.phase == "start":
            self._operation = vehicle.start_mission(self.mission.items, now_s=now_s)
        elif self.phase == "flying" and state.landed == "on_ground" and not state.armed:
            self._enter("landed", now_s)

    def _judge(self, vehicle: Vehicle, now_s: float) -> None:
        assert self._operation is not None
        outcome = self._operation.outcome
        if outcome is None:
            return
        self._operation = None
        self.log.append(f"{outcome.action}: {outcome.outcome} {outcome.reason}".strip())
        if outcome.action == "version":
            self._told(outcome, vehicle)
        elif outcome.good:
            following = self.PHASES[self.PHASES.index(self.phase) + 1]
            self._enter(following, now_s)
        else:
            self._tries += 1
            # What is still on its way of the failed attempt must not be taken for an answer to the next one.
            self._next_s = now_s + _RETRY_S * 2.0 ** (self._tries - 1)
            # A vehicle that disarmed itself meanwhile has to be armed again before it can start; the start that did
            # not take has changed its mode to AUTO, in which it does not arm: then it begins anew, with a proven plan.
            if self.phase in ("arm", "start") and not vehicle.state.armed:
                self.phase = "guided" if vehicle.state.mode == "AUTO" else "arm"
            if self._tries >= _MAX_TRIES:
                words = "; ".join(outcome.vehicle_text)
                self._fail(f"{outcome.action} did not succeed: {outcome.reason} {words}".strip())

    def _told(self, outcome: Outcome, vehicle: Vehicle) -> None:
        if outcome.good and vehicle.state.uid != self.own.uid:
            self._fail(f"vehicle {vehicle.sysid} is not the drone that this demonstration started: never commanded")
        elif outcome.good:
            self._known = self._asked
        self._tries += not outcome.good
        if self._tries >= _MAX_TRIES:
            self._fail("the drone does not say who it is")

    def _enter(self, phase: str, now_s: float) -> None:
        self.phase, self._tries, self._next_s = phase, 0, now_s
        self.log.append(f"phase: {phase}")

    def _fail(self, why: str) -> None:
        self.failure = why
        self.log.append(f"failed: {why}")
