"""Poses for a set of frames, from a flight log or a poses file: what ``see`` and ``locate`` share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from api.telemetry_log import Answer, poses_of
from imagery.poses_file import parse_poses
from missions.geometry.camera import CameraProfile
from missions.geometry.pose import NoPose, NoPoseReason


def answers_for(
    args: argparse.Namespace, names: Sequence[str], times_s: Sequence[float | None], profile: CameraProfile
) -> list[Answer]:
    """One answer a frame. ``times_s``: UTC of each frame's stamp; exposure = stamp + the profile's offset."""
    if args.poses:
        table = parse_poses(args.poses.read_text("utf-8"), str(args.poses))
        missing = "the poses file has no row for this frame"
        return [Answer(table.pose_of(name) or NoPose(0.0, NoPoseReason.NO_POSITION, missing), None) for name in names]
    known = [index for index, time_s in enumerate(times_s) if time_s is not None]
    exposures = [(times_s[index] or 0.0) + profile.time_offset_s for index in known]
    unknown = NoPose(0.0, NoPoseReason.NO_CLOCK, "the time of this frame is not known")
    answers = [Answer(unknown, None) for _ in names]
    for index, answer in zip(known, poses_of(args.telemetry, exposures, profile.mount), strict=True):
        answers[index] = answer
    return answers
