"""What flying costs, and what it does to the battery.

Rotor power after momentum theory: in hover the induced velocity is v_h = √(T / (2 ρ A)); in forward flight Glauert's
v_i⁴ + V² v_i² − v_h⁴ = 0 makes it smaller, so a copter needs less at 5 to 10 m/s than standing still; above, the drag
of the airframe, ½ ρ C_dA V³, takes over. Climbing adds T · V_z; sinking gives back at most a third of the induced power
(the rotor works in its own wash). All of it divided by the efficiency of rotor, motor and controller, plus avionics
(Leishman, Principles of Helicopter Aerodynamics, chapters 2 and 5; efficiency and drag as of small quadrotors).

The battery: open-circuit voltage over the charge of lithium polymer cells, less an ohmic drop and a slower one
(one RC pair, the usual first-order Thévenin model): after a climb the voltage takes a while to come back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

_G, _RHO = 9.80665, 1.2
# Charge left, volts of a cell without load.
_CELL = ((0.0, 3.3), (0.05, 3.55), (0.1, 3.66), (0.2, 3.73), (0.4, 3.8), (0.6, 3.91), (0.8, 4.03), (1.0, 4.2))


@dataclass(frozen=True, slots=True)
class Airframe:
    """A quadcopter with a gimballed camera of 3.2 kg; ``rest_w`` is what it takes with the motors off."""

    mass_kg: float = 3.2
    rotors: int = 4
    rotor_diameter_m: float = 0.38
    drag_area_m2: float = 0.045
    efficiency: float = 0.62
    rest_w: float = 6.0
    idle_w: float = 24.0

    @property
    def disc_m2(self) -> float:
        """Area of all rotor discs."""
        return self.rotors * math.pi * self.rotor_diameter_m**2 / 4

    def power_w(self, airspeed_m_s: float, climb_m_s: float) -> float:
        """Electrical power in flight at an airspeed over the discs and a climb (negative: sinking)."""
        thrust = self.mass_kg * _G
        hover = math.sqrt(thrust / (2 * _RHO * self.disc_m2))
        squared = airspeed_m_s**2
        induced = math.sqrt((math.sqrt(squared**2 + 4 * hover**4) - squared) / 2)
        parasite = 0.5 * _RHO * self.drag_area_m2 * airspeed_m_s**3
        climb = max(thrust * climb_m_s, -thrust * induced / 3)
        return (thrust * induced + parasite + climb) / self.efficiency + self.rest_w


class Battery:
    """Four cells, ``used_mah`` of ``capacity_mah`` so far; ``current_a`` and ``voltage_v`` at the terminals."""

    def __init__(self, capacity_mah: float = 10_000.0) -> None:
        self.capacity_mah = capacity_mah
        self.used_mah = 0.0
        self.current_a = 0.4
        self._slow_v = 0.0
        self.voltage_v = self._open_v()

    _CELLS, _OHM, _SLOW_OHM, _SLOW_S = 4, 0.012, 0.008, 25.0

    @property
    def left(self) -> float:
        """Charge left, 0..1."""
        return max(0.0, 1.0 - self.used_mah / self.capacity_mah)

    def _open_v(self) -> float:
        left = self.left
        for (low, low_v), (high, high_v) in pairwise(_CELL):
            if left <= high:
                return self._CELLS * (low_v + (high_v - low_v) * (left - low) / (high - low))
        return self._CELLS * _CELL[-1][1]

    def draw(self, power_w: float, dt_s: float) -> None:
        """Take a power for a moment."""
        self.current_a = power_w / max(1.0, self.voltage_v)
        self.used_mah += self.current_a * dt_s / 3.6
        self._slow_v += (self._SLOW_OHM * self.current_a - self._slow_v) * min(1.0, dt_s / self._SLOW_S)
        self.voltage_v = self._open_v() - self._OHM * self.current_a - self._slow_v
