"""More stimuli: what a ground station says less often, in chapters that begin on the ground or in the air.

Each chapter has a copter of its own, as in ``stimuli_alone``.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from tests.flights.words import (
    AUTO,
    BRAKE,
    GUIDED,
    LAND,
    MISSION,
    NAN,
    RTL,
    STABILIZE,
    THEM,
    Chapter,
    Message,
    S,
    arm,
    ask,
    clear,
    count,
    home_item,
    interval,
    item,
    listing,
    long,
    mode,
    near,
    one,
    place,
    put,
    read,
    reposition,
    request,
    upload,
    whole,
)

_LANDED: dict[str, Any] = {"until": lambda s: not s.armed, "limit_s": 120.0}
_PLACE, _VELOCITY, _PUSH, _BOTH = 0b110111111000, 0b110111000111, 0b110000111111, 0b110111000000


def _stream(number: int, hz: int) -> Message:
    return mavlink.MAVLink_request_data_stream_message(1, 1, number, hz, int(hz > 0))


def _of_stream(name: str, number: int) -> tuple[Any, ...]:
    """A stream, and its end."""
    return (
        S(f"data stream {name}", _stream(number, 4), listen_s=1.5),
        S(f"data stream {name} off", _stream(number, 0)),
    )


STREAMS = Chapter("data streams", "ground", (
    *_of_stream("RAW_SENSORS", 1), *_of_stream("EXTENDED_STATUS", 2), *_of_stream("RC_CHANNELS", 3),
    *_of_stream("RAW_CONTROLLER", 4), *_of_stream("POSITION", 6), *_of_stream("EXTRA1", 10),
    *_of_stream("EXTRA2", 11), *_of_stream("no such one", 99),
    S("data stream EXTRA3", _stream(12, 4), listen_s=1.5),  # never off: the recorder's clock is in it
))  # fmt: skip

_NOTHING_BEHIND = (
    230, 253, 263, 265, 330, 411, 162, 259, 260, 261, 262, 269, 271, 280, 281, 285, 180,
)  # fmt: skip
INTERVALS = Chapter("intervals of many", "ground", (
    *(S(f"interval of {number}", interval(number, 1e6), listen_s=0.4) for number in _NOTHING_BEHIND),
    *(S(f"{number} once", request(number), listen_s=0.4) for number in (259, 260, 262, 263, 269, 271, 280, 281, 180)),
    S("AVAILABLE_MODES 1", request(435, 1)),
    S("AVAILABLE_MODES 24", request(435, 24)),
    S("AVAILABLE_MODES 99", request(435, 99)),
    S("AVAILABLE_MODES, all", request(435, 0)),
    S("its monitor comes", listen_s=6.0),
    S("its monitor off", interval(437, -1)),
    S("an interval with a third parameter", interval(30, 1e6, 1)),
    S("an interval of -5", interval(30, -5)),
    S("an interval of 0.5 s asked by another ground station", interval(74, 500_000), sender=THEM),
    S("and ended by the first", interval(74, -1)),
))  # fmt: skip

_TAKEN = (
    195, 197, 201, 203, 205, 206, 531, 532, 534, 1000, 2000, 2001, 2500, 2501, 112, 114, 115, 178, 207, 600, 93, 19,
)  # fmt: skip
_REFUSED = (200, 204, 214, 530, 533, 1001, 2003, 2, 80, 252, 300, 400, 5000, 5004, 5100, 211, 220, 511, 512)
MORE_ITEMS = Chapter("more mission items", "ground", (
    *(S(f"item {number} is kept", *one(item(1, number, 1, 1, 1, 1, z=0)), ask(1)) for number in _TAKEN),
    *(S(f"item {number} is refused", *one(item(1, number, 1, 1, 1, 1))) for number in _REFUSED),
    S("infinity as first parameter", *one(item(1, 16, math.inf))),
    S("NaN as rate of the gimbal", *one(item(1, 1000, -45, 0, NAN, NAN))),
    S("a waypoint at 0, 0", *one(item(1, 16, at=(0, 0))), ask(1)),
    S("a waypoint beyond by a second", *one(item(1, 16, at=(900_000_300, 67_623_000)))),
    S("a height of 83001 m", *one(item(1, 16, z=83_001.0))),
    S("upload three more", *upload(home_item(), item(1, 22, z=10.0), item(2, 16))),
    S("write two again", mavlink.MAVLink_mission_write_partial_list_message(1, 1, 1, 2, MISSION),
      item(1, 19, 5), item(2, 17)),
    S("write one more behind", mavlink.MAVLink_mission_write_partial_list_message(1, 1, 3, 3, MISSION), item(3, 20)),
    S("list after that", listing()),
    S("write from the end to the beginning", mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 1, MISSION)),
    S("write with a bad item", mavlink.MAVLink_mission_write_partial_list_message(1, 1, 1, 2, MISSION),
      item(1, 31999)),
    S("a shorter one", *upload(home_item(), item(1, 16))),
    S("the current item beyond it", long(224, 3)),
    S("the current item in it", long(224, 1)),
    S("the current item, and reset", long(224, 1, 1)),
    S("the current item is home", long(224, 0)),
    S("a float count of items", count(2), home_item(), sender=THEM),
    S("the first ground station asks meanwhile", ask(0)),
    S("they go on", item(1, 16), sender=THEM),
    S("clear by the other one", clear(), sender=THEM),
))  # fmt: skip

TARGETS = Chapter("systems and components", "ground", (
    *(S(f"a request to {to}", long(512, 148, to=to)) for to in ((1, 0), (0, 1), (0, 0), (1, 77), (99, 1), (99, 0))),
    *(S(f"a parameter to {to}", put("RTL_ALT", 1500.0, to=to)) for to in ((1, 0), (0, 0), (1, 77), (99, 1))),
    S("a parameter asked by the other one", read("RTL_ALT"), sender=THEM),
    S("a parameter set by the other one", put("RTL_ALT", 1500.0), sender=THEM),
    S("a mode set by the other one", mode(GUIDED), sender=THEM),
    S("a mission asked of system 99", mavlink.MAVLink_mission_request_list_message(99, 1, MISSION)),
    S("a mission asked of component 77", mavlink.MAVLink_mission_request_list_message(1, 77, MISSION)),
    S("DO_FLIGHTTERMINATION 0", long(185, 0)),
    S("DO_SET_HOME nowhere", long(179, 2)),
    S("DO_SET_HOME here", long(179, 1)),
    S("the banner", long(42428)),
    S("home as a command", long(410)),
    S("DO_FENCE_ENABLE 2", long(207, 2)),
    S("DO_FENCE_ENABLE 7", long(207, 7)),
    S("DO_PAUSE_CONTINUE 7", long(193, 7)),
    S("CONDITION_YAW on the ground", long(115, 90, 20, 1, 0)),
    S("CONDITION_YAW of 400°", long(115, 400, 20, 1, 0)),
    S("CONDITION_YAW half relative", long(115, 90, 20, 1, 0.5)),
    S("DO_CHANGE_SPEED of a kind it does not have", long(178, 7, 5)),
    S("DO_CHANGE_SPEED up", long(178, 2, 2)),
    S("DO_CHANGE_SPEED down", long(178, 3, 1)),
    S("NAV_TAKEOFF by COMMAND_INT while disarmed", whole(22, 0, 0, 10.0)),
    S("a log list", mavlink.MAVLink_log_request_list_message(1, 1, 60_000, 60_000)),
))  # fmt: skip


def _file(opcode: int, path: str = "", *, session: int = 0, size: int | None = None, offset: int = 0) -> Message:
    data = path.encode()
    head = struct.pack("<HBBBBBBI", 1, session, opcode, len(data) if size is None else size, 0, 0, 0, offset)
    return mavlink.MAVLink_file_transfer_protocol_message(0, 1, 1, (head + data).ljust(251, b"\0"))


FILES = Chapter("files of the mission", "ground", (
    S("upload one for the files", *upload(home_item(), item(1, 16))),
    S("reset for the files", _file(2)),
    S("open the mission", _file(4, "@MISSION/mission.dat")),
    S("read its head", _file(5, size=10)),
    S("read an item of it", _file(5, size=38, offset=48)),
    S("read past its end", _file(5, size=38, offset=500)),
    S("end the mission", _file(1)),
    S("open the fence", _file(4, "@MISSION/fence.dat")),
    S("end the fence", _file(1)),
    S("open what is no list", _file(4, "@MISSION/other.dat")),
    S("a request that says it is longer than it can be", _file(4, "x", size=250)),
    S("a request of no size", _file(4, "x", size=0)),
    S("an opcode of 200", _file(200)),
    S("an answer", _file(128)),
    S("write without a file", _file(7, "x")),
    S("another session", _file(5, session=3, size=10)),
))  # fmt: skip


def _local(mask: int, frame: int = 1, **fields: float) -> Message:
    names = ("x", "y", "z", "vx", "vy", "vz", "afx", "afy", "afz", "yaw", "yaw_rate")
    values = [fields.get(name, 0.0) for name in names]
    return mavlink.MAVLink_set_position_target_local_ned_message(0, 1, 1, frame, mask, *values)


ORDERS = Chapter("targets in GUIDED", "air", (
    S("north by LOCAL_NED", _local(_PLACE, x=15, z=-10), until=near(15, 0), limit_s=30.0),
    S("east by LOCAL_OFFSET_NED", _local(_PLACE, 7, y=15), until=near(15, 15), limit_s=30.0),
    S("back home by LOCAL_NED", _local(_PLACE, z=-10), until=near(0, 0), limit_s=30.0),
    S("nonsense stops it", _local(0xFFFF), listen_s=3.0),
    S("a velocity to the north", _local(_VELOCITY, vx=3), listen_s=2.9),
    S("it has gone so far", until=near(6, 0, 3.5), limit_s=5.0),
    S("a frame it does not know", _local(_PLACE, 20, x=90), listen_s=3.0),
    S("home again", reposition(0, 0), until=near(0, 0), limit_s=30.0),
    S("a push to the east", _local(_PUSH, afy=2), listen_s=2.9),
    S("it came along", until=near(0, 8, 6.0), limit_s=5.0),
    S("home once more", reposition(0, 0), until=near(0, 0), limit_s=30.0),
    S("turn right", long(115, 90, 30, 1, 1), listen_s=4.0),
    S("turn left to the north", long(115, 0, 30, -1, 0), listen_s=4.0),
    S("pause in GUIDED", reposition(60, 0), long(193, 0), gap_s=2.0, listen_s=5.0),
    S("it stands", until=near(60, 0), limit_s=6.0),
    S("go on in GUIDED", long(193, 1), until=near(60, 0), limit_s=20.0),
    S("home at last", reposition(0, 0), until=near(0, 0), limit_s=40.0),
))  # fmt: skip

FENCES = Chapter("heights and circles", "air", (
    S("a ceiling of 20 m", put("FENCE_ALT_MAX", 20.0)),
    S("a fence that is a ceiling", put("FENCE_TYPE", 1.0)),
    S("the ceiling counts", put("FENCE_ENABLE", 1.0), listen_s=1.5),
    S("through the ceiling", _local(_VELOCITY, vz=-2), _local(_VELOCITY, vz=-2), _local(_VELOCITY, vz=-2),
      gap_s=2.0, until=lambda s: s.mode == RTL, limit_s=10.0),
    S("GUIDED outside", mode(GUIDED), listen_s=0.5),
    S("below it again", reposition(0, 0), until=lambda s: s.alt_m < 15.0, limit_s=30.0),
    S("the ceiling away", put("FENCE_ENABLE", 0.0)),
    S("a ceiling of 100 m", put("FENCE_ALT_MAX", 100.0)),
    S("all fences again", put("FENCE_TYPE", 7.0)),
))  # fmt: skip

MODES = Chapter("more modes in the air", "air", (
    S("CIRCLE", mode(7), listen_s=0.5),
    S("GUIDED after CIRCLE", mode(GUIDED)),
    S("DRIFT needs the hands", mode(11), listen_s=0.2),
    S("GUIDED after DRIFT", mode(GUIDED)),
    S("THROW in the air", mode(18)),
    S("AUTOTUNE in the air", mode(15)),
    S("FOLLOW in the air", mode(23)),
    S("FLIP in the air", mode(14)),
    S("TURTLE in the air", mode(28)),
    S("AUTO_RTL in the air", mode(27)),
    S("GUIDED_NOGPS in the air", mode(20), listen_s=0.2),
    S("GUIDED after all", mode(GUIDED)),
    S("DO_FLIGHTTERMINATION 0 in the air", long(185, 0)),
    S("DO_SET_HOME in the air", long(179, 1)),
))  # fmt: skip

# --- with a copter of their own -------------------------------------------------------------------------------------
_JUMPS = upload(
    home_item(), item(1, 22, z=10, at=(0, 0)), item(2, 115, 90, 30, 1, 0, at=(0, 0), z=0),
    item(3, 16, at=place(30, 0), z=10),
    item(4, 112, 2, at=(0, 0), z=0), item(5, 203, at=(0, 0), z=0), item(6, 16, at=place(30, 30), z=10),
    item(7, 177, 3, 1, at=(0, 0), z=0), item(8, 18, 1, 0, 8, 0, at=place(0, 30), z=10),
    item(9, 21, at=place(0, 0), z=0),
)  # fmt: skip
JUMPS = Chapter("conditions, a jump, a circle and a landing", "ground", (
    S("hand over the jumps", *_JUMPS),
    S("arm for the jumps", arm(), listen_s=2.5),
    S("start the jumps", long(300), until=lambda s: s.item == 3, limit_s=30.0),
    S("first round", until=lambda s: s.item == 6, limit_s=40.0),
    S("jumps back", until=lambda s: s.item == 3, limit_s=40.0),
    S("second round", until=lambda s: s.item == 6, limit_s=40.0),
    S("on to the circle", until=lambda s: s.item == 8, limit_s=40.0),
    S("round it", until=lambda s: s.item == 9, limit_s=90.0),
    S("down", **_LANDED),
    S("after the landing", listen_s=3.0),
))  # fmt: skip

CHECKS = Chapter("arming checks", "ground", (
    S("a voltage to arm with", put("BATT_ARM_VOLT", 18.0)),
    S("arm below it", arm()),
    S("no voltage to arm with", put("BATT_ARM_VOLT", 0.0)),
    S("a compass that fails", put("SIM_MAG1_FAIL", 1.0), listen_s=3.0),
    S("arm without the compass", arm()),
    S("the compass again", put("SIM_MAG1_FAIL", 0.0), listen_s=12.0),
    S("an angle of 5°", put("ANGLE_MAX", 500.0)),
    S("arm with 5°", arm()),
    S("an angle of 30° again", put("ANGLE_MAX", 3000.0)),
    S("a throttle of 900", put("FS_THR_VALUE", 900.0)),
    S("arm with 900", arm()),
    S("force it", arm(1, 2989), listen_s=1.0),
    S("disarm what was forced", arm(0)),
    S("a throttle of 975 again", put("FS_THR_VALUE", 975.0)),
    S("the sticks fail", put("SIM_RC_FAIL", 1.0), listen_s=3.0),
    S("arm without sticks", arm()),
    S("the sticks work", put("SIM_RC_FAIL", 0.0), listen_s=3.0),
    S("the receiver fails", put("SIM_GPS1_ENABLE", 0.0), listen_s=15.0),
    S("arm without a receiver", arm()),
    S("force it without a receiver", arm(1, 2989)),
    S("STABILIZE needs none", mode(STABILIZE), arm(), listen_s=2.0),
    S("disarm in STABILIZE without a receiver", arm(0)),
    S("the receiver works", put("SIM_GPS1_ENABLE", 1.0), listen_s=20.0),
    S("no checks", put("ARMING_CHECK", 0.0), mode(GUIDED)),
    S("arm without checks", arm(), listen_s=1.5),
    S("disarm without checks", arm(0)),
))  # fmt: skip

OPTIONS = Chapter("arming in AUTO", "ground", (
    S("hand over three", *upload(home_item(), item(1, 22, z=10, at=(0, 0)), item(2, 16, at=place(20, 0), z=10))),
    S("AUTO without leave", mode(AUTO), arm()),
    S("AUTO_OPTIONS 3", put("AUTO_OPTIONS", 3.0)),
    S("arm in AUTO", arm(), until=lambda s: s.item == 2, limit_s=30.0),
    S("termination", long(185, 1), **_LANDED),
))  # fmt: skip

SITTING = Chapter("armed and left alone", "ground", (
    S("hand over two", *upload(home_item(), item(1, 22, z=10, at=(0, 0)))),
    S("arm, then AUTO", arm(), mode(AUTO)),
    S("it only sits there", **_LANDED),
    S("and afterwards", listen_s=2.0),
))  # fmt: skip

CRITICAL = Chapter("failsafe: battery, twice", "air", (
    S("LAND when it is critical", put("BATT_FS_CRT_ACT", 1.0)),
    S("critical at 10.5 V", put("BATT_CRT_VOLT", 10.5)),
    S("low at 11.5 V", put("BATT_LOW_VOLT", 11.5)),
    S("nothing when it is low", put("BATT_FS_LOW_ACT", 0.0)),
    S("the voltage falls to 11 V", put("SIM_BATT_VOLTAGE", 11.0), listen_s=12.0),
    S("the voltage falls to 10 V", put("SIM_BATT_VOLTAGE", 10.0), until=lambda s: s.mode == LAND, limit_s=20.0),
))  # fmt: skip

SILENCE = Chapter("failsafe: ground station in AUTO", "ground", (
    S("hand over a long way", *upload(home_item(), item(1, 22, z=10, at=(0, 0)), item(2, 16, at=place(300, 0), z=10))),
    S("arm for the long way", arm(), listen_s=2.5),
    S("start the long way", long(300), until=lambda s: s.item == 2, limit_s=30.0),
    S("go on in AUTO", put("FS_OPTIONS", 2.0)),
    S("the ground station counts", put("FS_GCS_ENABLE", 5.0)),
    S("silence in AUTO", beats=False, listen_s=8.0),
    S("BRAKE, and silence on", mode(BRAKE), beats=False, listen_s=3.0),
    S("somebody beats again", listen_s=3.0),
    S("silence in BRAKE", beats=False, until=lambda s: s.mode == LAND, limit_s=12.0),
))  # fmt: skip

HOMEWARD = Chapter("the way back", "air", (
    S("20 m to the north for the way back", reposition(20, 0), until=near(20, 0), limit_s=30.0),
    S("20 m to the east for the way back", reposition(20, 20), until=near(20, 20), limit_s=30.0),
    S("SMART_RTL all the way", mode(21), **_LANDED),
))  # fmt: skip

RALLY_HOME = Chapter("a rally point", "air", (
    S("hand over a rally point", count(1, 2), item(0, 5100, at=place(20, 0), z=20, kind=2)),
    S("15 m to the north of home", reposition(15, 0), until=near(15, 0), limit_s=30.0),
    S("RTL to the nearer one", mode(RTL), **_LANDED),
    S("where it has landed", until=near(20, 0), limit_s=1.0),
))  # fmt: skip

MORE = (
    STREAMS, INTERVALS, MORE_ITEMS, TARGETS, FILES, ORDERS, FENCES, MODES,
    JUMPS, CHECKS, OPTIONS, SITTING, CRITICAL, SILENCE, HOMEWARD, RALLY_HOME,
)  # fmt: skip
