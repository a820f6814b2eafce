"""`QGC WPL 110` text: a header line, then tab-separated
`seq current frame command p1 p2 p3 p4 lat lon alt autocontinue`.

Row 0 is home for every program that flies ArduPilot. Fence and rally lists are saved in the same shape; a list is
what its commands say. Longitudes keep 8 decimals (1 mm), more than the vehicle's 1e-7 degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from missions.formats.plan import FormatError, Plan
from missions.items import FENCE_COMMANDS, KINDS, Command, MissionItem, item_of

HEADER = "QGC WPL 110"
_COLUMNS = 12


def parse(text: str, name: str = "waypoints") -> Plan:
    """WPL text → Plan. Raises FormatError naming file and line."""
    rows = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1)]
    rows = [(number, fields) for number, fields in rows if fields and not fields[0].startswith("#")]
    if not rows or rows[0][1] != HEADER.split():
        found = " ".join(rows[0][1])[:40] if rows else "nothing"
        raise FormatError(f"{name}: line 1: {HEADER!r} is needed, not {found!r}")
    items = [_item(fields, seq, f"{name}: line {number}") for seq, (number, fields) in enumerate(rows[1:])]
    if not items:
        raise FormatError(f"{name}: holds no items after the header")
    return _sorted(items, name)


def _item(fields: list[str], seq: int, where: str) -> MissionItem:
    if len(fields) != _COLUMNS:
        raise FormatError(f"{where}: {len(fields)} columns; {_COLUMNS} are needed")
    try:
        number, _, frame, command = (int(float(each)) for each in fields[:4])
        values = [float(each) for each in fields[4:11]]
        goes_on = int(float(fields[11])) != 0
    except (ValueError, OverflowError) as problem:
        raise FormatError(f"{where}: {problem}") from problem
    if number != seq:
        raise FormatError(f"{where}: item number {number} where {seq} was expected (a line is missing or doubled)")
    return item_of(command, frame, values, goes_on)


def _sorted(items: Sequence[MissionItem], name: str) -> Plan:
    fence = tuple(item for item in items if item.command in FENCE_COMMANDS)
    rally = tuple(item for item in items if item.command == Command.RALLY_POINT)
    others = len(items) - len(fence) - len(rally)
    if not fence and not rally:
        return Plan(name, tuple(items))
    # Such lists are saved with a home row in front, which is no mission.
    if others > 1:
        raise FormatError(f"{name}: mission, fence and rally items are mixed in one list; one kind a file is allowed")
    return Plan(name, (), fence, rally)


def write(plan: Plan, part: str = "mission") -> str:
    """One part of a plan (`mission`, `fence` or `rally`) → WPL text."""
    parts = {"mission": plan.items, "fence": plan.fence, "rally": plan.rally}
    items = parts[part]
    if not items:
        raise FormatError(f"{plan.name}: has no {part} items to write")
    home = [] if part == "mission" else [plan.items[0] if plan.items else MissionItem(Command.WAYPOINT, 0)]
    lines = [HEADER]
    lines += ["\t".join(_row(seq, item)) for seq, item in enumerate([*home, *items])]
    return "\n".join(lines) + "\n"


def _row(seq: int, item: MissionItem) -> list[str]:
    kind = KINDS.get(item.command)
    # "Keep your heading" is NaN in a .plan and 0 in a waypoint file; any other empty field stays visible as nan.
    p4 = 0.0 if math.isnan(item.p4) and kind is not None and kind.nan_yaw else item.p4
    values = (item.p1, item.p2, item.p3, p4, item.lat_deg, item.lon_deg)
    return [
        str(seq), "1" if seq == 0 else "0", str(item.frame), str(item.command),
        *(f"{value:.8f}" for value in values), f"{item.alt_m:.6f}", "1" if item.autocontinue else "0",
    ]  # fmt: skip
