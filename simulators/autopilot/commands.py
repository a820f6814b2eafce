"""COMMAND_LONG and COMMAND_INT: what each does, and what it answers.

A handler takes the vehicle, the message and the wire that it came by, and returns a MAV_RESULT. Fields of the two
forms differ: ``param5..7`` of the one are ``x y z`` of the other, the place in 1e-7 degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import available_modes, messages, mount
from simulators.autopilot.guided import BASES
from simulators.autopilot.links import Link
from simulators.autopilot.pilot import ACCEPTED, DENIED, FAILED, GUIDED, LAND, LOITER, RTL, UNSUPPORTED

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

_LOOP_US, _SLOWEST_US = 2_500, 60_000_000
_ERASE_ALL = 2
_HIGHEST_M = 83_000.0


def answer(a: Autopilot, m: Any, wire: Link) -> int:
    """Carry out a command; its MAV_RESULT."""
    handler = _COMMANDS.get(m.command)
    return UNSUPPORTED if handler is None else handler(a, m, wire)


def _interval(a: Autopilot, m: Any, wire: Link) -> int:
    number, interval_us = _number(m.param1), _number(m.param2)
    if m.param3 != 0:
        return DENIED
    name = messages.BY_ID.get(number)
    if name is None or (name == "SIM_STATE" and name not in wire.rates):
        a.say(6, f"No ap_message for mavlink id ({number % 2**32})")
        return DENIED
    if interval_us in (0, -1):  # 0 means the default, and that is off
        wire.rates.pop(name, None)
        return ACCEPTED
    if interval_us < 0:
        return DENIED
    if interval_us < _LOOP_US:
        a.say(6, f"Requested rate for message ID {number} too fast. Increase SCHED_LOOP_RATE")
        return DENIED
    wire.rates[name] = 1e6 / min(interval_us, _SLOWEST_US)
    return ACCEPTED


def _get_interval(a: Autopilot, m: Any, wire: Link) -> int:
    return _tell_interval(_number(m.param1), wire)


def _tell_interval(number: int, wire: Link) -> int:
    name = messages.BY_ID.get(number)
    hz = wire.rates.get(name or "")
    interval_us = 0 if name is None else -1 if hz is None else round(1e6 / hz)
    wire.send(mavlink.MAVLink_message_interval_message(number % 65_536, interval_us))
    return FAILED if name is None else ACCEPTED


def _request(a: Autopilot, m: Any, wire: Link) -> int:
    number = _number(m.param1)
    if number == mavlink.MAVLINK_MSG_ID_MESSAGE_INTERVAL:
        return _tell_interval(_number(m.param2), wire)
    if number == available_modes.AVAILABLE:
        wire.rates["AVAILABLE_MODES_MONITOR"] = 1 / available_modes.EVERY_S
        told = available_modes.available_modes(max(0, _number(m.param2)) % 256)
        if told is not None:
            wire.asked.append(told)
        return ACCEPTED
    name = messages.BY_ID.get(number)
    if name is None:
        return FAILED
    message = messages.BUILDERS[name](a)
    if message is not None:  # it knows the message and has nothing to say: accepted, and silence
        wire.asked.append(message)
    return ACCEPTED


def _version(a: Autopilot, m: Any, wire: Link) -> int:
    wire.send(messages.autopilot_version(a))
    return ACCEPTED


def _home(a: Autopilot, m: Any, wire: Link) -> int:
    told = messages.home_position(a)
    if told is None:
        return FAILED
    wire.send(told)
    return ACCEPTED


def _set_home(a: Autopilot, m: Any, wire: Link) -> int:
    """DO_SET_HOME: here, by param1 or by no place at all, or at a place whose height has a frame."""
    whole = m.get_type() == "COMMAND_INT"
    lat, lon, up = (m.x * 1e-7, m.y * 1e-7, m.z) if whole else (m.param5, m.param6, m.param7)
    if m.param1 == 1 or (lat == 0 and lon == 0):
        if not a.set_home():
            return FAILED
        a.pilot.home = a.pilot.flight.enu.copy()
        return ACCEPTED
    if m.param1 != 0:
        return FAILED
    base = BASES.get(m.frame if whole else 0)
    if base is None or not abs(up) <= _HIGHEST_M:
        return DENIED
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        return FAILED
    above = float(a.pilot.home[2]) if base else 0.0
    return ACCEPTED if a.set_home((lat, lon, above + up)) else FAILED


def _banner(a: Autopilot, m: Any, wire: Link) -> int:
    a.banner()
    return ACCEPTED


def _storage(a: Autopilot, m: Any, wire: Link) -> int:
    if m.param1 != _ERASE_ALL:
        return DENIED
    a.parameters.reset()
    a.say(4, "All parameters reset, reboot board")
    return ACCEPTED


def _fence(a: Autopilot, m: Any, wire: Link) -> int:
    """DO_FENCE_ENABLE: off, on, or off below."""
    if m.param1 not in (0, 1, 2):
        return FAILED
    a.parameters.values["FENCE_ENABLE"] = float(m.param1 == 1)
    return ACCEPTED


def _loiter(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.set_mode(LOITER)


def _reboot(a: Autopilot, m: Any, wire: Link) -> int:
    """PREFLIGHT_REBOOT_SHUTDOWN: of the autopilot alone, and never while armed."""
    if m.param1 not in (1, 3):
        return UNSUPPORTED
    if a.pilot.armed:
        return FAILED
    a.restarting = True
    return ACCEPTED


def _number(value: float) -> int:
    """A whole number that came as a float; no number at all counts as none there is."""
    return int(value) if math.isfinite(value) else -2


def _mode(a: Autopilot, m: Any, wire: Link) -> int:
    if not _number(m.param1) & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
        return DENIED
    return a.pilot.set_mode(_number(m.param2) % 256)


def _arm(a: Autopilot, m: Any, wire: Link) -> int:
    if m.param1 not in (0, 1):
        return UNSUPPORTED
    return a.pilot.arm(m.param1 == 1, magic=int(m.param2) if math.isfinite(m.param2) else 0)


def _terminate(a: Autopilot, m: Any, wire: Link) -> int:
    """DO_FLIGHTTERMINATION: the motors stop, wherever it is."""
    if not m.param1 > 0.5:
        return FAILED
    a.pilot.disarm()
    return ACCEPTED


def _takeoff(a: Autopilot, m: Any, wire: Link) -> int:
    if m.get_type() == "COMMAND_INT":  # a height above home, and in no other frame
        return a.pilot.takeoff(float(m.z)) if m.frame == mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT else DENIED
    return a.pilot.takeoff(float(m.param7))


def _land(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.set_mode(LAND)


def _rtl(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.set_mode(RTL)


def _start(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.start_mission() if m.param1 == 0 and m.param2 == 0 else DENIED


def _pause(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.pause(m.param1 < 1) if 0 <= m.param1 < 2 else DENIED


def _yaw(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.turn(m.param1, m.param2, m.param3, m.param4)


def _reposition(a: Autopilot, m: Any, wire: Link) -> int:
    if m.get_type() != "COMMAND_INT":
        return UNSUPPORTED
    if a.pilot.mode != GUIDED and not _number(m.param2) & 1:
        return DENIED
    if m.frame not in BASES:
        a.say(4, f"Unknown mavlink coordinate frame {m.frame}")
        return DENIED
    if not math.isfinite(m.z) or abs(m.x) > 900_000_000 or abs(m.y) > 1_800_000_000:
        return DENIED
    enu = a.pilot.plane.enu(m.x * 1e-7, m.y * 1e-7, a.pilot.plane.alt_m)
    base = a.pilot.home[2] if m.frame in (3, 6) else 0.0
    if not a.pilot.allows(float(enu[0]), float(enu[1])):
        return FAILED
    return a.pilot.reposition(np.array([enu[0], enu[1], base + m.z]))


def _current(a: Autopilot, m: Any, wire: Link) -> int:
    result = a.pilot.set_current(_number(m.param1), reset=m.param2 == 1)
    if result == ACCEPTED:
        wire.send(messages.mission_current(a))
    return result


def _prearm(a: Autopilot, m: Any, wire: Link) -> int:
    return ACCEPTED


def _picture(a: Autopilot, m: Any, wire: Link) -> int:
    if m.command == mavlink.MAV_CMD_IMAGE_START_CAPTURE and m.param1 not in (0, 1):
        return FAILED
    a.pilot.shoot()
    return ACCEPTED


def _zoom(a: Autopilot, m: Any, wire: Link) -> int:
    """SET_CAMERA_ZOOM to the autopilot: handed on to an external camera, and accepted whatever that makes of it."""
    return ACCEPTED if a.links.order_camera(m.command, m.param1, m.param2) else UNSUPPORTED


def _speed(a: Autopilot, m: Any, wire: Link) -> int:
    return a.pilot.change_speed(_number(m.param1), float(m.param2))


_COMMANDS: dict[int, Callable[[Autopilot, Any, Link], int]] = {
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: _interval,
    mavlink.MAV_CMD_REQUEST_MESSAGE: _request,
    mavlink.MAV_CMD_DO_SET_MODE: _mode,
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM: _arm,
    mavlink.MAV_CMD_DO_FLIGHTTERMINATION: _terminate,
    mavlink.MAV_CMD_NAV_TAKEOFF: _takeoff,
    mavlink.MAV_CMD_NAV_LAND: _land,
    mavlink.MAV_CMD_NAV_VTOL_LAND: _land,
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: _loiter,
    mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: _version,
    mavlink.MAV_CMD_GET_HOME_POSITION: _home,
    mavlink.MAV_CMD_DO_SET_HOME: _set_home,
    mavlink.MAV_CMD_DO_SEND_BANNER: _banner,
    mavlink.MAV_CMD_PREFLIGHT_STORAGE: _storage,
    mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN: _reboot,
    mavlink.MAV_CMD_DO_FENCE_ENABLE: _fence,
    mavlink.MAV_CMD_RUN_PREARM_CHECKS: _prearm,
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: _rtl,
    mavlink.MAV_CMD_MISSION_START: _start,
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: _pause,
    mavlink.MAV_CMD_DO_REPOSITION: _reposition,
    mavlink.MAV_CMD_DO_CHANGE_SPEED: _speed,
    mavlink.MAV_CMD_CONDITION_YAW: _yaw,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: _get_interval,
    mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: _current,
    mavlink.MAV_CMD_IMAGE_START_CAPTURE: _picture,
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL: _picture,
    mavlink.MAV_CMD_SET_CAMERA_ZOOM: _zoom,
    **mount.COMMANDS,
}


def known() -> frozenset[int]:
    """The numbers of the commands that it has."""
    return frozenset(_COMMANDS)
