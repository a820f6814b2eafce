"""ArduPilot's own logs (``.BIN``): their records, and the same told as the MAVLink that a live flight would bring.

A log describes itself: FMT records (type 128) give each record type its name, its format letters and its columns. A
log that was torn (battery out, card full) ends with the last whole record; garbage between records is skipped byte by
byte to the next head, and counted.

``as_messages`` turns attitude, place, receiver, home, mode and mount into ATTITUDE, GLOBAL_POSITION_INT, GPS_RAW_INT,
HOME_POSITION, HEARTBEAT, SYSTEM_TIME and GIMBAL_DEVICE_ATTITUDE_STATUS, so that one track, with all of its refusals,
answers for live telemetry and for a log alike.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ground_station.wire import Message, Parser, Received, mavlink

_HEAD = b"\xa3\x95"
_FMT, _FMT_BYTES = 128, 89
_FMT_FORM = struct.Struct("<BB4s16s64s")
# Letter → struct code and factor (ArduPilot, AP_Logger/LogStructure.h: the meaning of the letters).
_LETTERS: dict[str, tuple[str, float | None]] = {
    "a": ("64s", None), "b": ("b", None), "B": ("B", None), "h": ("h", None), "H": ("H", None), "i": ("i", None),
    "I": ("I", None), "f": ("f", None), "d": ("d", None), "n": ("4s", None), "N": ("16s", None), "Z": ("64s", None),
    "c": ("h", 0.01), "C": ("H", 0.01), "e": ("i", 0.01), "E": ("I", 0.01), "L": ("i", 1e-7), "M": ("B", None),
    "q": ("q", None), "Q": ("Q", None), "g": ("e", None),
}  # fmt: skip
_GPS_EPOCH_S, _WEEK_S, _LEAP_S = 315_964_800.0, 604_800.0, 18.0
_LEVELLED = 4 | 8 | 32  # roll and pitch levelled, yaw from the nose


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its name and its columns."""

    name: str
    values: Mapping[str, Any]

    @property
    def boot_s(self) -> float:
        """Seconds since boot, 0 for a record without a time."""
        return float(self.values.get("TimeUS", 0)) * 1e-6


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    form: struct.Struct
    factors: tuple[float | None, ...]
    columns: tuple[str, ...]


@dataclass(slots=True)
class Skipped:
    """How many bytes were no record."""

    bytes: int = 0


def records(data: bytes, *, skipped: Skipped | None = None) -> Iterator[Record]:
    """Every whole record of a log, in order. Never raises on garbage."""
    skipped = skipped or Skipped()
    formats: dict[int, _Format] = {}
    at = 0
    while at + 3 <= len(data):
        if data[at : at + 2] != _HEAD:
            found = data.find(_HEAD, at + 1)
            skipped.bytes += (len(data) if found < 0 else found) - at
            at = len(data) if found < 0 else found
            continue
        kind = data[at + 2]
        if kind == _FMT and at + _FMT_BYTES <= len(data):
            number, found_format = _format(data, at + 3)
            if found_format is not None:
                formats[number] = found_format
            at += _FMT_BYTES
            continue
        known = formats.get(kind)
        if known is None or at + 3 + known.form.size > len(data):
            skipped.bytes += 1
            at += 1
            continue
        yield _record(known, data, at + 3)
        at += 3 + known.form.size


def _format(data: bytes, at: int) -> tuple[int, _Format | None]:
    number, length, name, letters, columns = _FMT_FORM.unpack_from(data, at)
    codes = [_LETTERS.get(letter) for letter in letters.split(b"\0")[0].decode("ascii", "replace")]
    if None in codes:
        return number, None
    known = [code for code in codes if code is not None]
    form = struct.Struct("<" + "".join(code for code, _ in known))
    names = tuple(columns.split(b"\0")[0].decode("ascii", "replace").split(","))
    if form.size + 3 != length or len(names) != len(known):
        return number, None
    return number, _Format(_text(name), form, tuple(factor for _, factor in known), names)


def _record(known: _Format, data: bytes, at: int) -> Record:
    raw = known.form.unpack_from(data, at)
    values = {
        name: _text(value) if isinstance(value, bytes) else value if factor is None else value * factor
        for name, value, factor in zip(known.columns, raw, known.factors, strict=True)
    }
    return Record(known.name, values)


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace")


def read_bin(path: Path, *, sysid: int = 1) -> Iterator[tuple[float, Received]]:
    """A log as checked messages with their UTC of arrival, like ``recording.read_tlog``.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no record in it, or never a time from its receiver.
    """
    found = list(records(path.read_bytes()))
    if not found:
        raise ValueError(f"{path}: no DataFlash record found; an ArduPilot .BIN log is needed")
    if _utc_offset_s(found) is None:
        raise ValueError(f"{path}: the receiver never had the time; nothing in it can be dated")
    yield from as_messages(found, sysid=sysid)


def as_messages(found: list[Record], *, sysid: int = 1) -> Iterator[tuple[float, Received]]:
    """The records that a track needs, as the messages of a live flight, with UTC seconds."""
    offset_s = _utc_offset_s(found)
    if offset_s is None:
        return
    teller = _Teller(_vehicle_type(found))
    encoder, parser = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=1), Parser()
    for record in found:
        for message in teller.messages(record):
            frame = bytes(message.pack(encoder))
            encoder.seq = (encoder.seq + 1) % 256
            for received in parser.feed(frame):
                yield offset_s + record.boot_s, received


def _utc_offset_s(found: list[Record]) -> float | None:
    """UTC − boot by the receiver; the median of what it says while it has a fix."""
    offsets = sorted(
        utc - record.boot_s for record in found if record.name == "GPS" and (utc := _gps_utc_s(record)) is not None
    )
    return offsets[len(offsets) // 2] if offsets else None


def _gps_utc_s(record: Record) -> float | None:
    week, ms = record.values.get("GWk", 0), record.values.get("GMS", 0)
    if not week or record.values.get("Status", 0) < 3 or record.values.get("I", 0) != 0:
        return None
    return float(_GPS_EPOCH_S + week * _WEEK_S + ms * 1e-3 - _LEAP_S)


def _vehicle_type(found: list[Record]) -> int:
    words = " ".join(str(record.values.get("Message", "")) for record in found[:2_000] if record.name == "MSG")
    if "Plane" in words:
        return int(mavlink.MAV_TYPE_FIXED_WING)
    return int(mavlink.MAV_TYPE_GROUND_ROVER if "Rover" in words else mavlink.MAV_TYPE_QUADROTOR)


@dataclass(slots=True)
class _Teller:
    """Keeps what one message needs from several records."""

    kind: int
    mode: int = 0
    armed: bool = False
    velocity_ned: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    accuracy_m: tuple[float, float] = (0.0, 0.0)
    begun: bool = False
    estimated: bool = False

    def messages(self, record: Record) -> tuple[Message, ...]:
        """What a live vehicle would have said here."""
        handler = _HANDLERS.get(record.name)
        told = () if handler is None else handler(self, record.values, record.boot_s)
        if told and not self.begun:
            self.begun = True
            return (self._beat(), *told)
        return told

    def _beat(self) -> Message:
        base = 81 | (128 if self.armed else 0)
        return mavlink.MAVLink_heartbeat_message(self.kind, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, base, self.mode, 4, 3)

    def _mode(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        self.mode = int(v.get("ModeNum", v.get("Mode", 0)))
        return (self._beat(),)

    def _arm(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        self.armed = bool(v.get("ArmState", 0))
        return (self._beat(),)

    def _attitude(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        self.yaw_deg = float(v["Yaw"])
        roll, pitch, yaw = (math.radians(v[name]) for name in ("Roll", "Pitch", "Yaw"))
        yaw = (yaw + math.pi) % math.tau - math.pi
        return (mavlink.MAVLink_attitude_message(round(boot_s * 1e3), roll, pitch, yaw, 0, 0, 0),)

    def _speed(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        if v.get("C", 0) == 0:  # the first core of the estimator
            self.estimated = True
            self.velocity_ned = (float(v["VN"]), float(v["VE"]), float(v["VD"]))
        return ()

    def _position(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        north, east, down = (max(-32_000, min(32_000, round(speed * 100))) for speed in self.velocity_ned)
        return (
            mavlink.MAVLink_global_position_int_message(
                round(boot_s * 1e3), round(v["Lat"] * 1e7), round(v["Lng"] * 1e7), round(v["Alt"] * 1e3),
                round(v.get("RelHomeAlt", 0.0) * 1e3), north, east, down, round(self.yaw_deg % 360.0 * 100.0),
            ),
        )  # fmt: skip

    def _receiver(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        utc_s = _gps_utc_s(Record("GPS", v))
        if v.get("I", 0) != 0:
            return ()
        if not self.estimated and "Spd" in v:  # a log without the estimator's velocity
            course = math.radians(v.get("GCrs", 0.0))
            self.velocity_ned = (v["Spd"] * math.cos(course), v["Spd"] * math.sin(course), float(v.get("VZ", 0.0)))
        fix, seen = int(v.get("Status", 0)), int(v.get("NSats", 0))
        place = (round(v.get("Lat", 0.0) * 1e7), round(v.get("Lng", 0.0) * 1e7), round(v.get("Alt", 0.0) * 1e3))
        accuracy = [round(metres * 1e3) for metres in self.accuracy_m]
        told = mavlink.MAVLink_gps_raw_int_message(
            round(boot_s * 1e6), fix, *place, 65_535, 65_535, 65_535, 65_535, seen, 0, *accuracy
        )
        if utc_s is None:
            return (told,)
        return told, mavlink.MAVLink_system_time_message(round(utc_s * 1e6), round(boot_s * 1e3))

    def _accuracy(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        if v.get("I", 0) == 0:
            self.accuracy_m = (max(0.0, float(v.get("HAcc", 0.0))), max(0.0, float(v.get("VAcc", 0.0))))
        return ()

    def _origin(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        if v.get("Type") != 1:  # 0 is the estimator's origin, 1 is home
            return ()
        lat, lon, alt = round(v["Lat"] * 1e7), round(v["Lng"] * 1e7), round(v["Alt"] * 1e3)
        return (mavlink.MAVLink_home_position_message(lat, lon, alt, 0, 0, 0, [1.0, 0.0, 0.0, 0.0], 0, 0, 0),)

    def _mount(self, v: Mapping[str, Any], boot_s: float) -> tuple[Message, ...]:
        if v.get("I", 0) not in (0, 1) or not all(math.isfinite(v.get(key, math.nan)) for key in ("Pitch", "YawB")):
            return ()
        roll = v.get("Roll", 0.0)
        angles = (math.radians(roll if math.isfinite(roll) else 0.0), math.radians(v["Pitch"]), math.radians(v["YawB"]))
        nan = math.nan
        return (
            mavlink.MAVLink_gimbal_device_attitude_status_message(
                0, 0, round(boot_s * 1e3), _LEVELLED, list(_quaternion(*angles)), nan, nan, nan, 0, nan, nan, 1
            ),
        )


def _quaternion(roll: float, pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """(w, x, y, z) of aerospace angles, radians."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a / 2), math.sin(a / 2)) for a in (roll, pitch, yaw))
    return (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )


_HANDLERS: dict[str, Callable[[_Teller, Mapping[str, Any], float], tuple[Message, ...]]] = {
    "MODE": _Teller._mode,
    "ARM": _Teller._arm,
    "ATT": _Teller._attitude,
    "XKF1": _Teller._speed,
    "NKF1": _Teller._speed,
    "POS": _Teller._position,
    "GPS": _Teller._receiver,
    "GPA": _Teller._accuracy,
    "ORGN": _Teller._origin,
    "MNT": _Teller._mount,
}
