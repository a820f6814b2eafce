"""A plan as a table for people."""

from __future__ import annotations

from missions.formats.plan import Plan
from missions.geometry.geo import Datum, GeoPoint
from missions.items import describe
from missions.path import leg_length_m, legs_of


def table(plan: Plan) -> str:
    """One line an item, the way between them, and what the file itself has to say."""
    lines = [f"{plan.name}: {_counts(plan)}"]
    away = _travelled(plan)
    for seq, item in enumerate(plan.items):
        name = "home " if seq == 0 else ""
        lines.append(f"{seq:4d} {away.get(seq, ''):>8}  {name}{describe(item)}")
    for title, items in (("fence", plan.fence), ("rally", plan.rally)):
        lines += [f"{title} {seq:3d}  {describe(item)}" for seq, item in enumerate(items)]
    lines += [f"note: {note}" for note in plan.notes]
    return "\n".join(lines)


def _counts(plan: Plan) -> str:
    parts = (
        (len(plan.items[1:]), "mission items"),
        (len(plan.fence), "fence items"),
        (len(plan.rally), "rally points"),
    )
    return ", ".join(f"{count} {name}" for count, name in parts if count) or "nothing"


def _travelled(plan: Plan) -> dict[int, str]:
    """Metres flown when each item is reached, jumps flown once; empty without a home."""
    home: GeoPoint | None = plan.home
    if home is None or home.datum is not Datum.SEA_LEVEL:
        return {}
    total, reached = 0.0, {}
    for leg in legs_of(plan.items, home):
        total += leg_length_m(leg)
        reached[leg.end.seq] = f"{total:,.0f} m"
    return reached
