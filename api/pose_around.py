"""Poses around the exposure of each frame: what a calibration asks for that looks for the camera's clock."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from api.pose_sources import answers_for, has_log
from api.telemetry_log import Answer, poses_of
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import ENU_FROM_NED, NoPose, NoPoseReason, Pose, blended

PoseAt = Callable[[float], Pose | NoPose]

# A clock may be learnt within this of what the profile says: five sigmas of its widest prior.
AROUND_S = 1.5
_STEP_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """The poses around one exposure, every _STEP_S from -AROUND_S to AROUND_S."""

    poses: tuple[Pose | NoPose, ...]

    def __call__(self, after_s: float) -> Pose | NoPose:
        """The pose so many seconds after the exposure that the profile says; never beyond what was asked for."""
        place = (after_s + AROUND_S) / _STEP_S
        index = min(math.floor(place), len(self.poses) - 2)
        if not 0.0 <= place <= len(self.poses) - 1:
            return NoPose(after_s, NoPoseReason.NOT_YET, f"{after_s:+.1f} s is farther than a clock may be wrong")
        before, after = self.poses[index], self.poses[index + 1]
        if isinstance(before, NoPose) or isinstance(after, NoPose):
            return before if isinstance(before, NoPose) else after
        return blended(before, after, place - index)


def around_for(
    args: argparse.Namespace, names: Sequence[str], times_s: Sequence[float | None], profile: CameraProfile
) -> list[tuple[Answer, PoseAt]]:
    """For each frame its answer, and the pose at other times than the profile's: what a calibration asks for."""
    answers = answers_for(args, names, times_s, profile)
    if not has_log(args):
        return [(answer, _coasting(pose)) for answer, pose in zip(answers, _with_velocity(answers), strict=True)]
    half = round(AROUND_S / _STEP_S)
    offsets = [step * _STEP_S for step in range(-half, half + 1)]
    known = [(time_s, index) for index, time_s in enumerate(times_s) if time_s is not None]
    asked = sorted({time_s + profile.time_offset_s + offset for time_s, _ in known for offset in offsets})
    found = dict(zip(asked, poses_of(args.telemetry, asked, profile.mount), strict=True))
    sources: list[tuple[Answer, PoseAt]] = [(a, _coasting(a.pose)) for a in answers]
    for time_s, index in known:
        poses = tuple(found[time_s + profile.time_offset_s + offset].pose for offset in offsets)
        sources[index] = answers[index], Around(poses)
    return sources


def _coasting(pose: Pose | NoPose) -> PoseAt:
    """A pose that goes on as it moves: as much as one row of a table says of other times."""

    def at(after_s: float) -> Pose | NoPose:
        if isinstance(pose, NoPose) or not pose.velocity_ned_m_s.any():
            return pose
        moved = LocalFrame(pose.position).point_at(ENU_FROM_NED @ pose.velocity_ned_m_s * after_s)
        return replace(pose, time_s=pose.time_s + after_s, position=moved)

    return at


def _with_velocity(answers: Sequence[Answer]) -> list[Pose | NoPose]:
    """The poses of a table with the speed between their neighbours in time, where the table has times."""
    timed = sorted({a.pose.time_s: a.pose for a in answers if isinstance(a.pose, Pose)}.items())
    speeds = {}
    for n, (time_s, _) in enumerate(timed):
        # A neighbour of another leg says nothing of this one.
        near = [at for at in timed[max(0, n - 1) : n + 2] if abs(at[0] - time_s) < AROUND_S]
        (start_s, start), (end_s, end) = near[0], near[-1]
        if end_s > start_s:
            frame = LocalFrame(start.position)
            speeds[time_s] = ENU_FROM_NED @ frame.enu_of(end.position) / (end_s - start_s)
    poses = [answer.pose for answer in answers]
    return [replace(p, velocity_ned_m_s=speeds.get(p.time_s, np.zeros(3))) if isinstance(p, Pose) else p for p in poses]
