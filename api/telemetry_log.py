"""A recorded flight as a source of poses: a .tlog or a .BIN folded as the live station folds it, asked at chosen times.

The track remembers a few minutes; so each time is answered as soon as the log has passed it, in one run over the file.
Without a terrain file the ground under the vehicle is GLOBAL_POSITION_INT.alt − TERRAIN_REPORT.current_height at the
same time, never the report's terrain height alone: the vehicle's terrain data has a datum of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ground_station.dataflash import read_bin
from ground_station.recording import read_tlog
from ground_station.vehicle import Vehicle
from ground_station.wire import Received, mavlink
from missions.geometry.geo import Datum
from missions.geometry.pose import NoPose, NoPoseReason, Pose
from missions.geometry.terrain import FlatGround

_PASSED_S = 2.0
# So long a log may take to tell the vehicle's GNSS time; the track remembers what happens meanwhile.
_CLOCK_PATIENCE_S = 20.0
_REPORT_AGE_S = 5.0
_REPORT_SIGMA_M, _HOME_SIGMA_M = 3.0, 8.0
_AUTOPILOT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The pose at one time, and the ground under the vehicle there (None where nothing tells it)."""

    pose: Pose | NoPose
    ground: FlatGround | None


def poses_of(path: Path, times_s: Sequence[float], mount: str, *, vehicle: int | None = None) -> list[Answer]:
    """Answers for UTC times, in their order. Raises OSError or ValueError for a file that is none."""
    order = deque(sorted(range(len(times_s)), key=lambda index: times_s[index]))
    answers = [Answer(NoPose(t, NoPoseReason.NO_POSITION, "the log holds no vehicle"), None) for t in times_s]
    flown: Vehicle | None = None
    begin_s: float | None = None
    for utc_s, received in read_bin(path) if path.suffix.lower() == ".bin" else read_tlog(path):
        if received.compid != _AUTOPILOT or (vehicle is not None and received.sysid != vehicle):
            continue
        if flown is None:
            if not _is_vehicle(received):
                continue
            flown = Vehicle(received.sysid, observe_only=True)
        if received.sysid != flown.sysid:
            continue
        flown.receive(received, now_s=utc_s, utc_s=utc_s)
        begin_s = utc_s if begin_s is None else begin_s
        # By the vehicle's own clock: the computer that recorded may have been wrong by hours.
        off_s = flown.clock.host_offset_s
        if off_s is None and utc_s - begin_s < _CLOCK_PATIENCE_S:
            continue
        reached_s = utc_s - (off_s or 0.0)
        while order and reached_s > times_s[order[0]] + _PASSED_S:
            index = order.popleft()
            answers[index] = _answer(flown, times_s[index], mount, utc_s)
    for index in order:
        if flown is not None:
            answers[index] = _answer(flown, times_s[index], mount, utc_s)
    return answers


def _is_vehicle(received: Received) -> bool:
    """Whether this is an autopilot's heartbeat: ground stations in a log may call themselves component 1 too."""
    if received.name != "HEARTBEAT" or received.message.type == mavlink.MAV_TYPE_GCS:
        return False
    return bool(received.message.autopilot != mavlink.MAV_AUTOPILOT_INVALID)


def _answer(vehicle: Vehicle, time_s: float, mount: str, now_s: float) -> Answer:
    return Answer(vehicle.track.mount_pose_at(time_s, mount), _ground(vehicle, now_s))


def _ground(vehicle: Vehicle, now_s: float) -> FlatGround | None:
    report, position = vehicle.state.terrain, vehicle.state.position
    if position is None:
        return None
    if report is not None and report.spacing_m > 0 and now_s - report.boot_less_at_s <= _REPORT_AGE_S:
        height = position.alt_amsl_m - report.height_above_terrain_m
        return FlatGround(height, Datum.SEA_LEVEL, _REPORT_SIGMA_M)
    # A vehicle without terrain data: a plane at the height of its home.
    return FlatGround(position.alt_amsl_m - position.height_above_home_m, Datum.SEA_LEVEL, _HOME_SIGMA_M)
