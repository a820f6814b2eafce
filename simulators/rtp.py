"""H.264 in RTP packets (RFC 6184, mode 1), and the sender reports beside them (RFC 3550).

A small unit travels alone, a large one in fragments (FU-A); the last packet of a picture carries the marker. The time
stamps are the sender's own ticks behind a random offset. They say how far apart pictures were **sent** and nothing
about when they were exposed; the sender reports tie them to the camera's wall clock, which begins in 1970 when it is
switched on, as it does in cameras without a network. Whoever takes either for the time of exposure is wrong, and
should find it out here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from simulators.h264 import RTP_HZ, kind_of

PAYLOAD_TYPE = 96
MOST_PAYLOAD = 1400
_FU_A = 28
_SENDER_REPORT, _SOURCE_DESCRIPTION, _GOODBYE = 200, 202, 203
_CNAME = 1
# Seconds from 1900 (NTP) to 1970.
_NTP_OF_1970 = 2_208_988_800


@dataclass(slots=True)
class RtpSender:
    """One client's stream; its ``ssrc``, first ``seq`` and ``offset_ticks`` are drawn by the caller."""

    ssrc: int
    seq: int
    offset_ticks: int
    packets_sent: int = 0
    bytes_sent: int = 0

    def stamp(self, at_ticks: int) -> int:
        """The time stamp on the wire."""
        return (at_ticks + self.offset_ticks) % 2**32

    def packets(self, units: Iterable[bytes], at_ticks: int) -> tuple[bytes, ...]:
        """The packets of one picture."""
        payloads = [payload for unit in units for payload in _payloads(unit)]
        last = len(payloads) - 1
        return tuple(self._packet(payload, at_ticks, marker=i == last) for i, payload in enumerate(payloads))

    def _packet(self, payload: bytes, at_ticks: int, *, marker: bool) -> bytes:
        head = struct.pack("!BBHII", 0x80, PAYLOAD_TYPE | marker << 7, self.seq, self.stamp(at_ticks), self.ssrc)
        self.seq = (self.seq + 1) % 2**16
        self.packets_sent += 1
        self.bytes_sent += len(payload)
        return head + payload

    def sender_report(self, up_s: float) -> bytes:
        """A compound packet, SR and SDES, so many seconds after the camera was switched on."""
        whole = int(up_s)
        ntp_s, ntp_fraction = _NTP_OF_1970 + whole, int((up_s - whole) * 2**32)
        body = struct.pack(
            "!IIIIII",
            self.ssrc,
            ntp_s,
            ntp_fraction,
            self.stamp(round(up_s * RTP_HZ)),
            self.packets_sent % 2**32,
            self.bytes_sent % 2**32,
        )
        name = b"camera"
        chunk = struct.pack("!IBB", self.ssrc, _CNAME, len(name)) + name
        chunk += bytes(4 - len(chunk) % 4)  # at least one null ends the list of items
        return _rtcp(_SENDER_REPORT, 0, body) + _rtcp(_SOURCE_DESCRIPTION, 1, chunk)

    def goodbye(self) -> bytes:
        """The stream ends."""
        return _rtcp(_GOODBYE, 1, struct.pack("!I", self.ssrc))


def _rtcp(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _payloads(unit: bytes) -> Iterable[bytes]:
    if len(unit) <= MOST_PAYLOAD:
        return (unit,)
    indicator = unit[0] & 0xE0 | _FU_A
    size = MOST_PAYLOAD - 2
    pieces = [unit[at : at + size] for at in range(1, len(unit), size)]
    last = len(pieces) - 1
    return tuple(
        bytes((indicator, kind_of(unit) | (i == 0) << 7 | (i == last) << 6)) + piece for i, piece in enumerate(pieces)
    )


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet between the answers of a connection (RFC 2326, 10.12)."""
    return struct.pack("!BBH", 0x24, channel, len(packet)) + packet
