"""Items: what is sent, what the vehicle keeps of it, and that the way back loses nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.geometry.geo import Datum, GeoPoint
from missions.items import (
    KINDS,
    Command,
    Frame,
    MissionItem,
    canonical,
    compile_items,
    describe,
    differences,
    has_place,
    home_of,
    item_from_wire,
    parse_items,
    wire_xy,
)
from missions.mission import (
    FlyTo,
    Land,
    LookAt,
    Mission,
    MissionError,
    PointCamera,
    ReturnHome,
    SetSpeed,
    ShootEvery,
    TakeOff,
    Wait,
)

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)

_degrees = st.floats(-85.0, 85.0).map(lambda value: round(value, 7))
_places = st.builds(
    GeoPoint,
    _degrees,
    _degrees,
    st.floats(-100.0, 1000.0).map(lambda value: round(value, 2)),
    st.sampled_from([Datum.HOME, Datum.SEA_LEVEL, Datum.GROUND]),
)
_steps = st.one_of(
    st.builds(TakeOff, st.integers(1, 500).map(float)),
    st.builds(FlyTo, _places, st.integers(0, 600).map(float)),
    st.builds(SetSpeed, st.integers(1, 20).map(float)),
    st.builds(PointCamera, st.integers(-90, 0).map(float), st.integers(-180, 180).map(float)),
    st.builds(LookAt, st.none() | _places),
    st.builds(ShootEvery, st.integers(0, 50).map(float)),
    st.builds(Wait, st.integers(0, 600).map(float)),
    st.just(ReturnHome()),
    st.builds(Land, st.none() | _places),
)
_missions = st.builds(Mission, st.just("m"), st.lists(_steps, max_size=12).map(tuple), st.just(HOME))

_numbers = st.floats(-1e4, 1e4, width=32) | st.just(math.nan)
_items = st.builds(
    MissionItem,
    st.sampled_from(sorted(KINDS)),
    st.sampled_from([0, 2, 3, 5, 6, 10, 11]),
    _numbers,
    _numbers,
    _numbers,
    _numbers,
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(-1000, 10_000, width=32),
    st.booleans(),
)


@given(st.lists(_items, max_size=6))
def test_canonical_is_idempotent(items: list[MissionItem]) -> None:
    once = canonical(items)
    assert canonical(once) == once


@given(_items)
def test_an_item_survives_the_wire(item: MissionItem) -> None:
    x, y = wire_xy(item)
    back = item_from_wire(item.command, item.frame, item.params, x, y, item.alt_m, item.autocontinue)
    assert canonical([back]) == canonical([item])


@given(_missions)
def test_a_mission_survives_its_items(mission: Mission) -> None:
    items = compile_items(mission)
    again = parse_items(items, "m")
    assert again.home == mission.home
    assert canonical(compile_items(again)) == canonical(items)


@given(_missions)
def test_a_vehicle_that_stored_everything_shows_no_difference(mission: Mission) -> None:
    sent = compile_items(mission)
    stored = [MissionItem(16, 0, lat_deg=51.0, lon_deg=6.0, alt_m=35.0), *canonical(sent)[1:]]
    assert differences(sent, stored, home_first=True) == ()


SENT_AND_STORED = [
    # frame 6 → 3, p2 (radius) dropped, NaN heading 0
    (
        MissionItem(16, 6, 1.9, 2.0, 0.0, math.nan, 51.43211119, 6.76, 60.004),
        MissionItem(16, 3, 1.0, 0.0, 0.0, 0.0, 51.4321112, 6.76, 60.0),
    ),
    (MissionItem(82, 11, 0, 0, 0, 0, 51.0, 6.0, 20.0), MissionItem(82, 10, 0, 0, 0, 0, 51.0, 6.0, 20.0)),
    (MissionItem(16, 5, 0, 0, 0, 0, 51.0, 6.0, 20.0), MissionItem(16, 0, 0, 0, 0, 0, 51.0, 6.0, 20.0)),
    # commands without a place come back in frame 0, unused parameters 0
    (MissionItem(178, 2, 1.0, 5.5, -1.0, 7.0), MissionItem(178, 0, 1.0, 5.5, -1.0, 0.0)),
    (MissionItem(205, 2, -90.0, 0.0, 0.0), MissionItem(205, 0, -90.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0)),
    (MissionItem(203, 2, 1.0, 0, 0, 0, 1.0, 0.0, 0.0), MissionItem(203, 0, 1.0, 0, 0, 0, 1.0, 0.0, 0.0)),
    (MissionItem(1000, 2, -90.0, 10.0, 0, 0, 16.0, 0, 1.0), MissionItem(1000, 0, -90.0, 10.0, 0, 0, 16.0, 0, 1.0)),
    # fence: height and frame 0, autocontinue 0
    (MissionItem(5001, 3, 4.0, 0, 0, 0, 51.0, 6.0, 9.0), MissionItem(5001, 0, 4.0, 0, 0, 0, 51.0, 6.0, 0.0, False)),
    (MissionItem(5100, 6, 0, 0, 0, 0, 51.0, 6.0, 40.0), MissionItem(5100, 3, 0, 0, 0, 0, 51.0, 6.0, 40.0, False)),
]


@pytest.mark.parametrize(("sent", "stored"), SENT_AND_STORED)
def test_canonical_is_what_arducopter_keeps(sent: MissionItem, stored: MissionItem) -> None:
    assert canonical([sent]) == (stored,)


def test_a_real_arducopter_kept_exactly_this(testdata: Path) -> None:
    from pymavlink import mavutil

    log = mavutil.mavlink_connection(str(testdata / "sitl" / "survey.tlog"))
    lists: dict[int, dict[int, MissionItem]] = {1: {}, 255: {}}
    while (m := log.recv_match(type="MISSION_ITEM_INT")) is not None:
        params = (m.param1, m.param2, m.param3, m.param4)
        item = item_from_wire(m.command, m.frame, params, m.x, m.y, m.z, bool(m.autocontinue))
        lists[m.get_srcSystem()][m.seq] = item
    sent, stored = ([held[seq] for seq in sorted(held)] for held in (lists[255], lists[1]))
    assert len(sent) == 15
    assert differences(sent, stored, home_first=True) == ()
    assert list(canonical(stored)) == [replace(item, alt_m=round(item.alt_m, 2)) for item in stored]


def test_differences_name_item_and_both_sides() -> None:
    sent = compile_items(Mission("m", (TakeOff(20.0), FlyTo(HOME_ABOVE), ReturnHome()), HOME))
    moved = list(canonical(sent))
    moved[2] = replace(moved[2], alt_m=moved[2].alt_m - 5.0)
    (text,) = differences(sent, moved, home_first=True)
    assert "item 2" in text
    assert "60.00 m above home" in text
    assert "55.00 m" in text
    assert differences(sent, moved[:2], home_first=True) == ("4 items were sent, the vehicle holds 2",)


def test_one_centimetre_cut_off_by_the_vehicle_is_no_difference_but_two_are() -> None:
    sent = (MissionItem(16, 0), MissionItem(16, 3, lat_deg=51.0, lon_deg=6.0, alt_m=20.09))
    assert differences(sent, (sent[0], replace(sent[1], alt_m=20.08)), home_first=True) == ()
    assert differences(sent, (sent[0], replace(sent[1], alt_m=20.07)), home_first=True) != ()


def test_the_place_is_compared_to_the_last_digit() -> None:
    sent = (MissionItem(16, 0), MissionItem(16, 3, lat_deg=51.0, lon_deg=6.0, alt_m=20.0))
    assert differences(sent, (sent[0], replace(sent[1], lat_deg=51.0000001)), home_first=True) != ()


HOME_ABOVE = GeoPoint(51.4330, 6.7605, 60.0, Datum.HOME)


@pytest.mark.parametrize(
    ("datum", "frame"), [(Datum.HOME, Frame.RELATIVE), (Datum.SEA_LEVEL, Frame.GLOBAL), (Datum.GROUND, Frame.TERRAIN)]
)
def test_the_frame_says_the_datum(datum: Datum, frame: Frame) -> None:
    point = GeoPoint(51.0, 6.0, 50.0, datum)
    assert compile_items(Mission("m", (FlyTo(point),), HOME))[1].frame == frame


def test_an_ellipsoid_height_is_refused_with_the_step() -> None:
    with pytest.raises(MissionError, match="ellipsoid"):
        FlyTo(GeoPoint(51.0, 6.0, 50.0, Datum.ELLIPSOID))
    with pytest.raises(MissionError, match="step 2"):
        compile_items(Mission("m", (TakeOff(5.0), Land(GeoPoint(51.0, 6.0, 50.0, Datum.ELLIPSOID))), HOME))


def test_home_stands_at_index_0_and_the_placeholder_is_no_home() -> None:
    assert home_of(compile_items(Mission("m", (), HOME))) == HOME
    assert home_of(compile_items(Mission("m", ()))) is None
    assert home_of(()) is None


def test_a_gimbal_item_has_no_nan_rates() -> None:
    item = compile_items(Mission("m", (PointCamera(-90.0),), HOME))[1]
    assert item.params == (-90.0, 0.0, 0.0, 0.0)


def test_a_value_that_fits_no_integer_is_named() -> None:
    with pytest.raises(MissionError, match="latitude nan"):
        wire_xy(MissionItem(Command.WAYPOINT, 3, lat_deg=math.nan))


def test_describe_is_readable() -> None:
    assert describe(MissionItem(16, 10, lat_deg=51.0, lon_deg=6.0, alt_m=25.0)) == (
        "WAYPOINT 51.0000000 6.0000000, 25.00 m above ground"
    )
    assert describe(MissionItem(12345, 2, 1.0)) == "command 12345 p1=1"
    assert not has_place(12345)
