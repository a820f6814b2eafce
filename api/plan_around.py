"""Patterns of ``plan`` around something that is there: hotspots to look at again, a hazard, a structure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from api.plan_patterns import BadInput, Look, Planned, conditions_of, drawn, place_of, register_common, text_of
from missions.geometry.camera import parse_profile
from missions.geometry.terrain_files import read_terrain
from missions.relook import parse_targets, plan_relook
from missions.search import RECOGNISE_PX
from missions.standoff import Watch, plan_standoff
from missions.structure import PARTS, plan_structure


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add every pattern as a sub-verb."""
    _register_relook(verbs.add_parser("relook", help="the shortest tour over chosen hotspots, a height for each"))
    _register_standoff(verbs.add_parser("standoff", help="watch a hazard from upwind, out of what it gives off"))
    _register_structure(verbs.add_parser("structure", help="façades in rings around, the roof in lines above"))


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


def _register_standoff(parser: argparse.ArgumentParser) -> None:
    usual = Watch(0.0)
    parser.add_argument("--hazard", required=True, metavar="LAT,LON", help="what is watched; --wind says from where")
    parser.add_argument("--distance-m", type=float, default=usual.distance_m, help="upwind of the hazard (100)")
    parser.add_argument("--height-m", type=float, default=usual.height_m, help="above the highest surface (40)")
    parser.add_argument("--watch-s", type=float, default=usual.watch_s, help="seconds of watching (300)")
    parser.add_argument("--arc-deg", type=float, default=usual.arc_deg, help="to and fro on this arc; 0: one place")
    parser.add_argument("--keep-m", type=float, default=usual.keep_m, help="radius kept out of (50)")
    parser.add_argument("--wedge-deg", type=float, default=usual.wedge_deg, help="half angle kept out of downwind (45)")
    parser.add_argument("--wedge-m", type=float, default=usual.wedge_m, help="length of that wedge (500)")
    register_common(parser)


def _standoff(args: argparse.Namespace) -> Planned:
    if args.wind is None:
        raise BadInput("standoff needs --wind M_S,FROM_DEG: without it nobody knows where upwind is")
    terrain = read_terrain(args.terrain) if args.terrain else None
    hazard = place_of("--hazard", args.hazard, None)
    assert hazard is not None
    watch = Watch(
        conditions_of(args).wind_from_deg, args.distance_m, args.height_m, args.watch_s, args.arc_deg, args.keep_m,
        args.wedge_deg, args.wedge_m, args.speed_m_s,
    )  # fmt: skip
    mission, barred = plan_standoff(
        hazard, watch, home=place_of("--home", args.home, terrain), terrain=terrain, name=args.out.stem
    )
    return Planned(mission, terrain, no_fly=(barred,))


def _register_structure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--outline", type=Path, required=True, help="GeoJSON or KML polygon of its walls")
    parser.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    parser.add_argument("--distance-m", type=float, default=15.0, help="from the walls and above the roof (15)")
    parser.add_argument("--structure-m", type=float, help="how high it is; with --terrain the surface model says it")
    parser.add_argument("--overlap", type=float, default=0.3, help="of the rings and lines, 0 to 0.9 (0.3)")
    parser.add_argument("--parts", default=",".join(PARTS), help="facade, roof or both (both)")
    register_common(parser, speed_m_s=2.0)


def _structure(args: argparse.Namespace) -> Planned:
    terrain = read_terrain(args.terrain) if args.terrain else None
    outline = drawn("area", args.outline)
    profile = parse_profile(text_of(args.camera), str(args.camera))
    parts = [part.strip() for part in args.parts.split(",") if part.strip()]
    mission = plan_structure(
        outline, profile, distance_m=args.distance_m, structure_m=args.structure_m, overlap=args.overlap, parts=parts,
        home=place_of("--home", args.home, terrain), terrain=terrain, speed_m_s=args.speed_m_s, name=args.out.stem,
    )  # fmt: skip
    return Planned(mission, terrain, look=Look(outline, profile) if "roof" in parts and terrain is not None else None)


PLANNERS: dict[str, Callable[[argparse.Namespace], Planned]] = {
    "relook": _relook,
    "standoff": _standoff,
    "structure": _structure,
}
"""Sub-verb → what it plans."""
