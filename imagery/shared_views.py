"""Many sightings under the states that all views of a flight share: where does each fall if the states were these?

One place of what ``Place.common`` says in columns: the same states applied for good. The camera is moved by its GNSS
offset, turned by its tilt and its crookedness, asked at another time, over a ground that is higher; and each place
comes with the columns that hold there. All sightings at once, for a calibration asks again and again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import COMMON_STATES, MAX_RANGE_M, Doubts, NoPlace, Place, View, pixel_rays, places_of
from missions.geometry.camera import CameraProfile
from missions.geometry.crossing import first_crossings
from missions.geometry.geo import LocalFrame
from missions.geometry.pose import (
    ENU_FROM_NED,
    NoPose,
    Pose,
    conjugate,
    euler_from_quaternion,
    matrix,
    multiply,
    normalised,
    quaternion_from_euler,
    quaternion_from_matrix,
)
from missions.geometry.terrain import Ground

Floats = NDArray[np.float64]
PoseAt = Callable[[float], "Pose | NoPose"]

# The places of the common states in ``Place.common``.
POSITION, GROUND, ATTITUDE, BORESIGHT = slice(0, 3), 3, slice(4, 7), slice(7, 10)
CLOCK, SCALE = 10, 11
_CLOCK_STEP_S = 0.05
# A picture that stands still within this while the camera moved by more is the picture before.
_STILL_PX, _MOVED_PX = 1.0, 8.0


@dataclass(frozen=True, slots=True)
class Sighted:
    """One pixel of one target. ``pose_at``: the pose so many seconds after the frame's stamp + profile offset."""

    target: str
    u: float
    v: float
    pose_at: PoseAt
    ground: Ground
    sigma_px: float | None = None


class SharedViews:
    """The sightings of a flight. ``clock_sigmas``: one for each; ``stale``: which are the picture before."""

    def __init__(self, sighted: Sequence[Sighted], profile: CameraProfile, frame: LocalFrame) -> None:
        self._sighted, self._profile, self._frame = sighted, profile, frame
        self._views = [self._first_view(one) for one in sighted]
        self.clock_sigmas = [
            0.0 if view is None else math.hypot(profile.time_offset_sigma_s, view.pose.time_sigma_s)
            for view in self._views
        ]
        self.stale = self._stand_still()

    def _first_view(self, one: Sighted) -> View | None:
        """How the profile says it was seen; what is not known there is not known at another time either."""
        pose = one.pose_at(0.0)
        if isinstance(pose, NoPose):
            return None
        if self._profile.mount == "fixed":
            pose = replace(pose, attitude_common_rad2=np.zeros((3, 3)))
        return View(pose, self._profile, one.ground, self._frame)

    def _stand_still(self) -> list[bool]:
        """Whether a sighting is the one before, shown again: its pixel stays though the camera moved on.

        A grabber that loses frames repeats the last; the pose goes on, and the target seems to move with it.
        """
        stale = []
        last: dict[str, tuple[Sighted, Place]] = {}
        for one, view, place in zip(self._sighted, self._views, self.places(np.zeros(COMMON_STATES)), strict=True):
            before, still = last.get(one.target), False
            if before is not None and one.target and view is not None:
                expected = view.pixel_of(before[1].enu)[0]
                moved_px = math.hypot(one.u - before[0].u, one.v - before[0].v)
                should_px = math.hypot(float(expected[0]) - before[0].u, float(expected[1]) - before[0].v)
                still = moved_px < _STILL_PX and should_px > _MOVED_PX
            stale.append(still)
            if not still and isinstance(place, Place):
                last[one.target] = one, place
        return stale

    def places(self, states: Floats) -> list[Place | NoPlace]:
        """Every sighting under some common states, all at once."""
        clock = [float(states[CLOCK]) * sigma for sigma in self.clock_sigmas]
        poses = [one.pose_at(at) for one, at in zip(self._sighted, clock, strict=True)]
        found: list[Place | NoPlace] = [NoPlace(pose.text if isinstance(pose, NoPose) else "") for pose in poses]
        usable = [i for i, pose in enumerate(poses) if isinstance(pose, Pose) and self._views[i] is not None]
        if not usable:
            return found
        profile = corrected(self._profile, states[BORESIGHT], float(states[SCALE]))
        first = [view for i in usable if (view := self._views[i]) is not None]
        known = [view.doubts for view in first]
        answered = [pose for i in usable if isinstance(pose := poses[i], Pose)]
        now = [replace(view, pose=pose, profile=profile) for view, pose in zip(first, answered, strict=True)]
        turned = np.stack([_rotation(doubts.attitude_roots @ states[ATTITUDE]) for doubts in known])
        lifted = np.array([view.ground.sigma_m for view in now]) * float(states[GROUND])
        moved = np.stack([doubts.position_root @ states[POSITION] for doubts in known])
        origins = np.stack([view.camera_enu for view in now]) + moved
        origins[:, 2] -= lifted
        rotations = turned @ np.stack([view.enu_from_camera for view in now])
        pixels = np.array([[self._sighted[i].u, self._sighted[i].v] for i in usable])
        sigmas = [self._sighted[i].sigma_px for i in usable]
        sigma_px = np.array([profile.pixel_sigma_px if sigma is None else sigma for sigma in sigmas])
        d, jacobian = pixel_rays(profile, pixels, rotations)
        stacked = self._stacked(known, rotations, now, usable)
        for ground, mine in _by_ground(now).items():
            hits = first_crossings(ground, self._frame, origins[mine], d[mine], MAX_RANGE_M)
            doubts = _rows(stacked, mine)
            for k, place in zip(mine, places_of(hits, d[mine], jacobian[mine], sigma_px[mine], doubts), strict=True):
                if place is None:
                    found[usable[k]] = NoPlace("no ground is met, or at a grazing angle")
                else:
                    found[usable[k]] = replace(place, enu=place.enu + np.array([0.0, 0.0, lifted[k]]))
        self._turn_with_the_clock(found, usable, clock, origins)
        return found

    def _stacked(self, known: list[Doubts], rotations: Floats, now: list[View], usable: list[int]) -> Doubts:
        across, about = (
            math.radians(self._profile.boresight_sigma_deg),
            math.radians(self._profile.boresight_yaw_sigma_deg),
        )
        velocities = np.stack([view.pose.velocity_ned_m_s for view in now]) @ ENU_FROM_NED.T
        return Doubts(
            position_noise_root=np.stack([doubts.position_noise_root for doubts in known]),
            attitude_noise_root=np.stack([doubts.attitude_noise_root for doubts in known]),
            position_root=np.stack([doubts.position_root for doubts in known]),
            attitude_roots=np.stack([doubts.attitude_roots for doubts in known]),
            boresight_roots=rotations @ np.diag([across, across, about]),
            moved=velocities * np.array([self.clock_sigmas[i] for i in usable])[:, None],
            turned=np.zeros((len(known), 3)),  # by the pose source itself: `_turn_with_the_clock`
            axis=rotations[:, :, 2],
            ground_sigma_m=np.array([view.ground.sigma_m for view in now]),
            scale_sigma=self._profile.scale_sigma,
        )

    def _turn_with_the_clock(
        self, found: list[Place | NoPlace], usable: list[int], clock: list[float], origins: Floats
    ) -> None:
        """At another time the camera was turned otherwise, too: that belongs into the clock's column."""
        gimbal = self._profile.mount == "gimbal"
        for k, i in enumerate(usable):
            place, pose_at = found[i], self._sighted[i].pose_at
            before, after = pose_at(clock[i] - _CLOCK_STEP_S), pose_at(clock[i] + _CLOCK_STEP_S)
            if isinstance(place, NoPlace) or not (isinstance(before, Pose) and isinstance(after, Pose)):
                continue
            first, last = (pose.ned_from_mount if gimbal else pose.ned_from_body for pose in (before, after))
            half = multiply(last, conjugate(first))
            turn_rad_s = ENU_FROM_NED @ half[1:] * (math.copysign(2.0, half[0]) / (2.0 * _CLOCK_STEP_S))
            apart = place.enu - origins[k]
            swept = np.cross(turn_rad_s, apart)
            place.common[:, CLOCK] += (swept[:2] - apart[:2] * (swept[2] / apart[2])) * self.clock_sigmas[i]


def corrected(profile: CameraProfile, boresight: Floats, scale: float) -> CameraProfile:
    """The profile turned by (3,) sigmas of boresight about the camera's axes, and scaled by sigmas of scale."""
    across, about = math.radians(profile.boresight_sigma_deg), math.radians(profile.boresight_yaw_sigma_deg)
    turned = profile.mount_from_camera @ _rotation(boresight * (across, across, about))
    nominal = replace(profile, roll_deg=0.0, pitch_deg=0.0, yaw_deg=0.0).mount_from_camera
    roll, pitch, yaw = euler_from_quaternion(quaternion_from_matrix(turned @ nominal.T))
    grown = 1.0 + profile.scale_sigma * scale
    return replace(
        profile,
        roll_deg=math.degrees(roll),
        pitch_deg=math.degrees(pitch),
        yaw_deg=math.degrees(yaw),
        fx=profile.fx / grown,
        fy=profile.fy / grown,
    )


def _rotation(vector_rad: Floats) -> Floats:
    """(3,) rotation vector → (3, 3)."""
    return matrix(_quaternion(vector_rad))


def _quaternion(vector_rad: Floats) -> Floats:
    angle = float(np.linalg.norm(vector_rad))
    if angle < 1e-12:
        return quaternion_from_euler(0.0, 0.0, 0.0)
    axis = np.asarray(vector_rad, np.float64) / angle
    return normalised(np.array([math.cos(angle / 2), *(math.sin(angle / 2) * axis)]))


def _by_ground(views: Sequence[View]) -> dict[Ground, list[int]]:
    """Indices of the views over each ground: a log may say another height under every frame."""
    groups: dict[Ground, list[int]] = {}
    for i, view in enumerate(views):
        groups.setdefault(view.ground, []).append(i)
    return groups


def _rows(doubts: Doubts, mine: list[int]) -> Doubts:
    """Those of some views only."""
    arrays: dict[str, Any] = {}
    for f in fields(doubts):
        value = getattr(doubts, f.name)
        arrays[f.name] = value[mine] if isinstance(value, np.ndarray) else value
    return Doubts(**arrays)
