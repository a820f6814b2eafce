"""What is settled before a SITL vehicle starts: the program, the ports, the settings. None of it needs a binary."""

from __future__ import annotations

import itertools
import math
import os
import socket
from pathlib import Path

import pytest

from missions.geometry.geo import Datum, GeoPoint
from simulators.sitl_setup import (
    AIRFRAMES,
    COPTER,
    QUADPLANE,
    Airframe,
    Launch,
    SitlError,
    SitlPorts,
    find_binary,
    need_binary,
    parse_levers,
    reserve,
    udp_ports_of,
)

HOME = GeoPoint(51.4344, 6.7623, 33.0, Datum.SEA_LEVEL)


def test_a_named_binary_that_is_none_is_refused_with_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SitlError, match=r"nowhere.*given.*not an executable"):
        find_binary(str(tmp_path / "nowhere"))
    plain = tmp_path / "plain"
    plain.write_text("no program")
    monkeypatch.setenv("EINSATZDROHNE_SITL", str(plain))
    with pytest.raises(SitlError, match="EINSATZDROHNE_SITL"):
        find_binary()


def test_the_binary_is_taken_from_argument_then_environment_then_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [tmp_path / name / "arducopter" for name in ("given", "environment", "path")]
    for program in programs:
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    given, environment, on_path = programs
    monkeypatch.setenv("EINSATZDROHNE_SITL", str(environment))
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_binary(str(given)) == given
    assert find_binary() == environment
    monkeypatch.delenv("EINSATZDROHNE_SITL")
    assert find_binary() == on_path
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() is None


def test_an_instance_belongs_to_one_and_is_free_again_when_closed() -> None:
    ports, held = reserve(None)
    with held:
        other, other_held = reserve(None)
        other_held.close()
        assert other.instance != ports.instance
        with pytest.raises(SitlError, match=rf"{ports.ground}.*in use"):
            reserve(ports.instance)
    again, held = reserve(ports.instance)
    held.close()
    assert again == ports


def test_a_port_of_somebody_else_makes_an_instance_unfree() -> None:
    ports, held = reserve(None)
    held.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign:
        foreign.bind(("127.0.0.1", ports.truth))
        with pytest.raises(SitlError, match="in use"):
            reserve(ports.instance)


def test_home_needs_its_height_above_sea_level() -> None:
    with pytest.raises(SitlError, match=r"ground.*allowed is sea_level"):
        Launch(SitlPorts(0), GeoPoint(51.0, 6.0, 0.0, Datum.GROUND))


@pytest.mark.parametrize("speedup", [0.0, -1.0, 1e6, math.nan])
def test_speedup_is_limited(speedup: float) -> None:
    with pytest.raises(SitlError, match="speedup"):
        Launch(SitlPorts(0), HOME, speedup=speedup)


@pytest.mark.parametrize("airframe", AIRFRAMES.values(), ids=AIRFRAMES)
def test_each_airframe_has_its_own_variable_program_and_words(
    airframe: Airframe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in AIRFRAMES.values():
        monkeypatch.delenv(one.environment, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SitlError, match=rf"no {airframe.title}.*--sitl.*{airframe.environment}.*{airframe.program} on"):
        need_binary(None, airframe)
    program = tmp_path / airframe.program
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert need_binary(None, airframe) == need_binary(airframe.program, airframe) == program


def test_the_command_line_of_the_second_of_two_vehicles() -> None:
    launch = Launch(SitlPorts(11), HOME, 90.0, 4.0, 2, grounds=(14550, 14551), parameters=(Path("mine.parm"),))
    words = launch.arguments
    options = dict(itertools.pairwise(words))
    assert options["--model"] == "quad" and options["--speedup"] == "4.0" and "-I11" in words
    assert options["--home"] == "51.434400000,6.762300000,33.000,90.000"
    first, mine, last = options["--defaults"].split(",")
    assert Path(first) == COPTER.parameters and Path(mine).is_absolute() and last == "links.parm"
    urls = {n: options[f"--serial{n}"].removeprefix("udpclient:127.0.0.1:") for n in (0, 1, 2, 5, 6, 7)}
    assert urls == {0: "14550", 1: "5872", 2: "5873", 5: "5875", 6: "5876", 7: "14551"}
    assert "--wipe" not in words, "it would be forgotten over a reboot what was set"


def test_the_folder_holds_system_id_gimbal_and_a_truth_that_is_forwarded_nowhere() -> None:
    files = Launch(SitlPorts(0), HOME, sysid=3).files
    lines = files["links.parm"].splitlines()
    assert {"MAV_SYSID 3", "MNT1_TYPE 6", "SERIAL5_PROTOCOL 2", "MAV4_OPTIONS 2"} <= set(lines)
    assert not any(line.startswith("CAM1_TYPE") for line in lines), "a default of it is overwritten at first boot"
    assert files["message-intervals-chan3.txt"].splitlines() == ["30 20", "108 20"]
    bare = Launch(SitlPorts(0), HOME, gimbal_and_camera=False).files["links.parm"]
    assert "MNT1_TYPE" not in bare


@pytest.mark.parametrize("airframe", AIRFRAMES.values(), ids=AIRFRAMES)
def test_our_parameter_files_are_small_and_well_formed(airframe: Airframe) -> None:
    lines = [line for line in airframe.parameters.read_text("ascii").splitlines() if line and line[0] != "#"]
    names = [line.split()[0] for line in lines]
    assert len(set(names)) == len(names) < 40
    for line in lines:
        name, value = line.split()
        assert parse_levers([f"{name}={value}"]) == {name: float(value)}
    assert ("Q_ENABLE 1" in lines) == (airframe is QUADPLANE)


def test_three_ground_stations_are_refused() -> None:
    with pytest.raises(SitlError, match="2 ground stations, not for 3"):
        Launch(SitlPorts(0), HOME, grounds=(1, 2, 3))


def test_levers_keep_their_order_and_the_last_word_counts() -> None:
    levers = parse_levers(["SIM_WIND_SPD=8", "SIM_GPS1_ENABLE=0", "SIM_WIND_SPD=2.5"])
    assert [*levers.items()] == [("SIM_WIND_SPD", 2.5), ("SIM_GPS1_ENABLE", 0.0)]


@pytest.mark.parametrize(
    "text", ["", "SIM_WIND_SPD", "=3", "SIM_WIND_SPD=", "A=b", "A=nan", "A=inf", "sim=1", "A" * 17 + "=1"]
)
def test_a_lever_that_is_none_is_named(text: str) -> None:
    with pytest.raises(SitlError, match="wanted is NAME=VALUE"):
        parse_levers([text])


def test_the_udp_sockets_of_a_process_are_its_own_and_nobody_elses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
        assert port in udp_ports_of(os.getpid())
        assert port not in udp_ports_of(os.getppid())
    assert port not in udp_ports_of(os.getpid())
    assert udp_ports_of(2**22 + 1) == frozenset(), "no such process"
