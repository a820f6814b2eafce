"""The edge of a wide fire and the ground that was seen, against areas known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.areas import CLOSE_M, perimeter, shares
from simulators.burning import Fire
from simulators.camera import Shot
from simulators.truths import Truths


def ring_of_peat(radius_m: float = 60.0, count: int = 16) -> list[Fire]:
    turns = np.linspace(0, 2 * math.pi, count + 1)[:-1]
    return [
        Fire(i, radius_m * math.cos(t), radius_m * math.sin(t), 18.0, 3.0, 450.0, False, kind="peat")
        for i, t in enumerate(turns, 1)
    ]


def test_only_what_has_an_edge_is_judged_by_it() -> None:
    assert perimeter([Fire(1, 0.0, 0.0, 18.0, 3.0, 450.0, False)], 0.0, np.zeros((0, 2)), []) is None


def test_a_ring_that_is_shown_where_it_burns_is_the_same_area() -> None:
    fires = ring_of_peat()
    places = np.array([(fire.east_m, fire.north_m) for fire in fires])
    figures = perimeter(fires, 0.0, places, [math.pi * 9.0] * len(fires))
    assert figures is not None
    assert figures["iou"] == pytest.approx(1.0, abs=0.01)
    assert figures["real_m2"] == pytest.approx(math.pi * 62.0**2, rel=0.1), "the burnt-out middle belongs to it"


def test_a_ring_that_is_shown_aside_or_in_half_overlaps_less() -> None:
    fires = ring_of_peat()
    places = np.array([(fire.east_m, fire.north_m) for fire in fires])
    areas = [math.pi * 9.0] * len(fires)
    aside = perimeter(fires, 0.0, places + np.array([30.0, 0.0]), areas)
    half = perimeter(fires, 0.0, places[:8], areas[:8])
    nothing = perimeter(fires, 0.0, np.zeros((0, 2)), [])
    assert aside is not None and half is not None and nothing is not None
    # Two circles of radius r whose middles are d apart share 2 r² acos(d / 2r) - d/2 sqrt(4r² - d²).
    r, d = 62.0, 30.0
    lens = 2 * r * r * math.acos(d / (2 * r)) - d / 2 * math.sqrt(4 * r * r - d * d)
    assert aside["iou"] == pytest.approx(lens / (2 * math.pi * r * r - lens), abs=0.06)
    assert half["iou"] == pytest.approx(0.45, abs=0.06), "a little less than half: a disc cut beside its middle"
    assert nothing["iou"] == 0.0


def test_two_fires_further_apart_than_a_line_reaches_stay_two() -> None:
    apart = 4 * CLOSE_M
    fires = [Fire(i, i * apart, 0.0, 18.0, 5.0, 450.0, False, kind="peat") for i in (0, 1)]
    figures = perimeter(fires, 0.0, np.zeros((0, 2)), [])
    assert figures is not None
    assert figures["real_m2"] == pytest.approx(2 * math.pi * 25.0, rel=0.05)


def square(half: float, east: float = 0.0) -> list[np.ndarray]:
    return [np.array([(east - half, -half), (east + half, -half), (east + half, half), (east - half, half)])]


def seen(*points: tuple[float, float]) -> Truths:
    truths = Truths((), half_m=100.0)
    truths.add(Shot(0.0, np.zeros((1, 1), np.uint16), (), np.array(points).reshape(-1, 2)), 1.0)
    return truths


def test_seen_is_where_rays_met_the_ground_and_the_rest_is_falsely_shown() -> None:
    steps = np.arange(-49.0, 50.0, 1.0)
    west = [(e, n) for e in steps[steps < 0] for n in steps]
    truths = seen(*west)
    figures = shares(truths, [square(50.0)], [square(50.0)], [(-50, -50), (50, -50), (50, 50), (-50, 50)])
    assert figures is not None
    assert figures["planned"] == pytest.approx(1.0) and figures["shown"] == pytest.approx(1.0)
    assert figures["seen"] == pytest.approx(0.5, abs=0.03)
    assert figures["false_share"] == pytest.approx(0.5, abs=0.03)
    assert figures["unplanned_miss"] == pytest.approx(0.5, abs=0.03)


def test_a_hole_in_what_is_shown_is_not_shown() -> None:
    rings = [square(50.0)[0], square(25.0)[0]]
    figures = shares(seen(), [rings], [], [(-50, -50), (50, -50), (50, 50), (-50, 50)])
    assert figures is not None
    assert figures["shown"] == pytest.approx(0.75, abs=0.04)
    assert (figures["planned"], figures["unplanned_miss"], figures["false_share"]) == (None, None, 1.0)


def test_what_is_outside_of_the_scene_is_no_place() -> None:
    assert int(seen((500.0, 0.0), (-101.0, 3.0), (99.0, 99.0)).seen.sum()) == 1
    assert shares(Truths(()), [], [], [(-1, -1), (1, -1), (1, 1)]) is None
