"""Who is believed, where answers go, and what a stranger cannot do."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ground_station.station import MAX_VEHICLES, Outgoing, Station
from ground_station.wire import Encoder, Message, mavlink, parse_datagram

DRONE, CAMERA, GIMBAL = (1, 1), (1, 100), (1, 154)
HERE, THERE = ("127.0.0.1", 14550), ("127.0.0.1", 14551)

Say = Callable[..., None]


def _beat(kind: int = mavlink.MAV_TYPE_QUADROTOR, autopilot: int = mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA) -> Message:
    return mavlink.MAVLink_heartbeat_message(kind, autopilot, 81, 4, 3, 3)


def _attitude(boot_ms: int) -> Message:
    return mavlink.MAVLink_attitude_message(boot_ms, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


def _position(boot_ms: int) -> Message:
    return mavlink.MAVLink_global_position_int_message(boot_ms, 514_500_000, 67_500_000, 110_000, 80_000, 500, 0, 0, 9)


def _say(
    station: Station,
    message: Message,
    sender: tuple[int, int] = DRONE,
    at_s: float = 1.0,
    peer: object = HERE,
    **more: str,
) -> None:
    data = Encoder(*sender).encode(message)
    station.receive(data, link=more.get("link", "udp"), peer=peer, now_s=at_s, utc_s=1.79e9 + at_s)  # type: ignore[arg-type]


def _names(outgoing: tuple[Outgoing, ...]) -> list[str]:
    return [parse_datagram(item.data)[0][0].name for item in outgoing]


def test_a_vehicle_appears_with_its_autopilots_heartbeat() -> None:
    station = Station()
    _say(station, _attitude(1000))
    assert not station.vehicles
    _say(station, _beat())
    _say(station, _attitude(1020))
    assert station.vehicles[1].state.mode == "GUIDED"
    assert station.vehicles[1].state.attitude is not None


def test_garbage_and_other_ground_stations_make_no_peer() -> None:
    station, generator = Station(), random.Random(1)
    for _ in range(2000):
        station.receive(generator.randbytes(60), link="udp", peer=THERE, now_s=1.0)
    _say(station, _beat(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID), (254, 190), peer=THERE)
    _say(station, _beat(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID), (255, 190), peer=THERE)
    assert not station.vehicles and not station.components
    assert station.take_outgoing(now_s=2.0) == ()
    assert station.counters["udp"].garbage + station.counters["udp"].unknown >= 2000


def test_answers_go_where_the_vehicle_was_last_heard_and_garbage_does_not_move_them() -> None:
    station = Station()
    _say(station, _beat(), peer=HERE)
    station.tick(now_s=1.0)
    assert {item.peer for item in station.take_outgoing(now_s=1.0)} == {HERE}
    station.receive(b"\xfd" * 50, link="udp", peer=THERE, now_s=1.1)
    assert station.route(1) == ("udp", HERE)
    _say(station, _beat(), peer=THERE, at_s=1.2)
    assert station.route(1) == ("udp", THERE)


def test_who_uses_the_number_of_a_held_vehicle_is_refused_until_that_one_is_silent() -> None:
    station = Station()
    _say(station, _beat(), peer=HERE)
    station.hold(1)
    _say(station, _beat(), peer=THERE, at_s=1.2)
    _say(station, _attitude(1000), peer=THERE, at_s=1.3)
    assert station.route(1) == ("udp", HERE) and station.refused_strangers == 2
    assert station.vehicles[1].state.attitude is None
    _say(station, _beat(), peer=HERE, at_s=2.5)
    _say(station, _beat(), peer=THERE, at_s=4.4)
    assert station.route(1) == ("udp", HERE), "it is held for as long as it is heard"
    _say(station, _beat(), peer=THERE, at_s=4.6)
    assert station.route(1) == ("udp", THERE)
    _say(station, _beat(), peer=HERE, at_s=4.7)
    assert station.route(1) == ("udp", HERE), "nobody holds the new one"


def test_a_second_link_is_a_warm_spare() -> None:
    station = Station()
    _say(station, _beat(), link="radio", at_s=0.0)
    _say(station, _beat(), link="wifi", at_s=0.5)
    assert station.route(1) == ("radio", HERE)
    _say(station, _attitude(100), link="wifi", at_s=1.9)
    assert station.route(1) == ("radio", HERE)
    _say(station, _attitude(200), link="wifi", at_s=2.1)
    assert station.route(1) == ("wifi", HERE)


def test_two_vehicles_are_answered_apart() -> None:
    station = Station()
    _say(station, _beat(), (1, 1), peer=HERE)
    _say(station, _beat(), (2, 1), peer=THERE)
    station.tick(now_s=1.0)
    asked = {(item.peer, parse_datagram(item.data)[0][0].message.target_system)
             for item in station.take_outgoing(now_s=1.0) if _names((item,)) == ["COMMAND_LONG"]}  # fmt: skip
    assert asked == {(HERE, 1), (THERE, 2)}


def test_vehicles_are_bounded_and_the_refused_are_counted() -> None:
    station = Station()
    for sysid in range(1, MAX_VEHICLES + 5):
        _say(station, _beat(), (sysid, 1))
    assert len(station.vehicles) == MAX_VEHICLES
    assert station.refused_vehicles == 4


def test_we_beat_once_a_second_and_only_when_we_are_the_ground_station() -> None:
    def beats(station: Station) -> int:
        _say(station, _beat(), at_s=0.0)
        return sum(_names(station.take_outgoing(now_s=tick * 0.02)).count("HEARTBEAT") for tick in range(500))

    assert beats(Station()) == 10
    assert beats(Station(beats=False)) == 0
    assert beats(Station(beats=False, asks=True, sysid=254)) == 0


def test_a_reader_asks_for_streams_without_a_heartbeat_and_an_observer_asks_nothing() -> None:
    reader, observer = Station(beats=False, asks=True), Station(beats=False)
    for station in (reader, observer):
        _say(station, _beat())
        station.tick(now_s=1.0)
    assert set(_names(reader.take_outgoing(now_s=1.0))) == {"COMMAND_LONG", "TIMESYNC"}
    assert observer.take_outgoing(now_s=1.0) == ()


def test_the_vehicles_timesync_is_answered_with_its_own_stamp() -> None:
    station = Station()
    _say(station, _beat())
    station.take_outgoing(now_s=1.0)
    _say(station, mavlink.MAVLink_timesync_message(0, 777), at_s=1.5)
    (answer,) = [
        item.message
        for out in station.take_outgoing(now_s=1.5)
        for item in parse_datagram(out.data)[0]
        if item.name == "TIMESYNC" and item.message.tc1  # our own questions carry 0
    ]
    assert (answer.tc1, answer.ts1) == (1_500_000_000, 777)


def test_another_ground_stations_timesync_answer_does_not_touch_the_clock() -> None:
    station = Station()
    _say(station, _beat())
    _say(station, mavlink.MAVLink_timesync_message(5_000_000_000, 123), at_s=1.5)
    assert station.vehicles[1].clock.offset is None


def test_a_simulators_truth_is_never_looked_at() -> None:
    station = Station()
    _say(station, _beat())
    before = station.vehicles[1].state
    _say(station, mavlink.MAVLink_simstate_message(0, 0, 0, 0, 0, 0, 0, 0, 0, 514_500_000, 67_500_000), at_s=2.0)
    _say(station, mavlink.MAVLink_sim_state_message(1, 0, 0, 0, *[0.0] * 17), at_s=2.0)
    assert station.vehicles[1].state is before


def test_components_are_heard_but_are_no_life_sign_of_the_autopilot() -> None:
    station = Station()
    _say(station, _beat(), at_s=1.0)
    _say(station, _beat(mavlink.MAV_TYPE_CAMERA, mavlink.MAV_AUTOPILOT_INVALID), CAMERA, at_s=9.0, peer=THERE)
    _say(station, _beat(mavlink.MAV_TYPE_GIMBAL, mavlink.MAV_AUTOPILOT_INVALID), GIMBAL, at_s=9.0, peer=THERE)
    _say(
        station,
        mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 9000, 44, [1.0, 0.0, 0.0, 0.0], 0, 0, 0, 0),
        GIMBAL,
        at_s=9.0,
    )
    assert {CAMERA, GIMBAL} <= set(station.components)
    assert station.vehicles[1].state.age_s(9.0) == pytest.approx(8.0)
    assert station.vehicles[1].track.has_gimbal
    assert station.route(1) == ("udp", HERE)


def test_boot_time_that_runs_backwards_begins_a_new_flight() -> None:
    station = Station()
    _say(station, _beat())
    for boot_ms in range(60_000, 61_000, 100):
        _say(station, _attitude(boot_ms))
        _say(station, _position(boot_ms))
    _say(
        station, mavlink.MAVLink_home_position_message(514_500_000, 67_500_000, 30_000, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0)
    )
    vehicle = station.vehicles[1]
    old_clock, old_track = vehicle.clock, vehicle.track
    operation = vehicle.set_mode("LOITER", now_s=1.0)
    _say(station, _attitude(1_500))
    assert vehicle.flights == 2
    assert vehicle.clock is not old_clock and vehicle.track is not old_track
    assert vehicle.state.home is None and vehicle.state.position is None
    assert operation.outcome is not None and operation.outcome.reason == "the vehicle rebooted"


def test_a_message_that_was_overtaken_is_no_reboot() -> None:
    station = Station()
    _say(station, _beat())
    _say(station, _attitude(60_000))
    _say(station, _attitude(57_000))
    assert station.vehicles[1].flights == 1


def test_good_frames_between_a_storm_of_garbage_all_arrive() -> None:
    station, generator = Station(), random.Random(2)
    _say(station, _beat())
    for number in range(100):
        for _ in range(100):
            station.receive(generator.randbytes(generator.randint(1, 200)), link="udp", peer=HERE, now_s=1.0)
        _say(station, _attitude(1000 + number))
    assert station.counters["udp"].good == 101
    assert list(station.vehicles) == [1]


# --- several links ----------------------------------------------------------------------------------------------------
def test_a_slower_spare_does_not_undo_what_the_commanding_link_has_said() -> None:
    station = Station()
    loiter = mavlink.MAVLink_heartbeat_message(2, 3, 81, 5, 4, 3)
    for at_s, message, link in (
        (1.0, _beat(), "radio"), (1.1, _beat(), "lte"), (2.0, loiter, "radio"), (2.6, _beat(), "lte"),
        (2.7, _attitude(5_000), "radio"), (2.8, _attitude(4_400), "lte"),
    ):  # fmt: skip
        _say(station, message, at_s=at_s, link=link)
    vehicle = station.vehicles[1]
    assert vehicle.state.mode == "LOITER" and vehicle.state.boot_s == 5.0
    assert [event.kind for event in vehicle.take_events()] == ["pilot_took_over"]  # once, and not back again
    assert vehicle.flights == 1


def test_a_spare_fills_what_the_commanding_link_has_lost_and_each_text_is_told_once() -> None:
    station = Station()
    text = mavlink.MAVLink_statustext_message(4, b"Battery low")
    for at_s, message, link in (
        (1.0, _beat(), "radio"), (1.0, _beat(), "lte"), (1.1, _attitude(100), "radio"), (1.2, _attitude(200), "lte"),
        (1.3, _attitude(200), "radio"), (1.4, text, "lte"), (1.5, text, "radio"), (1.6, _attitude(300), "radio"),
    ):  # fmt: skip
        _say(station, message, at_s=at_s, link=link)
    vehicle = station.vehicles[1]
    assert [text.text for text in vehicle.state.texts] == ["Battery low"]
    assert vehicle.track._attitudes.times == [0.1, 0.2, 0.3]


def test_losing_one_of_two_links_loses_no_vehicle() -> None:
    station = Station()
    for tick in range(100):
        at_s = tick * 0.1
        if at_s < 3.0:
            _say(station, _attitude(tick * 100) if tick % 10 else _beat(), at_s=at_s, link="radio")
        _say(station, _attitude(tick * 100 + 50) if tick % 10 else _beat(), at_s=at_s + 0.05, link="lte")
    assert station.route(1) == ("lte", HERE)
    age_s = station.vehicles[1].state.age_s(10.0)
    assert age_s is not None and age_s < 0.2
    assert station.is_spare("radio", 10.0) and not station.is_spare("lte", 10.0)
    radio_s = station.link_age_s("radio", 10.0)
    assert radio_s is not None and radio_s > 6.0 and station.link_age_s("serial", 10.0) is None


def test_a_new_commanding_link_is_asked_for_its_streams_at_once() -> None:
    station = Station()
    _say(station, _beat(), at_s=0.0, link="radio")
    _say(station, _beat(), at_s=0.0, link="lte")
    station.tick(now_s=0.1)
    station.take_outgoing(now_s=0.1)
    _say(station, _beat(), at_s=3.0, link="lte")
    station.tick(now_s=3.0)
    asked = [item for item in station.take_outgoing(now_s=3.0) if _names((item,)) == ["COMMAND_LONG"]]
    assert len(asked) > 10 and {item.link for item in asked} == {"lte"}


def test_a_second_ground_station_with_our_id_is_reported_and_our_own_echo_is_not() -> None:
    station = Station()
    _say(station, _beat(), at_s=0.0)
    (beat,) = [out.data for out in station.take_outgoing(now_s=0.1) if _names((out,)) == ["HEARTBEAT"]]
    station.receive(beat, link="udp", peer=HERE, now_s=0.2)  # a radio that hears itself
    assert station.second_station_at_s is None and station.vehicles[1].take_events() == ()
    theirs = mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 3, 3)
    for at_s in (1.0, 2.0, 3.0):
        _say(station, theirs, (255, 190), at_s=at_s)
    assert [event.kind for event in station.vehicles[1].take_events()] == ["second_ground_station"]


def test_the_radios_own_report_belongs_to_the_vehicles_behind_it() -> None:
    station = Station()
    _say(station, _beat(), link="radio")
    _say(station, mavlink.MAVLink_radio_status_message(180, 170, 99, 40, 41, 3, 0), (51, 68), link="radio")
    radio = station.vehicles[1].state.radio
    assert radio is not None and (radio.rssi, radio.remote_rssi, radio.buffer_free_pct) == (180, 170, 99)
    assert list(station.vehicles) == [1]


def test_the_heartbeat_stops_when_the_application_does_not_do_its_round() -> None:
    station = Station(asks=False, deadman_s=1.5)
    station.alive(now_s=0.0)
    _say(station, _beat(), at_s=0.0)
    sent = [now for now in range(600) if _names(station.take_outgoing(now_s=now / 100)).count("HEARTBEAT")]
    assert sent and max(sent) / 100 <= 2.0
    station.alive(now_s=6.0)
    assert _names(station.take_outgoing(now_s=6.0)) == ["HEARTBEAT"]
