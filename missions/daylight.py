"""Daylight: when the sun rises and sets at a place, and whether a flight is one by night.

The formulas are those of NOAA's solar calculator (gml.noaa.gov/grad/solcalc, after Meeus, "Astronomical Algorithms",
1991): the sun's mean longitude and anomaly, the equation of its centre, the obliquity of the ecliptic, the equation of
time. Sunrise and sunset are at 90.833° from the zenith (radius of the disc and usual refraction), civil twilight ends
at 96°. Good to a minute below 72° of latitude; mountains and weather are not in it.

Night is what EU 2019/947 calls the hours between the end of evening and the beginning of morning civil twilight; a
drone then needs a green flashing light (the same, as amended by 2020/639), and the pilot sees neither wires nor trees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from missions.findings import Finding, warning
from missions.geometry.geo import GeoPoint

SUNRISE_ZENITH_DEG, CIVIL_ZENITH_DEG = 90.833, 96.0
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Day:
    """UTC seconds of the sun's rise and set (or civil dawn and dusk) around one noon.

    None where it does not cross that height: `always_up` then says which.
    """

    rise_s: float | None
    set_s: float | None
    always_up: bool = False


def sun(time_s: float) -> tuple[float, float]:
    """UTC seconds → the sun's declination in degrees and the equation of time in minutes."""
    century = (time_s / _DAY_S + 2_440_587.5 - 2_451_545.0) / 36_525.0
    longitude = math.radians((280.46646 + century * (36_000.76983 + 0.0003032 * century)) % 360.0)
    anomaly = math.radians(357.52911 + century * (35_999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = (
        math.sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + math.sin(2.0 * anomaly) * (0.019993 - 0.000101 * century)
        + math.sin(3.0 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * century)
    apparent = longitude + math.radians(centre - 0.00569 - 0.00478 * math.sin(node))
    seconds = 21.448 - century * (46.815 + century * (0.00059 - 0.001813 * century))
    tilt = math.radians(23.0 + (26.0 + seconds / 60.0) / 60.0 + 0.00256 * math.cos(node))
    declination = math.asin(math.sin(tilt) * math.sin(apparent))
    y = math.tan(0.5 * tilt) ** 2
    equation = (
        y * math.sin(2.0 * longitude) - 2.0 * eccentricity * math.sin(anomaly)
        + 4.0 * eccentricity * y * math.sin(anomaly) * math.cos(2.0 * longitude)
        - 0.5 * y * y * math.sin(4.0 * longitude) - 1.25 * eccentricity**2 * math.sin(2.0 * anomaly)
    )  # fmt: skip
    return math.degrees(declination), 4.0 * math.degrees(equation)


def zenith_deg(time_s: float, lat_deg: float, lon_deg: float) -> float:
    """Angle between the sun's middle and straight up, without refraction."""
    declination, equation = sun(time_s)
    hour = math.radians(((time_s % _DAY_S) / 60.0 + equation + 4.0 * lon_deg) / 4.0 - 180.0)
    lat, dec = math.radians(lat_deg), math.radians(declination)
    cosine = math.sin(lat) * math.sin(dec) + math.cos(lat) * math.cos(dec) * math.cos(hour)
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def day_of(time_s: float, lat_deg: float, lon_deg: float, zenith: float = SUNRISE_ZENITH_DEG) -> Day:
    """Rise and set around the noon that is nearest to `time_s`."""
    _, equation = sun(time_s)
    noon = _nearest_noon(time_s, lon_deg, equation)
    noon -= (sun(noon)[1] - equation) * 60.0
    up = zenith_deg(noon, lat_deg, lon_deg) < zenith
    edges = []
    for sign in (-1.0, 1.0):
        edge = noon
        for _ in range(4):  # the sun moves on between noon and the edge: the hour angle of the edge itself counts
            declination, then = sun(edge)
            angle = _hour_angle_deg(lat_deg, declination, zenith)
            if angle is None:
                return Day(None, None, up)
            edge = noon + sign * angle * 240.0 - (then - sun(noon)[1]) * 60.0
        edges.append(edge)
    return Day(edges[0], edges[1])


def _nearest_noon(time_s: float, lon_deg: float, equation_min: float) -> float:
    of_day = (720.0 - 4.0 * lon_deg - equation_min) * 60.0
    return of_day + round((time_s - of_day) / _DAY_S) * _DAY_S


def _hour_angle_deg(lat_deg: float, declination_deg: float, zenith: float) -> float | None:
    lat, dec = math.radians(lat_deg), math.radians(declination_deg)
    cosine = (math.cos(math.radians(zenith)) - math.sin(lat) * math.sin(dec)) / (math.cos(lat) * math.cos(dec))
    return math.degrees(math.acos(cosine)) if abs(cosine) <= 1.0 else None


def check_daylight(home: GeoPoint, begin_s: float, end_s: float) -> Iterator[Finding]:
    """A warning where the flight, from `begin_s` to `end_s` UTC, leaves civil daylight."""
    for when, word in ((begin_s, "begins"), (end_s, "ends")):
        if zenith_deg(when, home.lat_deg, home.lon_deg) <= CIVIL_ZENITH_DEG:
            continue
        light = day_of(when, home.lat_deg, home.lon_deg, CIVIL_ZENITH_DEG)
        sunlight = day_of(when, home.lat_deg, home.lon_deg)
        known = light.rise_s is not None and light.set_s is not None
        hours = f"civil daylight is {_clock(light.rise_s)} to {_clock(light.set_s)} UTC" if known else "there is no day"
        if sunlight.rise_s is not None:
            hours += f", sunrise {_clock(sunlight.rise_s)}, sunset {_clock(sunlight.set_s)}"
        yield warning(
            "night", f"the flight {word} by night, {_clock(when)} UTC: {hours}",
            "Fly by day, or with a green flashing light and obstacles known (EU 2019/947 as amended by 2020/639)",
            lat_deg=home.lat_deg, lon_deg=home.lon_deg,
        )  # fmt: skip
        return


def _clock(time_s: float | None) -> str:
    return "none" if time_s is None else datetime.fromtimestamp(time_s, UTC).strftime("%H:%M")
