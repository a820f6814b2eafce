"""Ways around no-fly areas: never through, never longer than needed, and a clear word where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Polygon, box

from missions.avoid import AvoidError, around, cut, grown
from missions.search import length_m


def test_a_leg_that_meets_nothing_stays() -> None:
    track = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 50.0]])
    assert around(track, grown([box(20, 20, 60, 60)], 5.0)) is not track
    assert around(track, grown([box(20, 20, 60, 60)], 5.0)) == pytest.approx(track)


def test_the_way_around_a_square_is_the_shorter_side() -> None:
    keep_out = grown([box(40, -10, 60, 40)], 0.5)
    way = around(np.array([[0.0, 0.0], [100.0, 0.0]]), keep_out)
    assert way[1:-1, 1].max() < 0.0 and len(way) == 4
    straight = 2 * np.hypot(39.5, 10.5) + 21.0
    assert length_m(way) == pytest.approx(straight, abs=0.1)


@given(st.lists(st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(5, 40)), min_size=1, max_size=4))
def test_no_leg_crosses_what_is_kept_out(squares: list[tuple[float, float, float]]) -> None:
    keep_out = grown([box(x, y, x + side, y + side) for x, y, side in squares], 3.0)
    way = around(np.array([[-200.0, -190.0], [200.0, 190.0], [200.0, -190.0], [-200.0, 190.0]]), keep_out)
    assert not keep_out.buffer(-0.02).intersects(LineString(way))
    for corner in ([-200.0, -190.0], [200.0, 190.0], [200.0, -190.0], [-200.0, 190.0]):
        assert np.isclose(way, corner).all(axis=1).any()


def test_lines_are_cut_in_the_direction_of_flight() -> None:
    keep_out = grown([box(40, -10, 60, 10)], 0.0001)
    back = cut([np.array([[100.0, 0.0], [0.0, 0.0]])], keep_out)
    assert [part[0, 0] for part in back] == pytest.approx([100.0, 40.0], abs=0.1)


def test_a_place_walled_in_has_no_way_out() -> None:
    ring = Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(10, 10), (90, 10), (90, 90), (10, 90)]])
    with pytest.raises(AvoidError, match="no way around"):
        around(np.array([[50.0, 50.0], [300.0, 50.0]]), grown([ring], 1.0))
    with pytest.raises(AvoidError, match="ends inside a no-fly area"):
        around(np.array([[-50.0, 50.0], [5.0, 50.0]]), grown([box(0, 0, 100, 100)], 1.0))
