"""What was proven to be on board, and what ends the proof.

A list counts as proven from the moment a full read-back was equal to what was sent until anything says that it may be
another one: we begin to write it ourselves, the vehicle reports that it has received a plan that was not ours, its
count of items is not the proven one, or it has rebooted (then a new ``Proofs`` begins). The proof is for showing and
for the alarm that AUTO flies something unproven; a start never rests on it, it reads back again.
"""

from __future__ import annotations

from ground_station.download import FENCE, MISSION, RALLY
from ground_station.wire import Message, text_of
from missions.items import MissionItem

_WRITES = frozenset({"MISSION_COUNT", "MISSION_CLEAR_ALL", "MISSION_WRITE_PARTIAL_LIST"})
# ArduPilot's words when a list was received, from whomever; a rally list comes without any.
_RECEIVED = {"Flight plan received": MISSION, "Fence Indexed OK": FENCE}
_MISSION_TOTAL = "MIS_TOTAL"
_COUNTS = {_MISSION_TOTAL: MISSION, "FENCE_TOTAL": FENCE, "RALLY_TOTAL": RALLY}
TELLING = frozenset({"STATUSTEXT", "MISSION_CURRENT", "PARAM_VALUE"})
"""The messages that may end a proof."""
# The vehicle tells its count a little after it took the last item.
_SETTLED_S = 3.0


class Proofs:
    """Lists by kind (MISSION, FENCE, RALLY) that are proven now."""

    def __init__(self) -> None:
        self._lists: dict[int, tuple[tuple[MissionItem, ...], float]] = {}
        self.lost: str = ""  # why the last proof ended, in words

    def items(self, kind: int) -> tuple[MissionItem, ...] | None:
        """The proven list, or None."""
        found = self._lists.get(kind)
        return None if found is None else found[0]

    def proved(self, kind: int, items: tuple[MissionItem, ...], *, now_s: float) -> None:
        """A read-back was equal to this."""
        self._lists[kind] = (items, now_s)

    def sent(self, message: Message) -> None:
        """What we send ourselves: the beginning of a transfer ends the proof."""
        if message.get_type() in _WRITES:
            self._lists.pop(message.mission_type, None)

    def heard(self, message: Message, *, transferring: bool, now_s: float) -> None:
        """What the vehicle says. ``transferring``: one of our own transfers is under way."""
        name = message._type
        if name not in TELLING:
            return
        if name == "STATUSTEXT" and not transferring:
            kind = _RECEIVED.get(text_of(message.text))
            if kind is not None:
                self._doubt(kind, "another ground station has written it", now_s)
        elif name == "MISSION_CURRENT":
            self._count(MISSION, getattr(message, "total", 65535), now_s, besides_home=True)
        elif name == "PARAM_VALUE" and (kind := _COUNTS.get(text_of(message.param_id))) is not None:
            self._count(kind, int(message.param_value), now_s)

    def _count(self, kind: int, count: int, now_s: float, *, besides_home: bool = False) -> None:
        found = self._lists.get(kind)
        if found is None or count == 65535:
            return
        wanted = len(found[0]) - (1 if besides_home and found[0] else 0)
        if count != wanted:
            self._doubt(kind, f"the vehicle counts {count} items, not {wanted}", now_s)

    def _doubt(self, kind: int, why: str, now_s: float) -> None:
        found = self._lists.get(kind)
        if found is not None and now_s - found[1] > _SETTLED_S:
            del self._lists[kind]
            self.lost = why
