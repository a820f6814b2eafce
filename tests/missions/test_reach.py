"""The way home and the radio's view, from everywhere in the flight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.checks import Limits, check
from missions.findings import Finding
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame, offset
from missions.geometry.plane_terrain import PlaneGround, closest_pass
from missions.geometry.terrain import TerrainGrid
from missions.items import compile_items
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff

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
    above, where = closest_pass(plane, a, b, 20.0, 0.5)
    for start, end, found, share in zip(a, b, above, where, strict=True):
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
