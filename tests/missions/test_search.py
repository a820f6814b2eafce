"""Search patterns against the manual's tables, and what moves with the datum."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Polygon, box
from shapely.affinity import rotate, translate

from missions import search
from missions.search import SearchError


def headings_and_lengths(track: np.ndarray) -> tuple[list[float], list[float]]:
    steps = np.diff(track, axis=0)
    headings = [math.degrees(math.atan2(e, n)) % 360.0 for e, n in steps]
    return headings, [float(np.hypot(e, n)) for e, n in steps]


def test_an_expanding_square_is_the_manuals() -> None:
    headings, lengths = headings_and_lengths(search.expanding_square(100.0, 8, 30.0))
    assert lengths == pytest.approx([100, 100, 200, 200, 300, 300, 400, 400])
    assert headings == pytest.approx([30, 120, 210, 300, 30, 120, 210, 300])
    assert headings_and_lengths(search.expanding_square(100.0, 2, 30.0, second=True))[0] == pytest.approx([75, 165])
    assert headings_and_lengths(search.expanding_square(50.0, 3, 0.0, clockwise=False))[0] == pytest.approx(
        [0, 270, 180]
    )


def test_neighbouring_legs_of_a_square_lie_one_spacing_apart() -> None:
    track = search.expanding_square(80.0, 12, 17.0)
    lines = [LineString(track[k : k + 2]) for k in range(len(track) - 1)]
    for k in range(len(lines) - 4):
        assert lines[k].distance(lines[k + 4]) == pytest.approx(80.0, abs=1e-6)


def test_a_sector_search_is_three_triangles_through_the_datum() -> None:
    track = search.sector(300.0, 0.0)
    headings, lengths = headings_and_lengths(track)
    assert lengths == pytest.approx([300.0] * 9)
    assert headings == pytest.approx([0, 120, 240, 240, 0, 120, 120, 240, 0], abs=1e-6)
    at_datum = [k for k, point in enumerate(track) if float(np.hypot(*point)) < 1e-6]
    assert at_datum == [0, 3, 6, 9]
    assert headings_and_lengths(search.sector(300.0, 0.0, second=True))[0][0] == pytest.approx(30.0)
    # Away from the datum every turn is 120° to the right; through it the drone goes straight on.
    turns = [(b - a + 1e-6) % 360.0 for a, b in pairwise(headings)]
    assert turns == pytest.approx([120, 120, 0, 120, 120, 0, 120, 120], abs=1e-5)


@pytest.mark.parametrize("turned", [0.0, 33.0, 90.0])
def test_parallel_track_lies_half_a_spacing_inside_along_the_long_side(turned: float) -> None:
    area = translate(rotate(box(0, 0, 400, 1000), turned), 5000.0, -300.0)
    track = search.parallel_track(area, 100.0)
    assert len(track) == 8 and headings_and_lengths(track)[1][0] == pytest.approx(900.0, abs=1e-6)
    line = LineString(track)
    assert area.exterior.distance(line) == pytest.approx(50.0, abs=1e-6) and area.contains(line)
    creeping = search.creeping_line(area, 100.0)
    assert len(creeping) == 20 and headings_and_lengths(creeping)[1][0] == pytest.approx(300.0, abs=1e-6)


@given(st.floats(30.0, 150.0), st.floats(300.0, 900.0), st.floats(300.0, 900.0), st.floats(0.0, 180.0))
def test_no_place_of_the_area_is_further_than_half_a_spacing_from_a_leg(
    spacing: float, wide: float, high: float, turned: float
) -> None:
    area = rotate(box(0, 0, wide, high), turned)
    # Round caps are polygons inside the circle: 64 corners a quarter are short by 1e-4 of the radius.
    reach = 0.5 * spacing * math.sqrt(2) * (1.0 + 1e-4) + 1e-6
    seen = LineString(search.parallel_track(area, spacing)).buffer(reach, quad_segs=64)
    assert seen.covers(area.buffer(-1e-6))


def test_it_begins_at_the_corner_nearest_to_who_comes() -> None:
    area = box(0, 0, 400, 1000)
    for corner in [(0, 0), (400, 0), (0, 1000), (400, 1000)]:
        track = search.parallel_track(area, 100.0, start=np.array(corner, float))
        assert np.abs(track[0] - corner) == pytest.approx([50.0, 50.0])


def test_a_track_line_goes_out_on_the_right_and_back_on_the_left() -> None:
    route = np.array([[0.0, 0.0], [0.0, 500.0], [400.0, 500.0]])
    track = search.track_line(route, 60.0)
    assert track[0] == pytest.approx([30.0, 0.0]) and track[-1] == pytest.approx([-30.0, 0.0])
    assert max(LineString(route).distance(LineString([p, p + 1e-9])) for p in track) < 30.0 * math.sqrt(2) + 1e-6
    with pytest.raises(SearchError, match="shorter"):
        search.track_line(np.array([[0.0, 0.0], [1.0, 0.0]]), 60.0)


@given(st.floats(0.1, 3.0), st.floats(0.0, 360.0))
def test_a_pattern_adrift_is_right_relative_to_what_drifts(drift: float, towards: float) -> None:
    square, speed = search.expanding_square(60.0, 9, 0.0), 8.0
    ground = search.adrift(square, speed, drift, towards)
    times = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ground, axis=0), axis=1))]) / speed
    angle = math.radians(towards)
    carried = times[:, None] * drift * np.array([math.sin(angle), math.cos(angle)])
    assert np.abs(ground - carried - square).max() < 1e-3


def test_what_a_search_is_worth() -> None:
    assert search.pod_random(1.0) == pytest.approx(1 - math.exp(-1))
    assert search.pod_parallel(1.0) == pytest.approx(0.7899, abs=1e-3)
    assert search.pod_after([0.5, 0.5]) == 0.75
    assert search.pod_parallel(search.coverage_factor(60.0, 30.0)) > search.pod_random(2.0)


@pytest.mark.parametrize(
    "plan, words",
    [
        (lambda: search.expanding_square(1.0, 5, 0.0), "track spacing 1 m: allowed are 2 to 2000 m"),
        (lambda: search.sector(2.0, 0.0), "radius 2 m"),
        (lambda: search.parallel_track(box(0, 0, 50, 60), 100.0), "the area is 60 × 50 m"),
        (lambda: search.adrift(np.zeros((2, 2)), 5.0, 3.0, 0.0), "drift 3 m/s"),
        (lambda: search.parallel_track(Polygon([(0, 0), (9e4, 0), (9e4, 9e4), (0, 9e4)]), 100.0), "900 legs"),
    ],
)  # fmt: skip
def test_what_cannot_be_flown_is_refused_with_the_value(plan: object, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        plan()  # type: ignore[operator]
