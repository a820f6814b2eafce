"""Counts of a thermal sensor → apparent temperature: the measurement formula of FLIR, which DJI's agrees with.

What arrives at the sensor is a sum: the object through the air and a window, what the object reflects, the air itself
and the window. All are signals of black bodies, S(T) = R1 / (R2 (exp(B/T) − F)) − O, in counts. The air lies half
before and half behind the window, each half with τ(d/2) (FLIR, "Toolkit IC2 Digital I/O Guide", measurement formula;
the same in Tattersall's Thermimage and in exiftool's notes). Water vapour follows FLIR's polynomial in °C.

The product of it all is one table of 65,536 temperatures per set of parameters: looking up costs a fraction of
computing, and every pixel with the same count gets the same answer. "Apparent", because emissivity, reflected
temperature and humidity are assumptions of whoever sets them; the slant range should be the one flown, not the
camera's fixed few metres.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

KELVIN = 273.15
COUNTS = 65_536
# Beyond these a number is no temperature of anything a crew flies over.
_COLDEST_K, _HOTTEST_K = 100.0, 3500.0
# Less let through by half the way (9 % by all of it), and what is measured is the air.
_MURKIEST = 0.3

Table = NDArray[np.float32]


class RadiometryError(ValueError):
    """A parameter that no measurement can have: names it, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Planck:
    """The camera's calibration, S(T) = r1 / (r2 (exp(b_k/T) − f)) − o; ``o`` is negative in most files."""

    r1: float
    r2: float
    b_k: float
    f: float
    o: float

    def __post_init__(self) -> None:
        values = (self.r1, self.r2, self.b_k, self.f, self.o)
        if not all(np.isfinite(values)) or min(self.r1, self.r2, self.b_k, self.f) <= 0.0:
            raise RadiometryError(
                f"calibration R1 {self.r1:g} R2 {self.r2:g} B {self.b_k:g} F {self.f:g} O {self.o:g}: "
                "allowed are finite numbers, all but O above 0"
            )

    def signal(self, kelvin: float) -> float:
        """Counts that a black body of this temperature gives."""
        return float(self.r1 / (self.r2 * (np.exp(self.b_k / kelvin) - self.f)) - self.o)


@dataclass(frozen=True, slots=True)
class Air:
    """How the air absorbs: FLIR's five constants, the same in most cameras."""

    alpha1: float = 0.006569
    alpha2: float = 0.01262
    beta1: float = -0.002276
    beta2: float = -0.00667
    x: float = 1.9

    def transmission(self, distance_m: float, air_k: float, humidity: float) -> float:
        """Share of the radiation that gets through, 0.3..1. ``humidity`` relative, 0..1.

        The polynomial was fitted to what a camera looks through; far outside it falls below zero, and its square in
        the formula then looks like air again. Such air is refused (RadiometryError) and not made to a number.
        """
        t = air_k - KELVIN
        vapour = humidity * np.exp(1.5587 + 6.939e-2 * t - 2.7816e-4 * t**2 + 6.8455e-7 * t**3)
        way, wet = np.sqrt(distance_m), np.sqrt(vapour)
        dry = self.x * np.exp(-way * (self.alpha1 + self.beta1 * wet))
        share = float(dry + (1.0 - self.x) * np.exp(-way * (self.alpha2 + self.beta2 * wet)))
        if not _MURKIEST <= share <= 1.0 + 1e-9:
            raise RadiometryError(
                f"air of {t:.0f} °C and {humidity:.0%} humidity over {distance_m:g} m: the formula for air "
                f"lets through {share:.0%}, it holds for {_MURKIEST:.0%} to 100%; "
                "a smaller distance_m or humidity is allowed"
            )
        return share


_BOUNDS = {
    "emissivity": (0.01, 1.0), "distance_m": (0.0, 10_000.0), "reflected_k": (100.0, 1500.0),
    "air_k": (200.0, 350.0), "humidity": (0.0, 1.0), "window_k": (200.0, 400.0), "window_transmission": (0.01, 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measurement:
    """What lies between object and sensor. ``humidity`` relative, 0..1."""

    emissivity: float = 0.95
    distance_m: float = 1.0
    reflected_k: float = 20.0 + KELVIN
    air_k: float = 20.0 + KELVIN
    humidity: float = 0.5
    window_k: float = 20.0 + KELVIN
    window_transmission: float = 1.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value, (low, high) = getattr(self, one.name), _BOUNDS[one.name]
            if not low <= value <= high:
                raise RadiometryError(f"{one.name} {value:g}: allowed is {low:g} to {high:g}")

    def but(self, settings: Settings) -> Measurement:
        """With what somebody has set by hand."""
        chosen = {one.name: getattr(settings, one.name) for one in fields(settings)}
        return replace(self, **{name: value for name, value in chosen.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator says instead of the file; None leaves the file's word. Units as in Measurement."""

    emissivity: float | None = None
    distance_m: float | None = None
    reflected_k: float | None = None
    air_k: float | None = None
    humidity: float | None = None

    def __post_init__(self) -> None:
        Measurement().but(self)


def kelvin_table(planck: Planck, measurement: Measurement, air: Air | None = None) -> Table:
    """(65536,) float32: the object's temperature in kelvin for every count; NaN where a count has none."""
    m = measurement
    half = (air or Air()).transmission(m.distance_m / 2.0, m.air_k, m.humidity)
    window, e = m.window_transmission, m.emissivity
    # From the sensor outwards: every term in counts, divided by all that the object's own signal went through.
    through = e * half * window * half
    others = (1.0 - e) / e * planck.signal(m.reflected_k)
    others += (1.0 - half) / (e * half) * planck.signal(m.air_k)
    others += (1.0 - window) / (e * half * window) * planck.signal(m.window_k)
    others += (1.0 - half) / through * planck.signal(m.air_k)
    signal = np.arange(COUNTS, dtype=np.float64) / through - others
    with np.errstate(all="ignore"):
        kelvin = planck.b_k / np.log(planck.r1 / (planck.r2 * (signal + planck.o)) + planck.f)
    kelvin[~((kelvin > _COLDEST_K) & (kelvin < _HOTTEST_K))] = np.nan
    return np.asarray(kelvin, np.float32)


def kelvin_from_counts(counts: NDArray[np.uint16], table: Table) -> NDArray[np.float32]:
    """(h, w) uint16 → (h, w) float32 kelvin; NaN where the sensor says what no body can be."""
    return table[counts]
