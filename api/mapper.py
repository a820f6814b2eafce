"""The thermal map of a running incident, made beside the event loop.

A frame can be laid on the ground only when its pose is known, up to three seconds after it was looked at; until then
its pixels are kept here, and nowhere else. The laying runs in a thread of its own, behind a queue that may lose frames:
a map with a frame less is a map, and the loss is counted and shown. Everything that reads the map takes the lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from api.cog import write_thermal
from imagery.frame import Frame, FrameKind
from imagery.georeference import View
from imagery.observe import FrameObservation
from imagery.perimeter import FireArea, fire_areas
from imagery.thermal_map import ThermalMap

KEPT_FRAMES = 96
BOUND = 16

T = TypeVar("T")
Note = Callable[..., None]


class Mapper:
    """One map of temperatures and one of grey levels; a camera fills the one of its kind."""

    def __init__(self, note: Note) -> None:
        self.lost = self.pending = 0
        self._note = note
        self._kept: OrderedDict[tuple[str, int], Frame] = OrderedDict()
        self._lock = threading.Lock()
        self._maps: dict[bool, ThermalMap] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="map")
        self._areas: tuple[int, list[FireArea]] = (-1, [])
        self._failed: set[str] = set()
        self._told: dict[bool, dict[str, Any]] = {}

    def keep(self, frame: Frame) -> None:
        """A frame that was looked at, until its pose is known. One that shows no heat is not kept."""
        if frame.kind is FrameKind.VISIBLE or not frame.image.size:
            return
        self._kept[frame.camera, frame.seq] = frame
        while len(self._kept) > KEPT_FRAMES:
            self._kept.popitem(last=False)

    def placed(self, observation: FrameObservation, view: View | None) -> None:
        """Lay the frame of an observation on the ground, when there is one to lay and a place for it."""
        frame = self._kept.pop((observation.camera, observation.seq), None)
        if frame is None or view is None or observation.refusal:
            return
        if self.full:
            self.lost += 1
            return
        self.pending += 1
        self._worker.submit(self._lay, frame, view, observation.time_s)

    @property
    def full(self) -> bool:
        """Whether the next frame would be lost."""
        return self.pending >= BOUND

    def told(self) -> dict[str, Any] | None:
        """What the map that is shown holds, without waiting for it: unit, frames, UTC of the newest; None: no map."""
        return self._told.get(True) or self._told.get(False)

    def _lay(self, frame: Frame, view: View, time_s: float) -> None:
        try:
            with self._lock:
                made = self._maps.get(frame.radiometric)
                if made is None or made.grid.ground is not view.ground:  # another ground: the map begins anew
                    made = ThermalMap.over(view, radiometric=frame.radiometric, epoch_s=time_s)
                    self._maps[frame.radiometric] = made
                made.add(frame, view, time_s)
                newest = max(time_s, self._told.get(frame.radiometric, {}).get("last_s", time_s))
                facts = {"unit": made.unit_of("latest"), "frames": made.frames, "last_s": round(newest, 3)}
                self._told = self._told | {frame.radiometric: facts}
        except Exception as error:  # the map must not take the incident away
            self.lost += 1
            if repr(error) not in self._failed and len(self._failed) < 20:
                self._failed.add(repr(error))
                self._note("map", camera=frame.camera, frame=frame.seq, error=repr(error))
        finally:
            self.pending -= 1

    def read(self, use: Callable[[ThermalMap], T], *, radiometric: bool | None = None) -> T | None:
        """Something of the map while nobody changes it; None where there is none.

        ``radiometric`` None: that of temperatures, or else that of grey levels.
        """
        with self._lock:
            made = self._maps.get(True if radiometric is None else radiometric)
            if made is None and radiometric is None:
                made = self._maps.get(False)
            return None if made is None else use(made)

    def fire_areas(self) -> list[FireArea]:
        """The burned areas; worked out once for each state of the map."""
        with self._lock:
            made = self._maps.get(True)
            if made is None:
                return []
            if self._areas[0] != made.frames:
                self._areas = made.frames, fire_areas(made)
            return self._areas[1]

    def settle(self) -> None:
        """Wait until everything that was placed is laid."""
        self._worker.submit(int).result()

    def save(self, folder: Path, *, now_s: float) -> list[Path]:
        """``thermal.tif`` of temperatures, ``grey.tif`` of grey levels; what was written. Raises CogError."""
        written = []
        with self._lock:
            for radiometric, name in ((True, "thermal.tif"), (False, "grey.tif")):
                made = self._maps.get(radiometric)
                if made is not None and write_thermal(made, folder / name, now_s=now_s):
                    written.append(folder / name)
        return written

    def close(self) -> None:
        """Finish what is queued."""
        self._worker.shutdown(wait=True)
