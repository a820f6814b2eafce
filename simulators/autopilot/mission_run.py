"""AUTO: one item after the other, as ArduPilot's mission library runs them.

Two commands run at a time: one that flies (``nav``) and, beside it, one of the DO and CONDITION items that stand
behind it, a condition holding back those that follow. A mission that was stopped goes on with the item it was at, one
that was completed begins anew. It is updated while the mode is AUTO, on the ground and disarmed as well: the first
item is taken up, and waits.

MISSION_ITEM_REACHED comes for the items that fly, for conditions and for some of the others; of several in one moment
it tells the last.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulators.autopilot import mission_items
from simulators.autopilot.mission_items import CONDITIONS, FLOWN, JUMP, KNOWN, NAMES, REPORTED, TAKEOFF
from simulators.autopilot.mission_legs import Legs
from simulators.autopilot.transfers import MISSION, Item
from simulators.geodesy import Floats

if TYPE_CHECKING:
    from simulators.autopilot.pilot import Pilot

NO_MISSION, NOT_STARTED, ACTIVE, PAUSED, COMPLETE = 1, 2, 3, 4, 5
_MOST_LOOPS, _MOST_JUMPS = 255, 64
_SKIPPED = frozenset({93})  # what a take-off may stand behind


class MissionRun:
    """``nav`` is the number of the item that flies, ``state`` of MISSION_CURRENT; ``legs`` flies.

    ``reached`` is the item that MISSION_ITEM_REACHED told last, ``reports`` how often it told one.
    """

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.legs = Legs(pilot)
        self.state = NOT_STARTED
        self.reached: int | None = None
        self.reports = 0
        self.nav: int | None = None
        self._flies = False
        self._do: int | None = None
        self._does, self._none_left = False, False
        self._jumped: dict[int, int] = {}

    @property
    def items(self) -> list[Item]:
        """The mission as stored."""
        return self._pilot.transfers.lists[MISSION]

    @property
    def present(self) -> bool:
        """Whether there is anything but home."""
        return len(self.items) > 1

    @property
    def current(self) -> int:
        """The number that MISSION_CURRENT tells."""
        return self.nav or 0

    @property
    def starts_with_takeoff(self) -> bool:
        """Whether the item that it would begin with is a take-off."""
        begins = None if self._pilot.values["MIS_RESTART"] else self.nav
        flown = (item.command for item in self.items[begins or 1 :] if item.command in FLOWN)
        return next((command in TAKEOFF for command in flown if command not in _SKIPPED), False)

    # --- order ------------------------------------------------------------------------------------------------------

    def start_or_resume(self) -> None:
        """From the beginning if it never began, was completed or MIS_RESTART says so; else from the current item."""
        if self._pilot.values["MIS_RESTART"] == 1 or self.state == COMPLETE:
            self._start()
            return
        self.state = ACTIVE
        if self.nav is None or self.nav >= len(self.items):
            self._start()
        elif self._does and self._do is not None:
            self.set_current(self._do)
        elif self._flies:
            self.set_current(self.nav)

    def _start(self) -> None:
        self.state = ACTIVE
        self.reset()
        if not self._advance():
            self._complete()

    def stop(self) -> None:
        """AUTO is left."""
        if self.state == ACTIVE:
            self.state = NOT_STARTED

    def reset(self) -> None:
        """Disarmed: the next start is from the beginning."""
        self.nav = self._do = None
        self._flies = self._does = self._none_left = False
        self._jumped.clear()

    def clear(self) -> None:
        """There is no mission any more."""
        self.nav = self._do = None
        self._flies = self._does = False
        self.state = NOT_STARTED

    def set_current(self, seq: int) -> bool:
        """Make an item the current one; whether that is possible."""
        if not 0 <= seq < len(self.items) or not self.present:
            return False
        self._do, self._does, self._none_left, self._flies = None, False, False, False
        if seq == 0 or self.state == COMPLETE:
            self._jumped.clear()
        seq = max(1, seq)
        if self.state != ACTIVE:
            self.state = NOT_STARTED
            return self._point_at(seq)
        if self._advance(seq):
            return True
        self._complete()
        return False

    def restart(self) -> bool:
        """Take the flown item up again, if it runs and there is still one of that number."""
        if self.state != ACTIVE or not 0 < self.current < len(self.items):
            return False
        return self.set_current(self.current)

    def changed(self) -> None:
        """The list has been written to: a leg to a place begins anew, everything else flies on with what it had."""
        if self.state != ACTIVE or not self.legs.to_a_place:
            return
        how = ", restarted command" if self.restart() else " but failed to restart command"
        self._pilot.say(2, f"Auto mission changed{how}")

    def _point_at(self, seq: int) -> bool:
        """While it does not run: what it would begin with."""
        while not self._flies:
            found = self._next(seq, count=True)
            if found is None:
                self.nav = None
                return False
            if self.items[found].command in FLOWN:
                self.nav, self._flies = found, True
            elif not self._does:
                self._do, self._does = found, True
            seq = found + 1
        self._none_left = not self._does
        return True

    def _complete(self) -> None:
        self.state = COMPLETE
        if self._pilot.landed:
            self._pilot.disarm()
        else:
            self.legs.hold()

    # --- running ----------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Go on to the next item where one is done."""
        if self.state != ACTIVE or not self.items:
            return
        if self._flies and self.nav is not None and self.nav < len(self.items):
            if not self.legs.done(self.items[self.nav]):
                self._beside()
                return
            self._report(self.nav)
            self._flies = False
        if not self._flies and not self._advance():
            self._complete()
            return
        self._beside()

    def _beside(self) -> None:
        if not self._does:
            self._next_do()
        elif self._do is not None and (self._do >= len(self.items) or self._is_done(self._do)):
            self._does = False

    def _advance(self, begin: int = 0) -> bool:
        """To the next item that flies; the first that does not, on the way, is begun beside it."""
        self._do, self._does, self._none_left = None, False, False
        seq = begin if begin else 1 if self.nav is None else self.nav + 1
        for _ in range(_MOST_LOOPS):
            found = self._next(seq, count=True)
            if found is None:
                return False
            if self.items[found].command in FLOWN:
                self.nav = found
                self._begin(found)
                self._flies = self.legs.begin(found, self.items[found])
            elif not self._does:
                self._do, self._does = found, True
                self._begin(found)
                self._carry_out(found)
            if self._flies:
                self._none_left = not self._does
                return True
            seq = found + 1
        return False

    def _next_do(self) -> None:
        if self._none_left:
            return
        found = self._next(1 if self._do is None else self._do + 1, count=False)
        if found is None or self.items[found].command in FLOWN:
            self._none_left = True
            return
        self._do, self._does = found, True
        self._begin(found)
        self._carry_out(found)

    def flown_after(self, seq: int) -> Item | None:
        """The next item after one that flies, as its jumps stand now."""
        for _ in range(_MOST_LOOPS):
            found = self._next(seq + 1, count=False)
            if found is None or self.items[found].command in FLOWN:
                return None if found is None else self.items[found]
            seq = found
        return None

    def _next(self, seq: int, *, count: bool) -> int | None:
        """The number of the next item from one on, jumps followed; ``count``: they use themselves up."""
        seen = None
        for _ in range(_MOST_JUMPS + len(self.items)):
            if seq >= len(self.items):
                return None
            item = self.items[seq]
            if item.command != JUMP:
                return seq
            to, times, done = round(item.params[0]), round(item.params[1]), self._jumped.get(seq, 0)
            if not 0 < to < len(self.items) or (not count and seen == seq):
                return None
            seen = seq if seen is None else seen
            if times >= 0 and done >= times:
                if count:
                    self._jumped.pop(seq, None)
                seq += 1
                continue
            if count:
                self._jumped[seq] = done + 1
                self._pilot.say(6, f"Mission: {seq} Jump {done + 1}/{times if times >= 0 else 'unlimited'}")
            seq = to
        return None

    def _begin(self, seq: int) -> None:
        self._pilot.say(6, f"Mission: {seq} {NAMES.get(self.items[seq].command, '?')}")

    def _report(self, seq: int) -> None:
        self.reached = seq
        self.reports += 1

    # --- beside -----------------------------------------------------------------------------------------------------

    def _carry_out(self, seq: int) -> None:
        item = self.items[seq]
        if item.command in CONDITIONS:
            self.legs.begin_condition(item)
        else:
            mission_items.carry_out(self._pilot, self.legs, item)

    def _is_done(self, seq: int) -> bool:
        item = self.items[seq]
        if item.command in CONDITIONS and not self.legs.condition_holds(item):
            return False
        if item.command not in KNOWN and item.command not in CONDITIONS:
            self._pilot.say(4, f"Skipping invalid cmd #{item.command}")
        if item.command in REPORTED or item.command not in KNOWN:
            self._report(seq)
        return True

    # --- flying -----------------------------------------------------------------------------------------------------

    @property
    def is_landing(self) -> bool:
        """Whether it is on its way down to land."""
        return self.legs.is_landing

    @property
    def takeoff_to(self) -> float | None:
        """The height of the take-off under way, metres above sea level."""
        return self.legs.takeoff_to

    def velocity(self) -> Floats:
        """What the current item wants, east-north-up m/s."""
        return self.legs.velocity()

    @property
    def bearing_rad(self) -> float:
        """From here to the place of the leg."""
        goal = self.legs.goal
        if goal is None:
            return self._pilot.flight.yaw
        east, north = (float(value) for value in (goal - self._pilot.flight.enu)[:2])
        return math.atan2(east, north)
