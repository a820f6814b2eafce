"""Power against momentum theory, a fit that finds what made the samples, and model files."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.power import PowerError, PowerModel, Samples, air_density, fit, parse_power, write_power

MODEL = PowerModel(3.2, 4 * math.pi * 0.38**2 / 4, 160.0, 0.62, 0.045, 12.0)


def test_hover_is_thrust_to_the_three_halves() -> None:
    thrust = 3.2 * 9.80665
    ideal = thrust**1.5 / math.sqrt(2 * 1.225 * MODEL.disc_m2)
    assert MODEL.power_w(0.0) == pytest.approx(ideal / 0.62 + 12.0)


@given(st.floats(0.0, 25.0))
def test_the_induced_velocity_solves_glauerts_equation(speed: float) -> None:
    clean = replace(MODEL, drag_area_m2=0.0, avionics_w=0.0, efficiency=1.0)
    thrust = 3.2 * 9.80665
    induced = clean.power_w(speed) / thrust
    hover2 = thrust / (2 * 1.225 * MODEL.disc_m2)
    assert induced**4 + speed**2 * induced**2 - hover2**2 == pytest.approx(0.0, abs=1e-6 * hover2**2)


def test_moving_slowly_costs_less_than_hovering_and_fast_costs_more() -> None:
    assert MODEL.power_w(6.0) < MODEL.power_w(0.0) < MODEL.power_w(20.0)
    assert MODEL.power_w(0.0, 2.5) == pytest.approx(MODEL.power_w(0.0) + 3.2 * 9.80665 * 2.5 / 0.62)
    assert MODEL.power_w(0.0, -1.5) > 0.6 * MODEL.power_w(0.0)


def test_thin_warm_air_costs_more() -> None:
    assert air_density(0.0, 15.0) == pytest.approx(1.225, abs=1e-3)
    assert air_density(2000.0, 2.0) == pytest.approx(1.0066, abs=2e-3)
    assert MODEL.power_w(0.0, 0.0, air_density(2000.0, 30.0)) > 1.08 * MODEL.power_w(0.0)


def test_a_fit_finds_the_aircraft_that_made_the_samples() -> None:
    rng = np.random.default_rng(3)
    speed, climb = rng.uniform(0, 16, 2000), rng.uniform(-1.5, 2.5, 2000)
    power = np.array([MODEL.power_w(v, c) for v, c in zip(speed, climb, strict=True)]) + rng.normal(0, 12, 2000)
    found = fit(Samples(speed, climb, power, np.full(2000, 1.225)), PowerModel(3.2, MODEL.disc_m2, 160.0))
    assert found.efficiency == pytest.approx(0.62, abs=0.02)
    assert found.drag_area_m2 == pytest.approx(0.045, abs=0.006)
    assert found.residual_w == pytest.approx(12.0, abs=1.5)
    assert found.power_w(8.0) == pytest.approx(MODEL.power_w(8.0), rel=0.01)


def test_what_a_log_does_not_show_keeps_what_was_believed() -> None:
    hover = np.zeros(500)
    start = replace(MODEL, drag_area_m2=0.08)
    found = fit(Samples(hover, hover, np.full(500, MODEL.power_w(0.0)), np.full(500, 1.225)), start)
    assert found.drag_area_m2 == pytest.approx(0.08, rel=0.1)
    assert found.power_w(0.0) == pytest.approx(MODEL.power_w(0.0), rel=0.01)


def test_a_log_that_is_no_aircraft_is_refused() -> None:
    with pytest.raises(PowerError, match="20 samples in flight; at least 60"):
        fit(Samples(*(np.ones(20) for _ in range(4))), MODEL)
    few = np.linspace(0, 10, 200)
    with pytest.raises(PowerError, match=r"efficiency of .*check mass, rotors and the current sensor"):
        fit(Samples(few, few * 0.2, np.full(200, 20.0), np.full(200, 1.225)), MODEL)


def test_a_file_round_trips_and_a_bad_one_names_the_key() -> None:
    again = parse_power(write_power(replace(MODEL, residual_w=9.5)))
    assert again.power_w(9.0) == pytest.approx(MODEL.power_w(9.0), rel=1e-4) and again.residual_w == 9.5
    for text, words in [
        ("mass_kg = 3", "disc_m2 is missing"),
        ("mass_kg = 3\ndisc_m2 = 0.4\ncapacity_wh = 100\nefficiency = 1.4", "efficiency 1.4: allowed are 0.05 to 1"),
        ("mas = 3", "'mas' is unknown"),
        ("mass_kg = 'x'", "must be a number"),
        ("mass_kg = ", "a.toml: "),
    ]:
        with pytest.raises(PowerError, match=words):
            parse_power(text, "a.toml")
