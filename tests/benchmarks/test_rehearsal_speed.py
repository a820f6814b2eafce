"""How much faster than the clock a rehearsal runs: simulated seconds a second of the processor's own time, one core.

A minute and a half of a flight each: with frames (rendered, detected, placed, remembered) and without (vehicle,
gimbal, radio and ground station alone). What else the machine does meanwhile does not count.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import cv2
import pytest

from api.rehearsal import Rehearsal

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
SECONDS = 90.0


def _speed(scenario: str, *, with_frames: bool) -> tuple[float, int]:
    """Simulated seconds a second once it flies, and the frames in them."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        flight = Rehearsal(scenario, 1)
        while flight.conductor.phase != "flying":
            flight.step()
        began, now_s = time.process_time(), flight.world.now_s
        while flight.world.now_s < now_s + SECONDS and flight.goes_on:
            if not with_frames:
                for craft in flight.world.crafts:
                    craft.looking = False
            flight.step()
        seconds = flight.world.now_s - now_s
        return seconds / (time.process_time() - began), sum(seat.observer.frames for seat in flight.seats)
    finally:
        cv2.setNumThreads(threads)


@pytest.mark.parametrize("scenario", ["uebungsplatz", "schrottinsel", "waldbrand", "glutnester", "zwei-drohnen"])
def test_simulated_seconds_a_second(figure: Callable[..., None], scenario: str) -> None:
    bare, none = _speed(scenario, with_frames=False)
    full, frames = _speed(scenario, with_frames=True)
    figure(f"rehearsal, {scenario}, without frames", f"{bare:.0f} × real time", "one core's own time")
    figure(
        f"rehearsal, {scenario}, with frames", f"{full:.1f} × real time", f"{frames / SECONDS:.0f} frames/s of flight"
    )
    figure("memory so far", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB", "peak")
    assert none == 0 and frames > 100
