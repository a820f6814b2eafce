"""MISB ST 0601: the UAS datalink local set that a video in MPEG-TS carries beside its pictures (KLV).

A set is a 16-byte key, a BER length, and tags of their own lengths; the checksum comes last and covers all before it.
Whole numbers are mapped to spans; the most negative of a signed one means "out of range" and is not known here. Of the
platform (heading, pitch, roll) and the sensor on it (azimuth, elevation, roll) one direction is made: roll, pitch, yaw
of the mount from north and the horizon.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from imagery.readers.errors import ReadError
from imagery.readers.exif import Angles, PictureFacts
from imagery.readers.srt import Cue
from missions.geometry.pose import euler_from_quaternion, multiply, quaternion_from_euler

KEY = bytes.fromhex("060e2b34020b01010e01030101000000")
_MOST_TAGS, _MOST_SETS = 256, 64
_CHECKSUM, _TIME, _HEADING, _PITCH, _ROLL, _LAT, _LON, _ALT = 1, 2, 5, 6, 7, 13, 14, 15
_AZIMUTH, _ELEVATION, _SENSOR_ROLL, _GROUND, _FULL_PITCH, _FULL_ROLL = 18, 19, 20, 25, 90, 91
# Tag → (form, span, start): the largest number stands for span; start is what 0 stands for.
_LINEAR = {
    _HEADING: (">H", 360.0, 0.0), _PITCH: (">h", 20.0, 0.0), _ROLL: (">h", 50.0, 0.0),
    _LAT: (">i", 90.0, 0.0), _LON: (">i", 180.0, 0.0), _ALT: (">H", 19_900.0, -900.0),
    _AZIMUTH: (">I", 360.0, 0.0), _ELEVATION: (">i", 180.0, 0.0), _SENSOR_ROLL: (">I", 360.0, 0.0),
    _GROUND: (">H", 19_900.0, -900.0), _FULL_PITCH: (">i", 90.0, 0.0), _FULL_ROLL: (">i", 90.0, 0.0),
}  # fmt: skip
# 2000 and 2100: a stamp outside is a clock that nobody set.
_EARLIEST_S, _LATEST_S = 946_684_800.0, 4_102_444_800.0


def cues(data: bytes, name: str) -> list[Cue]:
    """What the sets in a packet say. Raises ReadError for a set that is cut short or fails its checksum."""
    return [_cue(tags) for tags in sets(data, name) if _TIME in tags and len(tags[_TIME]) == 8 and _utc(tags)]


def sets(data: bytes, name: str) -> Iterator[dict[int, bytes]]:
    """Tag → bytes of each set in a packet. Raises ReadError."""
    at = 0
    for _ in range(_MOST_SETS):
        begin = data.find(KEY, at)
        if begin < 0:
            return
        length, start = _length(data, begin + len(KEY), name)
        at = start + length
        if at > len(data):
            raise ReadError(f"{name}: broken metadata: a set of {length} bytes ends outside of its packet")
        tags = _tags(data[start:at], name)
        if not _sound(data[begin:at], tags):
            raise ReadError(f"{name}: broken metadata: the checksum of a set is wrong")
        yield tags


def _length(data: bytes, at: int, name: str) -> tuple[int, int]:
    """(length, where its content begins): BER, short or long form."""
    if at >= len(data):
        raise ReadError(f"{name}: broken metadata: it ends inside a length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    many = first & 0x7F
    if not 1 <= many <= 4 or at + 1 + many > len(data):
        raise ReadError(f"{name}: broken metadata: a length of {many} bytes")
    return int.from_bytes(data[at + 1 : at + 1 + many], "big"), at + 1 + many


def _tags(content: bytes, name: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(content):
        tag, at = _tag(content, at, name)
        length, at = _length(content, at, name)
        if at + length > len(content) or len(found) >= _MOST_TAGS:
            raise ReadError(f"{name}: broken metadata: tag {tag} ends outside of its set")
        found[tag] = content[at : at + length]
        at += length
    return found


def _tag(content: bytes, at: int, name: str) -> tuple[int, int]:
    """BER-OID: seven bits a byte, two bytes at most."""
    first = content[at]
    if first < 0x80:
        return first, at + 1
    if at + 1 >= len(content) or content[at + 1] >= 0x80:
        raise ReadError(f"{name}: broken metadata: no tag at byte {at} of its set")
    return (first & 0x7F) << 7 | content[at + 1], at + 2


def _sound(whole: bytes, tags: dict[int, bytes]) -> bool:
    """The running 16-bit sum over everything up to the checksum's own value, which is the last."""
    told = tags.get(_CHECKSUM)
    if told is None or len(told) != 2 or whole[-2:] != told:
        return False
    return checksum(whole[:-2]) == int.from_bytes(told, "big")


def checksum(data: bytes) -> int:
    """ST 0601's: even bytes are the high ones."""
    return (sum(data[0::2]) * 256 + sum(data[1::2])) & 0xFFFF


def _utc(tags: dict[int, bytes]) -> float | None:
    seconds = int.from_bytes(tags[_TIME], "big") / 1e6
    return seconds if _EARLIEST_S < seconds < _LATEST_S else None


def _number(tags: dict[int, bytes], tag: int) -> float | None:
    form, span, start = _LINEAR[tag]
    raw = tags.get(tag, b"")
    if len(raw) != struct.calcsize(form):
        return None
    (value,) = struct.unpack(form, raw)
    bits = 8 * len(raw)
    if form[1].isupper():
        return float(start + value * span / (2**bits - 1))
    return None if value == -(2 ** (bits - 1)) else float(value * span / (2 ** (bits - 1) - 1))


def _cue(tags: dict[int, bytes]) -> Cue:
    facts = PictureFacts(
        time_s=_utc(tags), lat_deg=_number(tags, _LAT), lon_deg=_number(tags, _LON), alt_m=_number(tags, _ALT),
        gimbal_deg=_direction(tags),
    )  # fmt: skip
    return Cue(facts.time_s or 0.0, facts, _number(tags, _GROUND))


def _direction(tags: dict[int, bytes]) -> Angles | None:
    full_pitch, full_roll = _number(tags, _FULL_PITCH), _number(tags, _FULL_ROLL)
    pitch = _number(tags, _PITCH) if full_pitch is None else full_pitch
    roll = _number(tags, _ROLL) if full_roll is None else full_roll
    heading = _number(tags, _HEADING)
    azimuth, elevation = _number(tags, _AZIMUTH), _number(tags, _ELEVATION)
    if heading is None or pitch is None or roll is None or azimuth is None or elevation is None:
        return None
    sensor_roll = _number(tags, _SENSOR_ROLL) or 0.0
    platform = quaternion_from_euler(*(math.radians(angle) for angle in (roll, pitch, heading)))
    sensor = quaternion_from_euler(*(math.radians(angle) for angle in (sensor_roll, elevation, azimuth)))
    r, p, y = (math.degrees(angle) for angle in euler_from_quaternion(multiply(platform, sensor)))
    return r, p, y
