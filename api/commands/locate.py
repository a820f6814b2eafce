"""``locate``: pixels that somebody picked → places with error ellipses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagery.locate import Located, Target
    from imagery.sightings import Sighting
    from missions.geometry.camera import CameraProfile
    from missions.geometry.geo import LocalFrame

_NO_GROUND = "the height of the ground is not known: give --terrain"


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("locate", help="picked pixels to places on the ground, with error ellipses")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--telemetry", type=Path, metavar="LOG", help="a .tlog of the flight")
    source.add_argument("--poses", type=Path, metavar="CSV", help="a poses CSV")
    parser.add_argument("--camera-profile", type=Path, required=True, metavar="FILE")
    parser.add_argument("--sightings", type=Path, required=True, metavar="CSV")
    parser.add_argument("--frames", type=Path, metavar="DIR", help="the pictures, for the times in their EXIF")
    parser.add_argument("--terrain", type=Path, metavar="FILE")
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--known", type=Path, metavar="CSV")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.geojson")


def run(args: argparse.Namespace) -> int:
    """Locate, write GeoJSON, print one line a target."""
    from api.settings import read_profile
    from api.survey_files import calibration_lines
    from api.text_files import read_text
    from imagery.locate import fuse
    from imagery.sightings import parse_sightings

    if args.known and not args.calibrate:
        raise ValueError("--known: known places are for --calibrate; give both")
    profile = read_profile(args.camera_profile)
    sightings = parse_sightings(read_text(args.sightings), str(args.sightings))
    times = [frame_time(sighting, args.frames) for sighting in sightings]
    extra: dict[str, Any] = {}
    if args.calibrate:
        located, targets, frame, extra = _calibrated(args, profile, sightings, times)
    else:
        located, frame = place_all(args, profile, sightings, times)
        targets = fuse(located, frame) if frame is not None else ()
    features = [_sighting_feature(one, frame) for one in located] + [_target_feature(target) for target in targets]
    document = {"type": "FeatureCollection", **extra, "features": features}
    args.out.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    for target in targets:
        at, ellipse = target.point, target.ellipse
        print(
            f"target {target.target}: {at.lat_deg:.7f} {at.lon_deg:.7f}, {target.sightings} sightings, "
            f"95 % within {ellipse.semi_major_m:.1f} × {ellipse.semi_minor_m:.1f} m, scatter {target.scatter_m:.1f} m"
        )
    for line in calibration_lines(extra["calibration"]) if extra else []:
        print(line)
    lost = sum(feature["geometry"] is None for feature in features)
    print(f"{len(located) - lost} of {len(located)} sightings placed → {args.out}")
    return 0


def frame_time(sighting: Sighting, frames: Path | None) -> float | None:
    """UTC of a frame's stamp: its column, its name, or the picture's metadata; None where none of them tells it."""
    from api.pose_sources import picture_time
    from imagery.frame import utc_of_name

    if sighting.time_s is not None:
        return sighting.time_s
    named = utc_of_name(Path(sighting.frame).stem)  # to 1/100 s, while metadata often hold whole seconds
    picture = None if frames is None else frames / Path(sighting.frame).name
    return picture_time(picture) if named is None and picture is not None and picture.is_file() else named


def place_all(
    args: argparse.Namespace, profile: CameraProfile, sightings: tuple[Sighting, ...], times: list[float | None]
) -> tuple[list[Located], LocalFrame | None]:
    """Every sighting through its pose; the local frame of the first pose."""
    from api.pose_sources import answers_for
    from imagery.georeference import NoPlace, View
    from imagery.locate import Located, locate
    from missions.geometry.geo import LocalFrame
    from missions.geometry.pose import NoPose
    from missions.geometry.terrain_files import read_terrain

    terrain = read_terrain(args.terrain) if args.terrain else None
    names = [sighting.frame for sighting in sightings]
    answers = answers_for(args, names, times, profile)
    frame: LocalFrame | None = None
    located = []
    for sighting, time_s, answer in zip(sightings, times, answers, strict=True):
        ground = terrain if terrain is not None else answer.ground
        if isinstance(answer.pose, NoPose):
            located.append(Located(sighting, time_s, NoPlace(answer.pose.text)))
        elif ground is None:
            located.append(Located(sighting, time_s, NoPlace(_NO_GROUND)))
        else:
            frame = frame or LocalFrame(answer.pose.position)
            located.append(locate(sighting, answer.pose.time_s, View(answer.pose, profile, ground, frame)))
    return located, frame


def _calibrated(
    args: argparse.Namespace, profile: CameraProfile, sightings: tuple[Sighting, ...], times: list[float | None]
) -> tuple[list[Located], tuple[Target, ...], LocalFrame | None, dict[str, Any]]:
    """Every sighting and target under what the sightings say of clock, boresight and scale."""
    from api.pose_around import around_for
    from api.text_files import read_text
    from imagery.calibrate import Sighted, calibrate
    from imagery.georeference import NoPlace
    from imagery.locate import Located, Target
    from imagery.sightings import parse_known
    from missions.geometry.geo import LocalFrame
    from missions.geometry.pose import NoPose, Pose
    from missions.geometry.terrain_files import read_terrain

    if not any(sighting.target for sighting in sightings):
        raise ValueError(f"{args.sightings}: --calibrate needs targets: a column target, the same thing by one name")
    terrain = read_terrain(args.terrain) if args.terrain else None
    sources = around_for(args, [sighting.frame for sighting in sightings], times, profile)
    located, sighted, taken = [], [], []
    for number, (sighting, time_s, (answer, pose_at)) in enumerate(zip(sightings, times, sources, strict=True)):
        ground = terrain if terrain is not None else answer.ground
        why = (
            answer.pose.text if isinstance(answer.pose, NoPose) else "no height of the ground is known: give --terrain"
        )
        located.append(Located(sighting, time_s, NoPlace(why)))
        if isinstance(answer.pose, Pose) and ground is not None:
            taken.append(number)
            sighted.append(Sighted(sighting.target, sighting.u, sighting.v, pose_at, ground))
    first = next((answer.pose for answer, _ in sources if isinstance(answer.pose, Pose)), None)
    if first is None or not sighted:
        return located, (), None, {}
    frame = LocalFrame(first.position)
    known = parse_known(read_text(args.known), str(args.known)) if args.known else ()
    known_en = {
        place.target: frame.enu_from_geo(place.lat_deg, place.lon_deg, frame.origin.alt_m)[:2] for place in known
    }
    found = calibrate(sighted, profile, frame, known_en)
    for number, place, rejected in zip(taken, found.places, found.rejected, strict=True):
        sighting, (answer, _) = sightings[number], sources[number]
        time_s = answer.pose.time_s + found.time_offset_s - profile.time_offset_s
        located[number] = Located(sighting, time_s, found.told(place), rejected)
    targets = tuple(
        Target(fix.target, frame.point_at(fix.enu), fix.ellipse, fix.sightings, round(fix.scatter_m, 3), fix.rejected)
        for fix in found.targets
    )
    return located, targets, frame, {"calibration": found.to_json()}


def _sighting_feature(one: Located, frame: LocalFrame | None) -> dict[str, Any]:
    from api.geojson import iso
    from imagery.georeference import Place, ellipse95

    sighting = one.sighting
    facts: dict[str, Any] = {"kind": "sighting", "frame": sighting.frame, "u": sighting.u, "v": sighting.v}
    facts |= {"target": sighting.target or None, "time": iso(one.time_s)}
    if not isinstance(one.place, Place) or frame is None:
        facts |= {"reason": getattr(one.place, "reason", "no pose"), "ellipse95": None}
        near_m = getattr(one.place, "near_m", None)
        if near_m is not None:  # a grazing view: how far away, at least and at most
            facts["range_m"] = [near_m, getattr(one.place, "far_m", None)]
        return {"type": "Feature", "geometry": None, "properties": facts}
    ellipse = ellipse95(one.place.noise_m2 + one.place.common_m2)
    if one.rejected:
        facts["rejected"] = True
    facts |= {"ellipse95": _ellipse(ellipse), "height_amsl_m": round(float(frame.point_at(one.place.enu).alt_m), 1)}
    point = frame.point_at(one.place.enu)
    geometry = {"type": "Point", "coordinates": [round(point.lon_deg, 7), round(point.lat_deg, 7)]}
    return {"type": "Feature", "geometry": geometry, "properties": facts}


def _target_feature(target: Target) -> dict[str, Any]:
    at = target.point
    facts: dict[str, Any] = {"kind": "target", "target": target.target, "ellipse95": _ellipse(target.ellipse)}
    facts |= {
        "sightings": target.sightings,
        "rejected": target.rejected,
        "scatter_m": target.scatter_m,
        "height_amsl_m": round(at.alt_m, 1),
    }
    geometry = {"type": "Point", "coordinates": [round(at.lon_deg, 7), round(at.lat_deg, 7)]}
    return {"type": "Feature", "geometry": geometry, "properties": facts}


def _ellipse(ellipse: Any) -> dict[str, float]:
    return {
        "semi_major_m": round(ellipse.semi_major_m, 2),
        "semi_minor_m": round(ellipse.semi_minor_m, 2),
        "azimuth_deg": round(ellipse.azimuth_deg, 1),
    }
