"""One uncooled microbolometer: band radiance in, 16-bit counts out, with the faults of its kind.

The signal is linear in radiance; noise, pattern and quantisation live there, so that a kelvin of cold sky is noisier
than a kelvin of fire. The camera's own processor then makes temperature-linear counts (KELVIN_PER_COUNT each) with its
calibration T = B / ln(R / (L + O) + F), fitted to the band integral from -40 to 550 °C: at most RBF_ERROR_K off.

Faults: NETD, fixed pattern of pixels and of columns that creeps between flat-field events, lens fall-off (hot things
read colder in the corners) with the glow of the housing, dead and flickering pixels, a level that is some tenths off.
Every minute the shutter closes: the picture freezes, and comes back with another level and a fresh pattern.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile
from simulators.radiance import KELVIN, Raster, band_radiance, per_kelvin

Counts = NDArray[np.uint16]

KELVIN_PER_COUNT = 0.02
SATURATED_C = 550.0
SATURATED_COUNT = round((SATURATED_C + KELVIN) / KELVIN_PER_COUNT)
NETD_K = 0.06
"""Noise of one pixel of a scene of 300 K."""
RBF_R, RBF_B, RBF_F, RBF_O = 7341.4731, 1481.10266, 1.16307348, -2.02494947
"""The camera's calibration; R and O in W/(m² sr), B in kelvin."""
RBF_ERROR_K = 0.85
_PER_KELVIN = per_kelvin(300.0)
_PIXEL_PATTERN_K, _COLUMN_PATTERN_K = 0.04, 0.03
_CREEP_K_PER_S = 0.0008
_FALL_OFF, _GLOW_K = 0.02, 0.35
_DEAD, _FLICKERING = 5, 3
_FFC_EVERY_S = 60.0
_FFC_LASTS_S = 0.45
_RAW_FULL = 65_000
_RAW_PER_W = _RAW_FULL / float(band_radiance(SATURATED_C + KELVIN))


def temperature_linear(raw: NDArray[np.integer]) -> Counts:
    """What the camera's processor makes of raw signal counts (any shape)."""
    signal = np.asarray(raw, np.float64) / _RAW_PER_W
    kelvin = RBF_B / np.log(RBF_R / np.maximum(signal + RBF_O, 0.05) + RBF_F)
    counts = np.clip(np.round(kelvin / KELVIN_PER_COUNT), 0, SATURATED_COUNT).astype(np.uint16)
    return np.asarray(np.where(np.asarray(raw) >= _RAW_FULL, SATURATED_COUNT, counts), np.uint16)


_LOOKUP = temperature_linear(np.arange(65_536))


class Sensor:
    """The faults of one microbolometer. ``expose`` is called in order of time."""

    def __init__(self, profile: CameraProfile, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 7])
        shape = (profile.height, profile.width)
        per_k = np.float32(_PER_KELVIN * _RAW_PER_W)
        rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
        rim = (rows**2 + columns**2).astype(np.float32) / np.float32(2.0)
        house = float(band_radiance(KELVIN + 25.0)) * _RAW_PER_W
        self._gain = (_RAW_PER_W * (1.0 - _FALL_OFF * rim)).astype(np.float32)
        self._lens = (_FALL_OFF * rim * house - 2 * _GLOW_K * rim * per_k).astype(np.float32)
        self._per_k = per_k
        # Fresh normal noise for every frame would cost more than the scene: a large field, shifted at random.
        self._noise = self._rng.normal(0, NETD_K * float(per_k), (shape[0] * 2, shape[1] * 2)).astype(np.float32)
        self._level_k = float(self._rng.normal(0, 0.5))
        self._corrected_s = 0.0
        self._flat_field()
        self._offset, self._offset_s = self._lens, -1
        self._next_ffc_s = _FFC_EVERY_S * float(self._rng.uniform(0.2, 1.0))
        self._bad(shape)
        self._frozen: Counts | None = None
        self._last: Counts | None = None
        self._thaw_s = 0.0

    def _flat_field(self) -> None:
        """A new correction leaves a new remainder, which then creeps."""
        shape = self._gain.shape
        columns = self._rng.normal(0, 1, (2, 1, shape[1]))
        pixels = self._rng.normal(0, 1, (2, *shape))
        self._pattern = ((_PIXEL_PATTERN_K * pixels[0] + _COLUMN_PATTERN_K * columns[0]) * self._per_k).astype(
            np.float32
        )
        self._creep = (_CREEP_K_PER_S * (0.7 * pixels[1] + 0.7 * columns[1]) * self._per_k).astype(np.float32)

    def _bad(self, shape: tuple[int, int]) -> None:
        """What is left after the maker's own replacement: a few that are stuck or flicker, none of them at the top."""
        spots = self._rng.choice(shape[0] * shape[1], _DEAD + _FLICKERING, replace=False)
        self._dead, self._flickering = spots[:_DEAD], spots[_DEAD:]
        celsius = self._rng.uniform(-30.0, 90.0, _DEAD)
        self._stuck_at = np.round((celsius + KELVIN) / KELVIN_PER_COUNT).astype(np.uint16)

    @property
    def bad_pixels(self) -> tuple[tuple[int, int], ...]:
        """(u, v) of the dead and the flickering ones."""
        width = self._gain.shape[1]
        return tuple((int(spot) % width, int(spot) // width) for spot in (*self._dead, *self._flickering))

    def expose(self, radiance: Raster | None, at_s: float) -> Counts | None:
        """(h, w) uint16 counts at a time. With the shutter closed the last picture again; None = render it first."""
        if self._last is not None and at_s >= self._next_ffc_s:
            self._frozen, self._thaw_s = self._last, at_s + _FFC_LASTS_S
            self._next_ffc_s = at_s + _FFC_EVERY_S
            self._level_k += float(self._rng.choice((-1.0, 1.0)) * self._rng.uniform(0.8, 1.6))
            self._corrected_s = at_s
            self._offset_s = -1
            self._flat_field()
        if self._frozen is not None and at_s < self._thaw_s:
            return self._frozen
        self._frozen = None
        if radiance is None:
            return None
        if int(at_s) != self._offset_s:
            age_s, self._offset_s = max(0.0, at_s - self._corrected_s), int(at_s)
            level = np.float32(self._level_k) * self._per_k
            self._offset = self._lens + self._pattern + self._creep * np.float32(age_s) + level
        self._last = self._read_out(radiance)
        return self._last

    def _read_out(self, radiance: Raster) -> Counts:
        height, width = radiance.shape
        y, x = int(self._rng.integers(0, height)), int(self._rng.integers(0, width))
        signal = radiance * self._gain
        signal += self._offset
        signal += self._noise[y : y + height, x : x + width]
        signal += np.float32(0.5)  # rounds, as the conversion below cuts
        np.clip(signal, 0, 65_535, out=signal)
        counts = np.asarray(np.take(_LOOKUP, signal.astype(np.uint16)), np.uint16)
        flat = counts.reshape(-1)
        flat[self._dead] = self._stuck_at
        jumps = self._rng.normal(0, 4.0 / KELVIN_PER_COUNT, _FLICKERING)
        flat[self._flickering] = np.clip(flat[self._flickering] + jumps, 0, SATURATED_COUNT).astype(np.uint16)
        return counts
