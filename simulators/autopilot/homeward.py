"""The way home: RTL over home or the nearest rally point, SMART_RTL along the path that was flown.

RTL climbs first, returns, waits RTL_LOIT_TIME with the nose as at arming, then lands, or stays at RTL_ALT_FINAL. The
height of the return is the highest of RTL_ALT, the rally point's and its own plus RTL_CLIMB_MIN, but near home not
above the cone of RTL_CONE_SLOPE; it never sinks for it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from simulators.autopilot.modes import SMART_RTL
from simulators.autopilot.settings import Values
from simulators.autopilot.steering import Speeds, descend, towards
from simulators.autopilot.transfers import RALLY
from simulators.flight import Flight
from simulators.geodesy import Floats

if TYPE_CHECKING:
    from simulators.autopilot.pilot import Pilot

_LOWEST_M, _FLATTEST_CONE = 0.3, 0.5
_THERE_M, _CLIMBED_M = 1.0, 1.0
_ALT_MAX_FENCE = 1
_TRAIL_POINTS = 300
_LOST_AFTER_S = 14.0
_ENDS_ABOVE_M = 2.0
_YAW_DONE_RAD = math.radians(2.0)


class Return:
    """One way home, begun where the vehicle is. ``path``: places to pass first, the nearest last."""

    def __init__(self, pilot: Pilot, path: list[Floats] | None = None) -> None:
        self._pilot = pilot
        self._path = path
        values = pilot.values
        self._speeds = Speeds.of(values, values["RTL_SPEED"])
        self.landing = False
        self._climbed = path is not None
        self._wait_until_s: float | None = None
        self._target = _target(pilot) if path is None else (path[0] if path else pilot.flight.enu).copy()

    def velocity(self) -> Floats:
        """East-north-up m/s."""
        flight, values = self._pilot.flight, self._pilot.values
        if self.landing:
            return descend(flight, values)
        if self._path:
            return self._back()
        if self._wait_until_s is not None:
            return self._wait(flight, values)
        if not self._climbed:  # up first, then home
            self._climbed = self._target[2] - flight.enu[2] <= _CLIMBED_M
            return np.array([0.0, 0.0, self._speeds.up])
        if math.hypot(*(flight.enu - self._target)[:2]) < _THERE_M:
            self._wait_until_s = self._pilot.now_s + values["RTL_LOIT_TIME"] / 1000
            flight.target_yaw = self._pilot.armed_yaw
        return towards(flight, self._target, self._speeds)

    def _back(self) -> Floats:
        assert self._path
        if float(np.linalg.norm(self._path[-1] - self._pilot.flight.enu)) < 2 * _THERE_M:
            self._path.pop()
            return self.velocity()
        return towards(self._pilot.flight, self._path[-1], self._speeds, turn=False)

    def _wait(self, flight: Flight, values: Values) -> Floats:
        assert self._wait_until_s is not None
        off = (flight.yaw - flight.target_yaw + math.pi) % (2 * math.pi) - math.pi
        if self._pilot.now_s >= self._wait_until_s and abs(off) <= _YAW_DONE_RAD:
            if values["RTL_ALT_FINAL"] <= 0 or self._pilot.sticks.lost:
                self.landing = True
            else:
                self._target[2] = self._pilot.home[2] + values["RTL_ALT_FINAL"] / 100
        return towards(flight, self._target, self._speeds, turn=False)


def _target(pilot: Pilot) -> Floats:
    """Over home or the nearest rally point, at the height of the return."""
    values, enu, home = pilot.values, pilot.flight.enu, pilot.home
    places = [
        home.copy(),
        *(_rally(pilot, item.lat_deg, item.lon_deg, item.z) for item in pilot.transfers.lists[RALLY]),
    ]
    target = min(places, key=lambda place: math.hypot(*(place - enu)[:2]))
    own = float(enu[2] - home[2])
    least = max(_LOWEST_M, own + max(0.0, values["RTL_CLIMB_MIN"] / 100))
    height = max(float(target[2] - home[2]), values["RTL_ALT"] / 100, least)
    if values["RTL_CONE_SLOPE"] >= _FLATTEST_CONE:
        height = min(height, max(math.hypot(*(target - enu)[:2]) * values["RTL_CONE_SLOPE"], least))
    if values["FENCE_ENABLE"] and int(values["FENCE_TYPE"]) & _ALT_MAX_FENCE:
        height = min(height, values["FENCE_ALT_MAX"] - values["FENCE_MARGIN"])
    target[2] = home[2] + max(height, own)
    return target


def _rally(pilot: Pilot, lat_deg: float, lon_deg: float, up_m: float) -> Floats:
    enu = pilot.plane.enu(lat_deg, lon_deg, pilot.plane.alt_m)
    return np.array([enu[0], enu[1], pilot.home[2] + up_m])


class Trail:
    """The path since arming for SMART_RTL: a point every SRTL_ACCURACY, loops cut off where it comes back to itself."""

    def __init__(self) -> None:
        self._points: list[Floats] = []
        self.good = False
        self._unplaced_s: float | None = None

    def begin(self, pilot: Pilot) -> None:
        """At arming. The way back ends two metres above the ground; without a position there is none."""
        self._points, self.good = [pilot.home + np.array([0.0, 0.0, _ENDS_ABOVE_M])], True
        if not pilot.gnss.ever:  # nothing is lost
            self._points, self.good = [], False
        elif not pilot.position_ready:
            self.lose(pilot)

    def lose(self, pilot: Pilot) -> None:
        """Without a position, or for too long: there is no way back."""
        self._points, self.good = [], False
        pilot.say(4, "SmartRTL deactivated: bad position")

    def watch(self, pilot: Pilot) -> None:
        """Follow the vehicle."""
        if pilot.position_ready or not pilot.armed:
            self._unplaced_s = None
            if pilot.flying and pilot.mode != SMART_RTL:
                self.add(pilot.flight.enu, pilot.values["SRTL_ACCURACY"])
            return
        self._unplaced_s = pilot.now_s if self._unplaced_s is None else self._unplaced_s
        if self.good and pilot.now_s - self._unplaced_s > _LOST_AFTER_S:
            self.lose(pilot)

    def add(self, enu: Floats, apart_m: float) -> None:
        """Where the vehicle is now; kept when it is far enough from the last point."""
        if not self.good or float(np.abs(enu - self._points[-1]).max()) < apart_m:
            return
        gaps = np.linalg.norm(np.array(self._points) - enu, axis=1)
        close = np.flatnonzero(gaps < apart_m)
        if len(close):
            del self._points[close[0] + 1 :]
        elif len(self._points) < _TRAIL_POINTS:
            self._points.append(enu.copy())
        else:  # thinned where it is oldest and longest: every second one
            self._points = [*self._points[:1], *self._points[2::2], enu.copy()]

    def path(self) -> list[Floats]:
        """From arming to here."""
        return [point.copy() for point in self._points]
