"""The journal of an incident: append-only, in fold order, on SQLite.

It holds every input of the fold that is not in a ``.tlog`` (each processed frame: time, pose with covariance,
detections or refusal; human acts) with the offset of the telemetry that it followed, and what was shown because of it.
What people must be able to rely on (hotspots, human acts, settings) is on the disk before ``append`` returns; frames
are grouped and follow within FLUSH_S. A full disk never stops the pipeline: what is not recorded is counted, kept for
a while, and written when there is space again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLUSH_ROWS = 20
MAX_PENDING = 2_000
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


class Journal:
    """One incident's journal. May be used from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        row = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM entries").fetchone()
        self._next = int(row[0]) + 1
        self._pending: deque[tuple[int, str, float, int, str]] = deque()
        self.not_recorded = 0
        self.ok = True

    def append(self, kind: str, time_s: float, tlog_offset: int, payload: dict[str, Any]) -> bool:
        """Add an entry. True when it is safely on disk, or, for a grouped kind, waits for its group."""
        text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
        with self._lock:
            if len(self._pending) >= MAX_PENDING:
                self._pending.popleft()
                self.not_recorded += 1
            self._pending.append((self._next, kind, time_s, tlog_offset, text))
            self._next += 1
            if kind in GROUPED and len(self._pending) < FLUSH_ROWS:
                return True
            return self._write()

    def flush(self) -> bool:
        """Write what is waiting. False when the disk does not take it; it is kept and tried again."""
        with self._lock:
            return self._write()

    @property
    def pending(self) -> int:
        """Entries that are not on disk yet."""
        return len(self._pending)

    def _write(self) -> bool:
        if not self._pending:
            return self.ok
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", self._pending)
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self.ok = False
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return False
        self._pending.clear()
        self.ok = True
        return True

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """All entries in order, or those of some kinds."""
        with self._lock:
            query = "SELECT seq, kind, time_s, tlog_offset, payload FROM entries ORDER BY seq"
            rows = self._db.execute(query).fetchall()
        for seq, kind, time_s, offset, text in rows:
            if not kinds or kind in kinds:
                yield Entry(seq, kind, time_s, offset, json.loads(text))

    def close(self) -> None:
        """Write the rest and close."""
        with self._lock:
            self._write()
            self.not_recorded += len(self._pending)
            self._db.close()
