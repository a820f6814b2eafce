"""The simulated camera's stream, read by an ordinary demuxer: no count and no microsecond is lost."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from simulators.nut import NutMuxer
from simulators.thermal import KELVIN_PER_COUNT, PROFILE, SATURATED_COUNT

SMALL = replace(PROFILE, width=64, height=48)


def pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 65_536, (SMALL.height, SMALL.width), dtype=np.uint16) for _ in range(count)]


@pytest.mark.parametrize("codec", ["rawvideo", "ffv1"])
def test_every_count_and_every_microsecond_arrives(codec: str) -> None:
    muxer = NutMuxer(SMALL, vehicle=1, camera="1/100", clock="vehicle-boot", codec=codec)
    stamps = [12.345678, 12.445679, 13.0, 4000.000001]
    sent = pictures(len(stamps))
    data = b"".join(muxer.frame(counts, stamp) for counts, stamp in zip(sent, stamps, strict=True))
    with av.open(io.BytesIO(data), format="nut") as container:
        got = [(frame.pts * frame.time_base, frame.to_ndarray()) for frame in container.decode(video=0)]
    assert [stamp for stamp, _ in got] == [Fraction(round(stamp * 1e6), 1_000_000) for stamp in stamps]
    for (_, counts), original in zip(got, sent, strict=True):
        assert counts.dtype == np.uint16 and (counts == original).all()


def test_the_stream_says_whose_it_is_on_which_clock_and_how_to_read_it() -> None:
    muxer = NutMuxer(SMALL, vehicle=2, camera="2/100", clock="utc")
    with av.open(io.BytesIO(muxer.frame(pictures(1)[0], 1.0)), format="nut") as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert tags["clock"] == "utc" and tags["vehicle"] == "2" and tags["camera"] == "2/100"
    assert float(tags["kelvin_per_count"]) == KELVIN_PER_COUNT
    assert float(tags["kelvin_offset"]) == 0.0
    assert int(tags["saturated_count"]) == SATURATED_COUNT


def test_a_frame_is_handed_out_at_once_and_once() -> None:
    muxer = NutMuxer(SMALL, vehicle=1, camera="1/100", clock="utc")
    first, second = (muxer.frame(counts, float(at)) for at, counts in enumerate(pictures(2)))
    size = SMALL.width * SMALL.height * 2
    assert len(first) >= size and size <= len(second) < size + 200  # no second header, no lag of a frame
