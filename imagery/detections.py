"""What was found in one frame: ``Detections``, a struct of arrays, for which "nothing" is a value like any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Below about 3×3 px the lens and the pixel mix fire with ground: the temperature is a lower bound.
RESOLVED_PX = 9
_WHOLE = ("kind", "radiometric")


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found in one frame; every array has N entries.

    ``u v``: radiance-weighted centroid, px. ``peak mean background``: kelvin, or grey levels when not radiometric.
    ``area_px``; ``bbox``: (N, 4) x, y, w, h px; ``saturated``: the peak is clipped; ``edge``: cut by the border.
    ``power_w_m2``: Σ σ(T⁴ - background⁴) over its pixels, 0 when not radiometric; times the ground that one pixel
    covers, in m², it is the fire radiative power as a long-wave camera sees it (a proxy: flames are thin there).
    """

    u: Floats
    v: Floats
    peak: Floats
    mean: Floats
    background: Floats
    area_px: NDArray[np.int64]
    bbox: NDArray[np.int64]
    saturated: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    power_w_m2: Floats
    kind: str
    radiometric: bool

    def __len__(self) -> int:
        return len(self.u)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.u)))

    @property
    def contrast(self) -> Floats:
        """Peak above the background, K or grey levels."""
        return self.peak - self.background

    @property
    def lower_bound(self) -> NDArray[np.bool_]:
        """Whether the temperature is only "at least": clipped, or smaller than about 3×3 px."""
        return self.saturated | (self.area_px < RESOLVED_PX)

    @classmethod
    def empty(cls, kind: str = "fire", radiometric: bool = True) -> Detections:
        """Nothing found, which is an answer."""
        none, whole = np.zeros(0), np.zeros(0, np.int64)
        flags = np.zeros(0, np.bool_)
        boxes = np.zeros((0, 4), np.int64)
        return cls(none, none, none, none, none, whole, boxes, flags, flags, none, kind, radiometric)

    def take(self, order: NDArray[np.int64]) -> Detections:
        """The detections at these indices."""
        arrays = {f.name: getattr(self, f.name)[order] for f in fields(self) if f.name not in _WHOLE}
        return Detections(**arrays, kind=self.kind, radiometric=self.radiometric)
