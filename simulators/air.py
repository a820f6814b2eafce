"""What is between the scene and the lens, and above it: transmission with distance, and the sky.

Transmission of the water vapour after the two-term form that FLIR's cameras use (their published constants; humidity by
their cubic in °C); haze takes a tenth of what it takes in the visible (Koschmieder: 3.912 / visibility). The clear sky
is a grey body of the air's temperature whose optical depth grows with 1/sin of the elevation: cold at the zenith, the
air's own temperature at the horizon (after the window model of Berger and Cohen 1984, one term).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.radiance import KELVIN, Raster, band_radiance

_X, _A1, _A2, _B1, _B2 = 1.9, 0.006569, 0.01262, -0.002276, -0.00667
_HAZE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Air:
    """``kelvin`` of the air, humidity 0..1, meteorological visibility."""

    kelvin: float
    humidity: float = 0.7
    visibility_km: float = 20.0

    @property
    def radiance(self) -> float:
        """A black body of the air's temperature, W/(m² sr)."""
        return float(band_radiance(self.kelvin))

    def transmission(self, metres: NDArray[np.floating]) -> Raster:
        """Share of the band that comes through, 0..1."""
        c = self.kelvin - KELVIN
        vapour = self.humidity * math.exp(1.5587 + 6.939e-2 * c - 2.7816e-4 * c * c + 6.8455e-7 * c**3)
        root_d, root_h = np.sqrt(np.asarray(metres, np.float64)), math.sqrt(vapour)
        tau = _X * np.exp(-root_d * (_A1 + _B1 * root_h)) + (1 - _X) * np.exp(-root_d * (_A2 + _B2 * root_h))
        haze = np.exp(-_HAZE_SHARE * 3.912e-3 / self.visibility_km * np.asarray(metres, np.float64))
        return np.asarray(np.clip(tau, 0.0, 1.0) * haze, np.float32)

    def sky(self, sine: NDArray[np.floating] | float) -> Raster:
        """Radiance of the clear sky at a sine of elevation (any shape); at or below the horizon the air's own."""
        depth = 0.2 + 0.35 * self.humidity
        emissivity = 1.0 - np.exp(-depth / np.maximum(np.asarray(sine, np.float64), 0.01))
        return np.asarray(self.radiance * emissivity, np.float32)

    @property
    def diffuse_sky(self) -> float:
        """What a level rough surface mirrors: the sky, weighted by cosine."""
        sine = (np.arange(50) + 0.5) / 50
        return float((self.sky(sine) * 2 * sine).mean())
