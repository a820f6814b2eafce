"""Areas in the score: how well the shown edge of a wide fire fits the real one, and what was really looked at.

The edge: a crew that lays a line around what burns takes places within 2 CLOSE_M of one another as one fire and goes
around its outermost ones. So both sides are drawn by the same rule, groups of near places and the convex hull of each:
the truth from the outlines of what burns at the end of the flight, what is shown from the discs of the hotspots' areas
around their places. The overlap over the union of both is the IoU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from simulators.burning import Fire
from simulators.radiance import Floats
from simulators.truths import SEEN_CELL_M, Truths

CLOSE_M = 20.0
_WIDE_KINDS = frozenset({"front", "peat"})
Rings = Sequence[Floats]


def perimeter(
    fires: Sequence[Fire], boot_s: float, places_en: Floats, areas_m2: Sequence[float]
) -> dict[str, float | None] | None:
    """Real and shown area in m² and their IoU; None where nothing burns that has a perimeter."""
    if not any(fire.kind in _WIDE_KINDS for fire in fires):
        return None
    real = _line_around([shapely.Polygon(fire.ring(boot_s)[:, :2]) for fire in fires])
    discs = [
        shapely.Point(*place).buffer(max(0.5, math.sqrt(area / math.pi)))
        for place, area in zip(places_en, areas_m2, strict=True)
    ]
    shown = _line_around(discs)
    both, either = real.intersection(shown).area, real.union(shown).area
    return {
        "real_m2": round(real.area, 1),
        "shown_m2": round(shown.area, 1),
        "iou": round(both / either, 4) if either else None,
    }


def _line_around(parts: Sequence[shapely.Geometry]) -> shapely.Geometry:
    """Parts that are near one another in one line each."""
    groups = shapely.get_parts(shapely.union_all([part.buffer(CLOSE_M) for part in parts]))
    every = shapely.union_all(list(parts))
    return shapely.union_all([every.intersection(group).convex_hull for group in groups if not group.is_empty])


def shares(
    truths: Truths, coverage: Sequence[Rings], planned: Sequence[Rings], area: Sequence[tuple[float, float]]
) -> dict[str, float | None] | None:
    """Shares of the area that shall be searched: planned to be seen, shown as seen, really seen.

    ``false_share``: what is shown as seen and was not, of what is shown; the worst of errors, for a hidden fire is
    called clear. None without an area.
    """
    if not len(area) or not truths.seen.size:
        return None
    inside = _raster(truths, [[np.array(area)]])
    shown, plan = _raster(truths, coverage) & inside, _raster(truths, planned) & inside
    seen = truths.seen & inside
    cells = max(1, int(inside.sum()))
    return {
        "planned": round(int(plan.sum()) / cells, 4) if planned else None,
        "shown": round(int(shown.sum()) / cells, 4),
        "seen": round(int(seen.sum()) / cells, 4),
        "false_share": round(int((shown & ~seen).sum()) / max(1, int(shown.sum())), 4),
        "unplanned_miss": round(int((plan & ~seen).sum()) / max(1, int(plan.sum())), 4) if planned else None,
    }


def _raster(truths: Truths, polygons: Sequence[Rings]) -> NDArray[np.bool_]:
    """Polygons on the cells of what was seen."""
    mask = np.zeros(truths.seen.shape, np.uint8)
    for rings in polygons:
        pixels = [
            np.round(
                np.column_stack(
                    [(ring[:, 0] + truths.half_m) / SEEN_CELL_M - 0.5, (truths.half_m - ring[:, 1]) / SEEN_CELL_M - 0.5]
                )
                * 16
            ).astype(np.int32)
            for ring in rings
        ]
        one = np.zeros_like(mask)
        cv2.fillPoly(one, pixels, 1, shift=4)  # even-odd: the rings after the first are holes
        mask |= one
    return np.asarray(mask > 0)
