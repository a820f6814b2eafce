"""The harness's own words with a vehicle in SITL, on a link of its own: a ground station that never beats.

Everything is asked until it is answered and read back: UDP may lose, and ArduPilot answers what it does not know with
silence. Waiting is for a state of the vehicle, never for a time; the limits are there to name what did not come.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.sitl_setup import EXTERNAL, Airframe, SitlError

POSITION_OK = 0x18
"""EKF_STATUS_REPORT.flags: horizontal position relative and absolute."""

_BOOT_LIMIT_S = 30.0
_ANSWER_LIMIT_S = 3.0
_ASK_AGAIN_S = 0.5

Message = Any
Suits = Callable[[Message], bool]


class Talk:
    """Opened before the vehicle starts, that nothing of its boot is missed; closed when it has ended."""

    def __init__(self, port: int, sysid: int, airframe: Airframe, check_alive: Callable[[], None]) -> None:
        self._port, self._sysid, self._airframe, self._check_alive = port, sysid, airframe, check_alive
        self._mav = mavlink.MAVLink(None, srcSystem=255, srcComponent=mavlink.MAV_COMP_ID_SYSTEM_CONTROL)
        self._mav.robust_parsing = True
        self._peer: tuple[str, int] | None = None
        self._unread: deque[Message] = deque()
        self.texts: deque[str] = deque(maxlen=20)
        """What the vehicle said last in STATUSTEXT, each once, the newest at the end."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        """Free the port."""
        self._socket.close()

    # --- hear and say -------------------------------------------------------------------------------------------------

    async def hear(
        self, name: str, suits: Suits | None = None, *asking: Message, limit_s: float = _BOOT_LIMIT_S
    ) -> Message:
        """The first message of this name that suits; ``asking`` is sent now and again until then.

        Raises SitlError when the vehicle dies, or after the limit.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        while loop.time() < end_s:
            self._check_alive()
            for question in asking:
                await self.say(question)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_S):
                    while True:
                        message = await self._next()
                        if message.get_type() == name and (suits is None or suits(message)):
                            return message
        self._check_alive()
        said = f"; it said: {' | '.join([*self.texts][-4:])}" if self.texts else ""
        raise SitlError(f"SITL sent no {name} that suits within {limit_s:.0f} s on UDP port {self._port}{said}")

    async def say(self, message: Message) -> None:
        """To where the vehicle was last heard from; to nobody before that."""
        if self._peer is not None:
            await asyncio.get_running_loop().sock_sendto(self._socket, message.pack(self._mav), self._peer)

    async def _next(self) -> Message:
        while not self._unread:
            data, self._peer = await asyncio.get_running_loop().sock_recvfrom(self._socket, 65_535)
            self._take(data)
        return self._unread.popleft()

    def _take(self, data: bytes) -> None:
        for message in self._mav.parse_buffer(data) or ():
            self._unread.append(message)
            if message.get_type() == "STATUSTEXT" and message.text and message.text not in self.texts:
                self.texts.append(message.text)

    def _forget(self) -> None:
        """Read what waits since the last talk: an old answer must not pass for a new one."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, self._peer = self._socket.recvfrom(65_535)
                self._take(data)
        self._unread.clear()

    async def _command(self, command: int, *parameters: float) -> int:
        """The result of a COMMAND_LONG to the autopilot."""
        filled = (*parameters, *([0.0] * (7 - len(parameters))))
        order = mavlink.MAVLink_command_long_message(self._sysid, 1, command, 0, *filled)
        ack = await self.hear("COMMAND_ACK", lambda m: bool(m.command == command), order)
        return int(ack.result)

    # --- parameters ---------------------------------------------------------------------------------------------------

    async def parameter(self, name: str) -> float:
        """A parameter's value. Raises SitlError when the vehicle has none of that name (it says nothing then)."""
        self._forget()
        return await self._read(name)

    async def _read(self, name: str) -> float:
        read = mavlink.MAVLink_param_request_read_message(self._sysid, 1, name.encode("ascii"), -1)
        try:
            told = await self.hear("PARAM_VALUE", _named(name), read, limit_s=_ANSWER_LIMIT_S)
        except SitlError:
            self._check_alive()
            raise SitlError(f"SITL does not answer for a parameter {name!r}: it has none of that name") from None
        return float(told.param_value)

    async def set_parameter(self, name: str, value: float) -> float:
        """Set a lever and read it back. Raises SitlError when it is unknown, or when another value came back.

        ArduPilot clamps and truncates what does not fit a parameter's type without a word.
        """
        self._forget()
        before = await self._read(name)
        wanted = struct.unpack("<f", struct.pack("<f", value))[0]
        if before == wanted:
            return before
        write = mavlink.MAVLink_param_set_message(
            self._sysid, 1, name.encode("ascii"), value, mavlink.MAV_PARAM_TYPE_REAL32
        )
        read = mavlink.MAVLink_param_request_read_message(self._sysid, 1, name.encode("ascii"), -1)
        taken = before
        for _ in range(4):
            taken = float((await self.hear("PARAM_VALUE", _named(name), write, read)).param_value)
            if math.isclose(taken, wanted, rel_tol=1e-6, abs_tol=1e-9):
                return taken
            taken = await self._read(name)
            if math.isclose(taken, wanted, rel_tol=1e-6, abs_tol=1e-9):
                return taken
        raise SitlError(f"SITL took {taken:g} for {name}, not {value:g}: out of the range of its type, or read-only")

    # --- boot and readiness -------------------------------------------------------------------------------------------

    async def booted(self) -> None:
        """Until the vehicle has set itself up: what is stored before is overwritten by its conversions."""
        await self.hear("HEARTBEAT", self._is_initialised)

    async def set_external_camera(self) -> None:
        """CAM1_TYPE stored and in force; reboots once, unless the folder has it from an earlier run."""
        if await self._read("CAM1_TYPE") == EXTERNAL:
            return
        await self.set_parameter("CAM1_TYPE", EXTERNAL)
        await self._reboot()
        if await self._read("CAM1_TYPE") != EXTERNAL:
            raise SitlError("SITL forgot CAM1_TYPE over its reboot; this version stores it otherwise")

    async def _reboot(self) -> None:
        """Until a heartbeat comes from another port: the new life has new sockets. Its clock would tell too late."""
        command = mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN
        former = self._peer
        # Said once: a second order could reach the vehicle after its reboot.
        await self.say(mavlink.MAVLink_command_long_message(self._sysid, 1, command, 0, 1, 0, 0, 0, 0, 0, 0))
        ack = await self.hear("COMMAND_ACK", lambda m: bool(m.command == command))
        if ack.result != mavlink.MAV_RESULT_ACCEPTED:
            raise SitlError(f"SITL refused to reboot, result {ack.result}")
        await self.hear("HEARTBEAT", lambda m: self._peer != former and self._is_initialised(m))

    async def ready(self, limit_s: float) -> None:
        """Until it could arm: position by the EKF's flags, then GUIDED, then the PREARM bit, which depends on the mode.

        Leaves it in GUIDED, where it takes off. Raises SitlError with what it says against arming.
        """
        self._forget()
        watched = (mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT, mavlink.MAVLINK_MSG_ID_SYS_STATUS)
        for number in watched:
            await self._command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, 200_000)
        await self.hear("EKF_STATUS_REPORT", _knows_its_place, limit_s=limit_s)
        guided = self._airframe.guided
        await self._command(mavlink.MAV_CMD_DO_SET_MODE, mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, guided)
        await self.hear("HEARTBEAT", lambda m: bool(m.get_srcComponent() == 1 and m.custom_mode == guided))
        await self.hear("SYS_STATUS", _passes_prearm, limit_s=limit_s)
        for number in watched:
            await self._command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, -1)

    async def version(self) -> str:
        """From AUTOPILOT_VERSION: the version is one byte each, the commit its first characters."""
        number = mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION
        ask = mavlink.MAVLink_command_long_message(
            self._sysid, 1, mavlink.MAV_CMD_REQUEST_MESSAGE, 0, number, 0, 0, 0, 0, 0, 0
        )
        told = await self.hear("AUTOPILOT_VERSION", None, ask)
        major, minor, patch, kind = told.flight_sw_version.to_bytes(4, "big")
        commit = bytes(told.flight_custom_version).split(b"\0", 1)[0].decode("ascii", "replace")
        suffix = {0: "-dev", 64: "-alpha", 128: "-beta", 192: "-rc", 255: ""}.get(kind, f"-{kind}")
        return f"{self._airframe.title} {major}.{minor}.{patch}{suffix} ({commit})"

    def _is_initialised(self, heartbeat: Message) -> bool:
        """The autopilot's own heartbeat, which begins before the vehicle is set up."""
        mine = heartbeat.get_srcSystem() == self._sysid and heartbeat.get_srcComponent() == 1
        return bool(mine and heartbeat.system_status >= mavlink.MAV_STATE_STANDBY)


def _named(name: str) -> Suits:
    return lambda m: bool(m.param_id == name)


def _knows_its_place(report: Message) -> bool:
    return bool(report.flags & POSITION_OK == POSITION_OK)


def _passes_prearm(status: Message) -> bool:
    return bool(status.onboard_control_sensors_health & mavlink.MAV_SYS_STATUS_PREARM_CHECK)
