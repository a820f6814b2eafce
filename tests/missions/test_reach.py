"""The way home and the radio's view, from everywhere in the flight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.checks import Limits, check
from missions.fence import rally_items
from missions.findings import Finding
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame, offset
from missions.geometry.plane_terrain import PlaneGround, closest_pass
from missions.geometry.terrain import FlatGround, TerrainGrid
from missions.items import compile_items
from missions.link_checks import bulge_m, fresnel_m, line_of_sight
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from missions.path import legs_of
from missions.place_checks import _leg_clearance, _surely_clear
from missions.reach_checks import chosen_target, return_height

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(replace(HOME, alt_m=0.0))


def _grid(heights: np.ndarray) -> TerrainGrid:
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    half = heights.shape[0] / 2.0
    return TerrainGrid(heights.astype(np.float32), "EPSG:25832", float(x) - half, float(y) + half, 1.0, 1.0)


def _tower(height: float) -> TerrainGrid:
    """Flat at 33 m, a tower of 20 m × 20 m in the north-east, 106 m from home."""
    heights = np.full((800, 800), 33.0)
    heights[315:335, 465:485] += height
    return _grid(heights)


def _around_the_tower(height: float, terrain: TerrainGrid, **limits: float) -> tuple[Finding, ...]:
    """North, then east of the tower's far side, and home along the east: no leg comes near it, the way home may."""
    points = [(0.0, 250.0), (45.0, 330.0), (90.0, 250.0), (90.0, 100.0)]
    places = [FlyTo(replace(offset(HOME, a, d), alt_m=height, datum=Datum.HOME)) for a, d in points]
    items = compile_items(Mission("f", (TakeOff(height), *places, ReturnHome()), HOME))
    return check(items, terrain=terrain, limits=Limits(**limits)).findings


def test_a_way_home_that_no_leg_flies_is_looked_at() -> None:
    low = {finding.code: finding for finding in _around_the_tower(30.0, _tower(40.0))}
    assert set(low) == {"rtl_path", "line_of_sight"}
    assert "10.0 m under the surface" in low["rtl_path"].text
    assert "Set RTL_ALT to 50 m or more" in low["rtl_path"].remedy
    assert low["rtl_path"].lat_deg is not None
    assert low["rtl_path"].lat_deg > HOME.lat_deg


def test_what_the_remedy_says_is_the_remedy() -> None:
    assert "rtl_path" in {finding.code for finding in _around_the_tower(30.0, _tower(40.0), rtl_m=49.0)}
    assert "rtl_path" not in {finding.code for finding in _around_the_tower(30.0, _tower(40.0), rtl_m=50.0)}


def test_a_higher_antenna_looks_over_the_tower() -> None:
    assert "line_of_sight" in {f.code for f in _around_the_tower(60.0, _tower(30.0), antenna_m=2.0)}
    assert "line_of_sight" not in {f.code for f in _around_the_tower(60.0, _tower(30.0), antenna_m=25.0)}


@pytest.mark.parametrize(("link_m", "told"), [(325.0, True), (335.0, False)])
def test_the_radios_range_is_held_against_the_farthest_place(link_m: float, told: bool) -> None:
    found = _around_the_tower(60.0, _tower(0.0), link_m=link_m)
    assert [finding.code for finding in found] == (["link_range"] if told else [])


_ROUGH = _grid(33.0 + 25.0 * np.random.default_rng(3).random((400, 400)) ** 8)
_place = st.tuples(st.floats(-150.0, 150.0), st.floats(-150.0, 150.0), st.floats(33.0, 90.0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_place, _place), min_size=1, max_size=6))
def test_the_closest_pass_is_what_sampling_every_step_finds(lines: list[tuple[tuple[float, ...], ...]]) -> None:
    a, b = (np.array([line[end] for line in lines]) for end in (0, 1))
    plane = PlaneGround.over(_ROUGH, FRAME, np.vstack([a, b])[:, :2])
    near = closest_pass(plane, a, b, 20.0, 0.5)
    for start, end, found, share in zip(a, b, near.above_m, near.share, strict=True):
        part = np.linspace(0.0, 1.0, 2001)[:, None]
        line = start + part * (end - start)
        lat, lon, _ = FRAME.geo_from_enu(np.column_stack([line[:, :2], np.zeros(len(line))]))
        truth = float((line[:, 2] - _ROUGH.height_at(lat, lon)).min())
        if np.isfinite(found):
            at = start + share * (end - start)
            assert at[2] - float(plane.heights(at[None, :2])[0]) == pytest.approx(found, abs=0.3)
            assert truth == pytest.approx(found, abs=8.0)  # cells of 1 m as steep as 25 m: half a step apart
        else:
            assert truth > 19.0


def test_heights_by_the_polynomial_are_those_of_the_projection() -> None:
    places = np.random.default_rng(1).uniform(-190.0, 190.0, (500, 2))
    fast = PlaneGround.over(_ROUGH, FRAME, places).heights(places)
    lat, lon, _ = FRAME.geo_from_enu(np.column_stack([places, np.zeros(500)]))
    assert np.abs(fast - _ROUGH.height_at(lat, lon)).max() < 0.3


# ---- which way a return takes


@pytest.mark.parametrize(
    ("place", "limit_m", "wanted"),
    [
        ((90.0, 0.0), 300.0, 0),  # home is nearer
        ((110.0, 0.0), 300.0, 1),  # the rally point at 200 m is nearer
        ((499.0, 0.0), 300.0, 1),  # 299 m from it
        ((501.0, 0.0), 300.0, 0),  # no rally point within RALLY_LIMIT_KM: home
        ((501.0, 0.0), 0.0, 1),  # no limit
        ((200.0, 150.0), 300.0, 2),
    ],
)
def test_a_return_goes_to_the_nearest_rally_point_or_home(
    place: tuple[float, float], limit_m: float, wanted: int
) -> None:
    targets = np.array([[0.0, 0.0, 0.0], [200.0, 0.0, 0.0], [200.0, 180.0, 30.0]])
    assert chosen_target(np.array([place]), targets, limit_m).tolist() == [wanted]
    assert chosen_target(np.array([place]), targets[:1], limit_m).tolist() == [0]


@pytest.mark.parametrize(
    ("own", "target", "away", "rtl", "cone", "wanted"),
    [
        (10.0, 0.0, 500.0, 15.0, 3.0, 15.0),  # climbs to RTL_ALT
        (40.0, 0.0, 500.0, 15.0, 3.0, 40.0),  # never sinks on the way
        (10.0, 60.0, 500.0, 15.0, 3.0, 60.0),  # the rally point's height counts
        (10.0, 0.0, 6.0, 50.0, 3.0, 18.0),  # near its target it climbs only up to the cone
        (30.0, 0.0, 6.0, 50.0, 3.0, 30.0),
        (10.0, 0.0, 6.0, 50.0, 0.0, 50.0),  # no cone
        (10.0, 0.0, 6.0, 50.0, 0.4, 50.0),  # one so flat does not count
        (0.0, 0.0, 0.0, 50.0, 3.0, 0.3),
    ],
)
def test_the_height_of_a_return(own: float, target: float, away: float, rtl: float, cone: float, wanted: float) -> None:
    found = return_height(*(np.array([value]) for value in (own, target, away)), rtl, cone)
    assert found.tolist() == pytest.approx([wanted])


def _codes_with_rally(rally: tuple[GeoPoint, ...], **limits: float) -> dict[str, Finding]:
    points = [(0.0, 250.0), (45.0, 330.0), (90.0, 250.0), (90.0, 100.0)]
    places = [FlyTo(replace(offset(HOME, a, d), alt_m=30.0, datum=Datum.HOME)) for a, d in points]
    items = compile_items(Mission("f", (TakeOff(30.0), *places, ReturnHome()), HOME))
    report = check(items, terrain=_tower(40.0), rally=rally_items(rally), limits=Limits(**limits))
    return {finding.code: finding for finding in report.findings}


def test_a_rally_point_behind_the_tower_mends_the_way_home_and_one_before_it_breaks_one() -> None:
    """From the far corner the way home meets the tower; to a rally point there it does not."""
    behind = replace(offset(HOME, 45.0, 300.0), alt_m=20.0, datum=Datum.HOME)
    assert "rtl_path" in _codes_with_rally(())
    assert "rtl_path" not in _codes_with_rally((behind,))
    # Out of RALLY_LIMIT_KM it is as if it were not there.
    assert "rtl_path" in _codes_with_rally((behind,), rally_limit_m=30.0)
    # One right before the tower draws returns over it that went home clear of it.
    before = replace(offset(HOME, 45.0, 75.0), alt_m=20.0, datum=Datum.HOME)
    told = _codes_with_rally((before,), rtl_m=15.0)["rtl_path"]
    assert "straight to rally point 1" in told.text


def test_near_home_the_cone_keeps_a_return_low() -> None:
    """A mast of 25 m, 15 m from home: RTL_ALT clears it, but from 30 m away a return climbs to 30 m at most."""
    heights = np.full((400, 400), 33.0)
    heights[195:205, 212:218] += 25.0
    points = [(0.0, 40.0, 40.0), (45.0, 60.0, 40.0), (90.0, 30.0, 8.0)]
    places = [FlyTo(replace(offset(HOME, a, d), alt_m=h, datum=Datum.HOME)) for a, d, h in points]
    items = compile_items(Mission("f", (TakeOff(40.0), *places, ReturnHome()), HOME))
    told = {}
    for cone in (0.0, 1.0, 3.0):
        findings = check(items, terrain=_grid(heights), limits=Limits(rtl_m=60.0, rtl_cone_slope=cone)).findings
        told[cone] = next((finding for finding in findings if finding.code == "rtl_path"), None)
    assert told[0.0] is None and told[3.0] is None
    assert told[1.0] is not None
    assert "RTL_CONE_SLOPE to 0" in told[1.0].remedy and "5.0 m above" in told[1.0].text


# ---- ground without a height


def test_ground_without_a_height_is_said_where_a_return_or_the_radio_passes_it() -> None:
    """A hole in the data between home and the far corner that no leg crosses."""
    holed = _tower(0.0)
    heights = holed.heights_m.copy()
    heights[310:340, 460:490] = np.nan
    told = [f for f in _around_the_tower(60.0, _grid(heights)) if f.code == "reach_unknown"]
    assert [f.severity for f in told] == ["warning"] * 2
    assert any("way home was not checked" in f.text for f in told)
    assert any("line of sight" in f.text for f in told)
    assert not [f for f in _around_the_tower(60.0, holed) if f.code == "reach_unknown"]


def test_a_wall_beside_a_hole_in_the_data_is_still_found() -> None:
    heights = _tower(40.0).heights_m.copy()
    heights[300:312, 440:452] = np.nan
    codes = {f.code for f in _around_the_tower(30.0, _grid(heights))}
    assert {"rtl_path", "line_of_sight"} <= codes


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(20.0, 150.0), st.floats(0.0, 360.0))
def test_a_line_over_a_gap_is_unknown_and_others_are_not(seed: int, away: float, angle: float) -> None:
    dice = np.random.default_rng(seed)
    heights = np.full((400, 400), 33.0)
    row, column = dice.integers(50, 340, 2)
    heights[row : row + 6, column : column + 6] = np.nan
    grid = _grid(heights)
    end = away * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    a, b = np.array([[0.0, 0.0, 40.0]]), np.array([[*end, 40.0]])
    plane = PlaneGround.over(grid, FRAME, np.array([[-190.0, -190.0], [190.0, 190.0]]))
    near = closest_pass(plane, a, b, 5.0, 0.5)
    along = np.linspace(0.0, 1.0, 2001)[:, None] * end
    truth = bool(np.isnan(plane.heights(along)).any())
    edge = np.isnan(plane.heights(along)).sum() in range(1, 20)  # a corner cut by less than the step may be missed
    assert bool(near.unknown[0]) is truth or edge


# ---- the radio


def test_the_known_numbers_of_curvature_and_fresnel_zone() -> None:
    half = np.array([500.0, 5_000.0])
    # 4/3 of the earth: d1·d2 / 12.74 / 4/3 metres with kilometres (ITU-R P.530), 0.0147 and 1.47 m
    assert bulge_m(half, half) == pytest.approx(half * half * 1e-6 / 12.742 * 0.75, rel=1e-3)
    # 17.3·√(d1·d2 / (f·d)) metres with kilometres and GHz
    assert fresnel_m(half, half, 2400.0) == pytest.approx(17.32 * np.sqrt(0.25e-3 * half / 1e3 * 2e3 / 2.4), rel=2e-3)


@pytest.mark.parametrize(("high", "codes"), [(1.2, ["line_of_sight"]), (1.5, ["fresnel"]), (14.0, [])])
def test_over_the_horizon_is_out_of_sight(high: float, codes: list[str]) -> None:
    """9.5 km over flat ground: antenna and aircraft see each other over the 4/3 earth from 1.33 m up; 60 % of the
    Fresnel zone (17.2 m in the middle) is free of it from 11.7 m up."""
    ground = FlatGround(33.0)
    place = np.array([[9_500.0, 0.0, 33.0 + high]])
    plane = PlaneGround.over(ground, FRAME, np.vstack([place[:, :2], [[0.0, 0.0]]]))
    found = line_of_sight(place, [(3, 51.4, 6.9)], plane, 33.0 + high, 2400.0, 5.0)
    assert [finding.code for finding in found.findings] == codes


@settings(max_examples=25, deadline=None)
@given(st.lists(_place, min_size=1, max_size=6), st.floats(1.0, 30.0), st.sampled_from([900.0, 2400.0, 5800.0]))
def test_sight_is_what_sampling_the_ray_finds(places: list[tuple[float, ...]], antenna: float, mhz: float) -> None:
    enu = np.array(places)
    plane = PlaneGround.over(_ROUGH, FRAME, np.vstack([enu[:, :2], [[0.0, 0.0]]]))
    hidden = weak = doubt = 0
    for place in enu:
        away = float(np.hypot(*place[:2]))
        if away <= 20.0:
            continue
        share = np.linspace(10.0 / away, 1.0, 3001)
        line = 33.0 + antenna + share * (place[2] - 33.0 - antenna) - plane.heights(share[:, None] * place[:2])
        sunk = line - bulge_m(share * away, away - share * away)
        roomy = float((sunk - 0.6 * fresnel_m(share * away, away - share * away, mhz)).min())
        doubt += min(abs(float(sunk.min())), abs(roomy)) < 3.0  # cells of 1 m as steep as 25 m: half a step apart
        hidden, weak = hidden + (sunk.min() < 0.0), weak + (sunk.min() >= 0.0 > roomy)
    found = {f.code: int(f.text.split()[0]) for f in line_of_sight(
        enu, [(1, 51.0, 6.0)] * len(enu), plane, 33.0 + antenna, mhz, 0.5).findings}  # fmt: skip
    assert abs(found.get("line_of_sight", 0) - hidden) <= doubt
    assert abs(found.get("fresnel", 0) - weak) <= doubt


# ---- many legs at once


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-150.0, 150.0), st.floats(-150.0, 150.0), st.floats(20.0, 60.0)), min_size=1, max_size=7
    ),
    st.booleans(),
)
def test_legs_that_are_surely_clear_have_no_finding_when_looked_at_one_by_one(
    places: list[tuple[float, float, float]], holed: bool
) -> None:
    heights = _ROUGH.heights_m.copy()
    if holed:
        heights[250:256, 100:300] = np.nan
    terrain = _grid(heights)
    lat, lon, _ = FRAME.geo_from_enu(np.array([[east, north, 0.0] for east, north, _ in places]))
    steps = [
        FlyTo(GeoPoint(float(a), float(b), up, Datum.HOME)) for a, b, (_, _, up) in zip(lat, lon, places, strict=True)
    ]
    legs = legs_of(compile_items(Mission("m", (TakeOff(20.0), *steps, ReturnHome()), HOME)), HOME)
    clear = _surely_clear(legs, HOME, 33.0, terrain, Limits(), 0.5)
    assert not clear[0]  # the climb is looked at by itself
    for leg, fine in zip(legs, clear, strict=True):
        if fine:
            assert not list(_leg_clearance(leg, terrain, 33.0, Limits(), 0.5, climbing=False))
