"""Where the camera looks during a planned flight: straight pieces of the way, and the footprint under each.

The items say it: a gimbal command holds until the next one, a point of interest takes the camera away, a camera bolted
to the airframe looks where the nose goes. A **pass** is one or several legs in a row that keep their heading: terrain
following cuts a survey line into many legs, and the camera goes over a place once all the same. Ways without a look at
the ground (take-off, return, a point of interest, the horizon in the picture) are left out and counted.

The footprint is that of a level aircraft: a gimbal holds itself level, a bolted camera leans with the airframe into the
wind, which is not in it. It is a table in units of the height: for each place across the line, how far back and ahead
the picture reaches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import matrix, quaternion_from_euler
from missions.geometry.terrain import Ground
from missions.items import Command, MissionItem
from missions.path import Stop, leg_length_m, legs_of

Floats = NDArray[np.float64]

SAME_HEADING_DEG = 20.0
_LOWEST_DOWN = 0.1
_ACROSS = 129


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """On a plane 1 m below: at each of `across` (K,) metres right of the line, seen from `back` to `ahead` (K,)."""

    across: Floats
    back: Floats
    ahead: Floats

    @property
    def reach(self) -> float:
        """The farthest that is seen in any direction."""
        far = np.maximum(np.abs(self.back), np.abs(self.ahead))
        return float(np.hypot(self.across, far).max())


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A straight way from `start` to `end`, each (3,): east, north, height above sea level; what is seen from it."""

    start: Floats
    end: Floats
    footprint: Footprint
    seq: int


def footprint(profile: CameraProfile, pitch_deg: float = -90.0, yaw_deg: float = 0.0) -> Footprint | None:
    """Of a gimbal at these angles, or of a bolted camera (which has none); None with the horizon in the picture."""
    rays = profile.rays(_border(profile)) @ profile.mount_from_camera.T
    if profile.mount == "gimbal":
        turn = quaternion_from_euler(0.0, math.radians(pitch_deg), math.radians(yaw_deg))
        rays = rays @ matrix(turn).T
    down = rays[:, 2]
    if down.min() < _LOWEST_DOWN:
        return None
    right, ahead = rays[:, 1] / down, rays[:, 0] / down
    # The outermost columns are lines without width: they are drawn in a little.
    across = np.linspace(right.min(), right.max(), _ACROSS) * (1.0 - 1e-9)
    crossings = _crossings(right, ahead, across)
    return Footprint(across, np.nanmin(crossings, axis=0), np.nanmax(crossings, axis=0))


def _border(profile: CameraProfile) -> Floats:
    """The rim of the picture, in order; half a pixel beyond the centres of its outermost pixels."""
    w, h = profile.width, profile.height
    edge = np.linspace(0.0, 1.0, 17)[:-1]
    sides = ((edge * w, 0 * edge), (w + 0 * edge, edge * h), (w - edge * w, h + 0 * edge), (0 * edge, h - edge * h))
    return np.concatenate([np.column_stack(side) for side in sides]) - 0.5


def _crossings(x: Floats, y: Floats, at: Floats) -> Floats:
    """(edges, K): where each edge of the ring meets the lines x = at; NaN where it does not."""
    x1, y1 = np.roll(x, -1)[:, None], np.roll(y, -1)[:, None]
    x0, y0 = x[:, None], y[:, None]
    span = np.where(x1 == x0, np.nan, x1 - x0)
    part = (at[None, :] - x0) / span
    return np.where((part >= -1e-9) & (part <= 1.0 + 1e-9), y0 + part * (y1 - y0), np.nan)


def passes_of(
    items: Sequence[MissionItem], home: GeoPoint, profile: CameraProfile, frame: LocalFrame, terrain: Ground
) -> tuple[tuple[tuple[View, ...], ...], int]:
    """Passes in flight order, each of legs that keep their heading, and how many legs were left out.

    Take-off and way home are not counted as left out: nobody plans them to look.
    """
    looks = _looks(items, profile)
    passes: list[list[View]] = []
    left_out, heading_before = 0, math.nan
    legs = [leg for leg in legs_of(items, home) if leg.why == "" and leg_length_m(leg) > 0.5]
    for number, leg in enumerate(legs):
        seen = looks.get(leg.end.seq)
        if number == 0:
            continue  # from home to the first place
        if seen is None:
            left_out, heading_before = left_out + 1, math.nan
            continue
        view = View(_enu(leg.start, frame, terrain, home), _enu(leg.end, frame, terrain, home), seen, leg.end.seq)
        heading = _heading_deg(view)
        if abs((heading - heading_before + 180.0) % 360.0 - 180.0) <= SAME_HEADING_DEG:
            passes[-1].append(view)
        else:
            passes.append([view])
        heading_before = heading
    return tuple(tuple(one) for one in passes), left_out


def _looks(items: Sequence[MissionItem], profile: CameraProfile) -> dict[int, Footprint | None]:
    """Item number → what is seen on the way to it."""
    found: dict[int, Footprint | None] = {}
    known: dict[tuple[float, float], Footprint | None] = {}
    fixed = profile.mount != "gimbal"
    angles, away = ((-90.0, 0.0) if fixed else None), False
    for seq, item in enumerate(items):
        if item.command == Command.GIMBAL_PITCH_YAW and not fixed:
            angles = (item.p1, item.p2)
        elif item.command in (Command.ROI_LOCATION, Command.ROI):
            away = True
        elif item.command == Command.ROI_NONE:
            away = False
        if angles is not None and angles not in known:
            known[angles] = footprint(profile, *angles)
        found[seq] = None if away or angles is None else known[angles]
    return found


def _heading_deg(view: View) -> float:
    east, north = (view.end - view.start)[:2]
    return math.degrees(math.atan2(east, north))


def _enu(stop: Stop, frame: LocalFrame, terrain: Ground, home: GeoPoint) -> Floats:
    east, north = frame.enu_from_geo(stop.lat_deg, stop.lon_deg, frame.origin.alt_m)[:2]
    base = 0.0
    if stop.datum is Datum.HOME:
        base = home.alt_m
    elif stop.datum is Datum.GROUND:
        base = float(terrain.height_at(stop.lat_deg, stop.lon_deg))
    return np.array([east, north, stop.alt_m + base])
