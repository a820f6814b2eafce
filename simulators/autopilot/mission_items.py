"""The items of a mission that do not fly: which there are, what each is called in texts, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.autopilot.storage import Item

if TYPE_CHECKING:
    from simulators.autopilot.mission_legs import Legs
    from simulators.autopilot.pilot import Pilot

_CAMERA = 6.0
JUMP = 177
WAYPOINT, LOITER_FOREVER, LOITER_TURNS, LOITER_TIME, RETURN, LAND, SPLINE, GUIDED_ENABLE, DELAY = (
    16, 17, 18, 19, 20, 21, 82, 92, 93
)  # fmt: skip
TAKEOFF = frozenset({22, 84})
LANDINGS = frozenset({LAND, 85})
_LAST_NAV = 95
FLOWN = frozenset(range(_LAST_NAV + 1)) | {213, 42702, 42703}
CONDITIONS = frozenset({112, 114, 115})
# Reported with MISSION_ITEM_REACHED when they are done.
REPORTED = frozenset({112, 114, 115, 178, 179, 188, 189, 195, 197, 201, 205, 207, 222})
# Done without a report.
_SILENT = frozenset({
    181, 182, 183, 184, 202, 203, 206, 208, 211, 212, 215, 216, 217, 218, 223, 531, 532, 534, 600, 1000, 2000, 2001,
    2500, 2501,
})  # fmt: skip
KNOWN = REPORTED | _SILENT
NAMES = {
    16: "WP", 17: "LoitUnlim", 18: "LoitTurns", 19: "LoitTime", 20: "RTL", 21: "Land", 22: "Takeoff",
    31: "LoitAltitude", 82: "SplineWP", 84: "VTOLTakeoff", 85: "VTOLLand", 92: "GuidedEnable", 93: "Delay",
    112: "CondDelay", 114: "CondDist", 115: "CondYaw", 177: "Jump", 178: "ChangeSpeed", 179: "SetHome", 181: "SetRelay",
    183: "SetServo", 189: "LandStart", 195: "SetROILocation", 197: "SetROINone", 201: "SetROI", 203: "DigiCamCtrl",
    205: "MountControl", 206: "SetCamTrigDst", 207: "FenceEnable", 1000: "GimbalPitchYaw", 2000: "ImageStartCapture",
    2001: "ImageStopCapture",
}  # fmt: skip


def carry_out(pilot: Pilot, legs: Legs, item: Item) -> None:
    """Do what a DO item says; one that the simulator has nothing for does nothing."""
    action = _ACTIONS.get(item.command)
    if action is not None:
        action(pilot, legs, item)


def _speed(pilot: Pilot, legs: Legs, item: Item) -> None:
    pilot.change_speed(round(item.params[0]), item.params[1])


def _gimbal(pilot: Pilot, legs: Legs, item: Item) -> None:
    pilot.payload.point(item.params[0], item.params[1])


def _mount(pilot: Pilot, legs: Legs, item: Item) -> None:
    pilot.payload.point(item.params[0])


def _roi(pilot: Pilot, legs: Legs, item: Item) -> None:
    pilot.payload.look_at(legs.place(item) if item.x or item.y else None)


def _roi_none(pilot: Pilot, legs: Legs, item: Item) -> None:
    pilot.payload.look_at(None)


def _shoot(pilot: Pilot, legs: Legs, item: Item) -> None:
    if pilot.values.get("CAM1_TYPE", _CAMERA):
        pilot.payload.shoot()


def _shoot_every(pilot: Pilot, legs: Legs, item: Item) -> None:
    pilot.payload.shoot_every(item.params[0], now=item.params[2] == 1)


_ACTIONS: dict[int, Callable[[Pilot, Legs, Item], None]] = {
    178: _speed,
    195: _roi,
    197: _roi_none,
    201: _roi,
    203: _shoot,
    205: _mount,
    206: _shoot_every,
    1000: _gimbal,
    2000: _shoot,
}
