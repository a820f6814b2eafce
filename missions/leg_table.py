"""The legs of a flight as a table: how far, how high above what, how fast, when, and how long it is home from there.

The return time holds at the end of each leg: straight home at WPNAV_SPEED, with the wait and the landing;
with an aircraft's power model it is what the wind leaves of that speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from missions.duration import DEFAULT_SPEED_M_S, return_s, timed_legs
from missions.energy import LegEnergy, Supply, budget
from missions.follow import sampling_step_m
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import MissionItem, name_of
from missions.path import Leg, clearance_along, leg_length_m
from missions.wind import STILL

_HEAD = ("item", "what", "leg", "flown", "above home", "clear of", "speed", "time", "home in", "left")


@dataclass(frozen=True, slots=True)
class LegRow:
    """One leg, at its end. `clear_m`: smallest height above the surface on it; `left`: share of the battery then."""

    seq: int
    what: str
    length_m: float
    flown_m: float
    height_m: float
    clear_m: float | None
    speed_m_s: float
    time_s: float
    home_s: float
    left: float | None


def leg_rows(
    items: Sequence[MissionItem], home: GeoPoint, terrain: Ground | None = None, supply: Supply | None = None
) -> tuple[LegRow, ...]:
    """Every leg in flight order (item 0 home)."""
    spent = {} if supply is None else {leg.seq: leg for leg in budget(items, home, supply, terrain).legs}
    ground = math.nan if terrain is None else float(terrain.height_at(home.lat_deg, home.lon_deg))
    flown = time_s = 0.0
    rows: list[LegRow] = []
    air = STILL if supply is None else supply.air
    for timed in timed_legs(items, home, terrain, air=air):
        leg = timed.leg
        length = leg_length_m(leg)
        flown += length
        time_s += timed.time_s + timed.extra_s
        clear = None
        if terrain is not None and math.isfinite(ground):
            clear = _clear_m(leg, terrain, ground, climbing=not rows)
        known = spent.get(leg.end.seq)
        back = Leg(leg.end, replace(leg.end, lat_deg=home.lat_deg, lon_deg=home.lon_deg, datum=Datum.HOME))
        home_s = return_s(leg_length_m(back), timed.height_m, DEFAULT_SPEED_M_S) if known is None else known.home_s
        rows.append(
            LegRow(
                leg.end.seq, leg.why or name_of(items[leg.end.seq].command).lower(), length, flown, timed.height_m,
                clear, timed.speed_m_s, time_s, home_s, _left(known, supply),
            )
        )  # fmt: skip
    return tuple(rows)


def _clear_m(leg: Leg, terrain: Ground, home_alt_m: float, *, climbing: bool) -> float | None:
    above = clearance_along(leg, terrain, home_alt_m, sampling_step_m(terrain)).above_m
    above = above[-1:] if climbing else above
    return float(np.nanmin(above)) if np.isfinite(above).any() else None


def _left(known: LegEnergy | None, supply: Supply | None) -> float | None:
    if known is None or supply is None:
        return None
    return 1.0 - known.spent_wh / (supply.model.capacity_wh * supply.model.derating)


def leg_table(rows: Sequence[LegRow]) -> str:
    """The rows in columns, for people."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    wide = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    shown = [column for column in range(len(_HEAD)) if any(line[column] for line in cells[1:])]
    return "\n".join("  ".join(_padded(line[c], wide[c], c) for c in shown).rstrip() for line in cells)


def _padded(text: str, wide: int, column: int) -> str:
    return text.ljust(wide) if column == 1 else text.rjust(wide)


def _cells(row: LegRow) -> tuple[str, ...]:
    return (
        str(row.seq), row.what, f"{row.length_m:,.0f} m", f"{row.flown_m:,.0f} m", f"{row.height_m:.0f} m",
        "" if row.clear_m is None else f"{row.clear_m:.0f} m", f"{row.speed_m_s:g} m/s", clock(row.time_s),
        clock(row.home_s), "" if row.left is None else f"{100 * row.left:.0f} %",
    )  # fmt: skip


def clock(seconds: float) -> str:
    """Minutes and seconds; `never` where it takes for ever."""
    if not math.isfinite(seconds):
        return "never"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
