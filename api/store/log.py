"""log.jsonl of an incident: what the program did and met, one JSON object a line, for whoever asks afterwards.

It is no input of anything. A full disk costs lines, which are counted, never the run.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class IncidentLog:
    """Appends lines to one file. May be used from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        self.not_recorded = 0

    def write(self, event: str, **facts: Any) -> None:
        """One line: time, event, facts (whatever JSON knows; the rest as text). Never raises for the disk's sake."""
        stamp = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": stamp, "event": event, **facts}, ensure_ascii=False, default=str) + "\n"
        with self._lock:
            try:
                self._file.write(line.encode())
            except (OSError, ValueError):  # full, or closed already
                self.not_recorded += 1

    def close(self) -> None:
        """Close the file; later lines are only counted."""
        with self._lock:
            self._file.close()
