"""Boot time and UTC: the vehicle's GNSS first, bounds from both directions else, and a sigma that is not a lie."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground_station.clock_sync import ASSUMED_ASYMMETRY_S, ClockSync

BOOT_UTC_S = 1_773_522_000.0


def test_nothing_heard_is_no_answer() -> None:
    clock = ClockSync()
    assert clock.offset is None
    assert clock.utc_from_boot(1.0) is None and clock.boot_from_utc(BOOT_UTC_S) is None
    assert clock.host_offset_s is None


def test_the_vehicles_gnss_wins_and_shows_how_wrong_the_host_is() -> None:
    clock = ClockSync()
    for tick in range(5):
        clock.arrival(float(tick), BOOT_UTC_S + tick + 3600.0)
        clock.system_time(round((BOOT_UTC_S + tick) * 1e6), tick * 1000 + 1)
    assert clock.offset is not None and clock.offset.source == "gnss"
    assert clock.offset.offset_s == pytest.approx(BOOT_UTC_S, abs=0.002)
    assert clock.host_offset_s == pytest.approx(3600.0, abs=0.002)
    assert clock.boot_from_utc(clock.utc_from_boot(12.5) or 0.0) == pytest.approx(12.5, abs=1e-6)


@pytest.mark.parametrize("unix_us", [0, 29_618_095_652_006_494, 2**63, 1_000_000])
def test_a_time_outside_of_this_century_is_counted_and_ignored(unix_us: int) -> None:
    clock = ClockSync()
    for tick in range(10):
        clock.arrival(float(tick), BOOT_UTC_S + tick)
        clock.system_time(unix_us, 1000 + tick)
    assert clock.rejected_stamps == 10
    assert clock.offset is not None and clock.offset.source == "host"


def test_stamps_that_do_not_agree_are_not_believed() -> None:
    clock = ClockSync()
    clock.arrival(1.0, BOOT_UTC_S + 1.0)
    for tick in range(9):
        clock.system_time(round((BOOT_UTC_S + 1000.0 * tick) * 1e6), 1000)
    assert clock.offset is not None and clock.offset.source == "host"


def test_one_outlier_moves_nothing() -> None:
    clock = ClockSync()
    for tick in range(8):
        wrong = 500.0 if tick == 6 else 0.0
        clock.system_time(round((BOOT_UTC_S + tick + wrong) * 1e6), tick * 1000 + 1)
    assert clock.offset is not None
    assert clock.offset.offset_s == pytest.approx(BOOT_UTC_S, abs=0.01)


@given(
    st.lists(st.floats(0.0, 1.5), min_size=1, max_size=40),
    st.lists(st.floats(0.0, 1.5), min_size=1, max_size=40),
)
def test_the_truth_lies_between_the_two_bounds(down_s: list[float], up_s: list[float]) -> None:
    clock = ClockSync()
    for number, delay in enumerate(down_s):
        clock.arrival(0.1 * number, BOOT_UTC_S + 0.1 * number + delay)
    for number, delay in enumerate(up_s):
        clock.departure(BOOT_UTC_S + 0.1 * number - delay, 0.1 * number)
    assert clock.offset is not None
    # Uniform between the bounds: half their distance is √3 standard deviations.
    assert abs(clock.offset.offset_s - BOOT_UTC_S) <= 1.733 * clock.offset.sigma_s + 1e-6


def test_both_directions_are_better_than_one() -> None:
    generator, one, both = random.Random(4), ClockSync(), ClockSync()
    for number in range(600):
        boot_s = number * 0.1
        for clock in (one, both):
            clock.arrival(boot_s, BOOT_UTC_S + boot_s + 0.08 + generator.uniform(0.0, 1.5))
        both.departure(BOOT_UTC_S + boot_s - 0.08 - generator.uniform(0.0, 1.5), boot_s)
    assert one.offset is not None and both.offset is not None
    assert abs(both.offset.offset_s - BOOT_UTC_S) < 0.03 < abs(one.offset.offset_s - BOOT_UTC_S)


def test_bounds_that_contradict_one_another_bound_nothing() -> None:
    clock = ClockSync()
    clock.departure(BOOT_UTC_S + 50.0, 0.0)
    clock.arrival(1.0, BOOT_UTC_S + 1.0)
    assert clock.offset is not None and clock.offset.offset_s == pytest.approx(BOOT_UTC_S)


def _over_a_bad_radio(seed: int, drift: float, jitter_s: float, asymmetry_s: float = 0.0) -> list[tuple[float, float]]:
    """(error, stated sigma) twice a second from 30 s on: 50 telemetry messages and 5 TIMESYNC a second."""
    rng, clock, rate = random.Random(seed), ClockSync(), 1.0 + drift
    least_s, arrivals = 0.03, list[tuple[float, float, float | None]]()
    for number in range(50 * 75):
        boot_s = number / 50
        arrivals.append((BOOT_UTC_S + boot_s * rate + least_s + asymmetry_s + rng.uniform(0, jitter_s), boot_s, None))
        if number % 10 == 0:
            there = BOOT_UTC_S + boot_s * rate + least_s + rng.uniform(0, jitter_s)
            back = there + least_s + asymmetry_s + rng.uniform(0, jitter_s)
            arrivals.append((back, (there - BOOT_UTC_S) / rate, BOOT_UTC_S + boot_s * rate))
    found, due = list[tuple[float, float]](), BOOT_UTC_S + 30.0
    for utc_s, boot_s, sent_s in sorted(arrivals, key=lambda arrival: arrival[0]):
        if sent_s is not None:
            clock.departure(sent_s, boot_s)
        clock.arrival(boot_s, utc_s)
        if utc_s >= due and clock.offset is not None:
            due += 0.5
            now_boot_s = (utc_s - BOOT_UTC_S) / rate
            found.append((now_boot_s + clock.offset.offset_s - utc_s, clock.offset.sigma_s))
    return found


@pytest.mark.parametrize("drift", [0.0, 50e-6, -50e-6, 200e-6])
@pytest.mark.parametrize("jitter_s", [0.0, 1.5])
def test_after_half_a_minute_of_jitter_the_clock_is_known_to_twenty_milliseconds(drift: float, jitter_s: float) -> None:
    found = [each for seed in range(3) for each in _over_a_bad_radio(seed, drift, jitter_s)]
    errors = sorted(abs(error) for error, _ in found)
    assert errors[int(0.95 * len(errors))] <= 0.020
    # What is stated covers what happens, and is no blanket: not many times the error that is possible.
    assert sum(abs(error) <= 2.0 * sigma for error, sigma in found) >= 0.95 * len(found)
    assert max(sigma for _, sigma in found) <= 0.04


def test_an_asymmetry_that_nobody_can_see_is_within_what_is_stated() -> None:
    found = _over_a_bad_radio(1, 0.0, 0.3, asymmetry_s=0.02)
    assert all(abs(error) <= 2.0 * sigma for error, sigma in found)
    still = _over_a_bad_radio(1, 0.0, 0.0)[-1]
    assert still[1] > ASSUMED_ASYMMETRY_S / 2.0


def test_a_drifting_clock_is_followed() -> None:
    clock = ClockSync()
    for number in range(6000):
        boot_s = number * 0.1
        clock.arrival(boot_s, BOOT_UTC_S + boot_s * (1 + 1e-4))
    assert clock.offset is not None  # 600 s at 100 ppm: 60 ms, of which the window of 60 s may still hold 6
    assert clock.offset.offset_s == pytest.approx(BOOT_UTC_S + 0.06, abs=0.007)
