"""Is this flyable? The one door to a `CheckedMission`, and only a `CheckedMission` can be uploaded.

`check` looks at everything and returns all findings at once. A `stop` can't be accepted by anybody: there is no
`CheckedMission` then. A `warning` is accepted by a person with a reason and stays on the mission for ever. What could
not be checked is a warning, never silence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from missions.energy import Supply, check_energy
from missions.findings import STOP, WARNING, Finding, stop, warning
from missions.geometry.geo import GeoPoint
from missions.geometry.terrain import Ground
from missions.item_checks import check_items, check_rally
from missions.items import KINDS, MissionItem, compile_items, home_of
from missions.limits import Limits
from missions.mission import Mission
from missions.place_checks import check_fence, check_home, check_places

__all__ = ["Acceptance", "CheckReport", "CheckedMission", "Finding", "Limits", "NotChecked", "check"]


class NotChecked(TypeError):
    """Somebody tried to make a CheckedMission without `check`, or to accept without reason and name."""


class _Seal:
    """Made by `check` alone, for exactly the parts it has looked at: `replace` cannot slip other ones in."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def fits(self, *parts: object) -> bool:
        return len(parts) == len(self.parts) and all(a is b for a, b in zip(parts, self.parts, strict=True))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who took the warnings upon themselves, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckedMission:
    """A mission without a `stop`. Only `check` makes one.

    `items` begin with home at index 0 (or are empty when only fence or rally points are meant); an empty part
    means "leave the vehicle's alone". `findings` are the warnings.
    """

    items: tuple[MissionItem, ...]
    fence_items: tuple[MissionItem, ...]
    rally_items: tuple[MissionItem, ...]
    findings: tuple[Finding, ...]
    acceptance: Acceptance | None = None
    _seal: _Seal | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.items, self.fence_items, self.rally_items, self.findings)
        if self._seal is None or not self._seal.fits(*parts):
            raise NotChecked("a CheckedMission is made by missions.checks.check only")

    @property
    def needs_acceptance(self) -> bool:
        """Whether warnings stand that nobody has accepted yet."""
        return bool(self.findings) and self.acceptance is None

    def accepted_by(self, name: str, reason: str) -> CheckedMission:
        """The same mission, its warnings accepted. Raises NotChecked without a name and a reason."""
        if not name.strip() or not reason.strip():
            raise NotChecked("warnings are accepted with a name and a reason, both not empty")
        return replace(self, acceptance=Acceptance(name.strip(), reason.strip()))


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings, stops first; `checked` is None exactly when one of them is a stop."""

    findings: tuple[Finding, ...]
    checked: CheckedMission | None

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that forbid the flight."""
        return tuple(finding for finding in self.findings if finding.severity == STOP)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that somebody has to accept."""
        return tuple(finding for finding in self.findings if finding.severity == WARNING)


def check(
    mission: Mission | Sequence[MissionItem],
    *,
    terrain: Ground | None = None,
    home: GeoPoint | None = None,
    fence: Sequence[MissionItem] = (),
    rally: Sequence[MissionItem] = (),
    limits: Limits | None = None,
    supply: Supply | None = None,
    further: Sequence[Finding] = (),
) -> CheckReport:
    """Check a mission (or items, item 0 home), its fence and its rally points together.

    `home` (SEA_LEVEL): where the vehicle really stands; without it the mission's own. `terrain`: heights above sea
    level. `supply`: aircraft and air, for whether the battery lasts; `further`: findings of checks that need more than
    items (airspace). An empty item sequence checks fence and rally points alone. Raises MissionError only for a
    Mission whose steps cannot be compiled.
    """
    limits = limits or Limits()
    items = compile_items(mission) if isinstance(mission, Mission) else tuple(mission)
    notes = mission.notes if isinstance(mission, Mission) else ()
    found = [warning("planner_note", note, "Accept it, or plan anew") for note in notes]
    found += check_home(home_of(items), home)
    home = home if home is not None else home_of(items)
    if len(items) == 1 and (fence or rally):
        items = ()  # a file with a home but no mission: its fence and rally points are meant
    if not items and not fence and not rally:
        found.append(stop("empty", "there is neither a mission nor a fence nor a rally point", "Plan something"))
    if items:
        found += check_items(items)
    found += check_rally(rally)
    sound = tuple(item if _has_sound_place(item) else replace(item, lat_deg=math.nan) for item in items)
    if items and any(item.command in KINDS and KINDS[item.command].flies for item in items[1:]):
        found += check_places(sound, home, terrain, limits, rally)
        if supply is not None and home is not None:
            found += check_energy(sound, home, supply, terrain)
    found += check_fence(fence, sound, rally, home)
    found += further
    found.sort(key=lambda finding: finding.severity != STOP)
    findings = tuple(found)
    if any(finding.severity == STOP for finding in findings):
        return CheckReport(findings, None)
    parts = (items, tuple(fence), tuple(rally), findings)
    return CheckReport(findings, CheckedMission(*parts, None, _Seal(*parts)))


def _has_sound_place(item: MissionItem) -> bool:
    """False for a place that path-finding must not touch (its own finding stands already)."""
    return abs(item.lat_deg) <= 90.0 and abs(item.lon_deg) <= 180.0 and math.isfinite(item.alt_m)
