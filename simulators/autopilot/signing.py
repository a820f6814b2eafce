"""MAVLink 2 signing as ArduPilot keeps it: one key for all wires, set by SETUP_SIGNING and never acknowledged.

Every wire signs from then on with its number as link id. The first wire stands for the USB socket and goes on accepting
what is unsigned or wrongly signed; the others drop it without a word, but for a radio's reports. The clock is the one
that was set, a minute ahead, or the receiver's where that is later; a sender that was not heard before may be no more
than a minute behind it, one that was must come with a later time each packet, and any packet from the future moves the
clock. Times: 10 µs since 2015.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

MINUTE = 60 * 100_000
_MOST_STREAMS = 16
_EPOCH_S = 1_420_070_400.0  # 2015 in UTC
_ALWAYS_TAKEN = frozenset({mavlink.MAVLINK_MSG_ID_RADIO_STATUS, mavlink.MAVLINK_MSG_ID_RADIO})


class Parser(mavlink.MAVLink):  # type: ignore[misc]
    """pymavlink's, but it believes a time only once the signature is right: else a forger could set it."""

    def check_signature(self, msgbuf: bytearray, srcSystem: int, srcComponent: int) -> bool:
        """Whether key and time of a signed frame are good; keeps the time."""
        signing, frame = self.signing, bytes(msgbuf)
        if hashlib.sha256(signing.secret_key + frame[:-6]).digest()[:6] != frame[-6:]:
            return False
        stream, time = (frame[-13], srcSystem, srcComponent), int.from_bytes(frame[-12:-6], "little")
        last = signing.stream_timestamps.get(stream)
        if last is None and (time + MINUTE < signing.timestamp or len(signing.stream_timestamps) >= _MOST_STREAMS):
            return False
        if last is not None and time <= last:
            return False
        signing.stream_timestamps[stream] = time
        signing.timestamp = max(signing.timestamp, time)
        return True


class Signing:
    """The key of one vehicle and the latest time of each sender, which all wires share."""

    def __init__(self) -> None:
        self._streams: dict[tuple[int, int, int], int] = {}

    def set_up(self, message: Any, wires: Iterable[Any]) -> None:
        """SETUP_SIGNING in force on all wires (``links.Link``); a key of zeros with time 0 ends it."""
        key = bytes(message.secret_key)
        off = message.initial_timestamp == 0 and not any(key)
        for number, wire in enumerate(wires):
            signing = wire.parser.signing
            # Both directions have one clock: what is heard moves what is said.
            wire.encoder.signing = signing
            signing.secret_key = None if off else key
            signing.sign_outgoing = not off
            signing.link_id = number
            signing.timestamp = message.initial_timestamp + MINUTE
            signing.stream_timestamps = self._streams
            signing.allow_unsigned_callback = _takes_all if number == 0 else _takes_a_radio

    @staticmethod
    def keep_up(utc_s: float, wires: Iterable[Any]) -> None:
        """The receiver's time moves the clock on, never back."""
        for wire in wires:
            signing = wire.parser.signing
            if signing.secret_key is not None:
                signing.timestamp = max(signing.timestamp, round((utc_s - _EPOCH_S) * 100_000))


def _takes_all(_: Any, number: int) -> bool:
    return True


def _takes_a_radio(_: Any, number: int) -> bool:
    return number in _ALWAYS_TAKEN
