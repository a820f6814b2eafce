"""A bad radio in memory: datagrams that are lost, late, doubled and overtaken, all by one seed.

``push`` what is sent, ``pull`` what has arrived by now. Loss comes in bursts where ``burst`` says so (a two-state
Gilbert-Elliott channel: the bad state loses everything), because a radio behind a hall loses seconds, not single
packets; the long-run share that is lost is ``loss`` in both cases.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, fields

import numpy as np


class ChannelError(ValueError):
    """Figures that are no radio: names the field and what is allowed."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How bad a radio is. Shares 0 to below 1, seconds, ``burst`` in packets (1: every loss by itself).

    ``jitter_s``: mean of an exponential delay on top of ``delay_s``; what is later than its successor arrives after it.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    doubled: float = 0.0

    def __post_init__(self) -> None:
        allowed = {"loss": (0.0, 0.95), "burst": (1.0, 1000.0), "doubled": (0.0, 0.95)}
        for entry in fields(self):
            low, high = allowed.get(entry.name, (0.0, 60.0))
            value = getattr(self, entry.name)
            if not low <= value <= high:
                raise ChannelError(f"channel: {entry.name} must be between {low:g} and {high:g}, not {value!r}")
        if 1.0 < self.burst < self.loss / (1.0 - self.loss):  # the good state would have to be shorter than a packet
            least = self.loss / (1.0 - self.loss)
            raise ChannelError(
                f"channel: burst must be 1 or at least {least:.3g} at loss {self.loss:g}, not {self.burst:g}"
            )


PERFECT = Quality()


class Channel:
    """One direction. The same seed and the same pushes give the same arrivals."""

    def __init__(self, quality: Quality, seed: int) -> None:
        self._quality = quality
        self._rng = np.random.default_rng([seed, 11])
        self._flying: list[tuple[float, int, bytes]] = []
        self._pushed = 0
        self._bad = False
        self.lost = 0

    def push(self, data: bytes, now_s: float) -> None:
        """One datagram leaves."""
        self._pushed += 1
        if self._is_lost():
            self.lost += 1
            return
        for _ in range(1 + (self._rng.random() < self._quality.doubled)):
            late_s = float(self._rng.exponential(self._quality.jitter_s)) if self._quality.jitter_s else 0.0
            heapq.heappush(self._flying, (now_s + self._quality.delay_s + late_s, self._pushed, data))

    def pull(self, now_s: float) -> tuple[bytes, ...]:
        """The datagrams that have arrived by now, in the order of their arrival."""
        arrived = []
        while self._flying and self._flying[0][0] <= now_s:
            arrived.append(heapq.heappop(self._flying)[2])
        return tuple(arrived)

    def _is_lost(self) -> bool:
        """One step between the good and the bad state; stationary share of bad = loss, mean stay in bad = burst."""
        loss, burst = self._quality.loss, self._quality.burst
        if loss == 0.0:
            return False
        if burst <= 1.0:
            return bool(self._rng.random() < loss)
        leave_bad = 1.0 / burst
        enter_bad = min(1.0, leave_bad * loss / (1.0 - loss))
        self._bad = bool(self._rng.random() >= leave_bad) if self._bad else bool(self._rng.random() < enter_bad)
        return self._bad
