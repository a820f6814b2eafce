"""`fly goto look hold evade speed height`: orders to an aircraft in flight.

What moves it is checked like a plan of one leg from where it is: ground (``--terrain``), the fence that is on board,
distance, battery. A stop is never flown; a warning is accepted with ``--reason`` and ``--name``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from api.flying.call import KINDS, TOLD_S, Action, Call, no_words, now, number, refused
from api.flying.gimbal import point, pointing
from ground_station.evade import LOW_M, low_height_m, may_return
from ground_station.leg import check_leg
from ground_station.operation import DONE, Outcome
from ground_station.orders import NotFlying, require_in_flight, stand_off
from missions.findings import STOP, Finding
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain_files import read_terrain
from missions.items import MissionItem

_NOT_JUDGED = frozenset({"no_terrain", "no_home", "terrain_datum", "terrain_without_home", "terrain_gap"})
_NONE, _DOWN = "none", "down"


async def _goto(call: Call) -> list[Outcome]:
    lat, lon, height = (float(word) for word in call.args.words)
    target = GeoPoint(lat, lon, height, Datum.HOME)
    return await _move(call, target, lambda: call.vehicle.goto(target, now_s=now()))


async def _height(call: Call) -> list[Outcome]:
    height = float(call.args.words[0])
    await _know(call)
    position = call.vehicle.state.position
    if position is None:
        return refused("height", "the vehicle does not say where it is")
    target = GeoPoint(position.lat_deg, position.lon_deg, height, Datum.HOME)
    return await _move(call, target, lambda: call.vehicle.change_height(height, now_s=now()))


async def _look(call: Call) -> list[Outcome]:
    words = call.args.words
    if words == [_NONE]:
        return await pointing(call, lambda: call.vehicle.look_at(None, now_s=now()))
    if words == [_DOWN]:
        return await point(call, -90.0, 0.0)
    await _know(call)
    place = await _ground(call, float(words[0]), float(words[1]), float(words[2]) if len(words) == 3 else None)
    if place is None:
        return refused("look", "the height of that place is not known: give its ALTITUDE above sea level or --terrain")
    if call.args.height is None:
        return await pointing(call, lambda: call.vehicle.look_at(place, now_s=now()))
    if call.vehicle.state.position is None:
        return refused("look", "the vehicle does not say where it is")
    stand = stand_off(place, call.vehicle.state, distance=call.args.distance, height_m=call.args.height)
    return await _move(call, stand, lambda: call.vehicle.go_and_look(stand, place, now_s=now()))


async def _ground(call: Call, lat: float, lon: float, alt_m: float | None) -> GeoPoint | None:
    """The place with its height above sea level: as given, by the terrain, else home's."""
    if alt_m is not None:
        return GeoPoint(lat, lon, alt_m, Datum.SEA_LEVEL)
    if call.args.terrain is not None:
        terrain = await asyncio.to_thread(read_terrain, call.args.terrain)
        found = float(terrain.height_at(lat, lon))
        return GeoPoint(lat, lon, found, Datum.SEA_LEVEL) if found == found else None
    home = call.vehicle.state.home
    return None if home is None else GeoPoint(lat, lon, home.alt_amsl_m, Datum.SEA_LEVEL)


async def _know(call: Call) -> None:
    """Wait for what the checks stand on."""
    vehicle = call.vehicle
    await call.session.until(
        lambda: None not in (vehicle.state.position, vehicle.state.home, vehicle.state.landed), TOLD_S
    )
    await call.session.until(lambda: bool(vehicle.state.batteries), 1.5)
    if call.args.action == "look":
        await call.session.until(lambda: vehicle.state.gimbal is not None, 0.5)


async def _move(call: Call, target: GeoPoint, begin) -> list[Outcome]:  # type: ignore[no-untyped-def]
    """Check the leg, then fly it."""
    action = call.args.action
    await _know(call)
    try:
        require_in_flight(call.vehicle.state)
    except NotFlying as why:
        return refused(action, str(why))
    read = call.vehicle.download(KINDS["fence"], now_s=now())
    fence = (await call.one(read))[0]
    if not fence.good:
        return refused(action, f"the fence on board could not be read ({fence.reason}); nothing was sent")
    findings = await _findings(call, target, read.items)
    for finding in findings:
        print(finding.line(), file=sys.stderr)
    stops = [finding for finding in findings if finding.severity == STOP]
    if stops:
        return refused(action, f"{stops[0].text}; nothing was sent")
    decisions = [finding for finding in findings if finding.code not in _NOT_JUDGED]
    if decisions and not (call.args.reason and call.args.name):
        many = f"{len(decisions)} warnings have to be accepted with --reason and --name ({decisions[0].text})"
        return refused(action, f"{many}; nothing was sent")
    return await pointing(call, begin)


async def _findings(call: Call, target: GeoPoint, fence: tuple[MissionItem, ...]) -> tuple[Finding, ...]:
    terrain = None if call.args.terrain is None else await asyncio.to_thread(read_terrain, call.args.terrain)
    return check_leg(call.vehicle.state, target, fence=fence, terrain=terrain)


async def _evade(call: Call) -> list[Outcome]:
    """Down on the spot; `land` to the ground; `rtl` only where it does not climb first. No check holds it back."""
    vehicle, word = call.vehicle, (call.args.words or [_DOWN])[0]
    await call.session.until(lambda: vehicle.state.position is not None, TOLD_S)
    if word == "land":
        return await call.one(vehicle.land(now_s=now()))
    if word == "rtl":
        why_not = may_return(vehicle.state, await _return_height_m(call))
        return (
            refused("evade", f"RTL: {why_not}; descend instead")
            if why_not
            else await call.one(vehicle.rtl(now_s=now()))
        )
    position, home = vehicle.state.position, vehicle.state.home
    above = None
    if call.args.terrain is not None and position is not None and home is not None:
        place = await _ground(call, position.lat_deg, position.lon_deg, None)
        above = None if place is None else place.alt_m - home.alt_amsl_m
    height = low_height_m(vehicle.state, ground_above_home_m=above)
    if position is not None and height is None:
        return [Outcome("evade", DONE, f"it is low already, {position.height_above_home_m:.0f} m above home")]
    try:
        return await call.one(vehicle.evade(height or LOW_M, now_s=now()))
    except NotFlying as why:
        return refused("evade", str(why))


async def _return_height_m(call: Call) -> float | None:
    """RTL's height, by whichever name this version has."""
    for name, scale in (("RTL_ALT", 0.01), ("RTL_ALT_M", 1.0)):
        read = call.vehicle.parameter(name, now_s=now())
        if (await call.one(read))[0].good:
            return read.value * scale
    return None


def _check_evade(args: argparse.Namespace) -> None:
    if args.words not in ([], [_DOWN], ["land"], ["rtl"]):
        raise ValueError("fly evade: allowed are nothing (down on the spot), `land` and `rtl`")


async def _hold(call: Call) -> list[Outcome]:
    return await call.one(call.vehicle.hold(now_s=now()))


async def _speed(call: Call) -> list[Outcome]:
    return await call.one(call.vehicle.change_speed(float(call.args.words[0]), now_s=now()))


def _check_place(what: str, words: list[str]) -> None:
    number(f"{what}: latitude", words[0], -90.0, 90.0, "degrees")
    number(f"{what}: longitude", words[1], -180.0, 180.0, "degrees")


def _check_goto(args: argparse.Namespace) -> None:
    if len(args.words) != 3:
        raise ValueError("fly goto: LAT LON HEIGHT are needed, degrees and metres above home")
    _check_place("goto", args.words)
    number("goto: height", args.words[2], 2.0, 500.0, "metres above home")


def _check_look(args: argparse.Namespace) -> None:
    words = args.words
    if words in ([_NONE], [_DOWN]):
        return
    if len(words) not in (2, 3):
        raise ValueError("fly look: LAT LON [ALTITUDE above sea level], `down` or `none`; --height METRES flies there")
    _check_place("look", words)
    if len(words) == 3:
        number("look: altitude", words[2], -500.0, 9_000.0, "metres above sea level")
    if args.height is not None and not 2.0 <= args.height <= 500.0:
        raise ValueError(f"--height {args.height:g}: allowed are 2 to 500 metres above home")
    if not 0.0 <= args.distance <= 1_000.0:
        raise ValueError(f"--distance {args.distance:g}: allowed are 0 to 1000 metres")


def _check_height(args: argparse.Namespace) -> None:
    if len(args.words) != 1:
        raise ValueError("fly height: METRES above home are needed")
    number("height", args.words[0], 2.0, 500.0, "metres above home")


def _check_speed(args: argparse.Namespace) -> None:
    if len(args.words) != 1:
        raise ValueError("fly speed: metres a second are needed")
    number("speed", args.words[0], 0.2, 30.0, "m/s")


ACTIONS = {
    "goto": Action(_goto, _check_goto),
    "look": Action(_look, _check_look),
    "hold": Action(_hold, no_words),
    "evade": Action(_evade, _check_evade),
    "height": Action(_height, _check_height),
    "speed": Action(_speed, _check_speed),
}
