"""Mission ↔ MAVLink items. The only file of the room that knows command numbers.

Item 0 is HOME, always: ArduPilot replaces whatever stands there, so a take-off at index 0 would be lost without
a word. `canonical` writes down what ArduPilot 4.7 stores of an item (measured against SITL), so that a read-back
can be compared with what was sent and a difference means a difference.

Frames as stored: 0 above sea level, 3 above home, 10 above terrain. Fields `lat_deg lon_deg alt_m` of a command
without a place carry its raw parameters 5, 6, 7 (DO_DIGICAM_CONTROL's shutter is a 5, not 5 degrees).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from missions.geometry.geo import Datum, GeoError, GeoPoint
from missions.mission import (
    FlyTo,
    Land,
    LookAt,
    Mission,
    MissionError,
    PointCamera,
    Raw,
    ReturnHome,
    SetSpeed,
    ShootEvery,
    Step,
    TakeOff,
    Wait,
)


class Command(IntEnum):
    """MAV_CMD numbers that planning uses by name (mavlink.io common and ardupilotmega)."""

    WAYPOINT = 16
    LOITER_UNLIMITED = 17
    LOITER_TURNS = 18
    LOITER_TIME = 19
    RETURN_TO_LAUNCH = 20
    LAND = 21
    TAKEOFF = 22
    SPLINE_WAYPOINT = 82
    DELAY = 93
    PAYLOAD_PLACE = 94
    JUMP = 177
    CHANGE_SPEED = 178
    SET_HOME = 179
    LAND_START = 189
    ROI_LOCATION = 195
    ROI_NONE = 197
    ROI = 201
    TRIGGER_DISTANCE = 206
    GIMBAL_PITCH_YAW = 1000
    FENCE_RETURN_POINT = 5000
    FENCE_INCLUSION_VERTEX = 5001
    FENCE_EXCLUSION_VERTEX = 5002
    FENCE_INCLUSION_CIRCLE = 5003
    FENCE_EXCLUSION_CIRCLE = 5004
    RALLY_POINT = 5100


class Frame(IntEnum):
    """MAV_FRAME values ArduPilot accepts in a mission; 5, 6 and 11 are stored as 0, 3 and 10."""

    GLOBAL = 0
    MISSION = 2
    RELATIVE = 3
    GLOBAL_INT = 5
    RELATIVE_INT = 6
    TERRAIN = 10
    TERRAIN_INT = 11


STORED_FRAME = {0: 0, 2: 0, 3: 3, 5: 0, 6: 3, 10: 10, 11: 10}
DATUM_OF_FRAME = {0: Datum.SEA_LEVEL, 3: Datum.HOME, 10: Datum.GROUND}
FRAME_OF_DATUM = {datum: frame for frame, datum in DATUM_OF_FRAME.items()}


@dataclass(frozen=True, slots=True)
class MissionItem:
    """One item of a mission, fence or rally list, as numbers. May hold NaN where a file said `null`.

    `lat_deg`, `lon_deg` WGS 84 degrees, `alt_m` in the datum of `frame`; raw parameters 5 to 7 for a command
    without a place (see the head of this file).
    """

    command: int
    frame: int
    p1: float = 0.0
    p2: float = 0.0
    p3: float = 0.0
    p4: float = 0.0
    lat_deg: float = 0.0
    lon_deg: float = 0.0
    alt_m: float = 0.0
    autocontinue: bool = True

    def __post_init__(self) -> None:
        # Plain numbers whoever made it: an IntEnum prints and serialises differently.
        object.__setattr__(self, "command", int(self.command))
        object.__setattr__(self, "frame", int(self.frame))

    @property
    def params(self) -> tuple[float, float, float, float]:
        """Parameters 1 to 4."""
        return (self.p1, self.p2, self.p3, self.p4)


@dataclass(frozen=True, slots=True)
class Kind:
    """What ArduCopter keeps of a command. `kept`: a letter for each of p1..p4, `extra` for p5..p7 without a place.

    `-` dropped, `f` float32, `i` whole number (fraction cut), `s` only the sign (±1), `b` 1 when above zero.
    """

    name: str
    place: bool = False
    kept: str = "----"
    extra: str = "---"
    flies: bool = False
    nan_yaw: bool = False


# Which numbers survive: ArduPilot's mission storage, 15 bytes a command; measured for those in daily use.
KINDS: dict[int, Kind] = {
    16: Kind("WAYPOINT", True, "i---", flies=True, nan_yaw=True),
    17: Kind("LOITER_UNLIM", True, "--i-", flies=True, nan_yaw=True),
    18: Kind("LOITER_TURNS", True, "i-ib", flies=True),
    19: Kind("LOITER_TIME", True, "i-sb", flies=True),
    20: Kind("RETURN_TO_LAUNCH", flies=True),
    21: Kind("LAND", True, "i--s", flies=True, nan_yaw=True),
    22: Kind("TAKEOFF", True, "i---", flies=True, nan_yaw=True),
    82: Kind("SPLINE_WAYPOINT", True, "i---", flies=True),
    92: Kind("GUIDED_ENABLE", kept="i---", flies=True),
    93: Kind("DELAY", kept="fiii", flies=True),
    94: Kind("PAYLOAD_PLACE", True, "f---", flies=True),
    112: Kind("CONDITION_DELAY", kept="f---"),
    114: Kind("CONDITION_DISTANCE", kept="f---"),
    115: Kind("CONDITION_YAW", kept="ffii"),
    177: Kind("DO_JUMP", kept="ii--"),
    178: Kind("DO_CHANGE_SPEED", kept="iff-"),
    179: Kind("DO_SET_HOME", True, "i---"),
    181: Kind("DO_SET_RELAY", kept="ii--"),
    182: Kind("DO_REPEAT_RELAY", kept="iif-"),
    183: Kind("DO_SET_SERVO", kept="ii--"),
    184: Kind("DO_REPEAT_SERVO", kept="iiif"),
    189: Kind("DO_LAND_START", True),
    195: Kind("DO_SET_ROI_LOCATION", True),
    197: Kind("DO_SET_ROI_NONE"),
    201: Kind("DO_SET_ROI", True, "i---"),
    203: Kind("DO_DIGICAM_CONTROL", kept="iiii", extra="ii-"),
    205: Kind("DO_MOUNT_CONTROL", kept="fff-"),
    206: Kind("DO_SET_CAM_TRIGG_DIST", kept="f-i-"),
    207: Kind("DO_FENCE_ENABLE", kept="i---"),
    208: Kind("DO_PARACHUTE", kept="i---"),
    211: Kind("DO_GRIPPER", kept="ii--"),
    222: Kind("DO_GUIDED_LIMITS", kept="ifff"),
    531: Kind("SET_CAMERA_ZOOM", kept="if--"),
    532: Kind("SET_CAMERA_FOCUS", kept="if--"),
    534: Kind("SET_CAMERA_SOURCE", kept="iii-"),
    1000: Kind("DO_GIMBAL_MANAGER_PITCHYAW", kept="iiii", extra="i-i"),
    2000: Kind("IMAGE_START_CAPTURE", kept="ifii"),
    2001: Kind("IMAGE_STOP_CAPTURE", kept="i---"),
    2500: Kind("VIDEO_START_CAPTURE", kept="i---"),
    2501: Kind("VIDEO_STOP_CAPTURE", kept="i---"),
    5000: Kind("FENCE_RETURN_POINT", True),
    5001: Kind("FENCE_POLYGON_VERTEX_INCLUSION", True, "i---"),
    5002: Kind("FENCE_POLYGON_VERTEX_EXCLUSION", True, "i---"),
    5003: Kind("FENCE_CIRCLE_INCLUSION", True, "f---"),
    5004: Kind("FENCE_CIRCLE_EXCLUSION", True, "f---"),
    5100: Kind("RALLY_POINT", True),
}
FENCE_COMMANDS = frozenset(range(5000, 5005))
# Measured: the upload ends with UNSUPPORTED at the first of these.
REFUSED_BY_COPTER = {
    200: "DO_CONTROL_VIDEO",
    204: "DO_MOUNT_CONFIGURE",
    214: "DO_SET_CAM_TRIGG_INTERVAL",
    530: "SET_CAMERA_MODE",
    533: "SET_STORAGE_USAGE",
    1001: "DO_GIMBAL_MANAGER_CONFIGURE",
    2003: "DO_TRIGGER_CONTROL",
}


def item_of(command: int, frame: int, params: Sequence[float], autocontinue: bool = True) -> MissionItem:
    """An item from its seven parameters in file order."""
    p1, p2, p3, p4, p5, p6, p7 = params
    return MissionItem(command, frame, p1, p2, p3, p4, p5, p6, p7, autocontinue)


def name_of(command: int) -> str:
    """A readable name, or `command 1234` for one that is not known here."""
    kind = KINDS.get(command)
    return kind.name if kind else REFUSED_BY_COPTER.get(command, f"command {command}")


def has_place(command: int) -> bool:
    """Whether parameters 5 to 7 are latitude, longitude, altitude. Unknown commands are taken to have none."""
    kind = KINDS.get(command)
    return kind is not None and kind.place


def wire_xy(item: MissionItem) -> tuple[int, int]:
    """`x`, `y` of MISSION_ITEM_INT: 1e7 degrees for a place, else parameters 5 and 6 as whole numbers.

    Raises MissionError for a value that has no integer (NaN, or beyond int32).
    """
    place = has_place(item.command)
    scale = 1e7 if place else 1.0
    values = []
    for name, value in (("latitude", item.lat_deg), ("longitude", item.lon_deg)):
        if not math.isfinite(value) or abs(value * scale) > 2**31 - 1:
            raise MissionError(f"{name_of(item.command)}: {name} {value} cannot be sent")
        values.append(round(value * scale) if place else math.trunc(value))
    return values[0], values[1]


def item_from_wire(
    command: int, frame: int, params: Sequence[float], x: int, y: int, z: float, autocontinue: bool
) -> MissionItem:
    """MISSION_ITEM_INT's fields → item; the inverse of `wire_xy`. `params` are p1..p4."""
    scale = 1e7 if has_place(command) else 1.0
    p1, p2, p3, p4 = (float(value) for value in params)
    return MissionItem(command, frame, p1, p2, p3, p4, x / scale, y / scale, float(z), bool(autocontinue))


def _stored(letter: str, value: float) -> float:
    if letter == "s":
        return -1.0 if value < 0.0 else 1.0  # NaN is stored as +1
    if letter == "-" or math.isnan(value):
        return 0.0
    if letter == "b":
        return 1.0 if value > 0.0 else 0.0
    return float(math.trunc(value)) if letter == "i" else float(np.float32(value))


def _canonical_item(item: MissionItem) -> MissionItem:
    kind = KINDS.get(item.command)
    if kind is None:
        return item
    p1, p2, p3, p4 = (_stored(letter, value) for letter, value in zip(kind.kept, item.params, strict=True))
    if not kind.place:
        p5, p6, p7 = (
            _stored(letter, value)
            for letter, value in zip(kind.extra, (item.lat_deg, item.lon_deg, item.alt_m), strict=True)
        )
        p7 = 2.0 if item.command == 205 else p7  # DO_MOUNT_CONTROL comes back with targeting mode 2
        return MissionItem(item.command, 0, p1, p2, p3, p4, p5, p6, p7, True)
    x, y = wire_xy(item)
    fence = item.command in FENCE_COMMANDS
    return MissionItem(
        command=item.command,
        frame=0 if fence else STORED_FRAME.get(item.frame, item.frame),
        p1=p1, p2=p2, p3=p3, p4=p4,
        lat_deg=x / 1e7,
        lon_deg=y / 1e7,
        alt_m=0.0 if fence else round(float(np.float32(item.alt_m)), 2) + 0.0,
        autocontinue=not fence and item.command != Command.RALLY_POINT,
    )  # fmt: skip


def canonical(items: Iterable[MissionItem]) -> tuple[MissionItem, ...]:
    """What ArduPilot 4.7 keeps of these items: 1e7-degree places, whole centimetres, rewritten frames, unused
    parameters 0. Idempotent. Item 0 (home) is treated like any other; `differences` leaves it out.
    """
    return tuple(_canonical_item(item) for item in items)


def differences(sent: Sequence[MissionItem], read_back: Sequence[MissionItem], *, home_first: bool) -> tuple[str, ...]:
    """In words, where a read-back is not what was sent; empty when it is.

    `home_first` (a mission, not fence or rally): item 0 is the vehicle's home and not compared. An altitude may
    differ by the one centimetre that the vehicle's float arithmetic cuts off.
    """
    if len(sent) != len(read_back):
        return (f"{len(sent)} items were sent, the vehicle holds {len(read_back)}",)
    found = []
    pairs = zip(canonical(sent), canonical(read_back), strict=True)
    for seq, (ours, theirs) in enumerate(pairs):
        if home_first and seq == 0:
            continue
        same_height = abs(ours.alt_m - theirs.alt_m) <= 0.0101
        if replace(theirs, alt_m=ours.alt_m) != ours or not same_height:
            found.append(f"item {seq}: sent {describe(ours)}, the vehicle holds {describe(theirs)}")
    return tuple(found)


def describe(item: MissionItem) -> str:
    """One item in a line for people: name, place with datum, parameters that are not zero."""
    words = [name_of(item.command)]
    if has_place(item.command) and item.command not in FENCE_COMMANDS:
        datum = DATUM_OF_FRAME.get(STORED_FRAME.get(item.frame, -1))
        above = datum.value if datum else f"frame {item.frame}"
        words.append(f"{item.lat_deg:.7f} {item.lon_deg:.7f}, {item.alt_m:.2f} m above {above.replace('_', ' ')}")
    elif has_place(item.command):
        words.append(f"{item.lat_deg:.7f} {item.lon_deg:.7f}")
    words += [f"p{n}={value:g}" for n, value in enumerate(item.params, start=1) if value != 0.0]
    if not has_place(item.command):
        rest = (item.lat_deg, item.lon_deg, item.alt_m)
        words += [f"p{n}={value:g}" for n, value in enumerate(rest, start=5) if value != 0.0]
    return " ".join(words)


def home_item(home: GeoPoint | None) -> MissionItem:
    """Item 0. Without a home a placeholder at 0, 0: the vehicle puts its own there anyway."""
    if home is None:
        return MissionItem(Command.WAYPOINT, Frame.GLOBAL)
    return MissionItem(
        Command.WAYPOINT, Frame.GLOBAL, lat_deg=home.lat_deg, lon_deg=home.lon_deg, alt_m=round(home.alt_m, 2)
    )


def home_of(items: Sequence[MissionItem]) -> GeoPoint | None:
    """Home from item 0, or None where it is the placeholder at 0, 0 or no home at all."""
    if not items or items[0].command != Command.WAYPOINT or STORED_FRAME.get(items[0].frame) != Frame.GLOBAL:
        return None
    first = items[0]
    if first.lat_deg == 0.0 and first.lon_deg == 0.0:
        return None
    try:
        return GeoPoint(first.lat_deg, first.lon_deg, first.alt_m, Datum.SEA_LEVEL)
    except GeoError:  # numbers that are no place on earth
        return None


def _at(command: Command, point: GeoPoint, p1: float = 0.0) -> MissionItem:
    if point.datum not in FRAME_OF_DATUM:
        raise MissionError(f"{command.name}: height above the {point.datum.value} cannot be sent to an autopilot")
    return MissionItem(
        command, FRAME_OF_DATUM[point.datum], p1,
        lat_deg=round(point.lat_deg, 7), lon_deg=round(point.lon_deg, 7), alt_m=round(point.alt_m, 2),
    )  # fmt: skip


def _do(command: Command, p1: float = 0.0, p2: float = 0.0, p3: float = 0.0, p4: float = 0.0) -> MissionItem:
    return MissionItem(command, Frame.MISSION, p1, p2, p3, p4)


def compile_step(step: Step) -> MissionItem:
    """One step → one item. Raises MissionError where a height has a datum no autopilot takes."""
    match step:
        case TakeOff(height_m):
            # ArduCopter climbs where it stands; a place here would only pretend otherwise.
            return MissionItem(Command.TAKEOFF, Frame.RELATIVE, alt_m=round(height_m, 2))
        case FlyTo(point, hold_s):
            return _at(Command.WAYPOINT, point, hold_s)
        case SetSpeed(speed_m_s):
            return _do(Command.CHANGE_SPEED, 1.0, speed_m_s)
        case PointCamera(pitch_deg, yaw_deg):
            return _do(Command.GIMBAL_PITCH_YAW, pitch_deg, yaw_deg)  # rates 0: NaN is refused in a mission
        case LookAt(None):
            return _do(Command.ROI_NONE)
        case LookAt(point) if point is not None:
            return _at(Command.ROI_LOCATION, point)
        case ShootEvery(distance_m):
            return _do(Command.TRIGGER_DISTANCE, distance_m, 0.0, 1.0 if distance_m > 0 else 0.0)
        case Wait(seconds):
            # 0 seconds with no time of day would be read as "until then"; -1 disables hour, minute, second.
            return _do(Command.DELAY, seconds, -1.0, -1.0, -1.0)
        case ReturnHome():
            return _do(Command.RETURN_TO_LAUNCH)
        case Land(None):
            return MissionItem(Command.LAND, Frame.RELATIVE)
        case Land(point) if point is not None:
            return _at(Command.LAND, point)
        case Raw(item):
            return item
    raise MissionError(f"no item for {step!r}")


def compile_items(mission: Mission) -> tuple[MissionItem, ...]:
    """Mission → items, item 0 home. Places to 1e-7 degrees (11 mm), heights to 1 cm.

    Raises MissionError naming the step that cannot be sent.
    """
    items = [home_item(mission.home)]
    for number, step in enumerate(mission.steps, start=1):
        try:
            items.append(compile_step(step))
        except MissionError as problem:
            raise MissionError(f"step {number}: {problem}") from problem
    return tuple(items)


def _point(item: MissionItem) -> GeoPoint:
    return GeoPoint(item.lat_deg, item.lon_deg, item.alt_m, DATUM_OF_FRAME[STORED_FRAME[item.frame]])


_READERS: dict[int, Callable[[MissionItem], Step]] = {
    Command.TAKEOFF: lambda item: TakeOff(item.alt_m),
    Command.WAYPOINT: lambda item: FlyTo(_point(item), item.p1),
    Command.CHANGE_SPEED: lambda item: SetSpeed(item.p2),
    Command.GIMBAL_PITCH_YAW: lambda item: PointCamera(item.p1, item.p2),
    Command.ROI_NONE: lambda item: LookAt(None),
    Command.ROI_LOCATION: lambda item: LookAt(_point(item)),
    Command.TRIGGER_DISTANCE: lambda item: ShootEvery(item.p1),
    Command.DELAY: lambda item: Wait(item.p1),
    Command.RETURN_TO_LAUNCH: lambda item: ReturnHome(),
    Command.LAND: lambda item: Land(_point(item) if item.lat_deg or item.lon_deg else None),
}


def _step_of(item: MissionItem) -> Step:
    reader = _READERS.get(item.command)
    if reader is None:
        return Raw(item)
    try:
        step = reader(item)
    except (ValueError, KeyError):  # a value that no step allows: keep the item, `checks` names what is wrong
        return Raw(item)
    # Only a step that says everything the item says may replace it; NaN never equals and stays raw.
    return step if canonical([compile_step(step)]) == canonical([item]) else Raw(item)


def mission_from_items(items: Sequence[MissionItem], name: str) -> Mission:
    """Items (item 0 home) → Mission; whatever has no exact word becomes a `Raw` step, so that
    `canonical(compile_items(mission_from_items(items)))` equals `canonical(items)` from item 1 on.
    """
    return Mission(name, tuple(_step_of(item) for item in items[1:]), home_of(items))


parse_items = mission_from_items
