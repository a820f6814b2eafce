"""The flight modes of ArduCopter 4.7: their numbers, their names in texts, and what each asks for.

Known are those of the table; of these some refuse at once on an ordinary quadcopter, in their own words. Which need a
position and which let themselves be armed is told by the vehicle itself when it is asked mode by mode.
"""

from __future__ import annotations

from dataclasses import dataclass

STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL, CIRCLE, LAND = 0, 2, 3, 4, 5, 6, 7, 9
POSHOLD, BRAKE, THROW, SMART_RTL, AUTO_RTL = 16, 17, 18, 21, 27


@dataclass(frozen=True, slots=True)
class Mode:
    """``sticks``: the pilot's hands fly it. ``user_takeoff``: NAV_TAKEOFF works. ``refusal``: what it says before."""

    name: str
    position: bool = False
    armable: bool = False
    sticks: bool = False
    user_takeoff: bool = False
    refuses: bool = False
    refusal: str = ""


MODES: dict[int, Mode] = {
    STABILIZE: Mode("STABILIZE", armable=True, sticks=True),
    1: Mode("ACRO", armable=True, sticks=True),
    ALT_HOLD: Mode("ALT_HOLD", armable=True, sticks=True, user_takeoff=True),
    AUTO: Mode("AUTO", position=True),
    GUIDED: Mode("GUIDED", position=True, armable=True, user_takeoff=True),
    LOITER: Mode("LOITER", position=True, armable=True, sticks=True, user_takeoff=True),
    RTL: Mode("RTL", position=True),
    CIRCLE: Mode("CIRCLE", position=True),
    LAND: Mode("LAND"),
    11: Mode("DRIFT", position=True, armable=True, sticks=True),
    14: Mode("FLIP", refuses=True),
    15: Mode("AUTOTUNE", refuses=True),
    POSHOLD: Mode("POSHOLD", position=True, armable=True, sticks=True, user_takeoff=True),
    BRAKE: Mode("BRAKE", position=True),
    THROW: Mode("THROW", position=True, armable=True),
    19: Mode("AVOID_ADSB", position=True),
    20: Mode("GUIDED_NOGPS", armable=True),
    SMART_RTL: Mode("SMARTRTL", position=True),
    22: Mode("FLOWHOLD", refuses=True),
    23: Mode("FOLLOW", position=True, refuses=True, refusal="Set FOLL_ENABLE = 1"),
    24: Mode("ZIGZAG", position=True, armable=True, sticks=True, user_takeoff=True),
    25: Mode("SYSTEMID", refuses=True, refusal="No axis selected, SID_AXIS = 0"),
    28: Mode("TURTLE", refuses=True),
}
