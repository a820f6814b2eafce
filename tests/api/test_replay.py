"""An incident folder again: the same bytes, and every byte that differs is found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.commands import replay as command
from api.replay import canonical, verify
from api.situation import Situation
from api.store.incident import IncidentError, read_facts, surroundings_from_json, surroundings_to_json
from api.store.journal import JournalError
from imagery.incident import Surroundings
from imagery.observe import FrameObservation


@pytest.fixture
def folder(
    situation_of: Callable[..., Situation],
    observation: Callable[..., FrameObservation],
    surroundings: Surroundings,
) -> Path:
    """A recorded incident: two fires, gaps, refusals, forty frames."""
    situation = situation_of()
    for n in range(40):
        u = 79.5 if n % 4 else 30.25
        made = observation(n, u=u, peak_c=250.0 + n / 3, placed=n % 7 > 0, refusal="flat-field" if n == 20 else "")
        situation.replay(made, surroundings, now_s=0.1 * n)
    situation.incident.journal.flush()
    return situation.incident.folder


def rewrite(folder: Path, order: str) -> None:
    """What somebody could do to the file who wants another past."""
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.execute("DROP TRIGGER no_update")
        db.execute("DROP TRIGGER no_delete")
        db.execute(order)


def test_the_same_hotspots_byte_for_byte(folder: Path) -> None:
    result = verify(folder)
    assert (result.same, result.frames, result.hotspots, result.differences) == (True, 40, 2, ())


def test_a_coordinate_that_was_changed_is_found(folder: Path) -> None:
    rewrite(folder, "UPDATE entries SET payload = json_set(payload, '$.lat_deg', 51.4500001) WHERE kind = 'hotspot'")
    result = verify(folder)
    assert not result.same and "not the same bytes" in result.differences[0]


def test_a_frame_that_was_removed_is_found(folder: Path) -> None:
    rewrite(folder, "DELETE FROM entries WHERE seq = (SELECT min(seq) + 1 FROM entries WHERE kind = 'frame')")
    assert not verify(folder).same


def test_a_hotspot_that_nobody_saw_is_found(folder: Path) -> None:
    rewrite(folder, "UPDATE entries SET payload = json_set(payload, '$.id', 'hs-000099') WHERE kind = 'hotspot'")
    assert "not in the replay" in verify(folder).differences[0]


def test_the_bytes_do_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": "ü"}) == canonical({"a": "ü", "b": 1}) == '{"a":"ü","b":1}'


def test_surroundings_come_back_the_same(surroundings: Surroundings, tmp_path: Path) -> None:
    data = surroundings_to_json(surroundings)
    again = surroundings_from_json(json.loads(json.dumps(data)), tmp_path)
    assert surroundings_to_json(again) == data and again.profiles == surroundings.profiles


@pytest.mark.parametrize(
    "text, word",
    [
        (None, "not an incident folder"),
        ("format = 99", "format 99; this version reads 1"),
        ("format = ", "incident.toml"),
    ],
)
def test_what_is_no_incident_is_named(tmp_path: Path, text: str | None, word: str) -> None:
    if text is not None:
        (tmp_path / "incident.toml").write_text(text)
    with pytest.raises(IncidentError, match=word):
        read_facts(tmp_path)


def test_a_missing_or_damaged_journal_is_named(folder: Path) -> None:
    (folder / "journal.sqlite").write_bytes(b"x" * 5_000)
    for left_over in ("journal.sqlite-wal", "journal.sqlite-shm"):
        (folder / left_over).unlink(missing_ok=True)
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        verify(folder)
    (folder / "journal.sqlite").unlink()
    with pytest.raises(IncidentError, match="missing"):
        verify(folder)


@pytest.mark.parametrize("damage", ["'{}'", "'[1]'", "json_set(payload, '$.pose', 3)"])
def test_an_entry_that_is_none_is_a_difference_not_a_crash(folder: Path, damage: str) -> None:
    rewrite(folder, f"UPDATE entries SET payload = {damage} WHERE seq = 9")
    result = verify(folder)
    assert not result.same and result.differences[0].startswith("entry 9")


def run(*words: object) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(dest="verb"))
    return command.run(parser.parse_args(["replay", *map(str, words)]))


def test_the_verb_says_it_in_one_line_and_its_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--verify", folder) == 0
    assert capsys.readouterr().out == "40 Bilder, 2 Wärmequellen: identisch\n"
    rewrite(folder, "UPDATE entries SET payload = json_set(payload, '$.peak_c', 1.5) WHERE kind = 'hotspot'")
    assert run("--verify", "--json", folder) == 1
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["same"] is False and told["frames"] == 40 and len(told["differences"]) > 0
