"""What a run is made of: modes that cannot lie, cameras by vehicle, a config file that names its mistakes."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from api.commands import serve
from api.settings import (
    CameraSetting,
    Settings,
    SettingsError,
    camera_settings,
    data_folder,
    incident_folder,
    mode_of,
    read_profile,
    split_vehicle,
)
from api.text_files import TextError
from missions.geometry.camera import parse_profile

PROFILE = 'name="t"\nwidth=160\nheight=128\nfx=160.0\nfy=160.0\ncx=79.5\ncy=63.5\nmount="fixed"\nband="thermal"\n'


@pytest.mark.parametrize(
    "wanted, links, mode",
    [
        ("einsatz", ("udpin:0.0.0.0:14550",), "einsatz"),
        ("uebung", ("tcp:1.2.3.4:5760",), "uebung"),
        ("demo", ("udpin:127.0.0.1:0",), "demo"),
        ("einsatz", ("log:a.tlog",), "wiedergabe"),
        ("demo", ("log:a.tlog",), "wiedergabe"),
        ("einsatz", ("udpin:0.0.0.0:14550", "log:a.tlog"), "wiedergabe"),
    ],
)
def test_a_recording_is_always_wiedergabe(wanted: str, links: tuple[str, ...], mode: str) -> None:
    assert mode_of(wanted, links) == mode


@pytest.mark.parametrize("mode", ["einsatz", "uebung", "demo"])
def test_no_way_leads_to_a_recording_that_looks_live(mode: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="always wiedergabe"):
        Settings(name="x", mode=mode, links=("log:a.tlog",), cameras=(), folder=tmp_path)


@pytest.mark.parametrize("change, word", [({"port": 99_999}, "--port"), ({"replay_speed": 0.0}, "--speed")])
def test_what_cannot_be_is_named(change: dict[str, float], word: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=word):
        Settings(name="x", mode="uebung", links=(), cameras=(), folder=tmp_path, **change)  # type: ignore[arg-type]


def test_two_cameras_cannot_share_an_id(tmp_path: Path) -> None:
    camera = CameraSetting(1, "1/100", "tcp://h:1", parse_profile(PROFILE, "p"))
    with pytest.raises(SettingsError, match="needs its own"):
        Settings(name="x", mode="uebung", links=(), cameras=(camera, camera), folder=tmp_path)


@pytest.mark.parametrize(
    "text, vehicle, rest",
    [
        ("tcp://h:1", 1, "tcp://h:1"),
        ("7=tcp://h:1", 7, "tcp://h:1"),
        ("rtsp://h/x?a=1", 1, "rtsp://h/x?a=1"),
        ("255=dir:/x", 255, "dir:/x"),
    ],
)
def test_a_camera_belongs_to_a_vehicle(text: str, vehicle: int, rest: str) -> None:
    assert split_vehicle(text, "--camera") == (vehicle, rest)


@pytest.mark.parametrize("text", ["0=tcp://h:1", "256=tcp://h:1", "3="])
def test_a_system_id_outside_its_range_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="1 to 255"):
        split_vehicle(text, "--camera")


def test_cameras_take_the_profile_of_their_vehicle_and_an_id_of_their_own(tmp_path: Path) -> None:
    profiles = []
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.toml"
        path.write_text(PROFILE.replace('"t"', f'"{name}"'))
        profiles.append(path)
    a, b, c = profiles
    found = camera_settings(["tcp://h:1", "2=tcp://h:2", "tcp://h:3"], [str(a), f"1={b}", f"2={c}"])
    assert [(camera.camera, camera.profile.name) for camera in found] == [
        ("1/100", "a"),
        ("2/100", "c"),
        ("1/101", "b"),
    ]
    with pytest.raises(SettingsError, match="--camera-profile for vehicle 3"):
        camera_settings(["3=tcp://h:1"], [str(a)])


def test_incidents_live_in_the_users_data_directory_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert data_folder(None) == Path("/somewhere/einsatzdrohne")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/elsewhere")
    assert data_folder(None) == Path("/elsewhere/.local/share/einsatzdrohne")
    assert data_folder("/there") == Path("/there")


def test_a_name_is_made_safe_for_every_file_system() -> None:
    folder = incident_folder(Path("/d"), "../Brand: Halle 7/Süd", "20260314-210000")
    assert folder == Path("/d/incidents/20260314-210000-Brand-Halle-7-Süd")
    with pytest.raises(SettingsError, match="at least one letter"):
        incident_folder(Path("/d"), "../..", "20260314-210000")


def _settings(*words: object) -> Settings:
    parser = argparse.ArgumentParser()
    serve.register(parser.add_subparsers(dest="verb"))
    return serve.settings_of(parser.parse_args(["serve", *map(str, words)]))


def test_the_command_line_goes_before_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('incident = "Übung Nord"\nclass = "uebung"\nlink = ["udpin:127.0.0.1:14550"]\nport = 9000\n')
    settings = _settings("--config", config, "--port", 9001, "--data", tmp_path)
    assert (settings.name, settings.mode, settings.port) == ("Übung Nord", "uebung", 9001)
    assert settings.links == ("udpin:127.0.0.1:14550",) and settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    "text, word",
    [
        ('ports = 1\nincident="x"', "'ports' is unknown; allowed are"),
        ('port = "8080"', "port = '8080' is no whole number"),
        ("port = true", "is no whole number"),
        ('link = "udpin:a:1"', "is no list of texts"),
        ("link = [1]", "is no list of texts"),
        ("incident =", "c.toml"),
    ],
)
def test_a_config_file_names_its_mistakes(text: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(SettingsError, match=word):
        _settings("--config", tmp_path / "c.toml", "--incident", "x", "--link", "udpin:127.0.0.1:1")


def test_without_a_name_or_a_link_it_says_so() -> None:
    with pytest.raises(SettingsError, match="--link is needed"):
        _settings("--incident", "x")
    with pytest.raises(SettingsError, match="--incident is needed"):
        _settings("--link", "udpin:127.0.0.1:1")


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "camera.toml").write_bytes(b"width = 640\n\xff")
    with pytest.raises(TextError, match=r"camera\.toml: line 2 is no text; allowed is UTF-8"):
        read_profile(tmp_path / "camera.toml")
