"""The pilot's checklist, read from the vehicle: each point ok, warning or stop, with its value and the remedy.

``audit`` is a function of facts and does nothing itself. A **stop** is what no crew takes off with: no position, a
failing check of the vehicle itself, a fence that is on board and switched off, a way home that leads into a roof, a
plan that is not the proven one. A **warning** is somebody's decision. What could not be looked at is a warning that
says so; nothing is ok by silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ground_station.modes import COPTER, modes_of
from ground_station.telemetry import VehicleState
from missions.geometry.geo import Datum, GeoPoint, distance_m
from missions.items import MissionItem

OK, WARNING, STOP = "ok", "warning", "stop"
_FRESH_S = 3.0
_FEW_SATELLITES, _COARSE_M, _EKF_DOUBT = 9, 3.0, 0.8
_EMPTY_PCT, _LOW_PCT, _RESERVE = 30, 60, 0.2
_MOVED_M, _CLEARANCE_M = 30.0, 10.0
_OFF_S, _DISK_GB = 2.0, (0.5, 5.0)
_WINDY_M_S, _SHAKEN_M_S2 = 10.0, 30.0
_TERRAIN_FRAMES = frozenset({10, 11})
_POLYGONS, _CIRCLES = 4, 2
# MAV_SYS_STATUS_SENSOR bits that mean something to a pilot.
_SENSORS = {
    0x1: "gyro", 0x2: "accelerometer", 0x4: "compass", 0x8: "barometer", 0x20: "GNSS", 0x10000: "remote control",
    0x200000: "attitude estimate", 0x400000: "terrain data", 0x1000000: "logging on board", 0x2000000: "battery",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the checklist. ``name`` is stable; ``level`` ok, warning or stop."""

    name: str
    level: str
    value: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the audit looks at. None: it could not be found out.

    ``parameters``: of the vehicle. ``fence``: the list on board. ``plan``: the items that are meant to be flown (item 0
    home), ``plan_proven``: whether exactly these are on board, ``plan_problem``: why not. ``plan_s``: how long they
    take; ``flight_s``: how long a full battery flies. ``obstacle_m``: the highest ground or roof under the plan and
    its ways home, metres above home. ``disk_free_gb``: of this computer. ``cameras``: names of what was heard.
    """

    state: VehicleState
    now_s: float
    parameters: Mapping[str, float] | None = None
    fence: Sequence[MissionItem] | None = None
    plan: Sequence[MissionItem] = ()
    plan_proven: bool = False
    plan_problem: str = ""
    plan_s: float | None = None
    flight_s: float | None = None
    obstacle_m: float | None = None
    clock_source: str | None = None
    clock_sigma_s: float | None = None
    host_offset_s: float | None = None
    disk_free_gb: float | None = None
    cameras: tuple[str, ...] = ()


def audit(facts: Facts) -> tuple[Point, ...]:
    """Every point, in the order of a checklist."""
    parts = (_link, _position, _own_checks, _sensors, _battery, _home, _failsafes, _fence, _return, _mission, _terrain)
    rest = (_clock, _storage, _camera, _remote_id, _air)
    return tuple(point for part in (*parts, *rest) for point in part(facts))


def stops(points: Sequence[Point]) -> tuple[Point, ...]:
    """What forbids to arm."""
    return tuple(point for point in points if point.level == STOP)


def _link(f: Facts) -> Iterator[Point]:
    at_s = f.state.heartbeat_at_s
    age = None if at_s is None else f.now_s - at_s
    if age is None or age > _FRESH_S:
        yield Point("link", STOP, "silent" if age is None else f"silent for {age:.0f} s", "Check the link")
        return
    rtt = "" if f.state.rtt_s is None else f", round trip {f.state.rtt_s * 1e3:.0f} ms"
    yield Point("link", OK, f"heard {age:.1f} s ago{rtt}")


def _position(f: Facts) -> Iterator[Point]:
    gnss = f.state.gnss
    if gnss is None or gnss.fix < 3:
        yield Point("gnss", STOP, "no fix" if gnss else "not heard", "Wait under open sky")
    else:
        value = f"fix {gnss.fix}, {gnss.satellites} satellites"
        value += "" if gnss.h_acc_m is None else f", ±{gnss.h_acc_m:.1f} m"
        weak = gnss.satellites < _FEW_SATELLITES or (gnss.h_acc_m or 0.0) > _COARSE_M
        yield Point("gnss", WARNING if weak else OK, value, "Wait for more satellites" if weak else "")
    ekf = f.state.ekf
    if not f.state.position_ready:
        yield Point("ekf", STOP, "no position estimate", "Wait, or move away from metal")
    elif ekf is not None and max(ekf.position, ekf.height, ekf.compass, ekf.velocity) > _EKF_DOUBT:
        worst = max(ekf.position, ekf.height, ekf.compass, ekf.velocity)
        yield Point("ekf", WARNING, f"doubts its sensors ({worst:.1f} of 1)", "Wait, or calibrate the compass")
    else:
        yield Point("ekf", OK, "position good")


def _own_checks(f: Facts) -> Iterator[Point]:
    if f.state.prearm_ok is None:
        yield Point("own_checks", WARNING, "not heard", "Wait for SYS_STATUS")
    elif f.state.prearm_ok:
        yield Point("own_checks", OK, f"good in {f.state.mode}")
    else:
        said = [text.text for text in f.state.texts if text.text.startswith(("PreArm:", "Arm:"))]
        yield Point("own_checks", STOP, said[-1] if said else "the vehicle would not arm", "Do what it says")


def _sensors(f: Facts) -> Iterator[Point]:
    bits = f.state.sensors_unhealthy
    if bits is None:
        return
    bad = [name for bit, name in _SENSORS.items() if bits & bit]
    if bad:
        yield Point("sensors", WARNING, f"not healthy: {', '.join(bad)}", "Look at each")
    else:
        yield Point("sensors", OK, "healthy")


def _battery(f: Facts) -> Iterator[Point]:
    battery = f.state.battery
    if battery is None or battery.remaining_pct is None:
        yield Point("battery", WARNING, "its charge is not known", "Measure it by hand")
        return
    left = battery.remaining_pct
    value = f"{left} %" + ("" if battery.voltage_v is None else f", {battery.voltage_v:.1f} V")
    level = STOP if left < _EMPTY_PCT else WARNING if left < _LOW_PCT else OK
    yield Point("battery", level, value, "" if level == OK else "Change the battery")
    if f.plan_s is None:
        return
    takes = f"the plan takes {f.plan_s / 60:.1f} min"
    if f.flight_s is None:
        yield Point("battery_plan", WARNING, f"{takes}; how long a battery flies was not given", "Give --flight-time")
        return
    usable_s = f.flight_s * left / 100.0 * (1.0 - _RESERVE)
    value = f"{takes}, the battery lasts {usable_s / 60:.1f} min with its reserve"
    enough = f.plan_s <= usable_s
    yield Point("battery_plan", OK if enough else STOP, value, "" if enough else "Change it, or split the plan")


def _home(f: Facts) -> Iterator[Point]:
    home, position = f.state.home, f.state.position
    if home is None:
        yield Point("home", STOP, "not set", "Wait for a position")
        return
    if position is None:
        yield Point("home", WARNING, "set; where the vehicle stands is not known", "Wait for a position")
        return
    away = distance_m(
        GeoPoint(home.lat_deg, home.lon_deg, 0.0, Datum.SEA_LEVEL),
        GeoPoint(position.lat_deg, position.lon_deg, 0.0, Datum.SEA_LEVEL),
    )
    far = away > _MOVED_M
    remedy = "Arming sets it anew; else set it here" if far else ""
    yield Point("home", WARNING if far else OK, f"{away:.0f} m from here", remedy)


def _failsafes(f: Facts) -> Iterator[Point]:
    values = f.parameters
    if values is None:
        yield Point("failsafes", WARNING, "the parameters could not be read", "Read them, then ask again")
        return
    if modes_of(f.state.vehicle_type) is COPTER:
        yield _switched(values, "FS_GCS_ENABLE", "failsafe_gcs", "loss of the ground station")
        yield _switched(values, "FS_THR_ENABLE", "failsafe_rc", "loss of the remote control")
        yield _switched(values, "FS_EKF_ACTION", "failsafe_ekf", "loss of the position")
    watches = values.get("BATT_LOW_VOLT", 0.0) > 0.0 or values.get("BATT_LOW_MAH", 0.0) > 0.0
    if values.get("BATT_MONITOR", 0.0) == 0.0:
        yield Point("failsafe_battery", STOP, "BATT_MONITOR 0: the battery is not measured", "Set BATT_MONITOR")
    elif not values.get("BATT_FS_LOW_ACT", 0.0) or not watches:
        acts = f"BATT_FS_LOW_ACT {values.get('BATT_FS_LOW_ACT', 0):g}, BATT_LOW_VOLT {values.get('BATT_LOW_VOLT', 0):g}"
        yield Point("failsafe_battery", WARNING, f"does nothing at a low battery ({acts})", "Set both")
    else:
        yield Point("failsafe_battery", OK, f"acts below {values.get('BATT_LOW_VOLT', 0.0):g} V")
    if values.get("ARMING_CHECK", values.get("ARMING_SKIPCHK", 1.0)) == 0.0 and "ARMING_CHECK" in values:
        yield Point("arming_check", STOP, "ARMING_CHECK 0: the vehicle's own checks are off", "Set ARMING_CHECK 1")


def _switched(values: Mapping[str, float], parameter: str, name: str, what: str) -> Point:
    value = values.get(parameter)
    if value is None:
        return Point(name, WARNING, f"{parameter} is not on this vehicle", "Look it up")
    if value == 0.0:
        return Point(name, WARNING, f"{parameter} 0: nothing happens at {what}", f"Set {parameter}")
    return Point(name, OK, f"{parameter} {value:g}")


def _fence(f: Facts) -> Iterator[Point]:
    if f.fence is None or f.parameters is None:
        yield Point("fence", WARNING, "could not be read", "Read it, then ask again")
        return
    enabled, kinds = f.parameters.get("FENCE_ENABLE", 0.0), int(f.parameters.get("FENCE_TYPE", 0.0))
    polygons = any(item.command in (5001, 5002) for item in f.fence)
    circles = any(item.command in (5003, 5004) for item in f.fence)
    if f.state.fence_breached:
        yield Point("fence", STOP, "it is breached now", "Stand inside, or change the fence")
    elif not f.fence:
        yield Point("fence", WARNING, "there is none on board", "Upload one: fly fence --plan")
    elif not enabled:
        yield Point("fence", STOP, f"{len(f.fence)} items on board and switched off", "fly fence on")
    elif (polygons and not kinds & _POLYGONS) or (circles and not kinds & (_POLYGONS | _CIRCLES)):
        yield Point("fence", STOP, f"FENCE_TYPE {kinds} does not use what is on board", "Set FENCE_TYPE 7")
    elif not f.parameters.get("FENCE_ACTION", 0.0):
        yield Point("fence", WARNING, "FENCE_ACTION 0: a breach is only reported", "Set FENCE_ACTION 1")
    else:
        yield Point("fence", OK, f"{len(f.fence)} items, switched on")


def _return(f: Facts) -> Iterator[Point]:
    """RTL's height against what stands in the way, in whichever unit this version names it."""
    if f.parameters is None:
        return
    in_m, in_cm = f.parameters.get("RTL_ALT_M"), f.parameters.get("RTL_ALT")
    height = in_m if in_m is not None else in_cm / 100.0 if in_cm is not None else None
    if height is None:
        yield Point("return_height", WARNING, "neither RTL_ALT nor RTL_ALT_M is on this vehicle", "Look it up")
    elif height == 0.0:
        yield Point("return_height", WARNING, "0: it returns at the height that it has", "Set RTL_ALT")
    elif f.obstacle_m is None:
        value = f"{height:g} m; what stands in the way is not known"
        yield Point("return_height", WARNING, value, "Give --plan and --terrain")
    else:
        value = f"{height:g} m above home, the highest in the way {f.obstacle_m:.0f} m"
        low = height < f.obstacle_m + _CLEARANCE_M
        remedy = f"Set RTL_ALT to {f.obstacle_m + _CLEARANCE_M:.0f} m or more" if low else ""
        yield Point("return_height", STOP if low else OK, value, remedy)


def _mission(f: Facts) -> Iterator[Point]:
    if not f.plan:
        yield Point("mission", WARNING, "no plan was named: what is on board was not looked at", "Give --plan")
    elif f.plan_proven:
        yield Point("mission", OK, f"{len(f.plan) - 1} items on board are the plan's, read back")
    else:
        yield Point("mission", STOP, f.plan_problem or "not on board", "Upload it: fly upload --plan")


def _terrain(f: Facts) -> Iterator[Point]:
    follows = any(item.frame in _TERRAIN_FRAMES for item in f.plan)
    report, values = f.state.terrain, f.parameters or {}
    if follows and values.get("TERRAIN_ENABLE", 1.0) == 0.0:
        yield Point("terrain", STOP, "the plan follows terrain and TERRAIN_ENABLE is 0", "Set TERRAIN_ENABLE 1")
    elif report is not None and report.pending > 0:
        value = f"{report.pending} pieces of terrain are still wanted"
        yield Point("terrain", STOP if follows else WARNING, value, "Serve terrain to the vehicle, or wait")
    elif follows and report is None:
        yield Point("terrain", STOP, "the plan follows terrain and the vehicle reports none", "Wait")
    else:
        yield Point("terrain", OK, "nothing is pending")


def _clock(f: Facts) -> Iterator[Point]:
    if f.clock_source is None:
        yield Point("clock", WARNING, "the vehicle's time is not known", "Wait for its receiver")
        return
    value = f"UTC from {'its receiver' if f.clock_source == 'gnss' else 'this computer'}, ±{f.clock_sigma_s or 0:.3f} s"
    if f.host_offset_s is not None and abs(f.host_offset_s) > _OFF_S:
        yield Point("clock", WARNING, f"{value}; this computer is {f.host_offset_s:+.0f} s off", "Set its clock")
    elif f.clock_source != "gnss":
        yield Point("clock", WARNING, value, "Wait for the vehicle's receiver")
    else:
        yield Point("clock", OK, value)


def _storage(f: Facts) -> Iterator[Point]:
    if f.disk_free_gb is None:
        yield Point("storage", WARNING, "free space is not known", "Look at the disk")
        return
    low, little = _DISK_GB
    level = STOP if f.disk_free_gb < low else WARNING if f.disk_free_gb < little else OK
    yield Point("storage", level, f"{f.disk_free_gb:.1f} GB free here", "" if level == OK else "Make space")


def _camera(f: Facts) -> Iterator[Point]:
    if f.cameras:
        yield Point("camera", OK, ", ".join(f.cameras))
    else:
        yield Point("camera", WARNING, "no camera or gimbal was heard", "Switch it on")


def _remote_id(f: Facts) -> Iterator[Point]:
    found = f.state.remote_id
    if found is None:
        yield Point("remote_id", WARNING, "no transmitter was heard", "Switch it on where the law asks for one")
    elif found.ready:
        yield Point("remote_id", OK, "ready")
    else:
        yield Point("remote_id", STOP, found.error or "not ready", "Do what it says")


def _air(f: Facts) -> Iterator[Point]:
    if f.state.wind_m_s is not None and f.state.wind_m_s[0] > _WINDY_M_S:
        yield Point("wind", WARNING, f"{f.state.wind_m_s[0]:.0f} m/s", "Mind the aircraft's limit")
    shaken = f.state.vibration
    if shaken is not None and max(shaken.m_s2) > _SHAKEN_M_S2:
        yield Point("vibration", WARNING, f"{max(shaken.m_s2):.0f} m/s²", "Look at propellers and mounts")
