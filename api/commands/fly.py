"""`einsatzdrohne fly …`: one thing asked of one vehicle, and what became of it.

Reading actions use a system id of their own and no heartbeat; writing ones send no heartbeat either, unless ``--stay``.
Whatever is said here was judged by the vehicle's state or by a read-back, never by an acknowledgement alone. What each
action does stands in ``api.flying``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.flying.call import Action
    from ground_station.operation import Outcome

NAMES = (
    "status", "arm", "disarm", "takeoff", "start", "pause", "resume", "rtl", "land", "mode", "upload", "download",
    "clear", "fence", "rally", "goto", "look", "hold", "evade", "height", "speed", "gimbal", "params",
    "logs", "ftp", "preflight", "signing", "camera",
)  # fmt: skip


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fly` with its actions."""
    parser = subparsers.add_parser("fly", help="ask one thing of a vehicle: status, upload, arm, start, rtl …")
    parser.add_argument("action", choices=NAMES, metavar="ACTION", help=" ".join(NAMES))
    parser.add_argument("words", nargs="*", metavar="…", help="mode NAME · takeoff METRES · clear/download "
                        "mission|fence|rally · fence show|upload|clear|on|off · rally show|upload|clear · "
                        "goto LAT LON HEIGHT · look LAT LON [ALTITUDE] [--height M --distance M] · look down|none · "
                        "evade [land|rtl] · "
                        "gimbal PITCH [YAW]|take|release|status · camera [status]|photo|series S [N]|stop|film on|off|"
                        "mode image|video|zoom PERCENT|source rgb|thermal|stream on|off [N] · height METRES · "
                        "speed M_S · params get NAME · params set NAME VALUE · params list · "
                        "params save|load|compare FILE · logs list · logs get NUMBER|last [FILE] · "
                        "ftp list FOLDER · ftp get PATH [FILE] · signing setup|off|status"
                        )  # fmt: skip
    parser.add_argument("--link", action="append", required=True, metavar="URL")
    parser.add_argument("--vehicle", type=int, metavar="SYSID")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="read for upload and start, written by download")
    parser.add_argument("--terrain", type=Path, metavar="FILE", help="elevation raster: clearance is checked")
    parser.add_argument("--replace", action="store_true", help="upload: clear fence and rally if the plan has none")
    parser.add_argument("--restore", action="store_true", help="upload: put the old plan back if the new one fails")
    parser.add_argument("--only-changes", action="store_true", help="upload: send only what differs, where it is safe")
    parser.add_argument("--height", type=float, metavar="M", help="look: fly there, so high above home")
    parser.add_argument("--distance", type=float, default=30.0, metavar="M", help="look: so far from the place (30)")
    parser.add_argument("--flight-time", type=float, metavar="MIN", help="preflight: how long a full battery flies")
    parser.add_argument(
        "--component", type=int, metavar="ID", help="camera: which one (100 to 105; 1: the autopilot's)"
    )
    parser.add_argument("--reason", help="why warnings are accepted, or stops overridden")
    parser.add_argument("--name", help="who accepts them")
    parser.add_argument("--wait", type=float, default=10.0, metavar="S", help="how long to listen for the vehicle")
    parser.add_argument(
        "--remote-id", metavar="FILE", help="who flies, told once a second to its transmitter meanwhile"
    )
    parser.add_argument("--stay", action="store_true", help="beat as its ground station until Ctrl-C")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", action="store_true")


def _actions() -> dict[str, Action]:
    from api.flying import audit, camera, files, gimbal, keys, moves, plain, plans

    rooms = (plain, plans, moves, files, audit, keys, camera, gimbal)
    return {name: action for room in rooms for name, action in room.ACTIONS.items()}


def run(args: argparse.Namespace) -> int:
    """Do one action. 0 verified or done; 1 not done; 2 wrong usage or input (raised as ValueError)."""
    from api.flight_session import NotDone
    from ground_station.operation import UNKNOWN, Outcome

    action = _actions()[args.action]
    _check_usage(args, action)
    try:
        outcomes, more = asyncio.run(_fly(args, action))
    except NotDone as problem:
        outcomes, more = [Outcome(args.action, UNKNOWN, str(problem))], {}
    for outcome in outcomes:
        _print(args, outcome, more)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _check_usage(args: argparse.Namespace, action: Action) -> None:
    """Raises ValueError, naming what is missing or too much, before anything is opened."""
    for url in args.link:
        if url.startswith("log:") and args.action != "status":
            raise ValueError(f"--link {url}: a recording can only be read (fly status)")
    if action.plan == "needs" and args.plan is None:
        raise ValueError(f"fly {args.action}: --plan FILE is needed; what is flown is compared with it")
    action.check(args)
    if not 0.5 <= args.wait <= 600.0:
        raise ValueError(f"--wait {args.wait:g}: allowed are 0.5 to 600 seconds")


async def _fly(args: argparse.Namespace, action: Action) -> tuple[list[Outcome], dict[str, Any]]:
    from api.flight_session import session
    from api.flying.call import Call, read_plan
    from api.settings import identities_of

    plan = read_plan(args.plan) if action.plan and args.plan is not None else None
    identities = identities_of([args.remote_id] if args.remote_id else [])
    async with session(args.link, writes=not action.reads(args), stays=args.stay) as opened:
        vehicle = await opened.vehicle(args.vehicle, args.wait)
        vehicle.drone_id.identity = next(iter(identities.values()), None)
        call = Call(args, opened, vehicle, plan)
        outcomes = await action.run(call)
        if args.stay and all(outcome.good for outcome in outcomes):
            for outcome in outcomes:
                _print(args, outcome, call.more)
            print("staying: this is now the vehicle's ground station; Ctrl-C ends it", file=sys.stderr)
            await asyncio.Event().wait()
    return outcomes, call.more


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
