"""Band radiance against Planck's law summed by hand, and back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.radiance import SUN_RADIANCE, band_radiance, kelvin_of, per_kelvin


def summed(kelvin: float) -> float:
    """Planck's law from 7.5 to 13.5 µm by Simpson's rule over 2000 steps, W/(m² sr)."""
    h, k, c = 6.62607015e-34, 1.380649e-23, 299_792_458.0
    steps, low, high = 2000, 7.5e-6, 13.5e-6
    width = (high - low) / steps
    total = 0.0
    for index in range(steps + 1):
        length = low + index * width
        weight = 1 if index in (0, steps) else 4 if index % 2 else 2
        total += weight * 2 * h * c**2 / length**5 / math.expm1(h * c / (length * k * kelvin))
    return total * width / 3


@pytest.mark.parametrize("kelvin", [220.0, 300.0, 450.13, 700.0, 823.15, 1500.0])
def test_the_band_is_the_integral_of_plancks_law(kelvin: float) -> None:
    assert float(band_radiance(kelvin)) == pytest.approx(summed(kelvin), rel=2e-5)


def test_300_and_700_kelvin_by_figures() -> None:
    assert float(band_radiance(300.0)) == pytest.approx(55.49, abs=0.01)
    assert float(band_radiance(700.0)) == pytest.approx(1031.9, abs=0.2)
    assert pytest.approx(summed(5778.0), rel=1e-5) == SUN_RADIANCE
    assert per_kelvin(300.0) == pytest.approx(summed(300.5) - summed(299.5), rel=1e-4)


def test_temperature_comes_back() -> None:
    kelvin = np.linspace(180.0, 1400.0, 977)
    assert kelvin_of(band_radiance(kelvin)) == pytest.approx(kelvin, abs=2e-3)


def test_a_mixed_pixel_is_hotter_than_the_mean_of_its_parts() -> None:
    """A tenth at 700 K on 285 K: not 326 K as temperatures would say, but the temperature of the mixed radiance."""
    mixed = 0.1 * summed(700.0) + 0.9 * summed(285.0)
    low, high = 285.0, 700.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if summed(middle) < mixed else (low, middle)
    assert float(kelvin_of(0.1 * band_radiance(700.0) + 0.9 * band_radiance(285.0))) == pytest.approx(low, abs=0.01)
    assert 370.0 < low < 400.0
