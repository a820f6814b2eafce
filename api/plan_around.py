"""Patterns of ``plan`` around something that is there: hotspots to look at again, a hazard, a structure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from api.plan_patterns import Planned, place_of, register_common, text_of
from missions.geometry.camera import parse_profile
from missions.geometry.terrain_files import read_terrain
from missions.relook import parse_targets, plan_relook
from missions.search import RECOGNISE_PX


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add every pattern as a sub-verb."""
    _register_relook(verbs.add_parser("relook", help="the shortest tour over chosen hotspots, a height for each"))


def _register_relook(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hotspots", type=Path, required=True, metavar="FILE.geojson", help="or any points")
    parser.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    parser.add_argument("--pixels", type=float, default=RECOGNISE_PX, help="on each hotspot (15: to recognise it)")
    parser.add_argument("--hold-s", type=float, default=4.0, help="seconds over each (4)")
    register_common(parser, speed_m_s=8.0)


def _relook(args: argparse.Namespace) -> Planned:
    targets, left_out = parse_targets(text_of(args.hotspots), str(args.hotspots))
    terrain = read_terrain(args.terrain) if args.terrain else None
    tour = plan_relook(
        targets, parse_profile(text_of(args.camera), str(args.camera)), home=place_of("--home", args.home, terrain),
        terrain=terrain, pixels=args.pixels, hold_s=args.hold_s, speed_m_s=args.speed_m_s, name=args.out.stem,
        notes=left_out,
    )  # fmt: skip
    return Planned(tour.mission, terrain, tour.text())


PLANNERS: dict[str, Callable[[argparse.Namespace], Planned]] = {"relook": _relook}
"""Sub-verb → what it plans."""
