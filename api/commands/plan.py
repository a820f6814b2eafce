"""`einsatzdrohne plan …`: missions without a drone. Reads and writes files; the thinking is in `missions`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from missions.area import parse_area
from missions.checks import CheckReport, check
from missions.describe import table
from missions.duration import Duration, flight_time
from missions.formats import ENDINGS, FormatError, Plan, read, write
from missions.geometry.camera import parse_profile
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import TerrainError, read_terrain, require_cover
from missions.items import Command, compile_items, home_item
from missions.mission import Mission
from missions.orbit import orbit
from missions.survey import survey

_DONE, _NOT_DONE, _BAD_INPUT = 0, 1, 2


class _BadInput(ValueError):
    """Input that cannot be used; its text is one complete sentence for the user."""


class _NotDone(Exception):
    """The work could not be done though the input was understood."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `plan` with its sub-verbs."""
    parser = subparsers.add_parser("plan", help="missions without a drone")
    verbs = parser.add_subparsers(dest="plan_verb", required=True, metavar="survey|orbit|check|convert|show")
    _register_survey(verbs.add_parser("survey", help="parallel lines over an area"))
    _register_orbit(verbs.add_parser("orbit", help="once around a place, the camera on it"))
    checking = verbs.add_parser("check", help="is this plan flyable? exit 1 when something forbids it")
    checking.add_argument("file", type=Path)
    checking.add_argument("--terrain", type=Path, help="elevation raster: clearance is checked along the path")
    checking.add_argument("--home", help="LAT,LON[,ALT]: where the vehicle really stands")
    checking.add_argument("--json", action="store_true")
    converting = verbs.add_parser("convert", help=f"from one format into another ({' '.join(ENDINGS)})")
    converting.add_argument("source", type=Path, metavar="IN")
    converting.add_argument("target", type=Path, metavar="OUT")
    converting.add_argument("--home", help="LAT,LON[,ALT]: put this home in front (or in the place of the old one)")
    showing = verbs.add_parser("show", help="a plan as a table")
    showing.add_argument("file", type=Path)


def _register_survey(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--area", type=Path, required=True, help="GeoJSON polygon")
    parser.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    parser.add_argument(
        "--height-m", type=float, default=60.0, help="above the surface with --terrain, else above home"
    )
    parser.add_argument("--sidelap", type=float, default=0.3, help="0 to 0.95 (default 0.3)")
    parser.add_argument("--heading-deg", type=float, help="of the lines; default: along the long side")
    _register_common(parser)


def _register_orbit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--centre", required=True, help="LAT,LON of the place looked at")
    parser.add_argument("--radius-m", type=float, default=40.0)
    parser.add_argument(
        "--height-m", type=float, default=40.0, help="above the surface with --terrain, else above home"
    )
    parser.add_argument("--turns", type=int, default=1)
    _register_common(parser)


def _register_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help=f"target file ({' '.join(ENDINGS)})")
    parser.add_argument("--speed-m-s", type=float, default=5.0)
    parser.add_argument("--home", help="LAT,LON[,ALT] of the take-off; ALT in metres above sea level")
    parser.add_argument("--terrain", type=Path, help="elevation raster: heights follow the surface")
    parser.add_argument("--quiet", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Do what the arguments say. 0 done; 1 not possible; 2 bad input, one line on stderr each."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {
        "survey": _survey,
        "orbit": _orbit,
        "check": _check,
        "convert": _convert,
        "show": _show,
    }
    try:
        return verbs[args.plan_verb](args)
    except _NotDone as problem:
        print(f"plan {args.plan_verb}: {problem}", file=sys.stderr)
        return _NOT_DONE
    except ValueError as problem:  # every error of missions is one, and names what, where and what is allowed
        print(f"plan {args.plan_verb}: {problem}", file=sys.stderr)
        return _BAD_INPUT


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise _BadInput(f"{path}: is no text file") from problem
    except OSError as problem:
        raise _BadInput(f"{path}: cannot be read ({problem.strerror})") from problem


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise _NotDone(f"{path}: cannot be written ({problem.strerror}); choose another --out") from problem


def _place(option: str, text: str | None, terrain: TerrainGrid | None) -> GeoPoint | None:
    """`LAT,LON[,ALT]`; without ALT the terrain's height there, or 0 where there is no terrain."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as problem:
        raise _BadInput(f"{option} {text!r}: LAT,LON or LAT,LON,ALT in numbers is needed") from problem
    if len(numbers) not in (2, 3):
        raise _BadInput(f"{option} {text!r}: LAT,LON or LAT,LON,ALT is needed")
    lat, lon = numbers[:2]
    if len(numbers) == 3:
        return GeoPoint(lat, lon, numbers[2], Datum.SEA_LEVEL)
    place = GeoPoint(lat, lon, 0.0, Datum.SEA_LEVEL)
    if terrain is None:
        return place
    require_cover(terrain, lat, lon, option.removeprefix("--"))
    return replace(place, alt_m=float(terrain.height_at(lat, lon)))


def _require_cover(path: Path, terrain: TerrainGrid, lat_deg: float, lon_deg: float, what: str) -> None:
    try:
        require_cover(terrain, lat_deg, lon_deg, what)
    except TerrainError as problem:
        raise _BadInput(f"{path}: {problem}") from problem


def _require_ending(path: Path) -> str:
    if path.suffix not in ENDINGS:
        raise _BadInput(f"{path}: ending {path.suffix!r}; allowed are {', '.join(ENDINGS)}")
    return path.suffix


def _survey(args: argparse.Namespace) -> int:
    _require_ending(args.out)
    area = parse_area(_text(args.area), str(args.area))
    profile = parse_profile(_text(args.camera), str(args.camera))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = _place("--home", args.home, terrain)
    if terrain is not None:
        _require_cover(args.terrain, terrain, area.centroid.y, area.centroid.x, f"the middle of {args.area}")
    mission = survey(
        area, profile, args.height_m, sidelap=args.sidelap, speed_m_s=args.speed_m_s, heading_deg=args.heading_deg,
        home=home, terrain=terrain, name=args.area.stem,
    )  # fmt: skip
    return _finish(args, mission, terrain)


def _orbit(args: argparse.Namespace) -> int:
    _require_ending(args.out)
    terrain = read_terrain(args.terrain) if args.terrain else None
    centre = _place("--centre", args.centre, None)
    assert centre is not None
    if terrain is not None:
        _require_cover(args.terrain, terrain, centre.lat_deg, centre.lon_deg, "the centre")
    mission = orbit(
        centre, args.radius_m, args.height_m, home=_place("--home", args.home, terrain), terrain=terrain,
        turns=args.turns, speed_m_s=args.speed_m_s, name=args.out.stem,
    )  # fmt: skip
    return _finish(args, mission, terrain)


def _finish(args: argparse.Namespace, mission: Mission, terrain: TerrainGrid | None) -> int:
    """Check a planned mission, write it, say how long it takes."""
    items = compile_items(mission)
    report = check(mission, terrain=terrain)
    if not args.quiet:
        _print_findings(report, sys.stderr)
    if report.checked is None:
        raise _NotDone(f"the {args.plan_verb} would not be flyable: {report.stops[0].line()}")
    _save(args.out, write(Plan(mission.name, items, notes=mission.notes), args.out.suffix))
    if not args.quiet:
        counts = (len(items) - 1, len(mission.waypoints()), len(report.warnings))
        print("{}: {} items, {} waypoints, {} warnings".format(args.out, *counts))
        if mission.home is not None:
            print(f"flight time: {flight_time(items, mission.home, terrain).text()}")
    return _DONE


def _check(args: argparse.Namespace) -> int:
    plan = read(_text(args.file), str(args.file))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = _place("--home", args.home, terrain) or plan.home
    if terrain is not None and home is not None:
        _require_cover(args.terrain, terrain, home.lat_deg, home.lon_deg, f"home of {args.file}")
    report = check(plan.items, terrain=terrain, home=home, fence=plan.fence, rally=plan.rally)
    duration = flight_time(plan.items, home, terrain) if report.checked and plan.items and home else None
    if args.json:
        print(json.dumps(_as_json(plan, report, duration), ensure_ascii=False))
    else:
        for note in plan.notes:
            print(f"note    {note}")
        _print_findings(report, sys.stdout)
        if duration:
            print(f"flight time: {duration.text()}")
        word = "flyable" if report.checked else "not flyable"
        print(f"{args.file}: {word}, {len(report.stops)} stops, {len(report.warnings)} warnings")
    return _DONE if report.checked else _NOT_DONE


def _as_json(plan: Plan, report: CheckReport, duration: Duration | None) -> dict[str, object]:
    findings = [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in map(asdict, report.findings)
    ]
    return {
        "file": plan.name,
        "flyable": report.checked is not None,
        "items": {"mission": len(plan.items), "fence": len(plan.fence), "rally": len(plan.rally)},
        "findings": findings,
        "notes": list(plan.notes),
        "flight_time": asdict(duration) if duration else None,
    }


def _print_findings(report: CheckReport, stream: object) -> None:
    for finding in report.findings:
        print(finding.line(), file=stream)  # type: ignore[call-overload]


def _convert(args: argparse.Namespace) -> int:
    ending = _require_ending(args.target)
    plan = read(_text(args.source), str(args.source))
    home = _place("--home", args.home, None)
    if home is not None:
        plan = _with_home(plan, home)
    try:
        text = write(plan, ending)
    except FormatError as problem:
        raise _NotDone(str(problem)) from problem
    _save(args.target, text)
    for note in plan.notes:
        print(f"note: {note}", file=sys.stderr)
    return _DONE


def _with_home(plan: Plan, home: GeoPoint) -> Plan:
    has_home = bool(plan.items) and plan.items[0].command == Command.WAYPOINT
    if has_home:
        return replace(plan, items=(home_item(home), *plan.items[1:]))
    # Everything moves back by one place, and so do the targets of jumps.
    moved = (replace(item, p1=item.p1 + 1) if item.command == Command.JUMP else item for item in plan.items)
    return replace(plan, items=(home_item(home), *moved))


def _show(args: argparse.Namespace) -> int:
    print(table(read(_text(args.file), str(args.file))))
    return _DONE
