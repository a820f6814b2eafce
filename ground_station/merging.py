"""One vehicle over several links: what is news, and what is only the same again.

Links number their frames each for itself and are late each in its own way, so nothing is merged by ``seq``. What bears
the vehicle's boot time counts if it is newer than what was folded of its kind, whichever link brought it: a spare fills
what the commanding link has lost. A text counts once, whichever link is first. Everything else (a heartbeat, an answer)
counts from the commanding link alone: the older heartbeat of a slower link would undo a change of mode.
"""

from __future__ import annotations

from ground_station.wire import Message, Received, text_of

_SAME_TEXT_S = 5.0
_MAY_BE_REBOOT_MS = 4_000
_KEPT_TEXTS = 64


class Merging:
    """One for each flight of a vehicle."""

    def __init__(self) -> None:
        self._newest_ms: dict[tuple[str, int], int] = {}
        self._texts: dict[tuple[str, int, int], tuple[str, float]] = {}
        self.repeated = 0

    def is_news(self, received: Received, *, link: str, commands: bool, now_s: float) -> bool:
        """Whether it is to be folded. ``commands``: the link is the one that our commands take."""
        message = received.message
        boot_ms = getattr(message, "time_boot_ms", None)
        if received.name == "STATUSTEXT":
            news = self._is_new_text(message, link, now_s)
        elif boot_ms is None:
            news = commands
        else:
            news = self._is_newer(received, int(boot_ms), commands)
        self.repeated += not news
        return news

    def _is_newer(self, received: Received, boot_ms: int, commands: bool) -> bool:
        key = (received.name, received.compid)
        newest = self._newest_ms.get(key)
        if newest is None or boot_ms > newest:
            self._newest_ms[key] = boot_ms
            return True
        # On the commanding link a much older time may be a reboot, which is the vehicle's to judge; of the same instant
        # there may be several (two storages, two gimbals).
        return commands and (boot_ms == newest or boot_ms < newest - _MAY_BE_REBOOT_MS)

    def _is_new_text(self, message: Message, link: str, now_s: float) -> bool:
        key = (text_of(message.text), getattr(message, "id", 0), getattr(message, "chunk_seq", 0))
        first = self._texts.get(key)
        if first is not None and first[0] != link and now_s - first[1] < _SAME_TEXT_S:
            return False
        self._texts[key] = (link, now_s)
        if len(self._texts) > _KEPT_TEXTS:
            del self._texts[next(iter(self._texts))]
        return True
