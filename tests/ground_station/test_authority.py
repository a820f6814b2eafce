"""Somebody else's hand on the aircraft: seen, told, never fought."""

from __future__ import annotations

import pytest

from ground_station.authority import FAILSAFE, NEW_FLIGHT, PILOT, UNPROVEN, Authority
from ground_station.command import command_int, command_long
from ground_station.telemetry import VehicleState, fold
from ground_station.wire import Message, mavlink

LOITER, RTL, AUTO, GUIDED = 5, 6, 3, 4


def _beat(mode: int) -> Message:
    return mavlink.MAVLink_heartbeat_message(2, 3, 81 | 128, mode, 4, 3)


class _Watch:
    def __init__(self) -> None:
        self.authority, self.state = Authority(), VehicleState(1)

    def hear(self, message: Message, now_s: float, *, proven: bool = False):  # type: ignore[no-untyped-def]
        self.state = fold(self.state, message, now_s=now_s)
        return self.authority.heard(message, self.state, plan_proven=proven, now_s=now_s)


def test_the_first_mode_that_is_heard_is_nobodys_act() -> None:
    assert _Watch().hear(_beat(AUTO), 1.0) is None


def test_a_mode_that_nobody_of_us_asked_for_is_the_pilots() -> None:
    watch = _Watch()
    watch.hear(_beat(GUIDED), 1.0)
    event = watch.hear(_beat(LOITER), 2.0)
    assert event is not None and (event.kind, event.before, event.mode) == (PILOT, "GUIDED", "LOITER")
    assert watch.hear(_beat(LOITER), 3.0) is None  # told once


@pytest.mark.parametrize(
    ("message", "mode"),
    [
        (command_long(1, mavlink.MAV_CMD_DO_SET_MODE, 1.0, float(RTL)), RTL),
        (command_long(1, mavlink.MAV_CMD_MISSION_START), AUTO),
        (command_int(1, mavlink.MAV_CMD_DO_REPOSITION, 3, 51.0, 6.0, 30.0, -1.0, 1.0), GUIDED),
    ],
)
def test_what_we_asked_for_is_ours_for_a_while_and_no_longer(message: Message, mode: int) -> None:
    watch = _Watch()
    watch.hear(_beat(LOITER), 1.0)
    watch.authority.sent(message, watch.state, now_s=1.0)
    assert watch.hear(_beat(mode), 3.0) is None
    watch.hear(_beat(LOITER), 20.0)
    assert watch.hear(_beat(mode), 21.0) is not None


def test_a_failsafe_is_the_vehicles_own_and_told_in_its_words() -> None:
    watch = _Watch()
    watch.hear(_beat(GUIDED), 1.0)
    watch.hear(mavlink.MAVLink_statustext_message(4, b"Battery Failsafe"), 4.0)
    event = watch.hear(_beat(RTL), 4.5)
    assert event is not None and (event.kind, event.words) == (FAILSAFE, "Battery Failsafe")
    watch.hear(_beat(GUIDED), 60.0)
    event = watch.hear(_beat(RTL), 61.0)  # the words of a minute ago explain nothing now
    assert event is not None and event.kind == PILOT


def test_auto_by_the_pilots_switch_is_an_alarm_unless_the_plan_is_proven() -> None:
    watch = _Watch()
    watch.hear(_beat(LOITER), 1.0)
    event = watch.hear(_beat(AUTO), 2.0)
    assert event is not None and event.kind == UNPROVEN
    watch.hear(_beat(LOITER), 3.0)
    event = watch.hear(_beat(AUTO), 4.0, proven=True)
    assert event is not None and event.kind == PILOT


# --- with a whole vehicle ---------------------------------------------------------------------------------------------
def test_the_pilot_takes_over_and_our_pending_command_is_cancelled_and_never_repeated(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.run(1.0)
    vehicle.take_events()
    rig.up = lambda received: received.name != "COMMAND_LONG"  # ours does not get through
    operation = vehicle.set_mode("RTL", now_s=rig.now_s)
    rig.autopilot.pilot.set_mode(LOITER)  # the switch on the remote control
    assert rig.finish(operation, 5.0).outcome == "unknown"
    assert "somebody else changed the mode to LOITER" in operation.outcome.reason
    assert [event.kind for event in vehicle.take_events()] == [PILOT]
    rig.up = lambda received: True
    before = len(rig.sent_of("COMMAND_LONG"))
    rig.run(6.0)
    later = [message for _, message in rig.sent_of("COMMAND_LONG")[before:]]
    assert all(message.command != mavlink.MAV_CMD_DO_SET_MODE for message in later)
    assert vehicle.state.mode == "LOITER"


def test_what_only_reads_goes_on_when_the_pilot_takes_over(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.finish(vehicle.upload(make_mission(40), now_s=rig.now_s))
    download = vehicle.download(0, now_s=rig.now_s)
    rig.autopilot.pilot.set_mode(LOITER)
    assert rig.finish(download).outcome == "done"


def test_a_flight_that_we_command_raises_no_alarm(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle, mission = rig.ready(), make_mission(2)
    rig.finish(vehicle.upload(mission, now_s=rig.now_s))
    rig.finish(vehicle.arm(now_s=rig.now_s))
    rig.finish(vehicle.start_mission(mission.items, now_s=rig.now_s))
    rig.run(15.0)
    rig.finish(vehicle.rtl(now_s=rig.now_s))
    rig.until(lambda: not vehicle.state.armed, 120.0)
    assert vehicle.take_events() == ()


def test_auto_by_remote_control_on_an_unproven_plan_raises_the_alarm(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.finish(vehicle.upload(make_mission(3), now_s=rig.now_s))
    vehicle.proofs.sent(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))  # as if we had begun to write again
    rig.autopilot.pilot.set_mode(AUTO)
    rig.run(2.0)
    assert [event.kind for event in vehicle.take_events()] == [UNPROVEN]


def test_a_reboot_is_told(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.run(5.0)
    reborn = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    frame = bytes(mavlink.MAVLink_attitude_message(900, 0, 0, 0, 0, 0, 0).pack(reborn))
    rig.station.receive(frame, link="memory", now_s=rig.now_s)
    assert NEW_FLIGHT in [event.kind for event in vehicle.take_events()]
