"""A whole flight in simulated time, judged from both sides: too good is as wrong as too bad.

An error that is zero would mean that truth has leaked into the ground side; an ellipse that is tiny would mean that it
promises what no receiver, mount and terrain can keep.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from api.rehearsal import Rehearsal, RehearsalError, rehearse
from imagery import georeference
from imagery.hotspots import Hotspot
from simulators.scenario import load, names
from tests.small_scene import small_scene

pytestmark = pytest.mark.rehearsal
SCENARIO = "uebungsplatz"
# One worker flies the flight that several tests look at.
side_by_side = pytest.mark.xdist_group("two drones")
CHI2_95, CHI2_999 = 5.991, 13.816
Floats = NDArray[np.float64]
SURVEYED_S, FOUND_S = 62.0, 45.0
"""Boot times at which the small scene has been seen whole, and at which its fire has its number."""
ALL_AT_ONCE = """
vehicles = 2

[[traffic]]
callsign = "CHX9"
from_m = [0.0, 4000.0]
to_m = [0.0, -4000.0]
height_m = 150.0
speed_m_s = 90.0

[radio]
loss = 0.05
"""


def complaints(figures: dict[str, Any]) -> list[str]:
    """What is outside of its band; empty for a good flight."""
    bands = {
        "recall": (figures["recall"], 1.0, 1.0),
        "precision": (figures["precision"], 1.0, 1.0),
        "duplicates": (figures["duplicates"], 0, 0),
        "error p50": (figures["error_m"]["p50"], 0.05, 3.5),
        "semi_major p50": (figures["semi_major_m"]["p50"], 1.5, 6.0),
        "dropped": (figures["dropped"], 0, 0.02 * figures["frames"]),
    }
    return [
        f"{name} is {value}, not {low} to {high}"
        for name, (value, low, high) in bands.items()
        if value is None or not low <= value <= high
    ]


def off_by(flight: Rehearsal, hotspot: Hotspot) -> Floats:
    """(2,) metres east and north from the nearest fire to the hotspot."""
    offsets = [hotspot.place_en - (fire.east_m, fire.north_m) for fire in flight.world.truths.fires]
    return np.asarray(min(offsets, key=lambda offset: float(np.hypot(*offset))))


def nees(error: Floats, covariance: Floats) -> float:
    """Squared error in units of its covariance: 2 on average when the covariance is honest."""
    return float(error @ np.linalg.solve(covariance, error))


def as_bytes(figures: dict[str, Any]) -> bytes:
    return json.dumps(figures, sort_keys=True).encode()


def test_a_flight_finds_every_fire_and_is_off_by_what_it_says() -> None:
    flight = Rehearsal(SCENARIO, 1)
    figures = flight.run()
    assert complaints(figures) == []
    assert figures["fires"] == 3
    # One receiver error moves all fires of a flight alike; this seed drew 2.3 m, which 3 in 100 flights reach. Without
    # it, what is left must lie in what the other common errors and the noise promise; with it, in the 99.9 % ellipse.
    drawn = np.array(flight.world.autopilot.errors.position_enu_m[:2])
    for hotspot in flight.picture.memory.confirmed:
        off = off_by(flight, hotspot)
        mount = hotspot.common[:, 3:]
        assert 0.0 < nees(off - drawn, hotspot.noise_m2 + mount @ mount.T) < CHI2_95
        assert nees(off, hotspot.covariance_m2) < CHI2_999
    assert figures["frames"] > 500
    assert (figures["scenario"], figures["seed"], figures["mode"]) == (SCENARIO, 1, "demo")


def flown_until(flight: Rehearsal, boot_s: float) -> Rehearsal:
    while flight.world.now_s < boot_s:
        flight.step()
    return flight


def test_another_seed_is_another_flight_and_as_good(tmp_path: Path) -> None:
    figures = [flown_until(Rehearsal(small_scene(tmp_path), seed), FOUND_S).result() for seed in (2, 3)]
    assert [complaints(each) for each in figures] == [[], []]
    assert as_bytes(figures[0]) != as_bytes(figures[1] | {"seed": 2})


def test_swapped_axes_on_the_ground_side_are_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """East for north in the one matrix that places a pixel: were it shared with the world, it would cancel out.

    The flight of the test above with seed 2, which has nothing to complain of.
    """
    monkeypatch.setattr(georeference, "ENU_FROM_NED", np.diag([1.0, 1.0, -1.0]))
    assert complaints(flown_until(Rehearsal(small_scene(tmp_path), 2), FOUND_S).result()) != []


@dataclass(frozen=True)
class Flown:
    """A flight to the end of its survey, and what it said of itself on the way there."""

    file: str
    flight: Rehearsal
    at_found: tuple[bytes, ...]


def told(flight: Rehearsal) -> tuple[bytes, ...]:
    return as_bytes(flight.result()), *(as_bytes(o.to_json()) for o in flight.observations)


@pytest.fixture(scope="module")
def two_drones(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    """A small scene with all that can be going on at once: two drones, a helicopter, a radio that loses packets."""
    file = small_scene(tmp_path_factory.mktemp("scenarios"), ALL_AT_ONCE)
    flight = flown_until(Rehearsal(file, 1), FOUND_S)
    at_found = told(flight)
    return Flown(file, flown_until(flight, SURVEYED_S), at_found)


@side_by_side
def test_two_drones_show_what_both_of_them_see_once(two_drones: Flown) -> None:
    flight = two_drones.flight
    figures = flight.result()
    assert (figures["fires"], figures["recall"], figures["shown"], figures["duplicates"]) == (1, 1.0, 1, 0)
    assert {o.camera for o in flight.observations if len(o.detections)} == {"1/100", "2/100"}
    assert figures["frames"] > 500 and figures["landed_in_mode"] == [], "nobody waits for the landing here"
    assert 0.0 < figures["first_look_min"] < 1.0
    assert 3.9 < figures["separation_m"] <= 4.1, "they stand four metres apart, and come no nearer in the air"


@side_by_side
def test_a_helicopter_is_heard_long_before_it_is_near(two_drones: Flown) -> None:
    (helicopter,) = two_drones.flight.result()["traffic"]
    assert helicopter["heard"] and 90.0 < helicopter["nearest_m"] < 160.0
    assert 35.0 < helicopter["warning_s"] < 46.0, "it is on the air from the start, 4 km away at 90 m/s"


@side_by_side
def test_what_was_planned_is_what_was_seen_and_shown(two_drones: Flown) -> None:
    coverage = two_drones.flight.result()["coverage"]
    assert coverage["planned"] == coverage["seen"] == 1.0 and coverage["shown"] > 0.99
    assert coverage["false_share"] == 0.0


@side_by_side
def test_the_same_seed_gives_the_same_bytes(two_drones: Flown) -> None:
    again = told(flown_until(Rehearsal(two_drones.file, 1), FOUND_S))
    assert again == two_drones.at_found and len(again) > 400


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_is_flown_to_its_end(name: str) -> None:
    figures = rehearse(name, 1)
    assert len(figures["landed_in_mode"]) == load(name).vehicles
    assert figures["frames"] > 500 and figures["coverage"]["seen"] > 0.3
    assert figures["error_m"]["p50"] is None or figures["error_m"]["p50"] < 6.0


def test_a_flight_that_does_not_land_says_why() -> None:
    flight = Rehearsal(SCENARIO, 1)
    flight.conductor.own = type(flight.conductor.own)("another link", flight.conductor.own.uid)
    with pytest.raises(RehearsalError, match="uebungsplatz seed 1: vehicle 1 speaks on another link"):
        flight.run()
