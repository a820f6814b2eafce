"""`rehearse` takes a name or a file, and refuses what it cannot fly before it flies anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from api.commands.rehearse import _row, _sum_up
from api.rehearsal import Rehearsal
from simulators.scenario import names

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


def test_a_list_says_what_each_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "--list"]) == 0
    told = capsys.readouterr().out
    assert all(f"{name}\n  " in told for name in names()) and len(told.splitlines()) == 3 * len(names())
    assert main(["rehearse", "--list", "--json", "schlechter-funk"]) == 0
    assert json.loads(capsys.readouterr().out)["title"].startswith("Schlechter Funk")


@pytest.mark.rehearsal
def test_what_cannot_be_flown_is_said_and_does_not_keep_the_others_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = tmp_path / "voll.toml"
    text = SHIPPED.read_text(encoding="utf-8").replace("fires = 3", "fires = 60")
    full.write_text(text.replace("survey_m = [60.0, 50.0]", "survey_m = [24.0, 24.0]"), encoding="utf-8")
    assert main(["rehearse", str(full), str(full)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("scenario 'voll'") == 2 and "do not fit into its survey_m" in captured.err
    assert captured.out.count("\n") == 1, "the head of the table"


def figures(seed: int, **other: Any) -> dict[str, Any]:
    return {
        "scenario": "probe", "seed": seed, "fires": 4, "shown": 5, "found": 3, "found_within_5s": 2, "false": 1,
        "false_per_flight_hour": 12.0, "duplicates": 1, "lost_identities": 0, "error_m": {"p50": 1.234, "p95": 2.5},
        "semi_major_m": {"p50": 3.3}, "ellipse95_inside": 3, "ellipse95_of": 3, "nees": {"mean": 2.0},
        "first_look_min": 0.5, "first_confirmed_min": 0.75, "coverage": {"seen": 0.98}, "perimeter": None,
        "flight_min": 5.0,
    } | other  # fmt: skip


def test_a_row_has_every_figure_and_a_dash_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    words = _row(figures(7, error_m={"p50": None, "p95": None}, first_confirmed_min=None)).split()
    assert words[:8] == ["probe", "7", "4", "3", "2", "1", "12", "1"]
    assert "-/-" in words and "0.5/-" in words and "98%" in words
    _sum_up([figures(1), figures(2, found=4, nees={"mean": 4.0})])
    line = capsys.readouterr().out
    assert "2 seeds, recall 7/8 (88%), precision 8/10 (80%), 12.0 false an hour, 2 duplicates" in line
    assert "inside the ellipse 6/6 (100%), NEES 3.00" in line
