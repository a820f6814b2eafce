"""Vehicles in SITL with camera and gimbal, as a harness: ready by state, levers read back, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.endpoints import EndpointError
from simulators.scenario import load
from simulators.sitl import SitlError
from simulators.sitl_fleet import SitlFleet
from simulators.sitl_setup import SitlPorts


# --- without a binary -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("vehicles", [0, 5])
def test_one_to_four_vehicles_are_allowed(vehicles: int) -> None:
    with pytest.raises(SitlError, match=rf"vehicles {vehicles}: allowed are 1 to 4"):
        SitlFleet(Path("arducopter"), load("uebungsplatz"), vehicles=vehicles)


async def test_of_two_that_do_not_start_one_error_is_raised_and_every_port_is_free(tmp_path: Path) -> None:
    program = tmp_path / "arducopter"
    program.write_text("#!/bin/sh\necho no such sensor\nexit 3\n")
    program.chmod(0o755)
    fleet = SitlFleet(program, load("uebungsplatz"), vehicles=2, instances=range(10, 20))
    with pytest.raises(SitlError, match=r"arducopter\) ended with 3.*no such sensor"):
        await fleet.__aenter__()
    assert not _bound(fleet)


# --- with a binary --------------------------------------------------------------------------------------------------
@pytest.mark.sitl
@pytest.mark.parametrize("sitl", [1, 2], indirect=True)
async def test_each_vehicle_arms_at_once_under_its_own_number_with_its_own_camera(sitl: SitlFleet) -> None:
    sysids = [drone.vehicle.sysid for drone in sitl.drones]
    assert sysids == [*range(1, len(sitl.drones) + 1)]
    assert len({drone.video_url for drone in sitl.drones}) == len(sysids)
    for drone in sitl.drones:
        with _Ground(drone.vehicle.ports, drone.vehicle.sysid) as ground:
            arm = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
            ack = await ground.until("COMMAND_ACK", lambda m, arm=arm: m.command == arm, (arm, 1.0))
            assert ack.result == mavlink.MAV_RESULT_ACCEPTED, ground.texts
            assert ground.systems == {drone.vehicle.sysid}
        assert await _some_video(drone.video_url)


@pytest.mark.sitl
@pytest.mark.parametrize("sitl", [{"levers": {"SIM_WIND_SPD": 3.0}}], indirect=True)
async def test_levers_are_set_by_name_and_read_back(sitl: SitlFleet) -> None:
    vehicle = sitl.drones[0].vehicle
    assert await vehicle.get("SIM_WIND_SPD") == 3.0
    assert await vehicle.set("SIM_WIND_DIR", 270.0) == await vehicle.get("SIM_WIND_DIR") == 270.0
    with pytest.raises(SitlError, match="took 127 for SIM_GPS1_ENABLE, not 1000"):
        await vehicle.set("SIM_GPS1_ENABLE", 1000.0)
    with pytest.raises(SitlError, match="'SIM_NO_SUCH': it has none of that name"):
        await vehicle.set("SIM_NO_SUCH", 1.0)


@pytest.mark.sitl
async def test_a_lost_gps_in_flight_is_an_ekf_failsafe_and_a_landing(sitl: SitlFleet) -> None:
    vehicle = sitl.drones[0].vehicle
    with _Ground(vehicle.ports, 1) as ground:
        await ground.until("HEARTBEAT", _armed, (mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1.0))
        climb = (mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 15.0)
        await ground.until("COMMAND_ACK", lambda m: m.command == climb[0] and m.result == 0, climb)
        higher = (mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT)
        await ground.until("GLOBAL_POSITION_INT", lambda m: m.relative_alt > 10_000, higher)
        await sitl.set("SIM_GPS1_ENABLE", 0)
        await ground.until("STATUSTEXT", lambda m: "EKF Failsafe: changed to LAND" in m.text)
        await ground.until("HEARTBEAT", lambda m: m.get_srcComponent() == 1 and m.custom_mode == 9)


@pytest.mark.sitl
async def test_what_dies_is_named(sitl: SitlFleet) -> None:
    drone = sitl.drones[0]
    assert drone.payload is not None
    watch = asyncio.create_task(sitl.wait_ended())
    os.kill(drone.payload.endpoints["gimbal"].process.pid, signal.SIGKILL)
    with pytest.raises(EndpointError, match="gimbal"):
        await asyncio.wait_for(watch, 5)
    os.kill(drone.vehicle.pid, signal.SIGKILL)
    with pytest.raises(SitlError, match="ended with -9"):
        await asyncio.wait_for(drone.vehicle.wait_ended(), 5)
    with pytest.raises(SitlError, match="ended with -9"):
        await drone.vehicle.set("SIM_WIND_SPD", 1.0)


@pytest.mark.sitl
async def test_one_that_cannot_become_ready_says_why_and_leaves_nothing(sitl_binary: Path, tmp_path: Path) -> None:
    from missions.geometry.geo import Datum, GeoPoint
    from simulators.sitl import SitlVehicle

    home = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
    async with SitlVehicle(sitl_binary, home, speedup=60, instances=range(10, 20)) as vehicle:  # its gimbal never comes
        with pytest.raises(SitlError, match="Mount: not healthy"):
            await vehicle.ready(limit_s=5.0)


def _armed(m: Any) -> bool:
    return bool(m.get_srcComponent() == 1 and m.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)


def _bound(fleet: SitlFleet) -> list[int]:
    """The ports of a fleet that somebody holds."""
    held = []
    for drone in fleet.drones:
        ports = drone.vehicle.ports
        for port in (ports.ground, ports.camera, ports.gimbal, ports.truth, ports.control):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    held.append(port)
    return held


async def _some_video(url: str) -> bytes:
    host, _, port = url.removeprefix("tcp://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        return await asyncio.wait_for(reader.readexactly(25), 20)
    finally:
        writer.close()


class _Ground:
    """A ground station in few words: repeats a command until what it waits for is heard."""

    def __init__(self, ports: SitlPorts, sysid: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", ports.ground))
        self._mav = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
        self._mav.robust_parsing = True
        self._sysid = sysid
        self.texts: list[str] = []
        self.systems: set[int] = set()

    async def until(self, name: str, suits: Any, command: tuple[float, ...] = (), limit_s: float = 30.0) -> Any:
        loop = asyncio.get_running_loop()
        next_s = 0.0
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    data, peer = await loop.sock_recvfrom(self._socket, 65_535)
                    if command and loop.time() >= next_s:
                        next_s = loop.time() + 0.3
                        fields = (*command[1:], *([0.0] * (8 - len(command))))
                        order = mavlink.MAVLink_command_long_message(self._sysid, 1, int(command[0]), 0, *fields)
                        await loop.sock_sendto(self._socket, order.pack(self._mav), peer)
                    for message in self._mav.parse_buffer(data) or ():
                        self.systems.add(message.get_srcSystem())
                        if message.get_type() == "STATUSTEXT":
                            self.texts.append(message.text)
                        if message.get_type() == name and suits(message):
                            return message
        except TimeoutError:
            pytest.fail(f"no {name} that suits in {limit_s} s; texts: {self.texts}")

    def __enter__(self) -> _Ground:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
