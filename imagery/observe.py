"""The pipeline in one readable place: frame → detections → (wait for the pose) → observation.

**Pixels never wait, detections do.** ``Observer.see`` looks at a frame at once and keeps only the small result; it
waits in a bounded queue until telemetry brackets its exposure, three seconds at most, after which it is counted and
shown as unplaced. ``take_ready`` hands out ``FrameObservation``s in order of exposure: all that the memory of hotspots
needs, in a form that can be written to the journal and read back without losing a bit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.detect import Detections, detect
from imagery.frame import Frame, FrameKind
from imagery.guard import FrameGuard
from imagery.latency import LatencyLearner
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.pose import NoPose, NoPoseReason, Pose, PoseSource

PATIENCE_S = 3.0
MAX_WAITING = 64
UNKNOWN_CLOCK = "unknown"

_POSE_ARRAYS = (
    "ned_from_mount",
    "ned_from_body",
    "velocity_ned_m_s",
    "position_noise_m2",
    "position_common_m2",
    "attitude_noise_rad2",
    "attitude_common_rad2",
)
# Journals of before they were measured lack them.
_POSE_RATES = ("mount_rate_ned_rad_s", "body_rate_ned_rad_s")  # fmt: skip
_DETECTION_ARRAYS = {
    "u": np.float64, "v": np.float64, "peak": np.float64, "mean": np.float64, "background": np.float64,
    "area_px": np.int64, "bbox": np.int64, "saturated": np.bool_, "edge": np.bool_, "power_w_m2": np.float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FrameObservation:
    """One processed frame. ``pose`` is a NoPose where the frame could not be placed; ``refusal``: why not looked at.

    ``hottest``: which detection holds the hottest pixel and how hot that is, kelvin, where the camera says so and the
    picture has no temperatures (``thermal_range``).
    """

    vehicle: int
    camera: str
    seq: int
    time_s: float
    pose: Pose | NoPose
    detections: Detections
    refusal: str = ""
    picture: str = ""
    hottest: tuple[int, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object that ``from_json`` turns into an equal observation, to the last bit."""
        found = self.detections
        return {
            "vehicle": self.vehicle,
            "camera": self.camera,
            "seq": self.seq,
            "time_s": self.time_s,
            "refusal": self.refusal,
            "picture": self.picture,
            "pose": _pose_to_json(self.pose),
            "detections": {
                "kind": found.kind,
                "radiometric": found.radiometric,
                **{key: getattr(found, key).tolist() for key in _DETECTION_ARRAYS},
            },
            **({} if self.hottest is None else {"hottest": list(self.hottest)}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FrameObservation:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError for another shape."""
        found = data["detections"]
        # Journals of before it was measured.
        found.setdefault("power_w_m2", [0.0] * len(found["u"]))
        arrays: dict[str, Any] = {key: np.array(found[key], dtype) for key, dtype in _DETECTION_ARRAYS.items()}
        arrays["bbox"] = arrays["bbox"].reshape(-1, 4)
        return cls(
            vehicle=data["vehicle"],
            camera=data["camera"],
            seq=data["seq"],
            time_s=data["time_s"],
            refusal=data["refusal"],
            picture=data["picture"],
            pose=_pose_from_json(data["pose"]),
            detections=Detections(**arrays, kind=found["kind"], radiometric=found["radiometric"]),
            hottest=_hottest_from_json(data.get("hottest")),
        )


def _hottest_from_json(data: list[Any] | None) -> tuple[int, float] | None:
    return None if data is None else (int(data[0]), float(data[1]))


def _pose_to_json(pose: Pose | NoPose) -> dict[str, Any]:
    if isinstance(pose, NoPose):
        return {"time_s": pose.time_s, "reason": pose.reason.value, "text": pose.text}
    at = pose.position
    return {
        "vehicle": pose.vehicle,
        "time_s": pose.time_s,
        "position": [at.lat_deg, at.lon_deg, at.alt_m, at.datum.value],
        "time_sigma_s": pose.time_sigma_s,
        "height_above_home_m": pose.height_above_home_m,
        **{key: getattr(pose, key).tolist() for key in (*_POSE_ARRAYS, *_POSE_RATES)},
    }


def _pose_from_json(data: dict[str, Any]) -> Pose | NoPose:
    if "reason" in data:
        return NoPose(data["time_s"], NoPoseReason(data["reason"]), data["text"])
    lat, lon, alt, datum = data["position"]
    return Pose(
        vehicle=data["vehicle"],
        time_s=data["time_s"],
        position=GeoPoint(lat, lon, alt, Datum(datum)),
        time_sigma_s=data["time_sigma_s"],
        height_above_home_m=data["height_above_home_m"],
        **{key: np.array(data[key], np.float64) for key in _POSE_ARRAYS},
        **{key: np.array(data.get(key, (0.0, 0.0, 0.0)), np.float64) for key in _POSE_RATES},
    )


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one look found, before its place is known; the pixels are gone."""

    frame: Frame
    detections: Detections
    mask: NDArray[np.uint8]
    refusal: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    frame: Frame
    detections: Detections
    refusal: str
    since_s: float


def _without_pixels(frame: Frame) -> Frame:
    return replace(frame, image=np.zeros((0, 0), np.uint8))


class Observer:
    """The eye of one camera."""

    def __init__(self, profile: CameraProfile, *, task: str = "fire") -> None:
        self.profile = profile
        self.task = task
        self.guard = FrameGuard()
        self.latency = LatencyLearner(profile)
        self.frames = 0
        self.unplaced = 0
        self.refused = 0
        self._waiting: deque[_Waiting] = deque()

    def see(self, frame: Frame) -> Seen:
        """Look at a frame. Off the event loop: this is the part that takes milliseconds."""
        self.frames += 1
        if frame.clock == UNKNOWN_CLOCK:
            self.latency.see(frame, _without_pixels(frame))
        if frame.kind is FrameKind.VISIBLE or self.profile.band == "visible":
            nothing = Detections.empty("unknown", radiometric=False)
            return Seen(frame, nothing, np.zeros(frame.image.shape[:2], np.uint8), "visible light: no temperatures")
        per_kelvin = {FrameKind.KELVIN: 1.0, FrameKind.COUNTS: 1.0 / frame.kelvin_per_count}.get(frame.kind, 0.0)
        verdict = self.guard.judge(frame.image, per_kelvin)
        if not verdict.usable:
            self.refused += 1
            nothing = Detections.empty(radiometric=frame.radiometric)
            return Seen(frame, nothing, np.zeros(frame.image.shape[:2], np.uint8), verdict.reason)
        found, mask = detect(frame, self.task)
        return Seen(frame, self.guard.without_dead_pixels(found), mask, "")

    def wait_for_pose(self, seen: Seen, *, now_s: float) -> None:
        """Queue the small result. A full queue loses its oldest entry, which counts as unplaced."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.unplaced += 1
        self._waiting.append(_Waiting(_without_pixels(seen.frame), seen.detections, seen.refusal, now_s))

    @property
    def waiting(self) -> int:
        """Frames whose pose has not come yet."""
        return len(self._waiting)

    def take_ready(
        self, poses: PoseSource, utc_of: Callable[[Frame], float | None], *, now_s: float
    ) -> tuple[FrameObservation, ...]:
        """The observations whose pose is known now, or will never be. ``utc_of``: a frame's stamp → UTC of exposure."""
        ready = []
        self.latency.weigh(poses, utc_of)
        while self._waiting:
            waiting = self._waiting[0]
            time_s = self._exposed_s(waiting.frame, utc_of)
            stamp_s = waiting.frame.stamp_s if time_s is None else time_s + self.profile.time_offset_s
            pose = (
                NoPose(stamp_s, NoPoseReason.NO_CLOCK, "the time of this frame is not known")
                if time_s is None
                else poses.pose_at(stamp_s)
            )
            worth_waiting = isinstance(pose, NoPose) and pose.reason in (NoPoseReason.NOT_YET, NoPoseReason.NO_CLOCK)
            if worth_waiting and now_s - waiting.since_s < PATIENCE_S:
                break
            self._waiting.popleft()
            self.unplaced += isinstance(pose, NoPose)
            ready.append(self._observation(waiting, pose, stamp_s))
        return tuple(ready)

    def _exposed_s(self, frame: Frame, utc_of: Callable[[Frame], float | None]) -> float | None:
        """With what is known by now of how late the stream is, where its frames do not say when they were exposed."""
        time_s, learnt = utc_of(frame), self.latency.learnt
        if time_s is None or learnt is None or frame.clock != UNKNOWN_CLOCK:
            return time_s
        return time_s + learnt.offset_s

    def _observation(self, waiting: _Waiting, pose: Pose | NoPose, time_s: float) -> FrameObservation:
        frame, learnt = waiting.frame, self.latency.learnt
        known = learnt is not None and frame.clock == UNKNOWN_CLOCK
        sigma_s = learnt.sigma_s if learnt is not None and known else frame.time_sigma_s
        if isinstance(pose, Pose) and sigma_s > pose.time_sigma_s:
            pose = replace(pose, time_sigma_s=sigma_s)
        return FrameObservation(
            frame.vehicle, frame.camera, frame.seq, time_s, pose, waiting.detections, waiting.refusal, frame.name
        )
