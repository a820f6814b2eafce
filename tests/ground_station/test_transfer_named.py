"""Each way in which an upload is known to go wrong elsewhere, by its name."""

from __future__ import annotations

import pytest

from ground_station.proof import Proofs
from ground_station.replacement import Replacement
from ground_station.telemetry import VehicleState
from ground_station.transfer import FENCE, MISSION, Upload
from ground_station.wire import Received, mavlink
from missions.items import MissionItem
from simulators.channel import PERFECT, Quality
from tests.ground_station.uploads import Air, holds, route, upload


def _other_gcs(rig, message) -> None:  # type: ignore[no-untyped-def]
    other = mavlink.MAVLink(None, srcSystem=250, srcComponent=190)
    rig.autopilot.receive(bytes(message.pack(other)), link="ground")


def test_a_lost_last_ack_is_settled_by_the_read_back(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    rig.down = lambda received: received.name != "MISSION_ACK"
    outcome = rig.finish(rig.vehicle.upload(make_mission(), now_s=rig.now_s))
    assert outcome.outcome == "verified" and outcome.seconds < 6.0


def test_a_second_ground_station_that_writes_first_gets_us_denied(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    _other_gcs(rig, mavlink.MAVLink_mission_count_message(1, 1, 5, MISSION))
    outcome = rig.finish(vehicle.upload(make_mission(), now_s=rig.now_s))
    assert outcome.outcome == "refused"
    assert "DENIED" in outcome.reason and "another ground station is transferring" in outcome.reason


def test_a_second_ground_station_that_comes_in_the_middle_does_not_disturb_us(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    operation = rig.vehicle.upload(make_mission(20), now_s=rig.now_s)
    rig.run(0.1)
    _other_gcs(rig, mavlink.MAVLink_mission_count_message(1, 1, 5, MISSION))
    assert rig.finish(operation).outcome == "verified"


def test_after_the_vehicles_eight_seconds_the_upload_begins_anew() -> None:
    items = route(20)
    air = upload(Quality(cuts_s=((0.2, 7.9),)), 1, items)
    assert air.run() == "verified" and holds(air.board, items)
    # Cut for longer than the vehicle waits: it gives up, and nothing is claimed of what is half on board.
    air = upload(Quality(cuts_s=((0.2, 8.6),)), 1, items)
    assert air.run() == "not_flyable" and not holds(air.board, items)


def test_a_vehicle_that_gave_up_unheard_is_begun_with_again(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    operation = rig.vehicle.upload(make_mission(20), now_s=rig.now_s)
    rig.run(0.1)
    rig.up = lambda received: received.name != "MISSION_ITEM_INT"  # it hears nothing for 8 s, we hear it all the time
    rig.until(lambda: "Mission upload timeout" in [text.text for text in rig.vehicle.state.texts], 12.0)
    rig.up = lambda received: True
    assert rig.finish(operation).outcome == "verified"
    assert len(rig.sent_of("MISSION_COUNT")) == 2


def test_no_space_is_said_in_the_vehicles_words_and_nothing_is_called_changed(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    many = make_mission().items[:2] * 400
    outcome = rig.finish(rig.vehicle.start(Upload(1, MISSION, many, now_s=rig.now_s)))
    assert outcome.outcome == "refused" and "NO_SPACE" in outcome.reason
    assert outcome.vehicle_text == ("Only 650 items are supported",)


@pytest.mark.parametrize(
    ("result", "change"),
    [
        ("INVALID_PARAM1", {"p1": float("nan")}),
        ("INVALID_PARAM5_X", {"lat_deg": 91.0}),
        ("INVALID_PARAM6_Y", {"lon_deg": 181.0}),
        ("INVALID_PARAM7", {"alt_m": 1e6}),
    ],
)
def test_an_item_that_the_vehicle_refuses_is_named(rig, make_mission, result: str, change: dict[str, float]) -> None:  # type: ignore[no-untyped-def]
    place = {"lat_deg": 51.0, "lon_deg": 6.0, "alt_m": 30.0} | change
    bad = (*make_mission().items[:3], MissionItem(16, 3, **place))
    outcome = rig.finish(rig.vehicle.start(Upload(1, MISSION, bad, now_s=rig.now_s)))
    assert outcome.outcome == "not_flyable" and f"{result} at item 3" in outcome.reason


def test_a_plan_that_was_changed_under_us_is_not_started_and_is_no_longer_proven(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle, mission = rig.ready(), make_mission(4)
    assert rig.finish(vehicle.upload(mission, now_s=rig.now_s)).outcome == "verified"
    assert vehicle.proofs.items(MISSION) == mission.items
    rig.run(4.0)
    _other_gcs(rig, mavlink.MAVLink_mission_count_message(1, 1, 1, MISSION))
    _other_gcs(rig, mavlink.MAVLink_mission_item_int_message(1, 1, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, MISSION))
    rig.run(1.0)
    assert vehicle.proofs.items(MISSION) is None
    # What is heard first says it: the vehicle's own count, or its text.
    assert any(words in vehicle.proofs.lost for words in ("counts 1 items", "another ground station"))
    rig.finish(vehicle.arm(now_s=rig.now_s))
    assert rig.finish(vehicle.start_mission(mission.items, now_s=rig.now_s)).outcome == "not_flyable"


def test_a_vehicle_that_rebooted_in_the_middle_holds_nothing_that_may_fly(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.vehicle
    rig.until(lambda: vehicle.state.attitude is not None, 20.0)
    rig.run(6.0)
    operation = vehicle.upload(make_mission(60), now_s=rig.now_s)
    rig.run(0.3)
    reborn = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    frame = bytes(mavlink.MAVLink_attitude_message(900, 0, 0, 0, 0, 0, 0).pack(reborn))
    rig.station.receive(frame, link="memory", now_s=rig.now_s)
    assert operation.outcome is not None
    assert (operation.outcome.outcome, operation.outcome.reason) == ("not_flyable", "the vehicle rebooted")
    assert vehicle.flights == 2 and vehicle.proofs.items(MISSION) is None


def test_a_mode_that_flies_the_plan_on_board_needs_the_plan(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle, mission = rig.ready(), make_mission(4)
    with pytest.raises(ValueError, match="name the plan"):
        vehicle.set_mode("AUTO", now_s=rig.now_s)
    refused = rig.finish(vehicle.set_mode("AUTO", plan=mission.items, now_s=rig.now_s))
    assert refused.outcome == "not_flyable" and rig.autopilot.pilot.mode == 4
    rig.finish(vehicle.upload(mission, now_s=rig.now_s))
    assert rig.finish(vehicle.set_mode("AUTO", plan=mission.items, now_s=rig.now_s)).outcome == "done"
    assert rig.autopilot.pilot.mode == 3


def test_a_stale_request_does_not_lead_the_upload_astray() -> None:
    """A request for a late item from before the vehicle began anew, then its true ones from the first."""
    items, state = route(20), VehicleState(1)
    operation = Upload(1, MISSION, items, now_s=0.0)
    operation.receive(mavlink.MAVLink_mission_request_message(255, 190, 15, MISSION), state, now_s=0.1)
    sent = []
    for tick in range(40):
        now_s = 0.2 + tick * 0.1
        if tick in (2, 12):
            operation.receive(mavlink.MAVLink_mission_request_message(255, 190, 0, MISSION), state, now_s=now_s)
        operation.tick(state, now_s=now_s)
        sent += [(tick, message.seq) for message in operation.take_outgoing() if hasattr(message, "seq")]
    assert {seq for tick, seq in sent if tick > 13} <= {0, 1, 2, 3, 4, 5}


# --- restoring, and sending only what is new --------------------------------------------------------------------------
def _replacing(old, new, *, quality: Quality = PERFECT, restore: bool = True, seed: int = 1) -> Air:  # type: ignore[no-untyped-def]
    air = Air(quality, seed, lambda now_s: Replacement(1, {MISSION: new}, restore=restore, now_s=now_s))
    if old:
        air.hold(old)
    return air


def test_the_plan_from_before_is_put_back_when_the_new_one_is_refused() -> None:
    old, new = route(12, 1), (*route(6, 2), MissionItem(31_000, 3))
    air = _replacing(old, new)
    assert air.run() == "not_flyable" and holds(air.board, old)
    assert air.operation.outcome is not None
    assert "UNSUPPORTED" in air.operation.outcome.reason and "there again, verified" in air.operation.outcome.reason
    unasked = _replacing(old, new, restore=False)
    assert unasked.run() == "not_flyable" and not holds(unasked.board, old)


def test_an_empty_vehicle_is_empty_again() -> None:
    air = _replacing((), (*route(6, 2), MissionItem(31_000, 3)))
    assert air.run() == "not_flyable"
    assert len(air.board.lists[MISSION]) <= 1 and "there again" in air.operation.outcome.reason  # type: ignore[union-attr]


def test_over_a_bad_radio_the_old_plan_or_the_new_one_is_on_board_whatever_is_claimed() -> None:
    for seed in range(12):
        old, new = route(12, seed), route(15, seed + 50)
        new = (*new, MissionItem(31_000, 3)) if seed % 2 else new
        air = _replacing(old, new, quality=Quality(loss=0.3, doubled=0.1, jitter_s=0.05), seed=seed)
        outcome = air.run()
        assert outcome == ("not_flyable" if seed % 2 else "verified")
        if "there again" in air.operation.outcome.reason:  # type: ignore[union-attr]
            assert holds(air.board, old)
        elif outcome == "verified":
            assert holds(air.board, new)


def test_only_what_is_new_is_sent_where_that_is_safe() -> None:
    old = route(30, 1)
    new = (*old[:10], *route(3, 9)[2:4], *old[12:])
    sent: list[int] = []

    def watch(air: Air) -> None:
        uploads = air.board._uploads.get(MISSION)
        sent.append(-1 if uploads is None else uploads.seq)

    air = _replacing(old, new)
    assert air.run(watch) == "verified" and holds(air.board, new)
    assert {seq for seq in sent if seq >= 0} <= {10, 11}
    same = _replacing(old, old)
    before = same.board.changed
    assert same.run() == "verified" and "already" in same.operation.outcome.reason  # type: ignore[union-attr]
    assert same.board.changed == before  # nothing was written again


def test_an_armed_vehicle_is_not_sent_parts() -> None:
    old = route(30, 1)
    new = (*old[:10], *route(3, 9)[2:4], *old[12:])
    operation = Replacement(1, {MISSION: new}, restore=False, now_s=0.0)
    operation.board[MISSION] = old
    assert operation._safe_part(MISSION) == (10, 11)
    operation._state = VehicleState(1, armed=True)
    assert operation._safe_part(MISSION) is None


# --- proofs -----------------------------------------------------------------------------------------------------------
def test_a_proof_ends_when_we_write_and_when_the_count_is_another() -> None:
    items = route(5)
    proofs = Proofs()
    proofs.proved(MISSION, items, now_s=0.0)
    proofs.heard(mavlink.MAVLink_mission_current_message(0, 3), transferring=False, now_s=1.0)
    assert proofs.items(MISSION) == items  # a count from just before
    proofs.heard(mavlink.MAVLink_mission_current_message(0, len(items) - 1), transferring=False, now_s=9.0)
    assert proofs.items(MISSION) == items
    proofs.heard(mavlink.MAVLink_mission_current_message(0, 3), transferring=False, now_s=9.0)
    assert proofs.items(MISSION) is None and "counts 3 items" in proofs.lost
    proofs.proved(FENCE, items, now_s=0.0)
    proofs.sent(mavlink.MAVLink_mission_count_message(1, 1, 3, MISSION))
    assert proofs.items(FENCE) == items
    proofs.sent(mavlink.MAVLink_mission_clear_all_message(1, 1, FENCE))
    assert proofs.items(FENCE) is None


def test_a_list_that_changes_while_it_is_read_is_not_believed(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle, mission = rig.vehicle, make_mission(30)
    rig.finish(vehicle.upload(mission, now_s=rig.now_s))
    held: list[bytes] = []

    def keep(received: Received) -> bool:
        if received.name == "MISSION_ITEM_INT" and received.message.seq == 2 and not held:
            held.append(received.frame)
            received.message.z += 7.0
            encoder = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
            rig.station.receive(bytes(received.message.pack(encoder)), link="memory", now_s=rig.now_s)
        return True

    rig.down = keep
    outcome = rig.finish(vehicle.download(MISSION, now_s=rig.now_s))
    assert outcome.outcome == "refused" and "changed while it was read (item 2)" in outcome.reason
