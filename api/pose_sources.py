"""Poses for a set of frames, from a flight log, a poses file or the pictures themselves: what ``see`` and ``locate``
share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from api.settings import SettingsError, read_profile
from api.telemetry_log import Answer, poses_of
from api.text_files import read_text
from imagery.picture_poses import pose_from, profile_from, take_off_of
from imagery.poses_file import parse_poses
from imagery.readers.exif import PictureFacts, facts_of
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum
from missions.geometry.pose import NoPose, NoPoseReason
from missions.geometry.terrain import FlatGround
from missions.geometry.terrain_files import read_terrain

# All metadata stand at the beginning of a picture, before its pixels.
_METADATA_BYTES = 2_000_000

_NO_TIME = (
    "the time of this frame is not known; allowed are a column time (ISO 8601 UTC), its metadata, or a name that is "
    "its UTC (yyyymmddHHMMSS and hundredths)"
)


def answers_for(
    args: argparse.Namespace, names: Sequence[str], times_s: Sequence[float | None], profile: CameraProfile
) -> list[Answer]:
    """One answer a frame. ``times_s``: UTC of each frame's stamp; exposure = stamp + the profile's offset."""
    if args.poses:
        table = parse_poses(read_text(args.poses), str(args.poses))
        missing = "the poses file has no row for this frame"
        return [Answer(table.pose_of(name) or NoPose(0.0, NoPoseReason.NO_POSITION, missing), None) for name in names]
    if not args.telemetry:
        return _by_pictures(args, names)
    known = [index for index, time_s in enumerate(times_s) if time_s is not None]
    exposures = [(times_s[index] or 0.0) + profile.time_offset_s for index in known]
    unknown = NoPose(0.0, NoPoseReason.NO_CLOCK, _NO_TIME)
    answers = [Answer(unknown, None) for _ in names]
    for index, answer in zip(known, poses_of(args.telemetry, exposures, profile.mount), strict=True):
        answers[index] = _explained(answer)
    return answers


def _explained(answer: Answer) -> Answer:
    """With what can be done about it, where the profile and not the flight is the cause."""
    pose = answer.pose
    if not isinstance(pose, NoPose) or pose.reason is not NoPoseReason.NO_GIMBAL:
        return answer
    text = f'{pose.text}; a camera without one has mount = "fixed" in its profile'
    return replace(answer, pose=replace(pose, text=text))


def profile_for(args: argparse.Namespace) -> CameraProfile:
    """The profile that is given, else the lens that the first picture names. Raises NoLens, ProfileError, ReadError."""
    from imagery.readers import read
    from imagery.sources import pictures_in

    if args.camera_profile:
        return read_profile(args.camera_profile)
    if not args.frames.is_dir():
        raise SettingsError(f"{args.frames}: a video names no lens: give --camera-profile FILE")
    first = pictures_in(args.frames)[0]
    frame = read(first.read_bytes(), first.name).frame
    return profile_from(_facts(first), frame.width, frame.height)


def picture_time(path: Path) -> float | None:
    """UTC of exposure by a picture's metadata; None where they don't say it, or say only a local time."""
    return _facts(path).time_s


def _facts(path: Path) -> PictureFacts:
    with path.open("rb") as file:
        return facts_of(file.read(_METADATA_BYTES), path.name)


def _by_pictures(args: argparse.Namespace, names: Sequence[str]) -> list[Answer]:
    """What the pictures of a folder say of their own places."""
    if not args.frames.is_dir():
        raise SettingsError(f"{args.frames}: a video carries no poses: give --telemetry LOG or --poses CSV")
    told = [_facts(args.frames / name) for name in names]
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = None
    for facts in told:
        if home is None and facts.lat_deg is not None and facts.lon_deg is not None:
            ground_m = None if terrain is None else float(terrain.height_at(facts.lat_deg, facts.lon_deg))
            if ground_m is None or math.isfinite(ground_m):  # else the terrain file does not reach there
                home = take_off_of(facts, ground_m)
    if home is None:
        nothing = "the pictures say no place and height: give --telemetry LOG or --poses CSV"
        return [Answer(NoPose(0.0, NoPoseReason.NO_POSITION, nothing), None) for _ in names]
    ground = FlatGround(home.amsl_m, Datum.SEA_LEVEL, home.sigma_m)
    return [Answer(pose_from(facts, home, vehicle=1, order=at), ground) for at, facts in enumerate(told)]
