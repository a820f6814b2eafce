"""Why the vehicle does not arm: ArduCopter's checks in its order and its words.

``before`` holds what is looked at all the time and repeated as "PreArm: …"; ``at_arming`` what is asked only when
somebody arms. Force (21196 or 2989 in param2) leaves only ``mandatory``: the position that the mode needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.autopilot.modes import AUTO, MODES

if TYPE_CHECKING:
    from simulators.autopilot.pilot import Pilot

FORCE_ARM, FORCE_DISARM = (2989, 21196), 21196
_ANGLE_CDEG = (1000, 8000)
_LEAST_THROTTLE, _THROTTLE_STOP = 910, 1000 - 10
_AUTO_ARMS = 1


def mandatory(pilot: Pilot) -> list[str]:
    """What no force overrides."""
    if pilot.now_s < pilot.boot.initialised_s:
        return ["System not initialised"]
    if not MODES[pilot.mode].position:
        return []
    reasons = [] if pilot.position_ready else ["Need Position Estimate"]
    return reasons if pilot.gnss.fix or not pilot.gnss.origin else [*reasons, "GPS 1: Bad fix"]


def before(pilot: Pilot) -> list[str]:
    """What is in the way now, all of it; nothing is checked with ARMING_CHECK 0 but the mandatory."""
    values = pilot.values
    if pilot.now_s < pilot.boot.initialised_s:
        return ["System not initialised"]
    if not int(values["ARMING_CHECK"]):
        return mandatory(pilot)
    return [*_parameters(pilot), *pilot.worries(), *_sensors(pilot), *_position(pilot), *_rest(pilot)]


def _parameters(pilot: Pilot) -> list[str]:
    values = pilot.values
    if values["FS_THR_ENABLE"] and not _LEAST_THROTTLE <= values["FS_THR_VALUE"] < _THROTTLE_STOP:
        return ["Check FS_THR_VALUE"]
    removed = ["FS_GCS_ENABLE=2 removed, see FS_OPTIONS"] if values["FS_GCS_ENABLE"] == 2 else []
    if not _ANGLE_CDEG[0] <= values["ANGLE_MAX"] <= _ANGLE_CDEG[1]:
        return [*removed, "Check ANGLE_MAX"]
    return [*removed, "Check PILOT_SPEED_UP"] if values["PILOT_SPEED_UP"] <= 0 else removed


def _sensors(pilot: Pilot) -> list[str]:
    values, boot = pilot.values, pilot.boot
    if pilot.now_s < boot.aligned_s:
        return ["Accels inconsistent", "EKF attitude is bad"]
    if pilot.now_s < boot.accels_s:
        return ["Accels inconsistent"]
    if pilot.now_s < boot.gyros_s:
        return ["Gyros inconsistent"]
    levers = (
        ("SIM_BARO_DISABLE", "Baro: not healthy"),
        ("SIM_ACCEL1_FAIL", "Accels inconsistent"),
        ("SIM_MAG1_FAIL", "Compass not healthy"),
    )
    return [words for name, words in levers if values[name]]


def _position(pilot: Pilot) -> list[str]:
    if not MODES[pilot.mode].position:
        return []
    if pilot.gnss.origin and not pilot.gnss.fix:
        return ["GPS 1: Bad fix"]
    if not pilot.gnss.origin:
        return ["AHRS: waiting for home"]
    return [] if pilot.position_ready else ["Need Position Estimate"]


def _rest(pilot: Pilot) -> list[str]:
    reasons = ["Mode requires mission"] if pilot.mode == AUTO and not pilot.mission.present else []
    if pilot.sticks.lost and pilot.values["FS_THR_ENABLE"]:
        reasons.append("Radio failsafe on")
    return reasons


def at_arming(pilot: Pilot) -> list[str]:
    """Asked once, when nothing of ``before`` is in the way: the first reason."""
    mode = MODES[pilot.mode]
    armable = mode.armable or (pilot.mode == AUTO and int(pilot.values["AUTO_OPTIONS"]) & _AUTO_ARMS)
    if not armable:
        return [f"{mode.name} mode not armable"]
    if mode.sticks and (pilot.sticks.climb_m_s > 0 or (not mode.user_takeoff and not pilot.sticks.throttle_low)):
        return ["Throttle too high"]
    return []
