"""The legs of a mission: how each item is flown, and when it is done.

A leg that begins from rest, or breaks another one off, gathers speed with WPNAV_JERK, as the real one's S-curves do; a
waypoint is passed at WPNAV_RADIUS where another place follows, else the vehicle comes to rest on it first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from simulators.autopilot.homeward import Return
from simulators.autopilot.mission_items import (
    DELAY,
    GUIDED_ENABLE,
    LANDINGS,
    LOITER_FOREVER,
    LOITER_TIME,
    LOITER_TURNS,
    RETURN,
    SPLINE,
    TAKEOFF,
    WAYPOINT,
)
from simulators.autopilot.steering import Circle, descend, rise, stopping_point, towards
from simulators.autopilot.storage import Item
from simulators.geodesy import Floats

if TYPE_CHECKING:
    from simulators.autopilot.pilot import Pilot

_AT_REST_M, _AT_REST_M_S, _SETTLES_S = 0.3, 0.4, 0.7
_BEHIND_S = 0.3  # what the vehicle lags behind its orders
_LEAST_TAKEOFF_M = 1.0
_TOP_M, _TOP_SHARE = 0.3, 0.1
_TO_A_PLACE = frozenset({WAYPOINT, LOITER_FOREVER, LOITER_TIME, SPLINE, 31})
_PASSED_TOWARDS = frozenset({WAYPOINT, LOITER_FOREVER, LOITER_TIME, SPLINE})
_HOLDS = frozenset({WAYPOINT, LOITER_TIME, SPLINE})
_CREEPING_M_S = 0.3
_ABOVE_TERRAIN = 10  # MAV_FRAME
_CONDITION_DELAY, _CONDITION_DISTANCE, _CONDITION_YAW = 112, 114, 115


class Legs:
    """``goal`` is where the leg leads, ``takeoff_to`` the height of a take-off under way, metres above sea level."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.goal: Floats | None = None
        self.takeoff_to: float | None = None
        self.to_a_place = False
        """Whether it flies to a place now, and to nothing else."""
        self.guided = False
        """Whether it takes targets of a companion computer."""
        self._landing = self._land_at_goal = False
        self._over_m: float | None = None
        self._passes = self._there = self._passed = self._turns = False
        self._from_s: float | None = None
        self._there_s: float | None = None
        self._rests_s: float | None = None
        self._delay_until_s = 0.0
        self._circle: Circle | None = None
        self._circles_said = 0
        self._return: Return | None = None
        self._condition_from_s = 0.0

    @property
    def is_landing(self) -> bool:
        """Whether it is on its way down to land."""
        return self._landing or (self._return is not None and self._return.landing)

    # --- begin ------------------------------------------------------------------------------------------------------

    def begin(self, seq: int, item: Item) -> bool:
        """Begin an item that flies; false for one that a copter has no use for."""
        command = item.command
        if command == DELAY:  # whatever was flown before goes on
            self._delay_until_s = self._pilot.now_s + max(0.0, item.params[0])
            self._pilot.say(6, f"Delaying {max(0, round(item.params[0]))} sec")
            return True
        known = command in TAKEOFF or command in LANDINGS or command in _TO_A_PLACE
        if not known and command not in (RETURN, LOITER_TURNS, GUIDED_ENABLE):
            return False
        passing = self._there and self._passes
        self._clear()
        if command in TAKEOFF:
            self._begin_takeoff(item)
        elif command == RETURN:
            self._return = Return(self._pilot)
        elif command in LANDINGS and not (item.x or item.y):
            self._landing = True
        elif command == GUIDED_ENABLE:
            self.guided = item.params[0] > 0
            self._pilot.guided.stop()
        else:
            self._fly_to(seq, item, passing=passing)
        return True

    def _fly_to(self, seq: int, item: Item, *, passing: bool) -> None:
        flight = self._pilot.flight
        self.goal = self.place(item) if item.x or item.y else flight.enu.copy()
        if item.z == 0 or item.command in LANDINGS:  # no height of its own: the one that it has
            self.goal[2] = flight.enu[2]
        self._over_m = item.z if item.frame == _ABOVE_TERRAIN and item.z != 0 else None
        self._land_at_goal = item.command in LANDINGS
        self._turns = item.command == LOITER_TURNS
        self.to_a_place = not self._turns
        self._passes = item.command in (WAYPOINT, SPLINE) and item.params[0] == 0 and self._place_follows(seq)
        self._from_s = None if passing else self._pilot.now_s
        self._pilot.heading.default()

    def _place_follows(self, seq: int) -> bool:
        after = self._pilot.mission.flown_after(seq)
        return after is not None and after.command in _PASSED_TOWARDS

    def _begin_takeoff(self, item: Item) -> None:
        pilot = self._pilot
        least = float(pilot.flight.enu[2]) + (_LEAST_TAKEOFF_M if pilot.landed else 0.0)
        self.takeoff_to = max(self.altitude(item), least)
        self.goal = np.array([*pilot.flight.enu[:2], self.takeoff_to])

    def hold(self) -> None:
        """The mission is over: stay here."""
        self._clear()
        self.goal = stopping_point(self._pilot.flight, self._pilot.speeds)

    def _clear(self) -> None:
        self.takeoff_to = self.goal = self._circle = self._return = self._from_s = self._there_s = None
        self._rests_s = self._over_m = None
        self._landing = self._land_at_goal = self.to_a_place = self.guided = False
        self._passes = self._there = self._passed = self._turns = False

    # --- done -------------------------------------------------------------------------------------------------------

    def done(self, item: Item) -> bool:
        """Whether the item that flies is done; what has to be said of that is said."""
        command = item.command
        if command == DELAY:
            return self._pilot.now_s > self._delay_until_s
        if command in TAKEOFF:
            return self._passed
        if command == RETURN:
            return self._return is not None and self._return.landing and self._pilot.stopped
        if command in LANDINGS:
            return self._has_landed()
        if command == LOITER_TURNS:
            return self._has_circled(round(item.params[0]))
        if command == GUIDED_ENABLE:
            return item.params[0] == 0
        return command in _HOLDS and self._has_held(item)

    def _has_held(self, item: Item) -> bool:
        if not self._there:
            return False
        now_s = self._pilot.now_s
        self._there_s = now_s if self._there_s is None else self._there_s
        if int(now_s - self._there_s) < int(item.params[0]):
            return False
        self._pilot.say(6, f"Reached command #{self._pilot.mission.current}")
        return True

    def _has_landed(self) -> bool:
        """It disarms when it has landed; the item never counts as done."""
        if self._land_at_goal and self._there:
            self._land_at_goal, self._landing, self.to_a_place = False, True, False
        elif self._landing and self._pilot.stopped:
            self._pilot.disarm()
        return False

    def _has_circled(self, turns: int) -> bool:
        if self._circle is None:
            return False
        if self._circle.begun > self._circles_said:
            self._circles_said = self._circle.begun
            self._pilot.say(6, f"Mission: starting circle {self._circles_said}/{turns}")
        return self._circle.done

    # --- conditions -------------------------------------------------------------------------------------------------

    def begin_condition(self, item: Item) -> None:
        """CONDITION_DELAY, _DISTANCE or _YAW."""
        self._condition_from_s = self._pilot.now_s
        if item.command == _CONDITION_YAW:
            heading, rate, sense, relative = item.params
            self._pilot.heading.fix(math.radians(heading), math.radians(rate), sense, relative=relative > 0)

    def condition_holds(self, item: Item) -> bool:
        """Whether it is met."""
        if item.command == _CONDITION_DELAY:
            return self._pilot.now_s - self._condition_from_s >= item.params[0]
        if item.command == _CONDITION_YAW:
            self._pilot.heading.resume()  # the leg beside it has taken the nose
            return self._pilot.heading.reached
        away = 0.0 if self.goal is None else math.hypot(*(self.goal - self._pilot.flight.enu)[:2])
        return item.command == _CONDITION_DISTANCE and away < item.params[0]

    # --- flying -----------------------------------------------------------------------------------------------------

    def velocity(self) -> Floats:
        """What the leg wants, east-north-up m/s."""
        pilot = self._pilot
        if self._return is not None:
            return self._return.velocity()
        if self._landing:
            return descend(pilot.flight, pilot.values)
        if self.guided:
            return pilot.guided.velocity()
        if self.goal is None:
            return np.zeros(3)
        if self.takeoff_to is not None:
            return self._climb(self.takeoff_to)
        near_m = pilot.values["WPNAV_RADIUS"] / 100
        if self._over_m is not None:  # the ground under it, not the ground at the goal
            here = pilot.flight.enu
            self.goal[2] = pilot.home[2] + self._over_m + pilot.terrain_rise(float(here[0]), float(here[1]))
        if self._circle is not None:
            return self._circle.velocity(pilot.flight, pilot.speeds, near_m)
        if self._has_come(self.goal, near_m):
            self._there = True
            if self._turns:
                self._begin_circle()
        wanted = towards(pilot.flight, self.goal, pilot.speeds, turn=not pilot.heading.held)
        return self._smooth(wanted, math.hypot(*(self.goal - pilot.flight.enu)[:2]))

    def _has_come(self, goal: Floats, near_m: float) -> bool:
        """Near enough to pass; or there and at rest."""
        flight = self._pilot.flight
        away = float(np.linalg.norm(goal - flight.enu))
        if self._passes:
            return away < near_m
        now_s = self._pilot.now_s
        if not (away < min(near_m, _AT_REST_M) and float(np.linalg.norm(flight.velocity)) < _AT_REST_M_S):
            self._rests_s = None
            return False
        self._rests_s = now_s if self._rests_s is None else self._rests_s
        return now_s - self._rests_s >= _SETTLES_S

    def _climb(self, to_m: float) -> Floats:
        flight, speeds = self._pilot.flight, self._pilot.speeds
        left_m = to_m - float(flight.enu[2])
        if left_m < _TOP_M and abs(float(flight.velocity[2])) < max(_TOP_SHARE * speeds.up, 0.05):
            self._passed, self.takeoff_to = True, None
        return np.array([0.0, 0.0, rise(left_m, speeds)])

    def _begin_circle(self) -> None:
        pilot, mission = self._pilot, self._pilot.mission
        item = mission.items[min(mission.current, len(mission.items) - 1)]
        radius = item.params[2] or pilot.values["CIRCLE_RADIUS"] / 100
        assert self.goal is not None
        self._circle, self._circles_said = Circle(self.goal.copy(), radius, item.params[0]), 0

    def _smooth(self, wanted: Floats, away_m: float) -> Floats:
        """No faster than jerk and acceleration allow so long after the beginning, and so far before a stop."""
        values, fast = self._pilot.values, math.inf
        jerk, most = max(0.1, values["WPNAV_JERK"]), max(0.3, values["WPNAV_ACCEL"] / 100)
        if self._from_s is not None:
            age_s, rising_s = self._pilot.now_s - self._from_s, most / jerk
            fast = jerk * age_s**2 / 2 if age_s < rising_s else most * (age_s - rising_s / 2)
        speed = math.hypot(wanted[0], wanted[1])
        if not self._passes:  # s = j·t³/6 before the end, v = j·t²/2
            left_m = max(0.0, away_m - _BEHIND_S * math.hypot(*self._pilot.flight.velocity[:2]))
            fast = min(fast, max(_CREEPING_M_S, jerk / 2 * (6 * left_m / jerk) ** (2 / 3)))
        return wanted if speed <= fast else np.array([*(wanted[:2] * fast / speed), wanted[2]])

    def altitude(self, item: Item) -> float:
        """Metres above sea level where no terrain is followed."""
        return item.z if item.frame == 0 else float(self._pilot.home[2]) + item.z

    def place(self, item: Item) -> Floats:
        """Where an item is."""
        plane = self._pilot.plane
        enu = plane.enu(item.lat_deg, item.lon_deg, plane.alt_m)
        rise_m = self._pilot.terrain_rise(float(enu[0]), float(enu[1])) if item.frame == _ABOVE_TERRAIN else 0.0
        return np.array([enu[0], enu[1], self.altitude(item) + rise_m])
