"""Does the battery last? Energy along a mission with wind, and what the way home costs from every point of it.

Airspeed comes from the wind triangle: the autopilot holds the ground speed it was told, so the air decides the power.
A leg on which the wind asks for more airspeed than the aircraft has is a finding, and its time is that of what the wind
leaves. The way home from a point is straight, at WPNAV_SPEED or what the wind leaves of it, with the landing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from missions.duration import CLIMB_M_S, DEFAULT_SPEED_M_S, DESCENT_M_S, TimedLeg, landing_s, return_s, timed_legs
from missions.findings import Finding, stop, warning
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.items import MissionItem
from missions.path import Leg, Stop, leg_length_m
from missions.power import PowerModel, air_density
from missions.wind import CALM, SLOWEST_M_S, Air, Conditions, airspeed_on, made_good_m_s

__all__ = [
    "Budget", "Conditions", "LegEnergy", "Supply", "airspeed_on", "budget", "check_energy", "landing_s",
    "made_good_m_s",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Supply:
    """The aircraft with its battery, in the air of that day."""

    model: PowerModel
    conditions: Conditions = CALM

    @property
    def air(self) -> Air:
        """The wind, and what the aircraft has against it."""
        return Air(self.conditions, self.model.top_airspeed_m_s)


@dataclass(frozen=True, slots=True)
class LegEnergy:
    """One leg. ``airspeed_m_s``: what its speed asks for; ``spent_wh`` up to its end; ``home_wh``/``home_s``: from its
    end straight home and down."""

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
    for timed in timed_legs(items, home, terrain, air=supply.air):
        energy = _leg_wh(timed, model, conditions, density)
        spent += energy
        home_wh, home_s = _home_from(timed, home, model, conditions, density)
        end = timed.leg.end
        found.append(
            LegEnergy(
                end.seq, timed.time_s + timed.extra_s, _asked_m_s(timed, conditions),
                energy, spent, home_wh, home_s, end.lat_deg, end.lon_deg,
            )
        )  # fmt: skip
    total_s = sum(leg.time_s for leg in found)
    return Budget(tuple(found), total_s, spent, 1.0 - spent / (model.capacity_wh * model.derating))


def _asked_m_s(timed: TimedLeg, conditions: Conditions) -> float:
    """A return is flown as fast as the air lets it; on any other leg the speed was asked for."""
    return airspeed_on(timed.leg, timed.speed_m_s if timed.leg.why == "return" else timed.told_m_s, conditions)


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
    speed = min(DEFAULT_SPEED_M_S, made_good_m_s(back, model.top_airspeed_m_s, conditions))
    if length > 0.5 and speed < SLOWEST_M_S:
        return math.inf, math.inf
    home_s, down_s = return_s(length, timed.height_m, max(speed, SLOWEST_M_S)), landing_s(timed.height_m)
    flying = model.power_w(airspeed_on(back, speed, conditions), 0.0, density)
    standing = model.power_w(conditions.wind_m_s, 0.0, density)
    return (flying * (home_s - down_s) + standing * down_s) / 3600.0, home_s


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
