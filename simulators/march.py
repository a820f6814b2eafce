"""Where rays meet the surface first: marching over the height raster, faster where nothing stands in the way.

Lids are rasters of the highest place within some metres: above one a ray may go as far as that at once, below all of
them half a metre at a time. The first crossing counts, so roofs and trees hide what is behind them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.fire import CELL_M, Scene
from simulators.radiance import Floats, Raster

LIDS_M = (1.5, 8.0)
FARTHEST_M = 3000.0
_FINE_M = 0.5
_MOST_STEPS = 500
# A ray that falls less than this share of its length never meets even ground near enough to matter.
GRAZING = 0.02


class Marcher:
    """The surface of one scene, for rays."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        # Beyond its border the surface goes on as it ends; so do the lids.
        # One picture of several layers is looked up once a step: the surface, then the lids.
        self._layers = np.dstack([scene.height_m, *(_lid(scene.height_m, metres) for metres in LIDS_M)])
        self._high = float(scene.height_m.max())

    def meet(self, eye: Floats, directions: Floats) -> Floats:
        """(...) lengths, in units of each direction (..., 3), from the eye to the surface; inf where there is sky."""
        rays = directions.reshape(-1, 3)
        flat = np.hypot(rays[:, 0], rays[:, 1])
        falls = -rays[:, 2]
        found = np.full(len(rays), np.inf)
        active = np.flatnonzero(falls > GRAZING * np.hypot(flat, falls))
        # One row a quantity: what is not done yet is kept together, so that a step costs by what is left.
        east, north, drop = (values[active].astype(np.float32) for values in (rays[:, 0], rays[:, 1], falls))
        wide = np.maximum(flat[active].astype(np.float32), np.float32(1e-6))
        slack = np.float32(0.02) / (wide + drop)
        e, n, up = (np.float32(value) for value in eye)
        t = np.maximum(np.float32(0.0), (up - np.float32(self._high + 0.05)) / drop)
        fine = np.float32(_FINE_M) / np.maximum(wide, drop)
        caps = [np.float32(metres) / wide + slack for metres in LIDS_M]
        state = np.stack([east, north, drop, t, t, np.ones_like(t), fine, np.float32(1.0) / drop, slack, *caps])
        done = np.zeros(active.size, np.bool_)
        for _ in range(_MOST_STEPS):
            if active.size == 0:
                break
            east, north, drop, t, before, before_gap = state[:6]
            x, y, z = (e + t * east)[None], (n + t * north)[None], up - t * drop
            rooms = z[:, None] - self._scene.sample(self._layers, x, y)[0]
            gap = rooms[:, 0]
            crossed = (gap <= 0.0) & ~done
            if crossed.any():
                share = before_gap / np.maximum(before_gap - gap, np.float32(1e-9))
                found[active[crossed]] = (before + (t - before) * share)[crossed]
                done |= crossed
                if 8 * int(np.count_nonzero(done)) > done.size:  # to close the ranks costs as much as a step
                    on = ~done
                    active, state, rooms, done = active[on], state[:, on], rooms[on], np.zeros(int(on.sum()), np.bool_)
            state[4:6] = state[3], rooms[:, 0]
            state[3] += self._step(rooms, state)
        left = active[~done]
        found[left] = state[3][~done]  # a maze of trees at a grazing angle: as far as it came
        return found.reshape(directions.shape[:-1])

    @staticmethod
    def _step(rooms: Raster, state: Raster) -> Raster:
        """How far each ray may go without missing anything; ``rooms`` (N, layers): metres above each layer."""
        step, per_drop, slack = state[6], state[7], state[8]
        for layer, cap in enumerate(state[9:], 1):
            # Below a lid this is less than the slack, and the finest step wins.
            step = np.maximum(step, np.minimum(cap, rooms[:, layer] * per_drop + slack))
        return np.asarray(step, np.float32)

    def hidden(self, eye: Floats, targets: Floats) -> NDArray[np.bool_]:
        """Whether the surface stands between the eye and each target (N, 3), which lies on it."""
        if len(targets) == 0:
            return np.zeros(0, np.bool_)
        way = np.linspace(0.0, 0.97, 160)
        points = eye + way[None, :, None] * (targets[:, None, :] + (0.0, 0.0, 0.2) - eye)
        ground = self._scene.sample(
            self._scene.height_m, points[..., 0].astype(np.float32), points[..., 1].astype(np.float32)
        )
        return np.asarray((ground > points[..., 2] + 0.3).any(axis=1))


def _lid(height: Raster, metres: float) -> Raster:
    """The highest place within some metres, a cell more than that for the interpolation."""
    cells = 2 * (int(metres / CELL_M) + 1) + 1
    return np.asarray(cv2.dilate(height, np.ones((cells, cells), np.uint8)), np.float32)
