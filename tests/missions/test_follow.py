"""Terrain following as plain geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.follow import FollowError, follow, sample_track
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import FlatGround

FRAME = LocalFrame(GeoPoint(51.4325, 6.7605, 0.0, Datum.SEA_LEVEL))
_points = st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=2, max_size=6).map(
    lambda points: np.array(points)
)


@given(_points, st.floats(1.0, 50.0))
def test_samples_hold_every_corner_and_keep_the_step(points: np.ndarray, step: float) -> None:
    track = sample_track(points, step)
    assert np.allclose(track.east_north[track.corner], points, rtol=0, atol=1e-9)
    assert np.diff(track.distance_m).max(initial=0.0) <= step * (1 + 1e-9)
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    assert np.isclose(track.distance_m[-1], length)


class Waves:
    """Rolling hills of a given height and length, running east."""

    datum = Datum.SEA_LEVEL
    sigma_m = 1.0
    step_m = 2.0

    def __init__(self, height_m: float, length_m: float) -> None:
        self._height, self._length = height_m, length_m

    def range_m(self) -> tuple[float, float]:
        return -self._height, self._height

    def height_at(self, lat_deg: object, lon_deg: object) -> np.ndarray:
        east = (np.asarray(lon_deg, float) - FRAME.origin.lon_deg) * 69_500.0
        return self._height * np.sin(2 * np.pi * east / self._length)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 60.0), st.floats(150.0, 600.0), st.floats(1.0, 10.0))
def test_the_flight_line_stays_above_and_not_much_above(height: float, length: float, tolerance: float) -> None:
    hills = Waves(height, length)
    flown = follow(np.array([[-400.0, 0.0], [400.0, 0.0]]), FRAME, hills, 50.0, tolerance)
    fine = sample_track(flown[:, :2], 1.0)
    line = np.interp(fine.east_north[:, 0], flown[:, 0], flown[:, 2])
    lat, lon, _ = FRAME.geo_from_enu(np.column_stack([fine.east_north, np.zeros(len(fine.east_north))]))
    above = line - hills.height_at(lat, lon)
    assert above.min() > 50.0 - 0.3
    # the lead of 15 m costs slope · 15 m, the simplification three tolerances
    slope = 2 * np.pi * height / length
    assert above.max() < 50.0 + 3.0 * tolerance + 2 * 20.0 * slope + 0.5


def test_a_ground_in_another_datum_is_refused() -> None:
    with pytest.raises(FollowError, match="ellipsoid"):
        follow(np.array([[0.0, 0.0], [9.0, 0.0]]), FRAME, FlatGround(33.0, Datum.ELLIPSOID), 50.0, 1.0)


class Ridge(Waves):
    """Flat ground at 0 m with a wall of 20 m that runs east between two norths, metres."""

    def __init__(self, south_m: float, north_m: float) -> None:
        super().__init__(0.0, 1.0)
        self._south, self._north = south_m, north_m

    def height_at(self, lat_deg: object, lon_deg: object) -> np.ndarray:
        north = (np.asarray(lat_deg, float) - FRAME.origin.lat_deg) * 111_250.0
        return np.where((north > self._south) & (north < self._north), 20.0, 0.0)


@pytest.mark.parametrize(("south", "north", "height"), [(2.5, 5.0, 70.0), (-5.0, -2.5, 70.0), (7.0, 20.0, 50.0)])
def test_a_wall_within_five_metres_beside_the_line_counts_as_under_it(
    south: float, north: float, height: float
) -> None:
    flown = follow(np.array([[-50.0, 0.0], [50.0, 0.0]]), FRAME, Ridge(south, north), 50.0, 2.0)
    assert np.allclose(flown[:, 2], height)
