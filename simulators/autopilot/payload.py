"""What hangs below: the mount, which is told where to point, and the camera, which is told when to take a picture."""

from __future__ import annotations

import math

from simulators.autopilot.mount import Mount
from simulators.flight import Flight
from simulators.geodesy import Floats


class Payload:
    """``mount`` takes the gimbal's orders; ``shots`` counts pictures."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.mount = Mount(flight)
        self.shots = 0
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
        self.mount.point(pitch_deg, yaw_deg)

    def look_at(self, enu: Floats | None) -> None:
        """Keep the gimbal on a place; None: leave it where it is."""
        self.mount.look_at(enu)

    def step(self) -> None:
        """Follow the place, take what is due."""
        self.mount.step()
        if 0 < self._every_m <= math.hypot(*(self._flight.enu - self._shot_at)[:2]):
            self.shoot()
