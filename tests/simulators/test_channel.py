"""A bad radio is as bad as it was ordered to be, and the same one twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.channel import PERFECT, Channel, ChannelError, Quality

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
        ({"loss": 1.0}, "loss must be between 0 and 0.95"),
        ({"burst": 0.5}, "burst must be between 1"),
        ({"delay_s": -1.0}, "delay_s must be between 0 and 60"),
        ({"jitter_s": float("nan")}, "jitter_s must be"),
        ({"loss": 0.9, "burst": 2.0}, "burst must be 1 or at least 9"),
    ],
)
def test_figures_that_are_no_radio_are_refused(figures: dict[str, float], words: str) -> None:
    with pytest.raises(ChannelError, match=words):
        Quality(**figures)
