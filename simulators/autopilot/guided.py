"""GUIDED: what a ground station or a companion computer orders, one target after the other.

A place is kept until another order; a velocity or an acceleration ends after GUID_TIMEOUT without another one. An order
that makes no sense stops the vehicle: so does the real one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.autopilot.steering import rise, stopping_point, towards
from simulators.geodesy import Floats

if TYPE_CHECKING:
    from simulators.autopilot.pilot import Pilot

_NO_PLACE, _NO_VELOCITY, _NO_ACCELERATION = 0b111, 0b111_000, 0b111_000_000
_FORCE, _NO_YAW, _NO_YAW_RATE = 512, 1024, 2048
_LOCAL, _LOCAL_OFFSET, _BODY, _BODY_OFFSET = 1, 7, 8, 9
_FASTEST = 1000.0
_FARTHEST_M = 1e6  # of a place, from where the scene is; beyond it no number is meant
_RESPONSE_S = 0.4  # of the vehicle to a velocity
# Frames of a height: above sea level 0, above home 1.
BASES = {0: 0, 5: 0, 3: 1, 6: 1, 10: 1, 11: 1}


class Guided:
    """The target of one vehicle, ``goal`` its place if it has one. ``paused``: it stands until it is told to go on."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.paused = False
        self.goal: Floats | None = None
        self._wanted: Floats | None = None
        self._push: Floats | None = None
        self._told_s = self._moved_s = 0.0

    def stop(self) -> None:
        """Come to rest and stay there."""
        self.goal = stopping_point(self._pilot.flight, self._pilot.speeds)
        self._wanted = self._push = None
        self.paused = False

    def go(self, enu: Floats) -> None:
        """To a place, the nose ahead."""
        self.goal, self._wanted, self._push = enu, None, None
        self._pilot.heading.default()

    def keep(self, enu: Floats) -> None:
        """Stay at a place, the nose as it is."""
        self.goal, self._wanted, self._push = enu, None, None

    def velocity(self) -> Floats:
        """East-north-up m/s."""
        pilot = self._pilot
        if self.paused:
            return np.zeros(3)
        late = pilot.now_s - self._told_s > pilot.values["GUID_TIMEOUT"]
        if late and (self._wanted is not None or self._push is not None):
            pilot.heading.stop_turning()
            self._wanted, self._push = np.zeros(3), None
        if self._push is not None:
            return np.asarray(pilot.flight.velocity + self._push * _RESPONSE_S)
        if self.goal is not None:
            if self._wanted is not None:  # the place moves along
                self.goal = self.goal + self._wanted * (pilot.now_s - self._moved_s)
                self._moved_s = pilot.now_s
            wanted = towards(pilot.flight, self.goal, pilot.speeds, turn=not pilot.heading.held)
            return wanted if self._wanted is None else wanted + self._wanted
        return np.zeros(3) if self._wanted is None else self._avoided(self._limited(self._wanted))

    def _avoided(self, wanted: Floats) -> Floats:
        """A velocity ends FENCE_MARGIN before the fence: under its ceiling, and where the next place is outside."""
        pilot, values = self._pilot, self._pilot.values
        if not values["FENCE_ENABLE"]:
            return wanted
        margin, here = values["FENCE_MARGIN"], pilot.flight.enu
        if int(values["FENCE_TYPE"]) & 1:
            room = values["FENCE_ALT_MAX"] - margin - float(here[2] - pilot.home[2])
            wanted[2] = min(wanted[2], rise(room, pilot.speeds) if room > 0 else 0.0)
        flat = math.hypot(wanted[0], wanted[1])
        if flat > 0:
            ahead = flat / (2 * pilot.speeds.brake) + margin / flat
            if not pilot.allows(float(here[0] + wanted[0] * ahead), float(here[1] + wanted[1] * ahead)):
                wanted[:2] = 0.0
        return wanted

    def _limited(self, wanted: Floats) -> Floats:
        speeds, flat = self._pilot.speeds, math.hypot(wanted[0], wanted[1])
        share = min(1.0, speeds.flat / flat) if flat > 0 else 1.0
        return np.array([wanted[0] * share, wanted[1] * share, max(-speeds.down, min(speeds.up, wanted[2]))])

    # --- SET_POSITION_TARGET_* --------------------------------------------------------------------------------------

    def hear(self, m: Any) -> None:
        """SET_POSITION_TARGET_GLOBAL_INT or _LOCAL_NED."""
        whole = m.get_type() == "SET_POSITION_TARGET_GLOBAL_INT"
        if not whole and m.coordinate_frame not in (_LOCAL, _LOCAL_OFFSET, _BODY, _BODY_OFFSET):
            self.stop()
            return
        mask = m.type_mask
        place = None if mask & _NO_PLACE else self._global(m) if whole else self._local(m)
        speed = None if mask & _NO_VELOCITY else self._enu(m, m.vx, m.vy, m.vz, whole=whole)
        push = None if mask & _NO_ACCELERATION else self._enu(m, m.afx, m.afy, m.afz, whole=whole)
        senseless = (not mask & _NO_PLACE and place is None) or (mask & _FORCE and push is not None)
        senseless = senseless or not (_sane(speed) and _sane(place, _FARTHEST_M) and _sane(push))
        if senseless or (place is None and speed is None and push is None):
            self.stop()
            return
        if place is not None and speed is None and push is not None:
            self.stop()
            return
        if place is not None and not self._pilot.allows(float(place[0]), float(place[1])):
            return
        self._pilot.end_takeoff()
        self.goal, self._wanted, self._push = place, speed, push if place is None and speed is None else None
        self._told_s = self._moved_s = self._pilot.now_s
        self._turn(m, whole=whole)

    def _turn(self, m: Any, *, whole: bool) -> None:
        heading = self._pilot.heading
        yaw = not m.type_mask & _NO_YAW and math.isfinite(m.yaw)
        rate = not m.type_mask & _NO_YAW_RATE and math.isfinite(m.yaw_rate)
        if yaw and not whole and m.coordinate_frame in (_BODY, _BODY_OFFSET):
            heading.fix(m.yaw, relative=True)
        elif yaw:
            heading.look(m.yaw, m.yaw_rate if rate else 0.0)
        elif rate:
            heading.turn(m.yaw_rate)
        else:
            heading.default()

    def _global(self, m: Any) -> Floats | None:
        base = BASES.get(m.coordinate_frame)
        if base is None or abs(m.lat_int) > 900_000_000 or abs(m.lon_int) > 1_800_000_000:
            return None
        plane = self._pilot.plane
        enu = plane.enu(m.lat_int * 1e-7, m.lon_int * 1e-7, plane.alt_m)
        return np.array([enu[0], enu[1], (float(self._pilot.home[2]) if base else 0.0) + m.alt])

    def _local(self, m: Any) -> Floats:
        """North, east, down of home, or of here; of the nose in a body frame."""
        offset = self._enu(m, m.x, m.y, m.z, whole=False)
        base = self._pilot.home if m.coordinate_frame == _LOCAL else self._pilot.flight.enu
        return np.asarray(base + offset)

    def _enu(self, m: Any, north: float, east: float, down: float, *, whole: bool) -> Floats:
        if not whole and m.coordinate_frame in (_BODY, _BODY_OFFSET):
            yaw = self._pilot.flight.yaw
            north, east = (
                north * math.cos(yaw) - east * math.sin(yaw),
                north * math.sin(yaw) + east * math.cos(yaw),
            )
        return np.array([east, north, -down])


def _sane(vector: Floats | None, most: float = _FASTEST) -> bool:
    return vector is None or bool(np.all(np.abs(vector) <= most))
