"""What a planned flight will have seen: how often, how sharp, and with what chance of finding something.

The area is laid out in cells. Each pass of the camera (`views`) goes over those in its footprint, at the height above
the very surface there; with terrain, a wall or a hill between takes the view away. A cell keeps the number of passes,
the best ground sample distance, and the chance that nothing was found yet.

The chance of one pass is `share` (what contrast, canopy and attention leave: the crew's to say) times the chance that
the pixels on the target suffice. That is the target transfer probability function of the night vision laboratory
(Johnson 1958; Ratches 1976): P = x^E / (1 + x^E), E = 2.7 + 0.7 x, x = pixels / N50. One line pair, two pixels, across
the target is the even chance of a detection; at the four that a plan asks for it is 94 %. Passes are independent:
1 − Π(1 − p). Trees that hide a place from every side break that, and then `share` has to be small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, box, contains_xy, union_all

from missions.area import check_area, local_frame, to_metres
from missions.follow import sampling_step_m
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.plane_terrain import PlaneGround, closest_pass
from missions.geometry.terrain import FlatGround, Ground
from missions.items import MissionItem, home_of
from missions.views import View, passes_of

Floats = NDArray[np.float64]

EVEN_CHANCE_PX = 2.0
MOST_CELLS = 16_000
_LOWEST_M, _HIDDEN_M = 1.0, 0.3


class CoverageError(ValueError):
    """A coverage that cannot be predicted: which value, and what is allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Of one area, by cells of `cell_m`; (N,) each: degrees, passes, best metres a pixel (NaN unseen), POD.

    `left_out`: legs on which the camera does not look at the ground; `target_m`, `share`: what the POD is for.
    """

    cell_m: float
    lat_deg: Floats
    lon_deg: Floats
    passes: NDArray[np.int64]
    gsd_m: Floats
    pod_of_cell: Floats
    target_m: float
    share: float
    left_out: int

    @property
    def seen(self) -> float:
        """Share of the area that is seen at least once."""
        return float((self.passes > 0).mean())

    @property
    def overlap(self) -> float:
        """Share of the area that is seen on two passes or more."""
        return float((self.passes > 1).mean())

    @property
    def pod(self) -> float:
        """Probability of detection of a target that lies anywhere in the area with the same chance."""
        return float(self.pod_of_cell.mean())

    def gsd_range_m(self) -> tuple[float, float] | None:
        """Metres a pixel that 5 and 95 % of the seen cells stay under."""
        known = self.gsd_m[self.passes > 0]
        return None if not known.size else (float(np.percentile(known, 5)), float(np.percentile(known, 95)))

    def text(self) -> str:
        """One line for people."""
        span = self.gsd_range_m()
        if span is None:
            return "predicted: nothing of the area comes into the picture"
        line = (
            f"predicted: {100 * self.seen:.1f} % seen, {100 * self.overlap:.0f} % twice or more, {100 * span[0]:.1f} "
            f"to {100 * span[1]:.1f} cm a pixel; probability of detection of {self.target_m:g} m is "
            f"{100 * self.pod:.0f} % (where {100 * self.share:.0f} % of what is sharp enough is noticed)"
        )
        return line + (f"; {self.left_out} legs do not look at the ground" if self.left_out else "")

    def gaps(self) -> tuple[Polygon, ...]:
        """What is not seen, (longitude, latitude) degrees, in steps of a cell."""
        blind = np.flatnonzero(self.passes == 0)
        north = 0.5 * self.cell_m / 111_195.0
        squares = []
        for at in blind:
            lat, lon = float(self.lat_deg[at]), float(self.lon_deg[at])
            east = north / max(0.01, math.cos(math.radians(lat)))
            # A hair wider, so that neighbours melt into one.
            squares.append(box(lon - 1.02 * east, lat - 1.02 * north, lon + 1.02 * east, lat + 1.02 * north))
        merged = union_all(squares)
        return tuple(part for part in getattr(merged, "geoms", [merged]) if isinstance(part, Polygon) and part.area)


def chance(pixels: Floats) -> Floats:
    """Of detecting a target that covers so many pixels, by anybody who looks."""
    x = np.asarray(pixels, np.float64) / EVEN_CHANCE_PX
    odds = np.power(x, 2.7 + 0.7 * np.minimum(x, 20.0))
    return np.asarray(odds / (1.0 + odds), np.float64)


class _Cells:
    """The area as a grid of cells, east and north; what has been seen of each."""

    def __init__(self, outline: Polygon, cell_m: float) -> None:
        west, south, east, north = outline.bounds
        self.cell_m = cell_m
        self.east = np.arange(west + 0.5 * cell_m, east, cell_m)
        self.north = np.arange(south + 0.5 * cell_m, north, cell_m)
        e, n = np.meshgrid(self.east, self.north)
        self.inside = np.asarray(contains_xy(outline, e, n), np.bool_)
        self.ground = np.full(e.shape, np.nan)
        self.passes = np.zeros(e.shape, np.int64)
        self.gsd = np.full(e.shape, np.inf)
        self.missed = np.ones(e.shape)

    def places(self) -> Floats:
        """(N, 2) east, north of the cells inside."""
        e, n = np.meshgrid(self.east, self.north)
        return np.column_stack([e[self.inside], n[self.inside]])

    def around(self, view: View, margin_m: float) -> tuple[slice, slice]:
        """Rows and columns of the box around a way."""
        low = np.minimum(view.start, view.end)[:2] - margin_m
        high = np.maximum(view.start, view.end)[:2] + margin_m
        columns = (int(np.searchsorted(self.east, edge)) for edge in (low[0], high[0]))
        rows = (int(np.searchsorted(self.north, edge)) for edge in (low[1], high[1]))
        return slice(*rows), slice(*columns)


def predict(
    items: Sequence[MissionItem],
    area: Polygon,
    profile: CameraProfile,
    *,
    home: GeoPoint | None = None,
    terrain: Ground | None = None,
    target_m: float = 0.5,
    share: float = 0.8,
) -> Coverage:
    """What items (item 0 home) will have seen of `area` (longitude, latitude).

    Without `terrain` the ground is a plane at home's height. Raises CoverageError naming the value.
    """
    if not 0.02 <= target_m <= 20.0:
        raise CoverageError(f"target of {target_m:g} m: allowed are 0.02 to 20 m")
    if not 0.0 < share <= 1.0:
        raise CoverageError(f"share {share:g}: allowed is above 0 and up to 1")
    area = check_area(area)
    frame = local_frame(area)
    outline = to_metres(area, frame)
    home = home or home_of(items) or GeoPoint(frame.origin.lat_deg, frame.origin.lon_deg, 0.0, Datum.SEA_LEVEL)
    ground = FlatGround(home.alt_m) if terrain is None else terrain
    if terrain is not None:
        home = _standing_on(terrain, home)
    passes, left_out = passes_of(items, home, profile, frame, ground)
    cells = _Cells(outline, _cell_m(outline))
    if not cells.inside.any():
        raise CoverageError("the area is too narrow to be laid out in cells")
    plane = PlaneGround.over(ground, frame, cells.places(), 5.0)
    cells.ground[cells.inside] = plane.heights(cells.places())
    for one in passes:
        _look(one, cells, plane if terrain is not None else None, sampling_step_m(ground), profile, target_m, share)
    return _result(cells, frame, target_m, share, left_out)


def _standing_on(terrain: Ground, home: GeoPoint) -> GeoPoint:
    """Home at the height of the very terrain: what both have wrong cancels out."""
    height = float(terrain.height_at(home.lat_deg, home.lon_deg))
    return home if not math.isfinite(height) else GeoPoint(home.lat_deg, home.lon_deg, height, Datum.SEA_LEVEL)


def _cell_m(outline: Polygon) -> float:
    west, south, east, north = outline.bounds
    return max(0.75, math.sqrt((east - west) * (north - south) / MOST_CELLS))


def _look(
    one: tuple[View, ...], cells: _Cells, plane: PlaneGround | None, step_m: float, profile: CameraProfile,
    target_m: float, share: float,
) -> None:  # fmt: skip
    """One pass goes over the cells."""
    best = np.full(cells.inside.shape, np.inf)
    for view in one:
        _nearest(view, cells, plane, step_m, best)
    seen = np.isfinite(best)
    gsd = best[seen] / min(profile.fx, profile.fy)
    cells.passes[seen] += 1
    cells.gsd[seen] = np.minimum(cells.gsd[seen], gsd)
    cells.missed[seen] *= 1.0 - share * chance(target_m / gsd)


def _nearest(view: View, cells: _Cells, plane: PlaneGround | None, step_m: float, best: Floats) -> None:
    """Smallest distance from the way to each cell while it is in the picture, into `best`."""
    top = max(view.start[2], view.end[2]) - np.nanmin(cells.ground)
    rows, columns = cells.around(view, view.footprint.reach * max(top, 0.0))
    inside = np.nonzero(cells.inside[rows, columns])
    if not inside[0].size:
        return
    r, c = inside[0] + rows.start, inside[1] + columns.start
    ground = cells.ground[r, c]
    way = view.end - view.start
    length = float(np.hypot(way[0], way[1]))
    ahead = way[:2] / length
    east, north = cells.east[c] - view.start[0], cells.north[r] - view.start[1]
    along, across = east * ahead[0] + north * ahead[1], east * ahead[1] - north * ahead[0]
    outline = view.footprint
    s = np.clip(along, 0.0, length)
    for _ in range(2):  # the height where the cell is in the middle of the picture
        height = view.start[2] + way[2] * s / length - ground
        beside = across / np.maximum(height, _LOWEST_M)
        back = np.interp(beside, outline.across, outline.back, left=np.nan, right=np.nan)
        front = np.interp(beside, outline.across, outline.ahead, left=np.nan, right=np.nan)
        middle = np.where(np.isnan(back), 0.0, 0.5 * (back + front))
        s = np.clip(along - middle * height, 0.0, length)
    enters, leaves = along - front * height, along - back * height
    seen = (height > _LOWEST_M) & (leaves >= 0.0) & (enters <= length)
    r, c, along, across, height = r[seen], c[seen], along[seen], across[seen], height[seen]
    first, last = np.maximum(enters[seen], 0.0), np.minimum(leaves[seen], length)
    near = np.clip(along, first, last)
    distance = np.sqrt(height**2 + across**2 + (along - near) ** 2)
    if plane is not None and len(r):
        targets = np.column_stack([cells.east[c], cells.north[r], ground[seen]])
        clear = np.zeros(len(r), np.bool_)
        for moment in (near, first, last):
            hidden = np.flatnonzero(~clear)
            eyes = view.start + way * (moment[hidden] / length)[:, None]
            clear[hidden] = _in_sight(eyes, targets[hidden], plane, step_m)
        distance = np.where(clear, distance, np.inf)
    best[r, c] = np.minimum(best[r, c], distance)


def _in_sight(eyes: Floats, targets: Floats, plane: PlaneGround, step_m: float) -> NDArray[np.bool_]:
    """Whether nothing stands between; the last two metres before the target are its own slope."""
    away = np.linalg.norm(eyes - targets, axis=1)
    short = targets + (eyes - targets) * np.minimum(0.5, 2.0 / away)[:, None]
    clear = np.asarray(short[:, 2] - plane.highest_between(eyes[:, :2], short[:, :2]) >= -_HIDDEN_M, np.bool_)
    doubt = np.flatnonzero(~clear)
    above = closest_pass(plane, eyes[doubt], short[doubt], -_HIDDEN_M, step_m).above_m
    clear[doubt] = ~np.isfinite(above)
    return clear


def _result(cells: _Cells, frame: LocalFrame, target_m: float, share: float, left_out: int) -> Coverage:
    places = cells.places()
    lat, lon, _ = frame.geo_from_enu(np.column_stack([places, np.zeros(len(places))]))
    passes, gsd = cells.passes[cells.inside], cells.gsd[cells.inside]
    return Coverage(
        cells.cell_m, lat, lon, passes, np.where(np.isfinite(gsd), gsd, np.nan), 1.0 - cells.missed[cells.inside],
        target_m, share, left_out,
    )  # fmt: skip
