"""The score against flights that were never flown: hotspots put by hand around fires put by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simulators.aircraft import aircraft_of
from simulators.fire import Fire
from simulators.friends import Thing
from simulators.geodesy import Plane
from simulators.scenery import Traffic
from simulators.score import MATCH_M, Found, Shown, score
from simulators.truths import Flown, Met, Truths

PLANE = Plane(51.4344, 6.7623, 33.0)
FIRES = (Fire(1, 0.0, 0.0, 33.0, 1.0, 600.0, False), Fire(2, 100.0, 0.0, 33.0, 1.0, 600.0, False))


def found(
    east: float,
    north: float,
    *,
    major: float = 3.0,
    minor: float = 2.0,
    azimuth: float = 90.0,
    at_s: float = 11.0,
    first: tuple[float, float] | None = None,
    **properties: Any,
) -> Found:
    lat, lon, _ = PLANE.geo(np.array([east, north, 0.0]))
    ellipse = {"semi_major_m": major, "semi_minor_m": minor, "azimuth_deg": azimuth}
    shown = {"lat_deg": lat, "lon_deg": lon, "ellipse95": ellipse, **properties}
    return Found(shown, at_s, None if first is None else PLANE.geo(np.array([*first, 0.0]))[:2])


def judged(truths: Truths, *hotspots: Found, task: str = "fire", **shown: Any) -> dict[str, Any]:
    told = Shown(hotspots, **({"area_m2": 20_000.0, "frames": 100, "dropped": 3} | shown))
    return score(truths, told, PLANE, task=task)


def figures(*hotspots: Found, seen: tuple[int, ...] = (1, 2), fires: tuple[Fire, ...] = FIRES) -> dict[str, Any]:
    truths = Truths(fires, first_in_view_s=dict.fromkeys(seen, 10.0), first_look_s=dict.fromkeys(seen, 9.0))
    return judged(truths, *hotspots)


def test_everything_found_where_it_is() -> None:
    result = figures(found(0, 0), found(100, 0))
    assert (result["recall"], result["precision"], result["duplicates"], result["false"]) == (1.0, 1.0, 0, 0)
    assert result["error_m"]["mean"] == pytest.approx(0.0, abs=1e-3)
    assert (result["ellipse95_inside"], result["ellipse95_of"], result["ellipse95_coverage"]) == (2, 2, 1.0)
    assert (result["frames"], result["dropped"], result["area_ha"]) == (100, 3, 2.0)


def test_an_error_is_the_distance_in_metres() -> None:
    result = figures(found(3, 4), found(100, -1))
    assert result["error_m"] == {"mean": 3.0, "p50": 3.0, "p95": pytest.approx(4.8), "max": 5.0}
    assert result["error_histogram_m"] == {"<1": 0, "1-2": 1, "2-3": 0, "3-5": 0, "5-10": 1, ">=10": 0}


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


# --- by kind, size and contrast ---------------------------------------------------------------------------------------


def test_recall_is_by_what_is_true_and_precision_by_what_was_measured() -> None:
    fires = (FIRES[0], replace(FIRES[1], kind="ember", radius_m=0.1))
    truths = Truths(fires, first_look_s={1: 9.0, 2: 9.0}, first_in_view_s={1: 9.0}, contrast_k={1: 200.0, 2: 30.0})
    near = found(0, 0, kind="fire", area_m2=3.0, contrast_k=180.0)
    wrong = found(50, 50, kind="fire", area_m2=0.02, contrast_k=12.0)
    result = judged(truths, near, wrong)
    assert result["by_kind"]["fire"] == {
        "targets": 1, "found": 1, "recall": 1.0, "hotspots": 2, "false": 1, "precision": 0.5,
    }  # fmt: skip
    assert result["by_kind"]["ember"]["recall"] == 0.0 and result["by_kind"]["ember"]["precision"] is None
    assert set(result["by_size_m"]) == {"<0.3", "1-3"}
    assert result["by_size_m"]["1-3"]["recall"] == 1.0
    small = result["by_size_m"]["<0.3"]
    assert (small["targets"], small["recall"], small["hotspots"], small["precision"]) == (1, 0.0, 1, 0.0)
    assert result["by_contrast_k"]["10-50"]["recall"] == 0.0 and result["by_contrast_k"]["10-50"]["precision"] == 0.0
    assert result["by_contrast_k"][">=150"] == result["by_kind"]["fire"] | {"hotspots": 1, "false": 0, "precision": 1.0}
    assert (result["fires"], result["recall"]) == (1, 1.0), "the ember never was 3 px across: it is not asked for"


def test_a_picture_without_temperatures_has_no_contrast_to_be_sorted_by() -> None:
    assert judged(Truths(FIRES), found(0, 0, contrast_k=None))["by_contrast_k"] == {}


# --- false alarms, lost identities, minutes ---------------------------------------------------------------------------


def flown(minutes: float = 6.0) -> list[Flown]:
    return [Flown(1, 0.0, 60.0 * minutes, 9)]


def test_a_false_alarm_is_counted_by_the_flight_hour_and_named_by_what_was_there() -> None:
    engine = Thing(9, "engine", 50.0, 50.0, 33.0, 0.0, ())
    truths = Truths(FIRES, (engine,), mirrors_en=((-60.0, 0.0),), flights=flown())
    result = judged(truths, found(51, 50), found(-60, 3), found(0, 80))
    assert (result["false"], result["false_per_flight_hour"]) == (3, 30.0)
    assert result["false_at"] == {"engine": 1, "glint": 1, "ground": 1}
    assert (result["flight_min"], result["landed_in_mode"]) == (6.0, [9])


def test_a_number_that_is_taken_back_or_wanders_off_is_a_lost_identity() -> None:
    truths = Truths(FIRES)
    assert judged(truths, found(0, 0, first=(1, 1)), found(100, 0, first=(94.5, 0)))["lost_identities"] == 0
    assert judged(truths, found(0, 0, first=(9, 0)))["lost_identities"] == 1
    assert judged(truths, found(0, 0), taken_back=[found(1, 0)])["lost_identities"] == 1


def test_minutes_run_from_the_take_off() -> None:
    truths = Truths(FIRES, first_look_s={1: 60.0}, first_in_view_s={1: 90.0}, flights=[Flown(1, 30.0, 400.0, 9)])
    result = judged(truths, found(0, 0, at_s=120.0))
    assert (result["first_look_min"], result["first_confirmed_min"]) == (1.0, 1.5)
    nothing = judged(truths)
    assert (nothing["first_look_min"], nothing["first_confirmed_min"]) == (1.0, None)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_nees_is_the_square_of_the_error_in_units_of_its_covariance() -> None:
    one = 3.0 / math.sqrt(5.991)  # a sigma along the long axis
    result = figures(found(one, 0), seen=(1,))
    assert result["nees"]["mean"] == pytest.approx(1.0, abs=2e-3)
    assert figures(found(3.0, 0), seen=(1,))["nees"]["mean"] == pytest.approx(5.991, abs=0.01)


def test_a_wide_fire_is_found_along_its_line_and_has_no_error() -> None:
    front = (Fire(1, 0.0, 0.0, 33.0, 20.0, 600.0, False, kind="front", slender=0.1, azimuth_rad=math.pi / 2),)
    result = figures(found(15, 1), found(-15, 0), seen=(1,), fires=front)
    assert (result["recall"], result["duplicates"], result["false"]) == (1.0, 0, 0)
    assert result["error_m"]["mean"] is None and result["ellipse95_of"] == 0
    assert figures(found(15, 1), found(15, 3), seen=(1,), fires=front)["duplicates"] == 1
    assert figures(found(0, 20), seen=(1,), fires=front)["false"] == 1


# --- persons and aircraft ---------------------------------------------------------------------------------------------


def test_the_missing_person_is_counted_by_the_minute_and_a_fire_is_none() -> None:
    people = (
        Thing(5, "person", 40.0, 0.0, 33.0, 0.0, (), missing=True),
        Thing(6, "person", -40.0, 0.0, 33.0, 0.0, ()),
        Thing(7, "animal", 0.0, 40.0, 33.0, 0.0, ()),
    )
    truths = Truths(FIRES[:1], people, first_in_view_s={5: 60.0, 6: 70.0}, first_look_s={5: 60.0}, flights=flown(30.0))
    result = judged(truths, found(41, 0, at_s=600.0, kind="person"), found(0, 41), task="person")
    assert (result["fires"], result["recall"], result["false_at"]) == (2, 0.5, {"animal": 1})
    assert result["person"] == {"missing": 1, "found": 1, "minutes": [10.0], "within_min": 20.0, "in_time": True}
    late = judged(truths, found(41, 0, at_s=1260.0), task="person")["person"]
    assert (late["found"], late["in_time"]) == (1, False)
    assert judged(truths, task="person")["person"]["in_time"] is False
    assert judged(truths)["person"] is None


def test_of_an_aircraft_the_warning_counts() -> None:
    plane = aircraft_of((Traffic("DHXYZ", (0.0, -6000.0), (0.0, 0.0), 120.0, 60.0),), 33.0)[0]
    met = (Met(plane, nearest_m=80.0, nearest_s=100.0),)
    assert judged(Truths((), met=met), heard_s={"DHXYZ": 20.0})["traffic"] == [
        {"callsign": "DHXYZ", "heard": True, "nearest_m": 80.0, "warning_s": 80.0}
    ]
    unheard = judged(Truths((), met=met))["traffic"][0]
    assert (unheard["heard"], unheard["warning_s"]) == (False, None)
