"""Stimuli from the start of the vehicle, and bad input: what no good ground station says, and what a bad one might.

Each chapter has a copter of its own, as in ``stimuli_alone``. Wrong signatures need a second wire: the first one
goes on taking everything.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from tests.flights.words import (
    ALT_HOLD,
    AUTO,
    FENCE,
    GUIDED,
    LAND,
    MISSION,
    NAN,
    RALLY,
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


def _at(boot_s: float) -> dict[str, Any]:
    return {"until": lambda s: s.boot_s >= boot_s, "limit_s": 60.0}


BOOT = Chapter("from the start on", "boot", (
    S("GUIDED at 11 s", mode(GUIDED)),
    S("arm in GUIDED at 12 s", arm()),
    S("home asked at 13 s", long(410)),
    S("home set at 14 s", long(179, 1)),
    S("wait to 16 s", **_at(16.0)),
    S("arm in GUIDED at 16 s", arm()),
    S("STABILIZE at 17 s, then arm", mode(STABILIZE), arm()),
    S("GUIDED at 18 s", mode(GUIDED)),
    S("list at 19 s", listing(), listen_s=0.3),
    S("wait to 21.5 s", **_at(21.5)),
    S("arm in GUIDED at 22 s", arm()),
    S("list after the origin", listing(), listen_s=0.3),
    S("wait to 25 s", **_at(25.0)),
    S("arm in GUIDED at 25 s", arm()),
    S("force it at 26 s", arm(1, 2989)),
    S("STABILIZE at 27 s, then arm", mode(STABILIZE), arm()),
    S("GUIDED while armed without a position", mode(GUIDED)),
    S("disarm before a position", arm(0), listen_s=1.5),
    S("home set at 30 s", long(179, 1)),
    S("LOITER at 31 s, then arm", mode(5), arm()),
    S("GUIDED at 32 s", mode(GUIDED)),
    S("wait until it flies by the receiver", until=lambda s: s.position and s.prearm),
    S("arm at last", arm(), listen_s=1.0),
    S("reboot while armed", long(246, 1)),
    S("disarm after all", arm(0), listen_s=1.5),
    S("reboot nothing", long(246, 0)),
    S("shut down", long(246, 2)),
))  # fmt: skip


def _file(
    opcode: int, path: str | bytes = "", *, session: int = 0, size: int | None = None, offset: int = 0, seq: int = 1,
    to: tuple[int, int] = (1, 1),
) -> Message:  # fmt: skip
    data = path.encode() if isinstance(path, str) else path
    head = struct.pack("<HBBBBBBI", seq, session, opcode, len(data) if size is None else size, 0, 0, 0, offset)
    return mavlink.MAVLink_file_transfer_protocol_message(0, *to, (head + data).ljust(251, b"\0")[:251])


_LONG = "x" * 239
# Each request has a number of its own: what has the number of the one before is answered as that was.
FILES = Chapter("malformed files", "ground", (
    S("a fresh start of files", _file(2, seq=1)),
    S("a path of 239 bytes", _file(4, _LONG, seq=3)),
    S("a path that is longer than it says", _file(4, "@PARAM/param.pck", size=6, seq=5)),
    S("a path that is shorter than it says", _file(4, "@PARAM", size=30, seq=7)),
    S("a path with a NUL in it", _file(4, b"@PARAM\0/param.pck", seq=9)),
    S("a path that is no UTF-8", _file(4, b"\xff\xfe\xfd", seq=11)),
    S("a path above the folder", _file(4, "../no_such_file", seq=13)),
    S("a folder as a file", _file(4, "@MISSION", seq=15)),
    S("parameters from a number that is none", _file(4, "@PARAM/param.pck?start=99999", seq=17)),
    S("the files end", _file(2, seq=19)),
    S("parameters with a word that is none", _file(4, "@PARAM/param.pck?colour=blue", seq=21)),
    S("read 0 bytes", _file(5, size=0, seq=23)),
    S("read 240 bytes", _file(5, size=240, seq=25)),
    S("read 255 bytes", _file(5, size=255, seq=27)),
    S("read at the end of the world", _file(5, size=80, offset=2**32 - 1, seq=29)),
    S("read again of another size", _file(5, size=80, offset=0, seq=31)),
    S("and of another size again", _file(5, size=60, offset=0, seq=33)),
    S("write to what is open to read", _file(7, "abc", seq=35)),
    S("a burst far behind the end", _file(15, size=80, offset=10_000_000, seq=37)),
    S("read by another session", _file(5, session=7, size=80, seq=39)),
    S("another session opens", _file(4, "@MISSION/mission.dat", session=7, seq=41)),
    S("another session ends", _file(1, session=7, seq=43)),
    S("it is still open", _file(5, size=80, offset=0, seq=45)),
    S("end it at last", _file(1, seq=47)),
    S("a burst without a file", _file(15, size=80, seq=49)),
    S("write without an open one", _file(7, "abc", seq=51)),
    S("create in a folder that is not there", _file(6, "nowhere/a.txt", seq=53)),
    S("create what cannot be", _file(6, "@PARAM/new.pck", seq=55)),
    S("open to write what is not there", _file(11, "nothing.txt", seq=57)),
    S("remove what is not there", _file(8, "nothing.txt", seq=59)),
    S("remove a folder that is not there", _file(10, "nothing", seq=61)),
    S("remove without a path", _file(8, "", seq=63)),
    S("rename with one name", _file(13, "a.txt", seq=65)),
    S("rename what is not there", _file(13, b"a.txt\0b.txt", seq=67)),
    S("truncate", _file(12, "a.txt", seq=69)),
    S("the checksum of nothing", _file(14, "nothing.txt", seq=71)),
    S("the checksum of a folder", _file(14, "@MISSION", seq=73)),
    S("list behind the last", _file(3, "/", offset=9_999, seq=75)),
    S("list without a path", _file(3, "", seq=77)),
    S("create one to list", _file(6, "a.txt", seq=79)),
    S("end writing to it", _file(1, seq=101)),
    S("list a file", _file(3, "a.txt", seq=103)),
    S("make a folder of its name", _file(9, "a.txt", seq=105)),
    S("remove what was listed", _file(8, "a.txt", seq=107)),
    S("opcode 16", _file(16, seq=81)),
    S("an answer that nobody asked for", _file(129, b"\6", seq=83)),
    S("a request twice", _file(4, "no_such_file.txt", seq=85), _file(4, "no_such_file.txt", seq=85)),
    S("a request to system 99", _file(4, "no_such_file.txt", seq=87, to=(99, 1))),
    S("a request to component 77", _file(4, "no_such_file.txt", seq=89, to=(1, 77))),
    S("a request to all", _file(4, "no_such_file.txt", seq=91, to=(0, 0))),
    S("a request of another ground station", _file(4, "no_such_file.txt", seq=93), sender=THEM),
))  # fmt: skip

_KEY, _WRONG = bytes(range(32)), bytes(range(1, 33))
_SET_UP, _HOUR = 1_000, 3_600 * 100_000
# Far ahead of the vehicle's clock, which is that of its receiver and runs ten times as fast as ours while recorded.
_AHEAD = 85 * 365 * 24 * _HOUR
_ASKED = read("RTL_ALT")


def _setup(key: bytes, timestamp: int, to: tuple[int, int] = (1, 1)) -> Message:
    return mavlink.MAVLink_setup_signing_message(*to, key, timestamp)


def _second(name: str, key: bytes, after: int, link: int = 0, **more: Any) -> Any:
    return S(name, _ASKED, wire=1, sign=(key, link, _AHEAD + after), **more)


SIGNED = Chapter("wrong signatures", "ground", (
    S("unsigned before there is a key", _ASKED, wire=1),
    _second("signed before there is a key", _KEY, 0),
    S("a key for another system", _setup(_KEY, _SET_UP, (99, 1))),
    S("unsigned, the key was another's", _ASKED, wire=1),
    S("a key", _setup(_KEY, _SET_UP)),
    S("unsigned on the second wire", _ASKED, wire=1),
    _second("the wrong key", _WRONG, 0),
    _second("the right key", _KEY, 100),
    _second("the same once more", _KEY, 100),
    _second("a little older", _KEY, 50),
    _second("a little newer", _KEY, 200),
    _second("another link, two hours behind", _KEY, -2 * _HOUR, 1),
    _second("another link, ten seconds behind", _KEY, 200 - 1_000_000, 2),
    _second("another sender", _KEY, 300, 0, sender=THEM),
    S("a command unsigned on the second wire", arm(), wire=1),
    S("a key by the second wire, unsigned", _setup(_WRONG, _SET_UP), wire=1),
    S("a heartbeat unsigned on the second wire", mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3), wire=1),
    S("the wrong key on the first wire", _ASKED, sign=(_WRONG, 0, _AHEAD)),
    S("unsigned on the first wire", _ASKED),
    _second("a key by the second wire, signed", _KEY, 400),
    S("signing off", _setup(bytes(32), 0)),
    S("unsigned once it is off", _ASKED, wire=1),
))  # fmt: skip

ADDRESSES = Chapter("wrong addresses", "ground", (
    S("a mission of two for the addresses", *upload(home_item(), item(1, 22, z=10.0), item(2, 16))),
    *(S(f"a count to {to}", mavlink.MAVLink_mission_count_message(*to, 2, MISSION))
      for to in ((99, 1), (99, 0))),
    S("a count to component 77", mavlink.MAVLink_mission_count_message(1, 77, 700, MISSION)),
    S("a count to all components", mavlink.MAVLink_mission_count_message(1, 0, 700, MISSION)),
    S("a count to all systems", mavlink.MAVLink_mission_count_message(0, 0, 700, MISSION)),
    S("an item asked of system 99", mavlink.MAVLink_mission_request_int_message(99, 1, 1, MISSION)),
    S("an item asked of component 77", mavlink.MAVLink_mission_request_int_message(1, 77, 1, MISSION)),
    S("clear system 99", mavlink.MAVLink_mission_clear_all_message(99, 1, MISSION)),
    S("clear the fence of component 77", mavlink.MAVLink_mission_clear_all_message(1, 77, FENCE)),
    S("the mission is still there", listing()),
    S("SET_MODE of system 99", mavlink.MAVLink_set_mode_message(99, 1, LAND)),
    S("SET_MODE of all systems", mavlink.MAVLink_set_mode_message(0, 1, 5)),
    S("GUIDED for the addresses", mode(GUIDED)),
    S("COMMAND_INT to system 99", mavlink.MAVLink_command_int_message(99, 1, 6, 512, 0, 0, 148, 0, 0, 0, 0, 0, 0)),
    S("COMMAND_INT to component 77", mavlink.MAVLink_command_int_message(1, 77, 6, 512, 0, 0, 148, 0, 0, 0, 0, 0, 0)),
    S("all parameters of system 99", mavlink.MAVLink_param_request_list_message(99, 1)),
    S("a parameter asked of system 99", mavlink.MAVLink_param_request_read_message(99, 1, b"RTL_ALT", -1)),
    S("a parameter asked of component 77", mavlink.MAVLink_param_request_read_message(1, 77, b"RTL_ALT", -1)),
    S("streams of system 99", mavlink.MAVLink_request_data_stream_message(99, 1, 10, 4, 1)),
    S("a target for system 99", mavlink.MAVLink_set_position_target_local_ned_message(
        0, 99, 1, 1, 0b110111111000, 5, 0, -10, 0, 0, 0, 0, 0, 0, 0, 0)),
    S("arm by another ground station", arm(), sender=THEM, listen_s=1.5),
    S("disarm by another ground station", arm(0), sender=THEM, listen_s=1.5),
    S("a request by one with the vehicle's own number", long(512, 148), sender=(1, 190)),
    S("a mission asked by one with the vehicle's own number", listing(), sender=(1, 190)),
    S("a request by the autopilot itself", long(512, 148), sender=(1, 1)),
    S("a request by system 0", long(512, 148), sender=(0, 190)),
    S("two begin at once", count(2), listen_s=0.5),
    S("two begin at once, the other", count(3), sender=THEM, listen_s=1.0),
    S("they begin a fence meanwhile", count(2, FENCE), sender=THEM, listen_s=1.0),
    S("they clear it again", clear(FENCE), sender=THEM, listen_s=1.0),
    S("the first goes on", home_item(), item(1, 16)),
    S("an acknowledgement that ends nothing", count(2), mavlink.MAVLink_mission_ack_message(1, 1, 15, MISSION),
      home_item(), item(1, 16)),
))  # fmt: skip


def _partial(start: int, end: int, kind: int = MISSION) -> Message:
    return mavlink.MAVLink_mission_write_partial_list_message(1, 1, start, end, kind)


def _int_frame(frame: int) -> Message:
    return whole(192, *place(10, 0), 10, -1, frame=frame)


# No command with NaN: ArduPilot's simulator, unlike the vehicle, ends itself over the first sum with one in it.
NUMBERS = Chapter("numbers out of range", "ground", (
    S("two for the numbers", *upload(home_item(), item(1, 16))),
    S("an item 65535", ask(65_535)),
    S("a count of 65535", count(65_535)),
    S("a list from -1", _partial(-1, 0)),
    S("a list from -5 to -1", _partial(-5, -1)),
    S("a list of 32767", _partial(0, 32_767)),
    S("a partial fence of none", _partial(0, 0, FENCE)),
    S("no partial fence", clear(FENCE)),
    S("a partial rally of none", _partial(1, 1, RALLY)),
    S("item 65535 is sent", count(2), item(65_535, 16), home_item(), item(1, 16)),
    S("an infinite height", *one(item(1, 16, z=math.inf))),
    S("a height below the earth", *one(item(1, 16, z=-1e6))),
    S("a place at the edge of a number", *one(item(1, 16, at=(2**31 - 1, -(2**31))))),
    S("a jump that is no number", *one(item(1, 177, NAN, 2))),
    S("a jump of -3", *one(item(1, 177, -3, 2))),
    S("a speed of NaN as an item", *one(item(1, 178, 1, NAN))),
    S("in a frame of 255", *one(item(1, 16, frame=255))),
    S("command 0 as an item", *one(item(1, 0))),
    S("command 65535 as an item", *one(item(1, 65_535))),
    S("clear the numbers", clear()),
    S("command 0", long(0)),
    S("command 65535", long(65_535)),
    S("command 65535 by COMMAND_INT", whole(65_535, 0, 0, 0)),
    S("arm by -1", arm(-1)),
    S("a mode of -1", long(176, 1, -1)),
    S("a mode of 1e9", long(176, 1, 1e9)),
    S("GUIDED after 1e9", mode(GUIDED)),
    S("a heading of -90", long(115, -90, 20, 1, 0)),
    S("the current item -1", long(224, -1)),
    S("the current item 1e9", long(224, 1e9)),
    S("an interval of message -1", interval(-1, 1e6)),
    S("an interval of message 1e9", interval(1e9, 1e6)),
    S("message -1 once", request(-1)),
    S("pause by -1", long(193, -1)),
    S("the fence by -1", long(207, -1)),
    S("home at 91°", whole(179, 910_000_000, 67_623_000, 33.0, 0, frame=0)),
    S("home 1e9 m high", whole(179, *place(0, 0), 1e9, 0, frame=0)),
    *(S(f"reposition in frame {frame}", _int_frame(frame)) for frame in (2, 4, 8, 255)),
    S("reposition with a longitude of 181°", whole(192, 514_000_000, 1_810_000_000, 10, -1)),
    S("reposition with an infinite height", whole(192, *place(10, 0), math.inf, -1)),
    S("a parameter of 16 letters", read("ABCDEFGHIJKLMNOP")),
    S("a parameter that is no ASCII", mavlink.MAVLink_param_set_message(1, 1, b"\xff\xfe\xfd", 1.0, 9)),
    S("a parameter by index -2", read("", -2)),
    S("a parameter of type 0", put("RTL_ALT", 1500.0, 0)),
    S("a parameter of type 255", put("RTL_ALT", 1500.0, 255)),
    S("a stream of 65535 Hz", mavlink.MAVLink_request_data_stream_message(1, 1, 99, 65_535, 1)),
    S("sticks out of range", mavlink.MAVLink_manual_control_message(1, 9_000, -9_000, 9_000, 9_000, 65_535)),
))  # fmt: skip

_OVER_TERRAIN = upload(home_item(), item(1, 22, z=10.0), item(2, 16, z=20.0, frame=11))
TERRAIN = Chapter("without terrain data", "ground", (
    S("a mission over terrain", *_OVER_TERRAIN),
    S("its frame comes back", ask(2)),
    S("arm for a mission over terrain", arm(), listen_s=1.5),
    S("disarm from that", arm(0)),
    S("TERRAIN_REPORT once", request(136)),
    S("a report of a place far away", mavlink.MAVLink_terrain_check_message(524_000_000, 77_000_000)),
    S("reposition over terrain", whole(192, *place(10, 0), 20, -1, frame=11)),
    S("a mission without terrain again", *upload(home_item(), item(1, 16))),
))  # fmt: skip

WATCHED = Chapter("failsafes without a flight", "ground", (
    S("the ground station counts on the ground", put("FS_GCS_ENABLE", 1.0)),
    S("silence on the ground", beats=False, listen_s=8.0),
    S("arm in a failsafe", arm(), beats=False),
    S("it beats again on the ground", listen_s=3.0),
    S("arm once it beats", arm(), listen_s=1.0),
    S("silence while armed on the ground", beats=False, **_LANDED),
    S("it counts no more", put("FS_GCS_ENABLE", 0.0), listen_s=2.5),
    S("sticks fail on the ground", put("SIM_RC_FAIL", 1.0), listen_s=3.0),
    S("they are back on the ground", put("SIM_RC_FAIL", 0.0), listen_s=3.0),
    S("a low battery on the ground", put("SIM_BATT_VOLTAGE", 11.0), listen_s=3.0),
    S("a limit for it", put("BATT_LOW_VOLT", 11.5), listen_s=12.0),
    S("arm with a low battery", arm()),
))  # fmt: skip

HOLDING = Chapter("failsafe: position, holding the height", "air", (
    S("hold the height without a position", put("FS_EKF_ACTION", 2.0)),
    S("the receiver is lost", put("SIM_GPS1_ENABLE", 0.0), until=lambda s: s.mode not in (GUIDED,), limit_s=30.0),
    S("AUTO without a position", mode(AUTO)),
    S("the receiver is found", put("SIM_GPS1_ENABLE", 1.0), listen_s=4.0),
))  # fmt: skip

BRAKES = Chapter("a fence that brakes", "air", (
    S("a circle of 40 m", count(1, FENCE), item(0, 5003, 40.0, at=place(0, 0), z=0, frame=0, kind=FENCE),
      listen_s=2.0),
    S("BRAKE at the fence", put("FENCE_ACTION", 4.0)),
    S("polygons and circles alone", put("FENCE_TYPE", 4.0)),
    S("the circle counts", put("FENCE_ENABLE", 1.0), listen_s=1.5),
    S("a place beyond it", reposition(60, 0)),
    S("a step towards it", reposition(30, 0), until=lambda s: s.north_m > 27.0, limit_s=30.0),
    S("out of it by the hands of nobody", mode(ALT_HOLD), listen_s=1.0),
    S("back in GUIDED inside", mode(GUIDED), listen_s=1.0),
))  # fmt: skip

RUDE = (BOOT, FILES, SIGNED, ADDRESSES, NUMBERS, TERRAIN, WATCHED, HOLDING, BRAKES)
