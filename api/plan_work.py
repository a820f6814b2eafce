"""Verbs of ``plan`` on a plan that is there: what it will have seen, its parts. Reads and writes files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from shapely.geometry import mapping

from api.plan_patterns import BadInput, Look, add_supply, air_of, drawn, place_of, supply_of, text_of
from missions.coverage import Coverage, predict
from missions.duration import flight_time
from missions.energy import budget
from missions.formats import ENDINGS, Plan, ending_of, not_held, read, write_bytes
from missions.formats.wpml import USUAL_AIRCRAFT
from missions.geometry.camera import parse_profile
from missions.geometry.geo import GeoPoint
from missions.geometry.terrain import Ground
from missions.geometry.terrain_files import read_terrain
from missions.items import MissionItem
from missions.part import Cut, back_along, nearest_cut, part_of
from missions.split import OVERLAP_M, Piece, split

_DONE = 0


class NotDone(Exception):
    """The work could not be done though the input was understood."""


def save(path: Path, text: str) -> None:
    """Write a file. Raises NotDone naming it."""
    save_bytes(path, text.encode())


def save_bytes(path: Path, content: bytes) -> None:
    """Write a file. Raises NotDone naming it."""
    try:
        path.write_bytes(content)
    except OSError as problem:
        raise NotDone(f"{path}: cannot be written ({problem.strerror}); choose another --out") from problem


def require_ending(path: Path) -> str:
    """The ending of a plan file. Raises BadInput for one that is not written."""
    ending = ending_of(path.name)
    if ending not in ENDINGS:
        raise BadInput(f"{path}: ending {ending!r}; allowed are {', '.join(ENDINGS)}")
    return ending


def save_plan(path: Path, plan: Plan, aircraft: str = USUAL_AIRCRAFT) -> None:
    """Write a plan in the format of the file's ending; what that does not hold goes to stderr, a line each."""
    ending = require_ending(path)
    content, lost = write_bytes(plan, ending, aircraft), not_held(plan, ending)
    save_bytes(path, content)
    for each in lost:
        print(f"note: {path.name} does not hold everything: {each}", file=sys.stderr)


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add these sub-verbs."""
    covering = verbs.add_parser("coverage", help="what a plan will have seen of an area, and what not")
    covering.add_argument("file", type=Path)
    covering.add_argument("--area", type=Path, required=True, help="GeoJSON or KML polygon")
    covering.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    covering.add_argument("--terrain", type=Path, help="elevation raster: heights, and what hides what")
    covering.add_argument("--home", help="LAT,LON[,ALT]: where the vehicle really stands")
    covering.add_argument("--target-m", type=float, default=0.5, help="size of what is looked for (0.5)")
    covering.add_argument("--share", type=float, default=0.8, help="noticed of what is sharp enough (0.8)")
    covering.add_argument("--out", type=Path, metavar="FILE.geojson", help="what is not seen, as areas")
    covering.add_argument("--json", action="store_true")

    splitting = verbs.add_parser("split", help="over several batteries, or over several drones at once")
    splitting.add_argument("file", type=Path)
    splitting.add_argument("--drones", type=int, default=1, help="that fly at once (1)")
    splitting.add_argument("--out", type=Path, help="p.plan gives p-1.plan, p-2.plan …; default: beside the file")
    _add_cutting(splitting)
    add_supply(splitting)
    resuming = verbs.add_parser("resume", help="the rest of a plan, after a battery swap: all is set again")
    resuming.add_argument("file", type=Path)
    resuming.add_argument("--item", type=int, required=True, metavar="N", help="the item it was flying to")
    resuming.add_argument("--at", metavar="LAT,LON", help="where it left; else from the item before")
    resuming.add_argument("--out", type=Path, required=True)
    _add_cutting(resuming)


def _add_cutting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--terrain", type=Path, help="elevation raster: the ways to and from a cut are clear of it")
    parser.add_argument("--home", help="LAT,LON[,ALT]: where the vehicle really stands")
    parser.add_argument("--overlap-m", type=float, default=OVERLAP_M, help="flown again after a cut (20)")


def predicted(look: Look, items: Sequence[MissionItem], home: GeoPoint | None, terrain: Ground | None) -> Coverage:
    """What a flight will have seen."""
    return predict(
        items, look.area, look.profile, home=home, terrain=terrain, target_m=look.target_m, share=look.share
    )  # fmt: skip


def _coverage(args: argparse.Namespace) -> int:
    plan = read(text_of(args.file), str(args.file))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = place_of("--home", args.home, terrain) or plan.home
    profile = parse_profile(text_of(args.camera), str(args.camera))
    look = Look(drawn("area", args.area), profile, args.target_m, args.share)
    found = predicted(look, plan.items, home, terrain)
    if args.out:
        save(args.out, _gaps(found))
    if args.json:
        span = found.gsd_range_m()
        print(
            json.dumps(
                {
                    "file": plan.name, "seen": found.seen, "twice": found.overlap, "pod": found.pod,
                    "gsd_m": None if span is None else list(span), "target_m": found.target_m, "share": found.share,
                    "legs_not_looking": found.left_out, "cell_m": found.cell_m,
                }
            )
        )  # fmt: skip
    else:
        print(f"{args.file}: {found.text()}")
    return _DONE


def _gaps(found: Coverage) -> str:
    features = [
        {"type": "Feature", "geometry": mapping(part), "properties": {"kind": "not_seen"}} for part in found.gaps()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}) + "\n"


def _split(args: argparse.Namespace) -> int:
    out = args.out or args.file.with_suffix(".plan")
    ending = require_ending(out)
    supply = supply_of(args)
    if supply is None and args.drones == 1:
        raise BadInput("give --drones N, or --power FILE for what one battery holds, or both")
    plan, home, terrain = _cuttable(args)
    pieces = split(plan.items, home, drones=args.drones, supply=supply, terrain=terrain, overlap_m=args.overlap_m)
    for number, piece in enumerate(pieces, start=1):
        path = out.with_name(f"{out.name[: -len(ending)]}-{number}{ending}")
        save_plan(path, Plan(path.stem, piece.items, plan.fence, plan.rally))
        print(
            f"{path}: {_told(piece, args.drones)}, {flight_time(piece.items, home, terrain, air=air_of(args)).text()}"
        )
        if supply is not None:
            print(f"  {budget(piece.items, home, supply, terrain).text(supply.model)}")
    if args.drones > 1:
        print("note: the drones share one home and one sky: give each a return height (RTL_ALT) of its own")
    return _DONE


def _told(piece: Piece, drones: int) -> str:
    return f"drone {piece.drone}, battery {piece.battery}" if drones > 1 else f"battery {piece.battery}"


def _cuttable(args: argparse.Namespace) -> tuple[Plan, GeoPoint, Ground | None]:
    plan = read(text_of(args.file), str(args.file))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = place_of("--home", args.home, terrain) or plan.home
    if home is None:
        raise BadInput(f"{args.file}: home is not in it; give --home LAT,LON,ALT")
    return plan, home, terrain


def _resume(args: argparse.Namespace) -> int:
    require_ending(args.out)
    plan, home, terrain = _cuttable(args)
    cut = Cut(args.item, 0.0)
    if args.at is not None:
        left = place_of("--at", args.at, None)
        assert left is not None
        cut = nearest_cut(plan.items, home, args.item, left.lat_deg, left.lon_deg)
    cut = back_along(plan.items, home, cut, args.overlap_m)
    rest = part_of(plan.items, home, cut, None, terrain=terrain)
    save_plan(args.out, Plan(args.out.stem, rest, plan.fence, plan.rally))
    print(f"{args.out}: from item {cut.seq} on, {len(rest) - 1} items, {flight_time(rest, home, terrain).text()}")
    return _DONE


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {"coverage": _coverage, "split": _split, "resume": _resume}
"""Sub-verb → what does it."""
