"""Where rays meet the surface first: marching over the height raster, faster where nothing stands in the way.

A second raster holds the highest place within LID_M: above that lid a ray may go LID_M at once, below it half a metre
at a time. The first crossing counts, so roofs and trees hide what is behind them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.fire import CELL_M, Scene
from simulators.radiance import Floats

LID_M = 8.0
FARTHEST_M = 3000.0
_FINE_M = 0.5
_MOST_STEPS = 500
# A ray that falls less than this share of its length never meets even ground near enough to matter.
GRAZING = 0.02


class Marcher:
    """The surface of one scene, for rays."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        cells = 2 * int(LID_M / CELL_M) + 1
        # Beyond its border the surface goes on as it ends; so does the lid.
        self._lid = np.asarray(cv2.dilate(scene.height_m, np.ones((cells, cells), np.uint8)), np.float32)
        self._high = float(scene.height_m.max())

    def meet(self, eye: Floats, directions: Floats) -> Floats:
        """(...) lengths, in units of each direction (..., 3), from the eye to the surface; inf where there is sky."""
        rays = directions.reshape(-1, 3)
        flat = np.hypot(rays[:, 0], rays[:, 1])
        falls = -rays[:, 2]
        found = np.full(len(rays), np.inf)
        active = np.flatnonzero(falls > GRAZING * np.hypot(flat, falls))
        t = np.maximum(0.0, (eye[2] - self._high - 0.05) / falls[active])
        before, before_gap = t.copy(), np.full(t.shape, 1.0)
        for _ in range(_MOST_STEPS):
            if active.size == 0:
                break
            points = eye + t[:, None] * rays[active]
            east, north = points[None, :, 0].astype(np.float32), points[None, :, 1].astype(np.float32)
            gap = points[:, 2] - self._scene.sample(self._scene.height_m, east, north)[0]
            crossed = gap <= 0.0
            if crossed.any():
                share = before_gap / np.maximum(before_gap - gap, 1e-9)
                found[active[crossed]] = (before + (t - before) * share)[crossed]
                on = ~crossed
                active, t, gap, points = active[on], t[on], gap[on], points[on]
                east, north = east[:, on], north[:, on]
                if active.size == 0:
                    break
            room = points[:, 2] - self._scene.sample(self._lid, east, north)[0]
            wide, drop = np.maximum(flat[active], 1e-9), falls[active]
            leap = np.minimum(LID_M / wide, room / drop) + 0.02 / np.hypot(wide, drop)
            before, before_gap = t, gap
            t = t + np.where(room > 0.0, leap, _FINE_M / np.maximum(wide, drop))
        found[active] = t  # a maze of trees at a grazing angle: as far as it came
        return found.reshape(directions.shape[:-1])

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
