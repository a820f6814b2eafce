"""What the crew means, before any protocol number is chosen.

A `Mission` is a name, a home and a sequence of steps in plain words. It knows neither MAVLink commands nor
frames; `items.compile_items` turns it into what a vehicle stores, `items.mission_from_items` goes back. A step
that came out of somebody's file and has no word here travels as `Raw` and loses nothing on the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from missions.geometry.geo import Datum, GeoPoint

if TYPE_CHECKING:
    from missions.items import MissionItem


class MissionError(ValueError):
    """A mission that cannot be meant: says which step, which value, what is allowed."""


def _require(ok: bool, what: str) -> None:
    if not ok:
        raise MissionError(what)


@dataclass(frozen=True, slots=True)
class TakeOff:
    """Climb straight up to `height_m` above home."""

    height_m: float

    def __post_init__(self) -> None:
        _require(0.0 < self.height_m < 10_000.0, f"take-off height {self.height_m} m: more than 0 m is needed")


@dataclass(frozen=True, slots=True)
class FlyTo:
    """Fly straight to `point` (datum HOME, SEA_LEVEL or GROUND) and stay `hold_s` seconds."""

    point: GeoPoint
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        _require(
            self.point.datum is not Datum.ELLIPSOID,
            "a waypoint needs its height above home, sea level or ground; the autopilot knows no ellipsoid height",
        )
        _require(0.0 <= self.hold_s <= 65_535.0, f"hold time {self.hold_s} s: allowed are 0 to 65535 s")


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Ground speed from here on, m/s."""

    speed_m_s: float

    def __post_init__(self) -> None:
        _require(0.0 < self.speed_m_s <= 50.0, f"speed {self.speed_m_s} m/s: allowed are more than 0 up to 50 m/s")


@dataclass(frozen=True, slots=True)
class PointCamera:
    """Turn the gimbal: `pitch_deg` −90 is straight down, `yaw_deg` clockwise from the nose."""

    pitch_deg: float
    yaw_deg: float = 0.0

    def __post_init__(self) -> None:
        _require(-90.0 <= self.pitch_deg <= 90.0, f"gimbal pitch {self.pitch_deg}°: allowed are -90 (down) to 90")
        _require(-180.0 <= self.yaw_deg <= 180.0, f"gimbal yaw {self.yaw_deg}°: allowed are -180 to 180")


@dataclass(frozen=True, slots=True)
class LookAt:
    """Keep nose or gimbal on `point` from here on; `None` ends it."""

    point: GeoPoint | None


@dataclass(frozen=True, slots=True)
class ShootEvery:
    """Take a picture every `distance_m` metres flown; 0 ends it."""

    distance_m: float

    def __post_init__(self) -> None:
        _require(self.distance_m >= 0.0 and math.isfinite(self.distance_m), f"picture distance {self.distance_m} m")


@dataclass(frozen=True, slots=True)
class Wait:
    """Hover on the spot, seconds."""

    seconds: float

    def __post_init__(self) -> None:
        _require(0.0 <= self.seconds <= 86_400.0, f"wait {self.seconds} s: allowed are 0 to 86400 s")


@dataclass(frozen=True, slots=True)
class ReturnHome:
    """Fly home at the vehicle's own return height and land."""


@dataclass(frozen=True, slots=True)
class Land:
    """Land at `point`, or where the aircraft is."""

    point: GeoPoint | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """An item of somebody's file that has no word here; kept exactly."""

    item: MissionItem


Step = TakeOff | FlyTo | SetSpeed | PointCamera | LookAt | ShootEvery | Wait | ReturnHome | Land | Raw


@dataclass(frozen=True, slots=True)
class Mission:
    """A flight as the crew means it.

    `home` has datum SEA_LEVEL (or is None: then the vehicle's own home counts). `notes` are sentences of the
    planner that must reach the person who flies; `checks.check` turns each into a warning.
    """

    name: str
    steps: tuple[Step, ...]
    home: GeoPoint | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.home is not None and self.home.datum is not Datum.SEA_LEVEL:
            raise MissionError(f"home needs its height above sea level, not datum {self.home.datum.value}")

    def waypoints(self) -> tuple[GeoPoint, ...]:
        """The places flown to, in order."""
        return tuple(step.point for step in self.steps if isinstance(step, FlyTo))
