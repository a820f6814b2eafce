"""`einsatzdrohne fly …`: one thing asked of one vehicle, and what became of it.

Reading actions use a system id of their own and no heartbeat; writing ones send no heartbeat either, unless ``--stay``.
Whatever is said here was judged by the vehicle's state or by a read-back, never by an acknowledgement alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.flight_session import Session
    from ground_station.operation import Operation, Outcome
    from ground_station.telemetry import VehicleState
    from ground_station.vehicle import Vehicle
    from missions.checks import CheckedMission
    from missions.formats import Plan
    from missions.geometry.geo import GeoPoint

READING = ("status", "download")
LATER = ("goto", "look", "hold", "evade", "fence", "rally", "logs", "ftp", "camera", "gimbal", "signing", "preflight")
_KINDS = {"mission": 0, "fence": 1, "rally": 2}
# Warnings that say "this could not be judged" are printed; every other one is somebody's decision.
_NOT_JUDGED = frozenset(
    {"no_terrain", "no_home", "not_understood", "terrain_datum", "terrain_without_home", "terrain_gap", "planner_note",
     "needs_vehicle_terrain"}
)  # fmt: skip
_STATUS_S = 4.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fly` with its actions."""
    parser = subparsers.add_parser("fly", help="ask one thing of a vehicle: status, upload, arm, start, rtl …")
    actions = ("upload", "clear", "params", "mode", "takeoff", *_SIMPLE, "start", *LATER)
    parser.add_argument("action", choices=(*READING, *actions), metavar="ACTION", help=" ".join((*READING, *actions)))
    parser.add_argument("words", nargs="*", metavar="…", help="mode NAME · takeoff METRES · clear/download "
                        "mission|fence|rally · params get NAME · params set NAME VALUE")  # fmt: skip
    parser.add_argument("--link", action="append", required=True, metavar="URL")
    parser.add_argument("--vehicle", type=int, metavar="SYSID")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="read for upload and start, written by download")
    parser.add_argument("--terrain", type=Path, metavar="FILE", help="elevation raster: clearance is checked")
    parser.add_argument("--replace", action="store_true", help="upload: clear fence and rally if the plan has none")
    parser.add_argument("--reason", help="why the warnings are accepted")
    parser.add_argument("--name", help="who accepts them")
    parser.add_argument("--wait", type=float, default=10.0, metavar="S", help="how long to listen for the vehicle")
    parser.add_argument("--stay", action="store_true", help="beat as its ground station until Ctrl-C")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", action="store_true")


@dataclass(frozen=True, slots=True)
class _Call:
    """What an action gets."""

    args: argparse.Namespace
    session: Session
    vehicle: Vehicle


def run(args: argparse.Namespace) -> int:
    """Do one action. 0 verified or done; 1 not done; 2 wrong usage or input (raised as ValueError)."""
    from api.flight_session import NotDone
    from ground_station.operation import UNKNOWN, Outcome

    if args.action in LATER or (args.action == "params" and args.words[:1] in (["save"], ["load"])):
        print(f"fly {' '.join([args.action, *args.words])}: not in this release", file=sys.stderr)
        return 1
    _check_usage(args)
    try:
        outcomes, more = asyncio.run(_fly(args))
    except NotDone as problem:
        outcomes, more = [Outcome(args.action, UNKNOWN, str(problem))], {}
    for outcome in outcomes:
        _print(args, outcome, more)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _check_usage(args: argparse.Namespace) -> None:
    """Raises ValueError, naming what is missing or too much, before anything is opened."""
    action, words = args.action, args.words
    for url in args.link:
        if url.startswith("log:") and action != "status":
            raise ValueError(f"--link {url}: a recording can only be read (fly status)")
    if action in ("upload", "start") and args.plan is None:
        raise ValueError(f"fly {action}: --plan FILE is needed; what is flown is compared with it")
    if action == "mode" and len(words) != 1:
        raise ValueError("fly mode: one mode NAME is needed, for example GUIDED")
    if action == "takeoff" and (len(words) != 1 or not 1.0 <= _number("takeoff", words[0]) <= 500.0):
        raise ValueError("fly takeoff: a height of 1 to 500 METRES above home is needed")
    if action in ("clear", "download") and not set(words) <= set(_KINDS):
        raise ValueError(f"fly {action} {' '.join(words)}: allowed are {', '.join(_KINDS)}")
    if action == "clear" and not words:
        raise ValueError("fly clear: say which of mission, fence, rally")
    if action == "params" and not (
        (words[:1] == ["get"] and len(words) >= 2) or (words[:1] == ["set"] and len(words) == 3)
    ):
        raise ValueError("fly params: allowed are `get NAME …` and `set NAME VALUE`")
    if action in (*_SIMPLE, "status", "upload", "start") and words:
        raise ValueError(f"fly {action}: {' '.join(words)!r} is not understood")
    if not 0.5 <= args.wait <= 600.0:
        raise ValueError(f"--wait {args.wait:g}: allowed are 0.5 to 600 seconds")


def _number(what: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"fly {what}: {text!r} is not a number") from error


def _reads_only(args: argparse.Namespace) -> bool:
    return args.action in READING or (args.action == "params" and args.words[0] == "get")


async def _fly(args: argparse.Namespace) -> tuple[list[Outcome], dict[str, Any]]:
    from api.flight_session import session

    plan = _read_plan(args.plan) if args.action in ("upload", "start") else None
    async with session(args.link, writes=not _reads_only(args), stays=args.stay) as opened:
        vehicle = await opened.vehicle(args.vehicle, args.wait)
        call = _Call(args, opened, vehicle)
        if plan is not None:
            outcomes = await (_upload(call, plan) if args.action == "upload" else _start(call, plan))
        else:
            outcomes = await _ACTIONS[args.action](call)
        more = {"vehicle": _summary(vehicle.state)} if args.action == "status" else {}
        if args.stay and all(outcome.good for outcome in outcomes):
            for outcome in outcomes:
                _print(args, outcome, more)
            print("staying: this is now the vehicle's ground station; Ctrl-C ends it", file=sys.stderr)
            await asyncio.Event().wait()
    return outcomes, more


async def _one(call: _Call, operation: Operation) -> list[Outcome]:
    return [await call.session.finish(operation)]


async def _simple(call: _Call) -> list[Outcome]:
    return await _one(call, _SIMPLE[call.args.action](call.vehicle, time.monotonic()))


async def _mode(call: _Call) -> list[Outcome]:
    return await _one(call, call.vehicle.set_mode(call.args.words[0], now_s=time.monotonic()))


async def _takeoff(call: _Call) -> list[Outcome]:
    state = call.vehicle.state
    if state.mode != "GUIDED" or not state.armed:
        from ground_station.operation import REFUSED, Outcome

        stands = f"mode {state.mode}, {'armed' if state.armed else 'not armed'}"
        return [Outcome("takeoff", REFUSED, f"the vehicle takes off only armed in GUIDED; it is in {stands}")]
    return await _one(call, call.vehicle.takeoff(float(call.args.words[0]), now_s=time.monotonic()))


async def _params(call: _Call) -> list[Outcome]:
    verb, *words = call.args.words
    if verb == "set":
        wanted = _number(f"params set {words[0]}", words[1])
        return await _one(call, call.vehicle.parameter(words[0].upper(), wanted, now_s=time.monotonic()))
    outcomes: list[Outcome] = []
    for name in words:
        outcomes += await _one(call, call.vehicle.parameter(name.upper(), now_s=time.monotonic()))
    return outcomes


async def _clear(call: _Call) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for word in call.args.words:
        outcomes += await _one(call, call.vehicle.clear(_KINDS[word], now_s=time.monotonic()))
    return outcomes


async def _download(call: _Call) -> list[Outcome]:
    from missions.describe import table
    from missions.formats import Plan, write

    lists, outcomes = {}, []
    for word in call.args.words or _KINDS:
        operation = call.vehicle.download(_KINDS[word], now_s=time.monotonic())
        outcomes += await _one(call, operation)
        lists[word] = operation.items
    target: Path | None = call.args.plan
    if not all(outcome.good for outcome in outcomes):
        return outcomes
    name = target.stem if target else f"vehicle {call.vehicle.sysid}"
    plan = Plan(name, lists.get("mission", ()), lists.get("fence", ()), lists.get("rally", ()))
    if target is not None:
        _write(target, write(plan, target.suffix))
    elif not call.args.json:
        print(table(plan))
    return outcomes


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


async def _status(call: _Call) -> list[Outcome]:
    from ground_station.operation import DONE, Outcome

    started_s, vehicle = time.monotonic(), call.vehicle
    await call.session.until(
        lambda: all((vehicle.state.position, vehicle.state.gnss, vehicle.state.battery, vehicle.state.landed)),
        _STATUS_S,
    )
    texts = tuple(text.text for text in vehicle.state.texts if text.severity <= 4)
    return [Outcome("status", DONE, "", texts, round(time.monotonic() - started_s, 3))]


def _summary(state: VehicleState) -> dict[str, Any]:
    """The state as plain data; what was not heard is null."""
    position, battery, gnss, mission = state.position, state.battery, state.gnss, state.mission
    return {
        "sysid": state.sysid,
        "mode": state.mode,
        "armed": state.armed,
        "landed": state.landed,
        "prearm_ok": state.prearm_ok,
        "position_ready": state.position_ready if state.ekf_flags is not None else None,
        "lat_deg": position and position.lat_deg,
        "lon_deg": position and position.lon_deg,
        "alt_amsl_m": position and position.alt_amsl_m,
        "height_above_home_m": position and position.height_above_home_m,
        "battery_v": battery and battery.voltage_v,
        "battery_pct": battery and battery.remaining_pct,
        "gps_fix": gnss and gnss.fix,
        "satellites": gnss and gnss.satellites,
        "mission_item": mission and mission.current,
        "mission_items": mission and mission.total,
    }


def _read_plan(path: Path) -> Plan:
    from missions.formats import read

    try:
        return read(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text file") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error


async def _where_it_stands(call: _Call) -> GeoPoint | None:
    """The vehicle's home on board, above sea level; None where it does not say."""
    from missions.geometry.geo import Datum, GeoPoint

    vehicle = call.vehicle
    await call.session.until(lambda: vehicle.state.home is not None, _STATUS_S)
    home = vehicle.state.home
    return None if home is None else GeoPoint(home.lat_deg, home.lon_deg, home.alt_amsl_m, Datum.SEA_LEVEL)


async def _upload(call: _Call, plan: Plan) -> list[Outcome]:
    from missions.checks import check
    from missions.geometry.terrain_files import read_terrain

    terrain = None if call.args.terrain is None else await asyncio.to_thread(read_terrain, call.args.terrain)
    home = await _where_it_stands(call)
    report = check(plan.items, terrain=terrain, home=home, fence=plan.fence, rally=plan.rally)
    for finding in report.findings:
        print(finding.line(), file=sys.stderr)
    refusal = _refusal(call, report.checked)
    if refusal is not None:
        return [refusal]
    checked = report.checked
    assert checked is not None
    if call.args.reason and call.args.name and checked.needs_acceptance:
        checked = checked.accepted_by(call.args.name, call.args.reason)
    outcomes = await _one(call, call.vehicle.upload(checked, now_s=time.monotonic()))
    parts = (("mission", checked.items), ("fence", checked.fence_items), ("rally", checked.rally_items))
    for word, items in parts:
        if items or not outcomes[-1].good:
            continue
        if call.args.replace and word != "mission":
            outcomes += await _one(call, call.vehicle.clear(_KINDS[word], now_s=time.monotonic()))
        elif not call.args.quiet:
            print(f"{word}: the plan has none; what is on board was left as it is", file=sys.stderr)
    return outcomes


def _refusal(call: _Call, checked: CheckedMission | None) -> Outcome | None:
    from ground_station.operation import NOT_FLYABLE, REFUSED, Outcome

    if checked is None:
        return Outcome("upload", NOT_FLYABLE, "the plan cannot be flown (see the lines marked STOP); nothing was sent")
    decisions = [finding for finding in checked.findings if finding.code not in _NOT_JUDGED]
    if decisions and not (call.args.reason and call.args.name):
        return Outcome(
            "upload",
            REFUSED,
            f"{len(decisions)} warnings have to be accepted with --reason and --name; nothing was sent",
        )
    return None


async def _start(call: _Call, plan: Plan) -> list[Outcome]:
    if len(plan.items) < 2:
        raise ValueError(f"{call.args.plan}: holds no mission to start")
    if not call.vehicle.state.armed:
        from ground_station.operation import REFUSED, Outcome

        # MISSION_START would be accepted, change the mode and stay on the ground.
        return [Outcome("start", REFUSED, "the vehicle is not armed; arm it in GUIDED, it disarms itself after 10 s")]
    return await _one(call, call.vehicle.start_mission(plan.items, now_s=time.monotonic()))


_SIMPLE: dict[str, Callable[[Vehicle, float], Operation]] = {
    "arm": lambda vehicle, now_s: vehicle.arm(now_s=now_s),
    "disarm": lambda vehicle, now_s: vehicle.disarm(now_s=now_s),
    "rtl": lambda vehicle, now_s: vehicle.rtl(now_s=now_s),
    "land": lambda vehicle, now_s: vehicle.land(now_s=now_s),
    "pause": lambda vehicle, now_s: vehicle.pause(now_s=now_s),
    "resume": lambda vehicle, now_s: vehicle.resume(now_s=now_s),
}

_ACTIONS: dict[str, Callable[[_Call], Awaitable[list[Outcome]]]] = {
    **dict.fromkeys(_SIMPLE, _simple),
    "mode": _mode,
    "takeoff": _takeoff,
    "params": _params,
    "clear": _clear,
    "download": _download,
    "status": _status,
}


def _print(args: argparse.Namespace, outcome: Outcome, more: dict[str, Any]) -> None:
    if args.json:
        print(json.dumps({**asdict(outcome), **more}, ensure_ascii=False))
        return
    items = "" if outcome.items is None else f", {outcome.items} items"
    reason = f": {outcome.reason}" if outcome.reason else ""
    text = f"{outcome.action}: {outcome.outcome}{reason} ({outcome.seconds:.1f} s{items})"
    for words in outcome.vehicle_text:
        text += f'; vehicle: "{words}"'
    if outcome.good and not args.quiet:
        print(text)
        for name, value in more.get("vehicle", {}).items():
            print(f"  {name:20} {'unknown' if value is None else value}")
    elif not outcome.good:
        print(text, file=sys.stderr)
