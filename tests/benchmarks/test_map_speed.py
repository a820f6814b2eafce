"""The map, the coverage and the places of many hotspots, on one core: how many a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from imagery.coverage import Coverage
from imagery.frame import FrameKind
from imagery.georeference import NoPlace, View
from imagery.ground_raster import GroundRaster
from imagery.thermal_map import STEPS_PER_K, ThermalMap
from missions.geometry.geo import Datum, GridProjection
from missions.geometry.terrain import Ground, TerrainGrid
from tests.imagery.scenes import FLAT, HOME, LOCAL, PROFILE, frame_of, ground_k, pose

pytestmark = pytest.mark.benchmark
FRAMES, PLACES = 300, 1_000
LENS = replace(PROFILE, k1=-0.1, k2=0.01)


def yard() -> TerrainGrid:
    """Uneven ground with a hall under the flight, cells of 1 m."""
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    heights = (HOME.alt_m + np.random.default_rng(1).normal(0.0, 0.1, (600, 600))).astype(np.float32)
    heights[280:300, 280:310] += 10.0
    return TerrainGrid(heights, "EPSG:25832", float(x) - 300, float(y) + 300, 1.0, 1.0, Datum.SEA_LEVEL)


def views(ground: Ground) -> list[View]:
    return [View(pose(20.0, -30.0 + 0.2 * at, 80.0), LENS, ground, LOCAL) for at in range(FRAMES)]


@pytest.fixture(autouse=True)
def one_core() -> None:
    cv2.setNumThreads(1)


@pytest.mark.parametrize("name", ["flat", "terrain"])
def test_frames_laid_on_the_map(figure: Callable[..., None], name: str) -> None:
    flown = views(FLAT if name == "flat" else yard())
    counts = (ground_k() * STEPS_PER_K).astype(np.uint16)
    frame = frame_of(counts, FrameKind.COUNTS, kelvin_per_count=1.0 / STEPS_PER_K)
    made = ThermalMap.over(flown[0], radiometric=True, epoch_s=0.0)
    for view in flown:  # the ground of the tiles is made once
        made.add(frame, view, 0.0)
    took = []
    for at, view in enumerate(flown):
        began = time.perf_counter()
        filled = made.add(frame, view, float(at))
        took.append(time.perf_counter() - began)
    figure(
        f"map update, {name}", f"{1.0 / np.median(took):.0f} frames/s", f"640×512, {filled} cells of 0.25 m; asked 400"
    )
    assert made.frames == 2 * FRAMES


@pytest.mark.parametrize("name", ["flat", "terrain"])
def test_looks_into_the_coverage(figure: Callable[..., None], name: str) -> None:
    flown = views(FLAT if name == "flat" else yard())
    raster, coverage = GroundRaster(flown[0].ground, LOCAL), Coverage.empty()
    rings = [view.footprint() for view in flown]
    took = []
    for at, (view, ring) in enumerate(zip(flown, rings, strict=True)):
        assert not isinstance(ring, NoPlace)
        began = time.perf_counter()
        coverage = coverage.plus(view, ring, raster, float(at))
        took.append(time.perf_counter() - began)
    figure(f"coverage of one look, {name}", took, "cells of 2 m, with what is hidden")
    assert coverage.frames == FRAMES


@pytest.mark.parametrize("name", ["flat", "terrain"])
def test_places_with_their_covariance(figure: Callable[..., None], name: str) -> None:
    view = views(FLAT if name == "flat" else yard())[0]
    pixels = np.random.default_rng(2).uniform((0.0, 0.0), (639.0, 511.0), (PLACES, 2))
    view.places(pixels)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        found = view.places(pixels)
        took.append((time.perf_counter() - began) / PLACES)
    figure(
        f"a hotspot's place and covariance, {name}", f"{1e6 * np.median(took):.1f} µs", "in a batch of 1,000; asked 15"
    )
    assert len(found) == PLACES
