"""A thousand uploads over a radio that loses every third packet each way, doubles, overtakes, falls silent and is cut.

What is called verified is on board, every time; without a cut nearly all are verified, and quickly; with one the end is
true and does not take for ever. The short form runs always, the long one is marked so.
"""

from __future__ import annotations

import random
from collections import Counter
from statistics import median

import pytest

from ground_station.operation import NOT_FLYABLE, REFUSED, UNKNOWN, VERIFIED
from simulators.channel import Quality
from tests.ground_station.uploads import holds, route, upload

pytestmark = pytest.mark.rehearsal

BAD = {"loss": 0.3, "doubled": 0.1, "delay_s": 0.03, "jitter_s": 0.02, "reorder": 0.1, "reorder_s": 0.3}
GAPS = {"gap_s": 2.0, "gap_every_s": 20.0}


def _one(seed: int, quality: Quality, points: int) -> tuple[str, float, int]:
    """Outcome, seconds and items of one upload, over another plan; fails on a false claim."""
    items = route(points, seed)
    air = upload(quality, seed, items)
    before = route(points + seed % 7, seed + 90_000)
    air.hold(before)
    outcome = air.run()
    assert outcome in (VERIFIED, NOT_FLYABLE, UNKNOWN, REFUSED)
    if outcome == VERIFIED:
        assert holds(air.board, items), f"seed {seed} is called verified and is not on board"
    if outcome == REFUSED:
        assert holds(air.board, before), f"seed {seed} is called refused, and the plan of before is gone"
    return outcome, air.now_s, len(items)


def _without_cuts(seeds: range) -> tuple[Counter[str], list[float]]:
    """Every fourth a full hundred items: only these are timed."""
    outcomes, seconds = Counter[str](), []
    for seed in seeds:
        points = 98 if seed % 4 == 0 else 5 + seed % 30
        outcome, took_s, items = _one(seed, Quality(**BAD, **GAPS), points)
        outcomes[outcome] += 1
        if items == 100 and outcome == VERIFIED:
            seconds.append(took_s)
    return outcomes, seconds


def _with_cuts(seeds: range) -> Counter[str]:
    outcomes = Counter[str]()
    for seed in seeds:
        rng = random.Random(seed)
        begin_s = rng.uniform(0.2, 8.0)
        cut = (begin_s, begin_s + rng.choice([3.0, 6.0, 9.0, 12.0, 1e5]))
        outcome, took_s, _ = _one(seed, Quality(**BAD, **GAPS, cuts_s=(cut,)), 20)
        outcomes[outcome] += 1
        assert took_s < 120.0, f"seed {seed} took {took_s:.0f} s"
        if cut[1] == 1e5:
            assert outcome != VERIFIED or took_s <= begin_s + 0.5, f"seed {seed}: verified without a radio"
    return outcomes


def test_of_forty_uploads_at_thirty_percent_loss_nearly_all_are_verified_and_quickly() -> None:
    outcomes, seconds = _without_cuts(range(40))
    assert outcomes[VERIFIED] >= 38, outcomes
    assert median(seconds) <= 45.0, sorted(seconds)


def test_of_twenty_uploads_that_are_cut_each_ends_true_and_in_time() -> None:
    outcomes = _with_cuts(range(1_000, 1_020))
    assert outcomes[VERIFIED] and outcomes[NOT_FLYABLE], outcomes


@pytest.mark.long
def test_seven_hundred_uploads_without_a_cut() -> None:
    outcomes, seconds = _without_cuts(range(10_000, 10_700))
    print(f"\n{dict(outcomes)}; 100 items: median {median(seconds):.1f} s, slowest {max(seconds):.1f} s")
    assert outcomes[VERIFIED] >= 0.95 * 700, outcomes
    assert median(seconds) <= 45.0


@pytest.mark.long
def test_three_hundred_uploads_with_a_cut() -> None:
    outcomes = _with_cuts(range(20_000, 20_300))
    print(f"\n{dict(outcomes)}")
    assert outcomes[VERIFIED] and outcomes[NOT_FLYABLE], outcomes
