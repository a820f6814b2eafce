"""Daylight: the sun where almanacs have it, and a flight by night is said to be one."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.daylight import CIVIL_ZENITH_DEG, SUNRISE_ZENITH_DEG, check_daylight, day_of, zenith_deg
from missions.geometry.geo import Datum, GeoPoint

DUISBURG = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("when", "lat", "lon", "rise", "sets"),
    [
        # Greenwich, the two solstices and an equinox, whole minutes UTC; the twin below is the independent check
        ("2024-06-20T12:00", 51.4779, 0.0, "2024-06-20T03:43", "2024-06-20T20:21"),
        ("2024-12-21T12:00", 51.4779, 0.0, "2024-12-21T08:04", "2024-12-21T15:54"),
        ("2024-03-20T12:00", 51.4779, 0.0, "2024-03-20T06:03", "2024-03-20T18:14"),
    ],
)
def test_sunrise_and_sunset_at_greenwich(when: str, lat: float, lon: float, rise: str, sets: str) -> None:
    day = day_of(_utc(when), lat, lon)
    assert day.rise_s == pytest.approx(_utc(rise), abs=90.0)
    assert day.set_s == pytest.approx(_utc(sets), abs=90.0)


def _almanac_zenith(time_s: float, lat_deg: float, lon_deg: float) -> float:
    """The Astronomical Almanac's low-precision formula, by right ascension and sidereal time."""
    days = time_s / 86_400.0 + 2_440_587.5 - 2_451_545.0
    mean, anomaly = 280.460 + 0.9856474 * days, math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(mean + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    hour = math.radians((280.46062 + 360.98564737 * days + lon_deg) % 360.0) - ascension
    lat = math.radians(lat_deg)
    return math.degrees(
        math.acos(
            math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
        )
    )  # fmt: skip


@given(st.floats(_utc("2020-01-01T00:00"), _utc("2045-01-01T00:00")), st.floats(-70.0, 70.0), st.floats(-179.0, 179.0))
def test_the_sun_stands_where_another_formula_has_it(when: float, lat: float, lon: float) -> None:
    assert zenith_deg(when, lat, lon) == pytest.approx(_almanac_zenith(when, lat, lon), abs=0.05)


@given(st.floats(_utc("2020-01-01T00:00"), _utc("2045-01-01T00:00")), st.floats(-60.0, 60.0), st.floats(-179.0, 179.0))
def test_at_its_rise_and_set_the_sun_is_at_the_stated_height(when: float, lat: float, lon: float) -> None:
    day = day_of(when, lat, lon)
    assert day.rise_s is not None
    assert day.set_s is not None
    assert day.rise_s < day.set_s < day.rise_s + 86_400.0
    assert abs(0.5 * (day.rise_s + day.set_s) - when) < 44_000.0
    for edge in (day.rise_s, day.set_s):
        assert zenith_deg(edge, lat, lon) == pytest.approx(SUNRISE_ZENITH_DEG, abs=0.02)


def test_in_the_far_north_there_is_a_day_without_an_end_and_one_without_a_beginning() -> None:
    assert day_of(_utc("2024-06-20T12:00"), 78.0, 15.0).always_up
    winter = day_of(_utc("2024-12-20T12:00"), 78.0, 15.0)
    assert winter.rise_s is None
    assert not winter.always_up


@pytest.mark.parametrize(
    ("begin", "minutes", "night"),
    [("2026-11-26T12:00", 20, ""), ("2026-11-26T02:00", 20, "begins"), ("2026-11-26T15:55", 20, "ends")],
)
def test_a_flight_that_leaves_daylight_is_told_with_the_hours_of_the_day(begin: str, minutes: int, night: str) -> None:
    found = list(check_daylight(DUISBURG, _utc(begin), _utc(begin) + 60.0 * minutes))
    assert [finding.code for finding in found] == (["night"] if night else [])
    if night:
        assert f"the flight {night} by night" in found[0].text
        assert "sunrise 07:0" in found[0].text
        dusk = day_of(_utc(begin), DUISBURG.lat_deg, DUISBURG.lon_deg, CIVIL_ZENITH_DEG).set_s
        assert dusk is not None
        assert datetime.fromtimestamp(dusk, UTC).strftime("%H:%M") in found[0].text
