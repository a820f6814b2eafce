"""The world's own geometry against other people's: pyproj for places, plain vectors for rotations."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.geodesy import Plane, matrix_of, rotation, small_rotation, wire_quaternion

PLANE = Plane(51.4344, 6.7623, 33.0)
METRES = st.floats(-2000.0, 2000.0)
ANGLES = st.floats(-3.1, 3.1)


@given(east=METRES, north=METRES, up=st.floats(-50.0, 500.0))
def test_there_and_back_is_a_hundredth_of_a_millimetre(east: float, north: float, up: float) -> None:
    enu = np.array([east, north, up])
    assert PLANE.enu(*PLANE.geo(enu)) == pytest.approx(enu, abs=1e-5)


@given(east=METRES, north=METRES)
def test_a_place_is_where_pyproj_has_it(east: float, north: float) -> None:
    pipeline = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        "+step +proj=topocentric +ellps=WGS84 +lat_0=51.4344 +lon_0=6.7623 +h_0=33"
    )
    lat, lon, alt = PLANE.geo(np.array([east, north, 40.0]))
    assert pipeline.transform(lon, lat, alt) == pytest.approx((east, north, 40.0), abs=1e-4)


@pytest.mark.parametrize(
    ("roll", "pitch", "yaw", "nose", "right"),
    [
        (0.0, 0.0, 90.0, (0, 1, 0), (-1, 0, 0)),  # nose to the east, right wing to the south
        (0.0, 90.0, 0.0, (0, 0, -1), (0, 1, 0)),  # nose up
        (90.0, 0.0, 0.0, (1, 0, 0), (0, 0, 1)),  # right wing down
    ],
)
def test_the_axes_of_an_aircraft(
    roll: float, pitch: float, yaw: float, nose: tuple[float, ...], right: tuple[float, ...]
) -> None:
    matrix = rotation(*(math.radians(angle) for angle in (roll, pitch, yaw)))
    assert matrix[:, 0] == pytest.approx(nose, abs=1e-12)
    assert matrix[:, 1] == pytest.approx(right, abs=1e-12)


@given(roll=ANGLES, pitch=st.floats(-1.5, 1.5), yaw=ANGLES)
def test_a_quaternion_on_the_wire_is_the_same_rotation(roll: float, pitch: float, yaw: float) -> None:
    matrix = rotation(roll, pitch, yaw)
    w, x, y, z = wire_quaternion(matrix)
    assert w * w + x * x + y * y + z * z == pytest.approx(1.0, abs=1e-9)
    assert np.abs(matrix_of(w, x, y, z) - matrix).max() < 1e-5


def test_a_small_rotation_is_rodrigues_and_none_is_none() -> None:
    assert (small_rotation(0.0, 0.0, 0.0) == np.eye(3)).all()
    assert small_rotation(0.0, 0.0, math.pi / 2) == pytest.approx(rotation(0.0, 0.0, math.pi / 2), abs=1e-12)
