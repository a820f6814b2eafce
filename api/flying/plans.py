"""`fly upload download clear fence rally start mode`: what is about a plan, each with what is really on board."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from api.flying.call import KINDS, TOLD_S, Action, Call, always, no_words, now, refused
from ground_station.modes import FLIES_PLAN
from ground_station.operation import NOT_FLYABLE, REFUSED, Outcome
from missions.checks import CheckedMission, check
from missions.describe import table
from missions.formats import Plan, write
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain_files import read_terrain

# Warnings that say "this could not be judged" are printed; every other one is somebody's decision.
_NOT_JUDGED = frozenset(
    {"no_terrain", "no_home", "not_understood", "terrain_datum", "terrain_without_home", "terrain_gap", "planner_note",
     "needs_vehicle_terrain"}
)  # fmt: skip
_ENABLE = "FENCE_ENABLE"


async def _where_it_stands(call: Call) -> GeoPoint | None:
    """The vehicle's home on board, above sea level; None where it does not say."""
    vehicle = call.vehicle
    await call.session.until(lambda: vehicle.state.home is not None, TOLD_S)
    home = vehicle.state.home
    return None if home is None else GeoPoint(home.lat_deg, home.lon_deg, home.alt_amsl_m, Datum.SEA_LEVEL)


async def _upload(call: Call) -> list[Outcome]:
    assert call.plan is not None
    return await _put(call, call.plan, ("mission", "fence", "rally"))


async def _put(call: Call, plan: Plan, wanted: tuple[str, ...]) -> list[Outcome]:
    """Check the wanted parts of a plan together, upload and prove them."""
    action = call.args.action
    lists = {"mission": plan.items, "fence": plan.fence, "rally": plan.rally}
    empty = [word for word in wanted if len(lists[word]) < (2 if word == "mission" else 1)]
    outcomes: list[Outcome] = []
    if len(empty) < len(wanted):
        checked = await _checked(call, {word: lists[word] if word in wanted else () for word in lists})
        if isinstance(checked, Outcome):
            return [checked]
        if call.args.restore or call.args.only_changes:
            operation = call.vehicle.replace_plan(checked, restore=call.args.restore, now_s=now())
        else:
            operation = call.vehicle.upload(checked, now_s=now())
        outcomes = await call.one(operation)
        if not outcomes[-1].good:
            return outcomes
    for word in empty:
        if call.args.replace and word != "mission":
            outcomes += await call.one(call.vehicle.clear(KINDS[word], now_s=now()))
        else:
            call.tell(f"{word}: the plan has none; what is on board was left as it is")
    if not outcomes:
        return refused(action, f"the plan has no {' and no '.join(wanted)}; --replace clears what is on board")
    return outcomes


async def _checked(call: Call, lists: dict[str, tuple[object, ...]]) -> CheckedMission | Outcome:
    """The checked plan with its warnings accepted, or why it is not sent."""
    terrain = None if call.args.terrain is None else await asyncio.to_thread(read_terrain, call.args.terrain)
    home = await _where_it_stands(call)
    items, fence, rally = lists["mission"], lists["fence"], lists["rally"]
    report = check(items, terrain=terrain, home=home, fence=fence, rally=rally)  # type: ignore[arg-type]
    for finding in report.findings:
        print(finding.line(), file=sys.stderr)
    action, checked = call.args.action, report.checked
    if checked is None:
        why = "the plan cannot be flown (see the lines marked STOP); nothing was sent"
        return Outcome(action, NOT_FLYABLE, why)
    decisions = [finding for finding in checked.findings if finding.code not in _NOT_JUDGED]
    who, why = call.args.name, call.args.reason
    if decisions and not (who and why):
        count = f"{len(decisions)} warnings have to be accepted with --reason and --name; nothing was sent"
        return Outcome(action, REFUSED, count)
    return checked.accepted_by(who, why) if who and why and checked.needs_acceptance else checked


async def _clear(call: Call) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for word in call.args.words:
        outcomes += await call.one(call.vehicle.clear(KINDS[word], now_s=now()))
    return outcomes


async def _download(call: Call) -> list[Outcome]:
    return await _fetch(call, tuple(call.args.words or KINDS), call.args.plan)


async def _fetch(call: Call, words: tuple[str, ...], target: Path | None) -> list[Outcome]:
    lists, outcomes = {}, []
    for word in words:
        operation = call.vehicle.download(KINDS[word], now_s=now())
        outcomes += await call.one(operation)
        lists[word] = operation.items
    if not all(outcome.good for outcome in outcomes):
        return outcomes
    name = target.stem if target else f"vehicle {call.vehicle.sysid}"
    plan = Plan(name, lists.get("mission", ()), lists.get("fence", ()), lists.get("rally", ()))
    if target is not None:
        await asyncio.to_thread(target.write_text, write(plan, target.suffix), encoding="utf-8")
    elif not call.args.json:
        print(table(plan))
    return outcomes


async def _part(call: Call) -> list[Outcome]:
    """`fly fence` and `fly rally`: show, upload one part of a plan, clear; the fence also on and off."""
    part, word = call.args.action, (call.args.words or ["upload" if call.plan else "show"])[0]
    if word == "show":
        return await _fetch(call, (part,), None)
    if word == "clear":
        return await call.one(call.vehicle.clear(KINDS[part], now_s=now()))
    if word in ("on", "off"):
        return await call.one(call.vehicle.parameter(_ENABLE, float(word == "on"), now_s=now()))
    assert call.plan is not None
    return await _put(call, call.plan, (part,))


def _check_part(args: argparse.Namespace) -> None:
    allowed = ("show", "upload", "clear", "on", "off") if args.action == "fence" else ("show", "upload", "clear")
    if len(args.words) > 1 or not set(args.words) <= set(allowed):
        raise ValueError(f"fly {args.action} {' '.join(args.words)}: allowed are {', '.join(allowed)}")
    if args.words == ["upload"] and args.plan is None:
        raise ValueError(f"fly {args.action} upload: --plan FILE is needed")
    if args.words and args.words != ["upload"] and args.plan is not None:
        raise ValueError(f"fly {args.action} {args.words[0]}: takes no --plan")


async def _start(call: Call) -> list[Outcome]:
    assert call.plan is not None
    if len(call.plan.items) < 2:
        raise ValueError(f"{call.args.plan}: holds no mission to start")
    if not call.vehicle.state.armed:
        # MISSION_START would be accepted, change the mode and stay on the ground.
        return refused("start", "the vehicle is not armed; arm it in GUIDED, it disarms itself after 10 s")
    return await call.one(call.vehicle.start_mission(call.plan.items, now_s=now()))


async def _mode(call: Call) -> list[Outcome]:
    plan = () if call.plan is None else call.plan.items
    return await call.one(call.vehicle.set_mode(call.args.words[0], plan=plan, now_s=now()))


def _check_mode(args: argparse.Namespace) -> None:
    if len(args.words) != 1:
        raise ValueError("fly mode: one mode NAME is needed, for example GUIDED")
    if args.words[0].upper() in FLIES_PLAN and args.plan is None:
        raise ValueError(f"fly mode {args.words[0]}: flies the mission on board; --plan FILE is compared with it first")


def _check_lists(args: argparse.Namespace) -> None:
    if not set(args.words) <= set(KINDS):
        raise ValueError(f"fly {args.action} {' '.join(args.words)}: allowed are {', '.join(KINDS)}")
    if args.action == "clear" and not args.words:
        raise ValueError("fly clear: say which of mission, fence, rally")


ACTIONS = {
    "upload": Action(_upload, no_words, plan="needs"),
    "download": Action(_download, _check_lists, always),
    "clear": Action(_clear, _check_lists),
    "fence": Action(_part, _check_part, lambda args: args.plan is None and args.words in ([], ["show"]), "may"),
    "rally": Action(_part, _check_part, lambda args: args.plan is None and args.words in ([], ["show"]), "may"),
    "start": Action(_start, no_words, plan="needs"),
    "mode": Action(_mode, _check_mode, plan="may"),
}
