"""The checklist: a healthy aircraft passes, and each single fault is found, named and weighed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ground_station.instruments import Ekf, RemoteId, Vibration
from ground_station.preflight import OK, STOP, WARNING, Facts, audit, stops
from ground_station.telemetry import Battery, Gnss, Home, Position, StatusText, TerrainReport, VehicleState
from missions.items import Command, Frame, MissionItem

PARAMETERS = {
    "FS_GCS_ENABLE": 1.0, "FS_THR_ENABLE": 1.0, "FS_EKF_ACTION": 1.0, "BATT_MONITOR": 4.0, "BATT_FS_LOW_ACT": 2.0,
    "BATT_LOW_VOLT": 14.4, "FENCE_ENABLE": 1.0, "FENCE_TYPE": 7.0, "FENCE_ACTION": 1.0, "RTL_ALT": 4_000.0,
    "ARMING_CHECK": 1.0, "TERRAIN_ENABLE": 1.0,
}  # fmt: skip
FENCE = tuple(MissionItem(Command.FENCE_INCLUSION_VERTEX, 0, 3.0, lat_deg=51.4, lon_deg=6.7) for _ in range(3))
PLAN = (
    MissionItem(16, Frame.GLOBAL, lat_deg=51.4, lon_deg=6.7, alt_m=33.0),
    MissionItem(Command.TAKEOFF, Frame.RELATIVE, alt_m=30.0),
    MissionItem(Command.WAYPOINT, Frame.RELATIVE, lat_deg=51.41, lon_deg=6.7, alt_m=30.0),
)
STATE = VehicleState(
    1, heartbeat_at_s=99.5, vehicle_type=2, custom_mode=4, prearm_ok=True, sensors_unhealthy=0, ekf_flags=831,
    gnss=Gnss(99.0, 4, 17, 0.8, 1.2, 33.0), ekf=Ekf(99.0, 831, 0.1, 0.1, 0.1, 0.1),
    battery=Battery(99.0, 16.4, 0.5, 98), home=Home(90.0, 51.4, 6.7, 33.0),
    position=Position(99.0, 99.0, 51.4, 6.7, 33.0, 0.0, (0.0, 0.0, 0.0), 0.0),
    terrain=TerrainReport(99.0, 51.4, 6.7, 33.0, 0.0, 0, 100), remote_id=RemoteId(99.0, True, ""),
)  # fmt: skip
GOOD = Facts(
    STATE, 100.0, parameters=PARAMETERS, fence=FENCE, plan=PLAN, plan_proven=True, plan_s=300.0, flight_s=1_200.0,
    obstacle_m=20.0, clock_source="gnss", clock_sigma_s=0.005, host_offset_s=0.1, disk_free_gb=100.0,
    cameras=("camera", "gimbal"),
)  # fmt: skip


def _level(facts: Facts, name: str) -> str:
    found = {point.name: point for point in audit(facts)}
    assert name in found, sorted(found)
    point = found[name]
    assert point.value and (point.level == OK or point.remedy), point
    return point.level


def _state(**changes: object) -> Facts:
    return replace(GOOD, state=replace(STATE, **changes))  # type: ignore[arg-type]


def _parameter(**changes: float) -> Facts:
    return replace(GOOD, parameters={**PARAMETERS, **changes})


def test_a_healthy_aircraft_passes_in_every_point() -> None:
    assert {point.level for point in audit(GOOD)} == {OK}, [point for point in audit(GOOD) if point.level != OK]
    assert stops(audit(GOOD)) == ()


@pytest.mark.parametrize(
    ("facts", "name", "level"),
    [
        (replace(GOOD, now_s=110.0), "link", STOP),
        (_state(gnss=Gnss(99.0, 1, 3, None, None, 0.0)), "gnss", STOP),
        (_state(gnss=Gnss(99.0, 3, 6, 1.0, 1.0, 0.0)), "gnss", WARNING),
        (_state(gnss=Gnss(99.0, 3, 14, 6.0, 9.0, 0.0)), "gnss", WARNING),
        (_state(ekf_flags=0xA7), "ekf", STOP),
        (_state(ekf=Ekf(99.0, 831, 0.1, 0.1, 0.1, 0.95)), "ekf", WARNING),
        (_state(prearm_ok=False), "own_checks", STOP),
        (_state(prearm_ok=None), "own_checks", WARNING),
        (_state(sensors_unhealthy=0x8), "sensors", WARNING),
        (_state(battery=Battery(99.0, 14.0, 0.5, 20)), "battery", STOP),
        (_state(battery=Battery(99.0, 15.0, 0.5, 50)), "battery", WARNING),
        (_state(battery=None), "battery", WARNING),
        (replace(GOOD, plan_s=1_000.0), "battery_plan", STOP),
        (replace(GOOD, flight_s=None), "battery_plan", WARNING),
        (_state(home=None), "home", STOP),
        (_state(home=Home(90.0, 51.41, 6.7, 33.0)), "home", WARNING),
        (_parameter(FS_GCS_ENABLE=0.0), "failsafe_gcs", WARNING),
        (_parameter(FS_THR_ENABLE=0.0), "failsafe_rc", WARNING),
        (_parameter(BATT_FS_LOW_ACT=0.0), "failsafe_battery", WARNING),
        (_parameter(BATT_LOW_VOLT=0.0), "failsafe_battery", WARNING),
        (_parameter(BATT_MONITOR=0.0), "failsafe_battery", STOP),
        (_parameter(ARMING_CHECK=0.0), "arming_check", STOP),
        (replace(GOOD, parameters=None), "failsafes", WARNING),
        (_parameter(FENCE_ENABLE=0.0), "fence", STOP),
        (_parameter(FENCE_TYPE=3.0), "fence", STOP),
        (_parameter(FENCE_ACTION=0.0), "fence", WARNING),
        (replace(GOOD, fence=()), "fence", WARNING),
        (replace(GOOD, fence=None), "fence", WARNING),
        (_state(fence_breached=True), "fence", STOP),
        (_parameter(RTL_ALT=1_500.0), "return_height", STOP),
        (_parameter(RTL_ALT=0.0), "return_height", WARNING),
        (_parameter(RTL_ALT_M=25.0), "return_height", STOP),
        (replace(GOOD, obstacle_m=None), "return_height", WARNING),
        (replace(GOOD, plan_proven=False, plan_problem="differs"), "mission", STOP),
        (replace(GOOD, plan=()), "mission", WARNING),
        (_state(terrain=TerrainReport(99.0, 51.4, 6.7, 33.0, 0.0, 224, 0)), "terrain", WARNING),
        (replace(GOOD, clock_source="host"), "clock", WARNING),
        (replace(GOOD, clock_source=None), "clock", WARNING),
        (replace(GOOD, host_offset_s=-40.0), "clock", WARNING),
        (replace(GOOD, disk_free_gb=0.2), "storage", STOP),
        (replace(GOOD, disk_free_gb=2.0), "storage", WARNING),
        (replace(GOOD, cameras=()), "camera", WARNING),
        (_state(remote_id=None), "remote_id", WARNING),
        (_state(remote_id=RemoteId(99.0, False, "operator location missing")), "remote_id", STOP),
        (_state(wind_m_s=(14.0, 270.0)), "wind", WARNING),
        (_state(vibration=Vibration(99.0, (5.0, 6.0, 45.0), (0, 0, 0))), "vibration", WARNING),
    ],
)
def test_each_fault_is_found_and_weighed(facts: Facts, name: str, level: str) -> None:
    assert _level(facts, name) == level
    others = {point.name for point in audit(facts) if point.level == STOP and name not in point.name}
    assert not others, f"{name} made a stop of {others}"


def test_a_plan_that_follows_terrain_needs_it() -> None:
    follows = (*PLAN[:2], replace(PLAN[2], frame=10))
    assert _level(replace(GOOD, plan=follows), "terrain") == OK
    pending = _state(terrain=TerrainReport(99.0, 51.4, 6.7, 33.0, 0.0, 224, 0))
    assert _level(replace(pending, plan=follows), "terrain") == STOP
    assert _level(replace(_state(terrain=None), plan=follows), "terrain") == STOP
    assert _level(replace(_parameter(TERRAIN_ENABLE=0.0), plan=follows), "terrain") == STOP


def test_the_vehicles_own_words_are_shown() -> None:
    facts = _state(prearm_ok=False, texts=(StatusText(98.0, 2, "PreArm: Compass not healthy"),))
    (stop,) = stops(audit(facts))
    assert stop.value == "PreArm: Compass not healthy"


def test_nothing_heard_is_never_ok_by_silence() -> None:
    points = {point.name: point.level for point in audit(Facts(VehicleState(1), 100.0))}
    silent = {"link", "gnss", "ekf", "own_checks", "battery", "home", "failsafes", "fence", "mission", "clock"}
    assert all(points[name] != OK for name in silent), points
