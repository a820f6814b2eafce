"""Which pictures a camera has taken, and which of them we have not been told of: those are asked for again.

CAMERA_IMAGE_CAPTURED is sent once a picture, without any acknowledgement; on a bad link a third of them get lost, and
with them the time and the place of a picture that nobody will match later. The index tells: it counts from 0, and
CAMERA_CAPTURE_STATUS says how many there are. A picture that is missing is asked for by its index (REQUEST_MESSAGE
263), a moment after it should have come, a few at a time, a few times; then it counts as lost and is named so. A count
that goes back means that the card was formatted, and all begins anew. What was taken before we came is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from ground_station.camera import Picture

_GRACE_S, _AGAIN_S, _TRIES = 0.6, 0.8, 4
_AT_A_TIME, _MOST_MISSING, _KEPT = 4, 200, 2_000


class Pictures:
    """The book of one camera. ``lost``: how many could not be had, however often they were asked for."""

    def __init__(self) -> None:
        self._taken: dict[int, Picture] = {}
        self._missing: dict[int, tuple[float, int]] = {}  # index: when to ask next, and how often it was asked for
        self._next: int | None = None  # the first index that is not accounted for yet
        self.lost = 0
        self.failed = 0

    @property
    def taken(self) -> Mapping[int, Picture]:
        """What is known, by index."""
        return self._taken

    @property
    def missing(self) -> tuple[int, ...]:
        """What is still being asked for."""
        return tuple(self._missing)

    def hear(self, picture: Picture, *, now_s: float) -> None:
        """One CAMERA_IMAGE_CAPTURED, be it new, repeated or asked for."""
        if not picture.ok or picture.index < 0:
            self.failed += 1
            return
        if self._next is None:
            self._next = picture.index
        self._expect(picture.index + 1, now_s)
        self._missing.pop(picture.index, None)
        self._taken.setdefault(picture.index, picture)
        while len(self._taken) > _KEPT:
            del self._taken[next(iter(self._taken))]

    def counted(self, pictures: int, *, now_s: float) -> None:
        """CAMERA_CAPTURE_STATUS: so many there are."""
        if self._next is not None and pictures < self._next:
            self._taken.clear()
            self._missing.clear()
            self._next = None
        if self._next is None:
            self._next = pictures
        self._expect(pictures, now_s)

    def _expect(self, until: int, now_s: float) -> None:
        assert self._next is not None
        if until - self._next > _MOST_MISSING:  # a link that was gone for an hour, or an index that is none
            self.lost += until - self._next - _MOST_MISSING
            self._next = until - _MOST_MISSING
        for index in range(self._next, until):
            self._missing[index] = (now_s + _GRACE_S, 0)
        self._next = max(self._next, until)
        while len(self._missing) > _MOST_MISSING:
            del self._missing[next(iter(self._missing))]
            self.lost += 1

    def due(self, *, now_s: float) -> tuple[int, ...]:
        """The indices to ask for now."""
        asking: list[int] = []
        for index, (due_s, tries) in list(self._missing.items()):
            if now_s < due_s or len(asking) >= _AT_A_TIME:
                continue
            if tries >= _TRIES:
                del self._missing[index]
                self.lost += 1
                continue
            self._missing[index] = (now_s + _AGAIN_S, tries + 1)
            asking.append(index)
        return tuple(asking)
