"""What a scenario may say beside the flat keys: sun, what burns, what only looks like it, smoke, air, aircraft, GNSS.

Every table is optional, and every key that has a default here. Lengths in metres, temperatures °C, pairs [low, high]:
the seed draws between them. Time counts from the start of the vehicle.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.tables import flag, number, pair, path, point, sign, whole, windows, word

Pair = tuple[float, float]
_REACH_M = 500.0


@dataclass(frozen=True, slots=True)
class Sun:
    """``[sun]``: where it stands; without the table it is night. ``clear``: share of its light that comes through."""

    elevation_deg: float = number(0.5, 90.0)
    azimuth_deg: float = number(0.0, 360.0)
    clear: float = number(0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Burning:
    """``[[burning]]``: ``count`` of one kind. Where no range is given the kind has its own (``_RANGES``).

    ``cover``: share of the area that ash hides. ``grows_per_min``: share of its first radius that is added each minute
    until ``peaks_min``; ``cools_per_min``: share of its excess over the air that is lost each minute after it.
    ``moves_m_per_min``: a front runs downwind. ``place``: anywhere in the survey, on a heap or a roof; as a cluster, a
    ring or a line of ``spread_m`` around ``at_m`` (drawn where it is not given).
    """

    kind: str = word("fire", "ember", "front", "peat", "roof")
    count: int = whole(0, 120, 1)
    radius_m: tuple[float, float] | None = pair(0.02, 60.0, None)
    temp_c: tuple[float, float] | None = pair(40.0, 1200.0, None)
    cover: float | None = number(0.0, 0.98, None)
    grows_per_min: float = number(0.0, 5.0, 0.0)
    peaks_min: float = number(0.0, 600.0, 10.0)
    cools_per_min: float = number(0.0, 1.0, 0.0)
    moves_m_per_min: float = number(0.0, 60.0, 0.0)
    place: str = word("anywhere", "heap", "roof", "cluster", "ring", "line", default="anywhere")
    at_m: tuple[float, float] | None = point(_REACH_M, None)
    spread_m: float = number(1.0, 300.0, 20.0)

    @property
    def radii_m(self) -> Pair:
        """Radius of what burns; of a front half its length."""
        return self.radius_m or _RANGES[self.kind][0]

    @property
    def temperatures_c(self) -> Pair:
        """Temperature where ash does not hide it."""
        return self.temp_c or _RANGES[self.kind][1]

    @property
    def covered(self) -> float:
        """Share of the area under ash."""
        return _RANGES[self.kind][2] if self.cover is None else self.cover


_RANGES: dict[str, tuple[Pair, Pair, float]] = {
    "fire": ((0.35, 3.0), (220.0, 520.0), 0.0),
    "ember": ((0.04, 0.25), (250.0, 550.0), 0.5),
    "front": ((8.0, 20.0), (350.0, 700.0), 0.2),
    "peat": ((1.0, 5.0), (80.0, 260.0), 0.6),
    "roof": ((0.6, 3.0), (220.0, 600.0), 0.1),
}


@dataclass(frozen=True, slots=True)
class Friend:
    """``[[friend]]``: things that are no fire. ``temp_c`` of its warmest part; a glint has none, it mirrors the sun.

    ``glint``: sheet metal or panels; ``roof``: a whole roof that the sun has warmed; ``tank`` and ``chimney`` stand up
    and hide; ``engine``: a vehicle with a warm bonnet; ``person`` lies or stands still; ``animal`` walks about.
    ``missing``: the person that is searched for, on whom the score counts the minutes.
    """

    kind: str = word("glint", "roof", "tank", "chimney", "engine", "person", "animal")
    count: int = whole(0, 80, 1)
    temp_c: tuple[float, float] | None = pair(-20.0, 400.0, None)
    at_m: tuple[float, float] | None = point(_REACH_M, None)
    spread_m: float = number(1.0, 300.0, 20.0)
    missing: bool = flag(False)

    def __post_init__(self) -> None:
        if self.missing and self.kind != "person":
            raise ValueError(f"only a person can be missing, not {self.kind}")

    @property
    def temperatures_c(self) -> Pair:
        """Temperature of the warmest part."""
        return self.temp_c or _WARMEST_C[self.kind]


_WARMEST_C: dict[str, Pair] = {
    "glint": (15.0, 25.0),
    "roof": (38.0, 62.0),
    "tank": (25.0, 48.0),
    "chimney": (60.0, 140.0),
    "engine": (35.0, 75.0),
    "person": (26.0, 32.0),
    "animal": (24.0, 31.0),
}


@dataclass(frozen=True, slots=True)
class Smoke:
    """``[smoke]``: a plume over every larger fire. ``thickness``: optical depth in the long-wave band at the source."""

    thickness: float = number(0.0, 3.0, 0.15)
    warm_k: float = number(0.0, 200.0, 30.0)
    rise_m_s: float = number(0.0, 10.0, 1.2)
    to_deg: float | None = number(0.0, 360.0, None)


@dataclass(frozen=True, slots=True)
class Atmosphere:
    """``[atmosphere]``: ``air_c`` (the background's if not given), humidity 0..1, meteorological visibility."""

    air_c: float | None = number(-40.0, 50.0, None)
    humidity: float = number(0.05, 1.0, 0.7)
    visibility_km: float = number(0.05, 100.0, 20.0)


@dataclass(frozen=True, slots=True)
class Terrain:
    """``[terrain]``: ``relief_m`` from the lowest to the highest place, and trees (a forest has 150 a hectare).

    ``file``: a GeoTIFF of heights above sea level in metres instead of hills by the dice, for example the state's
    surface model; its path begins where the scenario's file lies. Halls, heaps and trees are put on top of it.
    """

    kind: str = word("flat", "hilly", "field", "forest", default="flat")
    relief_m: float | None = number(0.0, 120.0, None)
    trees_per_ha: float | None = number(0.0, 400.0, None)
    file: str | None = path(None)

    @property
    def relief(self) -> float:
        """Metres from the lowest to the highest place."""
        by_kind = {"flat": 0.0, "hilly": 25.0, "field": 2.0, "forest": 6.0}
        return by_kind[self.kind] if self.relief_m is None else self.relief_m

    @property
    def trees(self) -> float:
        """Trees a hectare."""
        by_kind = {"flat": 0.0, "hilly": 8.0, "field": 2.0, "forest": 150.0}
        return by_kind[self.kind] if self.trees_per_ha is None else self.trees_per_ha


@dataclass(frozen=True, slots=True)
class Traffic:
    """``[[traffic]]``: an aircraft that is on the air (ADS-B), straight and level from one place to another.

    It appears ``from_s`` after the start of the vehicle; ``then`` it passes on or stays where it flew to.
    """

    callsign: str = sign(8)
    from_m: tuple[float, float] = point(40_000.0)
    to_m: tuple[float, float] = point(40_000.0)
    height_m: float = number(0.0, 3000.0)
    speed_m_s: float = number(1.0, 300.0)
    from_s: float = number(0.0, 3600.0, 0.0)
    kind: str = word("helicopter", "light", "glider", "drone", default="helicopter")
    then: str = word("passes", "stays", default="passes")


@dataclass(frozen=True, slots=True)
class Gnss:
    """``[gnss]``: ``lost_s``: from, to, in which the receiver has no fix (jamming, steel, a canyon of houses)."""

    lost_s: tuple[tuple[float, float], ...] = windows(0.0, 36_000.0)

    def lost(self, now_s: float) -> bool:
        """Whether there is no fix at this time."""
        return any(begin <= now_s < end for begin, end in self.lost_s)
