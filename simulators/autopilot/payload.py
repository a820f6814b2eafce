"""What hangs below: where the gimbal is told to point, and when a picture is taken."""

from __future__ import annotations

import math

from simulators.flight import Flight
from simulators.geodesy import Floats

_PITCH_DEG, _YAW_DEG = (-90.0, 25.0), (-180.0, 180.0)


class Payload:
    """``pitch_deg`` and ``yaw_deg`` (from the nose) are the gimbal's orders; ``shots`` counts pictures."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.pitch_deg = 0.0
        self.yaw_deg = 0.0
        self.shots = 0
        self._roi: Floats | None = None
        self._every_m = 0.0
        self._shot_at: Floats = flight.enu.copy()

    def shoot(self) -> None:
        """One picture."""
        self.shots += 1
        self._shot_at = self._flight.enu.copy()

    def shoot_every(self, metres: float, *, now: bool) -> None:
        """A picture every so many metres over ground from here on; 0 ends it. ``now``: one at once."""
        self._every_m = metres
        if now and metres > 0:
            self.shoot()

    def point(self, pitch_deg: float, yaw_deg: float | None = None) -> None:
        """Point the gimbal, degrees, yaw from the nose (None: as it is); ends looking at a place."""
        self._roi = None
        self.pitch_deg = max(_PITCH_DEG[0], min(_PITCH_DEG[1], pitch_deg))
        if yaw_deg is not None:
            self.yaw_deg = max(_YAW_DEG[0], min(_YAW_DEG[1], yaw_deg))

    def look_at(self, enu: Floats | None) -> None:
        """Keep the gimbal on a place; None: leave it where it is."""
        self._roi = enu

    def step(self) -> None:
        """Follow the place, take what is due."""
        if self._roi is not None:
            east, north, up = (float(value) for value in self._roi - self._flight.enu)
            yaw = math.atan2(east, north) - self._flight.yaw
            self.yaw_deg = math.degrees((yaw + math.pi) % (2 * math.pi) - math.pi)
            down = math.degrees(math.atan2(up, math.hypot(east, north)))
            self.pitch_deg = max(_PITCH_DEG[0], min(_PITCH_DEG[1], down))
        if 0 < self._every_m <= math.hypot(*(self._flight.enu - self._shot_at)[:2]):
            self.shoot()
