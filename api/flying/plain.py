"""`fly status disarm takeoff pause resume rtl land`: one operation each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from api.flying.call import TOLD_S, Action, Call, always, no_words, now, number, refused
from ground_station.operation import DONE, Operation, Outcome
from ground_station.telemetry import VehicleState
from ground_station.vehicle import Vehicle

_SIMPLE: dict[str, Callable[[Vehicle, float], Operation]] = {
    "disarm": lambda vehicle, now_s: vehicle.disarm(now_s=now_s),
    "rtl": lambda vehicle, now_s: vehicle.rtl(now_s=now_s),
    "land": lambda vehicle, now_s: vehicle.land(now_s=now_s),
    "pause": lambda vehicle, now_s: vehicle.pause(now_s=now_s),
    "resume": lambda vehicle, now_s: vehicle.resume(now_s=now_s),
}


async def _simple(call: Call) -> list[Outcome]:
    return await call.one(_SIMPLE[call.args.action](call.vehicle, now()))


async def _takeoff(call: Call) -> list[Outcome]:
    state = call.vehicle.state
    if state.mode != "GUIDED" or not state.armed:
        stands = f"mode {state.mode}, {'armed' if state.armed else 'not armed'}"
        return refused("takeoff", f"the vehicle takes off only armed in GUIDED; it is in {stands}")
    return await call.one(call.vehicle.takeoff(float(call.args.words[0]), now_s=now()))


def _check_takeoff(args: argparse.Namespace) -> None:
    if len(args.words) != 1:
        raise ValueError("fly takeoff: a height of 1 to 500 METRES above home is needed")
    number("takeoff", args.words[0], 1.0, 500.0, "METRES above home")


async def _status(call: Call) -> list[Outcome]:
    started_s, vehicle = now(), call.vehicle
    await call.session.until(
        lambda: all((vehicle.state.position, vehicle.state.gnss, vehicle.state.battery, vehicle.state.landed)), TOLD_S
    )
    texts = tuple(text.text for text in vehicle.state.texts if text.severity <= 4)
    call.more["vehicle"] = summary(vehicle.state) | _clock(vehicle)
    return [Outcome("status", DONE, "", texts, round(now() - started_s, 3))]


def _clock(vehicle: Vehicle) -> dict[str, Any]:
    offset, host = vehicle.clock.offset, vehicle.clock.host_offset_s
    return {
        "clock": offset and offset.source,
        "clock_sigma_s": offset and round(offset.sigma_s, 3),
        "this_computer_is_off_by_s": host and round(host, 2),
    }


def summary(state: VehicleState) -> dict[str, Any]:
    """The state as plain data; what was not heard is null."""
    position, battery, gnss, mission = state.position, state.battery, state.gnss, state.mission
    return {
        "sysid": state.sysid,
        "mode": state.mode,
        "armed": state.armed,
        "landed": state.landed,
        "prearm_ok": state.prearm_ok,
        "position_ready": state.position_ready if state.ekf_flags is not None else None,
        "lat_deg": position and position.lat_deg,
        "lon_deg": position and position.lon_deg,
        "alt_amsl_m": position and position.alt_amsl_m,
        "height_above_home_m": position and position.height_above_home_m,
        "battery_v": battery and battery.voltage_v,
        "battery_pct": battery and battery.remaining_pct,
        "gps_fix": gnss and gnss.fix,
        "satellites": gnss and gnss.satellites,
        "mission_item": mission and mission.current,
        "mission_items": mission and mission.total,
        "fence_breached": state.fence_breached,
        "rc_rssi": state.rc and state.rc.rssi,
        "radio_rssi": state.radio and state.radio.rssi,
        "vibration_m_s2": state.vibration and max(state.vibration.m_s2),
        "wind_m_s": state.wind_m_s and round(state.wind_m_s[0], 1),
        "rtt_s": state.rtt_s and round(state.rtt_s, 3),
    }


ACTIONS = {
    **dict.fromkeys(_SIMPLE, Action(_simple, no_words)),
    "takeoff": Action(_takeoff, _check_takeoff),
    "status": Action(_status, no_words, always),
}
