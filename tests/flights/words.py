"""The words of the script of stimuli: what a stimulus and a chapter are, and messages in short.

All times are the vehicle's, seconds; places are metres north and east of HOME.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

Message = Any
HOME = (51.4344, 6.7623, 33.0)
US, THEM = (255, 190), (254, 190)
STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL, LAND, BRAKE = 0, 2, 3, 4, 5, 6, 9, 17
MISSION, FENCE, RALLY = 0, 1, 2
NAN = math.nan
ON_GROUND = 1
Sign = tuple[bytes, int, int]


@dataclass(slots=True)
class State:
    """What the recorder knows of the vehicle. ``alt_m`` above home; ``north_m``, ``east_m`` from HOME."""

    mode: int = -1
    armed: bool = False
    landed: int = 0
    item: int = 0
    mission_state: int = 0
    alt_m: float = 0.0
    north_m: float = 0.0
    east_m: float = 0.0
    position: bool = False
    prearm: bool = False
    boot_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One thing said: ``send`` in order, ``gap_s`` apart. It listens ``listen_s``, and on ``until`` or ``limit_s``.

    ``beats``: whether the ground station's heartbeat goes on meanwhile. ``wire``: 1 is a second one, and its answers
    are heard there. ``sign``: key, link id and time (10 µs since 2015) of a signature.
    """

    name: str
    send: tuple[Message, ...] = ()
    sender: tuple[int, int] = US
    gap_s: float = 0.3
    listen_s: float = 0.8
    until: Callable[[State], bool] | None = None
    limit_s: float = 90.0
    beats: bool = True
    wire: int = 0
    sign: Sign | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """``begins``: "boot", "ground" (GUIDED, disarmed, lists empty) or "air" (GUIDED, hovering at 10 m over home)."""

    name: str
    begins: str
    stimuli: tuple[Stimulus, ...]


def packed(message: Message, sender: tuple[int, int], sign: Sign | None = None) -> bytes:
    """A frame of a sender, signed where that is wanted."""
    encoder = mavlink.MAVLink(None, *sender)
    if sign is not None:
        signing = encoder.signing
        signing.secret_key, signing.link_id, signing.timestamp = sign
        signing.sign_outgoing = True
    return bytes(message.pack(encoder))


# --- words ----------------------------------------------------------------------------------------------------------
def long(command: int, *params: float, to: tuple[int, int] = (1, 1)) -> Message:
    return mavlink.MAVLink_command_long_message(*to, command, 0, *[*params, *[0.0] * 7][:7])


def whole(command: int, x: int, y: int, z: float, *params: float, frame: int = 6) -> Message:
    return mavlink.MAVLink_command_int_message(1, 1, frame, command, 0, 0, *[*params, *[0.0] * 4][:4], x, y, z)


def place(north_m: float, east_m: float) -> tuple[int, int]:
    """Degrees · 1e7."""
    metres_per_deg = 111_195.0
    lon = HOME[1] + east_m / (metres_per_deg * math.cos(math.radians(HOME[0])))
    return round((HOME[0] + north_m / metres_per_deg) * 1e7), round(lon * 1e7)


def item(
    seq: int, command: int, *params: float, at: tuple[int, int] | None = None, z: float = 20.0, frame: int = 6,
    kind: int = MISSION,
) -> Message:  # fmt: skip
    x, y = place(40.0 * seq, 0.0) if at is None else at
    four = [*params, *[0.0] * 4][:4]
    return mavlink.MAVLink_mission_item_int_message(1, 1, seq, frame, command, 0, 1, *four, x, y, z, kind)


def count(number: int, kind: int = MISSION) -> Message:
    return mavlink.MAVLink_mission_count_message(1, 1, number, kind)


def listing(kind: int = MISSION) -> Message:
    return mavlink.MAVLink_mission_request_list_message(1, 1, kind)


def ask(seq: int, kind: int = MISSION) -> Message:
    return mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind)


def clear(kind: int = MISSION) -> Message:
    return mavlink.MAVLink_mission_clear_all_message(1, 1, kind)


def home_item(kind: int = MISSION) -> Message:
    return item(0, 16, at=place(0, 0), z=33.0, frame=0, kind=kind)


def upload(*items: Message, kind: int = MISSION) -> tuple[Message, ...]:
    return (count(len(items), kind), *items)


def one(fault: Message) -> tuple[Message, ...]:
    """A mission of home and one more item."""
    return upload(home_item(), fault)


def mode(number: int) -> Message:
    return long(mavlink.MAV_CMD_DO_SET_MODE, 1, number)


def interval(number: int, us: float, *more: float) -> Message:
    return long(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, us, *more)


def request(number: int, *more: float) -> Message:
    return long(mavlink.MAV_CMD_REQUEST_MESSAGE, number, *more)


def read(name: str, index: int = -1) -> Message:
    return mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), index)


def put(name: str, value: float, kind: int = 9, to: tuple[int, int] = (1, 1)) -> Message:
    return mavlink.MAVLink_param_set_message(*to, name.encode(), value, kind)


def arm(wanted: float = 1.0, force: float = 0.0) -> Message:
    return long(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, wanted, force)


def takeoff(height_m: float) -> Message:
    return long(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, height_m)


def reposition(north_m: float, east_m: float, z: float = 10.0, flags: int = 0) -> Message:
    return whole(mavlink.MAV_CMD_DO_REPOSITION, *place(north_m, east_m), z, -1, flags)


def velocity(north_m_s: float, east_m_s: float) -> Message:
    return mavlink.MAVLink_set_position_target_local_ned_message(
        0, 1, 1, 1, 0b110111000111, 0, 0, 0, north_m_s, east_m_s, 0, 0, 0, 0, 0, 0
    )


def target(north_m: float, east_m: float, mask: int = 0b110111111000) -> Message:
    x, y = place(north_m, east_m)
    return mavlink.MAVLink_set_position_target_global_int_message(0, 1, 1, 6, mask, x, y, 10.0, 0, 0, 0, 0, 0, 0, 0, 0)


def near(north_m: float, east_m: float, within_m: float = 4.0) -> Callable[[State], bool]:
    return lambda s: math.hypot(s.north_m - north_m, s.east_m - east_m) < within_m


def S(name: str, *send: Message, **more: Any) -> Stimulus:
    return Stimulus(name, send, **more)
