"""`doctor` names what is missing and what to do about it."""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from api.commands import doctor


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    doctor.register(parser.add_subparsers(dest="verb"))
    return doctor.run(parser.parse_args(["doctor", *map(str, words)]))


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_every_finding_that_is_not_ok_has_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--json", "--data", tmp_path)
    findings = found(capsys)
    assert {"Python", "video codecs", "geoid grid", "page", "disk", "clock", "port 8080", "port 14550"} == set(findings)
    assert all(finding["remedy"] for finding in findings.values() if finding["level"] != "ok")
    assert findings["video codecs"]["level"] == "ok"


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run("--data", tmp_path / "file") == 1
    assert "ERROR    disk: " in capsys.readouterr().out


def test_a_port_in_use_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        finding = doctor._port(socket.SOCK_DGRAM, port, "MAVLink")()
    assert finding.level == "warning" and finding.remedy


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken() -> doctor.Finding:
        raise ImportError("libxcb.so.1 is missing")

    monkeypatch.setattr(doctor, "_codec", broken)
    findings = {finding.name: finding for finding in doctor.examine(tmp_path)}
    assert findings["ImportError"].level == "error" and "libxcb" in findings["ImportError"].text
    assert "clock" in findings


def test_an_untransformed_height_is_no_geoid() -> None:
    finding = doctor._geoid()
    assert finding.level == "ok" or "EGM96 is missing" in finding.text
