"""The journal of an incident: append-only, in fold order, on SQLite.

It holds every input of the fold that is not in a ``.tlog`` (each processed frame: time, pose with covariance,
detections or refusal; human acts) with the offset of the telemetry that it followed, and what was shown because of it.
What people must be able to rely on (hotspots, human acts, settings) is on the disk before ``append`` returns; frames
are grouped and follow with the next ``flush``. A full disk never stops the pipeline: what the disk does not take is
counted as not recorded for as long as it is only in memory, and written when there is space again. When there is too
much of it the oldest frames go first; what a person did, or was shown, goes last.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLUSH_ROWS = 20
# About a quarter of an hour of one camera's frames, 20 MB: long enough to make space on a disk.
MAX_PENDING = 10_000
_BATCH = 500
GROUPED = frozenset({"frame"})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, time_s REAL NOT NULL, tlog_offset INTEGER NOT NULL,
    payload TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``time_s``: UTC; ``tlog_offset``: bytes of telemetry recorded before it."""

    seq: int
    kind: str
    time_s: float
    tlog_offset: int
    payload: dict[str, Any]


class JournalError(OSError):
    """A journal that cannot be opened or read: names the file and what is wrong."""


class Journal:
    """One incident's journal. May be used from several threads. Raises JournalError where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[int, str, float, int, str]] = []
        self._dropped = 0
        self._closed = False
        self.ok = True
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            row = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM entries").fetchone()
        except sqlite3.Error as error:
            raise JournalError(f"{path}: the journal cannot be opened ({error})") from error
        self._path = path
        self._next = int(row[0]) + 1

    def append(self, kind: str, time_s: float, tlog_offset: int, payload: dict[str, Any]) -> bool:
        """Add an entry. True when it is safely on disk, or, for a grouped kind, waits for its group."""
        text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
        with self._lock:
            if len(self._pending) >= MAX_PENDING:
                self._make_room()
            self._pending.append((self._next, kind, time_s, tlog_offset, text))
            self._next += 1
            # While the disk refuses, frames wait for the next flush: trying with each of them would cost time.
            if kind in GROUPED and (len(self._pending) < FLUSH_ROWS or not self.ok):
                return self.ok
            return self._write()

    def flush(self) -> bool:
        """Write what is waiting. False when the disk does not take it; it is kept and tried again."""
        with self._lock:
            return self._write()

    @property
    def pending(self) -> int:
        """Entries that are not on disk yet."""
        return len(self._pending)

    @property
    def not_recorded(self) -> int:
        """Entries that are on no disk: given up, or refused by the disk and still tried."""
        return self._dropped + (0 if self.ok else len(self._pending))

    def _make_room(self) -> None:
        oldest_frame = next((at for at, row in enumerate(self._pending) if row[1] in GROUPED), 0)
        del self._pending[oldest_frame]
        self._dropped += 1

    def _write(self) -> bool:
        if self._closed:
            self.ok = not self._pending
            return self.ok
        while self._pending:
            batch = self._pending[:_BATCH]
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", batch)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self.ok = False
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                return False
            del self._pending[:_BATCH]
        self.ok = True
        return True

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """All entries that are on disk, in order, or those of some kinds. Raises JournalError for a damaged file."""
        with self._lock:
            query = "SELECT seq, kind, time_s, tlog_offset, payload FROM entries ORDER BY seq"
            try:
                rows = self._db.execute(query).fetchall()
            except sqlite3.Error as error:
                raise JournalError(f"{self._path}: the journal cannot be read ({error})") from error
        for seq, kind, time_s, offset, text in rows:
            if not kinds or kind in kinds:
                yield Entry(seq, kind, time_s, offset, json.loads(text))

    def close(self) -> None:
        """Write the rest and close. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._write()
            self._closed = True
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
