"""Terrain for the vehicle out of our own elevation file, offline (mavlink.io/en/services/terrain.html).

A vehicle that flies above terrain asks for it in blocks of 32 × 28 heights, 56 pieces of 4 × 4, and does not arm before
it has them. It names the block's south-west corner, the spacing, and by a bit each piece that it lacks; pieces count
eastwards by eight, then northwards, and so do the heights within one by four. Only pieces that the file covers wholly
are sent, a few at a time: a height that is not known is no height of 0.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

import numpy as np

from ground_station.wire import Message, mavlink
from missions.geometry.geo import Datum
from missions.geometry.terrain import Ground

_PIECES, _PIECES_EAST, _SIDE = 56, 8, 4
_METRES_PER_DEGREE = 111_318.845  # ArduPilot's own: the grid is the vehicle's
_AT_A_TIME, _EVERY_S = 8, 0.1
_WAITING = 4 * _PIECES
_HIGHEST_M = 32_767


class TerrainService:
    """Answers one vehicle. ``served`` and ``unknown`` count pieces."""

    def __init__(self) -> None:
        self.ground: Ground | None = None
        self.served = self.unknown = 0
        self._wanted: deque[tuple[int, int, int, int]] = deque(maxlen=_WAITING)
        self._next_s = 0.0

    def hear(self, request: Message) -> None:
        """A TERRAIN_REQUEST."""
        if self.ground is None or self.ground.datum is not Datum.SEA_LEVEL or not 1 <= request.grid_spacing <= 10_000:
            return
        for bit in range(_PIECES):
            piece = (request.lat, request.lon, request.grid_spacing, bit)
            if request.mask >> bit & 1 and piece not in self._wanted:
                self._wanted.append(piece)

    def due(self, *, now_s: float) -> Iterator[Message]:
        """What to send now."""
        if not self._wanted or now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        for _ in range(min(_AT_A_TIME, len(self._wanted))):
            message = self._piece(*self._wanted.popleft())
            if message is not None:
                yield message

    def _piece(self, lat: int, lon: int, spacing_m: int, bit: int) -> Message | None:
        assert self.ground is not None
        north, east = bit // _PIECES_EAST * _SIDE, bit % _PIECES_EAST * _SIDE
        steps = np.arange(_SIDE)
        north_m, east_m = np.meshgrid((north + steps) * spacing_m, (east + steps) * spacing_m, indexing="ij")
        lat_deg = lat * 1e-7 + north_m / _METRES_PER_DEGREE
        per_degree = _METRES_PER_DEGREE * max(0.01, math.cos(math.radians(lat * 1e-7)))
        heights = np.asarray(self.ground.height_at(lat_deg, lon * 1e-7 + east_m / per_degree))
        if not np.isfinite(heights).all() or float(np.abs(heights).max()) > _HIGHEST_M:
            self.unknown += 1
            return None
        self.served += 1
        whole = [round(float(height)) for height in heights.ravel()]
        return mavlink.MAVLink_terrain_data_message(lat, lon, spacing_m, bit, whole)
