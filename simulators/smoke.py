"""A plume as a chain of puffs that drift with the wind: thin in the long-wave band, warm near its source.

A puff leaves its fire every PUFF_EVERY_S, rises, widens as it is carried and thins as it widens. Seen from the lens
each is a round blob, whose two factors (rows, columns) make the whole plume one product of matrices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from simulators.burning import Fire
from simulators.radiance import KELVIN, Floats
from simulators.scenery import Smoke

PUFF_EVERY_S = 0.6
_PUFFS = 40
_SMOKING = 8
_SMALLEST_M = 0.5
_COLDEST_K = KELVIN + 150.0
_COOLING_S = 5.0
_ENTRAINMENT = 0.22


@dataclass(frozen=True, slots=True, eq=False)
class Puffs:
    """``enu`` (N, 3) metres, ``sigma_m`` (N,), optical depth through the middle (N,), warmth over the air (N,) K."""

    enu: Floats
    sigma_m: Floats
    depth: Floats
    warm_k: Floats


def puffs(smoke: Smoke, fires: tuple[Fire, ...], wind_m_s: float, downwind_rad: float, at_s: float) -> Puffs | None:
    """All puffs at a time; None when nothing smokes."""
    burning = [(fire, fire.at(at_s)) for fire in fires if fire.radius_m >= _SMALLEST_M]
    burning = [pair for pair in burning if pair[1].kelvin > _COLDEST_K]
    burning = sorted(burning, key=lambda pair: -pair[1].radius_m)[:_SMOKING]
    if not burning or smoke.thickness <= 0.0:
        return None
    phase = at_s % PUFF_EVERY_S
    age = phase + PUFF_EVERY_S * np.arange(_PUFFS)
    born = np.floor(at_s / PUFF_EVERY_S) - np.arange(_PUFFS)
    rows = []
    for fire, burn in burning:
        radius = min(burn.radius_m, 6.0)
        speed = max(0.3, wind_m_s)
        sway = 0.6 * np.sin(0.7 * born + 2.3 * fire.number) + 0.4 * np.sin(0.27 * born + fire.number)
        gone = speed * age
        across = 0.12 * gone * sway
        east = burn.east_m + gone * math.sin(downwind_rad) + across * math.cos(downwind_rad)
        north = burn.north_m + gone * math.cos(downwind_rad) - across * math.sin(downwind_rad)
        up = fire.height_amsl_m + 0.5 + smoke.rise_m_s * 6.0 * (1.0 - np.exp(-age / 6.0)) * 1.5
        sigma = 0.7 * radius + 0.3 + _ENTRAINMENT * gone
        depth = smoke.thickness * ((0.7 * radius + 0.3) / sigma) ** 1.2 * (1.0 - np.exp(-age / 0.3))
        # So many puffs lie over one another that their sum would be thicker than was ordered.
        depth *= np.minimum(1.0, speed * PUFF_EVERY_S / (math.sqrt(2 * math.pi) * sigma))
        # The oldest fades out before it is dropped: nothing blinks.
        depth *= np.clip((PUFF_EVERY_S * _PUFFS - age) / (10 * PUFF_EVERY_S), 0.0, 1.0)
        rows.append(np.column_stack([east, north, up, sigma, depth, smoke.warm_k * np.exp(-age / _COOLING_S)]))
    table = np.vstack(rows)
    return Puffs(table[:, :3], table[:, 3], table[:, 4], table[:, 5])


def through(
    seen: Puffs, uv: Floats, sigma_px: Floats, columns: Floats, rows: Floats, per_k: float
) -> tuple[Floats, Floats]:
    """Optical depth (rows, columns) of puffs at pixels ``uv`` (N, 2), and their own depth-weighted extra radiance."""
    across = np.exp(-0.5 * ((columns[None, :] - uv[:, :1]) / sigma_px[:, None]) ** 2)
    down = np.exp(-0.5 * ((rows[None, :] - uv[:, 1:]) / sigma_px[:, None]) ** 2)
    depth = _product(down * seen.depth[:, None], across)
    return depth, _product(down * (seen.depth * seen.warm_k * per_k)[:, None], across)


def _product(down: Floats, across: Floats) -> Floats:
    """downᵀ · across. OpenCV's own, for the library behind ``@`` sends several threads after a product of this size,
    which wait for one another longer than it takes: 3 to 15 ms against 0.1 on a busy machine."""
    nothing = np.zeros((0, 0))  # is added
    return np.asarray(cv2.gemm(down, across, 1.0, nothing, 0.0, flags=cv2.GEMM_1_T), np.float64)
