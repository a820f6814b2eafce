"""What a camera has taken: single pictures and series, the film, and the card that fills up.

A picture that was announced once and got lost can be asked for again by its index, for as long as the card is not
formatted. A series goes on by itself until its number is reached, somebody stops it, or the card is full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pymavlink.dialects.v20 import ardupilotmega as mavlink

ACCEPTED: int = mavlink.MAV_RESULT_ACCEPTED
DENIED: int = mavlink.MAV_RESULT_DENIED
FAILED: int = mavlink.MAV_RESULT_FAILED
BUSY: int = mavlink.MAV_RESULT_TEMPORARILY_REJECTED
SHORTEST_INTERVAL_S = 0.1
PICTURE_MIB, FILM_MIB_PER_S = 0.65, 0.25
_IDLE, _SERIES = 0, 2  # CAMERA_CAPTURE_STATUS.image_status
# A clock that jumps ahead is no reason to take all at once what would have been taken in between.
_MOST_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """One that was taken, or (``ok`` false, ``index`` -1) could not be."""

    index: int
    boot_s: float
    ok: bool = True


@dataclass(slots=True)
class Captures:
    """``take`` what is due; ``changed`` says that CAMERA_CAPTURE_STATUS has something new."""

    capacity_mib: float
    pictures: list[Picture] = field(default_factory=list)
    changed: bool = False
    interval_s: float = 0.0
    _next_s: float | None = None
    _left: int | None = None
    _one: bool = False
    _last_sequence: tuple[object, int] | None = None
    _film_since_s: float | None = None
    _used_mib: float = 0.0
    _now_s: float = 0.0

    # --- orders -----------------------------------------------------------------------------------------------------

    def start(self, interval_s: float, count: float, sequence: float, sender: object) -> int:
        """MAV_CMD_IMAGE_START_CAPTURE; the result. ``count`` 0: until stopped."""
        interval_s, count, sequence = (0.0 if math.isnan(value) else value for value in (interval_s, count, sequence))
        if not (0.0 <= interval_s < 1e5 and 0 <= count < 1e6 and count == int(count) and 0 <= sequence < 2**31):
            return DENIED
        if count == 1 and sequence >= 1:
            if (sender, int(sequence)) == self._last_sequence:
                return ACCEPTED  # the same order once more, because its ACK got lost
            self._last_sequence = (sender, int(sequence))
        if self._next_s is not None:
            return BUSY
        if self.available_mib < PICTURE_MIB:
            return FAILED
        if count == 1:
            self._one = True
        else:
            self.interval_s = max(interval_s, SHORTEST_INTERVAL_S)
            self._next_s, self._left = self._now_s, int(count) or None
        self.changed = True
        return ACCEPTED

    def stop(self) -> int:
        """MAV_CMD_IMAGE_STOP_CAPTURE; nothing to stop is fine too."""
        self._end_series()
        return ACCEPTED

    def start_film(self) -> int:
        """MAV_CMD_VIDEO_START_CAPTURE."""
        if self._film_since_s is not None:
            return BUSY
        if self.available_mib < FILM_MIB_PER_S:
            return FAILED
        self._film_since_s, self.changed = self._now_s, True
        return ACCEPTED

    def stop_film(self) -> int:
        """MAV_CMD_VIDEO_STOP_CAPTURE."""
        if self._film_since_s is None:
            return FAILED
        self._used_mib += self.filmed_s * FILM_MIB_PER_S
        self._film_since_s, self.changed = None, True
        return ACCEPTED

    def format(self, *, forget: bool) -> int:
        """An empty card. ``forget``: and a count that begins at zero."""
        if self.busy:
            return BUSY
        self._used_mib = 0.0
        if forget:
            self.pictures.clear()
        self.changed = True
        return ACCEPTED

    # --- time -------------------------------------------------------------------------------------------------------

    def step(self, boot_s: float) -> tuple[Picture, ...]:
        """What is taken by a time on the camera's clock. A clock that goes back begins anew."""
        back = min(0.0, boot_s - self._now_s)
        self._now_s = boot_s
        if back:
            self._next_s = None if self._next_s is None else self._next_s + back
            self._film_since_s = None if self._film_since_s is None else self._film_since_s + back
        taken = []
        if self._one:
            self._one = False
            taken.append(self._shot())
        while self._next_s is not None and self._next_s <= boot_s:
            self._next_s += self.interval_s
            taken.append(self._shot())
            if self._left is not None:
                self._left -= 1
            if self._left == 0 or not taken[-1].ok:
                self._end_series()
            elif len(taken) >= _MOST_AT_ONCE:
                self._next_s = max(self._next_s, boot_s + self.interval_s)
        if self._film_since_s is not None and self.available_mib <= 0.0:
            self.stop_film()
        return tuple(taken)

    def _shot(self) -> Picture:
        self.changed = True
        if self.available_mib < PICTURE_MIB:
            return Picture(-1, self._now_s, ok=False)
        self._used_mib += PICTURE_MIB
        self.pictures.append(Picture(len(self.pictures), self._now_s))
        return self.pictures[-1]

    def _end_series(self) -> None:
        self.changed |= self._next_s is not None
        self._next_s, self._left, self.interval_s = None, None, 0.0

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a series or a film runs."""
        return self._next_s is not None or self._film_since_s is not None

    @property
    def filming(self) -> bool:
        """Whether a film runs."""
        return self._film_since_s is not None

    @property
    def image_status(self) -> int:
        """CAMERA_CAPTURE_STATUS.image_status."""
        return _IDLE if self._next_s is None else _SERIES

    @property
    def filmed_s(self) -> float:
        """Length of the running film."""
        return 0.0 if self._film_since_s is None else max(0.0, self._now_s - self._film_since_s)

    @property
    def used_mib(self) -> float:
        """On the card."""
        return min(self.capacity_mib, self._used_mib + self.filmed_s * FILM_MIB_PER_S)

    @property
    def available_mib(self) -> float:
        """Free on the card."""
        return self.capacity_mib - self.used_mib
