"""AUTO: one item after the other, as ArduPilot's mission library runs them.

Items that fly (navigation) follow each other; DO and CONDITION items that stand behind one begin when it is done and
run beside the next, one a step, a condition holding back those behind it. MISSION_ITEM_REACHED comes for the items
that fly, for conditions and for some of the others, so several in one step leave only the last number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from simulators.autopilot.homeward import Return
from simulators.autopilot.steering import Circle, descend, towards
from simulators.autopilot.transfers import MISSION, Item
from simulators.geodesy import Floats

if TYPE_CHECKING:
    from simulators.autopilot.pilot import Pilot

NO_MISSION, NOT_STARTED, ACTIVE, PAUSED, COMPLETE = 1, 2, 3, 4, 5
TAKEOFF, WAYPOINT, LAND = 22, 16, 21
_FOR_EVER_S = 1e9
_HOLDS = frozenset({16, 19, 82, 93})
_SAYS_REACHED = frozenset({16, 19, 82})
_REPORTED = frozenset({112, 114, 115, 178, 179, 195, 197, 201, 205, 207, 222})
_CONDITIONS = frozenset({112, 114, 115})
_YAW_DONE_RAD = math.radians(2.0)
NAMES = {
    16: "WP", 17: "LoitUnlim", 18: "LoitTurns", 19: "LoitTime", 20: "RTL", 21: "Land", 22: "Takeoff",
    31: "LoitAltitude", 82: "SplineWP", 92: "GuidedEnable", 93: "Delay", 112: "CondDelay", 114: "CondDist",
    115: "CondYaw", 177: "Jump", 178: "ChangeSpeed", 179: "SetHome", 181: "SetRelay", 183: "SetServo", 189: "LandStart",
    195: "SetROILocation", 197: "SetROINone", 201: "SetROI", 203: "DigiCamCtrl", 205: "MountControl",
    206: "SetCamTrigDst", 207: "FenceEnable", 1000: "GimbalPitchYaw", 2000: "ImageStartCapture",
    2001: "ImageStopCapture",
}  # fmt: skip
FLOWN = frozenset({16, 17, 18, 19, 20, 21, 22, 31, 82, 92, 93})


class MissionRun:
    """``current`` and ``reached`` item numbers, ``state`` of MISSION_CURRENT; ``velocity`` flies the current item."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.current = 0
        self.reached: int | None = None
        self.state = NOT_STARTED
        self.takeoff_to: float | None = None
        self.landing = False
        self._goal: Floats | None = None
        self._hold_until_s: float | None = None
        self._land_at_goal = False
        self._circle: Circle | None = None
        self._circles_said = 0
        self._return: Return | None = None
        self._jumped: dict[int, int] = {}
        self._beside: list[int] = []
        self._condition_from_s: float | None = None

    @property
    def items(self) -> list[Item]:
        """The mission as stored."""
        return self._pilot.transfers.lists[MISSION]

    @property
    def present(self) -> bool:
        """Whether there is anything but home."""
        return len(self.items) > 1

    @property
    def starts_with_takeoff(self) -> bool:
        """Whether the first item that flies is a take-off."""
        return next((item.command == TAKEOFF for item in self.items[1:] if item.command in FLOWN), False)

    @property
    def is_landing(self) -> bool:
        """Whether it is on its way down to land."""
        return self.landing or (self._return is not None and self._return.landing)

    # --- order ------------------------------------------------------------------------------------------------------

    def start_or_resume(self) -> None:
        """From the beginning if it never began, was completed or MIS_RESTART says so; else from the current item."""
        fresh = self.state == COMPLETE or self.current == 0 or self._pilot.values["MIS_RESTART"] == 1
        self.state = ACTIVE
        if fresh:
            self.current = 0
            self._jumped.clear()
            self._advance()
        else:
            self.restart()

    def stop(self) -> None:
        """AUTO is left."""
        if self.state in (ACTIVE, PAUSED):
            self.state = NOT_STARTED
        self._clear()

    def reset(self) -> None:
        """Disarmed: the next start is from the beginning."""
        self.stop()
        self.current = 0 if self.state == NOT_STARTED else self.current
        self._jumped.clear()

    def set_current(self, seq: int, *, flying: bool) -> bool:
        """Make an item the current one; whether there is such an item."""
        if not 0 <= seq < len(self.items):
            return False
        self.current = seq
        if flying:
            self.state = ACTIVE
            self.restart()
        return True

    def restart(self) -> None:
        """Take the current item up again."""
        self.current = max(0, self.current - 1)
        self._advance()

    def _clear(self) -> None:
        self.takeoff_to = self._goal = self._circle = self._return = self._hold_until_s = None
        self.landing = self._land_at_goal = False
        self._beside, self._condition_from_s = [], None

    def _advance(self) -> None:
        """To the next item that flies; the DO items on the way are put beside it."""
        self._clear()
        while self.state == ACTIVE:
            self.current += 1
            if self.current >= len(self.items):  # AUTO stays AUTO and holds, as the real one does
                self.state, self.current = COMPLETE, max(0, len(self.items) - 1)
                for seq in self._beside:
                    self._begin(seq)
                self._beside = []
                return
            item = self.items[self.current]
            if item.command == 177:
                self._jump(item)
            elif item.command in FLOWN:
                self._take_up(item)
                return
            else:
                self._beside.append(self.current)

    def _jump(self, item: Item) -> None:
        times, done = round(item.params[1]), self._jumped.get(self.current, 0)
        if times >= 0 and done >= times:
            return
        self._jumped[self.current] = done + 1
        self._pilot.say(6, f"Mission: {self.current} Jump {done + 1}/{times if times >= 0 else 'unlimited'}")
        self.current = round(item.params[0]) - 1

    def _say_begun(self, seq: int) -> None:
        command = self.items[seq].command
        self._pilot.say(6, f"Mission: {seq} {NAMES.get(command, '?')}")

    def _take_up(self, item: Item) -> None:
        """Begin an item that flies."""
        self._say_begun(self.current)
        flight = self._pilot.flight
        if item.command == TAKEOFF:
            self.takeoff_to = float(self.altitude(item))
        elif item.command == 20:
            self._return = Return(self._pilot)
        elif item.command == LAND:
            self._land_at_goal = bool(item.x or item.y)
            self.landing = not self._land_at_goal
            if self._land_at_goal:
                self._goal = np.array([*self.place(item)[:2], flight.enu[2]])
        elif item.command == 93:
            self._pilot.say(6, f"Delaying {max(0, round(item.params[0]))} sec")
            self._goal = flight.enu.copy()
        else:
            self._goal = self.place(item) if item.x or item.y else flight.enu.copy()
            if item.z == 0:  # no height of its own: the one that it has
                self._goal[2] = flight.enu[2]

    # --- beside -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Carry out the next DO or CONDITION item beside the one that is flown."""
        if self.state != ACTIVE or not self._beside:
            return
        seq = self._beside[0]
        if seq >= len(self.items):
            self._beside = []
        elif self.items[seq].command not in _CONDITIONS:
            self._beside.pop(0)
            self._begin(seq)
        elif self._condition_holds(seq):
            self._beside.pop(0)
            self._condition_from_s = None
            self.reached = seq

    def _condition_holds(self, seq: int) -> bool:
        """Begin a condition, then ask whether it is met."""
        item, pilot = self.items[seq], self._pilot
        if self._condition_from_s is None:
            self._condition_from_s = pilot.now_s
            self._say_begun(seq)
            if item.command == 115:
                pilot.turn(item.params[0], sense=item.params[2], relative=item.params[3] > 0)
            return False
        if item.command == 112:
            return pilot.now_s - self._condition_from_s >= item.params[0]
        if item.command == 115:
            off = (pilot.flight.yaw - pilot.flight.target_yaw + math.pi) % (2 * math.pi) - math.pi
            return abs(off) <= _YAW_DONE_RAD
        flat = 0.0 if self._goal is None else math.hypot(*(self._goal - pilot.flight.enu)[:2])
        return flat < item.params[0]

    def _begin(self, seq: int) -> None:
        """Carry a DO item out."""
        item = self.items[seq]
        self._say_begun(seq)
        action = _ACTIONS.get(item.command)
        if action is not None:
            action(self, item)
        if item.command in _REPORTED:
            self.reached = seq

    def _speed(self, item: Item) -> None:
        self._pilot.change_speed(round(item.params[0]), item.params[1])

    def _gimbal(self, item: Item) -> None:
        self._pilot.payload.point(item.params[0], item.params[1])

    def _mount(self, item: Item) -> None:
        self._pilot.payload.point(item.params[0])

    def _roi(self, item: Item) -> None:
        self._pilot.payload.look_at(self.place(item) if item.x or item.y else None)

    def _roi_none(self, item: Item) -> None:
        self._pilot.payload.look_at(None)

    def _shoot(self, item: Item) -> None:
        self._pilot.payload.shoot()

    def _shoot_every(self, item: Item) -> None:
        self._pilot.payload.shoot_every(item.params[0], now=item.params[2] == 1)

    # --- flying -----------------------------------------------------------------------------------------------------

    def velocity(self) -> Floats:
        """What the current item wants, east-north-up m/s."""
        pilot = self._pilot
        if self._return is not None:
            return self._return.velocity()
        if self.landing:
            return descend(pilot.flight, pilot.values)
        if self.state != ACTIVE or self._goal is None:
            return np.zeros(3)
        near_m = pilot.values["WPNAV_RADIUS"] / 100
        if self._circle is not None:
            return self._around(near_m)
        if float(np.linalg.norm(self._goal - pilot.flight.enu)) < near_m:
            if self._hold_until_s is None:
                self._arrived(self.items[min(self.current, len(self.items) - 1)])
                return self.velocity()
            if pilot.now_s >= self._hold_until_s:
                self.done()
                return self.velocity()
        return towards(pilot.flight, self._goal, pilot.speeds, turn=not pilot.turned)

    def _arrived(self, item: Item) -> None:
        """At an item's place: hold, circle or sink."""
        hold_s = _FOR_EVER_S if item.command in (17, 92) else item.params[0] if item.command in _HOLDS else 0.0
        self._hold_until_s = self._pilot.now_s + hold_s
        if self._land_at_goal:
            self._land_at_goal, self.landing = False, True
        elif item.command == 18 and item.params[0] > 0:
            radius = item.params[2] or self._pilot.values["CIRCLE_RADIUS"] / 100
            assert self._goal is not None
            self._circle, self._circles_said = Circle(self._goal.copy(), radius, item.params[0]), 0

    def done(self) -> None:
        """The current item is flown."""
        self.reached = self.current
        if self.current < len(self.items) and self.items[self.current].command in _SAYS_REACHED:
            self._pilot.say(6, f"Reached command #{self.current}")
        self._advance()

    def _around(self, near_m: float) -> Floats:
        pilot = self._pilot
        assert self._circle is not None
        if self._circle.done:
            self.done()
            return self.velocity()
        wanted = self._circle.velocity(pilot.flight, pilot.speeds, near_m)
        if self._circle.begun > self._circles_said:
            self._circles_said = self._circle.begun
            turns = round(self.items[self.current].params[0])
            pilot.say(6, f"Mission: starting circle {self._circles_said}/{turns}")
        return wanted

    def altitude(self, item: Item) -> float:
        """Metres above sea level. A terrain height is taken above home: the simulated terrain data is flat."""
        return item.z if item.frame == 0 else float(self._pilot.home[2]) + item.z

    def place(self, item: Item) -> Floats:
        """Where an item is."""
        plane = self._pilot.plane
        enu = plane.enu(item.lat_deg, item.lon_deg, plane.alt_m)
        return np.array([enu[0], enu[1], self.altitude(item)])


_ACTIONS: dict[int, Callable[[MissionRun, Item], None]] = {
    178: MissionRun._speed,
    195: MissionRun._roi,
    197: MissionRun._roi_none,
    201: MissionRun._roi,
    203: MissionRun._shoot,
    205: MissionRun._mount,
    206: MissionRun._shoot_every,
    1000: MissionRun._gimbal,
    2000: MissionRun._shoot,
}
