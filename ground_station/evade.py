"""Out of the way of an aircraft ("Hubschrauber im Anflug"): down on the spot, at once.

Going down is away from where helicopters fly; going home is not: RTL climbs first to its own height. So RTL is offered
only where that height is not above the present one. The low height is kept above ground that is known, for a drone in
the trees helps nobody; it never climbs.
"""

from __future__ import annotations

from ground_station import orders
from ground_station.command import Command
from ground_station.telemetry import VehicleState

LOW_M = 15.0
_CLEAR_M = 10.0


def low_height_m(state: VehicleState, *, ground_above_home_m: float | None) -> float | None:
    """Metres above home to sink to; None where the aircraft is not higher than that already."""
    if state.position is None:
        return None
    wanted = LOW_M if ground_above_home_m is None else max(LOW_M, ground_above_home_m + _CLEAR_M)
    return wanted if state.position.height_above_home_m > wanted + 1.0 else None


def may_return(state: VehicleState, return_height_m: float | None) -> str:
    """Empty where RTL does not climb; else why it is not offered."""
    if state.position is None or return_height_m is None:
        return "its return height is not known"
    high = state.position.height_above_home_m
    if return_height_m > high:
        return f"it would climb from {high:.0f} m to its return height of {return_height_m:.0f} m first"
    return ""


def descend(target: int, height_m: float, state: VehicleState, *, now_s: float) -> Command:
    """Straight down to a height above home, where it is now and not where it was flying to."""
    assert state.position is not None
    command = orders.change_height(target, height_m, state, now_s=now_s, here=True)
    command.action = "evade"
    return command
