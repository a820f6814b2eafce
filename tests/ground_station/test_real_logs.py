"""Recorded flights that nobody made for this test: the fold, the clock and the track on real telemetry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from ground_station.recording import read_tlog
from ground_station.station import Station
from ground_station.vehicle import Vehicle
from missions.geometry.pose import NoPose, NoPoseReason, Pose, euler_from_quaternion

pytestmark = pytest.mark.rehearsal


@dataclass
class Flown:
    vehicle: Vehicle
    answers: list[Pose | NoPose] = field(default_factory=list)
    boots_s: list[float] = field(default_factory=list)
    offsets_s: list[float] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)


def _fly(path: Path, mount: str, late_s: float = 1.0) -> Flown:
    """Fold a log, asking at each ATTITUDE for the pose of a second before."""
    station, flown = Station(beats=False), None
    for utc_s, received in read_tlog(path):
        station.receive(received.frame, link="log", now_s=utc_s, utc_s=utc_s)
        vehicle = station.vehicles.get(1)
        if vehicle is None or received.name != "ATTITUDE":
            continue
        flown = flown or Flown(vehicle)
        boot_s = received.message.time_boot_ms * 1e-3
        time_s = vehicle.clock.utc_from_boot(boot_s - late_s)
        assert time_s is not None and vehicle.clock.offset is not None
        flown.offsets_s.append(vehicle.clock.offset.offset_s)
        flown.answers.append(vehicle.track.mount_pose_at(time_s, mount))
        flown.boots_s.append(boot_s - late_s)
        if vehicle.state.mode and (not flown.modes or flown.modes[-1] != vehicle.state.mode):
            flown.modes.append(vehicle.state.mode)
    assert flown is not None
    return flown


@pytest.fixture(scope="module")
def plane(testdata: Path) -> Flown:
    """A QuadPlane over a survey, asked two seconds late, as a slow camera would."""
    return _fly(testdata / "cuav-cmac-2018" / "flight.tlog", "fixed", late_s=2.0)


def test_a_whole_sitl_flight_has_poses(testdata: Path) -> None:
    flown = _fly(testdata / "sitl" / "survey.tlog", "gimbal")
    vehicle = flown.vehicle
    assert vehicle.flights == 1
    assert vehicle.clock.offset is not None and vehicle.clock.offset.source == "gnss"
    assert {"GUIDED", "AUTO"} <= set(flown.modes)
    assert vehicle.state.landed == "on_ground" and not vehicle.state.armed
    flying = [
        (boot_s, answer)
        for boot_s, answer in zip(flown.boots_s, flown.answers, strict=True)
        if isinstance(answer, NoPose) or (answer.height_above_home_m or 0.0) > 2.0
    ]
    poses = [answer for _, answer in flying if isinstance(answer, Pose)]
    airborne_s = [boot_s for boot_s, answer in flying if isinstance(answer, Pose)]
    missing = [
        answer for boot_s, answer in flying if isinstance(answer, NoPose) and airborne_s[0] <= boot_s <= airborne_s[-1]
    ]
    assert len(poses) > 1000
    # Not one hole from take-off to landing, but for the moments in which the gimbal swung.
    swinging = [answer for answer in missing if "turning too fast" in answer.text]
    assert len(missing) == len(swinging) < 0.01 * len(poses), Counter(answer.text for answer in missing)


def test_sitl_positions_are_where_the_vehicle_says_it_was(testdata: Path) -> None:
    """Leave-one-out: each fix of the log against the curve through its neighbours, at twice the real spacing."""
    fixes = [
        received.message
        for _, received in read_tlog(testdata / "sitl" / "survey.tlog")
        if received.name == "GLOBAL_POSITION_INT" and received.message.relative_alt > 10_000
    ]
    from ground_station.telemetry import Position
    from ground_station.track import _hermite

    def position(m: object) -> Position:
        return Position(
            m.time_boot_ms * 1e-3, 0.0, m.lat * 1e-7, m.lon * 1e-7, m.alt * 1e-3, m.relative_alt * 1e-3,  # type: ignore[attr-defined]
            (m.vx * 1e-2, m.vy * 1e-2, m.vz * 1e-2), None,  # type: ignore[attr-defined]
        )  # fmt: skip

    errors = []
    for before, middle, after in zip(fixes, fixes[1:], fixes[2:], strict=False):
        first, left_out, last = position(before), position(middle), position(after)
        span_s = last.boot_s - first.boot_s
        if span_s > 1.0:
            continue
        point, _ = _hermite(first, last, (left_out.boot_s - first.boot_s) / span_s, span_s)
        errors.append(
            np.hypot((point.lat_deg - left_out.lat_deg) * 111_250.0, (point.lon_deg - left_out.lon_deg) * 69_400.0)
        )
    assert len(errors) > 500
    assert np.percentile(errors, 95) < 0.10


def test_a_corrupt_system_time_does_not_disturb_the_clock(plane: Flown) -> None:
    """This log's SYSTEM_TIME holds the year 2908; its frames' names and its own time stamps hold 2018."""
    flown = plane
    vehicle = flown.vehicle
    assert vehicle.flights == 1
    assert vehicle.clock.offset is not None and vehicle.clock.offset.source == "host"
    assert vehicle.clock.rejected_stamps == 546
    settled = flown.offsets_s[len(flown.offsets_s) // 10 :]
    assert max(settled) - min(settled) < 0.05


def test_a_real_plane_has_poses_except_across_its_gaps(plane: Flown) -> None:
    flown = plane
    after_start = [a for b, a in zip(flown.boots_s, flown.answers, strict=True) if b > flown.boots_s[0] + 3.0]
    poses = [answer for answer in after_start if isinstance(answer, Pose)]
    refused = Counter(answer.reason for answer in after_start if isinstance(answer, NoPose))
    assert len(poses) > 0.5 * len(after_start), refused
    assert set(refused) <= {NoPoseReason.GAP, NoPoseReason.RESET}, refused
    assert all(abs(euler_from_quaternion(pose.ned_from_body)[0]) < np.radians(60) for pose in poses)
    assert 600 < np.median([pose.position.alt_m for pose in poses]) < 800


def test_the_plane_names_its_modes(plane: Flown) -> None:
    flown = plane
    assert "AUTO" in flown.modes
    assert not [mode for mode in flown.modes if mode.startswith("MODE ")]


@pytest.mark.parametrize("name", ["sitl/survey.tlog", "cuav-cmac-2018/flight.tlog"])
def test_not_one_good_frame_of_a_log_is_lost(testdata: Path, name: str) -> None:
    """Ours against pymavlink's own count, which reads each record for itself."""
    from ground_station.recording import split_tlog
    from ground_station.wire import mavlink

    decoder = mavlink.MAVLink(None)
    frames = [bytes(frame) for _, frame in split_tlog((testdata / name).read_bytes())]
    theirs = sum(not decoder.decode(bytearray(frame)).get_type().startswith("UNKNOWN") for frame in frames)
    assert sum(1 for _ in read_tlog(testdata / name)) == theirs > 10_000
