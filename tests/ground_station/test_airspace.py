"""Other aircraft, getting out of their way, and terrain for a vehicle that asks for it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ground_station.evade import LOW_M, low_height_m, may_return
from ground_station.telemetry import Position, VehicleState
from ground_station.terrain_service import TerrainService
from ground_station.traffic import Traffic
from ground_station.wire import Message, mavlink
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.geometry.terrain import TerrainGrid

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)


def _state(height_m: float = 60.0, landed: str = "in_air") -> VehicleState:
    position = Position(1.0, 1.0, HOME.lat_deg, HOME.lon_deg, 33.0 + height_m, height_m, (0.0, 0.0, 0.0), 0.0)
    return VehicleState(1, position=position, landed=landed)


def _helicopter(azimuth: float, metres: float, course: float, *, alt_m: float = 120.0, flags: int = 255) -> Message:
    place = offset(HOME, azimuth, metres)
    return mavlink.MAVLink_adsb_vehicle_message(
        0x3C1234, round(place.lat_deg * 1e7), round(place.lon_deg * 1e7), 0, round(alt_m * 1e3), round(course * 100),
        5_000, 0, b"CHX9", 7, 1, flags, 0,
    )  # fmt: skip


def _first(message: Message, state: VehicleState | None = None):  # type: ignore[no-untyped-def]
    traffic = Traffic()
    traffic.hear(message, now_s=100.0)
    return traffic.approaches(state or _state(), now_s=100.0)[0]


def test_a_helicopter_that_comes_straight_on_is_nearest_after_distance_over_speed() -> None:
    found = _first(_helicopter(90.0, 2_050.0, 270.0))
    # 50 m/s, and a second old already: 40 s from now
    assert found.closest_s == pytest.approx(40.0, abs=0.5) and found.closest_m < 10.0
    assert found.down_s == pytest.approx(60.0 / 1.2) and found.danger
    assert (found.aircraft.call_sign, found.aircraft.rotorcraft) == ("CHX9", True)


@pytest.mark.parametrize(
    ("message", "state"),
    [
        (_helicopter(90.0, 2_000.0, 90.0), _state()),  # flies away
        (_helicopter(90.0, 2_000.0, 0.0), _state()),  # passes 2 km beside
        (_helicopter(90.0, 2_000.0, 270.0, alt_m=900.0), _state()),  # high above
        (_helicopter(90.0, 2_000.0, 270.0), _state(0.0, "on_ground")),  # we do not fly
        (_helicopter(90.0, 12_000.0, 270.0), _state()),  # minutes away
    ],
)
def test_what_does_not_come_near_in_time_is_no_danger(message: Message, state: VehicleState) -> None:
    assert not _first(message, state).danger


def test_an_unknown_height_may_be_ours_and_an_unknown_place_is_nothing() -> None:
    assert _first(_helicopter(90.0, 2_000.0, 270.0, alt_m=900.0, flags=255 & ~2)).danger
    traffic = Traffic()
    traffic.hear(_helicopter(90.0, 100.0, 0.0, flags=254), now_s=0.0)
    assert traffic.approaches(_state(), now_s=0.0) == ()


def test_what_is_not_heard_any_more_is_forgotten_and_the_list_is_bounded() -> None:
    traffic = Traffic()
    traffic.hear(_helicopter(0.0, 1_000.0, 0.0), now_s=0.0)
    assert len(traffic.approaches(_state(), now_s=10.0)) == 1 and traffic.approaches(_state(), now_s=20.0) == ()
    for number in range(200):
        message = _helicopter(0.0, 1_000.0, 0.0)
        message.ICAO_address = number
        traffic.hear(message, now_s=30.0)
    assert len(traffic.aircraft) == 64


def test_an_aircraft_on_its_way_is_told_once_in_a_while(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.finish(vehicle.arm(now_s=rig.now_s))
    rig.finish(vehicle.takeoff(30.0, now_s=rig.now_s))
    rig.until(lambda: vehicle.state.position.height_above_home_m > 25.0, 40.0)
    for _ in range(8):
        vehicle.traffic.hear(_helicopter(90.0, 2_000.0, 270.0), now_s=rig.now_s)
        rig.run(1.0)
    (event,) = vehicle.take_events()
    assert event.kind == "traffic" and event.words.startswith("CHX9, ")


def test_a_second_aircraft_is_told_at_once_beside_the_first(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle = rig.ready()
    rig.finish(vehicle.arm(now_s=rig.now_s))
    rig.finish(vehicle.takeoff(30.0, now_s=rig.now_s))
    rig.until(lambda: vehicle.state.position.height_above_home_m > 25.0, 40.0)
    second = _helicopter(0.0, 2_500.0, 180.0)
    second.ICAO_address, second.callsign = 0x3C5678, b"LIFE1"
    heard: list[str] = []
    for step in range(30):
        vehicle.traffic.hear(_helicopter(90.0, 2_000.0, 270.0), now_s=rig.now_s)
        if step >= 3:
            vehicle.traffic.hear(second, now_s=rig.now_s)
        rig.run(1.0)
        heard += [f"{step} {event.words.partition(',')[0]}" for event in vehicle.take_events()]
    assert heard == ["0 CHX9", "3 LIFE1", "20 CHX9", "23 LIFE1"]


# --- evade ------------------------------------------------------------------------------------------------------------
def test_it_goes_down_and_never_up() -> None:
    assert low_height_m(_state(60.0), ground_above_home_m=None) == LOW_M
    assert low_height_m(_state(60.0), ground_above_home_m=20.0) == 30.0
    assert low_height_m(_state(12.0), ground_above_home_m=None) is None
    assert low_height_m(_state(25.0), ground_above_home_m=20.0) is None


def test_going_home_is_offered_only_where_it_does_not_climb_first() -> None:
    assert may_return(_state(60.0), 40.0) == ""
    assert "climb from 20 m to its return height of 40 m" in may_return(_state(20.0), 40.0)
    assert "not known" in may_return(_state(20.0), None)


def test_in_flight_it_sinks_on_the_spot_whatever_else_is_under_way(rig, make_mission) -> None:  # type: ignore[no-untyped-def]
    vehicle, mission = rig.ready(), make_mission(4)
    rig.finish(vehicle.upload(mission, now_s=rig.now_s))
    rig.finish(vehicle.arm(now_s=rig.now_s))
    rig.finish(vehicle.start_mission(mission.items, now_s=rig.now_s))
    rig.until(lambda: vehicle.state.position.height_above_home_m > 25.0, 60.0)
    before = rig.autopilot.pilot.flight.enu.copy()
    assert rig.finish(vehicle.evade(LOW_M, now_s=rig.now_s)).outcome == "done"
    rig.run(20.0)
    after = rig.autopilot.pilot.flight.enu
    assert math.hypot(*(after - before)[:2]) < 12.0
    assert vehicle.state.position.height_above_home_m == pytest.approx(LOW_M, abs=3.0)
    assert vehicle.take_events() == ()  # our own doing is nobody's taking over


# --- terrain ----------------------------------------------------------------------------------------------------------
def _slope() -> TerrainGrid:
    """Rises by 1 m for every 10 m north and 1 m for every 100 m east of the corner at 51.42, 6.74."""
    rows, columns = np.mgrid[0:400, 0:400]
    north_m, east_m = (399 - rows) * 1e-4 * 111_318.845, columns * 1e-4 * 111_318.845 * math.cos(math.radians(51.42))
    heights = (north_m / 10.0 + east_m / 100.0).astype(np.float32)
    return TerrainGrid(heights, "EPSG:4326", 6.74, 51.42 + 399e-4, 1e-4, 1e-4)


def _served(service: TerrainService) -> list[Message]:
    return [message for tick in range(100) for message in service.due(now_s=tick * 0.1)]


def test_each_piece_has_its_heights_where_the_vehicle_looks_for_them() -> None:
    service = TerrainService()
    service.ground = _slope()
    service.hear(mavlink.MAVLink_terrain_request_message(514_210_000, 67_410_000, 30, 1 | 1 << 1 | 1 << 8))
    pieces = {message.gridbit: message.data for message in _served(service)}
    assert set(pieces) == {0, 1, 8}
    base = pieces[0][0]
    pieces = {bit: [height - base for height in heights] for bit, heights in pieces.items()}
    assert pieces[0][4] == pytest.approx(3, abs=1)  # a step north is the fifth, not the second
    assert pieces[0][12] == pytest.approx(9, abs=1) and pieces[0][3] <= 2
    assert pieces[8][0] == pytest.approx(12, abs=1)  # 120 m north
    assert pieces[1][0] == pytest.approx(1, abs=1)  # 120 m east


def test_a_vehicle_is_asked_to_say_what_it_lacks_only_where_there_is_terrain_to_serve(rig) -> None:  # type: ignore[no-untyped-def]
    def asked() -> bool:
        number = float(mavlink.MAVLINK_MSG_ID_TERRAIN_REQUEST)
        return any(message.param1 == number for _, message in rig.sent_of("COMMAND_LONG"))

    rig.until(lambda: bool(rig.station.vehicles), 5.0)
    rig.run(5.0)
    assert not asked()
    rig.vehicle.terrain_service.ground = _slope()
    rig.run(10.0)
    assert asked()


def test_what_the_file_does_not_cover_is_not_made_up() -> None:
    service = TerrainService()
    service.ground = _slope()
    service.hear(mavlink.MAVLink_terrain_request_message(480_000_000, 67_400_000, 30, (1 << 56) - 1))
    assert _served(service) == [] and service.unknown == 56
    service.ground = None
    service.hear(mavlink.MAVLink_terrain_request_message(514_210_000, 67_410_000, 30, 1))
    assert _served(service) == []


def test_a_whole_block_comes_in_small_portions_and_each_piece_once() -> None:
    service = TerrainService()
    service.ground = _slope()
    for _ in range(3):
        service.hear(mavlink.MAVLink_terrain_request_message(514_210_000, 67_410_000, 30, (1 << 56) - 1))
    assert len(list(service.due(now_s=0.0))) == 8 and list(service.due(now_s=0.05)) == []
    assert len(_served(service)) == 48
