"""What a flight will have seen: against footprints by hand, and against targets that are simulated one by one.

The simulation shares nothing with the prediction but the camera's numbers and the chance per pass: it flies in small
steps, projects each target by OpenCV, marches over the terrain for what stands between, and draws lots.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from shapely import Polygon, contains_xy

from missions.coverage import CoverageError, chance, predict
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame
from missions.geometry.terrain import TerrainGrid
from missions.items import compile_items
from missions.mission import FlyTo, Mission, PointCamera
from missions.survey import survey
from missions.views import footprint

CAMERA = CameraProfile("boson", 640, 512, 1125.0, 1125.0, 319.5, 255.5)
FIXED = CameraProfile("bolted", 640, 512, 1125.0, 1125.0, 319.5, 255.5, mount="fixed", pitch_deg=8.0)
HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)


def square(size_m: float) -> Polygon:
    half = 0.5 * size_m
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
    lat, lon, _ = FRAME.geo_from_enu(corners)
    return Polygon(np.column_stack([lon, lat]))


def hills(wall: bool) -> TerrainGrid:
    """1.4 km of waves 24 m high, or a plain with a hall of 40 m in it."""
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    rows, columns = np.mgrid[0:700, 0:700]
    heights = 33.0 + 12.0 * np.sin(rows / 30.0) * np.cos(columns / 40.0)
    if wall:
        heights = np.full((700, 700), 33.0)
        heights[305:345, 310:390] = 73.0  # 10 to 90 m north, 160 m wide
    return TerrainGrid(heights.astype(np.float32), "EPSG:25832", float(x) - 700.0, float(y) + 700.0, 2.0, 2.0)


def lower(mission: Mission, metres: float) -> Mission:
    """The same lines, flown that much lower."""
    steps = [
        FlyTo(replace(step.point, alt_m=step.point.alt_m - metres)) if isinstance(step, FlyTo) else step
        for step in mission.steps
    ]
    return Mission(mission.name, tuple(steps), mission.home)


def test_the_footprint_is_the_pinholes() -> None:
    seen = footprint(CAMERA)
    assert seen is not None
    assert (seen.across[0], seen.across[-1]) == pytest.approx((-320 / 1125, 320 / 1125))
    assert seen.back == pytest.approx(-256 / 1125) and seen.ahead == pytest.approx(256 / 1125)
    turned = footprint(CAMERA, -90.0, 90.0)
    assert turned is not None and turned.across[-1] == pytest.approx(256 / 1125)
    tilted = footprint(CAMERA, -60.0)
    angles = [math.radians(30.0) + sign * math.atan(256 / 1125) for sign in (-1, 1)]
    assert tilted is not None
    assert (tilted.back[64], tilted.ahead[64]) == pytest.approx([math.tan(a) for a in angles], rel=1e-3)
    assert footprint(CAMERA, -5.0) is None


def test_the_chance_of_a_pass() -> None:
    assert chance(np.array([2.0])) == pytest.approx(0.5)
    assert chance(np.array([4.0])) == pytest.approx(0.945, abs=0.002)
    assert chance(np.array([0.0, 100.0])) == pytest.approx([0.0, 1.0], abs=1e-6)


def test_lines_with_overlap_see_everything_and_lines_with_gaps_what_lies_under_them() -> None:
    area = square(400.0)
    dense = predict(compile_items(survey(area, CAMERA, 60.0, home=HOME, sidelap=0.3)), area, CAMERA)
    assert dense.seen == 1.0 and 0.3 < dense.overlap < 1.0
    assert dense.gaps() == ()
    low, high = dense.gsd_range_m() or (0.0, 0.0)
    assert 60.0 / 1125 <= low < high < 1.05 * 60.0 / 1125
    # Flown at 30 m, lines that were laid for 60 m leave half of it out.
    laid = survey(area, CAMERA, 60.0, home=HOME, sidelap=0.0, heading_deg=0.0)
    sparse = predict(compile_items(laid), area, CAMERA)
    half = predict(compile_items(lower(laid, 30.0)), area, CAMERA)
    lines = math.ceil(400.0 / (640 / 1125 * 60.0))
    assert half.seen == pytest.approx(lines * 640 / 1125 * 30.0 / 400.0, abs=0.03)
    assert sparse.seen > 0.99
    blind = sum(part.area for part in half.gaps()) / area.area
    assert blind == pytest.approx(1.0 - half.seen, abs=0.04)


def test_a_camera_that_looks_elsewhere_sees_nothing_and_says_so() -> None:
    area = square(300.0)
    flight = survey(area, CAMERA, 60.0, home=HOME)
    level = tuple(PointCamera(-5.0) if isinstance(step, PointCamera) else step for step in flight.steps)
    found = predict(compile_items(Mission("level", level, HOME)), area, CAMERA)
    assert found.seen == 0.0 and found.left_out > 5 and found.pod == 0.0
    assert "nothing" in found.text()


def test_a_hall_hides_what_stands_behind_it() -> None:
    area, terrain = square(400.0), hills(wall=True)
    items = compile_items(survey(area, CAMERA, 60.0, home=HOME, sidelap=0.1, heading_deg=90.0))
    seen = predict(items, area, CAMERA, terrain=terrain)
    open_ = predict(items, area, CAMERA)
    assert open_.seen == 1.0
    # 20 m under the aircraft strips are 11 m wide, lines 30 m apart: two thirds of the roof (8 % of the area) are gaps.
    assert seen.seen == pytest.approx(1.0 - 0.08 * 2 / 3, abs=0.012)


@pytest.mark.parametrize(
    ("target", "share", "word"), [(0.001, 0.8, "target"), (0.5, 0.0, "share"), (0.5, 1.1, "share")]
)
def test_what_cannot_be_is_refused(target: float, share: float, word: str) -> None:
    items = compile_items(survey(square(200.0), CAMERA, 60.0, home=HOME))
    with pytest.raises(CoverageError, match=word):
        predict(items, square(200.0), CAMERA, target_m=target, share=share)


# --- against simulated targets --------------------------------------------------------------------------------------


def flown(mission: Mission, step_m: float, terrain: TerrainGrid | None) -> list[np.ndarray]:
    """Per straight line (not per leg) the places of the aircraft, (N, 3) east, north, up above the frame of HOME."""
    ground = 33.0 if terrain is None or mission.home is None else mission.home.alt_m
    points = np.array(
        [[*FRAME.enu_from_geo(p.lat_deg, p.lon_deg, 33.0)[:2], ground + p.alt_m] for p in mission.waypoints()]
    )
    lines: list[list[np.ndarray]] = []
    before: np.ndarray | None = None
    for a, b in pairwise(points):
        length = float(np.hypot(*(b - a)[:2]))
        if length < 0.5:
            continue
        ahead = (b - a)[:2] / length
        part = a + np.linspace(0.0, 1.0, max(2, int(length / step_m) + 1))[:, None] * (b - a)
        if before is not None and float(ahead @ before) > math.cos(math.radians(20.0)):
            lines[-1].append(part)
        else:
            lines.append([part])
        before = ahead
    return [np.concatenate(line) for line in lines]


def detections(
    mission: Mission, area: Polygon, camera: CameraProfile, terrain: TerrainGrid | None, target_m: float, share: float,
    count: int, seed: int, step_m: float,
) -> float:  # fmt: skip
    """Share of `count` targets, anywhere in the area, that are found."""
    chances = np.random.default_rng(seed)
    west, south, east, north = area.bounds
    lonlat = np.empty((0, 2))
    while len(lonlat) < count:
        drawn = chances.uniform((west, south), (east, north), (count, 2))
        lonlat = np.vstack([lonlat, drawn[contains_xy(area, *drawn.T)]])
    lon, lat = lonlat[:count].T
    up = np.full(count, 33.0) if terrain is None else terrain.height_at(lat, lon)
    targets = np.column_stack([FRAME.enu_from_geo(lat, lon, 33.0)[:, :2], up])
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])
    found = np.zeros(count, bool)
    for line in flown(mission, step_m, terrain):
        ahead = np.append((line[-1] - line[0])[:2] / np.hypot(*(line[-1] - line[0])[:2]), 0.0)
        right = np.array([ahead[1], -ahead[0], 0.0])
        tilt = math.radians(camera.pitch_deg if camera.mount == "fixed" else 0.0)
        forward = math.cos(tilt) * np.array([0, 0, -1.0]) + math.sin(tilt) * ahead
        top = math.cos(tilt) * ahead + math.sin(tilt) * np.array([0, 0, 1.0])
        rotation = np.array([right, -top, forward])
        best = np.zeros(count)
        for eye in line:
            relative = (targets - eye) @ rotation.T
            near = np.flatnonzero(relative[:, 2] > 1.0)
            uv = cv2.projectPoints(relative[near], np.zeros(3), np.zeros(3), matrix, np.zeros(5))[0].reshape(-1, 2)
            inside = (uv > -0.5).all(1) & (uv[:, 0] < camera.width - 0.5) & (uv[:, 1] < camera.height - 0.5)
            for at in near[inside]:
                pixels = camera.fx * target_m / float(np.linalg.norm(relative[at]))
                if pixels > best[at] and (terrain is None or in_sight(eye, targets[at], terrain)):
                    best[at] = pixels
        x = best / 2.0
        odds = x ** (2.7 + 0.7 * x)
        found |= chances.random(count) < share * odds / (1.0 + odds)
    return float(found.mean())


def in_sight(eye: np.ndarray, target: np.ndarray, terrain: TerrainGrid) -> bool:
    away = float(np.linalg.norm(eye - target))
    part = np.linspace(2.0 / away, 1.0, 60)[:, None]
    ray = target + part * (eye - target)
    lat, lon, _ = FRAME.geo_from_enu(np.column_stack([ray[:, :2], np.zeros(60)]))
    return bool((ray[:, 2] > terrain.height_at(lat, lon) - 0.3).all())


CASES = [
    # height, sidelap, target, share, camera, terrain
    pytest.param((60.0, 0.3, 0.2, 0.8, CAMERA, None), id="plain"),
    pytest.param((60.0, 0.7, 0.11, 0.6, CAMERA, None), id="overlap"),
    pytest.param((80.0, 0.3, 0.2, 0.9, FIXED, None), id="bolted"),
    pytest.param((45.0, -0.6, 0.15, 0.9, CAMERA, "hills"), id="gaps on hills"),
    pytest.param((60.0, 0.1, 0.25, 0.9, CAMERA, "wall"), id="a hall"),
]


def compare(case: tuple, count: int, seed: int, size_m: float, step_m: float) -> tuple[float, float]:
    height, sidelap, target, share, camera, kind = case
    area = square(size_m)
    terrain = None if kind is None else hills(kind == "wall")
    spread = 0.0 if sidelap < 0 else sidelap
    follows = terrain if kind == "hills" else None
    laid_for = height * (1.0 - min(sidelap, 0.0))  # a negative sidelap: flown lower than the lines were laid for
    mission = survey(area, camera, laid_for, sidelap=spread, home=HOME, terrain=follows)
    mission = lower(mission, height * max(-sidelap, 0.0))
    predicted = predict(compile_items(mission), area, camera, terrain=terrain, target_m=target, share=share)
    return predicted.pod, detections(mission, area, camera, terrain, target, share, count, seed, step_m)


@pytest.mark.parametrize("case", CASES)
def test_predicted_is_found_within_5_points(case: tuple) -> None:
    predicted, found = compare(case, 1000, 1, 220.0, 6.0)
    assert 0.3 < predicted < 0.97
    assert found == pytest.approx(predicted, abs=0.05)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", CASES)
def test_predicted_is_found_on_larger_areas(case: tuple, seed: int) -> None:
    predicted, found = compare(case, 1000, seed, 500.0, 3.0)
    assert found == pytest.approx(predicted, abs=0.05)
