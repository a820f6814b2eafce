"""A scenario by name: what burns where, how the ground looks, where the drone shall search.

A scenario is a TOML file that anybody can write; ``load`` reads the shipped ones by name, ``parse`` takes the text of
any other. Copy a shipped one (``simulators/scenarios``), change it, give the file to any verb instead of a name:

    einsatzdrohne rehearse mein-brand.toml --seeds 5

First come flat keys, all of which must be there, but ``task`` (what is looked for: fire, embers, person; fire where it
is not said), ``vehicles`` (drones that share the survey) and ``find_within_min`` (by when a missing person has to be
found, after take-off). ``width_m`` is the side of the square scene around lat/lon; ``survey_m`` the area searched, east
by north around its middle; ``halls heaps fires friends`` are strewn by the dice within the ranges that are given.
Then come optional tables, each described by its class in `scenery`, with every key's range:

    [sun] [atmosphere] [smoke] [terrain]      how it looks; without [sun] it is night
    [[burning]] [[friend]]                    what burns; what is warm and does not
    [[traffic]] [gnss] [radio]                aircraft on the air, time without a fix, a bad link (`channel.Quality`)
    [camera]                                  what is wrong with the camera (`camera_options`)

Lengths are metres, temperatures °C, ``at_m`` east and north of the middle. A bad file is refused naming the key, the
line and what is allowed. The seed decides the rest: another seed, another world.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from importlib import resources
from typing import Any

from missions.geometry.terrain import TerrainGrid
from simulators.camera_options import CameraOptions
from simulators.channel import Quality
from simulators.scenery import Atmosphere, Burning, Friend, Gnss, Smoke, Sun, Terrain, Traffic
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
    task: str = "fire"
    vehicles: int = 1
    find_within_min: float = 20.0
    sun: Sun | None = None
    burning: tuple[Burning, ...] = ()
    friend: tuple[Friend, ...] = ()
    smoke: Smoke | None = None
    atmosphere: Atmosphere | None = None
    terrain: Terrain | None = None
    traffic: tuple[Traffic, ...] = ()
    gnss: Gnss | None = None
    radio: Quality | None = None
    camera: CameraOptions | None = None
    elevation: TerrainGrid | None = field(default=None, compare=False)
    """What ``[terrain] file`` holds: read by whoever may open files."""


# Optional tables: name → type, and whether it may stand several times ([[name]]).
_TABLES: dict[str, tuple[type[Any], bool]] = {
    "sun": (Sun, False),
    "burning": (Burning, True),
    "friend": (Friend, True),
    "smoke": (Smoke, False),
    "atmosphere": (Atmosphere, False),
    "terrain": (Terrain, False),
    "traffic": (Traffic, True),
    "gnss": (Gnss, False),
    "radio": (Quality, False),
    "camera": (CameraOptions, False),
}
_MOST_BURNING = 200
TASKS = ("fire", "embers", "person")
# Flat keys that may be missing.
_OPTIONAL = ("task", "vehicles", "find_within_min")

_BOUNDS = {
    "lat_deg": (-80.0, 84.0), "lon_deg": (-180.0, 180.0), "ground_amsl_m": (-100.0, 4000.0), "width_m": (150.0, 1000.0),
    "halls": (0, 20), "heaps": (0, 40), "fires": (0, 60), "fire_radius_m": (0.02, 20.0), "fire_c": (40.0, 1200.0),
    "roof_fires": (0, 10), "friends": (0, 40), "background_c": (-30.0, 50.0), "wind_m_s": (0.0, 20.0),
    "vehicles": (1, 4), "find_within_min": (1.0, 600.0),
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
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
    known = {f.name: f.type for f in fields(Scenario) if f.name not in ("name", "elevation", *_TABLES)}
    for key in table:
        if key not in known and key not in _TABLES:
            allowed = ", ".join([*known, *_TABLES])
            raise ScenarioError(f"scenario {name!r}: unknown key {key!r}; allowed are {allowed}{_at(text, key)}")
    for key in known:
        if key not in table and key not in _OPTIONAL:
            raise ScenarioError(f"scenario {name!r}: {key} is missing")
    try:
        values = {key: _value(key, str(known[key]), table[key]) for key in known if key in table}
    except _BadValue as error:
        raise ScenarioError(f"scenario {name!r}: {error}{_at(text, error.key)}") from error
    try:
        values |= {key: _table(key, table[key], text) for key in _TABLES if key in table}
    except TableError as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
    scenario = Scenario(name=name, **values)
    for where, index, key, words in _does_not_fit(scenario):
        line = line_of(text, where, index, key) if where else line_of(text, "", key=key)
        raise ScenarioError(f"scenario {name!r}: {words}" + ("" if line is None else f" (line {line})"))
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


def _does_not_fit(scenario: Scenario) -> Iterator[tuple[str, int, str, str]]:
    """What is allowed by itself but not together: header of its table, which one, key, words."""
    for key in ("fire_radius_m", "fire_c"):
        low, high = getattr(scenario, key)
        if low > high:
            yield "", 0, key, f"{key} must be [low, high], not [{low:g}, {high:g}]"
    if max(scenario.survey_m) + ROOM_M > scenario.width_m:
        most = scenario.width_m - ROOM_M
        words = f"at most {most:g}, not {max(scenario.survey_m):g}"
        yield "", 0, "survey_m", f"survey_m must leave {ROOM_M:g} m of width_m for take-off and turns: {words}"
    if scenario.roof_fires > (scenario.fires if scenario.halls else 0):
        yield "", 0, "roof_fires", f"roof_fires {scenario.roof_fires} needs halls, and as many fires"
    burning = scenario.fires + sum(entry.count for entry in scenario.burning)
    if burning > _MOST_BURNING:
        yield "", 0, "fires", f"at most {_MOST_BURNING} places may burn, not {burning}"
    for index, entry in enumerate(scenario.burning):
        where = f"[[burning]] {index + 1}"
        if "roof" in (entry.kind, entry.place) and not scenario.halls:
            yield "[[burning]]", index, "kind", f"{where}: a roof fire needs halls"
        if entry.place == "heap" and not scenario.heaps:
            yield "[[burning]]", index, "place", f"{where}: place heap needs heaps"
    reach = scenario.width_m / 2 - 10.0
    placed = [("[[burning]]", i, entry.at_m) for i, entry in enumerate(scenario.burning)]
    placed += [("[[friend]]", i, entry.at_m) for i, entry in enumerate(scenario.friend)]
    for header, index, at_m in placed:
        if at_m is not None and max(abs(value) for value in at_m) > reach:
            words = f"at_m must lie within {reach:g} m of the middle, not {at_m}"
            yield header, index, "at_m", f"{header} {index + 1}: {words}"


def _value(key: str, kind: str, value: Any) -> Any:
    if key == "task" and value not in TASKS:
        raise _BadValue(key, f"must be one of {', '.join(TASKS)}, not {value!r}")
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
    if kind == "int" and not isinstance(value, int):
        raise _BadValue(key, f"must be a whole number between {low:g} and {high:g}, not {value!r}")
    if pair:
        return (float(numbers[0]), float(numbers[1]))
    return int(value) if kind == "int" else float(value)
