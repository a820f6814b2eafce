"""What a file of another program has no room for: said before it is written, so that nothing is lost in silence."""

from __future__ import annotations

import math
from collections import Counter

from missions.formats.plan import Plan
from missions.items import KINDS, Command, has_place, name_of

_PATHS = {".kml": "a KML", ".kmz": "a KMZ", ".gpx": "a GPX"}


def lost(plan: Plan, ending: str) -> tuple[str, ...]:
    """Sentences for `.plan`, `.waypoints`/`.txt`, `.geojson`, `.kml`, `.kmz` and `.gpx`."""
    said: list[str] = []
    if ending in _PATHS:
        said += _of_paths(plan, ending)
    if ending in (".waypoints", ".txt"):
        said += _of_waypoints(plan)
    if ending != ".plan":
        said += [f"{block.name}: its {block.count} items are written, the block itself is not" for block in plan.blocks]
        said += [f"{key!r}, which was kept without understanding it" for key in _unknown(plan)]
    return tuple(said)


def _unknown(plan: Plan) -> list[str]:
    return sorted(plan.unknown.get("top", {})) if isinstance(plan.unknown, dict) else []


def _of_paths(plan: Plan, ending: str) -> list[str]:
    """A path is places with heights: no commands, no frames, no fence."""
    flown = (Command.TAKEOFF, Command.WAYPOINT, Command.RETURN_TO_LAUNCH)
    others = Counter(name_of(item.command) for item in plan.items[1:] if item.command not in flown)
    said = [f"{count} × {name}" for name, count in sorted(others.items())]
    holds = sum(1 for item in plan.items[1:] if item.command == Command.WAYPOINT and item.p1 > 0.0)
    if holds:
        said.append(f"the waiting time at {holds} waypoints")
    drawn = "which are drawn only" if ending != ".gpx" else "which have no word in it"
    said += [f"{len(items)} {word}, {drawn}" for word, items in _parts(plan) if items]
    if plan.home is not None and plan.items:
        said.append("heights above home, which become heights above sea level")
    return said


def _parts(plan: Plan) -> tuple[tuple[str, tuple[object, ...]], ...]:
    return (("fence items", plan.fence), ("rally points", plan.rally))


def _of_waypoints(plan: Plan) -> list[str]:
    turned = [
        seq
        for seq, item in enumerate(plan.items)
        if math.isnan(item.p4) and has_place(item.command) and KINDS[item.command].nan_yaw
    ]
    return (
        [f"'keep the heading' at {len(turned)} items, which becomes heading 0 (ArduCopter reads both alike)"]
        if turned
        else []
    )
