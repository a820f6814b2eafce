"""Whether a place is inside the fence: every inclusion area has to hold it, no exclusion area may.

Polygons by the even-odd rule in degrees, with longitude scaled by the cosine of the latitude: exact enough for the few
hundred metres that a fence spans.
"""

from __future__ import annotations

import math

from simulators.autopilot.transfers import Item

_RADIUS_M = 6_371_000.0
_INCLUSION_VERTEX, _EXCLUSION_VERTEX, _INCLUSION_CIRCLE, _EXCLUSION_CIRCLE = 5001, 5002, 5003, 5004


def keeps(items: list[Item], lat_deg: float, lon_deg: float) -> bool:
    """Whether a fence as stored allows a place."""
    index = 0
    while index < len(items):
        item = items[index]
        if item.command in (_INCLUSION_VERTEX, _EXCLUSION_VERTEX):
            corners = items[index : index + round(item.params[0])]
            if _in_polygon(corners, lat_deg, lon_deg) != (item.command == _INCLUSION_VERTEX):
                return False
            index += len(corners)
            continue
        if item.command in (_INCLUSION_CIRCLE, _EXCLUSION_CIRCLE):
            inside = _distance_m(item, lat_deg, lon_deg) < item.params[0]
            if inside != (item.command == _INCLUSION_CIRCLE):
                return False
        index += 1
    return True


def _in_polygon(corners: list[Item], lat_deg: float, lon_deg: float) -> bool:
    inside = False
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (a.lat_deg > lat_deg) != (b.lat_deg > lat_deg):
            share = (lat_deg - a.lat_deg) / (b.lat_deg - a.lat_deg)
            inside ^= lon_deg < a.lon_deg + share * (b.lon_deg - a.lon_deg)
    return inside


def _distance_m(item: Item, lat_deg: float, lon_deg: float) -> float:
    north = math.radians(lat_deg - item.lat_deg)
    east = math.radians(lon_deg - item.lon_deg) * math.cos(math.radians(lat_deg))
    return _RADIUS_M * math.hypot(north, east)
