"""MAVLink 2 signing (mavlink.io/en/guide/message_signing.html): what we send is signed, what we hear is checked.

A signature is the first 48 bits of SHA-256 over key, frame and time stamp; time counts in units of 10 µs since 2015.
**The signature is checked first**: only then does the time stamp count, so that a forged frame from the future cannot
lock the true ones out. A stream (system, component, link) must rise strictly; a new one must lie within a minute of
our own time. Our own time never goes back, not over a restart either (``timestamp`` is kept by whoever has the file),
and follows what the vehicle has validly said, for a vehicle whose clock runs ahead refuses what is older.

Every frame is signed as it leaves, a repeated one anew. RADIO_STATUS is made by the radio, which has no key: it is
taken unsigned. The key itself travels once, in SETUP_SIGNING, and stands in no log.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from ground_station.operation import DONE, REFUSED, UNKNOWN, Operation
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, Received, mavlink

KEY_BYTES = 32
# 2015-01-01, seconds since 1970, and how many units a second has.
_EPOCH_S, _UNITS = 1_420_070_400, 100_000
_NEW_STREAM_UNITS = 60 * _UNITS
_SIGNED, _SIGNATURE_BYTES = 0x01, 13
_HEADER_BYTES, _CHECKSUM_BYTES = 10, 2
_UNSIGNED_TAKEN = frozenset({"RADIO_STATUS", "RADIO"})
_MOST_STREAMS = 256
_AGAIN_S, _PATIENCE_S, _TIMES = 1.5, 8.0, 3


def ticks(utc_s: float) -> int:
    """UTC seconds → time stamp of a signature."""
    return max(0, int((utc_s - _EPOCH_S) * _UNITS))


def key_of(passphrase: str) -> bytes:
    """The key that Mission Planner and MAVProxy make of a passphrase."""
    return hashlib.sha256(passphrase.encode()).digest()


@dataclass(slots=True)
class Refusals:
    """Frames that were not believed, by reason."""

    unsigned: int = 0
    wrong: int = 0
    old: int = 0


@dataclass(slots=True)
class Signing:
    """One key and what it has been used for. ``vehicles``: the systems that were set up with it; ``timestamp``: the
    highest that was ever used or validly heard, to be kept over restarts.
    """

    key: bytes = field(repr=False)
    vehicles: frozenset[int] = frozenset()
    timestamp: int = 0
    refusals: Refusals = field(default_factory=Refusals)
    _streams: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"a signing key has {KEY_BYTES} bytes, not {len(self.key)}")

    def sign(self, frame: bytes, *, link_id: int, utc_s: float) -> bytes:
        """A MAVLink 2 frame, signed as it leaves now. Raises ValueError for another one."""
        if frame[0] != mavlink.PROTOCOL_MARKER_V2 or frame[2] & _SIGNED:
            raise ValueError("only an unsigned MAVLink 2 frame can be signed")
        self.timestamp = max(self.timestamp + 1, ticks(utc_s))
        flagged = frame[:2] + bytes([frame[2] | _SIGNED]) + frame[3:-_CHECKSUM_BYTES]
        number = int.from_bytes(frame[7:10], "little")
        checksum = mavlink.x25crc(flagged[1:])
        checksum.accumulate(bytes([mavlink.mavlink_map[number].crc_extra]))
        body: bytes = flagged + checksum.crc.to_bytes(2, "little") + bytes([link_id % 256])
        body += self.timestamp.to_bytes(6, "little")
        return body + self._signature(body)

    def _signature(self, body: bytes) -> bytes:
        return hashlib.sha256(self.key + body).digest()[:6]

    def is_signed_by_us(self, frame: bytes) -> bool:
        """Whether a frame bears a signature by this key; its time is not looked at."""
        if frame[0] != mavlink.PROTOCOL_MARKER_V2 or not frame[2] & _SIGNED or len(frame) < _SIGNATURE_BYTES:
            return False
        return hmac.compare_digest(self._signature(frame[:-6]), frame[-6:])

    def accepts(self, received: Received, *, utc_s: float) -> bool:
        """Whether a frame is believed: from a system that was not set up always, else only if rightly signed."""
        if received.sysid not in self.vehicles or received.name in _UNSIGNED_TAKEN:
            return True
        frame = received.frame
        if frame[0] != mavlink.PROTOCOL_MARKER_V2 or not frame[2] & _SIGNED:
            self.refusals.unsigned += 1
            return False
        if not self.is_signed_by_us(frame):
            self.refusals.wrong += 1
            return False
        stamp = int.from_bytes(frame[-12:-6], "little")
        stream = (received.sysid, received.compid, frame[-13])
        last = self._streams.get(stream)
        if last is None:
            fresh = stamp + _NEW_STREAM_UNITS >= max(self.timestamp, ticks(utc_s))
            if not fresh or len(self._streams) >= _MOST_STREAMS:
                self.refusals.old += 1
                return False
        elif stamp <= last:
            self.refusals.old += 1
            return False
        self._streams[stream] = stamp
        self.timestamp = max(self.timestamp, stamp)
        return True


class SetUpSigning(Operation):
    """Give a vehicle the key; ``done`` when a frame of it bears our signature.

    The vehicle does not answer. ``off``: take it away again; ``done`` when its frames bear no signature any more.
    """

    def __init__(self, target: int, signing: Signing, *, utc_s: float, now_s: float, off: bool = False) -> None:
        super().__init__("signing off" if off else "signing setup", now_s=now_s)
        self._target, self._signing, self._off = target, signing, off
        self._utc_s = utc_s
        self._times = 0
        self._send(now_s)

    def _send(self, now_s: float) -> None:
        key, stamp = bytes(KEY_BYTES), 0
        if not self._off:
            key, stamp = self._signing.key, max(self._signing.timestamp, ticks(self._utc_s + now_s - self.started_s))
        self._out.append(mavlink.MAVLink_setup_signing_message(self._target, 1, list(key), stamp))
        self._sent_s = now_s
        self._times += 1

    def hear(self, received: Received, *, now_s: float) -> None:
        """Every frame of the vehicle, before anybody believes it or not."""
        if self.outcome is not None or received.sysid != self._target or now_s <= self._sent_s + 0.05:
            return
        signed = bool(received.frame[0] == mavlink.PROTOCOL_MARKER_V2 and received.frame[2] & _SIGNED)
        if (self._off and not signed) or (not self._off and self._signing.is_signed_by_us(received.frame)):
            self._end(DONE, "its frames are signed with this key" if not self._off else "it signs no more", now_s)

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if message.get_type() == "STATUSTEXT" and any("setup signing" in text for text in self._texts):
            self._end(REFUSED, "the vehicle does not change its key while it is armed", now_s)

    def _tick(self, state: VehicleState, now_s: float) -> None:
        if now_s - self.started_s > _PATIENCE_S:
            self._end(UNKNOWN, "the vehicle's frames do not show it; it may sign with another key", now_s)
        elif now_s - self._sent_s > _AGAIN_S and self._times < _TIMES:
            self._send(now_s)
