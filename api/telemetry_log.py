"""A recorded flight as a source of poses: a .tlog or a .BIN folded as the live station folds it, asked at chosen times.

The track remembers a few minutes; so each time is answered as soon as the log has passed it, in one run over the file.
Without a terrain file the ground under the vehicle is GLOBAL_POSITION_INT.alt − TERRAIN_REPORT.current_height at the
same time, never the report's terrain height alone: the vehicle's terrain data has a datum of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ground_station.dataflash import read_bin
from ground_station.recording import read_tlog
from ground_station.vehicle import Vehicle
from missions.geometry.geo import Datum
from missions.geometry.pose import NoPose, NoPoseReason, Pose
from missions.geometry.terrain import FlatGround

_PASSED_S = 2.0
_REPORT_AGE_S = 2.0
_REPORT_SIGMA_M, _HOME_SIGMA_M = 3.0, 8.0
_AUTOPILOT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The pose at one time, and the ground under the vehicle there (None where nothing tells it)."""

    pose: Pose | NoPose
    ground: FlatGround | None


def poses_of(path: Path, times_s: Sequence[float], mount: str, *, vehicle: int | None = None) -> list[Answer]:
    """Answers for UTC times, in their order. Raises OSError or ValueError for a file that is none."""
    order = sorted(range(len(times_s)), key=lambda index: times_s[index])
    answers = [Answer(NoPose(t, NoPoseReason.NO_POSITION, "the log holds no vehicle"), None) for t in times_s]
    flown: Vehicle | None = None
    for utc_s, received in read_bin(path) if path.suffix.lower() == ".bin" else read_tlog(path):
        if received.compid != _AUTOPILOT or (vehicle is not None and received.sysid != vehicle):
            continue
        if flown is None:
            if received.name != "HEARTBEAT":
                continue
            flown = Vehicle(received.sysid, observe_only=True)
        if received.sysid != flown.sysid:
            continue
        flown.receive(received, now_s=utc_s, utc_s=utc_s)
        while order and utc_s > times_s[order[0]] + _PASSED_S:
            index = order.pop(0)
            answers[index] = _answer(flown, times_s[index], mount, utc_s)
    for index in order:
        if flown is not None:
            answers[index] = _answer(flown, times_s[index], mount, times_s[index])
    return answers


def _answer(vehicle: Vehicle, time_s: float, mount: str, now_s: float) -> Answer:
    return Answer(vehicle.track.mount_pose_at(time_s, mount), _ground(vehicle, now_s))


def _ground(vehicle: Vehicle, now_s: float) -> FlatGround | None:
    state = vehicle.state
    report, position = state.terrain, state.position
    if report is not None and position is not None and report.spacing_m > 0:
        height = position.alt_amsl_m - report.height_above_terrain_m
        return FlatGround(height, Datum.SEA_LEVEL, _REPORT_SIGMA_M)
    if state.home is not None:
        return FlatGround(state.home.alt_amsl_m, Datum.SEA_LEVEL, _HOME_SIGMA_M)
    return None
