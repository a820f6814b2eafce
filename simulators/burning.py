"""What burns: a fire as a function of time, and where the dice put it.

Its temperature is the one that its radiance has (emissivity is in it). Three phases: its radius grows by a share of
the first one each minute until the peak; then the excess over the air decays exponentially and the radius stays; ash
hides a share of it all the while and is itself a little warmer than the air.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.radiance import KELVIN, Floats
from simulators.scenario import Scenario, ScenarioError
from simulators.scenery import Burning

_APART_M, _EMBERS_APART_M = 9.0, 1.5
# A fire is a level disc: not across the edge of a roof or on a slope steeper than this (rise over its radius).
_STEEP = 0.8
_ASH_K = 12.0
_FRONT_DEPTH = 0.12  # a front is this much as deep as it is long
_UNDER_M = 0.5
_TRIES = 500


@dataclass(frozen=True, slots=True)
class Burn:
    """A fire at one time: centre, half axes along and across its azimuth, temperature of what is not under ash."""

    east_m: float
    north_m: float
    along_m: float
    across_m: float
    kelvin: float

    @property
    def middle(self) -> tuple[float, float]:
        """East, north."""
        return self.east_m, self.north_m

    @property
    def radius_m(self) -> float:
        """Of the disc of the same area."""
        return math.sqrt(self.along_m * self.across_m)


@dataclass(frozen=True, slots=True)
class Fire:
    """A burning disc (a front: an ellipse): east, north (m), height above sea level, radius, temperature at time 0.

    ``grows`` per second until ``peaks_s``, ``cools`` per second after it; ``drift_m_s`` east, north; ``slender``:
    length of the axis across over the one along ``azimuth_rad`` (from north, clockwise).
    """

    number: int
    east_m: float
    north_m: float
    height_amsl_m: float
    radius_m: float
    kelvin: float
    on_roof: bool
    kind: str = "fire"
    cover: float = 0.0
    grows: float = 0.0
    peaks_s: float = 600.0
    cools: float = 0.0
    drift_m_s: tuple[float, float] = (0.0, 0.0)
    slender: float = 1.0
    azimuth_rad: float = 0.0
    air_k: float = KELVIN + 10.0

    def at(self, at_s: float) -> Burn:
        """The fire at a time; before time 0 it is as at 0."""
        at_s = max(0.0, at_s)
        along = self.radius_m * (1.0 + self.grows * min(at_s, self.peaks_s))
        left = math.exp(-self.cools * max(0.0, at_s - self.peaks_s))
        kelvin = self.air_k + (self.kelvin - self.air_k) * left
        east, north = self.east_m + self.drift_m_s[0] * at_s, self.north_m + self.drift_m_s[1] * at_s
        return Burn(east, north, along, along * self.slender, kelvin)

    @property
    def ash_k(self) -> float:
        """Temperature of the ash over it."""
        return self.air_k + _ASH_K

    def ring(self, at_s: float, corners: int = 24) -> Floats:
        """(corners, 3) east, north, height of its outline."""
        burn = self.at(at_s)
        turns = np.linspace(0.0, 2 * math.pi, corners + 1)[:-1]
        along, across = burn.along_m * np.cos(turns), burn.across_m * np.sin(turns)
        s, c = math.sin(self.azimuth_rad), math.cos(self.azimuth_rad)
        east, north = burn.east_m + along * s + across * c, burn.north_m + along * c - across * s
        return np.column_stack([east, north, np.full(corners, self.height_amsl_m)])


@dataclass(frozen=True, slots=True)
class Site:
    """What the dice must know of the ground: heights, unevenness, roofs and heaps, what is too wet to burn."""

    height_at: Callable[[float, float], float]
    bare_at: Callable[[float, float], float]
    step_m: Callable[[float, float, float], float]
    wet: Callable[[float, float], bool]
    roofs: tuple[tuple[float, float], ...]
    heaps: tuple[tuple[float, float], ...]
    downwind_rad: float
    air_k: float


def ignite(seed: int, scenario: Scenario, site: Site) -> tuple[Fire, ...]:
    """All fires of a scenario: those of the flat keys, then those of its tables. Raises ScenarioError: no room."""
    rng = np.random.default_rng([seed, 11])
    flat = Burning(kind="fire", radius_m=scenario.fire_radius_m, temp_c=scenario.fire_c)
    fires: list[Fire] = []
    for number in range(1, scenario.fires + 1):
        on_roof = number <= scenario.roof_fires and bool(site.roofs)
        fires.append(_fire(rng, number, flat, "roof" if on_roof else "anywhere", None, scenario, site, fires))
    for entry in scenario.burning:
        middle = entry.at_m or _anywhere(rng, scenario, 6.0 + min(entry.spread_m, 0.2 * min(scenario.survey_m)))
        where = "roof" if entry.kind == "roof" else entry.place
        for index in range(entry.count):
            spot = _in_figure(rng, entry, middle, index) if where in ("cluster", "ring", "line") else entry.at_m
            fires.append(_fire(rng, len(fires) + 1, entry, where, spot, scenario, site, fires))
    return tuple(fires)


def _anywhere(rng: np.random.Generator, scenario: Scenario, margin: float) -> tuple[float, float]:
    w, h = (max(1.0, side / 2 - margin) for side in scenario.survey_m)
    return float(rng.uniform(-w, w)), float(rng.uniform(-h, h))


def _in_figure(
    rng: np.random.Generator, entry: Burning, middle: tuple[float, float], index: int
) -> tuple[float, float]:
    """A place of a cluster, a ring or a line."""
    if entry.place == "cluster":
        east, north = (float(value) for value in rng.normal(0, 0.5 * entry.spread_m, 2))
    elif entry.place == "ring":
        turn = 2 * math.pi * (index + float(rng.uniform(-0.3, 0.3))) / max(1, entry.count)
        reach = entry.spread_m * float(rng.uniform(0.85, 1.15))
        east, north = reach * math.sin(turn), reach * math.cos(turn)
    else:
        east = entry.spread_m * (2 * (index + 0.5) / max(1, entry.count) - 1)
        north = float(rng.normal(0, 0.05 * entry.spread_m))
    return middle[0] + east, middle[1] + north


def _fire(
    rng: np.random.Generator,
    number: int,
    entry: Burning,
    where: str,
    spot: tuple[float, float] | None,
    scenario: Scenario,
    site: Site,
    others: list[Fire],
) -> Fire:
    low, high = (math.log(radius) for radius in entry.radii_m)
    radius = math.exp(float(rng.uniform(low, high)))
    apart_m = _EMBERS_APART_M if entry.kind == "ember" else _APART_M
    slender = _FRONT_DEPTH if entry.kind == "front" else 1.0
    for attempt in range(_TRIES):
        e, n = _candidate(rng, where, spot, attempt, scenario, site)
        near = min((math.hypot(e - f.east_m, n - f.north_m) - f.radius_m for f in others), default=math.inf)
        # A front follows the ground; what is small and exact has to lie level.
        level = entry.kind == "front" or site.step_m(e, n, radius) < _STEEP * max(radius, 0.2)
        # Under a crown and on top of one nobody would find it; a front burns through.
        open_sky = entry.kind == "front" or where == "roof" or site.height_at(e, n) - site.bare_at(e, n) < _UNDER_M
        if near > apart_m and level and open_sky and not site.wet(e, n):
            break
    else:
        raise ScenarioError(
            f"scenario {scenario.name!r}: {number} fires do not fit into its survey_m; fewer of them, or more room"
        )
    kelvin = KELVIN + float(rng.uniform(*entry.temperatures_c))
    speed = entry.moves_m_per_min / 60.0
    drift = (speed * math.sin(site.downwind_rad), speed * math.cos(site.downwind_rad))
    return Fire(
        number,
        e,
        n,
        site.bare_at(e, n) if entry.kind == "front" else site.height_at(e, n),
        radius,
        kelvin,
        where == "roof",
        kind=entry.kind,
        cover=entry.covered,
        grows=entry.grows_per_min / 60.0,
        peaks_s=entry.peaks_min * 60.0,
        cools=entry.cools_per_min / 60.0,
        drift_m_s=drift,
        slender=slender,
        azimuth_rad=site.downwind_rad + math.pi / 2,
        air_k=site.air_k,
    )


def _candidate(
    rng: np.random.Generator,
    where: str,
    spot: tuple[float, float] | None,
    attempt: int,
    scenario: Scenario,
    site: Site,
) -> tuple[float, float]:
    if where == "roof":
        e, n = site.roofs[int(rng.integers(len(site.roofs)))]
        return e + float(rng.uniform(-5, 5)), n + float(rng.uniform(-3, 3))
    if where == "heap":
        e, n = site.heaps[int(rng.integers(len(site.heaps)))]
        return e + float(rng.normal(0, 3)), n + float(rng.normal(0, 3))
    if spot is not None:
        spread = 0.06 * attempt
        return spot[0] + float(rng.normal(0, spread)), spot[1] + float(rng.normal(0, spread))
    return _anywhere(rng, scenario, 6.0)
