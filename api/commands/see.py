"""``see``: a flown survey (pictures or a video, and the log or poses of the flight) to hotspots and coverage."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagery.frame import Frame
    from imagery.incident import Picture, Surroundings
    from missions.geometry.camera import CameraProfile

_CAMERA = "1/100"


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("see", help="a flown survey to hotspots and coverage")
    parser.add_argument("frames", type=Path, metavar="FRAMES", help="a folder of pictures, or a video")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--telemetry", type=Path, metavar="LOG", help="a .tlog of the flight")
    source.add_argument("--poses", type=Path, metavar="CSV", help="a poses CSV; with neither, what the pictures say")
    parser.add_argument("--video-start", metavar="UTC", help="when a video without a clock began")
    parser.add_argument("--camera-profile", type=Path, metavar="FILE", help="needed unless the pictures name the lens")
    parser.add_argument("--kelvin-per-count", type=float, metavar="K", help="the scale of 16-bit pictures")
    parser.add_argument("--terrain", type=Path, metavar="FILE")
    parser.add_argument("--task", default="fire", choices=("fire", "embers", "person"))
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """See, write the folder, print a summary."""
    from api.pose_sources import answers_for, profile_for

    later = {"--calibrate": args.calibrate, "--scheduler": args.scheduler, "--workers": args.workers > 1}
    for name, wanted in later.items():
        if wanted:
            print(f"einsatzdrohne see: {name} is not in this release", file=sys.stderr)
            return 1
    profile = _sized(profile_for(args), args)
    frames = list(_stamps(args, profile))
    answers = answers_for(args, [name for name, _ in frames], [time_s for _, time_s in frames], profile)
    if not any(hasattr(answer.pose, "position") for answer in answers):
        print(f"einsatzdrohne see: not one of {len(frames)} frames has a pose: {answers[0].pose.text}", file=sys.stderr)  # type: ignore[union-attr]
        return 1
    surroundings = _surroundings(args, profile, answers)
    picture, counts = _see(args, profile, surroundings, answers)
    if not counts["frames"]:
        unused = _unused(counts, profile)
        print(f"einsatzdrohne see: not one of {len(answers)} frames could be used: {unused}", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    _write(args.out, picture, surroundings)
    for line in _summary(picture, counts, profile, surroundings):
        print(line)
    print(f"→ {args.out}")
    return 0


def _sized(profile: CameraProfile, args: argparse.Namespace) -> CameraProfile:
    """With the size of the first picture, where the profile does not say one."""
    if not profile.size_assumed:
        return profile
    first = next((frame for frame in _frames(args, profile) if frame is not None), None)
    return profile if first is None else replace(profile, width=first.width, height=first.height, size_assumed=False)


def _frames(args: argparse.Namespace, profile: CameraProfile) -> Iterator[Frame | None]:
    """Every frame in order; a folder's by name (None: broken, and said so), a video's by time."""
    from imagery.readers import ReadError, read
    from imagery.sources import VideoFile, pictures_in

    if args.frames.is_dir():
        for path in pictures_in(args.frames):
            scale = args.kelvin_per_count
            try:
                yield read(path.read_bytes(), path.name, kelvin_per_count=scale, band=profile.band).frame
            except (ReadError, OSError) as error:  # one torn picture must not cost the whole survey
                print(f"einsatzdrohne see: skipped: {error}", file=sys.stderr)
                yield None
    else:
        yield from VideoFile(args.frames, 1, _CAMERA, band=profile.band).read()


def _stamps(args: argparse.Namespace, profile: CameraProfile) -> Iterator[tuple[str, float | None]]:
    """Name and UTC of each frame's stamp: the stream's own clock, the file's name, or ``--video-start`` plus pts."""
    from api.pose_sources import picture_time
    from imagery.frame import utc_of_name
    from imagery.sightings import utc
    from imagery.sources import pictures_in

    start_s = utc(args.video_start, "--video-start") if args.video_start else None
    if args.frames.is_dir():
        for path in pictures_in(args.frames):
            named = utc_of_name(path.stem)
            yield path.name, picture_time(path) if named is None else named
        return
    for frame in _frames(args, profile):
        assert frame is not None, "a video yields what it can read"
        if frame.clock == "utc":
            yield frame.name, frame.stamp_s
        else:
            yield frame.name, None if start_s is None else start_s + frame.stamp_s


def _surroundings(args: argparse.Namespace, profile: CameraProfile, answers: list[Any]) -> Surroundings:
    from api.settings import SettingsError
    from imagery.incident import Surroundings
    from missions.geometry.geo import LocalFrame
    from missions.geometry.pose import Pose
    from missions.geometry.terrain_files import read_terrain

    first = next(answer for answer in answers if isinstance(answer.pose, Pose))
    ground = read_terrain(args.terrain) if args.terrain else first.ground
    if ground is None:
        raise SettingsError("the height of the ground is not known: give --terrain FILE")
    return Surroundings(ground, LocalFrame(first.pose.position), {_CAMERA: profile})


def _see(
    args: argparse.Namespace, profile: CameraProfile, surroundings: Surroundings, answers: list[Any]
) -> tuple[Picture, dict[str, int]]:
    """The live fold, over files."""
    from imagery.incident import Picture, observe
    from imagery.observe import FrameObservation, Observer
    from missions.geometry.pose import Pose

    observer, picture = Observer(profile, task=args.task), Picture()
    counts = {"frames": 0, "placed": 0, "refused": 0, "detections": 0, "unreadable": 0, "misfit": 0}
    for seq, (frame, answer) in enumerate(zip(_frames(args, profile), answers, strict=False), start=1):
        if frame is None:
            counts["unreadable"] += 1
            continue
        if (frame.width, frame.height) != (profile.width, profile.height):
            counts["misfit"] += 1
            continue  # the profile says nothing about such a picture: no place is better than a wrong one
        seen = observer.see(replace(frame, vehicle=1, camera=_CAMERA, seq=seq))
        observation = FrameObservation(
            1, _CAMERA, seq, answer.pose.time_s, answer.pose, seen.detections, seen.refusal, frame.name
        )
        around = surroundings
        if not args.terrain and answer.ground is not None:
            around = replace(surroundings, ground=answer.ground)
        picture, _ = observe(picture, observation, around)
        counts["frames"] += 1
        counts["placed"] += isinstance(answer.pose, Pose)
        counts["refused"] += bool(seen.refusal)
        counts["detections"] += len(seen.detections)
        if sys.stderr.isatty() and not args.quiet and seq % 10 == 0:
            print(f"\r{seq} of {len(answers)} frames", end="", file=sys.stderr)
    return picture, counts


def _unused(counts: dict[str, int], profile: CameraProfile) -> str:
    """What was left out and why, in words; empty when nothing was."""
    size = f"of another size than the camera profile's {profile.width}×{profile.height}"
    told = {"unreadable": "unreadable", "misfit": size}
    return ", ".join(f"{counts[key]} {words}" for key, words in told.items() if counts[key])


def _write(folder: Path, picture: Picture, surroundings: Surroundings) -> None:
    from api.geojson import hotspot_feature, ring_of
    from imagery.hotspots import properties

    frame = surroundings.frame
    hotspots = [hotspot_feature(properties(h, frame), frame, "auswertung") for h in picture.memory.confirmed]
    coverage = picture.coverage
    rings = [[ring_of(frame, ring[:-1]) for ring in polygon] for polygon in coverage.polygons()]
    facts = {"frames": coverage.frames, "area_m2": round(coverage.area_m2)}
    shape = {"type": "MultiPolygon", "coordinates": rings} if rings else None
    seen = [{"type": "Feature", "geometry": shape, "properties": facts}]
    for name, features in (("hotspots", hotspots), ("coverage", seen)):
        document = {"type": "FeatureCollection", "features": features}
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
        (folder / f"{name}.geojson").write_text(text + "\n", "utf-8")


def _summary(
    picture: Picture, counts: dict[str, int], profile: CameraProfile, surroundings: Surroundings
) -> Iterator[str]:
    from imagery.hotspots import properties

    yield f"{counts['frames']} frames, {counts['placed']} with a pose, {counts['refused']} not looked at for hotspots"
    if unused := _unused(counts, profile):
        yield f"not used: {unused}"
    if profile.band == "visible":
        yield "no hotspots: a daylight camera has no temperatures; footprints only"
        return
    yield f"{picture.coverage.area_m2 / 1e4:.2f} ha seen, {counts['detections']} detections"
    for hotspot in picture.memory.confirmed:
        facts = properties(hotspot, surroundings.frame)
        least = "≥ " if facts["peak_is_lower_bound"] else ""
        heat = "no °C" if facts["peak_c"] is None else f"{least}{facts['peak_c']} °C"
        yield f"hotspot {facts['number']}: {heat}, {facts['utmref']}, ± {facts['ellipse95']['semi_major_m']} m"
    if not picture.memory.confirmed:
        yield "no hotspot in what was seen"
