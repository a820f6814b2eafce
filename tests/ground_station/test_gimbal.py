"""Who points the gimbal: taken before it is pointed, never pulled from somebody else's hands, and given back."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ground_station import gimbal
from ground_station.gimbal import ControlTaken
from ground_station.wire import mavlink
from missions.geometry.geo import Datum, GeoPoint, offset

US, OTHER = (255, 190), (7, 191)
CONFIGURE = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE


@pytest.fixture
def rig(make_rig: Any) -> Any:
    rig = make_rig(payload=True)
    rig.until(lambda: rig.vehicle.state.gimbal_manager is not None, 20.0)
    rig.until(lambda: rig.vehicle.state.gimbal is not None and rig.vehicle.state.position is not None, 60.0)
    return rig


def other_takes(rig: Any) -> None:
    message = mavlink.MAVLink_command_long_message(1, 1, CONFIGURE, 0, *OTHER, -1, -1, 0, 0, 0)
    rig.autopilot.receive(bytes(message.pack(mavlink.MAVLink(None, *OTHER))), link="ground")
    rig.until(lambda: rig.vehicle.state.gimbal_manager.primary == OTHER, 5.0)


def configured(rig: Any) -> int:
    return sum(message.command == CONFIGURE for _, message in rig.sent_of("COMMAND_LONG"))


def test_control_is_taken_and_given_back(rig: Any) -> None:
    assert gimbal.holder(rig.vehicle.state) == (0, 0)
    assert rig.finish(rig.vehicle.start(gimbal.take(1, US, now_s=rig.now_s))).outcome == "done"
    assert rig.autopilot.gimbal_control == US
    assert rig.finish(rig.vehicle.start(gimbal.release(1, US, now_s=rig.now_s))).outcome == "done"
    assert rig.autopilot.gimbal_control == (0, 0)


def test_to_point_it_control_is_taken_once_and_stays(rig: Any) -> None:
    assert rig.finish(rig.vehicle.point_gimbal(-45.0, now_s=rig.now_s)).outcome == "done"
    assert rig.autopilot.gimbal_control == US and math.degrees(rig.gimbal.pitch) == pytest.approx(-45.0, abs=4.0)
    before = configured(rig)
    assert rig.finish(rig.vehicle.point_gimbal(-90.0, now_s=rig.now_s)).outcome == "done"
    assert configured(rig) == before >= 1


def test_who_has_it_keeps_it_until_it_is_taken_over_by_an_order_of_its_own(rig: Any) -> None:
    other_takes(rig)
    before = configured(rig)
    with pytest.raises(ControlTaken, match="system 7 component 191 is in control"):
        rig.vehicle.point_gimbal(-45.0, now_s=rig.now_s)
    with pytest.raises(ControlTaken):
        rig.vehicle.look_at(None, now_s=rig.now_s)
    assert rig.vehicle.operation is None and configured(rig) == before
    release = rig.finish(rig.vehicle.start(gimbal.release(1, US, now_s=rig.now_s)))
    assert release.good and rig.autopilot.gimbal_control == OTHER  # it was not ours to give
    assert rig.finish(rig.vehicle.start(gimbal.take(1, US, now_s=rig.now_s))).outcome == "done"
    assert rig.finish(rig.vehicle.point_gimbal(-45.0, now_s=rig.now_s)).outcome == "done"


def test_the_camera_looks_at_a_place_and_lets_it_go(rig: Any) -> None:
    here = rig.vehicle.state.position
    place = offset(GeoPoint(here.lat_deg, here.lon_deg, here.alt_amsl_m - 40.0, Datum.SEA_LEVEL), 90.0, 40.0)
    assert rig.finish(rig.vehicle.look_at(place, now_s=rig.now_s)).outcome == "done"
    assert math.degrees(rig.gimbal.pitch) == pytest.approx(-45.0, abs=4.0)
    assert rig.finish(rig.vehicle.look_at(None, now_s=rig.now_s)).outcome == "done"


def test_control_that_nobody_confirms_is_unknown(rig: Any) -> None:
    rig.down = lambda received: received.name not in ("GIMBAL_MANAGER_STATUS", "COMMAND_ACK")
    outcome = rig.finish(rig.vehicle.start(gimbal.take(1, US, now_s=rig.now_s)))
    assert outcome.outcome == "unknown"
