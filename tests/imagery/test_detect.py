"""The detector: what is fire, how far it reaches, and what is not fire."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagery.background import background
from imagery.detect import KELVIN, Detections, detect, detect_blind, detect_kelvin, grey_of, picture_area
from imagery.frame import FrameKind
from imagery.readers.decode import stretched
from tests.imagery.scenes import disc, frame_of, ground_k


def test_warm_ground_holds_nothing() -> None:
    found, mask = detect_kelvin(ground_k(structure_k=6.0))
    assert len(found) == 0
    assert not mask.any()


@pytest.mark.parametrize("radius", [1, 3, 8, 40, 120])
def test_a_fire_of_any_size_is_one_detection_of_its_size(radius: int) -> None:
    image = disc(ground_k(), 300, 200, radius, 600.0)
    found, mask = detect_kelvin(image)
    assert len(found) == 1
    assert found.u[0] == pytest.approx(300.0, abs=0.2)
    assert found.v[0] == pytest.approx(200.0, abs=0.2)
    true_area = int((image > 500.0).sum())
    assert found.area_px[0] == true_area == np.count_nonzero(mask)
    assert found.peak[0] == pytest.approx(600.0)
    assert found.bbox[0].tolist() == [300 - radius, 200 - radius, 2 * radius + 1, 2 * radius + 1]


def test_a_large_fire_does_not_hide_a_weak_one_beside_it() -> None:
    """What the second round is for: the hot neighbour must not lift the background."""
    image = disc(disc(ground_k(), 300, 200, 40, 800.0), 352, 200, 3, 345.0)
    found, _ = detect_kelvin(image)
    assert sorted(round(float(u)) for u in found.u) == [300, 352]


def test_the_background_under_a_fire_is_that_of_its_surroundings() -> None:
    around = background(disc(ground_k(structure_k=0.5), 300, 200, 30, 800.0), 6.0, floor=423.0)
    assert around.mean[200, 300] == pytest.approx(293.0, abs=2.0)
    assert around.deviation[200, 300] < 1.0


def test_the_extent_does_not_shrink_with_the_peak() -> None:
    areas = []
    for core_k in (450.0, 900.0):
        image = disc(disc(ground_k(), 300, 200, 12, 390.0), 300, 200, 3, core_k)
        areas.append(int(detect_kelvin(image)[0].area_px[0]))
    assert areas[0] == areas[1]


def test_two_warm_pixels_are_no_fire_but_two_glowing_ones_are() -> None:
    image = ground_k()
    image[100, 100:102] = 320.0
    assert len(detect_kelvin(image)[0]) == 0
    image[100, 100:102] = 340.0
    assert len(detect_kelvin(image)[0]) == 1


def test_small_and_clipped_temperatures_are_lower_bounds() -> None:
    small = detect_kelvin(disc(ground_k(), 50, 50, 1, 600.0))[0]
    noisy = disc(ground_k(), 50, 50, 6, 0.0)
    noisy[noisy < 1.0] = np.random.default_rng(2).normal(600.0, 2.0, int((noisy < 1.0).sum()))
    whole = detect_kelvin(noisy)[0]
    clipped = detect_kelvin(np.minimum(noisy, np.float32(599.0)))[0]
    counts = (noisy / 0.02).astype(np.uint16)
    told = detect(frame_of(counts, FrameKind.COUNTS, kelvin_per_count=0.02, saturated_count=29_800))[0]
    assert small.lower_bound.tolist() == [True]
    assert whole.lower_bound.tolist() == [False]
    assert clipped.saturated.tolist() == [True]
    assert told.saturated.tolist() == [True]


def test_a_fire_at_the_border_says_that_it_is_cut() -> None:
    found, _ = detect_kelvin(disc(disc(ground_k(), 0, 200, 9, 600.0), 300, 200, 9, 600.0))
    assert dict(zip(found.u > 100, found.edge, strict=True)) == {False: True, True: False}


def test_pixels_without_a_value_are_no_fire() -> None:
    image = disc(ground_k(), 300, 200, 5, 600.0)
    image[400:440, :] = np.nan
    assert len(detect_kelvin(image)[0]) == 1


def test_ground_under_a_cold_sky_is_not_hot() -> None:
    image = ground_k()
    image[:330] = 233.0 + np.random.default_rng(3).normal(0.0, 0.3, (330, 640)).astype(np.float32)
    assert len(detect_kelvin(image)[0]) == 0


def test_an_odd_size_is_no_matter() -> None:
    image = disc(ground_k()[:509, :637].copy(), 630, 500, 4, 600.0)
    assert detect_kelvin(image)[0].u[0] == pytest.approx(630.0, abs=0.3)


@settings(max_examples=15, deadline=None)
@given(st.integers(12, 620), st.integers(12, 500), st.integers(2, 11), st.floats(430.0, 1200.0))
def test_a_fire_is_found_wherever_it_is(u: int, v: int, radius: int, kelvin: float) -> None:
    found, _ = detect_kelvin(disc(ground_k(), u, v, radius, kelvin))
    assert len(found) == 1
    assert abs(found.u[0] - u) < 0.5 and abs(found.v[0] - v) < 0.5


@pytest.mark.parametrize("task", ["embers", "person"])
def test_weak_kinds_are_found_by_their_task_only(task: str) -> None:
    image = disc(ground_k(structure_k=0.5), 300, 200, 4, 306.0)
    assert len(detect_kelvin(image)[0]) == 0
    found, _ = detect(frame_of(image), task)
    assert len(found) == 1 and found.kind != "fire"


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'smoke'.*fire, embers, person"):
        detect(frame_of(ground_k()), "smoke")


def test_nothing_is_a_first_class_value() -> None:
    nothing = Detections.empty()
    assert len(nothing) == 0 and list(nothing) == [] and nothing.contrast.shape == (0,)
    assert nothing.take(np.zeros(0, np.int64)).bbox.shape == (0, 4)


# --- blind -----------------------------------------------------------------------------------------------------------
def test_blind_finds_a_fire_and_says_no_temperature() -> None:
    found, mask = detect_blind(stretched(disc(ground_k(), 300, 200, 6, 600.0)))
    assert len(found) == 1 and not found.radiometric
    assert np.count_nonzero(mask) == found.area_px[0]


def test_blind_is_not_impressed_by_a_stretched_scene_without_fire() -> None:
    assert len(detect_blind(stretched(ground_k(structure_k=4.0)))[0]) == 0


def test_blind_looks_inside_a_black_border() -> None:
    picture = stretched(disc(ground_k(), 300, 200, 6, 600.0))
    framed = np.zeros((560, 760), np.uint8)
    framed[20:532, 60:700] = np.maximum(picture, 12)
    framed[559] = 180  # the line of rubbish at the end of a grabbed frame
    rows, columns = picture_area(framed)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (23, 529, 63, 697)
    found, mask = detect_blind(framed)
    assert len(found) == 1
    assert found.u[0] == pytest.approx(360.0, abs=0.2) and found.v[0] == pytest.approx(220.0, abs=0.2)
    assert mask.shape == framed.shape and mask[220, 360] == 255


@pytest.mark.parametrize("level", [0, 255])
def test_blind_survives_an_empty_picture(level: int) -> None:
    assert len(detect_blind(np.full((480, 640), level, np.uint8))[0]) == 0


# --- real captures ---------------------------------------------------------------------------------------------------
def _truth(celsius: NDArray[np.float32]) -> tuple[NDArray[np.int32], list[int]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats((celsius > 100.0).astype(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), [label for label in range(1, count) if stats[label, 4] >= 4]


def _celsius(testdata: Path) -> list[NDArray[np.float32]]:
    files = sorted((testdata / "flame3").glob("*.TIFF"))
    assert len(files) == 4
    return [np.asarray(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), np.float32) for file in files]


def test_flame3_every_fire_is_found_at_its_extent(testdata: Path) -> None:
    hit = total = both = either = 0
    for celsius in _celsius(testdata):
        mask = detect_kelvin(celsius + np.float32(KELVIN))[1] > 0
        labels, fires = _truth(celsius)
        hit, total = hit + sum(bool(mask[labels == fire].any()) for fire in fires), total + len(fires)
        true = np.isin(labels, fires)
        both, either = both + np.count_nonzero(mask & true), either + np.count_nonzero(mask | true)
    assert hit == total == 38
    assert both / either >= 0.95


def test_flame3_blind_finds_most(testdata: Path) -> None:
    hit = total = 0
    for celsius in _celsius(testdata):
        mask = detect_blind(stretched(celsius))[1] > 0
        labels, fires = _truth(celsius)
        hit, total = hit + sum(bool(mask[labels == fire].any()) for fire in fires), total + len(fires)
    assert hit / total >= 0.8


def test_dji_pictures_without_fire_hold_none(testdata: Path) -> None:
    files = sorted((testdata / "dji-rjpeg").glob("*.npz"))
    assert len(files) == 5
    blind = 0
    for file in files:
        kelvin = (np.load(file)["tempC_x100"] / 100.0 + KELVIN).astype(np.float32)
        assert len(detect_kelvin(kelvin)[0]) == 0, file.name
        blind += len(detect_blind(stretched(kelvin))[0])
    assert blind <= len(files)


def test_aos_logo_and_border_do_not_fire(testdata: Path) -> None:
    folder = testdata / "aos-open-field"
    with (folder / "person_pixels.csv").open() as file:
        person = {row["frame"]: (float(row["u"]), float(row["v"])) for row in csv.DictReader(file)}
    elsewhere = 0
    for path in sorted((folder / "images").glob("*.png"))[::3]:
        found, _ = detect_blind(grey_of(np.asarray(cv2.imread(str(path)), np.uint8)))
        at = person.get(path.name, (-100.0, -100.0))
        elsewhere += sum(bool(np.hypot(found.u[i] - at[0], found.v[i] - at[1]) > 25.0) for i in found)
    assert elsewhere <= 5
