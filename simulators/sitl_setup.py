"""What is settled before a vehicle of ArduPilot's own simulator starts: which program, which ports, which settings.

The process itself is in ``sitl``, several of them with camera and gimbal in ``sitl_fleet``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.geo import Datum, GeoPoint

INSTANCES = range(20)
"""Instance numbers that are tried; instance n shifts every port by 10 n."""

TRUTH_INTERVAL_MS = 20
EXTERNAL = 6.0  # CAM1_TYPE and MNT1_TYPE: a MAVLink device of its own
LOG_NAME = "arducopter.log"
_SPEEDUPS = (0.1, 100.0)
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,15}")


class SitlError(ValueError):
    """SITL cannot be started or has ended: says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Airframe:
    """What is flown: ArduPilot's name of the model, the program and how it is found, our parameters, GUIDED's number.

    ``parameters`` is what this airframe lacks to arm; one's own files go into ``parameters`` of SitlVehicle.
    """

    name: str
    model: str
    program: str
    environment: str
    title: str
    guided: int
    build: str

    @property
    def parameters(self) -> Path:
        return Path(__file__).with_name(f"sitl_{self.name}.parm")


COPTER = Airframe("copter", "quad", "arducopter", "EINSATZDROHNE_SITL", "ArduCopter", 4, "waf copter")
QUADPLANE = Airframe("quadplane", "quadplane", "arduplane", "EINSATZDROHNE_SITL_PLANE", "ArduPlane", 15, "waf plane")
AIRFRAMES = {frame.name: frame for frame in (COPTER, QUADPLANE)}


def find_binary(given: str | None = None, airframe: Airframe = COPTER) -> Path | None:
    """The program: ``given``, else the airframe's environment variable, else its name on the PATH; None without any.

    Raises SitlError when the one that is named is not an executable file.
    """
    for source, value in (("given", given), (airframe.environment, os.environ.get(airframe.environment))):
        if value:
            found = shutil.which(value)  # a bare name as well: "--sitl arducopter"
            if found is None:
                found = shutil.which(str(Path(value).expanduser().absolute()))
            if found is None:
                raise SitlError(
                    f"SITL binary {value!r} ({source}) is not an executable file; build it with {airframe.build}"
                )
            return Path(found).absolute()
    found = shutil.which(airframe.program)
    return Path(found).absolute() if found else None


def need_binary(given: str | None = None, airframe: Airframe = COPTER) -> Path:
    """``find_binary``, or SitlError with the ways to name one."""
    binary = find_binary(given, airframe)
    if binary is None:
        raise SitlError(
            f"no {airframe.title} binary: --sitl BINARY, {airframe.environment}, or {airframe.program} on the PATH"
        )
    return binary


@dataclass(frozen=True, slots=True)
class SitlPorts:
    """The UDP ports that our side binds, by instance: near the numbers of the simulator's own TCP ports."""

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

    @property
    def control(self) -> int:
        return self.ground + 6


def reserve(instance: int | None, instances: Sequence[int] = INSTANCES) -> tuple[SitlPorts, socket.socket]:
    """A free instance, and the socket that keeps it ours until it is closed (or this process ends).

    The socket is bound to the TCP port of that number and never listens: of two processes that start at the same
    moment one gets it, and a SITL started by hand on TCP is seen as well. Raises SitlError when none is free.
    """
    wanted = instances if instance is None else (instance,)
    for number in wanted:
        ports = SitlPorts(number)
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.bind(("127.0.0.1", ports.ground))
            for port in (ports.ground, ports.camera, ports.gimbal, ports.truth, ports.control):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        return ports, held
    first, last = SitlPorts(wanted[0]), SitlPorts(wanted[-1])
    raise SitlError(f"no free SITL instance: ports {first.ground} to {last.control} on 127.0.0.1 are in use; end one")


def udp_ports_of(pid: int) -> frozenset[int]:
    """Local ports of the UDP sockets of a process, from /proc (proc(5): fd, net/udp). Empty where we may not look."""
    inodes = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                inodes.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
        rows = [line.split() for line in Path(f"/proc/{pid}/net/udp").read_text("ascii").splitlines()[1:]]
    except OSError:
        return frozenset()
    return frozenset(int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in inodes)


@dataclass(frozen=True, slots=True)
class Launch:
    """One vehicle's start in words: ``arguments`` of the program, ``files`` of its folder. Reads and starts nothing.

    ``home``: SEA_LEVEL. ``grounds``: UDP ports of one or two ground stations on this machine, that listen already or
    will; empty for the instance's own. Raises SitlError naming what is out of range.
    """

    ports: SitlPorts
    home: GeoPoint
    heading_deg: float = 0.0
    speedup: float = 1.0
    sysid: int = 1
    airframe: Airframe = COPTER
    gimbal_and_camera: bool = True
    grounds: tuple[int, ...] = ()
    parameters: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.home.datum is not Datum.SEA_LEVEL:
            raise SitlError(f"SITL home: height datum is {self.home.datum.value}; allowed is {Datum.SEA_LEVEL.value}")
        low, high = _SPEEDUPS
        if not low <= self.speedup <= high:
            raise SitlError(f"SITL speedup {self.speedup} is out of range; allowed are {low:g} to {high:g}")
        if len(self.grounds) > 2:
            raise SitlError(f"SITL has links for 2 ground stations, not for {len(self.grounds)}")

    @property
    def arguments(self) -> list[str]:
        """What stands behind the program's name."""
        home, ports = self.home, self.ports
        defaults = [str(path.absolute()) for path in (self.airframe.parameters, *self.parameters)]
        grounds = self.grounds or (ports.ground,)
        serial = {0: grounds[0], 1: ports.camera, 2: ports.gimbal, 5: ports.truth, 6: ports.control}
        if len(grounds) > 1:
            serial[7] = grounds[1]
        return [
            *("--model", self.airframe.model, "--speedup", str(self.speedup), f"-I{ports.instance}"),
            *("--home", f"{home.lat_deg:.9f},{home.lon_deg:.9f},{home.alt_m:.3f},{self.heading_deg:.3f}"),
            *("--defaults", ",".join([*defaults, "links.parm"])),
            *(part for n, port in serial.items() for part in (f"--serial{n}", f"udpclient:127.0.0.1:{port}")),
        ]

    @property
    def files(self) -> dict[str, str]:
        """{name: text} of what the vehicle reads at every boot."""
        # MAVLink 2 on the links of our own. The truth is not forwarded from or to the others; control is like a ground
        # station that never beats, for a link that is not forwarded gets no STATUSTEXT.
        lines = [f"MAV_SYSID {self.sysid}", "SERIAL5_PROTOCOL 2", "MAV4_OPTIONS 2", "SERIAL6_PROTOCOL 2"]
        lines += ["SERIAL7_PROTOCOL 2"] if len(self.grounds) > 1 else []
        if self.gimbal_and_camera:
            lines.append(f"MNT1_TYPE {EXTERNAL:.0f}")
        # For the fourth MAVLink channel: a truth that nobody has to ask for, also after a reboot.
        wanted = (mavlink.MAVLINK_MSG_ID_ATTITUDE, mavlink.MAVLINK_MSG_ID_SIM_STATE)
        intervals = "".join(f"{number} {TRUTH_INTERVAL_MS}\n" for number in wanted)
        return {"links.parm": "\n".join(lines) + "\n", "message-intervals-chan3.txt": intervals}


def parse_levers(texts: Sequence[str]) -> Mapping[str, float]:
    """``NAME=VALUE`` … → {name: value}, in order. Raises SitlError naming the one that is none."""
    levers: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not _NAME.fullmatch(name) or not abs(number) < 1e30:
            raise SitlError(f"lever {text!r}: wanted is NAME=VALUE, a parameter and a number, as SIM_GPS1_ENABLE=0")
        levers[name] = number
    return levers
