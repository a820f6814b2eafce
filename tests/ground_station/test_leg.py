"""The checks of one leg: ground, fence, distance, battery; and what is no reason to refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ground_station.instruments import BatteryPack
from ground_station.leg import check_leg, time_left_s, time_needed_s
from ground_station.orders import NotFlying, require_in_flight, stand_off
from ground_station.telemetry import Home, Position, VehicleState
from missions.geometry.geo import Datum, GeoPoint, azimuth_deg, distance_m, offset
from missions.geometry.terrain import TerrainGrid
from missions.items import Command, Frame, MissionItem

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)


def _state(height_m: float = 30.0, *, left_pct: int | None = 80) -> VehicleState:
    position = Position(1.0, 1.0, HOME.lat_deg, HOME.lon_deg, 33.0 + height_m, height_m, (0.0, 0.0, 0.0), 0.0)
    packs = {} if left_pct is None else {0: BatteryPack(1.0, 0, 15.0, 20.0, 1_000, left_pct, None, None, 1)}
    return VehicleState(
        1, armed=True, custom_mode=4, vehicle_type=2, landed="in_air", position=position, batteries=packs,
        home=Home(1.0, HOME.lat_deg, HOME.lon_deg, HOME.alt_m),
    )  # fmt: skip


def _to(azimuth: float, metres: float, height_m: float = 30.0) -> GeoPoint:
    point = offset(HOME, azimuth, metres)
    return GeoPoint(point.lat_deg, point.lon_deg, height_m, Datum.HOME)


def _ridge(height_m: float) -> TerrainGrid:
    """Flat at home's height, with a ridge from north to south some 80 to 110 m east of it."""
    heights = np.full((200, 400), 33.0, np.float32)
    heights[:, 215:218] = 33.0 + height_m
    return TerrainGrid(heights, "EPSG:4326", HOME.lon_deg - 200 * 1e-4, HOME.lat_deg + 100 * 1e-4, 1e-4, 1e-4)


def _codes(findings) -> set[str]:  # type: ignore[no-untyped-def]
    return {finding.code for finding in findings}


def test_a_short_leg_with_a_full_battery_meets_nothing_but_the_missing_terrain() -> None:
    assert _codes(check_leg(_state(), _to(90.0, 200.0))) == {"no_terrain"}


def test_a_fence_on_board_that_the_leg_leaves_stops_it() -> None:
    corners = [offset(HOME, azimuth, 150.0) for azimuth in (45.0, 135.0, 225.0, 315.0)]
    fence = tuple(
        MissionItem(Command.FENCE_INCLUSION_VERTEX, Frame.GLOBAL, 4.0, lat_deg=p.lat_deg, lon_deg=p.lon_deg)
        for p in corners
    )
    assert _codes(check_leg(_state(), _to(90.0, 60.0), fence=fence)) == {"no_terrain"}
    found = check_leg(_state(), _to(90.0, 200.0), fence=fence)
    assert "fence_contradiction" in _codes(found) and found[0].severity == "stop"


def test_an_exclusion_between_here_and_there_stops_it() -> None:
    centre = offset(HOME, 90.0, 100.0)
    fence = (
        MissionItem(Command.FENCE_EXCLUSION_CIRCLE, Frame.GLOBAL, 20.0, lat_deg=centre.lat_deg, lon_deg=centre.lon_deg),
    )
    assert "fence_contradiction" in _codes(check_leg(_state(), _to(90.0, 200.0), fence=fence))
    assert "fence_contradiction" not in _codes(check_leg(_state(), _to(0.0, 200.0), fence=fence))


def test_a_ridge_in_the_way_stops_it_and_a_low_pass_is_a_warning() -> None:
    assert _codes(check_leg(_state(), _to(90.0, 200.0), terrain=_ridge(10.0))) == set()
    assert "hits_ground" in _codes(check_leg(_state(), _to(90.0, 200.0), terrain=_ridge(40.0)))
    assert "hits_ground" not in _codes(check_leg(_state(), _to(270.0, 200.0), terrain=_ridge(40.0)))
    assert "low_clearance" in _codes(check_leg(_state(), _to(90.0, 200.0), terrain=_ridge(22.0)))
    assert "hits_ground" in _codes(check_leg(_state(), _to(0.0, 100.0, 2.0), terrain=_ridge(0.0)))


def test_too_far_from_home_is_a_stop() -> None:
    assert {"far_first_leg", "far_away"} & _codes(check_leg(_state(left_pct=98), _to(90.0, 11_000.0)))
    out = offset(HOME, 90.0, 2_000.0)  # an aircraft that is out there already may go on
    position = replace(_state().position, lat_deg=out.lat_deg, lon_deg=out.lon_deg)  # type: ignore[type-var]
    assert _codes(check_leg(replace(_state(left_pct=98), position=position), _to(90.0, 2_100.0))) == {"no_terrain"}


@pytest.mark.parametrize(("azimuth", "metres", "stops"), [(90.0, 200.0, False), (90.0, 5_000.0, True)])
def test_the_battery_has_to_last_there_and_home(azimuth: float, metres: float, stops: bool) -> None:
    assert ("energy" in _codes(check_leg(_state(left_pct=50), _to(azimuth, metres)))) is stops


def test_a_battery_that_says_nothing_is_a_warning_and_not_silence() -> None:
    (finding,) = [found for found in check_leg(_state(left_pct=None), _to(0.0, 50.0)) if found.code == "energy_unknown"]
    assert finding.severity == "warning"


def test_time_left_is_capacity_times_share_over_current() -> None:
    # 1000 mAh are a fifth: 5000 mAh whole, 4000 left, 20 A: 720 s
    assert time_left_s(_state(left_pct=80)) == pytest.approx(720.0)
    # there and back 800 m at 8 m/s, 25 s down and 20 s for landing
    assert time_needed_s(_state(), _to(90.0, 400.0), HOME) == pytest.approx(100.0 + 25.0 + 20.0, abs=1.0)


def test_without_a_position_nothing_is_flown() -> None:
    assert _codes(check_leg(replace(_state(), position=None), _to(0.0, 50.0))) == {"no_position"}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"armed": False}, "not armed"),
        ({"landed": "on_ground"}, "on_ground"),
        ({"custom_mode": 5}, "the pilot's sticks fly it"),
        ({"position": None}, "where it is"),
    ],
)
def test_an_order_to_an_aircraft_that_cannot_take_it_says_why(change: dict[str, object], word: str) -> None:
    require_in_flight(_state())
    with pytest.raises(NotFlying, match=word):
        require_in_flight(replace(_state(), **change))  # type: ignore[arg-type]


def test_a_place_is_looked_at_from_the_side_where_the_aircraft_is() -> None:
    fire = _to(90.0, 200.0, 0.0)
    stand = stand_off(fire, _state(), distance=40.0, height_m=25.0)
    assert distance_m(GeoPoint(stand.lat_deg, stand.lon_deg, 0.0, Datum.HOME), fire) == pytest.approx(40.0, abs=0.1)
    assert azimuth_deg(fire, stand) == pytest.approx(270.0, abs=1.0) and stand.alt_m == 25.0
