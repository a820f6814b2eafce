"""The key on the disk: its owner's alone, whole or not there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from api.signing_store import NAME, KeyFileError, load, new_key, save


def test_what_was_saved_is_loaded_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    signing = new_key()
    signing.vehicles, signing.timestamp = frozenset({1, 7}), 123_456
    save(tmp_path / "new", signing)
    path = tmp_path / "new" / NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(list(path.parent.iterdir())) == 1
    back = load(tmp_path / "new")
    assert back is not None and (back.key, back.vehicles, back.timestamp) == (signing.key, {1, 7}, 123_456)
    assert new_key().key != new_key().key


def test_a_key_that_others_can_read_or_that_is_damaged_is_refused_without_showing_it(tmp_path: Path) -> None:
    signing = new_key()
    save(tmp_path, signing)
    path = tmp_path / NAME
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="can be read by others") as told:
        load(tmp_path)
    assert signing.key.hex() not in str(told.value)
    path.chmod(0o600)
    path.write_text(path.read_text()[:50])
    with pytest.raises(KeyFileError, match="is damaged"):
        load(tmp_path)
