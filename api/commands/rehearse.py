"""``rehearse``: scenarios flown end to end in simulated time, scored against the truth.

One JSON line or one line of a table for each scenario and seed, in the order in which they were named, whatever the
number of workers. What cannot be flown is said on stderr and does not keep the others from flying.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

_HEAD = (
    f"{'scenario':16} seed  wanted found ≤5s  false  /h  dupl lost  error m p50/p95  ellipse m  inside  NEES"
    "  look/found min  seen %  IoU"
)


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("rehearse", help="fly scenarios in simulated time and score them")
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help="shipped ones by name, or FILE.toml")
    parser.add_argument("--all", action="store_true", help="every shipped scenario")
    parser.add_argument("--list", action="store_true", help="say which there are and what they are about")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 1 to N of each scenario")
    parser.add_argument("--sitl", metavar="BINARY", nargs="?", const="", help="fly them with a real ArduCopter binary")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Fly them; 1 when one of them could not be flown."""
    from simulators.scenario import ScenarioError, names
    from simulators.scenario_files import scenario_of
    from simulators.sitl_setup import need_binary

    if not 1 <= args.seeds <= 10_000 or not 1 <= args.workers <= 64:
        raise ScenarioError("--seeds allows 1 to 10000, --workers 1 to 64")
    chosen = args.scenario or (list(names()) if args.all or args.list else ["schrottinsel"])
    scenarios = {name: scenario_of(name) for name in chosen}
    if args.list:
        for name, scenario in scenarios.items():
            print(json.dumps({"scenario": name, "title": scenario.title, "text": scenario.text}, ensure_ascii=False)
                  if args.json else f"{name}\n  {scenario.title}\n  {scenario.text}")  # fmt: skip
        return 0
    binary = None if args.sitl is None else str(need_binary(args.sitl or None))
    jobs = [(name, seed, binary) for name in chosen for seed in range(1, args.seeds + 1)]
    if not args.json:
        print(_HEAD, flush=True)
    failed, results = False, []
    # A real binary keeps real time: two of them on few cores would look at pictures that came late.
    # Each worker starts anew: the fork of a process whose libraries run threads can wait for ever for a lock.
    workers = 1 if binary else min(args.workers, len(jobs))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(_fly, jobs):
            if "error" in result:
                failed = True
                print(result["error"], file=sys.stderr, flush=True)
                continue
            results.append(result)
            print(json.dumps(result, sort_keys=True) if args.json else _row(result), flush=True)
    if args.seeds > 1 and not args.json:
        for name in chosen:
            _sum_up([result for result in results if result["scenario"] == scenarios[name].name])
    return 1 if failed else 0


def _fly(job: tuple[str, int, str | None]) -> dict[str, Any]:
    import cv2

    from api.rehearsal import RehearsalError, rehearse, rehearse_in_sitl
    from simulators.scenario import ScenarioError
    from simulators.sitl_setup import SitlError

    cv2.setNumThreads(1)
    scenario, seed, binary = job
    try:
        if binary is None:
            return rehearse(scenario, seed)
        return asyncio.run(rehearse_in_sitl(scenario, seed, Path(binary)))
    except (RehearsalError, ScenarioError, SitlError) as error:
        return {"error": str(error)}


def _row(r: dict[str, Any]) -> str:
    error, major, nees, coverage = r["error_m"], r["semi_major_m"], r["nees"], r["coverage"] or {}
    iou = (r["perimeter"] or {}).get("iou")
    minutes = f"{_show(r['first_look_min'], '.1f')}/{_show(r['first_confirmed_min'], '.1f')}"
    return (
        f"{r['scenario']:16} {r['seed']:4}  {r['fires']:6} {r['found']:5} {r['found_within_5s']:3}  {r['false']:5}"
        f" {_show(r['false_per_flight_hour'], '.0f'):>3}  {r['duplicates']:4} {r['lost_identities']:4}"
        f"  {_show(error['p50'], '.2f'):>7}/{_show(error['p95'], '.2f'):<7} {_show(major['p50'], '.2f'):>9}"
        f"  {r['ellipse95_inside']:3}/{r['ellipse95_of']:<3} {_show(nees['mean'], '.1f'):>4}  {minutes:>14}"
        f"  {_show(coverage.get('seen'), '.0%'):>6}  {_show(iou, '.2f')}"
    )


def _show(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _sum_up(results: list[dict[str, Any]]) -> None:
    """All seeds of one scenario as one line: shares of sums, not means of shares."""
    if not results:
        return

    def total(key: str) -> float:
        return sum(float(result[key]) for result in results)

    wanted, shown = total("fires"), total("shown")
    hours = total("flight_min") / 60.0
    nees = [r["nees"]["mean"] * r["ellipse95_of"] for r in results if r["ellipse95_of"]]
    inside = total("ellipse95_of")
    print(
        f"{results[0]['scenario']}: {len(results)} seeds, recall {_share(total('found'), wanted)}, "
        f"precision {_share(shown - total('false'), shown)}, {_show(total('false') / hours if hours else None, '.1f')} "
        f"false an hour, {total('duplicates'):.0f} duplicates, {total('lost_identities'):.0f} lost, "
        f"inside the ellipse {_share(total('ellipse95_inside'), inside)}, "
        f"NEES {_show(sum(nees) / inside if inside else None, '.2f')}"
    )


def _share(part: float, whole: float) -> str:
    return f"{part:.0f}/{whole:.0f}" + (f" ({part / whole:.0%})" if whole else "")
