"""Does the radio reach the aircraft? Its range, and the line of sight from the antenna to everywhere in the flight.

A radio ray bends a little with the air and runs as if the earth were 4/3 of its size (ITU-R P.453, P.530): in the
middle of a kilometre the earth stands 1.5 cm into it, in the middle of 10 km 1.5 m. It also wants room around it: in
the first Fresnel zone, whose radius is √(λ·d₁·d₂/(d₁ + d₂)), at least 60 % must be free, else the field is weaker than
in free space (ITU-R P.526). So there are two findings: *out of sight*, where something stands in the ray itself, and
*weak*, where it stands only in that zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.findings import Finding, warning
from missions.geometry.plane_terrain import Pass, PlaneGround, closest_pass
from missions.path import Leg, leg_length_m

Floats = NDArray[np.float64]

BESIDE_ANTENNA_M = 10.0
EARTH_M, BENDING = 6_371_009.0, 4.0 / 3.0
FREE_OF_FRESNEL = 0.6
_LIGHT_M_US = 299.792458


def check_link(legs: Sequence[Leg], link_m: float | None) -> Iterator[Finding]:
    """Whether the radio's stated range is enough; nothing is said where nobody stated one."""
    if link_m is None or not legs:
        return
    origin = legs[0].start
    far = max(legs, key=lambda leg: leg_length_m(Leg(origin, leg.end)))
    away = leg_length_m(Leg(origin, far.end))
    if away > link_m:
        yield warning(
            "link_range", f"{away:,.0f} m from home, the radio reaches {link_m:,.0f} m",
            "Take off nearer to it, or accept that the link may drop there",
            seq=far.end.seq, lat_deg=far.end.lat_deg, lon_deg=far.end.lon_deg,
        )  # fmt: skip


def bulge_m(d1_m: Floats, d2_m: Floats) -> Floats:
    """How far the earth stands into a ray, so far from its two ends."""
    return d1_m * d2_m / (2.0 * BENDING * EARTH_M)


def fresnel_m(d1_m: Floats, d2_m: Floats, frequency_mhz: float) -> Floats:
    """Radius of the first Fresnel zone so far from the two ends of a ray."""
    away = np.maximum(d1_m + d2_m, 1e-9)
    return np.sqrt(_LIGHT_M_US / frequency_mhz * np.maximum(d1_m * d2_m, 0.0) / away)


@dataclass(frozen=True, slots=True, eq=False)
class _Hanging:
    """Rays that begin `BESIDE_ANTENNA_M` from the antenna and end `away_m` (N,) from it, with the room they want."""

    away_m: Floats
    frequency_mhz: float | None

    def metres(self, line: NDArray[np.intp], share: Floats) -> Floats:
        away = self.away_m[line]
        d1 = BESIDE_ANTENNA_M + share * (away - BESIDE_ANTENNA_M)
        down = bulge_m(d1, away - d1)
        if self.frequency_mhz is not None:
            down += FREE_OF_FRESNEL * fresnel_m(d1, away - d1, self.frequency_mhz)
        return down

    def peak(self, line: NDArray[np.intp]) -> Floats:
        """Both hang deepest in the middle between the antenna and the aircraft."""
        away = self.away_m[line]
        return (0.5 * away - BESIDE_ANTENNA_M) / np.maximum(away - BESIDE_ANTENNA_M, 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Findings of the line of sight, and which places (indices) could not be judged for lack of terrain."""

    findings: tuple[Finding, ...]
    unknown: NDArray[np.intp]


def line_of_sight(
    enu: Floats, where: Sequence[tuple[int, float, float]], plane: PlaneGround, antenna_alt_m: float,
    frequency_mhz: float, step_m: float,
) -> Seen:  # fmt: skip
    """From the antenna over the origin to places (N, 3); `where`: item number, latitude and longitude of each."""
    away = np.linalg.norm(enu[:, :2], axis=1)
    far = np.flatnonzero(away > 2.0 * BESIDE_ANTENNA_M)
    antenna = np.array([0.0, 0.0, antenna_alt_m])
    begin = antenna + (enu[far] - antenna) * (BESIDE_ANTENNA_M / away[far])[:, None]
    weak = closest_pass(plane, begin, enu[far], 0.0, step_m, _Hanging(away[far], frequency_mhz))
    doubt = np.flatnonzero(np.isfinite(weak.above_m))
    ray = closest_pass(plane, begin[doubt], enu[far[doubt]], 0.0, step_m, _Hanging(away[far[doubt]], None))
    hidden = np.isfinite(ray.above_m)
    findings = []
    if hidden.any():
        findings.append(_hidden(far[doubt], ray, away, where))
    if not hidden.all():
        findings.append(_weak(far[doubt[~hidden]], doubt[~hidden], weak, away, where, frequency_mhz))
    return Seen(tuple(findings), far[weak.unknown])


def _hidden(at: NDArray[np.intp], ray: Pass, away: Floats, where: Sequence[tuple[int, float, float]]) -> Finding:
    worst = int(np.argmin(ray.above_m))
    into = -float(ray.above_m[worst])
    whole = float(away[at[worst]])
    metres = BESIDE_ANTENNA_M + float(ray.share[worst]) * (whole - BESIDE_ANTENNA_M)
    seq, lat, lon = where[at[worst]]
    return warning(
        "line_of_sight",
        f"{int(np.isfinite(ray.above_m).sum())} of {len(away)} places of the flight are out of sight of the antenna; "
        f"here the surface {metres:.0f} m from home stands {into:.1f} m into the line of sight",
        f"Fly {math.ceil(into * whole / metres)} m higher there, raise the antenna, or accept that the link may drop",
        seq=seq, lat_deg=lat, lon_deg=lon,
    )  # fmt: skip


def _weak(
    at: NDArray[np.intp], of_far: NDArray[np.intp], weak: Pass, away: Floats, where: Sequence[tuple[int, float, float]],
    frequency_mhz: float,
) -> Finding:  # fmt: skip
    worst = int(np.argmin(weak.above_m[of_far]))
    into, whole = -float(weak.above_m[of_far[worst]]), float(away[at[worst]])
    metres = BESIDE_ANTENNA_M + float(weak.share[of_far[worst]]) * (whole - BESIDE_ANTENNA_M)
    seq, lat, lon = where[at[worst]]
    return warning(
        "fresnel",
        f"{len(at)} of {len(away)} places of the flight are in sight of the antenna, but with less than 60 % of the "
        f"first Fresnel zone free ({frequency_mhz:,.0f} MHz); here {into:.1f} m are missing {metres:.0f} m from home",
        f"Fly {math.ceil(into * whole / metres)} m higher there, raise the antenna, or accept a weak link",
        seq=seq, lat_deg=lat, lon_deg=lon,
    )  # fmt: skip
