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


# PyEphem 4.2 (libastro: VSOP87 and the true semi-diameter), another theory by other people: upper limb at 34' of
# refraction for sunrise and sunset, the centre at 6° below the horizon for civil twilight. To the second, UTC.
ALMANAC = {
    "Greenwich, June": (51.4779, 0.0, "2024-06-20T", "03:42:41 20:20:44 02:54:57 21:08:28"),
    "Greenwich, December": (51.4779, 0.0, "2024-12-21T", "08:03:17 15:53:17 07:23:01 16:33:33"),
    "Greenwich, March": (51.4779, 0.0, "2024-03-20T", "06:01:47 18:13:49 05:28:33 18:47:10"),
    "Greenwich, September": (51.4779, 0.0, "2026-09-23T", "05:47:35 17:56:09 05:14:15 18:29:23"),
    "Duisburg, November": (51.4325, 6.7605, "2026-11-27T", "07:10:00 15:30:41 06:31:32 16:09:08"),
    "Duisburg, June": (51.4325, 6.7605, "2026-06-21T", "03:15:59 19:53:32 02:28:21 20:41:10"),
    "Tromsø, February": (69.65, 18.96, "2026-02-10T", "07:38:54 14:19:05 06:27:19 15:30:48"),
    "Quito, July": (-0.18, -78.47, "2026-07-01T", "11:14:28 23:21:08 10:51:59 23:43:38"),
}


@pytest.mark.parametrize("place", ALMANAC)
def test_sun_and_twilight_are_those_of_an_ephemeris(place: str) -> None:
    lat, lon, date, times = ALMANAC[place]
    noon = _utc(date + "12:00") - 240.0 * lon
    found = [
        edge
        for zenith in (SUNRISE_ZENITH_DEG, CIVIL_ZENITH_DEG)
        for edge in (day_of(noon, lat, lon, zenith).rise_s, day_of(noon, lat, lon, zenith).set_s)
    ]
    # The disc is taken as 16' all year round, which in the north's slow dusk is some ten seconds; the rest within 5 s.
    allowed = 20.0 if lat > 60.0 else 8.0
    assert found == pytest.approx([_utc(date + time) for time in times.split()], abs=allowed)


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
