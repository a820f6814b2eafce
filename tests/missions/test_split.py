"""Parts of a mission: nothing left out, everything set again, and no battery asked for more than it has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Polygon, union_all

from missions.checks import check
from missions.coverage import predict
from missions.duration import flight_time
from missions.energy import Conditions, Supply, budget
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame
from missions.geometry.terrain import TerrainGrid
from missions.items import Command, Frame, MissionItem, compile_items
from missions.mission import LookAt, Mission, PointCamera, Raw, SetSpeed, ShootEvery, Step
from missions.part import Cut, PartError, back_along, holding, nearest_cut, part_of, work_legs
from missions.path import leg_length_m, legs_of
from missions.power import PowerModel
from missions.split import Piece, SplitError, split
from missions.survey import survey

CAMERA = CameraProfile("boson", 640, 512, 1125.0, 1125.0, 319.5, 255.5)
HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)
SUPPLY = Supply(PowerModel(4.0, 0.5, 45.0), Conditions(6.0, 240.0))


def square(size_m: float = 400.0) -> Polygon:
    half = 0.5 * size_m
    lat, lon, _ = FRAME.geo_from_enu(np.array([[-half, 50, 0], [half, 50, 0], [half, size_m, 0], [-half, size_m, 0]]))
    return Polygon(np.column_stack([lon, lat]))


@cache
def mission() -> tuple[MissionItem, ...]:
    """A survey that takes pictures, and changes speed and camera on its way."""
    flight = survey(square(), CAMERA, 60.0, home=HOME)
    steps: list[Step] = []
    for number, step in enumerate(flight.steps):
        steps.append(step)
        if number == 3:
            steps.append(ShootEvery(12.0))
        if number == 9:
            steps += [SetSpeed(7.0), PointCamera(-80.0), LookAt(HOME)]
        if number == 12:
            steps += [LookAt(None), Raw(MissionItem(531, Frame.MISSION, 1.0, 2.0))]
    return compile_items(Mission("s", tuple(steps), HOME))


def line(items: tuple[MissionItem, ...], only_work: bool) -> LineString:
    legs = work_legs(items, HOME) if only_work else [leg for leg in legs_of(items, HOME) if not leg.why]
    stops = [legs[0].start, *(leg.end for leg in legs)]
    return LineString([FRAME.enu_from_geo(s.lat_deg, s.lon_deg, 33.0)[:2] for s in stops])


def together(pieces: tuple[Piece, ...]) -> None:
    """All of the work is flown, in order, with the same things set."""
    flown = union_all([line(piece.items, False) for piece in pieces]).buffer(0.2)
    assert flown.covers(line(mission(), True))
    for piece in pieces:
        for leg in work_legs(piece.items, HOME):
            place = piece.items[leg.end.seq]
            again = [seq for seq, item in enumerate(mission()) if item == place]
            if (
                again and place != piece.items[2]
            ):  # a waypoint of the mission itself: what holds on the way to it is what held there
                assert set(holding(piece.items, leg.end.seq)) == set(holding(mission(), again[0]))
        assert check(piece.items).checked is not None


def test_what_holds_is_what_was_set_last() -> None:
    items = (
        MissionItem(16, 0),
        MissionItem(Command.CHANGE_SPEED, 2, 1.0, 5.0),
        MissionItem(Command.TRIGGER_DISTANCE, 2, 20.0),
        MissionItem(Command.CHANGE_SPEED, 2, 1.0, 8.0),
        MissionItem(Command.ROI_LOCATION, 3, lat_deg=51.0, lon_deg=6.0),
        MissionItem(Command.ROI_NONE, 2),
        MissionItem(2000, 2, 0.0, 2.0, 0.0),
        MissionItem(2000, 2, 0.0, 2.0, 3.0),  # three pictures, then it is over
        MissionItem(Command.TRIGGER_DISTANCE, 2, 0.0),
        MissionItem(16, 3, lat_deg=51.0, lon_deg=6.0, alt_m=50.0),
    )
    assert holding(items, 9) == (items[3],)
    assert holding(items, 7) == (items[2], items[3], items[6])
    assert holding(items, 2) == (items[1],)


@pytest.mark.parametrize("drones", [2, 3])
def test_drones_share_a_survey_without_a_gap_and_equally_long(drones: int) -> None:
    pieces = split(mission(), HOME, drones=drones)
    assert [(piece.drone, piece.battery) for piece in pieces] == [(n + 1, 1) for n in range(drones)]
    together(pieces)
    times = [flight_time(piece.items, HOME).time_s for piece in pieces]
    whole = flight_time(mission(), HOME).time_s
    assert max(times) < 1.15 * min(times) and max(times) < whole / drones + 120.0


def test_no_part_takes_more_than_its_battery_has() -> None:
    pieces = split(mission(), HOME, supply=SUPPLY)
    assert 3 <= len(pieces) <= 8
    together(pieces)
    spent = [budget(piece.items, HOME, SUPPLY).energy_wh for piece in pieces]
    assert max(spent) <= SUPPLY.model.usable_wh
    assert min(spent[:-1]) > 0.85 * SUPPLY.model.usable_wh  # and none turns back early


def test_drones_and_batteries_at_once() -> None:
    pieces = split(mission(), HOME, drones=2, supply=SUPPLY)
    assert {piece.drone for piece in pieces} == {1, 2} and max(piece.battery for piece in pieces) >= 2
    together(pieces)


def test_the_parts_see_what_the_whole_would_have_seen() -> None:
    flight = compile_items(survey(square(), CAMERA, 60.0, home=HOME))
    whole = predict(flight, square(), CAMERA)
    passes = sum(predict(piece.items, square(), CAMERA).passes for piece in split(flight, HOME, drones=3))
    assert whole.seen == 1.0 and int(np.min(passes)) >= 1


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_going_on_anywhere_sets_everything_again(where: float, share: float) -> None:
    legs = work_legs(mission(), HOME)
    leg = legs[min(int(where * len(legs)), len(legs) - 1)]
    rest = part_of(mission(), HOME, Cut(leg.end.seq, share), None)
    first = len(rest) - len(mission()[leg.end.seq :])
    assert set(holding(rest, first)) == set(holding(mission(), leg.end.seq))
    assert rest[first:] == mission()[leg.end.seq :]
    # Pictures begin at the place, not on the way to it.
    shots = [seq for seq, item in enumerate(rest) if item.command == Command.TRIGGER_DISTANCE]
    ways = [seq for seq, item in enumerate(rest) if item.command == Command.WAYPOINT and seq > 0]
    assert all(seq > ways[0] for seq in shots)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 300.0))
def test_back_along_the_way_is_that_many_metres(where: float, metres: float) -> None:
    legs = list(work_legs(mission(), HOME))
    at = min(int(where * len(legs)), len(legs) - 1)
    found = back_along(mission(), HOME, Cut(legs[at].end.seq, 0.5), metres)
    before = {leg.end.seq: sum(leg_length_m(each) for each in legs[:n]) for n, leg in enumerate(legs)}
    lengths = {leg.end.seq: leg_length_m(leg) for leg in legs}

    def along(cut: Cut) -> float:
        return before[cut.seq] + cut.share * lengths[cut.seq]

    start = along(Cut(legs[at].end.seq, 0.5))
    assert along(found) == pytest.approx(max(0.0, start - metres), abs=0.01)


def test_the_way_to_a_cut_behind_a_hill_goes_over_it() -> None:
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    heights = np.full((500, 500), 33.0, np.float32)
    heights[195:205] = 133.0  # a wall of 100 m, 100 m north of home
    terrain = TerrainGrid(heights, "EPSG:25832", float(x) - 500.0, float(y) + 500.0, 2.0, 2.0)
    flight = compile_items(survey(square(), CAMERA, 60.0, home=HOME))
    far = max(work_legs(flight, HOME), key=lambda leg: leg.end.lat_deg)
    part = part_of(flight, HOME, Cut(far.end.seq, 0.5), Cut(far.end.seq, 0.9), terrain=terrain)
    assert part[1].command == Command.TAKEOFF and part[1].alt_m >= 114.0
    assert part[-2].alt_m >= 114.0 and part[-1].command == Command.RETURN_TO_LAUNCH
    codes = {finding.code for finding in check(part, terrain=terrain).findings}
    assert "hits_ground" not in codes


def test_the_place_where_it_stopped_is_found_on_its_leg() -> None:
    leg = work_legs(mission(), HOME)[4]
    lat, lon = (0.3 * getattr(leg.end, k) + 0.7 * getattr(leg.start, k) for k in ("lat_deg", "lon_deg"))
    assert nearest_cut(mission(), HOME, leg.end.seq, lat, lon).share == pytest.approx(0.3, abs=1e-6)


def test_what_cannot_be_cut_is_refused() -> None:
    jumps = (*mission()[:-1], MissionItem(Command.JUMP, 2, 3.0, 2.0), mission()[-1])
    with pytest.raises(PartError, match="DO_JUMP"):
        split(jumps, HOME, drones=2)
    with pytest.raises(PartError, match="item 1"):
        part_of(mission(), HOME, Cut(1, 0.5), None)
    with pytest.raises(PartError, match="empty"):
        part_of(mission(), HOME, Cut(9, 0.5), Cut(8, 0.5))
    with pytest.raises(SplitError, match="0 drones"):
        split(mission(), HOME, drones=0)
    with pytest.raises(SplitError, match="above its reserve"):
        split(mission(), HOME, supply=replace(SUPPLY, model=replace(SUPPLY.model, capacity_wh=6.0)))
