"""Poses for a set of frames, from a flight log, a poses file or the pictures themselves: what ``see`` and ``locate``
share."""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from api.settings import SettingsError, read_profile
from api.telemetry_log import Answer, poses_of
from api.text_files import read_text
from imagery.picture_poses import TakeOff, pose_from, profile_from, take_off_of
from imagery.pose_strays import strays
from imagery.poses_file import PosesFile, parse_poses
from imagery.readers.exif import PictureFacts, facts_of
from imagery.sightings import utc
from imagery.sources.video_metadata import read_subtitles, stream_cues, subtitles_of
from imagery.video_poses import trail_of
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum
from missions.geometry.pose import NoPose, NoPoseReason, Pose
from missions.geometry.terrain import FlatGround, TerrainGrid
from missions.geometry.terrain_files import read_terrain

# All metadata stand at the beginning of a picture, before its pixels.
_METADATA_BYTES = 2_000_000
# The ground that a stream names is a model's, or the operator's guess.
_TOLD_GROUND_SIGMA_M = 8.0

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
        return [Answer(_of_table(table, name), None) for name in names]
    if not has_log(args):
        if args.telemetry or not args.frames.is_dir():
            return _by_video(args, times_s, profile)
        return _by_pictures(args, names)
    known = [index for index, time_s in enumerate(times_s) if time_s is not None]
    exposures = [(times_s[index] or 0.0) + profile.time_offset_s for index in known]
    unknown = NoPose(0.0, NoPoseReason.NO_CLOCK, _NO_TIME)
    answers = [Answer(unknown, None) for _ in names]
    for index, answer in zip(known, poses_of(args.telemetry, exposures, profile.mount), strict=True):
        answers[index] = _explained(answer)
    return answers


def _of_table(table: PosesFile, name: str) -> Pose | NoPose:
    pose = table.pose_of(name)
    why = "the poses file has no row for this frame" if pose is None else table.stray_of(name)
    return pose if pose is not None and why is None else NoPose(0.0, NoPoseReason.NO_POSITION, why or "")


def has_log(args: argparse.Namespace) -> bool:
    """Whether a flight log is given: subtitles of a video are none, they speak of the camera itself."""
    return args.telemetry is not None and args.telemetry.suffix.lower() != ".srt"


def _by_video(args: argparse.Namespace, times_s: Sequence[float | None], profile: CameraProfile) -> list[Answer]:
    """What a video says of its own places: its subtitles (DJI), else the MISB metadata in its stream."""
    terrain = read_terrain(args.terrain) if args.terrain else None
    beside = args.telemetry or subtitles_of(args.frames)
    cues = stream_cues(args.frames) if beside is None else read_subtitles(beside)
    if not cues:
        raise SettingsError(
            f"{args.frames}: no .SRT beside it and no metadata in it: give --telemetry LOG or --poses CSV"
        )
    home, ground = None, None
    if beside is not None:
        start_s = utc(args.video_start, "--video-start") if args.video_start else 0.0
        cues = tuple(replace(cue, at_s=start_s + cue.at_s) for cue in cues)
        home = _home((cue.facts for cue in cues), terrain)
        if home is None:
            raise SettingsError(f"{beside}: it says no place and height: give --telemetry LOG or --poses CSV")
        ground = FlatGround(home.amsl_m, Datum.SEA_LEVEL, home.sigma_m)
    elif told := [cue.ground_m for cue in cues if cue.ground_m is not None]:
        ground = FlatGround(statistics.median(told), Datum.SEA_LEVEL, _TOLD_GROUND_SIGMA_M)
    trail = trail_of(cues, home)
    poses = [
        NoPose(0.0, NoPoseReason.NO_CLOCK, _NO_TIME) if at is None else trail.pose_at(at + profile.time_offset_s)
        for at in times_s
    ]
    return [Answer(pose, ground) for pose in poses]


def _home(told: Iterable[PictureFacts], terrain: TerrainGrid | None) -> TakeOff | None:
    """The take-off by the first that says enough."""
    for facts in told:
        if facts.lat_deg is not None and facts.lon_deg is not None:
            ground_m = None if terrain is None else float(terrain.height_at(facts.lat_deg, facts.lon_deg))
            if ground_m is None or math.isfinite(ground_m):  # else the terrain file does not reach there
                home = take_off_of(facts, ground_m)
                if home is not None:
                    return home
    return None


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
    told = [_facts(args.frames / name) for name in names]
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = _home(told, terrain)
    if home is None:
        nothing = "the pictures say no place and height: give --telemetry LOG or --poses CSV"
        return [Answer(NoPose(0.0, NoPoseReason.NO_POSITION, nothing), None) for _ in names]
    ground = FlatGround(home.amsl_m, Datum.SEA_LEVEL, home.sigma_m)
    poses = [pose_from(facts, home, vehicle=1, order=at) for at, facts in enumerate(told)]
    return [Answer(pose, ground) for pose in _without_strays(poses)]


def _without_strays(poses: Sequence[Pose | NoPose]) -> list[Pose | NoPose]:
    known = [at for at, pose in enumerate(poses) if isinstance(pose, Pose)]
    found = list(poses)
    for at, why in strays([pose for pose in poses if isinstance(pose, Pose)]).items():
        found[known[at]] = NoPose(poses[known[at]].time_s, NoPoseReason.NO_POSITION, why)
    return found
