"""Ways around what must not be overflown: a track is led past no-fly areas along the shortest path.

The corners of the grown areas are the only places where a shortest path may turn (Lozano-Pérez and Wesley 1979), so a
graph of the corners that see each other, searched by Dijkstra, is exact. A straight leg that meets no area stays.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon, prepare, union_all
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]

MARGIN_M = 10.0
_MOST_CORNERS = 400
# A path along an edge touches it: what is tested is drawn in by this much.
_TOUCH_M = 0.01


class AvoidError(ValueError):
    """No way around: says where."""


def grown(areas: Sequence[Polygon], margin_m: float = MARGIN_M) -> BaseGeometry:
    """No-fly areas (metres) with their margin, corners kept few: one shape, perhaps of several parts."""
    shapes = [area.buffer(margin_m, join_style="mitre", mitre_limit=1.5).simplify(0.05 * margin_m) for area in areas]
    return union_all(shapes)


def cut(lines: Sequence[Floats], keep_out: BaseGeometry, shortest_m: float = 2.0) -> list[Floats]:
    """Lines (each (2, 2) metres) without what lies in `keep_out`, in their direction of flight."""
    left: list[Floats] = []
    for line in lines:
        rest = LineString(line).difference(keep_out)
        parts = [np.asarray(part.coords) for part in getattr(rest, "geoms", [rest]) if part.length >= shortest_m]
        left += sorted(parts, key=lambda part: float(np.linalg.norm(part[0] - line[0])))
    return left


def around(track: Floats, keep_out: BaseGeometry) -> Floats:
    """The track (N, 2) metres with every leg that crosses `keep_out` led around it. Raises AvoidError."""
    if keep_out.is_empty:
        return track
    walls = keep_out.buffer(-_TOUCH_M)
    prepare(walls)
    corners = _corners(keep_out)
    rows = [track[0]]
    for start, end in pairwise(track):
        if walls.intersects(LineString([start, end])):
            rows += _shortest(start, end, corners, walls)[1:]
        else:
            rows.append(end)
    return np.array(rows)


def _corners(keep_out: BaseGeometry) -> Floats:
    parts = [part for part in getattr(keep_out, "geoms", [keep_out]) if isinstance(part, Polygon)]
    corners = np.concatenate([np.asarray(part.exterior.coords)[:-1] for part in parts])
    if len(corners) > _MOST_CORNERS:
        raise AvoidError(f"the no-fly areas have {len(corners)} corners; at most {_MOST_CORNERS}: draw them simpler")
    return corners


def _shortest(start: Floats, end: Floats, corners: Floats, walls: BaseGeometry) -> list[Floats]:
    for name, place in (("begins", start), ("ends", end)):
        if walls.contains(Point(place)):
            raise AvoidError(f"a leg {name} inside a no-fly area, {place[0]:.0f} m east, {place[1]:.0f} m north")
    nodes = np.vstack([start, end, corners])
    best = np.full(len(nodes), math.inf)
    came = np.full(len(nodes), -1)
    best[0] = 0.0
    queue: list[tuple[float, int]] = [(0.0, 0)]
    done: set[int] = set()
    while queue:
        length, here = heapq.heappop(queue)
        if here in done:
            continue
        done.add(here)
        if here == 1:
            return _way(nodes, came)
        for there in range(1, len(nodes)):
            onwards = length + float(np.linalg.norm(nodes[there] - nodes[here]))
            if there in done or onwards >= best[there]:
                continue
            if not walls.intersects(LineString([nodes[here], nodes[there]])):
                best[there], came[there] = onwards, here
                heapq.heappush(queue, (onwards, there))
    raise AvoidError("there is no way around the no-fly areas from one line to the next")


def _way(nodes: Floats, came: NDArray[np.int64]) -> list[Floats]:
    way, at = [nodes[1]], 1
    while came[at] >= 0:
        at = int(came[at])
        way.append(nodes[at])
    return way[::-1]
