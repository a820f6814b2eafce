"""H.264 in RTP packets, put together again by a reader that was written from the RFC alone."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.rtp import MOST_PAYLOAD, RtpSender, interleaved

Head = tuple[int, int, int, int]


def opened(packet: bytes) -> tuple[Head, bool, bytes]:
    first, second, seq, stamp, ssrc = struct.unpack("!BBHII", packet[:12])
    assert first == 0x80  # version 2, no padding, no extension, no contributing sources
    return (second & 127, seq, stamp, ssrc), bool(second >> 7), packet[12:]


def put_together(packets: tuple[bytes, ...]) -> list[bytes]:
    """RFC 6184, 5.6 and 5.8."""
    units: list[bytes] = []
    for packet in packets:
        payload = opened(packet)[2]
        if payload[0] & 31 != 28:
            units.append(payload)
            continue
        begins, ends, kind = payload[1] >> 7, payload[1] >> 6 & 1, payload[1] & 31
        assert not (begins and ends) and not payload[1] >> 5 & 1
        if begins:
            units.append(bytes((payload[0] & 0xE0 | kind,)))
        units[-1] += payload[2:]
    return units


@given(st.lists(st.binary(min_size=1, max_size=6000), min_size=1, max_size=5), st.integers(0, 2**32), st.data())
def test_every_byte_of_every_unit_arrives(bodies: list[bytes], ticks: int, data: st.DataObject) -> None:
    units = [bytes((data.draw(st.sampled_from([0x65, 0x41, 0x67, 0x68, 0x06])),)) + body for body in bodies]
    sender = RtpSender(7, data.draw(st.integers(0, 65535)), 2**32 - 5)
    first_seq = sender.seq
    packets = sender.packets(units, ticks)
    assert put_together(packets) == units
    heads, markers, payloads = zip(*(opened(packet) for packet in packets), strict=True)
    assert [head[1] for head in heads] == [(first_seq + i) % 2**16 for i in range(len(packets))]
    assert {head[2] for head in heads} == {(ticks + 2**32 - 5) % 2**32}
    assert list(markers) == [False] * (len(packets) - 1) + [True]
    assert max(map(len, payloads)) <= MOST_PAYLOAD


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_unit_is_cut_only_when_it_has_to_be(over: int) -> None:
    packets = RtpSender(1, 0, 0).packets([b"\x65" + bytes(MOST_PAYLOAD - 1 + over)], 0)
    assert len(packets) == (2 if over > 0 else 1)


def test_a_report_counts_and_ties_the_ticks_to_a_clock_that_began_in_1970() -> None:
    sender = RtpSender(0xABCD, 9, 1000)
    sender.packets([b"\x65" + bytes(10), b"\x41" + bytes(20)], 0)
    report = sender.sender_report(12.5)
    words = struct.unpack("!BBHIIIIII", report[:28])
    assert words[:4] == (0x80, 200, 6, 0xABCD)
    assert words[4] == 2_208_988_800 + 12 and words[5] == 2**31  # half a second
    assert words[6:] == (1000 + 12.5 * 90_000, 2, 32)
    kind, length = struct.unpack("!xBH", report[28:32])
    assert kind == 202 and len(report) == 28 + 4 * (length + 1)
    assert report[32:44] == struct.pack("!IBB", 0xABCD, 1, 6) + b"camera" and set(report[44:]) == {0}
    assert struct.unpack("!BBHI", sender.goodbye()) == (0x81, 203, 1, 0xABCD)


def test_a_packet_between_answers_says_its_channel_and_its_length() -> None:
    assert interleaved(3, b"abc") == b"$\x03\x00\x03abc"
