"""Mission, fence and rally transfer against a vehicle with ArduPilot's ways, through a channel that loses."""

from __future__ import annotations

import itertools

import pytest

from ground_station.transfer import FENCE, MISSION, RALLY, Upload
from ground_station.wire import Received, mavlink
from missions.checks import check
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.items import Command, Frame, MissionItem, canonical, differences

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)


def _fence() -> tuple[MissionItem, ...]:
    corners = [offset(HOME, azimuth, 300.0) for azimuth in (45.0, 135.0, 225.0, 315.0)]
    return tuple(
        MissionItem(Command.FENCE_INCLUSION_VERTEX, Frame.GLOBAL, 4.0, lat_deg=p.lat_deg, lon_deg=p.lon_deg)
        for p in corners
    )


def _rally() -> tuple[MissionItem, ...]:
    point = offset(HOME, 10.0, 30.0)
    return (MissionItem(Command.RALLY_POINT, Frame.RELATIVE, lat_deg=point.lat_deg, lon_deg=point.lon_deg, alt_m=20.0),)


def _lose_first(name: str, times: int = 1):  # type: ignore[no-untyped-def]
    left = {"left": times}

    def keep(received: Received) -> bool:
        if received.name != name or not left["left"]:
            return True
        left["left"] -= 1
        return False

    return keep


def test_an_upload_is_verified_by_reading_it_back(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    mission = make_mission(5)
    outcome = rig.finish(rig.vehicle.upload(mission, now_s=rig.now_s))
    assert (outcome.outcome, outcome.items) == ("verified", len(mission.items))
    assert len(rig.sent_of("MISSION_REQUEST_LIST")) == 1
    download = rig.vehicle.download(MISSION, now_s=rig.now_s)
    assert rig.finish(download).good
    assert differences(mission.items, download.items, home_first=True) == ()


def test_fence_and_rally_travel_with_it(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    mission = make_mission(2, fence=_fence(), rally=_rally())
    outcome = rig.finish(rig.vehicle.upload(mission, now_s=rig.now_s))
    assert (outcome.outcome, outcome.items) == ("verified", len(mission.items) + 5)
    for kind, items in ((FENCE, _fence()), (RALLY, _rally())):
        download = rig.vehicle.download(kind, now_s=rig.now_s)
        assert rig.finish(download).good
        assert download.items == canonical(items)


def test_an_empty_part_leaves_the_vehicles_alone(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    rig.finish(rig.vehicle.upload(make_mission(2, fence=_fence()), now_s=rig.now_s))
    rig.finish(rig.vehicle.upload(make_mission(3), now_s=rig.now_s))
    assert len(rig.autopilot.transfers.lists[FENCE]) == 4


def test_only_a_checked_mission_is_uploaded(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError, match="CheckedMission"):
        rig.vehicle.upload(make_mission().items, now_s=rig.now_s)


@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_items_get_through_thirty_percent_loss(make_rig, make_mission, seed: int) -> None:  # type: ignore[no-untyped-def]
    rig = make_rig(seed=seed, loss=0.3)
    mission = make_mission(98)
    outcome = rig.finish(rig.vehicle.upload(mission, now_s=rig.now_s), limit_s=180.0)
    assert outcome.outcome == "verified", outcome
    assert outcome.seconds < 120.0


@pytest.mark.parametrize("name", ["MISSION_COUNT", "MISSION_ITEM_INT", "MISSION_REQUEST_LIST", "MISSION_REQUEST_INT"])
def test_any_message_of_ours_may_be_lost(rig, make_mission, name: str) -> None:  # type: ignore[no-untyped-def]
    rig.up = _lose_first(name, 3)
    assert rig.finish(rig.vehicle.upload(make_mission(), now_s=rig.now_s)).outcome == "verified"


@pytest.mark.parametrize("name", ["MISSION_REQUEST", "MISSION_ACK", "MISSION_COUNT", "MISSION_ITEM_INT"])
def test_any_message_of_the_vehicle_may_be_lost(rig, make_mission, name: str) -> None:  # type: ignore[no-untyped-def]
    rig.down = _lose_first(name, 3)
    assert rig.finish(rig.vehicle.upload(make_mission(), now_s=rig.now_s)).outcome == "verified"


def test_what_is_stored_otherwise_is_not_flyable(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    def meddle(received: Received) -> bool:
        if received.name == "MISSION_REQUEST_LIST":
            rig.autopilot.transfers.lists[MISSION][2].z += 5.0
        return True

    rig.up = meddle
    outcome = rig.finish(rig.vehicle.upload(make_mission(), now_s=rig.now_s))
    assert outcome.outcome == "not_flyable" and "read back differs" in outcome.reason and "2" in outcome.reason


def test_a_refused_item_ends_it_with_the_vehicles_reason(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    bad = (*make_mission().items[:3], MissionItem(31_000, Frame.RELATIVE))
    outcome = rig.finish(rig.vehicle.start(Upload(1, MISSION, bad, now_s=rig.now_s)))
    assert outcome.outcome == "not_flyable" and "UNSUPPORTED" in outcome.reason


def test_too_many_items_are_refused_in_the_vehicles_words(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    many = make_mission().items[:2] * 400
    outcome = rig.finish(rig.vehicle.start(Upload(1, MISSION, many, now_s=rig.now_s)))
    assert outcome.outcome == "refused" and "NO_SPACE" in outcome.reason
    assert outcome.vehicle_text == ("Only 650 items are supported",)


def test_another_ground_station_has_the_transfer(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    other = mavlink.MAVLink(None, srcSystem=250, srcComponent=190)
    rig.autopilot.receive(bytes(mavlink.MAVLink_mission_count_message(1, 1, 5, 0).pack(other)), link="ground")
    outcome = rig.finish(vehicle.upload(make_mission(), now_s=rig.now_s))
    assert outcome.outcome == "refused" and "DENIED" in outcome.reason


def test_silence_ends_it_without_a_claim(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    rig.up = lambda received: False
    outcome = rig.finish(vehicle.upload(make_mission(), now_s=rig.now_s), limit_s=10.0)
    assert outcome.outcome == "unknown"


def test_silence_in_the_middle_is_not_flyable(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    rig.up = lambda received: not (received.name == "MISSION_ITEM_INT" and received.message.seq >= 2)
    rig.down = lambda received: received.name != "MISSION_ACK"
    operation = vehicle.upload(make_mission(), now_s=rig.now_s)
    rig.run(4.0)
    rig.down = lambda received: False
    assert rig.finish(operation, limit_s=20.0).outcome == "not_flyable"


def test_an_acknowledgement_left_from_before_proves_nothing(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    operation = vehicle.upload(make_mission(), now_s=rig.now_s)
    stale = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    rig.station.receive(
        bytes(mavlink.MAVLink_mission_ack_message(255, 190, 0, 0).pack(stale)), link="memory", now_s=rig.now_s
    )
    assert rig.finish(operation).outcome == "verified"


def test_the_pending_item_is_offered_again_every_quarter_of_a_second(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    rig.up = lambda received: received.name != "MISSION_ITEM_INT"
    rig.down = lambda received: not (received.name == "MISSION_REQUEST" and rig.sent_of("MISSION_ITEM_INT"))
    vehicle.upload(make_mission(), now_s=rig.now_s)
    rig.run(1.5)
    times = [at_s for at_s, _ in rig.sent_of("MISSION_ITEM_INT")]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) >= 5 and max(gaps) <= 0.3


def test_clear_is_done_when_a_read_back_finds_nothing(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    rig.finish(rig.vehicle.upload(make_mission(2, fence=_fence(), rally=_rally()), now_s=rig.now_s))
    for kind in (MISSION, FENCE, RALLY):
        assert rig.finish(rig.vehicle.clear(kind, now_s=rig.now_s)).outcome == "done"
        assert len(rig.autopilot.transfers.lists[kind]) <= (1 if kind == MISSION else 0)


def test_a_clear_that_never_arrives_is_not_called_done(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    rig.finish(rig.vehicle.upload(make_mission(), now_s=rig.now_s))
    rig.up = lambda received: received.name != "MISSION_CLEAR_ALL"
    assert rig.finish(rig.vehicle.clear(MISSION, now_s=rig.now_s)).outcome == "unknown"


def test_a_fence_alone_can_be_uploaded(rig) -> None:  # type: ignore[no-untyped-def]
    report = check((), fence=_fence(), home=HOME)
    assert report.checked is not None
    assert rig.finish(rig.vehicle.upload(report.checked, now_s=rig.now_s)).items == 4
