"""The edge of a fire: of shapes whose area, length, speed and direction are known, with the error that is claimed."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import shapely

from imagery.frame import FrameKind
from imagery.georeference import View
from imagery.perimeter import FireArea, fire_areas
from imagery.thermal_map import ThermalMap
from tests.imagery.scenes import FLAT, LOCAL, PROFILE, frame_of, ground_k, pose, sharp

SHARP = sharp(PROFILE)


def burning(view: View, *discs: tuple[float, float, float]) -> np.ndarray:
    """A picture of burning discs (east, north, radius, metres) from a view, 500 K."""
    image = ground_k()
    turns = np.linspace(0.0, 2.0 * math.pi, 90, endpoint=False)
    for east, north, radius in discs:
        rim = np.column_stack([east + radius * np.cos(turns), north + radius * np.sin(turns), 0.0 * turns])
        cv2.fillPoly(image, [np.round(view.pixel_of(rim) * 16).astype(np.int32)], 500.0, shift=4)
    return image


def mapped(
    *passes: tuple[float, list[tuple[float, float, float]]], off: dict[float, float] | None = None
) -> ThermalMap:
    """One look at each time; ``off``: how many metres to the east the log is wrong at a time."""
    made: ThermalMap | None = None
    for time_s, discs in passes:
        true = View(pose(0.0, 0.0, 80.0, time_s=time_s), SHARP, FLAT, LOCAL)
        logged = View(pose((off or {}).get(time_s, 0.0), 0.0, 80.0, time_s=time_s), SHARP, FLAT, LOCAL)
        made = made or ThermalMap.over(logged, radiometric=True, epoch_s=0.0)
        made.add(frame_of(burning(true, *discs)), logged, time_s)
    assert made is not None
    return made


def only(made: ThermalMap) -> FireArea:
    (area,) = fire_areas(made)
    return area


@pytest.mark.parametrize("radius", [1.0, 3.0, 9.0])
def test_a_disc_has_its_area_and_its_length(radius: float) -> None:
    area = only(mapped((0.0, [(4.0, -3.0, radius)])))
    assert area.area_m2 == pytest.approx(math.pi * radius**2, abs=2.0 * area.area_sigma_m2)
    assert area.length_m == pytest.approx(2.0 * math.pi * radius, rel=0.06)
    assert area.area_sigma_m2 < 2.0 * math.pi * radius * 0.3
    assert area.spread is None and area.peak_c == pytest.approx(226.85, abs=0.2)
    middle_of = shapely.Polygon(area.rings[0]).centroid
    lat, lon = middle_of.x, middle_of.y
    middle = LOCAL.enu_from_geo(lat, lon, LOCAL.origin.alt_m)
    assert np.allclose(middle[:2], (4.0, -3.0), atol=0.2)


@pytest.mark.parametrize(("azimuth_deg", "metres"), [(45.0, 6.0), (200.0, 10.0), (290.0, 4.0)])
def test_a_front_that_moves_has_its_rate_and_its_direction(azimuth_deg: float, metres: float) -> None:
    """A disc of 5 m runs so many metres one way in two minutes; what has burned stays burned."""
    way = math.radians(azimuth_deg)
    run = [(k * math.sin(way), k * math.cos(way), 5.0) for k in np.linspace(0.0, metres, 25)]
    spread = only(mapped((0.0, run[:1]), (120.0, run))).spread
    assert spread is not None and spread.direction_deg is not None and spread.direction_sigma_deg is not None
    assert spread.since_s == 0.0
    assert spread.rate_m_min == pytest.approx(metres / 2.0, abs=2.0 * spread.rate_sigma_m_min)
    off = (spread.direction_deg - azimuth_deg + 180.0) % 360.0 - 180.0
    assert abs(off) < 2.0 * spread.direction_sigma_deg < 25.0
    assert spread.growth_m2_min == pytest.approx(metres * 10.0 / 2.0, rel=0.1)


def test_a_fire_that_stands_still_has_no_direction_and_a_rate_within_its_error() -> None:
    """The log is 0.4 m off in the second pass; the lens is known to 0.4° only, which is 0.6 m from 80 m."""
    doubted = replace(SHARP, boresight_sigma_deg=0.4)
    made: ThermalMap | None = None
    for time_s, off_m in ((0.0, 0.0), (60.0, 0.4)):
        view = View(pose(off_m, 0.0, 80.0), doubted, FLAT, LOCAL)
        made = made or ThermalMap.over(view, radiometric=True, epoch_s=0.0)
        made.add(frame_of(burning(View(pose(0.0, 0.0, 80.0), SHARP, FLAT, LOCAL), (0.0, 0.0, 5.0))), view, time_s)
    assert made is not None
    spread = only(made).spread
    assert spread is not None and spread.direction_deg is None
    assert 0.5 < spread.rate_sigma_m_min < 1.5
    assert spread.rate_m_min < 2.0 * spread.rate_sigma_m_min


def test_seen_twice_in_one_pass_is_no_spread_and_unseen_since_is_none_either() -> None:
    assert only(mapped((0.0, [(0.0, 0.0, 4.0)]), (3.0, [(0.0, 0.0, 6.0)]))).spread is None
    made = mapped((0.0, [(0.0, 0.0, 4.0)]))
    elsewhere = View(pose(200.0, 0.0, 80.0), SHARP, FLAT, LOCAL)
    made.add(frame_of(ground_k()), elsewhere, 100.0)
    assert only(made).spread is None and only(made).time_s == 0.0


def test_two_fires_are_two_and_a_ring_has_a_hole() -> None:
    areas = fire_areas(mapped((0.0, [(-15.0, 0.0, 4.0), (15.0, 5.0, 2.0)])))
    assert [round(area.area_m2) for area in areas] == [pytest.approx(50, abs=3), pytest.approx(13, abs=2)]
    view = View(pose(0.0, 0.0, 80.0), SHARP, FLAT, LOCAL)
    image = burning(view, (0.0, 0.0, 8.0))
    turns = np.linspace(0.0, 2.0 * math.pi, 60)
    inner = np.column_stack([3.0 * np.cos(turns), 3.0 * np.sin(turns), 0.0 * turns])
    cv2.fillPoly(image, [np.round(view.pixel_of(inner)).astype(np.int32)], 300.0)
    made = ThermalMap.over(view, radiometric=True, epoch_s=0.0)
    made.add(frame_of(image), view, 0.0)
    area = only(made)
    assert len(area.rings) == 2 and area.area_m2 == pytest.approx(math.pi * (64 - 9), rel=0.05)


def test_grey_levels_have_no_edge() -> None:
    view = View(pose(0.0, 0.0, 80.0), SHARP, FLAT, LOCAL)
    made = ThermalMap.over(view, radiometric=False, epoch_s=0.0)
    made.add(frame_of(np.full((512, 640), 255, np.uint8), FrameKind.AGC8), view, 0.0)
    assert fire_areas(made) == []
