"""Aircraft on the air: where they are, and that the ground station hears of them over the drone's own wire."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.aircraft import RANGE_KM, RECEIVER_COMPONENT, Aircraft, Receiver, aircraft_of
from simulators.geodesy import Plane
from simulators.scenario import load
from simulators.scenery import Traffic
from simulators.world import World

PLANE = Plane(51.4, 6.78, 36.0)
INBOUND = Traffic("CHX9", (3000.0, -4000.0), (0.0, 0.0), 90.0, 50.0, from_s=10.0, then="stays")


def only(told: Traffic) -> Aircraft:
    return aircraft_of((told,), 36.0)[0]


def messages(receiver: Receiver) -> list[mavlink.MAVLink_message]:
    parser = mavlink.MAVLink(None)
    heard = [m for frame in receiver.take_outgoing() for m in parser.parse_buffer(frame) or ()]
    return [m for m in heard if m.get_type() == "ADSB_VEHICLE"]


def test_it_flies_straight_from_its_time_on_and_stays_where_it_wanted_to_be() -> None:
    helicopter = only(INBOUND)
    assert helicopter.at(9.9) is None
    assert helicopter.arrives_s == pytest.approx(110.0)
    place, velocity = helicopter.at(60.0) or pytest.fail("it is there")
    assert place == pytest.approx((1500.0, -2000.0, 126.0))
    assert velocity == pytest.approx((-30.0, 40.0, 0.0))
    there, still = helicopter.at(500.0) or pytest.fail("it is there")
    assert there == pytest.approx((0.0, 0.0, 126.0)) and not still.any()


def test_one_that_passes_flies_on() -> None:
    place, velocity = only(replace(INBOUND, then="passes")).at(210.0) or pytest.fail("it is there")
    assert place[:2] == pytest.approx((-3000.0, 4000.0)) and float(np.hypot(*velocity[:2])) == pytest.approx(50.0)


def test_the_message_says_where_and_whither() -> None:
    receiver = Receiver(PLANE, (only(INBOUND),), sysid=2)
    receiver.step(60.0, np.array([0.0, 0.0, 100.0]))
    (m,) = messages(receiver)
    assert (m.get_srcSystem(), m.get_srcComponent()) == (2, RECEIVER_COMPONENT)
    here = PLANE.enu(m.lat * 1e-7, m.lon * 1e-7, PLANE.alt_m)
    assert here[:2] == pytest.approx((1500.0, -2000.0), abs=0.05)
    assert (m.altitude, m.hor_velocity, m.callsign, m.emitter_type) == (126_000, 5000, "CHX9", 7)
    assert m.heading * 0.01 == pytest.approx(math.degrees(math.atan2(-30.0, 40.0)) % 360.0, abs=0.01)


def test_it_is_heard_once_a_second_and_only_within_range() -> None:
    receiver = Receiver(PLANE, (only(INBOUND),))
    for step in range(1000, 1500):
        receiver.step(step * 0.01, np.zeros(3))
    assert len(messages(receiver)) == 5
    receiver.step(20.0, np.array([1000.0 * RANGE_KM + 4000.0, 0.0, 0.0]))
    assert messages(receiver) == []


@pytest.mark.parametrize("kept", [0.0, 1.0], ids=["passed on", "kept and told on request"])
def test_the_ground_station_hears_of_it_through_the_autopilot(kept: float) -> None:
    world = World(replace(load("uebungsplatz"), traffic=(replace(INBOUND, from_s=0.0),)), 1)
    world.autopilot.parameters.values["ADSB_TYPE"] = kept
    if kept:
        asks = mavlink.MAVLink_command_long_message(
            1, 1, 511, 0, mavlink.MAVLINK_MSG_ID_ADSB_VEHICLE, 1e6, 0, 0, 0, 0, 0
        )
        world.receive(bytes(asks.pack(mavlink.MAVLink(None, 255, 190))))
    world.step(14.0, with_frames=False)
    parser = mavlink.MAVLink(None)
    heard = [m for frame in world.take_outgoing() for m in parser.parse_buffer(frame) or ()]
    told = [m for m in heard if m.get_type() == "ADSB_VEHICLE"]
    assert len(told) >= (2 if kept else 10) and {m.callsign for m in told} == {"CHX9"}
    near = world.truths.met[0]
    assert math.isinf(near.nearest_m), "nobody is in the air: nobody can be met"
