"""`fly preflight` and `fly arm`: the checklist, and arming only without a stop.

A stop can be overridden by somebody who says why and who: ``--reason`` and ``--name``. That is written down, with what
was overridden, before the vehicle is armed; where it cannot be written down, nothing is armed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from api.flying.call import KINDS, TOLD_S, Action, Call, no_words, now, refused
from api.settings import data_folder
from ground_station.operation import DONE, REFUSED, Outcome
from ground_station.parameter_list import ParameterList
from ground_station.preflight import OK, Facts, Point, audit, stops
from missions.duration import flight_time
from missions.formats import Plan
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground
from missions.geometry.terrain_files import read_terrain
from missions.path import legs_of

_RECORD = "overrides.jsonl"
_SAMPLES = 200


async def _preflight(call: Call) -> list[Outcome]:
    started_s = now()
    points = await _points(call)
    if call.args.json:
        call.more["points"] = [asdict(point) for point in points]
    else:
        for point in points:
            print(_line(point))
    bad = stops(points)
    warnings = sum(point.level not in (OK, "stop") for point in points)
    reason = f"{len(bad)} stops, {warnings} warnings" if bad else f"{warnings} warnings"
    return [Outcome("preflight", REFUSED if bad else DONE, reason, (), round(now() - started_s, 3), len(points))]


async def _arm(call: Call) -> list[Outcome]:
    if call.vehicle.state.armed:
        return await call.one(call.vehicle.arm(now_s=now()))
    bad = stops(await _points(call))
    for point in bad:
        print(_line(point), file=sys.stderr)
    who, why = (call.args.name or "").strip(), (call.args.reason or "").strip()
    if bad and not (who and why):
        many = f"{len(bad)} stops ({bad[0].name}: {bad[0].value})"
        return refused("arm", f"{many}; nothing was sent. --reason and --name override them, and are recorded")
    if bad:
        try:
            await asyncio.to_thread(_record, data_folder(None), call.vehicle.sysid, who, why, bad)
        except OSError as error:
            return refused("arm", f"the override could not be recorded ({error.strerror}); nothing was sent")
    return await call.one(call.vehicle.arm(now_s=now()))


def _record(folder: Path, vehicle: int, who: str, why: str, bad: Sequence[Point]) -> None:
    """One line of JSON for each override, for ever."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = {
        "time": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "vehicle": vehicle,
        "name": who,
        "reason": why,
        "stops": [asdict(point) for point in bad],
    }
    with (folder / _RECORD).open("a", encoding="utf-8") as record:
        record.write(json.dumps(entry, ensure_ascii=False) + "\n")


async def _points(call: Call) -> tuple[Point, ...]:
    """Ask the vehicle for everything that the checklist looks at."""
    vehicle = call.vehicle

    def told() -> bool:
        state = vehicle.state
        known = (state.gnss, state.ekf, state.home, state.battery, state.position, vehicle.clock.offset)
        return None not in known

    await call.session.until(told, TOLD_S)
    listing = ParameterList(vehicle.sysid, now_s=now())
    await call.one(vehicle.start(listing))
    read = vehicle.download(KINDS["fence"], now_s=now())
    fence = (await call.one(read))[0]
    plan = call.plan
    proven, problem = False, ""
    if plan is not None and len(plan.items) > 1:
        compared = (await call.one(vehicle.compare(plan.items, now_s=now())))[0]
        proven, problem = compared.good, compared.reason
    plan_s, obstacle_m = await asyncio.to_thread(_plan_facts, call, plan)
    offset = vehicle.clock.offset
    devices = [_device(kind) for (sysid, _), kind in call.session.station.kinds.items() if sysid == vehicle.sysid]
    return audit(
        Facts(
            vehicle.state,
            now(),
            parameters=listing.values if listing.outcome is not None and listing.outcome.good else None,
            fence=read.items if fence.good else None,
            plan=() if plan is None else plan.items,
            plan_proven=proven,
            plan_problem=problem,
            plan_s=plan_s,
            flight_s=None if call.args.flight_time is None else 60.0 * call.args.flight_time,
            obstacle_m=obstacle_m,
            clock_source=None if offset is None else offset.source,
            clock_sigma_s=None if offset is None else offset.sigma_s,
            host_offset_s=vehicle.clock.host_offset_s,
            disk_free_gb=_free_gb(data_folder(None)),
            cameras=tuple(device for device in devices if device),
        )
    )


def _device(kind: int) -> str:
    return {30: "camera", 26: "gimbal"}.get(kind, "")


def _free_gb(folder: Path) -> float | None:
    place = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return None if place is None else shutil.disk_usage(place).free / 1e9


def _plan_facts(call: Call, plan: Plan | None) -> tuple[float | None, float | None]:
    """Seconds that the plan takes, and the highest surface under it and under its ways home, metres above home."""
    home = call.vehicle.state.home
    if plan is None or len(plan.items) < 2 or home is None:
        return None, None
    base = GeoPoint(home.lat_deg, home.lon_deg, home.alt_amsl_m, Datum.SEA_LEVEL)
    terrain = None if call.args.terrain is None else read_terrain(call.args.terrain)
    plan_s = flight_time(plan.items, base, terrain).time_s
    return plan_s, None if terrain is None else highest_m(plan, base, terrain)


def highest_m(plan: Plan, home: GeoPoint, terrain: Ground) -> float | None:
    """Above the terrain at home; None where the terrain does not cover all of it."""
    at_home = float(terrain.height_at(home.lat_deg, home.lon_deg))
    part, highest = np.linspace(0.0, 1.0, _SAMPLES), at_home
    for leg in legs_of(plan.items, home):
        for start in ((leg.start.lat_deg, leg.start.lon_deg), (home.lat_deg, home.lon_deg)):
            lat = start[0] + part * (leg.end.lat_deg - start[0])
            lon = start[1] + part * (leg.end.lon_deg - start[1])
            heights = terrain.height_at(lat, lon)
            if not np.isfinite(heights).all():
                return None
            highest = max(highest, float(np.max(heights)))
    return highest - at_home if np.isfinite(highest) else None


def _line(point: Point) -> str:
    remedy = f". {point.remedy}." if point.remedy else ""
    return f"{point.level.upper():8} {point.name:16} {point.value}{remedy}"


def _check(args: argparse.Namespace) -> None:
    no_words(args)
    if args.flight_time is not None and not 1.0 <= args.flight_time <= 600.0:
        raise ValueError(f"--flight-time {args.flight_time:g}: allowed are 1 to 600 minutes")


ACTIONS = {
    "preflight": Action(_preflight, _check, lambda args: True, "may"),
    "arm": Action(_arm, _check, plan="may"),
}
