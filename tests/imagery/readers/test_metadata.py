"""What a video says of its places: DJI's subtitles and MISB ST 0601, known answers and damage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.readers import ReadError, klv, srt
from tests.imagery.sources.transport import KEY, local_set

NEW = """1
00:00:00,000 --> 00:00:00,033
<font size="28">FrameCnt: 1, DiffTime: 33ms
2026-03-14 21:30:10.123
[iso: 100] [shutter: 1/60.0] [latitude: 51.434400] [longitude: 6.762300] [rel_alt: 60.100 abs_alt: 93.2]
[gb_yaw: -12.5 gb_pitch: -90.0 gb_roll: 0.0] </font>

2
00:00:00,033 --> 00:00:00,066
[latitude: 0.0] [longtitude: 0.0] [rel_alt: 60.1 abs_alt: 93.2]
"""
OLD = "7\n00:01:02,500 --> 00:01:03,500\nHOME(6.7,51.4) 2017.08.05\nGPS(6.7623,51.4344,18) BAROMETER:44.5\n"
UTC_S = 1_773_523_810.25


def test_subtitles_of_both_kinds() -> None:
    first, second = srt.parse(NEW, "a.srt")
    facts = first.facts
    assert (first.at_s, facts.lat_deg, facts.lon_deg) == (0.0, 51.4344, 6.7623)
    assert (facts.above_home_m, facts.alt_m, facts.gimbal_deg) == (60.1, 93.2, (0.0, -90.0, -12.5))
    assert facts.time_s is None, "a local time without its zone is none"
    assert second.at_s == 0.033 and second.facts.lat_deg is None and second.facts.gimbal_deg is None
    (old,) = srt.parse(OLD, "b.srt")
    assert (old.at_s, old.facts.lat_deg, old.facts.lon_deg) == (62.5, 51.4344, 6.7623)
    assert old.facts.above_home_m == 44.5


@pytest.mark.parametrize("text, words", [("", "no subtitle"), (OLD + NEW, "comes after one at 62.500 s")])
def test_subtitles_that_are_none_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(ReadError, match=f"^a.srt: .*{words}"):
        srt.parse(text, "a.srt")


def test_a_set_of_misb_metadata_says_when_where_and_whither() -> None:
    (cue,) = klv.cues(b"noise" + local_set(UTC_S, heading=350.0, azimuth=40.0, elevation=-30.0), "a.ts")
    facts = cue.facts
    assert cue.at_s == UTC_S == facts.time_s and cue.ground_m == pytest.approx(30.0, abs=0.2)
    assert (facts.lat_deg, facts.lon_deg) == pytest.approx((51.45, 6.75), abs=1e-6)
    assert facts.alt_m == pytest.approx(110.0, abs=0.2)
    assert facts.gimbal_deg is not None
    roll, pitch, yaw = facts.gimbal_deg
    assert (roll, pitch, yaw % 360.0) == pytest.approx((0.0, -30.0, 30.0), abs=0.01)


def test_the_standards_own_example_of_a_checksum_and_of_values() -> None:
    """ST 0601: 0x5CF6... of latitude 60.1768° is 0x5595B66D; 0x80000000 is "out of range"."""
    tags = {13: bytes.fromhex("5595B66D"), 14: bytes.fromhex("80000000"), 5: bytes.fromhex("71C2")}
    assert klv._number(tags, 13) == pytest.approx(60.176822966978335, abs=1e-9)
    assert klv._number(tags, 14) is None
    assert klv._number(tags, 5) == pytest.approx(159.974, abs=1e-3)
    assert klv.checksum(b"\x01\x02\x03") == 0x0402


@pytest.mark.parametrize(
    "data, words",
    [
        (local_set(UTC_S, spoilt=True), "checksum"),
        (local_set(UTC_S)[:60], "outside of its packet"),
        (KEY + b"\x88" + bytes(20), "a length of 8 bytes"),
        (KEY, "ends inside a length"),
        (KEY + b"\x03\x02\x7f\x00", "outside of its set"),
    ],
)
def test_a_damaged_set_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(ReadError, match=f"^a.ts: .*{words}"):
        list(klv.sets(data, "a.ts"))


def test_a_clock_that_nobody_set_is_no_time() -> None:
    assert klv.cues(local_set(12.0), "a") == [] and klv.cues(b"", "a") == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_is_read_or_refused_but_never_a_crash(draw: st.DataObject) -> None:
    kind = draw.draw(st.sampled_from(["klv", "srt"]))
    damaged = bytearray(local_set(UTC_S) * 2 if kind == "klv" else NEW.encode())
    for _ in range(draw.draw(st.integers(1, 6))):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(damaged[: draw.draw(st.integers(0, len(damaged)))])
    with contextlib.suppress(ReadError):
        if kind == "klv":
            klv.cues(cut, "d")
        else:
            srt.parse(cut.decode("utf-8", "replace"), "d")


def test_a_text_made_to_be_slow_is_read_in_a_moment() -> None:
    text = "00:00:00,000 --> " + "latitude" * 40_000 + "GPS(" + "1" * 200_000 + " : " * 50_000
    assert len(srt.parse(text, "slow")) == 1
    many = b"".join(KEY + b"\x00" for _ in range(20_000))
    with pytest.raises(ReadError):
        list(klv.sets(many, "many"))
