"""A field of fires, flown over and over: measurements as a camera and a vehicle that err would give, no pictures.

Each pass draws errors of its own (receiver, tilt, heading, mount) and keeps them; each frame is shaken besides. Pixels
come from the true pose by projection, the told pose is the wrong one. The fire that a hotspot was last seen as is known
by its temperature, which no other fire has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagery.georeference import View
from imagery.hotspots import Hotspot, HotspotMemory, fold
from missions.geometry.pose import Pose, conjugate, multiply, normalised, quaternion_from_euler
from tests.imagery.scenes import FLAT, LOCAL, PROFILE, detections, observation, pose

Floats = NDArray[np.float64]

HEIGHT_M, LEG_M, STEP_M, SPEED_M_S = 80.0, 40.0, 13.5, 9.0
HEADINGS_DEG = (0.0, 90.0, 45.0, 180.0, 135.0)
_MARGIN_M, _SEEN_SHARE, _BETWEEN_S = 40.0, 0.9, 600.0
# One sigma: GNSS east, north, up; roll, pitch, yaw; boresight across, along and about the axis, as the profile says.
_OFFSET_M = np.array([1.0, 1.0, 1.5])
_TURN_RAD = np.radians([0.5, 0.5, 1.5])
_CROOKED_RAD = math.radians(0.5)
_SHAKE_M, _SHAKE_RAD, _BLUR_PX = 0.15, math.radians(0.3), 0.7


@dataclass(frozen=True, slots=True)
class Wrong:
    """What one pass errs by: metres in ENU, radians about the levelled vehicle's axes, pixels of a crooked mount."""

    offset_m: Floats
    turn_rad: Floats
    crooked_px: Floats

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> Wrong:
        offset, turn = generator.normal(0.0, 1.0, 3) * _OFFSET_M, generator.normal(0.0, 1.0, 3) * _TURN_RAD
        return cls(offset, turn, generator.normal(0.0, 1.0, 2) * _CROOKED_RAD * PROFILE.fx)


def field_of(generator: np.random.Generator, count: int, spacing_m: float, least_m: float) -> Floats:
    """(count, 2) fires at random in a square with so many square metres for each, none nearer to another than least."""
    side = math.sqrt(count) * spacing_m
    cells: dict[tuple[int, int], list[Floats]] = {}
    placed: list[Floats] = []
    while len(placed) < count:
        at = generator.uniform(-side / 2, side / 2, 2)
        x, y = (int(value // least_m) for value in at)
        near = [p for dx in (-1, 0, 1) for dy in (-1, 0, 1) for p in cells.get((x + dx, y + dy), [])]
        if all(float(np.hypot(*(at - p))) > least_m for p in near):
            cells.setdefault((x, y), []).append(at)
            placed.append(at)
    return np.array(placed)


def track(side_m: float, heading_deg: float) -> Iterator[tuple[Floats, float]]:
    """Middles (2,) of the frames of a pass in legs to and fro over a square, and the yaw of each, degrees."""
    heading = math.radians(heading_deg)
    along = np.array([math.sin(heading), math.cos(heading)])
    across = np.array([along[1], -along[0]])
    reach = 0.75 * side_m + LEG_M
    for leg, aside in enumerate(np.arange(-reach, reach, LEG_M)):
        way = 1.0 if leg % 2 == 0 else -1.0
        for step in np.arange(-reach, reach, STEP_M):
            middle = across * aside + along * step * way
            if float(np.abs(middle).max()) <= side_m / 2 + _MARGIN_M:
                yield middle, heading_deg + (0.0 if way > 0 else 180.0)


def told(true: Pose, wrong: Wrong, yaw_deg: float, generator: np.random.Generator) -> Pose:
    """The pose that the vehicle believes in, with what it says of its errors."""
    level = quaternion_from_euler(0.0, 0.0, math.radians(yaw_deg))
    turn = multiply(multiply(level, _turned(wrong.turn_rad)), conjugate(level))
    turn = multiply(turn, _turned(generator.normal(0.0, _SHAKE_RAD, 3)))
    at = LOCAL.enu_of(true.position) + wrong.offset_m + generator.normal(0.0, _SHAKE_M, 3)
    return replace(
        true,
        position=LOCAL.point_at(at),
        ned_from_mount=multiply(turn, true.ned_from_mount),
        ned_from_body=multiply(turn, true.ned_from_body),
        position_noise_m2=np.eye(3) * _SHAKE_M**2,
        position_common_m2=np.diag(_OFFSET_M**2),
        attitude_noise_rad2=np.eye(3) * _SHAKE_RAD**2,
        attitude_common_rad2=np.diag(_TURN_RAD**2),
    )


def _turned(vector_rad: Floats) -> Floats:
    angle = float(np.linalg.norm(vector_rad))
    return normalised(np.array([math.cos(angle / 2), *(math.sin(angle / 2) * vector_rad / max(angle, 1e-12))]))


@dataclass(slots=True)
class Survey:
    """Fires (N, 2), how hot each is (N,), and what is remembered of them."""

    fires: Floats
    peaks: Floats
    memory: HotspotMemory
    generator: np.random.Generator
    time_s: float = 0.0
    frames: int = 0

    @classmethod
    def over(cls, seed: int, count: int, spacing_m: float, least_m: float) -> Survey:
        generator = np.random.default_rng(seed)
        fires = field_of(generator, count, spacing_m, least_m)
        peaks = generator.permutation(np.linspace(375.0, 900.0, count))
        return cls(fires, peaks, HotspotMemory(), generator)

    @property
    def side_m(self) -> float:
        return 2.0 * float(np.abs(self.fires).max())

    def fly(self, heading_deg: float, wrong: Wrong) -> None:
        """One pass in legs; nine in ten of what is in view are found."""
        self.time_s += _BETWEEN_S
        order = np.argsort(self.fires[:, 0])
        easts = self.fires[order, 0]
        for middle, yaw_deg in track(self.side_m, heading_deg):
            self.time_s += STEP_M / SPEED_M_S
            first, last = np.searchsorted(easts, [middle[0] - 60.0, middle[0] + 60.0])
            strip = order[first:last]
            self._look(strip[np.abs(self.fires[strip, 1] - middle[1]) < 60.0], middle, yaw_deg, wrong)

    def _look(self, near: NDArray[np.int64], middle: Floats, yaw_deg: float, wrong: Wrong) -> None:
        true = pose(float(middle[0]), float(middle[1]), HEIGHT_M, yaw_deg=yaw_deg, time_s=self.time_s)
        ground = np.column_stack([self.fires[near], np.zeros(len(near))])
        uv = View(true, PROFILE, FLAT, LOCAL).pixel_of(ground) if len(near) else np.zeros((0, 2))
        uv = uv + wrong.crooked_px + self.generator.normal(0.0, _BLUR_PX, uv.shape)
        inside = ((uv > 3.0) & (uv < (PROFILE.width - 4.0, PROFILE.height - 4.0))).all(axis=1)
        seen = inside & (self.generator.random(len(uv)) < _SEEN_SHARE)
        found = detections(*map(tuple, uv[seen]))  # type: ignore[arg-type]
        found = replace(found, peak=self.peaks[near][seen])
        believed = told(true, wrong, yaw_deg, self.generator)
        view = View(believed, PROFILE, FLAT, LOCAL)
        ring = view.footprint()
        assert isinstance(ring, np.ndarray)
        self.frames += 1
        self.memory, _ = fold(self.memory, observation(believed, found, seq=self.frames), view, ring)

    def fire_of(self, hotspot: Hotspot) -> int:
        """Which fire a hotspot was last seen as."""
        return int(np.abs(self.peaks - hotspot.latest_peak_k).argmin())

    def duplicates_and_lost(self) -> tuple[int, int]:
        """How many numbers too many there are, and how many fires have none."""
        shown = np.bincount([self.fire_of(h) for h in self.memory.confirmed], minlength=len(self.fires))
        return int(np.maximum(shown - 1, 0).sum()), int((shown == 0).sum())
