"""ArduPilot's own simulator as one of our vehicles: find it, start it, know when it is there, leave nothing behind.

``SitlVehicle`` runs one ArduCopter in a folder of its own and offers four links, all UDP on loopback, the vehicle
speaking first from a port of its choice (our side binds the port named in the URL and answers to where it hears from):

==========  =========================================================================================
``ground``  the ground station
``camera``  the MAVLink camera, component 1/100, attaches here
``gimbal``  the MAVLink gimbal device, component 1/154, attaches here
``truth``   SIM_STATE and ATTITUDE at 50 Hz of vehicle time from boot, forwarded nowhere: what the camera renders from
==========  =========================================================================================

UDP and not the simulator's usual TCP servers, because those listen on every interface of the machine, take one client
each and make the vehicle wait with its boot for the first.

SIM_STATE carries no time. On the truth link it follows its ATTITUDE, which does, by about a millisecond: pair it with
the ATTITUDE before it. Its float ``lat`` and ``lon`` are in 1e-7 degrees and coarse; take ``lat_int`` and ``lon_int``.

Traps that cost a day each:

* CAM1_TYPE cannot come from a defaults file: the first boot converts old settings and stores 0. It is set over the
  wire and the vehicle rebooted, in the same folder and without ``--wipe``, which would forget it again.
* The reboot executes argv[0] again: started by a bare name it dies with "REBOOT FAILED". The path is absolute here.
* With an external gimbal (MNT1_TYPE 6) nothing arms ("Mount: not healthy") until one answers as 1/154.
* One port is open to the network and cannot be told otherwise: UDP 5501 + 10 n, for simulated sticks. Switching its
  protocol off (RC_PROTOCOLS) leaves it open, and the vehicle turns on the spot: a missing stick reads as full left.
* All rates and time-outs are in vehicle time: at ``speedup=5`` a stream of 50 Hz is 250 Hz on the clock on the wall.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.geo import Datum, GeoPoint

__all__ = ["INSTANCES", "PARAMETERS", "SitlError", "SitlPorts", "SitlVehicle", "find_binary"]

PARAMETERS = Path(__file__).with_name("sitl_copter.parm")
"""What our vehicle needs to arm; one's own goes into ``parameters`` of SitlVehicle."""

INSTANCES = range(20)
"""Instance numbers that are tried; instance n shifts every port by 10 n."""

TRUTH_INTERVAL_MS = 20
_BOOT_LIMIT_S = 30.0
_STOP_LIMIT_S = 3.0
_ASK_AGAIN_S = 0.5
_EXTERNAL = 6.0  # CAM1_TYPE and MNT1_TYPE: a MAVLink device of its own
_LOG_NAME = "arducopter.log"

# Asks the kernel to kill the vehicle when the thread that started it ends, however that happens, kill -9 included, then
# becomes the vehicle: the request survives exec, also that of a reboot. A program between, because running Python
# between fork and exec (preexec_fn) can deadlock where other threads exist. The parent may be gone before the request
# is made: hence the comparison. ArduPilot looks for its parent as well, but not while it is stopped or blocked.
_DIE_WITH_PARENT = """
import ctypes, os, sys
PR_SET_PDEATHSIG, SIGKILL = 1, 9
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended before the vehicle began")
os.execv(sys.argv[2], sys.argv[2:])
"""

Message = Any


class SitlError(ValueError):
    """SITL cannot be started or has ended: says what, and what to do."""


def find_binary(given: str | None = None) -> Path | None:
    """The ArduCopter binary: ``given``, else EINSATZDROHNE_SITL, else ``arducopter`` on the PATH; None without any.

    Raises SitlError when the one that is named is not an executable file.
    """
    for source, value in (("given", given), ("EINSATZDROHNE_SITL", os.environ.get("EINSATZDROHNE_SITL"))):
        if value:
            path = Path(value).expanduser().absolute()
            if not path.is_file() or not os.access(path, os.X_OK):
                raise SitlError(f"SITL binary {value!r} ({source}) is not an executable file; build it with waf copter")
            return path
    found = shutil.which("arducopter")
    return Path(found).absolute() if found else None


@dataclass(frozen=True, slots=True)
class SitlPorts:
    """The UDP ports that our side binds, by instance: the numbers of the simulator's own TCP ports."""

    instance: int

    @property
    def ground(self) -> int:
        return 5760 + 10 * self.instance

    @property
    def camera(self) -> int:
        return self.ground + 2

    @property
    def gimbal(self) -> int:
        return self.ground + 3

    @property
    def truth(self) -> int:
        return self.ground + 5


def reserve(instance: int | None) -> tuple[SitlPorts, socket.socket]:
    """A free instance, and the socket that keeps it ours until it is closed (or this process ends).

    The socket is bound to the TCP port of that number and never listens: of two processes that start at the same
    moment one gets it, and a SITL started by hand on TCP is seen as well. Raises SitlError when none is free.
    """
    wanted = INSTANCES if instance is None else (instance,)
    for number in wanted:
        ports = SitlPorts(number)
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.bind(("127.0.0.1", ports.ground))
            for port in (ports.ground, ports.camera, ports.gimbal, ports.truth):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        return ports, held
    first, last = SitlPorts(wanted[0]), SitlPorts(wanted[-1])
    raise SitlError(f"no free SITL instance: ports {first.ground} to {last.truth} on 127.0.0.1 are in use; end one")


class SitlVehicle:
    """One ArduCopter in SITL: ``async with SitlVehicle(binary, home) as vehicle``. Inside, it has booted.

    ``home``: SEA_LEVEL. ``speedup``: vehicle seconds per second. ``scratch``: an empty or a former folder of this
    vehicle, kept; None makes a temporary one. ``gimbal_and_camera``: external MAVLink ones; both must attach before it
    arms. ``ground_port``: where a ground station listens already, instead of the instance's port. ``parameters``: more
    files of defaults, the later wins.
    """

    def __init__(
        self,
        binary: Path,
        home: GeoPoint,
        heading_deg: float = 0.0,
        *,
        speedup: float = 1.0,
        instance: int | None = None,
        scratch: Path | None = None,
        gimbal_and_camera: bool = True,
        ground_port: int | None = None,
        parameters: tuple[Path, ...] = (),
    ) -> None:
        if home.datum is not Datum.SEA_LEVEL:
            raise SitlError(f"SITL home: height datum is {home.datum.value}; allowed is {Datum.SEA_LEVEL.value}")
        if not 0.1 <= speedup <= 100:
            raise SitlError(f"SITL speedup {speedup} is out of range; allowed are 0.1 to 100")
        self._binary = binary.absolute()
        self._home, self._heading_deg, self._speedup = home, heading_deg, speedup
        self._instance, self._scratch = instance, scratch
        self._gimbal_and_camera, self._ground_port, self._parameters = gimbal_and_camera, ground_port, parameters
        self._cleanup = contextlib.ExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self.version_text = ""
        """Version and commit as the vehicle tells them, for example "ArduCopter 4.7.0-dev (2598e9d4)"."""

    async def __aenter__(self) -> SitlVehicle:
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """The vehicle's process id; a reboot keeps it."""
        assert self._process is not None, "enter the vehicle first"
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Where it runs: eeprom.bin, logs/ and its output."""
        assert self._scratch is not None, "enter the vehicle first"
        return self._scratch

    @property
    def ground_url(self) -> str:
        """Link URL for the ground station."""
        return f"udpin:127.0.0.1:{self._ground_port or self.ports.ground}"

    @property
    def camera_url(self) -> str:
        """Link URL for component 1/100."""
        return f"udpin:127.0.0.1:{self.ports.camera}"

    @property
    def gimbal_url(self) -> str:
        """Link URL for component 1/154."""
        return f"udpin:127.0.0.1:{self.ports.gimbal}"

    @property
    def truth_url(self) -> str:
        """Link URL of the truth: for what renders, never for what is judged."""
        return f"udpin:127.0.0.1:{self.ports.truth}"

    async def wait_ended(self) -> None:
        """Returns when ``stop`` was called; raises SitlError with the last lines of its output when it died."""
        process = self._process
        if process is None:
            return
        await process.wait()
        if self._process is process:
            raise self._dead()

    async def stop(self) -> None:
        """End the process, free the ports, remove a temporary folder. Harmless when repeated."""
        process, self._process = self._process, None
        try:
            if process is not None and process.returncode is None:
                await _end(process)
        finally:
            self._cleanup.close()

    async def _start(self) -> None:
        self.ports, held = reserve(self._instance)
        self._cleanup.callback(held.close)
        if self._scratch is None:
            made = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="sitl-", ignore_cleanup_errors=True))
            self._scratch = Path(made)
            self._cleanup.callback(setattr, self, "_scratch", None)
        self._write_settings(self._scratch)
        # Bound before the vehicle starts, that nothing of its boot is missed.
        with _Talk(self.ports.truth, self._check_alive) as talk:
            await self._spawn(self._scratch)
            await talk.hear("HEARTBEAT", _is_initialised)
            if self._gimbal_and_camera:
                await talk.set_external_camera()
            self.version_text = await talk.version()
            await talk.hear("SIM_STATE")

    def _write_settings(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["SERIAL5_PROTOCOL 2", "MAV4_OPTIONS 2"]  # MAVLink 2; not forwarded from or to the other links
        if self._gimbal_and_camera:
            lines.append(f"MNT1_TYPE {_EXTERNAL:.0f}")
        (folder / "links.parm").write_text("\n".join(lines) + "\n", encoding="ascii")
        # Read at every boot for the fourth MAVLink channel: a truth that nobody has to ask for, also after a reboot.
        wanted = (mavlink.MAVLINK_MSG_ID_ATTITUDE, mavlink.MAVLINK_MSG_ID_SIM_STATE)
        intervals = "".join(f"{number} {TRUTH_INTERVAL_MS}\n" for number in wanted)
        (folder / "message-intervals-chan3.txt").write_text(intervals, encoding="ascii")

    def _arguments(self) -> list[str]:
        home = self._home
        defaults = [str(path.absolute()) for path in (PARAMETERS, *self._parameters)]
        ports = {0: self._ground_port or self.ports.ground, 1: self.ports.camera, 2: self.ports.gimbal}
        ports[5] = self.ports.truth
        return [
            *("--model", "quad", "--speedup", str(self._speedup), f"-I{self.ports.instance}"),
            *("--home", f"{home.lat_deg:.9f},{home.lon_deg:.9f},{home.alt_m:.3f},{self._heading_deg:.3f}"),
            *("--defaults", ",".join([*defaults, "links.parm"])),
            *(part for n, port in ports.items() for part in (f"--serial{n}", f"udpclient:127.0.0.1:{port}")),
        ]

    async def _spawn(self, folder: Path) -> None:
        with (folder / _LOG_NAME).open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())),
                *(str(self._binary), *self._arguments()),
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal reaches us; we end the vehicle when its links are shut
            )

    def _check_alive(self) -> None:
        if self._process is not None and self._process.returncode is not None:
            raise self._dead()

    def _dead(self) -> SitlError:
        code = self._process.returncode if self._process is not None else None
        lines: list[str] = []
        if self._scratch is not None:
            with contextlib.suppress(OSError):
                lines = (self._scratch / _LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
        return SitlError(f"SITL ({self._binary.name}) ended with {code}; its last words: {' | '.join(lines[-4:])}")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_LIMIT_S)
    except (TimeoutError, asyncio.CancelledError) as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


class _Talk:
    """The harness's own words with the vehicle, on the truth link, before that is handed over."""

    def __init__(self, port: int, check_alive: Callable[[], None]) -> None:
        self._port, self._check_alive = port, check_alive
        self._mav = mavlink.MAVLink(None, srcSystem=255, srcComponent=mavlink.MAV_COMP_ID_SYSTEM_CONTROL)
        self._mav.robust_parsing = True
        self._peer: tuple[str, int] | None = None
        self._unread: deque[Message] = deque()

    def __enter__(self) -> _Talk:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", self._port))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    async def hear(self, name: str, suits: Callable[[Message], bool] | None = None, *asking: Message) -> Message:
        """The first message of this name that suits; ``asking`` is sent now and again until then."""
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + _BOOT_LIMIT_S
        while loop.time() < limit_s:
            self._check_alive()
            for question in asking:
                await self.say(question)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_S):
                    while True:
                        message = await self._next()
                        if message.get_type() == name and (suits is None or suits(message)):
                            return message
        raise SitlError(f"SITL sent no {name} that suits within {_BOOT_LIMIT_S:.0f} s on UDP port {self._port}")

    async def say(self, message: Message) -> None:
        """To where the vehicle was last heard from; to nobody before that."""
        if self._peer is not None:
            await asyncio.get_running_loop().sock_sendto(self._socket, message.pack(self._mav), self._peer)

    async def _next(self) -> Message:
        while not self._unread:
            data, self._peer = await asyncio.get_running_loop().sock_recvfrom(self._socket, 65_535)
            self._unread.extend(self._mav.parse_buffer(data) or ())
        return self._unread.popleft()

    async def set_external_camera(self) -> None:
        """CAM1_TYPE stored and in force; reboots once, unless the folder has it from an earlier run."""
        read = mavlink.MAVLink_param_request_read_message(1, 1, b"CAM1_TYPE", -1)
        if (await self.hear("PARAM_VALUE", _is_camera_type, read)).param_value == _EXTERNAL:
            return
        # A link without forwarding does not hear the answer to PARAM_SET, which is sent to all: read it back.
        write = mavlink.MAVLink_param_set_message(1, 1, b"CAM1_TYPE", _EXTERNAL, mavlink.MAV_PARAM_TYPE_REAL32)
        await self.hear("PARAM_VALUE", lambda m: _is_camera_type(m) and m.param_value == _EXTERNAL, write, read)
        await self._reboot()
        if (await self.hear("PARAM_VALUE", _is_camera_type, read)).param_value != _EXTERNAL:
            raise SitlError("SITL forgot CAM1_TYPE over its reboot; this version stores it otherwise")

    async def _reboot(self) -> None:
        """Until a heartbeat comes from another port: the new life has new sockets. Its clock would tell too late."""
        command = mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN
        former = self._peer
        # Said once: a second order could reach the vehicle after its reboot.
        await self.say(mavlink.MAVLink_command_long_message(1, 1, command, 0, 1, 0, 0, 0, 0, 0, 0))
        ack = await self.hear("COMMAND_ACK", lambda m: bool(m.command == command))
        if ack.result != mavlink.MAV_RESULT_ACCEPTED:
            raise SitlError(f"SITL refused to reboot, result {ack.result}")
        await self.hear("HEARTBEAT", lambda m: self._peer != former and _is_initialised(m))

    async def version(self) -> str:
        """From AUTOPILOT_VERSION: the version is one byte each, the commit its first characters."""
        number = mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION
        ask = mavlink.MAVLink_command_long_message(1, 1, mavlink.MAV_CMD_REQUEST_MESSAGE, 0, number, 0, 0, 0, 0, 0, 0)
        told = await self.hear("AUTOPILOT_VERSION", None, ask)
        major, minor, patch, kind = told.flight_sw_version.to_bytes(4, "big")
        commit = bytes(told.flight_custom_version).split(b"\0", 1)[0].decode("ascii", "replace")
        suffix = {0: "-dev", 64: "-alpha", 128: "-beta", 192: "-rc", 255: ""}.get(kind, f"-{kind}")
        return f"ArduCopter {major}.{minor}.{patch}{suffix} ({commit})"


def _is_initialised(heartbeat: Message) -> bool:
    """Heartbeats begin before the vehicle is set up, and what was set before would be overwritten by conversions."""
    return bool(heartbeat.get_srcComponent() == 1 and heartbeat.system_status >= mavlink.MAV_STATE_STANDBY)


def _is_camera_type(message: Message) -> bool:
    return bool(message.param_id == "CAM1_TYPE")
