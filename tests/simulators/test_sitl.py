"""The SITL harness against a real ArduCopter; what needs no binary runs always."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.geo import Datum, GeoPoint
from simulators.gimbal import Gimbal
from simulators.sitl import SitlError, SitlVehicle
from simulators.sitl_setup import reserve

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)
ROOT = Path(__file__).resolve().parents[2]
FAST = 20.0
POSITION_OK = 0x18  # EKF_STATUS_REPORT: horizontal position relative and absolute


@pytest.fixture
def binary(sitl_binary: Path) -> Path:
    return sitl_binary


class Wire:
    """Our end of one of the vehicle's links: ``say`` and ``hear``."""

    def __init__(self, url: str, component: int = 190, system: int = 255) -> None:
        host, port = url.removeprefix("udpin:").split(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._socket.bind((host, int(port)))
        self._mav = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
        self._mav.robust_parsing = True
        self._peer: tuple[str, int] | None = None
        self._unread: deque[Any] = deque()
        self.texts: list[str] = []

    async def next(self) -> Any:
        while not self._unread:
            data, self._peer = await asyncio.get_running_loop().sock_recvfrom(self._socket, 65_535)
            self._unread.extend(self._mav.parse_buffer(data) or ())
        message = self._unread.popleft()
        if message.get_type() == "STATUSTEXT":
            self.texts.append(message.text)
        return message

    async def say(self, message: Any) -> None:
        await self.pass_on(message.pack(self._mav))

    async def pass_on(self, frame: bytes) -> None:
        assert self._peer is not None, "the vehicle speaks first"
        await asyncio.get_running_loop().sock_sendto(self._socket, frame, self._peer)

    async def hear(self, name: str, suits: Callable[[Any], bool] = lambda _: True, limit_s: float = 20.0) -> Any:
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    message = await self.next()
                    if message.get_type() == name and suits(message):
                        return message
        except TimeoutError:
            pytest.fail(f"no {name} that suits in {limit_s} s; texts so far: {self.texts}")

    async def command(self, command: int, *parameters: float) -> int:
        filled = (*parameters, *([0.0] * (7 - len(parameters))))
        await self.say(mavlink.MAVLink_command_long_message(1, 1, command, 0, *filled))
        ack = await self.hear("COMMAND_ACK", lambda m: bool(m.command == command))
        return int(ack.result)

    async def parameter(self, name: str) -> float:
        await self.say(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
        return float((await self.hear("PARAM_VALUE", lambda m: bool(m.param_id == name))).param_value)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def alive(pid: int) -> bool:
    """Whether a process runs that is not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def gone(pid: int, limit_s: float) -> bool:
    """Whether the process, which need not be a child of ours, ends within the limit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), limit_s)
    except TimeoutError:
        return False
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
    return True


# --- without a binary ------------------------------------------------------------------------------------------------
async def test_a_program_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "arducopter"
    program.write_text("#!/bin/sh\necho out of cheese\nexit 7\n")
    program.chmod(0o755)
    vehicle = SitlVehicle(program, HOME)
    with pytest.raises(SitlError, match=r"ended with 7.*out of cheese"):
        await vehicle.__aenter__()
    _, held = reserve(vehicle.ports.instance)  # the failed start has given its ports back
    held.close()


# --- with a binary --------------------------------------------------------------------------------------------------
@pytest.mark.sitl
async def test_it_arms_with_our_parameters_and_climbs_in_truth(binary: Path) -> None:
    async with SitlVehicle(binary, HOME, 90.0, speedup=FAST, gimbal_and_camera=False) as vehicle:
        assert vehicle.version_text.startswith("ArduCopter 4.")
        with Wire(vehicle.ground_url) as ground, Wire(vehicle.truth_url) as truth:
            await _arm(ground)
            assert await ground.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 20) == 0
            top = await truth.hear("SIM_STATE", lambda m: bool(m.alt > HOME.alt_m + 19))
            assert (top.lat_int / 1e7, top.lon_int / 1e7) == pytest.approx((HOME.lat_deg, HOME.lon_deg), abs=2e-5)
            assert top.yaw == pytest.approx(math.radians(90), abs=math.radians(5))


async def _arm(ground: Wire) -> None:
    """In GUIDED, by the vehicle's own word of readiness."""
    await ground.hear("HEARTBEAT")
    for number in (mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT, mavlink.MAVLINK_MSG_ID_SYS_STATUS):
        assert await ground.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, 200_000) == 0
    await ground.hear("EKF_STATUS_REPORT", lambda m: m.flags & POSITION_OK == POSITION_OK)
    assert await ground.command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4) == 0
    ready = mavlink.MAV_SYS_STATUS_PREARM_CHECK
    await ground.hear("SYS_STATUS", lambda m: bool(m.onboard_control_sensors_health & ready))
    assert await ground.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == 0, ground.texts


@pytest.mark.sitl
async def test_truth_comes_at_50_hz_of_vehicle_time_each_state_beside_its_attitude(binary: Path) -> None:
    async with SitlVehicle(binary, HOME, speedup=4, gimbal_and_camera=False) as vehicle:
        with Wire(vehicle.truth_url) as truth:
            names: list[str] = []
            stamps_ms: list[int] = []
            async with asyncio.timeout(20):
                while len(stamps_ms) < 500:
                    message = await truth.next()
                    if message.get_type() == "ATTITUDE":
                        stamps_ms.append(message.time_boot_ms)
                    if message.get_type() in ("ATTITUDE", "SIM_STATE"):
                        names.append(message.get_type())
    pairs = names[names.index("ATTITUDE") :]
    assert {*pairs[::2]} == {"ATTITUDE"} and {*pairs[1::2]} == {"SIM_STATE"}
    mean_ms = (stamps_ms[-1] - stamps_ms[0]) / (len(stamps_ms) - 1)
    assert 19.9 < mean_ms < 20.5


@pytest.mark.sitl
async def test_camera_and_gimbal_are_asked_for_on_links_of_their_own(binary: Path) -> None:
    async with SitlVehicle(binary, HOME, speedup=FAST) as vehicle:
        with (
            Wire(vehicle.ground_url) as ground,
            Wire(vehicle.camera_url, component=100, system=1) as camera,
            Wire(vehicle.gimbal_url, component=154, system=1) as gimbal,
        ):
            await ground.hear("HEARTBEAT")
            assert await ground.parameter("CAM1_TYPE") == 6
            assert await ground.parameter("MNT1_TYPE") == 6
            await _is_asked(camera, mavlink.MAV_TYPE_CAMERA, mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION)
            await _is_asked(gimbal, mavlink.MAV_TYPE_GIMBAL, mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_INFORMATION)


async def _is_asked(device: Wire, kind: int, wanted: int) -> None:
    await device.hear("HEARTBEAT")
    beat = mavlink.MAVLink_heartbeat_message(kind, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3)

    async def keep_beating() -> None:
        while True:
            await device.say(beat)
            await asyncio.sleep(0.02)

    beating = asyncio.create_task(keep_beating())
    try:
        order = mavlink.MAV_CMD_REQUEST_MESSAGE
        await device.hear("COMMAND_LONG", lambda m: m.command == order and m.param1 == wanted)
    finally:
        beating.cancel()


@pytest.mark.sitl
async def test_it_arms_with_our_gimbal_attached_and_the_gimbal_turns_when_told(binary: Path) -> None:
    async with SitlVehicle(binary, HOME, speedup=8) as vehicle:
        with (
            Wire(vehicle.ground_url) as ground,
            Wire(vehicle.gimbal_url) as wire,
            Wire(vehicle.truth_url) as truth,
        ):
            device = asyncio.create_task(_run_gimbal(Gimbal(seed=1), wire, truth))
            await _arm(ground)
            status = mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS
            assert await ground.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, status, 100_000) == 0
            down, nan = -60.0, math.nan
            assert await ground.command(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, down, 0, nan, nan, 0, 0, 0) == 0
            await ground.hear("GIMBAL_DEVICE_ATTITUDE_STATUS", lambda m: abs(_pitch_deg(m.q) - down) < 1)
            assert not device.done()
            device.cancel()


def _pitch_deg(q: list[float]) -> float:
    return math.degrees(math.asin(max(-1.0, min(1.0, 2 * (q[0] * q[2] - q[3] * q[1])))))


async def _run_gimbal(gimbal: Gimbal, wire: Wire, truth: Wire) -> None:
    """The gimbal in the vehicle's time, as the truth link tells it."""
    await wire.hear("HEARTBEAT")

    async def listen() -> None:
        while True:
            gimbal.receive(bytes((await wire.next()).get_msgbuf()))

    async with asyncio.TaskGroup() as group:
        group.create_task(listen())
        while True:
            gimbal.step((await truth.hear("ATTITUDE")).time_boot_ms / 1000)
            for frame in gimbal.take_outgoing():
                await wire.pass_on(frame)


@pytest.mark.sitl
async def test_a_kept_folder_needs_no_second_reboot_and_a_temporary_one_goes(binary: Path, tmp_path: Path) -> None:
    async with SitlVehicle(binary, HOME, speedup=FAST, scratch=tmp_path) as vehicle:
        pass
    boots = (tmp_path / "arducopter.log").read_text().count("Starting sketch")
    async with SitlVehicle(binary, HOME, speedup=FAST, scratch=tmp_path) as vehicle:
        pass
    assert (boots, (tmp_path / "arducopter.log").read_text().count("Starting sketch")) == (2, 1)
    async with SitlVehicle(binary, HOME, speedup=FAST, gimbal_and_camera=False) as vehicle:
        folder = vehicle.folder
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.sitl
async def test_two_vehicles_fly_side_by_side_and_nothing_stays_when_our_side_raises(binary: Path) -> None:
    pids: list[int] = []
    with pytest.raises(RuntimeError, match="our mistake"):
        await _raise_beside_two(binary, pids)
    assert len(pids) == 2 and not any(alive(pid) for pid in pids)


async def _raise_beside_two(binary: Path, pids: list[int]) -> None:
    async with (
        SitlVehicle(binary, HOME, speedup=FAST, gimbal_and_camera=False) as one,
        SitlVehicle(binary, HOME, speedup=FAST, gimbal_and_camera=False) as two,
    ):
        pids += [one.pid, two.pid]
        assert one.ground_url != two.ground_url
        assert all(alive(pid) for pid in pids)
        raise RuntimeError("our mistake")


@pytest.mark.sitl
async def test_a_vehicle_that_dies_is_an_error_and_one_that_is_stopped_is_not(binary: Path) -> None:
    async with SitlVehicle(binary, HOME, speedup=FAST, gimbal_and_camera=False) as vehicle:
        watch = asyncio.create_task(vehicle.wait_ended())
        await vehicle.stop()
        await asyncio.wait_for(watch, 5)
    async with SitlVehicle(binary, HOME, speedup=FAST, gimbal_and_camera=False) as vehicle:
        os.kill(vehicle.pid, signal.SIGKILL)
        with pytest.raises(SitlError, match="ended with -9"):
            await asyncio.wait_for(vehicle.wait_ended(), 5)


PARENT = """
import asyncio, pathlib, sys
from missions.geometry.geo import Datum, GeoPoint
from simulators.gimbal import Gimbal
from simulators.sitl import SitlVehicle

async def main():
    async with SitlVehicle(pathlib.Path(sys.argv[1]), GeoPoint(51.4, 6.7, 33.0, Datum.SEA_LEVEL), speedup=20.0) as it:
        print(it.pid, it.folder, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.sitl
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
@pytest.mark.parametrize("frozen", [False, True], ids=["running", "stopped"])
async def test_kill_9_of_the_parent_leaves_no_vehicle(binary: Path, frozen: bool, tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(binary),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert parent.stdout is not None
        line = await asyncio.wait_for(parent.stdout.readline(), 40)
        pid = int(line.split()[0])
        assert alive(pid)
        if frozen:  # then ArduPilot cannot look for its parent itself
            os.kill(pid, signal.SIGSTOP)
    finally:
        parent.kill()
        await parent.wait()
    ended = await gone(pid, limit_s=5)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    assert ended
