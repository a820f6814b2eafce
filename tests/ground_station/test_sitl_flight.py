"""Our station, pump and machines against a real ArduCopter: upload, arm, fly, pause, come home."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ground_station.link import open_link
from ground_station.operation import Operation, Outcome
from ground_station.pump import Pump
from ground_station.recording import TlogWriter, read_tlog
from ground_station.station import Station
from ground_station.transfer import FENCE, RALLY
from ground_station.vehicle import Vehicle
from ground_station.wire import Encoder, mavlink
from missions.checks import check
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.geometry.pose import NoPose, Pose
from missions.geometry.terrain import TerrainGrid
from missions.items import Command, Frame, MissionItem
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from simulators.sitl import SitlVehicle, find_binary

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
SPEEDUP = 10.0

pytestmark = pytest.mark.sitl


async def _until(condition: Callable[[], bool], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.02)


async def _finish(operation: Operation) -> Outcome:
    await _until(lambda: operation.outcome is not None, 60.0)
    assert operation.outcome is not None
    return operation.outcome


def _mission() -> tuple[Mission, tuple[MissionItem, ...], tuple[MissionItem, ...]]:
    def above(azimuth_deg: float, distance_m: float) -> GeoPoint:
        point = offset(HOME, azimuth_deg, distance_m)
        return GeoPoint(point.lat_deg, point.lon_deg, 25.0, Datum.HOME)

    mission = Mission(
        "test", (TakeOff(25.0), FlyTo(above(0, 40)), FlyTo(above(90, 60)), FlyTo(above(180, 60)), ReturnHome()), HOME
    )
    corners = [offset(HOME, azimuth, 300.0) for azimuth in (45.0, 135.0, 225.0, 315.0)]
    fence = tuple(
        MissionItem(Command.FENCE_INCLUSION_VERTEX, Frame.GLOBAL, 4.0, lat_deg=p.lat_deg, lon_deg=p.lon_deg)
        for p in corners
    )
    rally = (MissionItem(Command.RALLY_POINT, Frame.RELATIVE, lat_deg=HOME.lat_deg, lon_deg=HOME.lon_deg, alt_m=20.0),)
    return mission, fence, rally


async def _fly(vehicle: Vehicle) -> None:
    def now() -> float:
        return time.monotonic()

    mission, fence, rally = _mission()
    checked = check(mission, home=HOME, fence=fence, rally=rally).checked
    assert checked is not None
    uploaded = await _finish(vehicle.upload(checked, now_s=now()))
    assert (uploaded.outcome, uploaded.items) == ("verified", 6 + 4 + 1), uploaded
    assert (await _finish(vehicle.set_mode("RTL", now_s=now()))).good
    refused = await _finish(vehicle.arm(now_s=now()))
    assert refused.outcome == "refused" and "Arm: RTL mode not armable" in refused.vehicle_text
    assert (await _finish(vehicle.set_mode("GUIDED", now_s=now()))).good
    await _until(lambda: bool(vehicle.state.prearm_ok), 30.0)
    assert (await _finish(vehicle.arm(now_s=now()))).outcome == "done"
    assert (await _finish(vehicle.start_mission(checked.items, now_s=now()))).outcome == "done"
    await _until(lambda: vehicle.state.mission is not None and vehicle.state.mission.current >= 2, 60.0)
    assert (await _finish(vehicle.disarm(now_s=now()))).outcome == "refused"
    assert (await _finish(vehicle.pause(now_s=now()))).outcome == "done"
    assert (await _finish(vehicle.resume(now_s=now()))).outcome == "done"
    pose = vehicle.track.mount_pose_at(vehicle.clock.utc_from_boot((vehicle.state.boot_s or 0.0) - 1.0) or 0.0, "fixed")
    assert isinstance(pose, Pose), pose
    assert pose.height_above_home_m == pytest.approx(25.0, abs=3.0)
    assert isinstance(vehicle.track.pose_at(pose.time_s), NoPose)  # this one carries no gimbal
    await _until(lambda: vehicle.state.landed == "on_ground" and not vehicle.state.armed, 90.0)
    for kind in (FENCE, RALLY):
        assert (await _finish(vehicle.clear(kind, now_s=now()))).outcome == "done"


async def test_a_real_autopilot_flies_what_we_proved(tmp_path: Path) -> None:
    binary = find_binary()
    if binary is None:
        pytest.skip("no ArduCopter binary: neither EINSATZDROHNE_SITL nor arducopter on the PATH")
    async with SitlVehicle(binary, HOME, speedup=SPEEDUP, gimbal_and_camera=False) as sitl:
        station, recorder = Station(), TlogWriter(tmp_path / "flight.tlog")
        link = open_link(sitl.ground_url)
        await link.open()
        pump = asyncio.create_task(Pump(station, [link], recorder).run())
        try:
            await _until(lambda: 1 in station.vehicles, 30.0)
            vehicle = station.vehicles[1]
            await _until(lambda: vehicle.state.position_ready and vehicle.state.home is not None, 60.0)
            await _fly(vehicle)
            assert vehicle.flights == 1
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await link.close()
            recorder.close()
    senders = {received.sysid for _, received in read_tlog(recorder.path)}
    assert senders == {1, 255} and recorder.not_recorded == 0


def _hillside() -> TerrainGrid:
    """Rises by 1 m for every 20 m north and every 50 m east, through home; 11 km each way, for blocks are 3 km long."""
    rows, columns = np.mgrid[0:1001, 0:1001]
    north_m = (500 - rows) * 2e-4 * 111_319.0
    east_m = (columns - 500) * 2e-4 * 111_319.0 * math.cos(math.radians(HOME.lat_deg))
    heights = (HOME.alt_m + north_m / 20.0 + east_m / 50.0).astype(np.float32)
    return TerrainGrid(heights, "EPSG:4326", HOME.lon_deg - 0.1, HOME.lat_deg + 0.1, 2e-4, 2e-4)


async def test_a_plan_above_terrain_arms_with_our_heights_and_never_without(tmp_path: Path) -> None:
    binary = find_binary()
    if binary is None:
        pytest.skip("no ArduCopter binary: neither EINSATZDROHNE_SITL nor arducopter on the PATH")
    point = offset(HOME, 30.0, 60.0)
    above = GeoPoint(point.lat_deg, point.lon_deg, 30.0, Datum.GROUND)
    mission = Mission("terrain", (TakeOff(25.0), FlyTo(above), ReturnHome()), HOME)
    checked = check(mission, home=HOME, terrain=_hillside()).checked
    assert checked is not None
    checked = checked.accepted_by("test", "test") if checked.needs_acceptance else checked
    async with SitlVehicle(binary, HOME, speedup=SPEEDUP, gimbal_and_camera=False) as sitl:
        station = Station()
        link = open_link(sitl.ground_url)
        await link.open()
        pump = asyncio.create_task(Pump(station, [link]).run())
        try:
            await _until(lambda: 1 in station.vehicles, 30.0)
            vehicle = station.vehicles[1]
            await _until(lambda: vehicle.state.position_ready and vehicle.state.home is not None, 60.0)
            assert (await _finish(vehicle.upload(checked, now_s=time.monotonic()))).outcome == "verified"
            assert (await _finish(vehicle.set_mode("GUIDED", now_s=time.monotonic()))).good
            refused = await _finish(vehicle.arm(now_s=time.monotonic()))
            assert refused.outcome == "refused" and "waiting for terrain data" in " ".join(refused.vehicle_text)
            vehicle.terrain_service.ground = _hillside()
            await _until(lambda: _terrain_known(vehicle), 30.0)
            await _until(lambda: bool(vehicle.state.prearm_ok), 30.0)
            assert vehicle.terrain_service.served > 0 and vehicle.state.terrain is not None
            assert vehicle.state.terrain.terrain_amsl_m == pytest.approx(HOME.alt_m, abs=1.5)
            for azimuth, height_m in ((0.0, HOME.alt_m + 30.0), (90.0, HOME.alt_m + 12.0)):  # 600 m away
                place = offset(HOME, azimuth, 600.0)

                def told(place: GeoPoint = place, height_m: float = height_m) -> bool:
                    link.send(_ask_height(place), station.route(1)[1])  # type: ignore[index]
                    terrain = vehicle.state.terrain  # the next report of where it stands comes soon
                    return terrain is not None and abs(terrain.terrain_amsl_m - height_m) < 1.5

                await _until(told, 10.0)
            assert (await _finish(vehicle.arm(now_s=time.monotonic()))).outcome == "done"
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await link.close()


def _ask_height(place: GeoPoint) -> bytes:
    message = mavlink.MAVLink_terrain_check_message(round(place.lat_deg * 1e7), round(place.lon_deg * 1e7))
    return Encoder(255, 190).encode(message)


def _terrain_known(vehicle: Vehicle) -> bool:
    told = vehicle.state.terrain
    return told is not None and told.pending == 0 and told.spacing_m > 0
