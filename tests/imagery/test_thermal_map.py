"""The thermal map: a cell holds what the frame shows of it, a wall hides the yard behind, grey never becomes °C."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.frame import FrameKind
from imagery.georeference import Place, View
from imagery.map_grid import CELL_M, TILE, MapGrid, crs_at
from imagery.thermal_map import LAYERS, Mosaic, ThermalMap
from missions.geometry.geo import Datum, GeoPoint, GridProjection
from missions.geometry.terrain import Ground, TerrainGrid
from tests.imagery.scenes import FLAT, HOME, LOCAL, PROFILE, disc, frame_of, ground_k, pose, sharp

LENS = sharp(replace(PROFILE, k1=-0.12, k2=0.03, p1=0.0005, p2=-0.0003))


def block(height_m: float = 12.0, *, cell_m: float = 0.5, half_m: float = 150.0) -> TerrainGrid:
    """Flat ground with one hall, 20 × 20 m, its west wall at 30 m east of the origin."""
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    steps = np.arange(-half_m, half_m + 1e-9, cell_m)
    east, north = np.meshgrid(steps, -steps)
    heights = np.full(east.shape, HOME.alt_m, np.float32)
    heights[(np.abs(east - 40.0) <= 10.0) & (np.abs(north) <= 10.0)] += height_m
    return TerrainGrid(heights, "EPSG:25832", float(x) - half_m, float(y) + half_m, cell_m, cell_m, Datum.SEA_LEVEL)


def mapped(*views: View, image: np.ndarray | None = None, kind: FrameKind = FrameKind.KELVIN) -> ThermalMap:
    made = ThermalMap.over(views[0], radiometric=kind is not FrameKind.AGC8, epoch_s=0.0)
    for at, view in enumerate(views):
        made.add(frame_of(ground_k() if image is None else image, kind), view, float(at))
    return made


def en_of(made: ThermalMap, mosaic: Mosaic, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(N, 3) east, north, up by PROJ alone of cells of a mosaic."""
    x = mosaic.x0_m + (columns + 0.5) * mosaic.cell_m
    y = mosaic.y0_m - (rows + 0.5) * mosaic.cell_m
    lat, lon = GridProjection(mosaic.crs).geo_from_xy(x, y)
    return made.grid.frame.enu_from_geo(lat, lon, made.grid.ground.height_at(lat, lon))


@settings(max_examples=12, deadline=None)
@given(
    st.floats(-40, 40), st.floats(-40, 40), st.floats(35, 110), st.floats(-90, -50), st.floats(-180, 180),
    st.booleans(),
)  # fmt: skip
def test_every_cell_shows_what_its_pixel_shows(
    east: float, north: float, height: float, pitch: float, yaw: float, hall: bool
) -> None:
    """The picture is its own coordinates: what a cell holds must be the pixel that the exact projection gives it."""
    ground: Ground = block() if hall else FLAT
    view = View(pose(east, north, height, pitch_deg=pitch, yaw_deg=yaw), LENS, ground, LOCAL)
    u, v = np.meshgrid(np.arange(640.0, dtype=np.float32), np.arange(512.0, dtype=np.float32))
    for axis, coordinates in ((0, u), (1, v)):
        made = mapped(view, image=(coordinates + 300.0).astype(np.float32))
        mosaic = made.mosaic("latest", now_s=0.0)
        assert mosaic is not None
        rows, columns = np.nonzero(np.isfinite(mosaic.values))
        assert len(rows) > 5_000
        pick = np.random.default_rng(3).integers(0, len(rows), 400)
        rows, columns = rows[pick], columns[pick]
        expected = view.pixel_of(en_of(made, mosaic, rows, columns))[:, axis]
        got = mosaic.values[rows, columns] + 273.15 - 300.0
        off = np.abs(got - expected)
        assert np.percentile(off, 90) < 0.12  # 1/32 px steps of interpolation, twice
        assert np.percentile(off, 99) < 0.5 or hall  # a wall is as steep as the cells of its heights


def test_a_hot_place_is_mapped_where_it_is_placed() -> None:
    view = View(pose(10.0, -5.0, 80.0, pitch_deg=-65.0, yaw_deg=120.0), LENS, FLAT, LOCAL)
    made = mapped(view, image=disc(ground_k(), 200, 300, 5, 700.0))
    place = view.place(200.0, 300.0)
    mosaic = made.mosaic("hottest", now_s=0.0)
    assert isinstance(place, Place) and mosaic is not None
    rows, columns = np.nonzero(mosaic.values > 300.0)
    middle = en_of(made, mosaic, rows, columns)[:, :2].mean(axis=0)
    assert float(np.hypot(*(middle - place.enu[:2]))) < 0.15
    assert np.nanmax(mosaic.values) == pytest.approx(700.0 - 273.15, abs=0.05)


def test_a_wall_hides_the_yard_behind_it_and_the_same_look_without_it_does_not() -> None:
    """From 40 m in the west at 40 m height the hall of 12 m throws a shadow of 60·12/28 … m: computed by hand."""
    for height, hidden in ((12.0, True), (0.2, False)):
        view = View(pose(-10.0, 0.0, 40.0, pitch_deg=-35.0, yaw_deg=90.0), LENS, block(height), LOCAL)
        made = mapped(view)
        mosaic = made.mosaic("latest", now_s=0.0)
        assert mosaic is not None
        seen = np.isfinite(mosaic.values)
        seen = seen[::3, ::3]
        rows, columns = np.mgrid[0 : seen.shape[0], 0 : seen.shape[1]] * 3
        en = en_of(made, mosaic, rows.ravel(), columns.ravel()).reshape(*seen.shape, 3)
        # The far edge of the roof is 60 m away, 28 m below: its line meets the yard 60 · 40 / 28 = 85.7 m away.
        shadow = (en[..., 0] > 51.5) & (en[..., 0] < 73.5) & (np.abs(en[..., 1]) < 6.0)
        before = (en[..., 0] > 22.0) & (en[..., 0] < 28.0) & (np.abs(en[..., 1]) < 6.0)
        beyond = (en[..., 0] > 78.0) & (en[..., 0] < 85.0) & (np.abs(en[..., 1]) < 6.0)
        roof = (en[..., 0] > 32.0) & (en[..., 0] < 48.0) & (np.abs(en[..., 1]) < 6.0)
        assert seen[before].mean() > 0.99 and seen[beyond].mean() > 0.99 and seen[roof].mean() > 0.99
        assert seen[shadow].mean() < 0.02 if hidden else seen[shadow].mean() > 0.99


def test_latest_hottest_mean_and_age_of_three_looks() -> None:
    views = [View(pose(0.0, 0.0, 60.0), LENS, FLAT, LOCAL) for _ in range(3)]
    made = ThermalMap.over(views[0], radiometric=True, epoch_s=1_000.0)
    for time_s, kelvin in ((1_000.0, 300.0), (1_020.0, 390.0), (1_010.0, 330.0)):  # the last one comes late
        made.add(frame_of(np.full((512, 640), kelvin, np.float32)), views[0], time_s)
    told = {name: made.mosaic(name, now_s=1_050.0) for name in LAYERS}
    values = {name: float(np.nanmedian(m.values)) for name, m in told.items() if m is not None}
    assert values["latest"] == pytest.approx(116.85, abs=0.04)
    assert values["hottest"] == pytest.approx(116.85, abs=0.04)
    assert values["mean"] == pytest.approx(66.85, abs=0.05)
    assert values["age"] == pytest.approx(30.0, abs=1e-3)
    assert {m.unit for m in told.values() if m is not None} == {"°C", "s"}
    tile = next(iter(made.tiles.values()))
    assert np.nanmax(tile.hot_s) == 20.0 and tile.looks.max() == 3


def test_grey_levels_have_no_degrees_and_the_two_kinds_never_meet() -> None:
    view = View(pose(0.0, 0.0, 60.0), LENS, FLAT, LOCAL)
    made = mapped(view, image=np.full((512, 640), 77, np.uint8), kind=FrameKind.AGC8)
    mosaic = made.mosaic("latest", now_s=0.0)
    assert mosaic is not None and mosaic.unit == "grey"
    assert float(np.nanmedian(mosaic.values)) == pytest.approx(77.0, abs=0.01)
    with pytest.raises(ValueError, match="no grey levels"):
        made.add(frame_of(ground_k()), view, 1.0)
    with pytest.raises(ValueError, match="no temperatures"):
        mapped(view).add(frame_of(np.full((512, 640), 77, np.uint8), FrameKind.AGC8), view, 1.0)
    assert made.frames == 1


def test_parts_merged_in_order_are_the_whole() -> None:
    views = [View(pose(8.0 * at, 3.0 * at, 60.0, yaw_deg=20.0 * at), LENS, FLAT, LOCAL) for at in range(6)]
    images = [ground_k(at, mean_k=290.0 + at) for at in range(6)]
    whole = ThermalMap.over(views[0], radiometric=True, epoch_s=0.0)
    parts = [ThermalMap.over(views[0], radiometric=True, epoch_s=0.0) for _ in range(2)]
    for at, (view, image) in enumerate(zip(views, images, strict=True)):
        whole.add(frame_of(image), view, float(at))
        parts[at // 3].add(frame_of(image), view, float(at))
    parts[0].merge(parts[1])
    for name in ("latest", "hottest", "age"):
        a, b = whole.mosaic(name, now_s=9.0), parts[0].mosaic(name, now_s=9.0)
        assert a is not None and b is not None and np.array_equal(a.values, b.values, equal_nan=True)
    a, b = whole.mosaic("mean", now_s=9.0), parts[0].mosaic("mean", now_s=9.0)
    assert a is not None and b is not None and float(np.nanmax(np.abs(a.values - b.values))) < 1e-3
    assert whole.frames == parts[0].frames == 6


def test_the_cells_are_those_of_the_projection() -> None:
    assert crs_at(HOME) == "EPSG:25832"
    assert crs_at(GeoPoint(-31.9, 115.8, 0.0, Datum.SEA_LEVEL)) == "EPSG:32750"
    grid = MapGrid(block(), LOCAL)
    x, y = GridProjection("EPSG:25832").xy_from_geo(HOME.lat_deg, HOME.lon_deg)
    key = (math.floor(float(x) / grid.side_m), math.floor(float(y) / grid.side_m))
    place = grid.place(key)
    worst = 0.0
    for row, column in ((0, 0), (0, TILE - 1), (TILE - 1, 0), (TILE - 1, TILE - 1), (TILE // 2, TILE // 2)):
        cx = key[0] * grid.side_m + (column + 0.5) * CELL_M
        cy = (key[1] + 1) * grid.side_m - (row + 0.5) * CELL_M
        lat, lon = GridProjection("EPSG:25832").geo_from_xy(cx, cy)
        height = float(grid.ground.height_at(lat, lon))
        e = place.east[0] + place.east[1] * column + place.east[2] * row
        n = place.north[0] + place.north[1] * column + place.north[2] * row
        exact = LOCAL.enu_from_geo(lat, lon, height)
        if math.isfinite(height):
            worst = max(worst, float(np.abs(exact - (e, n, place.up[row, column])).max()))
    assert worst < 0.01


def test_a_picture_of_another_size_than_its_profile_is_no_reason_to_read_outside_of_it() -> None:
    view = View(pose(0.0, 0.0, 60.0), LENS, FLAT, LOCAL)
    small = cv2.resize(ground_k(), (320, 256))
    with pytest.raises(ValueError, match="320×256"):
        mapped(view, image=small)


def test_sky_maps_nothing() -> None:
    view = View(pose(0.0, 0.0, 60.0, pitch_deg=40.0), LENS, FLAT, LOCAL)
    made = mapped(view)
    assert not made.tiles and made.mosaic("latest", now_s=0.0) is None
