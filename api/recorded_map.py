"""The thermal map of a recording: each picture of its video meets the observation of its journal, by their time.

The video holds pixels and the journal holds where they were seen from; neither names the other. Whichever comes first
waits for its partner. What never finds one is not laid: a picture in a wrong place would be worse than a hole.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from api.mapper import KEPT_FRAMES, Mapper
from imagery.frame import Frame
from imagery.georeference import View
from imagery.observe import FrameObservation

# A frame of the video and an observation of the journal belong together when their times agree to this, seconds.
SAME_FRAME_S = 0.03
_KEPT_OBSERVATIONS = 20_000


class RecordedMap:
    """One recording's pairs, laid by ``mapper``."""

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        self._frames: deque[tuple[float, Frame]] = deque(maxlen=KEPT_FRAMES)
        self._seen: deque[tuple[FrameObservation, View | None]] = deque(maxlen=_KEPT_OBSERVATIONS)

    def picture(self, frame: Frame, utc_s: float | None) -> None:
        """A picture of the video, with the time of its exposure."""
        if utc_s is None:
            return
        mine = [pair for pair in self._seen if pair[0].camera == frame.camera and _near(pair[0].time_s, utc_s)]
        if not mine:
            self._frames.append((utc_s, frame))
            return
        found = min(mine, key=lambda pair: abs(pair[0].time_s - utc_s))
        self._seen.remove(found)
        self._lay(frame, *found)

    def observation(self, observation: FrameObservation, view: View | None) -> None:
        """What the journal says of one picture."""
        if observation.refusal or view is None:
            return
        time_s = observation.time_s
        mine = [pair for pair in self._frames if pair[1].camera == observation.camera and _near(pair[0], time_s)]
        if not mine:
            self._seen.append((observation, view))
            return
        found = min(mine, key=lambda pair: abs(pair[0] - time_s))
        self._frames.remove(found)
        self._lay(found[1], observation, view)

    def _lay(self, frame: Frame, observation: FrameObservation, view: View | None) -> None:
        self._mapper.keep(replace(frame, seq=observation.seq))  # the journal's number, under which it is laid
        self._mapper.placed(observation, view)


def _near(a_s: float, b_s: float) -> bool:
    return abs(a_s - b_s) < SAME_FRAME_S
