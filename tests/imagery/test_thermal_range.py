"""A temperature that is told beside the picture belongs to one detection, and to no other."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.detections import Detections
from imagery.georeference import View
from imagery.hotspots import HotspotMemory, fold, properties
from imagery.observe import FrameObservation
from imagery.thermal_range import hottest_of
from tests.imagery.scenes import FLAT, LOCAL, PROFILE, detections, observation, pose

CENTRE = (320.0, 256.0)
OTHER = (CENTRE[0] + 120.0, CENTRE[1] + 60.0)


def _grey(*spots: tuple[float, float]) -> Detections:
    return replace(detections(*spots, peak_k=255.0), radiometric=False, kind="unknown")


def test_it_belongs_to_the_one_that_holds_the_hottest_pixel() -> None:
    found = _grey(CENTRE, OTHER)
    assert hottest_of(found, *OTHER, 412.0, margin_px=12.0) == (1, pytest.approx(685.15))
    assert hottest_of(found, CENTRE[0] + 10.0, CENTRE[1], 80.0, margin_px=12.0) == (0, pytest.approx(353.15))


def test_it_is_nobodys_where_it_is_not_clear_whose() -> None:
    side_by_side = _grey(CENTRE, (CENTRE[0] + 14.0, CENTRE[1]))
    assert hottest_of(side_by_side, CENTRE[0] + 7.0, CENTRE[1], 412.0, margin_px=12.0) is None  # between the two
    assert hottest_of(side_by_side, *CENTRE, 412.0, margin_px=12.0) == (0, pytest.approx(685.15))  # within one
    assert hottest_of(_grey(CENTRE), 5.0, 5.0, 412.0, margin_px=12.0) is None  # a chimney that nobody has detected
    assert hottest_of(_grey(), *CENTRE, 412.0, margin_px=12.0) is None
    assert hottest_of(_grey(CENTRE), *CENTRE, 65_535.0, margin_px=12.0) is None
    assert hottest_of(detections(CENTRE), *CENTRE, 412.0, margin_px=12.0) is None  # it has temperatures of its own


@given(st.floats(-50.0, 700.0), st.floats(-50.0, 600.0))
def test_wherever_it_lies_at_most_one_gets_it_and_that_one_is_near(u: float, v: float) -> None:
    found = _grey(CENTRE, OTHER, (100.0, 100.0), (108.0, 100.0))
    answer = hottest_of(found, u, v, 300.0, margin_px=12.0)
    if answer is not None:
        x, y, width, height = found.bbox[answer[0]]
        assert x - 12.0 <= u <= x + width + 11.0 and y - 12.0 <= v <= y + height + 11.0


def test_of_two_hotspots_one_has_a_temperature_and_the_other_has_none() -> None:
    memory, ring = HotspotMemory(), None
    for step in range(4):
        at = pose(time_s=step / 9)
        view = View(at, PROFILE, FLAT, LOCAL)
        ring = view.footprint()
        assert isinstance(ring, np.ndarray)
        seen = replace(observation(at, _grey(CENTRE, OTHER)), hottest=(1, 600.0 + step % 2) if step else None)
        memory, _ = fold(memory, seen, view, ring)
    told = [properties(hotspot, LOCAL) for hotspot in memory.confirmed]
    assert [each["peak_c"] for each in told] == [None, pytest.approx(327.9)]
    assert [each["peak_is_lower_bound"] for each in told] == [None, True]
    assert [each["contrast_k"] for each in told] == [None, None]  # grey levels are no kelvin


def test_the_journal_keeps_it_and_old_journals_are_read() -> None:
    seen = replace(observation(pose(), _grey(CENTRE)), hottest=(0, 600.125))
    again = FrameObservation.from_json(json.loads(json.dumps(seen.to_json())))
    assert again.hottest == (0, 600.125) and again.to_json() == seen.to_json()
    without = observation(pose(), _grey(CENTRE)).to_json()
    assert "hottest" not in without and FrameObservation.from_json(without).hottest is None
