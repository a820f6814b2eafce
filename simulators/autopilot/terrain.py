"""The vehicle's own terrain: heights that it asks the ground station for, block by block (TERRAIN_REQUEST, _DATA).

As ArduPilot lays it out (mavlink.io/en/services/terrain.html, and SITL of ArduCopter 4.7 as measured): a block is
28 × 32 heights northwards and eastwards at TERRAIN_SPACING, told in 56 pieces of 4 × 4, a bit each; blocks are counted
from the whole degree's south-west corner, 24 and 28 heights apart, so that they overlap. Wanted are the block under the
vehicle and those around it, and those under the mission's places; one is asked for at a time, every two seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot.settings import Values
from simulators.geodesy import Floats

PIECES = 56
_NORTH, _EAST, _SIDE, _EAST_PIECES = 28, 32, 4, 8
_NORTH_STEP, _EAST_STEP = _NORTH - _SIDE, _EAST - _SIDE
_M_PER_DEG = 111_318.845
_AROUND = (0.7 * _NORTH, 0.7 * _EAST)  # heights northwards and eastwards to the neighbours of where it is
_ASKED_EVERY_S = 2.0
_FULL = (1 << PIECES) - 1

Corner = tuple[int, int]
Place = tuple[float, float]


@dataclass(slots=True)
class _Block:
    mask: int = 0
    heights_m: Floats = field(default_factory=lambda: np.zeros((_NORTH, _EAST)))


class Terrain:
    """What it has and what it lacks; ``values`` are the parameters. Places are (latitude, longitude) in degrees."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._blocks: dict[Corner, _Block] = {}
        self._wanted: dict[Corner, None] = {}
        self._spacing_m = 0
        self._asked_s = -math.inf

    @property
    def pending(self) -> int:
        """Pieces that are wanted and have not come."""
        return PIECES * len(self._wanted) - sum(self._mask(corner).bit_count() for corner in self._wanted)

    @property
    def loaded(self) -> int:
        """Pieces that have come."""
        return sum(block.mask.bit_count() for block in self._blocks.values())

    def want(self, here: Place, others: Iterable[Place]) -> None:
        """The blocks around the vehicle, and those under and beside other places; none with TERRAIN_ENABLE 0."""
        spacing_m = max(1, int(self._values["TERRAIN_SPACING"]))
        if spacing_m != self._spacing_m:
            self._spacing_m, self._blocks = spacing_m, {}
        self._wanted = {}
        if not self._values["TERRAIN_ENABLE"]:
            return
        self._around(here, *(share * spacing_m for share in _AROUND))
        for place in others:
            self._around(place, spacing_m, spacing_m)

    def _around(self, place: Place, north_m: float, east_m: float) -> None:
        lat, lon = place
        up, over = north_m / _M_PER_DEG, east_m / _scale(lat, lat)
        for d_lat, d_lon in ((0, 0), *((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b)):
            corner, _, _ = self._cell((lat + d_lat * up, lon + d_lon * over))
            self._wanted.setdefault(corner)

    def _mask(self, corner: Corner) -> int:
        block = self._blocks.get(corner)
        return 0 if block is None else block.mask

    def request(self, now_s: float) -> Any:
        """TERRAIN_REQUEST of the first block that is not whole; None where nothing lacks, or it was just asked for."""
        corner = next((corner for corner in self._wanted if self._mask(corner) != _FULL), None)
        if corner is None or now_s - self._asked_s < _ASKED_EVERY_S - 1e-9:
            return None
        self._asked_s = now_s
        return mavlink.MAVLink_terrain_request_message(*corner, self._spacing_m, _FULL & ~self._mask(corner))

    def hear(self, data: Any) -> None:
        """TERRAIN_DATA; what was not asked for so is left."""
        corner = (data.lat, data.lon)
        if corner not in self._wanted or data.grid_spacing != self._spacing_m or data.gridbit >= PIECES:
            return
        block = self._blocks.setdefault(corner, _Block())
        north, east = data.gridbit // _EAST_PIECES * _SIDE, data.gridbit % _EAST_PIECES * _SIDE
        block.heights_m[north : north + _SIDE, east : east + _SIDE] = np.reshape(data.data, (_SIDE, _SIDE))
        block.mask |= 1 << data.gridbit

    def height_m(self, place: Place) -> float | None:
        """Metres above sea level, between the four heights around a place; None where one of them has not come."""
        if not self._spacing_m:
            return None
        corner, north, east = self._cell(place)
        row, column = int(north), int(east)
        corners = [(row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)]
        mask = self._mask(corner)
        if any(not mask >> (r // _SIDE * _EAST_PIECES + c // _SIDE) & 1 for r, c in corners):
            return None
        heights = self._blocks[corner].heights_m
        up, over = north - row, east - column
        shares = ((1 - up) * (1 - over), (1 - up) * over, up * (1 - over), up * over)
        return float(sum(share * heights[at] for share, at in zip(shares, corners, strict=True)))

    def _cell(self, place: Place) -> tuple[Corner, float, float]:
        """The corner of a place's block in 1e-7 degrees, and the place in it, in heights northwards and eastwards."""
        lat, lon = place
        lat0, lon0 = math.floor(lat), math.floor(lon)
        north = (lat - lat0) * _M_PER_DEG / self._spacing_m
        east = (lon - lon0) * _scale(lat0, lat) / self._spacing_m
        row, column = int(north // _NORTH_STEP), int(east // _EAST_STEP)
        block_lat = lat0 + row * _NORTH_STEP * self._spacing_m / _M_PER_DEG
        block_lon = lon0 + column * _EAST_STEP * self._spacing_m / _scale(lat0, block_lat)
        corner = (math.floor(block_lat * 1e7), math.floor(block_lon * 1e7))
        return corner, north - row * _NORTH_STEP, east - column * _EAST_STEP


def _scale(lat_deg: float, other_deg: float) -> float:
    """Metres a degree of longitude, halfway between two latitudes."""
    return _M_PER_DEG * math.cos(math.radians((lat_deg + other_deg) / 2))
