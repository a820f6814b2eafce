"""What has been looked at: beside every list of findings stands the ground that was seen, since when, by what.

A raster of the local plane. A cell counts as seen when a frame in which detection ran shows its middle: inside of the
picture, near enough, and with nothing of the surface in between (`horizon`). What lay in a picture but behind a wall or
a ridge, and was never seen from elsewhere, is **hidden**; what is surrounded by seen ground and was never in a picture
is a **gap**. For each cell it is known how finely it was seen at best (pixels a metre), when last, and how likely what
is looked for would have been found (`detectability`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.detectability import PASS_GAP_S, TARGET_M, detection_probability, together
from imagery.georeference import FOOTPRINT_RANGE_M, View
from imagery.ground_raster import GroundRaster
from imagery.horizon import Horizon
from imagery.projection import in_camera, pixels_of

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]
Cells = NDArray[np.uint8]
Flags = NDArray[np.bool_]

CELL_M = 2.0
HALF_WIDTH_M = 2_000.0
SIDE = int(2 * HALF_WIDTH_M / CELL_M)
# Flatter than this a cell of 2 m is a line of pixels: nothing is claimed.
_LEAST_SINE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Rasters (SIDE, SIDE), row 0 in the north; cell (r, c) is centred on c · CELL_M - HALF_WIDTH_M east, north alike.

    ``seen`` and ``hidden``: 1 = yes. ``sharp``: pixels a metre at best, 0 never. ``last_after_s``: seconds after
    ``epoch_s`` of the last look. ``found``: probability of detection by the passes before, ``now``: by this pass.
    ``frames``: frames in which detection ran and the ground was known; times in UTC seconds, None before the first.
    """

    seen: Cells
    hidden: Cells
    sharp: Raster
    last_after_s: Raster
    found: Raster
    now: Raster
    target_m: float = TARGET_M["fire"]
    frames: int = 0
    epoch_s: float | None = None
    first_s: float | None = None
    last_s: float | None = None

    @classmethod
    def empty(cls, task: str = "fire") -> Coverage:
        """Nothing seen yet, of what the task looks for."""
        cells = [np.zeros((SIDE, SIDE), np.uint8) for _ in range(2)]
        values = [np.zeros((SIDE, SIDE), np.float32) for _ in range(4)]
        return cls(cells[0], cells[1], values[0], values[1], values[2], values[3], TARGET_M[task])

    @property
    def area_m2(self) -> float:
        """Ground seen at least once, square metres."""
        return float(int(self.seen.sum()) * CELL_M**2)

    def plus(self, view: View, footprint_en: Floats, raster: GroundRaster, time_s: float) -> Coverage:
        """With one more look; ``footprint_en`` (N, 2): the outline of what it saw. The rasters are shared, not copied:
        use the newest value."""
        epoch_s = time_s if self.epoch_s is None else self.epoch_s
        window = _window(footprint_en)
        if window is not None:
            self._look(view, window, raster, time_s - epoch_s)
        first = time_s if self.first_s is None else min(self.first_s, time_s)
        last = time_s if self.last_s is None else max(self.last_s, time_s)
        return replace(self, frames=self.frames + 1, epoch_s=epoch_s, first_s=first, last_s=last)

    def _look(self, view: View, window: tuple[slice, slice], raster: GroundRaster, after_s: float) -> None:
        rows, columns = window
        east, north = _east_north(rows, columns)
        up = _heights(raster, rows, columns)
        camera = view.camera_enu
        x, y, z = in_camera(view.enu_from_camera, camera, east, north, up)
        profile = view.profile
        u, v = pixels_of(profile, x, y, z)
        far2 = x * x + y * y + z * z
        below = np.float32(camera[2]) - up
        framed = (u >= 0.0) & (v >= 0.0) & (u <= profile.width - 1) & (v <= profile.height - 1)
        framed &= (z > 0.0) & (far2 < np.float32(FOOTPRINT_RANGE_M**2))
        framed &= below > np.float32(_LEAST_SINE) * np.sqrt(far2)
        box = (float(east.min()), float(east.max()), float(north.min()), float(north.max()))
        horizon = Horizon(raster, camera, box)
        free = framed & horizon.sees(east, north, up, strict=True)
        at = (rows, columns)
        self.hidden[at][framed & ~free] = 1
        with np.errstate(divide="ignore", invalid="ignore"):
            steep = np.sqrt(below / np.sqrt(far2))
            sharp = np.where(free, np.float32(min(profile.fx, profile.fy)) / z * steep, np.float32(0.0))
        self._remember(at, free, np.asarray(sharp, np.float32), np.float32(after_s))

    def _remember(self, at: tuple[slice, slice], free: Flags, sharp: Raster, after_s: np.float32) -> None:
        another = free & (self.seen[at] > 0) & (after_s - self.last_after_s[at] > PASS_GAP_S)
        found, now = self.found[at], self.now[at]
        np.copyto(found, together(found, now), where=another)
        np.copyto(now, np.float32(0.0), where=another)
        chance = detection_probability(sharp * np.float32(self.target_m))
        np.maximum(now, chance, out=now, where=free)
        np.maximum(self.sharp[at], sharp, out=self.sharp[at], where=free)
        np.maximum(self.last_after_s[at], after_s, out=self.last_after_s[at], where=free)
        self.seen[at][free] = 1

    # --- what is told -----------------------------------------------------------------------------------------------

    def detection(self) -> Raster:
        """(SIDE, SIDE) probability that what is looked for would have been found where it was seen; 0 elsewhere."""
        return together(self.found, self.now)

    def mean_detection(self) -> float | None:
        """The mean of ``detection`` over the seen ground; None where nothing was seen."""
        box = _box(self.seen)
        if box is None:
            return None
        return float(together(self.found[box], self.now[box])[self.seen[box] > 0].mean())

    def gsd_m(self, share: float = 0.5) -> float | None:
        """Metres a pixel that this share of the seen ground is seen with or finer; None where nothing was seen."""
        box = _box(self.seen)
        if box is None:
            return None
        values = self.sharp[box][self.seen[box] > 0]
        return None if not values.size else 1.0 / max(1e-6, float(np.quantile(values, 1.0 - share)))

    def polygons(self, simplify_m: float = 2.0) -> list[list[Floats]]:
        """The seen ground as polygons: lists of rings (N, 2) east-north metres, the outer ring first.

        Drawn through the middles of the outermost cells: half a cell too small rather than too large.
        """
        return _outlines(self.seen, 1, simplify_m)

    def hidden_polygons(self) -> list[list[Floats]]:
        """What was in a picture, behind something, and never seen from elsewhere; not one cell is left out."""
        return _outlines(np.asarray((self.hidden > 0) & (self.seen == 0), np.uint8), 3, 0.0)

    def gaps(self, area_en: Floats | None = None) -> list[list[Floats]]:
        """What was in no picture, inside an area (N, 2), else inside the hull of what was seen; rings as above."""
        asked = self._asked(area_en)
        if asked is None:
            return []
        return _outlines(np.asarray((asked > 0) & (self.seen == 0) & (self.hidden == 0), np.uint8), 3, 0.0)

    def seen_share(self, area_en: Floats) -> float:
        """The share of an area (N, 2) that was seen."""
        asked = self._asked(area_en)
        whole = 0 if asked is None else int((asked > 0).sum())
        return 0.0 if asked is None or not whole else float(int(((asked > 0) & (self.seen > 0)).sum()) / whole)

    def _asked(self, area_en: Floats | None) -> Cells | None:
        if area_en is None:
            box = _box(self.seen)
            if box is None:
                return None
            cells = np.argwhere(self.seen[box]) + np.array([box[0].start, box[1].start])
            hull = cv2.convexHull(cells[:, ::-1].astype(np.int32)).reshape(-1, 2)
        else:
            hull = np.round(_cells_of(area_en)).astype(np.int32)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(mask, [hull], 1)
        return mask


def _cells_of(en: Floats) -> Floats:
    """(N, 2) east, north → (N, 2) column, row."""
    return np.column_stack([(en[:, 0] + HALF_WIDTH_M) / CELL_M, (HALF_WIDTH_M - en[:, 1]) / CELL_M])


def _window(ring_en: Floats) -> tuple[slice, slice] | None:
    """Rows and columns of the box around a ring, with a margin."""
    cells = _cells_of(ring_en)
    (c0, r0), (c1, r1) = np.floor(cells.min(axis=0)).astype(int) - 2, np.ceil(cells.max(axis=0)).astype(int) + 3
    rows, columns = slice(max(0, int(r0)), min(SIDE, int(r1))), slice(max(0, int(c0)), min(SIDE, int(c1)))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _east_north(rows: slice, columns: slice) -> tuple[Raster, Raster]:
    east = np.arange(columns.start, columns.stop, dtype=np.float32) * np.float32(CELL_M) - np.float32(HALF_WIDTH_M)
    north = np.float32(HALF_WIDTH_M) - np.arange(rows.start, rows.stop, dtype=np.float32) * np.float32(CELL_M)
    wide, high = np.meshgrid(east, north)
    return np.asarray(wide, np.float32), np.asarray(high, np.float32)


def _heights(raster: GroundRaster, rows: slice, columns: slice) -> Raster:
    """(rows, columns) of up at the middles of the cells."""
    fine = round(CELL_M / raster.cell_m)
    half = round(HALF_WIDTH_M / raster.cell_m)
    many_rows, many_columns = rows.stop - rows.start, columns.stop - columns.start
    south = half - (rows.stop - 1) * fine
    found = raster.heights(
        columns.start * fine - half, south, (many_columns - 1) * fine + 1, (many_rows - 1) * fine + 1
    )
    return np.ascontiguousarray(found[::fine, ::fine][::-1])


def _box(cells: Cells) -> tuple[slice, slice] | None:
    """Rows and columns that hold all set cells."""
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _outlines(cells: Cells, finer: int, simplify_m: float) -> list[list[Floats]]:
    """Polygons of set cells; ``finer``: cells are cut into so many, so that a single one has an outline, too."""
    box = _box(cells)
    if box is None:
        return []
    window = np.pad(cells[box], 1)
    if finer > 1:
        window = np.repeat(np.repeat(window, finer, axis=0), finer, axis=1)
    contours, hierarchy = cv2.findContours(window, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    middle = (finer - 1) / 2.0
    offset = np.array([box[1].start - 1.0, box[0].start - 1.0])
    rings = [
        _ring((contour.reshape(-1, 2) - middle) / finer + offset, simplify_m) if len(contour) >= 3 else None
        for contour in contours
    ]
    parents = np.asarray(hierarchy).reshape(-1, 4)[:, 3]
    polygons = []
    for outer in np.flatnonzero(parents < 0):
        if rings[outer] is None:
            continue
        inside = [rings[inner] for inner in np.flatnonzero(parents == outer)]
        polygons.append([ring for ring in (rings[outer], *inside) if ring is not None])
    return polygons


def _ring(cells: Floats, simplify_m: float) -> Floats | None:
    """(N, 2) column, row → a closed ring (N, 2) east, north; None where it encloses nothing."""
    en = np.column_stack([cells[:, 0] * CELL_M - HALF_WIDTH_M, HALF_WIDTH_M - cells[:, 1] * CELL_M])
    if len(en) < 3:
        return None
    ring = shapely.LinearRing(en).simplify(simplify_m) if simplify_m else shapely.LinearRing(en)
    return np.asarray(ring.coords, np.float64) if len(ring.coords) >= 4 else None
