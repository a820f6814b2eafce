"""The power model against what the theory says by hand, and the battery against charge and Ohm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.autopilot.gnss import Gnss
from simulators.flight import Errors
from simulators.power import Airframe, Battery


def test_the_power_of_a_hover_is_that_of_the_actuator_disc() -> None:
    frame = Airframe(mass_kg=3.2, rotors=4, rotor_diameter_m=0.38, efficiency=0.62, rest_w=6.0)
    weight, area = 3.2 * 9.80665, 4 * math.pi * 0.19**2
    assert frame.power_w(0.0, 0.0) == pytest.approx(weight**1.5 / math.sqrt(2 * 1.2 * area) / 0.62 + 6.0, rel=1e-6)


def test_moderate_speed_is_cheaper_than_standing_and_high_speed_is_dearer() -> None:
    powers = [Airframe().power_w(v, 0.0) for v in (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)]
    best = powers.index(min(powers))
    assert 1 <= best <= 3 and powers[-1] > powers[0]


def test_climbing_costs_the_work_against_gravity_and_sinking_gives_little_back() -> None:
    frame = Airframe()
    hover = frame.power_w(0.0, 0.0)
    assert frame.power_w(0.0, 2.0) - hover == pytest.approx(3.2 * 9.80665 * 2.0 / 0.62, rel=1e-6)
    assert 0.6 * hover < frame.power_w(0.0, -1.5) < hover
    assert frame.power_w(0.0, -9.0) > 0.6 * hover


def test_a_heavier_copter_needs_three_halves_more_and_larger_discs_less() -> None:
    base = Airframe(rest_w=0.0)
    assert Airframe(mass_kg=6.4, rest_w=0.0).power_w(0, 0) == pytest.approx(2**1.5 * base.power_w(0, 0))
    assert Airframe(rotor_diameter_m=0.76, rest_w=0.0).power_w(0, 0) == pytest.approx(base.power_w(0, 0) / 2)


def test_the_battery_sags_at_once_recovers_slowly_and_counts_its_charge() -> None:
    battery = Battery(10_000.0)
    rest_v = battery.voltage_v
    for _ in range(3000):
        battery.draw(300.0, 0.02)
    loaded_v, used = battery.voltage_v, battery.used_mah
    assert used == pytest.approx(300.0 / 16.2 * 60 / 3.6, rel=0.03)
    battery.draw(5.0, 0.02)
    at_once_v = battery.voltage_v
    for _ in range(5000):
        battery.draw(5.0, 0.02)
    assert loaded_v < at_once_v < battery.voltage_v < rest_v == pytest.approx(16.8)
    while battery.left > 0:
        battery.draw(300.0, 10.0)
    assert battery.voltage_v < 13.2


def test_the_receivers_error_wanders_and_keeps_the_sigma_that_it_reports() -> None:
    values = {"SIM_GPS1_ENABLE": 1.0}
    ends, steps = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        errors = Errors.draw(rng)
        gnss = Gnss(values, errors, rng)
        gnss.step(0.0)
        begin = gnss.offset_m
        for index in range(1, 60):
            gnss.step(index * 0.2)
        steps.append(gnss.offset_m - begin)
        ends.append(gnss.offset_m)
    radial = math.sqrt(float((np.array(ends)[:, :2] ** 2).sum(axis=1).mean()))
    assert radial == pytest.approx(1.2, rel=0.1)
    # A tenth of the variance with a correlation of 240 s: in 12 s each axis moves by σ √(0.1 · 2 · (1 − e^(−12/240))).
    moved = 1.2 * math.sqrt(0.1 * 2 * (1 - math.exp(-11.8 / 240)))
    assert math.sqrt(float((np.array(steps)[:, :2] ** 2).sum(axis=1).mean())) == pytest.approx(moved, rel=0.15)
