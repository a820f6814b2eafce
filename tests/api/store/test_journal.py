"""The journal: what it acknowledged is on the disk, in order, for ever; a full disk costs a count and no more."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.store import journal as journal_module
from api.store.journal import FLUSH_ROWS, Journal, JournalError

ROOT = Path(__file__).resolve().parents[3]


def on_disk(path: Path) -> list[tuple[int, str, dict[str, Any]]]:
    """What another process would read now."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT seq, kind, payload FROM entries ORDER BY seq").fetchall()
    return [(seq, kind, json.loads(text)) for seq, kind, text in rows]


def test_a_hotspot_is_on_disk_before_append_returns_and_the_frames_before_it_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    assert journal.append("frame", 1.0, 10, {"n": 1})
    assert on_disk(tmp_path / "j.sqlite") == []
    assert journal.append("hotspot", 1.0, 10, {"n": 2})
    assert on_disk(tmp_path / "j.sqlite") == [(1, "frame", {"n": 1}), (2, "hotspot", {"n": 2})]


def test_frames_are_written_in_groups_and_by_flush(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    for n in range(FLUSH_ROWS + 3):
        journal.append("frame", float(n), 0, {"n": n})
    assert len(on_disk(tmp_path / "j.sqlite")) == FLUSH_ROWS
    assert journal.pending == 3
    assert journal.flush()
    assert [row[2]["n"] for row in on_disk(tmp_path / "j.sqlite")] == list(range(FLUSH_ROWS + 3))


def test_numbers_come_back_to_the_last_bit_and_offsets_with_them(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    journal = Journal(tmp_path / "j.sqlite")
    journal.append("human", value, 2**40, {"x": [value, -0.0, 1e-308]})
    (entry,) = journal.entries("human")
    assert entry.payload["x"] == [value, -0.0, 1e-308]
    assert (entry.time_s, entry.tlog_offset) == (value, 2**40)


def test_nothing_can_be_changed_or_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.append("human", 0.0, 0, {"who": "Meier"})
    journal.close()
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        for order in ("UPDATE entries SET kind = 'x'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(order)


def test_a_second_run_goes_on_after_the_first(tmp_path: Path) -> None:
    for n in range(2):
        journal = Journal(tmp_path / "j.sqlite")
        journal.append("start", 0.0, 0, {"n": n})
        journal.close()
        journal.close()
    assert [(seq, data["n"]) for seq, _, data in on_disk(tmp_path / "j.sqlite")] == [(1, 0), (2, 1)]


def test_not_a_number_is_our_own_mistake_and_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        Journal(tmp_path / "j.sqlite").append("hotspot", 0.0, 0, {"peak_c": float("nan")})


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match=r"j\.sqlite: the journal cannot be opened"):
        Journal(tmp_path / "j.sqlite")


def test_room_is_made_by_the_oldest_frame_never_by_what_was_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_PENDING", 3)
    journal = Journal(tmp_path / "j.sqlite")
    blocker = sqlite3.connect(tmp_path / "j.sqlite", isolation_level=None, timeout=0)
    blocker.execute("BEGIN IMMEDIATE")  # a disk that refuses
    journal._db.execute("PRAGMA busy_timeout=0")
    assert not journal.append("hotspot", 0.0, 0, {"n": 0})
    for n in range(1, 5):
        assert not journal.append("frame", 0.0, 0, {"n": n})
    assert not journal.ok and journal.not_recorded == 5  # two given up, three still tried
    blocker.execute("ROLLBACK")
    assert journal.flush() and journal.ok and journal.not_recorded == 2
    assert [data["n"] for _, _, data in on_disk(tmp_path / "j.sqlite")] == [0, 3, 4]


_FILLER = """
import json, resource, signal, sys
from pathlib import Path
from api.store.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]))
space = Path(sys.argv[1]).stat().st_size + 200_000
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (space, hard))
acknowledged, refused = [], 0
for n in range(400):
    if journal.append("human", float(n), 0, {"n": n, "text": "x" * 1000}):
        acknowledged.append(n)
    else:
        refused += 1
full = {"ok": journal.ok, "not_recorded": journal.not_recorded}
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
flushed = journal.flush()
print(json.dumps({"acknowledged": acknowledged, "refused": refused, "full": full, "flushed": flushed,
                  "not_recorded": journal.not_recorded}))
journal.close()
"""


def test_a_full_disk_loses_nothing_acknowledged_counts_the_rest_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", _FILLER, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    told = json.loads(done.stdout)
    assert 0 < len(told["acknowledged"]) < 400
    assert told["refused"] == 400 - len(told["acknowledged"]) == told["full"]["not_recorded"]
    assert not told["full"]["ok"]
    # space again: everything that was kept is written, in order
    assert told["flushed"] and told["not_recorded"] == 0
    assert [data["n"] for _, _, data in on_disk(path)] == list(range(400))


_KILLED = """
import sys
from pathlib import Path
from api.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
for n in range(10_000):
    journal.append("human", float(n), 0, {"n": n})
    print(n, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    child = subprocess.Popen([sys.executable, "-c", _KILLED, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(50)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout.read().split()]
    child.wait()
    kept = [data["n"] for _, _, data in on_disk(path)]
    assert kept[: len(acknowledged)] == acknowledged
    assert [entry.payload["n"] for entry in Journal(path).entries()] == kept
