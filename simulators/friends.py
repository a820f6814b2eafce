"""What looks like a fire and is none: warm things, walking things, and panels that mirror the sun.

A **thing** is drawn as the outlines of bodies (their corner points, projected, and the hull of them); a **mirror** is a
rectangle whose glint follows the mirror law for wherever the lens is. What stands up and hides (tank, chimney, a shed
with a warm roof) goes into the height raster as any building does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.burning import Fire
from simulators.ground import Ground, box
from simulators.radiance import KELVIN, Floats
from simulators.scenario import Scenario
from simulators.scenery import Friend

_APART_M = 7.0


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Part of a thing: (K, 3) points of its surface, metres from the thing's foot, and its temperature."""

    points: Floats
    kelvin: float


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A warm thing on the ground; ``walk_m``: radius of the loop that an animal walks, at ``walk_rad_s``.

    ``missing``: the person that is searched for.
    """

    number: int
    kind: str
    east_m: float
    north_m: float
    height_amsl_m: float
    turn_rad: float
    bodies: tuple[Body, ...]
    walk_m: float = 0.0
    walk_rad_s: float = 0.0
    missing: bool = False

    def at(self, at_s: float) -> tuple[float, float, float]:
        """East, north, and heading (counter-clockwise from east) at a time."""
        turn = self.turn_rad + self.walk_rad_s * at_s
        east = self.east_m + self.walk_m * (math.sin(turn) - math.sin(self.turn_rad))
        north = self.north_m - self.walk_m * (math.cos(turn) - math.cos(self.turn_rad))
        return east, north, turn


@dataclass(frozen=True, slots=True)
class Mirror:
    """A rectangle that mirrors the sun: middle, size, turn, the normal, reflectance, rms slope of its roughness."""

    east_m: float
    north_m: float
    height_amsl_m: float
    size_m: tuple[float, float]
    turn_rad: float
    normal: tuple[float, float, float]
    reflectance: float
    slope: float
    wet: bool = False


def stand_up(seed: int, ground: Ground, scenario: Scenario) -> list[tuple[int, Friend, float, float]]:
    """Tanks, chimneys and warm roofs into the rasters; (entry, friend, east, north) of chimneys, whose mouths glow.

    Their own temperatures are set after the sun has warmed the rest (`warm_up`).
    """
    rng = np.random.default_rng([seed, 12])
    mouths = []
    for index, friend in enumerate(scenario.friend):
        for _ in range(friend.count if friend.kind in ("tank", "chimney", "roof") else 0):
            e, n = _free(rng, friend, ground, scenario)
            kelvin = KELVIN + float(rng.uniform(*friend.temperatures_c))
            if friend.kind == "tank":
                radius, top = float(rng.uniform(4.0, 8.0)), float(rng.uniform(6.0, 11.0))
                turns = [k * math.pi / 12 for k in range(24)]
                ring = [(e + radius * math.cos(a), n + radius * math.sin(a)) for a in turns]
                _set(ground, ring, top, "Tank", kelvin)
            elif friend.kind == "roof":
                ring = box(e, n, float(rng.uniform(10, 18)), float(rng.uniform(8, 12)), float(rng.uniform(0, 3)))
                _set(ground, ring, float(rng.uniform(3.0, 5.0)), "Schuppen", kelvin)
            else:
                _set(ground, box(e, n, 1.2, 1.2, 0.0), float(rng.uniform(9.0, 18.0)), "", None)
                mouths.append((index, friend, e, n))
    return mouths


def _set(ground: Ground, ring: list[tuple[float, float]], top_m: float, name: str, kelvin: float | None) -> None:
    inside = ground.stand(ring, top_m, "roof", name)
    if kelvin is not None:
        ground.kelvin[inside] = kelvin
        ground.sunny[inside] = 0.0  # the temperature that was ordered has the sun in it


def _free(
    rng: np.random.Generator, friend: Friend, ground: Ground, scenario: Scenario, taken: tuple[Fire, ...] = ()
) -> tuple[float, float]:
    """A place in the survey with level ground around it; after many tries any place."""
    w, h = (side / 2 for side in scenario.survey_m)
    e = n = 0.0
    for _ in range(60):
        if friend.at_m is not None:
            e = friend.at_m[0] + float(rng.normal(0, 0.5 * friend.spread_m)) * (friend.count > 1)
            n = friend.at_m[1] + float(rng.normal(0, 0.5 * friend.spread_m)) * (friend.count > 1)
        else:
            e, n = float(rng.uniform(-w, w)), float(rng.uniform(-h, h))
        reach = 9.0 if friend.kind in ("tank", "roof") else 1.5
        around = ground.mask(box(e, n, 2 * reach, 2 * reach, 0.0))
        level = around.any() and float(np.ptp(ground.height_m[around])) < 1.5
        dry = not any(patch.kind == "water" and bool((ground.mask(list(patch.ring)) & around).any())
                      for patch in ground.patches)  # fmt: skip
        apart = all(math.hypot(e - f.east_m, n - f.north_m) > _APART_M + f.radius_m for f in taken)
        if (level and dry and apart) or (friend.at_m is not None and friend.count == 1):
            break
    return e, n


def put(
    seed: int,
    ground: Ground,
    scenario: Scenario,
    fires: tuple[Fire, ...],
    mouths: list[tuple[int, Friend, float, float]],
    first_number: int,
) -> tuple[tuple[Thing, ...], tuple[Mirror, ...]]:
    """Everything that is drawn over the rasters; numbers go on from ``first_number``."""
    rng = np.random.default_rng([seed, 13])
    things: list[Thing] = []
    mirrors: list[Mirror] = []

    def add(
        kind: str,
        e: float,
        n: float,
        bodies: tuple[Body, ...],
        walk: tuple[float, float] = (0.0, 0.0),
        *,
        missing: bool = False,
    ) -> None:
        number, turn = first_number + len(things), float(rng.uniform(0, 2 * math.pi))
        things.append(Thing(number, kind, e, n, _height(ground, e, n), turn, bodies, *walk, missing))

    for _, friend, e, n in mouths:
        add("chimney", e, n, (Body(_disc(0.35), KELVIN + float(rng.uniform(*friend.temperatures_c))),))
    for friend in scenario.friend:
        for _ in range(friend.count if friend.kind in ("glint", "engine", "person", "animal") else 0):
            e, n = _free(rng, friend, ground, scenario, fires)
            kelvin = KELVIN + float(rng.uniform(*friend.temperatures_c))
            if friend.kind == "glint":
                mirrors.append(_panel(rng, ground, scenario, kelvin, e, n))
            elif friend.kind == "engine":
                add("engine", e, n, vehicle_bodies(kelvin, KELVIN + scenario.background_c))
            elif friend.kind == "person":
                add("person", e, n, person_bodies(kelvin, lying=bool(rng.random() < 0.6)), missing=friend.missing)
            else:
                add("animal", e, n, animal_bodies(kelvin), (float(rng.uniform(3, 9)), float(rng.uniform(0.02, 0.08))))
    return tuple(things), tuple(mirrors)


def _height(ground: Ground, e: float, n: float) -> float:
    size = ground.height_m.shape[0]
    row, column = (int(np.clip((ground.half_m + v) / 0.5, 0, size - 1)) for v in (-n, e))
    return float(ground.height_m[row, column])


def _panel(rng: np.random.Generator, ground: Ground, scenario: Scenario, kelvin: float, e: float, n: float) -> Mirror:
    """Sheet metal or panels: on a hall where there is one, almost level, cold to look at while no sun is in it."""
    if ground.roofs and rng.random() < 0.7:
        roof = ground.roofs[int(rng.integers(len(ground.roofs)))]
        e, n = roof[0] + float(rng.uniform(-5, 5)), roof[1] + float(rng.uniform(-3, 3))
    size, turn = (float(rng.uniform(3.0, 9.0)), float(rng.uniform(2.0, 6.0))), float(rng.uniform(-0.2, 0.2))
    inside = ground.lay(box(e, n, *size, turn), "metal")
    ground.kelvin[inside] = kelvin
    ground.sunny[inside] = 0.0
    tilt = rng.normal(0, 0.06, 2)
    normal = np.array([tilt[0], tilt[1], 1.0]) / math.sqrt(1.0 + float(tilt @ tilt))
    x, y, z = (float(value) for value in normal)
    slope = math.radians(float(rng.uniform(0.5, 1.6)))
    return Mirror(e, n, _height(ground, e, n), size, turn, (x, y, z), float(rng.uniform(0.5, 0.8)), slope)


def _disc(radius: float) -> Floats:
    turns = np.linspace(0, 2 * math.pi, 13)[:-1]
    return np.column_stack([radius * np.cos(turns), radius * np.sin(turns), np.full(12, 0.3)])


def _ball(middle: tuple[float, float, float], axes: tuple[float, float, float]) -> Floats:
    """Points of an ellipsoid, whose hull is its outline from anywhere."""
    turns = np.linspace(0, 2 * math.pi, 11)[:-1]
    rings = [
        np.column_stack([math.cos(b) * np.cos(turns), math.cos(b) * np.sin(turns), np.full(10, math.sin(b))])
        for b in (-1.2, -0.6, 0.0, 0.6, 1.2)
    ]
    points: Floats = np.vstack(rings) * np.array(axes) + np.array(middle)
    return points


def _block(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Floats:
    return np.array([(a, b, c) for a in x for b in y for c in z], np.float64)


def person_bodies(kelvin: float, *, lying: bool) -> tuple[Body, ...]:
    """Clothes insulate: only head and hands have the skin's temperature."""
    if lying:
        return (
            Body(_ball((0.0, 0.0, 0.15), (0.75, 0.24, 0.13)), kelvin - 5.0),
            Body(_ball((0.82, 0.0, 0.15), (0.12, 0.1, 0.11)), kelvin),
        )
    return (
        Body(_ball((0.0, 0.0, 0.8), (0.16, 0.25, 0.75)), kelvin - 5.0),
        Body(_ball((0.0, 0.0, 1.65), (0.11, 0.1, 0.13)), kelvin),
    )


def animal_bodies(kelvin: float) -> tuple[Body, ...]:
    """A deer or a sheep, standing."""
    return (
        Body(_ball((0.0, 0.0, 0.65), (0.55, 0.2, 0.25)), kelvin - 2.0),
        Body(_ball((0.65, 0.0, 0.9), (0.16, 0.09, 0.12)), kelvin),
    )


def vehicle_bodies(kelvin: float, around_k: float) -> tuple[Body, ...]:
    """A car: sheet metal at night's temperature, its bonnet and the exhaust warm."""
    return (
        Body(_block((-2.2, 2.2), (-0.9, 0.9), (0.2, 0.9)), around_k - 1.5),
        Body(_block((-1.6, 0.8), (-0.8, 0.8), (0.9, 1.45)), around_k - 3.0),
        Body(_block((1.0, 2.1), (-0.7, 0.7), (0.9, 0.95)), kelvin),
        Body(_block((-2.35, -2.15), (0.4, 0.6), (0.2, 0.35)), kelvin + 15.0),
    )
