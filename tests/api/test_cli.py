"""The command line: verbs that are found, exit codes that mean something, one line instead of a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from api import cli

ROOT = Path(__file__).resolve().parents[2]
AGREED = {
    *("demo", "simulate", "serve", "fly", "plan", "see", "detect", "locate", "radiometry", "rehearse", "replay"),
    *("export", "maps", "users", "doctor", "sitl", "channel"),
}


def run(*words: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def verbs() -> set[str]:
    actions = [action for action in cli.build_parser()._actions if action.dest == "verb"]
    return set(actions[0].choices or ())


def test_every_agreed_verb_is_there_or_named_as_not_yet() -> None:
    assert verbs() == AGREED
    assert set(cli.LATER) <= AGREED


def test_a_verb_that_is_not_there_yet_says_so() -> None:
    missing = [verb for verb in cli.LATER if verb not in cli._present()]
    for verb in missing:
        assert cli.main([verb, "anything", "--at", "all"]) == 1
    assert "radiometry" in missing or "radiometry" in cli._present()


@pytest.mark.parametrize("words", [["nope"], ["serve", "--port", "many"], ["rehearse", "--no-such-thing"]])
def test_wrong_usage_is_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2


def test_without_a_verb_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "rehearse" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip()[0].isdigit()


@pytest.mark.parametrize("verb", ["serve", "demo", "rehearse", "replay", "doctor"])
def test_parsing_loads_none_of_the_heavy_libraries(verb: str) -> None:
    heavy = {"cv2", "av", "fastapi", "numpy", "rasterio", "pymavlink"}
    code = f"import sys; from api import cli; cli.build_parser({verb!r}); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "words, code, says",
    [
        (["serve", "--incident", "x", "--link", "smoke:signal"], 2, "allowed are udpin:HOST:PORT"),
        (["serve", "--incident", "x", "--link", "udpin:127.0.0.1:99999"], 2, "99999"),
        (["serve", "--incident", "x", "--link", "log:/no/such.tlog"], 2, "/no/such.tlog"),
        (["serve", "--incident", "...", "--link", "udpin:127.0.0.1:0"], 2, "at least one letter"),
        (["serve", "--incident", "x", "--link", "udpin:127.0.0.1:0", "--port", "70000"], 2, "--port 70000"),
        (["serve", "--incident", "x", "--link", "udpin:127.0.0.1:0", "--terrain", "/no/t.tif"], 2, "/no/t.tif"),
        (["serve", "--incident", "x", "--link", "udpin:127.0.0.1:0", "--camera", "tcp://h:1"], 2, "--camera-profile"),
        (["serve", "--incident", "x", "--link", "udpin:127.0.0.1:0", "--config", "/no/c.toml"], 1, "/no/c.toml"),
        (["demo", "--scenario", "atlantis"], 2, "atlantis"),
        (["demo", "--speedup", "1000"], 2, "--speedup"),
        (["rehearse", "atlantis"], 2, "atlantis"),
        (["rehearse", "no/such.toml"], 1, "no/such.toml"),
        (["rehearse", "pyproject.toml"], 2, "scenario 'pyproject': unknown key"),
        (["rehearse", "--seeds", "0"], 2, "--seeds"),
        (["replay", "/no/such/folder"], 2, "not an incident folder"),
        (["replay", "--verify", "/no/such/folder"], 2, "not an incident folder"),
    ],
)
def test_bad_input_is_one_line_that_says_what_and_what_is_allowed(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if words[0] in ("serve", "demo", "replay") and "--verify" not in words:
        words = [*words, "--data", str(tmp_path)]
    assert cli.main(words) == code
    told = capsys.readouterr().err
    assert told.startswith(f"einsatzdrohne {words[0]}: ") and says in told
    assert told.count("\n") == 1 and "Traceback" not in told


def test_our_own_mistake_is_one_line_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import api.commands.doctor as doctor

    def mistake(args: object) -> int:
        raise KeyError("lost")

    monkeypatch.setattr(doctor, "run", mistake)
    assert cli.main(["doctor"]) == 1
    told = capsys.readouterr().err
    assert "internal mistake KeyError('lost')" in told and told.count("\n") == 1
    monkeypatch.setenv("EINSATZDROHNE_DEBUG", "1")
    with pytest.raises(KeyError):
        cli.main(["doctor"])


def test_the_module_runs_as_a_program() -> None:
    code, _, err = run("users", "list")
    assert (code, err) == (1, "einsatzdrohne users: not in this release yet\n")
