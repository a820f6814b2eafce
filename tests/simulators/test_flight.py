"""The copter moves as a copter can, and what it believes of itself is off by what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.flight import Errors, Flight

DT_S = 0.02


def hovering(wind_m_s: float = 0.0, yaw_rad: float = 0.0) -> Flight:
    flight = Flight(np.array([0.0, 0.0, 30.0]), yaw_rad, np.random.default_rng(1), wind_m_s)
    flight.enu[2] = 110.0
    flight.on_ground = False
    return flight


def fly(flight: Flight, velocity: tuple[float, float, float], seconds: float) -> list[tuple[np.ndarray, np.ndarray]]:
    flight.target_velocity = np.array(velocity)
    path = []
    for _ in range(round(seconds / DT_S)):
        flight.step(DT_S)
        path.append((flight.enu.copy(), flight.velocity.copy()))
    return path


def test_it_reaches_the_velocity_it_is_told_without_jumping() -> None:
    path = fly(hovering(), (6.0, -4.0, 2.0), 8.0)
    velocities = np.array([velocity for _, velocity in path])
    assert velocities[-1] == pytest.approx([6.0, -4.0, 2.0], abs=0.1)
    acceleration = np.abs(np.diff(velocities, axis=0)) / DT_S
    assert acceleration.max() < 2.6
    places = np.array([place for place, _ in path])
    assert np.diff(places, axis=0) == pytest.approx(velocities[1:] * DT_S, abs=1e-9)


def test_it_stands_on_the_ground_until_it_is_to_climb_and_again_after_it_has_sunk() -> None:
    flight = Flight(np.array([1.0, 2.0, 30.0]), 0.5, np.random.default_rng(1), 12.0)
    fly(flight, (5.0, 0.0, 0.0), 2.0)
    assert flight.on_ground and flight.enu == pytest.approx([1.0, 2.0, 30.0])
    fly(flight, (0.0, 0.0, 2.0), 3.0)
    assert not flight.on_ground and flight.enu[2] > 33.0
    fly(flight, (0.0, 0.0, -1.5), 8.0)
    assert flight.on_ground and flight.enu[2] == 30.0 and not flight.velocity.any()


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_sign", "roll_sign"), [(0.0, 0, 1), (90.0, -1, 0), (180.0, 0, -1), (270.0, 1, 0)]
)
def test_to_accelerate_eastwards_it_tilts_eastwards(yaw_deg: float, pitch_sign: int, roll_sign: int) -> None:
    flight = hovering(yaw_rad=math.radians(yaw_deg))
    fly(flight, (8.0, 0.0, 0.0), 0.6)
    tilt = math.atan2(2.5, 9.80665)
    assert flight.pitch == pytest.approx(pitch_sign * tilt, abs=0.03)
    assert flight.roll == pytest.approx(roll_sign * tilt, abs=0.03)


def test_it_leans_into_the_wind_to_stand_still() -> None:
    flight = hovering(wind_m_s=10.0)
    blown_towards = math.atan2(flight.wind[0], flight.wind[1])
    flight.yaw = flight.target_yaw = blown_towards + math.pi  # nose into the wind
    fly(flight, (0.0, 0.0, 0.0), 5.0)
    assert math.degrees(flight.pitch) == pytest.approx(-4.7, abs=1.5)


def test_it_turns_the_short_way_and_not_at_once() -> None:
    flight = hovering(yaw_rad=math.radians(170))
    flight.target_yaw = math.radians(-170)
    fly(flight, (0.0, 0.0, 0.0), 0.1)
    assert 170 < math.degrees(flight.yaw) < 180
    fly(flight, (0.0, 0.0, 0.0), 1.0)
    assert math.degrees(flight.yaw) % 360 == pytest.approx(190)


def test_the_errors_of_many_flights_spread_as_the_reported_accuracy_says() -> None:
    drawn = [Errors.draw(np.random.default_rng(seed)) for seed in range(2000)]
    places = np.array([errors.position_enu_m for errors in drawn])
    radial = math.sqrt(float((places[:, :2] ** 2).sum(axis=1).mean()))
    assert radial == pytest.approx(drawn[0].h_acc_m, rel=0.05)
    assert places[:, 2].std() == pytest.approx(drawn[0].v_acc_m, rel=0.05)
    assert np.abs(places.mean(axis=0)).max() < 0.15
    assert math.degrees(np.std([errors.yaw_rad for errors in drawn])) == pytest.approx(1.5, rel=0.05)
