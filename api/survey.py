"""A flown survey as a whole: frames, poses and ground to hotspots, map and coverage, in pieces (`batch`).

With ``--calibrate`` it is gone over twice. First only to find: what the memory remembers, and which detections are
sightings of it, tell the camera's clock, how it is screwed on, and its scale (`imagery.calibrate`); a hotspot that the
crookedness made two of becomes one in the next round of the same step. Then everything is seen again with the
calibrated profile and the poses of the right times.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from api.batch import WORK_FOLDER, Brief, Job, Kept, brief_of, pieces, pool_of, run_jobs, station_of
from api.pose_around import around_for
from api.pose_sources import answers_for, has_log, picture_time
from api.settings import SettingsError
from api.telemetry_log import Answer
from imagery.batch import Counts, Taken, empty_map
from imagery.calibrate import Calibration, Sighted, calibrate
from imagery.frame import Frame, utc_of_name
from imagery.georeference import View
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation
from imagery.pose_strays import STRAY
from imagery.readers import ReadError, read
from imagery.resight import resightings
from imagery.sightings import utc
from imagery.sources import pictures_in, recorded
from imagery.thermal_map import ThermalMap
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import NoPose, Pose
from missions.geometry.terrain import Ground
from missions.geometry.terrain_files import read_terrain

CAMERA = "1/100"
# What a hotspot was split into by a crooked mount is joined in the second round, seldom later.
_ROUNDS = 3


class NothingSeen(RuntimeError):
    """Not one frame could be used: says why."""


@dataclass(slots=True)
class Seen:
    """What a survey has shown."""

    surroundings: Surroundings
    profile: CameraProfile
    picture: Picture
    counts: Counts = field(default_factory=Counts)
    maps: dict[bool, ThermalMap] = field(default_factory=dict)
    observations: list[FrameObservation] = field(default_factory=list)
    last_s: float = 0.0
    calibration: Calibration | None = None


class Survey:
    """One survey, as the command line names it."""

    def __init__(self, args: argparse.Namespace, profile: CameraProfile) -> None:
        self._args = args
        self.profile = self._sized(profile)
        self.paths = pictures_in(args.frames) if args.frames.is_dir() else []
        stamps = list(self._stamps())
        self.names, self.times = [name for name, _ in stamps], [time_s for _, time_s in stamps]
        self._told = False
        self._kept = Kept(args.out / WORK_FOLDER)
        self._terrain = read_terrain(args.terrain) if args.terrain else None

    def see(self) -> Seen:
        """All of it. Raises NothingSeen, SettingsError, ClusterError and what the readers raise."""
        if not self._args.calibrate:
            return self._over(self.profile)
        first = self._over(self.profile, mapped=False)
        calibration = self._calibrated(first)
        if calibration is None:
            return self._over(self.profile)
        seen = self._over(calibration.profile(self.profile))
        seen.calibration = calibration
        return seen

    def clear(self) -> None:
        """The survey is done: what was kept for going on is not needed any more."""
        self._kept.clear()
        out = self._args.out
        if out.is_dir() and not any(out.iterdir()):
            out.rmdir()

    # --- frames and times -------------------------------------------------------------------------------------------

    def _sized(self, profile: CameraProfile) -> CameraProfile:
        """With the size of the first picture, where the profile does not say one."""
        if not profile.size_assumed:
            return profile
        frames = self._pictures(profile) if self._args.frames.is_dir() else self._video(profile)
        first = next(frames, None)
        return (
            profile if first is None else replace(profile, width=first.width, height=first.height, size_assumed=False)
        )

    def _pictures(self, profile: CameraProfile) -> Iterator[Frame]:
        for path in pictures_in(self._args.frames):
            try:
                scale = self._args.kelvin_per_count
                yield read(path.read_bytes(), path.name, kelvin_per_count=scale, band=profile.band).frame
            except (ReadError, OSError):
                continue

    def _video(self, profile: CameraProfile) -> Iterator[Frame]:
        return recorded(self._args.frames, 1, CAMERA, band=profile.band).read()

    def _stamps(self) -> Iterator[tuple[str, float | None]]:
        """Name and UTC of each frame's stamp: the stream's clock, the file's name, or ``--video-start`` plus pts."""
        start_s = utc(self._args.video_start, "--video-start") if self._args.video_start else None
        for path in self.paths:
            named = utc_of_name(path.stem)
            yield path.name, picture_time(path) if named is None else named
        if self.paths:
            return
        for frame in self._video(self.profile):
            if frame.clock == "utc":
                yield frame.name, frame.stamp_s
            else:
                # subtitles know no other clock than the video's own
                own = not has_log(self._args) and not self._args.poses
                yield frame.name, frame.stamp_s + (start_s or 0.0) if own or start_s is not None else None

    # --- one time over ----------------------------------------------------------------------------------------------

    def _over(self, profile: CameraProfile, *, mapped: bool = True) -> Seen:
        answers = answers_for(self._args, self.names, self.times, profile)
        self._tell_strays(answers)
        placed = next((answer for answer in answers if isinstance(answer.pose, Pose)), None)
        if placed is None:
            why = answers[0].pose.text if answers and isinstance(answers[0].pose, NoPose) else "there are none"
            raise NothingSeen(f"not one of {len(answers)} frames has a pose: {why}")
        assert isinstance(placed.pose, Pose)
        ground: Ground | None = self._terrain if self._terrain is not None else placed.ground
        if ground is None:
            raise SettingsError("the height of the ground is not known: give --terrain FILE")
        frame = LocalFrame(placed.pose.position)
        surroundings = Surroundings(ground, frame, {CAMERA: profile})
        brief = brief_of(
            profile, frame, ground, self._args.terrain, camera=CAMERA, task=self._args.task,
            epoch_s=min(answer.pose.time_s for answer in answers if isinstance(answer.pose, Pose)),
            mapped=mapped and profile.band != "visible", kelvin_per_count=self._args.kelvin_per_count,
        )  # fmt: skip
        taken = self._taken(answers)
        return self._folded(brief, taken, Seen(surroundings, profile, Picture.of(self._args.task)))

    def _tell_strays(self, answers: Sequence[Answer]) -> None:
        """Once: poses that cannot be are left out, and nobody should have to find that out."""
        poses = zip(self.names, (answer.pose for answer in answers), strict=True)
        lost = [(name, pose.text) for name, pose in poses if isinstance(pose, NoPose) and pose.text.startswith(STRAY)]
        if lost and not self._told:
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            _skipped(f"{lost[0][0]}{more}: {lost[0][1]}")
        self._told = True

    def _taken(self, answers: Sequence[Answer]) -> list[Taken]:
        below = [None if self._terrain is not None else answer.ground for answer in answers]
        numbered = enumerate(zip(self.names, answers, below, strict=True), start=1)
        return [Taken(seq, name, answer.pose, ground) for seq, (name, answer, ground) in numbered]

    def _folded(self, brief: Brief, taken: list[Taken], seen: Seen) -> Seen:
        """Every piece, in the order of the survey, into one picture and one map."""
        station, args = station_of(brief), self._args
        jobs = self._picture_jobs(brief, taken) if self.paths else self._video_jobs(brief, taken)
        many = len(list(pieces(taken)))
        # A process takes as long to start as two pieces take to see; one piece has nothing that it could go on from.
        workers = max(1, min(os.cpu_count() or 1, many // 2)) if args.workers is None else args.workers
        kept = self._kept if many > 1 else None
        with pool_of(workers, args.scheduler, many) as pool:
            for number, piece in enumerate(run_jobs(jobs, pool, kept, station, _skipped), start=1):
                for observation in piece.observations:
                    self._fold(seen, observation, taken[observation.seq - 1])
                for radiometric, part in piece.maps.items():
                    whole = seen.maps.setdefault(radiometric, empty_map(station, radiometric=radiometric))
                    whole.merge(part)
                seen.counts = seen.counts.plus(piece.counts)
                self._progress(min(len(taken), number * len(taken) // many), len(taken), mapped=brief.mapped)
        return seen

    def _fold(self, seen: Seen, observation: FrameObservation, taken: Taken) -> None:
        around = seen.surroundings if taken.ground is None else replace(seen.surroundings, ground=taken.ground)
        seen.picture, _ = observe(seen.picture, observation, around)
        seen.observations.append(observation)
        if isinstance(taken.pose, Pose):
            seen.last_s = max(seen.last_s, taken.pose.time_s)

    def _picture_jobs(self, brief: Brief, taken: list[Taken]) -> Iterator[Job]:
        for early, first, end in pieces(taken):
            paths = tuple(str(path.resolve()) for path in self.paths[early:end])
            yield Job(brief, tuple(taken[early:end]), first + 1, paths)

    def _video_jobs(self, brief: Brief, taken: list[Taken]) -> Iterator[Job]:
        """A video is read here, once, and its frames travel: seeking is exact in few of them."""
        frames, read_to = self._video(brief.profile), 0
        held: list[Frame] = []
        for early, first, end in pieces(taken):
            held = held[early - read_to :] if early < read_to else []
            while read_to < end and (frame := next(frames, None)) is not None:
                held.append(frame)
                read_to += 1
            mine = tuple(held[-(end - early) :])
            if len(mine) == end - early:
                yield Job(brief, tuple(taken[early:end]), first + 1, frames=mine)

    def _progress(self, done: int, of: int, *, mapped: bool) -> None:
        if sys.stderr.isatty() and not self._args.quiet:
            what = "frames" if mapped or not self._args.calibrate else "frames looked at to calibrate"
            print(f"\r{done} of {of} {what}", end="\n" if done == of else "", file=sys.stderr, flush=True)

    # --- calibration ------------------------------------------------------------------------------------------------

    def _calibrated(self, seen: Seen) -> Calibration | None:
        """What the flight says of its camera; None where nothing was seen again."""
        around = around_for(self._args, self.names, self.times, self.profile)
        picture, profile = seen.picture, seen.profile
        found: Calibration | None = None
        for turn in range(_ROUNDS):
            grounds = [
                seen.surroundings.ground if self._terrain is not None or answer.ground is None else answer.ground
                for answer, _ in around
            ]
            views = []
            for observation in seen.observations:
                pose = around[observation.seq - 1][1](profile.time_offset_s - self.profile.time_offset_s)
                if isinstance(pose, Pose):
                    ground = grounds[observation.seq - 1]
                    views.append((observation, View(pose, profile, ground, seen.surroundings.frame)))
            if turn:
                picture = self._again(views, seen, profile)
            again = resightings(views, picture.memory.confirmed)
            sighted = [
                Sighted(one.target, one.u, one.v, around[one.seq - 1][1], grounds[one.seq - 1], one.sigma_px)
                for one in again
            ]
            if len({one.seq for one in again}) < 3:
                return found
            found = calibrate(sighted, self.profile, seen.surroundings.frame)
            profile = found.profile(self.profile)
        return found

    def _again(
        self, views: list[tuple[FrameObservation, View]], seen: Seen, profile: CameraProfile
    ) -> Picture:  # fmt: skip
        """The memory of hotspots under another profile, from the same detections."""
        picture = Picture.of(self._args.task)
        for observation, view in views:
            around = Surroundings(view.ground, seen.surroundings.frame, {CAMERA: profile})
            picture, _ = observe(picture, replace(observation, pose=view.pose), around)
        return picture


def _skipped(what: str) -> None:
    print(f"einsatzdrohne see: skipped: {what}", file=sys.stderr)
