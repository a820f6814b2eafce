"""May it fly straight there? The same checks as for a plan of one leg, from where the aircraft is now.

The plan that is checked is: be here, fly there, return home. What of it concerns that leg and the way home from its end
counts: ground and roofs, the fence that is on board, distance, and whether the battery brings it there and back. What
could not be judged is a warning, never silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ground_station.telemetry import VehicleState
from missions.checks import Finding, Limits, check
from missions.geometry.geo import Datum, GeoPoint, distance_m
from missions.geometry.terrain import Ground
from missions.items import FRAME_OF_DATUM, Command, Frame, MissionItem

_LEG, _RETURN = 3, 4
# What a copter with a camera flies when nobody tells it otherwise, and how fast it climbs and lands.
_SPEED_M_S, _CLIMB_M_S, _SINK_M_S, _LANDING_S = 8.0, 2.0, 1.2, 20.0
_RESERVE = 0.2
_GENERAL = frozenset({"no_terrain", "terrain_datum", "terrain_without_home", "no_home"})


def check_leg(
    state: VehicleState,
    target: GeoPoint,
    *,
    fence: Sequence[MissionItem] = (),
    terrain: Ground | None = None,
    limits: Limits | None = None,
) -> tuple[Finding, ...]:
    """All findings about flying straight from here to ``target`` and home again; empty: nothing is in the way."""
    position, home = state.position, state.home
    if position is None or target.datum not in FRAME_OF_DATUM:
        return (_stop("no_position", "where the aircraft is, or the target's height, is not known", "Wait"),)
    base = None if home is None else GeoPoint(home.lat_deg, home.lon_deg, home.alt_amsl_m, Datum.SEA_LEVEL)
    here = MissionItem(
        Command.WAYPOINT, Frame.RELATIVE, lat_deg=position.lat_deg, lon_deg=position.lon_deg,
        alt_m=max(0.1, position.height_above_home_m),
    )  # fmt: skip
    there = MissionItem(
        Command.WAYPOINT, FRAME_OF_DATUM[target.datum], lat_deg=target.lat_deg, lon_deg=target.lon_deg,
        alt_m=target.alt_m,
    )  # fmt: skip
    items = (
        MissionItem(Command.WAYPOINT, Frame.GLOBAL, lat_deg=base.lat_deg if base else 0.0,
                    lon_deg=base.lon_deg if base else 0.0, alt_m=base.alt_m if base else 0.0),
        MissionItem(Command.TAKEOFF, Frame.RELATIVE, alt_m=max(1.0, position.height_above_home_m)),
        here,
        there,
        MissionItem(Command.RETURN_TO_LAUNCH, Frame.RELATIVE),
    )  # fmt: skip
    # A first place far from home is a sign of a wrong home in a plan; an aircraft that is out there is none.
    limits = limits or Limits()
    limits = replace(limits, first_leg_m=limits.farthest_m)
    report = check(items, terrain=terrain, home=base, fence=fence, limits=limits)
    about = [finding for finding in report.findings if finding.seq in (_LEG, _RETURN) or finding.code in _GENERAL]
    return (*about, *_energy(state, target, base))


def time_left_s(state: VehicleState) -> float | None:
    """How long the battery lasts at the present current, seconds, down to nothing; None where it does not say.

    From what was drawn and what is said to be left: the capacity that the vehicle reckons with.
    """
    pack = min(state.batteries.values(), key=lambda each: each.id, default=None)
    if pack is None or pack.current_a is None or pack.used_mah is None or pack.remaining_pct is None:
        return None
    if pack.current_a < 1.0 or not 0 <= pack.remaining_pct < 99 or pack.used_mah <= 0:
        return None
    capacity_mah = pack.used_mah / (1.0 - pack.remaining_pct / 100.0)
    return capacity_mah * pack.remaining_pct / 100.0 * 3.6 / pack.current_a


def time_needed_s(state: VehicleState, target: GeoPoint, home: GeoPoint) -> float:
    """There and home again with landing, seconds, by rule of thumb."""
    assert state.position is not None
    here = GeoPoint(state.position.lat_deg, state.position.lon_deg, 0.0, Datum.SEA_LEVEL)
    high = target.alt_m if target.datum is Datum.HOME else max(0.0, target.alt_m - home.alt_m)
    climb_s = max(0.0, high - state.position.height_above_home_m) / _CLIMB_M_S
    flat_m = distance_m(here, target) + distance_m(target, home)
    return flat_m / _SPEED_M_S + climb_s + high / _SINK_M_S + _LANDING_S


def _energy(state: VehicleState, target: GeoPoint, home: GeoPoint | None) -> Iterator[Finding]:
    left_s = time_left_s(state)
    if left_s is None or home is None:
        text = "the battery does not say enough to judge whether it lasts there and home again"
        yield Finding("warning", "energy_unknown", text, "Look at the battery", seq=_LEG)
        return
    needed_s, usable_s = time_needed_s(state, target, home), left_s * (1.0 - _RESERVE)
    if needed_s > usable_s:
        text = f"there and home again takes {needed_s:.0f} s, the battery lasts {usable_s:.0f} s with its reserve"
        yield _stop("energy", text, "Fly less far, or land and change the battery")


def _stop(code: str, text: str, remedy: str) -> Finding:
    return Finding("stop", code, text, remedy, seq=_LEG)
