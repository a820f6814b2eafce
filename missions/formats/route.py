"""A plan as the route that waypoint apps know: places with a height above the take-off, and what happens there.

ArduPilot's list is a program (speed, camera and gimbal are items that hold from there on); Litchi and DJI hold a row of
places, each with its own speed, gimbal and actions. What has no room in a row is said in words, never left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from missions.formats.plan import FormatError, Plan
from missions.geometry.geo import Datum, GeoPoint
from missions.items import DATUM_OF_FRAME, STORED_FRAME, Command, MissionItem, name_of

USUAL_SPEED_M_S = 5.0
_IMAGE_START = 2000
_FLOWN = (Command.WAYPOINT, Command.SPLINE_WAYPOINT, Command.LOITER_TIME)


@dataclass(frozen=True, slots=True)
class Waypoint:
    """`above_home_m`: metres above the take-off. `speed_m_s`: on the way to it. `hold_s`: hover there. `pitch_deg`:
    gimbal, None as it was. `look_at`: the nose and camera on a place (alt_m above home). `photo`: one picture there;
    `photo_every_m`: a picture every so many metres from here on, 0 none."""

    seq: int
    lat_deg: float
    lon_deg: float
    above_home_m: float
    speed_m_s: float
    hold_s: float = 0.0
    pitch_deg: float | None = None
    look_at: tuple[float, float, float] | None = None
    photo: bool = False
    photo_every_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Route:
    """The places in order, the height of the take-off, whether it ends by a return, and what is not in it, in words."""

    points: tuple[Waypoint, ...]
    takeoff_m: float
    end: str
    lost: tuple[str, ...]

    def speed_onward(self, number: int) -> float:
        """Apps keep with a place the speed at which it is *left*; here it is kept with the place flown to."""
        return self.points[min(number + 1, len(self.points) - 1)].speed_m_s


@dataclass(slots=True)
class _Walk:
    """What holds while the items are read."""

    home: GeoPoint
    speed: float = USUAL_SPEED_M_S
    pitch: float | None = None
    look_at: tuple[float, float, float] | None = None
    every: float = 0.0
    takeoff: float = 0.0
    end: str = "hover"
    points: list[Waypoint] = field(default_factory=list)
    lost: dict[str, list[int]] = field(default_factory=dict)

    def miss(self, what: str, seq: int) -> None:
        self.lost.setdefault(what, []).append(seq)


def route_of(plan: Plan) -> Route:
    """The route of a plan. Raises FormatError where a height has no meaning above the take-off, or nothing is flown."""
    home = plan.home
    if home is None:
        raise FormatError(f"{plan.name}: heights above the take-off need home; give --home LAT,LON,ALT")
    walk = _Walk(home)
    for seq, item in enumerate(plan.items):
        if seq:
            _read(walk, seq, item, plan.name)
    if not walk.points:
        raise FormatError(f"{plan.name}: there is no waypoint in it")
    lost = [f"{what} ({_numbers(seqs)})" for what, seqs in walk.lost.items()]
    parts = (("fence items", plan.fence), ("rally points", plan.rally))
    lost += [f"{len(items)} {word}" for word, items in parts if items]
    return Route(tuple(walk.points), walk.takeoff, walk.end, tuple(lost))


def _numbers(seqs: Sequence[int]) -> str:
    shown = ", ".join(map(str, seqs[:5]))
    return f"item{'s' if len(seqs) > 1 else ''} {shown}{' …' if len(seqs) > 5 else ''}"


def _read(walk: _Walk, seq: int, item: MissionItem, name: str) -> None:
    if walk.end != "hover":
        walk.miss("what comes after the return or landing", seq)
    elif item.command == Command.TAKEOFF:
        walk.takeoff = _above_home(walk, item, seq, name)
    elif item.command in _FLOWN:
        _add(walk, seq, item, name)
    elif item.command in (Command.RETURN_TO_LAUNCH, Command.LAND):
        _end(walk, seq, item)
    else:
        _set(walk, seq, item, name)


def _add(walk: _Walk, seq: int, item: MissionItem, name: str) -> None:
    if item.lat_deg == 0.0 and item.lon_deg == 0.0:
        walk.miss("a waypoint without a place", seq)
        return
    if item.command == Command.SPLINE_WAYPOINT:
        walk.miss("the curve of a spline waypoint, which becomes straight", seq)
    if math.isfinite(item.p4) and item.p4 != 0.0 and item.command == Command.WAYPOINT:
        walk.miss("a heading at a waypoint", seq)
    hold = item.p1 if math.isfinite(item.p1) and item.p1 > 0.0 else 0.0
    before = walk.points[-1].above_home_m if walk.points else walk.takeoff
    above = _above_home(walk, item, seq, name) if item.alt_m else before
    walk.points.append(
        Waypoint(seq, item.lat_deg, item.lon_deg, above, walk.speed, hold, walk.pitch, walk.look_at, False, walk.every)
    )


def _end(walk: _Walk, seq: int, item: MissionItem) -> None:
    if item.command == Command.RETURN_TO_LAUNCH:
        walk.end = "return"
        return
    walk.end = "land"
    if item.lat_deg or item.lon_deg:
        if not walk.points:
            walk.miss("a landing at a place", seq)
            return
        walk.points.append(
            Waypoint(seq, item.lat_deg, item.lon_deg, walk.points[-1].above_home_m, walk.speed, 0.0, walk.pitch)
        )


def _set(walk: _Walk, seq: int, item: MissionItem, name: str) -> None:
    last = walk.points[-1] if walk.points else None
    match item.command:
        case Command.CHANGE_SPEED if item.p1 in (0.0, 1.0) and item.p2 > 0.0:
            walk.speed = item.p2
        case Command.GIMBAL_PITCH_YAW if -90.0 <= item.p1 <= 90.0:
            walk.pitch = item.p1
            if item.p2:
                walk.miss("the gimbal's yaw", seq)
        case Command.ROI_LOCATION:
            walk.look_at = (item.lat_deg, item.lon_deg, _above_home(walk, item, seq, name))
        case Command.ROI_NONE:
            walk.look_at = None
        case Command.TRIGGER_DISTANCE if item.p1 >= 0.0:
            walk.every = item.p1
            if last is not None:
                walk.points[-1] = replace(last, photo_every_m=item.p1)
        case Command.DELAY if last is not None and item.p1 > 0.0:
            walk.points[-1] = replace(last, hold_s=last.hold_s + item.p1)
        case _ if item.command == _IMAGE_START and item.p3 == 1.0 and last is not None:
            walk.points[-1] = replace(last, photo=True)
        case _:
            walk.miss(name_of(item.command), seq)


def _above_home(walk: _Walk, item: MissionItem, seq: int, name: str) -> float:
    datum = DATUM_OF_FRAME.get(STORED_FRAME.get(item.frame, -1))
    if datum is Datum.HOME:
        return item.alt_m
    if datum is Datum.SEA_LEVEL:
        return item.alt_m - walk.home.alt_m
    raise FormatError(
        f"{name}: item {seq} stands above ground, and such a file knows heights above the take-off only; "
        "plan with --terrain, which writes heights above home that follow the ground"
    )
