"""What can be asked of an aircraft in flight, each with what shows that it is true.

An order is a ``Command`` whose judge looks at the vehicle's state: the target that it reports, the way it moves, the
gimbal's own attitude. Where nothing on board shows an effect (a speed limit), only the answer counts, and the outcome
says so. Places go as COMMAND_INT, the only form in which ArduPilot takes a height by its frame: as COMMAND_LONG a
reposition is refused and a region of interest is silently taken as above home.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ground_station.command import Command, Judge, command_int, command_long
from ground_station.gimbal import pitch_yaw_deg
from ground_station.instruments import Target
from ground_station.modes import PLANE, ROVER, modes_of
from ground_station.telemetry import VehicleState
from ground_station.wire import mavlink
from missions.geometry.geo import Datum, GeoPoint, azimuth_deg, distance_m, offset

_RELATIVE, _ABSOLUTE = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT, mavlink.MAV_FRAME_GLOBAL_INT
_FRAMES = {Datum.HOME: _RELATIVE, Datum.SEA_LEVEL: _ABSOLUTE, Datum.GROUND: mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT_INT}
_CHANGE_MODE = 1.0
# A target in another datum than ours is compared through home's height, which wanders with the receiver.
_THERE_M, _SAME_PLACE_M, _SAME_HEIGHT_M, _NEARER_M, _RISEN_M = 3.0, 1.5, 4.0, 3.0, 0.7
_GIMBAL_PATIENCE_S, _MOVE_PATIENCE_S = 8.0, 10.0
_PITCH_TOLERANCE_DEG, _YAW_TOLERANCE_DEG = 4.0, 8.0
_MISSION_PAUSED = 4
_FRESH_S = 3.0
# Modes that the pilot's sticks fly: to leave them is somebody's explicit decision, never a side effect.
STICK_MODES = frozenset(
    {"STABILIZE", "ACRO", "ALT_HOLD", "LOITER", "DRIFT", "SPORT", "FLIP", "AUTOTUNE", "POSHOLD", "FLOWHOLD", "ZIGZAG",
     "MANUAL", "FBWA", "FBWB", "CRUISE", "TRAINING", "QSTABILIZE", "QHOVER", "QLOITER", "STEERING", "TURTLE", "THROW"}
)  # fmt: skip


class NotFlying(ValueError):
    """The aircraft is in no state for this order: says which it is in and what would have to be true."""


def require_in_flight(state: VehicleState) -> None:
    """Raises NotFlying where it does not fly, or where the pilot's hands fly it."""
    if not state.armed or state.landed not in ("in_air", "taking_off", None):
        stands = "armed" if state.armed else "not armed"
        raise NotFlying(f"the vehicle does not fly ({stands}, {state.landed or 'unknown whether on the ground'})")
    if state.mode in STICK_MODES:
        raise NotFlying(f"the pilot's sticks fly it (mode {state.mode}); take it over with mode GUIDED first")
    if state.position is None:
        raise NotFlying("the vehicle does not say where it is")


def go_to(target: int, point: GeoPoint, state: VehicleState, *, now_s: float) -> Command:
    """Fly straight to a place (datum HOME, SEA_LEVEL or GROUND). Raises ValueError for another datum."""
    frame = _frame(point)
    message = command_int(
        target, mavlink.MAV_CMD_DO_REPOSITION, frame, point.lat_deg, point.lon_deg, point.alt_m, -1.0, _CHANGE_MODE
    )
    return Command(
        "goto", message, now_s=now_s, hazardous=True, shown_by=_flies_to(point, state, now_s),
        state_patience_s=_MOVE_PATIENCE_S,
    )  # fmt: skip


def change_height(target: int, height_m: float, state: VehicleState, *, now_s: float, here: bool = False) -> Command:
    """To another height above home, at the place that is being flown to, or where it is now (``here``)."""
    assert state.position is not None
    told = state.target
    flown_to = not here and state.mode == "GUIDED" and told is not None and told.lat_deg is not None
    place = told if told is not None and flown_to and now_s - told.at_s < _FRESH_S else state.position
    assert place.lat_deg is not None and place.lon_deg is not None
    command = go_to(target, GeoPoint(place.lat_deg, place.lon_deg, height_m, Datum.HOME), state, now_s=now_s)
    command.action = "height"
    return command


def _flies_to(point: GeoPoint, before: VehicleState, now_s: float) -> Judge:
    """GUIDED, and: it reports this target, and not before; or it is there; or it has come nearer."""
    was_m = None if before.position is None else distance_m(_flat(point), _place(before))
    was_high = _height_in(point.datum, before)
    told_before = before.mode == "GUIDED" and _is_target(point, before)

    def judge(state: VehicleState) -> bool:
        if state.custom_mode != modes_of(state.vehicle_type).get("GUIDED") or state.position is None:
            return False
        fresh = state.target is not None and state.target.at_s > now_s
        told = _is_target(point, state) if fresh else None
        if told is not None and not told_before:
            return told
        left_m, high = distance_m(_flat(point), _place(state)), _height_in(point.datum, state)
        if left_m >= _THERE_M:
            return was_m is not None and left_m < was_m - _NEARER_M
        if high is None or was_high is None:
            return True
        off_m = abs(high - point.alt_m)
        return off_m < _THERE_M / 2.0 or off_m < abs(was_high - point.alt_m) - _RISEN_M

    return judge


def _is_target(point: GeoPoint, state: VehicleState) -> bool | None:
    """Whether the target that the vehicle reports is this place; None where that cannot be compared."""
    told = state.target
    if told is None or told.lat_deg is None or told.lon_deg is None:
        return None
    high = _target_height(told, point.datum, state)
    if high is None:
        return None
    away_m = distance_m(GeoPoint(told.lat_deg, told.lon_deg, 0.0, Datum.SEA_LEVEL), _flat(point))
    return away_m < _SAME_PLACE_M and abs(high - point.alt_m) < _SAME_HEIGHT_M


def _target_height(told: Target, datum: Datum, state: VehicleState) -> float | None:
    """The height of a reported target in our datum; None where the two cannot be compared."""
    absolute, relative = told.frame in (0, 5), told.frame in (3, 6)
    if (datum is Datum.SEA_LEVEL and absolute) or (datum is Datum.HOME and relative):
        return told.alt_m
    if state.home is None or datum is Datum.GROUND or not (absolute or relative):
        return None
    return told.alt_m - state.home.alt_amsl_m if absolute else told.alt_m + state.home.alt_amsl_m


def _height_in(datum: Datum, state: VehicleState) -> float | None:
    if state.position is None or datum is Datum.GROUND:
        return None
    return state.position.alt_amsl_m if datum is Datum.SEA_LEVEL else state.position.height_above_home_m


def _place(state: VehicleState) -> GeoPoint:
    assert state.position is not None
    return GeoPoint(state.position.lat_deg, state.position.lon_deg, 0.0, Datum.SEA_LEVEL)


def _flat(point: GeoPoint) -> GeoPoint:
    return GeoPoint(point.lat_deg, point.lon_deg, 0.0, Datum.SEA_LEVEL)


def _frame(point: GeoPoint) -> int:
    if point.datum not in _FRAMES:
        raise ValueError(f"a place to fly to needs its height above home, sea level or ground, not {point.datum.value}")
    return int(_FRAMES[point.datum])


def hold(target: int, state: VehicleState, *, now_s: float) -> Command:
    """Stay where it is: pause a mission, else BRAKE (LOITER on a plane, HOLD on a rover).

    LOITER would sink a copter to the ground where the remote control's throttle is down.
    """
    modes = modes_of(state.vehicle_type)
    if state.mode == "AUTO":
        message = command_long(target, mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 0.0)
        return Command("hold", message, now_s=now_s, shown_by=_paused)
    name = "LOITER" if modes is PLANE else "HOLD" if modes is ROVER else "BRAKE"
    return mode_command(target, name, state, now_s=now_s, action="hold")


def _paused(state: VehicleState) -> bool:
    return state.mission is not None and state.mission.state == _MISSION_PAUSED


def mode_command(target: int, name: str, state: VehicleState, *, now_s: float, action: str = "") -> Command:
    """A mode by its name. Raises ValueError naming the modes of this vehicle type."""
    modes = modes_of(state.vehicle_type)
    if name not in modes:
        raise ValueError(f"mode {name!r} is unknown; allowed are {', '.join(modes)}")
    number = modes[name]
    message = command_long(target, mavlink.MAV_CMD_DO_SET_MODE, 1.0, float(number))
    return Command(
        action or f"mode {name}", message, now_s=now_s, hazardous=True,
        shown_by=lambda state: state.custom_mode == number,
    )  # fmt: skip


def change_speed(target: int, speed_m_s: float, *, now_s: float) -> Command:
    """Ground speed from now on, until the mode changes."""
    if not 0.2 <= speed_m_s <= 30.0:
        raise ValueError(f"speed {speed_m_s:g} m/s: allowed are 0.2 to 30")
    message = command_long(target, mavlink.MAV_CMD_DO_CHANGE_SPEED, 1.0, speed_m_s, -1.0)
    return Command("speed", message, now_s=now_s)


def point_gimbal(target: int, pitch_deg: float, yaw_deg: float, state: VehicleState, *, now_s: float) -> Command:
    """Point the gimbal: −90 is straight down, yaw clockwise from the nose."""
    message = command_long(target, mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, pitch_deg, yaw_deg, math.nan, math.nan)
    judge = None if state.gimbal is None else _gimbal_is(lambda state: pitch_deg, lambda state: yaw_deg, now_s)
    return Command("gimbal", message, now_s=now_s, shown_by=judge, state_patience_s=_GIMBAL_PATIENCE_S)


def look_at(target: int, point: GeoPoint | None, state: VehicleState, *, now_s: float) -> Command:
    """Keep the gimbal (or the nose) on a place; None lets it go."""
    if point is None:
        return Command("look", command_long(target, mavlink.MAV_CMD_DO_SET_ROI_NONE), now_s=now_s)
    message = command_int(
        target, mavlink.MAV_CMD_DO_SET_ROI_LOCATION, _frame(point), point.lat_deg, point.lon_deg, point.alt_m
    )
    judge = None
    if state.gimbal is not None and point.datum is not Datum.GROUND:
        judge = _gimbal_is(lambda state: _pitch_to(point, state), lambda state: None, now_s)
    return Command("look", message, now_s=now_s, shown_by=judge, state_patience_s=_GIMBAL_PATIENCE_S)


def _pitch_to(point: GeoPoint, state: VehicleState) -> float:
    down_m = (_height_in(point.datum, state) or 0.0) - point.alt_m
    return -math.degrees(math.atan2(down_m, distance_m(_flat(point), _place(state))))


def _gimbal_is(
    pitch: Callable[[VehicleState], float], yaw: Callable[[VehicleState], float | None], now_s: float
) -> Judge:
    """The gimbal's own report, newer than the order, agrees with it."""

    def judge(state: VehicleState) -> bool:
        if state.gimbal is None or state.gimbal.at_s <= now_s or state.position is None:
            return False
        is_pitch, is_yaw = pitch_yaw_deg(state.gimbal.q)
        if abs(is_pitch - pitch(state)) > _PITCH_TOLERANCE_DEG:
            return False
        wanted = yaw(state)
        if wanted is None or abs(is_pitch) > 80.0:  # looking down, a yaw means nothing
            return True
        return abs((is_yaw - wanted + 180.0) % 360.0 - 180.0) < _YAW_TOLERANCE_DEG

    return judge


def stand_off(point: GeoPoint, state: VehicleState, *, distance: float, height_m: float) -> GeoPoint:
    """Where to look at a place from: so far away from it, on the side where the aircraft is, so high above home."""
    here = _place(state)
    side_deg = azimuth_deg(_flat(point), here) if distance_m(_flat(point), here) > 1.0 else 0.0
    there = offset(_flat(point), side_deg, distance) if distance > 0.0 else point
    return GeoPoint(there.lat_deg, there.lon_deg, height_m, Datum.HOME)
