"""Planck's law in the band of the camera, and back: the one place where kelvin become W/(m² sr).

The scene is rendered in band radiance (7.5-13.5 µm, flat response), for radiance adds up over the area of a pixel and
temperature does not. The integral is Gauss-Legendre over 48 wavelengths, tabled every quarter of a kelvin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

KELVIN = 273.15
BAND_UM = (7.5, 13.5)
SUN_K = 5778.0
SUN_STERADIAN = 6.8e-5
# CODATA 2018, exact: Planck's and Boltzmann's constants, the speed of light.
_H, _K, _C = 6.62607015e-34, 1.380649e-23, 299_792_458.0


def _integral(kelvin: Floats) -> Floats:
    nodes, weights = np.polynomial.legendre.leggauss(48)
    half, middle = (BAND_UM[1] - BAND_UM[0]) * 0.5e-6, (BAND_UM[1] + BAND_UM[0]) * 0.5e-6
    length = middle + half * nodes
    spectral = 2 * _H * _C**2 / length**5 / np.expm1(_H * _C / (length * _K * kelvin[:, None]))
    result: Floats = spectral @ (weights * half)
    return result


_TABLE_K = np.arange(60.0, 2000.0, 0.25)
_TABLE = _integral(_TABLE_K)
SUN_RADIANCE = float(_integral(np.array([SUN_K]))[0])
"""The sun's disc as a black body of 5778 K, W/(m² sr) in the band."""


def band_radiance(kelvin: ArrayLike) -> Raster:
    """W/(m² sr) in the band of a black body of this temperature (any shape, 60-2000 K)."""
    return np.asarray(np.interp(np.asarray(kelvin, np.float64), _TABLE_K, _TABLE), np.float32)


def kelvin_of(radiance: ArrayLike) -> Raster:
    """The temperature of the black body with this band radiance (any shape)."""
    return np.asarray(np.interp(np.asarray(radiance, np.float64), _TABLE, _TABLE_K), np.float32)


def per_kelvin(kelvin: float) -> float:
    """dL/dT, W/(m² sr K)."""
    return float(np.interp(kelvin + 0.5, _TABLE_K, _TABLE) - np.interp(kelvin - 0.5, _TABLE_K, _TABLE))
