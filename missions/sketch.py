"""A plan as a picture: a map of it, north up, and below it the height along the way over the terrain.

`sketch` says what is drawn where, in pixels from the top left, and knows no file format; `to_svg` writes it as text.
Whoever writes another kind of picture draws the same shapes. Only ASCII stands in the labels, so that every drawing
library can write them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from missions.duration import TimedLeg, timed_legs
from missions.fence import parse_fence
from missions.follow import sampling_step_m
from missions.formats.plan import FormatError, Plan
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.items import Command, has_place
from missions.path import clearance_along, leg_length_m

Floats = NDArray[np.float64]

WIDTH, MAP_HEIGHT, PROFILE_HEIGHT, MARGIN = 1100, 720, 260, 50
_INK, _PATH, _RETURN, _FENCE, _BARRED, _EARTH, _HOME, _LOOK = (
    "#222222", "#0b62c4", "#8a8a8a", "#1a8f3c", "#c4261d", "#b89b72", "#1a8f3c", "#d98200",
)  # fmt: skip
_NICE = (1.0, 2.0, 5.0)
_MOST_NUMBERS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Through `points` (N, 2) pixels; closed and filled where `fill` says a colour."""

    points: Floats
    colour: str
    width: float = 1.5
    fill: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Label:
    """Text whose left end (or right end, or middle: `anchor` start, end, middle) stands at x, its foot at y."""

    x: float
    y: float
    text: str
    colour: str = _INK
    size: float = 13.0
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes in drawing order on white."""

    width: int
    height: int
    shapes: tuple[Line | Spot | Label, ...]


def sketch(plan: Plan, home: GeoPoint | None = None, terrain: Ground | None = None) -> Picture:
    """Map and height profile. Raises FormatError for a plan that has no place to draw."""
    home = home or plan.home or _first(plan)
    if home is None:
        raise FormatError(f"{plan.name}: there is no place in it to draw")
    frame = LocalFrame(GeoPoint(home.lat_deg, home.lon_deg, 0.0, Datum.SEA_LEVEL))
    shapes = [*_map(plan, home, frame), *_profile(plan, home, terrain)]
    return Picture(WIDTH, MAP_HEIGHT + PROFILE_HEIGHT, tuple(shapes))


def _first(plan: Plan) -> GeoPoint | None:
    for item in (*plan.items[1:], *plan.fence, *plan.rally):
        if has_place(item.command) and (item.lat_deg or item.lon_deg):
            return GeoPoint(item.lat_deg, item.lon_deg, 0.0, Datum.SEA_LEVEL)
    return None


# --- the map --------------------------------------------------------------------------------------------------------


class _Scale:
    """East, north metres → pixels of the map."""

    def __init__(self, places: Floats) -> None:
        low, high = places.min(axis=0), places.max(axis=0)
        room = np.array([WIDTH - 2.0 * MARGIN, MAP_HEIGHT - 2.0 * MARGIN])
        self.px_per_m = float((room / np.maximum(high - low, 20.0)).min())
        self.middle = 0.5 * (low + high)

    def px(self, east_north: Floats) -> Floats:
        """(N, 2) → (N, 2)."""
        offset = (np.atleast_2d(east_north) - self.middle) * self.px_per_m
        return np.column_stack([0.5 * WIDTH + offset[:, 0], 0.5 * MAP_HEIGHT - offset[:, 1]])


def _map(plan: Plan, home: GeoPoint, frame: LocalFrame) -> list[Line | Spot | Label]:
    legs = [timed.leg for timed in timed_legs(plan.items, home)] if plan.items else []
    areas = _areas(plan, frame)
    ways = [_en(frame, [(leg.start.lat_deg, leg.start.lon_deg), (leg.end.lat_deg, leg.end.lon_deg)]) for leg in legs]
    spots = [(item, _en(frame, [(item.lat_deg, item.lon_deg)])) for item in plan.rally]
    looks = [
        _en(frame, [(item.lat_deg, item.lon_deg)])
        for item in plan.items if item.command == Command.ROI_LOCATION
    ]  # fmt: skip
    everything = [np.zeros((1, 2)), *ways, *(ring for ring, _ in areas), *(place for _, place in spots), *looks]
    scale = _Scale(np.concatenate(everything))
    shapes: list[Line | Spot | Label] = [
        Line(scale.px(ring), colour, 2.0, fill=colour, dashed=True) for ring, colour in areas
    ]
    for leg, way in zip(legs, ways, strict=True):
        shapes.append(Line(scale.px(way), _RETURN if leg.why else _PATH, 1.5 if leg.why else 2.0, dashed=bool(leg.why)))
    shapes += _numbers([(leg.end.seq, scale.px(way)[1]) for leg, way in zip(legs, ways, strict=True) if not leg.why])
    for place in looks:
        x, y = scale.px(place)[0]
        shapes.append(Spot(x, y, 5.0, _LOOK))
    for _, place in spots:
        x, y = scale.px(place)[0]
        shapes += [Spot(x, y, 5.0, _FENCE), Label(x + 8.0, y + 5.0, "rally", _FENCE)]
    x, y = scale.px(np.zeros(2))[0]
    shapes += [Spot(x, y, 7.0, _HOME), Label(x + 10.0, y + 5.0, "home", _HOME, 15.0)]
    return shapes + _legend(plan.name, scale.px_per_m)


def _en(frame: LocalFrame, places: Sequence[tuple[float, float]]) -> Floats:
    lat, lon = np.array(places, np.float64).T
    return np.asarray(frame.enu_from_geo(lat, lon, 0.0)[:, :2], np.float64)


def _areas(plan: Plan, frame: LocalFrame) -> list[tuple[Floats, str]]:
    fence = parse_fence(plan.fence)
    found = [(_en(frame, polygon.corners), _FENCE if polygon.inclusion else _BARRED) for polygon in fence.polygons]
    turns = np.linspace(0.0, 2.0 * math.pi, 73)
    for circle in fence.circles:
        rim = circle.radius_m * np.column_stack([np.sin(turns), np.cos(turns)])
        middle = _en(frame, [(circle.lat_deg, circle.lon_deg)])
        found.append((middle + rim, _FENCE if circle.inclusion else _BARRED))
    return found


def _numbers(ends: list[tuple[int, Floats]]) -> list[Line | Spot | Label]:
    """Points, and the item numbers of as many as can be told apart."""
    every = max(1, math.ceil(len(ends) / _MOST_NUMBERS))
    shapes: list[Line | Spot | Label] = [Spot(float(p[0]), float(p[1]), 2.5, _PATH) for _, p in ends]
    shapes += [
        Label(float(p[0]) + 4.0, float(p[1]) - 4.0, str(seq), size=11.0)
        for number, (seq, p) in enumerate(ends) if number % every == 0
    ]  # fmt: skip
    return shapes


def _legend(name: str, px_per_m: float) -> list[Line | Spot | Label]:
    bar_m = _nice(160.0 / px_per_m)
    x, y = float(MARGIN), MAP_HEIGHT - 18.0
    ends = np.array([[x, y - 6.0], [x, y], [x + bar_m * px_per_m, y], [x + bar_m * px_per_m, y - 6.0]])
    north = np.array([[WIDTH - 40.0, 62.0], [WIDTH - 40.0, 26.0], [WIDTH - 45.0, 38.0], [WIDTH - 35.0, 38.0],
                      [WIDTH - 40.0, 26.0]])  # fmt: skip
    plain = name.encode("ascii", "replace").decode()
    return [
        Line(ends, _INK, 2.0),
        Label(x + bar_m * px_per_m + 8.0, y, f"{bar_m:,.0f} m"),
        Line(north, _INK, 2.0),
        Label(WIDTH - 40.0, 80.0, "N", anchor="middle"),
        Label(float(MARGIN), 28.0, plain, size=17.0),
    ]


def _nice(value: float) -> float:
    """The greatest of 1, 2, 5, 10, 20 … that is not above `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in _NICE if step * power <= value * (1.0 + 1e-9))


# --- the height along the way ---------------------------------------------------------------------------------------


def _profile(plan: Plan, home: GeoPoint, terrain: Ground | None) -> list[Line | Spot | Label]:
    timed = timed_legs(plan.items, home, terrain) if plan.items else ()
    if not timed:
        return []
    flown = np.concatenate([[0.0], np.cumsum([leg_length_m(each.leg) for each in timed])])
    heights = np.array([0.0, *(each.height_m for each in timed)])
    ground = _ground(timed, flown, home, terrain)
    low = min(0.0, float(heights.min()), 0.0 if ground is None else float(np.nanmin(ground[:, 1])))
    top = max(float(heights.max()), 0.0 if ground is None else float(np.nanmax(ground[:, 1])), 10.0)
    left, right, upper, lower = MARGIN + 10.0, WIDTH - 20.0, MAP_HEIGHT + 25.0, MAP_HEIGHT + PROFILE_HEIGHT - 40.0
    across = (right - left) / max(float(flown[-1]), 1.0)
    up = (lower - upper) / (top - low)

    def px(rows: Floats) -> Floats:
        return np.column_stack([left + rows[:, 0] * across, lower - (rows[:, 1] - low) * up])

    shapes: list[Line | Spot | Label] = []
    if ground is not None:
        known = ground[np.isfinite(ground[:, 1])]
        outline = np.vstack([[known[0, 0], low], known, [known[-1, 0], low]])
        shapes.append(Line(px(outline), _EARTH, 1.0, fill=_EARTH))
    shapes += _axes(px, float(flown[-1]), low, top)
    shapes.append(Line(px(np.column_stack([flown, heights])), _PATH, 2.0))
    return shapes


def _ground(timed: Sequence[TimedLeg], flown: Floats, home: GeoPoint, terrain: Ground | None) -> Floats | None:
    """(N, 2) metres flown and height of the surface above home; None without terrain that knows home."""
    base = math.nan if terrain is None else float(terrain.height_at(home.lat_deg, home.lon_deg))
    if terrain is None or not math.isfinite(base):
        return None
    rows = []
    for number, each in enumerate(timed):
        along = clearance_along(each.leg, terrain, base, max(2.0, sampling_step_m(terrain)))
        part = np.linspace(flown[number], flown[number + 1], len(along.lat_deg))
        rows.append(np.column_stack([part, terrain.height_at(along.lat_deg, along.lon_deg) - base]))
    return np.concatenate(rows)


def _axes(px: Callable[[Floats], Floats], length_m: float, low_m: float, top_m: float) -> list[Line | Spot | Label]:
    shapes: list[Line | Spot | Label] = []
    for axis, low, high in ((0, 0.0, length_m), (1, low_m, top_m)):
        step = _nice(max((high - low) / 4.0, 1.0))
        for value in np.arange(math.ceil(low / step) * step, high + 0.01 * step, step):
            start = np.array([[value, low_m] if axis == 0 else [0.0, value]])
            end = np.array([[value, top_m] if axis == 0 else [length_m, value]])
            line = px(np.vstack([start, end]))
            shapes.append(Line(line, "#dddddd", 1.0))
            x, y = line[0]
            shapes.append(
                Label(x, y + 18.0, f"{value:,.0f} m", anchor="middle")
                if axis == 0 else Label(x - 5.0, y + 4.0, f"{value:.0f} m", anchor="end")
            )  # fmt: skip
    shapes.append(Label(MARGIN + 10.0, MAP_HEIGHT + 14.0, "height above home along the way"))
    return shapes


# --- as text --------------------------------------------------------------------------------------------------------


def to_svg(picture: Picture) -> str:
    """SVG 1.1."""
    body = "\n".join(_svg(shape) for shape in picture.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{picture.width}" height="{picture.height}" '
        f'viewBox="0 0 {picture.width} {picture.height}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _svg(shape: Line | Spot | Label) -> str:
    match shape:
        case Line():
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
            name = "polygon" if shape.fill else "polyline"
            fill = f'fill="{shape.fill}" fill-opacity="0.15"' if shape.fill else 'fill="none"'
            dash = ' stroke-dasharray="7 5"' if shape.dashed else ""
            return f'<{name} points="{points}" {fill} stroke="{shape.colour}" stroke-width="{shape.width:g}"{dash}/>'
        case Spot():
            return f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}" fill="{shape.colour}"/>'
        case Label():
            return (
                f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" fill="{shape.colour}" '
                f'text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
            )
