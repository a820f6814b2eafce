"""What takes the vehicle home against its orders: a silent ground station, a fence that it has crossed.

Each says its words when it begins and when it ends, and changes the mode once: whoever changes it back has it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulators.autopilot import fence
from simulators.autopilot.pilot import RTL
from simulators.autopilot.transfers import FENCE

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

_GCS_LOST_S = 5.0


class Failsafes:
    """Watches one vehicle. ``gcs_lost`` and ``outside_fence`` are on while the reason lasts."""

    def __init__(self, vehicle: Autopilot) -> None:
        self._vehicle = vehicle
        self._gcs_heard_s: float | None = None
        self.gcs_lost = False
        self.outside_fence = False
        vehicle.pilot.worries = self.worries

    def worries(self) -> list[str]:
        """What of it is in the way of arming."""
        reasons = ["GCS failsafe on"] if self.gcs_lost else []
        return (
            reasons if self.fence_keeps(*self._vehicle.believed_en()) else [*reasons, "Vehicle breaching Polygon fence"]
        )

    @property
    def on(self) -> bool:
        """Whether a failsafe is on."""
        return self.gcs_lost or self.outside_fence

    def hear_gcs(self, now_s: float) -> None:
        """A heartbeat of the ground station that counts; before the first one none is missed."""
        self._gcs_heard_s = now_s

    def step(self) -> None:
        """Look at everything once."""
        pilot = self._vehicle.pilot
        flying = pilot.armed and not pilot.flight.on_ground
        self._watch_gcs(flying)
        self._watch_fence(flying)

    def _watch_gcs(self, flying: bool) -> None:
        a = self._vehicle
        silent = self._gcs_heard_s is not None and a.now_s - self._gcs_heard_s > _GCS_LOST_S
        lost = silent and a.parameters.values["FS_GCS_ENABLE"] == 1
        if lost and not self.gcs_lost:
            a.say(2, "GCS Failsafe")
            if flying:
                a.pilot.set_mode(RTL)
        elif self.gcs_lost and not lost:
            a.say(2, "GCS Failsafe Cleared")
        self.gcs_lost = lost

    def _watch_fence(self, flying: bool) -> None:
        a = self._vehicle
        outside = flying and not self.fence_keeps(*a.believed_en())
        if outside and not self.outside_fence:
            a.say(4, "Polygon fence breached")
            if a.parameters.values["FENCE_ACTION"] >= 1:
                a.pilot.set_mode(RTL)
        self.outside_fence = outside

    def fence_keeps(self, east_m: float, north_m: float) -> bool:
        """Whether the fence allows a place; everything is allowed while FENCE_ENABLE is 0."""
        a = self._vehicle
        if not a.parameters.values["FENCE_ENABLE"]:
            return True
        lat, lon, _ = a.pilot.plane.geo(np.array([east_m, north_m, 0.0]))
        return fence.keeps(a.transfers.lists[FENCE], lat, lon)
