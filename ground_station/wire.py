"""The MAVLink codec: bytes to checked messages and back (mavlink.io/en/guide/serialization.html).

Only a frame with the right checksum of a message that the dialect knows becomes a :class:`Received`; everything else
is counted and dropped. pymavlink returns messages it does not know as ``UNKNOWN_n`` without having checked them: they
count as unknown here (a run of them once) and never reach anybody. Datagrams get a fresh parser each: a parser shared
between datagrams swallows the next good frame after more than a third of random ones, because a stray magic byte makes
it wait for a frame's rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = [
    "Encoder",
    "Message",
    "Parser",
    "Received",
    "WireCounters",
    "encode_mavlink1",
    "mavlink",
    "parse_datagram",
    "text_of",
]

Message = Any
"""A message object of the generated dialect; ``message.get_type()`` names it."""


@dataclass(frozen=True, slots=True)
class Received:
    """One checked message. ``frame``: its bytes as they were on the wire; ``news``: false: a spare link repeats."""

    message: Message
    sysid: int
    compid: int
    seq: int
    frame: bytes
    news: bool = True

    @property
    def name(self) -> str:
        """MAVLink name, for example ``HEARTBEAT``."""
        return self.message._type  # type: ignore[no-any-return]  # get_type() without its call: asked many times each


@dataclass(frozen=True, slots=True)
class WireCounters:
    """What came over a wire: good frames, bytes or frames that were none, frames nobody knows."""

    good: int = 0
    garbage: int = 0
    unknown: int = 0

    def plus(self, other: WireCounters) -> WireCounters:
        """The sum of two counts."""
        return WireCounters(self.good + other.good, self.garbage + other.garbage, self.unknown + other.unknown)


class Parser:
    """Turns a byte stream into messages, whatever the split. Feed it chunks, not single bytes.

    The framing is ours: pymavlink's parser takes as many bytes as a stray magic byte announces, good frames included.
    Here a candidate that is no frame costs one byte, so no garbage hides a good frame that follows it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lost = False  # inside a run of garbage, which is counted once
        self.counters = WireCounters()

    def feed(self, data: bytes) -> tuple[Received, ...]:
        """Take the next bytes; return the messages that they complete. Never raises on garbage."""
        return self._take(data, ended=False)

    def end(self) -> tuple[Received, ...]:
        """Nothing more will come: what still waited for its rest is searched for whole frames and dropped."""
        return self._take(b"", ended=True)

    def _take(self, data: bytes, *, ended: bool) -> tuple[Received, ...]:
        buffer = self._buffer
        buffer += data
        good: list[Received] = []
        garbage = unknown = at = 0
        while at < len(buffer):
            length = _frame_length(buffer, at)
            if length > len(buffer) - at:
                if not ended:
                    break
                length = _NO_FRAME
            received = _decoded(bytes(buffer[at : at + length])) if length > 0 else None
            if received is not None:
                good.append(received)
                at += length
                self._lost = False
                continue
            if not self._lost:
                unknown += length == _UNKNOWN_FRAME
                garbage += length != _UNKNOWN_FRAME
                self._lost = True
            at = _next_magic(buffer, at + 1)
        del buffer[:at]
        self.counters = self.counters.plus(WireCounters(len(good), garbage, unknown))
        return tuple(good)


_NO_FRAME, _UNKNOWN_FRAME = -1, -2
_MAGIC = re.compile(rb"[\xfd\xfe]")
_V1_HEADER, _V2_HEADER, _CHECKSUM, _SIGNATURE = 6, 10, 2, 13
_SIGNED = 1


def _next_magic(buffer: bytearray, at: int) -> int:
    found = _MAGIC.search(buffer, at)
    return found.start() if found else len(buffer)


def _frame_length(buffer: bytes | bytearray, at: int) -> int:
    """Bytes of the frame that may begin at ``at`` (more than there are: wait), _NO_FRAME or _UNKNOWN_FRAME."""
    magic, left = buffer[at], len(buffer) - at
    if magic == mavlink.PROTOCOL_MARKER_V1:
        if left < _V1_HEADER:
            return _V1_HEADER
        number, length = buffer[at + 5], _V1_HEADER + buffer[at + 1] + _CHECKSUM
    elif magic == mavlink.PROTOCOL_MARKER_V2:
        if left < _V2_HEADER:
            return _V2_HEADER
        flags = buffer[at + 2]
        if flags & ~_SIGNED:
            return _NO_FRAME  # a receiver that does not know an incompatibility flag must drop the frame
        number = int.from_bytes(buffer[at + 7 : at + 10], "little")
        length = _V2_HEADER + buffer[at + 1] + _CHECKSUM + (_SIGNATURE if flags & _SIGNED else 0)
    else:
        return _NO_FRAME
    return length if number in mavlink.mavlink_map else _UNKNOWN_FRAME


# Decoding keeps no state where no key is set (signatures are checked in `signing`): one serves all.
_MAV = mavlink.MAVLink(None)


def _decoded(frame: bytes) -> Received | None:
    """The message in a whole frame, None where its checksum or its fields are wrong."""
    try:
        message = _MAV.decode(bytearray(frame))
    except mavlink.MAVError:
        return None
    header = message.get_header()
    return Received(message, header.srcSystem, header.srcComponent, header.seq, frame)


_ONE_GOOD = WireCounters(good=1)


def parse_datagram(data: bytes) -> tuple[tuple[Received, ...], WireCounters]:
    """The messages of one datagram; what is incomplete at its end counts as garbage."""
    if not _MAGIC.search(data):
        # A storm of garbage is most cheaply refused before a parser is built for it.
        return (), WireCounters(garbage=1)
    if _frame_length(data, 0) == len(data):  # one frame and nothing else, as nearly all are
        received = _decoded(data)
        if received is not None:
            return (received,), _ONE_GOOD
    parser = Parser()
    messages = (*parser.feed(data), *parser.end())
    return messages, parser.counters


class Encoder:
    """Gives messages a sender and a sequence number; one for each link and sender, as MAVLink counts per link."""

    def __init__(self, sysid: int, compid: int) -> None:
        self._mav = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=compid)
        self.sysid, self.compid = sysid, compid

    def encode(self, message: Message) -> bytes:
        """MAVLink 2 frame of ``message``. Raises what pymavlink raises for a value that does not fit its field."""
        frame = bytes(message.pack(self._mav))
        self._mav.seq = (self._mav.seq + 1) % 256
        return frame


def encode_mavlink1(encoder: Encoder, message: Message) -> bytes | None:
    """MAVLink 1 frame for a vehicle that knows no other; None for what cannot be said in it.

    Fence and rally lists cannot: their messages differ from those of the mission by an extension field that MAVLink 1
    cuts off, so that a fence would overwrite the mission.
    """
    number, size = message.get_msgId(), message.unpacker.size
    if number > 255 or getattr(message, "mission_type", 0) != 0:
        return None
    frame = encoder.encode(message)
    base = size - ("mission_type" in message.fieldnames)
    payload = frame[_V2_HEADER:-_CHECKSUM].ljust(size, b"\0")[:base]
    header = bytes((base, frame[4], encoder.sysid, encoder.compid, number))
    checksum: int = mavlink.x25crc(header + payload + bytes((message.crc_extra,))).crc
    return bytes((mavlink.PROTOCOL_MARKER_V1, *header, *payload)) + checksum.to_bytes(2, "little")


def text_of(value: object) -> str:
    """A MAVLink text field (bytes or str, NUL-padded) as text."""
    if isinstance(value, bytes):
        value = value.split(b"\0", 1)[0].decode("utf-8", "replace")
    return str(value).split("\0", 1)[0]
