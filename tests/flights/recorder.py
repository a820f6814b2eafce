"""Runs the script of stimuli against a copter and writes down what it answers, one line a stimulus.

Two copters: our simulator in memory, and ArduCopter in SITL over UDP at speed-up. Both are heard through the same
``Recorder``, on the vehicle's clock, so that their lines can be compared. As a program it renews or compares::

    python -m tests.flights.recorder real FILE    # SITL → FILE
    python -m tests.flights.recorder ours         # our simulator against the recording: what differs, line by line
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import select
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.geo import Datum, GeoPoint
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane
from simulators.sitl import SitlVehicle, need_binary
from tests.flights import words as say
from tests.flights.comparing import compare, load, load_variants
from tests.flights.stimuli import SCRIPT
from tests.flights.words import GUIDED, HOME, LAND, ON_GROUND, US, Chapter, State, Stimulus

RECORDING = Path(__file__).with_name("arducopter_4_7.jsonl")
INSTANCES = range(20, 25)
SPEEDUP = 10.0
BEGINS_S = 11.0
"""Seconds after boot when the script begins: the receiver has been found."""

_SLICE_S, _BEAT_S, _STALLED_S = 0.05, 1.0, 20.0
_SETTLES_S = 0.5  # until all of what is watched has told the state after a change
# What the recorder itself listens to, at these rates, Hz; it is no answer to anything.
_WATCHED = {"SYSTEM_TIME": 50, "HEARTBEAT": 5, "EXTENDED_SYS_STATE": 5, "MISSION_CURRENT": 5, "GLOBAL_POSITION_INT": 5,
            "EKF_STATUS_REPORT": 2, "SYS_STATUS": 2}  # fmt: skip
_UNASKED = {"TIMESYNC", "HOME_POSITION", "GPS_GLOBAL_ORIGIN", "STATUSTEXT", "PARAM_VALUE", "TERRAIN_REQUEST"}
# Words about the inner life of one estimator, of the boot, and those that come by the clock whatever is said.
_INNER = re.compile(
    r"EKF3 |EKF primary|AHRS: |GPS \d: |PreArm: |Frame: |IMU\d|RCOut|Field Elev|Init |ArduCopter V|ArduPilot Ready|"
    r"Barometer|AIRSPEED|Calibrating|Initialising|ChibiOS|Terrain|SIM |[0-9a-f]{8} |[A-Z]?[0-9a-f]{31}"
)
_PREARM, _POSITION = mavlink.MAV_SYS_STATUS_PREARM_CHECK, 0x18
_UNBIASED = 40  # a seed whose estimate is off by decimetres, as in SITL: times depend on where it believes to be
_METRES_PER_DEG = 111_195.0
_CHUNK = 50
_NAK = 129
_REPEATS = 2

WIRES = ("ground", "ground two")

Message = Any
Line = dict[str, Any]
Suits = Callable[[State], bool]


class Copter(Protocol):
    """``run`` lets its clock ``now_s`` pass and returns what it said."""

    @property
    def now_s(self) -> float: ...

    def say(self, message: Message, sender: tuple[int, int], wire: int = 0, sign: say.Sign | None = None) -> None: ...

    def run(self, seconds: float) -> list[Message]: ...

    def overheard(self) -> list[Message]:
        """What came by the second wire since the last call."""
        ...


class OurCopter:
    """Our simulator, in memory, in simulated time."""

    def __init__(self, wires: int = 1) -> None:
        plane = Plane(*HOME)
        self.autopilot = Autopilot(plane, HOME[2], seed=_UNBIASED, wind_m_s=0.0, utc_at_boot_s=1_773_522_000.0)
        self.autopilot.parameters.values["CAM1_TYPE"] = 0.0  # the recorded one has no camera either
        flight = self.autopilot.pilot.flight
        flight.yaw = flight.target_yaw = 0.0  # and looks to the north
        self._wires = WIRES[:wires]
        for name in self._wires:
            self.autopilot.add_link(name)
        self._parser = mavlink.MAVLink(None)

    @property
    def now_s(self) -> float:
        return self.autopilot.now_s

    def say(self, message: Message, sender: tuple[int, int], wire: int = 0, sign: say.Sign | None = None) -> None:
        self.autopilot.receive(say.packed(message, sender, sign), link=WIRES[wire])

    def run(self, seconds: float) -> list[Message]:
        self.autopilot.step(self.autopilot.now_s + seconds)
        return self._heard(WIRES[0])

    def overheard(self) -> list[Message]:
        return self._heard(WIRES[1]) if len(self._wires) > 1 else []

    def _heard(self, wire: str) -> list[Message]:
        told = (m for data in self.autopilot.take_outgoing(wire) for m in self._parser.parse_buffer(data) or ())
        return [m for m in told if m.get_srcSystem() == 1]  # one that pymavlink does not know has no sender


class _Wire:
    """A UDP port that the vehicle speaks to."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("udpin:").split(":")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.socket.bind((host, int(port)))
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._peer: tuple[str, int] | None = None

    def say(self, data: bytes) -> None:
        assert self._peer is not None
        self.socket.sendto(data, self._peer)

    def hear(self) -> list[Message]:
        """One datagram's messages; there has to be one."""
        data, self._peer = self.socket.recvfrom(65_535)
        return [m for m in self._parser.parse_buffer(data) or () if m.get_srcSystem() == 1]


class RealCopter:
    """ArduCopter in SITL behind one or two UDP ports; its clock is its own SYSTEM_TIME."""

    def __init__(self, *urls: str) -> None:
        self._wires = [_Wire(url) for url in urls]
        self._second: list[Message] = []
        self.now_s = 0.0
        while self.now_s == 0.0:  # until a SYSTEM_TIME has come
            self._hear()
            self.say(say.interval(mavlink.MAVLINK_MSG_ID_SYSTEM_TIME, 1e6 / _WATCHED["SYSTEM_TIME"]), US)

    def close(self) -> None:
        for wire in self._wires:
            wire.socket.close()

    def say(self, message: Message, sender: tuple[int, int], wire: int = 0, sign: say.Sign | None = None) -> None:
        self._wires[wire].say(say.packed(message, sender, sign))

    def overheard(self) -> list[Message]:
        while len(self._wires) > 1 and select.select([self._wires[1].socket], [], [], 0.0)[0]:
            self._second += self._wires[1].hear()
        told, self._second = self._second, []
        return told

    def run(self, seconds: float) -> list[Message]:
        end_s, heard = self.now_s + seconds, []
        while self.now_s < end_s:
            heard += self._hear()
        return heard

    def _hear(self) -> list[Message]:
        if not select.select([self._wires[0].socket], [], [], _STALLED_S)[0]:
            raise TimeoutError(f"the vehicle has been silent for {_STALLED_S:.0f} s")
        heard = self._wires[0].hear()
        for message in heard:
            if message.get_type() == "SYSTEM_TIME":
                self.now_s = message.time_boot_ms / 1000
        return heard


class Recorder:
    """Runs chapters and yields a line for each stimulus."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self.state = State()
        self._beat_at_s = 0.0
        self._chunks: list[str] = []
        self._wire = 0

    def run(self, script: Iterable[Chapter] = SCRIPT) -> Iterator[Line]:
        """Raises RuntimeError when the vehicle cannot be brought into a chapter's condition."""
        for name, hz in _WATCHED.items():
            self._say(say.interval(getattr(mavlink, f"MAVLINK_MSG_ID_{name}"), 1e6 / hz), 0.1)
        self._until(lambda s: s.boot_s >= BEGINS_S, 30.0)
        for chapter in script:
            self._begin(chapter)
            for stimulus in chapter.stimuli:
                yield {"chapter": chapter.name, **self._record(stimulus)}

    # --- one stimulus -----------------------------------------------------------------------------------------------

    def _record(self, stimulus: Stimulus) -> Line:
        start_s = self._copter.now_s
        heard: list[tuple[float, Message]] = []
        self._wire = stimulus.wire
        for message in stimulus.send:
            self._copter.say(message, stimulus.sender, stimulus.wire, stimulus.sign)
            heard += self._pass(stimulus.gap_s, stimulus.beats)
        heard += self._pass(max(0.0, stimulus.listen_s - stimulus.gap_s * bool(stimulus.send)), stimulus.beats)
        seconds: float | str | None = None
        if stimulus.until is not None:
            came = self._until(stimulus.until, stimulus.limit_s, heard, stimulus.beats)
            seconds = round(self._copter.now_s - start_s, 1) if came else "never"
            heard += self._pass(_SETTLES_S, stimulus.beats)
        texts = [text for _, m in heard if (text := self._text(m)) and not _INNER.match(text)]
        s = self.state
        return {
            "name": stimulus.name, "sent": [in_words(m) for m in stimulus.send],
            "answers": _answers(stimulus, heard, start_s), "texts": texts, "mode": s.mode, "armed": s.armed,
            "item": s.item, "mission_state": s.mission_state, "landed": s.landed, "seconds": seconds,
        }  # fmt: skip

    def _text(self, message: Message) -> str:
        """A STATUSTEXT, when its last chunk has come."""
        if message.get_type() != "STATUSTEXT":
            return ""
        self._chunks.append(message.text)
        if message.id and len(message.text) == _CHUNK:
            return ""
        text, self._chunks = "".join(self._chunks), []
        return text

    # --- time -------------------------------------------------------------------------------------------------------

    def _pass(self, seconds: float, beats: bool = True) -> list[tuple[float, Message]]:
        heard, end_s = [], self._copter.now_s + seconds
        while self._copter.now_s < end_s - 1e-6:
            if beats and self._copter.now_s >= self._beat_at_s:
                self._beat_at_s = self._copter.now_s + _BEAT_S
                self._copter.say(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3), US)
            new = self._copter.run(_SLICE_S)
            for message in new:
                self._watch(message)
            second = self._copter.overheard()
            heard += [(self._copter.now_s, message) for message in (second if self._wire else new)]
        return heard

    def _until(
        self, suits: Suits, limit_s: float, heard: list[tuple[float, Message]] | None = None, beats: bool = True
    ) -> bool:
        end_s = self._copter.now_s + limit_s
        while not suits(self.state):
            if self._copter.now_s > end_s:
                return False
            new = self._pass(0.2, beats)
            if heard is not None:
                heard += new
        return True

    def _watch(self, m: Message) -> None:
        kind, s = m.get_type(), self.state
        if kind == "HEARTBEAT" and m.get_srcSystem() == 1:
            s.mode, s.armed = m.custom_mode, bool(m.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
        elif kind == "SYSTEM_TIME":
            s.boot_s = m.time_boot_ms / 1000
        elif kind == "EXTENDED_SYS_STATE":
            s.landed = m.landed_state
        elif kind == "MISSION_CURRENT":
            s.item, s.mission_state = m.seq, m.mission_state
        elif kind == "EKF_STATUS_REPORT":
            s.position = m.flags & _POSITION == _POSITION
        elif kind == "SYS_STATUS":
            s.prearm = bool(m.onboard_control_sensors_health & _PREARM)
        elif kind == "GLOBAL_POSITION_INT":
            s.alt_m = m.relative_alt / 1000
            s.north_m = (m.lat * 1e-7 - HOME[0]) * _METRES_PER_DEG
            s.east_m = (m.lon * 1e-7 - HOME[1]) * _METRES_PER_DEG * math.cos(math.radians(HOME[0]))

    # --- conditions -------------------------------------------------------------------------------------------------

    def _begin(self, chapter: Chapter) -> None:
        """Bring it into the chapter's condition, unrecorded."""
        if chapter.begins == "boot":
            return
        self._say(say.put("FENCE_ENABLE", 0.0))
        for kind in (say.FENCE, say.RALLY):
            self._say(say.clear(kind))
        if chapter.begins == "ground":
            self._down(chapter)
        self._say(say.mode(GUIDED))
        self._need(chapter, lambda s: s.mode == GUIDED, 5.0, "GUIDED")
        self._say(say.clear())
        if chapter.begins == "air":
            self._rise(chapter)

    def _down(self, chapter: Chapter) -> None:
        if self.state.armed and self.state.landed != ON_GROUND:
            self._say(say.mode(LAND))
            self._need(chapter, lambda s: s.landed == ON_GROUND, 120.0, "landed")
        self._say(say.arm(0))
        self._need(chapter, lambda s: not s.armed, 60.0, "disarmed")

    def _rise(self, chapter: Chapter) -> None:
        if self.state.landed == ON_GROUND:
            self._say(say.arm(), 2.5)
            self._need(chapter, lambda s: s.armed, 5.0, "armed")
            self._say(say.takeoff(10))
            self._need(chapter, lambda s: s.alt_m > 9.5, 40.0, "at 10 m")
        self._say(say.long(178, 1, 5, -1))
        self._say(say.reposition(0, 0))
        over_home = say.near(0, 0)
        self._need(chapter, lambda s: over_home(s) and abs(s.alt_m - 10) < 1.0, 60.0, "at 10 m over home")
        self._pass(2.0)

    def _say(self, message: Message, seconds: float = 0.5) -> None:
        self._copter.say(message, US)
        self._pass(seconds)

    def _need(self, chapter: Chapter, suits: Suits, limit_s: float, what: str) -> None:
        if not self._until(suits, limit_s):
            raise RuntimeError(f"before {chapter.name!r}: not {what} within {limit_s:.0f} s; {self.state}")
        self._pass(0.4)


# --- in words ---------------------------------------------------------------------------------------------------------
def _answers(stimulus: Stimulus, heard: list[tuple[float, Message]], start_s: float) -> list[list[Any]]:
    """[words, seconds after the stimulus]; what is repeated, in turn with one other at most, stands once, and so does
    each message of a stream.
    """
    names = {m.param_id for m in stimulus.send if m.get_type() in ("PARAM_REQUEST_READ", "PARAM_SET")}
    asked = {int(m.param1) for m in stimulus.send if m.get_type() == "COMMAND_LONG" and m.command == 512}
    answers: list[list[Any]] = []
    for at_s, message in heard:
        told = _told(message, names, asked)
        before = [words for words, _ in answers]
        if told and told not in (before[-_REPEATS:] if " " in told else before):
            answers.append([told, round(at_s - start_s, 1)])
    return answers


def _told(m: Message, names: set[str], asked: set[int]) -> str:
    """An answer in one line; nothing for what the vehicle says whether asked or not."""
    kind = m.get_type()
    if kind == "PARAM_VALUE":
        return f"PARAM_VALUE {m.param_id} {m.param_value:g} type {m.param_type}" if m.param_id in names else ""
    if kind == "TIMESYNC" and m.tc1 != 0:
        return f"TIMESYNC ts1 {m.ts1}"
    if kind in _WATCHED or kind in _UNASKED:
        return kind if m.get_msgId() in asked else ""
    return in_words(m)


def in_words(m: Message) -> str:
    """A message in one line; the address only when it is not the usual one."""
    kind = m.get_type()
    to = getattr(m, "target_system", 0), getattr(m, "target_component", 0)
    whom = "" if to in (US, (1, 1)) or not hasattr(m, "target_system") else f" → {to[0]}/{to[1]}"
    write = _WORDS.get(kind)
    return (write(m) if write else kind) + whom


def _item(m: Message) -> str:
    # Home lies where the estimator believes it: no two vehicles agree to the centimetre.
    where = "home" if m.seq == 0 and m.mission_type == 0 else f"{m.x:.10g} {m.y:.10g} {m.z:g}"
    return f"{m.get_type()} {m.seq} of {m.mission_type} frame {m.frame} command {m.command}: {_four(m)} at {where}"


def _four(m: Message) -> str:
    return " ".join(f"{value:g}" for value in (m.param1, m.param2, m.param3, m.param4))


def _result(enum: str, number: int, prefix: str) -> str:
    return str(mavlink.enums[enum][number].name.removeprefix(prefix))


def _file(m: Message) -> str:
    """Opcode, what it answers, how many bytes, and the error of a NAK; a request is told the same way."""
    sequence, session, opcode, size, asked = m.payload[0], *m.payload[2:6]
    error = f" error {m.payload[12]}" if opcode == _NAK else ""
    return f"FILE_TRANSFER_PROTOCOL {sequence} session {session} opcode {opcode} of {asked}, {size} bytes{error}"


_WORDS: dict[str, Callable[[Message], str]] = {
    "FILE_TRANSFER_PROTOCOL": _file,
    "COMMAND_ACK": lambda m: f"COMMAND_ACK {m.command} {_result('MAV_RESULT', m.result, 'MAV_RESULT_')}",
    "MISSION_ACK": lambda m: f"MISSION_ACK {_result('MAV_MISSION_RESULT', m.type, 'MAV_MISSION_')} of {m.mission_type}",
    "MISSION_REQUEST": lambda m: f"MISSION_REQUEST {m.seq} of {m.mission_type}",
    "MISSION_REQUEST_INT": lambda m: f"MISSION_REQUEST_INT {m.seq} of {m.mission_type}",
    "MISSION_COUNT": lambda m: f"MISSION_COUNT {m.count} of {m.mission_type}",
    "MISSION_ITEM_INT": _item,
    "MISSION_ITEM": _item,
    "MISSION_ITEM_REACHED": lambda m: f"MISSION_ITEM_REACHED {m.seq}",
    "MISSION_SET_CURRENT": lambda m: f"MISSION_SET_CURRENT {m.seq}",
    "MISSION_REQUEST_LIST": lambda m: f"MISSION_REQUEST_LIST of {m.mission_type}",
    "MISSION_CLEAR_ALL": lambda m: f"MISSION_CLEAR_ALL of {m.mission_type}",
    "COMMAND_LONG": lambda m: f"COMMAND_LONG {m.command}: {_four(m)} {m.param5:.8g} {m.param6:.8g} {m.param7:g}",
    "COMMAND_INT": lambda m: f"COMMAND_INT {m.command}: {_four(m)} at {m.x} {m.y} {m.z:g} frame {m.frame}",
    "MESSAGE_INTERVAL": lambda m: f"MESSAGE_INTERVAL {m.message_id} {m.interval_us}",
    "PARAM_REQUEST_READ": lambda m: f"PARAM_REQUEST_READ {m.param_id or m.param_index}",
    "PARAM_SET": lambda m: f"PARAM_SET {m.param_id} {m.param_value:g} type {m.param_type}",
    "SET_MODE": lambda m: f"SET_MODE {m.custom_mode}",
}


# --- whole recordings -------------------------------------------------------------------------------------------------
async def record_real(binary: Path, path: Path) -> None:
    """The whole script against ArduCopter in SITL, into a file: a header, then a line a stimulus."""
    home = GeoPoint(*HOME, Datum.SEA_LEVEL)
    async with SitlVehicle(binary, home, speedup=SPEEDUP, instances=INSTANCES, gimbal_and_camera=False) as vehicle:
        await asyncio.to_thread(_write, vehicle.ground_url, vehicle.version_text, path)


def _write(url: str, version: str, path: Path) -> None:
    copter = RealCopter(url)
    try:
        with path.open("w", encoding="utf-8") as out:
            out.write(json.dumps({"vehicle": version, "model": "quad", "speedup": SPEEDUP, "home": HOME}) + "\n")
            out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in Recorder(copter).run())
    finally:
        copter.close()


def record_ours() -> dict[str, Line]:
    """The whole script against our simulator."""
    return {line["name"]: line for line in Recorder(OurCopter()).run()}


def main(arguments: list[str]) -> None:
    """See above."""
    if arguments[:1] == ["real"]:
        asyncio.run(record_real(need_binary(), Path(arguments[1])))
        return
    real = load(RECORDING)[1]
    for name, found in compare(real, record_ours(), load_variants()).items():
        print(f"{real[name]['chapter']} · {name}: {'; '.join(found)}")


if __name__ == "__main__":
    main(sys.argv[1:])
