"""Looking at hotspots again: from which height, in which order, over what stands between."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from missions.checks import check
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, GridProjection, LocalFrame
from missions.geometry.terrain import TerrainGrid
from missions.items import compile_items
from missions.mission import FlyTo, PointCamera
from missions.relook import RelookError, Target, height_of, parse_targets, plan_relook

CAMERA = CameraProfile("boson", 640, 512, 1125.0, 1125.0, 319.5, 255.5)
HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)


def at(east: float, north: float) -> list[float]:
    lat, lon, _ = FRAME.geo_from_enu(np.array([east, north, 0.0]))
    return [float(lon), float(lat)]


def hotspot(east: float, north: float, **facts: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": at(east, north)}, "properties": facts}


def collection(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def test_the_height_shows_what_is_asked_for() -> None:
    # 1 m² is 1 m across: 15 px of 1125 px focal length need 75 m.
    assert height_of(Target("1", 51.4, 6.7, size_m=1.0), CAMERA) == (75.0, "")
    assert height_of(Target("1", 51.4, 6.7, size_m=1.0), CAMERA, pixels=30.0) == (37.5, "")
    assert height_of(Target("1", 51.4, 6.7, height_m=25.0, size_m=1.0), CAMERA) == (25.0, "")
    height, said = height_of(Target("7", 51.4, 6.7, height_m=3.0), CAMERA)
    assert height == 12.0 and "3 m is asked for" in said


def test_a_place_that_is_badly_known_is_looked_at_from_higher_up() -> None:
    height, said = height_of(Target("3", 51.4, 6.7, size_m=0.4, semi_major_m=15.0), CAMERA)
    assert height * 255.5 / 1125.0 >= 15.0 + 4.9
    assert "ellipse of ±15 m" in said and f"{1125 * 0.4 / height:.0f} px" in said


def test_hotspots_as_exported_are_read() -> None:
    text = collection(
        hotspot(10, 20, number=4, area_m2=2.25, ellipse95={"semi_major_m": 1.5}, relook_height_m=None),
        hotspot(30, 20, number=5, relook_height_m=20),
        {"type": "Feature", "geometry": None, "properties": {"reason": "no pose"}},
        hotspot(0, 0, kind="sighting"),
    )
    targets, left_out = parse_targets(text, "h")
    assert [t.name for t in targets] == ["4", "5"]
    assert (targets[0].size_m, targets[0].semi_major_m, targets[1].height_m) == (1.5, 1.5, 20.0)
    assert left_out == ("1 features of h have no place", "1 features of h are no hotspots")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "no JSON"),
        ("[]", "FeatureCollection"),
        (collection(), "no hotspot"),
        (collection({"type": "Feature", "geometry": {"type": "Point", "coordinates": ["x", 1]}}), "feature 1"),
        (collection({"type": "Feature", "geometry": {"type": "Point", "coordinates": [0, 0]}}), "no place to fly to"),
        (collection({"type": "Feature", "geometry": {"type": "Point", "coordinates": [6, 95]}}), "latitude 95"),
    ],
)
def test_what_is_no_hotspot_file_is_refused(text: str, word: str) -> None:
    with pytest.raises(RelookError, match=word):
        parse_targets(text, "h")


def test_a_tour_visits_each_once_and_waits_there() -> None:
    targets, _ = parse_targets(collection(*(hotspot(e, n, area_m2=0.3) for e in (0, 80) for n in (40, 120, 200))))
    tour = plan_relook(targets, CAMERA, home=HOME, hold_s=6.0)
    stops = [step for step in tour.mission.steps if isinstance(step, FlyTo)]
    assert len(stops) == 6 and {step.hold_s for step in stops} == {6.0}
    assert PointCamera(-90.0) in tour.mission.steps
    # Up one side and down the other, which no other order beats.
    assert tour.tour_m == pytest.approx(40 + 160 + 80 + 160 + math.hypot(80, 40), abs=0.5)
    assert [t.name for t in tour.targets] in (list("123654"), list("456321"))


def test_the_way_is_lifted_over_a_hall_and_the_hotspots_keep_their_heights() -> None:
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    heights = np.full((500, 500), 33.0, np.float32)
    heights[:, 290:310] = 73.0  # a wall of 40 m, 40 to 60 m east of home
    terrain = TerrainGrid(heights, "EPSG:25832", float(x) - 250.0, float(y) + 250.0, 1.0, 1.0)
    targets, _ = parse_targets(collection(hotspot(15, 0, relook_height_m=20), hotspot(100, 0, relook_height_m=25)))
    tour = plan_relook(targets, CAMERA, home=HOME, terrain=terrain)
    stops = [step for step in tour.mission.steps if isinstance(step, FlyTo)]
    held = [step.point.alt_m for step in stops if step.hold_s > 0.0]
    assert sorted(held) == pytest.approx([20.0, 25.0], abs=1.5)
    report = check(compile_items(tour.mission), terrain=terrain)
    assert report.checked is not None
    assert not {"hits_ground", "low_clearance"} & {finding.code for finding in report.findings}


def test_nothing_to_look_at_and_senseless_pixels_are_refused() -> None:
    with pytest.raises(RelookError, match="nothing to look at"):
        plan_relook([], CAMERA)
    with pytest.raises(RelookError, match="0 pixels"):
        plan_relook([Target("1", 51.4, 6.7)], CAMERA, pixels=0.0)
