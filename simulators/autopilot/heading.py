"""Where the nose looks while no hands turn it: along the way, to a heading that was ordered, or round at a rate."""

from __future__ import annotations

import math

from simulators.flight import Flight

_SLEW_RAD_S = math.radians(60.0)
_REACHED_RAD = math.radians(2.0)


class Heading:
    """Moves ``flight.target_yaw``. ``held``: the way has no say in it."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.held = False
        self._left_rad = 0.0
        self._slew_rad_s = _SLEW_RAD_S
        self._rate_rad_s = 0.0

    def default(self) -> None:
        """The nose leads the way."""
        self.held, self._rate_rad_s = False, 0.0

    def fix(self, angle_rad: float, rate_rad_s: float = 0.0, sense: float = 0.0, *, relative: bool = False) -> None:
        """CONDITION_YAW: to a heading, or by an angle in a sense; at a rate, or as fast as it turns."""
        self.held, self._rate_rad_s = True, 0.0
        if relative:
            self._left_rad = angle_rad if sense >= 0 else -angle_rad
        else:
            left = _wrapped(angle_rad - self._flight.target_yaw)
            turn = 2 * math.pi * ((sense > 0 > left) - (sense < 0 < left))
            self._left_rad = left + turn
        self._slew_rad_s = min(_SLEW_RAD_S, rate_rad_s) if rate_rad_s > 0 else _SLEW_RAD_S

    def resume(self) -> None:
        """Go on with the last ``fix``, which a leg has broken off."""
        self.held = True

    def look(self, angle_rad: float, rate_rad_s: float = 0.0) -> None:
        """To a heading at once, and on from there at a rate."""
        self.held, self._left_rad, self._rate_rad_s = True, 0.0, rate_rad_s
        self._flight.target_yaw = angle_rad

    def turn(self, rate_rad_s: float) -> None:
        """Round and round."""
        self.look(self._flight.yaw, rate_rad_s)

    def stop_turning(self) -> None:
        """No rate any more."""
        self._rate_rad_s = 0.0

    @property
    def reached(self) -> bool:
        """Whether the ordered heading is reached to two degrees."""
        off = _wrapped(self._flight.target_yaw - self._flight.yaw)
        return not self.held or (self._left_rad == 0.0 and abs(off) <= _REACHED_RAD)

    def step(self, dt_s: float) -> None:
        """Let time pass."""
        if not self.held:
            return
        if self._left_rad:
            most = self._slew_rad_s * dt_s
            part = max(-most, min(most, self._left_rad))
            self._left_rad -= part
            self._flight.target_yaw += part
        elif self._rate_rad_s:
            most = max(-_SLEW_RAD_S, min(_SLEW_RAD_S, self._rate_rad_s))
            self._flight.target_yaw += most * dt_s


def _wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi
