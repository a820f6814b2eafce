"""MAVProxy's own lists: a fence as `lat<TAB>lon` lines, rally points as `RALLY lat lon alt break land flags`.

The first fence line is the return point, the rest a polygon whose last corner repeats the first. It is an inclusion.
"""

from __future__ import annotations

import math

from missions.fence import Fence, FencePolygon, fence_items, rally_items
from missions.formats.plan import FormatError, Plan
from missions.geometry.geo import Datum, GeoPoint


def _numbers(fields: list[str], where: str) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError as problem:
        raise FormatError(f"{where}: {problem}") from problem
    if len(values) < 2 or not all(map(math.isfinite, values)) or abs(values[0]) > 90.0 or abs(values[1]) > 180.0:
        raise FormatError(f"{where}: no latitude and longitude")
    return values


def _rows(text: str) -> list[tuple[int, list[str]]]:
    rows = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1)]
    return [(number, fields) for number, fields in rows if fields and not fields[0].startswith("#")]


def parse_fence_list(text: str, name: str = "fence") -> Plan:
    """`lat lon` lines → Plan with one inclusion polygon and its return point. Raises FormatError naming the line."""
    places = []
    for number, fields in _rows(text):
        if len(fields) != 2:
            raise FormatError(f"{name}: line {number}: {len(fields)} columns; latitude and longitude are needed")
        lat, lon = _numbers(fields, f"{name}: line {number}")
        places.append((lat, lon))
    corners = places[1:]
    if len(corners) < 4:
        raise FormatError(f"{name}: {len(places)} lines; a return point and a closed polygon of 4 or more are needed")
    if corners[0] != corners[-1]:
        raise FormatError(f"{name}: the polygon is not closed (its last line must repeat the second)")
    return Plan(name, fence=fence_items(Fence((FencePolygon(tuple(corners[:-1]), True),), (), places[0])))


def parse_rally_list(text: str, name: str = "rally") -> Plan:
    """`RALLY lat lon alt break land flags` lines → Plan; heights above home. Raises FormatError naming the line."""
    points, notes = [], []
    for number, fields in _rows(text):
        where = f"{name}: line {number}"
        if fields[0] != "RALLY" or len(fields) < 4:
            raise FormatError(f"{where}: 'RALLY lat lon alt …' is needed")
        lat, lon, alt, *rest = _numbers(fields[1:], where)
        try:
            points.append(GeoPoint(lat, lon, alt, Datum.HOME))
        except ValueError as problem:
            raise FormatError(f"{where}: {problem}") from problem
        if any(rest):
            notes.append(
                f"rally point {len(points)}: break altitude, landing direction and flags are not used by copters"
            )
    if not points:
        raise FormatError(f"{name}: holds no rally point")
    return Plan(name, rally=rally_items(points), notes=tuple(notes))
