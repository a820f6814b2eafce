"""The surface: shadows by hand, a given elevation raster, rays against geometry, and things that stand on it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyproj
import pytest

from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid
from simulators.air import Air
from simulators.fire import Scene, build
from simulators.friends import Mirror, Thing
from simulators.glint import mirrored
from simulators.ground import Ground, box, towards_sun, warm_by_sun
from simulators.march import Marcher
from simulators.radiance import KELVIN, band_radiance
from simulators.scenario import ScenarioError, load
from simulators.scenery import Friend, Sun, Terrain

PLACE = load("uebungsplatz")


def flat(size: int = 200) -> Ground:
    def even(value: float) -> np.ndarray:
        return np.full((size, size), value, np.float32)

    return Ground(size / 4, even(30.0), even(30.0), even(290.0), even(1.0), even(10.0), [], [], [])


def test_the_sun_stands_where_it_is_said() -> None:
    assert towards_sun(Sun(30.0, 90.0)) == pytest.approx((math.sqrt(0.75), 0.0, 0.5))
    assert towards_sun(Sun(90.0, 10.0)) == pytest.approx((0.0, 0.0, 1.0))


def test_a_wall_throws_a_shadow_of_its_height_over_the_tangent() -> None:
    """10 m high, sun in the south at 45°: 10 m of shadow to the north, none elsewhere."""
    ground = flat()
    ground.stand(box(0.0, 0.0, 20.0, 4.0, 0.0), 10.0, "roof", "Halle")
    ground.sunny[:] = 10.0
    warm_by_sun(ground, Sun(45.0, 180.0))
    column = ground.kelvin[:, 100] - 290.0  # north to south through the wall, row 100 is the middle
    lit = 10.0 * math.sqrt(0.5)
    assert column[150] == pytest.approx(lit, abs=0.01)
    shaded = np.flatnonzero(column < 0.5 * lit)
    north_m = (99.5 - shaded) * 0.5
    assert north_m.max() == pytest.approx(12.0, abs=1.1)
    assert ground.kelvin[:, 5] - 290.0 == pytest.approx(np.full(200, lit), abs=0.01)


def test_clouds_take_the_suns_warmth() -> None:
    ground = flat()
    warm_by_sun(ground, Sun(90.0, 0.0, clear=0.0))
    assert (ground.kelvin == 290.0).all()


def given(slope: float, half_m: float = 400.0, cell_m: float = 5.0) -> TerrainGrid:
    """An even slope rising to the grid's east, EPSG:25832, around the scenario's place."""
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:25832", always_xy=True)
    x, y = to_grid.transform(PLACE.lon_deg, PLACE.lat_deg)
    steps = np.arange(-half_m, half_m + 1e-6, cell_m)
    heights = np.broadcast_to(100.0 + slope * steps, (len(steps), len(steps))).astype(np.float32)
    return TerrainGrid(heights, "EPSG:25832", x - half_m, y + half_m, cell_m, cell_m, Datum.SEA_LEVEL, 0.5)


def test_a_given_elevation_raster_is_the_ground_and_everything_else_stands_on_it() -> None:
    bare = build(replace(PLACE, heaps=0, friends=0), 1)
    placed = build(replace(PLACE, heaps=0, friends=0, halls=1), 1, given(0.1))
    # Grid east is 1.74° off here: 0.1 m a metre, less a cosine.
    for east in (-60.0, 0.0, 60.0):
        own = bare.height_at(east, -40.0) - PLACE.ground_amsl_m
        assert placed.height_at(east, -40.0) - own == pytest.approx(100.0 + 0.1 * east, abs=0.15)
    roof = next(patch for patch in placed.patches if patch.kind == "building")
    e, n = np.mean(roof.ring, axis=0)
    assert placed.height_at(float(e), float(n)) > 100.0 + 0.1 * e + 6.0
    assert all(
        fire.height_amsl_m == pytest.approx(placed.height_at(fire.east_m, fire.north_m)) for fire in placed.fires
    )


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (given(0.0, half_m=60.0), r"leaves \d+ % of the scene without a height"),
        (replace(given(0.0), datum=Datum.ELLIPSOID), "datum ELLIPSOID; SEA_LEVEL is needed"),
        (replace(given(0.0), heights_m=np.full((161, 161), np.nan, np.float32)), "leaves 100 %"),
    ],
)
def test_an_elevation_raster_that_does_not_serve_is_refused(grid: TerrainGrid, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        build(PLACE, 1, grid)


def level_scene(height: np.ndarray) -> Scene:
    return replace(build(PLACE, 1), height_m=height, bare_m=height, kelvin=np.full_like(height, 285.0))


def test_rays_meet_what_stands_first() -> None:
    height = np.full((520, 520), 30.0, np.float32)
    height[:, 280:300] = 42.0  # a wall from 10 m to 20 m in the east, 12 m high
    marcher = Marcher(level_scene(height))
    eye = np.array([0.0, 0.0, 70.0])
    directions = np.array(
        [[0.0, 0.0, -1.0], [15.0, 0.0, -28.0], [25.0, 0.0, -40.0], [-40.0, 0.0, -40.0], [1.0, 0, 0.1]]
    )
    lengths = marcher.meet(eye, directions)
    # Straight down; onto the roof; 25 m east at the ground, but the roof is passed at 28/40 of it; clear ground; sky.
    assert lengths[[0, 1, 3]] == pytest.approx([40.0, 1.0, 1.0], abs=0.01)
    assert lengths[2] == pytest.approx(28.0 / 40.0, abs=0.02)
    assert lengths[4] == np.inf
    hidden = marcher.hidden(eye, np.array([[22.0, 0.0, 30.0], [8.0, 0.0, 30.0], [15.0, 0.0, 42.0], [60.0, 0.0, 30.0]]))
    assert hidden.tolist() == [True, False, False, False]


def test_marching_agrees_with_a_slope_by_hand_at_any_angle() -> None:
    east = (np.arange(520) + 0.5) * 0.5 - 130.0
    height = np.broadcast_to(30.0 + 0.1 * east, (520, 520)).astype(np.float32).copy()
    marcher = Marcher(level_scene(height))
    rng = np.random.default_rng(4)
    directions = np.column_stack([rng.uniform(-1, 1, 200), rng.uniform(-1, 1, 200), rng.uniform(-1.0, -0.6, 200)])
    eye = np.array([3.0, -2.0, 80.0])
    expected = (80.0 - 30.0 - 0.1 * 3.0) / (0.1 * directions[:, 0] - directions[:, 2])
    assert marcher.meet(eye, directions) == pytest.approx(expected, rel=2e-3)


def test_water_is_a_better_mirror_at_a_grazing_angle() -> None:
    pond = Mirror(0.0, 0.0, 0.0, (900.0, 900.0), 0.0, (0.0, 0.0, 1.0), 0.011, 0.06, True)
    here = np.zeros((1, 1), np.float32)
    peaks = []
    for elevation in (60.0, 15.0):
        e, n, up = towards_sun(Sun(elevation, 90.0))
        eye = 100.0 * np.array([-e, n, up])
        peaks.append(float(mirrored(pond, (e, n, up), eye, here, here)[0, 0]))
    assert 0.05 < peaks[0] < 1.0 and peaks[1] > 10.0 * peaks[0]
    assert float(mirrored(pond, (0.0, 0.0, -1.0), np.array([0.0, 0.0, 100.0]), here, here)[0, 0]) == 0.0


def test_friends_are_there_in_their_number_and_stand_up_where_they_should() -> None:
    friends = tuple(
        Friend(kind, count=2) for kind in ("glint", "roof", "tank", "chimney", "engine", "person", "animal")
    )
    scenario = replace(load("schrottinsel"), friend=friends, sun=Sun(50.0, 200.0))
    scene = build(scenario, 2)
    kinds = [thing.kind for thing in scene.things]
    assert sorted(kinds) == sorted(2 * ["chimney", "engine", "person", "animal"])
    assert [thing.number for thing in scene.things] == list(range(8, 16))
    assert sum(not mirror.wet for mirror in scene.mirrors) == 2 and sum(mirror.wet for mirror in scene.mirrors) == 1
    assert sum(patch.name in ("Tank", "Schuppen") for patch in scene.patches) == 4
    for chimney in (thing for thing in scene.things if thing.kind == "chimney"):
        assert chimney.height_amsl_m > scenario.ground_amsl_m + 8.0


def test_an_animal_walks_in_a_loop_and_comes_back() -> None:
    deer = Thing(1, "animal", 2.0, 3.0, 0.0, 0.4, (), 5.0, 0.05)
    assert deer.at(0.0) == pytest.approx((2.0, 3.0, 0.4))
    assert deer.at(2 * math.pi / 0.05)[:2] == pytest.approx((2.0, 3.0))
    east, north, heading = deer.at(10.0)
    later = deer.at(10.01)
    assert math.atan2(later[1] - north, later[0] - east) == pytest.approx(heading, abs=0.01)
    assert math.hypot(later[0] - east, later[1] - north) == pytest.approx(5.0 * 0.05 * 0.01, rel=1e-3)


def test_every_seed_is_one_world_to_the_last_bit() -> None:
    friends = (Friend("glint", count=3), Friend("animal"))
    scenario = replace(PLACE, friend=friends, sun=Sun(40.0, 180.0), terrain=Terrain("hilly"))
    one, again, other = build(scenario, 1), build(scenario, 1), build(scenario, 2)
    assert (one.height_m == again.height_m).all() and (one.kelvin == again.kelvin).all()
    assert one.mirrors == again.mirrors and [t.at(3.0) for t in one.things] == [t.at(3.0) for t in again.things]
    assert (one.height_m != other.height_m).any() and one.mirrors != other.mirrors
    assert np.ptp(one.bare_m) > 20.0


def test_air_follows_its_own_formula() -> None:
    """By hand for 20 °C, 50 %, 100 m: h = 0.5 exp(2.841…) = 8.6 g; haze 20 km."""
    air = Air(KELVIN + 20.0, 0.5, 20.0)
    h = 0.5 * math.exp(1.5587 + 6.939e-2 * 20 - 2.7816e-4 * 400 + 6.8455e-7 * 8000)
    first = 1.9 * math.exp(-10.0 * (0.006569 - 0.002276 * math.sqrt(h)))
    second = -0.9 * math.exp(-10.0 * (0.01262 - 0.00667 * math.sqrt(h)))
    expected = (first + second) * math.exp(-0.1 * 3.912e-3 / 20.0 * 100.0)
    near, far = air.transmission(np.array([100.0, 1000.0]))
    assert float(near) == pytest.approx(expected, rel=1e-6)
    assert far < near < 1.0
    zenith, low, horizon = (float(value) for value in air.sky(np.array([1.0, 0.2, 0.0])))
    assert zenith < low < horizon == pytest.approx(float(band_radiance(KELVIN + 20.0)), rel=1e-6)
    assert zenith < air.diffuse_sky < horizon
    foggy = replace(air, visibility_km=0.1)
    assert float(foggy.transmission(np.array([100.0]))[0]) < 0.75
