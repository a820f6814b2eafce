"""Hotspots to fires: the assignment is the best one there is, whatever the order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.burning import Fire
from simulators.matching import EMBER_MATCH_M, MATCH_M, assign, match
from simulators.truths import targets_of

tables = st.integers(1, 4).flatmap(
    lambda rows: st.integers(rows, 5).flatmap(
        lambda columns: st.lists(
            st.lists(st.one_of(st.floats(0.0, 20.0), st.just(float("inf"))), min_size=columns, max_size=columns),
            min_size=rows,
            max_size=rows,
        )
    )
)


def best(cost: np.ndarray) -> tuple[int, float]:
    """(most pairs, least total of those) by trying all."""
    rows, columns = cost.shape
    found = []
    for order in permutations(range(columns), rows):
        values = [cost[row, column] for row, column in enumerate(order) if np.isfinite(cost[row, column])]
        found.append((-len(values), sum(values)))
    most, total = min(found)
    return -most, total


@given(tables)
def test_no_other_assignment_has_more_pairs_or_a_smaller_sum(rows: list[list[float]]) -> None:
    cost = np.array(rows)
    for table in (cost, cost.T):
        pairs = assign(table)
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
        total = sum(table[row, column] for row, column in pairs)
        assert np.isfinite(total)
        most, least = best(cost)
        assert len(pairs) == most and total == pytest.approx(least, abs=1e-6)


def test_nothing_to_nothing() -> None:
    assert assign(np.zeros((0, 3))) == [] and assign(np.zeros((2, 0))) == []


def embers(*places: tuple[float, float]) -> tuple[Fire, ...]:
    return tuple(Fire(i, e, n, 33.0, 0.1, 600.0, False, kind="ember") for i, (e, n) in enumerate(places, 1))


def test_a_row_of_embers_that_is_shown_a_step_aside_is_found_as_a_row() -> None:
    """Nearest-first would give the second hotspot the first ember's neighbour and so on to a miss at the end."""
    targets = targets_of(embers((0, 0), (2, 0), (4, 0), (6, 0)), (), "embers")
    shown = np.array([(1.2, 0.0), (3.2, 0.0), (5.2, 0.0), (7.2, 0.0)])
    matching = match(targets, shown, [0.0] * 4)
    assert matching.pairs == {1: 0, 2: 1, 3: 2, 4: 3}
    assert not matching.duplicates and not matching.false
    assert matching.offsets[3] == pytest.approx((1.2, 0.0))


def test_an_ember_has_to_be_nearer_than_a_fire() -> None:
    fire = (Fire(1, 0.0, 0.0, 33.0, 1.0, 600.0, False),)
    between = np.array([(0.5 * (EMBER_MATCH_M + MATCH_M), 0.0)])
    assert match(targets_of(fire, (), "fire"), between, [0.0]).pairs == {1: 0}
    assert match(targets_of(embers((0, 0)), (), "embers"), between, [0.0]).false == (0,)


def test_a_fire_that_runs_is_where_it_was_when_it_was_seen() -> None:
    runs = (Fire(1, 0.0, 0.0, 33.0, 1.0, 600.0, False, drift_m_s=(1.0, 0.0)),)
    targets = targets_of(runs, (), "fire")
    assert match(targets, np.array([(60.0, 0.0)]), [60.0]).offsets[1] == pytest.approx((0.0, 0.0))
    assert match(targets, np.array([(60.0, 0.0)]), [10.0]).false == (0,)
