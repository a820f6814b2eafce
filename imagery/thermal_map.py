"""The thermal map: every frame laid on the terrain, cell by cell; latest, hottest, mean, and how old.

The other way round than a hotspot: each cell of the ground asks the frame what it shows there. Its place and height
are known, so it is carried into the camera (rotation, lens), and the frame is sampled there; a cell that another part
of the surface hides (`horizon`), or that lies outside of the frame, keeps what it has. So walls do not smear over the
yard behind them, and a roof is where the roof is.

A cell keeps what was seen last, the hottest that was ever seen, the mean of all looks, their number, the time of the
last one and of the last of the pass before, and when it was seen burning first (`perimeter` draws its edge by them).
**Temperatures and grey levels never meet**: a map is of one kind, and one of grey levels has no °C in any form. Steps
of 1/32 K hold what a sensor knows, in half the memory; 0 is "not seen". The memory is bounded; a frame that would need
more tiles than there may be is left out, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.detectability import PASS_GAP_S
from imagery.frame import Frame, FrameKind, kelvin_of
from imagery.georeference import Place, View
from imagery.ground_raster import GroundRaster
from imagery.horizon import Horizon
from imagery.map_grid import CELL_M, TILE, MapGrid, TilePlace
from imagery.projection import pixels_of
from missions.geometry.camera import CameraProfile

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]
Steps = NDArray[np.uint16]

LAYERS = ("latest", "hottest", "mean", "age")
STEPS_PER_K = 32.0
"""Temperatures are kept in steps of 1/32 K up to 2,047 K; grey levels 0..255 as 256 steps each."""
_STEPS_PER_GREY = 255.0
MOST_TILES = 600
# A pixel's own rim is no picture: lenses and codecs spoil it.
_RIM_PX = 1.0
# Ground that is looked at flatter than this is a smear of metres per pixel.
_LEAST_SINE = 0.17
FARTHEST_M = 400.0
_EVEN_M = 2.0
_JUDGED_EVERY, _JUDGED_MOST = 20, 500


@dataclass(slots=True, eq=False)
class MapTile:
    """The cells of one tile (TILE, TILE).

    ``last_s`` the last look, ``before_s`` the last look of the pass before, ``hot_s`` when it was seen burning first:
    seconds after the map's ``epoch_s``, NaN never.
    """

    place: TilePlace
    latest: Steps
    hottest: Steps
    mean: Raster
    looks: NDArray[np.uint16]
    last_s: Raster
    before_s: Raster
    hot_s: Raster

    @classmethod
    def empty(cls, place: TilePlace) -> MapTile:
        """Nothing seen."""
        shape = (TILE, TILE)
        never = np.full(shape, np.nan, np.float32)
        zeros, mean = np.zeros(shape, np.uint16), np.zeros(shape, np.float32)
        return cls(place, zeros, zeros.copy(), mean, zeros.copy(), never, never.copy(), never.copy())


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """A layer in one piece. ``values`` (rows, columns) float32: °C, grey levels, or seconds (age); NaN not seen.

    ``x0_m``, ``y0_m``: the outer corner in the north-west, in ``crs``. ``unit``: "°C", "grey" or "s".
    """

    values: Raster
    crs: str
    x0_m: float
    y0_m: float
    cell_m: float
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class _Eye:
    """What a view is once a frame: its lens, (3,) where it is, (3, 3) how it is turned."""

    profile: CameraProfile
    camera: Floats
    enu_from_camera: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """A picture of any numbers; steps = offset + number · scale."""

    image: NDArray[Any]
    scale: float
    offset: float

    def at(self, u: Raster, v: Raster) -> Steps:
        """uint16 steps between four pixels each; what is no number (NaN) is 0."""
        seen = np.asarray(cv2.remap(self.image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        if seen.dtype == np.uint16 and self.scale == 1.0 and self.offset == 0.0:
            return np.asarray(seen, np.uint16)
        steps = seen.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        if seen.dtype.kind == "f":
            np.nan_to_num(steps, copy=False)
        return np.asarray(np.clip(steps, 0.0, 65_535.0), np.uint16)


class ThermalMap:
    """A map in the making. ``radiometric``: whether it holds temperatures; a frame of the other kind is refused."""

    def __init__(self, grid: MapGrid, *, radiometric: bool, epoch_s: float, hot_k: float = 373.15) -> None:
        self.grid, self.radiometric, self.epoch_s = grid, radiometric, epoch_s
        self.tiles: dict[tuple[int, int], MapTile] = {}
        self.frames = self.left_out = 0
        self.apart_m2: list[float] = []
        self._raster = GroundRaster(grid.ground, grid.frame)
        self._per_unit = STEPS_PER_K if radiometric else _STEPS_PER_GREY
        self._hot = np.uint16(round(hot_k * STEPS_PER_K))
        self._columns = np.arange(TILE, dtype=np.float32)[None]
        self._rows = np.arange(TILE, dtype=np.float32)[:, None]

    @classmethod
    def over(cls, view: View, *, radiometric: bool, epoch_s: float, cell_m: float = CELL_M) -> ThermalMap:
        """An empty map over the ground of a view."""
        return cls(MapGrid(view.ground, view.frame, cell_m), radiometric=radiometric, epoch_s=epoch_s)

    def add(self, frame: Frame, view: View, time_s: float) -> int:
        """Lay a frame on the ground; how many cells it fills. Raises ValueError for one of another kind or size."""
        picture = self._picture(frame, view.profile)
        eye = _Eye(view.profile, view.camera_enu, view.enu_from_camera)
        ring = self._box(eye)
        if ring is None:
            return 0
        keys = self.grid.tiles_of(ring)
        missing = sum(key not in self.tiles for key in keys)
        if len(self.tiles) + missing > MOST_TILES:
            self.left_out += 1
            return 0
        low, high = ring.min(axis=0), ring.max(axis=0)
        horizon = Horizon(self._raster, eye.camera, (float(low[0]), float(high[0]), float(low[1]), float(high[1])))
        filled = 0
        for key in keys:
            window = self.grid.window_of(key, ring)
            if window is None:
                continue
            filled += self._fill(self._tile(key), window, picture, eye, horizon, time_s)
        if self.frames % _JUDGED_EVERY == 0:
            self._judge(view)
        self.frames += 1
        return filled

    def _judge(self, view: View) -> None:
        """Keep how far a pass may lie beside another: all that is not the same from whichever side one looks."""
        profile = view.profile
        place = view.place((profile.width - 1) / 2.0, (profile.height - 1) / 2.0)
        if isinstance(place, Place):
            turning = place.common[:, 4:]
            self.apart_m2.append(float(np.trace(place.noise_m2 + turning @ turning.T)) / 2.0)
            del self.apart_m2[:-_JUDGED_MOST]

    @property
    def apart_m(self) -> float:
        """One standard deviation of how far a place is off in one pass against another, metres, in each direction."""
        return math.sqrt(float(np.median(self.apart_m2))) if self.apart_m2 else self.grid.cell_m

    def _box(self, eye: _Eye) -> Floats | None:
        """(4, 2) corners of a box in which lies all that a frame may see, no farther than FARTHEST_M; None: only sky.

        Between the lowest and the highest ground of the whole terrain first, then between those of the tiles in it.
        """
        low, high = (height - self.grid.frame.origin.alt_m for height in self.grid.ground.range_m())
        rays = _border(eye.profile) @ eye.enu_from_camera.T
        camera = eye.camera
        ring = _reach(camera, rays, low - 0.1, high)
        if ring is None or high - low < _EVEN_M:
            return ring
        places = [self.grid.place(key) for key in self.grid.tiles_of(ring)[:MOST_TILES]]
        known = [(place.low_m, place.high_m) for place in places if math.isfinite(place.low_m)]
        if not known:
            return None
        up = self.grid.frame.origin.alt_m
        return _reach(camera, rays, min(k[0] for k in known) - up - 0.1, max(k[1] for k in known) - up)

    def _picture(self, frame: Frame, profile: CameraProfile) -> _Numbers:
        """The frame's own numbers, and how the few of them that are asked for become steps; 0 is kept free."""
        if frame.radiometric is not self.radiometric or frame.kind is FrameKind.VISIBLE:
            kinds = ("grey levels", "temperatures")
            raise ValueError(f"frame {frame.seq} has no {kinds[self.radiometric]}; this map holds nothing else")
        if (frame.width, frame.height) != (profile.width, profile.height):
            size, known = f"{frame.width}×{frame.height}", f"{profile.width}×{profile.height}"
            raise ValueError(f"frame {frame.seq} is {size}, its camera profile {known}")
        if not self.radiometric:
            grey = frame.image if frame.image.ndim == 2 else cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
            steps = grey.astype(np.uint16) * np.uint16(_STEPS_PER_GREY) + np.uint16(1)
            return _Numbers(np.asarray(steps, np.uint16), 1.0, 0.0)
        if frame.kind is FrameKind.COUNTS:
            return _Numbers(frame.image, frame.kelvin_per_count * STEPS_PER_K, frame.kelvin_offset * STEPS_PER_K)
        kelvin = kelvin_of(frame)
        assert kelvin is not None
        return _Numbers(kelvin, STEPS_PER_K, 0.0)

    def _tile(self, key: tuple[int, int]) -> MapTile:
        tile = self.tiles.get(key)
        if tile is None:
            tile = self.tiles[key] = MapTile.empty(self.grid.place(key))
        return tile

    def _fill(
        self, tile: MapTile, window: tuple[slice, slice], picture: _Numbers, eye: _Eye, horizon: Horizon, time_s: float
    ) -> int:
        rows, columns = window
        place, at = tile.place, (rows, columns)
        up = place.up[at]
        column, row = self._columns[:, columns], self._rows[rows]
        camera, profile = eye.camera, eye.profile
        x, y, z = (
            self._along(eye.enu_from_camera[:, axis], place, camera, column, row, up).astype(np.float32, copy=False)
            for axis in range(3)
        )
        u, v = pixels_of(profile, x, y, z)
        beside = cv2.inRange(u, _RIM_PX, profile.width - 1 - _RIM_PX)  # NaN, behind the camera, is not in it
        above = cv2.inRange(v, _RIM_PX, profile.height - 1 - _RIM_PX)
        good = np.asarray(cv2.bitwise_and(beside, above), np.uint8) > 0
        if not good.any():
            return 0
        if not self._all_within(place, column, row, camera):
            good &= _within(up, camera, x, y, z)
        if not horizon.open:
            east, north = (
                np.float32(axis[0] - camera[k]) + np.float32(axis[1]) * column + np.float32(axis[2]) * row
                for k, axis in enumerate((place.east, place.north))
            )
            good &= horizon.sees_beside(east, north, up)
        return self._update(tile, at, picture.at(u, v), good, time_s)

    def _all_within(self, place: TilePlace, column: Raster, row: Raster, camera: Floats) -> bool:
        """Whether a whole window is near and steep enough, by its farthest corner and highest ground: most are."""
        columns, rows = (np.array([float(axis.flat[0]), float(axis.flat[-1])]) for axis in (column, row))
        east = place.east[0] + place.east[1] * columns[None] + place.east[2] * rows[:, None] - camera[0]
        north = place.north[0] + place.north[1] * columns[None] + place.north[2] * rows[:, None] - camera[1]
        above = camera[2] + self.grid.frame.origin.alt_m
        # A metre for the fall of the earth within FARTHEST_M, and for what single precision loses.
        nearest, deepest = above - place.high_m - 1.0, above - place.low_m + 1.0
        far2 = float((east * east + north * north).max()) + deepest * deepest
        return bool(far2 < FARTHEST_M**2 and nearest > 0.0 and nearest * nearest > _LEAST_SINE**2 * far2)

    def _along(self, axis: Floats, place: TilePlace, camera: Floats, column: Raster, row: Raster, up: Raster) -> Raster:
        """One camera coordinate of every cell of a window."""
        e, n, h = (float(part) for part in axis)
        fixed = e * (place.east[0] - camera[0]) + n * (place.north[0] - camera[1]) - h * camera[2]
        across = np.float32(e * place.east[1] + n * place.north[1]) * column + np.float32(fixed)
        down = np.float32(e * place.east[2] + n * place.north[2]) * row
        found = np.multiply(up, np.float32(h))
        found += across
        found += down
        return found

    def _update(
        self, tile: MapTile, at: tuple[slice, slice], seen: Steps, good: NDArray[np.bool_], time_s: float
    ) -> int:
        """Without a branch a cell: what was not seen adds nothing, takes no maximum, and is copied nowhere."""
        good &= seen > 0
        seen = np.multiply(seen, good)
        after_s = np.float32(time_s - self.epoch_s)
        last = tile.last_s[at]
        newest = good & ~(last > after_s)  # frames may come late; what is older stays below
        another = newest & (after_s - last > np.float32(PASS_GAP_S))
        if another.any():
            np.copyto(tile.before_s[at], last, where=another)
        mask = newest.view(np.uint8)
        cv2.copyTo(seen, mask, tile.latest[at])
        cv2.copyTo(np.full(seen.shape, after_s, np.float32), mask, last)
        hottest, looks, mean = tile.hottest[at], tile.looks[at], tile.mean[at]
        np.maximum(hottest, seen, out=hottest)
        cv2.add(looks, good.astype(np.uint16), dst=looks)  # stays at 65,535
        share = good / np.maximum(looks, 1).astype(np.float32)
        share *= seen - mean
        mean += share
        if self.radiometric and int(seen.max()) >= self._hot:
            hot = tile.hot_s[at]
            np.copyto(hot, after_s, where=(seen >= self._hot) & ~(hot <= after_s))
        return int(np.count_nonzero(good))

    # --- what is told -----------------------------------------------------------------------------------------------

    def layer(self, tile: MapTile, name: str, now_s: float) -> Raster:
        """(TILE, TILE) float32 of one tile: °C, grey levels, or seconds; NaN not seen. Raises ValueError by name."""
        if name not in LAYERS:
            raise ValueError(f"layer {name!r}; allowed are {', '.join(LAYERS)}")
        unseen = tile.looks == 0
        if name == "age":
            values = np.asarray(np.float32(now_s - self.epoch_s) - tile.last_s, np.float32)
        else:
            steps = tile.mean if name == "mean" else (tile.latest if name == "latest" else tile.hottest)
            values = steps.astype(np.float32) / np.float32(self._per_unit)
            values -= np.float32(273.15) if self.radiometric else np.float32(1.0 / _STEPS_PER_GREY)
        values[unseen] = np.nan
        return values

    def unit_of(self, name: str) -> str:
        """The unit of a layer."""
        if name == "age":
            return "s"
        return "°C" if self.radiometric else "grey"

    def mosaic(self, name: str, *, now_s: float) -> Mosaic | None:
        """A layer of all tiles in one piece; None while nothing was mapped."""
        if not self.tiles:
            return None
        (i0, j0), (i1, j1) = self.extent()
        values = np.full(((j1 - j0 + 1) * TILE, (i1 - i0 + 1) * TILE), np.nan, np.float32)
        for (i, j), tile in self.tiles.items():
            top, left = (j1 - j) * TILE, (i - i0) * TILE
            values[top : top + TILE, left : left + TILE] = self.layer(tile, name, now_s)
        side = self.grid.side_m
        return Mosaic(values, self.grid.crs, i0 * side, (j1 + 1) * side, self.grid.cell_m, self.unit_of(name))

    def extent(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first and the last tile of both axes. Raises ValueError on an empty map."""
        columns, rows = [key[0] for key in self.tiles], [key[1] for key in self.tiles]
        return (min(columns), min(rows)), (max(columns), max(rows))

    # --- in parts ---------------------------------------------------------------------------------------------------

    def merge(self, later: ThermalMap) -> None:
        """Add a map of the same grid, whose frames came after ours. The order of merging is part of the result."""
        if (later.grid.crs, later.grid.cell_m, later.radiometric, later.epoch_s) != (
            self.grid.crs, self.grid.cell_m, self.radiometric, self.epoch_s,
        ):  # fmt: skip
            raise ValueError("two maps of different grids, kinds or epochs cannot be one")
        for key, theirs in later.tiles.items():
            ours = self.tiles.get(key)
            if ours is None:
                if len(self.tiles) >= MOST_TILES:
                    self.left_out += 1
                    continue
                self.tiles[key] = replace(theirs)
                continue
            _merge(ours, theirs)
        self.apart_m2 = [*self.apart_m2, *later.apart_m2][-_JUDGED_MOST:]
        self.frames += later.frames
        self.left_out += later.left_out

    def cells(self) -> Iterator[tuple[tuple[int, int], MapTile]]:
        """Tiles in the order of their places."""
        yield from sorted(self.tiles.items())


def _merge(ours: MapTile, theirs: MapTile) -> None:
    newer = (theirs.looks > 0) & ~(ours.last_s > theirs.last_s)
    another = newer & (theirs.last_s - ours.last_s > np.float32(PASS_GAP_S)) & np.isnan(theirs.before_s)
    np.copyto(ours.before_s, ours.last_s, where=another)
    np.copyto(ours.before_s, theirs.before_s, where=newer & np.isfinite(theirs.before_s))
    np.copyto(ours.latest, theirs.latest, where=newer)
    np.copyto(ours.last_s, theirs.last_s, where=newer)
    np.maximum(ours.hottest, theirs.hottest, out=ours.hottest)
    both = ours.looks.astype(np.float32) + theirs.looks.astype(np.float32)
    share = theirs.looks.astype(np.float32) / np.maximum(both, 1.0)
    ours.mean += (theirs.mean - ours.mean) * share
    ours.looks[:] = np.minimum(both, 65_535.0).astype(np.uint16)
    np.fmin(ours.hot_s, theirs.hot_s, out=ours.hot_s)


@lru_cache(maxsize=16)
def _border(profile: CameraProfile) -> Floats:
    """(N, 3) unit rays around the picture, in the camera's axes."""
    right, down = profile.width - 1.0, profile.height - 1.0
    along = np.linspace(0.0, 1.0, 5)
    u = np.concatenate([along * right, 0 * along + right, along * right, 0 * along])
    v = np.concatenate([0 * along, along * down, 0 * along + down, along * down])
    return profile.rays(np.column_stack([u, v]))


def _reach(camera: Floats, rays: Floats, low_m: float, high_m: float) -> Floats | None:
    """(4, 2) corners of the box of places where rays (N, 3) may meet ground between two heights."""
    down = np.minimum(rays[:, 2], -1e-3)[:, None]
    level = np.hypot(rays[:, 0], rays[:, 1])[:, None]
    ranges = np.hstack([(height - camera[2]) / down for height in (low_m, high_m)])
    ranges = np.clip(ranges, 0.0, FARTHEST_M / np.maximum(level, 1e-3))
    if float(rays[:, 2].min()) >= -1e-3:
        return None
    en = camera[:2] + (ranges[:, :, None] * rays[:, None, :2]).reshape(-1, 2)
    (west, south), (east, north) = en.min(axis=0), en.max(axis=0)
    return np.array([[west, south], [east, south], [east, north], [west, north]])


def _within(up: Raster, camera: Floats, x: Raster, y: Raster, z: Raster) -> NDArray[np.bool_]:
    """Neither too far away nor looked at too flatly."""
    far2 = x * x + y * y + z * z
    below = np.float32(camera[2]) - up
    return np.asarray((far2 < np.float32(FARTHEST_M**2)) & (below * below > np.float32(_LEAST_SINE**2) * far2))
