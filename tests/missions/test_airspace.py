"""Planted conflicts are found a metre inside each limit and none a metre outside, in every datum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from missions.airspace import Knowledge, fences_of, limit_band, zones_met
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import FlatGround
from missions.items import compile_items
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from missions.zones import Limit, Zone

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
GROUND = FlatGround(33.0, Datum.SEA_LEVEL, 1.0)
AHEAD = box(6.770, 51.42, 6.775, 51.45)
KNOWN = Knowledge(qnh_hpa=1013.25, undulation_m=46.0)


def flight(height_m: float, datum: Datum = Datum.HOME) -> tuple:
    there = [GeoPoint(51.4344, lon, height_m, datum) for lon in (6.765, 6.780)]
    return compile_items(Mission("f", (TakeOff(20.0), *map(FlyTo, there), ReturnHome()), HOME))


def codes(height_m: float, zone: Zone, knowledge: Knowledge = KNOWN, ground: FlatGround | None = GROUND) -> list[str]:
    return [finding.code for _, finding in zones_met(flight(height_m), HOME, [zone], knowledge, ground)]


# What a limit of value m means above sea level, over flat ground at 33 m with all known.
OFFSET = {"AGL": 33.0, "AMSL": 0.0, "FL": 0.0, "WGS84": -46.0}


@pytest.mark.parametrize("reference", OFFSET)
@given(st.floats(60.0, 900.0), st.floats(30.0, 400.0))
def test_a_metre_decides_at_both_limits(reference: str, lower_m: float, thick_m: float) -> None:
    zone = Zone("z", "Z", "PROHIBITED", AHEAD, Limit(lower_m, reference), Limit(lower_m + thick_m, reference))
    bottom = lower_m + OFFSET[reference] - HOME.alt_m
    for height_m, wanted in [
        (bottom - 1.0, []), (bottom + 1.0, ["zone"]), (bottom + thick_m - 1.0, ["zone"]),
        (bottom + thick_m + 1.0, []),
    ]:  # fmt: skip
        if height_m > 1.0:
            assert codes(height_m, zone) == wanted, height_m


def test_a_leg_that_crosses_is_met_though_both_ends_lie_outside() -> None:
    (met,) = zones_met(flight(60.0), HOME, [Zone("z", "Z", "PROHIBITED", AHEAD)], KNOWN, GROUND)
    _, finding = met
    assert finding.lon_deg == pytest.approx(6.770, abs=2e-4) and "93 m above sea level meets Z" in finding.text
    sliver = Zone("s", "S", "PROHIBITED", box(6.7700000, 51.42, 6.7700001, 51.45))
    assert codes(60.0, sliver) == ["zone"]
    assert codes(60.0, replace(sliver, restriction="NO_RESTRICTION")) == []
    assert codes(60.0, Zone("b", "B", "PROHIBITED", box(6.790, 51.42, 6.795, 51.45))) == []


@pytest.mark.parametrize(
    "limits, lacks, knowledge, ground",
    [
        (Limit(70.0, "AGL"), "terrain", KNOWN, None),
        (Limit(93.0, "FL"), "QNH", Knowledge(undulation_m=46.0), GROUND),
        (Limit(139.0, "WGS84"), "undulation", Knowledge(qnh_hpa=1013.25), GROUND),
    ],
)
def test_what_is_not_known_makes_a_band_and_a_possible_conflict(
    limits: Limit, lacks: str, knowledge: Knowledge, ground: FlatGround | None
) -> None:
    zone = Zone("z", "Z", "PROHIBITED", AHEAD, Limit(0.0, "AMSL"), limits)
    assert codes(55.0, zone) == ["zone"]
    assert codes(63.0, zone, knowledge, ground) == ["zone_possible"], lacks


@given(st.floats(-50, 500), st.sampled_from(["AGL", "AMSL", "FL", "WGS84"]), st.floats(960, 1050), st.floats(33, 52))
def test_the_band_holds_whatever_may_be_true(value: float, reference: str, qnh: float, undulation: float) -> None:
    ground = np.array([33.0])
    low, high = limit_band(Limit(value, reference), ground - 60.0, ground + 60.0, Knowledge())
    known = Knowledge(qnh_hpa=qnh, undulation_m=undulation)
    true, _ = limit_band(Limit(value, reference), ground, ground, known)
    assert low[0] <= true[0] <= high[0]


def test_time_and_class_of_the_mission_count() -> None:
    from missions.zones import Window

    zone = Zone("z", "Z", "PROHIBITED", AHEAD, windows=(Window(1000.0, 2000.0),))
    assert codes(60.0, zone, replace(KNOWN, begin_s=500.0, end_s=900.0)) == []
    assert codes(60.0, zone, replace(KNOWN, begin_s=500.0, end_s=1100.0)) == ["zone"]
    remedies = {
        key: zones_met(flight(60.0), HOME, [zone], replace(KNOWN, mission_class=key), GROUND)[0][1].remedy
        for key in ("einsatz", "uebung", "demo")
    }
    assert "21k" in remedies["einsatz"] and "not privileged" in remedies["demo"] and len(set(remedies.values())) == 3
    with pytest.raises(ValueError, match="mission class 'x'; allowed are einsatz, uebung, demo"):
        zones_met(flight(60.0), HOME, [zone], Knowledge(mission_class="x"))


def test_a_fence_holds_the_zone_with_few_corners() -> None:
    angles = np.linspace(0, 2 * np.pi, 200)
    area = Polygon(np.column_stack([6.77 + 0.01 * np.cos(angles), 51.43 + 0.01 * np.sin(angles)]))
    (fence,) = fences_of([Zone("z", "Z", "PROHIBITED", area)])
    assert len(fence.corners) <= 20 and not fence.inclusion
    assert Polygon([(lon, lat) for lat, lon in fence.corners]).buffer(1e-9).covers(area)
