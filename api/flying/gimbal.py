"""`fly gimbal`: where the camera looks, and who may say so.

To point it, control is taken where nobody has it, and kept, so that the next order is obeyed as well; `release` gives
it back. Where somebody else has it, nothing is sent: `take` is a decision of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from api.flying.call import TOLD_S, Action, Call, now, number, refused
from ground_station import gimbal
from ground_station.command import Command, command_long
from ground_station.gimbal import ControlTaken
from ground_station.operation import DONE, Operation, Outcome
from ground_station.telemetry import VehicleState
from ground_station.wire import mavlink

_TAKE, _RELEASE, _STATUS = "take", "release", "status"
_LIMITS = float(mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_INFORMATION)


async def _gimbal(call: Call) -> list[Outcome]:
    words = call.args.words
    if words == [_STATUS]:
        return await _status(call)
    if words in ([_TAKE], [_RELEASE]):
        await _know(call)
        if call.vehicle.state.gimbal_manager is None:
            return refused(f"gimbal {words[0]}", "the vehicle names no gimbal manager (GIMBAL_MANAGER_STATUS)")
        order = gimbal.take if words == [_TAKE] else gimbal.release
        return await call.one(call.vehicle.start(order(call.vehicle.sysid, call.vehicle.us, now_s=now())))
    return await point(call, float(words[0]), float(words[1]) if len(words) == 2 else 0.0)


async def point(call: Call, pitch_deg: float, yaw_deg: float) -> list[Outcome]:
    """Point it, degrees, yaw from the nose."""
    await _know(call)
    return await pointing(call, lambda: call.vehicle.point_gimbal(pitch_deg, yaw_deg, now_s=now()))


async def pointing(call: Call, begin: Callable[[], Operation]) -> list[Outcome]:
    """Run an order that may need the gimbal."""
    try:
        operation = begin()
    except ControlTaken as why:
        return refused(call.args.action, f"{why}; nothing was sent")
    return await call.one(operation)


async def _know(call: Call) -> None:
    vehicle = call.vehicle
    await call.session.until(lambda: None not in (vehicle.state.gimbal, vehicle.state.gimbal_manager), 1.5)


async def _status(call: Call) -> list[Outcome]:
    began_s = now()
    await _know(call)
    ask = command_long(call.vehicle.sysid, mavlink.MAV_CMD_REQUEST_MESSAGE, _LIMITS)
    await call.one(call.vehicle.start(Command("gimbal", ask, now_s=now(), shown_by=_limited, state_patience_s=TOLD_S)))
    call.more["gimbal"] = describe(call.vehicle.state)
    if not call.args.json and not call.args.quiet:
        for name, value in call.more["gimbal"].items():
            print(f"  {name:20} {'unknown' if value is None else value}")
    return [Outcome("gimbal status", DONE, "", (), round(now() - began_s, 3))]


def _limited(state: VehicleState) -> bool:
    return state.gimbal_limits is not None


def describe(state: VehicleState) -> dict[str, Any]:
    """The gimbal as plain data; what the vehicle does not say is null."""
    attitude, limits, who = state.gimbal, state.gimbal_limits, gimbal.holder(state)
    angles = None if attitude is None else gimbal.pitch_yaw_deg(attitude.q)
    return {
        "pitch_deg": angles and round(angles[0], 1),
        "yaw_deg": angles and round(angles[1], 1),
        "yaw_from": attitude and ("north" if attitude.flags & 64 else "nose" if attitude.flags & 32 else None),
        "in_control": None if who is None else "nobody" if who == gimbal.NOBODY else f"{who[0]}/{who[1]}",
        "pitch_limits_deg": limits and [round(angle, 1) for angle in limits.pitch_deg],
        "yaw_limits_deg": limits and [round(angle, 1) for angle in limits.yaw_deg],
        "failures": attitude and attitude.failures,
    }


def _reads(args: argparse.Namespace) -> bool:
    return bool(args.words == [_STATUS])


def _check(args: argparse.Namespace) -> None:
    if args.words in ([_TAKE], [_RELEASE], [_STATUS]):
        return
    if len(args.words) not in (1, 2):
        raise ValueError("fly gimbal: PITCH [YAW] in degrees (-90 is straight down, yaw from the nose), `take`, "
                         "`release` or `status` is needed")  # fmt: skip
    number("gimbal: pitch", args.words[0], -90.0, 90.0, "degrees")
    for word in args.words[1:]:
        number("gimbal: yaw", word, -180.0, 180.0, "degrees")


ACTIONS = {"gimbal": Action(_gimbal, _check, _reads)}
