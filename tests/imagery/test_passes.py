"""Passes that each err in their own way: the same fires keep the same numbers, and what is learnt is true."""

from __future__ import annotations

import numpy as np
import pytest

from imagery.georeference import COMMON_STATES, View
from imagery.hotspots import HotspotMemory, fold
from imagery.passes import AWAY_S, Passes
from tests.imagery.scenes import CAMERA, FLAT, LOCAL, PROFILE, detections, observation, pose
from tests.imagery.surveys import HEADINGS_DEG, Survey, Wrong

ME = (1, CAMERA)


@pytest.mark.parametrize(
    ("count", "spacing_m", "least_m"),
    [
        (80, 8.0, 4.8),
        (60, 15.0, 9.0),
        pytest.param(10_000, 12.0, 7.0, marks=pytest.mark.long),
        pytest.param(2_000, 8.0, 4.8, marks=pytest.mark.long),
    ],
)
def test_five_passes_that_err_anew_find_every_fire_once(count: int, spacing_m: float, least_m: float) -> None:
    survey = Survey.over(1, count, spacing_m, least_m)
    for heading_deg in HEADINGS_DEG:
        survey.fly(heading_deg, Wrong.drawn(survey.generator))
    duplicates, lost = survey.duplicates_and_lost()
    assert duplicates <= 0.005 * count
    assert lost <= 0.002 * count


def test_passes_that_err_alike_find_every_fire_once() -> None:
    survey = Survey.over(2, 40, 15.0, 9.0)
    wrong = Wrong.drawn(survey.generator)
    for heading_deg in HEADINGS_DEG[:3]:
        survey.fly(heading_deg, wrong)
    assert survey.duplicates_and_lost() == (0, 0)


def test_what_a_pass_errs_by_is_learnt_from_what_it_sees_again() -> None:
    """Of the first pass nothing can be told; the second is known relative to it better than a receiver knows itself."""
    survey = Survey.over(3, 30, 15.0, 9.0)
    straight = Wrong(np.zeros(3), np.zeros(3), np.zeros(2))
    survey.fly(0.0, straight)
    first = survey.memory.passes
    assert first.covariance == pytest.approx(np.eye(COMMON_STATES), abs=1e-9) and not first.mean.any()
    aside = Wrong(np.array([2.0, -1.5, 0.0]), np.zeros(3), np.zeros(2))
    survey.fly(0.0, aside)
    mean, doubt = survey.memory.passes.difference(1, 0)
    # By another position or by another tilt: what it does to the ground is what is known.
    hotspot = survey.memory.confirmed[0]
    moved, sigma = hotspot.common @ mean, np.sqrt(np.diag(hotspot.common @ doubt @ hotspot.common.T))
    assert moved == pytest.approx(aside.offset_m[:2], abs=0.5)
    assert 0.02 < sigma.max() < 0.6
    assert survey.duplicates_and_lost() == (0, 0)


def test_a_pass_begins_after_a_minute_away_and_not_before() -> None:
    passes, number = Passes().now(ME, 100.0)
    passes, same = passes.now(ME, 100.0 + AWAY_S)
    passes, other = passes.now((2, "2/100"), 161.0)
    passes, later = passes.now(ME, 161.0 + AWAY_S)
    assert (number, same, other, later) == (0, 0, 1, 2)


def test_very_many_passes_cost_no_more_and_the_oldest_err_by_themselves() -> None:
    passes = Passes()
    for flight in range(40):
        passes, number = passes.now(ME, 1_000.0 * flight)
        assert number == flight
    assert len(passes.mean) == 12 * COMMON_STATES and passes.forgotten == 28
    mean, doubt = passes.difference(39, 0)
    assert not mean.any() and doubt == pytest.approx(2.0 * np.eye(COMMON_STATES))


def test_one_sighting_that_is_off_alone_is_another_fire_though_all_may_be_off_alike() -> None:
    """After a minute away all may have moved by four metres; when four have not, the fifth has not either."""
    spots = [(100.0, 100.0), (540.0, 100.0), (100.0, 400.0), (540.0, 400.0)]

    def folded(memory: HotspotMemory, time_s: float, *seen: tuple[float, float]) -> HotspotMemory:
        wide = np.eye(3) * 4.0
        at = pose(time_s=time_s, position_common_m2=wide, position_noise_m2=np.eye(3) * 0.01)
        view = View(at, PROFILE, FLAT, LOCAL)
        return fold(memory, observation(at, detections(*seen, peak_k=500.0)), view, None)[0]

    before = HotspotMemory()
    for step in range(3):
        before = folded(before, float(step), (300.0, 250.0), *spots)
    beside = (300.0 + 4.0 * PROFILE.fx / 80.0, 250.0)
    with_others = folded(before, 500.0, beside, *spots)
    assert len(with_others.hotspots) == 6
    alone = folded(before, 500.0, beside)
    assert len(alone.hotspots) == 5
