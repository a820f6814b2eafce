"""Velocities that lead somewhere: towards a place, down to the ground, around a centre. East-north-up, m/s."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.autopilot.settings import Values
from simulators.flight import Flight
from simulators.geodesy import Floats

# What the vehicle brakes with, as a share of WPNAV_ACCEL: the rest is for the wind.
_BRAKING = 0.6
_RISE_BRAKE = 0.8  # m/s²


@dataclass(slots=True)
class Speeds:
    """What a mode may fly, m/s, and the acceleration it brakes with, m/s²."""

    flat: float
    up: float
    down: float
    brake: float

    @classmethod
    def of(cls, values: Values, flat_cm_s: float = 0.0) -> Speeds:
        """As the parameters say; ``flat_cm_s`` instead of WPNAV_SPEED where it is not 0."""
        return cls(
            max(0.2, (flat_cm_s or values["WPNAV_SPEED"]) / 100),
            max(0.1, values["WPNAV_SPEED_UP"] / 100),
            max(0.1, values["WPNAV_SPEED_DN"] / 100),
            max(0.3, values["WPNAV_ACCEL"] / 100) * _BRAKING,
        )


def towards(flight: Flight, goal: Floats, speeds: Speeds, *, turn: bool = True) -> Floats:
    """Straight to a place, braking in time; the nose leads the way unless ``turn`` is off."""
    east, north, up = (float(value) for value in goal - flight.enu)
    flat = math.hypot(east, north)
    # v = √(2·a·s): the speed from which the vehicle still stops in time.
    along = min(speeds.flat, math.sqrt(2 * speeds.brake * flat)) / flat if flat > 0.05 else 0.0
    if turn and flat > 4.0:
        flight.target_yaw = math.atan2(east, north)
    return np.array([east * along, north * along, rise(up, speeds)])


def rise(up_m: float, speeds: Speeds) -> float:
    """The climb that ends a difference of height without going past it."""
    gentle = min(abs(up_m), math.sqrt(2 * _RISE_BRAKE * abs(up_m)))
    return min(speeds.up, gentle) if up_m > 0 else -min(speeds.down, gentle)


def stopping_point(flight: Flight, speeds: Speeds) -> Floats:
    """Where the vehicle comes to rest when it brakes now."""
    flat = math.hypot(flight.velocity[0], flight.velocity[1])
    ahead = flat / (2 * speeds.brake)  # s = v²/2a along v
    return np.asarray(flight.enu + np.array([flight.velocity[0] * ahead, flight.velocity[1] * ahead, 0.0]))


def descend(flight: Flight, values: Values) -> Floats:
    """Straight down: WPNAV_SPEED_DN (or LAND_SPEED_HIGH) to LAND_ALT_LOW above the ground, LAND_SPEED below."""
    height = float(flight.enu[2]) - flight.ground_amsl_m
    high = abs(values["LAND_SPEED_HIGH"]) or values["WPNAV_SPEED_DN"]
    sink = high if height > values["LAND_ALT_LOW"] / 100 else max(10.0, values["LAND_SPEED"])
    return np.array([0.0, 0.0, -sink / 100])


class Circle:
    """Round a centre and again: outwards or inwards to the radius first. A negative radius is anticlockwise."""

    def __init__(self, centre: Floats, signed_radius_m: float, turns: float) -> None:
        self._centre, self._radius, self._turns = centre, abs(signed_radius_m), turns
        self._sense = math.copysign(1.0, signed_radius_m)
        self._turned_rad, self._azimuth_rad = 0.0, math.nan

    @property
    def begun(self) -> int:
        """The number of the circle that is being flown, from 1; 0 before the first."""
        return 0 if math.isnan(self._azimuth_rad) else int(self._turned_rad / (2 * math.pi)) + 1

    @property
    def done(self) -> bool:
        """Whether all turns are flown."""
        return self._turned_rad >= 2 * math.pi * self._turns

    def velocity(self, flight: Flight, speeds: Speeds, near_m: float) -> Floats:
        """The nose looks at the centre; ``near_m`` is how close to the circle counts as on it."""
        east, north, _ = (float(value) for value in flight.enu - self._centre)
        distance = math.hypot(east, north)
        out = (east / distance, north / distance) if distance > 0.1 else (1.0, 0.0)
        close = abs(distance - self._radius) < near_m
        if close:
            self._count(math.atan2(out[0], out[1]))
        along = self._sense * min(speeds.flat, math.sqrt(speeds.brake * self._radius)) if close else 0.0
        inwards = (self._radius - distance) * 0.8
        flight.target_yaw = math.atan2(-out[0], -out[1])
        climb = rise(float(self._centre[2] - flight.enu[2]), speeds)
        flat = np.array([inwards * out[0] + along * out[1], inwards * out[1] - along * out[0]])
        return np.array([*np.clip(flat, -speeds.flat, speeds.flat), climb])

    def _count(self, azimuth_rad: float) -> None:
        turned = (azimuth_rad - self._azimuth_rad + math.pi) % (2 * math.pi) - math.pi
        self._turned_rad += 0.0 if math.isnan(turned) else self._sense * turned
        self._azimuth_rad = azimuth_rad
