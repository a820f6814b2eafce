"""`fly params logs ftp`: what is stored on board, to files on this computer and back.

A file on this computer is written whole or not at all: into a neighbour that takes its name at the end. What broke off
stays as ``NAME.part`` and is gone on with.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from api.flying.call import Action, Call, now, number, refused
from ground_station.ftp import FileRead, FolderList
from ground_station.logs import LogList, LogRead
from ground_station.operation import DONE, REFUSED, Outcome
from ground_station.parameter_file import differences, read_text, shortest, write_text
from ground_station.parameter_list import ParameterList

# Counters and calibrations that a vehicle writes itself; a file from another day must not put them back.
_ITS_OWN = ("STAT_", "SYS_NUM_RESETS", "MIS_TOTAL", "FENCE_TOTAL", "RALLY_TOTAL", "FORMAT_VERSION", "GND_ABS_PRESS",
            "BARO1_GND_PRESS", "BARO2_GND_PRESS", "BARO3_GND_PRESS")  # fmt: skip


async def _params(call: Call) -> list[Outcome]:
    verb, *words = call.args.words
    if verb == "get":
        outcomes: list[Outcome] = []
        for name in words:
            outcomes += await call.one(call.vehicle.parameter(name.upper(), now_s=now()))
        return outcomes
    if verb == "set":
        return await call.one(call.vehicle.parameter(words[0].upper(), float(words[1]), now_s=now()))
    wanted = None if verb in ("list", "save") else _read_file(Path(words[0]))
    listing = ParameterList(call.vehicle.sysid, now_s=now())
    outcomes = await call.one(call.vehicle.start(listing))
    if not outcomes[0].good:
        return outcomes
    if verb == "list":
        for name in sorted(listing.values):
            print(f"{name},{shortest(listing.values[name])}")
    elif verb == "save":
        await _write(Path(words[0]), write_text(listing.values).encode())
    elif verb == "compare":
        assert wanted is not None
        return _compare(call, listing.values, wanted, words[0])
    elif verb == "load":
        assert wanted is not None
        return await _load(call, listing.values, wanted)
    return outcomes


def _compare(call: Call, mine: dict[str, float], wanted: dict[str, float], name: str) -> list[Outcome]:
    found = differences(mine, wanted)
    for key, (there, value) in found.items():
        print(f"{key}: {'not on this vehicle' if there is None else shortest(there)}, in {name} {shortest(value)}")
    if found:
        return [
            Outcome("params compare", REFUSED, f"{len(found)} of {len(wanted)} parameters differ", items=len(found))
        ]
    return [Outcome("params compare", DONE, f"all {len(wanted)} parameters are equal", items=0)]


async def _load(call: Call, mine: dict[str, float], wanted: dict[str, float]) -> list[Outcome]:
    """Set what differs, each confirmed by the vehicle's answer; what it does not have is named and left out."""
    found = differences(mine, wanted)
    own = [name for name in found if name.startswith(_ITS_OWN)]
    absent = [name for name, (there, _) in found.items() if there is None and name not in own]
    failed, done = list[str](), 0
    for name, (there, value) in found.items():
        if there is None or name in own:
            continue
        outcome = (await call.one(call.vehicle.parameter(name, value, now_s=now())))[0]
        done += outcome.good
        if not outcome.good:
            failed.append(f"{name}: {outcome.reason}")
    for name in own:
        call.tell(f"{name}: the vehicle's own, left as it is")
    words = f"{done} set, {len(wanted) - len(found)} were equal already"
    if absent:
        words += f", {len(absent)} not on this vehicle ({', '.join(absent[:5])}{' …' if len(absent) > 5 else ''})"
    if failed:
        return [Outcome("params load", REFUSED, f"{words}; not taken: {'; '.join(failed[:5])}", items=done)]
    return [Outcome("params load", REFUSED if absent else DONE, words, items=done)]


def _check_params(args: argparse.Namespace) -> None:
    words = args.words
    verb = words[0] if words else ""
    if verb == "set" and len(words) == 3:
        number(f"params set {words[1]}", words[2], -1e30, 1e30, "")
    elif not (
        (verb == "get" and len(words) >= 2)
        or words == ["list"]
        or (verb in ("save", "load", "compare") and len(words) == 2)
    ):
        raise ValueError("fly params: allowed are `get NAME …`, `set NAME VALUE`, `list`, `save|load|compare FILE`")
    if verb in ("load", "compare"):
        _read_file(Path(words[1]))


def _read_file(path: Path) -> dict[str, float]:
    try:
        return read_text(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text file") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error


async def _logs(call: Call) -> list[Outcome]:
    words = call.args.words or ["list"]
    listing = LogList(call.vehicle.sysid, now_s=now())
    outcomes = await call.one(call.vehicle.start(listing))
    if not outcomes[0].good:
        return outcomes
    if words == ["list"]:
        if call.args.json:
            call.more["logs"] = [{"number": log.number, "bytes": log.size, "utc_s": log.utc_s} for log in listing.logs]
        else:
            for log in listing.logs:
                print(f"{log.number:6}  {log.size:>12} bytes")
        return outcomes
    wanted = max(listing.logs, key=lambda log: log.number, default=None)
    if words[1] != "last":
        wanted = next((log for log in listing.logs if log.number == int(words[1])), None)
    if wanted is None:
        return refused("logs get", f"log {words[1]} is not on board")
    path = Path(words[2]) if len(words) == 3 else Path(f"{wanted.number:08}.BIN")
    part = path.with_name(path.name + ".part")
    have = await asyncio.to_thread(_begun, part)
    read = LogRead(call.vehicle.sysid, wanted, now_s=now(), have=have)
    outcomes = await call.one(call.vehicle.start(read))
    return await _keep(outcomes, read.content, path, part)


def _begun(part: Path) -> bytes:
    return part.read_bytes() if part.exists() else b""


async def _keep(outcomes: list[Outcome], content: bytes, path: Path, part: Path) -> list[Outcome]:
    """The whole under its name, or as far as it came under the name that is gone on with."""
    if outcomes[-1].good:
        await _write(path, content)
        await asyncio.to_thread(part.unlink, missing_ok=True)
        print(f"{path}: {len(content)} bytes", file=sys.stderr)
    elif content:
        await asyncio.to_thread(part.write_bytes, content)
        print(f"{part}: {len(content)} bytes so far; the same again goes on there", file=sys.stderr)
    return outcomes


async def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    await asyncio.to_thread(beside.write_bytes, content)
    await asyncio.to_thread(beside.replace, path)


def _check_logs(args: argparse.Namespace) -> None:
    words = args.words
    if words in ([], ["list"]):
        return
    if words[0] != "get" or len(words) not in (2, 3) or not (words[1] == "last" or words[1].isdecimal()):
        raise ValueError("fly logs: allowed are `list` and `get NUMBER|last [FILE]`")


async def _ftp(call: Call) -> list[Outcome]:
    verb, path = call.args.words[0], call.args.words[1]
    if verb == "list":
        listing = FolderList(call.vehicle.sysid, path, now_s=now())
        outcomes = await call.one(call.vehicle.start(listing))
        if call.args.json:
            call.more["entries"] = [{"name": entry.name, "bytes": entry.size} for entry in listing.entries]
        elif outcomes[0].good:
            for entry in listing.entries:
                print(f"{'folder' if entry.size is None else entry.size:>12}  {entry.name}")
        return outcomes
    target = Path(call.args.words[2]) if len(call.args.words) == 3 else Path(path.rpartition("/")[2])
    part = target.with_name(target.name + ".part")
    have = await asyncio.to_thread(_begun, part)
    read = FileRead(call.vehicle.sysid, path, now_s=now(), have=have)
    outcomes = await call.one(call.vehicle.start(read))
    return await _keep(outcomes, read.content, target, part)


def _check_ftp(args: argparse.Namespace) -> None:
    words = args.words
    if not (len(words) == 2 and words[0] == "list") and not (len(words) in (2, 3) and words[0] == "get"):
        raise ValueError("fly ftp: allowed are `list FOLDER` and `get PATH [FILE]`")


ACTIONS = {
    "params": Action(_params, _check_params, lambda args: args.words[:1] not in (["set"], ["load"])),
    "logs": Action(_logs, _check_logs, lambda args: True),
    "ftp": Action(_ftp, _check_ftp, lambda args: True),
}
