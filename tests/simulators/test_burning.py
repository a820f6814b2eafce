"""Fires over time and where the dice put them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from simulators.burning import Fire
from simulators.fire import build
from simulators.radiance import KELVIN
from simulators.scenario import Scenario, ScenarioError, load
from simulators.scenery import Burning, Smoke, Terrain
from simulators.smoke import puffs

AIR_K = KELVIN + 10.0
FIRE = Fire(1, 3.0, 4.0, 33.0, 1.0, AIR_K + 400.0, False, grows=0.005, peaks_s=200.0, cools=0.01, air_k=AIR_K)


def with_burning(*entries: Burning, name: str = "uebungsplatz") -> Scenario:
    return replace(load(name), fires=0, roof_fires=0, burning=entries)


def test_a_fire_grows_until_its_peak_and_then_cools_towards_the_air() -> None:
    assert (FIRE.at(-5.0).radius_m, FIRE.at(0.0).radius_m, FIRE.at(0.0).kelvin) == (1.0, 1.0, AIR_K + 400.0)
    assert (FIRE.at(100.0).radius_m, FIRE.at(100.0).kelvin) == (1.5, AIR_K + 400.0)
    assert (FIRE.at(200.0).radius_m, FIRE.at(300.0).radius_m) == (2.0, 2.0)
    assert FIRE.at(300.0).kelvin == pytest.approx(AIR_K + 400.0 / math.e)
    assert FIRE.at(5000.0).kelvin == pytest.approx(AIR_K, abs=0.01)


def test_a_front_is_long_across_the_wind_and_runs_with_it() -> None:
    fires = build(with_burning(Burning("front", moves_m_per_min=6.0)), 3).fires
    (front,) = fires
    wind = build(with_burning(Burning("front")), 3).downwind_rad
    before, after = front.at(0.0), front.at(60.0)
    run = (after.east_m - before.east_m, after.north_m - before.north_m)
    assert math.hypot(*run) == pytest.approx(6.0)
    assert math.atan2(*run) % (2 * math.pi) == pytest.approx(wind)
    ring = front.ring(0.0)[:, :2] - (before.east_m, before.north_m)
    along_wind = ring @ (math.sin(wind), math.cos(wind))
    assert np.ptp(along_wind) == pytest.approx(0.12 * 2 * front.radius_m, rel=0.02)
    assert np.hypot(*ring.T).max() == pytest.approx(front.radius_m, rel=0.01)


def test_the_ring_has_the_area_of_its_disc() -> None:
    east, north, height = FIRE.ring(100.0, 200).T
    area = 0.5 * abs(np.dot(east, np.roll(north, 1)) - np.dot(north, np.roll(east, 1)))
    assert area == pytest.approx(math.pi * 1.5**2, rel=1e-3)
    assert (height == 33.0).all()


def test_kinds_keep_to_their_figures_and_embers_lie_in_their_cluster() -> None:
    entry = Burning("ember", count=40, place="cluster", at_m=(-5.0, 4.0), spread_m=12.0)
    embers = build(with_burning(entry), 5).fires
    assert len(embers) == 40 and {fire.kind for fire in embers} == {"ember"}
    assert [fire.number for fire in embers] == list(range(1, 41))
    assert all(0.04 <= fire.radius_m <= 0.25 and fire.cover == 0.5 for fire in embers)
    middle = np.mean([(fire.east_m, fire.north_m) for fire in embers], axis=0)
    assert middle == pytest.approx([-5.0, 4.0], abs=4.0)
    places = [(fire.east_m, fire.north_m) for fire in embers]
    assert min(math.dist(a, b) for i, a in enumerate(places) for b in places[:i]) > 1.4


def test_a_ring_of_peat_runs_around_its_middle() -> None:
    peat = build(with_burning(Burning("peat", count=8, place="ring", at_m=(0.0, 0.0), spread_m=40.0)), 2).fires
    assert all(25.0 < math.hypot(fire.east_m, fire.north_m) < 55.0 for fire in peat)
    turns = sorted(math.atan2(fire.east_m, fire.north_m) for fire in peat)
    assert max(b - a for a, b in pairwise(turns)) < math.radians(100.0)


def test_roof_fires_lie_on_roofs_and_none_in_the_water() -> None:
    scenario = with_burning(Burning("roof", count=3), Burning("fire", count=10), name="schrottinsel")
    for seed in range(3):
        scene = build(scenario, seed)
        for fire in scene.fires:
            bare = float(
                scene.sample(scene.bare_m, *(np.full((1, 1), v, np.float32) for v in (fire.east_m, fire.north_m)))[0, 0]
            )
            assert (fire.height_amsl_m - bare > 5.0) == fire.on_roof
            assert fire.height_amsl_m > scenario.ground_amsl_m - 3.0
        assert [fire.on_roof for fire in scene.fires] == [True] * 3 + [False] * 10


def test_in_a_forest_small_fires_lie_between_the_trees() -> None:
    scenario = replace(with_burning(Burning("ember", count=20)), terrain=Terrain("forest"))
    scene = build(scenario, 1)
    assert float((scene.height_m - scene.bare_m).max()) > 10.0
    for fire in scene.fires:
        under = scene.sample(scene.bare_m, *(np.full((1, 1), v, np.float32) for v in (fire.east_m, fire.north_m)))
        assert fire.height_amsl_m - float(under[0, 0]) < 0.5


def test_too_many_for_the_room_is_said() -> None:
    with pytest.raises(ScenarioError, match=r"'uebungsplatz': \d+ fires do not fit into its survey_m"):
        build(with_burning(Burning("fire", count=120, radius_m=(3.0, 3.0))), 1)


def test_smoke_leaves_the_larger_fires_alone_and_thins_downwind() -> None:
    small, cold = replace(FIRE, radius_m=0.1, grows=0.0), replace(FIRE, kelvin=AIR_K + 60.0)
    assert puffs(Smoke(), (small, cold), 3.0, 0.0, 10.0) is None
    seen = puffs(Smoke(thickness=0.4), (replace(FIRE, grows=0.0), small), 3.0, 0.0, 10.0)
    assert seen is not None
    north = seen.enu[:, 1] - FIRE.north_m
    assert (north >= 0.0).all() and (np.diff(north) > 0.0).all()
    assert np.abs(seen.enu[:, 0] - FIRE.east_m).max() < 0.2 * north.max()
    assert (np.diff(seen.depth[2:]) < 0.0).all() and (np.diff(seen.warm_k) < 0.0).all()
    assert seen.depth.max() <= 0.4 and seen.warm_k[0] <= 30.0
