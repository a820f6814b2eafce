"""Checks of single items and of their order: what ArduPilot refuses, and what it takes but no crew means.

The vehicle's answers behind each `stop` were measured against ArduCopter 4.7 in SITL: an upload breaks off in the
middle at the first bad item and leaves old and new items mixed, so it must not begin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from missions.findings import Finding, stop, warning
from missions.items import (
    FENCE_COMMANDS,
    KINDS,
    REFUSED_BY_COPTER,
    STORED_FRAME,
    Command,
    Frame,
    MissionItem,
    describe,
    name_of,
)

MOST_MISSION_ITEMS, MOST_FENCE_ITEMS, MOST_RALLY_POINTS = 650, 70, 46
MOST_ALT_M = 83_000.0


def check_items(items: Sequence[MissionItem]) -> Iterator[Finding]:
    """All findings about the items of a mission (item 0 home) that need no map."""
    if len(items) > MOST_MISSION_ITEMS:
        yield stop(
            "too_many_items", f"{len(items)} items; the vehicle stores {MOST_MISSION_ITEMS}", "Split the mission"
        )
    yield from _order(items)
    for seq, item in enumerate(items):
        if seq == 0:
            continue
        if item.command in REFUSED_BY_COPTER:
            yield stop(
                "unsupported_command",
                f"{name_of(item.command)} ({item.command}) is refused by ArduCopter in a mission",
                "Delete this item",
                seq=seq,
            )
        elif item.command in FENCE_COMMANDS or item.command == Command.RALLY_POINT:
            yield stop("wrong_part", f"{name_of(item.command)} stands in the mission", "Move it to its list", seq=seq)
        elif item.command not in KINDS:
            yield warning(
                "not_understood",
                f"{describe(item)} is not understood here and could not be checked",
                "Look it up, or delete it",
                seq=seq,
            )
        else:
            yield from _numbers(seq, item, "mission")
            yield from _meaning(seq, item, items)


def _numbers(seq: int, item: MissionItem, part: str) -> Iterator[Finding]:
    kind = KINDS[item.command]
    for number, (value, kept) in enumerate(zip(item.params, kind.kept, strict=True), start=1):
        if math.isfinite(value) or (number == 4 and kind.nan_yaw and math.isnan(value)):
            continue
        yield stop(
            "not_a_number",
            f"{kind.name} parameter {number} is {value} (an empty field), which the vehicle refuses",
            "Enter a number" if kept != "-" else "Enter 0",
            part=part,
            seq=seq,
        )
    if not kind.place:
        yield from _raw_numbers(seq, item, part)
        return
    if item.frame not in STORED_FRAME:
        yield stop(
            "unsupported_frame", f"{kind.name} in frame {item.frame}", "Use height above sea level, home or terrain",
            part=part, seq=seq,
        )  # fmt: skip
    if not abs(item.lat_deg) <= 90.0:
        swapped = " (swapped with the longitude?)" if abs(item.lon_deg) <= 90.0 else ""
        yield stop("bad_latitude", f"latitude {item.lat_deg}{swapped}", "Allowed is -90 to 90", part=part, seq=seq)
    if not abs(item.lon_deg) <= 180.0:
        yield stop("bad_longitude", f"longitude {item.lon_deg}", "Allowed is -180 to 180", part=part, seq=seq)
    if not abs(item.alt_m) < MOST_ALT_M:
        yield stop("bad_altitude", f"altitude {item.alt_m} m", "Enter a height in metres", part=part, seq=seq)


def _raw_numbers(seq: int, item: MissionItem, part: str) -> Iterator[Finding]:
    for number, value in enumerate((item.lat_deg, item.lon_deg, item.alt_m), start=5):
        if not math.isfinite(value) or abs(value) > 2**31 - 1:
            yield stop(
                "not_a_number", f"{name_of(item.command)} parameter {number} is {value}", "Enter 0",
                part=part, seq=seq,
            )  # fmt: skip


def _meaning(seq: int, item: MissionItem, items: Sequence[MissionItem]) -> Iterator[Finding]:
    if item.command == Command.TAKEOFF and not item.alt_m > 0.0:
        yield stop("takeoff_height", f"take-off to {item.alt_m:g} m", "Enter a height above home", seq=seq)
    if item.command == Command.TAKEOFF and STORED_FRAME.get(item.frame) == Frame.GLOBAL:
        yield warning(
            "takeoff_datum",
            f"take-off to {item.alt_m:g} m above sea level, which can be below the ground here",
            "Use a height above home",
            seq=seq,
        )
    if item.command == Command.JUMP and not 1 <= item.p1 < len(items):
        yield stop("jump_target", f"jump to item {item.p1:g} of {len(items) - 1}", "Choose another item", seq=seq)
    if item.command == Command.JUMP and item.p2 < 0:
        yield warning("endless_jump", "the jump repeats for ever; only the battery ends it", "Give a number", seq=seq)
    if item.command == Command.CHANGE_SPEED and not 0.0 < item.p2 <= 30.0:
        yield warning("speed", f"speed {item.p2:g} m/s", "Usual is 1 to 15 m/s", seq=seq)
    if item.command == Command.WAYPOINT and item.lat_deg == 0.0 and item.lon_deg == 0.0:
        yield warning(
            "no_place", "latitude and longitude 0: ArduCopter stays where it is", "Give it a place if it should fly",
            seq=seq,
        )  # fmt: skip
    elif item.command in (Command.WAYPOINT, Command.SPLINE_WAYPOINT) and item.alt_m == 0.0:
        yield warning("height_zero", "height 0: ArduCopter keeps the height it has", "Enter the height meant", seq=seq)


def _order(items: Sequence[MissionItem]) -> Iterator[Finding]:
    if items and items[0].command != Command.WAYPOINT:
        yield stop(
            "lost_as_home",
            f"item 0 is {name_of(items[0].command)}, but the vehicle replaces item 0 by its home, so it would be lost",
            "Put home in front of it",
            seq=0,
        )
    elif items and STORED_FRAME.get(items[0].frame) != Frame.GLOBAL:
        yield warning(
            "home_frame",
            f"item 0 is a waypoint in frame {items[0].frame}; the vehicle replaces it by its home and never flies it",
            "Put home (frame 0) in front of it if it is meant to be flown",
            seq=0,
        )
    flown = [
        (seq, item) for seq, item in enumerate(items) if seq and item.command in KINDS and KINDS[item.command].flies
    ]
    if not flown:
        yield stop("nothing_to_fly", "there is nothing to fly in this mission", "Add a take-off and waypoints")
        return
    first_seq, first = flown[0]
    if first.command != Command.TAKEOFF:
        yield stop(
            "missing_takeoff",
            f"the first item flown is {name_of(first.command)}; from the ground it sits with the motors idling",
            "Put a take-off first",
            seq=first_seq,
        )
    ends = (Command.RETURN_TO_LAUNCH, Command.LAND)
    if flown[-1][1].command not in ends:
        yield warning(
            "no_end", "the mission ends in the air and hovers there", "End with return or land", seq=flown[-1][0]
        )
    for (seq, item), (_, after) in pairwise(flown):
        if item.command == Command.RETURN_TO_LAUNCH and after.command != Command.TAKEOFF:
            yield warning("after_return", "items after the return are never reached", "Delete them", seq=seq)
            break


def check_rally(items: Sequence[MissionItem]) -> Iterator[Finding]:
    """Findings about rally points that need no map."""
    if len(items) > MOST_RALLY_POINTS:
        yield stop(
            "too_many_rally", f"{len(items)} rally points; the vehicle stores {MOST_RALLY_POINTS}", "Delete some",
            part="rally",
        )  # fmt: skip
    for seq, item in enumerate(items):
        if item.command != Command.RALLY_POINT:
            yield stop("wrong_part", f"{name_of(item.command)} is no rally point", "Move it", part="rally", seq=seq)
            continue
        yield from _numbers(seq, item, "rally")
        if not abs(item.alt_m) <= 32_767.0:
            yield stop("bad_altitude", f"rally height {item.alt_m} m", "Allowed is ±32767 m", part="rally", seq=seq)
