"""Planned against flown: when each item of a mission was reached, and when it should have been."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from missions.duration import timed_legs
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.items import Command, MissionItem
from missions.mission import FlyTo, Mission, ReturnHome, SetSpeed, TakeOff, Wait
from missions.wind import STILL, Air

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)


def lawn_mower(height_m: float = 30.0, speed_m_s: float = 6.0) -> Mission:
    """Five lines of 150 m, 30 m apart, one of them higher, a wait between: 1.1 km with right-angled turns."""
    steps: list[Any] = [TakeOff(height_m), SetSpeed(speed_m_s)]
    for line in range(5):
        ends = ((30.0, 180.0), (180.0, 30.0))[line % 2]
        for north in ends:
            there = offset(offset(HOME, 0.0, north), 90.0, 30.0 * line)
            steps.append(
                FlyTo(GeoPoint(there.lat_deg, there.lon_deg, height_m + (8.0 if line > 2 else 0.0), Datum.HOME))
            )
        if line == 1:
            steps.append(Wait(5.0))
    return Mission("lawn mower", (*steps, ReturnHome()), HOME)


@dataclass(slots=True)
class Flown:
    """A fold over what a vehicle says, in its own time. Seconds from the take-off's begin to the touch-down."""

    began_s: float | None = None
    landed_s: float | None = None
    reached_s: dict[int, float] = field(default_factory=dict)
    _boot_s: float = 0.0
    _up: bool = False

    def hear(self, message: Any) -> None:
        """One message of the vehicle's autopilot."""
        kind = message.get_type()
        if kind == "GLOBAL_POSITION_INT":
            self._boot_s, height_m = message.time_boot_ms * 1e-3, message.relative_alt * 1e-3
            self._up = self._up or height_m > 5.0
            if self._up and height_m < 0.1 and self.landed_s is None and self.began_s is not None:
                self.landed_s = self._boot_s - self.began_s
        elif kind == "STATUSTEXT" and message.text.startswith("Mission: 1 Takeoff"):
            self.began_s = self._boot_s
        elif kind == "MISSION_ITEM_REACHED" and self.began_s is not None:
            self.reached_s.setdefault(message.seq, self._boot_s - self.began_s)

    def hear_all(self, messages: Iterable[Any]) -> None:
        for message in messages:
            self.hear(message)


def planned_s(items: Sequence[MissionItem], air: Air = STILL) -> tuple[dict[int, float], float]:
    """When each item is reached by plan (before what happens there), and the landing."""
    at, total = {}, 0.0
    for timed in timed_legs(items, HOME, air=air):
        climbing = items[timed.leg.end.seq].command == Command.TAKEOFF
        total += timed.time_s + (timed.extra_s if climbing else 0.0)
        at[timed.leg.end.seq] = total
        total += 0.0 if climbing else timed.extra_s
    return at, total


def table(items: Sequence[MissionItem], flown: Flown, air: Air = STILL) -> str:
    """Item, planned and flown seconds, a line each."""
    at, total = planned_s(items, air)
    rows = [f"{seq:4d} {at[seq]:8.1f} {flown.reached_s[seq]:8.1f}" for seq in sorted(at) if seq in flown.reached_s]
    return "\n".join(["item  planned    flown", *rows, f"land {total:8.1f} {flown.landed_s or 0.0:8.1f}"])
