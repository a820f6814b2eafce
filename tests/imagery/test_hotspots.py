"""The memory of hotspots: one fire, one number, and an ellipse that does not flatter itself."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import numpy as np
import pytest

from imagery.detect import Detections
from imagery.georeference import View
from imagery.hotspots import HotspotMemory, fold, properties
from imagery.observe import FrameObservation
from missions.geometry.pose import NoPose, NoPoseReason, Pose
from tests.imagery.flights import PROFILE as FLOWN
from tests.imagery.flights import fly
from tests.imagery.scenes import FLAT, LOCAL, PROFILE, detections, observation, pose

CENTRE = (319.5, 255.5)
WEAK_K = 375.0


def _view(at: Pose) -> View:
    return View(at, PROFILE, FLAT, LOCAL)


def _fold(memory: HotspotMemory, at: Pose, found: Detections, refusal: str = "") -> HotspotMemory:
    view = _view(at)
    ring = view.footprint()
    assert isinstance(ring, np.ndarray)
    return fold(memory, observation(at, found, refusal=refusal), view, ring)[0]


def _pixel(at: Pose, east: float, north: float) -> tuple[float, float]:
    """Where a ground point appears: by projection, the other way than the code under test goes."""
    view = _view(at)
    apart = np.array([east, north, 0.0]) - view.camera_enu
    u, v = PROFILE.project((view.enu_from_camera.T @ apart)[None])[0]
    return float(u), float(v)


def _with_noise(time_s: float, **more: float) -> Pose:
    noise = np.diag([math.radians(0.3) ** 2] * 3)
    common = np.diag([math.radians(0.7) ** 2] * 2 + [math.radians(2.0) ** 2])
    return pose(
        time_s=time_s,
        attitude_noise_rad2=noise,
        attitude_common_rad2=common,
        position_noise_m2=np.eye(3) * 0.04,
        position_common_m2=np.eye(3) * 1.0,
        **more,
    )


def test_one_look_at_a_strong_fire_is_enough() -> None:
    memory = _fold(HotspotMemory(), _with_noise(0.0), detections(CENTRE, peak_k=500.0))
    assert [h.number for h in memory.confirmed] == [1]


def test_a_weak_one_needs_three_looks_of_five() -> None:
    memory = HotspotMemory()
    confirmed = []
    for step, seen in enumerate((True, False, True, False, True)):
        found = detections(CENTRE, peak_k=WEAK_K) if seen else Detections.empty()
        memory = _fold(memory, _with_noise(step / 9), found)
        confirmed.append(len(memory.confirmed))
    assert confirmed == [0, 0, 0, 0, 1]


def test_a_tank_in_the_sun_is_no_fire_however_often_it_is_seen_but_an_ember_may_be() -> None:
    fire, ember = HotspotMemory(), HotspotMemory()
    warm = detections(CENTRE, peak_k=355.0)
    for step in range(12):
        fire = _fold(fire, _with_noise(step / 9), warm)
        ember = _fold(ember, _with_noise(step / 9), replace(warm, kind="ember"))
    assert len(fire.hotspots) == 1 and fire.confirmed == ()
    assert [h.number for h in ember.confirmed] == [1]


@pytest.mark.parametrize(("side_px", "found"), [(3, 0), (8, 1), (14, 1), (24, 0)])
def test_what_is_not_as_large_as_a_person_is_none(side_px: int, found: int) -> None:
    """At 80 m a pixel is 10.5 cm: 0.1, 0.7, 2.2 and 6.4 m²."""
    seen = replace(detections(CENTRE, peak_k=300.0, area_px=side_px**2, side=side_px), kind="person")
    memory = HotspotMemory()
    for step in range(3):
        memory = _fold(memory, _with_noise(step / 9), seen)
    assert len(memory.confirmed) == found


def test_what_is_in_view_and_not_seen_again_is_forgotten() -> None:
    memory = _fold(HotspotMemory(), _with_noise(0.0), detections(CENTRE, peak_k=WEAK_K))
    for step in range(1, 5):
        memory = _fold(memory, _with_noise(step / 9), Detections.empty())
    assert len(memory.hotspots) == 1
    memory = _fold(memory, _with_noise(1.0), Detections.empty())
    assert memory.hotspots == ()


def test_a_confirmed_one_never_disappears_by_itself() -> None:
    memory = _fold(HotspotMemory(), _with_noise(0.0), detections(CENTRE, peak_k=500.0))
    for step in range(1, 60):
        memory = _fold(memory, _with_noise(step / 9), Detections.empty())
    assert [h.number for h in memory.confirmed] == [1]


def test_refused_frames_and_frames_without_a_pose_age_nothing() -> None:
    memory = _fold(HotspotMemory(), _with_noise(0.0), detections(CENTRE, peak_k=WEAK_K))
    for step in range(1, 20):
        memory = _fold(memory, _with_noise(step / 9), Detections.empty(), refusal="frozen")
    nowhere = NoPose(3.0, NoPoseReason.GAP, "a gap")
    memory, events = fold(memory, FrameObservation(1, "1/100", 1, 3.0, nowhere, detections(CENTRE)), None, None)
    assert len(memory.hotspots) == 1 and memory.hotspots[0].looks == (True,)
    assert events == ()


def test_many_looks_never_look_better_than_the_mount() -> None:
    memory = HotspotMemory()
    first = None
    for step in range(200):
        memory = _fold(memory, _with_noise(step / 9), detections(CENTRE, peak_k=500.0))
        first = first or memory.hotspots[0].ellipse
    last = memory.hotspots[0]
    assert len(memory.hotspots) == 1 and last.sightings == 200
    assert first is not None and last.ellipse.semi_major_m < first.semi_major_m
    assert last.noise_m2[0, 0] < 0.02
    # GNSS 1 m, tilt 0.7° and boresight 0.5° at 80 m: no number of looks takes that away.
    bias = math.sqrt(1.0 + (80.0 * math.radians(math.hypot(0.7, 0.5))) ** 2)
    assert last.ellipse.semi_minor_m > 0.98 * math.sqrt(5.991) * bias


def test_passes_from_all_sides_are_one_hotspot() -> None:
    memory = HotspotMemory()
    for step in range(36):
        heading = 40.0 * step
        at = _with_noise(
            float(step), east=30 * math.sin(heading), north=30 * math.cos(heading), yaw_deg=heading, pitch_deg=-75.0
        )
        u, v = _pixel(at, 3.0, -2.0)
        if 20 < u < 620 and 20 < v < 490:
            memory = _fold(memory, at, detections((u, v), peak_k=500.0))
    assert len(memory.hotspots) == 1 and memory.hotspots[0].sightings > 10
    assert memory.hotspots[0].place_en == pytest.approx((3.0, -2.0), abs=0.1)


@pytest.mark.parametrize(("aside_m", "hotspots"), [(4.0, 1), (12.0, 2)])
def test_two_drones_whose_receivers_err_apart_see_one_fire(aside_m: float, hotspots: int) -> None:
    """Sigma 1 m of position and 1.2 m of tilt and boresight for each of them: 4 m apart is 1.8 sigma of both."""
    memory = HotspotMemory()
    for step in range(20):
        memory = _fold(memory, _with_noise(step / 9), detections(CENTRE, peak_k=500.0))
    for step in range(20, 40):
        at = _with_noise(step / 9, east=aside_m)
        other = replace(observation(at, detections(CENTRE, peak_k=500.0)), vehicle=2, camera="2/100")
        memory = fold(memory, other, _view(at), None)[0]
    assert len(memory.hotspots) == hotspots


def test_two_fires_in_one_frame_stay_two() -> None:
    memory = HotspotMemory()
    for step in range(20):
        memory = _fold(memory, _with_noise(step / 9), detections((300.0, 255.0), (340.0, 255.0), peak_k=500.0))
    assert [h.number for h in memory.confirmed] == [1, 2]
    assert {h.sightings for h in memory.confirmed} == {20}


def test_the_parts_of_one_fire_are_one() -> None:
    memory = HotspotMemory()
    for step in range(10):
        memory = _fold(memory, _with_noise(step / 9), detections((319.0, 255.0), (326.0, 256.0), peak_k=500.0))
    assert len(memory.hotspots) == 1


@pytest.mark.parametrize("above_m", [0.0, 12.0])
def test_what_stands_above_the_ground_is_one_hotspot_at_its_foot(above_m: float) -> None:
    """A chimney that the terrain does not hold: its mouth falls 5 m apart from two legs, and walks along in each."""
    memory = HotspotMemory()
    seen = 0
    for leg, (north, yaw_deg) in enumerate(((14.0, 90.0), (-12.0, 270.0))):
        for step in range(25):
            east = (-1.0 if leg == 0 else 1.0) * (-24.0 + 2.0 * step)
            at = _with_noise(60.0 * leg + step / 5, east=east, north=north, height=70.0, yaw_deg=yaw_deg)
            apart = np.array([2.0, 1.0, above_m]) - _view(at).camera_enu
            u, v = PROFILE.project((_view(at).enu_from_camera.T @ apart)[None])[0]
            if 3 < u < 636 and 3 < v < 508:
                seen += 1
                memory = _fold(memory, at, detections((float(u), float(v)), peak_k=405.0))
    assert seen > 35
    (hotspot,) = memory.hotspots
    assert hotspot.place_en == pytest.approx((2.0, 1.0), abs=0.1 if above_m == 0.0 else 0.6)
    assert hotspot.place.up_m == pytest.approx(above_m, abs=0.1 if above_m == 0.0 else 1.5)


@pytest.mark.parametrize(("beside_px", "numbers"), [(40.0, [1]), (160.0, [1, 2])], ids=["4 m", "17 m"])
def test_what_flickers_at_the_rim_of_a_large_fire_gets_no_number_at_once(beside_px: float, numbers: list[int]) -> None:
    """5 m across, beside it a tongue that burns for two frames; farther off it may be another fire."""
    wide = detections((320.0, 250.0), peak_k=700.0, area_px=1600, side=48)
    tongue = detections((320.0 + 24.0 + beside_px, 250.0), peak_k=600.0)
    both = Detections(
        **{f.name: np.concatenate([getattr(wide, f.name), getattr(tongue, f.name)]) for f in fields(wide)[:-2]},
        kind="fire", radiometric=True,
    )  # fmt: skip
    memory = HotspotMemory()
    for step in range(2):
        memory = _fold(memory, _with_noise(step / 9), both)
    assert [h.number for h in memory.confirmed] == numbers
    for step in range(2, 12):
        memory = _fold(memory, _with_noise(step / 9), both)
    assert len(memory.confirmed) == 2, "what burns on has its number"


def test_a_number_is_never_used_again() -> None:
    memory = HotspotMemory()
    at = _with_noise(0.0)
    memory = _fold(memory, at, detections((100.0, 100.0), (500.0, 400.0), peak_k=500.0))
    memory = replace(memory, hotspots=())
    memory = _fold(memory, _with_noise(1.0), detections((300.0, 300.0), peak_k=500.0))
    assert [h.number for h in memory.confirmed] == [3]
    assert memory.hotspots[0].key == 3


def test_a_half_seen_fire_takes_the_place_of_its_first_whole_view() -> None:
    at = _with_noise(0.0)
    cut = replace(detections((2.0, 255.0), peak_k=500.0), edge=np.array([True]))
    memory = _fold(HotspotMemory(), at, cut)
    moved = _with_noise(1.0, east=-4.0)
    whole = _pixel(moved, *(_view(at).place(0.0, 255.0).enu[:2] - (1.0, 0.0)))  # type: ignore[union-attr]
    memory = _fold(memory, moved, detections(whole, peak_k=500.0))
    assert len(memory.hotspots) == 1
    place = _view(moved).place(*whole)
    assert memory.hotspots[0].place_en == pytest.approx(place.enu[:2], abs=0.01)  # type: ignore[union-attr]


def test_a_fire_beyond_the_gate_is_another_one_even_when_seen_alone() -> None:
    """One axis of the doubt is about a metre here, so 12 m apart is far outside of 99 %."""
    memory = HotspotMemory()
    for step, spot in enumerate((CENTRE, (CENTRE[0] + 12.0 * 760.0 / 80.0, CENTRE[1])) * 4):
        memory = _fold(memory, _with_noise(step / 9), detections(spot, peak_k=500.0))
    assert [h.sightings for h in memory.confirmed] == [4, 4]


def test_a_later_half_view_does_not_drag_a_place_that_was_seen_whole() -> None:
    memory = _fold(HotspotMemory(), _with_noise(0.0), detections(CENTRE, peak_k=500.0))
    before = memory.hotspots[0]
    moved = _with_noise(1.0, east=34.0)
    u, v = _pixel(moved, 1.0, 0.0)
    cut = replace(detections((u, v), peak_k=500.0), edge=np.array([True]))
    memory = _fold(memory, moved, cut)
    (after,) = memory.hotspots
    assert after.sightings == 2
    assert after.place_en.tobytes() == before.place_en.tobytes()
    assert after.area_m2 == before.area_m2


def _flown(seed: int, looks: int = 7) -> tuple[HotspotMemory, np.ndarray]:
    """Two legs over one fire with a camera that nobody calibrated: 0.3 s, 2° of mount and 3 % of scale unknown."""
    flight = fly(seed, looks=looks)
    memory = HotspotMemory()
    for seq, seen in enumerate(flight.sighted):
        at = seen.pose_at(0.0)
        assert isinstance(at, Pose)
        found = detections((seen.u, seen.v), peak_k=500.0, area_px=1, side=1)
        view = View(at, FLOWN, seen.ground, LOCAL)
        ring = view.footprint()
        assert isinstance(ring, np.ndarray)
        memory, _ = fold(memory, observation(replace(at, time_s=float(seq)), found, seq=seq), view, ring)
    return memory, flight.truth_en


def _judge(seeds: range, looks: int) -> tuple[float, float, float, float]:
    """Mean NEES, share inside the 95 % ellipse, its median half axis (m), and numbers too many a flight."""
    nees, majors, more = [], [], 0
    for seed in seeds:
        memory, truth = _flown(seed, looks)
        more += len(memory.confirmed) - 1
        best = max(memory.confirmed, key=lambda hotspot: hotspot.sightings)
        apart = best.place_en - truth
        nees.append(float(apart @ np.linalg.solve(best.covariance_m2, apart)))
        majors.append(best.ellipse.semi_major_m)
    return float(np.mean(nees)), float(np.mean(np.array(nees) < 5.991)), float(np.median(majors)), more / len(seeds)


def test_the_ellipse_holds_the_truth_as_often_as_it_says() -> None:
    """50 flights: three standard deviations of the mean of a χ² of two, and of a share of 95 %."""
    nees, inside, major_m, more = _judge(range(50), 3)
    assert 2.0 - 3.0 * 2.0 / math.sqrt(50) <= nees <= 2.0 + 3.0 * 2.0 / math.sqrt(50)
    assert 0.86 <= inside <= 1.0
    assert 2.5 < major_m < 6.0
    assert more < 0.1


@pytest.mark.long
def test_the_ellipses_of_a_thousand_flights_hold_the_truth() -> None:
    nees, inside, major_m, more = _judge(range(1000), 7)
    assert 1.6 <= nees <= 2.4
    assert 0.93 <= inside <= 0.97
    assert 2.5 < major_m < 6.0
    assert more < 0.08


@pytest.mark.parametrize("seed", [35, 54])
def test_two_tracks_of_one_fire_that_were_never_seen_together_become_one(seed: int) -> None:
    """A look just outside of the gate begins another, which then takes turns with the first one."""
    assert len(_flown(seed)[0].confirmed) == 1


def test_the_same_flight_gives_the_same_bytes() -> None:
    texts = [
        json.dumps([properties(h, LOCAL) for h in _flown(7)[0].confirmed], sort_keys=True).encode() for _ in range(2)
    ]
    assert texts[0] == texts[1] and len(texts[0]) > 100


def test_the_agreed_properties_are_all_there() -> None:
    memory = _fold(HotspotMemory(), _with_noise(1_600_000_000.0), detections(CENTRE, peak_k=500.0))
    facts = properties(memory.confirmed[0], LOCAL)
    assert facts["id"] == "hs-000001" and facts["number"] == 1 and facts["status"] == "detected"
    assert facts["peak_c"] == pytest.approx(226.9, abs=0.1) and facts["confidence"] is None
    assert facts["lat_deg"] == pytest.approx(51.45, abs=1e-6) and facts["lon_deg"] == pytest.approx(6.75, abs=1e-6)
    assert facts["height_amsl_m"] == pytest.approx(30.0, abs=0.1)
    assert facts["utmref"].startswith("32U ")
    assert {"semi_major_m", "semi_minor_m", "azimuth_deg"} == set(facts["ellipse95"])


def test_a_picture_without_temperatures_gives_a_hotspot_without_degrees() -> None:
    found = replace(detections(CENTRE, peak_k=250.0), radiometric=False, kind="unknown")
    memory = HotspotMemory()
    for step in range(3):
        memory = _fold(memory, _with_noise(step / 9), found)
    facts = properties(memory.confirmed[0], LOCAL)
    assert facts["peak_c"] is None and facts["contrast_k"] is None and facts["kind"] == "unknown"
