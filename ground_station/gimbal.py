"""Who points the gimbal (mavlink.io/en/services/gimbal_v2.html): control is taken, seen to be ours, and given back.

A gimbal manager takes orders from whoever is in primary control and may ignore everybody else; ArduPilot says who it
is (GIMBAL_MANAGER_STATUS) and obeys all. So that an order is obeyed everywhere, control is taken before it where nobody
has it. Where somebody else has it (another ground station, a companion computer that follows a person) nothing is
sent: two that pull at one camera see nothing. Taking it away from them is an order of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ground_station.command import Command, command_long
from ground_station.operation import Operation, Sequence
from ground_station.telemetry import VehicleState
from ground_station.wire import mavlink

Who = tuple[int, int]
"""System and component."""
NOBODY: Who = (0, 0)
_LEAVE, _GIVE_BACK = -1.0, -3.0
_CONFIGURE = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE
_STATUS = float(mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_STATUS)
_PATIENCE_S = 6.0


def pitch_yaw_deg(q: tuple[float, float, float, float]) -> tuple[float, float]:
    """Degrees, of the quaternion that the gimbal reports, in whichever frame it names."""
    w, x, y, z = q
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, 2.0 * (w * y - z * x)))))
    return pitch, math.degrees(math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))


class ControlTaken(ValueError):
    """Somebody else points the gimbal: says who, and how to take it over."""


def holder(state: VehicleState) -> Who | None:
    """Who is in control: (0, 0) nobody, None where the vehicle does not say."""
    return None if state.gimbal_manager is None else state.gimbal_manager.primary


def require_free(state: VehicleState, us: Who) -> None:
    """Raises ControlTaken where somebody else is in control."""
    who = holder(state)
    if who not in (None, NOBODY, us):
        raise ControlTaken(
            f"system {who[0]} component {who[1]} is in control of the gimbal; `gimbal take` takes it over"
        )


class _Control(Command):
    """Configures, and asks who is in control until it is told: the manager need not say it by itself."""

    def _tick(self, state: VehicleState, now_s: float) -> None:
        due = now_s >= self._next_send_s
        super()._tick(state, now_s)
        if due and self.outcome is None and self._refused is None:
            self._out.append(command_long(self._message.target_system, mavlink.MAV_CMD_REQUEST_MESSAGE, _STATUS))
            self._next_send_s = max(self._next_send_s, now_s + 0.4)


def take(target: int, us: Who, *, now_s: float) -> Command:
    """Primary control to us, whoever had it."""
    message = command_long(target, _CONFIGURE, float(us[0]), float(us[1]), _LEAVE, _LEAVE)
    return _Control(
        "gimbal take", message, now_s=now_s, shown_by=lambda state: holder(state) == us, state_patience_s=_PATIENCE_S
    )


def release(target: int, us: Who, *, now_s: float) -> Command:
    """Give back what is ours; another one's control stays."""
    message = command_long(target, _CONFIGURE, _GIVE_BACK, _GIVE_BACK, _GIVE_BACK, _GIVE_BACK)

    def given(state: VehicleState) -> bool:
        manager = state.gimbal_manager
        return manager is not None and manager.at_s > now_s and manager.primary != us

    return _Control("gimbal release", message, now_s=now_s, shown_by=given, state_patience_s=_PATIENCE_S)


def with_control(
    target: int, us: Who, state: VehicleState, order: Callable[[float], Operation], *, now_s: float
) -> Operation:
    """An order to the gimbal; where it says that nobody is in control, control is taken first."""
    if holder(state) != NOBODY:
        return order(now_s)
    return Sequence(order(now_s).action, (lambda at: take(target, us, now_s=at), order), now_s=now_s)
