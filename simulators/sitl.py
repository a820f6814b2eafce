"""ArduPilot's own simulator as one of our vehicles: find it, start it, know when it is ready, leave nothing behind.

``SitlVehicle`` runs one ArduCopter (or QuadPlane) in a folder of its own and offers these links, all UDP on loopback,
the vehicle speaking first from a port of its choice (our side binds the port named in the URL and answers to where it
hears from):

===========  =======================================================================================
``ground``   the ground station, one or two
``camera``   the MAVLink camera, component N/100, attaches here
``gimbal``   the MAVLink gimbal device, component N/154, attaches here
``truth``    SIM_STATE and ATTITUDE at 50 Hz of vehicle time from boot, forwarded nowhere: what the camera renders from
``control``  the harness's own, a ground station that never beats: readiness and levers (``sitl_talk``)
===========  =======================================================================================

UDP and not the simulator's usual TCP servers, because those listen on every interface of the machine, take one client
each and make the vehicle wait with its boot for the first.

SIM_STATE carries no time. On the truth link it follows its ATTITUDE, which does, by about a millisecond: pair it with
the ATTITUDE before it. Its float ``lat`` and ``lon`` are in 1e-7 degrees and coarse; take ``lat_int`` and ``lon_int``.

Traps that cost a day each:

* CAM1_TYPE cannot come from a defaults file: the first boot converts old settings and stores 0. It is set over the
  wire and the vehicle rebooted, in the same folder and without ``--wipe``, which would forget it again.
* The reboot executes argv[0] again: started by a bare name it dies with "REBOOT FAILED". The path is absolute here.
* With an external gimbal (MNT1_TYPE 6) nothing arms ("Mount: not healthy") until one answers as N/154.
* One port is open to the network and cannot be told otherwise: UDP 5501 + 10 n, for simulated sticks. Switching its
  protocol off (RC_PROTOCOLS) leaves it open, and the vehicle turns on the spot: a missing stick reads as full left.
* All rates and time-outs are in vehicle time: at ``speedup=5`` a stream of 50 Hz is 250 Hz on the clock on the wall.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from missions.geometry.geo import GeoPoint
from simulators.sitl_setup import (
    COPTER,
    INSTANCES,
    LOG_NAME,
    Airframe,
    Launch,
    SitlError,
    SitlPorts,
    find_binary,
    need_binary,
    reserve,
    udp_ports_of,
)
from simulators.sitl_talk import Talk

__all__ = ["COPTER", "INSTANCES", "Airframe", "SitlError", "SitlPorts", "SitlVehicle", "find_binary", "need_binary"]

_STOP_LIMIT_S = 3.0
_READY_LIMIT_S, _READY_VEHICLE_S = 30.0, 180.0

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


class SitlVehicle:
    """One ArduPilot in SITL: ``async with SitlVehicle(binary, home) as vehicle``. Inside, it has booted.

    ``home``: SEA_LEVEL. ``speedup``: vehicle seconds per second. ``scratch``: an empty or a former folder of this
    vehicle, kept; None makes a temporary one. ``gimbal_and_camera``: external MAVLink ones; both must attach before it
    arms. ``grounds``: UDP ports where one or two ground stations listen, instead of the instance's port.
    ``instances``: the numbers to choose from. ``parameters``: more files of defaults, the later wins.
    """

    def __init__(
        self,
        binary: Path,
        home: GeoPoint,
        heading_deg: float = 0.0,
        *,
        speedup: float = 1.0,
        sysid: int = 1,
        airframe: Airframe = COPTER,
        instance: int | None = None,
        instances: range = INSTANCES,
        scratch: Path | None = None,
        gimbal_and_camera: bool = True,
        grounds: tuple[int, ...] = (),
        parameters: tuple[Path, ...] = (),
    ) -> None:
        self._binary = binary.absolute()
        self._launch = Launch(
            SitlPorts(instances[0] if instance is None else instance), home, heading_deg, speedup, sysid, airframe,
            gimbal_and_camera, grounds, parameters,
        )  # fmt: skip
        self._instance, self._instances, self._scratch = instance, instances, scratch
        self._cleanup = contextlib.ExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self._talk: Talk | None = None
        self._talking = asyncio.Lock()
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
    def ports(self) -> SitlPorts:
        """Of its instance."""
        return self._launch.ports

    @property
    def sysid(self) -> int:
        """Its MAVLink system id."""
        return self._launch.sysid

    @property
    def ground_url(self) -> str:
        """Link URL for the (first) ground station."""
        return f"udpin:127.0.0.1:{self._launch.grounds[0] if self._launch.grounds else self.ports.ground}"

    @property
    def camera_url(self) -> str:
        """Link URL for component N/100."""
        return f"udpin:127.0.0.1:{self.ports.camera}"

    @property
    def gimbal_url(self) -> str:
        """Link URL for component N/154."""
        return f"udpin:127.0.0.1:{self.ports.gimbal}"

    @property
    def truth_url(self) -> str:
        """Link URL of the truth: for what renders, never for what is judged."""
        return f"udpin:127.0.0.1:{self.ports.truth}"

    def owns(self, peer: Hashable) -> bool:
        """Whether a UDP peer on this machine, (host, port), is a socket of this very process (by /proc; Linux)."""
        ports = udp_ports_of(self.pid)
        return isinstance(peer, tuple) and peer[0] == "127.0.0.1" and peer[1] in ports

    async def ready(self, limit_s: float | None = None) -> None:
        """Until it could arm: EKF position, GUIDED, PREARM bit; camera and gimbal must be attached by then.

        41 s of vehicle time after a boot. Leaves it in GUIDED. Raises SitlError with what it says against arming, when
        it dies or after ``limit_s`` (on the wall; None: several times what it needs).
        """
        if limit_s is None:
            limit_s = _READY_LIMIT_S + _READY_VEHICLE_S / self._launch.speedup
        async with self._talking:
            await self._words.ready(limit_s)

    async def set(self, name: str, value: float) -> float:
        """Set a lever (SIM_GPS1_ENABLE, SIM_WIND_SPD … or any parameter) and return what was read back.

        Raises SitlError when it is unknown or another value came back.
        """
        async with self._talking:
            return await self._words.set_parameter(name, value)

    async def get(self, name: str) -> float:
        """A parameter as the vehicle has it. Raises SitlError when it has none of that name."""
        async with self._talking:
            return await self._words.parameter(name)

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
            self._talk = None
            self._cleanup.close()

    @property
    def _words(self) -> Talk:
        assert self._talk is not None, "enter the vehicle first"
        return self._talk

    async def _start(self) -> None:
        ports, held = reserve(self._instance, self._instances)
        self._launch = replace(self._launch, ports=ports)
        self._cleanup.callback(held.close)
        if self._scratch is None:
            made = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="sitl-", ignore_cleanup_errors=True))
            self._scratch = Path(made)
            self._cleanup.callback(setattr, self, "_scratch", None)
        self._scratch.mkdir(parents=True, exist_ok=True)
        for name, text in self._launch.files.items():
            (self._scratch / name).write_text(text, encoding="ascii")
        talk = self._talk = Talk(ports.control, self.sysid, self._launch.airframe, self._check_alive)
        self._cleanup.callback(talk.close)
        await self._spawn(self._scratch)
        await talk.booted()
        if self._launch.gimbal_and_camera:
            await talk.set_external_camera()
        self.version_text = await talk.version()

    async def _spawn(self, folder: Path) -> None:
        with (folder / LOG_NAME).open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())),
                *(str(self._binary), *self._launch.arguments),
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
                lines = (self._scratch / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
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
