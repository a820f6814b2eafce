"""An incident folder shown again: its journal and its video, each frame when the recorded telemetry has got there.

Hotspots come from the journal, through the same fold: what is shown is what was shown. Nothing is detected in the video
a second time: its frames are drawn with the detections of their time, and laid on the thermal map where the journal
says that they were seen from.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from api.eye import Eye, Look, refused
from api.recorded_map import SAME_FRAME_S, RecordedMap
from api.settings import CameraSetting
from api.situation import Situation
from api.store.incident import surroundings_from_json
from api.store.journal import Journal
from imagery.detect import Detections
from imagery.frame import Frame
from imagery.incident import Surroundings
from imagery.observe import FrameObservation
from imagery.overlay import picture_of
from imagery.sources import SourceError, VideoFile
from missions.geometry.camera import CameraProfile

_STEP_S = 0.05
_LATE_S = 0.5
# However far behind the pictures are, so often one is shown, seconds.
_LEAST_PACE_S = 1.0


def recorded_cameras(folder: Path) -> tuple[CameraSetting, ...]:
    """The cameras of a recorded incident, without a source of frames."""
    journal = Journal(folder / "journal.sqlite")
    try:
        found: dict[str, CameraProfile] = {}
        for entry in journal.entries("surroundings"):
            found |= surroundings_from_json(entry.payload, folder).profiles
    finally:
        journal.close()
    return tuple(CameraSetting(_vehicle_of(camera), camera, "", profile) for camera, profile in found.items())


def _vehicle_of(camera: str) -> int:
    head = camera.partition("/")[0]
    return int(head) if head.isdecimal() else 1


class Playback:
    """Plays the journal and video of ``folder`` beside its telemetry. ``playing``: whether the telemetry still runs."""

    def __init__(self, folder: Path, situation: Situation, playing: Callable[[], bool]) -> None:
        self._folder, self._situation, self._playing = folder, situation, playing
        self._map = RecordedMap(situation.mapper)

    async def journal(self) -> None:
        """Each observation of the journal at its time."""
        situation = self._situation
        journal = Journal(self._folder / "journal.sqlite")
        surroundings: Surroundings | None = None
        try:
            for entry in journal.entries("surroundings", "frame"):
                if entry.kind == "surroundings":
                    surroundings = surroundings_from_json(entry.payload, self._folder)
                    continue
                await self._until(lambda at=entry.time_s: at)  # type: ignore[misc]
                if surroundings is not None:
                    observation = FrameObservation.from_json(entry.payload)
                    situation.replay(observation, surroundings, now_s=time.monotonic())
                    self._map.observation(observation, surroundings.view(observation))
        finally:
            journal.close()

    async def video(self, eye: Eye) -> None:
        """Each recorded picture of one camera at its time."""
        situation = self._situation
        for path in sorted((self._folder / "video").glob(f"{eye.camera.replace('/', '-')}-*.nut")):
            try:
                drawn_at_s = 0.0
                source = VideoFile(path, eye.setting.vehicle, eye.camera, band=eye.setting.profile.band)
                async for frame in source.frames():
                    await self._until(lambda frame=frame: self._utc_of(eye, frame))  # type: ignore[misc]
                    eye.changed_at_s = time.monotonic()
                    while situation.mapper.full:  # noqa: ASYNC110 a recording can wait, and loses nothing
                        await asyncio.sleep(_STEP_S / 10)
                    self._map.picture(replace(frame, camera=eye.camera), self._utc_of(eye, frame))
                    if self._late(self._utc_of(eye, frame)) and eye.changed_at_s - drawn_at_s < _LEAST_PACE_S:
                        continue  # faster than pictures can be drawn: fewer of them, each with its own time
                    drawn_at_s = eye.changed_at_s
                    look = await asyncio.to_thread(self._look, eye, frame)
                    situation.show_picture(eye, look)
            except SourceError as error:
                eye.reason = str(error)
                situation.incident.log.write("recorded video", error=str(error))

    async def _until(self, utc_of: Callable[[], float | None]) -> None:
        """Until the recording has reached this time; at once when it has ended."""
        while self._playing() and not self._reached(utc_of()):  # noqa: ASYNC110 the recording's clock has no event
            await asyncio.sleep(_STEP_S)

    def _late(self, utc_s: float | None) -> bool:
        at_s = self._situation.replay_utc_s
        return utc_s is not None and at_s is not None and at_s - utc_s > _LATE_S

    def _reached(self, utc_s: float | None) -> bool:
        return utc_s is not None and (self._situation.replay_utc_s or 0.0) >= utc_s

    def _utc_of(self, eye: Eye, frame: Frame) -> float | None:
        return eye.utc_of(frame, self._situation.station.vehicles.get(eye.setting.vehicle))

    def _look(self, eye: Eye, frame: Frame) -> Look:
        utc = self._utc_of(eye, frame)
        mine = [o for o in tuple(eye.replayed) if utc is not None and abs(o.time_s - utc) < SAME_FRAME_S]
        nearest = min(mine, key=lambda o: abs(o.time_s - (utc or 0.0)), default=None)
        detections = Detections.empty(radiometric=frame.radiometric) if nearest is None else nearest.detections
        jpeg, legend = picture_of(frame, detections)
        return Look(replace(refused(frame, "recorded"), detections=detections), jpeg, legend)
