"""The vehicle's own log, as ArduPilot writes it: a DataFlash .BIN from arming to disarming.

A record is two bytes of head, a type, and fields without names; what a type holds stands in its FMT record, itself a
record of type 128. What is written is what the estimator believes, at the rates of a copter's default LOG_BITMASK cut
to what a ground station evaluates: attitude, position, receiver, battery, mode, pictures, texts, parameters.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

_HEAD = b"\xa3\x95"
_FMT, _FMT_BYTES = 128, 89
_MOST_BYTES, _TEXTS_BEFORE = 16_000_000, 20
_GPS_EPOCH_S, _LEAP_S, _WEEK_S = 315_964_800.0, 18.0, 604_800.0
# letter of a format: how it is packed
_PACKED = {
    "B": "B", "M": "B", "H": "H", "h": "h", "I": "I", "i": "i", "L": "i", "Q": "Q", "f": "f", "c": "h", "C": "H",
    "e": "i", "E": "I", "n": "4s", "N": "16s", "Z": "64s",
}  # fmt: skip
# name: (type, format, labels)
_KINDS = {
    "PARM": (129, "QNff", "TimeUS,Name,Value,Default"),
    "MSG": (130, "QZ", "TimeUS,Message"),
    "MODE": (131, "QMBB", "TimeUS,Mode,ModeNum,Rsn"),
    "GPS": (132, "QBBIHBcLLeffffB", "TimeUS,I,Status,GMS,GWk,NSats,HDop,Lat,Lng,Alt,Spd,GCrs,VZ,Yaw,U"),
    "ATT": (133, "QccccCCB", "TimeUS,DesRoll,Roll,DesPitch,Pitch,DesYaw,Yaw,AEKF"),
    "POS": (134, "QLLfff", "TimeUS,Lat,Lng,Alt,RelHomeAlt,RelOriginAlt"),
    "BAT": (135, "QBfffff", "TimeUS,Inst,Volt,VoltR,Curr,CurrTot,EnrgTot"),
    "CAM": (136, "QBHIHLLeeeccC", "TimeUS,I,Img,GPSTime,GPSWeek,Lat,Lng,Alt,RelAlt,GPSAlt,R,P,Y"),
    "ARM": (137, "QBIBB", "TimeUS,ArmState,ArmChecks,Forced,Method"),
}
# name: seconds between records
_EVERY_S = {"ATT": 0.1, "POS": 0.2, "GPS": 0.2, "BAT": 1.0}


class BlackBox:
    """Writes while the vehicle is armed; ``finished`` are the closed logs, oldest first: (UTC seconds, bytes)."""

    def __init__(self, vehicle: Autopilot) -> None:
        self._vehicle = vehicle
        self._open: bytearray | None = None
        self._due_s = dict.fromkeys(_EVERY_S, 0.0)
        self._mode = -1
        self._shots = 0
        self._before: deque[str] = deque(maxlen=_TEXTS_BEFORE)
        self.finished: list[tuple[float, bytes]] = []

    def step(self) -> None:
        """Write what is due."""
        a = self._vehicle
        if not a.pilot.armed:
            if self._open is not None:
                self._end()
            return
        if self._open is None:
            self._begin()
        if a.pilot.mode != self._mode:
            self._mode = a.pilot.mode
            self._write("MODE", self._mode, self._mode, 2)
        if a.pilot.shots != self._shots:
            self._shots = a.pilot.shots
            self._camera()
        for name, every_s in _EVERY_S.items():
            if a.now_s >= self._due_s[name]:
                self._due_s[name] = max(self._due_s[name] + every_s, a.now_s)
                getattr(self, "_" + name.lower())()

    def note(self, text: str) -> None:
        """A STATUSTEXT; the last ones before a log begins stand at its beginning."""
        if self._open is None:
            self._before.append(text)
        else:
            self._write("MSG", text.encode())

    def _begin(self) -> None:
        self._open = bytearray()
        fmt = struct.Struct("<2sBBB4s16s64s")
        self._open += fmt.pack(_HEAD, _FMT, _FMT, _FMT_BYTES, b"FMT", b"BBnNZ", b"Type,Length,Name,Format,Columns")
        for name, (number, form, labels) in _KINDS.items():
            size = 3 + _struct(form).size
            self._open += fmt.pack(_HEAD, _FMT, number, size, name.encode(), form.encode(), labels.encode())
        for text in self._before:
            self._write("MSG", text.encode())
        self._before.clear()
        for name, value in self._vehicle.parameters.values.items():
            self._write("PARM", name.encode(), value, self._vehicle.parameters.default(name))
        self._write("ARM", 1, int(self._vehicle.parameters.values["ARMING_CHECK"]), 0, 0)
        self._mode, self._shots = -1, self._vehicle.pilot.shots

    def _end(self) -> None:
        assert self._open is not None
        self._write("ARM", 0, 0, 0, 0)
        self.finished.append((self._vehicle.utc_at_boot_s + self._vehicle.now_s, bytes(self._open)))
        self._open = None

    def _write(self, name: str, *values: float | bytes) -> None:
        assert self._open is not None
        if len(self._open) < _MOST_BYTES:
            number, form, _ = _KINDS[name]
            self._open += _HEAD + bytes([number])
            self._open += _struct(form).pack(round(self._vehicle.now_s * 1e6), *values)

    # --- records ----------------------------------------------------------------------------------------------------

    def _gps_time(self) -> tuple[int, int]:
        """Milliseconds of the GPS week, and the week."""
        since_s = self._vehicle.utc_at_boot_s + self._vehicle.now_s - _GPS_EPOCH_S + _LEAP_S
        week = int(since_s // _WEEK_S)
        return round((since_s - week * _WEEK_S) * 1000), week

    def _gps(self) -> None:
        a = self._vehicle
        lat, lon, alt = a.estimated_place()
        east, north, up = (float(v) for v in a.pilot.flight.velocity)
        course = math.degrees(math.atan2(east, north)) % 360
        fix = 3 if a.pilot.gnss.fix else 1
        self._write(
            "GPS", 0, fix, *self._gps_time(), 17 if fix == 3 else 0, 80, _e7(lat), _e7(lon), round(alt * 100),
            math.hypot(east, north), course, -up, 0.0, 1,
        )  # fmt: skip

    def _angles(self) -> tuple[int, int, int]:
        f, e = self._vehicle.pilot.flight, self._vehicle.errors
        angles = (f.roll + e.tilt_rad[0], f.pitch + e.tilt_rad[1], (f.yaw + e.yaw_rad) % (2 * math.pi))
        roll, pitch, yaw = (round(math.degrees(angle) * 100) for angle in angles)
        return roll, pitch, yaw

    def _att(self) -> None:
        roll, pitch, yaw = self._angles()
        wanted = round(math.degrees(self._vehicle.pilot.flight.target_yaw) * 100) % 36_000
        self._write("ATT", roll, roll, pitch, pitch, wanted, yaw, 3)

    def _pos(self) -> None:
        lat, lon, alt = self._vehicle.estimated_place()
        height = float(self._vehicle.pilot.flight.enu[2] - self._vehicle.pilot.home[2])
        self._write("POS", _e7(lat), _e7(lon), alt, height, height)

    def _bat(self) -> None:
        a = self._vehicle
        self._write("BAT", 0, a.battery_v, a.battery_v, a.current_a, a.used_mah, 0.0)

    def _camera(self) -> None:
        lat, lon, alt = self._vehicle.estimated_place()
        height = float(self._vehicle.pilot.flight.enu[2] - self._vehicle.pilot.home[2])
        at = (round(alt * 100), round(height * 100), round(alt * 100))
        self._write("CAM", 0, self._shots, *self._gps_time(), _e7(lat), _e7(lon), *at, *self._angles())


def _e7(degrees: float) -> int:
    return round(degrees * 1e7)


_STRUCTS: dict[str, struct.Struct] = {}


def _struct(form: str) -> struct.Struct:
    if form not in _STRUCTS:
        _STRUCTS[form] = struct.Struct("<" + "".join(_PACKED[letter] for letter in form))
    return _STRUCTS[form]
