"""What the page is told of a vehicle: plain JSON; what is unknown is null with a reason, never 0."""

from __future__ import annotations

import math
from typing import Any

from ground_station.authority import Event
from ground_station.telemetry import VehicleState
from ground_station.vehicle import Vehicle
from missions.geometry.terrain import TerrainGrid


def vehicle_report(vehicle: Vehicle, terrain: TerrainGrid | None, mode: str, *, now_s: float) -> dict[str, Any]:
    """One vehicle as agreed with the page. ``mode``: of the run; ``now_s``: monotonic."""
    state = vehicle.state
    position = state.position
    age = state.age_s(now_s)
    above_ground, reason = height_above_ground(vehicle, terrain)
    return {
        "vehicle": vehicle.sysid,
        "mode_shown": mode,
        "time_s": vehicle.clock.utc_from_boot(position.boot_s) if position else None,
        "age_s": None if age is None else round(age, 2),
        "lat_deg": round(position.lat_deg, 7) if position else None,
        "lon_deg": round(position.lon_deg, 7) if position else None,
        "heading_deg": position.heading_deg if position else None,
        "height_above_ground_m": above_ground,
        "height_reason": reason,
        "height_above_home_m": round(position.height_above_home_m, 1) if position else None,
        "alt_amsl_m": round(position.alt_amsl_m, 1) if position else None,
        "ground_speed_m_s": None if state.ground_speed_m_s is None else round(state.ground_speed_m_s, 1),
        "mode": state.mode,
        "armed": state.armed,
        "landed": state.landed,
        "battery": _battery(vehicle),
        "gps": _gps(vehicle),
        "mission": _mission(vehicle),
        "texts": [text.text for text in state.texts[-5:]],
        "ekf_ok": state.position_ready,
        "clock": clock_report(vehicle),
        "rtt_s": None if state.rtt_s is None else round(state.rtt_s, 3),
    }


def clock_report(vehicle: Vehicle) -> dict[str, Any] | None:
    """Whose clock tells the time of what is seen, how well, and how wrong this computer's own is."""
    offset, host = vehicle.clock.offset, vehicle.clock.host_offset_s
    if offset is None:
        return None
    return {
        "source": offset.source,
        "sigma_s": round(offset.sigma_s, 3),
        "host_offset_s": None if host is None else round(host, 2),
    }


# A change of hands is shown for as long as its mode is flown, all else for a minute.
_SHOWN_S = 60.0


def notice(event: Event | None, state: VehicleState, *, now_s: float) -> dict[str, Any] | None:
    """The latest thing about an aircraft that a person has to see, while it is so."""
    if event is None or (event.mode and event.mode != state.mode):
        return None
    age_s = now_s - event.at_s
    if not event.mode and age_s > _SHOWN_S:
        return None
    return {"kind": event.kind, "flight_mode": event.mode, "words": event.words, "age_s": round(age_s, 1)}


def vehicle_alarm(sysid: int, event: Event, *, number: int, raised: str | None, mode: str) -> dict[str, Any]:
    """An event of an aircraft as an alarm of the journal and the page."""
    return {
        "id": f"alarm-vehicle-{sysid}-{number}",
        "vehicle": sysid,
        "kind": event.kind,
        "flight_mode": event.mode,
        "flight_mode_before": event.before,
        "words": event.words,
        "state": "active",
        "raised": raised,
        "mode": mode,
    }


def _battery(vehicle: Vehicle) -> dict[str, Any] | None:
    found = vehicle.state.battery
    if found is None:
        return None
    return {"remaining_pct": found.remaining_pct, "voltage_v": found.voltage_v, "current_a": found.current_a}


def _gps(vehicle: Vehicle) -> dict[str, Any] | None:
    found = vehicle.state.gnss
    return None if found is None else {"fix": found.fix, "satellites": found.satellites, "h_acc_m": found.h_acc_m}


def _mission(vehicle: Vehicle) -> dict[str, Any] | None:
    found = vehicle.state.mission
    return None if found is None else {"current": found.current, "total": found.total, "state": found.state}


def height_above_ground(vehicle: Vehicle, terrain: TerrainGrid | None) -> tuple[float | None, str | None]:
    """Metres above the terrain file's ground, or the key of the reason why it is not known."""
    position = vehicle.state.position
    if position is None:
        return None, "no_position"
    if terrain is None:
        return None, "height_no_terrain"
    ground = float(terrain.height_at(position.lat_deg, position.lon_deg))
    if math.isnan(ground):
        return None, "height_outside_terrain"
    return round(position.alt_amsl_m - ground, 1), None
