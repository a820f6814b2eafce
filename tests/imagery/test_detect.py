"""The detector: what is fire, how far it reaches, and what is not fire."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
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
from imagery.regions import HotPixels, labels_of
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
    assert around.mean[25, 37] == pytest.approx(293.0, abs=2.0)
    assert around.deviation[25, 37] < 1.0


def test_the_extent_does_not_shrink_with_the_peak() -> None:
    areas = []
    for core_k in (450.0, 900.0):
        image = disc(disc(ground_k(), 300, 200, 12, 390.0), 300, 200, 3, core_k)
        areas.append(int(detect_kelvin(image)[0].area_px[0]))
    assert areas[0] == areas[1]


@pytest.mark.parametrize(("ash_k", "peak_k", "found"), [(360.0, 380.0, 1), (320.0, 380.0, 2), (360.0, 600.0, 2)])
def test_specks_of_one_smouldering_patch_are_one_and_what_cold_ground_parts_is_two(
    ash_k: float, peak_k: float, found: int
) -> None:
    """Two specks above 100 °C in one patch of peat, in warm ash; and two fires that warm the ground between."""
    image = disc(ground_k(), 300, 200, 14, ash_k)
    for u in (292, 308):
        image = disc(image, u, 200, 3, peak_k)
    detections, mask = detect_kelvin(image)
    assert len(detections) == found
    assert np.count_nonzero(mask) == int((image > 373.15).sum())


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


@dataclass
class _Tally:
    """Fires hit, of how many; regions of the mask on a fire, of how many; pixels in both and in either."""

    hit: int = 0
    fires: int = 0
    right: int = 0
    regions: int = 0
    both: int = 0
    either: int = 0

    def add(self, celsius: NDArray[np.float32], mask: NDArray[np.uint8]) -> None:
        labels, fires = _truth(celsius)
        hot, true = mask > 0, np.isin(labels, fires)
        count, found = cv2.connectedComponents(mask, connectivity=8)
        self.hit += sum(bool(hot[labels == fire].any()) for fire in fires)
        self.fires += len(fires)
        self.right += len(set(np.unique(found[true]).tolist()) - {0})
        self.regions += count - 1
        self.both += np.count_nonzero(hot & true)
        self.either += np.count_nonzero(hot | true)


def _celsius(testdata: Path) -> list[NDArray[np.float32]]:
    files = sorted((testdata / "flame3").glob("*.TIFF"))
    assert len(files) == 4
    return [np.asarray(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), np.float32) for file in files]


def _variants(celsius: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Turned, noisier, and cut so that sky and half of the fire are gone: what nothing was chosen on."""
    noise = np.random.default_rng(4).normal(0.0, 0.7, celsius.shape).astype(np.float32)
    cut = celsius[120:416, 40:560]
    return [celsius, np.ascontiguousarray(celsius[::-1].T), celsius + noise, np.ascontiguousarray(cut[:, ::-1])]


def test_flame3_every_fire_is_found_at_its_extent(testdata: Path) -> None:
    tally = _Tally()
    for celsius in _celsius(testdata):
        for variant in _variants(celsius):
            tally.add(variant, detect_kelvin(variant + np.float32(KELVIN))[1])
    assert tally.hit == tally.fires > 100
    assert tally.both / tally.either >= 0.95


def test_flame3_blind_finds_the_fires_and_little_else(testdata: Path) -> None:
    tally = _Tally()
    for celsius in _celsius(testdata):
        for variant in _variants(celsius):
            tally.add(variant, detect_blind(stretched(variant))[1])
    assert tally.hit / tally.fires >= 0.97
    assert tally.right / tally.regions >= 0.85
    assert tally.both / tally.either >= 0.75


def _without_fire(testdata: Path) -> list[NDArray[np.float32]]:
    files = sorted((testdata / "dji-rjpeg").glob("*.npz"))
    assert len(files) == 5
    return [(np.load(file)["tempC_x100"] / 100.0).astype(np.float32) for file in files]


def test_dji_pictures_without_fire_hold_none(testdata: Path) -> None:
    for celsius in _without_fire(testdata):
        for variant in (celsius, celsius[:, ::-1], celsius[100:420, 100:500]):
            assert len(detect_kelvin(np.ascontiguousarray(variant) + np.float32(KELVIN))[0]) == 0
            assert len(detect_blind(stretched(variant))[0]) == 0


def test_aos_person_is_found_logo_and_grass_are_no_fire(testdata: Path) -> None:
    folder = testdata / "aos-open-field"
    with (folder / "person_pixels.csv").open() as file:
        person = {row["frame"]: (float(row["u"]), float(row["v"])) for row in csv.DictReader(file)}
    fires = seen = 0
    for name, (u, v) in list(person.items())[::3]:
        grey = grey_of(np.asarray(cv2.imread(str(folder / "images" / name)), np.uint8))
        fires += len(detect_blind(grey)[0])
        found, _ = detect_blind(grey, "person")
        seen += bool((np.hypot(found.u - u, found.v - v) < 15.0).any())
    assert fires == 0
    assert seen == 9


# --- embers: physically mixed into one pixel and blurred by the lens -------------------------------------------------
def _radiance(kelvin: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / np.expm1(14_387.8 / 10.5 / kelvin))


def _ember(image: NDArray[np.float32], u: float, v: float, share: float, kelvin: float) -> float:
    """Mix an ember that covers a share of a pixel into the picture (in place); its apparent contrast, K."""
    x, y = round(u), round(v)
    near = image[y - 3 : y + 4, x - 3 : x + 4]
    before = near.astype(np.float64)
    along = [
        [0.5 * (math.erf((i + 0.5 - off) / 0.85) - math.erf((i - 0.5 - off) / 0.85)) for i in range(-3, 4)]
        for off in (v - y, u - x)
    ]
    part = share * np.outer(*along)
    mixed = (1.0 - part) * _radiance(before) + part * _radiance(np.array(kelvin))
    near[:] = 14_387.8 / 10.5 / np.log1p(1.0 / mixed)
    return float(near.max() - np.median(before))


def test_embers_are_found_by_three_looks_and_little_else() -> None:
    """8 K and six sigmas of what is around them, on even, noisy and uneven ground; two of three looks."""
    generator = np.random.default_rng(3)
    hits, false = [], []
    for noise_k, structure_k in ((0.06, 0.3), (0.06, 3.0), (1.0, 1.0), (0.06, 6.0)):
        spots = [(u, v) for u in range(40, 620, 90) for v in range(40, 490, 80)]
        shares, heats = 10 ** generator.uniform(-1.7, 0.0, len(spots)), generator.uniform(673.0, 973.0, len(spots))
        looks = np.zeros((3, len(spots)), bool)
        for look in looks:
            image = ground_k(5, noise_k=0.0, structure_k=structure_k)
            contrast = np.zeros(len(spots))
            for i, (u, v) in enumerate(spots):
                at = (u + generator.uniform(-0.5, 0.5), v + generator.uniform(-0.5, 0.5))
                contrast[i] = _ember(image, *at, shares[i], heats[i])
            image += generator.normal(0.0, noise_k, image.shape).astype(np.float32)
            found, _ = detect(frame_of(image), "embers")
            middles = np.array(spots, np.float64).T
            apart = np.hypot(np.subtract.outer(found.u, middles[0]), np.subtract.outer(found.v, middles[1]))
            look[:] = (apart < 3.5).any(axis=0)
            false.append(int((apart > 5.0).all(axis=1).sum()))
        asked = contrast >= max(8.0, 6.0 * noise_k)
        hits += looks[:, asked].sum(axis=0).tolist()
    assert len(hits) > 120
    assert np.mean(np.array(hits) >= 2) >= 0.95
    assert np.mean(false) <= 2.0


def test_the_edge_of_a_warm_roof_is_no_ember_but_a_glowing_spot_on_it_is() -> None:
    image = ground_k(structure_k=0.3)
    image[100:300, 100:104] += 12.0
    image[200:260, 300:380] += 12.0
    assert len(detect(frame_of(image), "embers")[0]) == 0
    _ember(image, 340.2, 230.1, 0.2, 800.0)
    found, _ = detect(frame_of(image), "embers")
    assert [round(float(u)) for u in found.u] == [340]


# --- what is measured ------------------------------------------------------------------------------------------------
def test_power_is_what_a_black_body_sends_more_than_its_surroundings() -> None:
    image = np.full((512, 640), 293.0, np.float32)
    found, _ = detect_kelvin(disc(image, 300, 200, 6, 800.0))
    expected = 5.670374e-8 * (800.0**4 - 293.0**4) * found.area_px[0]
    assert found.power_w_m2[0] == pytest.approx(expected, rel=1e-4)
    assert detect_blind(stretched(image))[0].power_w_m2.tolist() == [0.0]


def test_the_centroid_is_where_the_radiance_comes_from() -> None:
    image = np.full((512, 640), 293.0, np.float32)
    image[200:204, 300:302], image[200:204, 302:304] = 900.0, 450.0
    found, _ = detect_kelvin(image)
    hot, warm, ground = (1.0 / np.expm1(14_387.8 / 10.5 / kelvin) for kelvin in (900.0, 450.0, 293.0))
    expected = (300.5 * (hot - ground) + 302.5 * (warm - ground)) / (hot + warm - 2 * ground)
    assert found.u[0] == pytest.approx(expected, abs=1e-3)
    assert found.v[0] == pytest.approx(201.5, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.4))
def test_regions_are_those_of_the_whole_frame(seed: int, share: float) -> None:
    """Labelled group by group or at once, it is what labelling the frame gives."""
    mask = np.random.default_rng(seed).random((64, 80)) < share
    ys, xs = np.nonzero(mask)
    values = np.ones(len(ys))
    count, labels = labels_of(HotPixels(ys, xs, values, values), (64, 80))
    expected_count, expected = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    assert count == expected_count - 1
    assert len(set(zip(labels.tolist(), expected[ys, xs].tolist(), strict=True))) == count


def test_counts_and_kelvin_give_the_same() -> None:
    image = disc(disc(ground_k(), 300, 200, 8, 600.0), 100, 400, 2, 360.0)
    counts = np.round(image / 0.02).astype(np.uint16)
    by_counts, mask = detect(frame_of(counts, FrameKind.COUNTS, kelvin_per_count=0.02))
    by_kelvin, same = detect_kelvin((counts * np.float32(0.02)).astype(np.float32))
    assert np.array_equal(mask, same)
    assert by_counts.u == pytest.approx(by_kelvin.u, abs=1e-4) and by_counts.peak == pytest.approx(by_kelvin.peak)
