"""A scenario by name: what burns where, how the ground looks, where the drone shall search.

A scenario is a TOML file; ``load`` reads the shipped ones by name, ``parse`` takes the text of any other: flat keys,
then optional tables (`scenery`; ``[radio]`` is `channel.Quality`, both ways). A bad one is refused naming the key, the
line and what is allowed. The seed decides the rest: another seed, another world.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any

from simulators.channel import Quality
from simulators.scenery import Atmosphere, Burning, Friend, Smoke, Sun, Terrain
from simulators.tables import TableError, line_of, read_table, read_tables

# What stays free around the survey: the place of the take-off, and the ground that a lens sees beyond the edge.
ROOM_M = 60.0


class ScenarioError(ValueError):
    """A scenario that cannot be used: names the scenario, the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything about an incident but its dice. Lengths in metres, temperatures in °C, ``*_m`` pairs are low, high."""

    name: str
    title: str
    text: str
    lat_deg: float
    lon_deg: float
    ground_amsl_m: float
    width_m: float
    water: bool
    halls: int
    heaps: int
    fires: int
    fire_radius_m: tuple[float, float]
    fire_c: tuple[float, float]
    roof_fires: int
    friends: int
    background_c: float
    wind_m_s: float
    survey_m: tuple[float, float]
    survey_height_m: float
    survey_speed_m_s: float
    sun: Sun | None = None
    burning: tuple[Burning, ...] = ()
    friend: tuple[Friend, ...] = ()
    smoke: Smoke | None = None
    atmosphere: Atmosphere | None = None
    terrain: Terrain | None = None
    radio: Quality | None = None


# Optional tables: name → type, and whether it may stand several times ([[name]]).
_TABLES: dict[str, tuple[type[Any], bool]] = {
    "sun": (Sun, False),
    "burning": (Burning, True),
    "friend": (Friend, True),
    "smoke": (Smoke, False),
    "atmosphere": (Atmosphere, False),
    "terrain": (Terrain, False),
    "radio": (Quality, False),
}
_MOST_BURNING = 200

_BOUNDS = {
    "lat_deg": (-80.0, 84.0), "lon_deg": (-180.0, 180.0), "ground_amsl_m": (-100.0, 4000.0), "width_m": (150.0, 1000.0),
    "halls": (0, 20), "heaps": (0, 40), "fires": (0, 60), "fire_radius_m": (0.02, 20.0), "fire_c": (40.0, 1200.0),
    "roof_fires": (0, 10), "friends": (0, 40), "background_c": (-30.0, 50.0), "wind_m_s": (0.0, 20.0),
    "survey_m": (20.0, 800.0), "survey_height_m": (20.0, 120.0), "survey_speed_m_s": (1.0, 15.0),
}  # fmt: skip


def names() -> tuple[str, ...]:
    """The shipped scenarios."""
    folder = resources.files("simulators") / "scenarios"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load(name: str) -> Scenario:
    """A shipped scenario. Raises ScenarioError naming the ones that exist."""
    if name not in names():
        raise ScenarioError(f"scenario {name!r} is unknown; allowed are {', '.join(names())}")
    text = (resources.files("simulators") / "scenarios" / f"{name}.toml").read_bytes().decode("utf-8")
    return parse(text, name)


def parse(text: str, name: str) -> Scenario:
    """A scenario from TOML text. Raises ScenarioError with the line (syntax) or the key (values)."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
    known = {f.name: f.type for f in fields(Scenario) if f.name != "name" and f.name not in _TABLES}
    for key in table:
        if key not in known and key not in _TABLES:
            allowed = ", ".join([*known, *_TABLES])
            raise ScenarioError(f"scenario {name!r}: unknown key {key!r}; allowed are {allowed}{_at(text, key)}")
    for key in known:
        if key not in table:
            raise ScenarioError(f"scenario {name!r}: {key} is missing")
    try:
        values = {key: _value(key, str(known[key]), table[key]) for key in known}
    except _BadValue as error:
        raise ScenarioError(f"scenario {name!r}: {error}{_at(text, error.key)}") from error
    try:
        values |= {key: _table(key, table[key], text) for key in _TABLES if key in table}
    except TableError as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
    scenario = Scenario(name=name, **values)
    _fits_together(scenario)
    return scenario


def _table(key: str, value: Any, text: str) -> Any:
    kind, several = _TABLES[key]
    return read_tables(kind, value, f"[[{key}]]", text) if several else read_table(kind, value, f"[{key}]", text)


def _at(text: str, key: str) -> str:
    line = line_of(text, "", key=key) or line_of(text, f"[{key}]") or line_of(text, f"[[{key}]]")
    return "" if line is None else f" (line {line})"


class _BadValue(ValueError):
    def __init__(self, key: str, words: str) -> None:
        super().__init__(f"{key} {words}")
        self.key = key


def _fits_together(scenario: Scenario) -> None:
    name = f"scenario {scenario.name!r}"
    for key in ("fire_radius_m", "fire_c"):
        low, high = getattr(scenario, key)
        if low > high:
            raise ScenarioError(f"{name}: {key} must be [low, high], not [{low:g}, {high:g}]")
    if max(scenario.survey_m) + ROOM_M > scenario.width_m:
        raise ScenarioError(
            f"{name}: survey_m must leave {ROOM_M:g} m of width_m for take-off and turns: at most "
            f"{scenario.width_m - ROOM_M:g}, not {max(scenario.survey_m):g}"
        )
    if scenario.roof_fires > (scenario.fires if scenario.halls else 0):
        raise ScenarioError(f"{name}: roof_fires {scenario.roof_fires} needs halls, and as many fires")
    burning = scenario.fires + sum(entry.count for entry in scenario.burning)
    if burning > _MOST_BURNING:
        raise ScenarioError(f"{name}: at most {_MOST_BURNING} places may burn, not {burning}")
    on_roofs = next((i for i, b in enumerate(scenario.burning, 1) if "roof" in (b.kind, b.place)), None)
    if on_roofs is not None and not scenario.halls:
        raise ScenarioError(f"{name}: [[burning]] {on_roofs}: a roof fire needs halls")
    on_heaps = next((i for i, b in enumerate(scenario.burning, 1) if b.place == "heap"), None)
    if on_heaps is not None and not scenario.heaps:
        raise ScenarioError(f"{name}: [[burning]] {on_heaps}: place heap needs heaps")
    reach = scenario.width_m / 2 - 10.0
    places = [(f"[[burning]] {i}", entry.at_m) for i, entry in enumerate(scenario.burning, 1)]
    places += [(f"[[friend]] {i}", entry.at_m) for i, entry in enumerate(scenario.friend, 1)]
    for where, at_m in places:
        if at_m is not None and max(abs(value) for value in at_m) > reach:
            raise ScenarioError(f"{name}: {where}: at_m must lie within {reach:g} m of the middle, not {at_m}")


def _value(key: str, kind: str, value: Any) -> Any:
    if kind in ("str", "bool"):
        if type(value).__name__ != kind:
            raise _BadValue(key, f"must be a {kind}, not {value!r}")
        return value
    low, high = _BOUNDS[key]
    numbers = value if isinstance(value, list) else [value]
    pair = kind.startswith("tuple")
    fits = len(numbers) == (2 if pair else 1) and isinstance(value, list) == pair
    if not fits or not all(
        isinstance(n, int | float) and not isinstance(n, bool) and low <= n <= high for n in numbers
    ):
        shape = "two numbers" if pair else "a number"
        raise _BadValue(key, f"must be {shape} between {low:g} and {high:g}, not {value!r}")
    if pair:
        return (float(numbers[0]), float(numbers[1]))
    return int(value) if kind == "int" else float(value)
