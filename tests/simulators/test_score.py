"""The score against flights that were never flown: hotspots put by hand around fires put by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulators.fire import Fire
from simulators.geodesy import Plane
from simulators.score import MATCH_M, Found, score
from simulators.world import Truths

PLANE = Plane(51.4344, 6.7623, 33.0)
FIRES = (Fire(1, 0.0, 0.0, 33.0, 1.0, 600.0, False), Fire(2, 100.0, 0.0, 33.0, 1.0, 600.0, False))


def found(
    east: float, north: float, *, major: float = 3.0, minor: float = 2.0, azimuth: float = 90.0, at_s: float = 11.0
) -> Found:
    lat, lon, _ = PLANE.geo(np.array([east, north, 0.0]))
    ellipse = {"semi_major_m": major, "semi_minor_m": minor, "azimuth_deg": azimuth}
    return Found({"lat_deg": lat, "lon_deg": lon, "ellipse95": ellipse}, at_s)


def figures(*hotspots: Found, seen: tuple[int, ...] = (1, 2), fires: tuple[Fire, ...] = FIRES) -> dict[str, Any]:
    truths = Truths(fires, first_in_view_s=dict.fromkeys(seen, 10.0))
    return score(truths, hotspots, PLANE, area_m2=20_000.0, frames=100, dropped=3)


def test_everything_found_where_it_is() -> None:
    result = figures(found(0, 0), found(100, 0))
    assert (result["recall"], result["precision"], result["duplicates"], result["false"]) == (1.0, 1.0, 0, 0)
    assert result["error_m"]["mean"] == pytest.approx(0.0, abs=1e-3)
    assert (result["ellipse95_inside"], result["ellipse95_of"], result["ellipse95_coverage"]) == (2, 2, 1.0)
    assert (result["frames"], result["dropped"], result["area_ha"]) == (100, 3, 2.0)


def test_an_error_is_the_distance_in_metres() -> None:
    result = figures(found(3, 4), found(100, -1))
    assert result["error_m"] == {"mean": 3.0, "p50": 3.0, "p95": pytest.approx(4.8)}


def test_nothing_found_is_no_recall_and_no_precision() -> None:
    result = figures()
    assert (result["recall"], result["precision"], result["error_m"]["p50"]) == (0.0, None, None)
    assert result["latency_ms"] == {"p50": None, "p99": None}


def test_a_fire_that_never_was_in_view_is_not_missed_and_finding_it_is_not_false() -> None:
    result = figures(found(0, 0), found(100, 0), seen=(1,))
    assert (result["fires"], result["found"], result["recall"], result["false"]) == (1, 1, 1.0, 0)


def test_a_hotspot_at_no_fire_is_false_and_counted_by_the_area() -> None:
    result = figures(found(0, 0), found(50, 50))
    assert (result["false"], result["precision"], result["recall"]) == (1, 0.5, 0.5)
    assert result["false_per_km2"] == 50.0


def test_the_same_fire_twice_is_one_hit_and_one_duplicate_and_the_nearer_one_counts() -> None:
    result = figures(found(5, 0), found(1, 0))
    assert (result["found"], result["duplicates"], result["false"]) == (1, 1, 0)
    assert result["error_m"]["p50"] == 1.0


@pytest.mark.parametrize(("distance_m", "false"), [(MATCH_M - 0.1, 0), (MATCH_M + 0.1, 1)])
def test_a_hit_has_to_be_near(distance_m: float, false: int) -> None:
    assert figures(found(0, distance_m))["false"] == false


def test_a_large_fire_is_hit_anywhere_inside_of_it() -> None:
    large = (Fire(1, 0.0, 0.0, 33.0, 20.0, 600.0, False),)
    assert figures(found(0, 18), seen=(1,), fires=large)["recall"] == 1.0


@pytest.mark.parametrize(
    ("east", "north", "azimuth", "inside"),
    [
        (2.9, 0.0, 90.0, 1),  # along the long axis, to the east
        (0.0, 2.9, 90.0, 0),  # across it
        (0.0, 2.9, 0.0, 1),
        (2.0, 2.0, 45.0, 1),
        (2.0, -2.0, 45.0, 0),
        (3.1, 0.0, 90.0, 0),
    ],
)
def test_the_ellipse_holds_the_fire_or_does_not(east: float, north: float, azimuth: float, inside: int) -> None:
    assert figures(found(east, north, azimuth=azimuth), seen=(1,))["ellipse95_inside"] == inside


def test_latency_is_counted_from_the_first_whole_view() -> None:
    result = figures(found(0, 0, at_s=11.0), found(100, 0, at_s=16.0))
    assert result["latency_ms"]["p50"] == 3500.0
    assert result["found_within_5s"] == 1


def test_the_size_of_the_ellipses_is_told() -> None:
    assert figures(found(0, 0, major=2.0), found(100, 0, major=4.0))["semi_major_m"]["p50"] == 3.0


def test_no_fire_and_no_hotspot_divide_by_nothing() -> None:
    result = figures(seen=(), fires=())
    assert (result["recall"], result["precision"], result["ellipse95_coverage"]) == (None, None, None)
    assert figures(found(0, 0), seen=(), fires=())["precision"] == 0.0
