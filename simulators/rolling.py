"""Rows that are exposed one after the other: what a picture looks like that was read out while the camera moved.

The renderer draws the instant of the middle row. Each other row saw the same surface a little earlier or later, from
another place: its rays go to the distances that the middle picture has there, and are projected back into it by
OpenCV. So a turning camera leans and stretches what it sees, in the picture and in the list of fires alike.

The distances are those of the middle instant. While a row is read (tens of milliseconds) the camera moves some
decimetres: on open ground that is nothing, at the edge of a roof a tenth of a pixel. The resampling is cubic, which
takes a few percent from the peak of a spot of one pixel; the few pixels at the rim that the middle picture does not
have repeat its last ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from simulators.march import FARTHEST_M, Marcher
from simulators.outlines import Eye, InView, Lens
from simulators.radiance import Raster
from simulators.thermal import Renderer

_STEP = 16
_ROUNDS = 4


class Rolling:
    """``readout_s`` from the first row to the last, the middle row at the instant of the frame."""

    def __init__(self, renderer: Renderer, readout_s: float) -> None:
        profile = renderer.profile
        self._shape = profile.height, profile.width
        self._readout_s = readout_s
        self._lens = Lens(profile)
        self._marcher = Marcher(renderer.scene)
        self._rows, self._columns = (np.linspace(0.0, side - 1, side // _STEP + 1) for side in self._shape)
        self._rays = self._lens.directions(self._columns, self._rows)
        down, across = (np.arange(side) * (side // _STEP / (side - 1)) for side in self._shape)
        fine = np.meshgrid(across, down)
        self._fine_u, self._fine_v = (part.astype(np.float32) for part in fine)

    def read_out(
        self, picture: Raster, in_view: tuple[InView, ...], at_s: float, eye_at: Callable[[float], Eye | None]
    ) -> tuple[Raster, tuple[InView, ...]]:
        """The picture of an instant and what is in it, as the rows really saw it.

        Where it is not known how the camera stood at the first or the last row, it is the picture of the instant.
        """
        late_s = self._readout_s * (self._rows / (self._shape[0] - 1) - 0.5)
        eyes = [eye_at(at_s + float(late)) for late in late_s]
        middle = eye_at(at_s)
        if middle is None or any(eye is None for eye in eyes):
            return picture, in_view
        came_from = self._source_pixels(middle, [eye for eye in eyes if eye is not None])
        u, v = (
            np.asarray(cv2.remap(part, self._fine_u, self._fine_v, cv2.INTER_LINEAR), np.float32)
            for part in (came_from[..., 0].copy(), came_from[..., 1].copy())
        )
        moved = cv2.remap(picture, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        np.clip(moved, float(picture.min()), float(picture.max()), out=moved)
        return np.asarray(moved, np.float32), self._moved(in_view, u, v)

    def _source_pixels(self, middle: Eye, eyes: list[Eye]) -> Raster:
        """(rows, columns, 2) px: where the middle picture has what the coarse grid's rows saw."""
        far = self._marcher.meet(middle.enu, self._rays @ middle.enu_from_camera.T)
        far = np.where(np.isfinite(far), far, FARTHEST_M)
        turned = np.stack([eye.enu_from_camera for eye in eyes])
        places = np.stack([eye.enu for eye in eyes])
        rays = np.einsum("rij,rcj->rci", turned, self._rays)
        points = places[:, None, :] + far[..., None] * rays
        pixels, _, _ = self._lens.pixels_of(points.reshape(-1, 3), middle)
        return pixels.reshape(*far.shape, 2).astype(np.float32)

    def _moved(self, in_view: tuple[InView, ...], u: Raster, v: Raster) -> tuple[InView, ...]:
        """Fires at the pixels where they now are; one that left the picture is not in it."""
        height, width = self._shape
        found = []
        for view in in_view:
            x, y = view.u, view.v
            for _ in range(_ROUNDS):
                column, row = min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)
                x, y = column + view.u - float(u[row, column]), row + view.v - float(v[row, column])
            if -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5:
                found.append(replace(view, u=x, v=y))
        return tuple(found)
