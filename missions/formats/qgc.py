"""QGroundControl `.plan` files: JSON, version 1, with mission, geofence and rally points.

A `ComplexItem` (survey, corridor, structure) carries its ready items in `TransectStyleComplexItem.Items`; those are
flown, and the block is kept verbatim so that QGroundControl can still edit it as long as nobody changed the items.
Traps: DO_JUMP points to a `doJumpId`, not to a position; `null` is NaN; the home position is [lat, lon, alt] while
GeoJSON beside it would be the other way round.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from missions.fence import Fence, FenceCircle, FencePolygon, fence_items, parse_fence, rally_items
from missions.formats.plan import FormatError, KeptBlock, Plan
from missions.geometry.geo import Datum, GeoError, GeoPoint
from missions.items import Command, Frame, MissionItem, has_place, home_item, home_of, item_of, name_of

_ARDUPILOT, _MULTICOPTER = 3, 2
_FRAME_OF_MODE = {1: Frame.RELATIVE, 2: Frame.GLOBAL, 4: Frame.TERRAIN}
_MODE_OF_FRAME = {0: 2, 3: 1, 10: 4}
_OWN_TOP = ("fileType", "version", "groundStation", "mission", "geoFence", "rallyPoints")
_OWN_MISSION = ("version", "items", "plannedHomePosition", "firmwareType", "vehicleType", "cruiseSpeed", "hoverSpeed")


def parse_plan(text: str, name: str = "plan") -> Plan:
    """`.plan` text → Plan.

    Raises:
        FormatError: no JSON, another file type or version, an entry that is malformed or has no items, naming it.
    """
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise FormatError(f"{name}: no JSON ({problem})") from problem
    if not isinstance(document, dict) or document.get("fileType") != "Plan":
        raise FormatError(f'{name}: no QGroundControl plan; "fileType": "Plan" is needed')
    if document.get("version") != 1:
        raise FormatError(f"{name}: plan version {document.get('version')!r}; version 1 is understood")
    mission = _dict(document, "mission", name)
    items, blocks = _mission_items(mission, name)
    notes = _notes(document, mission, blocks)
    unknown = {
        "top": {key: copy.deepcopy(value) for key, value in document.items() if key not in _OWN_TOP},
        "mission": {key: copy.deepcopy(value) for key, value in mission.items() if key not in ("items", "version")},
    }
    has_mission = len(items) > 1 or home_of(items) is not None
    return Plan(
        name,
        items if has_mission else (),
        _parse_fence(document.get("geoFence"), name),
        _parse_rally(document.get("rallyPoints"), name),
        blocks,
        unknown,
        notes,
    )


def _dict(parent: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise FormatError(f"{where}: {key!r} is missing or no object")
    return value


def _list(parent: dict[str, Any], key: str, where: str) -> list[Any]:
    value = parent.get(key, [])
    if not isinstance(value, list):
        raise FormatError(f"{where}: {key!r} is no list")
    return value


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{where}: {value!r} is no number")
    return float(value)


def _numbers(value: Any, count: int, where: str) -> list[float]:
    if not isinstance(value, list) or len(value) < count:
        raise FormatError(f"{where}: {count} numbers are needed, not {value!r}")
    return [_number(each, where) for each in value[:count]]


def _mission_items(mission: dict[str, Any], name: str) -> tuple[tuple[MissionItem, ...], tuple[KeptBlock, ...]]:
    items = [home_item(_home(mission.get("plannedHomePosition"), name))]
    ids: dict[int, int] = {}
    blocks = []
    for number, entry in enumerate(_list(mission, "items", f"{name}: mission"), start=1):
        where = f"{name}: mission entry {number}"
        if not isinstance(entry, dict):
            raise FormatError(f"{where} is no object")
        simple = _simple_entries(entry, where)
        if simple != [entry]:
            label = str(entry.get("complexItemType", "complex item"))
            blocks.append(KeptBlock(len(items), len(simple), label, copy.deepcopy(entry)))
        for each in simple:
            if isinstance(each.get("doJumpId"), int):
                ids[each["doJumpId"]] = len(items)
            items.append(_simple(each, where))
    return tuple(_with_jumps(items, ids, name)), tuple(blocks)


def _home(value: Any, name: str) -> GeoPoint | None:
    if value is None:
        return None
    lat, lon, alt = _numbers(value, 3, f"{name}: plannedHomePosition")
    if lat == 0.0 and lon == 0.0:
        return None
    try:
        return GeoPoint(lat, lon, alt if math.isfinite(alt) else 0.0, Datum.SEA_LEVEL)
    except GeoError as problem:
        raise FormatError(f"{name}: plannedHomePosition: {problem}") from problem


def _simple_entries(entry: dict[str, Any], where: str) -> list[dict[str, Any]]:
    kind = entry.get("type")
    if kind == "SimpleItem":
        return [entry]
    if kind != "ComplexItem":
        raise FormatError(f"{where}: type {kind!r}; SimpleItem and ComplexItem are understood")
    label = entry.get("complexItemType", "complex item")
    transect = entry.get("TransectStyleComplexItem")
    ready = transect.get("Items") if isinstance(transect, dict) else entry.get("Items")
    if not isinstance(ready, list) or not ready or not all(isinstance(each, dict) for each in ready):
        raise FormatError(
            f"{where}: the {label} carries no ready items (TransectStyleComplexItem.Items); "
            "open it in QGroundControl and save it again"
        )
    return ready


def _simple(entry: dict[str, Any], where: str) -> MissionItem:
    command, frame = entry.get("command"), entry.get("frame")
    if not isinstance(command, int) or not isinstance(frame, int):
        raise FormatError(f"{where}: command {command!r} in frame {frame!r}; two whole numbers are needed")
    values = _numbers(entry.get("params"), 7, f"{where} (command {command}): params")
    mode = entry.get("AltitudeMode", entry.get("altitudeMode"))
    if mode == 3:
        raise FormatError(
            f"{where}: altitude mode 'calculated above terrain' was computed by QGroundControl for its own terrain; "
            "save it relative to home or in terrain frame"
        )
    return item_of(command, frame, values, bool(entry.get("autoContinue", True)))


def _with_jumps(items: Sequence[MissionItem], ids: dict[int, int], name: str) -> list[MissionItem]:
    resolved = []
    for seq, item in enumerate(items):
        if seq and item.command == Command.JUMP and math.isfinite(item.p1):
            if int(item.p1) not in ids:
                raise FormatError(f"{name}: item {seq} jumps to doJumpId {item.p1:g}, which no item has")
            item = replace(item, p1=float(ids[int(item.p1)]))
        resolved.append(item)
    return resolved


def _notes(document: dict[str, Any], mission: dict[str, Any], blocks: Sequence[KeptBlock]) -> tuple[str, ...]:
    notes = [
        f"{block.name} (items {block.first} to {block.first + block.count - 1}): its ready items are used, "
        "the block itself is kept"
        for block in blocks
    ]
    firmware, vehicle = mission.get("firmwareType"), mission.get("vehicleType")
    if firmware not in (_ARDUPILOT, None):
        notes.append(f"the plan was made for another autopilot (firmwareType {firmware}; ArduPilot is {_ARDUPILOT})")
    if vehicle not in (_MULTICOPTER, None):
        notes.append(f"the plan was made for another kind of vehicle (vehicleType {vehicle})")
    notes += [f"kept without understanding it: {key}" for key in document if key not in _OWN_TOP]
    return tuple(notes)


def _parse_fence(fence: Any, name: str) -> tuple[MissionItem, ...]:
    if not isinstance(fence, dict):
        return ()
    polygons, circles = [], []
    for number, entry in enumerate(_list(fence, "polygons", f"{name}: geoFence"), start=1):
        where = f"{name}: fence polygon {number}"
        if not isinstance(entry, dict):
            raise FormatError(f"{where} is no object")
        corners = [_numbers(corner, 2, where) for corner in _list(entry, "polygon", where)]
        if not 3 <= len(corners) <= 255:
            raise FormatError(f"{where}: {len(corners)} corners; allowed are 3 to 255")
        polygons.append(FencePolygon(tuple((lat, lon) for lat, lon in corners), bool(entry.get("inclusion", True))))
    for number, entry in enumerate(_list(fence, "circles", f"{name}: geoFence"), start=1):
        where = f"{name}: fence circle {number}"
        if not isinstance(entry, dict):
            raise FormatError(f"{where} is no object")
        circle = _dict(entry, "circle", where)
        lat, lon = _numbers(circle.get("center"), 2, where)
        circles.append(FenceCircle(lat, lon, _number(circle.get("radius"), where), bool(entry.get("inclusion", True))))
    back = fence.get("breachReturn")
    lat_lon = None if back is None else tuple(_numbers(back, 2, f"{name}: breachReturn"))
    return fence_items(Fence(tuple(polygons), tuple(circles), lat_lon))  # type: ignore[arg-type]


def _parse_rally(rally: Any, name: str) -> tuple[MissionItem, ...]:
    if not isinstance(rally, dict):
        return ()
    points = []
    for number, entry in enumerate(_list(rally, "points", f"{name}: rallyPoints"), start=1):
        lat, lon, alt = _numbers(entry, 3, f"{name}: rally point {number}")
        try:
            points.append(GeoPoint(lat, lon, alt, Datum.HOME))
        except ValueError as problem:
            raise FormatError(f"{name}: rally point {number}: {problem}") from problem
    return rally_items(points)


def write_plan(plan: Plan) -> str:
    """Plan → `.plan` text. Kept blocks are written verbatim while their items are unchanged, else as simple items.

    Raises FormatError for a mission without home at item 0 and for a rally point that is not above home.
    """
    if plan.items and plan.items[0].command != Command.WAYPOINT:
        raise FormatError(
            f"{plan.name}: item 0 is {name_of(plan.items[0].command)}, not home, and would be lost; put home in front"
        )
    kept = plan.unknown if isinstance(plan.unknown, dict) else {}
    home = plan.home
    mission = {
        "cruiseSpeed": 15,
        "hoverSpeed": 5,
        "firmwareType": _ARDUPILOT,
        "vehicleType": _MULTICOPTER,
        **kept.get("mission", {}),
        "plannedHomePosition": [home.lat_deg, home.lon_deg, home.alt_m] if home else [0.0, 0.0, 0.0],
        "items": _entries(plan),
        "version": 2,
    }
    document = {
        "fileType": "Plan",
        "groundStation": "einsatzdrohne",
        **kept.get("top", {}),
        "mission": mission,
        "geoFence": _fence_object(plan),
        "rallyPoints": {"points": [_rally_point(item) for item in plan.rally], "version": 2},
        "version": 1,
    }
    return json.dumps(document, indent=4, allow_nan=False) + "\n"


def _entries(plan: Plan) -> list[Any]:
    blocks = {block.first: block for block in plan.blocks if _unchanged(block, plan.items)}
    entries: list[Any] = []
    seq = 1
    while seq < len(plan.items):
        block = blocks.get(seq)
        if block is not None:
            entries.append(block.raw)
            seq += block.count
            continue
        entries.append(_entry(seq, plan.items[seq]))
        seq += 1
    return entries


def _unchanged(block: KeptBlock, items: Sequence[MissionItem]) -> bool:
    ready = _simple_entries(block.raw, block.name)
    ours = items[block.first : block.first + block.count]
    theirs = [_simple(entry, block.name) for entry in ready]
    in_place = [entry.get("doJumpId") for entry in ready] == list(range(block.first, block.first + block.count))
    # repr, because NaN (an empty field) is never equal to itself
    return in_place and [repr(item) for item in ours] == [repr(item) for item in theirs]


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _entry(seq: int, item: MissionItem) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "autoContinue": item.autocontinue,
        "command": item.command,
        "doJumpId": seq,
        "frame": item.frame,
        "params": [_or_null(value) for value in (*item.params, item.lat_deg, item.lon_deg, item.alt_m)],
        "type": "SimpleItem",
    }
    if has_place(item.command) and item.frame in _MODE_OF_FRAME:
        entry |= {
            "AMSLAltAboveTerrain": None,
            "Altitude": _or_null(item.alt_m),
            "AltitudeMode": _MODE_OF_FRAME[item.frame],
        }
    return entry


def _fence_object(plan: Plan) -> dict[str, Any]:
    fence = parse_fence(plan.fence)
    written: dict[str, Any] = {
        "polygons": [
            {"inclusion": each.inclusion, "polygon": [list(corner) for corner in each.corners], "version": 1}
            for each in fence.polygons
        ],
        "circles": [
            {
                "circle": {"center": [each.lat_deg, each.lon_deg], "radius": each.radius_m},
                "inclusion": each.inclusion,
                "version": 1,
            }
            for each in fence.circles
        ],
        "version": 2,
    }
    if fence.return_point is not None:
        written["breachReturn"] = [*fence.return_point, 0.0]
    return written


def _rally_point(item: MissionItem) -> list[float]:
    if item.frame not in (Frame.RELATIVE, Frame.RELATIVE_INT):
        raise FormatError(f"a rally point in frame {item.frame} cannot be written: .plan knows heights above home only")
    return [item.lat_deg, item.lon_deg, item.alt_m]
