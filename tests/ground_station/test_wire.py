"""The wire: any split of the stream gives the same messages, and no garbage hides a good frame."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ground_station.wire import Encoder, Parser, WireCounters, mavlink, parse_datagram, text_of


def _v2() -> list[bytes]:
    encoder = Encoder(1, 1)
    return [
        encoder.encode(mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 3, 3)),
        encoder.encode(mavlink.MAVLink_attitude_message(1000, 0.1, -0.2, 3.0, 0, 0, 0)),
        # 0xFD and 0xFE inside of a payload look like the beginning of a frame
        encoder.encode(mavlink.MAVLink_statustext_message(4, b"\xfd\xfe\xfd" * 16)),
        encoder.encode(mavlink.MAVLink_system_time_message(1_700_000_000_000_000, 0xFDFEFDFE)),
        encoder.encode(mavlink.MAVLink_mission_ack_message(255, 190, 0, 0)),
    ]


def _v1() -> bytes:
    sender = mavlink.MAVLink(None, srcSystem=7, srcComponent=1)
    return bytes(mavlink.MAVLink_attitude_message(2000, 0, 0, 0, 0, 0, 0).pack(sender, force_mavlink1=True))


def _signed() -> bytes:
    sender = mavlink.MAVLink(None, srcSystem=8, srcComponent=1)
    sender.signing.secret_key = b"k" * 32
    sender.signing.sign_outgoing = True
    sender.signing.link_id, sender.signing.timestamp = 1, 1
    return bytes(mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 3, 3).pack(sender))


FRAMES = [*_v2(), _v1(), _signed()]


def _unknown_frame() -> bytes:
    """A whole MAVLink 2 frame of message 50,000, which no dialect has."""
    return bytes([0xFD, 4, 0, 0, 1, 1, 1, 0x50, 0xC3, 0, 1, 2, 3, 4, 0, 0])


@given(
    st.lists(st.sampled_from(FRAMES), max_size=12),
    st.lists(st.integers(0, 400), max_size=20),
)
def test_any_split_of_the_stream_gives_the_same_messages(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frames)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    parser = Parser()
    got = [received.frame for start, end in itertools.pairwise(places) for received in parser.feed(stream[start:end])]
    assert got == frames
    assert parser.counters == WireCounters(good=len(frames))


def test_single_bytes_are_a_split_too() -> None:
    parser = Parser()
    got = [received.frame for byte in b"".join(FRAMES) for received in parser.feed(bytes([byte]))]
    assert got == FRAMES


_garbage = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(b"\xfd\xfe\x00\x09\x1e"), max_size=40).map(bytes))


@settings(max_examples=300)
@given(st.lists(st.tuples(_garbage, st.sampled_from(FRAMES)), max_size=8), _garbage)
def test_garbage_between_frames_hides_none_of_them(parts: list[tuple[bytes, bytes]], tail: bytes) -> None:
    parser = Parser()
    got = parser.feed(b"".join(garbage + frame for garbage, frame in parts) + tail) + parser.end()
    assert [received.frame for received in got] == [frame for _, frame in parts]
    if tail or any(garbage for garbage, _ in parts):
        assert parser.counters.garbage + parser.counters.unknown > 0


@given(st.sampled_from(FRAMES[:6]), st.data())  # the checksum does not cover a signature: a cut there is not seen
def test_a_truncated_frame_is_none_and_the_next_one_arrives(frame: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(frame) - 1))
    parser = Parser()
    got = parser.feed(frame[:length] + FRAMES[1]) + parser.end()
    assert [received.frame for received in got] == [FRAMES[1]]
    assert parser.counters.garbage + parser.counters.unknown == 1


@given(st.sampled_from(FRAMES[:6]), st.data())
def test_one_flipped_bit_is_no_message(frame: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(1, len(frame) - 1))
    bad = bytearray(frame)
    bad[position] ^= 1 << data.draw(st.integers(0, 7))
    messages, counters = parse_datagram(bytes(bad))
    assert messages == ()
    assert counters.good == 0 and counters.garbage + counters.unknown >= 1


def test_the_dialects_own_boot_text_before_the_first_frame_is_skipped() -> None:
    parser = Parser()
    assert len(parser.feed(b"\n\nInit ArduCopter V4.7.0-dev\n\nFree RAM: 131072\n" + FRAMES[0])) == 1
    assert parser.counters == WireCounters(good=1, garbage=1)


def test_a_message_that_nobody_knows_is_counted_and_never_believed() -> None:
    messages, counters = parse_datagram(_unknown_frame() + FRAMES[0])
    assert [received.name for received in messages] == ["HEARTBEAT"]
    assert counters == WireCounters(good=1, unknown=1)


def test_an_incompatibility_flag_that_we_do_not_know_drops_the_frame() -> None:
    frame = bytearray(FRAMES[0])
    frame[2] = 0x02
    assert parse_datagram(bytes(frame))[0] == ()


def test_a_datagram_does_not_wait_for_the_next_one() -> None:
    stray = b"\xfd\xff\x00"  # announces 267 bytes
    assert parse_datagram(stray) == ((), WireCounters(garbage=1))
    assert len(parse_datagram(FRAMES[0])[0]) == 1


def test_ten_thousand_random_datagrams_make_no_message() -> None:
    generator = random.Random(3)
    total = WireCounters()
    for _ in range(10_000):
        messages, counters = parse_datagram(generator.randbytes(generator.randint(1, 280)))
        assert messages == ()
        total = total.plus(counters)
    assert total.good == 0 and total.garbage + total.unknown >= 10_000


def test_mavlink_1_and_signed_frames_are_read() -> None:
    (old,) = parse_datagram(_v1())[0]
    assert (old.sysid, old.compid, old.name, old.message.time_boot_ms) == (7, 1, "ATTITUDE", 2000)
    (signed,) = parse_datagram(_signed())[0]
    assert (signed.sysid, signed.name) == (8, "HEARTBEAT")


def test_the_encoder_counts_and_names_its_sender() -> None:
    encoder = Encoder(255, 190)
    seen = [parse_datagram(encoder.encode(mavlink.MAVLink_timesync_message(0, 1)))[0][0] for _ in range(258)]
    assert [received.seq for received in seen[:3]] == [0, 1, 2]
    assert seen[256].seq == 0
    assert (seen[0].sysid, seen[0].compid) == (255, 190)


def test_text_fields_end_at_the_first_nul() -> None:
    assert text_of(b"PreArm: x\0junk") == "PreArm: x"
    assert text_of("RTL_ALT\0\0") == "RTL_ALT"
    assert text_of(b"caf\xe9") == "caf�"
