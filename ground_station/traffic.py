"""Other aircraft by ADSB_VEHICLE: where they are, when they are nearest, and whether we are on the ground by then.

A helicopter at an incident flies low and does not see a drone. What counts is not how near it is now but the time to
its closest approach against the time that we need to get down. Straight flight is assumed, which is the honest
assumption for a minute; what was not heard for 15 s is forgotten, what has no position or height says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ground_station.telemetry import VehicleState
from ground_station.wire import Message, text_of

_FORGOTTEN_S, _MOST = 15.0, 64
_PLACE, _HEIGHT, _HEADING, _SPEED, _VERTICAL = 1, 2, 4, 8, 128
_NEAR_M, _NEAR_UP_M, _SOON_S = 500.0, 150.0, 90.0
_SINK_M_S, _MARGIN_S = 1.2, 10.0
_METRES_PER_DEGREE = 111_320.0
_ROTORCRAFT = 7


@dataclass(frozen=True, slots=True)
class Aircraft:
    """One aircraft as last told. Metres above sea level, m/s east-north-up; None where it does not say."""

    address: int
    heard_s: float
    call_sign: str
    lat_deg: float
    lon_deg: float
    alt_m: float | None
    velocity_enu_m_s: tuple[float, float, float] | None
    rotorcraft: bool


@dataclass(frozen=True, slots=True)
class Approach:
    """When an aircraft is nearest, and how near. ``down_s``: what we need to get down; ``danger``: evade now."""

    aircraft: Aircraft
    distance_m: float
    height_difference_m: float | None
    closest_s: float
    closest_m: float
    down_s: float
    danger: bool


class Traffic:
    """All aircraft that were heard, by address."""

    def __init__(self) -> None:
        self._aircraft: dict[int, Aircraft] = {}

    @property
    def aircraft(self) -> Mapping[int, Aircraft]:
        """What is remembered."""
        return self._aircraft

    def hear(self, m: Message, *, now_s: float) -> None:
        """One ADSB_VEHICLE. Without a place it is nothing that can be judged."""
        if not m.flags & _PLACE:
            return
        velocity = None
        if m.flags & _SPEED and m.flags & _HEADING:
            course, speed = math.radians(m.heading * 1e-2), m.hor_velocity * 1e-2
            up = m.ver_velocity * 1e-2 if m.flags & _VERTICAL else 0.0
            velocity = (speed * math.sin(course), speed * math.cos(course), up)
        self._aircraft[m.ICAO_address] = Aircraft(
            m.ICAO_address, now_s - min(m.tslc, _FORGOTTEN_S), text_of(m.callsign).strip(), m.lat * 1e-7, m.lon * 1e-7,
            m.altitude * 1e-3 if m.flags & _HEIGHT else None, velocity, m.emitter_type == _ROTORCRAFT,
        )  # fmt: skip
        self._forget(now_s)

    def _forget(self, now_s: float) -> None:
        self._aircraft = {key: a for key, a in self._aircraft.items() if now_s - a.heard_s <= _FORGOTTEN_S}
        while len(self._aircraft) > _MOST:
            del self._aircraft[min(self._aircraft, key=lambda key: self._aircraft[key].heard_s)]

    def approaches(self, state: VehicleState, *, now_s: float) -> tuple[Approach, ...]:
        """Every aircraft against our own place and movement, the most urgent first; empty without our place."""
        self._forget(now_s)
        if state.position is None:
            return ()
        found = [_approach(aircraft, state, now_s) for aircraft in self._aircraft.values()]
        return tuple(sorted(found, key=lambda each: (not each.danger, each.closest_s, each.distance_m)))


def _approach(aircraft: Aircraft, state: VehicleState, now_s: float) -> Approach:
    ours = state.position
    assert ours is not None
    east = (aircraft.lon_deg - ours.lon_deg) * _METRES_PER_DEGREE * math.cos(math.radians(ours.lat_deg))
    north = (aircraft.lat_deg - ours.lat_deg) * _METRES_PER_DEGREE
    up = None if aircraft.alt_m is None else aircraft.alt_m - ours.alt_amsl_m
    theirs = aircraft.velocity_enu_m_s or (0.0, 0.0, 0.0)
    v_east, v_north = theirs[0] - ours.velocity_ned_m_s[1], theirs[1] - ours.velocity_ned_m_s[0]
    age_s = max(0.0, now_s - aircraft.heard_s)
    east, north = east + theirs[0] * age_s, north + theirs[1] * age_s
    speed2 = v_east**2 + v_north**2
    closest_s = max(0.0, -(east * v_east + north * v_north) / speed2) if speed2 > 0.01 else 0.0
    closest_m = math.hypot(east + v_east * closest_s, north + v_north * closest_s)
    down_s = max(0.0, ours.height_above_home_m) / _SINK_M_S
    # Its height at that time; an unknown height may be ours.
    apart_up_m = 0.0 if up is None else abs(up + theirs[2] * closest_s)
    near = closest_m < _NEAR_M and apart_up_m < _NEAR_UP_M
    danger = bool(near and closest_s < max(_SOON_S, down_s + _MARGIN_S) and state.landed != "on_ground")
    return Approach(aircraft, math.hypot(east, north), up, closest_s, closest_m, down_s, danger)
