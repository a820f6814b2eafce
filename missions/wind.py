"""The wind triangle: what airspeed a ground speed asks for, and what ground speed an airspeed leaves.

An autopilot holds the ground speed it was told as long as the air lets it: the tilt it may use (ANGLE_MAX) gives a
greatest airspeed, and against the wind what is left of that is all the way it makes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from missions.path import Leg, leg_length_m

SLOWEST_M_S = 0.5
"""Ground speed below which nobody calls it a way home."""
TOP_AIRSPEED_M_S = 15.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """``wind_from_deg`` as meteorologists say it: where it comes from, clockwise from north."""

    wind_m_s: float = 0.0
    wind_from_deg: float = 0.0
    temperature_c: float = 15.0


def airspeed_on(leg: Leg, ground_speed_m_s: float, conditions: Conditions) -> float:
    """Length of ground velocity minus wind; of the wind alone where the leg goes nowhere."""
    length = leg_length_m(leg)
    north = math.radians(leg.end.lat_deg - leg.start.lat_deg)
    east = math.radians(leg.end.lon_deg - leg.start.lon_deg) * math.cos(math.radians(leg.start.lat_deg))
    norm = math.hypot(north, east)
    share = ground_speed_m_s / norm if length > 0.5 else 0.0
    towards = math.radians(conditions.wind_from_deg + 180.0)
    wind_n, wind_e = conditions.wind_m_s * math.cos(towards), conditions.wind_m_s * math.sin(towards)
    return math.hypot(north * share - wind_n, east * share - wind_e)


def made_good_m_s(leg: Leg, top_airspeed_m_s: float, conditions: Conditions) -> float:
    """The greatest ground speed along a leg that an airspeed allows; 0 where the wind carries it off the leg."""
    along, across = _wind_on(leg, conditions)
    if top_airspeed_m_s <= abs(across):
        return 0.0
    return max(0.0, along + math.sqrt(top_airspeed_m_s**2 - across**2))


def _wind_on(leg: Leg, conditions: Conditions) -> tuple[float, float]:
    """Wind from behind and from the left on a leg, m/s."""
    north = leg.end.lat_deg - leg.start.lat_deg
    east = (leg.end.lon_deg - leg.start.lon_deg) * math.cos(math.radians(leg.start.lat_deg))
    turn = math.radians(conditions.wind_from_deg + 180.0) - math.atan2(east, north)
    return conditions.wind_m_s * math.cos(turn), conditions.wind_m_s * math.sin(turn)


CALM = Conditions()


@dataclass(frozen=True, slots=True)
class Air:
    """The wind of a flight, and the greatest airspeed of the aircraft in it."""

    conditions: Conditions = CALM
    top_airspeed_m_s: float = TOP_AIRSPEED_M_S

    def speed_on(self, leg: Leg, wanted_m_s: float) -> float:
        """The ground speed of a leg on which `wanted_m_s` was told."""
        return min(wanted_m_s, max(made_good_m_s(leg, self.top_airspeed_m_s, self.conditions), SLOWEST_M_S))


STILL = Air()
