"""What flying costs a multicopter: rotor disc momentum theory with a few constants, fitted to flight logs.

Hover: P_i = T^1.5 / √(2ρA). In forward flight the induced velocity solves v_i⁴ + V²v_i² − (T/(2ρA))² = 0 (Glauert
1926; Leishman, "Principles of Helicopter Aerodynamics", 2.14); the airframe drags with ½ρ C_dA V³; a climb costs T·V_z,
and a descent gives back at most a share of the induced power, because the rotors work in their own wash. Divided by the
efficiency of rotor, motor and controller, plus what the avionics and the camera take.

Mass and rotors are measured on the table; efficiency, drag and avionics are what a log tells (`fit`): the electrical
power is linear in 1/η, C_dA/η and the avionics, so least squares finds them, and the residual says how well.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

G_M_S2 = 9.80665
SEA_LEVEL_DENSITY = 1.225
_GIVEN_BACK = 1.0 / 3.0
_FEWEST_SAMPLES = 60
# Rotor, motor and controller together have never been better; a fit so far off is of another aircraft.
_BEST_EFFICIENCY, _WORST_FIT = 0.9, 0.25


class PowerError(ValueError):
    """A power model that cannot be: which value, and what is allowed."""


_BOUNDS = {
    "mass_kg": (0.1, 100.0), "disc_m2": (0.005, 50.0), "efficiency": (0.05, 1.0), "drag_area_m2": (0.0, 5.0),
    "avionics_w": (0.0, 2000.0), "top_airspeed_m_s": (1.0, 60.0), "residual_w": (0.0, 10_000.0),
    "capacity_wh": (1.0, 20_000.0), "reserve": (0.0, 0.9), "derating": (0.1, 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PowerModel:
    """One aircraft with its battery. ``disc_m2``: all rotor discs; ``derating``: share of the capacity that age and
    cold leave; ``reserve``: share of that which must be left at the landing; ``residual_w``: rms of the fit."""

    mass_kg: float
    disc_m2: float
    capacity_wh: float
    efficiency: float = 0.6
    drag_area_m2: float = 0.05
    avionics_w: float = 15.0
    top_airspeed_m_s: float = 15.0
    reserve: float = 0.25
    derating: float = 0.9
    residual_w: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value, (low, high) = getattr(self, one.name), _BOUNDS[one.name]
            if value is not None and not low <= value <= high:
                raise PowerError(f"power model: {one.name} {value:g}: allowed are {low:g} to {high:g}")

    @property
    def usable_wh(self) -> float:
        """What may be spent before the reserve is touched."""
        return self.capacity_wh * self.derating * (1.0 - self.reserve)

    def power_w(self, airspeed_m_s: float, climb_m_s: float = 0.0, density: float = SEA_LEVEL_DENSITY) -> float:
        """Electrical power at an airspeed over the discs and a climb (negative: sinking)."""
        thrust_w, drag_w = _terms(self.mass_kg, self.disc_m2, airspeed_m_s, climb_m_s, density)
        return float((thrust_w + drag_w * self.drag_area_m2) / self.efficiency + self.avionics_w)


def _terms(
    mass_kg: float, disc_m2: float, airspeed: Floats | float, climb: Floats | float, density: Floats | float
) -> tuple[Floats, Floats]:
    """Mechanical watts of induction and climb, and of drag per square metre of drag area."""
    v, up, rho = (np.asarray(value, np.float64) for value in (airspeed, climb, density))
    thrust = mass_kg * G_M_S2
    hover2 = thrust / (2.0 * rho * disc_m2)  # the induced velocity of hover, squared
    # The root in this form loses no digits where V is large.
    induced = hover2 * np.sqrt(2.0 / (np.sqrt(v**4 + 4.0 * hover2**2) + v**2))
    climbing = np.maximum(thrust * up, -_GIVEN_BACK * thrust * induced)
    return thrust * induced + climbing, 0.5 * rho * v**3


def air_density(alt_amsl_m: float, temperature_c: float = 15.0) -> float:
    """kg/m³ after the barometric formula of the ISA troposphere at a temperature measured there."""
    pressure = 101_325.0 * math.pow(1.0 - 2.25577e-5 * alt_amsl_m, 5.25588)
    return pressure / (287.053 * (temperature_c + 273.15))


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What a log tells, each (N,): airspeed and climb m/s, electrical power W, air density kg/m³."""

    airspeed_m_s: Floats
    climb_m_s: Floats
    power_w: Floats
    density: Floats


def fit(samples: Samples, start: PowerModel) -> PowerModel:
    """The model with efficiency, drag area and avionics of a log, its mass, discs and battery kept.

    What the log does not excite keeps the value of ``start``: a log that only hovers says nothing of drag, and the
    avionics cannot be told from efficiency where no climb or speed changes the power. Raises PowerError for too few
    samples, and where the result is no aircraft.
    """
    known = np.isfinite(np.column_stack([samples.airspeed_m_s, samples.climb_m_s, samples.power_w])).all(axis=1)
    if int(known.sum()) < _FEWEST_SAMPLES:
        raise PowerError(f"power model: {int(known.sum())} samples in flight; at least {_FEWEST_SAMPLES} are needed")
    speed, climb, power, density = (
        column[known] for column in (samples.airspeed_m_s, samples.climb_m_s, samples.power_w, samples.density)
    )
    thrust_w, drag_w = _terms(start.mass_kg, start.disc_m2, speed, climb, density)
    matrix = np.column_stack([thrust_w, drag_w, np.ones(len(power))])
    prior = np.array([1.0 / start.efficiency, start.drag_area_m2 / start.efficiency, start.avionics_w])
    # Weak priors: ±50 % of each, against a sample that is good to 10 % of the mean power.
    weight = 0.1 * float(np.mean(power))
    rows = np.vstack([matrix / weight, np.diag(1.0 / (0.5 * np.abs(prior) + 1e-6))])
    wanted = np.concatenate([power / weight, prior / (0.5 * np.abs(prior) + 1e-6)])
    solved = _bounded(rows, wanted, np.array([1.0 / _BEST_EFFICIENCY, 0.0, 0.0]))
    per_efficiency, drag, avionics = (float(value) for value in solved)
    residual = float(np.sqrt(np.mean((matrix @ solved - power) ** 2)))
    if per_efficiency > 20.0 or residual > _WORST_FIT * float(np.mean(power)):
        free = float(np.linalg.lstsq(rows, wanted, rcond=None)[0][0])
        raise PowerError(
            f"power model: this log asks for an efficiency of {1.0 / free if free else 0.0:.2f}, "
            f"allowed are 0.05 to {_BEST_EFFICIENCY:g}: check mass, rotors and the current sensor"
        )
    return PowerModel(
        start.mass_kg, start.disc_m2, start.capacity_wh, 1.0 / per_efficiency, max(0.0, drag / per_efficiency),
        max(0.0, avionics), start.top_airspeed_m_s, start.reserve, start.derating, residual,
    )  # fmt: skip


def _bounded(rows: Floats, wanted: Floats, least: Floats) -> Floats:
    """Least squares with each unknown at or above its bound: the best of all choices of bounds that hold."""
    best, cost = least, math.inf
    for chosen in range(2 ** len(least)):
        free = np.array([bool(chosen >> n & 1) for n in range(len(least))])
        found = least.copy()
        if free.any():
            rest = wanted - rows[:, ~free] @ least[~free]
            found[free] = np.linalg.lstsq(rows[:, free], rest, rcond=None)[0]
        off = float(np.sum((rows @ found - wanted) ** 2))
        if off < cost and bool(np.all(found >= least - 1e-12)):
            best, cost = found, off
    return best


def parse_power(text: str, name: str = "power") -> PowerModel:
    """TOML → model. Raises PowerError naming the file, the key and what is allowed."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PowerError(f"{name}: {error}") from error
    known = [one.name for one in fields(PowerModel)]
    for key, value in table.items():
        if key not in known:
            raise PowerError(f"{name}: {key!r} is unknown; allowed are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PowerError(f"{name}: {key} must be a number, not {value!r}")
    missing = [key for key in ("mass_kg", "disc_m2", "capacity_wh") if key not in table]
    if missing:
        raise PowerError(f"{name}: {missing[0]} is missing; needed are mass_kg, disc_m2, capacity_wh")
    try:
        return PowerModel(**{key: float(value) for key, value in table.items()})
    except PowerError as error:
        raise PowerError(f"{name}: {error}") from error


def write_power(model: PowerModel) -> str:
    """Model → TOML text that `parse_power` reads."""
    lines = [(one.name, getattr(model, one.name)) for one in fields(model)]
    return "".join(f"{key} = {value:.6g}\n" for key, value in lines if value is not None)
