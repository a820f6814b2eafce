"""One camera of a run: looks at its frames, knows why it does not, and how old all that is.

``look`` runs in the camera's worker thread and holds all work on pixels: record, detect, draw. ``looked`` takes the
result back to the event loop. A frame that cannot be judged (another size than the profile's, another vehicle's stream,
a detector that fails) is refused with the reason, shown all the same, and the detection of this camera ages until
somebody has put it right: the page then makes no statement.
"""

from __future__ import annotations

import traceback
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from api.freshness import LIVE_S, Source
from api.settings import CameraSetting
from api.store.video import VideoRecorder
from ground_station.camera import ThermalRange
from ground_station.clock_sync import ClockSync
from ground_station.vehicle import Vehicle
from imagery.detect import Detections
from imagery.frame import Frame
from imagery.observe import FrameObservation, Observer, Seen
from imagery.overlay import STEPS, Legend, picture_of
from imagery.thermal_range import hottest_of
from missions.geometry.pose import Pose

_KEPT_PICTURES = 64
_KEPT_WAYS = 256
# A stream without exposure times: a latency of this order, with the wide sigma that its frames carry.
_UNSTAMPED_LATENCY_S = 0.2
# Identical frames in a row that are a frozen picture, and not a shutter that closes for a moment.
_FROZEN_FRAMES = 15
# Without a place for this long, detection says nothing about the ground.
_UNPLACED_S = 5.0
_MOST_NOTES = 20
# CAMERA_THERMAL_RANGE comes some times a second and by another clock: so far from a frame, and so far off in it.
_HEAT_APART_S, _HEAT_MARGIN = 0.3, 0.02
_PASSING = frozenset({"", "frozen", "flat-field"})

Note = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Look:
    """What the worker made of a frame: the detections, the picture for people (empty: it could not be drawn)."""

    seen: Seen
    jpeg: bytes
    legend: Legend


@dataclass(slots=True)
class Eye:
    """A camera and how it stands. ``*_at_s`` are monotonic seconds, None before the first time.

    ``trouble``: why its picture is not live; ``blind``: why nothing is detected in it; ``reason``: its source's words.
    """

    setting: CameraSetting
    recorder: VideoRecorder | None
    note: Note
    observer: Observer = field(init=False)
    clock: ClockSync = field(default_factory=ClockSync)
    changed_at_s: float | None = None
    first_look_at_s: float | None = None
    looked_at_s: float | None = None
    placed_at_s: float | None = None
    looking_since_utc_s: float | None = None
    trouble: str = ""
    blind: str = ""
    reason: str = ""
    dropped: int = 0
    pictures: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    replayed: deque[FrameObservation] = field(default_factory=lambda: deque(maxlen=256))
    _noted: set[str] = field(default_factory=set)
    # By frame: received, looked at, placed; monotonic seconds.
    _way: OrderedDict[int, list[float]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.observer = Observer(self.setting.profile, task=self.setting.task)

    @property
    def camera(self) -> str:
        """Its id, "1/100"."""
        return self.setting.camera

    # --- in the worker ----------------------------------------------------------------------------------------------

    def look(self, frame: Frame) -> Look:
        """Record, detect, draw. The operator's word says which camera this is, the stream's does not."""
        misfit = self._misfit(frame)
        seen = refused(frame, misfit) if misfit else self._see(replace(frame, camera=self.camera))
        if self.recorder is not None:
            self.recorder.write(frame)
        jpeg, legend = self._draw(frame, seen.detections)
        return Look(seen, jpeg, legend)

    def _misfit(self, frame: Frame) -> str:
        profile, vehicle = self.setting.profile, self.setting.vehicle
        if frame.vehicle != vehicle:
            return "wrong_vehicle"
        if (frame.width, frame.height) != (profile.width, profile.height):
            return "wrong_size"
        return ""

    def _see(self, frame: Frame) -> Seen:
        try:
            return self.observer.see(frame)
        except Exception as error:  # one frame that breaks the detector must not take the whole picture away
            self._failed("detector failed", frame, error)
            return refused(frame, "detector_failed")

    def _draw(self, frame: Frame, detections: Detections) -> tuple[bytes, Legend]:
        try:
            return picture_of(frame, detections)
        except Exception as error:
            self._failed("picture failed", frame, error)
            return b"", Legend(None, None)

    def _failed(self, event: str, frame: Frame, error: Exception) -> None:
        what = f"{event} {type(error).__name__}: {error}"
        if what in self._noted or len(self._noted) >= _MOST_NOTES:
            return
        self._noted.add(what)
        trace = "".join(traceback.format_exception(error))
        self.note(event, camera=self.camera, frame=frame.seq, error=what, trace=trace)

    # --- on the loop ------------------------------------------------------------------------------------------------

    def looked(self, look: Look, *, now_s: float, utc_s: float, received_s: float | None = None) -> None:
        """Note what was seen, keep its picture, queue the small result until its pose is known. ``utc_s``: UTC now.

        ``received_s``: when the frame came, monotonic seconds, for the figures of how long a hotspot takes.
        """
        frame, refusal = look.seen.frame, look.seen.refusal
        if frame.clock not in ("vehicle-boot", "utc"):
            self.clock.arrival(frame.stamp_s, utc_s)
        if refusal != "frozen":
            self.changed_at_s = now_s
        self.trouble = "frozen" if refusal == "frozen" and self.observer.guard.frozen_in_a_row > _FROZEN_FRAMES else ""
        if refusal not in _PASSING:
            self._blinded(refusal, frame)
        elif not refusal:
            self.blind = ""
            self._did_look(now_s, utc_s)
        if len(look.seen.detections) and look.jpeg:
            self.pictures[frame.name] = look.jpeg
            while len(self.pictures) > _KEPT_PICTURES:
                self.pictures.popitem(last=False)
        self._way[frame.seq] = [now_s if received_s is None else received_s, now_s]
        while len(self._way) > _KEPT_WAYS:
            self._way.popitem(last=False)
        self.observer.wait_for_pose(look.seen, now_s=now_s)

    def took(self, seq: int, *, now_s: float) -> dict[str, float] | None:
        """Seconds that a frame has been on its way, and how many of them it waited for telemetry; None in a replay."""
        way = self._way.get(seq, [])
        if len(way) < 3:
            return None
        received_s, looked_s, placed_s = way
        return {"whole_s": round(now_s - received_s, 4), "waited_s": round(placed_s - looked_s, 4)}

    def _did_look(self, now_s: float, utc_s: float) -> None:
        self.looked_at_s = now_s
        if self.first_look_at_s is None:
            self.first_look_at_s = now_s
        if self.looking_since_utc_s is None:
            self.looking_since_utc_s = utc_s

    def _blinded(self, refusal: str, frame: Frame) -> None:
        refusal = "visible_light" if refusal.startswith("visible") else refusal
        if self.blind != refusal:
            self.note("no detection", camera=self.camera, why=refusal, frame=[frame.width, frame.height, frame.vehicle])
        self.blind = refusal

    def told(self, observation: FrameObservation, vehicle: Vehicle) -> FrameObservation:
        """With the camera's own word on its hottest pixel, where the picture has no temperatures."""
        if observation.detections.radiometric or not len(observation.detections):
            return observation
        number = self.camera.rpartition("/")[2]
        component = int(number) if number.isdecimal() else 0
        camera = vehicle.cameras.states.get(component)
        if camera is not None and camera.zoom_pct:
            return observation  # the picture is a part of what the number speaks of
        heat = self._heat_at(observation.time_s, component, vehicle)
        if heat is None:
            return observation
        u, v = heat.hottest_pixel(self.setting.profile.width, self.setting.profile.height)
        margin_px = _HEAT_MARGIN * self.setting.profile.width
        return replace(
            observation, hottest=hottest_of(observation.detections, u, v, heat.hottest_c, margin_px=margin_px)
        )

    def _heat_at(self, time_s: float, component: int, vehicle: Vehicle) -> ThermalRange | None:
        """The CAMERA_THERMAL_RANGE of about this time (UTC)."""
        off = []
        for heat in vehicle.cameras.thermal_ranges(component):
            utc_s = vehicle.clock.utc_from_boot(heat.boot_s)
            if utc_s is not None and abs(utc_s - time_s) <= _HEAT_APART_S:
                off.append((abs(utc_s - time_s), heat))
        return min(off, key=lambda pair: pair[0])[1] if off else None

    def placed(self, observation: FrameObservation, *, now_s: float) -> None:
        """An observation has left the queue, with or without a pose."""
        if len(way := self._way.get(observation.seq, [])) == 2:
            way.append(now_s)
        if isinstance(observation.pose, Pose):
            self.placed_at_s = now_s

    def replay(self, observation: FrameObservation, *, now_s: float, utc_s: float) -> None:
        """A recorded observation takes the place of a look."""
        self.replayed.append(observation)
        if not observation.refusal:
            self._did_look(now_s, utc_s)
        self.placed(observation, now_s=now_s)

    def utc_of(self, frame: Frame, vehicle: Vehicle | None) -> float | None:
        """UTC of exposure: the one place where a frame's clock becomes UTC."""
        if frame.clock == "utc":
            return frame.stamp_s
        if frame.clock == "vehicle-boot":
            return vehicle.clock.utc_from_boot(frame.stamp_s) if vehicle else None
        offset = self.clock.offset
        if offset is None:
            return None
        host = vehicle.clock.host_offset_s if vehicle else None
        return frame.stamp_s + offset.offset_s - (host or 0.0) - _UNSTAMPED_LATENCY_S

    def header(self, look: Look, *, utc_s: float | None, mode: str) -> dict[str, Any]:
        """What travels before the JPEG. ``utc_s``: of exposure."""
        frame, legend = look.seen.frame, look.legend
        steps = [] if legend.min_c is None else [[at, f"#{b[2]:02x}{b[1]:02x}{b[0]:02x}"] for at, b in STEPS]
        return {
            "vehicle": self.setting.vehicle,
            "camera": self.camera,
            "seq": frame.seq,
            "time_s": utc_s,
            "width": frame.width,
            "height": frame.height,
            "min_c": None if legend.min_c is None else round(legend.min_c, 1),
            "max_c": None if legend.max_c is None else round(legend.max_c, 1),
            "frozen": look.seen.refusal == "frozen",
            "mode": mode,
            "detections": [[int(value) for value in box] for box in look.seen.detections.bbox],
            "legend": steps,
        }

    # --- how it stands ----------------------------------------------------------------------------------------------

    def detecting(self, *, now_s: float) -> bool:
        """Whether detection runs in this camera and knows where it looks."""
        looked = self.looked_at_s is not None and now_s - self.looked_at_s <= LIVE_S
        return looked and not self.blind and not self._unplaced(now_s)

    def _unplaced(self, now_s: float) -> bool:
        since = self.first_look_at_s if self.placed_at_s is None else self.placed_at_s
        return since is not None and now_s - since > _UNPLACED_S

    def sources(self, *, now_s: float, utc_s: float, ground: str = "") -> list[Source]:
        """Its video and its detection. ``ground``: why nothing could be placed even with a pose."""
        vehicle, camera = self.setting.vehicle, self.camera
        video = None if self.changed_at_s is None else now_s - self.changed_at_s
        looked = None if self.looked_at_s is None else now_s - self.looked_at_s
        frozen = self.trouble if video is not None and video > LIVE_S else ""
        unplaced = "unplaced" if self._unplaced(now_s) and looked is not None and looked <= LIVE_S else ""
        visible = self.setting.profile.band == "visible"
        return [
            Source(f"video:{camera}", "video", vehicle, camera, video, since(utc_s, video), trouble=frozen,
                   reason=_plain(self.reason)),
            Source(f"detection:{camera}", "detection", vehicle, camera, looked, since(utc_s, looked), off=visible,
                   trouble=self.blind or unplaced or ground),
        ]  # fmt: skip


def _plain(reason: str) -> str:
    """A stream's words as a key of the page's dictionary, where they are of a kind that it knows."""
    if "not a video" in reason:
        return reason  # a file: which one
    known = {
        "refused": "no_connection",
        "Immediate exit": "no_answer",  # it was connected and sent nothing within the time-out
        "Invalid data": "no_video",
        "timed out": "no_answer",
        "unreachable": "no_connection",
        "No route": "no_connection",
        "reset by peer": "disconnected",
        "End of file": "disconnected",
    }
    return next((key for word, key in known.items() if word in reason), reason)


def since(utc_s: float, age_s: float | None) -> float | None:
    """UTC of something that is ``age_s`` old."""
    return None if age_s is None else round(utc_s - age_s, 3)


def refused(frame: Frame, why: str) -> Seen:
    """A frame in which nothing was looked for."""
    nothing = Detections.empty(radiometric=frame.radiometric)
    return Seen(frame, nothing, np.zeros(frame.image.shape[:2], np.uint8), why)
