"""What has been looked at, and the picture that people see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imagery.coverage import Coverage
from imagery.detect import detect_kelvin
from imagery.frame import FrameKind
from imagery.overlay import picture_of
from imagery.readers.decode import stretched
from tests.imagery.scenes import disc, frame_of, ground_k

SQUARE = np.array([[-50.0, 50.0], [50.0, 50.0], [50.0, -50.0], [-50.0, -50.0]])


def test_ground_seen_twice_counts_once() -> None:
    coverage = Coverage.empty().plus(SQUARE, 10.0)
    once = coverage.area_m2
    coverage = coverage.plus(SQUARE, 12.0)
    assert coverage.area_m2 == once == pytest.approx(10_000.0, rel=0.05)
    assert (coverage.frames, coverage.first_s, coverage.last_s) == (2, 10.0, 12.0)


def test_apart_is_two_polygons_that_cover_the_area() -> None:
    coverage = Coverage.empty().plus(SQUARE, 1.0).plus(SQUARE + np.array([300.0, 0.0]), 2.0)
    polygons = coverage.polygons()
    assert len(polygons) == 2
    for (ring,) in polygons:
        east, north = ring[:, 0], ring[:, 1]
        assert np.ptp(east) == pytest.approx(100.0, abs=5.0) and np.ptp(north) == pytest.approx(100.0, abs=5.0)


def test_nothing_seen_has_no_polygon() -> None:
    assert Coverage.empty().polygons() == [] and Coverage.empty().first_s is None


def test_colour_means_hot_and_the_legend_knows_degrees() -> None:
    image = disc(ground_k(), 300, 200, 6, 600.0)
    jpeg, legend = picture_of(frame_of(image), detect_kelvin(image)[0], quality=95)
    colour = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert colour is not None and colour.shape == (512, 640, 3)
    blue, _, red = (int(value) for value in colour[200, 300])
    assert red > blue + 100
    assert int(np.ptp(colour[400, 100])) < 12  # grey elsewhere
    assert legend.max_c == pytest.approx(326.85, abs=0.1)


def test_a_picture_without_temperatures_has_no_degrees() -> None:
    jpeg, legend = picture_of(frame_of(stretched(ground_k()), FrameKind.AGC8))
    assert jpeg.startswith(b"\xff\xd8") and (legend.min_c, legend.max_c) == (None, None)
