"""A whole flight in simulated time, judged from both sides: too good is as wrong as too bad.

An error that is zero would mean that truth has leaked into the ground side; an ellipse that is tiny would mean that it
promises what no receiver, mount and terrain can keep.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from api.rehearsal import Rehearsal, RehearsalError, rehearse
from imagery import georeference
from imagery.hotspots import Hotspot
from simulators.scenario import load, names

pytestmark = pytest.mark.rehearsal
SCENARIO = "uebungsplatz"
# One worker flies the flight that several tests look at.
together = pytest.mark.xdist_group("first flight")
side_by_side = pytest.mark.xdist_group("two drones")
CHI2_95, CHI2_999 = 5.991, 13.816
Floats = NDArray[np.float64]
SURVEYED_S = 62.0
SMALL = {
    "survey_m": "[24.0, 20.0]", "survey_height_m": "25.0", "width_m": "150.0", "fires": "1", "heaps": "0",
    "friends": "0", "fire_radius_m": "[0.3, 0.5]",
}  # fmt: skip
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


@pytest.fixture(scope="module")
def first_flight() -> Rehearsal:
    flight = Rehearsal(SCENARIO, 1)
    flight.run()
    return flight


@together
def test_a_flight_finds_every_fire_and_is_off_by_what_it_says(first_flight: Rehearsal) -> None:
    figures = first_flight.result()
    assert complaints(figures) == []
    assert figures["fires"] == 3
    # One receiver error moves all fires of a flight alike; this seed drew 2.3 m, which 3 in 100 flights reach. Without
    # it, what is left must lie in what the other common errors and the noise promise; with it, in the 99.9 % ellipse.
    drawn = np.array(first_flight.world.autopilot.errors.position_enu_m[:2])
    for hotspot in first_flight.picture.memory.confirmed:
        off = off_by(first_flight, hotspot)
        mount = hotspot.common[:, 3:]
        assert 0.0 < nees(off - drawn, hotspot.noise_m2 + mount @ mount.T) < CHI2_95
        assert nees(off, hotspot.covariance_m2) < CHI2_999
    assert figures["frames"] > 500
    assert (figures["scenario"], figures["seed"], figures["mode"]) == (SCENARIO, 1, "demo")


@together
def test_another_seed_is_another_flight_and_as_good(first_flight: Rehearsal) -> None:
    figures = rehearse(SCENARIO, 2)
    assert complaints(figures) == []
    assert as_bytes(figures) != as_bytes(first_flight.result() | {"seed": 2})


def flown_until(file: str, boot_s: float) -> Rehearsal:
    flight = Rehearsal(file, 1)
    while flight.world.now_s < boot_s:
        flight.step()
    return flight


@pytest.fixture(scope="module")
def two_drones(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Rehearsal]:
    """A small scene with all that can be going on at once: two drones, a helicopter, a radio that loses packets."""
    file = tmp_path_factory.mktemp("scenarios") / "klein.toml"
    text = resources.files("simulators").joinpath("scenarios", f"{SCENARIO}.toml").read_text("utf-8")
    for key, value in SMALL.items():
        text = re.sub(rf"(?m)^{key} = .*", f"{key} = {value}", text)
    file.write_text(text + ALL_AT_ONCE, encoding="utf-8")
    return str(file), flown_until(str(file), SURVEYED_S)


@side_by_side
def test_two_drones_show_what_both_of_them_see_once(two_drones: tuple[str, Rehearsal]) -> None:
    flight = two_drones[1]
    figures = flight.result()
    assert (figures["fires"], figures["recall"], figures["shown"], figures["duplicates"]) == (1, 1.0, 1, 0)
    assert {o.camera for o in flight.observations if len(o.detections)} == {"1/100", "2/100"}
    assert figures["frames"] > 500 and figures["landed_in_mode"] == [], "nobody waits for the landing here"
    assert 0.0 < figures["first_look_min"] < 1.0
    assert 3.9 < figures["separation_m"] <= 4.1, "they stand four metres apart, and come no nearer in the air"


@side_by_side
def test_a_helicopter_is_heard_long_before_it_is_near(two_drones: tuple[str, Rehearsal]) -> None:
    (helicopter,) = two_drones[1].result()["traffic"]
    assert helicopter["heard"] and 90.0 < helicopter["nearest_m"] < 160.0
    assert 35.0 < helicopter["warning_s"] < 46.0, "it is on the air from the start, 4 km away at 90 m/s"


@side_by_side
def test_what_was_planned_is_what_was_seen_and_shown(two_drones: tuple[str, Rehearsal]) -> None:
    coverage = two_drones[1].result()["coverage"]
    assert coverage["planned"] == coverage["seen"] == 1.0 and coverage["shown"] > 0.99
    assert coverage["false_share"] == 0.0


@side_by_side
def test_the_same_seed_gives_the_same_bytes(two_drones: tuple[str, Rehearsal]) -> None:
    file, first = two_drones
    again = flown_until(file, SURVEYED_S)
    assert as_bytes(again.result()) == as_bytes(first.result())
    assert [as_bytes(o.to_json()) for o in again.observations] == [as_bytes(o.to_json()) for o in first.observations]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_is_flown_to_its_end(name: str) -> None:
    figures = rehearse(name, 1)
    assert len(figures["landed_in_mode"]) == load(name).vehicles
    assert figures["frames"] > 500 and figures["coverage"]["seen"] > 0.3
    assert figures["error_m"]["p50"] is None or figures["error_m"]["p50"] < 6.0


def test_swapped_axes_on_the_ground_side_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """East for north in the one matrix that places a pixel: were it shared with the world, it would cancel out."""
    monkeypatch.setattr(georeference, "ENU_FROM_NED", np.diag([1.0, 1.0, -1.0]))
    assert complaints(rehearse(SCENARIO, 1)) != []


def test_a_flight_that_does_not_land_says_why() -> None:
    flight = Rehearsal(SCENARIO, 1)
    flight.conductor.own = type(flight.conductor.own)("another link", flight.conductor.own.uid)
    with pytest.raises(RehearsalError, match="uebungsplatz seed 1: vehicle 1 speaks on another link"):
        flight.run()
