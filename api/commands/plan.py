"""`einsatzdrohne plan …`: missions without a drone. Reads and writes files; the thinking is in `missions`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from api import plan_around, plan_patterns, plan_work
from api.plan_patterns import (
    BadInput,
    add_airspace,
    add_limits,
    add_supply,
    air_of,
    daylight_of,
    fence_of,
    knowledge_of,
    limits_of,
    place_of,
    rally_of,
    require_covered,
    supply_of,
    text_of,
    zones_of,
)
from api.plan_work import NotDone, require_ending, save, save_bytes, save_plan
from missions.airspace import zones_met
from missions.checks import CheckReport, check
from missions.describe import table
from missions.duration import Duration, flight_time
from missions.energy import budget
from missions.findings import Finding
from missions.formats import ENDINGS, FormatError, Plan, read
from missions.formats.wpml import AIRCRAFT, USUAL_AIRCRAFT
from missions.geometry.geo import GeoPoint
from missions.geometry.terrain import Ground
from missions.geometry.terrain_files import read_terrain
from missions.items import Command, MissionItem, compile_items, home_item
from missions.leg_table import leg_rows, leg_table
from missions.power import PowerModel, fit, write_power
from missions.sketch import Picture, sketch, to_svg
from missions.zones import Zone

PLANNERS = {**plan_patterns.PLANNERS, **plan_around.PLANNERS}
_DONE, _NOT_DONE, _BAD_INPUT = 0, 1, 2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `plan` with its sub-verbs."""
    parser = subparsers.add_parser("plan", help="missions without a drone")
    verbs = parser.add_subparsers(
        dest="plan_verb",
        required=True,
        metavar="|".join((*PLANNERS, *plan_work.VERBS, "power", "check", "convert", "show")),
    )
    plan_patterns.register(verbs)
    plan_around.register(verbs)
    plan_work.register(verbs)
    checking = verbs.add_parser("check", help="is this plan flyable? exit 1 when something forbids it")
    checking.add_argument("file", type=Path)
    checking.add_argument("--terrain", type=Path, help="elevation raster: clearance is checked along the path")
    checking.add_argument("--home", help="LAT,LON[,ALT]: where the vehicle really stands")
    checking.add_argument("--json", action="store_true")
    converting = verbs.add_parser("convert", help=f"from one format into another ({' '.join(ENDINGS)})")
    converting.add_argument("source", type=Path, metavar="IN")
    converting.add_argument("target", type=Path, metavar="OUT")
    converting.add_argument("--home", help="LAT,LON[,ALT]: put this home in front (or in the place of the old one)")
    converting.add_argument("--dji-aircraft", choices=tuple(AIRCRAFT), default=USUAL_AIRCRAFT, help="for .dji.kmz")
    add_supply(checking)
    add_airspace(checking)
    add_limits(checking)
    measuring = verbs.add_parser("power", help="what this aircraft costs in the air, from a flight log")
    measuring.add_argument(
        "--from", dest="logs", type=Path, nargs="+", required=True, metavar="LOG", help=".tlog or .BIN, of one aircraft"
    )
    measuring.add_argument("--mass-kg", type=float, required=True, help="as flown, with battery and camera")
    measuring.add_argument("--rotors", type=int, default=4)
    measuring.add_argument("--rotor-diameter-m", type=float, required=True)
    measuring.add_argument("--capacity-wh", type=float, required=True)
    measuring.add_argument("--out", type=Path, required=True, metavar="FILE.toml")
    showing = verbs.add_parser("show", help="a plan as a table of items and of legs, and as a picture")
    showing.add_argument("file", type=Path)
    showing.add_argument("--out", type=Path, metavar="FILE.svg|.png", help="map and height along the way")
    showing.add_argument("--terrain", type=Path, help="elevation raster: the surface under the way")
    showing.add_argument("--home", help="LAT,LON[,ALT]: where the vehicle really stands")
    add_supply(showing)


def run(args: argparse.Namespace) -> int:
    """Do what the arguments say. 0 done; 1 not possible; 2 bad input, one line on stderr each."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {
        **dict.fromkeys(PLANNERS, _plan),
        **plan_work.VERBS,
        "power": _power,
        "check": _check,
        "convert": _convert,
        "show": _show,
    }
    try:
        return verbs[args.plan_verb](args)
    except NotDone as problem:
        print(f"plan {args.plan_verb}: {problem}", file=sys.stderr)
        return _NOT_DONE
    except ValueError as problem:  # every error of missions is one, and names what, where and what is allowed
        print(f"plan {args.plan_verb}: {problem}", file=sys.stderr)
        return _BAD_INPUT


def _plan(args: argparse.Namespace) -> int:
    """Plan a pattern, check it, write it, say how long it takes."""
    require_ending(args.out)
    planned = PLANNERS[args.plan_verb](args)
    mission, terrain = planned.mission, planned.terrain
    items, supply, rally = compile_items(mission), supply_of(args), rally_of(args)
    met = _zones_met(args, items, mission.home, terrain)
    barred = tuple(zone for zone, _ in met) if args.fence_zones else ()
    fence = fence_of(planned, args.fence_m, barred)
    findings = [finding for _, finding in met] + daylight_of(args, items, mission.home, terrain)
    report = check(
        mission, terrain=terrain, supply=supply, fence=fence, rally=rally, further=findings, limits=limits_of(args)
    )
    if not args.quiet:
        _print_findings(report, sys.stderr)
    if report.checked is None:
        raise NotDone(f"the {args.plan_verb} would not be flyable: {report.stops[0].line()}")
    save_plan(args.out, Plan(mission.name, items, fence, rally, notes=mission.notes))
    if not args.quiet:
        counts = (len(items) - 1, len(mission.waypoints()), len(report.warnings))
        print("{}: {} items, {} waypoints, {} warnings".format(args.out, *counts))
        if planned.worth:
            print(planned.worth)
        if planned.look is not None:
            print(plan_work.predicted(planned.look, items, mission.home, terrain).text())
        if mission.home is not None:
            print(f"flight time: {flight_time(items, mission.home, terrain, air=air_of(args)).text()}")
            if supply is not None:
                print(budget(items, mission.home, supply, terrain).text(supply.model))
    return _DONE


def _zones_met(
    args: argparse.Namespace, items: Sequence[MissionItem], home: GeoPoint | None, terrain: Ground | None
) -> tuple[tuple[Zone, Finding], ...]:
    """Every zone of the files named that the flight meets, with what is to be said of it."""
    zones, knowledge = zones_of(args), knowledge_of(args)
    if not zones:
        return ()
    if home is None:
        raise BadInput("--zones: heights above home cannot be held against zones without it; give --home LAT,LON,ALT")
    return zones_met(items, home, zones, knowledge, terrain)


def _power(args: argparse.Namespace) -> int:
    """Fit the power model of an aircraft to a flight of it."""
    from api.power_log import samples_of

    if args.rotors < 1 or not 0.03 <= args.rotor_diameter_m <= 5.0:
        raise BadInput(f"--rotors {args.rotors} of {args.rotor_diameter_m} m: allowed are 1 or more of 0.03 to 5 m")
    disc_m2 = args.rotors * math.pi * args.rotor_diameter_m**2 / 4.0
    samples = samples_of(*args.logs)
    model = fit(samples, PowerModel(args.mass_kg, disc_m2, args.capacity_wh))
    save(args.out, write_power(model))
    print(
        f"{args.out}: {len(samples.power_w)} samples, {model.power_w(0.0):.0f} W in hover, {model.power_w(8.0):.0f} W "
        f"at 8 m/s, rms of the fit {model.residual_w:.0f} W"
    )
    return _DONE


def _check(args: argparse.Namespace) -> int:
    plan = read(text_of(args.file), str(args.file))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = place_of("--home", args.home, terrain) or plan.home
    if terrain is not None and home is not None:
        require_covered(args.terrain, terrain, home.lat_deg, home.lon_deg, f"home of {args.file}")
    supply = supply_of(args)
    findings = [finding for _, finding in _zones_met(args, plan.items, home, terrain)]
    findings += daylight_of(args, plan.items, home, terrain)
    report = check(
        plan.items, terrain=terrain, home=home, fence=plan.fence, rally=plan.rally, supply=supply, further=findings,
        limits=limits_of(args),
    )  # fmt: skip
    spent = None
    if supply is not None and report.checked and plan.items and home:
        spent = budget(plan.items, home, supply, terrain)
    timed = report.checked and plan.items and home
    duration = flight_time(plan.items, home, terrain, air=air_of(args)) if timed and home else None
    if args.json:
        print(
            json.dumps(
                _as_json(plan, report, duration) | {"energy": asdict(spent) if spent else None}, ensure_ascii=False
            )
        )
    else:
        for note in plan.notes:
            print(f"note    {note}")
        _print_findings(report, sys.stdout)
        if duration:
            print(f"flight time: {duration.text()}")
        if spent and supply:
            print(spent.text(supply.model))
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
    require_ending(args.target)
    plan = read(text_of(args.source), str(args.source))
    home = place_of("--home", args.home, None)
    if home is not None:
        plan = _with_home(plan, home)
    try:
        save_plan(args.target, plan, args.dji_aircraft)
    except FormatError as problem:
        raise NotDone(str(problem)) from problem
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
    plan = read(text_of(args.file), str(args.file))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = place_of("--home", args.home, terrain) or plan.home
    print(table(plan))
    rows = leg_rows(plan.items, home, terrain, supply_of(args)) if plan.items and home is not None else ()
    if rows:
        print(f"\n{leg_table(rows)}")
    if args.out:
        _draw(args.out, sketch(plan, home, terrain))
    return _DONE


def _draw(path: Path, picture: Picture) -> None:
    if path.suffix == ".svg":
        save(path, to_svg(picture))
    elif path.suffix == ".png":
        from api.plan_picture import to_png  # OpenCV is slow to load

        save_bytes(path, to_png(picture))
    else:
        raise BadInput(f"{path}: ending {path.suffix!r}; allowed are .svg and .png")
