"""`fly …` on the command line, against a simulated autopilot on a real socket."""

from __future__ import annotations

import argparse
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.commands import fly as command
from api.flying.audit import highest_m
from ground_station.wire import Parser
from missions.formats import Plan, read, write
from missions.geometry.geo import Datum, GeoPoint, offset
from missions.geometry.terrain import TerrainGrid
from missions.items import Command, Frame, MissionItem, compile_items
from missions.mission import FlyTo, Mission, ReturnHome, TakeOff
from simulators.autopilot.boot import SHORT
from simulators.autopilot.core import Autopilot
from simulators.geodesy import Plane

pytestmark = pytest.mark.rehearsal

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)


class Drone(threading.Thread):
    """An autopilot that has been on for a while, three times as fast as real time, speaking to one UDP port."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.autopilot = Autopilot(
            Plane(HOME.lat_deg, HOME.lon_deg, HOME.alt_m),
            HOME.alt_m,
            seed=1,
            wind_m_s=0.0,
            utc_at_boot_s=1.77e9,
            boot=SHORT,
        )
        self.autopilot.add_link("ground")
        self.autopilot.step(20.0)
        self.heard: list[Any] = []
        self.devices: dict[str, Any] = {}
        self.running = True

    def run(self) -> None:
        parser, begin_s = Parser(), time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.bind(("127.0.0.1", 0))
            wire.settimeout(0.005)
            while self.running:
                try:
                    data = wire.recv(2048)
                    self.heard += parser.feed(data)
                    self.autopilot.receive(data, link="ground")
                except TimeoutError:
                    pass
                now_s = 20.0 + 3.0 * (time.monotonic() - begin_s)
                self.autopilot.step(now_s)
                for name, device in self.devices.items():
                    for frame in self.autopilot.take_outgoing(name):
                        device.receive(frame)
                    device.step(*((now_s,) if name == "device gimbal" else (now_s, now_s)))
                    for frame in device.take_outgoing():
                        self.autopilot.receive(frame, link=name)
                for frame in self.autopilot.take_outgoing("ground"):
                    wire.sendto(frame, ("127.0.0.1", self.port))


@pytest.fixture
def drone() -> Iterator[Drone]:
    flying = Drone()
    flying.start()
    yield flying
    flying.running = False
    flying.join(5.0)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    point = offset(HOME, 30.0, 40.0)
    way = FlyTo(GeoPoint(point.lat_deg, point.lon_deg, 30.0, Datum.HOME))
    items = compile_items(Mission("test", (TakeOff(30.0), way, ReturnHome()), HOME))
    path = tmp_path / "test.plan"
    path.write_text(write(Plan("test", items), ".plan"))
    return path


def _parse(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(dest="verb", required=True))
    return parser.parse_args(["fly", *map(str, words)])


def _fly(drone: Drone, *words: object) -> int:
    link = f"udpin:127.0.0.1:{drone.port}"
    return command.run(_parse(*words, "--link", link, "--vehicle", 1))


def test_status_says_what_is_known_and_sends_no_heartbeat(drone: Drone, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fly(drone, "status", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["action"], answer["outcome"], answer["vehicle"]["mode"]) == ("status", "done", "STABILIZE")
    assert answer["vehicle"]["lat_deg"] == pytest.approx(HOME.lat_deg, abs=1e-3)
    assert {received.sysid for received in drone.heard} == {254}
    assert "HEARTBEAT" not in {received.name for received in drone.heard}


def test_a_flight_by_single_commands(drone: Drone, plan: Path, tmp_path: Path) -> None:
    accepted = ("--reason", "practice", "--name", "Test")
    assert _fly(drone, "upload", "--plan", plan, *accepted) == 0
    back = tmp_path / "back.plan"
    assert _fly(drone, "download", "mission", "--plan", back) == 0
    assert len(read(back.read_text(), "back.plan").items) == 4
    assert _fly(drone, "start", "--plan", plan) == 1  # not armed
    assert _fly(drone, "mode", "GUIDED") == 0
    assert _fly(drone, "arm") == 0
    assert _fly(drone, "start", "--plan", plan) == 0
    assert drone.autopilot.pilot.armed and drone.autopilot.pilot.mode == 3
    assert _fly(drone, "rtl") == 0
    assert drone.autopilot.pilot.mode == 6
    assert "HEARTBEAT" not in {received.name for received in drone.heard}


def test_what_the_vehicle_refuses_ends_with_its_words(drone: Drone, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fly(drone, "mode", "RTL") == 0
    capsys.readouterr()
    assert _fly(drone, "arm") == 1
    assert 'vehicle: "Arm: RTL mode not armable"' in capsys.readouterr().err


def test_another_plan_than_the_one_on_board_is_not_started(drone: Drone, plan: Path, tmp_path: Path) -> None:
    assert _fly(drone, "upload", "--plan", plan, "--reason", "r", "--name", "n") == 0
    assert _fly(drone, "mode", "GUIDED") == 0
    other = tmp_path / "other.plan"
    items = read(plan.read_text(), "test.plan").items
    other.write_text(write(Plan("other", (*items[:2], *items[3:])), ".plan"))
    assert _fly(drone, "arm") == 0
    assert _fly(drone, "start", "--plan", other) == 1
    assert drone.autopilot.pilot.mode == 4


def test_a_plan_that_cannot_be_flown_is_not_sent(drone: Drone, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = read(plan.read_text(), "test.plan").items
    plan.write_text(write(Plan("test", (items[0], *items[2:])), ".plan"))  # without its take-off
    assert _fly(drone, "upload", "--plan", plan, "--json") == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["outcome"] == "not_flyable"
    assert "STOP" in told.err
    assert "MISSION_COUNT" not in {received.name for received in drone.heard}


def test_parameters_are_read_and_set(drone: Drone, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fly(drone, "params", "set", "rtl_alt", 2000) == 0
    assert _fly(drone, "params", "get", "RTL_ALT") == 0
    assert "RTL_ALT = 2000" in capsys.readouterr().out


def test_takeoff_needs_guided_and_arming(drone: Drone, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fly(drone, "takeoff", 10) == 1
    assert "not armed" in capsys.readouterr().err


def test_silence_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(_parse("status", "--link", "udpin:127.0.0.1:0", "--wait", 0.5)) == 1
    assert "no vehicle was heard within 0.5 s (nothing at all arrived" in capsys.readouterr().err


def test_a_port_in_use_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert command.run(_parse("status", "--link", f"udpin:127.0.0.1:{port}", "--json")) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["outcome"] == "unknown" and f"port {port}" in answer["reason"] and "serve" in answer["reason"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("upload", "--link", "udpin:h:1"), "--plan FILE is needed"),
        (("start", "--link", "udpin:h:1"), "--plan FILE is needed"),
        (("upload", "--link", "udpin:h:1", "--plan", "/no/such.plan"), "cannot be read"),
        (("mode", "--link", "udpin:h:1"), "one mode NAME"),
        (("takeoff", "high", "--link", "udpin:h:1"), "'high' is not a number"),
        (("takeoff", "5000", "--link", "udpin:h:1"), "1 to 500"),
        (("clear", "--link", "udpin:h:1"), "mission, fence, rally"),
        (("clear", "all", "--link", "udpin:h:1"), "mission, fence, rally"),
        (("params", "get", "--link", "udpin:h:1"), "get NAME"),
        (("arm", "now", "--link", "udpin:h:1"), "'now' is not understood"),
        (("arm", "--link", "log:flight.tlog"), "a recording can only be read"),
        (("goto", "51", "6", "--link", "udpin:h:1"), "LAT LON HEIGHT"),
        (("goto", "51", "600", "30", "--link", "udpin:h:1"), "longitude: 600 is not within"),
        (("look", "up", "--link", "udpin:h:1"), "`down` or `none`"),
        (("gimbal", "-95", "--link", "udpin:h:1"), "-95 is not within -90 to 90"),
        (("speed", "0", "--link", "udpin:h:1"), "not within 0.2 to 30"),
        (("logs", "get", "--link", "udpin:h:1"), "get NUMBER|last"),
        (("ftp", "get", "--link", "udpin:h:1"), "list FOLDER"),
        (("params", "load", "/no/such.param", "--link", "udpin:h:1"), "cannot be read"),
        (("evade", "up", "--link", "udpin:h:1"), "down on the spot"),
        (("signing", "--link", "udpin:h:1"), "`setup`, `off` and `status`"),
        (("gimbal", "give", "--link", "udpin:h:1"), "'give' is not a number"),
        (("camera", "shoot", "--link", "udpin:h:1"), "`photo`, `series SECONDS"),
        (("camera", "zoom", "120", "--link", "udpin:h:1"), "120 is not within 0 to 100"),
        (("camera", "series", "0", "--link", "udpin:h:1"), "0 is not within 0.1"),
        (("camera", "stream", "on", "two", "--link", "udpin:h:1"), "'two' is not a whole number"),
        (("camera", "--component", "50", "--link", "udpin:h:1"), "a camera is 100 to 105"),
        (("hold", "now", "--link", "udpin:h:1"), "'now' is not understood"),
        (("status", "--link", "udp:h:1"), "allowed are udpin"),
        (("status", "--link", "udpin:h:1", "--wait", "0"), "0.5 to 600"),
    ],
)
def test_wrong_usage_names_what_is_allowed(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        command.run(_parse(*words))


def _fence(*azimuths: float) -> tuple[MissionItem, ...]:
    corners = [offset(HOME, azimuth, 300.0) for azimuth in azimuths]
    return tuple(
        MissionItem(Command.FENCE_INCLUSION_VERTEX, Frame.GLOBAL, float(len(corners)), lat_deg=p.lat_deg,
                    lon_deg=p.lon_deg)
        for p in corners
    )  # fmt: skip


def test_a_fence_is_uploaded_shown_switched_on_and_cleared_by_itself(
    drone: Drone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fence.plan"
    file.write_text(write(Plan("fence", (), _fence(45.0, 135.0, 225.0, 315.0)), ".plan"))
    assert _fly(drone, "fence", "--plan", file, "--reason", "r", "--name", "n") == 0
    assert len(drone.autopilot.transfers.lists[1]) == 4 and "fence" in capsys.readouterr().out + "fence"
    assert _fly(drone, "fence") == 0
    assert _fly(drone, "fence", "on") == 0
    assert drone.autopilot.parameters.values["FENCE_ENABLE"] == 1.0
    assert _fly(drone, "rally", "upload", "--plan", file) == 1  # it has none, and nobody said --replace
    assert "the plan has no rally" in capsys.readouterr().err
    assert _fly(drone, "rally", "upload", "--plan", file, "--replace") == 0
    assert _fly(drone, "fence", "clear") == 0
    assert drone.autopilot.transfers.lists[1] == []


def test_a_plan_that_fails_is_replaced_by_the_old_one_on_request(drone: Drone, plan: Path, tmp_path: Path) -> None:
    accepted = ("--reason", "practice", "--name", "Test")
    assert _fly(drone, "upload", "--plan", plan, *accepted) == 0
    before = [item.z for item in drone.autopilot.transfers.lists[0]]
    items = read(plan.read_text(), "test.plan").items
    bad = tmp_path / "bad.plan"
    bad.write_text(write(Plan("bad", (*items[:3], MissionItem(31_000, 3), items[3])), ".plan"))
    assert _fly(drone, "upload", "--plan", bad, "--restore", *accepted) == 1
    assert [item.z for item in drone.autopilot.transfers.lists[0]] == before
    assert _fly(drone, "upload", "--plan", plan, "--only-changes", *accepted) == 0


def test_auto_needs_the_plan_that_is_meant(drone: Drone, plan: Path) -> None:
    with pytest.raises(ValueError, match="--plan FILE is compared"):
        _fly(drone, "mode", "AUTO")
    assert _fly(drone, "mode", "AUTO", "--plan", plan) == 1  # another one, none, is on board
    assert drone.autopilot.pilot.mode == 0


def test_goto_look_and_hold_are_checked_and_flown(
    drone: Drone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = offset(HOME, 60.0, 40.0)
    place = (f"{there.lat_deg:.7f}", f"{there.lon_deg:.7f}")
    assert _fly(drone, "goto", *place, 30) == 1
    assert "does not fly (not armed" in capsys.readouterr().err
    assert _fly(drone, "mode", "GUIDED") == 0
    assert _fly(drone, "arm") == 0
    assert _fly(drone, "takeoff", 20) == 0
    file = tmp_path / "fence.plan"
    file.write_text(write(Plan("fence", (), _fence(45.0, 135.0, 225.0, 315.0)), ".plan"))
    accepted = ("--reason", "practice", "--name", "Test")
    assert _fly(drone, "fence", "--plan", file, *accepted) == 0
    far = offset(HOME, 60.0, 600.0)
    assert _fly(drone, "goto", f"{far.lat_deg:.7f}", f"{far.lon_deg:.7f}", 30, *accepted) == 1
    assert "leaves inclusion polygon 1" in capsys.readouterr().err
    assert _fly(drone, "goto", *place, 30, *accepted) == 0
    goal = drone.autopilot.pilot.guided.goal
    assert goal is not None and math.hypot(goal[0], goal[1]) == pytest.approx(40.0, abs=3.0)
    assert _fly(drone, "look", *place, "--height", 25, "--distance", 20, *accepted) == 0
    assert drone.autopilot.pilot.gimbal_pitch_deg < -20.0
    assert _fly(drone, "look", "none") == 0
    assert _fly(drone, "evade", "rtl") == 0  # 25 m up, and RTL_ALT is 15 m
    assert drone.autopilot.pilot.mode == 6
    assert _fly(drone, "evade", "land") == 0
    assert drone.autopilot.pilot.mode == 9
    assert _fly(drone, "mode", "GUIDED") == 0
    assert _fly(drone, "speed", 4) == 0
    assert _fly(drone, "hold") == 0
    assert drone.autopilot.pilot.mode == 17


def test_parameters_go_to_a_file_and_back(drone: Drone, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.param"
    assert _fly(drone, "params", "save", file) == 0
    lines = file.read_text().splitlines()
    assert "RTL_ALT,1500" in lines and len(lines) == len(drone.autopilot.parameters.values)
    assert _fly(drone, "params", "compare", file) == 0
    file.write_text("RTL_ALT,2500\nFENCE_ENABLE,1\nSTAT_RUNTIME,99\n")
    assert _fly(drone, "params", "compare", file) == 1
    assert "RTL_ALT: 1500, in" in capsys.readouterr().out
    assert _fly(drone, "params", "load", file) == 0
    values = drone.autopilot.parameters.values
    assert (values["RTL_ALT"], values["FENCE_ENABLE"], values["STAT_RUNTIME"]) == (2500.0, 1.0, 0.0)
    file.write_text("RTL_ALT,2600\nNO_SUCH,1\n")
    assert _fly(drone, "params", "load", file) == 1
    assert "1 set, 0 were equal already, 1 not on this vehicle (NO_SUCH)" in capsys.readouterr().err
    file.write_text("RTL_ALT,26OO\n")
    with pytest.raises(ValueError, match="line 1: RTL_ALT has '26OO'"):
        _fly(drone, "params", "load", file)
    assert "HEARTBEAT" not in {received.name for received in drone.heard}


def test_a_file_on_board_is_listed_and_fetched(
    drone: Drone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drone.autopilot.ftp.disk["logs/00000003.BIN"] = b"x" * 1_000
    drone.autopilot.ftp.folders.add("logs")
    assert _fly(drone, "ftp", "list", "logs") == 0
    assert "00000003.BIN" in capsys.readouterr().out
    target = tmp_path / "three.BIN"
    assert _fly(drone, "ftp", "get", "logs/00000003.BIN", target) == 0
    assert target.read_bytes() == b"x" * 1_000
    assert _fly(drone, "ftp", "get", "logs/9.BIN", target) == 1


def test_the_checklist_stops_an_arming_until_somebody_takes_it_upon_himself(
    drone: Drone, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert _fly(drone, "mode", "GUIDED") == 0
    assert _fly(drone, "preflight", "--json") == 0
    points = {point["name"]: point for point in json.loads(capsys.readouterr().out.splitlines()[-1])["points"]}
    assert points["gnss"]["level"] == "ok" and points["mission"]["level"] == "warning"
    assert "HEARTBEAT" not in {received.name for received in drone.heard}
    assert _fly(drone, "preflight", "--plan", plan) == 1  # the plan is not on board
    assert "STOP     mission" in capsys.readouterr().out
    assert _fly(drone, "arm", "--plan", plan) == 1
    assert not drone.autopilot.pilot.armed and "1 stops (mission:" in capsys.readouterr().err
    assert _fly(drone, "arm", "--plan", plan, "--reason", "hover test", "--name", "Wolf") == 0
    assert drone.autopilot.pilot.armed
    (line,) = (tmp_path / "einsatzdrohne" / "overrides.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["name"], entry["reason"], entry["stops"][0]["name"]) == ("Wolf", "hover test", "mission")


def test_the_highest_in_the_way_is_looked_for_under_the_plan_and_its_ways_home(plan: Path) -> None:
    heights = np.full((200, 400), 33.0, np.float32)
    heights[:, 206:208] = 61.0  # a ridge 40 to 60 m east of home
    ridge = TerrainGrid(heights, "EPSG:4326", HOME.lon_deg - 200 * 1e-4, HOME.lat_deg + 100 * 1e-4, 1e-4, 1e-4)
    items = read(plan.read_text(), "test.plan").items
    west, east = offset(HOME, 270.0, 100.0), offset(HOME, 90.0, 100.0)
    over = Plan("x", (*items[:2], replace(items[2], lat_deg=east.lat_deg, lon_deg=east.lon_deg)))
    beside = Plan("x", (*items[:2], replace(items[2], lat_deg=west.lat_deg, lon_deg=west.lon_deg)))
    assert highest_m(over, HOME, ridge) == pytest.approx(28.0)
    assert highest_m(beside, HOME, ridge) == pytest.approx(0.0)
    far = offset(HOME, 0.0, 5_000.0)
    outside = Plan("x", (*items[:2], replace(items[2], lat_deg=far.lat_deg, lon_deg=far.lon_deg)))
    assert highest_m(outside, HOME, ridge) is None


def test_signing_is_set_up_used_and_switched_off(
    drone: Drone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert _fly(drone, "signing", "setup") == 0
    store = tmp_path / "einsatzdrohne" / "signing.json"
    key = json.loads(store.read_text())["key"]
    drone.heard.clear()
    assert _fly(drone, "params", "set", "RTL_ALT", 1700) == 0
    assert drone.heard and all(received.frame[2] & 1 for received in drone.heard)
    assert _fly(drone, "signing", "status") == 0
    assert _fly(drone, "signing", "off") == 0
    drone.heard.clear()
    assert _fly(drone, "params", "set", "RTL_ALT", 1800) == 0
    assert not any(received.frame[2] & 1 for received in drone.heard)
    told = capsys.readouterr()
    assert key not in told.out + told.err and json.loads(store.read_text())["vehicles"] == []
