"""Checks that need places: how far, how high above what, inside which fence.

What could not be judged is said: no terrain file, terrain with a hole under a leg, a home nobody knows. The heights
that stand on home stand on the terrain's own height at home where the file has one, so that an error common to the
whole file cancels; the difference to the home height in the plan is a finding of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from missions.fence import Fence, FenceError, parse_fence
from missions.findings import Finding, stop, warning
from missions.follow import sampling_step_m
from missions.geometry.geo import Datum, GeoPoint, LocalFrame, distance_m
from missions.geometry.plane_terrain import PlaneGround, closest_pass
from missions.geometry.terrain import Ground
from missions.item_checks import MOST_FENCE_ITEMS
from missions.items import Command, MissionItem
from missions.limits import Limits
from missions.link_checks import check_link
from missions.path import Leg, clearance_along, leg_length_m, legs_of
from missions.reach_checks import check_reach

# Consumer GNSS wanders a few metres, in height twice that.
MOVED_M, MOVED_UP_M = 30.0, 8.0


def check_places(
    items: Sequence[MissionItem], home: GeoPoint | None, terrain: Ground | None, limits: Limits,
    rally: Sequence[MissionItem] = (),
) -> Iterator[Finding]:  # fmt: skip
    """Distances and terrain of a mission (item 0 home) whose numbers are sound."""
    if home is None:
        home = _first_place(items)
        yield warning(
            "no_home",
            "home is not known: distances and heights above the ground were judged from the first place flown to",
            "Give the place of take-off",
        )
    if home is None:
        return
    legs = legs_of(items, home)
    yield from _distances(legs, home, limits)
    yield from _heights(legs, limits)
    yield from check_link(legs, limits.link_m)
    if terrain is None:
        yield warning(
            "no_terrain",
            "no terrain was given: whether the flight stays clear of ground, roofs and trees was not checked",
            "Give a terrain file",
        )
        return
    yield from _terrain(legs, home, terrain, limits, rally)


def check_home(planned: GeoPoint | None, real: GeoPoint | None) -> Iterator[Finding]:
    """Whether the vehicle stands where the plan thought: heights above home move with it."""
    if planned is None or real is None:
        return
    away, higher = distance_m(planned, real), real.alt_m - planned.alt_m
    if away > MOVED_M or abs(higher) > MOVED_UP_M:
        yield warning(
            "home_moved",
            f"the vehicle stands {away:.0f} m from the home of the plan and {higher:+.1f} m in height; "
            "every height above home moves with it",
            "Plan again from where it stands, or accept the difference",
            lat_deg=real.lat_deg, lon_deg=real.lon_deg,
        )  # fmt: skip


def _first_place(items: Sequence[MissionItem]) -> GeoPoint | None:
    nowhere = GeoPoint(0.0, 0.0, 0.0, Datum.SEA_LEVEL)
    for leg in legs_of(items, nowhere):
        if leg.end.lat_deg or leg.end.lon_deg:
            return GeoPoint(leg.end.lat_deg, leg.end.lon_deg, 0.0, Datum.SEA_LEVEL)
    return None


def _distances(legs: Sequence[Leg], home: GeoPoint, limits: Limits) -> Iterator[Finding]:
    travelled = [leg for leg in legs if leg_length_m(leg) > 1.0 and not leg.why]
    if travelled and leg_length_m(travelled[0]) > limits.first_leg_m:
        end = travelled[0].end
        yield stop(
            "far_first_leg",
            f"the first place is {leg_length_m(travelled[0]):,.0f} m from home {home.lat_deg:.5f}, {home.lon_deg:.5f}; "
            f"allowed is {limits.first_leg_m:,.0f} m",
            "Correct home or the mission: they do not belong together",
            seq=end.seq, lat_deg=end.lat_deg, lon_deg=end.lon_deg,
        )  # fmt: skip
        return
    origin = legs[0].start if legs else None
    for leg in travelled:
        assert origin is not None
        away = leg_length_m(Leg(origin, leg.end))
        if away > limits.farthest_m:
            yield stop(
                "far_away", f"{away:,.0f} m from home; allowed is {limits.farthest_m:,.0f} m", "Correct this place",
                seq=leg.end.seq, lat_deg=leg.end.lat_deg, lon_deg=leg.end.lon_deg,
            )  # fmt: skip
            return


def _heights(legs: Sequence[Leg], limits: Limits) -> Iterator[Finding]:
    high = [leg.end for leg in legs if leg.end.datum is not Datum.SEA_LEVEL and leg.end.alt_m > limits.max_height_m]
    if high:
        top = max(high, key=lambda each: each.alt_m)
        yield warning(
            "height_limit",
            f"{len(high)} places above {limits.max_height_m:g} m, the highest {top.alt_m:g} m above {top.datum.value}",
            "Fly lower, or accept it with the permission that covers it (EU 2019/947: 120 m above ground)",
            seq=top.seq, lat_deg=top.lat_deg, lon_deg=top.lon_deg,
        )  # fmt: skip
    following = next((leg.end for leg in legs if leg.end.datum is Datum.GROUND), None)
    if following:
        yield warning(
            "needs_vehicle_terrain",
            "heights above terrain: the vehicle flies by its own terrain data, and refuses to arm without",
            "See to it that its terrain data is loaded, or plan heights above home",
            seq=following.seq, lat_deg=following.lat_deg, lon_deg=following.lon_deg,
        )  # fmt: skip
    low = next((leg.end for leg in legs if leg.end.datum is Datum.HOME and leg.end.alt_m < 0.0), None)
    if low:
        yield warning(
            "below_home", f"{low.alt_m:g} m is below home", "Check the height", seq=low.seq, lat_deg=low.lat_deg,
            lon_deg=low.lon_deg,
        )  # fmt: skip


def _terrain(
    legs: Sequence[Leg], home: GeoPoint, terrain: Ground, limits: Limits, rally: Sequence[MissionItem]
) -> Iterator[Finding]:
    if terrain.datum is not Datum.SEA_LEVEL:
        yield warning(
            "terrain_datum",
            f"the terrain's heights are above {terrain.datum.value}, not above sea level: not checked",
            "Give a terrain file with heights above sea level",
        )
        return
    at_home = float(terrain.height_at(home.lat_deg, home.lon_deg))
    if not math.isfinite(at_home):
        yield warning(
            "terrain_without_home",
            "the terrain file has no height at home: clearance was not checked",
            "Give a terrain file that covers the flight (and check its coordinate system)",
            lat_deg=home.lat_deg, lon_deg=home.lon_deg,
        )  # fmt: skip
        return
    if abs(at_home - home.alt_m) > 10.0:
        yield warning(
            "home_height",
            f"home is {home.alt_m:.1f} m above sea level in the plan, {at_home:.1f} m in the terrain file",
            "Check the home height and the terrain's height datum",
            lat_deg=home.lat_deg, lon_deg=home.lon_deg,
        )  # fmt: skip
    step = sampling_step_m(terrain)
    clear = _surely_clear(legs, home, at_home, terrain, limits, step)
    for index, leg in enumerate(legs):
        if not clear[index]:
            yield from _leg_clearance(leg, terrain, at_home, limits, step, climbing=index == 0)
    yield from check_reach(legs, home, at_home, terrain, limits, rally)


def _surely_clear(
    legs: Sequence[Leg], home: GeoPoint, home_alt_m: float, terrain: Ground, limits: Limits, step_m: float
) -> list[bool]:
    """Which legs need no closer look: straight ones, all over known ground and well above it.

    Asked of the pyramid of highest heights, all legs at once; a plane's straight line and one of latitude and longitude
    part by less than the metre that is asked for beyond the clearance.
    """
    plain = [
        n
        for n, leg in enumerate(legs)
        if n and Datum.GROUND not in (leg.start.datum, leg.end.datum) and leg_length_m(leg) < limits.farthest_m
    ]
    clear = [False] * len(legs)
    if not plain:
        return clear
    frame = LocalFrame(GeoPoint(home.lat_deg, home.lon_deg, 0.0, Datum.SEA_LEVEL))
    ends = []
    for stops in ([legs[n].start for n in plain], [legs[n].end for n in plain]):
        lat, lon = np.array([stop.lat_deg for stop in stops]), np.array([stop.lon_deg for stop in stops])
        up = [stop.alt_m + (home_alt_m if stop.datum is Datum.HOME else 0.0) for stop in stops]
        ends.append(np.column_stack([frame.enu_from_geo(lat, lon, 0.0)[:, :2], up]))
    near = np.linalg.norm(np.concatenate(ends)[:, :2], axis=1).max() < 2.0 * limits.farthest_m
    if not near:
        return clear
    plane = PlaneGround.over(terrain, frame, np.concatenate(ends)[:, :2], margin_m=20.0)
    found = closest_pass(plane, ends[0], ends[1], limits.clearance_m + 1.0, step_m)
    for n, above, unknown in zip(plain, found.above_m, found.unknown, strict=True):
        clear[n] = bool(np.isinf(above)) and not unknown
    return clear


def _leg_clearance(
    leg: Leg, terrain: Ground, home_alt_m: float, limits: Limits, step_m: float, *, climbing: bool
) -> Iterator[Finding]:
    along = clearance_along(leg, terrain, home_alt_m, step_m)
    unknown = np.flatnonzero(~np.isfinite(along.above_m))
    if unknown.size:
        first = int(unknown[0])
        yield warning(
            "terrain_gap", "the terrain has no height under the leg to this item: not checked there",
            "Give a terrain file that covers the flight",
            seq=leg.end.seq, lat_deg=float(along.lat_deg[first]), lon_deg=float(along.lon_deg[first]),
        )  # fmt: skip
    above = along.above_m[-1:] if climbing else along.above_m
    if not np.isfinite(above).any():
        return
    index = int(np.nanargmin(above)) + (len(along.above_m) - len(above))
    lowest = float(along.above_m[index])
    if lowest >= limits.clearance_m:
        return
    where = {"seq": leg.end.seq, "lat_deg": float(along.lat_deg[index]), "lon_deg": float(along.lon_deg[index])}
    word = "under" if lowest < 0 else "above"
    text = f"the leg to this item passes {abs(lowest):.1f} m {word} the surface"
    # The way home is flown at RTL height or higher; only a plan that knows it could forbid.
    if lowest < limits.hit_m and leg.why != "return":
        yield stop("hits_ground", text, f"Fly at least {limits.clearance_m - lowest:.0f} m higher there", **where)
    elif leg.why == "return":
        yield warning("low_return", f"{text}, unless the vehicle's return height is higher", "Check RTL_ALT", **where)
    else:
        yield warning("low_clearance", text, f"Usual is {limits.clearance_m:g} m or more", **where)


def check_fence(
    fence_list: Sequence[MissionItem], items: Sequence[MissionItem], rally: Sequence[MissionItem],
    home: GeoPoint | None,
) -> Iterator[Finding]:  # fmt: skip
    """Findings about a fence, and about a mission, home and rally points that contradict it."""
    if len(fence_list) > MOST_FENCE_ITEMS:
        yield stop(
            "too_many_fence", f"{len(fence_list)} fence items; the vehicle stores {MOST_FENCE_ITEMS}",
            "Simplify the areas", part="fence",
        )  # fmt: skip
    try:
        fence = parse_fence(fence_list)
    except FenceError as problem:
        yield stop("bad_fence", str(problem), "Correct the fence list", part="fence")
        return
    if not fence.polygons and not fence.circles:
        return
    frame = _frame_of(fence)
    areas, broken = _areas(fence, frame)
    yield from broken
    inclusions = sum(1 for _, inclusion, _ in areas if inclusion)
    if inclusions > 1:
        yield warning(
            "several_inclusions", f"{inclusions} inclusion areas: ArduCopter wants to be inside all of them at once",
            "Use one, or FENCE_OPTIONS with union", part="fence",
        )  # fmt: skip
    if home is not None:
        at = Point(frame.enu_from_geo(home.lat_deg, home.lon_deg, 0.0)[:2])
        yield from _against(areas, at, "home", lat_deg=home.lat_deg, lon_deg=home.lon_deg)
    yield from _mission_against(areas, frame, items, home)
    for seq, item in enumerate(rally):
        if item.command == Command.RALLY_POINT and abs(item.lat_deg) <= 90.0 and abs(item.lon_deg) <= 180.0:
            at = Point(frame.enu_from_geo(item.lat_deg, item.lon_deg, 0.0)[:2])
            yield from _against(
                areas, at, "the rally point", part="rally", seq=seq, lat_deg=item.lat_deg, lon_deg=item.lon_deg
            )


Area = tuple[BaseGeometry, bool, str]


def _frame_of(fence: Fence) -> LocalFrame:
    lat, lon = fence.polygons[0].corners[0] if fence.polygons else (fence.circles[0].lat_deg, fence.circles[0].lon_deg)
    return LocalFrame(GeoPoint(lat, lon, 0.0, Datum.SEA_LEVEL))


def _areas(fence: Fence, frame: LocalFrame) -> tuple[list[Area], list[Finding]]:
    areas: list[Area] = []
    broken: list[Finding] = []
    for number, polygon in enumerate(fence.polygons, start=1):
        lats, lons = zip(*polygon.corners, strict=True)
        shape = Polygon(frame.enu_from_geo(np.array(lats), np.array(lons), 0.0)[:, :2])
        name = f"{'inclusion' if polygon.inclusion else 'exclusion'} polygon {number}"
        if not shape.is_valid or shape.area < 1.0:
            broken.append(
                stop(
                    "fence_outline",
                    f"{name} crosses itself or is empty ({explain_validity(shape)})",
                    "Draw it again; the vehicle would take it and then refuse to arm",
                    part="fence",
                    lat_deg=lats[0],
                    lon_deg=lons[0],
                )
            )
            continue
        areas.append((shape, polygon.inclusion, name))
    for number, circle in enumerate(fence.circles, start=1):
        centre = Point(frame.enu_from_geo(circle.lat_deg, circle.lon_deg, 0.0)[:2])
        name = f"{'inclusion' if circle.inclusion else 'exclusion'} circle {number}"
        areas.append((centre.buffer(circle.radius_m, quad_segs=64), circle.inclusion, name))
    return areas, broken


def _against(areas: Sequence[Area], what: BaseGeometry, name: str, **where: object) -> Iterator[Finding]:
    for shape, inclusion, area_name in areas:
        if inclusion and not shape.covers(what):
            text = f"{name} lies outside {area_name}" if what.geom_type == "Point" else f"{name} leaves {area_name}"
        elif not inclusion and shape.intersects(what):
            text = f"{name} lies in {area_name}" if what.geom_type == "Point" else f"{name} crosses {area_name}"
        else:
            continue
        yield stop("fence_contradiction", text, "Move it, or change the fence", **where)


def _mission_against(
    areas: Sequence[Area], frame: LocalFrame, items: Sequence[MissionItem], home: GeoPoint | None
) -> Iterator[Finding]:
    if len(items) < 2:
        return
    start = home or _first_place(items)
    if start is None:
        return
    for leg in legs_of(items, start):
        ends = frame.enu_from_geo(
            np.array([leg.start.lat_deg, leg.end.lat_deg]), np.array([leg.start.lon_deg, leg.end.lon_deg]), 0.0
        )
        still = leg_length_m(leg) < 0.01
        if still:
            continue
        name = "the way home from here" if leg.why == "return" else "the leg to this item"
        yield from _against(
            areas, LineString(ends[:, :2]), name, seq=leg.end.seq, lat_deg=leg.end.lat_deg, lon_deg=leg.end.lon_deg
        )
