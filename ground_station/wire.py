"""The MAVLink codec: bytes to checked messages and back (mavlink.io/en/guide/serialization.html).

Only a frame with the right checksum of a message that the dialect knows becomes a :class:`Received`; everything else
is counted and dropped. pymavlink returns messages it does not know as ``UNKNOWN_n`` without having checked them: they
count as unknown here and never reach anybody. Datagrams get a fresh parser each: a parser shared between datagrams
swallows the next good frame after more than a third of random ones, because a stray magic byte makes it wait for a
frame's rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = [
    "Encoder",
    "Message",
    "Parser",
    "Received",
    "WireCounters",
    "mavlink",
    "parse_datagram",
    "text_of",
]

Message = Any
"""A message object of the generated dialect; ``message.get_type()`` names it."""

MAX_DATAGRAM_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class Received:
    """One checked message. ``frame``: its bytes as they were on the wire."""

    message: Message
    sysid: int
    compid: int
    seq: int
    frame: bytes

    @property
    def name(self) -> str:
        """MAVLink name, for example ``HEARTBEAT``."""
        return str(self.message.get_type())


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
    """Turns a byte stream into messages, whatever the split. Feed it chunks: single bytes are seven times slower."""

    def __init__(self) -> None:
        self._mav = mavlink.MAVLink(None)
        self._mav.robust_parsing = True
        self.counters = WireCounters()

    def feed(self, data: bytes) -> tuple[Received, ...]:
        """Take the next bytes; return the messages that they complete. Never raises on garbage."""
        good: list[Received] = []
        garbage = unknown = 0
        for message in self._mav.parse_buffer(data) or ():
            kind = message.get_type()
            if kind == "BAD_DATA":
                garbage += 1
            elif kind.startswith("UNKNOWN_"):
                unknown += 1
            else:
                good.append(_received(message))
        self.counters = self.counters.plus(WireCounters(len(good), garbage, unknown))
        return tuple(good)


def _received(message: Message) -> Received:
    return Received(
        message, message.get_srcSystem(), message.get_srcComponent(), message.get_seq(), bytes(message.get_msgbuf())
    )


def parse_datagram(data: bytes) -> tuple[tuple[Received, ...], WireCounters]:
    """The messages of one datagram; what is incomplete at its end counts as garbage."""
    if not data or (data[0] not in (0xFD, 0xFE) and b"\xfd" not in data and b"\xfe" not in data):
        # A storm of garbage is most cheaply refused before a parser is built for it.
        return (), WireCounters(garbage=1)
    parser = Parser()
    messages = parser.feed(data)
    counters = parser.counters
    if sum(len(item.frame) for item in messages) < len(data) and not counters.garbage and not counters.unknown:
        counters = replace(counters, garbage=1)
    return messages, counters


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


def text_of(value: object) -> str:
    """A MAVLink text field (bytes or str, NUL-padded) as text."""
    if isinstance(value, bytes):
        value = value.split(b"\0", 1)[0].decode("utf-8", "replace")
    return str(value).split("\0", 1)[0]
