"""A whole flight in simulated time, judged from both sides: too good is as wrong as too bad.

An error that is zero would mean that truth has leaked into the ground side; an ellipse that is tiny would mean that it
promises what no receiver, mount and terrain can keep.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from api.rehearsal import Rehearsal, RehearsalError, rehearse
from imagery import georeference
from imagery.hotspots import Hotspot

pytestmark = pytest.mark.rehearsal
SCENARIO = "uebungsplatz"
# One worker flies the flight that several tests look at.
together = pytest.mark.xdist_group("first flight")
CHI2_95, CHI2_999 = 5.991, 13.816
Floats = NDArray[np.float64]


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


@together
def test_the_same_seed_gives_the_same_bytes(first_flight: Rehearsal) -> None:
    again = Rehearsal(SCENARIO, 1)
    assert as_bytes(again.run()) == as_bytes(first_flight.result())
    assert [as_bytes(o.to_json()) for o in again.observations] == [
        as_bytes(o.to_json()) for o in first_flight.observations
    ]


def test_swapped_axes_on_the_ground_side_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """East for north in the one matrix that places a pixel: were it shared with the world, it would cancel out."""
    monkeypatch.setattr(georeference, "ENU_FROM_NED", np.diag([1.0, 1.0, -1.0]))
    assert complaints(rehearse(SCENARIO, 1)) != []


def test_a_flight_that_does_not_land_says_why() -> None:
    flight = Rehearsal(SCENARIO, 1)
    flight.conductor.own = type(flight.conductor.own)("another link", flight.conductor.own.uid)
    with pytest.raises(RehearsalError, match="uebungsplatz seed 1: vehicle 1 speaks on another link"):
        flight.run()
