"""A bad radio as a machine: one direction each, all by one seed, no sockets and no clocks.

``push`` what is sent, ``pull`` what has arrived by now. On its way a packet waits for the air (``bytes_per_s``, behind
a queue that overflows), leaves in a gap or a cut and is gone, is lost by the dice, arrives damaged, twice, late, or
after its successor. Loss comes in bursts where ``burst`` says so (a two-state Gilbert-Elliott channel: the bad state
loses everything), because a radio behind a hall loses seconds, not single packets; the long-run share that is lost is
``loss`` in both cases.

``Channel`` carries datagrams. ``Stream`` is what the same radio does to a TCP connection: nothing is lost, doubled or
overtaken, but every loss costs a retransmission (from RETRY_S, doubling), and what follows waits for it (a sender with
selective acknowledgement: what was sent meanwhile is not sent again).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from simulators.tables import number, whole, windows

RETRY_S, _LONGEST_RETRY_S = 0.2, 60.0
_SHADOWS_KEPT = 64  # a stream asks for times that are up to its longest retransmission ahead, then for earlier ones
Windows = tuple[tuple[float, float], ...]


class ChannelError(ValueError):
    """Figures that are no radio: names the field and what is allowed."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How bad a radio is. Shares 0 to below 1, seconds, bytes; ``burst`` in packets (1: every loss by itself).

    ``jitter_s``: mean of an exponential delay on top of ``delay_s``; what is later than its successor arrives after it.
    ``reorder``: share that is held back for ``reorder_s``. ``corrupt``: share with one to three bytes changed.
    ``bytes_per_s``: 0 without a limit; ``queue_bytes`` may wait for it. ``gap_s``: silences of this length,
    exponentially distributed, ``gap_every_s`` apart in the mean. ``cuts_s``: silences from, to, on the channel's clock.
    """

    loss: float = number(0.0, 0.95, 0.0)
    burst: float = number(1.0, 1000.0, 1.0)
    delay_s: float = number(0.0, 60.0, 0.0)
    jitter_s: float = number(0.0, 60.0, 0.0)
    doubled: float = number(0.0, 0.95, 0.0)
    reorder: float = number(0.0, 0.95, 0.0)
    reorder_s: float = number(0.0, 60.0, 0.1)
    corrupt: float = number(0.0, 0.95, 0.0)
    bytes_per_s: float = number(0.0, 1e9, 0.0)
    queue_bytes: int = whole(300, 10**9, 4096)
    gap_s: float = number(0.0, 600.0, 0.0)
    gap_every_s: float = number(0.1, 36_000.0, 30.0)
    cuts_s: Windows = windows(0.0, 1e6, ())  # noqa: RUF009 - an immutable field

    def __post_init__(self) -> None:
        for entry in fields(self):
            try:
                entry.metadata["rule"].take(getattr(self, entry.name))
            except ValueError as error:
                raise ChannelError(f"channel: {entry.name} {error}") from error
        if 1.0 < self.burst < self.loss / (1.0 - self.loss):  # the good state would have to be shorter than a packet
            least = self.loss / (1.0 - self.loss)
            raise ChannelError(
                f"channel: burst must be 1 or at least {least:.3g} at loss {self.loss:g}, not {self.burst:g}"
            )


PERFECT = Quality()


@dataclass(slots=True)
class Tally:
    """What became of the packets. ``lost`` counts all that never arrive; ``cut`` and ``overflowed`` are parts of it."""

    pushed: int = 0
    lost: int = 0
    cut: int = 0
    overflowed: int = 0
    doubled: int = 0
    held_back: int = 0
    corrupted: int = 0


class _Air:
    """The dice of one direction, thrown only for what its quality asks for."""

    def __init__(self, quality: Quality, seed: int, gap_seed: int) -> None:
        self.quality = quality
        self._rng = np.random.default_rng([seed, 11])
        self._gaps = np.random.default_rng([gap_seed, 12])
        self._shadows: deque[tuple[float, float]] = deque([(0.0, 0.0)], _SHADOWS_KEPT)
        self._bad = False
        self._free_s = 0.0

    def leaves_s(self, size: int, now_s: float) -> float | None:
        """When the last byte is in the air; None when the queue before it is full."""
        rate = self.quality.bytes_per_s
        if rate == 0.0:
            return now_s
        waiting = max(0.0, self._free_s - now_s) * rate
        if waiting + size > self.quality.queue_bytes:
            return None
        self._free_s = max(self._free_s, now_s) + size / rate
        return self._free_s

    def waiting_bytes(self, now_s: float) -> float:
        """What the queue holds."""
        return max(0.0, self._free_s - now_s) * self.quality.bytes_per_s

    def silent_until(self, at_s: float) -> float | None:
        """The end of the gap or cut that covers a time; None outside of one."""
        ends = [end for begin, end in self.quality.cuts_s if begin <= at_s < end]
        if self.quality.gap_s > 0.0:
            while self._shadows[-1][1] <= at_s:
                begin = self._shadows[-1][1] + float(self._gaps.exponential(self.quality.gap_every_s))
                self._shadows.append((begin, begin + self.quality.gap_s))
            ends += [end for begin, end in self._shadows if begin <= at_s < end]
        return max(ends, default=None)

    def loses(self) -> bool:
        """One step between the good and the bad state; stationary share of bad = loss, mean stay in bad = burst."""
        loss, burst = self.quality.loss, self.quality.burst
        if loss == 0.0:
            return False
        if burst <= 1.0:
            return bool(self._rng.random() < loss)
        leave_bad = 1.0 / burst
        enter_bad = min(1.0, leave_bad * loss / (1.0 - loss))
        self._bad = bool(self._rng.random() >= leave_bad) if self._bad else bool(self._rng.random() < enter_bad)
        return self._bad

    def happens(self, share: float) -> bool:
        """Whether something of this share happens now."""
        return share > 0.0 and bool(self._rng.random() < share)

    def late_s(self) -> float:
        """Delay and jitter of one copy."""
        jitter_s = self.quality.jitter_s
        return self.quality.delay_s + (float(self._rng.exponential(jitter_s)) if jitter_s else 0.0)

    def damaged(self, data: bytes) -> bytes:
        """With one to three bytes changed."""
        broken = bytearray(data)
        places = self._rng.choice(len(data), min(len(data), int(self._rng.integers(1, 4))), replace=False)
        for place in places:
            broken[place] ^= int(self._rng.integers(1, 256))
        return bytes(broken)


class Channel:
    """One direction of datagrams. The same seed and the same pushes give the same arrivals.

    ``gap_seed``: the timetable of the gaps; both directions of a radio share it, for a shadow falls on both.
    """

    def __init__(self, quality: Quality, seed: int, *, gap_seed: int | None = None) -> None:
        self._air = _Air(quality, seed, seed if gap_seed is None else gap_seed)
        self._flying: list[tuple[float, int, bytes]] = []
        self.tally = Tally()

    @property
    def lost(self) -> int:
        """Packets that never arrive."""
        return self.tally.lost

    def push(self, data: bytes, now_s: float) -> None:
        """One datagram leaves. Times must not go back."""
        air, tally = self._air, self.tally
        tally.pushed += 1
        sent_s = air.leaves_s(len(data), now_s)
        silent = sent_s is not None and air.silent_until(sent_s) is not None
        if sent_s is None or silent or air.loses():
            tally.lost += 1
            tally.cut += silent
            tally.overflowed += sent_s is None
            return
        if data and air.happens(air.quality.corrupt):
            tally.corrupted += 1
            data = air.damaged(data)
        twice = air.happens(air.quality.doubled)
        tally.doubled += twice
        for _ in range(1 + twice):
            late_s = air.late_s()
            if air.happens(air.quality.reorder):
                tally.held_back += 1
                late_s += air.quality.reorder_s
            heapq.heappush(self._flying, (sent_s + late_s, tally.pushed, data))

    def pull(self, now_s: float) -> tuple[bytes, ...]:
        """The datagrams that have arrived by now, in the order of their arrival."""
        arrived = []
        while self._flying and self._flying[0][0] <= now_s:
            arrived.append(heapq.heappop(self._flying)[2])
        return tuple(arrived)

    @property
    def next_s(self) -> float | None:
        """When the next one arrives; None while nothing is on its way."""
        return self._flying[0][0] if self._flying else None


class Stream:
    """One direction of a TCP connection over a bad radio: whole and in order, only late."""

    def __init__(self, quality: Quality, seed: int, *, gap_seed: int | None = None) -> None:
        self._air = _Air(quality, seed, seed if gap_seed is None else gap_seed)
        self._flying: deque[tuple[float, bytes]] = deque()
        self._last_s = 0.0
        self.tally = Tally()

    @property
    def queue_bytes(self) -> int:
        """The largest piece that ever fits."""
        return self._air.quality.queue_bytes

    @property
    def under_way(self) -> int:
        """Pieces that have left and not arrived."""
        return len(self._flying)

    def wait_s(self, size: int, now_s: float) -> float:
        """How long the sender has to wait until the queue takes a piece; 0 when it may go on."""
        rate = self._air.quality.bytes_per_s
        too_much = self._air.waiting_bytes(now_s) + size - self.queue_bytes
        return max(0.0, too_much / rate) if rate else 0.0

    def push(self, data: bytes, now_s: float) -> None:
        """One piece of the stream leaves; ask ``wait_s`` first. Raises ChannelError when it does not fit."""
        air, tally = self._air, self.tally
        sent_s = air.leaves_s(len(data), now_s)
        if sent_s is None:
            raise ChannelError(f"channel: {len(data)} bytes do not fit into a queue of {air.quality.queue_bytes}")
        tally.pushed += 1
        retry_s = RETRY_S
        arrives_s = sent_s
        while True:
            silent_s = air.silent_until(arrives_s)
            gone = silent_s is not None or air.loses() or air.happens(air.quality.corrupt)
            if not gone:
                break
            tally.cut += silent_s is not None
            tally.held_back += 1
            arrives_s += retry_s
            retry_s = min(2.0 * retry_s, _LONGEST_RETRY_S)
        self._last_s = max(self._last_s, arrives_s + air.late_s())
        self._flying.append((self._last_s, data))

    def pull(self, now_s: float) -> tuple[bytes, ...]:
        """The pieces that have arrived by now; a late one holds up all behind it."""
        arrived = []
        while self._flying and self._flying[0][0] <= now_s:
            arrived.append(self._flying.popleft()[1])
        return tuple(arrived)

    @property
    def next_s(self) -> float | None:
        """When the next one arrives; None while nothing is on its way."""
        return self._flying[0][0] if self._flying else None


@dataclass(slots=True)
class Radio:
    """Both directions of one radio; ``up`` is towards the vehicle."""

    up_quality: Quality = PERFECT
    down_quality: Quality = PERFECT
    seed: int = 0
    up: Channel = field(init=False)
    down: Channel = field(init=False)

    def __post_init__(self) -> None:
        self.up = Channel(self.up_quality, self.seed, gap_seed=self.seed)
        self.down = Channel(self.down_quality, self.seed + 1, gap_seed=self.seed)


# --- as words ---------------------------------------------------------------------------------------------------------


def quality_of(text: str) -> Quality:
    """A quality from words: ``loss=0.3,burst=4,cuts_s=10-12/30-35``. Raises ChannelError naming what is allowed."""
    values: dict[str, object] = {}
    rules = {entry.name: entry.metadata["rule"] for entry in fields(Quality)}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (part.strip() for part in word.partition("="))
        if name not in rules or not equals:
            raise ChannelError(f"channel: {word!r} is unknown; allowed are NAME=VALUE of {', '.join(rules)}")
        try:
            values[name] = _windows_of(value) if name == "cuts_s" else _number_of(value, rules[name].shape)
        except ValueError as error:
            raise ChannelError(f"channel: {name}={value} is no number (cuts_s: FROM-TO/FROM-TO)") from error
    return Quality(**values)  # type: ignore[arg-type]


def directions_of(words: Sequence[str], names: tuple[str, str]) -> Mapping[str, Quality]:
    """``SPEC`` (both) or ``NAME:SPEC`` of two directions, the later word wins. Raises ChannelError."""
    found = dict.fromkeys(names, PERFECT)
    for word in words:
        head, colon, tail = word.partition(":")
        if colon and head not in names:
            raise ChannelError(f"channel: direction {head!r} is unknown; allowed are {', '.join(names)}")
        for name in (head,) if colon else names:
            found[name] = quality_of(tail if colon else word)
    return found


def _number_of(text: str, shape: str) -> float | int:
    return int(text) if shape == "whole" else float(text)


def _windows_of(text: str) -> Windows:
    pairs = [part.split("-") for part in text.split("/")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(text)
    return tuple((float(begin), float(end)) for begin, end in pairs)
