"""Commands judged by what the vehicle does, and a whole flight from arming to landing."""

from __future__ import annotations

import pytest

from ground_station.command import HAZARD_WINDOW_S, command_int
from ground_station.vehicle import Busy
from ground_station.wire import Received, mavlink

ARM = mavlink.MAV_CMD_COMPONENT_ARM_DISARM


def _sent(rig, command: int):  # type: ignore[no-untyped-def]
    return [(at_s, message) for at_s, message in rig.sent_of("COMMAND_LONG") if message.command == command]


def test_a_whole_flight(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle, mission = rig.ready(), make_mission(3)
    assert rig.finish(vehicle.upload(mission, now_s=rig.now_s)).outcome == "verified"
    assert rig.finish(vehicle.arm(now_s=rig.now_s)).outcome == "done"
    assert rig.finish(vehicle.start_mission(mission.items, now_s=rig.now_s)).outcome == "done"
    rig.until(lambda: vehicle.state.landed == "in_air", 60.0)
    assert rig.finish(vehicle.pause(now_s=rig.now_s)).outcome == "done"
    assert rig.finish(vehicle.resume(now_s=rig.now_s)).outcome == "done"
    assert rig.finish(vehicle.disarm(now_s=rig.now_s)).outcome == "refused"
    assert rig.finish(vehicle.rtl(now_s=rig.now_s)).outcome == "done"
    rig.until(lambda: vehicle.state.landed == "on_ground" and not vehicle.state.armed, 180.0)
    # nothing that we sent in all this time carried a force value
    assert all(message.param2 == 0 for _, message in _sent(rig, ARM))


def test_takeoff_in_guided_and_land(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    assert rig.finish(vehicle.arm(now_s=rig.now_s)).good
    assert rig.finish(vehicle.takeoff(12.0, now_s=rig.now_s)).good
    rig.until(lambda: vehicle.state.position.height_above_home_m > 11.0, 30.0)
    assert rig.finish(vehicle.land(now_s=rig.now_s)).good
    rig.until(lambda: not vehicle.state.armed, 60.0)


def test_a_refused_arm_shows_the_vehicles_own_words(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    assert rig.finish(vehicle.set_mode("RTL", now_s=rig.now_s)).good
    outcome = rig.finish(vehicle.arm(now_s=rig.now_s))
    assert outcome.outcome == "refused"
    assert outcome.vehicle_text == ("Arm: RTL mode not armable",)


def test_a_lost_acknowledgement_is_settled_by_the_state(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.down = lambda received: received.name != "COMMAND_ACK"
    assert rig.finish(vehicle.arm(now_s=rig.now_s)).outcome == "done"
    assert vehicle.state.armed


def test_an_acknowledgement_that_the_state_does_not_follow_is_not_done(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.down = lambda received: received.name != "HEARTBEAT"
    outcome = rig.finish(vehicle.arm(now_s=rig.now_s))
    assert outcome.outcome == "unknown" and "accepted" in outcome.reason


@pytest.mark.parametrize("action", ["arm", "mode", "takeoff"])
def test_a_hazardous_command_is_never_sent_late(rig, action: str) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.up = lambda received: received.name != "COMMAND_LONG"
    clicked_s = rig.now_s
    operation = {
        "arm": lambda: vehicle.arm(now_s=clicked_s),
        "mode": lambda: vehicle.set_mode("LOITER", now_s=clicked_s),
        "takeoff": lambda: vehicle.takeoff(10.0, now_s=clicked_s),
    }[action]()
    assert rig.finish(operation, 30.0).outcome == "unknown"
    rig.run(5.0)
    wanted = {"arm": ARM, "mode": mavlink.MAV_CMD_DO_SET_MODE, "takeoff": mavlink.MAV_CMD_NAV_TAKEOFF}[action]
    times = [at_s for at_s, _ in _sent(rig, wanted) if at_s >= clicked_s]
    assert len(times) >= 2
    assert max(times) <= clicked_s + HAZARD_WINDOW_S


def test_a_program_that_was_stuck_does_not_catch_up_with_an_arm(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    operation = vehicle.arm(now_s=rig.now_s)
    rig.now_s += 3.0  # nobody ran meanwhile
    before = len(_sent(rig, ARM))
    rig.run(6.0)
    assert len(_sent(rig, ARM)) == before
    assert operation.outcome is not None and operation.outcome.outcome == "unknown"
    assert not vehicle.state.armed


def test_in_progress_extends_the_patience(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.up = lambda received: received.name != "COMMAND_LONG"
    operation = vehicle.point_gimbal(-90.0, now_s=rig.now_s)
    sender = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)

    def ack(result: int) -> None:
        message = mavlink.MAVLink_command_ack_message(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, result)
        rig.station.receive(bytes(message.pack(sender)), link="memory", now_s=rig.now_s)

    for _ in range(3):
        rig.run(2.5)
        assert operation.outcome is None
        ack(mavlink.MAV_RESULT_IN_PROGRESS)
    ack(mavlink.MAV_RESULT_ACCEPTED)
    assert rig.finish(operation).outcome == "done"


def test_one_thing_at_a_time_except_what_brings_it_to_safety(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    upload = vehicle.upload(make_mission(60), now_s=rig.now_s)
    rig.run(0.2)
    with pytest.raises(Busy, match="upload"):
        vehicle.arm(now_s=rig.now_s)
    rtl = vehicle.rtl(now_s=rig.now_s)
    assert upload.outcome is not None and upload.outcome.outcome == "not_flyable"
    assert "rtl" in upload.outcome.reason.lower()
    assert rig.finish(rtl).good
    items = len(rig.sent_of("MISSION_ITEM_INT"))
    rig.run(2.0)
    assert len(rig.sent_of("MISSION_ITEM_INT")) == items


def test_a_start_is_refused_while_another_mission_is_on_board(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.finish(vehicle.upload(make_mission(3), now_s=rig.now_s))
    rig.finish(vehicle.arm(now_s=rig.now_s))
    outcome = rig.finish(vehicle.start_mission(make_mission(4).items, now_s=rig.now_s))
    assert outcome.outcome == "not_flyable" and "differs" in outcome.reason
    assert not _sent(rig, mavlink.MAV_CMD_MISSION_START)


def test_an_unknown_mode_names_the_known_ones(rig) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"'FLY'.*GUIDED"):
        rig.vehicle.set_mode("fly", now_s=rig.now_s)


def test_a_place_that_is_no_number_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="not finite"):
        command_int(1, 192, 3, float("nan"), 6.0, 20.0)


def test_streams_are_asked_for_and_arrive(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    rig.until(lambda: vehicle.state.position_ready, 60.0)
    rig.run(3.0)
    state = vehicle.state
    assert state.attitude and state.gnss and state.battery and state.home and state.landed and state.position
    asked = len(_sent(rig, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL))
    rig.run(2.0)
    assert len(_sent(rig, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL)) == asked


def test_a_stream_that_does_not_come_is_asked_for_again(rig) -> None:  # type: ignore[no-untyped-def]
    wanted = mavlink.MAVLINK_MSG_ID_ATTITUDE

    def keep(received: Received) -> bool:
        asks = received.name == "COMMAND_LONG" and received.message.command == mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
        return not (asks and int(received.message.param1) == wanted and rig.now_s < 8.0)

    rig.up = keep
    vehicle = rig.vehicle
    rig.until(lambda: vehicle.state.attitude is not None, 20.0)


def test_a_parameter_is_compared_with_the_answer(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    read = vehicle.parameter("RTL_ALT", now_s=rig.now_s)
    assert rig.finish(read).good and read.value == 1500.0
    assert rig.finish(vehicle.parameter("RTL_ALT", 2000.0, now_s=rig.now_s)).good
    clamped = rig.finish(vehicle.parameter("FENCE_ACTION", 3.7, now_s=rig.now_s))
    assert clamped.outcome == "refused" and "at 3, not 3.7" in clamped.reason
    assert rig.finish(vehicle.parameter("NO_SUCH_NAME", now_s=rig.now_s)).outcome == "unknown"
    rig.down = lambda received: received.name != "PARAM_VALUE" or rig.now_s > asked_s + 1.0
    asked_s = rig.now_s
    assert rig.finish(vehicle.parameter("RTL_ALT", now_s=rig.now_s)).good
    with pytest.raises(ValueError, match="1 to 16"):
        vehicle.parameter("A" * 17, now_s=rig.now_s)


def test_the_clock_and_the_track_follow_the_flight(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.run(5.0)
    assert vehicle.clock.offset is not None and vehicle.clock.offset.source == "gnss"
    assert vehicle.clock.offset.offset_s == pytest.approx(1_773_522_000.0, abs=0.05)
    pose = vehicle.track.mount_pose_at(vehicle.clock.utc_from_boot(rig.now_s - 1.0) or 0.0, "fixed")
    assert hasattr(pose, "position"), pose
