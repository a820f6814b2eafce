"""What is said to a copter to learn its manners: a script of stimuli in chapters, each from a stated condition.

The recorder brings the vehicle into a chapter's condition without recording it, so that a difference in one chapter
does not spill into the next. Stimuli of a chapter follow one another.
"""

from __future__ import annotations

import math
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from tests.flights.words import (
    AUTO,
    BRAKE,
    FENCE,
    GUIDED,
    HOME,
    LAND,
    LOITER,
    MISSION,
    NAN,
    ON_GROUND,
    RALLY,
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
    takeoff,
    target,
    upload,
    velocity,
    whole,
)

# --- on the ground --------------------------------------------------------------------------------------------------
READINESS = Chapter("readiness", "boot", (
    S("GUIDED before there is a position", mode(GUIDED)),
    S("arm in GUIDED before there is a position", arm()),
    S("force arming before there is a position", arm(1, 2989)),
    S("take off before there is a position", takeoff(10)),
    S("AUTO before there is a position", mode(AUTO)),
    S("LOITER before there is a position", mode(LOITER)),
    S("GUIDED again", mode(GUIDED)),
    S("wait until it could arm", until=lambda s: s.position and s.prearm),
))  # fmt: skip

PARAMETERS = Chapter("parameters", "ground", (
    S("read FS_GCS_ENABLE", read("FS_GCS_ENABLE")),
    S("read FENCE_ENABLE", read("FENCE_ENABLE")),
    S("read FENCE_ACTION", read("FENCE_ACTION")),
    S("read FENCE_TYPE", read("FENCE_TYPE")),
    S("read WPNAV_SPEED", read("WPNAV_SPEED")),
    S("read RTL_ALT", read("RTL_ALT")),
    S("read MAV_GCS_SYSID", read("MAV_GCS_SYSID")),
    S("read MAV_SYSID", read("MAV_SYSID")),
    S("read ANGLE_MAX", read("ANGLE_MAX")),
    S("read LAND_SPEED", read("LAND_SPEED")),
    S("read BATT_CAPACITY", read("BATT_CAPACITY")),
    S("read FRAME_CLASS", read("FRAME_CLASS")),
    S("read FS_THR_ENABLE", read("FS_THR_ENABLE")),
    S("read an unknown name", read("NO_SUCH_NAME")),
    S("read an empty name", read("")),
    S("read a name in small letters", read("rtl_alt")),
    S("read an index past the end", read("", 9999)),
    S("set a speed", put("WPNAV_SPEED", 750.0)),
    S("read the speed back", read("WPNAV_SPEED")),
    S("set the speed again", put("WPNAV_SPEED", 1000.0)),
    S("set a byte far too large", put("FENCE_ACTION", 1000.0)),
    S("set a byte far too small", put("FENCE_ACTION", -1000.0)),
    S("set a byte with a fraction", put("FENCE_ACTION", 3.7)),
    S("set a byte with a wrong type", put("FENCE_ACTION", 1.0, 6)),
    S("set to NaN", put("FENCE_ACTION", NAN)),
    S("set to infinity", put("FENCE_ACTION", math.inf)),
    S("read what NaN left", read("FENCE_ACTION")),
    S("set an unknown name", put("NO_SUCH_NAME", 1.0)),
    S("set to a component that is not there", put("FENCE_ACTION", 1.0, to=(1, 100))),
    S("set in another system", put("FENCE_ACTION", 2.0, to=(2, 1))),
))  # fmt: skip

MESSAGES = Chapter("messages", "ground", (
    S("ATTITUDE at 5 Hz", interval(30, 200_000)),
    S("its interval", long(510, 30)),
    S("ATTITUDE off", interval(30, -1)),
    S("the interval of what is off", long(510, 30)),
    S("ATTITUDE at its default", interval(30, 0)),
    S("ATTITUDE faster than the loop", interval(30, 100)),
    S("a message it does not have: 253", interval(253, 1e6)),
    S("a message it does not have: 436", interval(436, 1e6)),
    S("a message nobody has: 9999", interval(9999, 1e6)),
    S("the interval of an unknown one", long(510, 9999)),
    S("VFR_HUD at 2 Hz by COMMAND_INT", whole(511, 0, 0, 0, 74, 500_000)),
    S("VFR_HUD off", interval(74, -1)),
    S("AUTOPILOT_VERSION once", request(148)),
    S("HOME_POSITION once", request(242)),
    S("GPS_GLOBAL_ORIGIN once", request(49)),
    S("SYS_STATUS once", request(1)),
    S("ATTITUDE once", request(30)),
    S("GPS_RAW_INT once", request(24)),
    S("BATTERY_STATUS once", request(147)),
    S("PROTOCOL_VERSION once", request(300)),
    S("CURRENT_MODE once", request(436)),
    S("CURRENT_EVENT_SEQUENCE once", request(410)),
    S("COMPONENT_METADATA once", request(397)),
    S("a message nobody has, once", request(9999)),
    S("FENCE_STATUS once without a fence", request(162)),
    S("data stream EXTRA1 at 2 Hz", mavlink.MAVLink_request_data_stream_message(1, 1, 10, 2, 1)),
    S("data stream EXTRA1 off", mavlink.MAVLink_request_data_stream_message(1, 1, 10, 2, 0)),
    S("nothing comes any more", listen_s=1.5),
    S("PING", mavlink.MAVLink_ping_message(1, 7, 0, 0)),
    S("TIMESYNC asked", mavlink.MAVLink_timesync_message(0, 12345)),
    S("TIMESYNC answered unasked", mavlink.MAVLink_timesync_message(99, 12345)),
))  # fmt: skip

COMMANDS = Chapter("commands", "ground", (
    S("unknown command 31999", long(31999)),
    S("unknown command by COMMAND_INT", whole(31999, 0, 0, 0)),
    S("REQUEST_CAMERA_INFORMATION 521", long(521, 1)),
    S("REQUEST_STORAGE_INFORMATION 525", long(525, 1)),
    S("REQUEST_CAMERA_CAPTURE_STATUS 527", long(527, 1)),
    S("REQUEST_VIDEO_STREAM_INFORMATION 2504", long(2504, 1)),
    S("REQUEST_PROTOCOL_VERSION 519", long(519, 1)),
    S("OVERRIDE_GOTO 252", long(252)),
    S("DO_CHANGE_ALTITUDE 186", long(186, 20)),
    S("SET_CAMERA_MODE 530", long(530, 0, 0)),
    S("DO_TRIGGER_CONTROL 2003", long(2003, 1)),
    S("DO_SET_CAM_TRIGG_INTERVAL 214", long(214, 1000)),
    S("PREFLIGHT_CALIBRATION, all 0", long(241)),
    S("DO_REPOSITION by COMMAND_LONG", long(192, -1, 1, 0, 0, HOME[0], HOME[1], 10)),
    S("DO_REPOSITION while disarmed", reposition(10, 0)),
    S("DO_PAUSE_CONTINUE on the ground", long(193, 0)),
    S("DO_PAUSE_CONTINUE 1 on the ground", long(193, 1)),
    S("DO_CHANGE_SPEED on the ground", long(178, 1, 5, -1)),
    S("DO_CHANGE_SPEED of 0", long(178, 1, 0, -1)),
    S("DO_SET_MISSION_CURRENT out of range", long(224, 99)),
    S("MISSION_SET_CURRENT out of range", mavlink.MAVLink_mission_set_current_message(1, 1, 99)),
    S("MISSION_START without a mission", long(300)),
    S("MISSION_START from an item on", long(300, 1, 2)),
    S("a command to another system", long(511, 30, -1, to=(2, 1))),
    S("a command to a component that is not there", long(511, 30, -1, to=(1, 100))),
    S("a command to all components", long(511, 30, -1, to=(1, 0))),
    S("a command to all systems", long(511, 30, -1, to=(0, 0))),
    S("a command from another ground station", long(511, 30, -1), sender=THEM),
    S("the fence on without a fence", long(207, 1)),
    S("the fence off", long(207, 0)),
    S("RUN_PREARM_CHECKS", long(401)),
))  # fmt: skip

_MODES = {
    "STABILIZE": 0, "ACRO": 1, "ALT_HOLD": 2, "AUTO": 3, "GUIDED": 4, "LOITER": 5, "RTL": 6, "CIRCLE": 7,
    "number 8": 8, "LAND": 9, "DRIFT": 11, "SPORT": 13, "AUTOTUNE": 15, "POSHOLD": 16, "BRAKE": 17, "THROW": 18,
    "AVOID_ADSB": 19, "GUIDED_NOGPS": 20, "SMART_RTL": 21, "FLOWHOLD": 22, "FOLLOW": 23, "ZIGZAG": 24, "AUTO_RTL": 27,
    "number 99": 99,
}  # fmt: skip
MODES = Chapter("modes on the ground", "ground", (
    *(S(f"mode {name} on the ground", mode(number)) for name, number in _MODES.items()),
    S("DO_SET_MODE without the custom flag", long(176, 0, LOITER)),
    S("DO_SET_MODE by COMMAND_INT", whole(176, 0, 0, 0, 1, LOITER)),
    S("SET_MODE, the old message", mavlink.MAVLink_set_mode_message(1, 1, GUIDED)),
    S("SET_MODE of no such mode", mavlink.MAVLink_set_mode_message(1, 1, 99)),
    S("NAV_RETURN_TO_LAUNCH as a command", long(20)),
    S("NAV_LAND as a command", long(21)),
))  # fmt: skip

ARMING = Chapter("arming", "ground", (
    S("disarm what is disarmed", arm(0)),
    S("take off while disarmed", takeoff(10)),
    S("mode RTL, then arm", mode(RTL), arm()),
    S("mode LAND, then arm", mode(LAND), arm()),
    S("mode BRAKE, then arm", mode(BRAKE), arm()),
    S("mode AUTO without a mission, then arm", mode(AUTO), arm()),
    S("mode STABILIZE, then arm", mode(STABILIZE), arm(), listen_s=2.0),
    S("take off in STABILIZE", takeoff(10)),
    S("disarm in STABILIZE", arm(0), listen_s=1.5),
    S("mode LOITER, then arm", mode(LOITER), arm(), listen_s=2.0),
    S("disarm in LOITER", arm(0), listen_s=1.5),
    S("mode GUIDED, then arm", mode(GUIDED), arm(), listen_s=2.0),
    S("arm what is armed", arm()),
    S("take off to 0 m", takeoff(0)),
    S("take off to -5 m", takeoff(-5)),
    S("reposition on the ground", reposition(10, 0)),
    S("disarm in GUIDED", arm(0), listen_s=1.5),
    S("arm by COMMAND_INT", whole(400, 0, 0, 0, 1), listen_s=2.0),
    S("it disarms by itself", until=lambda s: not s.armed, limit_s=20.0),
    S("arm with a parameter of 0.4", arm(0.4)),
    S("arm with a parameter of 2", arm(2), listen_s=1.5),
    S("disarm after that", arm(0), listen_s=1.5),
))  # fmt: skip

# --- transfers ------------------------------------------------------------------------------------------------------
_FAR = (910_000_000, 67_623_000)
TRANSFERS = Chapter("mission transfer", "ground", (
    S("list an empty mission", listing()),
    S("upload three", *upload(home_item(), item(1, 22, z=10.0), item(2, 16))),
    S("list three", listing()),
    S("read item 0", ask(0)),
    S("read item 1", ask(1)),
    S("read item 2 by the old request", mavlink.MAVLink_mission_request_message(1, 1, 2, MISSION)),
    S("read past the end", ask(3)),
    S("end the download", mavlink.MAVLink_mission_ack_message(1, 1, 0, MISSION)),
    S("DO_SET_MISSION_CURRENT 2", long(224, 2)),
    S("MISSION_SET_CURRENT 1", mavlink.MAVLink_mission_set_current_message(1, 1, 1)),
    S("another ground station lists", listing(), sender=THEM),
    S("an item out of the blue", item(1, 16)),
    S("an acknowledgement out of the blue", mavlink.MAVLink_mission_ack_message(1, 1, 4, MISSION)),
    S("write one item again", mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 2, MISSION), item(2, 19, 5)),
    S("read what was written again", ask(2)),
    S("write beyond the end", mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 9, MISSION)),
    S("clear", clear()),
    S("list what is cleared", listing()),
    S("count 0", count(0)),
    S("too many", count(651)),
    S("list an unknown type", listing(9)),
    S("count an unknown type", count(2, 9)),
    S("clear an unknown type", clear(9)),
    S("clear all types at once", clear(255)),
    S("begin, with the wrong item", count(2), item(1, 16), listen_s=2.5),
    S("go on with the right ones", home_item(), item(1, 16)),
    S("an item twice", count(2), home_item(), home_item(), item(1, 16)),
    # A second each: what is asked for again every second falls into the middle of each.
    S("begin, and leave it", count(3), home_item(), listen_s=0.5),
    S("another ground station begins meanwhile", count(2), sender=THEM, listen_s=1.0),
    S("another ground station lists meanwhile", listing(), sender=THEM, listen_s=1.0),
    S("another ground station sends an item meanwhile", item(1, 16), sender=THEM, listen_s=1.0),
    S("another ground station clears meanwhile", clear(), sender=THEM, listen_s=1.0),
    S("list while uploading oneself", listing(), listen_s=1.0),
    S("an item of another type meanwhile", item(1, 5100, kind=RALLY), listen_s=1.0),
    S("a count of another type meanwhile", count(1, RALLY), listen_s=0.3),
    S("begin anew, and silence", count(2), listen_s=10.0),
    S("what silence left", listing()),
    S("upload four", *upload(home_item(), item(1, 22), item(2, 16), item(3, 16))),
    S("a bad item in the middle", count(3), home_item(), item(1, 16, at=_FAR)),
    S("what the bad item left", listing()),
    S("the item the bad one was for", ask(1)),
    S("the item after the bad one", ask(2)),
    S("in the old float form", count(2), home_item(),
      mavlink.MAVLink_mission_item_message(1, 1, 1, 3, 16, 0, 1, 0, 0, 0, 0, HOME[0], HOME[1], 20.0, MISSION)),
    S("an upload from another component", *upload(home_item(), item(1, 16)), sender=(255, 1)),
    S("DO_JUMP to 0", *one(item(1, 177, 0, 2))),
    S("DO_JUMP past the end", *one(item(1, 177, 9, 2))),
    S("end of these", clear()),
))  # fmt: skip

_FAULTS = {
    "latitude of 91°": item(1, 16, at=_FAR),
    "longitude of 181°": item(1, 16, at=(514_000_000, 1_810_000_000)),
    "height NaN": item(1, 16, z=NAN),
    "height of 1e6": item(1, 16, z=1e6),
    "NaN as first parameter": item(1, 16, NAN),
    "NaN as second parameter": item(1, 16, 0, NAN),
    "NaN as third parameter": item(1, 16, 0, 0, NAN),
    "NaN as yaw of a waypoint": item(1, 16, 0, 0, 0, NAN),
    "NaN as yaw of a loiter": item(1, 17, 0, 0, 0, NAN),
    "NaN as fourth of LOITER_TURNS": item(1, 18, 2, 0, 5, NAN),
    "an unknown command": item(1, 31999),
    "a camera command it refuses: 530": item(1, 530),
    "a camera command it refuses: 2003": item(1, 2003),
    "a gimbal command it refuses: 204": item(1, 204),
    "frame LOCAL_NED": item(1, 16, frame=1),
    "frame BODY_NED": item(1, 16, frame=8),
    "a fence command": item(1, 5001, 3),
}
_KEPT = {
    "frame 3": item(1, 16, frame=3), "frame 5": item(1, 16, frame=5), "frame 2": item(1, 16, frame=2),
    "frame 11": item(1, 16, frame=11), "frame 10": item(1, 16, frame=10),
    "WAYPOINT with all": item(1, 16, 2, 3, 4, 90, z=20.456), "LOITER_UNLIM": item(1, 17, 0, 0, -15, 90),
    "LOITER_TURNS": item(1, 18, 2, 0, -15, 1), "LOITER_TIME": item(1, 19, 10, 0, 5, 1), "RTL": item(1, 20, 1, 2, 3, 4),
    "LAND": item(1, 21, 1, 2, 3, 4), "TAKEOFF": item(1, 22, 15, 0, 0, 90), "SPLINE": item(1, 82, 3, 1, 1, 1),
    "NAV_DELAY": item(1, 93, 5, -1, -1, -1), "CONDITION_YAW": item(1, 115, 90, 10, 1, 0),
    "DO_CHANGE_SPEED": item(1, 178, 1, 5, -1, 1), "DO_SET_ROI_LOCATION": item(1, 195, 1, 2, 3, 4),
    "DO_SET_ROI_NONE": item(1, 197, 1), "DO_MOUNT_CONTROL": item(1, 205, -45, 0, 10, 0, z=0),
    "DO_SET_CAM_TRIGG_DIST": item(1, 206, 12.5, 0, 1), "DO_DIGICAM_CONTROL": item(1, 203, 1, 2, 3, 4),
    "IMAGE_START_CAPTURE": item(1, 2000, 0, 2, 3, 1),
    "DO_GIMBAL_MANAGER_PITCHYAW": item(1, 1000, -45, 10, 0, 0, at=(16, 0), z=0),
}  # fmt: skip
ITEMS = Chapter("mission items", "ground", (
    *(S(f"refused: {name}", *one(fault)) for name, fault in _FAULTS.items()),
    *(S(f"kept of {name}", *one(kept), ask(1)) for name, kept in _KEPT.items()),
))  # fmt: skip


def corners(*places: tuple[float, float], command: int = 5001, told: int | None = None) -> tuple[Message, ...]:
    number = len(places) if told is None else told
    return tuple(
        item(seq, command, number, at=place(*where), z=0, frame=0, kind=FENCE) for seq, where in enumerate(places)
    )


_SQUARE = ((100.0, -100.0), (100.0, 100.0), (-100.0, 100.0), (-100.0, -100.0))


def circle(radius_m: float, command: int = 5003, at: tuple[int, int] | None = None, frame: int = 0) -> Message:
    return item(0, command, radius_m, at=at or place(0, 0), z=0, frame=frame, kind=FENCE)


def rally(seq: int, **more: Any) -> Message:
    return item(seq, 5100, kind=RALLY, **more)


FENCES = Chapter("fence and rally transfer", "ground", (
    S("list an empty fence", listing(FENCE)),
    S("upload a square", *upload(*corners(*_SQUARE), kind=FENCE), listen_s=2.0),
    S("list the square", listing(FENCE)),
    S("read a corner", ask(1, FENCE)),
    S("read past the last corner", ask(4, FENCE)),
    S("a polygon of two", *upload(*corners(*_SQUARE[:2]), kind=FENCE), listen_s=2.0),
    S("a polygon that lacks a corner", *upload(*corners(*_SQUARE[:3], told=4), kind=FENCE), listen_s=2.0),
    S("a circle of 0 m", *upload(circle(0), kind=FENCE), listen_s=2.0),
    S("a circle of -5 m", *upload(circle(-5), kind=FENCE), listen_s=2.0),
    S("a circle beyond the pole", *upload(circle(50, at=_FAR), kind=FENCE), listen_s=2.0),
    S("a polygon of 256", count(256, FENCE)),
    S("a corner that counts 256", *upload(*corners(*_SQUARE, told=256), kind=FENCE), listen_s=2.0),
    S("a waypoint in a fence", *upload(item(0, 16, kind=FENCE), kind=FENCE), listen_s=2.0),
    S("too many of a fence", count(71, FENCE)),
    S("the square is still there", listing(FENCE)),
    S("a circle", *upload(circle(80), kind=FENCE), listen_s=2.0),
    S("read the circle", ask(0, FENCE)),
    S("an exclusion circle", *upload(circle(20, 5004, place(60, 0)), kind=FENCE), listen_s=2.0),
    S("a circle with a relative frame", *upload(circle(80, frame=6), kind=FENCE), listen_s=2.0),
    S("an exclusion polygon", *upload(*corners((50, 0), (50, 20), (70, 10), command=5002), kind=FENCE), listen_s=2.0),
    S("a return point", *upload(item(0, 5000, at=place(5, 5), kind=FENCE), kind=FENCE), listen_s=2.0),
    S("clear the fence", clear(FENCE)),
    S("list the cleared fence", listing(FENCE)),
    S("list an empty rally", listing(RALLY)),
    S("upload two rally points", *upload(rally(0), rally(1, z=15.7), kind=RALLY)),
    S("list two rally points", listing(RALLY)),
    S("read a rally point", ask(1, RALLY)),
    S("a rally point too high", *upload(rally(0, z=40_000.0), kind=RALLY)),
    S("a rally point beyond the pole", *upload(rally(0, at=_FAR), kind=RALLY)),
    S("a waypoint as a rally point", *upload(item(0, 16, kind=RALLY), kind=RALLY)),
    S("a rally point far away", *upload(rally(0, at=place(60_000, 0)), kind=RALLY)),
    S("a rally point in an absolute frame", *upload(rally(0, frame=0), kind=RALLY), ask(0, RALLY)),
    S("too many rally points", count(47, RALLY)),
    S("clear the rally points", clear(RALLY)),
    S("count 0 for the fence", count(0, FENCE)),
    S("count 0 for the rally points", count(0, RALLY)),
))  # fmt: skip

# --- in the air -----------------------------------------------------------------------------------------------------
_TRIP = (home_item(), item(1, 22, z=10.0), item(2, 16, at=place(30, 0), z=12.0),
         item(3, 16, at=place(30, 60), z=12.0), item(4, 20))  # fmt: skip

TAKEOFF = Chapter("take-off", "ground", (
    S("arm for the flight", arm(), listen_s=2.5),
    S("take off to 10 m", takeoff(10), until=lambda s: s.alt_m > 9.5, limit_s=40.0),
    S("take off once more", takeoff(20)),
    S("arm in the air", arm()),
    S("disarm in the air", arm(0)),
    S("hover", listen_s=3.0),
    S("DO_PAUSE_CONTINUE in GUIDED", long(193, 0)),
    S("MISSION_START in the air without a mission", long(300)),
))  # fmt: skip

AIR_MODES = Chapter("modes in the air", "air", (
    S("AUTO in the air without a mission", mode(AUTO)),
    S("BRAKE in the air", mode(BRAKE)),
    S("GUIDED after BRAKE", mode(GUIDED)),
    S("LOITER in the air", mode(LOITER), listen_s=0.5),
    S("GUIDED after LOITER", mode(GUIDED)),
    S("no such mode in the air", mode(99)),
    S("RTL in the air", mode(RTL), listen_s=0.5),
    S("GUIDED after RTL", mode(GUIDED)),
    S("LAND in the air", mode(LAND), listen_s=0.5),
    S("GUIDED after LAND", mode(GUIDED)),
    S("NAV_RETURN_TO_LAUNCH in the air", long(20), listen_s=0.5),
    S("NAV_LAND in the air", mode(GUIDED), long(21), listen_s=0.5),
    S("NAV_LOITER_UNLIM in the air", long(17), listen_s=0.5),
    S("SMART_RTL in the air", mode(GUIDED), mode(21), listen_s=0.5),
    S("GUIDED at last", mode(GUIDED)),
))  # fmt: skip

REPOSITION = Chapter("reposition", "air", (
    S("20 m to the north", reposition(20, 0), until=near(20, 0), limit_s=40.0),
    S("a latitude of 91°", whole(192, *_FAR, 10, -1)),
    S("by COMMAND_LONG in the air", long(192, -1, 1, 0, 0, HOME[0], HOME[1], 10)),
    S("slower, 2 m/s", long(178, 1, 2, -1)),
    S("10 m back", reposition(10, 0), until=near(10, 0), limit_s=60.0),
    S("a speed of -1", long(178, 1, -1, -1)),
    S("a speed of 0.1", long(178, 1, 0.1, -1)),
    S("a speed of 50", long(178, 1, 50, -1)),
    S("5 m/s again", long(178, 1, 5, -1)),
    S("absolute height", whole(192, *place(10, 0), HOME[2] + 12, -1, frame=5)),
    S("in a frame it does not know", whole(192, *place(10, 0), 10, -1, frame=1)),
    S("a height of NaN", whole(192, *place(10, 0), NAN, -1)),
    S("in BRAKE without leave", mode(BRAKE), reposition(0, 0)),
    S("in BRAKE with leave", mode(BRAKE), reposition(0, 0, flags=1)),
    S("CONDITION_YAW", long(115, 90, 20, 1, 0)),
    S("GUIDED after CONDITION_YAW", mode(GUIDED)),
    S("a velocity", velocity(1.0, 0.0), listen_s=1.5),
    S("it stops without another", listen_s=5.0),
    S("a place by SET_POSITION_TARGET", target(10, 10), until=near(10, 10), limit_s=30.0),
    S("a place by SET_POSITION_TARGET with a mask of nothing", target(0, 0, 0xFFFF), listen_s=2.0),
    S("a climb", reposition(10, 10, 20.0), until=lambda s: s.alt_m > 19.0, limit_s=30.0),
    S("a descent", reposition(10, 10, 12.0), until=lambda s: s.alt_m < 13.0, limit_s=30.0),
))  # fmt: skip

AUTO_FLIGHT = Chapter("a mission in the air", "air", (
    S("upload a trip in the air", *upload(*_TRIP)),
    S("AUTO, to item 3", mode(AUTO), until=lambda s: s.item == 3, limit_s=60.0),
    S("on its way to item 3", listen_s=5.0),
    S("pause", long(193, 0)),
    S("it is paused", listen_s=3.0),
    S("pause once more", long(193, 0)),
    S("continue", long(193, 1)),
    S("back to item 2", long(224, 2)),
    S("an item out of range in AUTO", long(224, 77)),
    S("clear while it flies", clear()),
    S("upload again while it flies", *upload(*_TRIP), gap_s=0.1, listen_s=1.5),
    S("MISSION_START in AUTO", long(300)),
    S("take off in AUTO", takeoff(20)),
    S("the next item after that", until=lambda s: s.item == 3, limit_s=60.0),
    S("to its RTL", until=lambda s: s.item == 4, limit_s=60.0),
    S("count 0 while it flies", count(0)),
    S("GUIDED after the mission", mode(GUIDED)),
))  # fmt: skip

START = Chapter("a mission from the ground", "ground", (
    S("upload one without a take-off", *upload(home_item(), item(1, 16, z=10.0), item(2, 16, z=10.0))),
    S("MISSION_START while disarmed", long(300)),
    S("GUIDED again before arming", mode(GUIDED)),
    S("arm, then start without a take-off", arm(), long(300), gap_s=2.5),
    S("upload a whole trip", arm(0), mode(GUIDED), *upload(*_TRIP)),
    S("arm for the trip", arm(), listen_s=2.5),
    S("MISSION_START", long(300)),
    S("pause during the take-off", long(193, 0)),
    S("to item 2", until=lambda s: s.item == 2, limit_s=40.0),
    S("to item 4", until=lambda s: s.item == 4, limit_s=60.0),
    S("until it has landed and disarmed", until=lambda s: not s.armed, limit_s=120.0),
))  # fmt: skip

GCS = Chapter("ground station lost", "air", (
    S("FS_GCS_ENABLE 1", put("FS_GCS_ENABLE", 1.0)),
    S("silence until it returns", beats=False, until=lambda s: s.mode != GUIDED, limit_s=12.0),
    S("the heartbeat is back", listen_s=2.5),
    S("GUIDED after the failsafe", mode(GUIDED)),
    S("FS_GCS_ENABLE 0", put("FS_GCS_ENABLE", 0.0)),
    S("silence that does nothing", beats=False, listen_s=7.0),
))  # fmt: skip

FENCE_FLIGHT = Chapter("fence in the air", "air", (
    S("a circle of 50 m around home", *upload(circle(50), kind=FENCE), listen_s=2.0),
    S("FENCE_TYPE of polygons and circles", put("FENCE_TYPE", 4.0)),
    S("FENCE_ENABLE 1", put("FENCE_ENABLE", 1.0), listen_s=1.5),
    S("a target outside the fence", reposition(90, 0)),
    S("a target inside the fence", reposition(20, 0), until=near(20, 0), limit_s=40.0),
    S("an upload during a fence", *upload(home_item(), item(1, 22, z=10.0), item(2, 16, at=place(90, 0), z=10.0))),
    S("AUTO, to a place outside", mode(AUTO), until=lambda s: s.mode not in (AUTO, GUIDED), limit_s=40.0),
    S("after the breach", listen_s=2.0),
    S("back at home", until=near(0, 0), limit_s=60.0),
    S("FENCE_ENABLE 0", put("FENCE_ENABLE", 0.0), listen_s=1.5),
    S("GUIDED after the breach", mode(GUIDED)),
))  # fmt: skip

FENCE_GROUND = Chapter("fence on the ground", "ground", (
    S("a fence that leaves home out", *upload(circle(20, at=place(200, 0)), kind=FENCE), listen_s=2.0),
    S("its type", put("FENCE_TYPE", 4.0)),
    S("it is on", put("FENCE_ENABLE", 1.0), listen_s=1.5),
    S("arm outside the fence", arm()),
    S("it is off", put("FENCE_ENABLE", 0.0), listen_s=1.5),
))  # fmt: skip

RETURN = Chapter("return", "air", (
    S("30 m away", reposition(30, 0), until=near(30, 0), limit_s=40.0),
    S("RTL until it is over home", mode(RTL), until=near(0, 0), limit_s=60.0),
    S("until it has disarmed", until=lambda s: not s.armed, limit_s=90.0),
))  # fmt: skip

LANDING = Chapter("landing", "air", (
    S("LAND until it is on the ground", mode(LAND), until=lambda s: s.landed == ON_GROUND, limit_s=60.0),
    S("until LAND has disarmed", until=lambda s: not s.armed, limit_s=30.0),
    S("arm in LAND on the ground", arm()),
))  # fmt: skip

SCRIPT = (
    READINESS, PARAMETERS, MESSAGES, COMMANDS, MODES, ARMING, TRANSFERS, ITEMS, FENCES, TAKEOFF,
    AIR_MODES, REPOSITION, AUTO_FLIGHT, GCS, FENCE_FLIGHT, RETURN, START, LANDING, FENCE_GROUND,
)  # fmt: skip
