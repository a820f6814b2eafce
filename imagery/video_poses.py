"""Poses along a video by what it says of itself: DJI's subtitles, or the metadata in an MPEG-TS stream.

Between two cues the way is blended, never across a gap and never beyond the last one. Heights are those of
`picture_poses`: above a take-off whose own height is doubted, or above sea level where the stream says that.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagery.picture_poses import TakeOff, pose_from
from imagery.pose_strays import strays
from imagery.readers.srt import Cue
from missions.geometry.pose import NoPose, NoPoseReason, Pose, blended, turn_rate

# A subtitle a second is what older aircraft write.
MOST_GAP_S = 2.0
# How far a cue and its picture may be apart: nobody says at which end of an exposure it was written.
_TIME_SIGMA_S = 0.1
_METRES_A_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """The cues that have a pose, in the order of their times, and why the others have none."""

    times_s: tuple[float, ...]
    poses: tuple[Pose, ...]
    reason: str = "the video says no place"

    def pose_at(self, time_s: float) -> Pose | NoPose:
        """The pose at a moment of the video's clock."""
        after = bisect_right(self.times_s, time_s)
        if not self.poses:
            return NoPose(time_s, NoPoseReason.NO_POSITION, self.reason)
        if after and (after == len(self.times_s) or self.times_s[after - 1] == time_s):
            last_s = self.times_s[after - 1]
            if time_s - last_s <= self._usual_s():  # a cue holds until the next one would have come
                return replace(self.poses[after - 1], time_s=time_s)
            return NoPose(time_s, NoPoseReason.GAP, "the video's metadata end before this frame")
        if not after:
            return NoPose(time_s, NoPoseReason.GAP, "the video's metadata begin after this frame")
        a_s, b_s = self.times_s[after - 1 : after + 1]
        if b_s - a_s > MOST_GAP_S:
            return NoPose(time_s, NoPoseReason.GAP, f"a gap of {b_s - a_s:.1f} s in the video's metadata")
        a, b = self.poses[after - 1], self.poses[after]
        return replace(
            blended(a, b, (time_s - a_s) / (b_s - a_s)), time_s=time_s, time_sigma_s=_TIME_SIGMA_S,
            velocity_ned_m_s=_metres_ned(a, b) / (b_s - a_s),
            mount_rate_ned_rad_s=turn_rate(a.ned_from_mount, b.ned_from_mount, b_s - a_s),
            body_rate_ned_rad_s=turn_rate(a.ned_from_body, b.ned_from_body, b_s - a_s),
        )  # fmt: skip

    def _usual_s(self) -> float:
        if len(self.times_s) < 2:
            return 0.05
        return min(0.2, (self.times_s[-1] - self.times_s[0]) / (len(self.times_s) - 1))


def _metres_ned(a: Pose, b: Pose) -> NDArray[np.float64]:
    """(3,) from one place to the next: how fast it goes says what a wrong clock does, to a percent."""
    at, to = a.position, b.position
    east = (to.lon_deg - at.lon_deg) * _METRES_A_DEGREE * math.cos(math.radians(at.lat_deg))
    return np.array([(to.lat_deg - at.lat_deg) * _METRES_A_DEGREE, east, at.alt_m - to.alt_m])


def trail_of(cues: Sequence[Cue], home: TakeOff | None) -> Trail:
    """``home``: what heights above the take-off stand on; None where the cues say their height above sea level."""
    times: list[float] = []
    poses: list[Pose] = []
    reason = "the video says no place"
    for cue in cues:
        facts = cue.facts
        sea = home is None
        if sea:
            facts = replace(facts, above_home_m=facts.alt_m)
        found = pose_from(facts, home or TakeOff(0.0), vehicle=1, order=0)
        if isinstance(found, NoPose):
            reason = found.text.replace("the picture", "the video")
            continue
        if times and cue.at_s <= times[-1]:
            continue
        times.append(cue.at_s)
        poses.append(replace(found, height_above_home_m=None) if sea else found)
    lost = strays(poses)
    kept = [at for at in range(len(poses)) if at not in lost]
    return Trail(tuple(times[at] for at in kept), tuple(poses[at] for at in kept), reason)
