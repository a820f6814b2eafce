"""Geofence and rally points: from areas to vehicle items and back.

ArduPilot keeps a fence as a flat list: each polygon vertex is an item that repeats the polygon's vertex count in
parameter 1, a circle carries its radius there. With several inclusion areas ArduCopter wants the aircraft inside
*all* of them (unless FENCE_OPTIONS says union): two side by side forbid everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from shapely import MultiPoint

from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.items import FENCE_COMMANDS, FRAME_OF_DATUM, Command, Frame, MissionItem, name_of


class FenceError(ValueError):
    """A fence list that is none: names the item and what is wrong."""


@dataclass(frozen=True, slots=True)
class FencePolygon:
    """`corners`: (lat_deg, lon_deg) without the closing repetition."""

    corners: tuple[tuple[float, float], ...]
    inclusion: bool


@dataclass(frozen=True, slots=True)
class FenceCircle:
    """Centre in degrees, radius in metres."""

    lat_deg: float
    lon_deg: float
    radius_m: float
    inclusion: bool


@dataclass(frozen=True, slots=True)
class Fence:
    """All areas of a geofence, in file order; `return_point` (lat_deg, lon_deg) or None."""

    polygons: tuple[FencePolygon, ...] = ()
    circles: tuple[FenceCircle, ...] = ()
    return_point: tuple[float, float] | None = None


def fence_around(places: Sequence[GeoPoint], margin_m: float, most_corners: int = 30) -> FencePolygon:
    """The inclusion area that holds all places with a margin: their convex hull, grown. Raises FenceError."""
    if not 5.0 <= margin_m <= 2000.0:
        raise FenceError(f"fence margin {margin_m:g} m: allowed are 5 to 2000 m")
    first = places[0]
    frame = LocalFrame(GeoPoint(first.lat_deg, first.lon_deg, 0.0, Datum.SEA_LEVEL))
    lat, lon = (np.array([getattr(place, key) for place in places]) for key in ("lat_deg", "lon_deg"))
    hull = MultiPoint(frame.enu_from_geo(lat, lon, 0.0)[:, :2]).convex_hull
    grown, tidy_m = hull.buffer(margin_m, quad_segs=2), 0.05 * margin_m
    outline = grown.simplify(tidy_m)
    while len(outline.exterior.coords) - 1 > most_corners:
        tidy_m *= 2.0
        outline = grown.simplify(tidy_m).convex_hull
    corners = np.asarray(outline.exterior.coords)[:-1]
    lat, lon, _ = frame.geo_from_enu(np.column_stack([corners, np.zeros(len(corners))]))
    return FencePolygon(tuple((float(a), float(b)) for a, b in zip(lat, lon, strict=True)), True)


def _place(command: Command, lat_deg: float, lon_deg: float, p1: float = 0.0) -> MissionItem:
    return MissionItem(command, Frame.GLOBAL, p1, lat_deg=lat_deg, lon_deg=lon_deg)


def fence_items(fence: Fence) -> tuple[MissionItem, ...]:
    """Fence → items, polygons first, then circles, then the return point."""
    items = []
    for polygon in fence.polygons:
        command = Command.FENCE_INCLUSION_VERTEX if polygon.inclusion else Command.FENCE_EXCLUSION_VERTEX
        items += [_place(command, lat, lon, float(len(polygon.corners))) for lat, lon in polygon.corners]
    for circle in fence.circles:
        command = Command.FENCE_INCLUSION_CIRCLE if circle.inclusion else Command.FENCE_EXCLUSION_CIRCLE
        items.append(_place(command, circle.lat_deg, circle.lon_deg, circle.radius_m))
    if fence.return_point is not None:
        items.append(_place(Command.FENCE_RETURN_POINT, *fence.return_point))
    return tuple(items)


def parse_fence(items: Sequence[MissionItem]) -> Fence:
    """Items → fence. Raises FenceError for a vertex count that does not fit, a foreign command, a bad place."""
    polygons: list[FencePolygon] = []
    circles: list[FenceCircle] = []
    return_point: tuple[float, float] | None = None
    seq = 0
    while seq < len(items):
        item = items[seq]
        _require_place(item, seq)
        if item.command in (Command.FENCE_INCLUSION_VERTEX, Command.FENCE_EXCLUSION_VERTEX):
            polygons.append(_polygon(items, seq))
            seq += len(polygons[-1].corners)
            continue
        if item.command == Command.FENCE_RETURN_POINT:
            return_point = (item.lat_deg, item.lon_deg)
        else:
            circles.append(_circle(item, seq))
        seq += 1
    return Fence(tuple(polygons), tuple(circles), return_point)


def _require_place(item: MissionItem, seq: int) -> None:
    if item.command not in FENCE_COMMANDS:
        raise FenceError(f"fence item {seq}: {name_of(item.command)} is no fence item; allowed are 5000 to 5004")
    if not (abs(item.lat_deg) <= 90.0 and abs(item.lon_deg) <= 180.0):
        raise FenceError(f"fence item {seq}: {item.lat_deg}, {item.lon_deg} is no latitude, longitude")


def _polygon(items: Sequence[MissionItem], start: int) -> FencePolygon:
    first = items[start]
    count = int(first.p1) if math.isfinite(first.p1) else 0
    if not 3 <= count <= 255:
        raise FenceError(f"fence item {start}: vertex count {first.p1:g}; allowed are 3 to 255")
    group = items[start : start + count]
    if len(group) < count or any(each.command != first.command or each.p1 != first.p1 for each in group):
        raise FenceError(f"fence item {start}: a polygon of {count} vertices begins here, but fewer follow")
    for number, each in enumerate(group, start=start):
        _require_place(each, number)
    corners = tuple((each.lat_deg, each.lon_deg) for each in group)
    return FencePolygon(corners, first.command == Command.FENCE_INCLUSION_VERTEX)


def _circle(item: MissionItem, seq: int) -> FenceCircle:
    if not (math.isfinite(item.p1) and item.p1 > 0.0):
        raise FenceError(f"fence item {seq}: circle radius {item.p1} m; allowed is more than 0")
    return FenceCircle(item.lat_deg, item.lon_deg, item.p1, item.command == Command.FENCE_INCLUSION_CIRCLE)


def rally_items(points: Iterable[GeoPoint]) -> tuple[MissionItem, ...]:
    """Rally points (datum HOME, SEA_LEVEL or GROUND) → items."""
    return tuple(
        MissionItem(
            Command.RALLY_POINT, FRAME_OF_DATUM[point.datum],
            lat_deg=point.lat_deg, lon_deg=point.lon_deg, alt_m=point.alt_m,
        )
        for point in points
    )  # fmt: skip
