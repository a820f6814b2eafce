"""What is worth another look, and from which height: hotspots too small, or from too high, to be trusted.

Below about three by three pixels a temperature is "at least": the pixel mixes fire and ground. A place whose ellipse is
wider than a crew can search, and a source that was seen only once or twice, are no better. Each has a height that would
settle it: the one from which the source spans enough pixels, or the ellipse shrinks to what is asked, the lower of
both, and never below what a drone may fly. A source that filled less than a pixel is smaller than it looks: the height
is the highest that can be enough, and the entry says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from imagery.hotspots import Hotspot
from missions.geometry.camera import CameraProfile

ENOUGH_PX = 3.0
ENOUGH_M = 5.0
ENOUGH_LOOKS = 3
LOWEST_M = 15.0
HIGHEST_M = 120.0


@dataclass(frozen=True, slots=True)
class Relook:
    """One entry. ``height_m`` above the ground there; ``reasons``: "small", "place", "few"; ``settles``: whether that
    height is enough, else it is as low as may be flown and the doubt stays."""

    key: int
    height_m: float
    reasons: tuple[str, ...]
    settles: bool


def relook(hotspot: Hotspot, profile: CameraProfile) -> Relook | None:
    """Why and from where to look again; None where there is nothing to settle."""
    reasons: list[str] = []
    heights = [HIGHEST_M]
    side_m = math.sqrt(max(hotspot.area_m2, 1e-4))
    if hotspot.radiometric and hotspot.peak_lower_bound:
        reasons.append("small")
        heights.append(side_m / ENOUGH_PX * min(profile.fx, profile.fy))
    major_m = hotspot.ellipse.semi_major_m
    if major_m > ENOUGH_M:
        reasons.append("place")
        heights.append(_for_place(hotspot, profile, major_m))
    if hotspot.sightings < ENOUGH_LOOKS:
        reasons.append("few")
    if not reasons:
        return None
    wanted = min(heights)
    return Relook(hotspot.key, round(max(wanted, LOWEST_M), 1), tuple(reasons), wanted >= LOWEST_M)


def _for_place(hotspot: Hotspot, profile: CameraProfile, major_m: float) -> float:
    """The height from which the turning part of its error is small enough; the receiver's part stays as it is."""
    common = hotspot.common
    fixed = common[:, :4] @ common[:, :4].T
    fixed_m = math.sqrt(5.991 * max(0.0, float(fixed.trace()) / 2.0))
    turning_m = math.sqrt(max(1e-9, major_m**2 - fixed_m**2))
    if fixed_m >= ENOUGH_M:  # no height mends the receiver: as near as it takes for the mount not to matter
        return HIGHEST_M
    allowed_m = math.sqrt(ENOUGH_M**2 - fixed_m**2)
    tilt = math.radians(math.hypot(profile.boresight_sigma_deg, 0.5)) * math.sqrt(5.991)
    seen_from_m = turning_m / max(tilt, 1e-4)
    return min(HIGHEST_M, seen_from_m * allowed_m / turning_m)


def relooks(hotspots: Iterable[Hotspot], profile_of: dict[str, CameraProfile]) -> list[Relook]:
    """The list, the least trusted first: what does not settle, then by height."""
    found = [
        entry
        for hotspot in hotspots
        if (profile := profile_of.get(hotspot.camera)) is not None and (entry := relook(hotspot, profile)) is not None
    ]
    return sorted(found, key=lambda entry: (entry.settles, entry.height_m, entry.key))
