"""``see``: a flown survey (pictures or a video, and the log or poses of the flight) to hotspots, map and coverage."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

_MOST_WORKERS = 64


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("see", help="a flown survey to hotspots, thermal map and coverage")
    parser.add_argument("frames", type=Path, metavar="FRAMES", help="a folder of pictures, a video, or a FLIR .seq")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--telemetry", type=Path, metavar="LOG", help="a .tlog or .BIN of the flight, or a .SRT")
    source.add_argument(
        "--poses", type=Path, metavar="CSV", help="a poses CSV; with neither, what pictures or video say"
    )
    parser.add_argument("--video-start", metavar="UTC", help="when a video without a clock began")
    parser.add_argument("--camera-profile", type=Path, metavar="FILE", help="needed unless the pictures name the lens")
    parser.add_argument("--kelvin-per-count", type=float, metavar="K", help="the scale of 16-bit pictures")
    parser.add_argument("--terrain", type=Path, metavar="FILE")
    parser.add_argument("--task", default="fire", choices=("fire", "embers", "person"))
    parser.add_argument("--calibrate", action="store_true", help="clock, mount and scale from what was seen again")
    workers = parser.add_mutually_exclusive_group()
    workers.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes (default: as many as there are cores, one for a short survey)",
    )
    workers.add_argument(
        "--scheduler", metavar="tcp://HOST:PORT", help="a Dask cluster instead; its workers read the same folder"
    )
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """See, write the folder, print a summary. What is interrupted goes on where it was."""
    from api.pose_sources import profile_for
    from api.settings import SettingsError
    from api.survey import NothingSeen, Survey
    from api.survey_files import summary, unused, write_survey

    if args.workers is not None and not 1 <= args.workers <= _MOST_WORKERS:
        raise SettingsError(f"--workers {args.workers}: allowed are 1 to {_MOST_WORKERS}")
    survey = Survey(args, profile_for(args))
    try:
        seen = survey.see()
    except NothingSeen as error:
        print(f"einsatzdrohne see: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\neinsatzdrohne see: interrupted; the same command goes on ({args.out / '.see'})", file=sys.stderr)
        return 130
    if not seen.counts.frames:
        survey.clear()
        left = unused(seen.counts, seen.profile)
        print(f"einsatzdrohne see: not one of {len(survey.names)} frames could be used: {left}", file=sys.stderr)
        return 1
    write_survey(args.out, seen)
    survey.clear()
    for line in summary(seen):
        print(line)
    if args.calibrate and seen.calibration is None:
        print("not calibrated: nothing was seen again and again; the profile is used as it is")
    print(f"→ {args.out}")
    return 0
