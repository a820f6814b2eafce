"""Verbs of ``plan`` that work on a plan that is there: what it will have seen. Reads and writes files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from shapely.geometry import mapping

from api.plan_patterns import BadInput, Look, drawn, place_of, text_of
from missions.coverage import Coverage, predict
from missions.formats import ENDINGS, read
from missions.geometry.camera import parse_profile
from missions.geometry.geo import GeoPoint
from missions.geometry.terrain import Ground
from missions.geometry.terrain_files import read_terrain
from missions.items import MissionItem

_DONE = 0


class NotDone(Exception):
    """The work could not be done though the input was understood."""


def save(path: Path, text: str) -> None:
    """Write a file. Raises NotDone naming it."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise NotDone(f"{path}: cannot be written ({problem.strerror}); choose another --out") from problem


def require_ending(path: Path) -> str:
    """The ending of a plan file. Raises BadInput for one that is not written."""
    if path.suffix not in ENDINGS:
        raise BadInput(f"{path}: ending {path.suffix!r}; allowed are {', '.join(ENDINGS)}")
    return path.suffix


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


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {"coverage": _coverage}
"""Sub-verb → what does it."""
