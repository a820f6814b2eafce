"""How late a stream is whose frames do not say when they were exposed: learnt from how the picture moves.

A plain RTSP stream has a latency that nobody states, some tenths of a second. But the picture shakes as the aircraft
does: from frame to frame it is shifted by so many pixels (phase correlation: Kuglin, Hines 1975), and the attitude says
by how many it should be, at any time. The offset is the one for which the two agree (as gyroscopes and cameras are
aligned: Mair, Fleps et al. 2011). Here all offsets of a grid are tried on every pair of frames and the sums of squared
differences are kept; their minimum is the offset, and how sharp it is, against the differences that are left, says how
well it is known. A hovering aircraft, or a picture without anything in it, tells nothing, and then nothing is learnt:
the frames keep their wide sigma.

What is a constant of a flight (the height above the ground, a crooked mount) shifts all pairs alike; so only what
varies is compared.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.frame import Frame
from missions.geometry.camera import CameraProfile
from missions.geometry.pose import ENU_FROM_NED, NoPose, Pose, PoseSource, matrix

Floats = NDArray[np.float64]

# What a stream's stamp may be off by, seconds, beyond what is taken for its latency before anything is known.
_STEP_S = 0.04
_OFFSETS_S = np.arange(-15, 9) * _STEP_S
PRIOR_SIGMA_S = 0.15
# A pair of frames is taken this often, and more seldom once it is learnt; its frames are no farther apart than this.
_EVERY_S, _SELDOM_S, _TOGETHER_S = 0.15, 0.6, 0.4
_WIDTH_PX = 160
# Below this the correlation peak is noise; and a pair that is off by more than so many sigmas has no more say.
_LEAST_RESPONSE, _DOUBT = 0.08, 4.0
_REMEMBERED, _NEEDED = 300, 25
_LEAST_NOISE_PX, _SURE_S = 0.4, 0.05
# Pairs in a row err alike (wind, the grid of the pose), so many times less do they tell.
_ALIKE = 3.0
# The attitude must explain this much of how the picture shakes: the share of the squares that may be left.
_LEFT = 0.3
_LOWEST_M = 5.0


@dataclass(frozen=True, slots=True)
class Learnt:
    """Seconds to add to what was taken for the time of exposure, and how well that is known."""

    offset_s: float
    sigma_s: float


@dataclass(frozen=True, slots=True)
class _Pair:
    first: Frame
    second: Frame
    shift_px: tuple[float, float]


class LatencyLearner:
    """One camera's. ``see`` belongs to the thread that looks at frames, ``weigh`` to the one that has the poses."""

    def __init__(self, profile: CameraProfile) -> None:
        self._profile = profile
        self._before: tuple[Frame, NDArray[np.float32]] | None = None
        self._window: NDArray[np.float32] | None = None
        self._last_pair_s = -math.inf
        self._pairs: deque[_Pair] = deque(maxlen=64)
        # Of each pair (2, 1 + offsets): the shift as it was measured, then what an offset leaves of it.
        self._rests: deque[Floats] = deque(maxlen=_REMEMBERED)
        self.learnt: Learnt | None = None

    def see(self, frame: Frame, small: Frame) -> None:
        """A frame with its pixels, and the same without them, which is kept."""
        if frame.stamp_s < self._last_pair_s:  # the stream has begun anew
            self._before, self._last_pair_s = None, -math.inf
        if frame.stamp_s - self._last_pair_s < (_EVERY_S if self.learnt is None else _SELDOM_S):
            return
        picture = _reduced(frame.image)
        before, self._before = self._before, (small, picture)
        if before is None or before[1].shape != picture.shape:
            return
        apart_s = frame.stamp_s - before[0].stamp_s
        if not 0.0 < apart_s <= _TOGETHER_S:
            return
        self._before = None
        if self._window is None or self._window.shape != picture.shape:
            self._window = np.asarray(cv2.createHanningWindow(picture.shape[::-1], cv2.CV_32F), np.float32)
        (right, down), response = cv2.phaseCorrelate(before[1], picture, self._window)
        self._last_pair_s = frame.stamp_s
        if response >= _LEAST_RESPONSE:
            scale = frame.width / picture.shape[1]
            self._pairs.append(_Pair(before[0], small, (right * scale, down * scale)))

    def weigh(self, poses: PoseSource, utc_of: Callable[[Frame], float | None]) -> None:
        """Hold the pairs against the poses, as far as these have come. ``utc_of``: a frame → UTC as it is taken now."""
        added = False
        while self._pairs:
            pair = self._pairs[0]
            times = utc_of(pair.first), utc_of(pair.second)
            if times[0] is None or times[1] is None:
                return
            if isinstance(poses.pose_at(times[1] + _OFFSETS_S[-1]), NoPose) and len(self._pairs) < 48:
                return  # telemetry has not come that far; when it never does, the oldest go
            self._pairs.popleft()
            known_s = self._profile.time_offset_s
            predicted = self._predicted(poses, times[0] + known_s, times[1] + known_s)
            if predicted is not None:
                measured = np.array(pair.shift_px)[:, None]
                self._rests.append(np.concatenate([measured, measured - predicted], axis=1))
                added = True
        if added:
            self.learnt = _found(np.stack(list(self._rests))) or self.learnt

    def _predicted(self, poses: PoseSource, first_s: float, second_s: float) -> Floats | None:
        """(2, offsets) pixels that the middle of the picture moves by, for each offset; None where one is unknown."""
        shifts = np.zeros((2, len(_OFFSETS_S)))
        for number, offset_s in enumerate(_OFFSETS_S):
            first, second = poses.pose_at(first_s + offset_s), poses.pose_at(second_s + offset_s)
            if isinstance(first, NoPose) or isinstance(second, NoPose):
                return None
            moved = self._moved(first, second)
            if moved is None:
                return None
            shifts[:, number] = moved
        return shifts

    def _moved(self, first: Pose, second: Pose) -> Floats | None:
        height_m = first.height_above_home_m
        if height_m is None or height_m < _LOWEST_M:
            return None
        before, after = self._enu_from_camera(first), self._enu_from_camera(second)
        middle = np.array([[(self._profile.width - 1) / 2, (self._profile.height - 1) / 2]])
        ray = before @ self._profile.rays(middle)[0]
        if ray[2] > -0.3:
            return None  # towards the horizon nothing is known of how far away it is
        velocity = 0.5 * ENU_FROM_NED @ (first.velocity_ned_m_s + second.velocity_ned_m_s)
        seen = ray * (height_m / -ray[2]) - velocity * (second.time_s - first.time_s)
        pixel: Floats = self._profile.project((after.T @ seen)[None])[0]
        return pixel - middle[0] if np.isfinite(pixel).all() else None

    def _enu_from_camera(self, pose: Pose) -> Floats:
        mount = pose.ned_from_mount if self._profile.mount == "gimbal" else pose.ned_from_body
        rotation: Floats = ENU_FROM_NED @ matrix(mount) @ self._profile.mount_from_camera
        return rotation


def _found(rests: Floats) -> Learnt | None:
    """The offset that leaves least of (N, 2, 1 + offsets) how the shifts vary; None where they do not tell."""
    if len(rests) < _NEEDED:
        return None
    squares = ((rests - np.median(rests, axis=0)) ** 2).sum(axis=1)
    middle, squares = np.median(squares, axis=0), squares[:, 1:]
    if middle[1:].min() > _LEFT * middle[0]:
        return None  # no attitude explains how this picture moves
    # Half of all pairs are within 1.18 sigma of a difference in two coordinates.
    noise_px = max(_LEAST_NOISE_PX, math.sqrt(float(middle[1:].min())) / 1.18)
    sums = np.minimum(squares / noise_px**2, _DOUBT**2).sum(axis=0) / _ALIKE + (_OFFSETS_S / PRIOR_SIGMA_S) ** 2
    best = int(np.argmin(sums))
    if not 0 < best < len(sums) - 1:
        return None
    before, here, after = sums[best - 1], sums[best], sums[best + 1]
    bend = before - 2.0 * here + after
    sigma_s = _STEP_S * math.sqrt(2.0 / max(float(bend), 1e-9))
    if sigma_s > _SURE_S:
        return None
    offset_s = float(_OFFSETS_S[best]) + 0.5 * _STEP_S * float((before - after) / bend)
    return Learnt(offset_s, math.hypot(sigma_s, 0.01))


def _reduced(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """A small float32 picture of any frame, grey."""
    grey = image if image.ndim == 2 else np.asarray(image)[..., 1]
    high, wide = grey.shape[:2]
    width = min(_WIDTH_PX, wide)
    size = (width, max(1, round(high * width / wide)))
    small = cv2.resize(np.asarray(grey), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # What is bright must not outweigh the texture of the ground.
    low, top = (float(value) for value in np.percentile(small, (2.0, 98.0)))
    return np.clip(small, low, top)
