"""`simulate` refuses what it cannot use in one line, and says where its drones are."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from api.cli import main


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["atlantis"], "'atlantis' is unknown; allowed are dachstuhl, gefahrstoff"),
        (["uebungsplatz", "--mavlink", "udpin:127.0.0.1:14550"], "allowed is udpout:127.0.0.1:PORT"),
        (["uebungsplatz", "--mavlink", "udpout:192.0.2.1:14550"], "allowed is udpout:127.0.0.1:PORT"),
        (["uebungsplatz", "--mavlink", "udpout:127.0.0.1:0"], "a port from 1 to 65535"),
        (["uebungsplatz", "--video", "tcp://0.0.0.0:5600"], "allowed is tcp://127.0.0.1:PORT"),
        (["uebungsplatz", "--video", "tcp://127.0.0.1:65536"], "a port from 0 to 65535"),
        (["uebungsplatz", "--vehicles", "0"], "--vehicles 0: allowed are 1 to 8"),
        (["uebungsplatz", "--speedup", "nan"], "--speedup nan: allowed are 0.1 to 20"),
        (["uebungsplatz", "--channel", "loss=1"], "loss must be a number between 0 and 0.95"),
        (["uebungsplatz", "--seed", "-1"], "--seed -1: allowed are 0 to"),
    ],
)
def test_bad_input_is_named_with_what_is_allowed(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *words]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1


def test_a_broken_scenario_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "brand.toml"
    file.write_text("fires = 3\n", encoding="utf-8")
    assert main(["simulate", str(file)]) == 2
    assert "scenario 'brand': title is missing" in capsys.readouterr().err
    assert main(["simulate", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.flight
def test_every_vehicle_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["simulate", "uebungsplatz", "--vehicles", "2", "--mavlink", "udpout:127.0.0.1:9", "--seconds", "0"]) == 0
    )
    drones = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [drone["vehicle"] for drone in drones] == [1, 2]
    assert len({drone["video"] for drone in drones}) == len({drone["uid"] for drone in drones}) == 2


@pytest.mark.flight
def test_a_bad_radio_stands_between_vehicle_and_ground(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ground:
        ground.bind(("127.0.0.1", 0))
        ground.settimeout(0.0)
        url = f"udpout:127.0.0.1:{ground.getsockname()[1]}"
        words = ["simulate", "uebungsplatz", "--mavlink", url, "--seconds", "2"]
        assert main([*words, "--channel", "down:cuts_s=0-600"]) == 0
        with pytest.raises(BlockingIOError):
            ground.recv(999)
        assert main([*words, "--channel", "down:delay_s=0.1"]) == 0
        assert ground.recv(999)
    assert len(capsys.readouterr().out.splitlines()) == 2
