"""How a small copter moves: a point mass with limits, an attitude that follows from its acceleration, and the wind.

East-north-up metres, seconds, radians. Set a target velocity and heading; ``step`` flies towards it. What the
autopilot *believes* of this is in ``Errors``: drawn once a flight with the sigmas that the vehicle reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.geodesy import Floats

_G = 9.80665
_ACCELERATION = 2.5
_CLIMB_ACCELERATION = 1.5
_YAW_RATE = math.radians(60.0)
_ATTITUDE_LAG_S = 0.15
_DRAG_PER_MASS = 0.08  # 1/s: tilt that holds against a wind of 10 m/s is about 5°


class Flight:
    """The true state of one vehicle. ``up`` is above sea level."""

    def __init__(self, enu: Floats, yaw_rad: float, rng: np.random.Generator, wind_m_s: float) -> None:
        self.enu = enu.astype(np.float64).copy()
        self.velocity = np.zeros(3)
        self.roll = self.pitch = 0.0
        self.yaw = yaw_rad
        self.on_ground = True
        self.ground_amsl_m = float(enu[2])
        self.target_velocity = np.zeros(3)
        self.target_yaw = yaw_rad
        self.level = False
        """Without a position: it keeps upright and the wind takes it along."""
        direction = float(rng.uniform(0, 2 * math.pi))
        self.wind = wind_m_s * np.array([math.cos(direction), math.sin(direction), 0.0])
        self._gust = np.zeros(3)
        self._rng = rng

    def blow(self, speed_m_s: float, from_deg: float) -> None:
        """Another wind from here on."""
        towards = math.radians(from_deg + 180.0)
        self.wind = speed_m_s * np.array([math.sin(towards), math.cos(towards), 0.0])

    def step(self, dt_s: float) -> None:
        """Let time pass; ``dt_s`` of at most 0.1 s."""
        # First-order Gauss-Markov gusts (MIL-F-8785C idea): 3 s correlation, a fifth of the wind.
        sigma = 0.2 * float(np.hypot(self.wind[0], self.wind[1]))
        keep = math.exp(-dt_s / 3.0)
        self._gust = keep * self._gust + sigma * math.sqrt(1 - keep**2) * self._rng.standard_normal(3) * (1, 1, 0.3)
        if self.on_ground and self.target_velocity[2] <= 0.0:
            self.velocity = np.zeros(3)
            self.roll = self.pitch = 0.0
            return
        self.on_ground = False
        wanted = np.clip((self.target_velocity - self.velocity) / 0.4, -20, 20)
        flat = float(np.hypot(wanted[0], wanted[1]))
        if flat > _ACCELERATION:
            wanted[:2] *= _ACCELERATION / flat
        if self.level:
            wanted[:2] = _DRAG_PER_MASS * (self.wind + self._gust - self.velocity)[:2]
        wanted[2] = np.clip(wanted[2], -_CLIMB_ACCELERATION, _CLIMB_ACCELERATION)
        pushed = 0.15 * _DRAG_PER_MASS * self._gust  # what the controller does not catch of a gust
        self.velocity += (wanted + pushed) * dt_s
        self.enu += self.velocity * dt_s
        self._attitude(wanted, dt_s)
        if self.enu[2] <= self.ground_amsl_m and self.velocity[2] < 0:
            self.enu[2] = self.ground_amsl_m
            self.on_ground = True
            self.velocity = np.zeros(3)

    def _attitude(self, acceleration: Floats, dt_s: float) -> None:
        """Thrust balances gravity, acceleration and drag: that is where roll and pitch come from."""
        needed = acceleration + _DRAG_PER_MASS * (self.velocity - self.wind - self._gust)
        forward = math.sin(self.yaw) * needed[0] + math.cos(self.yaw) * needed[1]
        right = math.cos(self.yaw) * needed[0] - math.sin(self.yaw) * needed[1]
        follow = 1 - math.exp(-dt_s / _ATTITUDE_LAG_S)
        self.pitch += (-math.atan2(forward, _G) - self.pitch) * follow
        self.roll += (math.atan2(right, _G) - self.roll) * follow
        turn = (self.target_yaw - self.yaw + math.pi) % (2 * math.pi) - math.pi
        self.yaw += max(-_YAW_RATE * dt_s, min(_YAW_RATE * dt_s, turn))


@dataclass(frozen=True, slots=True)
class Errors:
    """What the autopilot's estimate is off by, one draw a flight; sigmas as reported or assumed by honest software."""

    position_enu_m: tuple[float, float, float]
    tilt_rad: tuple[float, float]
    yaw_rad: float
    h_acc_m: float
    v_acc_m: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Errors:
        """``h_acc`` is the radial sigma, as u-blox states it: each axis has 1/√2 of it."""
        h_acc, v_acc = 1.2, 1.8
        east, north = rng.normal(0, h_acc / math.sqrt(2), 2)
        tilt = rng.normal(0, math.radians(0.5), 2)
        return cls(
            (float(east), float(north), float(rng.normal(0, v_acc))),
            (float(tilt[0]), float(tilt[1])),
            float(rng.normal(0, math.radians(1.5))),
            h_acc,
            v_acc,
        )
