"""The world in memory: the same seed is the same world to the last byte, and truth leaves it only for the score."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.camera import FRAME_S, Shot
from simulators.channel import Quality
from simulators.scenario import load
from simulators.scenery import Gnss
from simulators.thermal import InView
from simulators.truths import Flown, Truths
from simulators.world import World, home_en_m

pytestmark = pytest.mark.rehearsal

SCENARIO = load("uebungsplatz")


def ask(world: World, number: int, hz: float) -> None:
    message = mavlink.MAVLink_command_long_message(
        1, 1, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 0, number, 1e6 / hz, 0, 0, 0, 0, 0
    )
    world.receive(bytes(message.pack(mavlink.MAVLink(None, 255, 190))))


def lived(seed: int, seconds: float = 16.0) -> tuple[str, str]:
    """Digests of every byte for the ground and of every frame of the camera."""
    world = World(SCENARIO, seed)
    for number in (mavlink.MAVLINK_MSG_ID_ATTITUDE, mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT):
        ask(world, number, 10.0)
    telemetry, pictures = hashlib.sha256(), hashlib.sha256()
    world.step(seconds - 1.0, with_frames=False)
    world.step(seconds)
    for frame in world.take_outgoing():
        telemetry.update(frame)
    for shot in world.take_shots():
        pictures.update(f"{shot.boot_s} {shot.in_view}".encode() + shot.counts.tobytes())
    return telemetry.hexdigest(), pictures.hexdigest()


def test_the_same_seed_is_the_same_world_to_the_last_byte() -> None:
    assert lived(1) == lived(1)


def test_another_seed_is_another_world() -> None:
    one, other = lived(1), lived(2)
    assert one[0] != other[0] and one[1] != other[1]


def test_how_it_is_stepped_does_not_matter() -> None:
    coarse, fine = World(SCENARIO, 3), World(SCENARIO, 3)
    coarse.step(2.0)
    for slice_number in range(1, 201):
        fine.step(slice_number * 0.01)
    assert coarse.now_s == fine.now_s == 2.0
    assert coarse.take_outgoing() == fine.take_outgoing()
    assert [shot.boot_s for shot in coarse.take_shots()] == [shot.boot_s for shot in fine.take_shots()]


def test_frames_come_ten_times_a_second_on_the_boot_clock() -> None:
    world = World(SCENARIO, 1)
    world.step(1.0)
    stamps = [shot.boot_s for shot in world.take_shots()]
    assert len(stamps) >= 9
    assert all(b - a == pytest.approx(FRAME_S) for a, b in pairwise(stamps))
    assert world.take_shots() == ()


def test_the_ground_never_gets_the_truth() -> None:
    world = World(SCENARIO, 1)
    ask(world, mavlink.MAVLINK_MSG_ID_SIM_STATE, 10.0)
    ask(world, mavlink.MAVLINK_MSG_ID_ATTITUDE, 10.0)
    world.step(3.0, with_frames=False)
    parser = mavlink.MAVLink(None)
    heard: list[Any] = [m for frame in world.take_outgoing() for m in parser.parse_buffer(frame) or ()]
    kinds = {m.get_type() for m in heard}
    assert "ATTITUDE" in kinds
    assert not kinds & {"SIM_STATE", "SIMSTATE"}


def test_what_the_vehicle_believes_is_off_by_about_what_it_says() -> None:
    """Not by nothing, or the ground side would be judged by its own truth; not by far more than it admits."""
    offsets = [World(SCENARIO, seed).autopilot.errors for seed in range(40)]
    horizontal = [errors.position_enu_m[axis] for errors in offsets for axis in (0, 1)]
    spread = (sum(value**2 for value in horizontal) / len(horizontal)) ** 0.5
    assert 0.6 * 0.85 < spread < 1.4 * 0.85  # each axis has 1/√2 of h_acc, 1.2 m
    assert {errors.h_acc_m for errors in offsets} == {1.2}


def test_two_drones_stand_beside_the_area_and_not_on_one_another() -> None:
    first, second = home_en_m(SCENARIO, 1), home_en_m(SCENARIO, 2)
    assert first[0] < -SCENARIO.survey_m[0] / 2 and first[1] < -SCENARIO.survey_m[1] / 2
    assert second[1] - first[1] == 4.0


def test_the_truth_remembers_the_first_whole_view_and_the_largest() -> None:
    truths = Truths(())
    world = World(SCENARIO, 1)
    world.step(0.5)
    counts = world.take_shots()[0].counts
    for at_s, diameter_px in ((10.0, 2.9), (11.0, 3.0), (12.0, 9.0), (13.0, 4.0)):
        truths.add(Shot(0.0, counts, (InView(7, 1.0, 1.0, diameter_px),)), at_s)
    assert truths.first_in_view_s == {7: 11.0}
    assert truths.largest_px == {7: 9.0}
    assert truths.frames == 4


def test_the_radio_of_a_scenario_stands_between_vehicle_and_ground() -> None:
    bad = Quality(delay_s=0.2, cuts_s=((5.0, 7.0),))
    clear, world = World(SCENARIO, 1), World(replace(SCENARIO, radio=bad), 1)
    heard = {}
    for name, each in (("clear", clear), ("bad", world)):
        ask(each, mavlink.MAVLINK_MSG_ID_ATTITUDE, 10.0)
        each.step(4.9, with_frames=False)
        each.take_outgoing()
        each.step(7.0, with_frames=False)
        each.take_outgoing()
        each.step(7.15, with_frames=False)
        heard[name] = len(each.take_outgoing())
    assert heard["clear"] > 0 and heard["bad"] == 0, "the cut, and the delay behind it"
    assert world.radio.down.tally.cut > 5 and clear.radio.down.tally.lost == 0


def test_two_drones_of_one_scene_speak_and_look_for_themselves() -> None:
    world = World(replace(load("uebungsplatz"), vehicles=2), 1)
    world.crafts[0].looking = False
    world.step(1.0)
    assert [craft.sysid for craft in world.crafts] == [1, 2]
    assert world.crafts[0].autopilot.uid != world.crafts[1].autopilot.uid
    assert world.take_shots(sysid=1) == () and len(world.take_shots(sysid=2)) == 10
    parser = mavlink.MAVLink(None)
    for sysid in (1, 2):
        heard = [m for frame in world.take_outgoing(sysid=sysid) for m in parser.parse_buffer(frame) or ()]
        assert {m.get_srcSystem() for m in heard} == {sysid}
    first, second = (craft.autopilot.pilot.flight.enu for craft in world.crafts)
    world.truths.fly_by([first, second], 1.0)
    assert world.truths.separation_m == pytest.approx(4.0, abs=0.2)


def test_the_receiver_loses_its_fix_when_the_scenario_says_so_and_gets_it_back() -> None:
    world = World(replace(load("uebungsplatz"), gnss=Gnss(((15.0, 17.0),))), 1)
    fixes = []
    for second in (14.0, 16.0, 18.0):
        world.step(second, with_frames=False)
        fixes.append(world.autopilot.gnss.fix)
    assert fixes == [True, False, True]


def test_the_ground_that_the_lens_saw_is_kept() -> None:
    world = World(load("uebungsplatz"), 1)
    world.step(0.5)
    assert 0 < int(world.truths.seen.sum()) < world.truths.seen.size / 2


def test_a_flight_is_logged_from_the_take_off_to_the_landing() -> None:
    truths = Truths(())
    truths.log(1, 10.0, 3, airborne=False)
    truths.log(1, 11.0, 3, airborne=True)
    truths.last_s = 15.0
    assert (truths.take_off_s, truths.flight_s, truths.flights) == (11.0, 4.0, [])
    truths.log(1, 20.0, 3, airborne=True)
    truths.log(1, 31.0, 9, airborne=False)
    assert truths.flights == [Flown(1, 11.0, 31.0, 9)] and truths.flight_s == 20.0
