"""A bad radio is as bad as it was ordered to be, and the same one twice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.channel import PERFECT, Channel, ChannelError, Quality, Radio, Stream, directions_of, quality_of

PACKETS = [index.to_bytes(4, "big") for index in range(4000)]


def carried(quality: Quality, seed: int = 1) -> list[bytes]:
    channel = Channel(quality, seed)
    arrived: list[bytes] = []
    for index, packet in enumerate(PACKETS):
        channel.push(packet, index * 0.01)
        arrived += channel.pull(index * 0.01)
    return arrived + list(channel.pull(1e9))


def test_a_perfect_radio_carries_everything_at_once_and_in_order() -> None:
    assert carried(PERFECT) == PACKETS
    channel = Channel(PERFECT, 1)
    channel.push(b"now", 5.0)
    assert channel.pull(5.0) == (b"now",)
    assert channel.pull(5.0) == ()


@pytest.mark.parametrize("burst", [1.0, 8.0])
def test_it_loses_the_share_that_was_ordered(burst: float) -> None:
    lost = 1 - len(carried(Quality(loss=0.3, burst=burst))) / len(PACKETS)
    assert lost == pytest.approx(0.3, abs=0.06)


def test_a_burst_takes_as_many_in_a_row_as_was_ordered() -> None:
    arrived = set(carried(Quality(loss=0.2, burst=10.0)))
    gone = "".join("." if packet in arrived else "x" for packet in PACKETS)
    runs = [len(run) for run in gone.split(".") if run]
    assert sum(runs) / len(runs) == pytest.approx(10.0, rel=0.35)


def test_delay_and_jitter_bring_packets_late_and_out_of_order() -> None:
    channel = Channel(Quality(delay_s=0.5), 1)
    channel.push(b"x", 1.0)
    assert channel.pull(1.49) == ()
    assert channel.pull(1.5) == (b"x",)
    arrived = carried(Quality(jitter_s=0.1))
    assert sorted(arrived) == PACKETS
    assert arrived != PACKETS


def test_doubled_packets_come_twice() -> None:
    assert len(carried(Quality(doubled=0.25))) == pytest.approx(1.25 * len(PACKETS), rel=0.05)


def test_the_seed_decides() -> None:
    bad = Quality(0.3, 4.0, 0.1, 0.2, 0.1)
    assert carried(bad, 5) == carried(bad, 5)
    assert carried(bad, 5) != carried(bad, 6)


@given(
    st.builds(Quality, loss=st.floats(0, 0.9), delay_s=st.floats(0, 2), jitter_s=st.floats(0, 2)),
    st.integers(0, 99),
)
def test_nothing_arrives_that_was_not_sent_and_what_is_missing_is_counted(quality: Quality, seed: int) -> None:
    channel = Channel(quality, seed)
    for packet in PACKETS[:50]:
        channel.push(packet, 0.0)
    arrived = channel.pull(1e9)
    assert set(arrived) <= set(PACKETS[:50])
    assert len(arrived) + channel.lost == 50


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"loss": 1.0}, "loss must be a number between 0 and 0.95"),
        ({"burst": 0.5}, "burst must be a number between 1"),
        ({"delay_s": -1.0}, "delay_s must be a number between 0 and 60"),
        ({"jitter_s": float("nan")}, "jitter_s must be"),
        ({"loss": 0.9, "burst": 2.0}, "burst must be 1 or at least 9"),
        ({"corrupt": 1.0}, "corrupt must be a number between 0 and 0.95"),
        ({"queue_bytes": 299}, "queue_bytes must be a whole number between 300"),
        ({"queue_bytes": 512.5}, "queue_bytes must be a whole number"),
        ({"cuts_s": ((5.0, 4.0),)}, r"cuts_s must be \[low, high\]"),
        ({"cuts_s": 3.0}, r"cuts_s must be a list of \[from, to\]"),
    ],
)
def test_figures_that_are_no_radio_are_refused(figures: dict[str, Any], words: str) -> None:
    with pytest.raises(ChannelError, match=words):
        Quality(**figures)


def test_a_share_is_held_back_and_arrives_after_its_successors() -> None:
    arrived = carried(Quality(reorder=0.2, reorder_s=0.035))
    assert sorted(arrived) == PACKETS
    behind = sum(later < earlier for earlier, later in itertools.pairwise(arrived))
    # A run of held-back ones comes as one step backwards: share times the share of those whose successor is not held.
    assert behind == pytest.approx(0.2 * 0.8 * len(PACKETS), rel=0.25)


def test_corruption_changes_one_to_three_bytes_and_never_the_length() -> None:
    packets = [bytes([index % 256]) * 40 for index in range(2000)]
    channel = Channel(Quality(corrupt=0.15), 3)
    for packet in packets:
        channel.push(packet, 0.0)
    arrived = channel.pull(0.0)
    changed = [sum(a != b for a, b in zip(sent, got, strict=True)) for sent, got in zip(packets, arrived, strict=True)]
    broken = [count for count in changed if count]
    assert len(broken) == channel.tally.corrupted == pytest.approx(0.15 * 2000, rel=0.2)
    assert set(broken) == {1, 2, 3}


def test_the_air_is_as_wide_as_ordered_and_what_does_not_fit_in_front_of_it_is_lost() -> None:
    channel = Channel(Quality(bytes_per_s=1000.0, queue_bytes=500), 1)
    for index in range(1000):  # 20,000 bytes/s for 10 s
        channel.push(bytes(200), index * 0.01)
    carried_bytes = sum(len(data) for data in channel.pull(10.0))
    assert 9_400 <= carried_bytes <= 10_000
    assert channel.tally.overflowed == channel.lost == pytest.approx(1000 - 52, abs=3)
    queue = Channel(Quality(bytes_per_s=1000.0), 1)
    queue.push(bytes(100), 0.0)
    queue.push(bytes(100), 0.0)
    assert (len(queue.pull(0.09)), len(queue.pull(0.1)), len(queue.pull(0.19)), len(queue.pull(0.2))) == (0, 1, 0, 1)


def test_a_cut_takes_everything_inside_of_it_and_nothing_else() -> None:
    arrived = carried(Quality(cuts_s=((10.0, 12.0), (30.0, 31.0))))
    assert arrived == PACKETS[:1000] + PACKETS[1200:3000] + PACKETS[3100:]


def test_gaps_come_as_often_as_ordered_and_fall_on_both_directions() -> None:
    quality = Quality(gap_s=2.0, gap_every_s=8.0)
    radio = Radio(quality, quality, seed=4)
    for index in range(20_000):
        radio.up.push(b"x", index * 0.1)
        radio.down.push(b"x", index * 0.1)
    assert radio.up.tally == radio.down.tally
    assert radio.up.tally.cut / 20_000 == pytest.approx(2.0 / (2.0 + 8.0), abs=0.05)


def test_a_stream_arrives_whole_and_in_order_only_late() -> None:
    quality = Quality(loss=0.3, corrupt=0.1, delay_s=0.05, jitter_s=0.05, reorder=0.3, doubled=0.3, cuts_s=((3, 5),))
    stream = Stream(quality, 2)
    delays, arrived, index = [], [], 0
    for tick in range(6000):
        now_s = tick * 0.01
        if tick % 5 == 0 and index < 400:
            stream.push(index.to_bytes(4, "big"), now_s)
            index += 1
        for data in stream.pull(now_s):
            delays.append(now_s - int.from_bytes(data, "big") * 0.05)
            arrived.append(data)
    assert arrived == PACKETS[:400]
    assert min(delays) >= 0.05
    assert max(delays) > 2.0, "what was sent at the begin of the cut came through it"
    assert stream.next_s is None


def test_a_full_queue_holds_a_stream_back() -> None:
    stream = Stream(Quality(bytes_per_s=100.0, queue_bytes=300), 1)
    stream.push(bytes(300), 0.0)
    assert stream.wait_s(100, 0.5) == pytest.approx(0.5) and stream.wait_s(100, 1.0) == 0.0
    with pytest.raises(ChannelError, match="200 bytes do not fit into a queue of 300"):
        stream.push(bytes(200), 1.0)


def test_a_quality_is_read_from_words() -> None:
    text = "loss=0.3, burst=4,queue_bytes=900,cuts_s=10-12/30-35.5"
    assert quality_of(text) == Quality(0.3, 4.0, queue_bytes=900, cuts_s=((10.0, 12.0), (30.0, 35.5)))
    assert quality_of("") == PERFECT
    both = directions_of(["loss=0.1", "up:delay_s=2"], ("up", "down"))
    assert both == {"up": Quality(delay_s=2.0), "down": Quality(loss=0.1)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("los=0.3", "'los=0.3' is unknown; allowed are NAME=VALUE of loss, burst"),
        ("loss", "'loss' is unknown"),
        ("loss=much", "loss=much is no number"),
        ("loss=2", "loss must be a number between 0 and 0.95"),
        ("queue_bytes=1e3", "queue_bytes=1e3 is no number"),
        ("cuts_s=10", "cuts_s=10 is no number"),
        ("side:loss=0.1", "direction 'side' is unknown; allowed are up, down"),
    ],
)
def test_words_that_are_no_quality_are_refused(text: str, words: str) -> None:
    with pytest.raises(ChannelError, match=words):
        directions_of([text], ("up", "down"))
