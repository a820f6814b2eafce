"""What a camera has taken: orders, series, film and card, on a clock that is handed in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.captures import ACCEPTED, BUSY, DENIED, FAILED, PICTURE_MIB, SHORTEST_INTERVAL_S, Captures

ME, OTHER = (255, 190), (254, 190)


def taken(captures: Captures, until_s: float, from_s: float = 0.0, step_s: float = 0.02) -> list[tuple[int, float]]:
    found = []
    for tick in range(round((until_s - from_s) / step_s) + 1):
        found += [(picture.index, round(picture.boot_s, 2)) for picture in captures.step(from_s + tick * step_s)]
    return found


def test_one_picture_is_one_picture() -> None:
    captures = Captures(100)
    assert captures.start(0.0, 1, 1, ME) == ACCEPTED
    assert taken(captures, 1.0) == [(0, 0.0)]
    assert captures.used_mib == PICTURE_MIB and not captures.busy


def test_an_order_that_comes_twice_because_its_answer_got_lost_is_one_picture() -> None:
    captures = Captures(100)
    for sequence, sender in ((7, ME), (7, ME), (8, ME), (8, OTHER), (0, ME), (0, ME)):
        assert captures.start(0.0, 1, sequence, sender) == ACCEPTED
        captures.step(1.0)
    assert len(captures.pictures) == 5


@pytest.mark.parametrize(("interval_s", "count", "expected"), [(0.5, 4, [0.0, 0.5, 1.0, 1.5]), (1.0, 2, [0.0, 1.0])])
def test_a_series_ends_at_its_number(interval_s: float, count: int, expected: list[float]) -> None:
    captures = Captures(100)
    captures.step(0.0)
    assert captures.start(interval_s, count, 0, ME) == ACCEPTED
    assert captures.image_status == 2 and captures.interval_s == interval_s
    assert captures.start(0.0, 1, 9, ME) == BUSY
    assert taken(captures, 5.0) == list(enumerate(expected))
    assert (captures.image_status, captures.interval_s) == (0, 0.0)


def test_a_series_without_a_number_goes_on_until_it_is_stopped() -> None:
    captures = Captures(100)
    captures.step(0.0)
    captures.start(0.0, 0, 0, ME)
    assert len(taken(captures, 2.0)) == pytest.approx(2.0 / SHORTEST_INTERVAL_S, abs=2)
    assert captures.stop() == ACCEPTED and captures.stop() == ACCEPTED
    assert taken(captures, 4.0, 2.02) == []


def test_a_full_card_ends_a_series_with_a_picture_that_failed() -> None:
    captures = Captures(3 * PICTURE_MIB + 0.01)
    captures.step(0.0)
    captures.start(1.0, 0, 0, ME)
    assert [index for index, _ in taken(captures, 9.0)] == [0, 1, 2, -1]
    assert not captures.busy
    assert (captures.start(0.0, 1, 2, ME), captures.start_film()) == (FAILED, FAILED)
    assert captures.format(forget=False) == ACCEPTED
    assert captures.start(0.0, 1, 3, ME) == ACCEPTED
    assert taken(captures, 10.0, 9.5) == [(3, 9.5)]
    captures.format(forget=True)
    assert captures.pictures == [] and captures.used_mib == 0.0


def test_a_film_fills_the_card_and_ends_when_it_is_full() -> None:
    captures = Captures(1)
    captures.step(0.0)
    assert captures.stop_film() == FAILED
    assert captures.start_film() == ACCEPTED and captures.start_film() == BUSY
    captures.step(2.0)
    assert (captures.filmed_s, captures.used_mib, captures.format(forget=True)) == (2.0, 0.5, BUSY)
    captures.step(4.5)
    assert not captures.filming and captures.available_mib == 0.0


@pytest.mark.parametrize(
    ("interval_s", "count", "sequence"),
    [(-1.0, 1, 0), (math.inf, 1, 0), (0.0, -1, 0), (0.0, 1.5, 0), (0.0, 1e9, 0), (0.0, 1, -3), (0.0, math.inf, 0)],
)
def test_an_order_without_sense_is_denied(interval_s: float, count: float, sequence: float) -> None:
    captures = Captures(100)
    assert captures.start(interval_s, count, sequence, ME) == DENIED
    assert taken(captures, 1.0) == []


def test_a_clock_that_jumps_is_neither_a_flood_nor_an_end() -> None:
    captures = Captures(1000)
    captures.step(100.0)
    captures.start(0.5, 0, 0, ME)
    assert len(taken(captures, 101.0, 100.0)) == 3
    assert 0 < len(captures.step(4000.0)) <= 5
    captures.step(2.0)  # the vehicle was rebooted
    assert len(taken(captures, 4.0, 2.0)) == pytest.approx(4, abs=1)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("start"), st.floats(0, 2), st.integers(0, 4)),
            st.sampled_from([("stop",), ("start_film",), ("stop_film",), ("format",)]),
            st.tuples(st.just("wait"), st.floats(-1, 5)),
        ),
        max_size=30,
    )
)
def test_the_card_never_holds_more_than_it_can_and_indices_rise_by_one(orders: list[tuple[object, ...]]) -> None:
    captures, now_s = Captures(4), 50.0
    for order in orders:
        match order:
            case ("start", interval_s, count):
                captures.start(interval_s, count, 0, ME)  # type: ignore[arg-type]
            case ("wait", float(seconds)):
                now_s += seconds
                captures.step(now_s)
            case ("format",):
                captures.format(forget=False)
            case (str(name),):
                getattr(captures, name)()
        assert 0.0 <= captures.used_mib <= captures.capacity_mib
        assert [picture.index for picture in captures.pictures] == list(range(len(captures.pictures)))
