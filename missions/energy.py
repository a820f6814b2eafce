"""Does the battery last? Energy along a mission with wind, and what the way home costs from every point of it.

Airspeed comes from the wind triangle: the autopilot holds the ground speed it was told, so the air decides the power.
A leg on which the wind asks for more airspeed than the aircraft has is a finding, not a negative time. The way home
from a point is straight, at the mission's cruise speed, with the landing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from missions.duration import (
    CLIMB_M_S,
    DESCENT_M_S,
    FINAL_DESCENT_BELOW_M,
    FINAL_DESCENT_M_S,
    RETURN_LOITER_S,
    TimedLeg,
    leg_time_s,
    timed_legs,
)
from missions.findings import Finding, stop, warning
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import MissionItem
from missions.path import Leg, Stop, leg_length_m
from missions.power import PowerModel, air_density

SLOWEST_M_S = 0.5
"""Ground speed below which nobody calls it a way home."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """``wind_from_deg`` as meteorologists say it: where it comes from, clockwise from north."""

    wind_m_s: float = 0.0
    wind_from_deg: float = 0.0
    temperature_c: float = 15.0


@dataclass(frozen=True, slots=True)
class Supply:
    """The aircraft with its battery, in the air of that day."""

    model: PowerModel
    conditions: Conditions = Conditions()


@dataclass(frozen=True, slots=True)
class LegEnergy:
    """One leg. ``spent_wh`` up to its end; ``home_wh``/``home_s``: from its end straight home and down."""

    seq: int
    time_s: float
    airspeed_m_s: float
    energy_wh: float
    spent_wh: float
    home_wh: float
    home_s: float
    lat_deg: float
    lon_deg: float


@dataclass(frozen=True, slots=True)
class Budget:
    """The whole flight; ``left``: share of the derated capacity at the landing (may be negative)."""

    legs: tuple[LegEnergy, ...]
    time_s: float
    energy_wh: float
    left: float

    def text(self, model: PowerModel) -> str:
        """One line for people."""
        return (
            f"energy {self.energy_wh:.0f} of {model.capacity_wh * model.derating:.0f} Wh, "
            f"{100 * self.left:.0f} % left at the landing (reserve {100 * model.reserve:.0f} %)"
        )


def budget(items: Sequence[MissionItem], home: GeoPoint, supply: Supply, terrain: Ground | None = None) -> Budget:
    """Energy of every leg of items (item 0 home) and of the way home from each."""
    model, conditions = supply.model, supply.conditions
    density = air_density(home.alt_m, conditions.temperature_c)
    spent, found = 0.0, []
    for timed in timed_legs(items, home, terrain):
        energy = _leg_wh(timed, model, conditions, density)
        spent += energy
        home_wh, home_s = _home_from(timed, home, model, conditions, density)
        end = timed.leg.end
        found.append(
            LegEnergy(
                end.seq, timed.time_s + timed.extra_s, airspeed_on(timed.leg, timed.speed_m_s, conditions),
                energy, spent, home_wh, home_s, end.lat_deg, end.lon_deg,
            )
        )  # fmt: skip
    total_s = sum(leg.time_s for leg in found)
    return Budget(tuple(found), total_s, spent, 1.0 - spent / (model.capacity_wh * model.derating))


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


def _leg_wh(timed: TimedLeg, model: PowerModel, conditions: Conditions, density: float) -> float:
    climb = timed.rise_m / timed.time_s if timed.time_s > 0.1 else 0.0
    climb = max(-DESCENT_M_S, min(CLIMB_M_S, climb))
    moving = model.power_w(airspeed_on(timed.leg, timed.speed_m_s, conditions), climb, density)
    # Waiting, landing and spooling up happen over one place: the air moves, the aircraft does not.
    standing = model.power_w(conditions.wind_m_s, 0.0, density)
    return (moving * timed.time_s + standing * timed.extra_s) / 3600.0


def _home_from(
    timed: TimedLeg, home: GeoPoint, model: PowerModel, conditions: Conditions, density: float
) -> tuple[float, float]:
    """Watt hours and seconds; infinite where the wind lets the aircraft not come home."""
    end = timed.leg.end
    back = Leg(end, Stop(end.seq, home.lat_deg, home.lon_deg, end.alt_m, Datum.HOME), "return")
    length = leg_length_m(back)
    speed = min(timed.speed_m_s, made_good_m_s(back, model.top_airspeed_m_s, conditions))
    if length > 0.5 and speed < SLOWEST_M_S:
        return math.inf, math.inf
    fly_s = leg_time_s(length, max(speed, SLOWEST_M_S), 0.0, 0.0)
    down_s = landing_s(timed.height_m)
    flying = model.power_w(airspeed_on(back, speed, conditions), 0.0, density)
    standing = model.power_w(conditions.wind_m_s, 0.0, density)
    return (flying * fly_s + standing * down_s) / 3600.0, fly_s + down_s


def landing_s(height_m: float) -> float:
    """Seconds from over home at this height to the ground, with the wait before the descent."""
    height = max(0.0, height_m)
    slow = min(height, FINAL_DESCENT_BELOW_M)
    return RETURN_LOITER_S + (height - slow) / DESCENT_M_S + slow / FINAL_DESCENT_M_S


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


def check_energy(
    items: Sequence[MissionItem], home: GeoPoint, supply: Supply, terrain: Ground | None = None
) -> tuple[Finding, ...]:
    """A stop where the battery would be empty or the wind too strong, a warning where the reserve is touched."""
    found: list[Finding] = []
    model, conditions = supply.model, supply.conditions
    plan = budget(items, home, supply, terrain)
    for leg in plan.legs:
        if leg.airspeed_m_s > model.top_airspeed_m_s:
            found.append(
                stop(
                    "wind_too_strong",
                    f"{conditions.wind_m_s:g} m/s of wind ask for {leg.airspeed_m_s:.1f} m/s of airspeed here, "
                    f"the aircraft has {model.top_airspeed_m_s:g} m/s",
                    "Fly slower on this leg, or wait for less wind", seq=leg.seq,
                    lat_deg=leg.lat_deg, lon_deg=leg.lon_deg,
                )
            )  # fmt: skip
    lost = next((leg for leg in plan.legs if not math.isfinite(leg.home_s)), None)
    if lost is not None:
        found.append(
            stop(
                "no_way_home",
                f"against {conditions.wind_m_s:g} m/s of wind the aircraft, which has {model.top_airspeed_m_s:g} m/s, "
                "does not come home from here",
                "Take off downwind of the area, or wait for less wind", seq=lost.seq,
                lat_deg=lost.lat_deg, lon_deg=lost.lon_deg,
            )
        )  # fmt: skip
    full = model.capacity_wh * model.derating
    beyond = next((leg for leg in plan.legs if leg.spent_wh + leg.home_wh > model.usable_wh), None)
    if plan.energy_wh > full:
        empty = next(leg for leg in plan.legs if leg.spent_wh > full)
        found.append(
            stop(
                "battery_empty",
                f"the mission needs {plan.energy_wh:.0f} Wh, the battery has {full:.0f} Wh: empty on the way to here",
                "Split the mission, or take a larger battery", seq=empty.seq,
                lat_deg=empty.lat_deg, lon_deg=empty.lon_deg,
            )
        )  # fmt: skip
    elif beyond is not None and lost is None:
        left = 1.0 - (beyond.spent_wh + beyond.home_wh) / full
        found.append(
            warning(
                "reserve",
                f"from here home only {100 * left:.0f} % of the battery are left, less than the reserve of "
                f"{100 * model.reserve:.0f} %",
                "Shorten or split the mission", seq=beyond.seq, lat_deg=beyond.lat_deg, lon_deg=beyond.lon_deg,
            )
        )  # fmt: skip
    return tuple(found)
