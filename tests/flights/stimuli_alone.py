"""Chapters that need a copter of their own: failsafes that last, files, flights to the landing."""

from __future__ import annotations

import struct
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from tests.flights.words import (
    AUTO,
    GUIDED,
    LAND,
    RTL,
    Chapter,
    Message,
    S,
    arm,
    clear,
    home_item,
    item,
    long,
    mode,
    near,
    place,
    put,
    read,
    upload,
)  # fmt: skip

_LANDED: dict[str, Any] = {"until": lambda s: not s.armed, "limit_s": 120.0}


def _file(opcode: int, path: str = "", *, session: int = 0, size: int | None = None, offset: int = 0) -> Message:
    data = path.encode()
    head = struct.pack("<HBBBBBBI", 1, session, opcode, len(data) if size is None else size, 0, 0, 0, offset)
    return mavlink.MAVLink_file_transfer_protocol_message(0, 1, 1, (head + data).ljust(251, b"\0"))


FILES = Chapter("files", "ground", (
    S("reset all sessions", _file(2)),
    S("list @PARAM", _file(3, "@PARAM")),
    S("list @MISSION", _file(3, "@MISSION")),
    S("list what is not there", _file(3, "/no_such_folder")),
    S("open what is not there", _file(4, "no_such_file.txt")),
    S("open an empty path", _file(4, "")),
    S("read without a session", _file(5, size=80)),
    S("open the parameters", _file(4, "@PARAM/param.pck")),
    S("open while another is open", _file(4, "@MISSION/mission.dat")),
    S("read 80 bytes", _file(5, size=80)),
    S("read far behind the end", _file(5, size=80, offset=1_000_000)),
    S("end the session", _file(1)),
    S("open the mission", _file(4, "@MISSION/mission.dat")),
    S("end that too", _file(1)),
    S("end what has ended", _file(1)),
    S("an unknown opcode", _file(99)),
    S("make a folder", _file(9, "twin")),
    S("make it again", _file(9, "twin")),
    S("create a file", _file(6, "twin/a.txt")),
    S("end writing", _file(1)),
    S("its checksum", _file(14, "twin/a.txt")),
    S("remove the file", _file(8, "twin/a.txt")),
    S("remove it again", _file(8, "twin/a.txt")),
    S("remove the folder", _file(10, "twin")),
))  # fmt: skip

_PLAN = upload(
    home_item(), item(1, 22, z=15, at=(0, 0)), item(2, 16, at=place(60, 0), z=15), item(3, 178, 1, 6, -1, at=(0, 0)),
    item(4, 16, 3, at=place(60, 60), z=20), item(5, 206, 15, at=(0, 0), z=0), item(6, 19, 5, at=place(0, 60), z=20),
    item(7, 93, 4, -1, -1, -1, at=(0, 0), z=0), item(8, 206, 0, at=(0, 0), z=0), item(9, 20, at=(0, 0), z=0),
)  # fmt: skip

AUTO_FLIGHT = Chapter("AUTO flight", "ground", (
    S("hand over a plan", *_PLAN),
    S("mission start while disarmed", long(300)),
    S("back to GUIDED, then arm", mode(GUIDED), arm(), listen_s=2.0),
    S("mission start", long(300)),
    S("pause during take-off", long(193, 0)),
    S("the first waypoint is current", until=lambda s: s.item == 2, limit_s=40.0),
    S("pause on the way", long(193, 0), listen_s=4.0),
    S("pause again", long(193, 0)),
    S("continue on the way", long(193, 1), listen_s=2.0),
    S("clear while flying it", clear()),
    S("disarm while flying it", arm(0)),
    S("the second waypoint is current", until=lambda s: s.item >= 4, limit_s=60.0),
    S("GUIDED in between", mode(GUIDED), listen_s=3.0),
    S("AUTO again goes on", mode(AUTO), listen_s=3.0),
    S("skip to the delay", long(224, 6), until=lambda s: s.item == 7, limit_s=90.0),
    S("the return is current", until=lambda s: s.item == 9, limit_s=60.0),
    S("it lands and disarms", **_LANDED),
))  # fmt: skip

AUTO_END = Chapter("AUTO without an end", "air", (
    S("hand over two waypoints", *upload(
        home_item(), item(1, 16, at=place(20, 0), z=10), item(2, 16, at=place(20, 20)))),
    S("AUTO from a hover", mode(AUTO)),
    S("it reaches the last one", until=near(20, 20), limit_s=60.0),
    S("and stays in AUTO", listen_s=8.0),
    S("count 0 in AUTO at its end", mavlink.MAVLink_mission_count_message(1, 1, 0, 0), listen_s=3.0),
    S("return from there", mode(RTL), **_LANDED),
))  # fmt: skip

TERMINATION = Chapter("forced disarming in flight", "air", (
    S("disarm by force", arm(0, 21196), **_LANDED),
))  # fmt: skip

GCS_LOSS = Chapter("failsafe: ground station", "air", (
    S("the failsafe is on", put("FS_GCS_ENABLE", 1)),
    S("no heartbeat any more", beats=False, until=lambda s: s.mode == RTL, limit_s=15.0),
    S("the heartbeat is back", listen_s=3.0),
    S("GUIDED takes over again", mode(GUIDED)),
    S("no heartbeat again, up to the landing", beats=False, **_LANDED),
))  # fmt: skip

RADIO_LOSS = Chapter("failsafe: radio", "air", (
    S("the sticks are lost", put("SIM_RC_FAIL", 1), until=lambda s: s.mode == RTL, limit_s=15.0),
    S("the sticks are back", put("SIM_RC_FAIL", 0), listen_s=3.0),
))  # fmt: skip

BATTERY = Chapter("failsafe: battery", "air", (
    S("a limit of 11.5 V", put("BATT_LOW_VOLT", 11.5)),
    S("RTL when it is low", put("BATT_FS_LOW_ACT", 2)),
    S("the voltage falls", put("SIM_BATT_VOLTAGE", 11.0), until=lambda s: s.mode == RTL, limit_s=40.0),
    S("GUIDED against it", mode(GUIDED), listen_s=3.0),
    S("LAND and disarm", mode(LAND), **_LANDED),
    S("arm with an empty battery", mode(GUIDED), arm()),
))  # fmt: skip

POSITION_LOSS = Chapter("failsafe: position", "air", (
    S("the receiver falls silent", put("SIM_GPS1_ENABLE", 0), until=lambda s: s.mode == LAND, limit_s=60.0),
    S("GUIDED without a position", mode(GUIDED)),
    S("RTL without a position", mode(RTL)),
    S("the receiver is back", put("SIM_GPS1_ENABLE", 1), listen_s=5.0),
))  # fmt: skip

_KEY = bytes(range(32))


def _signing(key: bytes, timestamp: int) -> Message:
    """``timestamp``: 10 µs since 2015."""
    return mavlink.MAVLink_setup_signing_message(1, 1, key, timestamp)


SIGNING = Chapter("signing", "ground", (
    S("arm before signing", arm(), listen_s=2.0),
    S("set up signing while armed", _signing(_KEY, 1_000)),
    S("disarm before signing", arm(0), listen_s=1.5),
    S("set up signing", _signing(_KEY, 1_000)),
    S("a word without a signature on the first wire", read("RTL_ALT")),
    S("switch signing off", _signing(bytes(32), 0)),
    S("a word after that", read("RTL_ALT")),
))  # fmt: skip

ALONE = (FILES, AUTO_FLIGHT, AUTO_END, TERMINATION, GCS_LOSS, RADIO_LOSS, BATTERY, POSITION_LOSS, SIGNING)
