"""A part of a mission as a mission of its own: to go on after a battery swap, or to share it among drones.

A part flies from one **cut** to another. A cut is a place on the way to an item. Before it the aircraft takes off and
comes to the place at a height that is clear of the ground, and everything that earlier items have set and that still
holds there (speed, gimbal, point of interest, picture distance, zoom …) is set again: the picture goes on as if nothing
had happened. After it, what takes pictures by itself is stopped, and the aircraft climbs if the way home needs it.

The next part begins some metres before the cut where the former ended: a picture that comes one interval late, and the
few metres in which an aircraft gathers speed, leave no strip unseen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from missions.course import transit_height
from missions.follow import FollowError
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import Ground
from missions.items import FRAME_OF_DATUM, KINDS, Command, Frame, MissionItem, name_of
from missions.path import Leg, Stop, leg_length_m, legs_of

CLEARANCE_M = 15.0
_IMAGE_START, _IMAGE_STOP, _VIDEO_START, _VIDEO_STOP = 2000, 2001, 2500, 2501
# What holds until something of the same slot replaces it; commands that end a slot without putting anything there.
_SLOTS: dict[int, str] = {
    Command.CHANGE_SPEED: "speed",
    Command.GIMBAL_PITCH_YAW: "gimbal",
    205: "gimbal",  # DO_MOUNT_CONTROL
    Command.ROI_LOCATION: "look",
    Command.ROI: "look",
    Command.ROI_NONE: "look",
    Command.TRIGGER_DISTANCE: "trigger",
    _IMAGE_START: "pictures",
    _IMAGE_STOP: "pictures",
    _VIDEO_START: "film",
    _VIDEO_STOP: "film",
    531: "zoom",
    532: "focus",
    534: "source",
    181: "relay",
    183: "servo",
}
_ENDS = {Command.ROI_NONE, _IMAGE_STOP, _VIDEO_STOP}
_STOPS = {"trigger": (Command.TRIGGER_DISTANCE, 0.0), "pictures": (_IMAGE_STOP, 0.0), "film": (_VIDEO_STOP, 0.0)}


class PartError(ValueError):
    """A part that cannot be cut out: which item, and what is allowed."""


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """On the way to item `seq`, `share` of it flown (0 to 1)."""

    seq: int
    share: float = 0.0


def holding(items: Sequence[MissionItem], seq: int) -> tuple[MissionItem, ...]:
    """What items before `seq` have set that still holds on the way to it, in the order it was set."""
    found: dict[str, MissionItem] = {}
    for item in items[1:seq]:
        slot = _slot(item)
        if slot is None:
            continue
        found.pop(slot, None)
        if item.command not in _ENDS and not _is_off(item):
            found[slot] = item
    return tuple(found.values())


def _slot(item: MissionItem) -> str | None:
    slot = _SLOTS.get(item.command)
    if slot in ("relay", "servo", "speed"):
        return f"{slot} {item.p1:g}"  # each channel, and each kind of speed, on its own
    return slot


def _is_off(item: MissionItem) -> bool:
    """Ended by its own command, or over by itself: a counted number of pictures is not taken again."""
    if item.command == Command.TRIGGER_DISTANCE:
        return item.p1 <= 0.0
    return item.command == _IMAGE_START and item.p3 > 0.0


def work_legs(items: Sequence[MissionItem], home: GeoPoint) -> tuple[Leg, ...]:
    """What may be cut: all but take-off, the way to the first place and returns. Raises PartError for jumps."""
    jump = next((seq for seq, item in enumerate(items) if item.command == Command.JUMP), None)
    if jump is not None:
        raise PartError(f"item {jump}: a mission with {name_of(Command.JUMP)} cannot be cut; write the repetition out")
    legs = [leg for leg in legs_of(items, home) if not leg.why]
    places = [n for n, leg in enumerate(legs) if items[leg.end.seq].command != Command.TAKEOFF]
    first = next((n for n in places if leg_length_m(legs[n]) > 0.5), len(legs))
    ends = (Command.LAND, Command.RETURN_TO_LAUNCH)
    return tuple(leg for leg in legs[first + 1 :] if items[leg.end.seq].command not in ends)


def part_of(
    items: Sequence[MissionItem], home: GeoPoint, begin: Cut | None, end: Cut | None, *, terrain: Ground | None = None
) -> tuple[MissionItem, ...]:
    """The items (item 0 home) that fly from `begin` to `end`; None: from the start, to the finish.

    Raises PartError for a cut that is on no leg, for jumps, and where the terrain has no height on the way.
    """
    legs = {leg.end.seq: leg for leg in work_legs(items, home)}
    if begin is not None and end is not None and not begin < end:
        raise PartError(f"a part from item {begin.seq} to item {end.seq} is empty")
    first = 1 if begin is None else begin.seq
    last = len(items) if end is None else end.seq
    head = [items[0]] if begin is None else _arriving(items, home, _stop(legs, begin), begin, terrain)
    tail: list[MissionItem] = []
    if end is not None:
        tail = _leaving(items, home, _stop(legs, end), end, terrain)
    return (*head, *items[first:last], *tail)


def _stop(legs: dict[int, Leg], cut: Cut) -> Stop:
    """The place of a cut."""
    leg = legs.get(cut.seq)
    if leg is None:
        allowed = ", ".join(map(str, list(legs)[:3])) + (f" … {list(legs)[-1]}" if len(legs) > 3 else "")
        raise PartError(f"item {cut.seq}: no leg that can be cut leads there; allowed are {allowed or 'none'}")
    if not 0.0 <= cut.share <= 1.0:
        raise PartError(f"item {cut.seq}: share {cut.share:g} of the leg; allowed are 0 to 1")
    a, b = leg.start, leg.end
    if a.datum is not b.datum and 0.0 < cut.share < 1.0:
        raise PartError(f"item {cut.seq}: the leg changes from heights above {a.datum.value} to {b.datum.value}")
    if cut.share in (0.0, 1.0):
        return a if cut.share == 0.0 else b
    lat, lon, alt = (
        getattr(a, key) + cut.share * (getattr(b, key) - getattr(a, key)) for key in ("lat_deg", "lon_deg", "alt_m")
    )
    return Stop(cut.seq, lat, lon, alt, a.datum)


def _arriving(
    items: Sequence[MissionItem], home: GeoPoint, place: Stop, cut: Cut, terrain: Ground | None
) -> list[MissionItem]:
    """Take-off, the way to the place, and all that holds there."""
    level, own = _transit(items, home, place, terrain)
    set_again = holding(items, cut.seq)
    speeds = [item for item in set_again if item.command == Command.CHANGE_SPEED]
    takeoff = MissionItem(Command.TAKEOFF, Frame.RELATIVE, alt_m=round(max(level, 2.0), 2))
    over = [_waypoint(place, level, Datum.HOME)] if own is None or level > own + 0.5 else []
    rest = [item for item in set_again if item.command != Command.CHANGE_SPEED]
    return [items[0], takeoff, *speeds, *over, _waypoint(place, place.alt_m, place.datum), *rest]


def _leaving(
    items: Sequence[MissionItem], home: GeoPoint, place: Stop, cut: Cut, terrain: Ground | None
) -> list[MissionItem]:
    """To the place, no more pictures, up where the way home needs it, and home."""
    level, own = _transit(items, home, place, terrain)
    running = {_slot(item) for item in holding(items, cut.seq)}
    off = [MissionItem(command, Frame.MISSION, p1) for slot, (command, p1) in _STOPS.items() if slot in running]
    over = [_waypoint(place, level, Datum.HOME)] if own is None or level > own + 0.5 else []
    home_again = MissionItem(Command.RETURN_TO_LAUNCH, Frame.MISSION)
    return [_waypoint(place, place.alt_m, place.datum), *off, *over, home_again]


def _waypoint(place: Stop, alt_m: float, datum: Datum) -> MissionItem:
    return MissionItem(
        Command.WAYPOINT, FRAME_OF_DATUM[datum], lat_deg=round(place.lat_deg, 7), lon_deg=round(place.lon_deg, 7),
        alt_m=round(alt_m, 2),
    )  # fmt: skip


def _transit(
    items: Sequence[MissionItem], home: GeoPoint, place: Stop, terrain: Ground | None
) -> tuple[float, float | None]:
    """Height above home for the way between home and a place, and the place's own (None where it is not known).

    With terrain: the place's own height, or what clears the surface; without: the greatest of the whole plan, which
    was meant to be safe.
    """
    own = _above_home(place, home, terrain)
    if terrain is None:
        heights = [item.alt_m for item in items[1:] if _is_relative(item)]
        return max([own or place.alt_m, *heights]), own
    frame = LocalFrame(GeoPoint(home.lat_deg, home.lon_deg, 0.0, Datum.SEA_LEVEL))
    there = frame.enu_from_geo(place.lat_deg, place.lon_deg, 0.0)[:2]
    base = float(terrain.height_at(home.lat_deg, home.lon_deg))
    try:
        needed = transit_height(np.array([[0.0, 0.0], there]), frame, terrain, CLEARANCE_M, "the way to the cut") - base
    except FollowError as problem:
        raise PartError(f"{problem}; give a terrain file that covers the flight, or none") from problem
    return max(needed, own or 0.0), own


def _is_relative(item: MissionItem) -> bool:
    kind = KINDS.get(item.command)
    flown = kind is not None and kind.flies and (kind.place or item.command == Command.TAKEOFF)
    return flown and item.frame in (Frame.RELATIVE, Frame.RELATIVE_INT) and math.isfinite(item.alt_m)


def _above_home(place: Stop, home: GeoPoint, terrain: Ground | None) -> float | None:
    if place.datum is Datum.HOME:
        return place.alt_m
    if place.datum is Datum.SEA_LEVEL:
        return place.alt_m - home.alt_m
    if terrain is None:
        return None
    there, here = terrain.height_at(np.array([place.lat_deg, home.lat_deg]), np.array([place.lon_deg, home.lon_deg]))
    return float(place.alt_m + there - here) if np.isfinite(there - here) else None


def back_along(items: Sequence[MissionItem], home: GeoPoint, cut: Cut, metres: float) -> Cut:
    """The cut so many metres earlier on the way, at most back to the beginning of the work."""
    legs = list(work_legs(items, home))
    at = next((n for n, leg in enumerate(legs) if leg.end.seq == cut.seq), None)
    if at is None:
        raise PartError(f"item {cut.seq}: no leg that can be cut leads there")
    share, left = cut.share, metres
    while True:
        length = leg_length_m(legs[at])
        if length * share >= left and (legs[at].start.datum is legs[at].end.datum or left == 0.0):
            return replace(cut, seq=legs[at].end.seq, share=share - (left / length if length > 0.0 else 0.0))
        if at == 0:
            return Cut(legs[0].end.seq, 0.0)
        left = max(0.0, left - length * share)
        at, share = at - 1, 1.0


def nearest_cut(items: Sequence[MissionItem], home: GeoPoint, seq: int, lat_deg: float, lon_deg: float) -> Cut:
    """The cut on the leg to item `seq` that is nearest to a place."""
    leg = next((leg for leg in work_legs(items, home) if leg.end.seq == seq), None)
    if leg is None:
        raise PartError(f"item {seq}: no leg that can be cut leads there")
    wide = math.cos(math.radians(leg.start.lat_deg))
    way = np.array([(leg.end.lon_deg - leg.start.lon_deg) * wide, leg.end.lat_deg - leg.start.lat_deg])
    off = np.array([(lon_deg - leg.start.lon_deg) * wide, lat_deg - leg.start.lat_deg])
    square = float(way @ way)
    return Cut(seq, 0.0 if square == 0.0 else min(1.0, max(0.0, float(way @ off) / square)))
