"""Rows that cannot be are strays; a climb, a turn, a jump to the next field are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.pose_strays import strays
from imagery.poses_file import parse_poses
from missions.geometry.geo import GeoPoint
from missions.geometry.pose import Pose
from tests.imagery.scenes import HOME, LOCAL, pose


def flight(east: object, north: object, up: object) -> list[Pose]:
    rows = np.column_stack(np.broadcast_arrays(east, north, up)).astype(float)
    return [replace(pose(0.0, 0.0, 80.0), position=LOCAL.point_at(row)) for row in rows]


N = np.arange(60)
WAYS = {
    "line": flight(10.0 * N, 0.0 * N, 80.0),
    "climb": flight(0.0 * N, 0.0 * N, 5.0 * N),
    "turn": flight(np.where(N < 30, 10.0 * N, 600.0 - 10.0 * N), np.where(N < 30, 0.0, 40.0), 80.0),
    "next field": flight(np.where(N < 30, 10.0 * N, 3_000.0 + 10.0 * N), 5.0 * (N % 3), np.where(N < 30, 60.0, 110.0)),
    "hover": flight(0.3 * np.sin(N), 0.3 * np.cos(N), 80.0 + 0.5 * np.sin(3 * N)),
    "gnss noise": flight(*np.random.default_rng(1).normal(0.0, 3.0, (2, 60)), 80.0),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_a_flight_has_no_strays(way: str) -> None:
    assert strays(WAYS[way]) == {}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["line", "hover", "turn"]), st.sets(st.integers(0, 59), min_size=1, max_size=5))
def test_heights_of_zero_are_strays_wherever_they_stand(way: str, at: set[int]) -> None:
    rows = list(WAYS[way])
    for n in at:
        rows[n] = replace(rows[n], position=replace(rows[n].position, alt_m=0.0))
    assert set(strays(rows)) == at and all("height is" in why for why in strays(rows).values())


def test_a_place_elsewhere_is_a_stray_and_few_rows_are_not_judged() -> None:
    rows = list(WAYS["line"])
    far = GeoPoint(0.0, 0.0, rows[9].position.alt_m, HOME.datum)
    rows[9] = replace(rows[9], position=far)
    assert list(strays(rows)) == [9] and "off its neighbours" in strays(rows)[9]
    assert strays(rows[7:12]) == {}


def test_a_table_names_its_strays_and_finds_them_by_any_spelling() -> None:
    head = "frame,lat,lon,alt_m,datum,qw,qx,qy,qz"
    rows = [f"{n}.png,{51.45 + n * 1e-5},6.75,{0 if n == 4 else 110},sea_level,1,0,0,0" for n in range(9)]
    table = parse_poses("\n".join([head, *rows]))
    assert list(table.strays) == ["4.png"]
    assert "110 m off" in (table.stray_of("folder/4.PNG") or "") and table.stray_of("5.png") is None
