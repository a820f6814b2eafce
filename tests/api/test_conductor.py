"""The conductor commands the drone that its demonstration started, and nobody else, not once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from api.conductor import Conductor, Own
from ground_station.station import Station
from ground_station.wire import Encoder, Message, Parser, mavlink
from missions.checks import CheckedMission, check
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
EPOCH_S = 1_773_522_000.0
UID = 4711
STRANGER = ("127.0.0.1", 40002)
# What may be sent to a vehicle of which nothing is known yet: it moves nothing.
HARMLESS = {
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL,
    mavlink.MAV_CMD_REQUEST_MESSAGE,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL,
}


def short_mission() -> CheckedMission:
    point = offset(HOME, 40.0, 30.0)
    there = GeoPoint(point.lat_deg, point.lon_deg, 20.0, Datum.HOME)
    report = check(Mission("short", (TakeOff(20.0), FlyTo(there), ReturnHome()), HOME), home=HOME)
    assert report.checked is not None, [finding.line() for finding in report.stops]
    return report.checked.accepted_by("test", "test") if report.checked.needs_acceptance else report.checked


@dataclass
class Stage:
    """A station and one simulated vehicle in memory; ``link`` is the name under which its bytes arrive."""

    conductor: Conductor
    uid: int = UID
    link: str = "own"
    says_who: bool = True
    now_s: float = 0.0
    sent: list[Message] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    deaf: bool = False
    peer: object = ("127.0.0.1", 40001)
    stranger: Callable[[float], bytes] | None = None
    """Called with the time in every step; what it says arrives on the same link from a socket of its own."""
    told_strangers: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.station = Station()
        self.autopilot = Autopilot(
            Plane(HOME.lat_deg, HOME.lon_deg, HOME.alt_m),
            HOME.alt_m,
            seed=1,
            wind_m_s=0.0,
            utc_at_boot_s=EPOCH_S,
            uid=self.uid,
            boot=SHORT,
        )
        self.autopilot.add_link("ground")
        self._parser = Parser()

    def step(self) -> None:
        self.now_s = round(self.now_s + 0.05, 6)
        self.autopilot.step(self.now_s)
        for data in self.autopilot.take_outgoing("ground"):
            if self.says_who or _name(data) != b"AUTOPILOT_VERSION":
                self._hear(data, self.link, self.peer)
        if self.stranger is not None:
            self._hear(self.stranger(self.now_s), self.link, STRANGER)
        self.station.tick(now_s=self.now_s)
        self.conductor.tick(self.station, now_s=self.now_s)
        for outgoing in self.station.take_outgoing(now_s=self.now_s):
            messages = [received.message for received in self._parser.feed(outgoing.data)]
            if outgoing.peer == STRANGER:
                self.told_strangers += [message for message in messages if changes(message)]
                continue
            self.sent += messages
            self.links |= {outgoing.link for message in messages if changes(message)}
            if self.deaf:
                continue
            self.autopilot.receive(outgoing.data, link="ground")

    def _hear(self, data: bytes, link: str, peer: object) -> None:
        self.station.receive(data, link=link, peer=peer, now_s=self.now_s, utc_s=EPOCH_S + self.now_s)  # type: ignore[arg-type]

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s and not self.conductor.over:
            self.step()

    @property
    def moving(self) -> list[str]:
        """Everything sent that changes anything on board."""
        return [str(message) for message in self.sent if changes(message)]


def changes(message: Message) -> bool:
    """Whether a message of ours may change anything on board."""
    if message.get_type() in ("COMMAND_LONG", "COMMAND_INT"):
        return message.command not in HARMLESS
    return message.get_type() not in ("HEARTBEAT", "TIMESYNC")


def _name(data: bytes) -> bytes:
    messages = Parser().feed(data)
    return messages[0].name.encode() if messages else b""


def test_its_own_drone_is_flown_from_take_off_to_landing() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()))
    stage.run(300.0)
    conductor = stage.conductor
    assert conductor.phase == "landed", conductor.log
    entered = [line.removeprefix("phase: ") for line in conductor.log if line.startswith("phase: ")]
    assert entered == list(Conductor.PHASES[1:])
    assert "upload: verified" in conductor.log
    assert not stage.autopilot.pilot.armed and stage.autopilot.pilot.flight.on_ground


def test_it_stands_still_before_there_is_a_vehicle() -> None:
    conductor = Conductor(Own("own", UID), short_mission())
    conductor.tick(Station(), now_s=1.0)
    assert (conductor.phase, conductor.failure, conductor.over) == ("waiting", "", False)


def test_a_vehicle_with_another_uid_is_never_commanded() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()), uid=UID + 1)
    stage.run(60.0)
    assert "never commanded" in stage.conductor.failure
    assert stage.moving == []


def test_a_vehicle_on_another_link_is_never_commanded_whatever_it_calls_itself() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()), link="radio")
    stage.run(60.0)
    assert "another link" in stage.conductor.failure
    assert stage.moving == []


def test_a_vehicle_that_does_not_say_who_it_is_is_never_commanded() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()), says_who=False)
    stage.run(120.0)
    assert stage.conductor.failure == "the drone does not say who it is"
    assert stage.moving == []


def test_the_refusal_is_final() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()), uid=UID + 1)
    stage.run(60.0)
    failure = stage.conductor.failure
    stage.autopilot.uid = UID
    for _ in range(200):
        stage.step()
    assert stage.conductor.failure == failure
    assert stage.moving == []


def test_a_drone_that_moves_to_another_link_is_let_go_in_the_middle_of_an_upload() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()))
    while stage.conductor.phase != "upload":
        stage.step()
    stage.link, stage.deaf = "radio", True
    stage.run(30.0)
    assert "another link" in stage.conductor.failure
    for _ in range(100):
        stage.step()
    assert stage.links == {"own"}


class Impostor:
    """Another copter with the number of our drone: beats, accepts every command, asks for every item."""

    def __init__(self, uid: int = UID + 1) -> None:
        self._encoder, self._uid = Encoder(1, 1), uid

    def __call__(self, now_s: float) -> bytes:
        beat = mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 81, 4, 3, 3
        )
        ask = mavlink.MAVLink_mission_request_int_message(255, 190, 0, 0)
        ack = mavlink.MAVLink_command_ack_message(mavlink.MAV_CMD_REQUEST_MESSAGE, 0, 0, 0, 255, 190)
        none = [0] * 8
        version = mavlink.MAVLink_autopilot_version_message(0, 0, 0, 0, 0, none, none, none, 0, 0, self._uid)
        messages: list[Message] = [beat, ask, ack, version]
        return self._encoder.encode(messages[round(now_s / 0.05) % len(messages)])


def test_a_stranger_with_its_number_on_the_same_link_is_not_heard_and_not_told_anything() -> None:
    """It speaks in every step, from a socket of its own, from the moment at which the drone is known."""
    stage = Stage(Conductor(Own("own", UID), short_mission()))
    while stage.conductor.phase != "guided":
        stage.step()
    stage.stranger = Impostor()
    stage.run(300.0)
    assert stage.conductor.phase == "landed", stage.conductor.log
    assert stage.told_strangers == []
    assert stage.station.refused_strangers > 100


@pytest.mark.parametrize("silent", [False, True], ids=["beside it", "alone"])
def test_a_stranger_that_was_there_first_is_never_commanded(silent: bool) -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()), stranger=Impostor())
    if silent:
        stage.autopilot.take_outgoing = lambda link: ()  # type: ignore[method-assign]
    stage.run(120.0)
    assert stage.told_strangers == []
    if silent:
        assert "never commanded" in stage.conductor.failure


def test_a_stranger_that_takes_the_place_of_a_silent_drone_ends_it() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()))
    while stage.conductor.phase != "upload":
        stage.step()
    stage.autopilot.take_outgoing = lambda link: ()  # type: ignore[method-assign]
    stage.stranger = Impostor(UID)
    stage.run(30.0)
    assert "another socket" in stage.conductor.failure
    assert stage.told_strangers == []


def test_a_drone_that_is_known_by_its_socket_is_not_commanded_through_another_one() -> None:
    ours = Stage(Conductor(Own("own", None, owns=lambda peer: peer == ("127.0.0.1", 40001)), short_mission()))
    while ours.conductor.phase == "waiting":
        ours.step()
        assert not ours.conductor.failure
    other = Stage(Conductor(Own("own", None, owns=lambda peer: peer == STRANGER), short_mission()))
    other.run(10.0)
    assert "another socket" in other.conductor.failure
    assert other.moving == []


@pytest.mark.parametrize("uid", [None, UID])
def test_without_a_token_the_link_alone_decides(uid: int | None) -> None:
    stage = Stage(Conductor(Own("own", uid), short_mission()))
    while stage.conductor.phase == "waiting":
        stage.step()
        assert stage.now_s < 60.0, stage.conductor.log
    asked = [m for m in stage.sent if m.get_type() == "COMMAND_LONG" and m.command == mavlink.MAV_CMD_REQUEST_MESSAGE]
    assert any(m.param1 == mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION for m in asked) == (uid is not None)


def test_a_start_that_is_refused_is_tried_again_and_then_given_up_with_the_vehicles_words() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()))
    while stage.conductor.phase != "guided":
        stage.step()
    stage.autopilot.pilot._why_not_arm = lambda: ["Battery failsafe"]  # type: ignore[method-assign]
    stage.run(120.0)
    assert stage.conductor.failure.startswith("arm did not succeed")
    assert "Arm: Battery failsafe" in stage.conductor.failure
    assert not stage.autopilot.pilot.armed


def test_a_drone_that_disarmed_itself_before_the_start_is_armed_again_in_guided_and_flown() -> None:
    stage = Stage(Conductor(Own("own", UID), short_mission()))
    while stage.conductor.phase != "start":
        stage.step()
    stage.autopilot.pilot.arm(False)  # a start that is too late: accepted, changes the mode to AUTO, and nothing flies
    stage.run(200.0)
    assert stage.conductor.phase == "landed", stage.conductor.log
    assert stage.conductor.log.count("phase: upload") == 2
