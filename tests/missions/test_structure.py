"""A building from close by: every piece of wall and roof comes into some picture, and the aircraft stays clear."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from shapely import LineString, Polygon

from missions.area import local_frame, to_metres
from missions.checks import check
from missions.coverage import predict
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame
from missions.geometry.terrain import TerrainGrid
from missions.items import compile_items
from missions.mission import FlyTo, Mission, PointCamera
from missions.structure import StructureError, plan_structure, rings

CAMERA = CameraProfile("boson", 640, 512, 560.0, 560.0, 319.5, 255.5)
FIXED = CameraProfile("bolted", 640, 512, 560.0, 560.0, 319.5, 255.5, mount="fixed")
HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)
CORNERS = [(40.0, 30.0), (90.0, 30.0), (90.0, 50.0), (65.0, 50.0), (65.0, 75.0), (40.0, 75.0)]  # an L
TOP_M = 22.0


def outline() -> Polygon:
    lat, lon, _ = FRAME.geo_from_enu(np.array([[e, n, 0.0] for e, n in CORNERS]))
    return Polygon(np.column_stack([lon, lat]))


def city() -> TerrainGrid:
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    rows, columns = np.mgrid[0:400, 0:400]
    grid = TerrainGrid(
        np.full((400, 400), 33.0, np.float32), "EPSG:25832", float(x) - 200.0, float(y) + 200.0, 1.0, 1.0
    )
    lat, lon = GridProjection("EPSG:25832").geo_from_xy(grid.x0_m + columns, grid.y0_m - rows)
    enu = FRAME.enu_from_geo(lat, lon, 33.0)
    east, north = enu[..., 0], enu[..., 1]
    in_l = (east > 40) & (north > 30) & (((east < 90) & (north < 50)) | ((east < 65) & (north < 75)))
    grid.heights_m[in_l] += TOP_M
    return grid


def seen_on_the_walls(mission: Mission) -> float:
    """Share of points on the walls that come into a picture less than 60° from square, by flying it in steps."""
    walls = []
    for (e0, n0), (e1, n1) in pairwise([*CORNERS, CORNERS[0]]):
        part = np.linspace(0.02, 0.98, 12)[:, None]
        foot = np.array([e0, n0]) + part * np.array([e1 - e0, n1 - n0])
        away = np.array([n1 - n0, e0 - e1]) / math.hypot(e1 - e0, n1 - n0)  # outwards of an anticlockwise ring
        for up in np.linspace(0.5, TOP_M - 0.5, 8):
            walls += [(np.array([*place, up]), np.array([*away, 0.0])) for place in foot]
    points, normals = (np.array(column) for column in zip(*walls, strict=True))
    seen = np.zeros(len(points), bool)
    pitch, yaw, here = 0.0, 0.0, None
    camera = np.array([[CAMERA.fx, 0, CAMERA.cx], [0, CAMERA.fy, CAMERA.cy], [0, 0, 1.0]])
    for step in mission.steps:
        if isinstance(step, PointCamera):
            pitch, yaw = math.radians(step.pitch_deg), math.radians(step.yaw_deg)
        if not isinstance(step, FlyTo):
            continue
        there = np.array([*FRAME.enu_from_geo(step.point.lat_deg, step.point.lon_deg, 33.0)[:2], step.point.alt_m])
        length = 0.0 if here is None else float(np.hypot(*(there - here)[:2]))
        if here is not None and length > 1.0 and yaw:
            heading = math.atan2(*(there - here)[:2]) + yaw
            ahead = np.array([math.sin(heading), math.cos(heading), 0.0]) * math.cos(pitch) + [0, 0, math.sin(pitch)]
            right = np.array([math.cos(heading), -math.sin(heading), 0.0])
            turn = np.array([right, np.cross(ahead, right), ahead])
            for eye in here + np.linspace(0.0, 1.0, int(length) + 2)[:, None] * (there - here):
                relative = (points - eye) @ turn.T
                square = ((eye - points) * normals).sum(axis=1) / np.linalg.norm(eye - points, axis=1)
                near = np.flatnonzero((relative[:, 2] > 0.5) & (square > 0.5) & ~seen)
                if not near.size:
                    continue
                uv = cv2.projectPoints(relative[near], np.zeros(3), np.zeros(3), camera, np.zeros(5))[0].reshape(-1, 2)
                seen[near] |= (uv > 0).all(1) & (uv[:, 0] < 639) & (uv[:, 1] < 511)
        here = there
    return float(seen.mean())


def test_every_piece_of_every_wall_comes_into_a_picture() -> None:
    mission = plan_structure(outline(), CAMERA, home=HOME, terrain=city(), parts=["facade"])
    assert seen_on_the_walls(mission) == 1.0
    # With half the rings it would not be so.
    steps = [s for s in mission.steps if not (isinstance(s, FlyTo) and s.point.alt_m > 12.0)]
    assert seen_on_the_walls(Mission("half", tuple(steps), mission.home)) < 0.9


def test_the_roof_is_seen_and_the_flight_is_clear_of_everything() -> None:
    terrain = city()
    mission = plan_structure(outline(), CAMERA, home=HOME, terrain=terrain)
    # All but the rim, where cells of 1 m slope down to the street.
    assert predict(compile_items(mission), outline(), CAMERA, terrain=terrain).seen > 0.96
    report = check(compile_items(mission), terrain=terrain)
    assert report.checked is not None
    assert not {"hits_ground", "terrain_gap"} & {finding.code for finding in report.findings}
    frame = local_frame(outline())
    walls = to_metres(outline(), frame)
    low = [p for p in mission.waypoints() if p.alt_m < TOP_M]
    line = LineString([frame.enu_from_geo(p.lat_deg, p.lon_deg, 0.0)[:2] for p in low])
    assert walls.distance(line) == pytest.approx(15.0, abs=0.3)


def test_the_ring_is_flown_with_the_building_on_the_right() -> None:
    mission = plan_structure(outline(), CAMERA, structure_m=10.0, home=HOME, parts=["facade"])
    places = np.array([FRAME.enu_from_geo(p.lat_deg, p.lon_deg, 33.0)[:2] for p in mission.waypoints()])
    twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(places[:7] - places[0]))
    assert twice_area < 0.0
    assert {step.yaw_deg for step in mission.steps if isinstance(step, PointCamera)} == {90.0}
    assert np.linalg.norm(places[0]) == pytest.approx(np.linalg.norm(places, axis=1).min(), abs=0.01)


def test_the_bands_hold_the_wall_and_the_lowest_is_looked_down_at() -> None:
    found = rings(0.0, 30.0, 8.0, CAMERA, 15.0, 0.3)
    half = 15.0 * 256.0 / 560.0
    assert len(found) == math.ceil(30.0 / (2 * half * 0.7))
    assert found[0].height_m == 8.0 and found[0].pitch_deg < -5.0
    assert all(ring.height_m == ring.middle_m and ring.pitch_deg == 0.0 for ring in found[1:])
    assert found[0].middle_m - half < 0.0 and found[-1].middle_m + half > 30.0


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"distance_m": 3.0}, "distance 3"), ({"overlap": 0.95}, "overlap"), ({"structure_m": None}, "how high"),
     ({"parts": ["cellar"]}, "cellar"), ({"structure_m": 1.0}, "height of the structure 1")],
)  # fmt: skip
def test_senseless_scans_are_refused(facts: dict[str, object], word: str) -> None:
    with pytest.raises(StructureError, match=word):
        plan_structure(outline(), CAMERA, **{"structure_m": 10.0, **facts})  # type: ignore[arg-type]


def test_a_bolted_camera_sees_roofs_only() -> None:
    with pytest.raises(StructureError, match="bolted"):
        plan_structure(outline(), FIXED, structure_m=10.0)
    assert plan_structure(outline(), FIXED, structure_m=10.0, parts=["roof"]).waypoints()


def test_an_outline_around_nothing_is_refused() -> None:
    flat = TerrainGrid(np.full((400, 400), 33.0, np.float32), "EPSG:25832", city().x0_m, city().y0_m, 1.0, 1.0)
    with pytest.raises(StructureError, match="say how high"):
        plan_structure(outline(), CAMERA, home=HOME, terrain=flat)
