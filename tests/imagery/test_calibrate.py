"""Calibration: known states come back, what cannot be seen stays in the ellipse, and the ellipse tells the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagery.calibrate import Calibration, Sighted, calibrate
from imagery.georeference import NoPlace
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import NoPose, NoPoseReason
from missions.geometry.terrain import FlatGround
from tests.imagery.aos import GROUND, pictures, vue
from tests.imagery.flights import PROFILE, Flight, fly
from tests.imagery.scenes import LOCAL


def _calibrated(flight: Flight) -> Calibration:
    return calibrate(flight.sighted, PROFILE, LOCAL)


def _nees(flight: Flight, found: Calibration) -> float:
    off = found.targets[0].enu[:2] - flight.truth_en
    return float(off @ np.linalg.solve(found.targets[0].covariance_m2, off))


def _judge(seeds: range) -> tuple[float, float, float]:
    """Mean NEES, coverage of the 95 % ellipse, and its median half axis, m."""
    flights = [flight for flight in map(fly, seeds) if len(flight.sighted) >= 4]
    found = [_calibrated(flight) for flight in flights]
    nees = np.array([_nees(flight, one) for flight, one in zip(flights, found, strict=True)])
    majors = [one.targets[0].ellipse.semi_major_m for one in found]
    return float(nees.mean()), float((nees < 5.991).mean()), float(np.median(majors))


def test_two_legs_find_the_clock() -> None:
    """Drawn with 0.3 s; found to some hundredths, and as well as it says."""
    off, sigma = [], []
    for seed in range(4):
        flight = fly(seed)
        found = _calibrated(flight)
        off.append(found.time_offset_s - flight.clock_s)
        sigma.append(found.sigma["time_offset_s"])
    assert max(map(abs, off)) < 0.15
    assert min(sigma) > 0.01 and max(sigma) < 0.08
    assert 0.3 < np.sqrt(np.mean(np.square(np.array(off) / sigma))) < 2.0


def test_the_ellipse_tells_the_truth() -> None:
    nees, coverage, major_m = _judge(range(12))
    assert 0.8 <= nees <= 3.4
    assert coverage >= 0.8
    assert 2.0 < major_m < 4.5  # from 9 m before; GNSS alone is 2.9 m


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_ellipses_of_six_hundred_flights_tell_the_truth() -> None:
    nees, coverage, major_m = _judge(range(620))
    assert 1.6 <= nees <= 2.4
    assert 0.93 <= coverage <= 0.97
    assert 2.0 < major_m < 4.5


def test_what_one_leg_cannot_see_keeps_its_prior() -> None:
    """From one straight leg, a camera that looks aside and a target that stands aside are the same."""
    flight = fly(4, legs=(0.0,))
    one, two = _calibrated(flight), _calibrated(fly(4))
    assert one.sigma["roll_deg"] > 1.5 > two.sigma["roll_deg"]
    assert one.targets[0].ellipse.semi_major_m > 2.0 * two.targets[0].ellipse.semi_major_m


def test_a_known_place_fixes_what_a_leg_cannot_see() -> None:
    flight = fly(4, legs=(0.0,))
    known = calibrate(flight.sighted, PROFILE, LOCAL, {"fire": flight.truth_en}, known_sigma_m=0.1)
    assert known.sigma["roll_deg"] < 1.2
    assert known.targets[0].enu[:2] == pytest.approx(flight.truth_en, abs=0.3)


def test_a_wrong_pixel_has_no_say() -> None:
    flight = fly(2)
    clean = _calibrated(flight)
    wrong = list(flight.sighted)
    wrong[3] = replace(wrong[3], u=wrong[3].u + 220.0, v=wrong[3].v - 90.0)
    found = calibrate(wrong, PROFILE, LOCAL)
    assert found.rejected == tuple(i == 3 for i in range(len(wrong)))
    assert found.targets[0].enu[:2] == pytest.approx(clean.targets[0].enu[:2], abs=0.5)
    assert found.targets[0].rejected == 1 and found.targets[0].scatter_m < 2.0


def test_a_picture_shown_again_while_the_drone_flew_on_is_no_second_sighting() -> None:
    flight = fly(2)
    again = list(flight.sighted)
    again[4] = replace(again[4], u=again[3].u + 0.2, v=again[3].v)
    assert calibrate(again, PROFILE, LOCAL).rejected == tuple(i == 4 for i in range(len(again)))


def test_a_sighting_without_a_pose_says_why_and_one_alone_is_placed() -> None:
    flight = fly(2)
    blind = Sighted("fire", 300.0, 200.0, lambda after_s: NoPose(0.0, NoPoseReason.GAP, "a gap"), FlatGround(30.0))
    alone = replace(flight.sighted[0], target="")
    found = calibrate([blind, alone, *flight.sighted], PROFILE, LOCAL)
    assert found.places[0] == NoPlace("a gap")
    assert not isinstance(found.told(found.places[1]), NoPlace)
    assert [target.target for target in found.targets] == ["fire"]
    with pytest.raises(ValueError, match="not one sighting can be placed: a gap"):
        calibrate([blind], PROFILE, LOCAL)


def test_what_was_found_can_be_pasted_into_the_profile() -> None:
    """The profile with it needs no further correction, and knows what it does not know."""
    flight = fly(5)
    found = _calibrated(flight)
    profile = found.profile(PROFILE)
    shift = found.time_offset_s - PROFILE.time_offset_s
    later = [
        replace(one, pose_at=lambda after_s, at=one.pose_at: at(after_s + shift))  # type: ignore[misc]
        for one in flight.sighted
    ]
    again = calibrate(later, profile, LOCAL)
    assert again.yaw_deg == pytest.approx(profile.yaw_deg, abs=0.3)
    assert again.time_offset_s == pytest.approx(profile.time_offset_s, abs=0.01)
    assert set(found.to_json()["sigma"]) == {"time_offset_s", "roll_deg", "pitch_deg", "yaw_deg", "scale"}
    json.dumps(found.to_json())


# --- real captures ---------------------------------------------------------------------------------------------------
def test_aos_person_lies_still_once_frozen_pictures_are_out(testdata: Path) -> None:
    profile = vue(boresight_sigma_deg=2.0, boresight_yaw_sigma_deg=3.0, scale_sigma=0.03)
    seen = [(picture.pose, picture.person_uv) for picture in pictures(testdata) if picture.person_uv is not None]
    sighted = [Sighted("person", *uv, lambda _, pose=pose: pose, GROUND) for pose, uv in seen]  # type: ignore[misc]
    (person,) = calibrate(sighted, profile, LocalFrame(seen[0][0].position)).targets
    assert person.sightings == 27 and 3 <= person.rejected <= 5
    assert 0.2 < person.scatter_m <= 0.5
