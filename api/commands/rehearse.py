"""``rehearse``: scenarios flown end to end in simulated time, scored against the truth."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("rehearse", help="fly scenarios in simulated time and score them")
    parser.add_argument("scenario", nargs="*", default=["schrottinsel"], help="shipped ones by name, or FILE.toml")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 1 to N of each scenario")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Fly them; one JSON line, or one line of a table, for each scenario and seed."""
    from simulators.endpoints import scenario_of
    from simulators.scenario import ScenarioError

    if not 1 <= args.seeds <= 10_000 or not 1 <= args.workers <= 64:
        raise ScenarioError("--seeds allows 1 to 10000, --workers 1 to 64")
    for name in args.scenario:
        scenario_of(name)
    jobs = [(name, seed) for name in args.scenario for seed in range(1, args.seeds + 1)]
    if not args.json:
        print(f"{'scenario':14} seed  fires found ≤5s  false dupl  error m p50/p95  ellipse m  inside", flush=True)
    with ProcessPoolExecutor(min(args.workers, len(jobs))) as pool:
        for result in pool.map(_fly, jobs):
            print(json.dumps(result, sort_keys=True) if args.json else _row(result), flush=True)
            if sys.stdout.isatty():
                sys.stdout.flush()
    return 0


def _fly(job: tuple[str, int]) -> dict[str, Any]:
    import cv2

    from api.rehearsal import rehearse

    cv2.setNumThreads(1)
    return rehearse(*job)


def _row(r: dict[str, Any]) -> str:
    error, major = r["error_m"], r["semi_major_m"]
    return (
        f"{r['scenario']:14} {r['seed']:4}  {r['fires']:5} {r['found']:5} {r['found_within_5s']:3}  {r['false']:5}"
        f" {r['duplicates']:4}  {error['p50']!s:>7}/{error['p95']!s:<7} {major['p50']!s:>7}"
        f"  {r['ellipse95_inside']}/{r['ellipse95_of']}"
    )
