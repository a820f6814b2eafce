"""The measurement formula: black bodies back and forth, what air and emissivity do, what no measurement can have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.radiometry import (
    KELVIN,
    Air,
    Measurement,
    Planck,
    RadiometryError,
    Settings,
    kelvin_from_counts,
    kelvin_table,
)

CAMERA = Planck(17096.453, 0.046582058, 1428.0, 1.0, -267.0)
NOTHING_BETWEEN = Measurement(emissivity=1.0, distance_m=0.0)


@given(st.floats(250.0, 450.0))
def test_a_black_body_without_air_reads_its_own_temperature(kelvin: float) -> None:
    counts = np.array([[round(CAMERA.signal(kelvin))]], np.uint16)
    read = float(kelvin_from_counts(counts, kelvin_table(CAMERA, NOTHING_BETWEEN))[0, 0])
    step = kelvin_table(CAMERA, NOTHING_BETWEEN)
    width = float(step[counts[0, 0] + 1] - step[counts[0, 0] - 1])
    assert read == pytest.approx(kelvin, abs=width)


def test_what_reflects_as_warm_as_it_is_needs_no_emissivity() -> None:
    """A body in surroundings of its own temperature looks like a black one, whatever it is made of."""
    kelvin = 293.15
    same = Measurement(0.3, 0.0, reflected_k=kelvin)
    table = kelvin_table(CAMERA, same)
    assert float(table[round(CAMERA.signal(kelvin))]) == pytest.approx(kelvin, abs=0.05)


def test_a_shiny_roof_under_a_cold_sky_is_warmer_than_it_reads() -> None:
    counts = round(CAMERA.signal(290.0))
    sky = Measurement(0.6, 0.0, reflected_k=233.0)
    assert float(kelvin_table(CAMERA, sky)[counts]) > float(kelvin_table(CAMERA, NOTHING_BETWEEN)[counts]) + 10.0


def test_far_fires_are_hotter_than_they_read_and_nothing_changes_at_air_temperature() -> None:
    near, far = (kelvin_table(CAMERA, Measurement(1.0, d, air_k=283.15)) for d in (1.0, 400.0))
    hot, mild = round(CAMERA.signal(400.0)), round(CAMERA.signal(283.15))
    assert float(far[hot]) > float(near[hot]) + 5.0
    assert float(far[mild]) == pytest.approx(float(near[mild]), abs=0.05)


@given(st.floats(0.0, 1000.0), st.floats(250.0, 315.0), st.floats(0.0, 1.0))
def test_air_lets_through_a_share(distance_m: float, air_k: float, humidity: float) -> None:
    try:
        share = Air().transmission(distance_m, air_k, humidity)
    except RadiometryError as refusal:
        assert distance_m > 400.0 and air_k > 300.0 and "the formula for air" in str(refusal)
    else:
        assert 0.3 <= share <= 1.0 + 1e-9


def test_air_that_the_formula_does_not_know_gives_no_temperatures() -> None:
    # Half the way would let through -44 %: squared it would pass for thin haze.
    with pytest.raises(RadiometryError, match=r"air of 30 °C and 100% humidity over 2500 m: .* lets through -44%"):
        kelvin_table(CAMERA, Measurement(0.95, 5000.0, air_k=303.15, humidity=1.0))


@given(st.floats(0.2, 1.0), st.floats(0.0, 500.0))
def test_a_higher_count_is_never_colder(emissivity: float, distance_m: float) -> None:
    table = kelvin_table(CAMERA, Measurement(emissivity, distance_m))
    known = table[np.isfinite(table)]
    assert len(known) > 10_000 and (np.diff(known) >= 0.0).all()


def test_counts_below_all_radiation_have_no_temperature() -> None:
    assert np.isnan(kelvin_table(Planck(17096.453, 0.046582058, 1428.0, 1.0, 3000.0), NOTHING_BETWEEN)[0:1]).sum() == 0
    assert np.isnan(kelvin_table(CAMERA, NOTHING_BETWEEN)[0])


@pytest.mark.parametrize(
    "what, words",
    [
        ({"emissivity": 0.0}, "emissivity 0: allowed is 0.01 to 1"),
        ({"humidity": 50.0}, "humidity 50: allowed is 0 to 1"),
        ({"distance_m": -1.0}, "distance_m -1"),
        ({"air_k": float("nan")}, "air_k nan"),
    ],
)
def test_what_no_measurement_can_have_is_refused(what: dict[str, float], words: str) -> None:
    with pytest.raises(RadiometryError, match=words):
        Settings(**what)


def test_an_operators_word_replaces_the_files() -> None:
    assert Measurement(0.95, 1.0).but(Settings(distance_m=80.0)) == Measurement(0.95, 80.0)
    with pytest.raises(RadiometryError, match="calibration R1"):
        Planck(0.0, 1.0, 1400.0, 1.0, 0.0)
    assert KELVIN == 273.15
