"""`rehearse` takes a name or a file, and refuses what it cannot fly before it flies anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.cli import main
from api.rehearsal import Rehearsal

SHIPPED = Path(__file__).resolve().parents[3] / "simulators" / "scenarios" / "uebungsplatz.toml"


def test_a_bad_file_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "brand.toml"
    file.write_text(SHIPPED.read_text(encoding="utf-8").replace("halls = 0", "halls = 99"), encoding="utf-8")
    assert main(["rehearse", str(file)]) == 2
    captured = capsys.readouterr()
    assert "scenario 'brand': halls must be a number" in captured.err and "(line 8)" in captured.err
    assert captured.out == "" and captured.err.count("\n") == 1
    assert main(["rehearse", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err


def test_an_unknown_name_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "uebungsplatz", "atlantis"]) == 2
    assert "'atlantis' is unknown; allowed are dachstuhl, " in capsys.readouterr().err


def test_a_file_is_the_same_world_as_the_shipped_name_and_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "probe.toml"
    file.write_bytes(SHIPPED.read_bytes())
    mine, shipped = Rehearsal(str(file), 3).world.scene, Rehearsal("uebungsplatz", 3).world.scene
    assert mine.scenario.name == "probe" and mine.fires == shipped.fires
