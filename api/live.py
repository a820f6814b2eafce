"""The live picture, and everybody who looks at it.

The hub keeps the last value of each **state** topic and every hotspot; each connected page has a small mailbox of its
own: a state topic in it is replaced by its newer value (coalesced), an **event** topic is queued and never dropped. A
page whose queue of events overflows, or that comes back from another epoch, gets a fresh snapshot instead of a torn
picture. The hub never waits for a slow page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import Any

MAX_EVENTS = 500
HISTORY = 2_000
_EVENTS = frozenset({"hotspot", "hotspot_gone", "alarm"})


def is_event(topic: str) -> bool:
    """Whether every value of this topic has to arrive."""
    return topic in _EVENTS


class Page:
    """The mailbox of one connected page."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._states: dict[str, dict[str, Any]] = {}
        self._events: deque[dict[str, Any]] = deque()
        self.needs_snapshot = True

    def put(self, envelope: dict[str, Any]) -> None:
        """From the hub."""
        if is_event(envelope["topic"]):
            if len(self._events) >= MAX_EVENTS:
                self._events.clear()
                self.needs_snapshot = True
            else:
                self._events.append(envelope)
        else:
            self._states[envelope["topic"]] = envelope
        self.ready.set()

    def take(self) -> list[dict[str, Any]]:
        """What has come since the last call, in order of its sequence."""
        self.ready.clear()
        found = sorted([*self._events, *self._states.values()], key=lambda envelope: int(envelope["seq"]))
        self._events.clear()
        self._states.clear()
        return found


class Hub:
    """All topics, all pages. ``publish`` from the event loop's thread only."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(6)
        self.seq = 0
        self.states: dict[str, Any] = {}
        self.hotspots: dict[str, dict[str, Any]] = {}
        self.alarms: dict[str, dict[str, Any]] = {}
        self._history: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self._pages: set[Page] = set()

    def publish(
        self, topic: str, data: Any, *, t_obs: float | None, t_srv: float, took: dict[str, float] | None = None
    ) -> None:
        """A new value. ``t_obs``: UTC of what was observed; ``t_srv``: UTC now; ``took``: its way here, seconds."""
        self.seq += 1
        if topic == "hotspot":
            self.hotspots[data["id"]] = data
        elif topic == "hotspot_gone":
            self.hotspots.pop(data["id"], None)
        elif topic == "alarm":
            self.alarms[data["id"]] = data
        else:
            self.states[topic] = data
        envelope = {"v": 1, "epoch": self.epoch, "seq": self.seq, "topic": topic, "t_obs": t_obs, "t_srv": t_srv}
        envelope["data"] = data
        if took is not None:
            envelope["took"] = took
        if is_event(topic):
            self._history.append(envelope)
        for page in self._pages:
            page.put(envelope)

    def snapshot(self, *, t_srv: float) -> dict[str, Any]:
        """Everything, in one envelope."""
        data = {**self.states, "hotspots": list(self.hotspots.values()), "alarms": list(self.alarms.values())}
        return {
            "v": 1, "epoch": self.epoch, "seq": self.seq, "topic": "snapshot", "t_obs": None, "t_srv": t_srv,
            "data": data,
        }  # fmt: skip

    def resumable(self, epoch: str, seq: int) -> bool:
        """Whether a page that saw up to ``seq`` of ``epoch`` can be served by the events since."""
        oldest = self._history[0]["seq"] if self._history else self.seq + 1
        return epoch == self.epoch and 0 <= seq <= self.seq and (seq >= oldest - 1 or len(self._history) < HISTORY)

    def since(self, seq: int) -> list[dict[str, Any]]:
        """The events after ``seq``."""
        return [envelope for envelope in self._history if envelope["seq"] > seq]

    def join(self) -> Page:
        """A page connects."""
        page = Page()
        self._pages.add(page)
        return page

    def leave(self, page: Page) -> None:
        """A page goes."""
        self._pages.discard(page)

    @property
    def pages(self) -> int:
        """Connected pages."""
        return len(self._pages)


class VideoDesk:
    """The newest picture of each camera, for viewers who ask for it with credits; nobody is sent an older one."""

    def __init__(self) -> None:
        self._pictures: dict[str, tuple[int, dict[str, Any], bytes]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.viewers: dict[str, int] = {}
        self._count = 0

    def show(self, camera: str, header: dict[str, Any], jpeg: bytes) -> None:
        """A new picture."""
        self._count += 1
        self._pictures[camera] = (self._count, header, jpeg)
        self._changed.setdefault(camera, asyncio.Event()).set()

    def known(self, camera: str) -> bool:
        """Whether this camera has shown a picture."""
        return camera in self._pictures

    async def newer(self, camera: str, than: int) -> tuple[int, dict[str, Any], bytes]:
        """The newest picture, as soon as it is newer than number ``than``."""
        while True:
            current = self._pictures.get(camera)
            if current is not None and current[0] > than:
                return current
            event = self._changed.setdefault(camera, asyncio.Event())
            event.clear()
            await event.wait()
